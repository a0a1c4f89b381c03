/* SPDX-License-Identifier: MIT */
/*
 * Planes that are made of other planes: gantry tilt undone, uneven gaps made even,
 * overlays as images (CONVERSION §3.5, §5.9, §4.2). What is made of what is in the
 * volume's `base` and `resample`.
 */
#ifndef VOLUME_RESAMPLE_H
#define VOLUME_RESAMPLE_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct volume;
struct volume_reader;

/* Plane `plane` of time t of a derived volume, in storage order (row 0 is the source's first): out has plane_cols *
 * plane_rows * sample_bytes(v->type) bytes. */
int resample_plane(const struct volume *v, const struct volume_reader *r, uint32_t plane, uint32_t t, uint8_t *out,
	size_t len, struct err *err);

#endif
