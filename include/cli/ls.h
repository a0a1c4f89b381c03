/* SPDX-License-Identifier: MIT */
/* The tree without a mount: --ls and --cat. */
#ifndef CLI_LS_H
#define CLI_LS_H

#include <stdbool.h>
#include <stdio.h>

struct err;
struct vfs;

/* Print path (NULL: the top) and everything below it, one path a line, relative to the top; folders
 * before what is in them. `details`: type, size and time first. A size that cannot be had is `?`,
 * a folder that cannot be listed empty: that is told on standard error, and in the end -EIO. */
int cli_ls(struct vfs *v, const char *path, bool details, FILE *out, struct err *err);

/* Write the bytes of the file at path to out_fd. */
int cli_cat(struct vfs *v, const char *path, int out_fd, struct err *err);

#endif
