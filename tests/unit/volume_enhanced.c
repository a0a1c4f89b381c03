/* SPDX-License-Identifier: MIT */
/* Frames that describe themselves: which are of one volume, and of which time point. */
#include <criterion/criterion.h>

#include <stdio.h>

#include "dicom/tags.h"
#include "support/planned.h"

#define MOST_FRAMES 64

/* What functional groups say of a frame; 0 and NULL are left out. */
struct framed {
	const char *stack;
	double z, te;
	int time, plane; /* dimension indices, from 1 */
};

struct object {
	struct framed frames[MOST_FRAMES];
	int n;
};

static struct planned p;
static struct object o;

static void begin(void)
{
	planned_begin(&p);
	o.n = 0;
}

static void end(void)
{
	planned_end(&p);
}

TestSuite(volume_enhanced, .init = begin, .fini = end);

static void put_frame(struct gen *g, const struct framed *f)
{
	gen_item(g);
	gen_sequence(g, DCM_FrameContentSequence);
	gen_item(g);
	if (f->stack)
		gen_put(g, DCM_StackID, f->stack);
	gen_putf(g, DCM_DimensionIndexValues, "%d\\%d", f->time, f->plane);
	gen_end(g), gen_end(g);
	gen_sequence(g, DCM_PlanePositionSequence);
	gen_item(g);
	gen_putf(g, DCM_ImagePositionPatient, "0\\0\\%g", f->z);
	gen_end(g), gen_end(g);
	if (f->te > 0) {
		gen_sequence(g, DCM_MREchoSequence);
		gen_item(g);
		gen_putf(g, DCM_EffectiveEchoTime, "%g", f->te);
		gen_end(g), gen_end(g);
	}
	gen_end(g);
}

static void put_dimension(struct gen *g, const char *pointer)
{
	gen_item(g);
	gen_put(g, DCM_DimensionIndexPointer, pointer);
	gen_end(g);
}

static void put_object(struct gen *g, void *arg)
{
	const struct object *object = arg;

	gen_putf(g, DCM_NumberOfFrames, "%d", object->n);
	gen_sequence(g, DCM_DimensionIndexSequence);
	put_dimension(g, "00209128");
	put_dimension(g, "00209057");
	gen_end(g);
	gen_sequence(g, DCM_PerFrameFunctionalGroupsSequence);
	for (int i = 0; i < object->n; i++)
		put_frame(g, &object->frames[i]);
	gen_end(g);
}

static void add(struct framed f)
{
	o.frames[o.n++] = f;
}

/* The frames so far are a file; the next ones are of another. */
static void write_file(int number)
{
	planned_image(&p,
		&(struct planned_image){ .number = number,
			.sop_class = "1.2.840.10008.5.1.4.1.1.4.1",
			.more = put_object,
			.arg = &o });
	o.n = 0;
}

static void plan(void)
{
	write_file(1);
	planned_plan(&p);
}

static void expect_frames(const struct volume *v, const uint32_t *want, uint32_t n)
{
	cr_assert(v);
	cr_assert_eq(v->n_planes * v->dim[3], n);
	for (uint32_t i = 0; i < n; i++)
		cr_expect_eq(v->slices[i].frame, want[i], "slice %u is frame %u, not %u", i,
			v->slices[i].frame, want[i]);
}

Test(volume_enhanced, times_of_what_has_no_echo_are_no_echoes)
{
	for (int i = 0; i < 6; i++)
		add((struct framed){ .time = i / 2 + 1, .plane = i % 2 + 1, .z = i % 2 });
	plan();
	cr_expect_str_eq(planned_names(&p), "1_MR");
	cr_expect_eq(p.set->volumes[0]->dim[3], 3);
}

