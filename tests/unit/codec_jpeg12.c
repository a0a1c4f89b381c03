/* SPDX-License-Identifier: MIT */
/* 12-bit JPEG: streams made from coefficients, compared with the transform in floating point; and
 * the same coefficients at 8 bits, which libjpeg decodes. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "support/enc_jpeg.h"
#include "support/frames.h"

/* clang-format off */
static const uint8_t zigzag[64] = {
	0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5,
	12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
	35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
	58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
};
/* clang-format on */

struct picture {
	struct enc_dct e;
	int16_t *coefs[4];
};

/* Coefficients that fall off, and blocks of nearly nothing among them. */
static struct picture make_picture(struct enc_dct e)
{
	struct picture p = { .e = e };
	uint32_t noise = 12345;
	unsigned c, i, n, k;

	for (c = 0; c < e.samples; c++) {
		n = enc_dct_blocks(&e, c) * 64;
		p.coefs[c] = calloc(n, sizeof *p.coefs[c]);
		for (i = 0; i < n; i++) {
			noise = noise * 1664525u + 1013904223u;
			k = i % 64;
			if (k == 0)
				p.coefs[c][i] = (int16_t)((int)(noise >> 16) % 300 - 150);
			else if (i / 64 % 5 > 1 && noise >> 28 < 7)
				p.coefs[c][i] = (int16_t)((int)(noise >> 12) % 61 - 30);
			else if (i / 64 % 5 == 1 && k > 55)
				p.coefs[c][i] = 1;
		}
	}
	return p;
}

static void release_picture(struct picture *p)
{
	unsigned c;

	for (c = 0; c < p->e.samples; c++)
		free(p->coefs[c]);
}

static double basis(unsigned x, unsigned u)
{
	return (u ? 0.5 : sqrt(0.125)) * cos((2 * x + 1) * u * acos(-1.0) / 16);
}

/* Sample (x, y) of a component, by the definition (T.81 A.3.3). */
static double sample_of(const struct picture *p, unsigned c, unsigned x, unsigned y)
{
	unsigned across = (p->e.cols + 8 * p->e.h - 1) / (8 * p->e.h) * (c == 0 ? p->e.h : 1), k;
	const int16_t *coef = p->coefs[c] + (y / 8 * across + x / 8) * 64;
	double sum = p->e.precision == 12 ? 2048 : 128, max = p->e.precision == 12 ? 4095 : 255;

	for (k = 0; k < 64; k++)
		sum += coef[k] * p->e.quant * basis(x % 8, zigzag[k] % 8) *
			basis(y % 8, zigzag[k] / 8);
	return sum < 0 ? 0 : sum > max ? max : sum;
}

static struct pixel_desc desc_of(const struct enc_dct *e)
{
	return frame_desc(e->rows, e->cols, e->samples, e->precision == 12 ? 16 : 8, e->precision);
}

/* The decoder's samples; free() them. */
static uint8_t *decode_picture(const struct picture *p)
{
	struct pixel_desc d = desc_of(&p->e);
	struct buf stream;
	uint8_t *out;

	buf_init(&stream);
	enc_dct(&p->e, p->coefs, &stream);
	out = frame_decode(&codec_jpeg12, &d, stream.data, stream.len, NULL);
	buf_release(&stream);
	return out;
}

static void assert_like_definition(struct enc_dct e)
{
	struct picture p = make_picture(e);
	uint8_t *out = decode_picture(&p);
	unsigned x, y, c;
	double want, got;

	cr_assert_not_null(out);
	for (y = 0; y < e.rows; y++) {
		for (x = 0; x < e.cols; x++) {
			for (c = 0; c < e.samples; c++) {
				got = get_le16(out + 2 * ((y * e.cols + x) * e.samples + c));
				want = sample_of(&p, c, c ? x / e.h : x, c ? y / e.v : y);
				cr_assert_float_eq(got, want, 1.001, "(%u, %u) of %u", x, y, c);
			}
		}
	}
	free(out);
	release_picture(&p);
}

