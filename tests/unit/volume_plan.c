/* SPDX-License-Identifier: MIT */
/* What becomes a volume: grouping, order, names, and that no frame is lost or shown twice. */
#include <criterion/criterion.h>

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "dicom/tags.h"
#include "support/planned.h"

static const double sagittal[6] = { 0, 1, 0, 0, 0, -1 }, coronal[6] = { 1, 0, 0, 0, 0, -1 };

static struct planned p;

static void begin(void)
{
	planned_begin(&p);
}

static void end(void)
{
	planned_end(&p);
}

TestSuite(volume_plan, .init = begin, .fini = end);

static void slice(int number, double z)
{
	planned_image(&p, &(struct planned_image){ .number = number, .at = { 0, 0, z } });
}

/* Numbers of the instances, plane fastest. */
static void expect_numbers(const struct volume *v, const int *want, uint32_t n)
{
	cr_assert(v);
	cr_assert_eq(v->n_planes * v->dim[3], n, "%u planes, not %u", v->n_planes * v->dim[3], n);
	for (uint32_t i = 0; i < n; i++)
		cr_expect_eq(v->slices[i].in->number, want[i], "slice %u is image %d, not %d", i,
			v->slices[i].in->number, want[i]);
}

/* Each image frame is in exactly one primary volume. */
static void expect_each_frame_once(void)
{
	uint32_t n = p.archive.catalog->n_instances;
	unsigned *seen = calloc(4096, sizeof *seen);

	for (uint32_t i = 0; i < p.set->n_volumes; i++) {
		const struct volume *v = p.set->volumes[i];

		for (uint32_t k = 0; v->kind == VOLUME_PRIMARY && k < v->n_planes * v->dim[3]; k++)
			seen[v->slices[k].in->id % 4096]++;
	}
	for (uint32_t id = 0, found = 0; found < n && id < 4096; id++) {
		if (!catalog_instance(p.archive.catalog, id))
			continue;
		found++;
		cr_expect_eq(seen[id], 1, "image %u is there %u times", id, seen[id]);
	}
	free(seen);
}

Test(volume_plan, positions_order_the_planes_whatever_the_numbers)
{
	slice(1, 6), slice(2, 0), slice(3, 9), slice(4, 3);
	planned_plan(&p);
	cr_assert_eq(p.set->n_volumes, 1);
	expect_numbers(p.set->volumes[0], (int[]){ 2, 4, 1, 3 }, 4);
	cr_expect_eq(p.set->volumes[0]->dim[2], 4);
	cr_expect_not(p.set->volumes[0]->is_4d);
	cr_expect_float_eq(p.set->volumes[0]->pixdim[3], 3.0f, 1e-6f);
}

Test(volume_plan, planes_ascend_along_the_normal_however_they_were_acquired)
{
	slice(1, 9), slice(2, 6), slice(3, 3);
	planned_plan(&p);
	expect_numbers(p.set->volumes[0], (int[]){ 3, 2, 1 }, 3);
	cr_expect(p.set->volumes[0]->slices_reversed);
	cr_expect_float_eq(p.set->volumes[0]->srow[2][3], 3.0f, 1e-6f);
}

Test(volume_plan, time_may_run_slower_or_faster_than_space)
{
	for (int i = 0; i < 6; i++)
		planned_image(&p,
			&(struct planned_image){ .number = i + 1, .at = { 0, 0, 3.0 * (i % 3) } });
	for (int i = 0; i < 6; i++)
		planned_image(&p,
			&(struct planned_image){ .series = 2,
				.number = i + 1,
				.maker = "SIEMENS",
				.at = { 0, 0, 3.0 * (i / 2) } });
	planned_plan(&p);
	cr_assert_eq(p.set->n_volumes, 2);
	cr_expect_eq(p.set->volumes[0]->dim[3], 2);
	expect_numbers(p.set->volumes[0], (int[]){ 1, 2, 3, 4, 5, 6 }, 6);
	expect_numbers(p.set->volumes[1], (int[]){ 1, 3, 5, 2, 4, 6 }, 6);
}

static void put_temporal_position(struct gen *g, void *arg)
{
	gen_putf(g, DCM_TemporalPositionIdentifier, "%d", *(int *)arg);
}

Test(volume_plan, told_time_points_go_before_instance_numbers)
{
	int when[] = { 2, 1, 2, 1 };

	for (int i = 0; i < 4; i++)
		planned_image(&p,
			&(struct planned_image){ .number = i + 1,
				.at = { 0, 0, 3.0 * (i / 2) },
				.more = put_temporal_position,
				.arg = &when[i] });
	planned_plan(&p);
	expect_numbers(p.set->volumes[0], (int[]){ 2, 4, 1, 3 }, 4);
}

static void expect_problem(const char *words)
{
	for (uint32_t i = 0; i < p.set->n_problems; i++)
		if (strstr(p.set->problems[i].text, words))
			return;
	cr_expect(false, "nothing tells \"%s\"", words);
}

/* Planes of three, numbered time fastest (`along`: in space), without those of `gone`. */
static void told_times(int n_times, bool along, const int *gone, int n_gone)
{
	static int when[64];

	for (int i = 0; i < 3 * n_times; i++) {
		int plane = along ? i % 3 : i / n_times, time = along ? i / 3 : i % n_times;
		bool is_gone = false;

		for (int k = 0; k < n_gone; k++)
			is_gone = is_gone || gone[k] == i + 1;
		when[i] = time + 1;
		if (!is_gone)
			planned_image(&p,
				&(struct planned_image){ .number = i + 1,
					.at = { 0, 0, 3.0 * plane },
					.more = put_temporal_position,
					.arg = &when[i] });
	}
	planned_plan(&p);
}

Test(volume_plan, a_missing_image_costs_its_own_time_where_times_are_told)
{
	told_times(4, false, (int[]){ 6 }, 1);
	expect_numbers(planned_volume(&p, ""), (int[]){ 1, 5, 9, 3, 7, 11, 4, 8, 12 }, 9);
	expect_numbers(planned_volume(&p, "_part2"), (int[]){ 2, 10 }, 2);
	expect_each_frame_once();
}

