/* SPDX-License-Identifier: MIT */
/* What a header says of its pixels: see dicom/pixels.h. */
#include "dicom/pixels.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "codec/codec.h"
#include "dicom/tags.h"
#include "dicom/value.h"

static enum pixel_kind kind_of(uint32_t tag)
{
	return tag == DCM_FloatPixelData        ? PIXEL_FLOAT32 :
		tag == DCM_DoubleFloatPixelData ? PIXEL_FLOAT64 :
						  PIXEL_INTEGER;
}

/* Stored bits and the highest of them; what makes no sense is as if it were absent. */
static void settle_bits(struct pixel_desc *d)
{
	if (d->kind != PIXEL_INTEGER)
		d->bits_allocated = d->bits_stored = d->kind == PIXEL_FLOAT32 ? 32 : 64;
	if (!d->bits_allocated)
		d->bits_allocated = 16;
	if (!d->bits_stored || d->bits_stored > d->bits_allocated)
		d->bits_stored = d->bits_allocated;
	if (d->high_bit >= d->bits_allocated || d->high_bit + 1 < d->bits_stored)
		d->high_bit = (uint16_t)(d->bits_stored - 1);
}

/* Are the samples in words of the other order? Bytes are, where they are packed into OW. */
static bool is_swapped(const struct dcm_file *file, const struct dcm_elem *pixels,
	const struct pixel_desc *d)
{
	if (pixels->len == DCM_UNDEFINED_LENGTH)
		return false;
	if (file->pixels_big_endian)
		return d->bits_allocated > 8;
	return pixels->big_endian && (d->bits_allocated > 8 || pixels->vr == DCM_VR_OW);
}

/* Has the value all that native pixels of this desc take? No, where that overflows. */
static bool has_bytes(uint64_t len, uint64_t frame, uint32_t n_frames)
{
	uint64_t all;

	return mul_u64(frame, n_frames, &all) && len >= all;
}

/* Native data that calls itself YBR_FULL_422 but has all samples of all frames is YBR_FULL. */
static void settle_422(struct pixel_desc *d, uint64_t len, uint32_t n_frames)
{
	uint64_t full = (uint64_t)d->rows * d->cols * 3 * (d->bits_allocated / 8u);

	if (d->photometric == PHOTOMETRIC_YBR_FULL_422 && len != DCM_UNDEFINED_LENGTH && full &&
		has_bytes(len, full, n_frames))
		d->photometric = PHOTOMETRIC_YBR_FULL;
}

void dcm_pixel_settle(struct pixel_desc *d, const struct dcm_file *file,
	const struct dcm_elem *pixels, uint32_t n_frames)
{
	d->kind = kind_of(pixels->tag);
	if (!d->samples)
		d->samples = 1;
	settle_bits(d);
	if (d->samples == 1)
		d->planar = false;
	d->big_endian = is_swapped(file, pixels, d);
	settle_422(d, pixels->len, n_frames);
}

bool dcm_pixels_are_compressed(const struct dcm_file *file, const struct dcm_elem *pixels,
	const struct pixel_desc *d, uint32_t n_frames)
{
	if (pixels->len == DCM_UNDEFINED_LENGTH)
		return true;
	return codec_find(file->transfer_syntax) &&
		((DCM_TAG_GROUP(pixels->tag) & 1) ||
			!has_bytes(pixels->len, pixel_frame_bytes(d), n_frames));
}

static uint16_t get_u16(const struct dcm_dataset *ds, uint32_t tag)
{
	int64_t v = dcm_get_int(ds, tag, 0);

	return v >= 0 && v <= UINT16_MAX ? (uint16_t)v : 0;
}

static enum photometric photometric_of(const struct dcm_dataset *ds)
{
	char text[32];
	const char *p;
	size_t len;

	if (!dcm_raw_text(dcm_get(ds, DCM_PhotometricInterpretation), 0, &p, &len))
		return PHOTOMETRIC_OTHER;
	snprintf(text, sizeof text, "%.*s", (int)min_size(len, sizeof text - 1), p);
	return photometric_parse(text);
}

int dcm_pixel_desc(const struct dcm_file *file, const struct dcm_dataset *ds,
	const struct dcm_elem *pixels, struct pixel_desc *out, struct err *err)
{
	memset(out, 0, sizeof *out);
	out->rows = get_u16(ds, DCM_Rows);
	out->cols = get_u16(ds, DCM_Columns);
	out->samples = get_u16(ds, DCM_SamplesPerPixel);
	out->bits_allocated = get_u16(ds, DCM_BitsAllocated);
	out->bits_stored = get_u16(ds, DCM_BitsStored);
	out->high_bit = get_u16(ds, DCM_HighBit);
	out->is_signed = get_u16(ds, DCM_PixelRepresentation) == 1;
	out->planar = get_u16(ds, DCM_PlanarConfiguration) == 1;
	out->photometric = photometric_of(ds);
	dcm_pixel_settle(out, file, pixels, 1);
	return pixel_desc_check(out, err);
}
