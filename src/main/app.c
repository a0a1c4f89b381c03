/* SPDX-License-Identifier: MIT */
/* From options to a tree: source, world, views. */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "format/edit.h"
#include "index/watch.h"
#include "main/app.h"
#include "main/editing.h"
#include "view/keywords.h"
#include "view/layout.h"

#define MOST_DESCRIPTORS 4096u
#define MOST_OPEN_FILES 1024u

/* ---- views ---- */

static size_t count_views(void)
{
	const struct view *const *all = views_all();
	size_t n = 0;

	while (all[n])
		n++;
	return n;
}

/* Whether a list "nii:headers" has the name. */
static bool list_has(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (;;) {
		size_t len = strcspn(list, ":");

		if (len == n && memcmp(list, name, n) == 0)
			return true;
		if (!list[len])
			return false;
		list += len + 1;
	}
}

static int unknown_view(const char *list, struct err *err)
{
	const struct view *const *all = views_all();
	char name[64];

	for (;; list++) {
		size_t i, len = strcspn(list, ":");

		snprintf(name, sizeof name, "%.*s", (int)len, list);
		for (i = 0; all[i] && strcmp(all[i]->name, name) != 0; i++)
			continue;
		if (!all[i])
			return err_set(err, -EINVAL, "views=: there is no view '%s'", name);
		list += len;
		if (!*list)
			return 0;
	}
}

/* A trial of what takes keywords: they need no source. */
static int check_keywords(const struct options *o, struct err *err)
{
	struct keywords *k = NULL;
	struct layout *l = NULL;
	int r = keywords_new(NULL, o->by, &k, err);

	if (r == 0 && o->layout)
		r = layout_new(o->layout, k, false, &l, err);
	layout_free(l);
	keywords_free(k);
	return r;
}

int app_check(const struct options *o, struct err *err)
{
	int r = o->views ? unknown_view(o->views, err) : 0;

	if (r == 0)
		r = editing_check(o, err);
	return r == 0 && (o->by || o->layout) ? check_keywords(o, err) : r;
}

/* Those that are shown, in views_all()'s order. */
static int choose_views(struct app *a, size_t *n, struct err *err)
{
	const struct view *const *all = views_all();
	size_t i;

	*n = 0;
	if (a->only_edited) {
		a->views = mem_calloc(2, sizeof *a->views);
		if (!a->views)
			return err_nomem(err);
		a->views[(*n)++] = view_find("edited");
		return 0;
	}
	a->views = mem_calloc(count_views() + 1, sizeof *a->views);
	if (!a->views)
		return err_nomem(err);
	for (i = 0; all[i]; i++)
		if ((!all[i]->optional || a->editor) &&
			(!a->o.views || list_has(a->o.views, all[i]->name)))
			a->views[(*n)++] = all[i];
	return 0;
}

/* ---- the world as the tree sees it ---- */

static struct snapshot *get_snapshot(void *arg)
{
	const struct app *a = arg;

	return world_snapshot(a->world);
}

static void put_snapshot(void *arg, struct snapshot *s)
{
	(void)arg;
	snapshot_put(s);
}

static int64_t mtime_of(void *arg, const struct snapshot *s)
{
	(void)arg;
	return snapshot_mtime_ns(s);
}

/* Of a tree of edited files alone. */
static int64_t edited_mtime_of(void *arg, const struct snapshot *s)
{
	const struct app *a = arg;
	int64_t own = snapshot_mtime_ns(s), least = editor_least_mtime_ns(a->editor);

	return own > least ? own : least;
}

static void rest(void *arg)
{
	const struct app *a = arg;

	world_rest(a->world);
}

static int make_tree(struct app *a, struct err *err)
{
	struct vfs_world w = { .get = get_snapshot,
		.put = put_snapshot,
		.mtime_ns = a->only_edited ? edited_mtime_of : mtime_of,
		.rest = rest };
	int r = choose_views(a, &w.n_views, err);

	if (r < 0)
		return r;
	buf_init(&a->readme);
	views_readme(a->views, a->o.layout, &a->readme);
	buf_addc(&a->readme, '\0');
	if (buf_error(&a->readme))
		return err_nomem(err);
	w.views = a->views;
	w.arg = a;
	w.readme = a->readme.data;
	return vfs_new(&w, NULL, &a->vfs, err);
}

/* The process will be in another folder by the time it is written. */
static const char *absolute(const char *path, char *buf, size_t cap)
{
	size_t n;

	if (path[0] == '/' || !getcwd(buf, cap))
		return path;
	n = strlen(buf);
	return (size_t)snprintf(buf + n, cap - n, "/%s", path) < cap - n ? buf : path;
}

