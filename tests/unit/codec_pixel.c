/* SPDX-License-Identifier: MIT */
/* Layouts, masks and colours of samples. */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "codec/pixel.h"
#include "support/frames.h"

static void assert_unpacks(const struct pixel_desc *d, const void *in, size_t in_len,
	unsigned bit_off, const void *want, size_t want_len)
{
	uint8_t out[64];

	cr_assert_eq(pixel_decoded_bytes(d), want_len);
	cr_assert_eq(pixel_unpack(d, in, in_len, bit_off, out, want_len, NULL), 0);
	cr_assert_arr_eq(out, want, want_len);
}

Test(codec_pixel, photometric_terms_are_read_with_padding)
{
	cr_assert_eq(photometric_parse("MONOCHROME2 "), PHOTOMETRIC_MONOCHROME2);
	cr_assert_eq(photometric_parse(" PALETTE COLOR"), PHOTOMETRIC_PALETTE);
	cr_assert_eq(photometric_parse("YBR_FULL"), PHOTOMETRIC_YBR_FULL);
	cr_assert_eq(photometric_parse("YBR_FULL_422"), PHOTOMETRIC_YBR_FULL_422);
	cr_assert_eq(photometric_parse("HSV"), PHOTOMETRIC_HSV);
	cr_assert_eq(photometric_parse("HSL"), PHOTOMETRIC_OTHER);
	cr_assert_eq(photometric_parse(""), PHOTOMETRIC_OTHER);
	cr_assert_str_eq(photometric_name(PHOTOMETRIC_YBR_RCT), "YBR_RCT");
}

Test(codec_pixel, impossible_headers_are_refused)
{
	struct pixel_desc good = frame_desc(2, 2, 1, 16, 12), d;

	cr_assert_eq(pixel_desc_check(&good, NULL), 0);
	d = good, d.rows = 0;
	cr_assert_eq(pixel_desc_check(&d, NULL), -EBADMSG);
	d = good, d.cols = 65536;
	cr_assert_eq(pixel_desc_check(&d, NULL), -EBADMSG);
	d = good, d.samples = 2;
	cr_assert_eq(pixel_desc_check(&d, NULL), -ENOTSUP);
	d = good, d.bits_stored = 17;
	cr_assert_eq(pixel_desc_check(&d, NULL), -EBADMSG);
	d = good, d.bits_stored = 0;
	cr_assert_eq(pixel_desc_check(&d, NULL), -EBADMSG);
	d = good, d.high_bit = 16;
	cr_assert_eq(pixel_desc_check(&d, NULL), -EBADMSG);
	d = good, d.high_bit = 10;
	cr_assert_eq(pixel_desc_check(&d, NULL), -EBADMSG);
	d = good, d.bits_allocated = 24;
	cr_assert_eq(pixel_desc_check(&d, NULL), -ENOTSUP);
	d = good, d.kind = PIXEL_FLOAT32;
	cr_assert_eq(pixel_desc_check(&d, NULL), -EBADMSG);
}

Test(codec_pixel, sizes_follow_the_header)
{
	struct pixel_desc d = frame_desc(3, 5, 1, 1, 1);

	cr_assert_eq(pixel_frame_bytes(&d), 2);
	cr_assert_eq(pixel_decoded_bytes(&d), 15);
	d = frame_desc(3, 5, 1, 12, 12);
	cr_assert_eq(pixel_frame_bytes(&d), 23);
	cr_assert_eq(pixel_decoded_bytes(&d), 30);
	d = frame_desc(2, 4, 3, 8, 8);
	d.photometric = PHOTOMETRIC_YBR_FULL_422;
	cr_assert_eq(pixel_frame_bytes(&d), 16);
	cr_assert_eq(pixel_decoded_bytes(&d), 24);
	d = frame_desc(65535, 65535, 4, 64, 64);
	cr_assert_eq(pixel_frame_bytes(&d), 65535ull * 65535 * 32);
}

