/* SPDX-License-Identifier: MIT */
/* Watching SOURCE: see index/watch.h. */
#include "index/watch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/map.h"
#include "base/mem.h"
#include "index/changes.h"
#include "index/own.h"

/* A file counts when it is closed: before that it is being written. */
#define EVENTS                                                                                     \
	(IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE | IN_DELETE_SELF |   \
		IN_MOVE_SELF | IN_ATTRIB | IN_ONLYDIR | IN_EXCL_UNLINK)

struct watched {
	char *path;     /* NULL: not watched */
	uint64_t since; /* the event at which it was last seen to have this path */
};

/* A folder that has left its place. */
struct moved {
	uint64_t at; /* the event that told of it */
	char path[];
};

struct watch {
	int fd;
	int root_fd;
	struct watch_scope scope;
	dev_t root_dev; /* of the folder that was watched */
	ino_t root_ino;
	struct watched *folders; /* by watch descriptor, which rise from 1 */
	size_t n_folders;
	bool links_tell; /* there: a folder's number of links is 2 and one for each folder in it */
	bool has_trouble;
	struct err trouble; /* why not all folders are watched */
	uint64_t n_events;
	struct map moved; /* path -> struct moved, while events are taken */
};

/* Folders that are still to be watched: their paths below the root. */
struct folders {
	char **paths;
	size_t n, cap;
};

static void folders_release(struct folders *f)
{
	while (f->n > 0)
		mem_free(f->paths[--f->n]);
	mem_free(f->paths);
}

static int push(struct folders *f, const char *dir, const char *name)
{
	size_t len = strlen(dir), name_len = strlen(name) + 1;
	char *path;

	if (f->n == f->cap) {
		size_t cap = f->cap ? f->cap * 2 : 64;
		char **paths = mem_resize(f->paths, cap, sizeof *paths);

		if (!paths)
			return -ENOMEM;
		f->paths = paths;
		f->cap = cap;
	}
	path = mem_alloc(len + name_len + 1);
	if (!path)
		return -ENOMEM;
	memcpy(path, dir, len);
	if (len)
		path[len++] = '/';
	memcpy(path + len, name, name_len);
	f->paths[f->n++] = path;
	return 0;
}

