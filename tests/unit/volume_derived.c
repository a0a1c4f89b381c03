/* SPDX-License-Identifier: MIT */
/* Volumes made of volumes: what their voxels are, and what is left of the volume that they are made
 * of. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "dicom/tags.h"
#include "support/planned.h"
#include "volume/framecache.h"

#define ROWS 3
#define COLS 2

static struct planned p;
static struct volume_reader reader;

static void begin(void)
{
	planned_begin(&p);
	reader.files = p.archive.files;
	cr_assert_eq(framecache_new(p.archive.files, 1 << 20, 0, &reader.cache, NULL), 0);
}

static void end(void)
{
	framecache_free(reader.cache);
	planned_end(&p);
}

TestSuite(volume_derived, .init = begin, .fini = end);

/* All voxels as 16-bit numbers; the caller frees them. */
static int16_t *voxels(const struct volume *v)
{
	struct voxel_order order = voxel_order_nifti(v);
	size_t len = (size_t)volume_bytes(v, &order);
	uint8_t *bytes = malloc(len);
	int16_t *out = malloc(len);
	struct err err = { 0 };

	cr_assert_eq(volume_pread(v, &reader, &order, bytes, len, 0, &err), (int64_t)len, "%s",
		err.msg);
	for (size_t i = 0; i < len / 2; i++)
		out[i] = (int16_t)get_le16(bytes + 2 * i);
	free(bytes);
	return out;
}

/* Plane number n has pixel k = 100 n + k. */
static void ct(int number, double z, const double *orientation)
{
	planned_image(&p,
		&(struct planned_image){ .number = number,
			.modality = "CT",
			.at = { 0, 0, z },
			.orientation = orientation,
			.is_signed = true });
}

Test(volume_derived, planes_between_uneven_ones_are_interpolated)
{
	static const double z[] = { 0, 3, 6, 12, 15 };
	static const double want[] = { 1, 2, 3, 3.5, 4 };
	const struct volume *v;
	int16_t *have;

	for (int i = 0; i < 5; i++)
		ct(i + 1, z[i], NULL);
	planned_plan(&p);
	v = planned_volume(&p, "_Eq_1");
	cr_assert(v);
	cr_assert_eq(v->dim[2], 5);
	cr_expect_float_eq(v->pixdim[3], 3.0f, 1e-6f);
	have = voxels(v);
	for (int k = 0; k < 5; k++)
		for (int j = 0; j < ROWS; j++)
			for (int i = 0; i < COLS; i++)
				cr_expect_eq(have[(k * ROWS + j) * COLS + i],
					(int)round(100 * want[k]) + (ROWS - 1 - j) * COLS + i);
	free(have);
}

static void expect_first(const struct volume *v, int want)
{
	int16_t *have = voxels(v);

	cr_expect_eq(have[(ROWS - 1) * COLS], want, "%d, not %d", have[(ROWS - 1) * COLS], want);
	free(have);
}

/* An image by one name and UID whose pixels and file are told apart by `value`. */
static void uneven(const char *file, int value, double z)
{
	struct gen g;
	struct gen_instance what = { .modality = "CT",
		.number = 1 + (int)z,
		.rows = ROWS,
		.cols = COLS,
		.position = { 0, 0, z },
		.is_signed = true };
	int16_t pixels[ROWS * COLS];

	for (int i = 0; i < ROWS * COLS; i++)
		pixels[i] = (int16_t)value;
	what.pixels = pixels;
	gen_instance_begin(&g, &what);
	gen_instance_end(&g, &what);
	gen_finish(&g);
	archive_write(&p.archive, file, g.out.data, g.out.len);
	archive_age(&p.archive, file, value);
	gen_release(&g);
}

Test(volume_derived, planes_are_made_anew_of_files_that_have_changed)
{
	static const double z[] = { 0, 3, 6, 12 };

	for (int round = 1; round <= 2; round++) {
		for (int i = 0; i < 4; i++)
			uneven((const char *[]){ "a", "b", "c", "d" }[i], 1000 * round, z[i]);
		planned_plan(&p);
		expect_first(planned_volume(&p, "_Eq_1"), 1000 * round);
	}
}

