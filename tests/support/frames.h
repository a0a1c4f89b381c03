/* SPDX-License-Identifier: MIT */
/* Made-up frames for tests of the codecs, and the checks that all codecs have in common. */
#ifndef TESTS_SUPPORT_FRAMES_H
#define TESTS_SUPPORT_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codec/codec.h"
#include "codec/pixel.h"

struct pixel_desc frame_desc(unsigned rows, unsigned cols, unsigned samples, unsigned allocated,
	unsigned stored);

/* Samples of a smooth image with some noise, of desc's stored bits; free() it. Two frames of the
 * same desc and seed are equal. */
uint16_t *frame_make(const struct pixel_desc *d, unsigned seed);
/* The same as decoded: one, two or four bytes a sample, little-endian; free() it. */
uint8_t *frame_bytes(const struct pixel_desc *d, const uint16_t *samples);

/* Decode into fresh memory of the very size; NULL where the codec refuses, else free() it.
 * *photometric may be NULL. */
uint8_t *frame_decode(const struct codec *c, const struct pixel_desc *d, const void *in, size_t len,
	enum photometric *photometric);
/* Does the stream decode to exactly these bytes? */
bool frame_decodes_to(const struct codec *c, const struct pixel_desc *d, const void *in, size_t len,
	const uint8_t *want);
/* Decode all beginnings of the stream, copies with a byte changed, and the stream without memory to
 * do it in; the decoder may say what it will, as long as it comes back. Returns how many beginnings
 * were refused. */
size_t frame_torture(const struct codec *c, const struct pixel_desc *d, const void *in, size_t len);
/* Where fewer bits are stored than the stream has: are unsigned samples beyond those the most that
 * can be said (a lossy stream), and else as they are? */
bool frame_is_clamped(const struct codec *c, const struct pixel_desc *d, const void *in, size_t len);
/* Is the stream refused for a desc of other rows, columns or samples? */
bool frame_refuses_other_sizes(const struct codec *c, const struct pixel_desc *d, const void *in,
	size_t len);

#endif
