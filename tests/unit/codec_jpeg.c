/* SPDX-License-Identifier: MIT */
/* 8-bit JPEG, against libjpeg's encoder: what is told by which marker, and what is refused. */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include "base/err.h"
#include "support/frames.h"

struct how {
	J_COLOR_SPACE stored; /* of the stream; what goes in is RGB or grey */
	bool adobe, jfif;
	bool progressive;
	bool subsampled;
};

static unsigned char *encode(const struct pixel_desc *d, const uint8_t *pixels, struct how how,
	unsigned long *len)
{
	struct jpeg_compress_struct c;
	struct jpeg_error_mgr errors;
	unsigned char *out = NULL;
	JSAMPROW row;

	c.err = jpeg_std_error(&errors);
	jpeg_create_compress(&c);
	jpeg_mem_dest(&c, &out, len);
	c.image_width = d->cols;
	c.image_height = d->rows;
	c.input_components = d->samples;
	c.in_color_space = d->samples == 3 ? JCS_RGB : JCS_GRAYSCALE;
	jpeg_set_defaults(&c);
	jpeg_set_colorspace(&c, how.stored);
	jpeg_set_quality(&c, 100, TRUE);
	c.write_Adobe_marker = how.adobe;
	c.write_JFIF_header = how.jfif;
	c.comp_info[0].h_samp_factor = how.subsampled ? 2 : 1;
	c.comp_info[0].v_samp_factor = 1;
	if (how.progressive)
		jpeg_simple_progression(&c);
	jpeg_start_compress(&c, TRUE);
	while (c.next_scanline < c.image_height) {
		row = (JSAMPROW)(uintptr_t)(pixels +
			(size_t)c.next_scanline * d->cols * d->samples);
		jpeg_write_scanlines(&c, &row, 1);
	}
	jpeg_finish_compress(&c);
	jpeg_destroy_compress(&c);
	return out;
}

static unsigned largest_difference(const uint8_t *a, const uint8_t *b, size_t n)
{
	unsigned most = 0, now;
	size_t i;

	for (i = 0; i < n; i++) {
		now = (unsigned)abs((int)a[i] - (int)b[i]);
		most = now > most ? now : most;
	}
	return most;
}

/* A gradient: at quality 100 no sample is far off, and colours differ widely. */
static uint8_t *gradient(const struct pixel_desc *d)
{
	size_t n = (size_t)d->rows * d->cols, i;
	uint8_t *p = malloc(n * d->samples);

	for (i = 0; i < n * d->samples; i++)
		p[i] = (uint8_t)(40 + 60 * (i % d->samples) + i / d->samples % d->cols +
			i / d->samples / d->cols);
	return p;
}

/* Encode, decode with the header's photometric, and expect RGB or the same as Y Cb Cr.
 * adobe_transform: in place of the one that is true; -1: it is. */
static void assert_colour_as(struct how how, int adobe_transform, enum photometric header,
	enum photometric want)
{
	struct pixel_desc d = frame_desc(40, 56, 3, 8, 8);
	uint8_t *in = gradient(&d), *out, *adobe;
	enum photometric got;
	unsigned char *stream;
	unsigned long len = 0;

	stream = encode(&d, in, how, &len);
	adobe = memmem(stream, len, "Adobe", 5);
	cr_assert_eq(adobe != NULL, how.adobe);
	if (adobe_transform >= 0)
		adobe[11] = (uint8_t)adobe_transform;
	d.photometric = header;
	out = frame_decode(&codec_jpeg, &d, stream, len, &got);
	cr_assert_not_null(out);
	cr_assert_eq(got, want, "%s", photometric_name(got));
	if (got == PHOTOMETRIC_YBR_FULL) {
		d.photometric = got;
		pixel_ybr_to_rgb(&d, out, 40 * 56);
	}
	cr_assert_leq(largest_difference(in, out, 40 * 56 * 3), 6);
	free(out);
	free(stream);
	free(in);
}

