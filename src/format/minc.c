/* SPDX-License-Identifier: MIT */
/*
 * MINC 1 files: see format/minc.h. The NetCDF classic format: "CDF" 1, the number of records, then
 * lists of dimensions, global attributes and variables (tag, count, entries), then each variable's
 * values at its own offset. Names and values are padded to four bytes.
 *
 * Values before the image's are few, so that they are part of the header here. Where they begin
 * depends on the length of what is before them: it is measured by writing it with all offsets 0.
 */
#include "format/minc.h"

#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"
#include "format/space.h"

enum { NC_BYTE = 1, NC_CHAR = 2, NC_SHORT = 3, NC_INT = 4, NC_FLOAT = 5, NC_DOUBLE = 6 };
enum { NC_DIMENSION = 10, NC_VARIABLE = 11, NC_ATTRIBUTE = 12 };

#define FLOAT_MOST 3.4028234663852886e38

/* Axes of the file, slowest first: time where there is one, then k, j, i. */
struct layout {
	const struct volume *v;
	struct space space;
	struct voxel_order order;
	unsigned n_dims; /* 3 or 4 */
	uint32_t begin;  /* of the first variable's values; the others follow */
	double cosines[3][3], start[3], step[3]; /* of the file's axis for i, j, k */
	double least, most;                      /* of the type */
};

static const char *const space_names[] = { "xspace", "yspace", "zspace" };

bool minc_holds(const struct volume *v, const char **why)
{
	if (v->type != SAMPLE_RGB24)
		return true;
	*why = "colour, which MINC 1 has no type for";
	return false;
}

struct voxel_order minc_order(const struct volume *v)
{
	struct voxel_order o = voxel_order_nifti(v);

	if (v->type == SAMPLE_I64 || v->type == SAMPLE_U64 || v->type == SAMPLE_F32 ||
		v->type == SAMPLE_F64)
		o = space_order_applied(v);
	if (o.type == SAMPLE_I64 || o.type == SAMPLE_U64)
		o.type = SAMPLE_F64;
	o.big_endian = true;
	return o;
}

static unsigned nc_type(enum sample_type t)
{
	switch (t) {
	case SAMPLE_U8:
	case SAMPLE_I8:
		return NC_BYTE;
	case SAMPLE_U16:
	case SAMPLE_I16:
		return NC_SHORT;
	case SAMPLE_U32:
	case SAMPLE_I32:
		return NC_INT;
	case SAMPLE_F32:
		return NC_FLOAT;
	default:
		return NC_DOUBLE;
	}
}

static bool is_unsigned(enum sample_type t)
{
	return t == SAMPLE_U8 || t == SAMPLE_U16 || t == SAMPLE_U32;
}

/* What valid_range says; of integers all that the type holds, so that any value is in it. */
static void set_range(struct layout *l)
{
	double values = ldexp(1, (int)(8 * sample_bytes(l->order.type)));

	if (nc_type(l->order.type) >= NC_FLOAT) {
		l->least = -FLOAT_MOST;
		l->most = FLOAT_MOST;
	} else {
		l->least = is_unsigned(l->order.type) ? 0 : -values / 2;
		l->most = l->least + values - 1;
	}
}

/* MINC's directions point along the axis of the body that they are named after; the step has the
 * sign. The start is the origin, measured along the directions. */
static void set_place(struct layout *l)
{
	const struct space *s = &l->space;
	unsigned a, i;

	for (a = 0; a < 3; a++) {
		double sign = s->unit[a][s->world[a]] < 0 ? -1 : 1;

		for (i = 0; i < 3; i++)
			l->cosines[a][i] = sign * s->unit[a][i];
		l->step[a] = sign * s->step[a];
	}
	if (!space_solve(l->cosines, s->origin, l->start))
		memset(l->start, 0, sizeof l->start);
}

static void lay_out(const struct volume *v, struct layout *l)
{
	memset(l, 0, sizeof *l);
	l->v = v;
	l->order = minc_order(v);
	l->n_dims = v->is_4d ? 4 : 3;
	space_of(v, &l->space);
	set_range(l);
	set_place(l);
}

static void put_f64(struct buf *b, double v)
{
	buf_add_be64(b, f64_to_bits(v));
}

static void put_text(struct buf *b, const char *s)
{
	size_t len = strlen(s);

	buf_add_be32(b, (uint32_t)len);
	buf_add(b, s, len);
	buf_fill(b, 0, (4 - len % 4) % 4);
}

static void attribute(struct buf *b, const char *name, const char *text)
{
	put_text(b, name);
	buf_add_be32(b, NC_CHAR);
	put_text(b, text);
}

static void attribute_f64(struct buf *b, const char *name, const double *values, unsigned n)
{
	unsigned i;

	put_text(b, name);
	buf_add_be32(b, NC_DOUBLE);
	buf_add_be32(b, n);
	for (i = 0; i < n; i++)
		put_f64(b, values[i]);
}

/* What each of MINC's variables begins with: name, the dimensions from 0 on, and its first
 * attributes. */
static void variable(struct buf *b, const char *name, unsigned n_dims, const char *vartype,
	unsigned n_attributes)
{
	unsigned i;

	put_text(b, name);
	buf_add_be32(b, n_dims);
	for (i = 0; i < n_dims; i++)
		buf_add_be32(b, i);
	buf_add_be32(b, NC_ATTRIBUTE);
	buf_add_be32(b, 3 + n_attributes);
	attribute(b, "varid", "MINC standard variable");
	attribute(b, "vartype", vartype);
	attribute(b, "version", "MINC Version    1.0");
}

