/* SPDX-License-Identifier: MIT */
/* Lossless JPEG, against an encoder of its own. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "support/enc_jpeg.h"
#include "support/frames.h"

static struct enc_lossless encoder(const struct pixel_desc *d)
{
	struct enc_lossless e = {
		.rows = d->rows,
		.cols = d->cols,
		.samples = d->samples,
		.precision = d->bits_stored,
		.predictor = 1,
	};

	return e;
}

static void assert_round_trip(const struct pixel_desc *d, const struct enc_lossless *e)
{
	uint16_t *s = frame_make(d, e->predictor);
	struct buf stream;
	uint8_t *want;
	size_t i;

	for (i = 0; i < (size_t)d->rows * d->cols * d->samples; i++)
		s[i] = (uint16_t)(s[i] >> e->point_transform << e->point_transform);
	want = frame_bytes(d, s);
	buf_init(&stream);
	enc_lossless(e, s, &stream);
	cr_assert(frame_decodes_to(&codec_jpeg_lossless, d, stream.data, stream.len, want),
		"%u bits, %u samples, predictor %u, point transform %u, restart %u", e->precision,
		e->samples, e->predictor, e->point_transform, e->restart_rows);
	buf_release(&stream);
	free(want);
	free(s);
}

Test(codec_jpeg_lossless, all_precisions_and_predictors)
{
	struct pixel_desc d;
	struct enc_lossless e;
	unsigned bits, predictor;

	for (bits = 2; bits <= 16; bits++) {
		d = frame_desc(19, 31, 1, bits > 8 ? 16 : 8, bits);
		e = encoder(&d);
		for (predictor = 1; predictor <= 7; predictor++) {
			e.predictor = predictor;
			assert_round_trip(&d, &e);
		}
	}
}

Test(codec_jpeg_lossless, point_transforms)
{
	struct pixel_desc d = frame_desc(19, 31, 1, 16, 12);
	struct enc_lossless e = encoder(&d);

	for (e.point_transform = 0; e.point_transform < 12; e.point_transform++)
		for (e.predictor = 1; e.predictor <= 7; e.predictor++)
			assert_round_trip(&d, &e);
}

Test(codec_jpeg_lossless, restart_intervals)
{
	struct pixel_desc d = frame_desc(40, 9, 1, 16, 16);
	struct enc_lossless e = encoder(&d);

	for (e.restart_rows = 1; e.restart_rows < 14; e.restart_rows += 3)
		for (e.predictor = 1; e.predictor <= 7; e.predictor++)
			assert_round_trip(&d, &e);
}

Test(codec_jpeg_lossless, colour_interleaved_and_a_scan_each)
{
	unsigned bits[2] = { 8, 16 }, i;
	struct enc_lossless e;
	struct pixel_desc d;

	for (i = 0; i < 2; i++) {
		d = frame_desc(17, 23, 3, bits[i], bits[i]);
		e = encoder(&d);
		for (e.predictor = 1; e.predictor <= 7; e.predictor++) {
			e.scan_each = false;
			e.restart_rows = 0;
			assert_round_trip(&d, &e);
			e.scan_each = true;
			assert_round_trip(&d, &e);
			e.restart_rows = 5;
			assert_round_trip(&d, &e);
		}
	}
}

/* Of blocks of 2 x 2 the samples come block by block: nobody writes that, and nobody reads it right. */
Test(codec_jpeg_lossless, colour_by_blocks_is_refused)
{
	struct pixel_desc d = frame_desc(16, 16, 3, 8, 8);
	struct enc_lossless e = encoder(&d);
	uint16_t *s = frame_make(&d, 1);
	unsigned scan_each, c;
	struct buf stream;
	uint8_t *sof, *out;

	for (scan_each = 0; scan_each < 2; scan_each++) {
		buf_init(&stream);
		e.scan_each = scan_each;
		enc_lossless(&e, s, &stream);
		sof = memmem(stream.data, stream.len, "\xff\xc3", 2);
		cr_assert_not_null(sof);
		for (c = 0; c < 3; c++)
			sof[11 + 3 * c] = 0x22;
		out = frame_decode(&codec_jpeg_lossless, &d, stream.data, stream.len, NULL);
		cr_expect_eq(out != NULL, scan_each);
		free(out);
		buf_release(&stream);
	}
	free(s);
}

Test(codec_jpeg_lossless, codes_longer_than_the_tables)
{
	struct pixel_desc d = frame_desc(30, 33, 1, 16, 15);
	struct enc_lossless e = encoder(&d);

	e.long_codes = true;
	for (e.predictor = 1; e.predictor <= 7; e.predictor++)
		assert_round_trip(&d, &e);
}

/* Differences of 32768 have a category of their own, without extra bits. */
Test(codec_jpeg_lossless, the_largest_difference)
{
	static const uint16_t samples[6] = { 0, 32768, 0, 65535, 32767, 32768 };
	struct pixel_desc d = frame_desc(2, 3, 1, 16, 16);
	struct enc_lossless e = encoder(&d);
	uint8_t *want = frame_bytes(&d, samples);
	struct buf stream;

	buf_init(&stream);
	enc_lossless(&e, samples, &stream);
	cr_assert(frame_decodes_to(&codec_jpeg_lossless, &d, stream.data, stream.len, want));
	buf_release(&stream);
	free(want);
}

Test(codec_jpeg_lossless, eight_bits_are_widened)
{
	struct pixel_desc d = frame_desc(12, 13, 1, 8, 8), wide = frame_desc(12, 13, 1, 16, 8);
	struct enc_lossless e = encoder(&d);
	uint16_t *s = frame_make(&d, 9);
	uint8_t *want = frame_bytes(&wide, s);
	struct buf stream;

	buf_init(&stream);
	enc_lossless(&e, s, &stream);
	cr_assert(frame_decodes_to(&codec_jpeg_lossless, &wide, stream.data, stream.len, want));
	cr_assert(frame_decodes_to(&codec_jpeg, &wide, stream.data, stream.len, want),
		"the stream decides, not the transfer syntax");
	buf_release(&stream);
	free(want);
	free(s);
}

static void assert_survives(const struct pixel_desc *d, const struct enc_lossless *e)
{
	uint16_t *s = frame_make(d, 2);
	struct buf stream;

	buf_init(&stream);
	enc_lossless(e, s, &stream);
	cr_assert_geq(frame_torture(&codec_jpeg_lossless, d, stream.data, stream.len),
		stream.len - 3);
	cr_assert(frame_refuses_other_sizes(&codec_jpeg_lossless, d, stream.data, stream.len));
	buf_release(&stream);
	free(s);
}

Test(codec_jpeg_lossless, damage_is_survived_and_wrong_sizes_refused)
{
	struct pixel_desc d = frame_desc(11, 13, 1, 16, 12);
	struct enc_lossless e = encoder(&d);

	assert_survives(&d, &e);
	e.restart_rows = 2;
	e.predictor = 6;
	assert_survives(&d, &e);
	d = frame_desc(7, 9, 3, 8, 8);
	e = encoder(&d);
	e.predictor = 4;
	assert_survives(&d, &e);
	e.scan_each = true;
	assert_survives(&d, &e);
}