Test(volume_plan, planes_that_have_lost_as_many_are_not_of_one_time)
{
	/* plane 0 lacks time 4, plane 1 time 2, plane 2 time 2 */
	told_times(5, false, (int[]){ 4, 7, 12 }, 3);
	expect_numbers(planned_volume(&p, ""), (int[]){ 1, 6, 11, 3, 8, 13, 5, 10, 15 }, 9);
	expect_numbers(planned_volume(&p, "_part2"), (int[]){ 2 }, 1);
	expect_numbers(planned_volume(&p, "_part3"), (int[]){ 9, 14 }, 2);
	expect_each_frame_once();
}

static void put_reference_time(struct gen *g, void *arg)
{
	gen_putf(g, DCM_FrameReferenceTime, "%g", *(double *)arg);
}

Test(volume_plan, measured_times_that_are_not_quite_the_same_part_nothing)
{
	static double when[12];

	for (int i = 0; i < 12; i++) {
		when[i] = 1000.0 * (i / 3) + (i == 7 ? 0.1 : 0.0);
		planned_image(&p,
			&(struct planned_image){ .number = i + 1,
				.modality = "PT",
				.at = { 0, 0, 3.0 * (i % 3) },
				.more = put_reference_time,
				.arg = &when[i] });
	}
	planned_plan(&p);
	cr_assert_eq(p.set->n_volumes, 1, "%s", planned_names(&p));
	cr_expect_eq(p.set->volumes[0]->dim[3], 4);
}

/* Planes at these places: is a slice told to be missing? */
static bool gap_is_told(const double *z, int n)
{
	bool told = false;

	for (int i = 0; i < n; i++)
		slice(i + 1, z[i]);
	planned_plan(&p);
	for (uint32_t i = 0; i < p.set->n_problems; i++)
		told = told || strstr(p.set->problems[i].text, "is a slice missing?");
	return told;
}

Test(volume_plan, a_slice_that_is_missing_is_told)
{
	cr_expect(gap_is_told((double[]){ 0, 3, 6, 9, 15, 18, 21 }, 7));
	expect_problem("3 mm apart, and 6 mm before this one");
}

Test(volume_plan, slabs_are_no_stack_with_slices_missing)
{
	cr_expect_not(gap_is_told((double[]){ 0, 3, 6, 19, 22, 25, 38, 41, 44 }, 9));
}

Test(volume_plan, wider_gaps_from_somewhere_on_are_no_slices_missing)
{
	cr_expect_not(gap_is_told((double[]){ 0, 2.5, 5, 7.5, 12.5, 17.5, 22.5, 27.5 }, 8));
}

Test(volume_plan, echoes_parts_and_sizes_are_volumes_of_their_own)
{
	for (int i = 0; i < 8; i++)
		planned_image(&p,
			&(struct planned_image){ .number = i + 1,
				.at = { 0, 0, 3.0 * (i % 2) },
				.te = i < 4 ? 5 : 7.5,
				.echo = i < 4 ? 1 : 2,
				.image_type = i / 2 % 2 ? "ORIGINAL\\PRIMARY\\P" :
							  "ORIGINAL\\PRIMARY\\M" });
	planned_image(&p,
		&(struct planned_image){ .number = 9,
			.te = 5,
			.echo = 1,
			.rows = 5,
			.image_type = "ORIGINAL\\PRIMARY\\M" });
	planned_plan(&p);
	cr_expect_str_eq(planned_names(&p), "1_MR_e1 1_MR_e1_ph 1_MR_e1a 1_MR_e2 1_MR_e2_ph");
	expect_numbers(planned_volume(&p, "_e2_ph"), (int[]){ 7, 8 }, 2);
	cr_expect_str_eq(planned_volume(&p, "_e2")->why, "another echo");
	expect_each_frame_once();
}

Test(volume_plan, orientations_of_a_localizer_are_named_after_their_first_image)
{
	const double *const orientations[3] = { NULL, sagittal, coronal };
	static const unsigned axis[3] = { 2, 0, 1 };

	for (int i = 0; i < 9; i++) {
		struct planned_image im = { .number = i + 1, .orientation = orientations[i / 3] };

		im.at[axis[i / 3]] = 10.0 * (i % 3);
		planned_image(&p, &im);
	}
	planned_plan(&p);
	cr_expect_str_eq(planned_names(&p), "1_MR_i00001 1_MR_i00004 1_MR_i00007");
	cr_expect_eq(p.set->volumes[1]->dim[2], 3);
	expect_each_frame_once();
}

Test(volume_plan, incomplete_time_point_is_a_part)
{
	for (int i = 0; i < 11; i++)
		slice(i + 1, 3.0 * (i % 4));
	planned_plan(&p);
	cr_expect_str_eq(planned_names(&p), "1_MR 1_MR_part2");
	cr_expect_eq(p.set->volumes[0]->dim[3], 2);
	expect_numbers(planned_volume(&p, "_part2"), (int[]){ 9, 10, 11 }, 3);
	cr_expect_eq(p.set->n_problems, 1);
	expect_each_frame_once();
}

Test(volume_plan, gap_in_the_middle_of_a_series_costs_its_own_time_point)
{
	for (int i = 0; i < 12; i++)
		if (i != 5)
			slice(i + 1, 3.0 * (i % 4));
	planned_plan(&p);
	expect_numbers(planned_volume(&p, ""), (int[]){ 1, 2, 3, 4, 9, 10, 11, 12 }, 8);
	expect_numbers(planned_volume(&p, "_part2"), (int[]){ 5, 7, 8 }, 3);
	expect_each_frame_once();
}

/* They would leave no time point whole. */
Test(volume_plan, planes_that_have_few_images_cost_the_others_nothing)
{
	slice(1, 50);
	for (int i = 0; i < 12; i++)
		slice(i + 2, 3.0 * (i / 6));
	slice(14, 60), slice(15, 60);
	planned_plan(&p);
	cr_expect_str_eq(planned_names(&p), "1_MR 1_MR_part2 1_MR_part3");
	expect_numbers(planned_volume(&p, ""), (int[]){ 2, 8, 3, 9, 4, 10, 5, 11, 6, 12, 7, 13 },
		12);
	expect_numbers(planned_volume(&p, "_part2"), (int[]){ 1, 14 }, 2);
	expect_numbers(planned_volume(&p, "_part3"), (int[]){ 15 }, 1);
	expect_each_frame_once();
}

Test(volume_plan, a_film_stays_one_beside_an_image_of_another_place)
{
	for (int i = 0; i < 30; i++)
		slice(i + 1, 0);
	slice(31, 50);
	planned_plan(&p);
	cr_expect_str_eq(planned_names(&p), "1_MR 1_MR_part2");
	cr_expect_eq(planned_volume(&p, "")->dim[3], 30);
	expect_numbers(planned_volume(&p, "_part2"), (int[]){ 31 }, 1);
	expect_each_frame_once();
}

