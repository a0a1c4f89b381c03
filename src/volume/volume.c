/* SPDX-License-Identifier: MIT */
/*
 * The bytes of a volume: from an offset to planes, rows and samples.
 *
 * An order (NIfTI's, or a format's) and the volume's own axes are composed into one
 * map: output axis a runs along source axis src[a], perhaps from its end. Where
 * the output's first two axes are the source's columns and rows, as nearly always, whole
 * rows are made at once, straight from the file where nothing is to be decoded;
 * otherwise voxels are gathered from the frames they lie in.
 */
#include "volume/volume.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "dicom/source.h"
#include "volume/framecache.h"
#include "volume/resample.h"
#include "volume/samples.h"

#define AXIS_COLUMN 0
#define AXIS_ROW 1
#define AXIS_PLANE 2

/* One pread under way. */
struct reading {
	const struct volume *v;
	const struct volume_reader *r;
	enum sample_type type; /* of the output */
	bool big_endian;
	bool scale;     /* by the header's slope and intercept */
	uint8_t src[3]; /* source axis of output axis a */
	bool flip[3];
	uint32_t dim[3];    /* of the output axes */
	unsigned out_bytes; /* of one output sample */
	uint8_t *row;       /* scratch: one output row */
	struct err *err;
};

const struct instance *volume_first_instance(const struct volume *v)
{
	while (v && !v->slices)
		v = v->base;
	return v ? v->slices[0].in : NULL;
}

struct voxel_order voxel_order_nifti(const struct volume *v)
{
	return (struct voxel_order){ .axis = { 0, 1, 2 }, .type = v->type };
}

uint64_t volume_bytes(const struct volume *v, const struct voxel_order *o)
{
	return (uint64_t)v->dim[0] * v->dim[1] * v->dim[2] * v->dim[3] * sample_bytes(o->type);
}

static void compose(struct reading *g, const struct voxel_order *o)
{
	unsigned a;

	for (a = 0; a < 3; a++) {
		g->src[a] = g->v->axis[o->axis[a]];
		g->flip[a] = g->v->flip[o->axis[a]] != o->flip[a];
		g->dim[a] = g->v->dim[o->axis[a]];
	}
}

static const struct volume_slice *slice_at(const struct reading *g, uint32_t plane, uint32_t t)
{
	return &g->v->slices[(size_t)t * g->v->n_planes + plane];
}

/* Source position along output axis a. */
static uint32_t source_index(const struct reading *g, unsigned a, uint32_t i)
{
	return g->flip[a] ? g->dim[a] - 1 - i : i;
}

static bool is_derived_kind(const struct volume *v)
{
	return v->kind == VOLUME_TILT || v->kind == VOLUME_EQUIDISTANT || v->kind == VOLUME_OVERLAY;
}

/* How samples of a plane become output samples. Derived planes have the volume's type already. */
static struct samples_map map_of(const struct reading *g, const struct volume_slice *s)
{
	struct samples_map m = { .from = g->v->type, .to = g->type, .big_endian = g->big_endian };

	if (!is_derived_kind(g->v))
		m.from = samples_type_of(&s->in->attr->pixel);
	if (g->v->scaled && !is_derived_kind(g->v)) {
		m.scale = true;
		m.slope = s->slope;
		m.intercept = s->intercept;
		if (g->scale) { /* a header may have a slope on top of that */
			m.slope *= g->v->scl_slope;
			m.intercept = m.intercept * g->v->scl_slope + g->v->scl_inter;
		}
	} else if (g->scale) {
		m.scale = true;
		m.slope = g->v->scl_slope;
		m.intercept = g->v->scl_inter;
	}
	return m;
}

/* Tell the cache that this frame was reached; it decodes on where we go through the volume in order. */
static void read_ahead(const struct reading *g, uint32_t plane, uint32_t t)
{
	const struct volume *v = g->v;
	uint64_t n = (uint64_t)v->n_planes * v->dim[3], pos = (uint64_t)t * v->n_planes, from, k;
	bool back = g->src[2] == AXIS_PLANE && g->flip[2];
	struct frame_ref refs[32];
	unsigned count, used = 0;

	pos += back ? v->n_planes - 1 - plane : plane;
	count = framecache_sequential(g->r->cache, v->identity, pos, &from);
	for (k = from; count && k < from + count && k < n && used < 32; k++) {
		uint32_t p = (uint32_t)(k % v->n_planes), time = (uint32_t)(k / v->n_planes);
		const struct volume_slice *s = slice_at(g, back ? v->n_planes - 1 - p : p, time);

		if (s->in &&
			(!used || refs[used - 1].in != s->in || refs[used - 1].frame != s->frame))
			refs[used++] = (struct frame_ref){ s->in, s->frame };
	}
	if (used)
		framecache_ahead(g->r->cache, v->set->catalog, refs, used);
}

