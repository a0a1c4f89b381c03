/* SPDX-License-Identifier: MIT */
/* JPEG-LS, against CharLS's encoder. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include <charls/charls.h>

#include "support/frames.h"

/* Samples in their places for the mode: planes for NONE, else pixels. */
static uint8_t *encode(const struct pixel_desc *d, const uint8_t *samples, charls_interleave_mode mode,
	int near_lossless, size_t *len)
{
	const charls_frame_info info = { d->cols, d->rows, d->bits_stored, d->samples };
	charls_jpegls_encoder *e = charls_jpegls_encoder_create();
	size_t cap = (size_t)pixel_decoded_bytes(d) * 2 + 1024;
	uint8_t *out = malloc(cap);

	cr_assert_eq(charls_jpegls_encoder_set_frame_info(e, &info), 0);
	cr_assert_eq(charls_jpegls_encoder_set_near_lossless(e, near_lossless), 0);
	cr_assert_eq(charls_jpegls_encoder_set_interleave_mode(e, mode), 0);
	cr_assert_eq(charls_jpegls_encoder_set_destination_buffer(e, out, cap), 0);
	cr_assert_eq(charls_jpegls_encoder_encode_from_buffer(e, samples, (size_t)pixel_decoded_bytes(d), 0), 0);
	cr_assert_eq(charls_jpegls_encoder_get_bytes_written(e, len), 0);
	charls_jpegls_encoder_destroy(e);
	return out;
}

static void assert_round_trip(unsigned samples, unsigned bits, charls_interleave_mode mode)
{
	struct pixel_desc d = frame_desc(18, 29, samples, bits > 8 ? 16 : 8, bits);
	uint16_t *s = frame_make(&d, bits);
	uint8_t *want = frame_bytes(&d, s), *stream;
	size_t len;

	stream = encode(&d, want, mode, 0, &len);
	cr_assert(frame_decodes_to(&codec_jpegls, &d, stream, len, want), "%u samples of %u bits, mode %d",
		samples, bits, (int)mode);
	memcpy(stream + len - 2, "\0\xff\xd9", 3);
	cr_assert(frame_decodes_to(&codec_jpegls, &d, stream, len + 1, want), "a byte before EOI");
	cr_assert(frame_decodes_to(&codec_jpegls, &d, stream, len - 2, want), "no EOI");
	free(stream);
	free(want);
	free(s);
}

Test(codec_jpegls, all_precisions_come_back)
{
	unsigned bits;

	for (bits = 2; bits <= 16; bits++)
		assert_round_trip(1, bits, CHARLS_INTERLEAVE_MODE_NONE);
}

Test(codec_jpegls, colours_come_back_from_all_modes)
{
	assert_round_trip(3, 8, CHARLS_INTERLEAVE_MODE_LINE);
	assert_round_trip(3, 8, CHARLS_INTERLEAVE_MODE_SAMPLE);
	assert_round_trip(3, 12, CHARLS_INTERLEAVE_MODE_SAMPLE);
}

Test(codec_jpegls, planes_become_pixels)
{
	struct pixel_desc d = frame_desc(18, 29, 3, 8, 8);
	uint16_t *s = frame_make(&d, 5);
	uint8_t *in = frame_bytes(&d, s), want[18 * 29 * 3], *stream;
	size_t len;

	pixel_interleave(in, 18 * 29, 3, 1, want);
	stream = encode(&d, in, CHARLS_INTERLEAVE_MODE_NONE, 0, &len);
	cr_assert(frame_decodes_to(&codec_jpegls, &d, stream, len, want));
	free(stream);
	free(in);
	free(s);
}

Test(codec_jpegls, near_lossless_is_near)
{
	struct pixel_desc d = frame_desc(18, 29, 1, 16, 12);
	uint16_t *s = frame_make(&d, 5);
	uint8_t *in = frame_bytes(&d, s), *stream, *out;
	size_t len, i;
	int got;

	stream = encode(&d, in, CHARLS_INTERLEAVE_MODE_NONE, 3, &len);
	out = frame_decode(&codec_jpegls, &d, stream, len, NULL);
	cr_assert_not_null(out);
	for (i = 0; i < 18 * 29; i++) {
		got = out[2 * i] | out[2 * i + 1] << 8;
		cr_assert_leq(abs(got - (int)s[i]), 3);
	}
	free(out);
	free(stream);
	free(in);
	free(s);
}

Test(codec_jpegls, eight_bits_are_widened)
{
	struct pixel_desc d = frame_desc(18, 29, 1, 8, 8), wide = frame_desc(18, 29, 1, 16, 8);
	uint16_t *s = frame_make(&d, 5);
	uint8_t *in = frame_bytes(&d, s), *want = frame_bytes(&wide, s), *stream;
	size_t len;

	stream = encode(&d, in, CHARLS_INTERLEAVE_MODE_NONE, 0, &len);
	cr_assert(frame_decodes_to(&codec_jpegls, &wide, stream, len, want));
	free(stream);
	free(want);
	free(in);
	free(s);
}

Test(codec_jpegls, damage_is_survived_and_wrong_sizes_refused)
{
	struct pixel_desc d = frame_desc(10, 14, 1, 16, 12);
	uint16_t *s = frame_make(&d, 5);
	uint8_t *in = frame_bytes(&d, s), *stream;
	size_t len;

	stream = encode(&d, in, CHARLS_INTERLEAVE_MODE_NONE, 0, &len);
	cr_assert_geq(frame_torture(&codec_jpegls, &d, stream, len), len - 4);
	cr_assert(frame_refuses_other_sizes(&codec_jpegls, &d, stream, len));
	free(stream);
	free(in);
	free(s);
}
