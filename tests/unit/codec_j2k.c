/* SPDX-License-Identifier: MIT */
/* JPEG 2000, against OpenJPEG's encoder. */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openjpeg.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "support/frames.h"

struct how {
	unsigned precision;
	bool is_signed;
	bool colour_transform;
	bool lossy;
	bool halved; /* components 1 and 2 have half the columns */
};

struct sink {
	struct buf bytes;
	size_t pos;
};

static OPJ_SIZE_T sink_write(void *p, OPJ_SIZE_T n, void *user)
{
	struct sink *s = user;

	if (s->pos + n > s->bytes.len)
		buf_fill(&s->bytes, 0, s->pos + n - s->bytes.len);
	memcpy(s->bytes.data + s->pos, p, n);
	s->pos += n;
	return n;
}

static OPJ_OFF_T sink_skip(OPJ_OFF_T n, void *user)
{
	struct sink *s = user;

	s->pos += (size_t)n;
	return n;
}

static OPJ_BOOL sink_seek(OPJ_OFF_T pos, void *user)
{
	struct sink *s = user;

	s->pos = (size_t)pos;
	return OPJ_TRUE;
}

static opj_image_t *make_image(const struct pixel_desc *d, const int32_t *samples, struct how how)
{
	opj_image_cmptparm_t parts[3];
	opj_image_t *image;
	unsigned c, x, y;

	memset(parts, 0, sizeof parts);
	for (c = 0; c < d->samples; c++) {
		parts[c].dx = how.halved && c ? 2 : 1;
		parts[c].dy = 1;
		parts[c].w = (d->cols + parts[c].dx - 1) / parts[c].dx;
		parts[c].h = d->rows;
		parts[c].prec = how.precision;
		parts[c].sgnd = how.is_signed;
	}
	image = opj_image_create(d->samples, parts,
		d->samples == 3 ? OPJ_CLRSPC_SRGB : OPJ_CLRSPC_GRAY);
	image->x1 = d->cols;
	image->y1 = d->rows;
	for (c = 0; c < d->samples; c++)
		for (y = 0; y < d->rows; y++)
			for (x = 0; x < parts[c].w; x++)
				image->comps[c].data[y * parts[c].w + x] =
					samples[(y * d->cols + x * parts[c].dx) * d->samples + c];
	return image;
}

/* buf_release() the result. */
static struct buf encode(const struct pixel_desc *d, const int32_t *samples, struct how how)
{
	struct sink sink = { .pos = 0 };
	opj_codec_t *codec = opj_create_compress(OPJ_CODEC_J2K);
	opj_stream_t *stream = opj_stream_create(65536, OPJ_FALSE);
	opj_image_t *image = make_image(d, samples, how);
	opj_cparameters_t p;

	opj_set_default_encoder_parameters(&p);
	p.tcp_numlayers = 1;
	p.cp_disto_alloc = 1;
	p.tcp_rates[0] = how.lossy ? 4 : 0;
	p.irreversible = how.lossy;
	p.numresolution = 3;
	p.tcp_mct = how.colour_transform;
	opj_stream_set_write_function(stream, sink_write);
	opj_stream_set_skip_function(stream, sink_skip);
	opj_stream_set_seek_function(stream, sink_seek);
	opj_stream_set_user_data(stream, &sink, NULL);
	cr_assert(opj_setup_encoder(codec, &p, image));
	cr_assert(opj_start_compress(codec, image, stream));
	cr_assert(opj_encode(codec, stream));
	cr_assert(opj_end_compress(codec, stream));
	opj_stream_destroy(stream);
	opj_destroy_codec(codec);
	opj_image_destroy(image);
	return sink.bytes;
}

