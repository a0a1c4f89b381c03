/* SPDX-License-Identifier: MIT */
/*
 * Analyze 7.5 pairs as SPM99 extended them: an origin, but no angles. Voxels are in the order that
 * its readers take for granted, x to the left, y to the front, z up; so oblique volumes are turned to
 * the nearest such order, and lie askew by what is left.
 */
#ifndef FORMAT_ANALYZE_H
#define FORMAT_ANALYZE_H

#include <stdbool.h>

#include "volume/volume.h"

struct buf;
struct err;

int analyze_header(const struct volume *v, struct buf *out, struct err *err);
struct voxel_order analyze_order(const struct volume *v);
bool analyze_holds(const struct volume *v, const char **why);
/* What README.txt says of it. */
extern const char analyze_readme[];

#endif