static void assert_colour(struct how how, enum photometric header, enum photometric want)
{
	assert_colour_as(how, -1, header, want);
}

Test(codec_jpeg, ybr_stays_ybr_where_the_header_says_so)
{
	struct how ybr = { .stored = JCS_YCbCr, .jfif = true };

	assert_colour(ybr, PHOTOMETRIC_YBR_FULL, PHOTOMETRIC_YBR_FULL);
	ybr.subsampled = true;
	assert_colour(ybr, PHOTOMETRIC_YBR_FULL_422, PHOTOMETRIC_YBR_FULL);
	ybr.progressive = true;
	assert_colour(ybr, PHOTOMETRIC_YBR_FULL_422, PHOTOMETRIC_YBR_FULL);
}

Test(codec_jpeg, the_stream_knows_its_colours_better_than_the_header)
{
	struct how ybr_adobe = { .stored = JCS_YCbCr, .adobe = true };
	struct how ybr_jfif = { .stored = JCS_YCbCr, .jfif = true };
	struct how rgb_adobe = { .stored = JCS_RGB, .adobe = true };
	struct how rgb_named = { .stored = JCS_RGB };

	assert_colour(ybr_adobe, PHOTOMETRIC_RGB, PHOTOMETRIC_RGB);
	assert_colour(ybr_jfif, PHOTOMETRIC_RGB, PHOTOMETRIC_RGB);
	assert_colour(rgb_adobe, PHOTOMETRIC_YBR_FULL_422, PHOTOMETRIC_RGB);
	assert_colour(rgb_named, PHOTOMETRIC_YBR_FULL, PHOTOMETRIC_RGB);
}

Test(codec_jpeg, without_a_word_from_the_stream_the_header_decides)
{
	struct how ybr = { .stored = JCS_YCbCr };

	assert_colour(ybr, PHOTOMETRIC_YBR_FULL_422, PHOTOMETRIC_YBR_FULL);
}

/* As libjpeg takes it: JFIF counts more, and of Adobe's transforms 0 alone is none; and what is
 * subsampled is never RGB. */
Test(codec_jpeg, markers_that_contradict_each_other)
{
	struct how adobe = { .stored = JCS_YCbCr, .adobe = true };
	struct how both = { .stored = JCS_YCbCr, .adobe = true, .jfif = true };
	struct how none = { .stored = JCS_YCbCr, .subsampled = true };

	assert_colour_as(adobe, 2, PHOTOMETRIC_RGB, PHOTOMETRIC_RGB);
	assert_colour_as(adobe, 2, PHOTOMETRIC_YBR_FULL, PHOTOMETRIC_YBR_FULL);
	assert_colour_as(both, 0, PHOTOMETRIC_YBR_FULL, PHOTOMETRIC_YBR_FULL);
	adobe.subsampled = true;
	assert_colour_as(adobe, 0, PHOTOMETRIC_YBR_FULL_422, PHOTOMETRIC_YBR_FULL);
	assert_colour(none, PHOTOMETRIC_RGB, PHOTOMETRIC_RGB);
}

static unsigned char *encode_grey(struct pixel_desc *d, uint8_t **in, unsigned long *len)
{
	struct how grey = { .stored = JCS_GRAYSCALE, .jfif = true };

	*d = frame_desc(33, 41, 1, 8, 8);
	*in = gradient(d);
	return encode(d, *in, grey, len);
}

Test(codec_jpeg, grey_is_decoded_and_widened)
{
	unsigned long len = 0, i;
	struct pixel_desc d;
	unsigned char *stream;
	uint8_t *in, *out;

	stream = encode_grey(&d, &in, &len);
	out = frame_decode(&codec_jpeg, &d, stream, len, NULL);
	cr_assert_not_null(out);
	cr_assert_leq(largest_difference(in, out, 33 * 41), 2);
	free(out);
	d.bits_allocated = 16;
	out = frame_decode(&codec_jpeg, &d, stream, len, NULL);
	cr_assert_not_null(out);
	for (i = 0; i < 33 * 41; i++) {
		cr_assert_leq(abs((int)out[2 * i] - (int)in[i]), 2);
		cr_assert_eq(out[2 * i + 1], 0);
	}
	free(out);
	free(stream);
	free(in);
}

