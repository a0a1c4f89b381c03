/* SPDX-License-Identifier: MIT */
/* PNG images (ISO 15948) of 8-bit grey or RGB, without compression: their size is known before
 * their pixels. */
#ifndef FORMAT_PNG_H
#define FORMAT_PNG_H

#include <stdint.h>

struct png_shape {
	uint32_t width, height; /* 1 .. 65535, fewer than 2^30 samples in all */
	unsigned channels;      /* 1: grey, 3: RGB */
};

uint64_t png_size(const struct png_shape *s);
/* pixels: rows without padding; out has png_size() bytes. */
void png_encode(const struct png_shape *s, const uint8_t *pixels, uint8_t *out);

#endif
