/* SPDX-License-Identifier: MIT */
/*
 * Planes that are made of other planes: gantry tilt undone, uneven gaps made even,
 * overlays as images (CONVERSION §3.5, §5.9, §4.2). What is made of what is in the
 * volume's `base` and `resample`. Storage order of derived volumes is NIfTI order: they
 * have no flips.
 */
#ifndef VOLUME_RESAMPLE_H
#define VOLUME_RESAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dcm_header;
struct err;
struct instance;
struct volume;
struct volume_reader;

/* The numbers behind `resample`. Tilt: [0] rows that a mm between planes shifts by, [1] mm from
 * the first plane to the last, [2] PixelPaddingValue or NAN, then the mm of each plane from the
 * first one. Even gaps: for each plane three: the two planes of the base, and the weight of the
 * second. */
enum { RESAMPLE_TILT_ROWS, RESAMPLE_TILT_MM, RESAMPLE_TILT_PADDING, RESAMPLE_TILT_PLANES };
enum { RESAMPLE_EVEN_LOW, RESAMPLE_EVEN_HIGH, RESAMPLE_EVEN_WEIGHT, RESAMPLE_EVEN_STRIDE };

/* Does the overlay of this group cover the instance's image, from its first pixel on? h: its
 * header. */
bool resample_overlay_covers(const struct dcm_header *h, const struct instance *in, uint16_t group);
/* Plane `plane` of time t of a derived volume: out has plane_cols * plane_rows *
 * sample_bytes(v->type) bytes. */
int resample_plane(const struct volume *v, const struct volume_reader *r, uint32_t plane,
	uint32_t t, uint8_t *out, size_t len, struct err *err);

#endif
