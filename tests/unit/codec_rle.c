/* SPDX-License-Identifier: MIT */
/* RLE Lossless, against an encoder of its own. */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"
#include "support/frames.h"

static void put_literals(struct buf *out, const uint8_t *p, size_t n)
{
	if (n > 0) {
		buf_addc(out, (char)(n - 1));
		buf_add(out, p, n);
	}
}

/* Runs of three and more as such, the rest as literals; a no-op now and then. */
static void pack(struct buf *out, const uint8_t *p, size_t n)
{
	size_t i = 0, from = 0, run;

	while (i < n) {
		for (run = 1; i + run < n && run < 128 && p[i + run] == p[i]; run++)
			;
		if (run >= 3 || i - from == 128) {
			put_literals(out, p + from, i - from);
			from = i;
		}
		if (run >= 3) {
			buf_addc(out, (char)(257 - run));
			buf_addc(out, (char)p[i]);
			buf_addc(out, (char)128);
			from = i + run;
		}
		i += run >= 3 ? run : 1;
	}
	put_literals(out, p + from, i - from);
}

/* Byte planes, the most significant first, behind a header of 64 bytes. */
static void encode(const uint8_t *samples, size_t n, unsigned n_samples, unsigned width,
	struct buf *out)
{
	uint8_t *plane = malloc(n);
	unsigned k, byte;
	size_t i;

	buf_add_le32(out, n_samples * width);
	buf_fill(out, 0, 60);
	for (k = 0; k < n_samples * width; k++) {
		byte = k / width * width + (width - 1 - k % width);
		for (i = 0; i < n; i++)
			plane[i] = samples[i * n_samples * width + byte];
		put_le32(out->data + 4 + 4 * k, (uint32_t)out->len);
		pack(out, plane, n);
		if (out->len % 2)
			buf_addc(out, 0);
	}
	free(plane);
}

static void assert_round_trip(unsigned samples, unsigned allocated)
{
	struct pixel_desc d = frame_desc(23, 37, samples, allocated, allocated);
	uint16_t *s = frame_make(&d, allocated);
	uint8_t *want = frame_bytes(&d, s);
	struct buf stream;

	buf_init(&stream);
	encode(want, 23 * 37, samples, pixel_sample_bytes(&d), &stream);
	cr_assert(frame_decodes_to(&codec_rle, &d, stream.data, stream.len, want),
		"%u samples of %u bits", samples, allocated);
	buf_release(&stream);
	free(want);
	free(s);
}

Test(codec_rle, samples_of_all_sizes_come_back)
{
	assert_round_trip(1, 8);
	assert_round_trip(1, 16);
	assert_round_trip(1, 32);
	assert_round_trip(1, 64);
	assert_round_trip(3, 8);
	assert_round_trip(3, 16);
	assert_round_trip(3, 32);
}

/* One segment of what the test says. */
static uint8_t *decode_segment(const void *segment, size_t len, unsigned cols)
{
	struct pixel_desc d = frame_desc(1, cols, 1, 8, 8);
	uint8_t stream[256] = { 1, 0, 0, 0, 64 };

	memcpy(stream + 64, segment, len);
	return frame_decode(&codec_rle, &d, stream, 64 + len, NULL);
}

Test(codec_rle, control_bytes_mean_what_the_standard_says)
{
	static const uint8_t segment[] = { 2, 10, 11, 12, 0xfe, 20, 0x80, 0, 30, 0xff, 40 };
	static const uint8_t want[] = { 10, 11, 12, 20, 20, 20, 30, 40, 40 };
	uint8_t *out = decode_segment(segment, sizeof segment, 9);

	cr_assert_arr_eq(out, want, 9);
	free(out);
}

Test(codec_rle, short_segments_leave_zeros_and_long_ones_are_cut)
{
	uint8_t *out = decode_segment("\x01\x05\x06", 3, 4);

	cr_assert_arr_eq(out, ((uint8_t[]){ 5, 6, 0, 0 }), 4);
	free(out);
	out = decode_segment("\x81\x07", 2, 4);
	cr_assert_arr_eq(out, ((uint8_t[]){ 7, 7, 7, 7 }), 4);
	free(out);
	out = decode_segment("\x7f\x08", 2, 2);
	cr_assert_arr_eq(out, ((uint8_t[]){ 8, 0 }), 2);
	free(out);
}