Test(volume_enhanced, an_echo_that_comes_again_keeps_its_number)
{
	static const double te[4] = { 20, 10, 20, 30 };

	for (int i = 0; i < 8; i++)
		add((struct framed){ .time = i / 2 + 1,
			.plane = i % 2 + 1,
			.z = i % 2,
			.te = te[i / 2] });
	plan();
	cr_expect_str_eq(planned_names(&p), "1_MR_e1 1_MR_e2 1_MR_e3");
	expect_frames(planned_volume(&p, "_e1"), (uint32_t[]){ 0, 1, 4, 5 }, 4);
	expect_frames(planned_volume(&p, "_e2"), (uint32_t[]){ 2, 3 }, 2);
}

Test(volume_enhanced, a_missing_frame_costs_its_own_time_point)
{
	/* three times of three planes, without the second plane of the second time */
	for (int i = 0; i < 9; i++)
		if (i != 4)
			add((struct framed){ .time = i / 3 + 1, .plane = i % 3 + 1, .z = i % 3 });
	plan();
	cr_expect_str_eq(planned_names(&p), "1_MR 1_MR_part2");
	expect_frames(planned_volume(&p, ""), (uint32_t[]){ 0, 1, 2, 5, 6, 7 }, 6);
	expect_frames(planned_volume(&p, "_part2"), (uint32_t[]){ 3, 4 }, 2);
}

Test(volume_enhanced, what_no_index_tells_apart_is_left_over_behind_the_least_count)
{
	for (int i = 0; i < 5; i++)
		add((struct framed){ .time = 1, .plane = 1, .z = i % 2 });
	plan();
	expect_frames(planned_volume(&p, ""), (uint32_t[]){ 0, 1, 2, 3 }, 4);
	expect_frames(planned_volume(&p, "_part2"), (uint32_t[]){ 4 }, 1);
}

Test(volume_enhanced, stacks_may_have_names)
{
	for (int i = 0; i < 6; i++)
		add((struct framed){ .stack = i < 3 ? "UPPER" : "LOWER",
			.time = 1,
			.plane = i % 3 + 1,
			.z = i % 3 + (i < 3 ? 0 : 0.4) });
	plan();
	cr_expect_str_eq(planned_names(&p), "1_MR 1_MRa");
	expect_frames(p.set->volumes[0], (uint32_t[]){ 0, 1, 2 }, 3);
	expect_frames(p.set->volumes[1], (uint32_t[]){ 3, 4, 5 }, 3);
}

Test(volume_enhanced, a_stack_of_fewer_planes_tells_so)
{
	for (int i = 0; i < 5; i++)
		add((struct framed){ .stack = i < 3 ? "1" : "2",
			.time = 1,
			.plane = i % 3 + 1,
			.z = i % 3 });
	plan();
	cr_assert_eq(p.set->n_volumes, 2);
	cr_expect_str_eq(p.set->volumes[1]->why, "another number of planes");
}

Test(volume_enhanced, files_of_one_frame_each_are_planes)
{
	for (int i = 0; i < 3; i++) {
		add((struct framed){ .time = 1, .plane = i + 1, .z = 3 * i });
		write_file(i + 1);
	}
	planned_plan(&p);
	cr_assert_eq(p.set->n_volumes, 1);
	cr_expect_eq(p.set->volumes[0]->dim[2], 3);
	cr_expect_eq(p.set->volumes[0]->dim[3], 1);
	cr_expect_float_eq(p.set->volumes[0]->srow[2][2], 3.0f, 1e-6f);
}

static void write_slab(int number, double from)
{
	for (int k = 0; k < 4; k++)
		add((struct framed){ .time = 1, .plane = k + 1, .z = from + k });
	write_file(number);
}

Test(volume_enhanced, files_with_a_volume_each_are_time_points_where_they_lie_in_one_place)
{
	write_slab(1, 0);
	write_slab(2, 0.5);
	write_slab(3, 4);
	planned_plan(&p);
	cr_assert_eq(p.set->n_volumes, 2);
	cr_expect_eq(p.set->volumes[0]->dim[3], 2);
	cr_expect_eq(p.set->volumes[1]->dim[3], 1);
	cr_expect_float_eq(p.set->volumes[1]->srow[2][3], 4.0f, 1e-6f);
}
