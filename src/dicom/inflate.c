/* SPDX-License-Identifier: MIT */
/*
 * Deflated data sets (PS3.5 A.5) as a byte source with random access.
 *
 * Opening inflates the stream once, to know its size, and keeps copies of the
 * decoder's state along the way ("points", at most MAX_POINTS of about 40 KiB,
 * evenly spread). A read goes on from the last read's decoder where that is
 * near, else from the point before. That decoder is handed over with one atomic
 * exchange, so reads from many threads neither wait for each other nor share
 * state. Memory is bounded whatever a stream claims, and a stream that is
 * damaged or cut short is as long as what could be inflated of it.
 */
#include <errno.h>
#include <stdatomic.h>
#include <zlib.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "dicom/limits.h"
#include "dicom/source.h"

#define MAX_POINTS 64u
#define FIRST_SPAN (UINT64_C(1) << 20)
#define CHUNK 16384u
#define POINT_BYTES 40960u /* about */

/* A decoder and where it stands. A z_stream must not be moved: these are heap objects. */
struct point {
	z_stream z;
	uint64_t in;  /* compressed bytes consumed */
	uint64_t out; /* bytes inflated so far */
};

struct inflated {
	struct dcm_source base;
	struct dcm_source *from;
	uint64_t begin; /* where the deflated stream begins in `from` */
	unsigned n_points;
	struct point *points[MAX_POINTS]; /* ascending; the first is at 0 */
	_Atomic(struct point *) spare;    /* the decoder of the last read, or NULL */
};

static voidpf z_alloc(voidpf opaque, uInt n, uInt size)
{
	(void)opaque;
	return mem_calloc(n, size);
}

static void z_free(voidpf opaque, voidpf p)
{
	(void)opaque;
	mem_free(p);
}

static struct point *point_new(void)
{
	struct point *p = mem_calloc(1, sizeof *p);

	if (!p)
		return NULL;
	p->z.zalloc = z_alloc;
	p->z.zfree = z_free;
	if (inflateInit2(&p->z, -MAX_WBITS) == Z_OK)
		return p;
	mem_free(p);
	return NULL;
}

static struct point *point_copy(struct point *from)
{
	struct point *p = mem_calloc(1, sizeof *p);

	if (!p)
		return NULL;
	p->in = from->in;
	p->out = from->out;
	if (inflateCopy(&p->z, &from->z) == Z_OK)
		return p;
	mem_free(p);
	return NULL;
}

static void point_free(struct point *p)
{
	if (!p)
		return;
	inflateEnd(&p->z);
	mem_free(p);
}

/* Inflate up to n bytes (n < 2^31) to buf; fewer only where the stream ends or is broken. */
static int64_t point_read(struct inflated *s, struct point *p, uint8_t *buf, size_t n,
	struct err *err)
{
	uint8_t chunk[CHUNK];
	int64_t got = 1;
	int rc = Z_OK;

	p->z.next_out = buf;
	p->z.avail_out = (uInt)n;
	while (p->z.avail_out && got && rc == Z_OK) {
		got = dcm_source_pread(s->from, chunk, sizeof chunk, s->begin + p->in, err);
		if (got < 0)
			return got;
		p->z.next_in = chunk;
		p->z.avail_in = (uInt)got;
		rc = inflate(&p->z, Z_NO_FLUSH);
		p->in += (uint64_t)got - p->z.avail_in;
	}
	if (rc == Z_MEM_ERROR)
		return err_nomem(err);
	n -= p->z.avail_out;
	p->out += n;
	return (int64_t)n;
}

/* Inflate and forget, until the point stands at `out`. Returns 1 there, 0 where the stream
 * ends before. */
static int point_advance(struct inflated *s, struct point *p, uint64_t out, struct err *err)
{
	uint8_t sink[CHUNK];
	int64_t got;

	while (p->out < out) {
		got = point_read(s, p, sink, (size_t)min_u64(sizeof sink, out - p->out), err);
		if (got <= 0)
			return (int)got;
	}
	return 1;
}

/* The table is full: keep every second point. */
static void thin_points(struct inflated *s)
{
	unsigned i;

	for (i = 0; i < s->n_points; i++) {
		if (i % 2)
			point_free(s->points[i]);
		else
			s->points[i / 2] = s->points[i];
	}
	s->n_points = (s->n_points + 1) / 2;
}

