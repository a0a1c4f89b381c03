/* SPDX-License-Identifier: MIT */
/*
 * Voxels of derived volumes: see volume/resample.h. Values are interpolated between
 * two rows (tilt) or two planes (even gaps) in float arithmetic and rounded half away
 * from zero, as the reference does it.
 */
#include "volume/resample.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "dicom/dataset.h"
#include "dicom/reader.h"
#include "dicom/value.h"
#include "index/files.h"
#include "volume/framecache.h"
#include "volume/volume.h"

static size_t plane_bytes(const struct volume *v)
{
	return (size_t)v->dim[0] * v->dim[1] * sample_bytes(v->type);
}

/* A plane of the base in NIfTI order; mem_free() it. */
static int base_plane(const struct volume *v, const struct volume_reader *r, uint32_t plane,
	uint8_t **out, struct err *err)
{
	const struct volume *base = v->base;
	struct voxel_order order = voxel_order_nifti(base);
	size_t len = plane_bytes(base), got = 0;
	uint8_t *bytes = mem_alloc(len);

	if (!bytes)
		return err_nomem(err);
	while (got < len) {
		int64_t n = volume_pread(base, r, &order, bytes + got, len - got,
			(uint64_t)plane * len + got, err);

		if (n <= 0) {
			mem_free(bytes);
			return n < 0 ? (int)n :
				       err_set(err, -EIO, "the base of the volume is short");
		}
		got += (size_t)n;
	}
	*out = bytes;
	return 0;
}

/* --- one sample ---------------------------------------------------------------------- */

static float sample_get(enum sample_type type, const uint8_t *p)
{
	switch (type) {
	case SAMPLE_I16:
		return (float)(int16_t)get_le16(p);
	case SAMPLE_F32:
		return f32_from_bits(get_le32(p));
	default:
		return (float)*p;
	}
}

static void sample_put(enum sample_type type, uint8_t *p, float value)
{
	switch (type) {
	case SAMPLE_I16:
		put_le16(p, (uint16_t)(int16_t)value);
		break;
	case SAMPLE_F32:
		put_le32(p, f32_to_bits(value));
		break;
	default:
		*p = (uint8_t)value;
	}
}

/* n samples between two rows of them, all rounded, weight of the second `high`. */
static void blend(enum sample_type type, const uint8_t *a, const uint8_t *b, float high, size_t n,
	uint8_t *out)
{
	size_t size = type == SAMPLE_RGB24 ? 1 : sample_bytes(type);
	float low = (float)(1.0 - (double)high);

	n *= type == SAMPLE_RGB24 ? 3 : 1;
	for (size_t i = 0; i < n; i++) {
		float v = sample_get(type, a + i * size) * low +
			sample_get(type, b + i * size) * high;

		sample_put(type, out + i * size, (float)round((double)v));
	}
}

/* --- gantry tilt -------------------------------------------------------------------------- */

struct scan {
	const struct volume *v;
	const struct volume_reader *r;
};

/* The least value of the base, as four bytes of float. */
static int find_least(void *arg, uint8_t *out, size_t len, struct err *err)
{
	const struct scan *s = arg;
	const struct volume *base = s->v->base;
	size_t size = sample_bytes(base->type), n = plane_bytes(base) / size;
	float least = INFINITY;

	for (uint32_t k = 0; k < base->dim[2]; k++) {
		uint8_t *bytes;
		int rc = base_plane(s->v, s->r, k, &bytes, err);

		if (rc < 0)
			return rc;
		for (size_t i = 0; i < n; i++)
			least = fminf(least, sample_get(base->type, bytes + i * size));
		mem_free(bytes);
	}
	if (len >= 4)
		put_le32(out, f32_to_bits(least));
	return 0;
}

/* What surrounds the sheared image: the padding value, else the darkest voxel of all, looked for
 * once. */
static int surroundings(const struct volume *v, const struct volume_reader *r, float *out,
	struct err *err)
{
	double padding = v->resample[RESAMPLE_TILT_PADDING];
	uint64_t id[2];
	struct scan s = { v, r };
	const struct frame *f;
	int rc;

	if (!isnan(padding)) {
		*out = (float)round(padding);
		return 0;
	}
	volume_made_id(v, VOLUME_MADE_LEAST, id);
	rc = framecache_get_made(r->cache, id, 4, find_least, &s, r->stop, &f, err);
	if (rc < 0)
		return rc;
	*out = f32_from_bits(get_le32(f->samples));
	framecache_put(r->cache, f);
	return 0;
}

/* One row between two; where either is padding, the nearer one. */
static void shear_row(const struct volume *v, const uint8_t *low, const uint8_t *high,
	float high_weight, uint8_t *out)
{
	size_t size = sample_bytes(v->type);
	double padding = v->resample[RESAMPLE_TILT_PADDING];
	float pad = (float)round(padding);

	blend(v->type, low, high, high_weight, v->dim[0], out);
	if (isnan(padding))
		return;
	for (uint32_t i = 0; i < v->dim[0]; i++) {
		const uint8_t *a = low + i * size, *b = high + i * size;

		if (sample_get(v->type, a) == pad || sample_get(v->type, b) == pad)
			memcpy(out + i * size, high_weight >= 0.5f ? b : a, size);
	}
}

