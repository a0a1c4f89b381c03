/* SPDX-License-Identifier: MIT */
/* Windows, slices and sheets: what a person is to see of voxels whose values are known. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "dicom/tags.h"
#include "format/picture.h"
#include "format/window.h"
#include "support/planned.h"
#include "volume/framecache.h"

static uint8_t grey(struct window w, float v)
{
	uint8_t out;

	if (w.slope == 0)
		w.slope = 1;
	window_apply(&w, &v, &out, 1);
	return out;
}

/* PS3.3 C.11.2.1.2.1: black up to c - 0.5 - (w - 1) / 2, white above c - 0.5 + (w - 1) / 2. */
Test(format_window, a_linear_window_has_the_standard_s_ends)
{
	struct window w = { .function = WINDOW_LINEAR, .center = 2048, .width = 4096 };

	cr_expect_eq(grey(w, 0), 0);
	cr_expect_eq(grey(w, 4095), 255);
	cr_expect_eq(grey(w, 2047.5f), 128);
	cr_expect_eq(grey(w, -5000), 0);
	cr_expect_eq(grey(w, 5000), 255);
	w.width = 1;
	cr_expect_eq(grey(w, 2047.5f), 0);
	cr_expect_eq(grey(w, 2048), 255);
}

Test(format_window, the_other_functions_and_inversion)
{
	struct window exact = { .function = WINDOW_LINEAR_EXACT, .center = 50, .width = 100 };
	struct window sigmoid = { .function = WINDOW_SIGMOID, .center = 50, .width = 100 };

	cr_expect_eq(grey(exact, 0), 0);
	cr_expect_eq(grey(exact, 100), 255);
	cr_expect_eq(grey(exact, 50), 128);
	cr_expect_eq(grey(sigmoid, 50), 128);
	cr_expect_eq(grey(sigmoid, 75), (uint8_t)lrint(255 / (1 + exp(-1))));
	exact.inverted = true;
	cr_expect_eq(grey(exact, 0), 255);
	cr_expect_eq(grey(exact, 100), 0);
}

Test(format_window, slope_and_intercept_come_first_and_no_number_is_black)
{
	struct window w = { .function = WINDOW_LINEAR_EXACT,
		.center = 0,
		.width = 200,
		.slope = 2,
		.intercept = -100 };

	cr_expect_eq(grey(w, 0), 0);
	cr_expect_eq(grey(w, 50), 128);
	cr_expect_eq(grey(w, 100), 255);
	cr_expect_eq(grey(w, NAN), 0);
}

/* ---- volumes ---- */

struct fixture {
	struct planned p;
	struct framecache *cache;
	struct volume_reader reader;
};

static void add_window(struct gen *g, void *arg)
{
	const char *const *w = arg;

	gen_put(g, DCM_WindowCenter, w[0]);
	gen_put(g, DCM_WindowWidth, w[1]);
	if (w[2])
		gen_put(g, DCM_RescaleIntercept, w[2]);
}

/* Where a level lies between two greys, either will do. */
static void expect_near(const uint8_t *a, const uint8_t *b, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		cr_expect_leq(abs(a[i] - b[i]), 1, "%zu: %d, not %d", i, a[i], b[i]);
}

static void open_cache(struct fixture *x)
{
	planned_plan(&x->p);
	cr_assert_eq(framecache_new(x->p.archive.files, 1 << 24, 0, &x->cache, NULL), 0);
	x->reader = (struct volume_reader){ .files = x->p.archive.files, .cache = x->cache };
	cr_assert_eq(x->p.set->n_volumes, 1);
}

static const struct volume *make(struct fixture *x, struct planned_image like, int n)
{
	int i;

	planned_begin(&x->p);
	for (i = 0; i < n; i++) {
		like.number = i + 1;
		like.at[2] = 4 * i;
		planned_image(&x->p, &like);
	}
	open_cache(x);
	return x->p.set->volumes[0];
}

static void drop(struct fixture *x)
{
	framecache_free(x->cache);
	planned_end(&x->p);
}

/* Voxels of image i are 100 * i + their place. */
Test(format_picture, the_first_row_is_on_top_and_the_file_s_window_is_used)
{
	const char *window[] = { "103.5", "6", NULL };
	struct fixture x;
	const struct volume *v = make(&x,
		(struct planned_image){ .rows = 3, .cols = 2, .more = add_window, .arg = window },
		3);
	struct png_shape s = picture_shape(v);
	uint8_t pixels[6];

	cr_assert_eq(picture_count(v), 3);
	cr_assert_eq(s.width, 2);
	cr_assert_eq(s.height, 3);
	cr_assert_eq(picture_slice(v, &x.reader, 0, pixels, NULL), 0);
	/* 103 is the middle; five steps of 51 from 100.5 on */
	expect_near(pixels, (const uint8_t[]){ 0, 26, 77, 128, 179, 230 }, 6);
	cr_assert_eq(picture_slice(v, &x.reader, 2, pixels, NULL), 0);
	cr_expect_eq(pixels[0], 255, "300 is white");
	drop(&x);
}

Test(format_picture, windows_are_of_rescaled_values)
{
	const char *window[] = { "-896.5", "6", "-1000" };
	struct fixture x;
	const struct volume *v = make(&x,
		(struct planned_image){ .rows = 3, .cols = 2, .more = add_window, .arg = window },
		2);
	uint8_t pixels[6];

	cr_assert_eq(picture_slice(v, &x.reader, 0, pixels, NULL), 0);
	expect_near(pixels, (const uint8_t[]){ 0, 26, 77, 128, 179, 230 }, 6);
	drop(&x);
}

