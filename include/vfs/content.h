/* SPDX-License-Identifier: MIT */
/*
 * A virtual file: a size, and a way to read any range of it. Immutable, so that
 * any number of threads may read it at once, in any order; the same range gives
 * the same bytes for as long as it lives.
 */
#ifndef VFS_CONTENT_H
#define VFS_CONTENT_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct stop;
struct content;

struct content_ops {
	/* Up to n bytes from off, short only at the end; a count or a negative errno. What takes
	 * many steps asks `stop` (may be NULL) between them. */
	int64_t (*pread)(struct content *c, void *buf, size_t n, uint64_t off, struct stop *stop,
		struct err *err);
	void (*free)(struct content *c);
};

struct content {
	const struct content_ops *ops;
	uint64_t size;
	size_t held_bytes; /* memory that it keeps while open: what a cache of contents counts */
};

int64_t content_pread(struct content *c, void *buf, size_t n, uint64_t off, struct stop *stop,
	struct err *err);
void content_free(struct content *c); /* NULL is fine */

/* A text that is ready: len bytes, mem_alloc()ed, taken (also on error). */
int content_text(char *text /* taken */, size_t len, struct content **out, struct err *err);

#endif