/* Without it the stack would have a hole: images of it are missing. */
Test(volume_plan, a_plane_in_the_middle_that_has_few_images_is_none_to_do_without)
{
	for (int i = 0; i < 12; i++)
		if (i % 3 != 1 || i == 1)
			slice(i + 1, 3.0 * (i % 3));
	planned_plan(&p);
	expect_numbers(planned_volume(&p, ""), (int[]){ 1, 2, 3 }, 3);
	expect_numbers(planned_volume(&p, "_part2"), (int[]){ 4, 6 }, 2);
	expect_each_frame_once();
}

static void spaced(int number, const char *spacing)
{
	planned_image(&p,
		&(struct planned_image){ .number = number,
			.at = { 0, 0, 3.0 * number },
			.spacing = spacing });
}

Test(volume_plan, pixels_of_another_size_are_of_another_volume)
{
	spaced(1, "2\\2"), spaced(2, "2\\2"), spaced(3, "2\\1"), spaced(4, "2\\1");
	planned_plan(&p);
	cr_expect_str_eq(planned_names(&p), "1_MR 1_MRa");
	expect_numbers(planned_volume(&p, ""), (int[]){ 1, 2 }, 2);
	expect_numbers(planned_volume(&p, "a"), (int[]){ 3, 4 }, 2);
	cr_expect_eq(planned_volume(&p, "a")->pixdim[1], 1.0f);
	cr_expect_str_eq(planned_volume(&p, "a")->why, "another pixel spacing");
	expect_each_frame_once();
}

Test(volume_plan, spacings_that_were_rounded_are_one)
{
	spaced(1, "2\\2"), spaced(2, "2.0001\\1.9999");
	planned_plan(&p);
	cr_expect_str_eq(planned_names(&p), "1_MR");
}

Test(volume_plan, second_image_of_one_place_number_and_time_is_a_duplicate)
{
	slice(1, 0), slice(2, 3), slice(3, 6);
	planned_image(&p, &(struct planned_image){ .number = 2, .uid = 7, .at = { 0, 0, 3 } });
	planned_plan(&p);
	cr_expect_str_eq(planned_names(&p), "1_MR 1_MR_dup2");
	expect_numbers(planned_volume(&p, "_dup2"), (int[]){ 2 }, 1);
	expect_each_frame_once();
}

Test(volume_plan, copies_of_copies_make_a_volume_a_round)
{
	for (int copy = 0; copy < 4; copy++)
		for (int i = 0; i < 2 + (copy < 3); i++)
			planned_image(&p,
				&(struct planned_image){ .number = i + 1,
					.at = { 0, 0, 3.0 * i },
					.uid = copy + 1 });
	planned_plan(&p);
	cr_expect_str_eq(planned_names(&p), "1_MR 1_MR_dup2 1_MR_dup3 1_MR_dup4");
	expect_numbers(planned_volume(&p, "_dup3"), (int[]){ 1, 2, 3 }, 3);
	expect_numbers(planned_volume(&p, "_dup4"), (int[]){ 1, 2 }, 2);
	expect_each_frame_once();
}

/* Exporters that know no number write 1 into all. */
Test(volume_plan, one_number_for_all_images_makes_no_duplicates)
{
	for (int i = 0; i < 6; i++)
		planned_image(&p,
			&(struct planned_image){ .number = 1,
				.uid = i + 1,
				.at = { 0, 0, 6.0 - 3.0 * (i % 3) } });
	planned_plan(&p);
	cr_expect_str_eq(planned_names(&p), "1_MR");
	cr_expect_eq(p.set->volumes[0]->dim[2], 3);
	cr_expect_eq(p.set->volumes[0]->dim[3], 2);
	cr_expect_float_eq(p.set->volumes[0]->slices[2].position[2], 6.0, 1e-9, "they ascend");
	expect_each_frame_once();
}

/* Two stations of a coronal scan, side by side: planes of both are as far from the front. */
Test(volume_plan, stations_beside_one_another_are_no_time_points)
{
	for (int i = 0; i < 6; i++)
		planned_image(&p,
			&(struct planned_image){ .number = i + 1,
				.orientation = coronal,
				.rows = 20,
				.cols = 10,
				.at = { 0, 3.0 * (i % 3), i < 3 ? 0 : -30 } });
	/* a little aside is still the same place */
	for (int i = 0; i < 6; i++)
		planned_image(&p,
			&(struct planned_image){ .number = i + 1,
				.series = 2,
				.orientation = coronal,
				.rows = 20,
				.cols = 10,
				.at = { 0, 3.0 * (i % 3), i < 3 ? 0 : -2 } });
	planned_plan(&p);
	cr_expect_str_eq(planned_names(&p), "1_MR 1_MRa 2_MR");
	expect_numbers(p.set->volumes[0], (int[]){ 1, 2, 3 }, 3);
	expect_numbers(p.set->volumes[1], (int[]){ 4, 5, 6 }, 3);
	cr_expect_eq(p.set->volumes[2]->dim[3], 2);
}

static void put_study_time(struct gen *g, void *arg)
{
	gen_put(g, DCM_StudyTime, arg);
}

Test(volume_plan, a_study_that_tells_several_times_is_one)
{
	for (int i = 0; i < 3; i++)
		planned_image(&p,
			&(struct planned_image){ .number = i + 1,
				.at = { 0, 0, 3.0 * i },
				.more = put_study_time,
				.arg = (char[]){ '1', '0', (char)('0' + i), '0', '0', '0', 0 } });
	planned_plan(&p);
	cr_assert_eq(p.set->n_volumes, 1);
	cr_expect_eq(p.set->volumes[0]->dim[2], 3);
}

static void put_microscope(struct gen *g, void *arg)
{
	(void)arg;
	gen_put(g, DCM_PixelSpacing, "0.004\\0.004");
}

Test(volume_plan, planes_of_a_microscope_are_no_time_points)
{
	for (int i = 0; i < 5; i++)
		planned_image(&p,
			&(struct planned_image){ .number = i + 1,
				.at = { 0, 0, 0.004 * i },
				.no_spacing = true,
				.more = put_microscope });
	planned_plan(&p);
	cr_assert_eq(p.set->n_volumes, 1);
	cr_expect_eq(p.set->volumes[0]->dim[2], 5);
	cr_expect_eq(p.set->volumes[0]->dim[3], 1);
	cr_expect_float_eq(p.set->volumes[0]->srow[2][2], 0.004f, 1e-7f);
}

