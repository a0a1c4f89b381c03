/* SPDX-License-Identifier: MIT */
/*
 * The tree of an archive without a mount: folders listed and files read by path.
 * Nothing here can fail: what goes wrong aborts the test program with a message.
 */
#ifndef TESTS_SUPPORT_WALK_H
#define TESTS_SUPPORT_WALK_H

#include "support/archive.h"

struct editor;

struct walk {
	struct world *world;
	struct vfs *vfs;
};

/* Scans. editor: of edited/; NULL: none. */
void walk_begin(struct walk *w, struct archive *a, struct editor *editor);
/* The same with folders made by a template. */
void walk_begin_layout(struct walk *w, struct archive *a, const char *layout,
	struct editor *editor);
void walk_end(struct walk *w);
/* The names of a folder in their order, "|" between; NULL: no such path. mem_alloc()ed, as is: */
char *walk_list(struct walk *w, const char *path);
/* The text of a file; NULL: no such path. */
char *walk_read(struct walk *w, const char *path);
/* Bytes of a file, as a request of the kernel gets them; -ENOENT: no such path. */
int64_t walk_pread(struct walk *w, const char *path, void *to, size_t n, uint64_t off);

#endif