/* Values of the precision, as OpenJPEG wants them and as they are stored. */
static int32_t *make_values(const struct pixel_desc *d, struct how how)
{
	uint16_t *s = frame_make(d, how.precision);
	size_t n = (size_t)d->rows * d->cols * d->samples, i;
	int32_t *v = malloc(n * sizeof *v);

	for (i = 0; i < n; i++)
		v[i] = s[i] - (how.is_signed ? 1 << (how.precision - 1) : 0);
	free(s);
	return v;
}

static void assert_round_trip(unsigned samples, unsigned allocated, struct how how)
{
	struct pixel_desc d = frame_desc(37, 50, samples, allocated, how.precision);
	int32_t *v = make_values(&d, how);
	unsigned width = allocated / 8;
	struct buf stream = encode(&d, v, how);
	uint8_t *out, word[4];
	enum photometric got;
	size_t i;

	d.is_signed = how.is_signed;
	if (how.colour_transform)
		d.photometric = PHOTOMETRIC_YBR_RCT;
	out = frame_decode(&codec_j2k, &d, stream.data, stream.len, &got);
	cr_assert_not_null(out, "%u samples, %u bits", samples, how.precision);
	cr_assert_eq(got, samples == 3 ? PHOTOMETRIC_RGB : PHOTOMETRIC_MONOCHROME2);
	for (i = 0; i < 37 * 50 * samples; i++) {
		put_le32(word, (uint32_t)v[i]);
		cr_assert_arr_eq(out + i * width, word, width, "sample %zu of %u bits", i,
			how.precision);
	}
	free(out);
	buf_release(&stream);
	free(v);
}

Test(codec_j2k, lossless_frames_come_back)
{
	assert_round_trip(1, 8, (struct how){ .precision = 8 });
	assert_round_trip(1, 16, (struct how){ .precision = 12 });
	assert_round_trip(1, 16, (struct how){ .precision = 16 });
	assert_round_trip(1, 16, (struct how){ .precision = 12, .is_signed = true });
	assert_round_trip(1, 16, (struct how){ .precision = 16, .is_signed = true });
	assert_round_trip(1, 32, (struct how){ .precision = 16 });
	assert_round_trip(3, 8, (struct how){ .precision = 8 });
	assert_round_trip(3, 8, (struct how){ .precision = 8, .colour_transform = true });
	assert_round_trip(3, 16, (struct how){ .precision = 12, .colour_transform = true });
}

Test(codec_j2k, lossy_frames_are_near)
{
	struct how how = { .precision = 8, .lossy = true };
	struct pixel_desc d = frame_desc(37, 50, 1, 8, 8);
	int32_t *v = make_values(&d, how);
	struct buf stream;
	double sum = 0;
	uint8_t *out;
	size_t i;

	stream = encode(&d, v, how);
	out = frame_decode(&codec_j2k, &d, stream.data, stream.len, NULL);
	cr_assert_not_null(out);
	for (i = 0; i < 37 * 50; i++)
		sum += abs(out[i] - v[i]);
	cr_assert_lt(sum / (37 * 50), 8);
	free(out);
	buf_release(&stream);
	free(v);
}

/* Of a lossless stream they are what was stored, whatever that was. */
Test(codec_j2k, lossy_samples_beyond_the_stored_bits_are_the_most_these_can_say)
{
	struct how how = { .precision = 12 };
	struct pixel_desc d = frame_desc(37, 50, 1, 16, 12);
	int32_t *v = make_values(&d, how);
	struct buf stream;

	for (how.lossy = false;; how.lossy = true) {
		stream = encode(&d, v, how);
		cr_expect_eq(frame_is_clamped(&codec_j2k, &d, stream.data, stream.len), how.lossy);
		buf_release(&stream);
		if (how.lossy)
			break;
	}
	free(v);
}

