/* SPDX-License-Identifier: MIT */
/* What of SOURCE is ours: see index/own.h. */
#include "index/own.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "persist.h"

/* The real path of the folder that a file is in, whether that is there or not; free(). */
static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder, *real;

	if (!slash)
		return realpath(".", NULL);
	folder = mem_dup(path, (size_t)(slash - path) + 2);
	if (!folder)
		return NULL;
	folder[slash - path + 1] = '\0';
	real = realpath(folder, NULL);
	mem_free(folder);
	return real;
}

/* What leads from one folder to another below it, "" where they are one; NULL: it is elsewhere. Both
 * are real paths: only that of the root ends with a slash. */
static const char *below(const char *source, const char *folder)
{
	size_t n = strcmp(source, "/") == 0 ? 0 : strlen(source);

	if (strncmp(folder, source, n) != 0 || (folder[n] && folder[n] != '/'))
		return NULL;
	return folder[n] ? folder + n + 1 : folder + n;
}

int own_init(struct own *o, const char *source, const char *index, struct err *err)
{
	const char *slash = strrchr(index, '/'), *dir;
	char *folder = folder_of(index);

	*o = (struct own){ 0 };
	dir = folder ? below(source, folder) : NULL;
	if (dir) {
		o->dir = mem_strdup(dir);
		o->file = mem_strdup(slash ? slash + 1 : index);
	}
	free(folder);
	if (!dir || (o->dir && o->file))
		return 0;
	own_release(o);
	return err_nomem(err);
}

void own_release(struct own *o)
{
	mem_free((void *)o->dir);
	mem_free((void *)o->file);
	*o = (struct own){ 0 };
}

bool own_has(const struct own *o, const char *dir, const char *file)
{
	size_t n = o && o->file ? strlen(o->file) : 0;

	return n > 0 && strncmp(file, o->file, n) == 0 && strcmp(dir, o->dir) == 0 &&
		persist_writes(file + n);
}