Test(volume_plan, echoes_that_nobody_numbered_are_by_echo_time)
{
	static const double te[4] = { 30, 5, 20, 5 };

	for (int i = 0; i < 4; i++)
		planned_image(&p,
			&(struct planned_image){ .number = i + 1, .te = te[i], .at = { 0, 0, i } });
	planned_image(&p, &(struct planned_image){ .series = 2, .number = 1, .te = 1 });
	planned_plan(&p);
	cr_expect_str_eq(planned_names(&p), "1_MR_e1 1_MR_e2 1_MR_e3 2_MR");
	expect_numbers(planned_volume(&p, "_e1"), (int[]){ 2, 4 }, 2);
	expect_numbers(planned_volume(&p, "_e3"), (int[]){ 1 }, 1);
}

Test(volume_plan, varying_slopes_make_floats)
{
	for (int i = 0; i < 3; i++)
		planned_image(&p,
			&(struct planned_image){ .number = i + 1,
				.at = { 0, 0, 3.0 * i },
				.modality = "PT",
				.slope = 1.5 + i });
	planned_plan(&p);
	cr_expect(p.set->volumes[0]->scaled);
	cr_expect_eq(p.set->volumes[0]->type, SAMPLE_F32);
	cr_expect_eq(p.set->volumes[0]->slices[2].slope, 3.5f);
	cr_expect_eq(p.set->volumes[0]->scl_slope, 1.0f);
}

/* Of maps in units of the SI: differences below one in ten millions, and twice as much. */
Test(volume_plan, slopes_that_are_tiny_differ_as_others_do)
{
	for (int i = 0; i < 3; i++)
		planned_image(&p,
			&(struct planned_image){ .number = i + 1,
				.at = { 0, 0, 3.0 * i },
				.slope = 2e-8 * (i + 1) });
	planned_plan(&p);
	cr_expect_eq(p.set->volumes[0]->type, SAMPLE_F32);
}

Test(volume_plan, equal_slopes_go_into_the_header)
{
	for (int i = 0; i < 3; i++)
		planned_image(&p,
			&(struct planned_image){ .number = i + 1,
				.at = { 0, 0, 3.0 * i },
				.slope = 2 });
	planned_plan(&p);
	cr_expect_not(p.set->volumes[0]->scaled);
	cr_expect_eq(p.set->volumes[0]->type, SAMPLE_U16);
	cr_expect_eq(p.set->volumes[0]->scl_slope, 2.0f);
}

Test(volume_plan, uneven_gaps_are_made_even_beside_the_stored_planes)
{
	static const double z[] = { 0, 3, 6, 12, 15 };

	for (int i = 0; i < 5; i++)
		planned_image(&p,
			&(struct planned_image){ .number = i + 1,
				.at = { 0, 0, z[i] },
				.modality = "CT",
				.is_signed = true });
	planned_plan(&p);
	cr_expect_str_eq(planned_names(&p), "1_CT 1_CT_Eq_1");
	cr_expect_eq(p.set->volumes[0]->dim[2], 5);
	cr_expect_eq(p.set->volumes[1]->kind, VOLUME_EQUIDISTANT);
	cr_expect_eq(p.set->volumes[1]->base, p.set->volumes[0]);
	expect_each_frame_once();
}

Test(volume_plan, tilted_stack_is_sheared_upright_beside_itself)
{
	const double tilted[6] = { 1, 0, 0, 0, cos(0.3), sin(0.3) };

	for (int i = 0; i < 4; i++)
		planned_image(&p,
			&(struct planned_image){ .number = i + 1,
				.at = { 0, 0, 4.0 * i },
				.modality = "CT",
				.orientation = tilted,
				.is_signed = true });
	planned_plan(&p);
	cr_expect_str_eq(planned_names(&p), "1_CT 1_CT_Tilt_1");
	cr_expect_gt(p.set->volumes[1]->dim[1], p.set->volumes[0]->dim[1]);
	cr_expect_float_eq(p.set->volumes[0]->pixdim[3], (float)(4.0 * cos(0.3)), 1e-4f);
}

Test(volume_plan, images_that_lie_nowhere_have_no_codes)
{
	for (int i = 0; i < 3; i++)
		planned_image(&p, &(struct planned_image){ .number = i + 1, .nowhere = true });
	planned_plan(&p);
	cr_assert_eq(p.set->n_volumes, 1);
	cr_expect_eq(p.set->volumes[0]->dim[2], 3);
	cr_expect_eq(p.set->volumes[0]->sform_code, 0);
	cr_expect_eq(p.set->volumes[0]->qform_code, 0);
}

Test(volume_plan, measured_repetition_time_goes_before_that_of_the_header)
{
	for (int i = 0; i < 6; i++)
		planned_image(&p,
			&(struct planned_image){ .number = i + 1,
				.at = { 0, 0, 3.0 * (i % 2) },
				.tr = 2000,
				.time = i < 2 ? "101000" :
					i < 4 ? "101003" :
						"101006" });
	planned_plan(&p);
	cr_expect_float_eq(p.set->volumes[0]->repetition_time_s, 3.0, 1e-6);
	cr_expect_float_eq(p.set->volumes[0]->header_repetition_time_s, 2.0, 1e-6);
}

Test(volume_plan, reading_directions_are_told)
{
	for (int i = 0; i < 3; i++)
		planned_image(&p,
			&(struct planned_image){ .number = i + 1,
				.at = { 0, 0, 3.0 * i },
				.tr = 5,
				.te = 2.34,
				.time = "123000.5",
				.acquisition_type = "3D" });
	planned_plan(&p);
	cr_expect(p.set->volumes[0]->rotated);
	cr_expect_str_eq(p.set->volumes[0]->descrip, "TE=2.3;Time=123000.500");
	cr_expect(p.set->volumes[0]->flip[0] && p.set->volumes[0]->flip[1]);
	cr_expect_eq(p.set->volumes[0]->pixdim[0], 1.0f);
}

