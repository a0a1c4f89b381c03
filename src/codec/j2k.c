/* SPDX-License-Identifier: MIT */
/*
 * JPEG 2000 and HTJ2K (ITU-T T.800, T.801, T.814), by OpenJPEG, one thread a frame.
 *
 * The codestream's headers are read and compared with the file's first, so that OpenJPEG is not
 * asked for more than these promise. A codestream in JP2 boxes is found in them; their colour
 * boxes do not count in DICOM (PS3.5 A.4.4).
 */
#include "codec/codec.h"

#include <errno.h>
#include <string.h>

#include <openjpeg.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "j2k_header.h"

#define EOC 0xffd9

struct stream {
	const uint8_t *p;
	size_t len, pos;
	char *message; /* the first error */
	size_t message_size;
};

/* ---- what OpenJPEG calls ---- */

static OPJ_SIZE_T read_some(void *to, OPJ_SIZE_T n, void *user)
{
	struct stream *s = user;
	size_t len = min_size(n, s->len - s->pos);

	if (len == 0)
		return (OPJ_SIZE_T)-1;
	memcpy(to, s->p + s->pos, len);
	s->pos += len;
	return len;
}

static OPJ_OFF_T skip_some(OPJ_OFF_T n, void *user)
{
	struct stream *s = user;

	if (n < 0 || s->pos == s->len)
		return -1;
	n = (OPJ_OFF_T)min_u64((uint64_t)n, s->len - s->pos);
	s->pos += (size_t)n;
	return n;
}

static OPJ_BOOL seek_to(OPJ_OFF_T pos, void *user)
{
	struct stream *s = user;

	if (pos < 0 || (uint64_t)pos > s->len)
		return OPJ_FALSE;
	s->pos = (size_t)pos;
	return OPJ_TRUE;
}

static void keep_first(const char *message, void *user)
{
	struct stream *s = user;

	if (s->message[0] == '\0') {
		strncpy(s->message, message, s->message_size - 1);
		s->message[strcspn(s->message, "\r\n")] = '\0';
	}
}

static void ignore(const char *message, void *user)
{
	(void)message;
	(void)user;
}

/* ---- samples ---- */

/*
 * Where the codestream and the header do not agree whether samples are signed, the bits are
 * taken as the header says, in the codestream's precision. Words without a sign that are
 * as wide as what is stored are left as they are: that is how they would be stored natively.
 */
static void reinterpret(opj_image_comp_t *comp, const struct pixel_desc *desc)
{
	size_t n = (size_t)comp->w * comp->h, i;
	unsigned shift = 32 - comp->prec;

	if (desc->is_signed && !comp->sgnd && comp->prec < desc->bits_stored)
		for (i = 0; i < n; i++)
			comp->data[i] = (int32_t)((uint32_t)comp->data[i] << shift) >> shift;
	else if (!desc->is_signed && comp->sgnd)
		for (i = 0; i < n; i++)
			comp->data[i] = (int32_t)((uint32_t)comp->data[i] << shift >> shift);
}

static void store_row_8(const int32_t *in, size_t n, size_t stride, uint8_t *out)
{
	size_t i;

	for (i = 0; i < n; i++)
		out[i * stride] = (uint8_t)in[i];
}

static void store_row_16(const int32_t *in, size_t n, size_t stride, uint8_t *out)
{
	size_t i;

	if (stride == 1)
		for (i = 0; i < n; i++)
			put_le16(out + 2 * i, (uint16_t)in[i]);
	else
		for (i = 0; i < n; i++)
			put_le16(out + 2 * i * stride, (uint16_t)in[i]);
}

static void store_row_any(const int32_t *in, size_t n, size_t stride, size_t width, uint8_t *out)
{
	uint8_t word[8];
	size_t i;

	for (i = 0; i < n; i++) {
		put_le64(word, (uint64_t)(int64_t)in[i]);
		memcpy(out + i * stride * width, word, width);
	}
}

static void store_row(const int32_t *in, size_t n, size_t stride, size_t width, uint8_t *out)
{
	if (width == 1)
		store_row_8(in, n, stride, out);
	else if (width == 2)
		store_row_16(in, n, stride, out);
	else
		store_row_any(in, n, stride, width, out);
}

/* A row of a component that has fewer columns than the image: each sample as often as it
 * covers pixels. */
static void store_row_subsampled(const opj_image_t *image, const opj_image_comp_t *comp,
	const int32_t *row, size_t n, size_t stride, size_t width, uint8_t *out)
{
	size_t i, x;

	for (i = 0; i < n; i++) {
		x = (image->x0 + i) / comp->dx;
		x = x > comp->x0 ? min_size(x - comp->x0, comp->w - 1) : 0;
		store_row(row + x, 1, 1, width, out + i * stride * width);
	}
}

static void store_component(const opj_image_t *image, const opj_image_comp_t *comp,
	const struct pixel_desc *desc, uint8_t *out)
{
	size_t width = pixel_sample_bytes(desc), samples = desc->samples, y, row;
	size_t row_bytes = (size_t)desc->cols * samples * width;

	for (y = 0; y < desc->rows; y++, out += row_bytes) {
		row = (image->y0 + y) / comp->dy;
		row = row > comp->y0 ? min_size(row - comp->y0, comp->h - 1) : 0;
		if (comp->dx == 1)
			store_row(comp->data + row * comp->w, desc->cols, samples, width, out);
		else
			store_row_subsampled(image, comp, comp->data + row * comp->w, desc->cols,
				samples, width, out);
	}
}

