/* SPDX-License-Identifier: MIT */
/* Directions and steps from an sform, and which axis of the body each is nearest to. */
#include <criterion/criterion.h>

#include <math.h>

#include "format/space.h"

static struct volume with(const float m[3][4])
{
	struct volume v = { .dim = { 4, 5, 6, 1 }, .type = SAMPLE_I16 };
	int i, j;

	for (i = 0; i < 3; i++)
		for (j = 0; j < 4; j++)
			v.srow[i][j] = m[i][j];
	return v;
}

Test(format_space, steps_and_directions_are_those_of_the_columns)
{
	struct volume v = with(
		(const float[3][4]){ { 0, -3, 0, 1 }, { 2, 0, 0, 2 }, { 0, 4, 7, 3 } });
	struct space s;

	space_of(&v, &s);
	cr_expect_float_eq(s.step[0], 2, 1e-12);
	cr_expect_float_eq(s.step[1], 5, 1e-12);
	cr_expect_float_eq(s.step[2], 7, 1e-12);
	cr_expect_float_eq(s.unit[1][0], -0.6, 1e-12);
	cr_expect_float_eq(s.unit[1][2], 0.8, 1e-12);
	cr_expect_eq(s.world[0], 1);
	cr_expect_eq(s.world[1], 0, "the third axis has 2 for itself");
	cr_expect_eq(s.world[2], 2);
}

Test(format_space, a_column_of_zeros_is_an_axis_all_the_same)
{
	struct volume v = with(
		(const float[3][4]){ { 1, 0, 0, 0 }, { 0, 1, 0, 0 }, { 0, 0, 0, 0 } });
	struct space s;
	double index[3];

	space_of(&v, &s);
	cr_expect_float_eq(s.step[2], 1, 0);
	cr_expect_float_eq(s.unit[2][2], 1, 0);
	cr_expect(space_index_at(&s, (const double[3]){ 1, 2, 3 }, index));
	cr_expect_float_eq(index[2], 3, 1e-12);
}

Test(format_space, a_point_has_the_index_that_leads_to_it)
{
	struct volume v = with((const float[3][4]){ { -2, 0.5f, 0, 10 }, { 0.25f, 3, 0.5f, -20 },
		{ 0, -0.5f, 4, 30 } });
	double index[3], want[3] = { 1.5, 2, 4 }, point[3];
	struct space s;
	int i;

	for (i = 0; i < 3; i++)
		point[i] = (double)v.srow[i][0] * want[0] + (double)v.srow[i][1] * want[1] +
			(double)v.srow[i][2] * want[2] + (double)v.srow[i][3];
	space_of(&v, &s);
	cr_assert(space_index_at(&s, point, index));
	for (i = 0; i < 3; i++)
		cr_expect_float_eq(index[i], want[i], 1e-9);
}

Test(format_space, axes_in_one_plane_have_no_index)
{
	struct volume v = with(
		(const float[3][4]){ { 1, 1, 0, 0 }, { 0, 0, 1, 0 }, { 0, 0, 0, 0 } });
	double index[3];
	struct space s;

	space_of(&v, &s);
	cr_expect(!space_index_at(&s, (const double[3]){ 0, 0, 1 }, index));
}

Test(format_space, scaling_is_applied_where_there_is_some)
{
	static const struct {
		enum sample_type type, want;
		float slope, inter;
		bool scaled;
	} cases[] = {
		{ SAMPLE_I16, SAMPLE_I16, 1, 0, false },
		{ SAMPLE_I16, SAMPLE_I16, 0, 5, false }, /* NIfTI: a slope of 0 is none */
		{ SAMPLE_I16, SAMPLE_F32, 2, 0, true },
		{ SAMPLE_U8, SAMPLE_F32, 1, -1024, true },
		{ SAMPLE_U32, SAMPLE_F64, 2, 0, true },
		{ SAMPLE_F32, SAMPLE_F32, 2, 0, true },
		{ SAMPLE_F64, SAMPLE_F64, 2, 0, true },
		{ SAMPLE_RGB24, SAMPLE_RGB24, 2, 0, false },
	};
	size_t i;

	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct volume v = { .type = cases[i].type,
			.scl_slope = cases[i].slope,
			.scl_inter = cases[i].inter };
		struct voxel_order o = space_order_applied(&v);

		cr_expect_eq(space_is_scaled(&v), cases[i].scaled, "case %zu", i);
		cr_expect_eq(o.apply_scale, cases[i].scaled, "case %zu", i);
		cr_expect_eq(o.type, cases[i].want, "case %zu", i);
	}
}
