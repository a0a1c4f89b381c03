/* SPDX-License-Identifier: MIT */
/*
 * The bytes of a volume: from an offset to planes, rows and samples.
 *
 * An order (NIfTI's, or a format's) and the volume's own axes are composed into one
 * map: output axis a runs along source axis src[a], perhaps from its end. Where
 * the output's first two axes are the source's columns and rows, as nearly always, planes
 * are made row by row, from a frame or, where nothing is to be decoded, from the file in
 * blocks that stay in the processor's cache; otherwise voxels are gathered from the
 * frames they lie in.
 */
#include "volume/volume.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/stop.h"
#include "dicom/source.h"
#include "volume/framecache.h"
#include "volume/resample.h"
#include "volume/samples.h"

#define AXIS_COLUMN 0
#define AXIS_ROW 1
#define AXIS_PLANE 2
#define BLOCK_BYTES ((size_t)65536) /* of raw rows at once */

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
	uint8_t *raw;       /* scratch: rows as the file has them */
	size_t raw_bytes;   /* room in it: a row of the widest samples, or more */
	struct err *err;
};

static void plane_id(const struct volume *v, uint64_t plane, uint64_t id[2])
{
	const uint32_t plan[3] = { v->set->study_id, v->set->study_version, v->index };

	id[0] = hash_bytes(v->identity, plan, sizeof plan);
	id[1] = plane;
}

void volume_made_id(const struct volume *v, enum volume_made what, uint64_t id[2])
{
	plane_id(v, UINT64_MAX - (uint64_t)what, id);
}

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

/* Planes in the order in which the output has them, time by time. */
static const struct volume_slice *slice_in_order(const struct reading *g, uint64_t pos)
{
	unsigned a = g->src[2] == AXIS_PLANE ? 2 : g->src[1] == AXIS_PLANE ? 1 : 0;
	uint32_t n = g->v->n_planes;

	return slice_at(g, source_index(g, a, (uint32_t)(pos % n)), (uint32_t)(pos / n));
}

/* Frames to be had ahead; tiles of one frame are next to each other. */
struct ahead {
	struct frame_ref refs[FRAMECACHE_AHEAD];
	unsigned n;
	const struct volume_slice *before;
};

static void ahead_add(struct ahead *a, const struct volume_slice *s)
{
	bool same = s->in == a->before->in && s->frame == a->before->frame;

	if (!same)
		a->refs[a->n++] = (struct frame_ref){ s->in, s->frame };
	a->before = s;
}

static void work_ahead(const struct reading *g, enum framecache_work what, uint64_t first,
	uint64_t last)
{
	uint64_t n = (uint64_t)g->v->n_planes * g->v->dim[3], from, k;
	struct ahead a;
	unsigned count;

	a.n = 0;
	a.before = slice_in_order(g, first);
	if (!framecache_does(g->r->cache, what, a.before->in))
		return;
	count = framecache_sequential(g->r->cache, what, g->v->identity, first, last, &from);
	for (k = from; count && k < from + count && k < n; k++)
		ahead_add(&a, slice_in_order(g, k));
	if (a.n)
		framecache_ahead(g->r->cache, what, g->v->identity, g->v->set->catalog, a.refs,
			a.n);
}

/* This read takes positions first to last. The caller sees to the first; others to the rest
 * meanwhile, and to what comes behind it where the volume is gone through in order. */
static void read_ahead(const struct reading *g, uint64_t first, uint64_t last)
{
	if (is_derived_kind(g->v))
		return;
	work_ahead(g, FRAMECACHE_OPEN, first, last);
	work_ahead(g, FRAMECACHE_DECODE, first, last);
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

/* Is the plane within its frame, samples of `sample` bytes, and are those what the volume takes them
 * for? The plan has seen to it; what it is wrong about is not read from other memory. */
static bool holds_window(const struct reading *g, const struct volume_slice *s, size_t sample,
	size_t len)
{
	const struct pixel_desc *d = &s->in->attr->pixel;

	return sample == sample_bytes(samples_type_of(d)) &&
		s->x0 + (uint64_t)g->v->plane_cols <= d->cols &&
		s->y0 + (uint64_t)g->v->plane_rows <= d->rows &&
		(uint64_t)d->cols * d->rows * sample <= len;
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
		uint64_t id[2];

		plane_id(v, (uint64_t)t * v->n_planes + plane, id);
		*pitch = (size_t)v->plane_cols * sample_bytes(v->type);
		rc = framecache_get_made(g->r->cache, id, *pitch * v->plane_rows, make_plane, &m,
			g->r->stop, f, g->err);
		*at = rc == 0 ? (*f)->samples : NULL;
		return rc;
	}
	rc = framecache_get(g->r->cache, s->in, s->frame, f, g->err);
	if (rc < 0)
		return rc;
	sample = (size_t)(*f)->sample_bytes * (*f)->n_samples;
	*pitch = (size_t)s->in->attr->pixel.cols * sample;
	*at = (*f)->samples + s->y0 * *pitch + s->x0 * sample;
	if (holds_window(g, s, sample, (*f)->len))
		return 0;
	framecache_put(g->r->cache, *f);
	return err_set(g->err, -EIO, "a frame of another size than the volume's planes");
}

