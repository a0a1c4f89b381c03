/* SPDX-License-Identifier: MIT */
/* JPEG-LS, against CharLS. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include <charls/charls.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "support/frames.h"

/* Samples in their places for the mode: planes for NONE, else pixels. */
static uint8_t *encode_with(const struct pixel_desc *d, const uint8_t *samples,
	charls_interleave_mode mode, int near_lossless, const charls_jpegls_pc_parameters *preset,
	size_t *len)
{
	const charls_frame_info info = { d->cols, d->rows, d->bits_stored, d->samples };
	charls_jpegls_encoder *e = charls_jpegls_encoder_create();
	size_t cap = (size_t)pixel_decoded_bytes(d) * 2 + 1024;
	uint8_t *out = malloc(cap);

	cr_assert_eq(charls_jpegls_encoder_set_frame_info(e, &info), 0);
	cr_assert_eq(charls_jpegls_encoder_set_near_lossless(e, near_lossless), 0);
	cr_assert_eq(charls_jpegls_encoder_set_interleave_mode(e, mode), 0);
	if (preset)
		cr_assert_eq(charls_jpegls_encoder_set_preset_coding_parameters(e, preset), 0);
	cr_assert_eq(charls_jpegls_encoder_set_destination_buffer(e, out, cap), 0);
	cr_assert_eq(charls_jpegls_encoder_encode_from_buffer(e, samples,
			     (size_t)pixel_decoded_bytes(d), 0),
		0);
	cr_assert_eq(charls_jpegls_encoder_get_bytes_written(e, len), 0);
	charls_jpegls_encoder_destroy(e);
	return out;
}

static uint8_t *encode(const struct pixel_desc *d, const uint8_t *samples,
	charls_interleave_mode mode, int near_lossless, size_t *len)
{
	return encode_with(d, samples, mode, near_lossless, NULL, len);
}

/* What CharLS makes of the stream; free() it. */
static uint8_t *decode_elsewhere(const struct pixel_desc *d, const uint8_t *stream, size_t len)
{
	charls_jpegls_decoder *decoder = charls_jpegls_decoder_create();
	size_t out_len = (size_t)pixel_decoded_bytes(d);
	uint8_t *out = malloc(out_len);

	cr_assert_eq(charls_jpegls_decoder_set_source_buffer(decoder, stream, len), 0);
	cr_assert_eq(charls_jpegls_decoder_read_header(decoder), 0);
	cr_assert_eq(charls_jpegls_decoder_decode_to_buffer(decoder, out, out_len, 0), 0);
	charls_jpegls_decoder_destroy(decoder);
	return out;
}

/* Flat parts, for runs, among the noise. */
static void flatten(const struct pixel_desc *d, uint16_t *s)
{
	size_t n = (size_t)d->rows * d->cols * d->samples, i;

	for (i = 0; i < n; i++)
		if (i / d->samples % d->cols > 11 || i / d->samples / d->cols % 5 == 2)
			s[i] = (uint16_t)(i % d->samples + (i % 97 == 0));
}