/* Making a derived plane: see resample.h. */
struct made_plane {
	const struct reading *g;
	uint32_t plane, t;
};

static int make_plane(void *arg, uint8_t *out, size_t len, struct err *err)
{
	const struct made_plane *m = arg;

	return resample_plane(m->g->v, m->g->r, m->plane, m->t, out, len, err);
}

/* The plane's frame, pinned; *pitch: bytes from row to row, *at: the window's first sample. */
static int plane_get(const struct reading *g, uint32_t plane, uint32_t t, const struct frame **f,
	const uint8_t **at, size_t *pitch)
{
	const struct volume_slice *s = slice_at(g, plane, t);
	const struct volume *v = g->v;
	size_t sample;
	int rc;

	if (is_derived_kind(v)) {
		struct made_plane m = { g, plane, t };
		uint64_t id[2] = { v->identity, (uint64_t)t * v->n_planes + plane };

		*pitch = (size_t)v->plane_cols * sample_bytes(v->type);
		rc = framecache_get_made(g->r->cache, id, *pitch * v->plane_rows, make_plane, &m, f,
			g->err);
		*at = rc == 0 ? (*f)->samples : NULL;
		return rc;
	}
	if (s->in->encapsulated || s->in->deflated)
		read_ahead(g, plane, t);
	rc = framecache_get(g->r->cache, s->in, s->frame, f, g->err);
	if (rc < 0)
		return rc;
	sample = (size_t)(*f)->sample_bytes * (*f)->n_samples;
	*pitch = (size_t)s->in->attr->pixel.cols * sample;
	*at = (*f)->samples + s->y0 * *pitch + s->x0 * sample;
	return 0;
}

/* Can rows of this plane be read from the file as they are, but for a mask? Native, one sample of whole
 * bytes, little-endian, the window as wide as the frame. */
static bool is_direct(const struct reading *g, const struct volume_slice *s)
{
	const struct pixel_desc *d;

	if (is_derived_kind(g->v) || s->in->encapsulated || s->in->deflated)
		return false;
	d = &s->in->attr->pixel;
	return !d->big_endian && !s->in->big_endian_pixels && d->samples == 1 &&
		d->cols == g->v->plane_cols && d->bits_allocated % 8 == 0 &&
		d->photometric != PHOTOMETRIC_PALETTE &&
		(d->bits_allocated == 8 || d->bits_allocated == 16 || d->bits_allocated == 32 ||
			d->bits_allocated == 64);
}

/* n rows of the plane from source row `row` (before any flip), in file order, to out. */
static int fetch_rows(const struct reading *g, const struct volume_slice *s, uint32_t row,
	uint32_t n, uint8_t *out, struct err *err)
{
	const struct pixel_desc *d = &s->in->attr->pixel;
	uint64_t row_bytes = (uint64_t)d->cols * (d->bits_allocated / 8u),
		 frame = row_bytes * d->rows;
	uint64_t in_value = frame * s->frame + (s->y0 + row) * row_bytes;
	struct dcm_source *src;
	int rc;

	if (in_value + n * row_bytes > s->in->pixels_len)
		return err_set(err, -EIO, "the pixel data ends before frame %u does", s->frame + 1);
	rc = files_get(g->r->files, s->in, &src, err);
	if (rc < 0)
		return rc;
	rc = dcm_source_read_full(src, out, n * row_bytes, s->in->pixels_off + in_value, err);
	files_put(g->r->files, s->in, src);
	if (rc == 0)
		pixel_mask(d, out, (size_t)n * d->cols);
	return rc;
}

static int read_rows(const struct reading *g, const struct volume_slice *s, uint32_t row,
	uint32_t n, uint8_t *out)
{
	struct err err = { 0 };
	int rc = fetch_rows(g, s, row, n, out, &err);

	if (rc < 0) {
		framecache_failed(g->r->cache, s->in, s->frame, err.msg);
		if (g->err)
			*g->err = err;
	}
	return rc;
}

static void reverse_rows(uint8_t *rows, uint32_t n, size_t row_bytes, uint8_t *scratch)
{
	uint8_t *a = rows, *b = rows + (n - 1) * row_bytes;

	for (; a < b; a += row_bytes, b -= row_bytes) {
		memcpy(scratch, a, row_bytes);
		memcpy(a, b, row_bytes);
		memcpy(b, scratch, row_bytes);
	}
}

