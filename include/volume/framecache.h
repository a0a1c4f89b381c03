/* SPDX-License-Identifier: MIT */
/*
 * Decoded frames, shared and bounded. One loader a frame, the others wait for it;
 * a failed load is not remembered and its error reaches every waiter; unpinned
 * bytes never exceed the budget; no lock is held during a load. "On the list" is
 * "not pinned". Frames are immutable and hold values: masked, sign-extended,
 * RGB where the photometric interpretation is YBR or a palette.
 */
#ifndef VOLUME_FRAMECACHE_H
#define VOLUME_FRAMECACHE_H

#include <stddef.h>
#include <stdint.h>

#include "index/files.h"

struct err;
struct framecache;

struct frame {
	const uint8_t *samples;      /* rows * cols * samples, little-endian */
	size_t len;
	unsigned sample_bytes;       /* 1, 2, 4, 8 */
	unsigned n_samples;          /* 1 or 3 */
};

struct framecache_stats {
	uint64_t n_hits, n_loads, n_failed, n_ahead;
	size_t held_bytes, pinned_bytes;
};

/* budget in bytes; n_workers threads decode ahead (0: none). */
int framecache_new(struct files *files, size_t budget, unsigned n_workers, struct framecache **out,
	struct err *err);
void framecache_free(struct framecache *c);
/* The decoded frame, pinned until framecache_put(). */
int framecache_get(struct framecache *c, const struct instance *in, uint32_t frame, const struct frame **out,
	struct err *err);
void framecache_put(struct framecache *c, const struct frame *f);
/* Hint: these will be wanted soon. Takes nothing from readers, gives up silently. */
struct frame_ref {
	const struct instance *in;
	uint32_t frame;
};
void framecache_ahead(struct framecache *c, const struct frame_ref *refs, size_t n);
void framecache_stats(struct framecache *c, struct framecache_stats *out);

#endif
