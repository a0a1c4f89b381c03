/* SPDX-License-Identifier: MIT */
/* Affines, quaternions and tilt: worked examples of three scanners, and what must hold for any
 * stack. */
#include <criterion/criterion.h>

#include <math.h>
#include <string.h>

#include "volume/geometry.h"

static const float axial[6] = { 1, 0, 0, 0, 1, 0 };

static void expect_rows(const struct geom_affine *a, const float want[3][4], float eps)
{
	for (int i = 0; i < 3; i++)
		for (int j = 0; j < 4; j++)
			cr_expect(fabsf(a->m[i][j] - want[i][j]) <= eps,
				"row %d column %d is %.9g, not %.9g", i, j, (double)a->m[i][j],
				(double)want[i][j]);
}

/* GE, 64 x 64, 15 planes 5 mm apart, upwards. */
Test(volume_geometry, axial_stack_counts_rows_from_the_bottom)
{
	float first[3] = { -118.125f, -143.344f, -17.6875f },
	      second[3] = { -118.125f, -143.344f, -12.6875f };
	float spacing[3] = { 3.75f, 3.75f, 5.0f }, bcd[3], qfac;
	const float want[3][4] = { { -3.75f, 0, 0, 118.125f }, { 0, 3.75f, 0, -92.906006f },
		{ 0, 0, 5, -17.6875f } };
	struct geom_affine a = geom_from_dicom(axial, first, spacing);

	cr_expect_not(geom_stack_direction(&a, first, second, 15));
	geom_negate_xy(&a);
	geom_flip(&a, 1, 64);
	expect_rows(&a, want, 0);
	geom_quaternion(&a, bcd, &qfac);
	cr_expect_eq(qfac, -1.0f);
	cr_expect(bcd[0] == 0 && bcd[1] == 1 && bcd[2] == 0);
	/* the signs of zeros are those of full matrix products */
	cr_expect_not(signbit(a.m[0][1]));
	cr_expect(signbit(a.m[0][2]));
	cr_expect(signbit(a.m[1][0]));
}

/* Siemens, 6 x 6 tiles of 64 x 64, planes against row x column. */
Test(volume_geometry, mosaic_moves_to_its_first_tile_and_keeps_its_direction)
{
	static const float orientation[6] = { 0, 1, 0, 0, 0, -1 };
	float position[3] = { -61.200000762939f, -660.3196144104f, 598.57627105713f };
	float spacing[3] = { 3.25f, 3.25f, 3.6000000448788f }, bcd[3], qfac;
	const double normal[3] = { 1, 0, 0 }, along[3] = { -1, 0, 0 };
	const float want[3][4] = { { 0, 0, -3.6f, 61.2f }, { -3.25f, 0, 0, 140.31964f },
		{ 0, 3.25f, 0, -126.173706f } };
	struct geom_affine a = geom_from_dicom(orientation, position, spacing);

	geom_mosaic_origin(&a, 384, 384, 6);
	geom_negate_xy(&a);
	cr_expect(geom_mosaic_is_negative(orientation, normal));
	cr_expect_not(geom_mosaic_is_negative(orientation, along));
	geom_negate_k(&a);
	geom_flip(&a, 1, 64);
	expect_rows(&a, want, 1e-5f);
	geom_quaternion(&a, bcd, &qfac);
	cr_expect_eq(qfac, 1.0f);
	cr_expect_float_eq(bcd[0], 0.5f, 1e-6f);
	cr_expect_float_eq(bcd[1], -0.5f, 1e-6f);
	cr_expect_float_eq(bcd[2], -0.5f, 1e-6f);
}

/* UIH, 460 x 512 x 160, sagittal and nearly straight. */
Test(volume_geometry, three_dimensional_stack_is_turned_to_the_axes_of_the_world)
{
	static const float orientation[6] = { -0.00459422544f, 0.9999879f, 0.00176440715f,
		0.0258876719f, 0.00188276928f, -0.999663115f };
	float first[3] = { -90.5559769f, -112.983368f, 120.478172f };
	float second[3] = { -89.5563278f, -112.978821f, 120.504074f };
	float spacing[3] = { 0.5f, 0.5f, 1.0f }, pixdim[3] = { 0.5f, 0.5f, 1.0f };
	const float want[3][4] = { { 0.99964917f, -0.00229711f, 0.01294383f, -73.948166f },
		{ 0.00454698f, 0.49999395f, 0.00094138f, -117.717873f },
		{ -0.02589587f, -0.0008822f, 0.49983153f, -130.413361f } };
	uint32_t dim[3] = { 460, 512, 160 };
	uint8_t axis[3];
	bool flip[3];
	struct geom_affine a;

	spacing[2] = geom_distance(first, second);
	a = geom_from_dicom(orientation, first, spacing);
	cr_assert(geom_stack_direction(&a, first, second, 160));
	geom_negate_xy(&a);
	geom_flip(&a, 2, 160);
	cr_assert(geom_rotate_to_axes(&a, dim, pixdim, axis, flip));
	cr_expect(dim[0] == 160 && dim[1] == 460 && dim[2] == 512);
	cr_expect(axis[0] == 2 && axis[1] == 0 && axis[2] == 1);
	cr_expect(pixdim[0] == 1.0f && pixdim[1] == 0.5f && pixdim[2] == 0.5f);
	expect_rows(&a, want, 2e-5f);
}

