/* SPDX-License-Identifier: MIT */
/* Paths of the tree. Private to cli/. */
#ifndef CLI_PATH_H
#define CLI_PATH_H

struct err;
struct vfs;
struct vfs_attr;

/* Look up a path below the top; "" and "/" are the top. */
int path_find(struct vfs *v, const char *path, struct vfs_attr *attr, struct err *err);

#endif