/* A decoder at the begin of the stream. */
static int begin(struct inflated *s, struct point **out, struct err *err)
{
	uint8_t head[2];
	int64_t got = dcm_source_pread(s->from, head, sizeof head, s->begin, err);

	*out = NULL;
	if (got < 0)
		return (int)got;
	*out = point_new();
	if (!*out)
		return err_nomem(err);
	(*out)->in = zlib_header_bytes(head, (size_t)got);
	return 1;
}

/* Inflate all of it once, leaving points; sets the size of what comes out. */
static int survey(struct inflated *s, uint64_t *size, struct err *err)
{
	uint64_t span = FIRST_SPAN;
	struct point *p;
	int rc = begin(s, &p, err);

	while (rc == 1) {
		if (s->n_points == MAX_POINTS) {
			thin_points(s);
			span *= 2;
		}
		s->points[s->n_points] = point_copy(p);
		if (!s->points[s->n_points]) {
			rc = err_nomem(err);
			break;
		}
		s->n_points++;
		rc = point_advance(s, p, s->points[s->n_points - 1]->out + span, err);
		if (rc >= 0 && p->out > DCM_MAX_INFLATED)
			rc = err_set(err, -EFBIG, "the deflated data set is longer than %llu bytes",
				(unsigned long long)DCM_MAX_INFLATED);
	}
	if (p)
		*size = p->out;
	point_free(p);
	return rc;
}

/* A decoder at or before off: the last read's, where no point lies between; else a copy of a point. */
static struct point *take_decoder(struct inflated *s, uint64_t off)
{
	struct point *spare = atomic_exchange(&s->spare, NULL), *best = s->points[0];
	unsigned i;

	for (i = 1; i < s->n_points && s->points[i]->out <= off; i++)
		best = s->points[i];
	if (spare && spare->out <= off && spare->out >= best->out)
		return spare;
	point_free(spare);
	return point_copy(best);
}

static int64_t read_inflated(struct inflated *s, uint8_t *buf, size_t n, uint64_t off,
	struct err *err)
{
	struct point *p = take_decoder(s, off);
	int64_t got;

	if (!p)
		return err_nomem(err);
	got = point_advance(s, p, off, err);
	if (got > 0)
		got = point_read(s, p, buf, n, err);
	if (got < 0)
		point_free(p);
	else
		point_free(atomic_exchange(&s->spare, p));
	return got;
}

/* Bytes before `begin` are those of the file, bytes behind it inflated ones. */
static int64_t inflated_pread(struct dcm_source *source, void *buf, size_t n, uint64_t off,
	struct err *err)
{
	struct inflated *s = (struct inflated *)source;
	size_t done = 0;
	int64_t got;

	if (off < s->begin) {
		got = dcm_source_pread(s->from, buf, (size_t)min_u64(n, s->begin - off), off, err);
		if (got < 0)
			return got;
		done = (size_t)got;
	}
	while (done < n) {
		got = read_inflated(s, (uint8_t *)buf + done, min_size(n - done, 1u << 30),
			off + done - s->begin, err);
		if (got < 0)
			return got;
		if (got == 0)
			break;
		done += (size_t)got;
	}
	return (int64_t)done;
}

static void inflated_close(struct dcm_source *source)
{
	struct inflated *s = (struct inflated *)source;
	unsigned i;

	for (i = 0; i < s->n_points; i++)
		point_free(s->points[i]);
	point_free(atomic_load(&s->spare));
	dcm_source_close(s->from);
	mem_free(s);
}

static const struct dcm_source_ops inflated_ops = { inflated_pread, inflated_close };

int dcm_source_inflate(struct dcm_source *base, uint64_t off, struct dcm_source **out,
	struct err *err)
{
	struct inflated *s = mem_calloc(1, sizeof *s);
	uint64_t size = 0;
	int rc;

	if (!s) {
		dcm_source_close(base);
		return err_nomem(err);
	}
	s->base.ops = &inflated_ops;
	s->from = base;
	s->begin = off;
	rc = survey(s, &size, err);
	if (rc == 0 && size == 0)
		rc = err_set(err, -EBADMSG, "nothing could be inflated at byte %llu",
			(unsigned long long)off);
	if (rc < 0) {
		inflated_close(&s->base);
		return rc;
	}
	s->base.size = off + size;
	s->base.held_bytes = (size_t)(s->n_points + 1) * POINT_BYTES;
	*out = &s->base;
	return 0;
}