Test(codec_rle, no_more_zeros_are_invented_than_a_row_of_each_segment)
{
	struct pixel_desc d = frame_desc(4, 4, 3, 8, 8);
	uint8_t stream[72] = { 3, 0, 0, 0, 64, 0, 0, 0, 66, 0, 0, 0, 68, [64] = 0xf1, 7, 0xf1, 8 };
	enum photometric photometric = d.photometric;
	struct err err = { 0 };
	uint8_t out[48];

	memcpy(stream + 68, "\xfe\x09\x00\x0a", 4);
	cr_expect_eq(codec_rle.decode(&d, stream, 72, out, 48, &photometric, &err), 0);
	cr_expect_str_eq(err.msg, "RLE segments end early: 12 bytes of the frame are zero");
	err = (struct err){ 0 };
	cr_expect_eq(codec_rle.decode(&d, stream, 70, out, 48, &photometric, &err), -EBADMSG);
	cr_expect_str_eq(err.msg, "RLE segments end early: 13 bytes are missing");
}

Test(codec_rle, bits_are_packed_in_their_segment)
{
	struct pixel_desc d = frame_desc(2, 5, 1, 1, 1);
	uint8_t stream[67] = { 1, 0, 0, 0, 64 };
	uint8_t *out;

	stream[64] = 1;
	stream[65] = 0x81;
	stream[66] = 0x02;
	out = frame_decode(&codec_rle, &d, stream, sizeof stream, NULL);
	cr_assert_arr_eq(out, ((uint8_t[]){ 1, 0, 0, 0, 0, 0, 0, 1, 0, 1 }), 10);
	free(out);
}

Test(codec_rle, headers_that_lie_are_refused)
{
	struct pixel_desc d = frame_desc(2, 2, 1, 16, 16);
	uint8_t stream[72] = { 2, 0, 0, 0, 64, 0, 0, 0, 68 };

	memcpy(stream + 64, "\xfd\x01\x00\x00\xfd\x02\x00\x00", 8);
	cr_assert(
		frame_decodes_to(&codec_rle, &d, stream, 72, (const uint8_t *)"\2\1\2\1\2\1\2\1"));
	cr_assert_null(frame_decode(&codec_rle, &d, stream, 63, NULL));
	stream[8] = 73;
	cr_assert_null(frame_decode(&codec_rle, &d, stream, 72, NULL), "an offset behind the end");
	stream[8] = 60;
	cr_assert_null(frame_decode(&codec_rle, &d, stream, 72, NULL), "an offset in the header");
	stream[8] = 68;
	stream[4] = 70;
	cr_assert_null(frame_decode(&codec_rle, &d, stream, 72, NULL), "offsets that go down");
	stream[4] = 64;
	stream[0] = 1;
	cr_assert_null(frame_decode(&codec_rle, &d, stream, 72, NULL), "a segment missing");
	stream[0] = 2;
	d = frame_desc(2, 2, 1, 8, 8);
	cr_assert_null(frame_decode(&codec_rle, &d, stream, 72, NULL), "a segment too many");
}

/* A frame of 3.4 GB in 68 bytes: no memory is touched for it. */
Test(codec_rle, segments_that_are_too_short_by_far_are_refused)
{
	struct pixel_desc d = frame_desc(1, 300, 1, 8, 8);
	uint8_t stream[68] = { 1, 0, 0, 0, 64, [64] = 0x81, 7, 0x81, 7 };
	enum photometric photometric = d.photometric;
	struct err err = { 0 };
	uint8_t out[300];

	cr_expect_eq(codec_rle.decode(&d, stream, 66, out, 300, &photometric, &err), -EBADMSG);
	err = (struct err){ 0 };
	d.cols = 129;
	cr_expect_eq(codec_rle.decode(&d, stream, 66, out, 129, &photometric, &err), 0);
	cr_expect_str_eq(err.msg, "RLE segments end early: 1 bytes of the frame are zero");
	err = (struct err){ 0 };
	d.cols = 256;
	cr_expect_eq(codec_rle.decode(&d, stream, 68, out, 256, &photometric, &err), 0);
	cr_expect_str_eq(err.msg, "");
	d.rows = d.cols = 58000;
	cr_expect_eq(codec_rle.decode(&d, stream, 68, out, (size_t)58000 * 58000, &photometric,
			     &err),
		-EBADMSG);
}

Test(codec_rle, damage_is_survived)
{
	struct pixel_desc d = frame_desc(9, 14, 3, 8, 8);
	uint16_t *s = frame_make(&d, 1);
	uint8_t *bytes = frame_bytes(&d, s);
	struct buf stream;

	buf_init(&stream);
	encode(bytes, 9 * 14, 3, 1, &stream);
	cr_assert_geq(frame_torture(&codec_rle, &d, stream.data, stream.len), 64);
	buf_release(&stream);
	free(bytes);
	free(s);
}
