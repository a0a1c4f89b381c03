/* SPDX-License-Identifier: MIT */
/* NIfTI-1 and NIfTI-2 headers, written field by field in file order. */
#include "format/nifti.h"

#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"
#include "volume/volume.h"

#define NIFTI1_BYTES 348u
#define NIFTI2_BYTES 540u
#define FLAG_BYTES 4u
#define NIFTI1_MOST 32767u
#define UNITS_MM_S 10 /* NIFTI_UNITS_MM | NIFTI_UNITS_SEC */

static bool needs_nifti2(const struct volume *v)
{
	for (int i = 0; i < 4; i++)
		if (v->dim[i] > NIFTI1_MOST)
			return true;
	return false;
}

static void add_f32(struct buf *b, float v)
{
	buf_add_le32(b, f32_to_bits(v));
}

static void add_f64(struct buf *b, double v)
{
	buf_add_le64(b, f64_to_bits(v));
}

static bool is_resampled(const struct volume *v)
{
	return v->kind == VOLUME_TILT || v->kind == VOLUME_EQUIDISTANT;
}

/* dim[0..7]. Resampled volumes leave the unused ones 0, the others 1: what readers of either know. */
static void dims(const struct volume *v, uint32_t out[8])
{
	uint32_t unused = is_resampled(v) ? 0 : 1;

	out[0] = v->is_4d ? 4 : 3;
	for (int i = 0; i < 3; i++)
		out[i + 1] = v->dim[i];
	out[4] = v->is_4d ? v->dim[3] : unused;
	for (int i = 5; i < 8; i++)
		out[i] = unused;
}

static float slope(const struct volume *v)
{
	return v->scl_slope == 0.0f ? 1.0f : v->scl_slope;
}

static uint16_t bits(const struct volume *v)
{
	return (uint16_t)(8 * sample_bytes(v->type));
}

static void add_text(struct buf *b, const char *text, size_t cap)
{
	size_t len = strnlen(text, cap);

	buf_add(b, text, len);
	buf_fill(b, 0, cap - len);
}

/* Fields in the order of nifti1.h; the numbers in the margin are offsets. */
static void add_nifti1(const struct volume *v, struct buf *b)
{
	uint32_t dim[8];

	dims(v, dim);
	buf_add_le32(b, NIFTI1_BYTES);  /* 0 sizeof_hdr */
	buf_fill(b, 0, 34);             /* 4 data_type .. session_error */
	buf_addc(b, 'r');               /* 38 regular */
	buf_addc(b, (char)v->dim_info); /* 39 */
	for (int i = 0; i < 8; i++)
		buf_add_le16(b, (uint16_t)dim[i]); /* 40 */
	buf_fill(b, 0, 14);                        /* 56 intent_p1 .. intent_code */
	buf_add_le16(b, (uint16_t)v->type);        /* 70 datatype */
	buf_add_le16(b, bits(v));                  /* 72 bitpix */
	buf_add_le16(b, 0);                        /* 74 slice_start */
	for (int i = 0; i < 8; i++)
		add_f32(b, v->pixdim[i]);               /* 76 */
	add_f32(b, (float)(NIFTI1_BYTES + FLAG_BYTES)); /* 108 vox_offset */
	add_f32(b, slope(v));                           /* 112 */
	add_f32(b, v->scl_inter);                       /* 116 */
	buf_add_le16(b, 0);                             /* 120 slice_end */
	buf_addc(b, (char)v->slice_code);               /* 122 */
	buf_addc(b, UNITS_MM_S);                        /* 123 xyzt_units */
	buf_fill(b, 0, 24);                             /* 124 cal_max .. glmin */
	add_text(b, v->descrip, sizeof v->descrip);     /* 148 */
	add_text(b, v->aux_file, sizeof v->aux_file);   /* 228 */
	buf_add_le16(b, (uint16_t)v->qform_code);       /* 252 */
	buf_add_le16(b, (uint16_t)v->sform_code);       /* 254 */
	for (int i = 0; i < 3; i++)
		add_f32(b, v->quatern[i]); /* 256 */
	for (int i = 0; i < 3; i++)
		add_f32(b, v->qoffset[i]); /* 268 */
	for (int i = 0; i < 3; i++)
		for (int j = 0; j < 4; j++)
			add_f32(b, v->srow[i][j]); /* 280 */
	buf_fill(b, 0, 16);                        /* 328 intent_name */
	buf_add(b, "n+1", 4);                      /* 344 magic */
}

/* Fields in the order of nifti2.h. */
static void add_nifti2(const struct volume *v, struct buf *b)
{
	uint32_t dim[8];

	dims(v, dim);
	buf_add_le32(b, NIFTI2_BYTES);      /* 0 sizeof_hdr */
	buf_add(b, "n+2\0\r\n\032\n", 8);   /* 4 magic */
	buf_add_le16(b, (uint16_t)v->type); /* 12 datatype */
	buf_add_le16(b, bits(v));           /* 14 bitpix */
	for (int i = 0; i < 8; i++)
		buf_add_le64(b, dim[i]); /* 16 */
	buf_fill(b, 0, 24);              /* 80 intent_p1..3 */
	for (int i = 0; i < 8; i++)
		add_f64(b, (double)v->pixdim[i]);     /* 104 */
	buf_add_le64(b, NIFTI2_BYTES + FLAG_BYTES);   /* 168 vox_offset */
	add_f64(b, (double)slope(v));                 /* 176 */
	add_f64(b, (double)v->scl_inter);             /* 184 */
	buf_fill(b, 0, 48);                           /* 192 cal_max .. slice_end */
	add_text(b, v->descrip, sizeof v->descrip);   /* 240 */
	add_text(b, v->aux_file, sizeof v->aux_file); /* 320 */
	buf_add_le32(b, (uint32_t)v->qform_code);     /* 344 */
	buf_add_le32(b, (uint32_t)v->sform_code);     /* 348 */
	for (int i = 0; i < 3; i++)
		add_f64(b, (double)v->quatern[i]); /* 352 */
	for (int i = 0; i < 3; i++)
		add_f64(b, (double)v->qoffset[i]); /* 376 */
	for (int i = 0; i < 3; i++)
		for (int j = 0; j < 4; j++)
			add_f64(b, (double)v->srow[i][j]); /* 400 */
	buf_add_le32(b, v->slice_code);                    /* 496 */
	buf_add_le32(b, UNITS_MM_S);                       /* 500 */
	buf_fill(b, 0, 20);                                /* 504 intent_code, intent_name */
	buf_addc(b, (char)v->dim_info);                    /* 524 */
	buf_fill(b, 0, 15);                                /* 525 */
}

int nifti_header(const struct volume *v, struct buf *out, struct err *err)
{
	if (needs_nifti2(v))
		add_nifti2(v, out);
	else
		add_nifti1(v, out);
	buf_fill(out, 0, FLAG_BYTES);
	return buf_error(out) ? err_nomem(err) : 0;
}