/* n output rows from j on, straight from the file into out. Only where map is the identity. */
static int rows_direct(const struct reading *g, const struct volume_slice *s, uint32_t j,
	uint32_t n, uint8_t *out)
{
	size_t row_bytes = (size_t)g->dim[0] * g->out_bytes;
	uint32_t first = g->flip[1] ? g->dim[1] - j - n : j, i;
	int rc = read_rows(g, s, first, n, out);

	if (rc < 0)
		return rc;
	if (g->flip[1])
		reverse_rows(out, n, row_bytes, g->row);
	for (i = 0; i < n && g->flip[0]; i++)
		samples_reverse(out + i * row_bytes, g->dim[0], g->out_bytes);
	return 0;
}

/* Rows that are read and converted: through a buffer of raw rows. */
static int rows_converted(const struct reading *g, const struct volume_slice *s,
	const struct samples_map *m, uint32_t j, uint32_t n, uint8_t *out)
{
	size_t raw_row = (size_t)g->dim[0] * sample_bytes(m->from),
	       row_bytes = (size_t)g->dim[0] * g->out_bytes;
	uint32_t first = g->flip[1] ? g->dim[1] - j - n : j, i;
	uint8_t *raw = mem_alloc(raw_row * n);
	int rc;

	if (!raw)
		return err_nomem(g->err);
	rc = read_rows(g, s, first, n, raw);
	for (i = 0; i < n && rc == 0; i++) {
		uint8_t *to = out + i * row_bytes;

		samples_convert(m, raw + (g->flip[1] ? n - 1 - i : i) * raw_row, to, g->dim[0]);
		if (g->flip[0])
			samples_reverse(to, g->dim[0], g->out_bytes);
	}
	mem_free(raw);
	return rc;
}

/* Rows of a plane that is decoded, or a window of its frame. */
static int rows_cached(const struct reading *g, uint32_t plane, uint32_t t,
	const struct samples_map *m, uint32_t j, uint32_t n, uint8_t *out)
{
	size_t row_bytes = (size_t)g->dim[0] * g->out_bytes, pitch;
	const struct frame *f;
	const uint8_t *at;
	uint32_t i;
	int rc = plane_get(g, plane, t, &f, &at, &pitch);

	if (rc < 0)
		return rc;
	for (i = 0; i < n; i++) {
		samples_convert(m, at + source_index(g, 1, j + i) * pitch, out + i * row_bytes,
			g->dim[0]);
		if (g->flip[0])
			samples_reverse(out + i * row_bytes, g->dim[0], g->out_bytes);
	}
	framecache_put(g->r->cache, f);
	return 0;
}

/* n output rows from j on, of output plane k and time t. */
static int rows_of_plane(const struct reading *g, uint32_t k, uint32_t t, uint32_t j, uint32_t n,
	uint8_t *out)
{
	uint32_t plane = source_index(g, 2, k);
	const struct volume_slice *s = slice_at(g, plane, t);
	struct samples_map m = map_of(g, s);

	if (!is_direct(g, s))
		return rows_cached(g, plane, t, &m, j, n, out);
	if (samples_map_is_copy(&m))
		return rows_direct(g, s, j, n, out);
	return rows_converted(g, s, &m, j, n, out);
}

/* The plane lies along the output's second or third axis: one frame a row. */
static int gather_row(const struct reading *g, uint32_t j, uint32_t k, uint32_t t, uint8_t *out)
{
	uint32_t at[3] = { 0, 0, 0 };
	const struct frame *f;
	const uint8_t *p;
	struct samples_map m;
	size_t pitch, step, sample;
	int rc;

	at[g->src[1]] = source_index(g, 1, j);
	at[g->src[2]] = source_index(g, 2, k);
	m = map_of(g, slice_at(g, at[AXIS_PLANE], t));
	rc = plane_get(g, at[AXIS_PLANE], t, &f, &p, &pitch);
	if (rc < 0)
		return rc;
	sample = sample_bytes(m.from);
	step = g->src[0] == AXIS_COLUMN ? sample : pitch;
	p += at[AXIS_ROW] * pitch + at[AXIS_COLUMN] * sample;
	samples_gather(&m, p, step, out, g->out_bytes, g->dim[0]);
	if (g->flip[0])
		samples_reverse(out, g->dim[0], g->out_bytes);
	framecache_put(g->r->cache, f);
	return 0;
}

/* The planes lie along the output's first axis: each frame gives one sample to each of n rows from row
 * number `row` = k * dim[1] + j on. */