Test(codec_j2k, components_of_half_the_columns_are_repeated)
{
	struct how how = { .precision = 8, .halved = true };
	struct pixel_desc d = frame_desc(20, 31, 3, 8, 8);
	int32_t *v = make_values(&d, how);
	struct buf stream = encode(&d, v, how);
	uint8_t *out = frame_decode(&codec_j2k, &d, stream.data, stream.len, NULL);
	unsigned x, y, c;

	cr_assert_not_null(out);
	for (y = 0; y < 20; y++)
		for (x = 0; x < 31; x++)
			for (c = 0; c < 3; c++)
				cr_assert_eq(out[(y * 31 + x) * 3 + c],
					v[(y * 31 + (c ? x / 2 * 2 : x)) * 3 + c], "(%u, %u) of %u",
					x, y, c);
	free(out);
	buf_release(&stream);
	free(v);
}

/* One value, coded in a precision and with a sign that the header does not have. */
static uint16_t decode_value(int32_t value, struct how how, unsigned stored, bool is_signed)
{
	struct pixel_desc d = frame_desc(4, 4, 1, 16, stored);
	int32_t v[16];
	struct buf stream;
	uint8_t *out;
	uint16_t got;
	unsigned i;

	for (i = 0; i < 16; i++)
		v[i] = value;
	stream = encode(&d, v, how);
	d.is_signed = is_signed;
	out = frame_decode(&codec_j2k, &d, stream.data, stream.len, NULL);
	cr_assert_not_null(out);
	got = get_le16(out);
	free(out);
	buf_release(&stream);
	return got;
}

Test(codec_j2k, the_header_decides_about_signs)
{
	struct how bits_12 = { .precision = 12 },
		   signed_12 = { .precision = 12, .is_signed = true };

	cr_assert_eq(decode_value(0xfff, bits_12, 12, true), 0x0fff,
		"as stored: no sign above 12 bits");
	cr_assert_eq(decode_value(0xfff, bits_12, 16, true), 0xffff,
		"extended: 16 bits are stored");
	cr_assert_eq(decode_value(-1, signed_12, 12, false), 0x0fff);
	cr_assert_eq(decode_value(-1, signed_12, 16, false), 0x0fff);
	cr_assert_eq(decode_value(-1, signed_12, 12, true), 0xffff);
}

/* What the decoder undoes are not the colours that the header tells of. */
Test(codec_j2k, a_colour_transform_of_the_stream_ends_in_rgb)
{
	struct how how = { .precision = 8 };
	struct pixel_desc d = frame_desc(37, 50, 3, 8, 8);
	int32_t *v = make_values(&d, how);
	enum photometric got;
	struct buf stream;
	int transform;

	d.photometric = PHOTOMETRIC_YBR_FULL;
	for (transform = 0; transform < 2; transform++) {
		how.colour_transform = transform;
		stream = encode(&d, v, how);
		free(frame_decode(&codec_j2k, &d, stream.data, stream.len, &got));
		cr_expect_eq(got, transform ? PHOTOMETRIC_RGB : PHOTOMETRIC_YBR_FULL);
		buf_release(&stream);
	}
	free(v);
}

Test(codec_j2k, a_lost_end_is_none_where_all_tiles_are_there)
{
	struct how how = { .precision = 12 };
	struct pixel_desc d = frame_desc(37, 50, 1, 16, 12);
	int32_t *v = make_values(&d, how);
	struct buf stream = encode(&d, v, how);
	uint8_t *out;
	size_t lost;

	for (lost = 1; lost <= 3; lost++) {
		out = frame_decode(&codec_j2k, &d, stream.data, stream.len - lost, NULL);
		cr_expect_eq(out != NULL, lost <= 2, "%zu bytes", lost);
		cr_expect(!out || get_le16(out + 1000) == v[500]);
		free(out);
	}
	buf_release(&stream);
	free(v);
}

