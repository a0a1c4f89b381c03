/* SPDX-License-Identifier: MIT */
/*
 * Does who sent a request still wait for the reply? A checksum or a sheet of a large volume takes
 * its time, and nobody may be left to want it.
 *
 * The kernel's word of an interruption will not do. It comes for any signal, and a read of a file
 * is nothing that a timer or a resized window ends (signal(7)): most programs take -EINTR of one
 * for a broken disk. It does not come for what the kernel reads ahead. And it waits for a thread
 * that has time to hear it. So this looks for itself, now and then, in proc_pid_status(5): a thread
 * is being killed that has a signal pending that is fatal and neither blocked nor handled: mostly
 * SIGKILL, which other fatal ones become, but for those that dump core.
 *
 * Reads that are under way while their thread does something else (aio(7), io_uring) outlive it:
 * where it is known what process it was of, that one counts.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "fuse/ops.h"

#define LOOK_NS (100 * NS_PER_MS)
#define STATUS_BYTES 16384u
#define BIT(signal) (UINT64_C(1) << ((signal)-1))
/* What does not end a process where nothing is said of it. */
#define HARMLESS                                                                                   \
	(BIT(SIGCHLD) | BIT(SIGCONT) | BIT(SIGURG) | BIT(SIGWINCH) | BIT(SIGSTOP) | BIT(SIGTSTP) | \
		BIT(SIGTTIN) | BIT(SIGTTOU))

/* The text behind `name`, a line's first word; NULL: there is none. */
static const char *field_of(const char *status, const char *name)
{
	const char *at = strstr(status, name);

	return at ? at + strlen(name) : NULL;
}

static uint64_t signals_of(const char *status, const char *name)
{
	const char *at = field_of(status, name);

	return at ? strtoull(at, NULL, 16) : 0;
}

static bool is_dying(const char *status)
{
	uint64_t own = signals_of(status, "\nSigPnd:"), shared = signals_of(status, "\nShdPnd:");
	uint64_t dealt_with = signals_of(status, "\nSigBlk:") | signals_of(status, "\nSigIgn:") |
		signals_of(status, "\nSigCgt:") | HARMLESS;

	return (own | shared) & ~dealt_with;
}

/* A leader that has ended stays as long as its threads are there. */
static bool has_ended(const char *status)
{
	const char *state = field_of(status, "\nState:\t"), *n = field_of(status, "\nThreads:");

	return state && (*state == 'Z' || *state == 'X') && (!n || strtol(n, NULL, 10) <= 1);
}

/* Is the /proc that is mounted the one of our numbers? */
static bool is_our_proc(void)
{
	char self[32];
	ssize_t n = readlink("/proc/self", self, sizeof self - 1);

	self[n > 0 ? n : 0] = '\0';
	return strtol(self, NULL, 10) == getpid();
}

enum life { ALIVE, DYING, ENDED };

/* Of a thread, and the process that it is of, where that is seen. Only who is seen to have gone
 * has: /proc may be hidden from us. */
static enum life life_of(int tid, int *process)
{
	char path[32], status[STATUS_BYTES];
	const char *group;
	ssize_t n;
	int fd;

	if (kill(tid, 0) < 0 && errno == ESRCH)
		return ENDED;
	snprintf(path, sizeof path, "/proc/%d/status", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return ALIVE;
	n = read(fd, status, sizeof status - 1);
	close(fd);
	status[n > 0 ? n : 0] = '\0';
	group = field_of(status, "\nTgid:");
	if (group)
		*process = (int)strtol(group, NULL, 10);
	return has_ended(status) ? ENDED : is_dying(status) ? DYING : ALIVE;
}

static bool has_gone(struct asker *a)
{
	enum life life;

	if (a->tid <= 0 || !is_our_proc())
		return false;
	life = life_of(a->tid, &a->process);
	if (life == ENDED && a->process > 0 && a->process != a->tid)
		life = life_of(a->process, &a->process);
	return life != ALIVE;
}

static bool shall_end(struct stop *s)
{
	struct asker *a = (struct asker *)s;
	int64_t now;

	if (a->gone)
		return true;
	now = clock_ns(CLOCK_MONOTONIC_COARSE);
	if (now < a->next_ns)
		return false;
	a->gone = has_gone(a);
	a->next_ns = now + LOOK_NS;
	return a->gone;
}

void asker_init(struct asker *a, fuse_req_t req)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);

	*a = (struct asker){ .stop = { shall_end },
		.tid = ctx ? ctx->pid : 0,
		.next_ns = clock_ns(CLOCK_MONOTONIC_COARSE) + LOOK_NS };
}