/* Where the saved index is; NULL: nowhere, by the user's wish or for want of a place. A file
 * alone needs none. */
static const char *index_path(const struct app *a, char *buf, size_t cap)
{
	struct err err;

	if (a->source.only_file || (a->o.index && strcmp(a->o.index, "none") == 0))
		return NULL;
	if (a->o.index)
		return absolute(a->o.index, buf, cap);
	if (store_index_path(a->source.path, buf, cap, &err) == 0)
		return buf;
	log_warn("no saved index: %s", err.msg);
	return NULL;
}

/* Source files that stay open: a third of the descriptors that we may have (the edited view has its
 * own), once we have asked for as many as are of use. */
static unsigned allow_open_files(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) < 0)
		return 0;
	if (r.rlim_cur < MOST_DESCRIPTORS && r.rlim_cur < r.rlim_max) {
		r.rlim_cur = r.rlim_max < MOST_DESCRIPTORS ? r.rlim_max : MOST_DESCRIPTORS;
		if (setrlimit(RLIMIT_NOFILE, &r) < 0 || getrlimit(RLIMIT_NOFILE, &r) < 0)
			return 0;
	}
	return r.rlim_cur / 3 < MOST_OPEN_FILES ? (unsigned)r.rlim_cur / 3 : MOST_OPEN_FILES;
}

/* Threads that live as long as the world leave the signals that end a mount to the main thread. */
static int make_world(struct app *a, struct err *err)
{
	struct world_options w = { .cache_bytes = a->o.cache_bytes,
		.max_open_files = allow_open_files() };
	char index[PATH_MAX];
	sigset_t end, before;
	int r;

	w.layout = a->o.layout;
	w.by = a->o.by;
	w.editor = a->editor;
	w.index = index_path(a, index, sizeof index);
	w.source = a->source.path;
	w.stale = stale_note;
	w.stale_arg = &a->stale;
	w.scan.root_path = a->source.path;
	w.scan.only_file = a->source.only_file;
	w.scan.own = &a->own;
	w.scan.progress = progress_draw;
	w.scan.progress_arg = &a->progress;
	w.scan.stop = &a->stop;
	sigemptyset(&end);
	sigaddset(&end, SIGINT);
	sigaddset(&end, SIGTERM);
	sigaddset(&end, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &end, &before);
	r = w.index ? own_init(&a->own, a->source.path, w.index, err) : 0;
	if (r == 0)
		r = world_new(a->source.fd, &w, &a->world, err);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r;
}

int app_scan(struct app *a, bool *changed, struct err *err)
{
	int r;

	a->scanned_ns = clock_ns(CLOCK_REALTIME_COARSE);
	r = world_scan(a->world, changed, err);
	a->scanned = r == 0;
	if (r < 0)
		err_wrap(err, "%s", a->o.source);
	return r;
}

bool app_is_empty(struct app *a)
{
	struct snapshot *s = world_snapshot(a->world);
	bool is = s && snapshot_n_instances(s) == 0;

	snapshot_put(s);
	return is;
}

/* With its progress on the terminal, and what it has to say. */
static int scan(struct app *a, struct err *err)
{
	bool changed;
	int r;

	progress_start(&a->progress);
	r = app_scan(a, &changed, err);
	progress_end(&a->progress);
	if (r == 0 && app_is_empty(a))
		fprintf(stderr, "dcmfs: " APP_EMPTY "\n", a->o.source);
	return r;
}

int app_open(struct app *a, struct err *err)
{
	int r = source_open(a->o.source, &a->source, err);

	if (r == 0 && a->o.mode == OPTIONS_MOUNT)
		r = mountpoint_check(a->o.place, &a->source, &a->mountpoint, err);
	if (r == 0)
		r = editing_new(&a->o, &a->editor, &a->only_edited, err);
	if (r == 0)
		r = make_world(a, err);
	if (r == 0 && !(a->o.delay_scan && a->o.mode == OPTIONS_MOUNT))
		r = scan(a, err);
	return r == 0 ? make_tree(a, err) : r;
}

void app_close(struct app *a)
{
	watch_free(a->watch);
	changes_release(&a->changes);
	vfs_free(a->vfs);
	world_free(a->world);
	stale_close(&a->stale);
	own_release(&a->own);
	editor_free(a->editor);
	mem_free(a->views);
	buf_release(&a->readme);
	free(a->mountpoint);
	source_close(&a->source);
}
