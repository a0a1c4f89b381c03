/* SPDX-License-Identifier: MIT */
/* A gzip member of stored blocks: see format/gzip.h. */
#include "format/gzip.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/stop.h"
#include "format/stored.h"

#define HEAD_BYTES 10u
#define TRAILER_BYTES 8u
#define MOST_PIECES 64u
#define STEP ((size_t)1 << 20)

/* A range whose checksum is known. */
struct piece {
	uint64_t off, len;
	uint32_t crc;
};

struct gzip {
	uint64_t len; /* of the bytes inside */
	gzip_read read;
	void *arg;
	pthread_mutex_t lock;             /* protects the pieces */
	struct piece pieces[MOST_PIECES]; /* ascending; they neither touch nor overlap */
	unsigned n_pieces;
};

uint64_t gzip_crc_off(uint64_t len)
{
	return HEAD_BYTES + stored_size(len);
}

uint64_t gzip_size(uint64_t len)
{
	return gzip_crc_off(len) + TRAILER_BYTES;
}

static void remove_piece(struct gzip *g, unsigned i)
{
	g->n_pieces--;
	memmove(&g->pieces[i], &g->pieces[i + 1], (g->n_pieces - i) * sizeof g->pieces[0]);
}

/* Join piece i with its successor where they touch. */
static void join(struct gzip *g, unsigned i)
{
	struct piece *a = &g->pieces[i];

	if (i + 1 >= g->n_pieces || a->off + a->len != a[1].off)
		return;
	a->crc = stored_crc_join(a->crc, a[1].crc, a[1].len);
	a->len += a[1].len;
	remove_piece(g, i + 1);
}

/* Remember a range; one that overlaps another, or has no room, is forgotten. */
static void note(struct gzip *g, const struct piece *p)
{
	unsigned i = 0;

	while (i < g->n_pieces && g->pieces[i].off < p->off)
		i++;
	if (g->n_pieces == MOST_PIECES ||
		(i && g->pieces[i - 1].off + g->pieces[i - 1].len > p->off) ||
		(i < g->n_pieces && p->off + p->len > g->pieces[i].off))
		return;
	memmove(&g->pieces[i + 1], &g->pieces[i], (g->n_pieces - i) * sizeof g->pieces[0]);
	g->pieces[i] = *p;
	g->n_pieces++;
	join(g, i);
	if (i)
		join(g, i - 1);
}

/* One who reads. */
struct reading {
	struct gzip *g;
	struct stop *stop;
};

static int64_t read_noted(void *arg, void *buf, size_t n, uint64_t off, struct err *err)
{
	const struct reading *r = arg;
	struct gzip *g = r->g;
	int64_t got = g->read(g->arg, buf, n, off, r->stop, err);
	struct piece p;

	if (got <= 0)
		return got;
	p = (struct piece){ .off = off,
		.len = (uint64_t)got,
		.crc = stored_crc(0, buf, (size_t)got) };
	pthread_mutex_lock(&g->lock);
	note(g, &p);
	pthread_mutex_unlock(&g->lock);
	return got;
}

int gzip_new(uint64_t len, gzip_read read, void *arg, struct gzip **out, struct err *err)
{
	struct gzip *g = mem_calloc(1, sizeof *g);

	if (!g)
		return err_nomem(err);
	g->len = len;
	g->read = read;
	g->arg = arg;
	pthread_mutex_init(&g->lock, NULL);
	*out = g;
	return 0;
}

void gzip_free(struct gzip *g)
{
	if (!g)
		return;
	pthread_mutex_destroy(&g->lock);
	mem_free(g);
}

/* The first range that is not known; empty: all of them are. */
static struct piece first_gap(struct gzip *g)
{
	struct piece gap = { 0 };

	pthread_mutex_lock(&g->lock);
	if (g->n_pieces && g->pieces[0].off == 0)
		gap.off = g->pieces[0].len;
	gap.len = g->len - gap.off;
	if (g->n_pieces && g->pieces[0].off > gap.off)
		gap.len = g->pieces[0].off - gap.off;
	else if (g->n_pieces > 1)
		gap.len = g->pieces[1].off - gap.off;
	pthread_mutex_unlock(&g->lock);
	return gap;
}