Test(codec_pixel, bits_are_unpacked_lowest_first_from_any_bit)
{
	static const uint8_t in[] = { 0xb4, 0x53, 0x02 };
	static const uint8_t from_0[10] = { 0, 0, 1, 0, 1, 1, 0, 1, 1, 1 };
	static const uint8_t from_3[10] = { 0, 1, 1, 0, 1, 1, 1, 0, 0, 1 };
	struct pixel_desc d = frame_desc(2, 5, 1, 1, 1);

	assert_unpacks(&d, in, 2, 0, from_0, 10);
	assert_unpacks(&d, in, 2, 3, from_3, 10);
	cr_assert_eq(pixel_unpack(&d, in, 2, 7, (uint8_t[10]){ 0 }, 10, NULL), -EBADMSG);
}

Test(codec_pixel, twelve_packed_bits_take_a_byte_and_a_half)
{
	static const uint8_t in[] = { 0x34, 0xb2, 0xca, 0xef, 0x0d };
	static const uint8_t want[] = { 0x34, 0x02, 0xab, 0x0c, 0xef, 0x0d };
	struct pixel_desc d = frame_desc(1, 3, 1, 12, 12);

	assert_unpacks(&d, in, sizeof in, 0, want, sizeof want);
}

Test(codec_pixel, planes_become_pixels)
{
	static const uint8_t in_8[] = { 1, 2, 11, 12, 21, 22 }, want_8[] = { 1, 11, 21, 2, 12, 22 };
	static const uint8_t in_16[] = { 1, 0, 2, 0, 11, 0, 12, 0, 21, 0, 22, 0 };
	static const uint8_t want_16[] = { 1, 0, 11, 0, 21, 0, 2, 0, 12, 0, 22, 0 };
	struct pixel_desc d = frame_desc(1, 2, 3, 8, 8);

	d.planar = true;
	assert_unpacks(&d, in_8, 6, 0, want_8, 6);
	d = frame_desc(1, 2, 3, 16, 16);
	d.planar = true;
	assert_unpacks(&d, in_16, 12, 0, want_16, 12);
}

Test(codec_pixel, big_endian_words_are_turned)
{
	static const uint8_t in[] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	struct pixel_desc d = frame_desc(1, 4, 1, 16, 16);

	d.big_endian = true;
	assert_unpacks(&d, in, 8, 0, (uint8_t[]){ 2, 1, 4, 3, 6, 5, 8, 7 }, 8);
	d.cols = 2, d.bits_allocated = 32;
	assert_unpacks(&d, in, 8, 0, (uint8_t[]){ 4, 3, 2, 1, 8, 7, 6, 5 }, 8);
	d.cols = 1, d.bits_allocated = 64;
	assert_unpacks(&d, in, 8, 0, (uint8_t[]){ 8, 7, 6, 5, 4, 3, 2, 1 }, 8);
}

Test(codec_pixel, halved_chroma_is_repeated)
{
	static const uint8_t in[] = { 1, 2, 101, 201, 3, 4, 102, 202 };
	static const uint8_t even[] = { 1, 101, 201, 2, 101, 201, 3, 102, 202, 4, 102, 202 };
	static const uint8_t odd[] = { 1, 101, 201, 3, 102, 202 };
	struct pixel_desc d = frame_desc(2, 2, 3, 8, 8);

	d.photometric = PHOTOMETRIC_YBR_FULL_422;
	assert_unpacks(&d, in, 8, 0, even, 12);
	d.cols = 1;
	assert_unpacks(&d, in, 8, 0, odd, 6);
	cr_assert_eq(pixel_unpack(&d, in, 7, 0, (uint8_t[6]){ 0 }, 6, NULL), -EBADMSG);
}

static uint64_t masked(unsigned width, unsigned stored, unsigned high_bit, bool is_signed,
	uint64_t word)
{
	struct pixel_desc d = frame_desc(1, 3, 1, 8 * width, stored);
	uint8_t b[24] = { 0 }, word_le[8];
	unsigned i;

	d.high_bit = (uint16_t)high_bit;
	d.is_signed = is_signed;
	put_le64(word_le, word);
	for (i = 0; i < 3; i++)
		memcpy(b + i * width, word_le, width);
	pixel_mask(&d, b, 3);
	cr_assert_arr_eq(b, b + width, 2 * width);
	memset(b + width, 0, 8);
	return get_le64(b);
}