/* Names depend on what is there, not on the order in which it was found. */
Test(volume_plan, names_do_not_depend_on_the_names_of_files)
{
	char first[4096];
	struct planned q;

	for (int i = 0; i < 12; i++)
		planned_image(&p,
			&(struct planned_image){ .number = i + 1,
				.at = { 0, 0, 3.0 * (i % 3) },
				.rows = 3 + i / 3 });
	planned_plan(&p);
	snprintf(first, sizeof first, "%s", planned_names(&p));
	cr_expect_str_eq(first, "1_MR 1_MRa 1_MRb 1_MRc");
	planned_begin(&q);
	for (int i = 11; i >= 0; i--)
		planned_image(&q,
			&(struct planned_image){ .number = i + 1,
				.at = { 0, 0, 3.0 * (i % 3) },
				.rows = 3 + i / 3 });
	planned_plan(&q);
	cr_expect_str_eq(planned_names(&q), first);
	for (uint32_t i = 0; i < 4; i++)
		cr_expect_eq(q.set->volumes[i]->dim[1], p.set->volumes[i]->dim[1]);
	planned_end(&q);
}

/* Whatever is thrown together: each frame once. */
Test(volume_plan, no_frame_is_lost_or_shown_twice)
{
	unsigned seed = 20260101;

	for (int i = 0; i < 300; i++) {
		int r = rand_r(&seed);

		planned_image(&p,
			&(struct planned_image){ .series = 1 + r % 3,
				.number = 1 + r / 3 % 40,
				.uid = i,
				.at = { 0, 0, r / 7 % 5 * 2.5 },
				.te = r / 11 % 2 ? 10 : 0,
				.echo = r / 13 % 3,
				.nowhere = r % 17 == 0,
				.rows = r % 19 ? 3 : 4,
				.orientation = r % 5 ? NULL :
					r % 2        ? sagittal :
						       coronal });
	}
	planned_plan(&p);
	expect_each_frame_once();
	for (uint32_t i = 1; i < p.set->n_volumes; i++)
		cr_expect_lt(strcmp(p.set->volumes[i - 1]->name, p.set->volumes[i]->name), 0);
}

/* --- multi-frame files
 * -------------------------------------------------------------------------- */

static void gen_frame(struct gen *g, double z, int stack_position, int time, double te)
{
	gen_item(g);
	gen_sequence(g, DCM_FrameContentSequence);
	gen_item(g);
	gen_putf(g, DCM_DimensionIndexValues, "%d\\%d", stack_position, time);
	gen_end(g), gen_end(g);
	gen_sequence(g, DCM_PlanePositionSequence);
	gen_item(g);
	gen_putf(g, DCM_ImagePositionPatient, "0\\0\\%g", z);
	gen_end(g), gen_end(g);
	gen_sequence(g, DCM_MREchoSequence);
	gen_item(g);
	gen_putf(g, DCM_EffectiveEchoTime, "%g", te);
	gen_end(g), gen_end(g);
	gen_end(g);
}

static void gen_dimension(struct gen *g, const char *pointer)
{
	gen_item(g);
	gen_put(g, DCM_DimensionIndexPointer, pointer);
	gen_end(g);
}

/* Two planes, three times, time fastest in the file; `echoes`: each time another echo. */
static void enhanced(struct gen *g, void *arg)
{
	bool echoes = *(bool *)arg;

	gen_put(g, DCM_NumberOfFrames, "6");
	gen_sequence(g, DCM_DimensionIndexSequence);
	gen_dimension(g, "00209057");
	gen_dimension(g, "00209128");
	gen_end(g);
	gen_sequence(g, DCM_PerFrameFunctionalGroupsSequence);
	for (int i = 0; i < 6; i++)
		gen_frame(g, 3.0 * (i / 3), i / 3 + 1, i % 3 + 1,
			echoes ? 10.0 * (i % 3 + 1) : 10.0);
	gen_end(g);
}

static void film(struct gen *g, void *arg)
{
	(void)arg;
	gen_put(g, DCM_FrameTime, "40");
	gen_put(g, DCM_NumberOfFrames, "4");
}

Test(volume_plan, frames_are_sorted_by_place_and_then_by_dimension)
{
	bool echoes = false;
	static const uint32_t want[] = { 0, 3, 1, 4, 2, 5 };
	const struct volume *v;

	planned_image(&p, &(struct planned_image){ .number = 1, .more = enhanced, .arg = &echoes });
	planned_plan(&p);
	cr_assert_eq(p.set->n_volumes, 1);
	v = p.set->volumes[0];
	cr_assert(v->dim[2] == 2 && v->dim[3] == 3);
	for (uint32_t i = 0; i < 6; i++)
		cr_expect_eq(v->slices[i].frame, want[i]);
}

Test(volume_plan, one_number_for_films_of_several_times_makes_no_duplicates)
{
	for (int i = 0; i < 3; i++)
		planned_image(&p,
			&(struct planned_image){ .number = 1,
				.uid = i + 1,
				.time = i ? "120001" : "120000",
				.more = film });
	planned_plan(&p);
	cr_assert_str_eq(planned_names(&p), "1_MR");
	cr_expect_eq(p.set->volumes[0]->dim[2] * p.set->volumes[0]->dim[3], 12);
}

Test(volume_plan, echoes_of_one_file_are_volumes_of_their_own)
{
	bool echoes = true;

	planned_image(&p, &(struct planned_image){ .number = 1, .more = enhanced, .arg = &echoes });
	planned_plan(&p);
	cr_expect_str_eq(planned_names(&p), "1_MR_e1 1_MR_e2 1_MR_e3");
	cr_expect_eq(p.set->volumes[2]->slices[0].frame, 2);
	cr_expect_eq(p.set->volumes[2]->slices[1].frame, 5);
}

struct part {
	int first, n;
};

/* Frames first ... of an object of four planes. */
static void concatenated(struct gen *g, void *arg)
{
	const struct part *part = arg;

	gen_putf(g, DCM_NumberOfFrames, "%d", part->n);
	gen_put(g, DCM_ConcatenationUID, "1.2.3.4");
	gen_putf(g, DCM_ConcatenationFrameOffsetNumber, "%d", part->first);
	gen_sequence(g, DCM_PerFrameFunctionalGroupsSequence);
	for (int i = 0; i < part->n; i++)
		gen_frame(g, 3.0 * (part->first + i), part->first + i + 1, 1, 10.0);
	gen_end(g);
}