static void assert_round_trip(unsigned samples, unsigned bits, charls_interleave_mode mode)
{
	struct pixel_desc d = frame_desc(18, 29, samples, bits > 8 ? 16 : 8, bits);
	uint16_t *s = frame_make(&d, bits);
	uint8_t *want, *stream;
	size_t len;

	flatten(&d, s);
	want = frame_bytes(&d, s);
	stream = encode(&d, want, mode, 0, &len);
	cr_assert(frame_decodes_to(&codec_jpegls, &d, stream, len, want),
		"%u samples of %u bits, mode %d", samples, bits, (int)mode);
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

static void assert_near(unsigned samples, unsigned bits, charls_interleave_mode mode,
	int near_lossless, const charls_jpegls_pc_parameters *preset)
{
	struct pixel_desc d = frame_desc(18, 29, samples, bits > 8 ? 16 : 8, bits);
	uint16_t *s = frame_make(&d, bits);
	uint8_t *in, *stream, *want;
	size_t len;

	flatten(&d, s);
	in = frame_bytes(&d, s);
	stream = encode_with(&d, in, mode, near_lossless, preset, &len);
	want = decode_elsewhere(&d, stream, len);
	cr_assert(frame_decodes_to(&codec_jpegls, &d, stream, len, want),
		"%u samples of %u bits, mode %d, near %d", samples, bits, (int)mode, near_lossless);
	free(want);
	free(stream);
	free(in);
	free(s);
}

/* Lossy samples are the ones that CharLS gets, too. */
Test(codec_jpegls, near_lossless_frames_are_alike_everywhere)
{
	unsigned bits;
	int n;

	assert_near(1, 16, CHARLS_INTERLEAVE_MODE_NONE, 255, NULL);
	for (bits = 4; bits <= 16; bits += 2)
		for (n = 1; n <= 7; n++)
			assert_near(1, bits, CHARLS_INTERLEAVE_MODE_NONE, n, NULL);
	for (n = 1; n <= 20; n += 3) {
		assert_near(3, 8, CHARLS_INTERLEAVE_MODE_LINE, n, NULL);
		assert_near(3, 8, CHARLS_INTERLEAVE_MODE_SAMPLE, n, NULL);
		assert_near(3, 12, CHARLS_INTERLEAVE_MODE_SAMPLE, n, NULL);
	}
}

Test(codec_jpegls, lossy_samples_beyond_the_stored_bits_are_the_most_these_can_say)
{
	struct pixel_desc d = frame_desc(18, 29, 1, 16, 12);
	uint16_t *s = frame_make(&d, 3);
	uint8_t *in = frame_bytes(&d, s), *stream;
	size_t len;
	int near;

	for (near = 0; near < 2; near++) {
		stream = encode(&d, in, CHARLS_INTERLEAVE_MODE_NONE, near, &len);
		cr_expect_eq(frame_is_clamped(&codec_jpegls, &d, stream, len), near > 0);
		free(stream);
	}
	free(in);
	free(s);
}

Test(codec_jpegls, preset_parameters_count)
{
	const charls_jpegls_pc_parameters thresholds = { 4095, 10, 40, 200, 31 };
	const charls_jpegls_pc_parameters forgetful = { 4095, 0, 0, 0, 3 };

	assert_near(1, 12, CHARLS_INTERLEAVE_MODE_NONE, 0, &thresholds);
	assert_near(1, 12, CHARLS_INTERLEAVE_MODE_NONE, 4, &thresholds);
	assert_near(1, 12, CHARLS_INTERLEAVE_MODE_NONE, 0, &forgetful);
}

/* Where the scan of a stream of ours begins: behind its only SOS of one component. */
static size_t scan_offset(const uint8_t *stream, size_t len)
{
	const uint8_t *sos = memmem(stream, len, "\xff\xda", 2);

	cr_assert_not_null(sos);
	return (size_t)(sos - stream) + 10;
}

/* A restart interval is coded like an image of its own. */
Test(codec_jpegls, restart_intervals_begin_anew)
{
	struct pixel_desc d = frame_desc(30, 29, 1, 16, 12), part = frame_desc(10, 29, 1, 16, 12);
	uint16_t *s = frame_make(&d, 5);
	uint8_t *want = frame_bytes(&d, s), *stream, *p;
	size_t len, scan, i;
	struct buf out;

	buf_init(&out);
	for (i = 0; i < 3; i++) {
		stream = encode(&part, want + i * 10 * 29 * 2, CHARLS_INTERLEAVE_MODE_NONE, 0,
			&len);
		scan = scan_offset(stream, len);
		if (i == 0) {
			p = memmem(stream, len, "\xff\xf7", 2);
			put_be16(p + 5, 30);
			buf_add(&out, stream, scan - 10);
			buf_add(&out, "\xff\xdd\0\4\0\12", 6);
			buf_add(&out, stream + scan - 10, 10);
		}
		buf_add(&out, stream + scan, len - 2 - scan);
		put_be16(stream, (uint16_t)(i < 2 ? 0xffd0 + i : 0xffd9));
		buf_add(&out, stream, 2);
		free(stream);
	}
	cr_assert(frame_decodes_to(&codec_jpegls, &d, out.data, out.len, want));
	buf_release(&out);
	free(want);
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

static void assert_survives(unsigned samples, unsigned bits, charls_interleave_mode mode)
{
	struct pixel_desc d = frame_desc(10, 14, samples, bits > 8 ? 16 : 8, bits);
	uint16_t *s = frame_make(&d, 5);
	uint8_t *in, *stream;
	size_t len;

	flatten(&d, s);
	in = frame_bytes(&d, s);
	stream = encode(&d, in, mode, 0, &len);
	cr_assert_geq(frame_torture(&codec_jpegls, &d, stream, len), len - 5);
	cr_assert(frame_refuses_other_sizes(&codec_jpegls, &d, stream, len));
	free(stream);
	free(in);
	free(s);
}

Test(codec_jpegls, damage_is_survived_and_wrong_sizes_refused)
{
	assert_survives(1, 12, CHARLS_INTERLEAVE_MODE_NONE);
	assert_survives(3, 8, CHARLS_INTERLEAVE_MODE_NONE);
	assert_survives(3, 8, CHARLS_INTERLEAVE_MODE_LINE);
	assert_survives(3, 8, CHARLS_INTERLEAVE_MODE_SAMPLE);
}

static uint8_t *encode_transformed(const struct pixel_desc *d, const uint8_t *samples,
	charls_interleave_mode mode, charls_color_transformation transform, size_t *len)
{
	const charls_frame_info info = { d->cols, d->rows, d->bits_stored, d->samples };
	charls_jpegls_encoder *e = charls_jpegls_encoder_create();
	size_t cap = (size_t)pixel_decoded_bytes(d) * 2 + 1024;
	uint8_t *out = malloc(cap);

	cr_assert_eq(charls_jpegls_encoder_set_frame_info(e, &info), 0);
	cr_assert_eq(charls_jpegls_encoder_set_interleave_mode(e, mode), 0);
	cr_assert_eq(charls_jpegls_encoder_set_color_transformation(e, transform), 0);
	cr_assert_eq(charls_jpegls_encoder_set_destination_buffer(e, out, cap), 0);
	cr_assert_eq(charls_jpegls_encoder_encode_from_buffer(e, samples,
			     (size_t)pixel_decoded_bytes(d), 0),
		0);
	cr_assert_eq(charls_jpegls_encoder_get_bytes_written(e, len), 0);
	charls_jpegls_encoder_destroy(e);
	return out;
}

static void assert_transformed(unsigned bits, charls_interleave_mode mode,
	charls_color_transformation transform)
{
	struct pixel_desc d = frame_desc(18, 29, 3, bits > 8 ? 16 : 8, bits);
	uint16_t *s = frame_make(&d, bits);
	uint8_t *want = frame_bytes(&d, s), *stream;
	size_t len;

	stream = encode_transformed(&d, want, mode, transform, &len);
	cr_assert(frame_decodes_to(&codec_jpegls, &d, stream, len, want), "%u bits, HP%d", bits,
		(int)transform);
	free(stream);
	free(want);
	free(s);
}

Test(codec_jpegls, colour_transforms_of_one_maker_are_undone)
{
	static const charls_color_transformation all[] = { CHARLS_COLOR_TRANSFORMATION_HP1,
		CHARLS_COLOR_TRANSFORMATION_HP2, CHARLS_COLOR_TRANSFORMATION_HP3 };
	size_t i;

	for (i = 0; i < sizeof all / sizeof *all; i++) {
		assert_transformed(8, CHARLS_INTERLEAVE_MODE_SAMPLE, all[i]);
		assert_transformed(8, CHARLS_INTERLEAVE_MODE_LINE, all[i]);
		assert_transformed(16, CHARLS_INTERLEAVE_MODE_SAMPLE, all[i]);
	}
}

Test(codec_jpegls, unknown_colour_transforms_are_refused)
{
	struct pixel_desc d = frame_desc(18, 29, 3, 8, 8);
	uint16_t *s = frame_make(&d, 8);
	uint8_t *samples = frame_bytes(&d, s), *stream, *mrfx;
	size_t len;

	stream = encode_transformed(&d, samples, CHARLS_INTERLEAVE_MODE_SAMPLE,
		CHARLS_COLOR_TRANSFORMATION_HP1, &len);
	mrfx = memmem(stream, len, "mrfx", 4);
	cr_assert_not_null(mrfx);
	mrfx[4] = 4;
	cr_assert_null(frame_decode(&codec_jpegls, &d, stream, len, NULL));
	free(stream);
	free(samples);
	free(s);
}

/* The stream with an APP8 segment before its first scan; free() it. */
static uint8_t *with_late_transform(const uint8_t *stream, size_t len, uint8_t transform)
{
	const uint8_t segment[] = { 0xff, 0xe8, 0, 7, 'm', 'r', 'f', 'x', transform };
	const uint8_t *sos = memmem(stream, len, "\xff\xda", 2);
	uint8_t *out = malloc(len + sizeof segment);
	size_t at;

	cr_assert_not_null(sos);
	at = (size_t)(sos - stream);
	memcpy(out, stream, at);
	memcpy(out + at, segment, sizeof segment);
	memcpy(out + at + sizeof segment, sos, len - at);
	return out;
}

/* Told behind the frame header, of a frame that has one sample a pixel. */
Test(codec_jpegls, late_colour_transforms_are_looked_at)
{
	struct pixel_desc d = frame_desc(18, 29, 1, 8, 8);
	uint16_t *s = frame_make(&d, 8);
	uint8_t *samples = frame_bytes(&d, s), *stream, *late;
	size_t len;

	stream = encode(&d, samples, CHARLS_INTERLEAVE_MODE_NONE, 0, &len);
	late = with_late_transform(stream, len, 1);
	cr_assert_null(frame_decode(&codec_jpegls, &d, late, len + 9, NULL));
	free(late);
	late = with_late_transform(stream, len, 0);
	cr_assert(frame_decodes_to(&codec_jpegls, &d, late, len + 9, samples));
	free(late);
	free(stream);
	free(samples);
	free(s);
}