/* Can rows of this plane be read from the file as they are, but for a mask? Native, one sample of
 * whole bytes, little-endian, the window as wide as the frame. */
static bool is_direct(const struct reading *g, const struct volume_slice *s)
{
	const struct pixel_desc *d;

	if (is_derived_kind(g->v) || s->in->compressed || s->in->deflated)
		return false;
	d = &s->in->attr->pixel;
	return !d->big_endian && d->samples == 1 && d->cols == g->v->plane_cols &&
		s->y0 + (uint64_t)g->v->plane_rows <= d->rows &&
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

/* Rows that need no more than their place. */
static void copy_rows(const uint8_t *row, ptrdiff_t step, size_t row_bytes, size_t skip, size_t n,
	uint8_t *out)
{
	size_t part;

	for (; n; n -= part, out += part, skip = 0, row += step) {
		part = min_size(row_bytes - skip, n);
		memcpy(out, row + skip, part);
	}
}

/* n bytes of output rows, of the first from its byte `skip` on; source rows lie `step` bytes
 * apart. */
static void place_rows(const struct reading *g, const struct samples_map *m, const uint8_t *row,
	ptrdiff_t step, size_t skip, size_t n, uint8_t *out)
{
	size_t row_bytes = (size_t)g->dim[0] * g->out_bytes, part;

	if (samples_map_is_copy(m) && !g->flip[0]) {
		copy_rows(row, step, row_bytes, skip, n, out);
		return;
	}

	for (; n; n -= part, out += part, skip = 0, row += step) {
		uint8_t *whole;

		part = min_size(row_bytes - skip, n);
		whole = part == row_bytes ? out : g->row;
		samples_convert(m, row, whole, g->dim[0]);
		if (g->flip[0])
			samples_reverse(whole, g->dim[0], g->out_bytes);
		if (whole != out)
			memcpy(out, whole + skip, part);
	}
}

/* Are rows of the file as the output has them? */
static bool can_copy_rows(const struct reading *g, const struct samples_map *m)
{
	return samples_map_is_copy(m) && !g->flip[0] && !g->flip[1];
}

/* n bytes of a plane from byte `in` on, out of the file: all its rows at once, or a block of
 * them at a time. */
static int part_from_file(const struct reading *g, const struct volume_slice *s,
	const struct samples_map *m, size_t in, size_t n, uint8_t *out)
{
	size_t row_bytes = (size_t)g->dim[0] * g->out_bytes, part;
	size_t raw_row = (size_t)g->dim[0] * sample_bytes(m->from);
	uint32_t most = (uint32_t)(g->raw_bytes / raw_row), j, rows;
	int rc = 0;

	for (; n && rc == 0; n -= part, in += part, out += part) {
		size_t skip = in % row_bytes;

		j = (uint32_t)(in / row_bytes);
		if (!skip && n >= row_bytes && can_copy_rows(g, m)) {
			part = n - n % row_bytes;
			rc = read_rows(g, s, j, (uint32_t)(part / row_bytes), out);
			continue;
		}
		rows = (uint32_t)min_size(most, (skip + n + row_bytes - 1) / row_bytes);
		part = min_size(n, rows * row_bytes - skip);
		rc = read_rows(g, s, g->flip[1] ? g->dim[1] - j - rows : j, rows, g->raw);
		if (rc == 0 && g->flip[1])
			place_rows(g, m, g->raw + (rows - 1) * raw_row, -(ptrdiff_t)raw_row, skip,
				part, out);
		else if (rc == 0)
			place_rows(g, m, g->raw, (ptrdiff_t)raw_row, skip, part, out);
	}
	return rc;
}

/* The same of a plane that is decoded, or a window of its frame. */
static int part_from_frame(const struct reading *g, uint32_t plane, uint32_t t,
	const struct samples_map *m, size_t in, size_t n, uint8_t *out)
{
	size_t row_bytes = (size_t)g->dim[0] * g->out_bytes, pitch;
	const struct frame *f;
	const uint8_t *at;
	int rc = plane_get(g, plane, t, &f, &at, &pitch);

	if (rc < 0)
		return rc;
	place_rows(g, m, at + source_index(g, 1, (uint32_t)(in / row_bytes)) * pitch,
		g->flip[1] ? -(ptrdiff_t)pitch : (ptrdiff_t)pitch, in % row_bytes, n, out);
	framecache_put(g->r->cache, f);
	return 0;
}

/* n bytes of the plane at position pos, from its byte `in` on. */
static int part_of_plane(const struct reading *g, uint64_t pos, size_t in, size_t n, uint8_t *out)
{
	uint32_t plane = source_index(g, 2, (uint32_t)(pos % g->v->n_planes)),
		 t = (uint32_t)(pos / g->v->n_planes);
	const struct volume_slice *s = slice_at(g, plane, t);
	struct samples_map m = map_of(g, s);

	if (stop_check(g->r->stop, g->err) < 0)
		return -EINTR;
	return is_direct(g, s) ? part_from_file(g, s, &m, in, n, out) :
				 part_from_frame(g, plane, t, &m, in, n, out);
}

/* The plane lies along the output's second or third axis: one frame a row. */
static int gather_row(const struct reading *g, uint32_t j, uint32_t k, uint32_t t, uint8_t *out)
{
	uint64_t pos = (uint64_t)t * g->v->n_planes;
	uint32_t at[3] = { 0, 0, 0 };
	const struct frame *f;
	const uint8_t *p;
	struct samples_map m;
	size_t pitch, step, sample;
	int rc;

	if (stop_check(g->r->stop, g->err) < 0)
		return -EINTR;
	at[g->src[1]] = source_index(g, 1, j);
	at[g->src[2]] = source_index(g, 2, k);
	pos += g->src[1] == AXIS_PLANE ? j : k;
	read_ahead(g, pos, pos);
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

/* The planes lie along the output's first axis: each frame gives one sample to each of n rows from
 * row number `row` = k * dim[1] + j on. */
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

		if (stop_check(g->r->stop, g->err) < 0)
			return -EINTR;
		read_ahead(g, (uint64_t)t * g->v->n_planes + i, (uint64_t)t * g->v->n_planes + i);
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

/* n whole rows from row number `row` of time t (row = k * dim[1] + j), where rows are not those
 * of a plane. */
static int make_rows(const struct reading *g, uint64_t row, uint32_t n, uint32_t t, uint8_t *out)
{
	size_t row_bytes = (size_t)g->dim[0] * g->out_bytes;
	uint32_t i;
	int rc = 0;

	if (g->src[0] == AXIS_PLANE)
		return gather_planes(g, row, n, t, out);
	for (i = 0; i < n && rc == 0; i++)
		rc = gather_row(g, (uint32_t)((row + i) % g->dim[1]),
			(uint32_t)((row + i) / g->dim[1]), t, out + i * row_bytes);
	return rc;
}

/* As many whole rows from `row` as one step may take: to the end of the plane, of the time point
 * where frames give to all rows. */
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
	int rc = rows_step(g, row, 1, g->row);

	if (rc == 0)
		memcpy(out, g->row + skip, n);
	return rc;
}

/* Planes are planes: read them one after the other. */
static int64_t read_planes(const struct reading *g, uint8_t *out, size_t n, uint64_t off)
{
	uint64_t plane_bytes = (uint64_t)g->dim[0] * g->dim[1] * g->out_bytes;
	size_t done = 0, step;
	int rc;

	read_ahead(g, off / plane_bytes, (off + n - 1) / plane_bytes);
	for (; done < n; done += step) {
		uint64_t pos = (off + done) / plane_bytes, in = (off + done) % plane_bytes;

		step = (size_t)min_u64(n - done, plane_bytes - in);
		rc = part_of_plane(g, pos, (size_t)in, step, out + done);
		if (rc < 0)
			return done ? (int64_t)done : rc;
	}
	return (int64_t)done;
}

/* Any other order: row by row. */
static int64_t gather(const struct reading *g, uint8_t *out, size_t n, uint64_t off)
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

/* Scratch for reading n bytes: a row, and as many raw ones as are of use at once. */
static int get_scratch(struct reading *g, size_t n)
{
	size_t row = (size_t)g->dim[0] * g->out_bytes, widest = (size_t)g->dim[0] * 8;
	size_t of_use = min_size((n / row + 2) * widest, BLOCK_BYTES);

	g->raw_bytes = of_use > widest ? of_use : widest;
	g->row = mem_alloc(row + g->raw_bytes);
	if (!g->row)
		return err_nomem(g->err);
	g->raw = g->row + row;
	return 0;
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
	if (get_scratch(&g, n) < 0)
		return -ENOMEM;
	got = g.src[0] == AXIS_COLUMN && g.src[1] == AXIS_ROW ? read_planes(&g, buf, n, off) :
								gather(&g, buf, n, off);
	mem_free(g.row);
	return got;
}
