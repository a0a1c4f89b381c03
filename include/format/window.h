/* SPDX-License-Identifier: MIT */
/*
 * From voxels to eight bits: the grey scale transformation of an image (PS3.3 C.11.1, C.11.2), in
 * terms of the voxels that volume_pread() delivers without scaling.
 */
#ifndef FORMAT_WINDOW_H
#define FORMAT_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "volume/volume.h"

struct dcm_header;
struct err;

struct window {
	enum window_function { WINDOW_LINEAR, WINDOW_LINEAR_EXACT, WINDOW_SIGMOID } function;
	double center, width;    /* of modality values */
	double slope, intercept; /* from voxels to modality values */
	bool inverted;           /* MONOCHROME1 */
};

/* Files' headers as windows are asked for: of the last one, since a file often has many frames. */
struct windows {
	const struct volume *v;
	const struct volume_reader *reader;
	const struct instance *of;
	struct dcm_header *header;
};
void windows_release(struct windows *w);

/* The window of plane `plane` (in storage order) of time t: its file's, else one for the whole
 * volume. */
int windows_get(struct windows *w, uint32_t plane, uint32_t t, struct window *out, struct err *err);
/* n voxels as float32 to grey. */
void window_apply(const struct window *w, const float *in, uint8_t *out, size_t n);

/* Planes as they are stored, row by row from the top: an order for volume_pread(), colour or
 * float32. */
struct voxel_order window_plane_order(const struct volume *v);

#endif
