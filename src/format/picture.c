/* SPDX-License-Identifier: MIT */
/* Slices and sheets: see format/picture.h. */
#include "format/picture.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "format/window.h"

#define MOST_PIXELS (64u << 20) /* of a picture */
#define MOST_SIDE 32767u
#define MOST_STRETCH 16.0
#define MOST_TILES 1024u
#define GAP 2u /* pixels between tiles */
#define BACKGROUND 16u
#define CROSS 96u

/* ---- size ---- */

static uint32_t scaled_side(uint32_t side, double by)
{
	double s = round(side * by);

	return s < 1 ? 1 : s > MOST_SIDE ? MOST_SIDE : (uint32_t)s;
}

/* Distance from row to row as a multiple of that from column to column. */
static double stretch(const struct volume *v, const struct voxel_order *o)
{
	double x = fabs((double)v->pixdim[1 + o->axis[0]]),
	       y = fabs((double)v->pixdim[1 + o->axis[1]]), by = y / x;

	if (!(x > 0) || !(y > 0) || !isfinite(by))
		return 1;
	return by < 1 / MOST_STRETCH ? 1 / MOST_STRETCH : by > MOST_STRETCH ? MOST_STRETCH : by;
}

struct png_shape picture_shape(const struct volume *v)
{
	struct voxel_order o = window_plane_order(v);
	struct png_shape s = { .width = v->dim[o.axis[0]],
		.height = v->dim[o.axis[1]],
		.channels = v->type == SAMPLE_RGB24 ? 3 : 1 };
	double by = stretch(v, &o), pixels;

	if (by > 1.005)
		s.height = scaled_side(s.height, by);
	else if (by < 0.995)
		s.width = scaled_side(s.width, 1 / by);
	pixels = (double)s.width * s.height;
	by = fmin(sqrt(MOST_PIXELS / pixels), (double)MOST_SIDE / fmax(s.width, s.height));
	if (by < 1) {
		s.width = scaled_side(s.width, by);
		s.height = scaled_side(s.height, by);
	}
	return s;
}

uint64_t picture_count(const struct volume *v)
{
	return (uint64_t)v->dim[window_plane_order(v).axis[2]] * v->dim[3];
}

/* ---- resampling ---- */

/* One line of samples `step` bytes apart to another number of them: the mean of what a new
 * sample covers, or a straight line between neighbours where there are to be more. */
struct line {
	uint32_t n_in, n_out;
	size_t step_in, step_out;
};

static void reduce(const struct line *l, const uint8_t *in, uint8_t *out)
{
	uint32_t i, k;

	for (i = 0; i < l->n_out; i++) {
		uint32_t from = (uint32_t)((uint64_t)i * l->n_in / l->n_out);
		uint32_t to = (uint32_t)(((uint64_t)i + 1) * l->n_in / l->n_out);
		uint64_t sum = 0;

		for (k = from; k < to; k++)
			sum += in[k * l->step_in];
		out[i * l->step_out] = (uint8_t)((sum + (to - from) / 2) / (to - from));
	}
}

static void enlarge(const struct line *l, const uint8_t *in, uint8_t *out)
{
	uint32_t i;

	for (i = 0; i < l->n_out; i++) {
		/* the place of the new sample's centre, in 1/256 of an old one, from the first
		 * one's centre */
		uint64_t at = ((2 * (uint64_t)i + 1) * l->n_in << 7) / l->n_out;
		uint64_t k = at > 128 ? (at - 128) >> 8 : 0, part = at > 128 ? (at - 128) & 255 : 0;
		uint64_t next = k + 1 < l->n_in ? k + 1 : k;
		uint64_t sum = in[k * l->step_in] * (256 - part) + in[next * l->step_in] * part;

		out[i * l->step_out] = (uint8_t)((sum + 128) >> 8);
	}
}

static void resample_line(const struct line *l, const uint8_t *in, uint8_t *out)
{
	if (l->n_out <= l->n_in)
		reduce(l, in, out);
	else
		enlarge(l, in, out);
}

/* Rows first, into scratch (to->width * from->height pixels), then columns. `pitch`: bytes from
 * row to row of out. */
