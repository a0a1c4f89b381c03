/* SPDX-License-Identifier: MIT */
/*
 * Where a stack of planes lies: pure functions from DICOM's orientation, position
 * and spacing (LPS, PS3.3 C.7.6.2) to NIfTI's affine and quaternion (RAS). The bytes of a
 * header depend on every rounding, so each product and sum is a float of its own,
 * in the order in which the reference converter makes it; even the sign of a zero is made
 * by the full matrix products and must not be simplified away.
 */
#ifndef VOLUME_GEOMETRY_H
#define VOLUME_GEOMETRY_H

#include <stdbool.h>
#include <stdint.h>

/* Rows x, y, z; columns i, j, k and the origin. */
struct geom_affine {
	float m[3][4];
};

/* LPS affine of planes with this orientation (row then column direction), first pixel centre, and
 * distances {along a row, down a column, between planes}. */
struct geom_affine geom_from_dicom(const float orientation[6], const float position[3],
	const float spacing[3]);
/* Where there is no orientation: rows run to the back, columns to the left, codes are 0. Already
 * RAS. */
struct geom_affine geom_unknown(const float spacing[3]);

/* A mosaic's position is that of the big image (cols * rows, n_grid tiles a side): move it to tile
 * 0. */
void geom_mosaic_origin(struct geom_affine *a, uint32_t cols, uint32_t rows, uint32_t n_grid);
/* Is {row, column, slice normal} left-handed? Planes then run against row x column. */
bool geom_mosaic_is_negative(const float orientation[6], const double slice_normal[3]);
/* x -> -x of voxel axis k, without moving the origin. */
void geom_negate_k(struct geom_affine *a);

/* Do planes 0 .. n - 1 run along row x column or against it? `second` is the position of another
 * plane than the first (LPS; NAN: not known). Makes column k point from plane 0 to plane n - 1
 * and returns whether that is against row x column: such stacks are stored the other way round
 * (geom_flip(a, 2, n)). */
bool geom_stack_direction(struct geom_affine *a, const float first[3], const float second[3],
	uint32_t n);
/* 0, 1 or 2: sagittal, coronal, axial: the axis that column k is nearest to. */
unsigned geom_plane(const struct geom_affine *a);

/* LPS to RAS, either way. */
void geom_negate_xy(struct geom_affine *a);
/* Count voxel axis 1 or 2 (n voxels) from its other end. */
void geom_flip(struct geom_affine *a, unsigned axis, uint32_t n);

/* The permutation and flips that bring the voxel axes nearest to the world's: new axis k takes
 * old axis axis[k], from its end where flip[k]. dim and pixdim (3 each) and the affine are
 * rearranged. False: it is so already, nothing was done. */
bool geom_rotate_to_axes(struct geom_affine *a, uint32_t dim[3], float pixdim[3], uint8_t axis[3],
	bool flip[3]);

/* NIfTI's quaternion b, c, d and qfac (-1, +1), from the nearest orthogonal matrix. */
void geom_quaternion(const struct geom_affine *a, float bcd[3], float *qfac);

/* Row i of the matrix that a quaternion and voxel sizes stand for. */
void geom_quaternion_row(const float bcd[3], float qfac, const float pixdim[3], unsigned i,
	float row[3]);

/* Gantry tilt in degrees from the first and last position; 0: none (§ C.7.6.2: planes are not where
 * their normal points). */
float geom_gantry_tilt(const float orientation[6], const float first[3], const float last[3]);

/* |a - b| in float arithmetic. */
float geom_distance(const float a[3], const float b[3]);
/* Row x column; double arithmetic. */
void geom_normal(const double orientation[6], double normal[3]);
/* p along the normal of the orientation, in mm; double arithmetic. */
double geom_along_normal(const double orientation[6], const double p[3]);

#endif