Test(volume_geometry, volume_along_the_axes_already_is_left_alone)
{
	struct geom_affine a = { { { 2, 0, 0, -10 }, { 0, 2, 0, -20 }, { 0, 0, 3, 5 } } },
			   before = a;
	uint32_t dim[3] = { 4, 5, 6 };
	float pixdim[3] = { 2, 2, 3 };
	uint8_t axis[3] = { 9, 9, 9 };
	bool flip[3];

	cr_expect_not(geom_rotate_to_axes(&a, dim, pixdim, axis, flip));
	cr_expect_eq(memcmp(&a, &before, sizeof a), 0);
	cr_expect_eq(axis[0], 9);
}

static void normalised(double x, double y, double z, float out[3])
{
	double len = sqrt(x * x + y * y + z * z);

	out[0] = (float)(x / len);
	out[1] = (float)(y / len);
	out[2] = (float)(z / len);
}

/* Any direction of acquisition: voxel (0, ny - 1, k) is where the image that is k-th along row x
 * column says. */
Test(volume_geometry, first_rows_lie_where_their_images_say_whatever_the_direction)
{
	static const double rows[][3] = { { 1, 0, 0 }, { 0, 1, 0 }, { 0.9, 0.1, -0.4 } };
	static const double columns[][3] = { { 0, 1, 0 }, { 0, 0, -1 }, { 0.1, 0.9, 0.45 } };

	for (int c = 0; c < 6; c++) {
		float orientation[6], n[3], first[3], second[3], spacing[3] = { 2, 1.5f, 3 };
		float sign = c % 2 ? -1.0f : 1.0f;
		struct geom_affine a;
		bool against;

		normalised(rows[c / 2][0], rows[c / 2][1], rows[c / 2][2], orientation);
		normalised(columns[c / 2][0], columns[c / 2][1], columns[c / 2][2],
			orientation + 3);
		n[0] = orientation[1] * orientation[5] - orientation[2] * orientation[4];
		n[1] = orientation[2] * orientation[3] - orientation[0] * orientation[5];
		n[2] = orientation[0] * orientation[4] - orientation[1] * orientation[3];
		for (int i = 0; i < 3; i++) {
			first[i] = 10.0f * (float)(i + 1);
			second[i] = first[i] + sign * 3.0f * n[i];
		}
		a = geom_from_dicom(orientation, first, spacing);
		against = geom_stack_direction(&a, first, second, 5);
		cr_expect_eq(against, sign < 0);
		geom_negate_xy(&a);
		if (against)
			geom_flip(&a, 2, 5);
		geom_flip(&a, 1, 7);
		for (int k = 0; k < 5; k++)
			for (int i = 0; i < 3; i++) {
				float ras = (i < 2 ? -1.0f : 1.0f) *
					(first[i] +
						sign * 3.0f * (float)(against ? 4 - k : k) * n[i]);
				float have = a.m[i][1] * 6.0f + a.m[i][2] * (float)k + a.m[i][3];

				cr_expect(fabsf(have - ras) < 1e-3f,
					"case %d plane %d axis %d: %g not %g", c, k, i,
					(double)have, (double)ras);
			}
	}
}

Test(volume_geometry, quaternion_of_a_half_turn_and_its_matrix_agree)
{
	struct geom_affine a = { { { -2, 0, 0, 1 }, { 0, 2, 0, 2 }, { 0, 0, 3, 3 } } };
	float bcd[3], qfac, pixdim[3] = { 2, 2, 3 }, row[3];

	geom_quaternion(&a, bcd, &qfac);
	for (unsigned i = 0; i < 3; i++) {
		geom_quaternion_row(bcd, qfac, pixdim, i, row);
		for (unsigned j = 0; j < 3; j++)
			cr_expect_float_eq(row[j], a.m[i][j], 1e-5f);
	}
}

Test(volume_geometry, zero_columns_do_no_harm)
{
	struct geom_affine a = { { { 0 } } };
	float bcd[3], qfac;

	geom_quaternion(&a, bcd, &qfac);
	cr_expect_eq(qfac, 1.0f);
	cr_expect_eq(bcd[0], 0.0f);
}

Test(volume_geometry, tilt_is_the_angle_between_the_run_of_positions_and_the_normal)
{
	float orientation[6] = { 1, 0, 0, 0, cosf(0.3f), sinf(0.3f) };
	float first[3] = { -10, -20, 5 }, up[3] = { -10, -20, 45 }, down[3] = { -10, -20, -35 };
	float degrees = (float)(0.3 * 180.0 / M_PI);

	cr_expect_float_eq(fabsf(geom_gantry_tilt(orientation, first, up)), degrees, 1e-3f);
	cr_expect_float_eq(geom_gantry_tilt(orientation, first, up),
		geom_gantry_tilt(orientation, first, down), 1e-4f);
	orientation[5] = -orientation[5];
	cr_expect_float_eq(geom_gantry_tilt(orientation, first, up),
		-geom_gantry_tilt((float[6]){ 1, 0, 0, 0, orientation[4], -orientation[5] }, first,
			up),
		1e-4f);
	cr_expect_eq(geom_gantry_tilt(axial, first, up), 0.0f);
	cr_expect_eq(geom_gantry_tilt(axial, first, first), 0.0f);
}

Test(volume_geometry, without_orientation_only_the_spacing_is_known)
{
	struct geom_affine a = geom_unknown((float[3]){ 2, 3, 4 });

	cr_expect_eq(a.m[0][0], 2.0f);
	cr_expect_eq(a.m[1][1], -3.0f);
	cr_expect_eq(a.m[2][2], 4.0f);
}
