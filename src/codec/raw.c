/* SPDX-License-Identifier: MIT */
/* Encapsulated uncompressed (PS3.5 A.4.11): the fragment is the native frame. */
#include "codec/codec.h"

static int decode(const struct pixel_desc *desc, const uint8_t *in, size_t in_len, uint8_t *out,
	size_t out_len, enum photometric *photometric, struct err *err)
{
	struct pixel_desc native = *desc;

	(void)photometric;
	native.big_endian = false;
	return pixel_unpack(&native, in, in_len, 0, out, out_len, err);
}

static const char *const syntaxes[] = { "1.2.840.10008.1.2.1.98", NULL };

const struct codec codec_raw = { "encapsulated uncompressed", syntaxes, decode,
	.keeps_words = true };
