/* SPDX-License-Identifier: MIT */
/* The mount: what the session needs from the options. Without libfuse there is none. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "main/app.h"

#ifdef DCMFS_NOFUSE

int app_mount(struct app *a, struct err *err)
{
	(void)a;
	return err_set(err, -ENOTSUP, "built without FUSE: there are --ls and --cat");
}

void app_print_library(FILE *out)
{
	fputs("without FUSE\n", out);
}

#else

#include "fuse/session.h"
#include "index/watch.h"

/* Told once: all of it is looked at every so often then. */
static void tell_blind(struct app *a, const char *why)
{
	if (!a->blind_told)
		log_warn("%s: not all of it can be watched, so that it is looked at every so "
			 "often: %s",
			a->o.source, why);
	a->blind_told = true;
}

static void tell_trouble(struct app *a)
{
	const char *why = watch_trouble(a->watch);

	if (why)
		tell_blind(a, why);
}

static bool is_blind(void *arg)
{
	const struct app *a = arg;

	return a->watch ? watch_trouble(a->watch) != NULL : a->blind_told;
}

/* Behind the mount, where nobody is at the terminal. */
static int scan_first(struct app *a, bool *changed, struct err *err)
{
	int r = app_scan(a, changed, err);

	if (r == 0 && app_is_empty(a))
		log_warn(APP_EMPTY, a->o.source);
	return r;
}

/* What the watch told of is only forgotten when it has been looked at. */
static int rescan(void *arg, bool everything, bool *changed, bool *again, struct err *err)
{
	struct app *a = arg;
	struct changes where = a->changes;
	int r;

	memset(&a->changes, 0, sizeof a->changes);
	if (everything && a->watch && watch_trouble(a->watch))
		watch_again(a->watch);
	if (!a->scanned)
		r = scan_first(a, changed, err);
	else if (everything)
		r = world_scan(a->world, changed, err);
	else
		r = world_scan_changes(a->world, &where, changed, err);
	if (r < 0)
		changes_add_all(&a->changes);
	changes_release(&where);
	if (r == 0 && a->watch && watch_is_of_another(a->watch)) {
		watch_again(a->watch);
		tell_trouble(a);
		changes_add_all(&a->changes); /* what changed before it was watched */
		*again = true;
	}
	return r;
}

static int64_t waits_ms(void *arg)
{
	const struct app *a = arg;

	return world_waits_ms(a->world);
}

static void stop(void *arg)
{
	struct app *a = arg;

	atomic_store(&a->stop, true);
}

/* Not worth an error: there are other ways to be asked to look. */
static int start_watch(void *arg, bool *changed)
{
	struct app *a = arg;
	const struct watch_scope scope = { a->source.only_file, &a->own };
	struct err err;

	if (watch_new(a->source.fd, &scope, a->scanned_ns, &a->watch, changed, &err) < 0) {
		tell_blind(a, err.msg);
		return -1;
	}
	return watch_fd(a->watch);
}

static bool drain(void *arg)
{
	struct app *a = arg;
	bool any = stale_take(&a->stale, &a->changes);

	if (a->watch) {
		any |= watch_drain(a->watch, &a->changes);
		tell_trouble(a);
	}
	return any;
}

/* What the kernel and libfuse are told beside the fixed options; NULL for want of memory. */
static char *mount_options(const struct options *o)
{
	struct buf b;
	char *text;

	buf_init(&b);
	if (o->allow_other)
		buf_adds(&b, "allow_other");
	if (o->allow_other && o->passed)
		buf_addc(&b, ',');
	if (o->passed)
		buf_adds(&b, o->passed);
	text = buf_steal(&b, NULL);
	buf_release(&b);
	return text;
}

static void fill_options(struct app *a, struct session_options *s)
{
	const struct options *o = &a->o;

	s->fsname = a->source.path;
	s->mountpoint = a->mountpoint;
	s->uid = o->has_uid ? (uid_t)o->uid : getuid();
	s->gid = o->has_gid ? (gid_t)o->gid : getgid();
	s->umask = (mode_t)o->umask;
	s->xattr = o->xattr;
	s->debug = o->debug;
	s->single_thread = o->single_thread;
	s->readahead_kb = (unsigned)o->readahead_kb;
	s->refresh_seconds = (unsigned)o->refresh_seconds;
	s->source = (struct session_source){ .arg = a,
		.found_fd = a->stale.fd,
		.unscanned = !a->scanned,
		.rescan = rescan,
		.waits_ms = waits_ms,
		.stop = stop,
		.watch = start_watch,
		.drain = drain,
		.is_blind = is_blind };
}

void app_print_library(FILE *out)
{
	fprintf(out, "FUSE library version %s\n", session_library());
}

int app_mount(struct app *a, struct err *err)
{
	struct session_options options = { .vfs = a->vfs };
	char *more = mount_options(&a->o);
	struct session *s = NULL;
	int r;

	if (!more)
		return err_nomem(err);
	r = stale_open(&a->stale, err);
	fill_options(a, &options);
	options.mount_options = more;
	if (r == 0)
		r = session_new(&options, &s, err);
	if (r == 0)
		r = session_mount(s, err);
	if (r == 0) {
		if (a->background.pipe_fd >= 0)
			log_init(LOG_LEVEL_WARN, true);
		background_ready(&a->background, 0);
		r = session_run(s, err);
	}
	session_free(s);
	mem_free(more);
	return r;
}

#endif
