/* SPDX-License-Identifier: MIT */
/*
 * JPEG with samples of 8 bits: baseline, extended, progressive, arithmetic (ITU-T T.81), by
 * libjpeg.
 *
 * libjpeg reports by callback and leaves by longjmp; both end here. Damage that makes it
 * invent samples is an error, and so is a stream that would make it work for ever.
 */
#include "codec/codec.h"

#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h> /* its list depends on jpeglib.h */

#include "base/err.h"
#include "jpeg_stream.h"

enum {
	MAX_SCANS = 200, /* of a progressive stream; sane ones have about ten */
	ROWS_A_CALL = 16,
};

struct session {
	struct jpeg_decompress_struct cinfo; /* first: the callbacks get it */
	struct jpeg_error_mgr errors;
	struct jpeg_progress_mgr progress;
	jmp_buf leave;
	int code; /* -errno of what made it leave */
	char message[JMSG_LENGTH_MAX];
};

static void fail(j_common_ptr cinfo)
{
	struct session *s = (struct session *)cinfo;

	cinfo->err->format_message(cinfo, s->message);
	s->code = cinfo->err->msg_code == JERR_OUT_OF_MEMORY ? -ENOMEM : -EBADMSG;
	longjmp(s->leave, 1);
}

/* A level below 0 is a warning. These are of data that is lost; others are harmless. */
static void note(j_common_ptr cinfo, int level)
{
	if (level >= 0)
		return;
	switch (cinfo->err->msg_code) {
	case JWRN_ARITH_BAD_CODE:
	case JWRN_HIT_MARKER:
	case JWRN_HUFF_BAD_CODE:
	case JWRN_MUST_RESYNC:
		fail(cinfo);
	}
}

static void print_nothing(j_common_ptr cinfo)
{
	(void)cinfo;
}

static void check_scans(j_common_ptr cinfo)
{
	struct session *s = (struct session *)cinfo;

	if (s->cinfo.input_scan_number > MAX_SCANS)
		ERREXIT(cinfo, JERR_BAD_PROGRESSION);
}

static void set_callbacks(struct session *s)
{
	s->cinfo.err = jpeg_std_error(&s->errors);
	s->errors.error_exit = fail;
	s->errors.emit_message = note;
	s->errors.output_message = print_nothing;
	s->progress.progress_monitor = check_scans;
}

/* Are three components Y Cb Cr? They are where some have fewer samples than others. Else the stream
 * says so if it can (JFIF's and Adobe's segments, of whose transforms but 0 is none, the letters R G
 * B for names), else the header does. */
static bool is_ybr(const struct jpeg_decompress_struct *c, enum photometric photometric)
{
	const jpeg_component_info *first = &c->comp_info[0], *second = &c->comp_info[1];

	if (first->h_samp_factor != second->h_samp_factor ||
		first->v_samp_factor != second->v_samp_factor || c->saw_JFIF_marker)
		return true;
	if (c->saw_Adobe_marker)
		return c->Adobe_transform != 0;
	if (c->comp_info[0].component_id == 'R' && c->comp_info[1].component_id == 'G' &&
		c->comp_info[2].component_id == 'B')
		return false;
	return photometric != PHOTOMETRIC_RGB;
}

/* Samples are handed out as the header calls them: Y Cb Cr where it says so, at full resolution,
 * else RGB. */
static int set_colour(struct jpeg_decompress_struct *c, enum photometric *photometric,
	struct err *err)
{
	bool ybr;

	switch (c->num_components) {
	case 1:
		c->jpeg_color_space = c->out_color_space = JCS_GRAYSCALE;
		return 0;
	case 3:
		ybr = is_ybr(c, *photometric);
		c->jpeg_color_space = ybr ? JCS_YCbCr : JCS_RGB;
		if (ybr && *photometric != PHOTOMETRIC_RGB)
			*photometric = PHOTOMETRIC_YBR_FULL;
		else
			*photometric = PHOTOMETRIC_RGB;
		c->out_color_space = *photometric == PHOTOMETRIC_RGB ? JCS_RGB : JCS_YCbCr;
		return 0;
	}
	return err_set(err, -ENOTSUP, "JPEG frame of %d components", c->num_components);
}

