/* SPDX-License-Identifier: MIT */
/*
 * The bytes of volumes: any range, any order of axes, windows, flips and scaling give what a naive
 * loop over all voxels gives, and a missing frame costs its own bytes alone.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "dicom/tags.h"
#include "index/scan.h"
#include "support/dcmgen.h"
#include "support/slowdisk.h"
#include "volume/framecache.h"
#include "volume/volume.h"

#define COLS 6
#define ROWS 4
#define PLANES 5

static int open_slowly(void *arg, struct dcm_source *in, struct dcm_source **out, struct err *err)
{
	(void)arg;
	(void)err;
	*out = in;
	disk_open();
	return 0;
}

/* Files of a series, their index, and a volume of them. */
struct fixture {
	char dir[64];
	int fd;
	struct files *files;
	struct store *store;
	struct catalog *catalog;
	struct framecache *cache;
	struct volume_reader reader;
	struct volume_slice slices[PLANES * 2];
	struct volume_set set;
	struct volume v;
	uint16_t pixels[PLANES][ROWS][COLS];
};

static void write_file(struct fixture *x, const char *syntax, int p, const uint16_t *stored,
	int rows, int cols)
{
	struct gen_instance i = { .syntax = syntax,
		.series = 1,
		.number = p + 1,
		.rows = rows,
		.cols = cols,
		.position = { 0, 0, p },
		.pixels = stored };
	char path[128];
	struct gen g;

	gen_instance_begin(&g, &i);
	gen_instance_end(&g, &i);
	snprintf(path, sizeof path, "%s/%d.dcm", x->dir, p);
	gen_save(&g, path);
	gen_release(&g);
}

static void write_files(struct fixture *x, const char *syntax)
{
	uint16_t stored[ROWS][COLS];
	int p, r, c;

	for (p = 0; p < PLANES; p++) {
		for (r = 0; r < ROWS; r++)
			for (c = 0; c < COLS; c++) {
				x->pixels[p][r][c] = (uint16_t)(1000 * p + 100 * r + c);
				stored[r][c] = x->pixels[p][r][c];
				if (strcmp(syntax, GEN_BIG_ENDIAN) == 0)
					put_be16(&stored[r][c], x->pixels[p][r][c]);
			}
		write_file(x, syntax, p, stored[0], ROWS, COLS);
	}
}

/* A volume of planes that say which voxel is where, or of one plane alone. */
static void setup_with(struct fixture *x, const char *syntax, const uint16_t *plane, int rows,
	int cols)
{
	struct scan_options o = { .n_threads = 2 };
	const struct series *s;
	bool changed;
	uint32_t p;

	memset(x, 0, sizeof *x);
	strcpy(x->dir, "/tmp/dcmfs-volume-XXXXXX");
	cr_assert_not_null(mkdtemp(x->dir));
	if (plane)
		write_file(x, syntax, 0, plane, rows, cols);
	else
		write_files(x, syntax);
	x->fd = open(x->dir, O_RDONLY | O_DIRECTORY);
	cr_assert_eq(files_new(x->fd, 16, open_slowly, NULL, &x->files, NULL), 0);
	cr_assert_eq(store_new(x->files, &o, &x->store, NULL), 0);
	cr_assert_eq(store_scan(x->store, &changed, NULL), 0);
	cr_assert_eq(framecache_new(x->files, 1 << 20, 2, &x->cache, NULL), 0);
	x->catalog = store_get(x->store);
	s = x->catalog->patients[0]->studies[0]->series[0];
	cr_assert_eq(s->n_instances, plane ? 1 : PLANES);
	for (p = 0; p < s->n_instances; p++)
		x->slices[p] = (struct volume_slice){ .in = s->instances[p],
			.slope = 2,
			.intercept = (float)p };
	x->set.catalog = x->catalog;
	x->reader = (struct volume_reader){ .files = x->files, .cache = x->cache };
	x->v = (struct volume){ .set = &x->set,
		.slices = x->slices,
		.n_planes = s->n_instances,
		.plane_cols = (uint32_t)cols,
		.plane_rows = (uint32_t)rows,
		.dim = { (uint32_t)cols, (uint32_t)rows, s->n_instances, 1 },
		.type = SAMPLE_U16,
		.axis = { 0, 1, 2 },
		.flip = { false, true, false },
		.identity = 12345,
		.scl_slope = 1 };
}

static void setup(struct fixture *x, const char *syntax)
{
	setup_with(x, syntax, NULL, ROWS, COLS);
}

static void teardown(struct fixture *x)
{
	char command[128];

	disk.slow = false;
	disk.together = 0;
	framecache_free(x->cache);
	catalog_put(x->catalog);
	store_free(x->store);
	files_free(x->files);
	close(x->fd);
	snprintf(command, sizeof command, "rm -r %s", x->dir);
	cr_assert_eq(system(command), 0);
}

