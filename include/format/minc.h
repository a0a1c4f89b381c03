/* SPDX-License-Identifier: MIT */
/*
 * MINC 1: a NetCDF-3 classic file with the variables that MINC prescribes, big-endian. The image is
 * the last variable, so that it may be of any size. Scaling is that of image-min and image-max: the
 * whole range of the type stands for what slope and intercept make of it, slice by slice the same.
 */
#ifndef FORMAT_MINC_H
#define FORMAT_MINC_H

#include <stdbool.h>

#include "volume/volume.h"

struct buf;
struct err;

/* All that is before the image's values. */
int minc_header(const struct volume *v, struct buf *out, struct err *err);
struct voxel_order minc_order(const struct volume *v);
/* Not colour. */
bool minc_holds(const struct volume *v, const char **why);

#endif