Test(volume_plan, files_of_one_concatenation_are_one_volume)
{
	struct part parts[2] = { { 2, 2 }, { 0, 2 } };
	const struct volume *v;

	for (int i = 0; i < 2; i++)
		planned_image(&p,
			&(struct planned_image){ .number = i + 1,
				.more = concatenated,
				.arg = &parts[i] });
	planned_plan(&p);
	cr_assert_eq(p.set->n_volumes, 1);
	v = p.set->volumes[0];
	cr_assert(v->dim[2] == 4 && v->dim[3] == 1);
	for (uint32_t k = 0; k < 4; k++) {
		cr_expect_eq(v->slices[k].in->number, k < 2 ? 2 : 1);
		cr_expect_eq(v->slices[k].frame, k % 2);
	}
}

Test(volume_plan, a_part_of_a_concatenation_that_is_missing_is_told)
{
	struct part parts[2] = { { 6, 2 }, { 0, 2 } };

	for (int i = 0; i < 2; i++)
		planned_image(&p,
			&(struct planned_image){ .number = i + 1,
				.more = concatenated,
				.arg = &parts[i] });
	planned_plan(&p);
	expect_problem("frames 3 to 6 of its concatenation are not there");
}

/* Two planes, two times, and one that lies nowhere. */
static void one_unplaced(struct gen *g, void *arg)
{
	(void)arg;
	gen_put(g, DCM_ImageOrientationPatient, "1\\0\\0\\0\\1\\0");
	gen_put(g, DCM_NumberOfFrames, "5");
	gen_sequence(g, DCM_PerFrameFunctionalGroupsSequence);
	for (int i = 0; i < 4; i++)
		gen_frame(g, 3.0 * (i % 2), i % 2 + 1, i / 2 + 1, 10.0);
	gen_item(g);
	gen_sequence(g, DCM_FrameContentSequence);
	gen_item(g);
	gen_put(g, DCM_DimensionIndexValues, "1\\3");
	gen_end(g), gen_end(g);
	gen_end(g);
	gen_end(g);
}

Test(volume_plan, a_frame_that_lies_nowhere_is_apart_from_the_others)
{
	planned_image(&p,
		&(struct planned_image){ .number = 1, .nowhere = true, .more = one_unplaced });
	planned_plan(&p);
	cr_assert_eq(p.set->n_volumes, 2, "%s", planned_names(&p));
	cr_expect(p.set->volumes[0]->dim[2] * p.set->volumes[0]->dim[3] == 4 ||
		p.set->volumes[1]->dim[2] * p.set->volumes[1]->dim[3] == 4);
	expect_problem("1 of 5 frames have no position");
}

Test(volume_plan, a_part_of_another_size_is_no_part_of_a_concatenation)
{
	struct part parts[2] = { { 0, 2 }, { 2, 2 } };

	for (int i = 0; i < 2; i++)
		planned_image(&p,
			&(struct planned_image){ .number = i + 1,
				.rows = i ? 4 : 16,
				.cols = i ? 4 : 16,
				.more = concatenated,
				.arg = &parts[i] });
	planned_plan(&p);
	cr_assert_eq(p.set->n_volumes, 2);
	for (int i = 0; i < 2; i++) {
		const struct volume *v = p.set->volumes[i];

		cr_expect_eq(v->dim[2], 2);
		cr_expect_eq(v->dim[0], v->slices[0].in->attr->pixel.cols);
		cr_expect_eq(v->slices[0].in, v->slices[1].in);
	}
}

Test(volume_plan, film_runs_in_time)
{
	planned_image(&p,
		&(struct planned_image){ .number = 1,
			.modality = "US",
			.nowhere = true,
			.more = film });
	planned_plan(&p);
	cr_assert_eq(p.set->n_volumes, 1);
	cr_expect_eq(p.set->volumes[0]->dim[2], 1);
	cr_expect_eq(p.set->volumes[0]->dim[3], 4);
	cr_expect_float_eq(p.set->volumes[0]->pixdim[4], 0.04f, 1e-6f);
}

static void absurd(struct gen *g, void *arg)
{
	(void)arg;
	gen_put(g, DCM_NumberOfFrames, "2147483647");
}

Test(volume_plan, frames_that_cannot_be_there_cost_no_memory)
{
	planned_image(&p, &(struct planned_image){ .number = 1, .modality = "US", .more = absurd });
	planned_plan(&p);
	cr_assert_eq(p.set->n_volumes, 1);
	cr_expect_lt(p.set->volumes[0]->dim[3], 100000);
}

/* The planes of a dose grid, the first of them at 1, 2, 3. */
static const struct volume *plan_dose(void (*more)(struct gen *g, void *arg),
	const double *orientation)
{
	planned_image(&p,
		&(struct planned_image){ .number = 1,
			.modality = "RTDOSE",
			.at = { 1, 2, 3 },
			.orientation = orientation,
			.more = more });
	planned_plan(&p);
	return p.set->volumes[0];
}

static void dose(struct gen *g, void *arg)
{
	(void)arg;
	gen_put(g, DCM_NumberOfFrames, "3");
	gen_put(g, DCM_GridFrameOffsetVector, "0\\2.5\\5");
	gen_put(g, DCM_DoseGridScaling, "0.001");
}

Test(volume_plan, dose_planes_lie_where_their_offsets_say)
{
	const struct volume *v = plan_dose(dose, NULL);

	cr_assert_eq(v->dim[2], 3);
	cr_expect_float_eq(v->slices[2].position[2], 8.0, 1e-9);
	cr_expect_float_eq(v->pixdim[3], 2.5f, 1e-6f);
	cr_expect_float_eq(v->scl_slope, 0.001f, 1e-9f);
}

static void short_dose(struct gen *g, void *arg)
{
	(void)arg;
	gen_put(g, DCM_NumberOfFrames, "5");
	gen_put(g, DCM_GridFrameOffsetVector, "0\\2.5\\5");
}

Test(volume_plan, planes_of_a_dose_that_have_no_offset_follow)
{
	const struct volume *v = plan_dose(short_dose, NULL);

	cr_assert_eq(v->dim[2], 5);
	for (uint32_t k = 0; k < 5; k++) {
		cr_expect_eq(v->slices[k].frame, k);
		cr_expect_float_eq(v->slices[k].position[2], 3.0 + 2.5 * k, 1e-9);
	}
	expect_problem("3 values for 5 planes");
}

static void turned_slices(struct gen *g, void *arg)
{
	(void)arg;
	gen_put(g, DCM_SpacingBetweenSlices, "3");
	gen_put(g, DCM_NumberOfFrames, "4");
	gen_put(g, DCM_NumberOfSlices, "4");
	gen_put(g, DCM_SliceVector, "4\\3\\2\\1");
}

