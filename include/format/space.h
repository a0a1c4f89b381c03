/* SPDX-License-Identifier: MIT */
/*
 * Where a volume's voxels lie, in the terms that the formats beside NIfTI share: directions of
 * length one and steps, and which axis of the body each voxel axis is nearest to. RAS, mm.
 */
#ifndef FORMAT_SPACE_H
#define FORMAT_SPACE_H

#include <stdbool.h>
#include <stdint.h>

#include "volume/volume.h"

struct space {
	double unit[3][3]; /* [a]: direction of voxel axis a */
	double step[3];    /* mm from voxel to voxel along it */
	double origin[3];  /* centre of voxel (0, 0, 0) */
	uint8_t world[3];  /* of voxel axis a: 0 left-right, 1 back-front, 2 down-up; each once */
};

void space_of(const struct volume *v, struct space *s);
/* The voxel index (a fraction) at a point. False: the axes do not span space. */
bool space_index_at(const struct space *s, const double point[3], double index[3]);
/* c with columns[0] c[0] + columns[1] c[1] + columns[2] c[2] = point; false as above. */
bool space_solve(const double columns[3][3], const double point[3], double c[3]);

/* Is there a slope or an intercept that a format without them must apply? Never for colour. */
bool space_is_scaled(const struct volume *v);
/* NIfTI's order, with slope and intercept applied where there are some: to float32, or to float64
 * where the samples are wider than float32 can hold. */
struct voxel_order space_order_applied(const struct volume *v);

#endif
