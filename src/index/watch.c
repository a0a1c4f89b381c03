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

#include "base/err.h"
#include "base/mem.h"
#include "index/changes.h"

/* A file counts when it is closed: before that it is being written. */
#define EVENTS                                                                                     \
	(IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE | IN_DELETE_SELF |   \
		IN_MOVE_SELF | IN_ATTRIB | IN_ONLYDIR | IN_EXCL_UNLINK)

struct watch {
	int fd;
	int root_fd;
	char **paths; /* by watch descriptor, which rise from 1; NULL: not watched */
	size_t n_paths;
	bool links_tell; /* a folder's number of links is 2 and one for each folder in it */
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

/* Push the folders in fd, which is taken. At the top it is seen whether the file system counts them, so
 * that it is known later of which folders there is nothing to be listed. */
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

static int64_t mtime_of(const struct stat *st)
{
	return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

/* Which folder a watch descriptor is of. A folder that has moved keeps its own. */
static int remember(struct watch *w, int wd, const char *dir)
{
	size_t n = w->n_paths ? w->n_paths : 64;
	char **paths, *path = mem_strdup(dir);

	while (n <= (size_t)wd)
		n *= 2;
	paths = n > w->n_paths ? mem_resize(w->paths, n, sizeof *paths) : w->paths;
	if (!path || !paths) {
		mem_free(path);
		return -ENOMEM;
	}
	memset(paths + w->n_paths, 0, (n > w->n_paths ? n - w->n_paths : 0) * sizeof *paths);
	w->paths = paths;
	w->n_paths = n > w->n_paths ? n : w->n_paths;
	mem_free(paths[wd]);
	paths[wd] = path;
	return 0;
}

static const char *path_of(const struct watch *w, int wd)
{
	return wd >= 0 && (size_t)wd < w->n_paths ? w->paths[wd] : NULL;
}

static void forget(struct watch *w, int wd)
{
	if (!path_of(w, wd))
		return;
	mem_free(w->paths[wd]);
	w->paths[wd] = NULL;
}

/* Watch one folder, then look into it: what comes after the look is an event. A folder that cannot be
 * entered or has gone is passed by. */
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
		close(fd);
		return err_errno(err, "watching folders");
	}
	if (wd >= 0 && remember(w, wd, dir) < 0) {
		close(fd);
		return err_nomem(err);
	}
	if (fstat(fd, &st) == 0) {
		*changed |= mtime_of(&st) > since_ns;
		if (*dir && w->links_tell && st.st_nlink == 2) {
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

int watch_new(int root_fd, int64_t since_ns, struct watch **out, bool *changed, struct err *err)
{
	struct watch *w = mem_calloc(1, sizeof *w);
	int r;

	if (!w)
		return err_nomem(err);
	w->root_fd = root_fd;
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
	while (w->n_paths > 0)
		mem_free(w->paths[--w->n_paths]);
	mem_free(w->paths);
	mem_free(w);
}

int watch_fd(const struct watch *w)
{
	return w->fd;
}

static bool is_in(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return strncmp(path, dir, len) == 0 && (path[len] == '/' || !path[len]);
}

/* A folder has left its place: what is below it is watched under its new one, if at all. */
static void unwatch_all(struct watch *w, const char *dir)
{
	size_t wd;

	for (wd = 0; wd < w->n_paths; wd++)
		if (w->paths[wd] && is_in(w->paths[wd], dir)) {
			inotify_rm_watch(w->fd, (int)wd);
			forget(w, (int)wd);
		}
}

/* A folder came or went; new ones may have had files before they were watched: the scan sees those. */
static void take_folder(struct watch *w, const char *dir, const struct inotify_event *e)
{
	char path[2 * PATH_MAX];
	bool ignored;

	snprintf(path, sizeof path, "%s%s%s", dir, *dir ? "/" : "", e->name);
	if (e->mask & IN_MOVED_FROM)
		unwatch_all(w, path);
	if (e->mask & (IN_CREATE | IN_MOVED_TO | IN_ATTRIB))
		watch_all(w, path, INT64_MAX, &ignored, NULL);
}

static void take_event(struct watch *w, const struct inotify_event *e, struct changes *where)
{
	const char *dir = path_of(w, e->wd), *name = e->len && *e->name ? e->name : NULL;

	if (e->mask & (IN_Q_OVERFLOW | IN_UNMOUNT)) {
		changes_add_all(where);
		watch_all(w, "", INT64_MAX, &(bool){ false }, NULL);
	} else if (dir && e->mask & IN_ISDIR && name) {
		changes_add(where, dir, name, true);
		take_folder(w, dir, e);
	} else if (dir) {
		changes_add(where, dir, NULL, !name);
	}
}

bool watch_drain(struct watch *w, struct changes *where)
{
	_Alignas(struct inotify_event) char events[16384];
	bool any = false;
	ssize_t n, at;

	while ((n = read(w->fd, events, sizeof events)) > 0) {
		for (at = 0; at < n;) {
			const struct inotify_event *e = (const void *)(events + at);

			if (e->mask & IN_IGNORED)
				forget(w, e->wd);
			else
				take_event(w, e, where);
			any |= !(e->mask & IN_IGNORED);
			at += (ssize_t)(sizeof *e + e->len);
		}
	}
	return any;
}