/* The value at output index (i, j, k), by the definition of axis and flip. */
static uint16_t naive(const struct fixture *x, const struct voxel_order *o, const uint32_t at[3])
{
	const struct volume *v = &x->v;
	uint32_t nii[3], src[3];
	int a;

	for (a = 0; a < 3; a++)
		nii[o->axis[a]] = o->flip[a] ? v->dim[o->axis[a]] - 1 - at[a] : at[a];
	for (a = 0; a < 3; a++)
		src[v->axis[a]] = v->flip[a] ? v->dim[a] - 1 - nii[a] : nii[a];
	return x->pixels[src[2]][src[1]][src[0]];
}

static void expect_order(struct fixture *x, const struct voxel_order *o)
{
	uint16_t all[PLANES * ROWS * COLS], part[PLANES * ROWS * COLS];
	uint64_t size = volume_bytes(&x->v, o);
	uint32_t at[3], n = 0;
	int i;

	cr_assert_eq(size, sizeof all);
	cr_assert_eq(volume_pread(&x->v, &x->reader, o, all, sizeof all, 0, NULL),
		(int64_t)sizeof all);
	for (at[2] = 0; at[2] < x->v.dim[o->axis[2]]; at[2]++)
		for (at[1] = 0; at[1] < x->v.dim[o->axis[1]]; at[1]++)
			for (at[0] = 0; at[0] < x->v.dim[o->axis[0]]; at[0]++, n++)
				cr_assert_eq(all[n], naive(x, o, at), "voxel %u %u %u", at[0],
					at[1], at[2]);
	for (i = 0; i < 300; i++) {
		uint64_t off = (uint64_t)rand() % size;
		size_t len = (size_t)rand() % sizeof all;
		size_t want = (size_t)min_u64(len, size - off);

		cr_assert_eq(volume_pread(&x->v, &x->reader, o, part, len, off, NULL),
			(int64_t)want);
		cr_assert_eq(memcmp(part, (uint8_t *)all + off, want), 0, "%zu bytes from %llu",
			want, (unsigned long long)off);
	}
	cr_assert_eq(volume_pread(&x->v, &x->reader, o, part, 10, size, NULL), 0);
}

static const uint8_t permutations[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 },
	{ 2, 0, 1 }, { 2, 1, 0 } };

static void every_order(struct fixture *x)
{
	struct voxel_order o;
	int p, f, a;

	for (p = 0; p < 6; p++)
		for (f = 0; f < 8; f++) {
			o = voxel_order_nifti(&x->v);
			memcpy(o.axis, permutations[p], 3);
			for (a = 0; a < 3; a++)
				o.flip[a] = f >> a & 1;
			expect_order(x, &o);
		}
}

Test(volume, any_order_and_range_of_native_frames)
{
	struct fixture x;

	setup(&x, GEN_EXPLICIT);
	every_order(&x);
	teardown(&x);
}

Test(volume, any_order_and_range_of_frames_that_must_be_unpacked)
{
	struct fixture x;

	setup(&x, GEN_BIG_ENDIAN);
	every_order(&x);
	teardown(&x);
}

Test(volume, a_rotated_volume_reads_in_any_order)
{
	static const uint32_t dims[3] = { PLANES, COLS, ROWS };
	static const uint8_t axes[3] = { 2, 0, 1 };
	struct fixture x;

	setup(&x, GEN_DEFLATED);
	memcpy(x.v.axis, axes, 3);
	memcpy(x.v.dim, dims, sizeof dims);
	x.v.flip[0] = true;
	every_order(&x);
	teardown(&x);
}

/* A plane of more than a block of rows. */
Test(volume, large_planes_read_in_any_order_and_range)
{
	enum { N_COLS = 200, N_ROWS = 500, N = N_COLS * N_ROWS };
	static uint16_t stored[N], all[N], part[N];
	struct voxel_order o;
	struct fixture x;
	char path[128];
	int i, f;

	for (i = 0; i < N; i++)
		stored[i] = (uint16_t)i;
	setup_with(&x, GEN_EXPLICIT, stored, N_ROWS, N_COLS);
	for (f = 0; f < 4; f++) {
		o = voxel_order_nifti(&x.v);
		o.flip[0] = f & 1;
		o.flip[1] = f & 2;
		cr_assert_eq(volume_pread(&x.v, &x.reader, &o, all, sizeof all, 0, NULL),
			(int64_t)sizeof all);
		for (i = 0; i < N; i++) {
			int c = i % N_COLS, r = i / N_COLS;

			c = f & 1 ? N_COLS - 1 - c : c;
			r = f & 2 ? r : N_ROWS - 1 - r; /* the volume's own flip */
			cr_assert_eq(all[i], (uint16_t)(r * N_COLS + c), "%d", i);
		}
		for (i = 0; i < 200; i++) {
			size_t off = (size_t)rand() % sizeof all, n = (size_t)rand() % sizeof all;

			n = min_size(n, sizeof all - off);
			cr_assert_eq(volume_pread(&x.v, &x.reader, &o, part, n, off, NULL),
				(int64_t)n);
			cr_assert_eq(memcmp(part, (uint8_t *)all + off, n), 0);
		}
	}
	/* A file that has grown shorter costs an error, not other bytes. */
	snprintf(path, sizeof path, "%s/0.dcm", x.dir);
	cr_assert_eq(truncate(path, 100000), 0);
	cr_assert_lt(volume_pread(&x.v, &x.reader, &o, all, sizeof all, 0, NULL), 0);
	teardown(&x);
}

