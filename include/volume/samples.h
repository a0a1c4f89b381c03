/* SPDX-License-Identifier: MIT */
/*
 * Samples from one type to another: the inner loops of reading voxels. One loop a
 * pair of types, so that the compiler vectorises them. Input is little-endian and aligned
 * to nothing; output of either order.
 */
#ifndef VOLUME_SAMPLES_H
#define VOLUME_SAMPLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codec/pixel.h"
#include "volume/volume.h"

struct samples_map {
	enum sample_type from, to;
	bool big_endian; /* of the output */
	bool scale; /* to is SAMPLE_F32 or SAMPLE_F64: (float)raw * slope + intercept, in that type */
	float slope, intercept;
};

/* What a decoded, masked sample of such pixels is; SAMPLE_RGB24 for colour and palettes. */
enum sample_type samples_type_of(const struct pixel_desc *d);
/* Is converting nothing but copying? Types of one width whose bits mean the same count: int16 for
 * unsigned values of 15 bits. */
bool samples_map_is_copy(const struct samples_map *m);
void samples_convert(const struct samples_map *m, const uint8_t *in, uint8_t *out, size_t n);
/* The same from samples that lie `step` bytes apart. */
void samples_gather(const struct samples_map *m, const uint8_t *in, size_t step, uint8_t *out,
	unsigned out_bytes, size_t n);
/* n samples of `bytes` bytes from the last to the first, in place. */
void samples_reverse(uint8_t *samples, size_t n, unsigned bytes);

#endif