static void resample(const struct png_shape *from, const struct png_shape *to, const uint8_t *in,
	uint8_t *scratch, uint8_t *out, size_t pitch)
{
	size_t ch = from->channels, row_in = from->width * ch, row = to->width * ch, x;
	struct line across = { from->width, to->width, ch, ch },
		    down = { from->height, to->height, row, pitch };
	uint32_t y;

	for (y = 0; y < from->height; y++)
		for (x = 0; x < ch; x++)
			resample_line(&across, in + y * row_in + x, scratch + y * row + x);
	for (x = 0; x < row; x++)
		resample_line(&down, scratch + x, out + x);
}

/* ---- slices ---- */

/* Making pictures of one volume: buffers for a plane on its way. */
struct painter {
	const struct volume *v;
	struct windows windows;
	struct voxel_order order;
	struct png_shape from; /* a plane as it is stored */
	uint8_t *voxels;       /* a plane: float32 or RGB */
	uint8_t *pixels;       /* 8 bits; of colour the voxels themselves */
	uint8_t *scratch;      /* half resampled */
	const struct volume_reader *reader;
};

static void painter_release(struct painter *p)
{
	windows_release(&p->windows);
	if (p->pixels != p->voxels)
		mem_free(p->pixels);
	mem_free(p->voxels);
	mem_free(p->scratch);
}

static int painter_init(struct painter *p, const struct volume *v, const struct volume_reader *r,
	uint32_t most_width, struct err *err)
{
	size_t n;

	memset(p, 0, sizeof *p);
	p->v = v;
	p->reader = r;
	p->windows = (struct windows){ .v = v, .reader = r };
	p->order = window_plane_order(v);
	p->from = (struct png_shape){ .width = v->dim[p->order.axis[0]],
		.height = v->dim[p->order.axis[1]],
		.channels = v->type == SAMPLE_RGB24 ? 3 : 1 };
	n = (size_t)p->from.width * p->from.height;
	p->voxels = mem_resize(NULL, n, sample_bytes(p->order.type));
	p->pixels = p->from.channels == 3 ? p->voxels : mem_resize(NULL, n, 1);
	p->scratch = mem_resize(NULL, (size_t)most_width * p->from.channels, p->from.height);
	if (p->voxels && p->pixels && p->scratch)
		return 0;
	painter_release(p);
	return err_nomem(err);
}

/* Slice n as 8-bit pixels in p->pixels. */
static int paint_plane(struct painter *p, uint64_t n, struct err *err)
{
	uint8_t axis = p->order.axis[2];
	uint32_t planes = p->v->dim[axis], t = (uint32_t)(n / planes), k = (uint32_t)(n % planes);
	uint32_t plane = p->order.flip[2] ? planes - 1 - k : k;
	size_t count = (size_t)p->from.width * p->from.height,
	       bytes = count * sample_bytes(p->order.type), done = 0;
	uint64_t off = ((uint64_t)t * planes + plane) * bytes;
	struct window w;
	int64_t got;
	int rc;

	while (done < bytes) {
		got = volume_pread(p->v, p->reader, &p->order, p->voxels + done, bytes - done,
			off + done, err);
		if (got <= 0)
			return got < 0 ? (int)got :
					 err_set(err, -EIO, "the voxels of slice %u end early", k);
		done += (size_t)got;
	}
	if (p->from.channels == 3)
		return 0;
	rc = windows_get(&p->windows, plane, t, &w, err);
	if (rc == 0)
		window_apply(&w, (const float *)(const void *)p->voxels, p->pixels, count);
	return rc;
}

int picture_slice(const struct volume *v, const struct volume_reader *r, uint64_t n,
	uint8_t *pixels, struct err *err)
{
	struct png_shape to = picture_shape(v);
	struct painter p;
	int rc = painter_init(&p, v, r, to.width, err);

	if (rc < 0)
		return rc;
	rc = paint_plane(&p, n, err);
	if (rc == 0)
		resample(&p.from, &to, p.pixels, p.scratch, pixels, (size_t)to.width * to.channels);
	painter_release(&p);
	return rc;
}

/* ---- sheets ---- */

struct sheet {
	uint64_t n_planes, n_times; /* of the volume */
	uint32_t planes, times;     /* that are shown */
	uint32_t room;              /* tiles from one time to the next */
	uint32_t across, down;      /* tiles */
	struct png_shape tile, all;
};

static uint32_t tile_side(uint64_t n)
{
	return n <= 1 ? 512 : n <= 40 ? 192 : n <= 150 ? 128 : n <= 400 ? 96 : 64;
}

