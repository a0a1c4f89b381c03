/* SPDX-License-Identifier: MIT */
/* Deflated image frame compression (PS3.5 A.4.13): each frame is one raw RFC 1951
 * stream of the native frame. */
#include "codec/codec.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <zlib.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"

/* The windows that zlib counts in unsigned int are filled from sizes in size_t. */
static void advance(z_stream *z, const uint8_t **in, size_t *in_left, size_t *out_left)
{
	if (z->avail_in == 0) {
		z->next_in = (z_const Bytef *)*in;
		z->avail_in = (uInt)min_size(*in_left, INT_MAX);
		*in += z->avail_in;
		*in_left -= z->avail_in;
	}
	if (z->avail_out == 0) {
		z->avail_out = (uInt)min_size(*out_left, INT_MAX);
		*out_left -= z->avail_out;
	}
}

/* Fill out; what the stream has beyond it (a pad byte) is left. */
static int inflate_frame(const uint8_t *in, size_t in_len, uint8_t *out, size_t out_len,
	struct err *err)
{
	size_t head = zlib_header_bytes(in, in_len), in_left = in_len - head, out_left = out_len;
	z_stream z;
	int rc;

	in += head;
	memset(&z, 0, sizeof z);
	if (inflateInit2(&z, -MAX_WBITS) != Z_OK)
		return err_nomem(err);
	z.next_out = out;
	do {
		advance(&z, &in, &in_left, &out_left);
		rc = inflate(&z, Z_NO_FLUSH);
	} while (
		rc == Z_OK && (z.avail_out > 0 || out_left > 0) && (z.avail_in > 0 || in_left > 0));
	out_left += z.avail_out;
	inflateEnd(&z);
	if (rc == Z_MEM_ERROR)
		return err_nomem(err);
	if (out_left > 0)
		return err_set(err, -EBADMSG, "deflated frame is broken or %zu bytes short",
			out_left);
	return 0;
}

static int decode(const struct pixel_desc *desc, const uint8_t *in, size_t in_len, uint8_t *out,
	size_t out_len, enum photometric *photometric, struct err *err)
{
	struct pixel_desc native = *desc;
	size_t native_len = (size_t)pixel_frame_bytes(desc);
	uint8_t *frame;
	int rc;

	(void)photometric;
	native.big_endian = false;
	frame = mem_alloc(native_len);
	if (!frame)
		return err_nomem(err);
	rc = inflate_frame(in, in_len, frame, native_len, err);
	if (rc == 0)
		rc = pixel_unpack(&native, frame, native_len, 0, out, out_len, err);
	mem_free(frame);
	return rc;
}

static const char *const syntaxes[] = { "1.2.840.10008.1.2.8.1", NULL };

const struct codec codec_deflate = { "deflated frame", syntaxes, decode, .keeps_words = true };
