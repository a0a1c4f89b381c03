/* SPDX-License-Identifier: MIT */
/* JPEG XL, against libjxl's encoder; where that is not, that nothing claims its syntaxes. */
#include <criterion/criterion.h>

#include "support/frames.h"

#ifndef DCMFS_JXL

Test(codec_jxl, without_the_library_its_syntaxes_have_no_codec)
{
	cr_assert_null(codec_find("1.2.840.10008.1.2.4.110"));
}

#else

#include <jxl/encode.h>
#include <stdlib.h>
#include <string.h>

/* Lossless. Integers of fewer bits than their words go in as floats, which libjxl scales back. */
static uint8_t *encode(const struct pixel_desc *d, const uint16_t *samples, size_t *len)
{
	size_t n = (size_t)d->rows * d->cols * d->samples, cap = 8 * n + 4096, left = cap, i;
	const JxlPixelFormat format = { d->samples, JXL_TYPE_FLOAT, JXL_NATIVE_ENDIAN, 0 };
	JxlEncoder *e = JxlEncoderCreate(NULL);
	uint8_t *out = malloc(cap), *next = out;
	float *values = malloc(n * sizeof *values);
	JxlEncoderFrameSettings *settings;
	JxlColorEncoding colour;
	JxlBasicInfo info;

	for (i = 0; i < n; i++)
		values[i] = (float)samples[i] / (float)((1u << d->bits_stored) - 1);
	JxlEncoderInitBasicInfo(&info);
	info.xsize = d->cols;
	info.ysize = d->rows;
	info.bits_per_sample = d->bits_stored;
	info.num_color_channels = d->samples;
	info.uses_original_profile = JXL_TRUE;
	cr_assert_eq(JxlEncoderSetBasicInfo(e, &info), JXL_ENC_SUCCESS);
	JxlColorEncodingSetToSRGB(&colour, d->samples == 1);
	cr_assert_eq(JxlEncoderSetColorEncoding(e, &colour), JXL_ENC_SUCCESS);
	settings = JxlEncoderFrameSettingsCreate(e, NULL);
	JxlEncoderSetFrameLossless(settings, JXL_TRUE);
	cr_assert_eq(JxlEncoderAddImageFrame(settings, &format, values, n * sizeof *values),
		JXL_ENC_SUCCESS);
	JxlEncoderCloseInput(e);
	cr_assert_eq(JxlEncoderProcessOutput(e, &next, &left), JXL_ENC_SUCCESS);
	JxlEncoderDestroy(e);
	free(values);
	*len = cap - left;
	return out;
}

static void assert_round_trip(unsigned samples, unsigned allocated, unsigned bits)
{
	struct pixel_desc d = frame_desc(21, 34, samples, allocated, bits);
	uint16_t *s = frame_make(&d, bits);
	uint8_t *want = frame_bytes(&d, s), *stream;
	size_t len;

	stream = encode(&d, s, &len);
	cr_assert(frame_decodes_to(&codec_jxl, &d, stream, len, want), "%u samples of %u bits",
		samples, bits);
	free(stream);
	free(want);
	free(s);
}

Test(codec_jxl, lossless_frames_come_back)
{
	assert_round_trip(1, 8, 8);
	assert_round_trip(1, 16, 10);
	assert_round_trip(1, 16, 12);
	assert_round_trip(1, 16, 16);
	assert_round_trip(1, 16, 8);
	assert_round_trip(3, 8, 8);
	assert_round_trip(3, 16, 12);
}

Test(codec_jxl, damage_is_survived_and_wrong_sizes_refused)
{
	struct pixel_desc d = frame_desc(9, 12, 1, 16, 12);
	uint16_t *s = frame_make(&d, 1);
	uint8_t *stream;
	size_t len;

	stream = encode(&d, s, &len);
	cr_assert_geq(frame_torture(&codec_jxl, &d, stream, len), len - 8);
	cr_assert(frame_refuses_other_sizes(&codec_jxl, &d, stream, len));
	free(stream);
	free(s);
}

#endif
