/* SPDX-License-Identifier: MIT */
/*
 * Does who sent a request still wait for the reply? A checksum or a sheet of a large volume takes
 * its time, and nobody may be left to want it.
 *
 * The kernel's word of an interruption will not do. It comes for any signal, and a read of a file
 * is nothing that a timer or a resized window ends (signal(7)): most programs take -EINTR of one
 * for a broken disk. It does not come for what the kernel reads ahead. And it waits for a thread
 * that has time to hear it. So this looks for itself, now and then: a thread that is being killed
 * has SIGKILL pending, whatever the fatal signal was (proc_pid_status(5)).
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "fuse/ops.h"

#define LOOK_NS (100 * NS_PER_MS)
#define SIGKILL_BIT (1ull << (SIGKILL - 1))

/* The text behind `name` in /proc/TID/status; NULL: there is none. */
static const char *field_of(const char *status, const char *name)
{
	const char *at = strstr(status, name);

	return at ? at + strlen(name) : NULL;
}

static bool is_dying(const char *status)
{
	const char *state = field_of(status, "\nState:\t"), *own = field_of(status, "\nSigPnd:\t");

	if (state && (*state == 'Z' || *state == 'X'))
		return true;
	return own && (strtoull(own, NULL, 16) & SIGKILL_BIT);
}

/* Only who is seen to have gone has: /proc may be hidden from us. */
static bool has_gone(int tid)
{
	char path[32], status[4096];
	ssize_t n;
	int fd;

	if (tid <= 0)
		return false;
	if (kill(tid, 0) < 0 && errno == ESRCH)
		return true;
	snprintf(path, sizeof path, "/proc/%d/status", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, status, sizeof status - 1);
	close(fd);
	status[n > 0 ? n : 0] = '\0';
	return is_dying(status);
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
	a->gone = has_gone(a->tid);
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