Test(codec_pixel, garbage_above_the_stored_bits_is_dropped)
{
	cr_assert_eq(masked(2, 12, 11, false, 0xfabc), 0x0abc);
	cr_assert_eq(masked(2, 12, 11, true, 0x7abc), 0xfabc);
	cr_assert_eq(masked(2, 12, 11, true, 0xf7bc), 0x07bc);
	cr_assert_eq(masked(1, 7, 6, false, 0xff), 0x7f);
	cr_assert_eq(masked(1, 7, 6, true, 0x40), 0xc0);
	cr_assert_eq(masked(4, 20, 19, true, 0x00080001), 0xfff80001);
	cr_assert_eq(masked(4, 20, 19, false, 0xfff80001), 0x00080001);
	cr_assert_eq(masked(8, 40, 39, true, 0x8000000001), 0xffffff8000000001);
	cr_assert_eq(masked(8, 40, 39, false, 0xff8000000001), 0x8000000001);
}

/* As many as take the loops' vectors and what is left over. */
Test(codec_pixel, each_of_many_samples_is_masked)
{
	uint8_t b[2 * 101];
	unsigned i, is_signed;

	for (is_signed = 0; is_signed < 2; is_signed++) {
		struct pixel_desc d = frame_desc(1, 101, 1, 16, 12);

		d.is_signed = is_signed;
		for (i = 0; i < 101; i++)
			put_le16(b + 2 * i, (uint16_t)(i * 40503));
		pixel_mask(&d, b, 101);
		for (i = 0; i < 101; i++) {
			unsigned low = i * 40503 & 0xfff;

			cr_assert_eq(get_le16(b + 2 * i),
				is_signed && low & 0x800 ? low | 0xf000 : low);
		}
	}
}

Test(codec_pixel, bits_above_the_stored_ones_are_seen)
{
	static const struct {
		unsigned width, stored;
		bool is_signed, exceeds;
		uint32_t word;
	} cases[] = {
		{ 2, 12, false, false, 0x0fff },
		{ 2, 12, false, true, 0x1000 },
		{ 2, 12, false, true, 0xf800 },
		{ 2, 12, true, false, 0x0fff },
		{ 2, 12, true, false, 0xf800 },
		{ 2, 12, true, true, 0xe800 },
		{ 2, 12, true, true, 0x1000 },
		{ 2, 15, true, false, 0xffff },
		{ 2, 16, false, false, 0xffff },
		{ 1, 7, false, true, 0x80 },
		{ 1, 4, true, false, 0xf8 },
		{ 4, 20, false, true, 0x80000000 },
		{ 4, 20, true, false, 0xfff80001 },
	};
	uint8_t b[4 * 40], word[8];
	size_t i, at;

	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct pixel_desc d = frame_desc(1, 40, 1, 8 * cases[i].width, cases[i].stored);

		d.is_signed = cases[i].is_signed;
		put_le64(word, cases[i].word);
		for (at = 0; at < 40; at += 13) {
			memset(b, 0, sizeof b);
			memcpy(b + at * cases[i].width, word, cases[i].width);
			cr_expect_eq(pixel_exceeds(&d, b, 40), cases[i].exceeds, "%zu", i);
		}
	}
}

Test(codec_pixel, samples_in_the_high_bits_come_down)
{
	cr_assert_eq(masked(2, 12, 15, false, 0xabcd), 0x0abc);
	cr_assert_eq(masked(2, 12, 15, true, 0xabcd), 0xfabc);
	cr_assert_eq(masked(2, 8, 11, false, 0xfabc), 0x00ab);
	cr_assert_eq(masked(1, 4, 7, true, 0x9f), 0xf9);
}

Test(codec_pixel, full_words_are_left_alone)
{
	cr_assert_eq(masked(2, 16, 15, true, 0xfabc), 0xfabc);
	cr_assert_eq(masked(1, 8, 7, true, 0xfa), 0xfa);
}

Test(codec_pixel, packed_signed_twelve_bits_get_their_sign)
{
	struct pixel_desc d = frame_desc(1, 1, 1, 12, 12);
	uint8_t b[2] = { 0xff, 0x0f };

	d.is_signed = true;
	pixel_mask(&d, b, 1);
	cr_assert_eq(get_le16(b), 0xffff);
}