/* A JP2 file has boxes before its codestream. */
Test(codec_j2k, codestreams_are_found_in_boxes)
{
	static const uint8_t boxes[] = { 0, 0, 0, 12, 'j', 'P', ' ', ' ', 13, 10, 0x87, 10, 0, 0, 0,
		9, 'f', 'r', 'e', 'e', 1, 0, 0, 0, 0, 'j', 'p', '2', 'c' };
	struct how how = { .precision = 8 };
	struct pixel_desc d = frame_desc(37, 50, 1, 8, 8);
	int32_t *v = make_values(&d, how);
	struct buf stream = encode(&d, v, how), jp2;
	uint8_t *out;

	buf_init(&jp2);
	buf_add(&jp2, boxes, sizeof boxes);
	buf_add(&jp2, stream.data, stream.len);
	out = frame_decode(&codec_j2k, &d, jp2.data, jp2.len, NULL);
	cr_assert_not_null(out);
	cr_assert_eq(out[77], v[77]);
	free(out);
	jp2.data[12] = 1;
	cr_assert_null(frame_decode(&codec_j2k, &d, jp2.data, jp2.len, NULL),
		"a box beyond the end");
	buf_release(&jp2);
	buf_release(&stream);
	free(v);
}

/* What OpenJPEG would allocate for tiles and packets that the image has no use for. */
Test(codec_j2k, headers_that_ask_for_too_much_are_refused)
{
	struct how how = { .precision = 8 };
	struct pixel_desc d = frame_desc(37, 50, 1, 8, 8);
	int32_t *v = make_values(&d, how);
	struct buf stream = encode(&d, v, how);
	uint8_t *cod = memmem(stream.data, stream.len, "\xff\x52", 2), *out;

	cr_assert_not_null(cod);
	put_be16(cod + 6, 500);
	out = frame_decode(&codec_j2k, &d, stream.data, stream.len, NULL);
	cr_assert_not_null(out, "500 layers, all but one empty");
	free(out);
	put_be16(cod + 6, 65535);
	cr_assert_null(frame_decode(&codec_j2k, &d, stream.data, stream.len, NULL), "65535 layers");
	put_be16(cod + 6, 1);
	put_be32(stream.data + 24, 1);
	put_be32(stream.data + 28, 1);
	cr_assert_null(frame_decode(&codec_j2k, &d, stream.data, stream.len, NULL),
		"a tile for each pixel");
	buf_release(&stream);
	free(v);
}

Test(codec_j2k, what_is_well_formed_but_not_decoded_is_told)
{
	struct how how = { .precision = 8 };
	struct pixel_desc d = frame_desc(37, 50, 1, 8, 8);
	int32_t *v = make_values(&d, how);
	struct buf stream = encode(&d, v, how);
	uint8_t out[37 * 50 * 3];
	enum photometric p;

	stream.data[42] = 31;
	d.bits_allocated = d.bits_stored = 32;
	cr_assert_eq(codec_j2k.decode(&d, (uint8_t *)stream.data, stream.len, out, sizeof out, &p,
			     NULL),
		-ENOTSUP, "32 bits");
	d = frame_desc(37, 50, 3, 8, 8);
	stream.data[42] = 7;
	cr_assert_eq(codec_j2k.decode(&d, (uint8_t *)stream.data, stream.len, out, sizeof out, &p,
			     NULL),
		-EBADMSG, "one component");
	put_be16(stream.data + 6, 0x8000);
	cr_assert_eq(codec_j2k.decode(&d, (uint8_t *)stream.data, stream.len, out, sizeof out, &p,
			     NULL),
		-ENOTSUP, "components of Part 2");
	buf_release(&stream);
	free(v);
}

Test(codec_j2k, damage_is_survived_and_wrong_sizes_refused)
{
	struct how how = { .precision = 12 };
	struct pixel_desc d = frame_desc(9, 14, 1, 16, 12);
	int32_t *v = make_values(&d, how);
	struct buf stream = encode(&d, v, how);

	cr_assert_geq(frame_torture(&codec_j2k, &d, stream.data, stream.len), stream.len - 4);
	cr_assert(frame_refuses_other_sizes(&codec_j2k, &d, stream.data, stream.len));
	buf_release(&stream);
	free(v);
}
