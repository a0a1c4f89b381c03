/* SPDX-License-Identifier: MIT */
/* Analyze 7.5 headers, written field by field in file order. */
#include "format/analyze.h"

#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"
#include "format/space.h"

#define HEADER_BYTES 348u
#define EXTENTS 16384u
#define MOST 32767u
#define OBLIQUE 1e-4 /* sine of an angle that is worth a word */

/* clang-format off: a line of the file is a line here */
const char analyze_readme[] =
	"Analyze 7.5 is older than most of what these images know about themselves. What is\n"
	"lost here, and kept in nii/:\n"
	"\n"
	"- Angles. The format has an origin (SPM's, in voxels) but no directions. Voxels are\n"
	"  stored with x running to the patient's left, y to the front, z up, as SPM and\n"
	"  nibabel expect; an oblique volume is turned to the nearest such order and lies\n"
	"  askew by the rest. Its description says so.\n"
	"- The origin is a whole voxel: positions are right to half a voxel.\n"
	"- Types. It has 8 bit unsigned, 16 and 32 bit signed, floats and RGB: unsigned 16\n"
	"  bit is shown as 32 bit, wider integers as 64 bit floats, signed 8 bit as 16 bit.\n"
	"- The intercept. The format has a factor alone (SPM's): where there is an intercept\n"
	"  too, both are applied and the voxels are floats.\n"
	"- No side may be longer than 32767 voxels: .dcmfs/problems.tsv names what is left\n"
	"  out.\n";
/* clang-format on */

bool analyze_holds(const struct volume *v, const char **why)
{
	unsigned i;

	for (i = 0; i < 4; i++)
		if (v->dim[i] > MOST) {
			*why = "a side is longer than 32767 voxels, which Analyze cannot count";
			return false;
		}
	return true;
}

static enum sample_type type_of(const struct volume *v)
{
	switch (v->type) {
	case SAMPLE_I8:
		return SAMPLE_I16;
	case SAMPLE_U16:
		return SAMPLE_I32;
	case SAMPLE_U32:
	case SAMPLE_I64:
	case SAMPLE_U64:
		return SAMPLE_F64;
	default:
		return v->type;
	}
}

/* Output axes are left-right, back-front, down-up. */
static void set_axes(const struct space *s, struct voxel_order *o)
{
	uint8_t a, w;

	for (a = 0; a < 3; a++) {
		w = s->world[a];
		o->axis[w] = a;
		o->flip[w] = (s->unit[a][w] > 0) == (w == 0);
	}
}

struct voxel_order analyze_order(const struct volume *v)
{
	struct voxel_order o = voxel_order_nifti(v);
	struct space s;

	space_of(v, &s);
	if (space_is_scaled(v) && v->scl_inter != 0.0f)
		o = space_order_applied(v);
	else
		o.type = type_of(v);
	set_axes(&s, &o);
	return o;
}

static bool is_oblique(const struct space *s)
{
	unsigned a;

	for (a = 0; a < 3; a++)
		if (1 - fabs(s->unit[a][s->world[a]]) > OBLIQUE * OBLIQUE / 2)
			return true;
	return false;
}

static void add_descrip(const struct volume *v, const struct space *s, struct buf *b)
{
	static const char lost[] = "angles lost;";
	char text[80] = { 0 };
	size_t at = 0;

	if (is_oblique(s)) {
		memcpy(text, lost, sizeof lost - 1);
		at = sizeof lost - 1;
	}
	memcpy(text + at, v->descrip, strnlen(v->descrip, sizeof text - 1 - at));
	buf_add(b, text, sizeof text);
}

/* SPM99: the voxel at the origin of space, counted from 1. */
static void add_originator(const struct volume *v, const struct space *s,
	const struct voxel_order *o, struct buf *b)
{
	double index[3] = { 0, 0, 0 }, at;
	unsigned w;

	if (v->sform_code == 0 || !space_index_at(s, (const double[3]){ 0, 0, 0 }, index)) {
		buf_fill(b, 0, 10);
		return;
	}
	for (w = 0; w < 3; w++) {
		at = index[o->axis[w]];
		at = 1 + rint(o->flip[w] ? v->dim[o->axis[w]] - 1 - at : at);
		at = fmin(fmax(at, INT16_MIN), INT16_MAX);
		buf_add_le16(b, (uint16_t)(int16_t)at);
	}
	buf_fill(b, 0, 4);
}

static void add_f32(struct buf *b, float v)
{
	buf_add_le32(b, f32_to_bits(v));
}

/* Numbers in the margin are offsets. */
int analyze_header(const struct volume *v, struct buf *out, struct err *err)
{
	struct voxel_order o = analyze_order(v);
	struct space s;
	unsigned i;

	space_of(v, &s);
	buf_add_le32(out, HEADER_BYTES); /* 0 sizeof_hdr */
	buf_fill(out, 0, 28);            /* 4 data_type, db_name */
	buf_add_le32(out, EXTENTS);      /* 32 */
	buf_fill(out, 0, 2);             /* 36 session_error */
	buf_addc(out, 'r');              /* 38 regular */
	buf_addc(out, 0);                /* 39 hkey_un0 */
	buf_add_le16(out, 4);            /* 40 dim[0..7] */
	for (i = 0; i < 3; i++)
		buf_add_le16(out, (uint16_t)v->dim[o.axis[i]]);
	buf_add_le16(out, (uint16_t)v->dim[3]);
	buf_fill(out, 0, 6);
	buf_add(out, "mm\0", 4);                                 /* 56 vox_units */
	buf_fill(out, 0, 10);                                    /* 60 cal_units, unused1 */
	buf_add_le16(out, (uint16_t)o.type);                     /* 70 datatype */
	buf_add_le16(out, (uint16_t)(8 * sample_bytes(o.type))); /* 72 bitpix */
	buf_fill(out, 0, 2);                                     /* 74 dim_un0 */
	add_f32(out, 0);                                         /* 76 pixdim[0..7] */
	for (i = 0; i < 3; i++)
		add_f32(out, (float)s.step[o.axis[i]]);
	add_f32(out, v->pixdim[4]);
	buf_fill(out, 0, 12);
	add_f32(out, 0); /* 108 vox_offset */
	add_f32(out,
		space_is_scaled(v) && !o.apply_scale ? v->scl_slope : 1.0f); /* 112 SPM's factor */
	buf_fill(out, 0, 32);                          /* 116 funused2 .. glmin */
	add_descrip(v, &s, out);                       /* 148 */
	buf_add(out, v->aux_file, sizeof v->aux_file); /* 228 */
	buf_addc(out, 0);                              /* 252 orient: transverse, unflipped */
	add_originator(v, &s, &o, out);                /* 253 */
	buf_fill(out, 0, 85);                          /* 263 generated .. smin */
	return buf_error(out) ? err_nomem(err) : 0;
}