/* Against the equations of PS3.3 C.7.6.3.1.2 in floating point. */
Test(codec_pixel, ybr_becomes_the_rgb_it_came_from)
{
	struct pixel_desc d = frame_desc(1, 1, 3, 8, 8);
	unsigned r, g, b;
	uint8_t p[3];

	d.photometric = PHOTOMETRIC_YBR_FULL;
	for (r = 0; r < 256; r += 15) {
		for (g = 0; g < 256; g += 17) {
			for (b = 0; b < 256; b += 51) {
				p[0] = (uint8_t)(0.299 * r + 0.587 * g + 0.114 * b + 0.5);
				p[1] = (uint8_t)(-0.168736 * r - 0.331264 * g + 0.5 * b + 128.0);
				p[2] = (uint8_t)(0.5 * r - 0.418688 * g - 0.081312 * b + 128.0);
				pixel_ybr_to_rgb(&d, p, 1);
				cr_assert_leq(abs((int)p[0] - (int)r), 2);
				cr_assert_leq(abs((int)p[1] - (int)g), 2);
				cr_assert_leq(abs((int)p[2] - (int)b), 2);
			}
		}
	}
}

Test(codec_pixel, rgb_survives_the_way_through_ybr)
{
	struct pixel_desc d = frame_desc(1, 1, 3, 8, 8);
	uint8_t p[3], was[3];
	unsigned i, c;

	d.photometric = PHOTOMETRIC_YBR_FULL;
	for (i = 0; i < 4096; i++) {
		for (c = 0; c < 3; c++)
			was[c] = p[c] = (uint8_t)((i >> 4 * c & 15) * 17);
		pixel_rgb_to_ybr(&d, p, 1);
		pixel_ybr_to_rgb(&d, p, 1);
		for (c = 0; c < 3; c++)
			cr_assert_leq(abs((int)p[c] - (int)was[c]), 2);
	}
}

Test(codec_pixel, ybr_of_no_colour_is_grey)
{
	struct pixel_desc d = frame_desc(1, 1, 3, 16, 12);
	uint8_t p[6], q[3] = { 16, 128, 128 }, white[3] = { 235, 128, 128 };

	d.photometric = PHOTOMETRIC_YBR_FULL;
	put_le16(p, 3000);
	put_le16(p + 2, 2048);
	put_le16(p + 4, 2048);
	pixel_ybr_to_rgb(&d, p, 1);
	cr_assert_eq(get_le16(p), 3000);
	cr_assert_eq(get_le16(p + 2), 3000);
	cr_assert_eq(get_le16(p + 4), 3000);
	d = frame_desc(1, 1, 3, 8, 8);
	d.photometric = PHOTOMETRIC_YBR_PARTIAL_422;
	pixel_ybr_to_rgb(&d, q, 1);
	cr_assert_arr_eq(q, ((uint8_t[]){ 0, 0, 0 }), 3);
	pixel_ybr_to_rgb(&d, white, 1);
	cr_assert_arr_eq(white, ((uint8_t[]){ 255, 255, 255 }), 3);
}

Test(codec_pixel, palette_entries_end_at_both_ends)
{
	uint16_t red[3] = { 0x1100, 0x2200, 0x3300 }, green[3] = { 1, 2, 3 },
		 blue[3] = { 0xff00, 0, 0x8000 };
	struct palette p = { { red, green, blue }, 3, -1, 16 };
	struct pixel_desc d = frame_desc(1, 4, 1, 8, 8);
	const uint8_t in[] = { 0xf0, 0xff, 0x00, 0x70 };
	static const uint8_t want[] = { 0x11, 0, 0xff, 0x11, 0, 0xff, 0x22, 0, 0, 0x33, 0, 0x80 };
	uint8_t rgb[12];

	d.is_signed = true;
	pixel_palette_to_rgb(&d, &p, in, 4, rgb);
	cr_assert_arr_eq(rgb, want, 12);
	p.bits = 8;
	p.first = 0x1000;
	d = frame_desc(1, 1, 1, 16, 16);
	pixel_palette_to_rgb(&d, &p, (const uint8_t[]){ 0x01, 0x10 }, 1, rgb);
	cr_assert_arr_eq(rgb, ((uint8_t[]){ 0, 2, 0 }), 3);
}