/* n bytes at p to words of `width` bytes there: from the last down, none is overwritten before
 * it was read. */
static void widen(uint8_t *p, size_t n, unsigned width)
{
	uint8_t v;

	while (n-- > 0) {
		v = p[n];
		memset(p + n * width, 0, width);
		p[n * width] = v;
	}
}

/* Rows of bytes, straight to their places. */
static void read_rows(struct jpeg_decompress_struct *c, size_t row_samples, unsigned width,
	uint8_t *out)
{
	size_t row_bytes = row_samples * width, i, n;
	JSAMPROW rows[ROWS_A_CALL];

	while (c->output_scanline < c->output_height) {
		n = c->output_height - c->output_scanline;
		n = n < ROWS_A_CALL ? n : ROWS_A_CALL;
		for (i = 0; i < n; i++)
			rows[i] = out + i * row_bytes;
		n = jpeg_read_scanlines(c, rows, (JDIMENSION)n);
		for (i = 0; width > 1 && i < n; i++)
			widen(rows[i], row_samples, width);
		out += n * row_bytes;
	}
}

static int decode_session(struct session *s, const struct pixel_desc *desc, const uint8_t *in,
	size_t in_len, uint8_t *out, enum photometric *photometric, struct err *err)
{
	int rc;

	if (setjmp(s->leave))
		return err_set(err, s->code, "%s", s->message);
	jpeg_create_decompress(&s->cinfo);
	s->cinfo.progress = &s->progress;
	jpeg_mem_src(&s->cinfo, in, in_len);
	jpeg_read_header(&s->cinfo, TRUE);
	if (s->cinfo.image_width != desc->cols || s->cinfo.image_height != desc->rows ||
		s->cinfo.num_components != desc->samples)
		return err_set(err, -EBADMSG, "JPEG frame has another size than its header");
	rc = set_colour(&s->cinfo, photometric, err);
	if (rc)
		return rc;
	jpeg_start_decompress(&s->cinfo);
	read_rows(&s->cinfo, (size_t)desc->cols * desc->samples, pixel_sample_bytes(desc), out);
	jpeg_finish_decompress(&s->cinfo);
	if (desc->bits_stored < 8)
		pixel_clamp(desc, out, (size_t)desc->rows * desc->cols * desc->samples);
	return 0;
}

int jpeg8_decode(const struct pixel_desc *desc, const uint8_t *in, size_t in_len, uint8_t *out,
	enum photometric *photometric, struct err *err)
{
	struct session s;
	int rc;

	memset(&s, 0, sizeof s);
	set_callbacks(&s);
	rc = decode_session(&s, desc, in, in_len, out, photometric, err);
	jpeg_destroy_decompress(&s.cinfo);
	return rc;
}

/* Retired ones too, whatever their streams turn out to be: arithmetic coding of samples,
 * hierarchies. */
static const char *const syntaxes[] = {
	"1.2.840.10008.1.2.4.50",
	"1.2.840.10008.1.2.4.52",
	"1.2.840.10008.1.2.4.53",
	"1.2.840.10008.1.2.4.54",
	"1.2.840.10008.1.2.4.55",
	"1.2.840.10008.1.2.4.56",
	"1.2.840.10008.1.2.4.58",
	"1.2.840.10008.1.2.4.59",
	"1.2.840.10008.1.2.4.60",
	"1.2.840.10008.1.2.4.61",
	"1.2.840.10008.1.2.4.62",
	"1.2.840.10008.1.2.4.63",
	"1.2.840.10008.1.2.4.64",
	"1.2.840.10008.1.2.4.65",
	"1.2.840.10008.1.2.4.66",
	NULL,
};

const struct codec codec_jpeg = { "JPEG", syntaxes, jpeg_decode_any, .knows_colours = true };
