/* SPDX-License-Identifier: MIT */
/*
 * A bump allocator: everything that belongs to one object is allocated from
 * the object's arena and goes with it. One thread at a time. A zeroed struct is
 * an empty arena. Each function returns NULL for want of memory; results are
 * aligned for any type and valid until arena_release().
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

struct arena_chunk;

struct arena {
	struct arena_chunk *chunks;
	size_t total_bytes; /* of all chunks, for the memory figures */
};

void arena_init(struct arena *a);
void arena_release(struct arena *a);
void *arena_alloc(struct arena *a, size_t size);            /* not cleared */
void *arena_zalloc(struct arena *a, size_t n, size_t size); /* cleared; n * size checked */
void *arena_memdup(struct arena *a, const void *p, size_t len);
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t len);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