static int gather_planes(const struct reading *g, uint64_t row, uint32_t n, uint32_t t,
	uint8_t *out)
{
	size_t row_bytes = (size_t)g->dim[0] * g->out_bytes, pitch;
	const struct frame *f;
	const uint8_t *p;
	uint32_t i, q;
	int rc;

	for (i = 0; i < g->dim[0]; i++) {
		uint32_t plane = source_index(g, 0, i);
		struct samples_map m = map_of(g, slice_at(g, plane, t));
		size_t sample = sample_bytes(m.from);

		rc = plane_get(g, plane, t, &f, &p, &pitch);
		if (rc < 0)
			return rc;
		for (q = 0; q < n; q++) {
			uint32_t at[3] = { 0, 0, 0 };

			at[g->src[1]] = source_index(g, 1, (uint32_t)((row + q) % g->dim[1]));
			at[g->src[2]] = source_index(g, 2, (uint32_t)((row + q) / g->dim[1]));
			samples_convert(&m, p + at[AXIS_ROW] * pitch + at[AXIS_COLUMN] * sample,
				out + q * row_bytes + (size_t)i * g->out_bytes, 1);
		}
		framecache_put(g->r->cache, f);
	}
	return 0;
}

/* n whole rows from row number `row` of time t (row = k * dim[1] + j), all in one output plane where planes are
 * the third axis. */
static int make_rows(const struct reading *g, uint64_t row, uint32_t n, uint32_t t, uint8_t *out)
{
	size_t row_bytes = (size_t)g->dim[0] * g->out_bytes;
	uint32_t i;
	int rc = 0;

	if (g->src[0] == AXIS_PLANE)
		return gather_planes(g, row, n, t, out);
	if (g->src[0] == AXIS_COLUMN && g->src[1] == AXIS_ROW)
		return rows_of_plane(g, (uint32_t)(row / g->dim[1]), t, (uint32_t)(row % g->dim[1]),
			n, out);
	for (i = 0; i < n && rc == 0; i++)
		rc = gather_row(g, (uint32_t)((row + i) % g->dim[1]),
			(uint32_t)((row + i) / g->dim[1]), t, out + i * row_bytes);
	return rc;
}

/* As many whole rows from `row` as one step may take: to the end of the plane, of the time point where frames
 * give to all rows. */
static uint64_t rows_in_step(const struct reading *g, uint64_t row, uint64_t n)
{
	uint64_t per_time = (uint64_t)g->dim[1] * g->dim[2], left;

	left = g->src[0] == AXIS_PLANE ? per_time - row % per_time : g->dim[1] - row % g->dim[1];
	return min_u64(n, min_u64(left, UINT32_MAX));
}

/* Rows from global number `row` (over all times). */
static int rows_step(const struct reading *g, uint64_t row, uint64_t n, uint8_t *out)
{
	uint64_t per_time = (uint64_t)g->dim[1] * g->dim[2];

	return make_rows(g, row % per_time, (uint32_t)n, (uint32_t)(row / per_time), out);
}

/* Part of one row, through the scratch row. */
static int part_of_row(const struct reading *g, uint64_t row, size_t skip, size_t n, uint8_t *out)
{
	uint8_t *whole = mem_alloc((size_t)g->dim[0] * g->out_bytes);
	int rc;

	if (!whole)
		return err_nomem(g->err);
	rc = rows_step(g, row, 1, whole);
	if (rc == 0)
		memcpy(out, whole + skip, n);
	mem_free(whole);
	return rc;
}

static int64_t read_range(const struct reading *g, uint8_t *out, size_t n, uint64_t off)
{
	size_t row_bytes = (size_t)g->dim[0] * g->out_bytes, done = 0, step;
	int rc;

	while (done < n) {
		uint64_t row = (off + done) / row_bytes;
		size_t skip = (size_t)((off + done) % row_bytes);

		if (skip || n - done < row_bytes) {
			step = min_size(n - done, row_bytes - skip);
			rc = part_of_row(g, row, skip, step, out + done);
		} else {
			uint64_t rows = rows_in_step(g, row, (n - done) / row_bytes);

			step = (size_t)rows * row_bytes;
			rc = rows_step(g, row, rows, out + done);
		}
		if (rc < 0)
			return done ? (int64_t)done : rc;
		done += step;
	}
	return (int64_t)done;
}

int64_t volume_pread(const struct volume *v, const struct volume_reader *r,
	const struct voxel_order *o, void *buf, size_t n, uint64_t off, struct err *err)
{
	struct reading g = { .v = v,
		.r = r,
		.type = o->type,
		.big_endian = o->big_endian,
		.scale = o->apply_scale,
		.out_bytes = sample_bytes(o->type),
		.err = err };
	uint64_t size = volume_bytes(v, o);
	int64_t got;

	if (off >= size || !n)
		return 0;
	n = (size_t)min_u64(n, size - off);
	compose(&g, o);
	g.row = mem_alloc((size_t)g.dim[0] * g.out_bytes);
	if (!g.row)
		return err_nomem(err);
	got = read_range(&g, buf, n, off);
	mem_free(g.row);
	return got;
}
