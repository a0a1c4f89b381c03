/* SPDX-License-Identifier: MIT */
/* SOURCE and MOUNTPOINT: each thing that can be wrong with them has its own message. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "main/app.h"

/* The file's folder and name take the place of its path. */
static int split_file(char *path, char **folder, char **name)
{
	char *slash = strrchr(path, '/');

	*name = mem_strdup(slash + 1);
	*folder = mem_dup(path, (size_t)(slash - path) + 2);
	if (!*name || !*folder)
		return -ENOMEM;
	(*folder)[slash == path ? 1 : slash - path] = '\0';
	return 0;
}

/* errno tells what is wrong with a folder; a daemon that died leaves its mount behind. */
static int fail(const char *path, const char *what, struct err *err)
{
	if (errno == ENOTCONN || errno == ECONNABORTED)
		return err_set(err, -ENOTCONN,
			"%s: a mount that has died is here; fusermount3 -u %s", path, path);
	return err_errno(err, "%s: %s", path, what);
}

static int open_folder(const char *shown, const char *path, int *fd, struct err *err)
{
	*fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *fd < 0 ? fail(shown, "cannot read the source", err) : 0;
}

int source_open(const char *path, struct source *s, struct err *err)
{
	char *folder = NULL;
	struct stat st;
	int r = 0;

	*s = (struct source){ .fd = -1 };
	s->path = realpath(path, NULL);
	if (!s->path || stat(s->path, &st) < 0)
		return fail(path,
			errno == ENOENT ? "the source is missing" : "cannot read the source", err);
	if (S_ISDIR(st.st_mode))
		return open_folder(path, s->path, &s->fd, err);
	if (!S_ISREG(st.st_mode))
		return err_set(err, -EINVAL, "%s: the source is neither a folder nor a file", path);
	if (access(s->path, R_OK) < 0)
		return err_errno(err, "%s: cannot read the source", path);
	r = split_file(s->path, &folder, &s->only_file);
	r = r < 0 ? err_nomem(err) : open_folder(path, folder, &s->fd, err);
	mem_free(folder);
	return r;
}

void source_close(struct source *s)
{
	if (s->fd >= 0)
		close(s->fd);
	free(s->path);
	mem_free(s->only_file);
	*s = (struct source){ .fd = -1 };
}

static bool is_inside(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	if (strcmp(folder, "/") == 0)
		return true;
	return strncmp(path, folder, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

static bool is_mounted(const char *absolute, const struct stat *st)
{
	char parent[PATH_MAX + 4];
	struct stat above;

	snprintf(parent, sizeof parent, "%s/..", absolute);
	return stat(parent, &above) == 0 && above.st_dev != st->st_dev;
}

static int check_empty(const char *path, const char *absolute, const struct stat *st,
	struct err *err)
{
	DIR *dir = opendir(absolute);
	struct dirent *d;
	bool empty = true;
	int r;

	if (!dir)
		return fail(path, "cannot read the mount point", err);
	while (empty && (errno = 0, d = readdir(dir)))
		empty = strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0;
	r = empty ? -errno : 0;
	closedir(dir);
	errno = -r;
	if (r < 0)
		return fail(path, "cannot read the mount point", err);
	if (empty)
		return 0;
	return err_set(err, -ENOTEMPTY, "%s: the mount point is not empty%s", path,
		is_mounted(absolute, st) ? ": something is mounted there" : "");
}

int mountpoint_check(const char *path, const struct source *s, char **absolute, struct err *err)
{
	struct stat st;

	*absolute = realpath(path, NULL);
	if (!*absolute || stat(*absolute, &st) < 0)
		return fail(path,
			errno == ENOENT ? "the mount point is missing" :
					  "cannot read the mount point",
			err);
	if (!S_ISDIR(st.st_mode))
		return err_set(err, -ENOTDIR, "%s: the mount point is not a folder", path);
	if (!s->only_file && is_inside(*absolute, s->path))
		return err_set(err, -EINVAL, "%s: the mount point is inside the source", path);
	return check_empty(path, *absolute, &st, err);
}