static int tilt_plane(const struct volume *v, const struct volume_reader *r, uint32_t plane,
	uint8_t *out, struct err *err)
{
	size_t size = sample_bytes(v->type), pitch = v->dim[0] * size;
	uint32_t n_rows = v->base->dim[1];
	float rows_per_mm = (float)v->resample[RESAMPLE_TILT_ROWS], fill, shift, high;
	float mm = (float)v->resample[RESAMPLE_TILT_PLANES + plane];
	uint8_t *in;
	int rc = surroundings(v, r, &fill, err);

	if (!rc)
		rc = base_plane(v, r, plane, &in, err);
	if (rc < 0)
		return rc;
	if (rows_per_mm < 0.0f)
		mm -= (float)v->resample[RESAMPLE_TILT_MM];
	shift = rows_per_mm * mm;
	high = ceilf(shift) - shift;
	for (uint32_t j = 0; j < v->dim[1]; j++) {
		float row = (float)j - shift;

		if (row >= 0.0f && row < (float)n_rows) {
			uint32_t low = (uint32_t)row, next = low + 1 < n_rows ? low + 1 : low;

			shear_row(v, in + low * pitch, in + next * pitch, high, out + j * pitch);
			continue;
		}
		for (uint32_t i = 0; i < v->dim[0]; i++)
			sample_put(v->type, out + j * pitch + i * size, fill);
	}
	mem_free(in);
	return 0;
}

/* --- even gaps ------------------------------------------------------------------------------ */

static int even_plane(const struct volume *v, const struct volume_reader *r, uint32_t plane,
	uint8_t *out, struct err *err)
{
	const double *w = v->resample + (size_t)plane * RESAMPLE_EVEN_STRIDE;
	uint8_t *low, *high;
	int rc = base_plane(v, r, (uint32_t)w[RESAMPLE_EVEN_HIGH], &high, err);

	if (rc < 0)
		return rc;
	if (w[RESAMPLE_EVEN_LOW] == w[RESAMPLE_EVEN_HIGH]) {
		memcpy(out, high, plane_bytes(v));
	} else {
		rc = base_plane(v, r, (uint32_t)w[RESAMPLE_EVEN_LOW], &low, err);
		if (!rc) {
			blend(v->type, low, high, (float)w[RESAMPLE_EVEN_WEIGHT],
				(size_t)v->dim[0] * v->dim[1], out);
			mem_free(low);
		}
	}
	mem_free(high);
	return rc;
}

/* --- overlays --------------------------------------------------------------------------------- */

/* PS3.3 C.9.2: one bit a pixel, the first one lowest; frames follow one another without gaps.
 * `swap`: bytes are in words of the other order. */
static void unpack_bits(const uint8_t *bits, size_t n_bytes, uint64_t first_bit, bool swap,
	const struct volume *v, uint8_t *out)
{
	for (uint64_t i = 0; i < (uint64_t)v->plane_cols * v->plane_rows; i++) {
		uint64_t bit = first_bit + i, byte = (bit / 8) ^ swap;

		out[i] = byte < n_bytes && (bits[byte] >> bit % 8 & 1);
	}
}

bool resample_overlay_covers(const struct dcm_header *h, const struct instance *in, uint16_t group)
{
	double origin[2] = { 1, 1 };

	dcm_get_doubles(&h->top, DCM_TAG(group, 0x0050), origin, 2);
	return origin[0] == 1.0 && origin[1] == 1.0 &&
		dcm_get_int(&h->top, DCM_TAG(group, 0x0100), 1) == 1 &&
		dcm_get_int(&h->top, DCM_TAG(group, 0x0102), 0) == 0 &&
		dcm_get_int(&h->top, DCM_TAG(group, 0x0010), 0) == in->attr->pixel.rows &&
		dcm_get_int(&h->top, DCM_TAG(group, 0x0011), 0) == in->attr->pixel.cols;
}

static int overlay_plane(const struct volume *v, const struct volume_reader *r, uint32_t plane,
	uint8_t *out, struct err *err)
{
	const struct volume_slice *s = &v->slices[plane];
	uint64_t first_bit = (uint64_t)s->frame * v->plane_cols * v->plane_rows;
	struct dcm_header *h;
	const struct dcm_node *n;
	const uint8_t *bits;
	bool owned;
	int rc = files_header(r->files, s->in, DCM_LOAD_BEFORE_PIXELS, 0, &h, err);

	if (rc < 0)
		return rc;
	memset(out, 0, (size_t)v->plane_cols * v->plane_rows);
	n = dcm_get(&h->top, DCM_TAG(v->overlay_group, 0x3000));
	if (n && resample_overlay_covers(h, s->in, v->overlay_group)) {
		rc = dcm_header_load(h, n, &bits, &owned, err);
		if (!rc) {
			unpack_bits(bits, (size_t)n->el.len, first_bit,
				n->el.big_endian && n->el.vr == DCM_VR_OW, v, out);
			if (owned)
				mem_free((void *)(uintptr_t)bits);
		}
	}
	dcm_header_free(h);
	return rc;
}

int resample_plane(const struct volume *v, const struct volume_reader *r, uint32_t plane,
	uint32_t t, uint8_t *out, size_t len, struct err *err)
{
	(void)t; /* derived volumes have one time point */
	if (len < plane_bytes(v) && v->kind != VOLUME_OVERLAY)
		return err_set(err, -EIO, "no room for a plane");
	switch (v->kind) {
	case VOLUME_TILT:
		return tilt_plane(v, r, plane, out, err);
	case VOLUME_EQUIDISTANT:
		return even_plane(v, r, plane, out, err);
	case VOLUME_OVERLAY:
		return overlay_plane(v, r, plane, out, err);
	default:
		return err_set(err, -EIO, "not a derived volume");
	}
}
