/* SPDX-License-Identifier: MIT */
/* The codings that need no image library: encapsulated uncompressed, deflated, PMSCT_RLE1. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "support/frames.h"

Test(codec_raw, frames_are_native)
{
	struct pixel_desc d = frame_desc(1, 2, 3, 8, 8);

	d.planar = true;
	cr_assert(frame_decodes_to(&codec_raw, &d, "\1\2\3\4\5\6pad", 9,
		(const uint8_t *)"\1\3\5\2\4\6"));
	cr_assert_null(frame_decode(&codec_raw, &d, "\1\2\3\4\5", 5, NULL));
}

/* A raw deflate stream; returns its length. */
static size_t deflate_raw(const void *in, size_t len, uint8_t *out, size_t cap)
{
	z_stream z;

	memset(&z, 0, sizeof z);
	cr_assert_eq(deflateInit2(&z, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (z_const Bytef *)in;
	z.avail_in = (uInt)len;
	z.next_out = out;
	z.avail_out = (uInt)cap;
	cr_assert_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return cap - z.avail_out;
}

Test(codec_raw, deflated_frames_are_inflated)
{
	struct pixel_desc d = frame_desc(40, 50, 1, 16, 12);
	uint16_t *s = frame_make(&d, 3);
	uint8_t *want = frame_bytes(&d, s), stream[8000];
	size_t len = deflate_raw(want, 4000, stream, sizeof stream);

	cr_assert(frame_decodes_to(&codec_deflate, &d, stream, len, want));
	stream[len] = 0;
	cr_assert(frame_decodes_to(&codec_deflate, &d, stream, len + 1, want), "a pad byte");
	cr_assert_null(frame_decode(&codec_deflate, &d, stream, len / 2, NULL));
	d.rows++;
	cr_assert_null(frame_decode(&codec_deflate, &d, stream, len, NULL));
	free(want);
	free(s);
}

Test(codec_raw, a_zlib_header_before_a_deflated_frame_is_passed_over)
{
	struct pixel_desc d = frame_desc(40, 50, 1, 16, 12);
	uint16_t *s = frame_make(&d, 3);
	uint8_t *want = frame_bytes(&d, s), stream[8000];
	uLongf len = sizeof stream;

	cr_assert_eq(compress(stream, &len, want, 4000), Z_OK);
	cr_assert(frame_decodes_to(&codec_deflate, &d, stream, len, want));
	cr_assert_null(frame_decode(&codec_deflate, &d, stream, 2, NULL));
	free(want);
	free(s);
}

Test(codec_raw, deflated_bits_are_unpacked)
{
	struct pixel_desc d = frame_desc(3, 3, 1, 1, 1);
	uint8_t stream[32];
	size_t len = deflate_raw("\x81\x01", 2, stream, sizeof stream);

	cr_assert(frame_decodes_to(&codec_deflate, &d, stream, len,
		(const uint8_t *)"\1\0\0\0\0\0\0\1\1"));
}

Test(codec_raw, deflate_damage_is_survived)
{
	struct pixel_desc d = frame_desc(8, 8, 1, 16, 12);
	uint16_t *s = frame_make(&d, 3);
	uint8_t *bytes = frame_bytes(&d, s), stream[400];
	size_t len = deflate_raw(bytes, 128, stream, sizeof stream);

	cr_assert_geq(frame_torture(&codec_deflate, &d, stream, len), len - 8);
	free(bytes);
	free(s);
}

/* Absolute 0x0102; +1; -1 three times, as a run; absolute again, from a run that goes on. */
static const uint8_t pmsct[] = { 0x5a, 0x02, 0x01, 0x01, 0xa5, 2, 0xff, 0x5a, 0xa5, 2, 0x07 };
static const uint8_t pmsct_samples[] = { 2, 1, 3, 1, 2, 1, 1, 1, 0, 1, 7, 7, 14, 7 };

Test(codec_raw, pmsct_rle1_is_runs_of_differences)
{
	struct pixel_desc d = frame_desc(1, 7, 1, 16, 12);

	cr_assert(frame_decodes_to(&codec_pmsct_rle1, &d, pmsct, sizeof pmsct, pmsct_samples));
	cr_assert_eq(frame_torture(&codec_pmsct_rle1, &d, pmsct, sizeof pmsct), sizeof pmsct);
	d.cols = 8;
	cr_assert_null(frame_decode(&codec_pmsct_rle1, &d, pmsct, sizeof pmsct, NULL));
}

Test(codec_raw, pmsct_rle1_is_for_words_of_16_bits)
{
	struct pixel_desc d = frame_desc(1, 14, 1, 8, 8);

	cr_assert_null(frame_decode(&codec_pmsct_rle1, &d, pmsct, sizeof pmsct, NULL));
}
