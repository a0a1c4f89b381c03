/* SPDX-License-Identifier: MIT */
/*
 * Diffusion gradients in the frame of a .bvec file, for images whose rows are flipped and
 * whose slices ascend along r x c (CONVERSION §6.1, §6.3). Pure functions.
 */
#ifndef VENDOR_GRADIENT_H
#define VENDOR_GRADIENT_H

#include <stdbool.h>

/* LPS direction g to the axes of an image: (g.r, -g.c, g.n), normalised. */
void gradient_from_lps(const double g[3], const double orientation[6], double out[3]);
/* Components along frequency, phase and slice, as two makers store them, to the axes of the
 * image; pe_is_row: (0018,1312) is ROW. Not normalised. */
void gradient_from_scanner(const double g[3], bool pe_is_row, const double orientation[6],
	double out[3]);
/* The principal direction of a b-matrix xx xy xz yy yz zz, its sign arbitrary; false: a zero
 * matrix. */
bool gradient_from_matrix(const double m[6], double out[3]);

/* Which axis of the patient the image's normal is nearest to: 0 sagittal, 1 coronal, 2 axial. */
int gradient_plane(const double orientation[6]);

#endif