Test(volume_plan, the_slice_vector_orders_planes_of_one_time_too)
{
	const struct volume *v;

	planned_image(&p,
		&(struct planned_image){ .number = 1, .modality = "NM", .more = turned_slices });
	planned_plan(&p);
	v = p.set->volumes[0];
	cr_assert_eq(v->dim[2], 4);
	for (uint32_t k = 0; k < 4; k++)
		cr_expect_eq(v->slices[k].frame, 3 - k);
}

static void placed_dose(struct gen *g, void *arg)
{
	(void)arg;
	gen_put(g, DCM_NumberOfFrames, "3");
	gen_put(g, DCM_GridFrameOffsetVector, "3\\5.5\\8");
}

Test(volume_plan, places_of_dose_planes_are_the_patients_whatever_the_normal)
{
	static const double down[6] = { 1, 0, 0, 0, -1, 0 };
	const struct volume *v = plan_dose(placed_dose, down);

	cr_assert_eq(v->dim[2], 3);
	for (uint32_t k = 0; k < 3; k++)
		cr_expect_float_eq(v->slices[k].position[2], 3.0 + 2.5 * v->slices[k].frame, 1e-9);
	cr_expect_eq(v->slices[0].frame, 2); /* planes ascend along the normal, which points down */
}

/* --- memory, and the memo --- */

Test(volume_plan, want_of_memory_is_an_error_and_no_more)
{
	struct catalog *c;
	int rc = -1;

	for (int i = 0; i < 8; i++)
		slice(i + 1, 3.0 * (i % 4) + (i == 3));
	archive_scan(&p.archive);
	c = p.archive.catalog;
	for (unsigned long n = 1; rc < 0 && n < 2000; n++) {
		struct volume_set *set = NULL;
		struct err err;

		mem_fail_after(n);
		rc = plan_study(c, c->patients[0]->studies[0], p.archive.files, &set, &err);
		mem_fail_after(0);
		if (rc == 0)
			volume_set_put(set);
	}
	cr_expect_eq(rc, 0);
}

struct asker {
	struct plans *plans;
	struct volume_set *set;
};

static void *ask(void *arg)
{
	struct asker *a = arg;
	struct err err;

	if (plans_get(a->plans, p.archive.catalog, p.archive.catalog->patients[0]->studies[0],
		    &a->set, &err) < 0)
		a->set = NULL;
	return NULL;
}

Test(volume_plan, many_who_ask_at_once_get_one_plan)
{
	struct asker askers[8];
	pthread_t threads[8];
	struct plans *plans;
	struct err err;

	for (int i = 0; i < 20; i++)
		slice(i + 1, 3.0 * i);
	archive_scan(&p.archive);
	cr_assert_eq(plans_new(p.archive.files, &plans, &err), 0);
	for (int i = 0; i < 8; i++) {
		askers[i] = (struct asker){ plans, NULL };
		pthread_create(&threads[i], NULL, ask, &askers[i]);
	}
	for (int i = 0; i < 8; i++) {
		pthread_join(threads[i], NULL);
		cr_expect(askers[i].set && askers[i].set == askers[0].set);
	}
	plans_free(plans);
	for (int i = 0; i < 8; i++) /* what is held outlives the memo */
		volume_set_put(askers[i].set);
}

static void put_locations(struct gen *g, void *arg)
{
	(void)arg;
	gen_put_vr(g, 0x00210010, "LO", "GEMS_RELA_01");
	gen_put_vr(g, 0x0021104F, "SS", "3");
}

Test(volume_plan, planes_without_a_place_come_round_as_often_as_there_are_volumes)
{
	for (int i = 0; i < 6; i++)
		planned_image(&p,
			&(struct planned_image){ .maker = "GE MEDICAL SYSTEMS",
				.number = i + 1,
				.nowhere = true,
				.more = put_locations });
	planned_plan(&p);
	cr_assert_eq(p.set->n_volumes, 1);
	cr_expect_eq(p.set->volumes[0]->dim[2], 3);
	cr_expect_eq(p.set->volumes[0]->dim[3], 2);
	expect_numbers(p.set->volumes[0], (int[]){ 1, 2, 3, 4, 5, 6 }, 6);
}

Test(volume_plan, images_that_lie_nowhere_do_not_stack_with_others)
{
	slice(1, 0), slice(2, 3), slice(3, 6);
	planned_image(&p,
		&(struct planned_image){ .number = 4, .orientation = NULL, .nowhere = true });
	planned_plan(&p);
	cr_assert_eq(p.set->n_volumes, 2);
	expect_each_frame_once();
}

Test(volume_plan, planes_that_nobody_numbered_ascend)
{
	for (int i = 0; i < 3; i++)
		planned_image(&p,
			&(struct planned_image){ .number = -1,
				.uid = i + 1,
				.at = { 0, 0, 9.0 - 3 * i } });
	planned_plan(&p);
	cr_expect_not(p.set->volumes[0]->slices_reversed);
	cr_expect_float_eq(p.set->volumes[0]->srow[2][3], 3.0f, 1e-6f);
}

/* Positions of planes that no grid has: the first that is stored lies where its image says,
 * whichever was acquired first. */
Test(volume_plan, a_stack_that_was_acquired_backwards_lies_where_it_does_forwards)
{
	static const double z[4] = { 0, 2, 5, 9 };

	for (int i = 0; i < 4; i++)
		for (int s = 1; s <= 2; s++)
			planned_image(&p,
				&(struct planned_image){ .modality = "CT",
					.is_signed = true,
					.series = s,
					.number = s == 1 ? i + 1 : 4 - i,
					.at = { 0, 0.2 * z[i], z[i] } });
	planned_plan(&p);
	cr_assert_eq(p.set->n_volumes, 4, "%s", planned_names(&p)); /* as it is; upright and even */
	for (uint32_t i = 0; i < 2; i++) {
		const struct volume *a = p.set->volumes[i], *b = p.set->volumes[2 + i];

		cr_expect_eq(a->kind, b->kind);
		for (int r = 0; r < 3; r++)
			for (int c = 0; c < 4; c++)
				cr_expect_float_eq(a->srow[r][c], b->srow[r][c], 1e-4f);
		cr_expect_float_eq(a->pixdim[3], b->pixdim[3], 1e-4f);
		cr_expect_eq(a->dim[2], b->dim[2]);
		for (uint32_t k = 0; k < a->dim[2]; k++)
			cr_expect_float_eq(a->slices[k].position[2], b->slices[k].position[2],
				1e-6);
	}
}

