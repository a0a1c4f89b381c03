/* SPDX-License-Identifier: MIT */
/* A volume's name stands for that volume, whatever has become of others of its study meanwhile. */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "dicom/tags.h"
#include "support/dcmgen.h"
#include "support/walk.h"
#include "view/snapshot.h"

#define NII_VOXELS 352u
#define OTHERS 400 /* studies: more than plans and files are kept */

static struct archive archive;
static struct walk walk;

static void put_echo(struct gen *g, double ms)
{
	gen_item(g);
	gen_sequence(g, DCM_MREchoSequence);
	gen_item(g);
	gen_putf(g, DCM_EffectiveEchoTime, "%g", ms);
	gen_end(g), gen_end(g);
	gen_end(g);
}

/* Two volumes of one file, an echo each. */
static void write_echoes(void)
{
	struct gen_instance what = { .study = 1, .series = 1, .number = 1 };
	struct gen g;

	gen_instance_begin(&g, &what);
	gen_put(&g, DCM_NumberOfFrames, "2");
	gen_sequence(&g, DCM_PerFrameFunctionalGroupsSequence);
	put_echo(&g, 10);
	put_echo(&g, 20);
	gen_end(&g);
	gen_instance_end(&g, &what);
	archive_header(&archive, "echoes", &g);
}

/* A series of one image, all of one value. */
static void write_series(int study, int series, uint8_t value)
{
	uint8_t pixels[32];
	struct gen_instance what = { .study = study, .series = series, .pixels = pixels };
	char name[32];

	memset(pixels, value, sizeof pixels);
	snprintf(name, sizeof name, "%d-%d", study, series);
	archive_image(&archive, name, &what);
}

/* The folder of the study that has four volumes and more. */
static void find_study(char folder[128])
{
	char *studies = walk_list(&walk, "nii/PAT"), *save, *name, *names;
	bool found = false;

	for (name = strtok_r(studies, "|", &save); name && !found;
		name = strtok_r(NULL, "|", &save)) {
		snprintf(folder, 128, "nii/PAT/%.100s", name);
		names = walk_list(&walk, folder);
		found = strstr(names, "4_series.nii") != NULL;
		mem_free(names);
	}
	cr_assert(found);
	mem_free(studies);
}

/* All other studies are looked into; then none of its files is open, and its plan is gone. */
static void forget(const char *folder)
{
	char *studies = walk_list(&walk, "nii/PAT"), *save, *name, path[256];
	struct snapshot *snap = world_snapshot(walk.world);
	unsigned n = 0;

	for (name = strtok_r(studies, "|", &save); name; name = strtok_r(NULL, "|", &save)) {
		snprintf(path, sizeof path, "nii/PAT/%.100s/1_series.nii", name);
		if (strncmp(path, folder, strlen(folder)) != 0)
			n += walk_pread(&walk, path, (char[1]){ 0 }, 1, 0) == 1;
	}
	cr_assert_eq(n, OTHERS);
	files_close_idle(snap->files);
	snapshot_put(snap);
	mem_free(studies);
}

static int first_voxel(const char *path)
{
	uint8_t bytes[NII_VOXELS + 1];
	int64_t n = walk_pread(&walk, path, bytes, sizeof bytes, 0);

	return n < 0 ? (int)n : n == sizeof bytes ? bytes[NII_VOXELS] : -1;
}

Test(view_volumes, a_name_is_its_volumes_when_another_file_has_gone)
{
	char folder[128], path[3][256];
	unsigned i;

	archive_begin(&archive);
	write_echoes();
	for (i = 2; i <= 4; i++)
		write_series(1, (int)i, (uint8_t)i);
	for (i = 0; i < OTHERS; i++)
		write_series(2 + (int)i, 1, 100);
	walk_begin(&walk, &archive, NULL);
	find_study(folder);
	for (i = 0; i < 3; i++)
		snprintf(path[i], sizeof path[i], "%s/%u_series.nii", folder, i + 2);
	for (i = 0; i < 3; i++)
		cr_assert_eq(first_voxel(path[i]), (int)i + 2, "%s", path[i]);
	forget(folder);
	cr_assert_eq(unlink(archive_path(&archive, "echoes")), 0);
	for (i = 0; i < 3; i++)
		cr_expect_eq(first_voxel(path[i]), (int)i + 2, "%s", path[i]);
	walk_end(&walk);
	archive_end(&archive);
}
