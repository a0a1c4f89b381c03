/* SPDX-License-Identifier: MIT */
/*
 * Encoders for tests, of the JPEG processes that no library here writes: lossless, and the
 * DCT processes from coefficients, with samples of 8 or 12 bits. Not fast, not small: the Huffman
 * tables are fixed. Nothing here fails; without memory the buffer remembers.
 */
#ifndef TESTS_SUPPORT_ENC_JPEG_H
#define TESTS_SUPPORT_ENC_JPEG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct enc_lossless {
	unsigned rows, cols, samples;
	unsigned precision; /* 2..16 */
	unsigned predictor; /* 1..7 */
	unsigned point_transform;
	unsigned restart_rows; /* 0: no restart intervals */
	bool scan_each;        /* a scan for each component */
	bool long_codes;       /* codes of 1 to 16 bits, not all of 5; precision < 16 only */
};

/* Samples are interleaved. */
void enc_lossless(const struct enc_lossless *e, const uint16_t *samples, struct buf *out);

struct enc_dct {
	unsigned rows, cols, samples;
	unsigned precision; /* 8 or 12 */
	unsigned h, v;      /* sampling of the first component; the others have 1x1 */
	bool progressive;   /* spectral selection and successive approximation */
	unsigned restart_mcus;
	uint16_t quant; /* of all coefficients */
};

/* Blocks a component has, up to whole MCUs. */
unsigned enc_dct_blocks(const struct enc_dct *e, unsigned component);
/* coefs[c] are 64 a block, in zigzag order, row after row of blocks. */
void enc_dct(const struct enc_dct *e, int16_t *const *coefs, struct buf *out);

#endif