Test(codec_jpeg12, samples_are_those_of_the_definition)
{
	assert_like_definition((struct enc_dct){ 24, 32, 1, 12, 1, 1, false, 0, 3 });
	assert_like_definition((struct enc_dct){ 21, 35, 1, 12, 1, 1, false, 0, 17 });
	assert_like_definition((struct enc_dct){ 21, 35, 1, 12, 1, 1, false, 4, 17 });
	assert_like_definition((struct enc_dct){ 21, 35, 3, 12, 1, 1, false, 0, 5 });
}

Test(codec_jpeg12, subsampled_components_are_repeated)
{
	assert_like_definition((struct enc_dct){ 30, 35, 3, 12, 2, 1, false, 0, 5 });
	assert_like_definition((struct enc_dct){ 30, 35, 3, 12, 2, 2, false, 3, 5 });
	assert_like_definition((struct enc_dct){ 30, 35, 3, 12, 1, 2, true, 0, 5 });
}

static void assert_progressive_alike(struct enc_dct e)
{
	struct pixel_desc d = desc_of(&e);
	struct picture p = make_picture(e);
	uint8_t *sequential, *progressive;

	p.e.progressive = false;
	sequential = decode_picture(&p);
	p.e.progressive = true;
	progressive = decode_picture(&p);
	cr_assert_not_null(sequential);
	cr_assert_not_null(progressive, "%u bits", e.precision);
	cr_assert_arr_eq(sequential, progressive, pixel_decoded_bytes(&d));
	free(sequential);
	free(progressive);
	release_picture(&p);
}

/* At 8 bits libjpeg decodes: what it makes of the test's progressive streams vouches for them. */
Test(codec_jpeg12, progressive_streams_mean_the_same)
{
	unsigned bits;

	for (bits = 8; bits <= 12; bits += 4) {
		assert_progressive_alike((struct enc_dct){ 40, 50, 1, bits, 1, 1, true, 0, 3 });
		assert_progressive_alike((struct enc_dct){ 40, 50, 1, bits, 1, 1, true, 7, 3 });
		assert_progressive_alike((struct enc_dct){ 33, 17, 3, bits, 2, 2, true, 0, 3 });
		assert_progressive_alike((struct enc_dct){ 33, 17, 3, bits, 2, 1, true, 2, 3 });
	}
}

/* Angiograms of 10 bits, mostly: what was white oversteps them. */
Test(codec_jpeg12, samples_beyond_the_stored_bits_are_the_most_these_can_say)
{
	struct enc_dct e = { 24, 32, 1, 12, 1, 1, false, 0, 100 };
	struct pixel_desc d = desc_of(&e);
	struct picture p = make_picture(e);
	struct buf stream;

	buf_init(&stream);
	enc_dct(&e, p.coefs, &stream);
	cr_assert(frame_is_clamped(&codec_jpeg12, &d, stream.data, stream.len));
	buf_release(&stream);
	release_picture(&p);
}

static void assert_survives(struct enc_dct e)
{
	struct pixel_desc d = desc_of(&e);
	struct picture p = make_picture(e);
	struct buf stream;
	size_t least;

	buf_init(&stream);
	enc_dct(&e, p.coefs, &stream);
	/* Without its last byte or EOI a sequential stream is whole; an all but whole byte may be,
	 * too. */
	least = stream.len - (e.progressive ? 1 : 4);
	cr_assert_geq(frame_torture(&codec_jpeg12, &d, stream.data, stream.len), least);
	cr_assert(frame_refuses_other_sizes(&codec_jpeg12, &d, stream.data, stream.len));
	buf_release(&stream);
	release_picture(&p);
}

Test(codec_jpeg12, damage_is_survived_and_wrong_sizes_refused)
{
	assert_survives((struct enc_dct){ 16, 12, 1, 12, 1, 1, false, 0, 3 });
	assert_survives((struct enc_dct){ 16, 12, 1, 12, 1, 1, true, 2, 3 });
	assert_survives((struct enc_dct){ 9, 9, 3, 12, 2, 2, true, 0, 3 });
}
