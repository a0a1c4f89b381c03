/* SPDX-License-Identifier: MIT */
/* One fuzz target for all codecs: what the header says of the frame is in the input's last six
 * bytes. */
#ifndef TESTS_FUZZ_CODEC_H
#define TESTS_FUZZ_CODEC_H

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "codec/codec.h"

enum { FUZZ_DESC_BYTES = 6, FUZZ_MAX_BYTES = 1 << 20 };

/* Rows, columns, and a byte each of sizes and flags: any header that pixel_desc_check() lets
 * pass. */
static inline struct pixel_desc fuzz_desc(const uint8_t *p)
{
	static const uint8_t allocated[8] = { 8, 16, 8, 16, 1, 12, 32, 64 };
	static const uint8_t samples[4] = { 1, 3, 1, 4 };
	struct pixel_desc d = {
		.rows = get_le16(p),
		.cols = get_le16(p + 2),
		.samples = samples[p[4] & 3],
		.bits_allocated = allocated[p[4] >> 2 & 7],
		.is_signed = p[4] & 32,
		.planar = p[4] & 64,
		.big_endian = p[4] & 128,
		.photometric = (enum photometric)(p[5] % (PHOTOMETRIC_CMYK + 1)),
	};

	d.bits_stored = (uint16_t)(d.bits_allocated - (p[5] >> 4) % d.bits_allocated);
	d.high_bit = (uint16_t)(d.bits_stored - 1);
	return d;
}

/* Decode, and do what comes after it. */
static inline int fuzz_codec(const struct codec *c, const uint8_t *data, size_t size)
{
	enum photometric photometric;
	struct pixel_desc d;
	struct err err;
	uint8_t *out;
	size_t len;

	if (size < FUZZ_DESC_BYTES)
		return 0;
	d = fuzz_desc(data + size - FUZZ_DESC_BYTES);
	if (pixel_desc_check(&d, &err) || pixel_decoded_bytes(&d) > FUZZ_MAX_BYTES)
		return 0;
	len = (size_t)pixel_decoded_bytes(&d);
	photometric = d.photometric;
	out = malloc(len);
	if (out && c->decode(&d, data, size - FUZZ_DESC_BYTES, out, len, &photometric, &err) == 0) {
		pixel_mask(&d, out, len / pixel_sample_bytes(&d));
		pixel_ybr_to_rgb(&d, out, (size_t)d.rows * d.cols);
	}
	free(out);
	return 0;
}

#endif
