/* SPDX-License-Identifier: MIT */
/* Watching SOURCE: see index/watch.h. */
#include "index/watch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"

/* A file counts when it is closed: before that it is being written. */
#define EVENTS                                                                                     \
	(IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE | IN_DELETE_SELF |   \
		IN_MOVE_SELF | IN_ATTRIB | IN_ONLYDIR | IN_EXCL_UNLINK)

struct watch {
	int fd;
	int root_fd;
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

/* Push the folders in fd, which is taken. */
static int push_below(struct folders *f, int fd, const char *dir)
{
	DIR *stream = fdopendir(fd);
	struct dirent *d;
	int r = 0;

	if (!stream) {
		close(fd);
		return 0;
	}
	while (r == 0 && (d = readdir(stream)))
		if (is_folder(fd, d))
			r = push(f, dir, d->d_name);
	closedir(stream);
	return r;
}

static bool is_newer(int fd, int64_t since_ns)
{
	struct stat st;

	return fstat(fd, &st) == 0 &&
		(int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec > since_ns;
}

/* Watch one folder, then look into it: what comes after the look is an event. A folder that cannot be
 * entered or has gone is passed by. */
static int watch_folder(struct watch *w, struct folders *f, const char *dir, int64_t since_ns,
	bool *changed, struct err *err)
{
	int fd = openat(w->root_fd, *dir ? dir : ".",
		O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	char path[64];

	if (fd < 0)
		return 0;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (inotify_add_watch(w->fd, path, EVENTS) < 0 && (errno == ENOSPC || errno == ENOMEM)) {
		close(fd);
		return err_errno(err, "watching folders");
	}
	*changed |= is_newer(fd, since_ns);
	return push_below(f, fd, dir) < 0 ? err_nomem(err) : 0;
}

static int watch_all(struct watch *w, int64_t since_ns, bool *changed, struct err *err)
{
	struct folders f = { 0 };
	int r = watch_folder(w, &f, "", since_ns, changed, err);

	while (r == 0 && f.n > 0) {
		char *dir = f.paths[--f.n];

		r = watch_folder(w, &f, dir, since_ns, changed, err);
		mem_free(dir);
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
	r = w->fd < 0 ? err_errno(err, "inotify") : watch_all(w, since_ns, changed, err);
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
	mem_free(w);
}

int watch_fd(const struct watch *w)
{
	return w->fd;
}

/* New folders may have had files before they were watched; the scan that follows sees those. */
bool watch_drain(struct watch *w)
{
	_Alignas(struct inotify_event) char events[16384];
	bool any = false, folders = false, ignored;
	ssize_t n, at;

	while ((n = read(w->fd, events, sizeof events)) > 0) {
		for (at = 0; at < n;) {
			const struct inotify_event *e = (const void *)(events + at);

			any |= !(e->mask & IN_IGNORED);
			folders |= (e->mask & IN_Q_OVERFLOW) ||
				((e->mask & IN_ISDIR) && (e->mask & (IN_CREATE | IN_MOVED_TO)));
			at += (ssize_t)(sizeof *e + e->len);
		}
	}
	if (folders)
		watch_all(w, INT64_MAX, &ignored, NULL);
	return any;
}