static int store_image(const opj_image_t *image, const struct pixel_desc *desc, uint8_t *out,
	struct err *err)
{
	opj_image_comp_t *comp;
	unsigned c;

	if (image->numcomps != desc->samples || image->x1 - image->x0 != desc->cols ||
		image->y1 - image->y0 != desc->rows)
		return err_set(err, -EBADMSG, "JPEG 2000 frame has another size than its header");
	for (c = 0; c < image->numcomps; c++) {
		comp = &image->comps[c];
		if (!comp->data || comp->w < 1 || comp->h < 1 || comp->dx < 1 || comp->dy < 1 ||
			(comp->dx == 1 && comp->w != desc->cols))
			return err_set(err, -EBADMSG, "JPEG 2000 component %u is not there", c);
		reinterpret(comp, desc);
		store_component(image, comp, desc, out + (size_t)c * pixel_sample_bytes(desc));
	}
	return 0;
}

/* ---- decoding ---- */

static int decode_image(opj_codec_t *codec, opj_stream_t *stream, struct stream *s,
	opj_image_t **image, struct err *err)
{
	opj_dparameters_t parameters;

	opj_set_default_decoder_parameters(&parameters);
	opj_set_error_handler(codec, keep_first, s);
	opj_set_warning_handler(codec, ignore, s);
	opj_set_info_handler(codec, ignore, s);
	if (!opj_setup_decoder(codec, &parameters) || !opj_decoder_set_strict_mode(codec, OPJ_TRUE))
		return err_set(err, -EIO, "JPEG 2000: the decoder refuses its parameters");
	if (!opj_read_header(stream, codec, image) || !opj_decode(codec, stream, *image) ||
		!opj_end_decompress(codec, stream))
		return err_set(err, -EBADMSG, "JPEG 2000: %s",
			s->message[0] ? s->message : "broken codestream");
	return 0;
}

static opj_stream_t *open_stream(struct stream *s)
{
	opj_stream_t *stream = opj_stream_create(min_size(s->len, 1 << 20), OPJ_TRUE);

	if (!stream)
		return NULL;
	opj_stream_set_read_function(stream, read_some);
	opj_stream_set_skip_function(stream, skip_some);
	opj_stream_set_seek_function(stream, seek_to);
	opj_stream_set_user_data(stream, s, NULL);
	opj_stream_set_user_data_length(stream, s->len);
	return stream;
}

static int decode_stream(struct stream *s, const struct pixel_desc *desc, uint8_t *out,
	struct err *err)
{
	opj_stream_t *stream = open_stream(s);
	opj_codec_t *codec = opj_create_decompress(OPJ_CODEC_J2K);
	opj_image_t *image = NULL;
	int rc = stream && codec ? decode_image(codec, stream, s, &image, err) : err_nomem(err);

	if (rc == 0)
		rc = store_image(image, desc, out, err);
	opj_image_destroy(image);
	opj_destroy_codec(codec);
	opj_stream_destroy(stream);
	return rc;
}

/* All tiles are there, and the marker behind them is not: OpenJPEG wants it. */
static int decode_with_end(struct stream *s, size_t len, const struct pixel_desc *desc,
	uint8_t *out, struct err *err)
{
	uint8_t *whole = mem_alloc(len + 2);
	int rc;

	if (!whole)
		return err_nomem(err);
	memcpy(whole, s->p, len);
	put_be16(whole + len, EOC);
	s->p = whole;
	s->len = len + 2;
	rc = decode_stream(s, desc, out, err);
	mem_free(whole);
	return rc;
}

static int decode(const struct pixel_desc *desc, const uint8_t *in, size_t in_len, uint8_t *out,
	size_t out_len, enum photometric *photometric, struct err *err)
{
	char message[160] = "";
	struct stream s = { in, in_len, 0, message, sizeof message };
	struct j2k_facts facts;
	int rc;

	(void)out_len;
	rc = j2k_find_codestream(&s.p, &s.len, err);
	if (rc == 0)
		rc = j2k_check_header(s.p, s.len, desc, &facts, err);
	if (rc)
		return rc;
	rc = facts.tiles_end ? decode_with_end(&s, facts.tiles_end, desc, out, err) :
			       decode_stream(&s, desc, out, err);
	if (rc == 0 && facts.is_lossy && desc->bits_stored < facts.most_bits)
		pixel_clamp(desc, out, (size_t)desc->rows * desc->cols * desc->samples);
	if (rc == 0 && desc->samples == 3 &&
		(facts.colour_transform || *photometric == PHOTOMETRIC_YBR_RCT ||
			*photometric == PHOTOMETRIC_YBR_ICT))
		*photometric = PHOTOMETRIC_RGB;
	return rc;
}

static const char *const syntaxes[] = {
	"1.2.840.10008.1.2.4.90",
	"1.2.840.10008.1.2.4.91",
	"1.2.840.10008.1.2.4.92",
	"1.2.840.10008.1.2.4.93",
	"1.2.840.10008.1.2.4.201",
	"1.2.840.10008.1.2.4.202",
	"1.2.840.10008.1.2.4.203",
	NULL,
};

const struct codec codec_j2k = { "JPEG 2000", syntaxes, decode, .knows_colours = true };