Test(volume, tiles_are_windows_of_their_frame)
{
	struct fixture x;
	struct voxel_order o;
	uint16_t out[2 * 3];

	setup(&x, GEN_EXPLICIT);
	x.v.plane_cols = x.v.dim[0] = 3;
	x.v.plane_rows = x.v.dim[1] = 2;
	x.slices[1].x0 = 3;
	x.slices[1].y0 = 2;
	o = voxel_order_nifti(&x.v);
	cr_assert_eq(volume_pread(&x.v, &x.reader, &o, out, sizeof out, sizeof out, NULL),
		(int64_t)sizeof out);
	cr_assert_arr_eq(out, ((uint16_t[]){ 1303, 1304, 1305, 1203, 1204, 1205 }), sizeof out);
	teardown(&x);
}

Test(volume, planes_with_slopes_of_their_own_are_float)
{
	struct fixture x;
	struct voxel_order o;
	float out[COLS];

	setup(&x, GEN_EXPLICIT);
	x.v.scaled = true;
	x.v.type = SAMPLE_F32;
	o = voxel_order_nifti(&x.v);
	cr_assert_eq(volume_pread(&x.v, &x.reader, &o, out, sizeof out,
			     3 * ROWS * COLS * sizeof(float), NULL),
		(int64_t)sizeof out);
	cr_assert_eq(out[1], 2 * 3301.0f + 3);
	teardown(&x);
}

Test(volume, a_lost_file_costs_its_own_slice)
{
	const int64_t plane = ROWS * COLS * 2;
	uint8_t out[PLANES * ROWS * COLS * 2];
	struct voxel_order o;
	struct fixture x;
	char path[128];

	setup(&x, GEN_EXPLICIT);
	o = voxel_order_nifti(&x.v);
	snprintf(path, sizeof path, "%s/2.dcm", x.dir);
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(volume_pread(&x.v, &x.reader, &o, out, sizeof out, 0, NULL), 2 * plane);
	cr_assert_lt(volume_pread(&x.v, &x.reader, &o, out, (size_t)plane, (uint64_t)(2 * plane),
			     NULL),
		0);
	cr_assert_eq(volume_pread(&x.v, &x.reader, &o, out, (size_t)plane, (uint64_t)(3 * plane),
			     NULL),
		plane);
	teardown(&x);
}

Test(volume, where_opening_takes_long_the_files_of_a_request_are_opened_side_by_side)
{
	const int64_t plane = ROWS * COLS * 2;
	uint8_t out[PLANES * ROWS * COLS * 2];
	struct framecache_stats stats;
	struct voxel_order o;
	uint64_t from = 0;
	struct fixture x;
	unsigned n = 0;
	int p;

	setup(&x, GEN_EXPLICIT);
	o = voxel_order_nifti(&x.v);
	disk.slow = true;
	for (p = 0; p < 3; p++)
		cr_assert_eq(volume_pread(&x.v, &x.reader, &o, out, (size_t)plane,
				     (uint64_t)(p * plane), NULL),
			plane);
	cr_assert(files_are_slow(x.files));
	disk.most = 0;
	disk.together = 2;
	cr_assert_eq(volume_pread(&x.v, &x.reader, &o, out, sizeof out, (uint64_t)(3 * plane),
			     NULL),
		2 * plane);
	cr_expect_eq(disk_most(), 2);
	cr_expect_eq(out[plane], x.pixels[4][ROWS - 1][0] & 0xFF);
	framecache_stats(x.cache, &stats);
	cr_expect_eq(stats.n_loads, 0, "there is nothing to decode");
	for (p = 0; p < 3; p++)
		n = framecache_sequential(x.cache, FRAMECACHE_OPEN, 77, (uint64_t)p, (uint64_t)p,
			&from);
	cr_expect_eq(n, 64, "more than is decoded ahead");
	cr_expect_eq(from, 3);
	teardown(&x);
}