Test(format_picture, without_a_window_all_slices_share_one)
{
	struct fixture x;
	const struct volume *v = make(&x, (struct planned_image){ .rows = 20, .cols = 20 }, 3);
	uint8_t a[400], b[400];

	cr_assert_eq(picture_slice(v, &x.reader, 0, a, NULL), 0);
	cr_assert_eq(picture_slice(v, &x.reader, 1, b, NULL), 0);
	cr_expect_eq(a[0], 0);
	cr_expect_lt(abs(a[200] - b[100]), 2, "one value, one grey: %d %d", a[200], b[100]);
	cr_assert_eq(picture_slice(v, &x.reader, 2, b, NULL), 0);
	cr_expect_eq(b[399], 255);
	drop(&x);
}

Test(format_picture, a_slice_that_cannot_be_read_fails_and_is_crossed_out_on_the_sheet)
{
	struct gen_instance i = { .syntax = GEN_JPEG, .rows = 20, .cols = 20, .number = 1 };
	uint8_t slice[400], *sheet;
	const struct volume *v;
	struct err err = { 0 };
	struct png_shape s;
	struct fixture x;
	struct gen g;

	planned_begin(&x.p);
	gen_instance_begin(&g, &i);
	gen_encapsulated(&g, DCM_PixelData);
	gen_offsets(&g, NULL, 0);
	gen_fragment(&g, "this is no JPEG.", 16);
	gen_end(&g);
	archive_header(&x.p.archive, "bad", &g);
	open_cache(&x);
	v = x.p.set->volumes[0];
	s = picture_sheet_shape(v);
	sheet = malloc((size_t)s.width * s.height);
	cr_expect_lt(picture_slice(v, &x.reader, 0, slice, &err), 0);
	cr_assert_eq(picture_sheet(v, &x.reader, sheet, &err), 0, "%s", err.msg);
	cr_expect_eq(sheet[0], 96);
	cr_expect_eq(sheet[1], 16);
	free(sheet);
	drop(&x);
}

/* ---- shapes, of volumes that need no voxels ---- */

static struct volume like(uint32_t cols, uint32_t rows, uint32_t planes, uint32_t times, float dx,
	float dy)
{
	struct volume v = { .dim = { cols, rows, planes, times },
		.type = SAMPLE_I16,
		.axis = { 0, 1, 2 },
		.flip = { false, true, false },
		.pixdim = { 1, dx, dy, 3, 0 },
		.n_planes = planes,
		.plane_cols = cols,
		.plane_rows = rows };

	return v;
}

static void expect_shape(struct volume v, uint32_t width, uint32_t height)
{
	struct png_shape s = picture_shape(&v);

	cr_expect(s.width == width && s.height == height, "%u x %u, not %u x %u", s.width, s.height,
		width, height);
}

Test(format_picture, pixels_are_square)
{
	expect_shape(like(100, 80, 1, 1, 1, 1), 100, 80);
	expect_shape(like(100, 80, 1, 1, 1, 2), 100, 160);
	expect_shape(like(100, 80, 1, 1, 3, 2), 150, 80);
	expect_shape(like(100, 80, 1, 1, 1, 1.001f), 100, 80);
	expect_shape(like(100, 80, 1, 1, 0, 1), 100, 80);
	expect_shape(like(100, 10, 1, 1, 1, 1000), 100, 160);
}

Test(format_picture, no_picture_and_no_sheet_is_too_large)
{
	static const uint32_t counts[][2] = { { 1, 1 }, { 7, 1 }, { 500, 1 }, { 36, 900 },
		{ 5000, 1 }, { 65535, 400 } };
	static const uint32_t sides[][2] = { { 1, 1 }, { 64, 64 }, { 512, 512 }, { 65535, 3 },
		{ 3, 65535 }, { 65535, 65535 } };
	size_t i, k;

	for (i = 0; i < sizeof counts / sizeof counts[0]; i++)
		for (k = 0; k < sizeof sides / sizeof sides[0]; k++) {
			struct volume v = like(sides[k][0], sides[k][1], counts[i][0], counts[i][1],
				1, 1);
			struct png_shape one = picture_shape(&v), all = picture_sheet_shape(&v);

			cr_expect_leq((uint64_t)one.width * one.height, (65u << 20));
			cr_expect(one.width >= 1 && one.height >= 1);
			cr_expect(all.width >= 1 && all.width <= 4200 && all.height >= 1 &&
					all.height <= 4200,
				"%zu %zu: %u x %u", i, k, all.width, all.height);
		}
}

/* Of 36 planes at six times: rows of whole times, or times of whole rows. */
Test(format_picture, times_begin_rows_of_a_sheet)
{
	struct volume v = like(64, 64, 36, 6, 1, 1), w = like(64, 64, 3, 100, 1, 1);
	struct png_shape s = picture_sheet_shape(&v), t = picture_sheet_shape(&w);

	cr_expect_eq((s.width + 2) % (96 + 2), 0);
	cr_expect_eq(36 % ((s.width + 2) / (96 + 2)), 0, "%u tiles in a row", (s.width + 2) / 98);
	cr_expect_eq((t.width + 2) / (96 + 2) % 3, 0, "%u tiles in a row", (t.width + 2) / 98);
	cr_expect_geq((t.width + 2) / 98 * ((t.height + 2) / 98), 300);
}