bool gzip_needs_crc(struct gzip *g)
{
	return first_gap(g).len != 0;
}

/* The pieces must be few enough for the first gap to be closed from its beginning. */
static void drop_last_piece(struct gzip *g)
{
	pthread_mutex_lock(&g->lock);
	if (g->n_pieces == MOST_PIECES)
		g->n_pieces--;
	pthread_mutex_unlock(&g->lock);
}

static int fill_gaps(struct reading *r, uint8_t *scratch, struct err *err)
{
	struct piece gap = first_gap(r->g);
	int64_t got;

	for (; gap.len; gap = first_gap(r->g)) {
		if (stop_check(r->stop, err) < 0)
			return -EINTR;
		drop_last_piece(r->g);
		got = read_noted(r, scratch, (size_t)min_u64(gap.len, STEP), gap.off, err);
		if (got < 0)
			return (int)got;
		if (got == 0)
			return err_set(err, -EIO, "the bytes end at %llu",
				(unsigned long long)gap.off);
	}
	return 0;
}

int gzip_crc(struct gzip *g, uint32_t *crc, struct stop *stop, struct err *err)
{
	struct reading r = { g, stop };
	uint8_t *scratch;
	int rc;

	if (gzip_needs_crc(g)) {
		scratch = mem_alloc(STEP);
		if (!scratch)
			return err_nomem(err);
		rc = fill_gaps(&r, scratch, err);
		mem_free(scratch);
		if (rc < 0)
			return rc;
	}
	pthread_mutex_lock(&g->lock);
	*crc = g->n_pieces ? g->pieces[0].crc : 0;
	pthread_mutex_unlock(&g->lock);
	return 0;
}

void gzip_set_crc(struct gzip *g, uint32_t crc)
{
	pthread_mutex_lock(&g->lock);
	g->pieces[0] = (struct piece){ .len = g->len, .crc = crc };
	g->n_pieces = 1;
	pthread_mutex_unlock(&g->lock);
}

/* CRC-32 and length modulo 2^32. */
static int make_trailer(const struct reading *r, uint8_t out[TRAILER_BYTES], struct err *err)
{
	uint32_t crc;
	int rc = gzip_crc(r->g, &crc, r->stop, err);

	if (rc < 0)
		return rc;
	put_le32(out, crc);
	put_le32(out + 4, (uint32_t)r->g->len);
	return 0;
}

static int64_t read_trailer(const struct reading *r, uint8_t *out, size_t n, uint64_t at,
	struct err *err)
{
	uint8_t trailer[TRAILER_BYTES];
	int rc = make_trailer(r, trailer, err);

	if (rc < 0)
		return rc;
	n = (size_t)min_u64(n, TRAILER_BYTES - at);
	memcpy(out, trailer + at, n);
	return (int64_t)n;
}

/* One of head, blocks and trailer. */
static int64_t read_part(struct reading *r, uint8_t *out, size_t n, uint64_t off, struct err *err)
{
	/* magic, deflate, no flags, no time, no hint, no system: RFC 1952 §2.3 */
	static const uint8_t head[HEAD_BYTES] = { 0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF };
	struct stored blocks = { .len = r->g->len, .read = read_noted, .arg = r };
	uint64_t trailer = gzip_crc_off(r->g->len);

	if (off >= trailer)
		return read_trailer(r, out, n, off - trailer, err);
	if (off >= HEAD_BYTES)
		return stored_pread(&blocks, out, (size_t)min_u64(n, trailer - off),
			off - HEAD_BYTES, err);
	n = min_size(n, HEAD_BYTES - (size_t)off);
	memcpy(out, head + off, n);
	return (int64_t)n;
}

int64_t gzip_pread(struct gzip *g, void *buf, size_t n, uint64_t off, struct stop *stop,
	struct err *err)
{
	struct reading r = { g, stop };
	uint64_t size = gzip_size(g->len);
	size_t done = 0;
	int64_t got;

	if (off >= size)
		return 0;
	n = (size_t)min_u64(n, size - off);
	while (done < n) {
		got = read_part(&r, (uint8_t *)buf + done, n - done, off + done, err);
		if (got < 0)
			return done ? (int64_t)done : got;
		if (got == 0)
			break;
		done += (size_t)got;
	}
	return (int64_t)done;
}
