/* SPDX-License-Identifier: MIT */
/* Huffman tables of JPEG streams: see jpeg_bits.h. */
#include "jpeg_bits.h"

#include "jpeg_stream.h"

static void fill(uint16_t *look, unsigned code, unsigned len, uint8_t symbol)
{
	unsigned first = code << (JPEG_LOOK_BITS - len), n = 1u << (JPEG_LOOK_BITS - len), i;

	for (i = 0; i < n; i++)
		look[first + i] = (uint16_t)(len << 8 | symbol);
}

/* Codes of one length are consecutive numbers, and begin at twice what follows the last
 * shorter one. */
void jpeg_huff_init(struct jpeg_huff *h, const struct jpeg_huff_spec *spec)
{
	unsigned code = 0, place = 0, len, i;

	memset(h, 0, sizeof *h);
	h->symbols = spec->symbols;
	for (len = 1; len <= 16; len++) {
		code <<= 1;
		h->offset[len] = (int32_t)place - (int32_t)code;
		for (i = 0; i < spec->counts[len]; i++, code++, place++)
			if (len <= JPEG_LOOK_BITS)
				fill(h->look, code, len, spec->symbols[place]);
		h->limit[len] = code << (16 - len);
	}
}

unsigned jpeg_huff_long(const struct jpeg_huff *h, unsigned prefix)
{
	unsigned len;
	int32_t code;

	for (len = JPEG_LOOK_BITS + 1; len <= 16; len++) {
		code = (int32_t)(prefix >> (16 - len));
		if (prefix < h->limit[len])
			return len << 8 | h->symbols[code + h->offset[len]];
	}
	return 0;
}