/* As large as fits into side * side, and not more than three times as large as it is. */
static struct png_shape tile_of(const struct png_shape *slice, uint32_t side)
{
	uint32_t longest = slice->width > slice->height ? slice->width : slice->height;
	double by = fmin((double)side / longest, 3);

	return (struct png_shape){ .width = scaled_side(slice->width, by),
		.height = scaled_side(slice->height, by),
		.channels = slice->channels };
}

/* About four to three. Where there are several times each begins a row, or several of them fill
 * one. */
static void arrange(struct sheet *s, uint64_t n)
{
	double width = s->tile.width + GAP, height = s->tile.height + GAP;
	double most = fmax(1, floor(4096 / width)),
	       across = ceil(sqrt((double)n * 4 / 3 * height / width));

	across = fmin(fmax(across, 1), most);
	if (s->times > 1 && s->planes > across)
		across = fmin(ceil(s->planes / fmax(1, round(s->planes / across))), most);
	else if (s->times > 1)
		across = s->planes * fmin(floor(across / s->planes), s->times);
	s->across = (uint32_t)min_u64((uint64_t)across, n);
	s->room = s->planes <= s->across ? s->planes :
					   (s->planes + s->across - 1) / s->across * s->across;
	s->down = (uint32_t)(((uint64_t)s->room * s->times + s->across - 1) / s->across);
}

static void lay_out(const struct volume *v, struct sheet *s)
{
	struct png_shape slice = picture_shape(v);
	uint64_t n;

	s->n_times = v->dim[3];
	s->n_planes = picture_count(v) / s->n_times;
	s->planes = (uint32_t)min_u64(s->n_planes, MOST_TILES);
	s->times = (uint32_t)min_u64(s->n_times, MOST_TILES / s->planes);
	n = (uint64_t)s->planes * s->times;
	s->tile = tile_of(&slice, tile_side(n));
	arrange(s, n);
	s->all = (struct png_shape){ .width = s->across * (s->tile.width + GAP) - GAP,
		.height = s->down * (s->tile.height + GAP) - GAP,
		.channels = s->tile.channels };
}

struct png_shape picture_sheet_shape(const struct volume *v)
{
	struct sheet s;

	lay_out(v, &s);
	return s.all;
}

static void cross_out(const struct png_shape *tile, uint8_t *at, size_t pitch)
{
	uint32_t y, x;

	for (y = 0; y < tile->height; y++) {
		x = (uint32_t)((uint64_t)y * tile->width / tile->height);
		memset(at + y * pitch + (size_t)x * tile->channels, CROSS, tile->channels);
		memset(at + y * pitch + (size_t)(tile->width - 1 - x) * tile->channels, CROSS,
			tile->channels);
	}
}

/* What a file holds may be unreadable for good; that one has gone, or that there is no memory,
 * passes. */
static bool is_for_good(int rc)
{
	return rc == -EIO || rc == -EBADMSG || rc == -ENOTSUP || rc == -EFBIG;
}

static int paint_tile(struct painter *p, const struct sheet *s, uint32_t i, uint8_t *pixels,
	struct err *err)
{
	uint32_t tile = i / s->planes * s->room + i % s->planes;
	uint64_t plane = i % s->planes * s->n_planes / s->planes;
	uint64_t t = i / s->planes * s->n_times / s->times;
	size_t ch = s->all.channels, pitch = s->all.width * ch;
	uint8_t *at = pixels + (size_t)(tile / s->across) * (s->tile.height + GAP) * pitch +
		(size_t)(tile % s->across) * (s->tile.width + GAP) * ch;
	int rc = paint_plane(p, t * s->n_planes + plane, err);

	if (rc == 0)
		resample(&p->from, &s->tile, p->pixels, p->scratch, at, pitch);
	else if (is_for_good(rc))
		cross_out(&s->tile, at, pitch);
	return is_for_good(rc) ? 0 : rc;
}

int picture_sheet(const struct volume *v, const struct volume_reader *r, uint8_t *pixels,
	struct err *err)
{
	struct painter p;
	struct sheet s;
	uint32_t i;
	int rc;

	lay_out(v, &s);
	rc = painter_init(&p, v, r, s.tile.width, err);
	if (rc < 0)
		return rc;
	memset(pixels, BACKGROUND, (size_t)s.all.width * s.all.height * s.all.channels);
	for (i = 0; i < s.planes * s.times && rc == 0; i++)
		rc = paint_tile(&p, &s, i, pixels, err);
	painter_release(&p);
	return rc;
}
