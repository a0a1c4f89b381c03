/* SPDX-License-Identifier: MIT */
/* A folder on a slow disk: who goes through its files does not wait for each alone. */
#include <criterion/criterion.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "support/openat.h"
#include "support/slowdisk.h"
#include "support/walk.h"

#define N_IMAGES 20
#define N_ALONE 8 /* by then it is known where the reader goes */

static int before_openat(const char *path, int flags)
{
	(void)path;
	if (disk.slow && !(flags & O_DIRECTORY))
		disk_open();
	return 0;
}

static struct archive archive;
static struct walk walk;
static char path[300];

static void begin(const char *layout)
{
	char name[32];
	int i;

	archive_begin(&archive);
	for (i = 1; i <= N_IMAGES; i++) {
		struct gen_instance what = { .study = 1, .series = 1, .number = i };

		what.position[2] = i;
		snprintf(name, sizeof name, "%d.dcm", i);
		archive_image(&archive, name, &what);
	}
	if (layout)
		walk_begin_layout(&walk, &archive, layout, NULL);
	else
		walk_begin(&walk, &archive, NULL);
	disk.slow = true;
	disk.alone = N_ALONE;
	disk.together = 2;
	disk.most = disk.n_opened = 0;
}

static void end(void)
{
	walk_end(&walk);
	disk.slow = false;
	archive_end(&archive);
}

static void read_one(const char *folder, const char *name)
{
	char file[400], *text;

	snprintf(file, sizeof file, "%s%s", folder, name);
	text = walk_read(&walk, file);
	cr_assert(text, "%s", file);
	mem_free(text);
}

static const char *series_in(const char *view)
{
	char *patient = walk_list(&walk, "dicom"), *study;

	snprintf(path, sizeof path, "dicom/%s", patient);
	study = walk_list(&walk, path);
	snprintf(path, sizeof path, "%s/%s/%s/1_series", view, patient, study);
	mem_free(patient);
	mem_free(study);
	return path;
}

/* Some in their order, until it is known that opening takes long and where the reader goes. */
static void read_through(const char *folder, const char *ending)
{
	char name[32];
	int i;

	for (i = 1; i <= 12; i++) {
		snprintf(name, sizeof name, "/%05d%s", i, ending);
		read_one(folder, name);
	}
	cr_expect_geq(disk_most(), 2, "%s", folder);
}

Test(view_siblings, the_files_of_a_folder_that_come_next_are_opened_meanwhile)
{
	static const char *const views[][2] = { { "json", ".json" }, { "headers", ".txt" },
		{ "native", ".dcm" }, { "dicom", ".dcm" } };
	size_t i;

	for (i = 0; i < sizeof views / sizeof *views; i++) {
		begin(NULL);
		read_through(series_in(views[i][0]), views[i][1]);
		end();
	}
}

Test(view_siblings, so_are_those_of_a_layouts_folder)
{
	begin("{Modality}");
	read_through("headers/MR", ".txt");
	end();
}

Test(view_siblings, a_summary_of_them_opens_several_at_once)
{
	begin(NULL);
	read_one(series_in("headers"), ".txt");
	cr_expect_geq(disk_most(), 2);
	end();
}
