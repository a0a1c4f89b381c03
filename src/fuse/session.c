/* SPDX-License-Identifier: MIT */
/* Mounting, serving, unmounting: see fuse/session.h. */
#include "fuse/session.h"

#include <errno.h>
#include <fuse_opt.h>
#include <malloc.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "fuse/ops.h"
#include "vfs/vfs.h"

#define DRAIN_MS 20
#define OUT_OF_MEMORY_US 50000

/* One "-o NAME=VALUE" for libfuse, commas in the value escaped. */
static int add_option(char **opts, const char *name, const char *value)
{
	struct buf b;
	char *text;
	int r;

	buf_init(&b);
	buf_adds(&b, name);
	buf_adds(&b, value);
	text = buf_steal(&b, NULL);
	buf_release(&b);
	if (!text)
		return -ENOMEM;
	r = fuse_opt_add_opt_escaped(opts, text) < 0 ? -ENOMEM : 0;
	mem_free(text);
	return r;
}

static int make_args(const struct session_options *o, struct fuse_args *args)
{
	char *opts = NULL;
	int r = 0;

	if (fuse_opt_add_opt(&opts, "ro,nosuid,nodev,default_permissions") < 0 ||
		add_option(&opts, "subtype=", "dcmfs") < 0 ||
		add_option(&opts, "fsname=", o->fsname) < 0)
		r = -ENOMEM;
	if (r == 0 && o->mount_options && *o->mount_options &&
		fuse_opt_add_opt(&opts, o->mount_options) < 0)
		r = -ENOMEM;
	if (r == 0 && o->debug && fuse_opt_add_opt(&opts, "debug") < 0)
		r = -ENOMEM;
	if (r == 0 &&
		(fuse_opt_add_arg(args, "dcmfs") < 0 || fuse_opt_add_arg(args, "-o") < 0 ||
			fuse_opt_add_arg(args, opts) < 0))
		r = -ENOMEM;
	free(opts);
	return r;
}

const char *session_library(void)
{
	return fuse_pkgversion();
}

int session_new(const struct session_options *options, struct session **out, struct err *err)
{
	struct session *s = mem_calloc(1, sizeof *s);
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);

	if (!s)
		return err_nomem(err);
	s->o = *options;
	s->missing = options->source.unscanned ? -EAGAIN : 0;
	pthread_mutex_init(&s->lock, NULL);
	if (make_args(options, &args) == 0)
		s->fuse = fuse_session_new(&args, &session_ops, sizeof session_ops, s);
	fuse_opt_free_args(&args);
	if (!s->fuse) {
		session_free(s);
		return err_set(err, -EINVAL, "libfuse refused the mount options");
	}
	*out = s;
	return 0;
}

/* The handlers come first: a signal between the mount and its service would leave a dead one. */
int session_mount(struct session *s, struct err *err)
{
	if (serve_take_signals(err) < 0)
		return -EIO;
	if (fuse_session_mount(s->fuse, s->o.mountpoint) < 0)
		return err_set(err, -EIO, "%s: it was not mounted", s->o.mountpoint);
	s->mounted = true;
	return refresher_start(s, err);
}

/* As many threads as can be of use at once: those that wait for a disk beside those that work. */
static int loop(struct session *s)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	return serve_all(s, s->o.single_thread ? 1 : (unsigned)(cores > 0 ? cores : 1) + 2);
}

/* One request that waits, or none for a moment, also for want of memory, which leaves it with the
 * kernel: 1; 0: the kernel sends no more; or an error of the connection. */
static int serve_one(struct session *s)
{
	struct pollfd fd = { .fd = fuse_session_fd(s->fuse), .events = POLLIN };
	struct fuse_buf buf = { .mem = NULL };
	int n = 0;

	if (poll(&fd, 1, DRAIN_MS) > 0 && fd.revents != POLLIN)
		return 0;
	if (fd.revents)
		n = fuse_session_receive_buf(s->fuse, &buf);
	if (n > 0)
		fuse_session_process_buf(s->fuse, &buf);
	free(buf.mem);
	if (n == -ENOMEM)
		usleep(OUT_OF_MEMORY_US);
	if (n > 0 || n == -EINTR || n == -EAGAIN || n == -ENOMEM || !fd.revents)
		return 1;
	return n;
}

/* The refresher may be telling the kernel of a folder that a request holds: so requests are
 * answered until it has ended, or neither would. */
static void stop_refresher(struct session *s)
{
	if (!s->refresher)
		return;
	refresher_ask_to_stop(s);
	waiting_settle(s, -ENOTCONN);
	while (!refresher_has_ended(s) && serve_one(s) > 0)
		continue;
	refresher_join(s);
	waiting_join(s);
}

/* Short of memory, or of threads: what can be given back is, and this one thread goes on. */
static int loop_on(struct session *s)
{
	int r = loop(s);

	if (r != -ENOMEM && r != -EMFILE)
		return r;
	log_warn("short of memory or threads: from now on one thread serves");
	vfs_trim(s->o.vfs);
	malloc_trim(0);
	fuse_session_reset(s->fuse);
	do
		r = serve_has_ended() ? 0 : serve_one(s);
	while (r > 0);
	return r;
}

int session_run(struct session *s, struct err *err)
{
	int r = loop_on(s);

	stop_refresher(s);
	return r < 0 ? err_set(err, r, "the connection to the kernel failed: %s", strerror(-r)) : 0;
}

void session_free(struct session *s)
{
	struct reply_buffer *b;

	if (!s)
		return;
	stop_refresher(s);
	if (s->mounted)
		fuse_session_unmount(s->fuse);
	if (s->fuse)
		fuse_session_destroy(s->fuse);
	while ((b = s->free_buffers)) {
		s->free_buffers = b->next;
		mem_free(b);
	}
	pthread_mutex_destroy(&s->lock);
	mem_free(s);
}