Test(volume_derived, upright_planes_are_shifted_by_their_distance)
{
	const double tilt = atan(
		2.0 / 3.0); /* one row a plane: planes 3 mm apart along the table */
	const double tilted[6] = { 1, 0, 0, 0, cos(tilt), sin(tilt) };
	const struct volume *v, *base;
	int16_t *have, *stored;
	float rows;

	for (int i = 0; i < 4; i++)
		ct(i + 1, 3.0 * i, tilted);
	planned_plan(&p);
	v = planned_volume(&p, "_Tilt_1");
	base = planned_volume(&p, "");
	cr_assert(v && base);
	rows = (float)(tan(tilt) / 2.0 * 3.0 * base->pixdim[3]);
	cr_expect_eq(v->dim[1], (uint32_t)(ROWS + ceil((double)rows)));
	have = voxels(v);
	stored = voxels(base);
	/* the plane that is not shifted is the stored one, with rows of the darkest value around
	 * it */
	for (uint32_t k = 0, found = 0; k < 4; k += 3) {
		const int16_t *plane = have + (size_t)k * v->dim[1] * COLS;

		for (uint32_t shift = 0; shift + ROWS <= v->dim[1]; shift++)
			found += memcmp(plane + shift * COLS, stored + (size_t)k * ROWS * COLS,
					 ROWS * COLS * sizeof *plane) == 0;
		if (k == 3)
			cr_expect_geq(found, 1);
	}
	cr_expect_eq(v->sform_code, 1);
	free(have);
	free(stored);
}

static void overlay(struct gen *g, void *arg)
{
	const uint8_t bits[2] = { 0x21, 0 };

	(void)arg;
	gen_put_vr(g, 0x60000010, "US", "3");
	gen_put_vr(g, 0x60000011, "US", "2");
	gen_put_vr(g, 0x60000050, "SS", "1\\1");
	gen_put_vr(g, 0x60000100, "US", "1");
	gen_put_vr(g, 0x60000102, "US", "0");
	gen_bytes(g, 0x60003000, "OW", bits, sizeof bits);
}

Test(volume_derived, positions_that_run_along_the_planes_are_no_tilt)
{
	for (int i = 0; i < 4; i++)
		planned_image(&p,
			&(struct planned_image){ .number = i + 1,
				.modality = "CT",
				.at = { 0, 100000.0 * i, 0.02 * i },
				.is_signed = true });
	planned_plan(&p);
	cr_expect_null(planned_volume(&p, "_Tilt_1"));
}

static void put_padding(struct gen *g, void *arg)
{
	gen_put_vr(g, DCM_PixelPaddingValue, "US", arg);
}

/* -2000, as a word without a sign. */
Test(volume_derived, what_surrounds_upright_planes_is_the_padding)
{
	static const double tilted[6] = { 1, 0, 0, 0, 0.9, 0.43588989 };
	const struct volume *v;
	int16_t *have;

	for (int i = 0; i < 4; i++)
		planned_image(&p,
			&(struct planned_image){ .number = i + 1,
				.modality = "CT",
				.at = { 0, 0, 3.0 * i },
				.orientation = tilted,
				.is_signed = true,
				.more = put_padding,
				.arg = (char[]){ "63536" } });
	planned_plan(&p);
	v = planned_volume(&p, "_Tilt_1");
	cr_assert(v);
	have = voxels(v);
	cr_expect(have[0] == -2000 || have[(v->dim[1] - 1) * COLS] == -2000, "%d %d", have[0],
		have[(v->dim[1] - 1) * COLS]);
	free(have);
}

static void bare_overlay(struct gen *g, void *arg)
{
	const uint8_t bits[2] = { 0xFF, 0xFF };

	gen_put(g, 0x60000010, arg);
	gen_put(g, 0x60000011, "2");
	gen_put(g, 0x60000100, "1");
	gen_put(g, 0x60000102, "0");
	gen_bytes(g, 0x60003000, "OW", bits, sizeof bits);
}

Test(volume_derived, an_overlay_of_another_size_than_its_image_is_none)
{
	uint8_t bytes[2 * ROWS * COLS];
	const struct volume *v;
	struct voxel_order order;

	for (int i = 0; i < 2; i++)
		planned_image(&p,
			&(struct planned_image){ .number = i + 1,
				.at = { 0, 0, 3.0 * i },
				.more = bare_overlay,
				.arg = (char[]){ (char)(i ? '5' : '3'), 0 } });
	planned_plan(&p);
	v = planned_volume(&p, "_ROI1");
	cr_assert(v);
	order = voxel_order_nifti(v);
	cr_assert_eq(volume_pread(v, &reader, &order, bytes, sizeof bytes, 0, NULL),
		(int64_t)sizeof bytes);
	for (unsigned i = 0; i < sizeof bytes; i++)
		cr_expect_eq(bytes[i], i < ROWS * COLS);
}