Test(codec_jpeg, samples_beyond_the_stored_bits_are_the_most_these_can_say)
{
	unsigned long len = 0;
	struct pixel_desc d;
	unsigned char *stream;
	uint8_t *in;

	stream = encode_grey(&d, &in, &len);
	cr_assert(frame_is_clamped(&codec_jpeg, &d, stream, len));
	free(stream);
	free(in);
}

Test(codec_jpeg, lost_data_is_an_error_and_a_lost_end_is_none)
{
	unsigned long len = 0;
	struct pixel_desc d;
	unsigned char *stream;
	uint8_t *in, *out;

	stream = encode_grey(&d, &in, &len);
	cr_assert_null(frame_decode(&codec_jpeg, &d, stream, len / 2, NULL));
	out = frame_decode(&codec_jpeg, &d, stream, len - 2, NULL);
	cr_assert_not_null(out);
	free(out);
	cr_assert(frame_refuses_other_sizes(&codec_jpeg, &d, stream, len));
	free(stream);
	free(in);
}

/* Retired processes are told from broken streams. */
Test(codec_jpeg, processes_that_nobody_has_are_not_supported)
{
	static const uint8_t hierarchical[] = { 0xff, 0xde, 0, 11, 8, 0, 33, 0, 41, 1, 1, 0x11, 0 };
	static const uint8_t others[] = { 0xc5, 0xc7, 0xcb, 0xcd, 0xcf };
	static const char *const names[] = { "SOF5, hierarchical", "SOF7, hierarchical",
		"SOF11, arithmetic", "SOF13, hierarchical and arithmetic",
		"SOF15, hierarchical and arithmetic" };
	unsigned long len = 0, i;
	struct pixel_desc d;
	enum photometric p;
	unsigned char *stream, *sof, *longer;
	uint8_t *in, out[33 * 41];
	struct err err;

	stream = encode_grey(&d, &in, &len);
	sof = memmem(stream, len, "\xff\xc0", 2);
	cr_assert_not_null(sof);
	for (i = 0; i < sizeof others; i++) {
		sof[1] = others[i];
		cr_assert_eq(codec_jpeg.decode(&d, stream, len, out, sizeof out, &p, &err),
			-ENOTSUP, "SOF%d", others[i] - 0xc0);
		cr_expect_str_eq(strstr(err.msg, "SOF"), names[i]);
	}
	longer = malloc(len + sizeof hierarchical);
	memcpy(longer, stream, 2);
	memcpy(longer + 2, hierarchical, sizeof hierarchical);
	memcpy(longer + 2 + sizeof hierarchical, stream + 2, len - 2);
	cr_assert_eq(codec_jpeg.decode(&d, longer, len + sizeof hierarchical, out, sizeof out, &p,
			     NULL),
		-ENOTSUP);
	free(longer);
	free(stream);
	free(in);
}

Test(codec_jpeg, damage_is_survived)
{
	struct pixel_desc d = frame_desc(16, 16, 3, 8, 8);
	struct how how = { .stored = JCS_YCbCr, .jfif = true, .subsampled = true };
	uint8_t *in = gradient(&d);
	unsigned char *stream;
	unsigned long len;

	for (how.progressive = false;; how.progressive = true) {
		len = 0;
		stream = encode(&d, in, how, &len);
		cr_assert_gt(frame_torture(&codec_jpeg, &d, stream, len), len / 2);
		free(stream);
		if (how.progressive)
			break;
	}
	free(in);
}
