/* SPDX-License-Identifier: MIT */
/*
 * The service: threads that take a request and answer it, until a signal or the kernel ends it.
 *
 * libfuse's own loops lose a request that is taken just as they are told to end: who asked waits for
 * ever, and with it the refresher, which tells the kernel of that folder. So its end is not told to
 * libfuse: a signal that does nothing ends a read that waits, and each thread answers what it has.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "fuse/ops.h"

#define WAKE_SIGNAL SIGUSR1
#define WAKE_MS 10 /* how often, as it may come before the read */

/* The signal that ends the service; 0: none has come. */
static volatile sig_atomic_t ended_by;

struct service {
	struct fuse_session *fuse;
	int ended_fd; /* eventfd: a thread has ended */
	_Atomic bool stop;
	_Atomic unsigned n_ended;
	_Atomic int error; /* the first one's, or 0 */
	unsigned n;
	pthread_t threads[SERVE_MOST_THREADS];
};

/* ---- signals ---- */

static void end(int signal)
{
	ended_by = signal;
}

static void nothing(int signal)
{
	(void)signal;
}

/* What who started us has ignored stays so: a shell does that to SIGINT of what it puts aside. */
static int take(int signal, void (*handler)(int))
{
	const struct sigaction action = { .sa_handler = handler };
	struct sigaction before;

	if (sigaction(signal, NULL, &before) < 0)
		return -1;
	return before.sa_handler == SIG_IGN ? 0 : sigaction(signal, &action, NULL);
}

/* SIGHUP is the refresher's while there is one; what comes before or after ends nothing. */
int serve_take_signals(struct err *err)
{
	const struct sigaction wakes = { .sa_handler = nothing },
			       ignored = { .sa_handler = SIG_IGN };

	ended_by = 0;
	if (take(SIGTERM, end) < 0 || take(SIGINT, end) < 0 ||
		sigaction(WAKE_SIGNAL, &wakes, NULL) < 0 || sigaction(SIGHUP, &wakes, NULL) < 0 ||
		sigaction(SIGPIPE, &ignored, NULL) < 0)
		return err_errno(err, "signal handlers");
	return 0;
}

/* ---- threads ---- */

static void *serve(void *arg)
{
	struct service *v = arg;
	struct fuse_buf buf = { .mem = NULL };
	uint64_t one = 1;
	int r = 1, none = 0;

	while ((r > 0 || r == -EINTR || r == -EAGAIN) && !atomic_load(&v->stop)) {
		r = fuse_session_receive_buf(v->fuse, &buf);
		if (r > 0)
			fuse_session_process_buf(v->fuse, &buf);
	}
	free(buf.mem);
	if (r < 0 && r != -EINTR && r != -EAGAIN)
		atomic_compare_exchange_strong(&v->error, &none, r);
	atomic_fetch_add(&v->n_ended, 1);
	if (write(v->ended_fd, &one, sizeof one) < 0)
		abort(); /* a counter that nobody else has, and that cannot be full */
	return NULL;
}

bool serve_has_ended(void)
{
	return ended_by != 0;
}

/* Of the signals, theirs is the one that wakes them. */
static void start(struct service *v, unsigned n)
{
	sigset_t theirs, before;

	sigfillset(&theirs);
	sigdelset(&theirs, WAKE_SIGNAL);
	pthread_sigmask(SIG_SETMASK, &theirs, &before);
	while (v->n < n && v->n < SERVE_MOST_THREADS &&
		pthread_create(&v->threads[v->n], NULL, serve, v) == 0)
		v->n++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* A signal that comes before the wait ends that too. */
static void wait_for_end(struct service *v)
{
	struct pollfd fd = { .fd = v->ended_fd, .events = POLLIN };
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (!ended_by && atomic_load(&v->n_ended) == 0)
		(void)ppoll(&fd, 1, NULL, &before);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void stop(struct service *v)
{
	const struct timespec pause = { .tv_nsec = WAKE_MS * 1000000L };
	unsigned i;

	atomic_store(&v->stop, true);
	while (atomic_load(&v->n_ended) < v->n) {
		for (i = 0; i < v->n; i++)
			pthread_kill(v->threads[i], WAKE_SIGNAL);
		nanosleep(&pause, NULL);
	}
	for (i = 0; i < v->n; i++)
		pthread_join(v->threads[i], NULL);
}

int serve_all(struct session *s, unsigned n_threads)
{
	struct service v = { .fuse = s->fuse, .ended_fd = eventfd(0, EFD_CLOEXEC) };
	int r = -EMFILE;

	if (v.ended_fd < 0)
		return r;
	start(&v, n_threads);
	if (v.n > 0) {
		wait_for_end(&v);
		stop(&v);
		r = ended_by ? 0 : atomic_load(&v.error);
	}
	close(v.ended_fd);
	return r;
}
