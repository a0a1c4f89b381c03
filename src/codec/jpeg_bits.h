/* SPDX-License-Identifier: MIT */
/*
 * Bits of entropy-coded JPEG data, highest first, out of a buffer that has no stuffing and
 * is followed by JPEG_ENTROPY_PAD zero bytes; and Huffman codes (T.81 annex C and F.2.2.3).
 *
 * The next bits are the highest of `acc`. A refill reads eight bytes at once, without a
 * branch, and leaves at least 56 bits: enough for any code with its extra bits, 16 + 16.
 * Behind the end it reads zeros and stays there; jpeg_bits_overrun() tells afterwards.
 */
#ifndef CODEC_JPEG_BITS_H
#define CODEC_JPEG_BITS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/bytes.h"

struct jpeg_huff_spec;

struct jpeg_bits {
	uint64_t acc;
	unsigned n;  /* of the bits in acc, those that count as read */
	bool broken; /* set by who met a code that is none: p stays where refills are sound */
	const uint8_t *p, *end;
};

static inline void jpeg_bits_init(struct jpeg_bits *b, const uint8_t *p, size_t len)
{
	b->acc = 0;
	b->n = 0;
	b->broken = false;
	b->p = p;
	b->end = p + len;
}

/* May be called wherever p is not beyond end + 8. */
static inline void jpeg_bits_refill_unchecked(struct jpeg_bits *b)
{
	b->acc |= get_be64(b->p) >> b->n;
	b->p += (63 - b->n) >> 3;
	b->n |= 56;
}

static inline void jpeg_bits_refill(struct jpeg_bits *b)
{
	if (b->p <= b->end + 8)
		jpeg_bits_refill_unchecked(b);
	else
		b->n = 63;
}

static inline unsigned jpeg_bits_peek(const struct jpeg_bits *b, unsigned k)
{
	return (unsigned)(b->acc >> (64 - k));
}

static inline void jpeg_bits_skip(struct jpeg_bits *b, unsigned k)
{
	b->acc <<= k;
	b->n -= k;
}

/* The next k bits, k of 1..32, of those that are there. */
static inline unsigned jpeg_bits_take(struct jpeg_bits *b, unsigned k)
{
	unsigned v = jpeg_bits_peek(b, k);

	jpeg_bits_skip(b, k);
	return v;
}

/* Were more bits taken than there were, or was a code none? */
static inline bool jpeg_bits_overrun(const struct jpeg_bits *b)
{
	return b->broken || b->p > b->end + 8 ||
		(b->p > b->end && (size_t)(b->p - b->end) * 8 > b->n);
}

/* s extra bits v to the value they stand for (T.81 F.2.2.1 EXTEND), s of 1..16. */
static inline int32_t jpeg_extend(unsigned v, unsigned s)
{
	return v >> (s - 1) ? (int32_t)v : (int32_t)v - (int32_t)((1u << s) - 1);
}

enum { JPEG_LOOK_BITS = 10 };

struct jpeg_huff {
	uint16_t look[1 << JPEG_LOOK_BITS]; /* length << 8 | symbol; 0: longer, or no code */
	uint32_t limit[18];     /* first 16-bit prefix that is no code of this length or less */
	int32_t offset[17];     /* symbol place = (prefix >> (16 - length)) + offset */
	const uint8_t *symbols; /* borrowed from the spec */
};

void jpeg_huff_init(struct jpeg_huff *h, const struct jpeg_huff_spec *spec);
/* A code longer than JPEG_LOOK_BITS by its first 16 bits: as in `look`, 0: there is none. */
unsigned jpeg_huff_long(const struct jpeg_huff *h, unsigned prefix);

/* The next symbol, or -1 where there is no such code. Needs 16 bits. */
static inline int jpeg_huff_symbol(const struct jpeg_huff *h, struct jpeg_bits *b)
{
	unsigned e = h->look[jpeg_bits_peek(b, JPEG_LOOK_BITS)];

	if (e == 0) {
		e = jpeg_huff_long(h, jpeg_bits_peek(b, 16));
		if (e == 0)
			return -1;
	}
	jpeg_bits_skip(b, e >> 8);
	return (int)(e & 0xff);
}

#endif