static bool is_folder(int dir_fd, const struct dirent *d)
{
	struct stat st;

	if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
		return false;
	if (d->d_type != DT_UNKNOWN)
		return d->d_type == DT_DIR;
	return fstatat(dir_fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

/* Push the folders in fd, which is taken. At the top it is seen whether the file system counts
 * them, so that it is known later of which of its folders there is nothing to be listed. */
static int push_below(struct watch *w, struct folders *f, int fd, const char *dir)
{
	DIR *stream = fdopendir(fd);
	struct dirent *d;
	struct stat st;
	size_t n = 0;
	int r = 0;

	if (!stream) {
		close(fd);
		return 0;
	}
	while (r == 0 && (d = readdir(stream)))
		if (is_folder(fd, d) && ++n)
			r = push(f, dir, d->d_name);
	if (!*dir)
		w->links_tell = n > 0 && fstat(fd, &st) == 0 && st.st_nlink == n + 2;
	closedir(stream);
	return r;
}

/* Which folder a watch descriptor is of. A folder that has moved keeps its own. */
static int remember(struct watch *w, int wd, const char *dir)
{
	size_t n = w->n_folders ? w->n_folders : 64, at = (size_t)wd;
	struct watched *folders;
	char *path;

	while (n <= at)
		n *= 2;
	if (n > w->n_folders) {
		folders = mem_resize(w->folders, n, sizeof *folders);
		if (!folders)
			return -ENOMEM;
		memset(folders + w->n_folders, 0, (n - w->n_folders) * sizeof *folders);
		w->folders = folders;
		w->n_folders = n;
	}
	path = mem_strdup(dir);
	if (!path)
		return -ENOMEM;
	mem_free(w->folders[at].path);
	w->folders[at] = (struct watched){ path, w->n_events };
	return 0;
}

static const char *path_of(const struct watch *w, int wd)
{
	return wd >= 0 && (size_t)wd < w->n_folders ? w->folders[wd].path : NULL;
}

static void forget(struct watch *w, int wd)
{
	if (!path_of(w, wd))
		return;
	mem_free(w->folders[wd].path);
	w->folders[wd].path = NULL;
}

static int cannot_watch(struct err *err)
{
	if (errno == ENOSPC)
		return err_set(err, -ENOSPC, "fs.inotify.max_user_watches allows no more");
	return err_errno(err, "watching folders");
}

/* Watch one folder, then look into it: what comes after the look is an event. A folder that cannot
 * be entered or has gone is passed by. */
static int watch_folder(struct watch *w, struct folders *f, const char *dir, int64_t since_ns,
	bool *changed, struct err *err)
{
	int fd = openat(w->root_fd, *dir ? dir : ".",
		    O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW),
	    wd;
	struct stat st;
	char path[64];

	if (fd < 0)
		return 0;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	wd = inotify_add_watch(w->fd, path, EVENTS);
	if (wd < 0 && (errno == ENOSPC || errno == ENOMEM)) {
		int r = cannot_watch(err);

		close(fd);
		return r;
	}
	if (wd >= 0 && remember(w, wd, dir) < 0) {
		close(fd);
		return err_nomem(err);
	}
	if (fstat(fd, &st) == 0) {
		*changed |= timespec_ns(&st.st_mtim) >= since_ns;
		if (w->scope.only_file ||
			(*dir && w->links_tell && st.st_dev == w->root_dev && st.st_nlink == 2)) {
			close(fd);
			return 0;
		}
	}
	return push_below(w, f, fd, dir) < 0 ? err_nomem(err) : 0;
}

/* dir and all below it. */
static int watch_all(struct watch *w, const char *dir, int64_t since_ns, bool *changed,
	struct err *err)
{
	struct folders f = { 0 };
	int r = watch_folder(w, &f, dir, since_ns, changed, err);

	while (r == 0 && f.n > 0) {
		char *next = f.paths[--f.n];

		r = watch_folder(w, &f, next, since_ns, changed, err);
		mem_free(next);
	}
	folders_release(&f);
	return r;
}

/* Which folder is watched from now on, whether that goes well or not. */
static void note_root(struct watch *w)
{
	struct stat st;

	if (fstat(w->root_fd, &st) != 0)
		return;
	w->root_dev = st.st_dev;
	w->root_ino = st.st_ino;
}

int watch_new(int root_fd, const struct watch_scope *scope, int64_t since_ns, struct watch **out,
	bool *changed, struct err *err)
{
	struct watch *w = mem_calloc(1, sizeof *w);
	int r;

	if (!w)
		return err_nomem(err);
	w->root_fd = root_fd;
	w->scope = *scope;
	note_root(w);
	w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	*changed = false;
	r = w->fd < 0 ? err_errno(err, "inotify") : watch_all(w, "", since_ns, changed, err);
	if (r < 0) {
		watch_free(w);
		return r;
	}
	*out = w;
	return 0;
}

void watch_free(struct watch *w)
{
	if (!w)
		return;
	if (w->fd >= 0)
		close(w->fd);
	while (w->n_folders > 0)
		mem_free(w->folders[--w->n_folders].path);
	mem_free(w->folders);
	mem_free(w);
}

int watch_fd(const struct watch *w)
{
	return w->fd;
}

const char *watch_trouble(const struct watch *w)
{
	return w->has_trouble ? w->trouble.msg : NULL;
}

/* dir and all below it, of which the scan sees what is there already. */
static void watch_more(struct watch *w, const char *dir)
{
	bool ignored = false;
	struct err err;

	if (watch_all(w, dir, INT64_MAX, &ignored, &err) < 0) {
		w->has_trouble = true;
		w->trouble = err;
	} else if (!*dir) {
		w->has_trouble = false;
	}
}

bool watch_is_of_another(const struct watch *w)
{
	struct stat st;

	return fstat(w->root_fd, &st) == 0 &&
		(st.st_dev != w->root_dev || st.st_ino != w->root_ino);
}

static void unwatch(struct watch *w, size_t wd)
{
	inotify_rm_watch(w->fd, (int)wd);
	forget(w, (int)wd);
}

void watch_again(struct watch *w)
{
	bool other = watch_is_of_another(w);
	size_t wd;

	for (wd = 0; other && wd < w->n_folders; wd++)
		if (w->folders[wd].path)
			unwatch(w, wd);
	note_root(w);
	watch_more(w, "");
}

/* ---- folders that leave their place ---- */

/* What was below it is sorted out when all events have been taken: folders move in crowds, and each
 * of all that are watched is looked at then. Without memory they stay watched, which does no
 * harm. */
static void note_moved(struct watch *w, const char *dir)
{
	size_t len = strlen(dir);
	struct moved *m = map_get(&w->moved, dir, len);

	if (!m) {
		m = mem_alloc(sizeof *m + len + 1);
		if (!m)
			return;
		memcpy(m->path, dir, len + 1);
		if (map_put(&w->moved, m->path, len, m) < 0) {
			mem_free(m);
			return;
		}
	}
	m->at = w->n_events;
}

static bool has_moved(const struct watch *w, const struct watched *f, size_t len)
{
	const struct moved *m = map_get(&w->moved, f->path, len);

	return m && m->at > f->since;
}

/* Has it, or a folder that it was in, left the place where it was last seen? */
static bool is_stale(const struct watch *w, const struct watched *f)
{
	const char *slash;

	for (slash = strchr(f->path, '/'); slash; slash = strchr(slash + 1, '/'))
		if (has_moved(w, f, (size_t)(slash - f->path)))
			return true;
	return has_moved(w, f, strlen(f->path));
}

/* What moved within SOURCE is watched under its new path by now, and what came to the old one since
 * too. */
static void unwatch_moved(struct watch *w)
{
	const struct map_slot *slot;
	size_t wd, pos = 0;

	for (wd = 0; w->moved.n_used && wd < w->n_folders; wd++)
		if (w->folders[wd].path && is_stale(w, &w->folders[wd]))
			unwatch(w, wd);
	while ((slot = map_next(&w->moved, &pos)))
		mem_free(slot->value);
	map_release(&w->moved);
}

/* A folder came or went; new ones may have had files before they were watched: the scan sees
 * those. */
static void take_folder(struct watch *w, const char *dir, const struct inotify_event *e)
{
	char path[2 * PATH_MAX];

	snprintf(path, sizeof path, "%s%s%s", dir, *dir ? "/" : "", e->name);
	if (e->mask & IN_MOVED_FROM)
		note_moved(w, path);
	if (e->mask & (IN_CREATE | IN_MOVED_TO | IN_ATTRIB))
		watch_more(w, path);
}

/* Is a thing of this name one of SOURCE? */
static bool is_of_source(const struct watch *w, const char *dir, const char *name, bool folder)
{
	if (w->scope.only_file)
		return !folder && strcmp(name, w->scope.only_file) == 0;
	return folder || !own_has(w->scope.own, dir, name);
}

/* Was it anything? */
static bool take_event(struct watch *w, const struct inotify_event *e, struct changes *where)
{
	const char *dir = path_of(w, e->wd), *name = e->len && *e->name ? e->name : NULL;

	w->n_events++;
	if (e->mask & IN_IGNORED) {
		forget(w, e->wd);
		return false;
	}
	if (dir && name && !is_of_source(w, dir, name, e->mask & IN_ISDIR))
		return false;
	if (e->mask & (IN_Q_OVERFLOW | IN_UNMOUNT)) {
		changes_add_all(where);
		watch_more(w, "");
	} else if (dir && e->mask & IN_ISDIR && name) {
		changes_add(where, dir, name, true);
		take_folder(w, dir, e);
	} else if (dir) {
		changes_add(where, dir, NULL, !name);
	}
	return true;
}

bool watch_drain(struct watch *w, struct changes *where)
{
	_Alignas(struct inotify_event) char events[16384];
	bool any = false;
	ssize_t n, at;

	while ((n = read(w->fd, events, sizeof events)) > 0) {
		for (at = 0; at < n;) {
			const struct inotify_event *e = (const void *)(events + at);

			any |= take_event(w, e, where);
			at += (ssize_t)(sizeof *e + e->len);
		}
	}
	unwatch_moved(w);
	return any;
}