Test(volume_derived, overlays_are_masks)
{
	const struct volume *v;
	uint8_t bytes[2 * ROWS * COLS];
	struct voxel_order order;

	for (int i = 0; i < 2; i++)
		planned_image(&p,
			&(struct planned_image){ .number = i + 1,
				.at = { 0, 0, 3.0 * i },
				.more = i ? NULL : overlay });
	planned_plan(&p);
	v = planned_volume(&p, "_ROI1");
	cr_assert(v);
	cr_expect_eq(v->type, SAMPLE_U8);
	order = voxel_order_nifti(v);
	cr_assert_eq(volume_pread(v, &reader, &order, bytes, sizeof bytes, 0, NULL),
		(int64_t)sizeof bytes);
	/* bits 0 and 5: first pixel of the first row, last of the last; rows are counted from the
	 * bottom */
	for (unsigned i = 0; i < sizeof bytes; i++)
		cr_expect_eq(bytes[i], i == 1 || i == 4, "voxel %u is %u", i, bytes[i]);
}

struct weight {
	double b, g[3];
};

static void diffusion(struct gen *g, void *arg)
{
	const struct weight *w = arg;

	gen_put_vr(g, 0x20010010, "LO", "Philips Imaging DD 001");
	gen_put_vr(g, 0x20050010, "LO", "Philips MR Imaging DD 001");
	gen_put_vr(g, 0x20011003, "FL", w->b > 0 ? "1000" : "0");
	gen_put_vr(g, 0x200510b0, "FL", w->g[0] != 0 ? "1" : "0");
	gen_put_vr(g, 0x200510b1, "FL", w->g[1] != 0 ? "1" : "0");
	gen_put_vr(g, 0x200510b2, "FL", w->g[2] != 0 ? "1" : "0");
}

/* Two planes of each weight, a volume each. */
static void plan_weighted(struct weight *weights, int n)
{
	for (int t = 0; t < n; t++)
		for (int k = 0; k < 2; k++)
			planned_image(&p,
				&(struct planned_image){ .number = 2 * t + k + 1,
					.at = { 0, 0, 3.0 * k },
					.maker = "Philips",
					.more = diffusion,
					.arg = &weights[t] });
	planned_plan(&p);
}

Test(volume_derived, isotropic_volumes_are_shown_apart)
{
	static struct weight weights[4] = { { 0, { 0 } }, { 1000, { 1, 0, 0 } }, { 1000, { 0 } },
		{ 1000, { 0, 1, 0 } } };
	const struct volume *v, *all;

	plan_weighted(weights, 4);
	v = planned_volume(&p, "");
	all = planned_volume(&p, "_ADC");
	cr_assert(v && all);
	cr_expect_eq(v->dim[3], 3);
	cr_expect_eq(all->dim[3], 4);
	cr_expect_eq(all->slices[6].in->number, 5);
	cr_expect_eq(v->slices[4].in->number, 7);
	cr_expect_null(all->bval);
	cr_assert(v->bval && v->bvec);
	cr_expect_eq(v->bval[0], 0.0);
	cr_expect_eq(v->bval[2], 1000.0);
	cr_expect_float_eq(v->bvec[1][0], 1.0, 1e-9);
	cr_expect_float_eq(v->bvec[2][1], -1.0, 1e-9);
}

Test(volume_derived, isotropic_volumes_stay_where_at_most_one_other_would_be_left)
{
	static struct weight weights[2] = { { 0, { 0 } }, { 1000, { 0 } } };
	const struct volume *v;

	plan_weighted(weights, 2);
	v = planned_volume(&p, "");
	cr_assert(v);
	cr_expect_null(planned_volume(&p, "_ADC"));
	cr_expect_eq(v->dim[3], 2);
	cr_assert(v->bval && v->bvec);
	cr_expect_eq(v->bval[0], 0.0);
	cr_expect_eq(v->bval[1], 1000.0);
}
