/* SPDX-License-Identifier: MIT */
/*
 * The thread that keeps a mount fresh: it looks at the source again when that is said to have
 * changed, on SIGHUP, and every so many seconds, moves the tree on, and tells the kernel what it
 * must not remember; outside of any request and with no lock held, as the kernel demands. It also
 * gives back memory at rest. Where nothing is to be done, it sleeps.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "fuse/ops.h"
#include "vfs/vfs.h"

#define TRIM_MS 2000
#define RETRY_MS 1000
#define RETRY_MOST_MS 300000
/* Where nobody tells of changes: a look at everything so often, and a twentieth of the time at
 * most. */
#define BLIND_MS 5000
#define BLIND_PART 20
/* A first scan leaves the processors so long to who has mounted it and looks whether it is there;
 * who waits for it is not kept waiting. */
#define FIRST_MS 300

struct refresher {
	struct session *s;
	pthread_t thread;
	int wake_fd, signal_fd;
	_Atomic bool stop, ended;
	_Atomic bool hurries; /* somebody waits for the first look */
	bool stirred;         /* look once more after the next TRIM_MS */
	bool trimmed;         /* there was something to give back at the last look */
	bool watches;         /* it was told to begin to */
	int watch_fd;         /* or -1 */
	int64_t next;         /* when to look where something has happened, ms; -1: when it does */
	int64_t next_all;     /* when to look at all of the source; -1: when it is asked for */
	int64_t look_ms, looked_at; /* what the last look took, and when it ended, ms */
	int64_t retry_ms; /* what failed is tried again after so long; 0: nothing failed */
	bool unshown;     /* there is a snapshot that vfs_refresh() did not show */
	sigset_t before;  /* the signal mask to go back to */
};

static int64_t now_ms(void)
{
	return clock_ns(CLOCK_MONOTONIC) / NS_PER_MS;
}

struct teller {
	struct session *s;
	uint64_t dir; /* the one that was told of last: it has moved, so once is enough */
};

static void tell_kernel(void *arg, uint64_t dir, const char *name)
{
	struct teller *t = arg;

	if (t->dir != dir)
		ops_settle(t->s);
	t->dir = dir;
	if (name)
		fuse_lowlevel_notify_inval_entry(t->s->fuse, dir, name, strlen(name));
	else
		fuse_lowlevel_notify_inval_inode(t->s->fuse, dir, 0, 0);
}

/* Not before that: looking takes its time, of which it gets a fifth. */
static int64_t rested(const struct refresher *f, int64_t at_ms)
{
	int64_t least = f->looked_at + 4 * f->look_ms;

	return at_ms > least ? at_ms : least;
}

/* When to look once something has happened: files come in crowds. */
static int64_t time_to_look(const struct refresher *f)
{
	return rested(f, now_ms() + 100);
}

static void plan(int64_t *next, int64_t at_ms)
{
	if (*next < 0 || *next > at_ms)
		*next = at_ms;
}

static bool is_due(int64_t next)
{
	return next >= 0 && now_ms() >= next;
}

static void plan_poll(struct refresher *f)
{
	const struct session_source *source = &f->s->o.source;
	int64_t every = (int64_t)f->s->o.refresh_seconds * 1000;

	if (!every && source->is_blind(source->arg))
		every = BLIND_PART * f->look_ms > BLIND_MS ? BLIND_PART * f->look_ms : BLIND_MS;
	if (every)
		plan(&f->next_all, now_ms() + every);
}

/* Nobody may ever tell of it again. What fails again and again is tried ever more rarely, and told
 * once. */
static int64_t retry_after(struct refresher *f, const struct err *err)
{
	if (f->retry_ms == 0)
		log_warn("refresh: %s", err->msg);
	else
		log_info("refresh: %s", err->msg);
	f->retry_ms = f->retry_ms == 0 ? RETRY_MS : 2 * f->retry_ms;
	if (f->retry_ms > RETRY_MOST_MS)
		f->retry_ms = RETRY_MOST_MS;
	return f->retry_ms;
}

/* What the source waits for by itself, and whoever has used the tree may have made it wait for. What
 * failed is tried again when that is due. */
static void plan_waits(struct refresher *f)
{
	const struct session_source *source = &f->s->o.source;
	int64_t waits = f->retry_ms == 0 ? source->waits_ms(source->arg) : -1;

	if (waits >= 0)
		plan(&f->next, rested(f, now_ms() + waits));
}

static void start_watching(struct refresher *f)
{
	const struct session_source *source = &f->s->o.source;
	bool changed = false;

	f->watches = true;
	f->watch_fd = source->watch(source->arg, &changed);
	if (changed)
		plan(&f->next_all, now_ms());
	plan_poll(f);
}

/* The first one of a source that nobody has looked at yet makes what requests wait for. */
static void refresh(struct refresher *f)
{
	struct session *s = f->s;
	struct teller teller = { s, 0 };
	bool everything = is_due(f->next_all), changed = false, again = false;
	int64_t start = now_ms(), retry_ms = -1;
	struct err err;
	int r;

	waiting_expect(s);
	r = s->o.source.rescan(s->o.source.arg, everything, &changed, &again, &err);
	f->unshown |= changed;
	if (r == 0 && f->unshown)
		r = vfs_refresh(s->o.vfs, tell_kernel, &teller, &err);
	if (r == 0) {
		f->unshown = false;
		f->retry_ms = 0;
	} else if (!atomic_load(&f->stop)) {
		retry_ms = retry_after(f, &err);
	}
	waiting_settle(s, r < 0 ? -EIO : 0);
	f->looked_at = now_ms();
	f->look_ms = f->looked_at - start;
	f->next = -1;
	if (everything)
		f->next_all = -1;
	plan_poll(f);
	if (retry_ms >= 0)
		plan(&f->next, rested(f, f->looked_at + retry_ms));
	else if (again)
		plan(&f->next, rested(f, f->looked_at));
	if (r == 0 && !f->watches && !atomic_load(&f->stop))
		start_watching(f);
}