static void put_precise_slope(struct gen *g, void *arg)
{
	(void)arg;
	gen_put_vr(g, 0x20050010, "LO", "Philips MR Imaging DD 001");
	gen_put_vr(g, 0x2005100E, "FL", "0.25");
}

Test(volume_plan, precise_scaling_needs_no_name_of_a_maker)
{
	planned_image(&p,
		&(struct planned_image){ .number = 1, .slope = 2, .more = put_precise_slope });
	planned_plan(&p);
	cr_expect_float_eq(p.set->volumes[0]->scl_slope, 4.0f, 1e-6f);
}

static void put_weighting(struct gen *g, void *arg)
{
	put_locations(g, NULL);
	gen_put(g, DCM_DiffusionBValue, *(int *)arg ? "1000" : "0");
	gen_sequence(g, DCM_DiffusionGradientDirectionSequence);
	gen_item(g);
	gen_put(g, DCM_DiffusionGradientOrientation, "1\\0\\0");
	gen_end(g);
	gen_end(g);
}

Test(volume_plan, directions_in_the_patient_need_an_orientation)
{
	int weighted[2] = { 0, 1 };

	for (int i = 0; i < 6; i++)
		planned_image(&p,
			&(struct planned_image){ .number = i + 1,
				.nowhere = true,
				.more = put_weighting,
				.arg = &weighted[i / 3] });
	planned_plan(&p);
	cr_assert_eq(p.set->n_volumes, 1);
	cr_assert(p.set->volumes[0]->bval);
	cr_expect_eq(p.set->volumes[0]->bval[1], 1000.0);
	cr_expect_null(p.set->volumes[0]->bvec);
}

static void put_no_weighting(struct gen *g, void *arg)
{
	(void)arg;
	gen_put_vr(g, 0x20010010, "LO", "Philips Imaging DD 001");
	gen_put_vr(g, 0x20011003, "FL", "0");
}

Test(volume_plan, headers_of_what_is_told_to_be_unweighted_are_not_read)
{
	for (int i = 0; i < 6; i++)
		planned_image(&p,
			&(struct planned_image){ .number = i + 1,
				.at = { 0, 0, 3.0 * (i % 3) },
				.maker = "Philips",
				.more = put_no_weighting });
	planned_plan(&p);
	cr_assert_eq(unlink(archive_path(&p.archive, "f3")), 0); /* the second time's first */
	files_close_idle(p.archive.files);
	volume_set_put(p.set);
	cr_assert_eq(plan_study(p.archive.catalog, p.archive.catalog->patients[0]->studies[0],
			     p.archive.files, &p.set, NULL),
		0);
	cr_expect_eq(p.set->volumes[0]->dim[3], 2);
	cr_expect_null(p.set->volumes[0]->bval);
	cr_expect_eq(p.set->n_problems, 0);
}

static void put_nested_weighting(struct gen *g, void *arg)
{
	gen_sequence(g, DCM_MRDiffusionSequence);
	gen_item(g);
	gen_put(g, DCM_DiffusionBValue, *(int *)arg ? "1000" : "0");
	gen_sequence(g, DCM_DiffusionGradientDirectionSequence);
	gen_item(g);
	gen_put(g, DCM_DiffusionGradientOrientation, "0\\1\\0");
	gen_end(g), gen_end(g);
	gen_end(g), gen_end(g);
}

Test(volume_plan, classic_files_may_keep_their_weighting_in_a_sequence)
{
	int weighted[2] = { 0, 1 };

	for (int i = 0; i < 6; i++)
		planned_image(&p,
			&(struct planned_image){ .number = i + 1,
				.at = { 0, 0, 3.0 * (i % 3) },
				.more = put_nested_weighting,
				.arg = &weighted[i / 3] });
	planned_plan(&p);
	cr_assert_eq(p.set->n_volumes, 1);
	cr_assert(p.set->volumes[0]->bval && p.set->volumes[0]->bvec);
	cr_expect_eq(p.set->volumes[0]->bval[1], 1000.0);
	cr_expect_float_eq(p.set->volumes[0]->bvec[1][1], -1.0, 1e-9);
	cr_expect_eq(p.set->volumes[0]->slices[5].b_value, 1000.0);
}

static void put_region(struct gen *g, void *arg)
{
	(void)arg;
	gen_sequence(g, DCM_SequenceOfUltrasoundRegions);
	gen_item(g);
	gen_put(g, DCM_PhysicalUnitsXDirection, "3");
	gen_put(g, DCM_PhysicalUnitsYDirection, "3");
	gen_put(g, DCM_PhysicalDeltaX, "0.05");
	gen_put(g, DCM_PhysicalDeltaY, "0.025");
	gen_end(g);
	gen_end(g);
}

Test(volume_plan, a_picture_of_ultrasound_has_the_size_that_its_region_tells)
{
	planned_image(&p,
		&(struct planned_image){ .modality = "US",
			.number = 1,
			.nowhere = true,
			.no_spacing = true,
			.more = put_region });
	planned_plan(&p);
	cr_expect_float_eq(p.set->volumes[0]->pixdim[1], 0.5f, 1e-6f);
	cr_expect_float_eq(p.set->volumes[0]->pixdim[2], 0.25f, 1e-6f);
}

static void put_segments(struct gen *g, void *arg)
{
	(void)arg;
	gen_put(g, DCM_NumberOfFrames, "2");
	gen_put(g, DCM_SegmentationType, "FRACTIONAL");
	gen_put(g, DCM_MaximumFractionalValue, "200");
	gen_sequence(g, DCM_PerFrameFunctionalGroupsSequence);
	for (int i = 0; i < 2; i++) {
		gen_item(g);
		gen_sequence(g, DCM_PlanePositionSequence);
		gen_item(g);
		gen_putf(g, DCM_ImagePositionPatient, "0\\0\\%d", i);
		gen_end(g);
		gen_end(g);
		gen_end(g);
	}
	gen_end(g);
}

Test(volume_plan, a_fractional_segmentation_goes_up_to_one)
{
	planned_image(&p,
		&(struct planned_image){ .modality = "SEG", .number = 1, .more = put_segments });
	planned_plan(&p);
	cr_assert_eq(p.set->volumes[0]->dim[2], 2);
	cr_expect_float_eq(p.set->volumes[0]->scl_slope, 0.005f, 1e-7f);
}
