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

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/catalog.h"
#include "index/files.h"
#include "volume/workers.h"

struct err;
struct stop;
struct framecache;

struct frame {
	const uint8_t *samples; /* rows * cols * samples, little-endian */
	size_t len;
	unsigned sample_bytes; /* 1, 2, 4, 8 */
	unsigned n_samples;    /* 1 or 3 */
};

struct framecache_stats {
	uint64_t n_hits, n_loads, n_failed, n_ahead;
	size_t held_bytes, pinned_bytes;
};

/* budget in bytes; n_workers threads decode ahead (0: none). files is borrowed. */
int framecache_new(struct files *files, size_t budget, unsigned n_workers, struct framecache **out,
	struct err *err);
void framecache_free(struct framecache *c);
/* The decoded frame, pinned until framecache_put(). */
int framecache_get(struct framecache *c, const struct instance *in, uint32_t frame,
	const struct frame **out, struct err *err);
/* The same as stored words rather than values: FRAME_STORED of volume/decoder.h. */
int framecache_get_stored(struct framecache *c, const struct instance *in, uint32_t frame,
	const struct frame **out, struct err *err);
void framecache_put(struct framecache *c, const struct frame *f);

/* Anything else that is dear to make and of known length, under the same bound: a resampled plane,
 * a sheet. `id` names it for ever (a hash of what it is, and which one); make() fills len bytes. It
 * may take long: who waits for another's asks `stop` (may be NULL) now and then, and where that
 * other was stopped makes it for himself. */
typedef int (*framecache_make)(void *arg, uint8_t *out, size_t len, struct err *err);
int framecache_get_made(struct framecache *c, const uint64_t id[2], size_t len,
	framecache_make make, void *arg, struct stop *stop, const struct frame **out,
	struct err *err);

/* What is done ahead of a reader by other threads. */
enum framecache_work {
	FRAMECACHE_DECODE, /* a frame, into the cache */
	FRAMECACHE_OPEN,   /* its file, where that takes long */
	FRAMECACHE_WORKS
};
/* Of a frame_ref, to open: no frame is wanted, but what is before them, of the file itself. */
#define FRAMECACHE_HEADER UINT32_MAX
/* Is that of use for frames of this one? */
bool framecache_does(const struct framecache *c, enum framecache_work what,
	const struct instance *in);
/* Hint: these frames will be wanted soon by the reader of `stream`. Left to it where the threads
 * are busy or the budget is short. `keep` owns the instances; a reference is held while they wait. */
void framecache_ahead(struct framecache *c, enum framecache_work what, uint64_t stream,
	struct catalog *keep, const struct frame_ref *refs, size_t n);
/* A reader asks for positions first to last of the stream (a volume's identity), and sees to the
 * first itself. Returns the count of positions from *from on that are worth having ahead now, at
 * most FRAMECACHE_AHEAD: the others, and what comes behind them where it goes through the stream in
 * order; none that was told already. Who jumps about leaves what still waits for it. */
#define FRAMECACHE_AHEAD 192u
unsigned framecache_sequential(struct framecache *c, enum framecache_work what, uint64_t stream,
	uint64_t first, uint64_t last, uint64_t *from);
/* Frames that could not be had, each once, the newest FRAMECACHE_FAILURES of them; returns how
 * many. */
#define FRAMECACHE_FAILURES 256
struct framecache_failure {
	uint32_t instance_id, frame;
	char text[240];
};
size_t framecache_failures(struct framecache *c,
	struct framecache_failure out[FRAMECACHE_FAILURES]);
/* Note one that was read without the cache. */
void framecache_failed(struct framecache *c, const struct instance *in, uint32_t frame,
	const char *text);
void framecache_stats(struct framecache *c, struct framecache_stats *out);

#endif
