/* SPDX-License-Identifier: MIT */
/* Plans that are kept, and those that are made again since a file could not be read. */
#include <criterion/criterion.h>

#include <fcntl.h>
#include <sys/stat.h>

#include "dicom/tags.h"
#include "support/failsource.h"
#include "support/planned.h"

static struct planned p;
static struct failing failing;
static struct files *files;
static struct plans *plans;

static void put_frames(struct gen *g, void *arg)
{
	(void)arg;
	gen_put(g, DCM_NumberOfFrames, "2");
}

/* A stack of planes, and a file of two frames, at which reads fail while the test wants it. */
static void begin(void)
{
	struct stat st;

	planned_begin(&p);
	for (int i = 0; i < 3; i++)
		planned_image(&p, &(struct planned_image){ .number = i + 1, .at = { 0, 0, i } });
	planned_image(&p,
		&(struct planned_image){ .file = "frames",
			.series = 2,
			.number = 1,
			.rows = 9,
			.more = put_frames });
	archive_scan(&p.archive);
	cr_assert_eq(stat(archive_path(&p.archive, "frames"), &st), 0);
	failing.size = (uint64_t)st.st_size;
	cr_assert_eq(files_new(p.archive.fd, 32, failing_filter, &failing, &files, NULL), 0);
	cr_assert_eq(plans_new(files, &plans, NULL), 0);
}

static void end(void)
{
	plans_free(plans);
	files_free(files);
	planned_end(&p);
}

/* p.set is the plan that there is. */
static uint32_t count_volumes(void)
{
	volume_set_put(p.set);
	p.set = NULL;
	cr_assert_eq(plans_get(plans, p.archive.catalog, p.archive.catalog->patients[0]->studies[0],
			     &p.set, NULL),
		0);
	return p.set->n_volumes;
}

static bool retry(bool all)
{
	bool changed = false;

	plans_retry(plans, p.archive.catalog, all, NULL, &changed);
	return changed;
}

Test(volume_plans, a_plan_that_lacks_a_file_is_made_again_when_that_can_be_read, .init = begin,
	.fini = end)
{
	struct volume_set *before;

	failing.on = true;
	cr_expect_eq(count_volumes(), 1, "the others are there meanwhile");
	cr_expect_geq(plans_waits_ms(plans), 0);
	before = volume_set_get(p.set);
	cr_expect_not(retry(true));
	cr_expect_eq(count_volumes(), 1);
	cr_expect_eq(p.set, before, "as long as it is the same it stays");
	volume_set_put(before);
	failing.on = false;
	cr_expect(retry(true));
	cr_expect_eq(count_volumes(), 2);
	cr_expect_eq(plans_waits_ms(plans), -1);
	cr_expect_not(retry(true));
}

Test(volume_plans, a_file_that_cannot_be_read_is_not_read_by_each_who_asks, .init = begin,
	.fini = end)
{
	unsigned n;

	failing.on = true;
	count_volumes();
	n = failing.n_failed;
	cr_expect_gt(n, 0);
	for (int i = 0; i < 1000; i++)
		cr_expect_eq(count_volumes(), 1);
	cr_expect_not(retry(false), "it is not due yet");
	cr_expect_eq(failing.n_failed, n);
	for (int i = 0; i < 5; i++)
		cr_expect_not(retry(true));
	cr_expect_gt(failing.n_failed, n);
	cr_expect_gt(plans_waits_ms(plans), 10000, "ever more rarely");
}

Test(volume_plans, a_file_that_is_damaged_is_not_tried_again, .init = begin, .fini = end)
{
	static const char zeros[4096];
	struct timespec times[2];
	struct stat st;
	const char *path = archive_path(&p.archive, "frames");

	cr_assert_eq(stat(path, &st), 0);
	times[0] = times[1] = st.st_mtim;
	cr_assert_leq((size_t)st.st_size, sizeof zeros);
	archive_write(&p.archive, "frames", zeros, (size_t)st.st_size);
	cr_assert_eq(utimensat(AT_FDCWD, path, times, 0), 0);
	cr_expect_eq(count_volumes(), 1);
	cr_expect_eq(plans_waits_ms(plans), -1);
}

/* Was the volume that was there without the file the same one as it is with it? */
static bool keeps_its_identity(void)
{
	uint64_t identity;

	failing.on = true;
	cr_assert_eq(count_volumes(), 1);
	identity = p.set->volumes[0]->identity;
	failing.on = false;
	cr_expect(retry(true));
	cr_assert_eq(count_volumes(), 2);
	return p.set->volumes[0]->identity == identity;
}

/* What a header tells beside the records goes into a volume's files: they are others without it. */
Test(volume_plans, a_volume_without_its_header_is_another_one, .init = begin, .fini = end)
{
	failing.size = 0;
	cr_expect_not(keeps_its_identity());
}

Test(volume_plans, only_what_lacked_a_file_is_another_one_then, .init = begin, .fini = end)
{
	cr_expect(keeps_its_identity());
}
