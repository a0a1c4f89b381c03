/* SPDX-License-Identifier: MIT */
/* Directions in the frame of a .bvec file. */
#include <criterion/criterion.h>

#include <math.h>

#include "vendor/gradient.h"

static const double axial[6] = { 1, 0, 0, 0, 1, 0 };
static const double sagittal[6] = { 0, 1, 0, 0, 0, -1 };
static const double coronal[6] = { 1, 0, 0, 0, 0, -1 };

static void same(const double got[3], double x, double y, double z)
{
	cr_assert(fabs(got[0] - x) < 1e-12 && fabs(got[1] - y) < 1e-12 && fabs(got[2] - z) < 1e-12,
		"%g %g %g, not %g %g %g", got[0], got[1], got[2], x, y, z);
	cr_assert(!signbit(got[0] == 0 ? got[0] : 1) && !signbit(got[1] == 0 ? got[1] : 1),
		"no -0");
}

Test(vendor_gradient, patient_coordinates_are_projected_on_the_images_axes_rows_flipped)
{
	double out[3];

	gradient_from_lps((double[3]){ 0, 2, 0 }, axial, out);
	same(out, 0, -1, 0);
	gradient_from_lps((double[3]){ 0, 0, 1 }, sagittal, out);
	same(out, 0, 1, 0);
	gradient_from_lps((double[3]){ 1, 0, 0 }, sagittal, out);
	same(out, 0, 0, -1);
}

Test(vendor_gradient, scanner_axes_follow_the_plane_and_the_phase_direction)
{
	const double g[3] = { 0.1, 0.2, 0.3 };
	double out[3];

	gradient_from_scanner(g, false, axial, out);
	same(out, -0.1, 0.2, 0.3);
	gradient_from_scanner(g, true, axial, out);
	same(out, -0.2, -0.1, 0.3);
	gradient_from_scanner(g, false, sagittal, out);
	same(out, 0.1, -0.2, -0.3);
	gradient_from_scanner(g, false, coronal, out);
	same(out, -0.1, -0.2, 0.3);
}

Test(vendor_gradient, a_b_matrix_has_a_principal_direction_up_to_its_sign)
{
	const double v[3] = { 0.6, 0, -0.8 };
	const double m[6] = { 1000 * v[0] * v[0], 0, 1000 * v[0] * v[2], 3, 0, 1000 * v[2] * v[2] };
	double out[3];

	cr_assert(gradient_from_matrix(m, out));
	cr_assert(fabs(fabs(out[0] * v[0] + out[2] * v[2]) - 1) < 1e-9);
	cr_assert_not(gradient_from_matrix((double[6]){ 0 }, out));
}
