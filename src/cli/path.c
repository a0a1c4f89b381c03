/* SPDX-License-Identifier: MIT */
#include "cli/path.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "base/names.h"
#include "vfs/vfs.h"

/* The next component into name; returns what follows, NULL at the end. */
static const char *next_part(const char *path, char *name)
{
	size_t n;

	path += strspn(path, "/");
	n = strcspn(path, "/");
	if (n == 0)
		return NULL;
	if (n > NAME_MOST_BYTES)
		n = 0; /* no name is so long: nothing will be found */
	memcpy(name, path, n);
	name[n] = '\0';
	return path + strcspn(path, "/");
}

int path_find(struct vfs *v, const char *path, struct vfs_attr *attr, struct err *err)
{
	char name[NAME_MOST_BYTES + 1];
	const char *rest = path;
	int r = vfs_getattr(v, VFS_ROOT, false, attr, err);

	while (r == 0 && (rest = next_part(rest, name))) {
		if (strcmp(name, ".") == 0)
			continue;
		r = vfs_lookup(v, attr->ino, name, attr, err);
	}
	if (r == -ENOENT || r == -ENOTDIR)
		return err_set(err, r, "%s: no such file in the tree", path);
	if (r < 0)
		err_wrap(err, "%s", path);
	return r;
}
