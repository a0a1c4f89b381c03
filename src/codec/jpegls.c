/* SPDX-License-Identifier: MIT */
/* JPEG-LS, lossless and near-lossless (ITU-T T.87), by CharLS. */
#include "codec/codec.h"

#include <errno.h>
#include <string.h>

#include <charls/charls.h>

#include "base/err.h"
#include "base/mem.h"

struct frame {
	charls_frame_info info;
	charls_interleave_mode mode;
	unsigned width;            /* of a sample as CharLS delivers it, bytes */
	size_t bytes;              /* of the whole frame, so */
};

static int failed(charls_jpegls_errc code, struct err *err)
{
	int rc = code == CHARLS_JPEGLS_ERRC_NOT_ENOUGH_MEMORY ? -ENOMEM : -EBADMSG;

	return err_set(err, rc, "JPEG-LS: %s", charls_get_error_message(code));
}

/* The frame's header, compared with what the file promises, before anything is decoded. */
static int read_header(charls_jpegls_decoder *decoder, const struct pixel_desc *desc,
	struct frame *f, struct err *err)
{
	charls_spiff_header spiff;
	int32_t has_spiff;
	charls_jpegls_errc code;

	code = charls_jpegls_decoder_read_spiff_header(decoder, &spiff, &has_spiff);
	if (code == 0)
		code = charls_jpegls_decoder_read_header(decoder);
	if (code == 0)
		code = charls_jpegls_decoder_get_frame_info(decoder, &f->info);
	if (code == 0)
		code = charls_jpegls_decoder_get_interleave_mode(decoder, &f->mode);
	if (code)
		return failed(code, err);
	if (f->info.width != desc->cols || f->info.height != desc->rows ||
		f->info.component_count != desc->samples)
		return err_set(err, -EBADMSG, "JPEG-LS frame of %ux%u, %d samples, where the header "
			"has %ux%u, %u", f->info.width, f->info.height, f->info.component_count,
			desc->cols, desc->rows, desc->samples);
	f->width = f->info.bits_per_sample > 8 ? 2 : 1;
	if (f->info.bits_per_sample > 16 || f->width > pixel_sample_bytes(desc))
		return err_set(err, -EBADMSG, "JPEG-LS frame of %d bits where %u are allocated",
			f->info.bits_per_sample, desc->bits_allocated);
	f->bytes = (size_t)desc->rows * desc->cols * desc->samples * f->width;
	return 0;
}

/* Is this a complaint about what stands between the last scan and EOI? There are encoders that
 * leave bits or a byte there; the samples are whole then. */
static bool is_tail_error(charls_jpegls_errc code, const struct frame *f)
{
	bool one_scan = f->info.component_count == 1 || f->mode != CHARLS_INTERLEAVE_MODE_NONE;

	return one_scan && (code == CHARLS_JPEGLS_ERRC_TOO_MUCH_ENCODED_DATA ||
		code == CHARLS_JPEGLS_ERRC_JPEG_MARKER_START_BYTE_NOT_FOUND ||
		code == CHARLS_JPEGLS_ERRC_END_OF_IMAGE_MARKER_NOT_FOUND);
}

static int decode_to(charls_jpegls_decoder *decoder, const struct frame *f, uint8_t *out,
	struct err *err)
{
	size_t want;
	charls_jpegls_errc code;

	code = charls_jpegls_decoder_get_destination_size(decoder, 0, &want);
	if (code == 0 && want != f->bytes)
		return err_set(err, -EBADMSG, "JPEG-LS frame of %zu bytes, not %zu", want, f->bytes);
	if (code == 0)
		code = charls_jpegls_decoder_decode_to_buffer(decoder, out, f->bytes, 0);
	return code == 0 || is_tail_error(code, f) ? 0 : failed(code, err);
}

/* Components one after the other to pixels, and samples of fewer bytes than asked for to those:
 * by way of a copy, since CharLS can do neither. */
static void arrange(const struct frame *f, const struct pixel_desc *desc, const uint8_t *in,
	uint8_t *out)
{
	size_t n = (size_t)desc->rows * desc->cols, samples = desc->samples, i, from;
	size_t width = pixel_sample_bytes(desc);
	unsigned c;

	for (c = 0; c < samples; c++) {
		for (i = 0; i < n; i++) {
			from = f->mode == CHARLS_INTERLEAVE_MODE_NONE ?
				(c * n + i) : (i * samples + c);
			memset(out + (i * samples + c) * width, 0, width);
			memcpy(out + (i * samples + c) * width, in + from * f->width, f->width);
		}
	}
}

static int decode_and_arrange(charls_jpegls_decoder *decoder, const struct pixel_desc *desc,
	const struct frame *f, uint8_t *out, struct err *err)
{
	uint8_t *frame = mem_alloc(f->bytes);
	int rc;

	if (!frame)
		return err_nomem(err);
	rc = decode_to(decoder, f, frame, err);
	if (rc == 0)
		arrange(f, desc, frame, out);
	mem_free(frame);
	return rc;
}

static int decode_stream(const struct pixel_desc *desc, const uint8_t *in, size_t in_len,
	uint8_t *out, size_t out_len, struct err *err)
{
	charls_jpegls_decoder *decoder = charls_jpegls_decoder_create();
	charls_jpegls_errc code;
	struct frame f;
	int rc;

	if (!decoder)
		return err_nomem(err);
	code = charls_jpegls_decoder_set_source_buffer(decoder, in, in_len);
	rc = code ? failed(code, err) : read_header(decoder, desc, &f, err);
	if (rc == 0) {
		bool direct = f.bytes == out_len &&
			(desc->samples == 1 || f.mode != CHARLS_INTERLEAVE_MODE_NONE);

		rc = direct ? decode_to(decoder, &f, out, err) :
			decode_and_arrange(decoder, desc, &f, out, err);
	}
	charls_jpegls_decoder_destroy(decoder);
	return rc;
}

static bool ends_in_marker(const uint8_t *in, size_t in_len)
{
	size_t i;

	for (i = 2; i <= 4 && i <= in_len; i++)
		if (in[in_len - i] == 0xff && in[in_len - i + 1] >= 0x80)
			return true;
	return false;
}

/* CharLS stops at a marker, but may look for one bit more for ever where there are no more bytes: a
 * stream that was cut off gets an EOI. */
static int decode(const struct pixel_desc *desc, const uint8_t *in, size_t in_len, uint8_t *out,
	size_t out_len, enum photometric *photometric, struct err *err)
{
	uint8_t *copy;
	int rc;

	(void)photometric;
	if (ends_in_marker(in, in_len))
		return decode_stream(desc, in, in_len, out, out_len, err);
	copy = mem_alloc(in_len + 2);
	if (!copy)
		return err_nomem(err);
	memcpy(copy, in, in_len);
	memcpy(copy + in_len, (const uint8_t[]){ 0xff, 0xd9 }, 2);
	rc = decode_stream(desc, copy, in_len + 2, out, out_len, err);
	mem_free(copy);
	return rc;
}

static const char *const syntaxes[] = {
	"1.2.840.10008.1.2.4.80",
	"1.2.840.10008.1.2.4.81",
	NULL,
};

const struct codec codec_jpegls = { "JPEG-LS", syntaxes, decode };