/* What it ends with: type, size and offset; *at moves behind its values. */
static void variable_end(struct buf *b, unsigned type, uint64_t size, uint32_t *at)
{
	buf_add_be32(b, type);
	buf_add_be32(b, (uint32_t)min_u64((size + 3) / 4 * 4, UINT32_MAX));
	buf_add_be32(b, *at);
	*at += (uint32_t)size;
}

static void put_dimension(struct buf *b, const char *name, uint32_t len)
{
	put_text(b, name);
	buf_add_be32(b, len);
}

static void put_dimensions(const struct layout *l, struct buf *b)
{
	unsigned a;

	buf_add_be32(b, NC_DIMENSION);
	buf_add_be32(b, l->n_dims);
	if (l->v->is_4d)
		put_dimension(b, "time", l->v->dim[3]);
	for (a = 3; a-- > 0;)
		put_dimension(b, space_names[l->space.world[a]], l->v->dim[a]);
}

static void put_axis(const struct layout *l, unsigned a, struct buf *b, uint32_t *at)
{
	variable(b, space_names[l->space.world[a]], 0, "dimension____", 7);
	attribute(b, "spacing", "regular__");
	attribute(b, "alignment", "centre");
	attribute_f64(b, "step", &l->step[a], 1);
	attribute_f64(b, "start", &l->start[a], 1);
	attribute(b, "units", "mm");
	attribute(b, "spacetype", "native____");
	attribute_f64(b, "direction_cosines", l->cosines[a], 3);
	variable_end(b, NC_INT, 4, at);
}

static void put_time(const struct layout *l, struct buf *b, uint32_t *at)
{
	double step = l->v->pixdim[4] > 0 ? (double)l->v->pixdim[4] : 1, start = 0;

	variable(b, "time", 0, "dimension____", 5);
	attribute(b, "spacing", "regular__");
	attribute(b, "alignment", "start_");
	attribute_f64(b, "step", &step, 1);
	attribute_f64(b, "start", &start, 1);
	attribute(b, "units", "s");
	variable_end(b, NC_INT, 4, at);
}

static uint32_t n_slices(const struct layout *l)
{
	return l->v->dim[2] * l->v->dim[3];
}

static void put_extreme(const struct layout *l, const char *name, struct buf *b, uint32_t *at)
{
	variable(b, name, l->n_dims - 2, "var_attribute", 1);
	attribute(b, "parent", "image");
	variable_end(b, NC_DOUBLE, 8 * (uint64_t)n_slices(l), at);
}

static void put_root(struct buf *b, uint32_t *at)
{
	variable(b, "rootvariable", 0, "group________", 2);
	attribute(b, "parent", "");
	attribute(b, "children", "image");
	variable_end(b, NC_INT, 4, at);
}

static void put_image(const struct layout *l, struct buf *b, uint32_t *at)
{
	variable(b, "image", l->n_dims, "group________", 6);
	attribute(b, "parent", "rootvariable");
	attribute(b, "complete", "true_");
	attribute(b, "signtype", is_unsigned(l->order.type) ? "unsigned" : "signed__");
	attribute_f64(b, "valid_range", (const double[2]){ l->least, l->most }, 2);
	attribute(b, "image-max", "--->image-max");
	attribute(b, "image-min", "--->image-min");
	buf_add_be32(b, nc_type(l->order.type));
	buf_add_be32(b, (uint32_t)min_u64((volume_bytes(l->v, &l->order) + 3) / 4 * 4, UINT32_MAX));
	buf_add_be32(b, *at);
}

/* The three lists; offsets of values begin with l->begin. */
static void put_lists(const struct layout *l, struct buf *b)
{
	uint32_t at = l->begin;
	unsigned a;

	buf_add(b, "CDF\1", 4);
	buf_add_be32(b, 0);
	put_dimensions(l, b);
	buf_add_be32(b, NC_ATTRIBUTE);
	buf_add_be32(b, 1);
	attribute(b, "history", "dcmfs\n");
	buf_add_be32(b, NC_VARIABLE);
	buf_add_be32(b, 4 + l->n_dims);
	for (a = 0; a < 3; a++)
		put_axis(l, a, b, &at);
	if (l->v->is_4d)
		put_time(l, b, &at);
	put_extreme(l, "image-max", b, &at);
	put_extreme(l, "image-min", b, &at);
	put_root(b, &at);
	put_image(l, b, &at);
}

/* What a stored value at the end of the range means. */
static double real_value(const struct layout *l, double stored)
{
	if (!space_is_scaled(l->v) || l->order.apply_scale)
		return stored;
	return stored * (double)l->v->scl_slope + (double)l->v->scl_inter;
}

static void put_values(const struct layout *l, struct buf *b)
{
	uint32_t i, n = n_slices(l);

	buf_fill(b, 0, 4 * ((size_t)l->n_dims)); /* the axes */
	for (i = 0; i < n; i++)
		put_f64(b, real_value(l, l->most));
	for (i = 0; i < n; i++)
		put_f64(b, real_value(l, l->least));
	buf_fill(b, 0, 4); /* rootvariable */
}

int minc_header(const struct volume *v, struct buf *out, struct err *err)
{
	struct layout l;
	struct buf count;

	lay_out(v, &l);
	buf_init_counting(&count);
	put_lists(&l, &count);
	l.begin = (uint32_t)count.len;
	put_lists(&l, out);
	put_values(&l, out);
	return buf_error(out) ? err_nomem(err) : 0;
}