/* How long to sleep: to the next look at the source, or to the next trim where there is something
 * to give back; -1: until something comes. */
static int sleep_ms(const struct refresher *f, bool trim)
{
	int64_t next = f->next, left;

	if (f->next_all >= 0)
		plan(&next, f->next_all);
	left = next < 0 ? -1 : next - now_ms();
	if (next >= 0 && left < 0)
		left = 0;
	if (trim && (left < 0 || left > TRIM_MS))
		left = TRIM_MS;
	return (int)left;
}

static void wake(struct refresher *f)
{
	uint64_t one = 1;

	if (write(f->wake_fd, &one, sizeof one) < 0)
		log_error("the refresher cannot be woken: %s", strerror(errno));
}

void refresher_stir(struct session *s)
{
	if (atomic_load_explicit(&s->resting, memory_order_relaxed) &&
		atomic_exchange(&s->resting, false))
		wake(s->refresher);
}

void refresher_hurry(struct session *s)
{
	if (!atomic_exchange(&s->refresher->hurries, true))
		wake(s->refresher);
}

static bool take_hangup(struct refresher *f)
{
	struct signalfd_siginfo info;

	return read(f->signal_fd, &info, sizeof info) == sizeof info;
}

/* Sleep until there is something to do. Nobody wakes a daemon that nobody uses. */
static void rest(struct refresher *f)
{
	const struct session_source *source = &f->s->o.source;
	struct pollfd fds[4] = { { .fd = f->wake_fd, .events = POLLIN },
		{ .fd = f->signal_fd, .events = POLLIN }, { .fd = f->watch_fd, .events = POLLIN },
		{ .fd = source->found_fd, .events = POLLIN } };
	bool trim = vfs_trim(f->s->o.vfs) || f->stirred;
	uint64_t n;

	if (f->trimmed && !trim)
		malloc_trim(0);
	f->trimmed = trim;
	atomic_store(&f->s->resting, !trim);
	plan_waits(f); /* who comes later wakes us */
	poll(fds, 4, sleep_ms(f, trim));
	atomic_store(&f->s->resting, false);
	f->stirred = fds[0].revents && read(f->wake_fd, &n, sizeof n) == sizeof n;
	if (f->looked_at == 0 && atomic_load(&f->hurries))
		plan(&f->next_all, now_ms());
	if (fds[1].revents && take_hangup(f))
		plan(&f->next_all, now_ms());
	if ((fds[2].revents || fds[3].revents) && source->drain(source->arg))
		plan(&f->next, time_to_look(f));
}

static void *run(void *arg)
{
	struct refresher *f = arg;

	if (f->s->o.source.unscanned)
		plan(&f->next_all, now_ms() + FIRST_MS);
	else
		start_watching(f);
	while (!atomic_load(&f->stop)) {
		rest(f);
		if (!atomic_load(&f->stop) && (is_due(f->next) || is_due(f->next_all)))
			refresh(f);
	}
	atomic_store(&f->ended, true);
	return NULL;
}

static void close_fds(struct refresher *f)
{
	if (f->wake_fd >= 0)
		close(f->wake_fd);
	if (f->signal_fd >= 0)
		close(f->signal_fd);
}

/* All signals are for the main thread, but SIGHUP, which comes as bytes of a descriptor. */
int refresher_start(struct session *s, struct err *err)
{
	struct refresher *f = mem_calloc(1, sizeof *f);
	sigset_t hup, all;
	int r;

	if (!f)
		return err_nomem(err);
	f->s = s;
	f->watch_fd = -1;
	f->next = f->next_all = -1;
	sigemptyset(&hup);
	sigaddset(&hup, SIGHUP);
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &hup, &f->before);
	f->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	f->signal_fd = signalfd(-1, &hup, SFD_CLOEXEC | SFD_NONBLOCK);
	pthread_sigmask(SIG_SETMASK, &all, &hup);
	s->refresher = f;
	r = f->wake_fd < 0 || f->signal_fd < 0 ? errno : pthread_create(&f->thread, NULL, run, f);
	pthread_sigmask(SIG_SETMASK, &hup, NULL);
	if (r != 0) {
		pthread_sigmask(SIG_SETMASK, &f->before, NULL);
		close_fds(f);
		mem_free(f);
		s->refresher = NULL;
		return err_set(err, -EIO, "no thread to refresh: %s", strerror(r));
	}
	return 0;
}

void refresher_ask_to_stop(struct session *s)
{
	atomic_store(&s->refresher->stop, true);
	s->o.source.stop(s->o.source.arg);
	wake(s->refresher);
}

bool refresher_has_ended(const struct session *s)
{
	return atomic_load(&s->refresher->ended);
}

void refresher_join(struct session *s)
{
	struct refresher *f = s->refresher;

	pthread_join(f->thread, NULL);
	pthread_sigmask(SIG_SETMASK, &f->before, NULL);
	close_fds(f);
	mem_free(f);
	s->refresher = NULL;
}
