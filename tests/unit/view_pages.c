/* SPDX-License-Identifier: MIT */
/* Pages of png/: every link of them leads to something that is there. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "dicom/tags.h"
#include "support/archive.h"
#include "support/walk.h"

static struct archive archive;
static struct walk walk;

static void image(const char *modality, int series, int number)
{
	struct gen_instance what = { .modality = modality,
		.study = 1,
		.series = series,
		.number = number };
	char name[32];
	struct gen g;

	what.position[2] = number;
	gen_instance_begin(&g, &what);
	gen_instance_end(&g, &what);
	snprintf(name, sizeof name, "%d-%d", series, number);
	archive_write(&archive, name, g.out.data, g.out.len);
	gen_release(&g);
}

static void make(void)
{
	archive_begin(&archive);
	image("MR", 1, 1);
	image("MR", 1, 2);
	image("CT", 2, 1);
}

static void end(void)
{
	walk_end(&walk);
	archive_end(&archive);
}

/* "a/b" and "../c/" is "a/c". */
static void resolve(const char *folder, const char *link, size_t len, char *out, size_t cap)
{
	char *slash;

	snprintf(out, cap, "%s", folder);
	while (len >= 3 && memcmp(link, "../", 3) == 0) {
		slash = strrchr(out, '/');
		*(slash ? slash : out) = '\0';
		link += 3;
		len -= 3;
	}
	if (len && link[len - 1] == '/')
		len--;
	snprintf(out + strlen(out), cap - strlen(out), "%s%.*s", *out ? "/" : "", (int)len, link);
}

static bool is_there(const char *path)
{
	char byte;

	return walk_pread(&walk, path, &byte, 1, 0) != -ENOENT;
}

/* How many links the page of a folder has; each must lead somewhere. Names here need no escapes. */
static int follow(const char *folder)
{
	char path[512], *page;
	const char *at;
	int n = 0;

	snprintf(path, sizeof path, "%s/index.html", folder);
	page = walk_read(&walk, path);
	cr_assert(page, "%s is not there", path);
	for (at = page; (at = strstr(at, "href=\"")); n++) {
		size_t len = strcspn(at += 6, "\"");

		resolve(folder, at, len, path, sizeof path);
		cr_expect(is_there(path), "%s: %.*s leads nowhere (%s)", folder, (int)len, at,
			path);
	}
	mem_free(page);
	return n;
}

Test(pages, of_a_study_lead_to_what_is_there, .init = make, .fini = end)
{
	char *patient, *study, path[256];

	walk_begin(&walk, &archive, NULL);
	patient = walk_list(&walk, "png"); /* "PATIENT|index.html" */
	patient[strcspn(patient, "|")] = '\0';
	snprintf(path, sizeof path, "png/%s", patient);
	study = walk_list(&walk, path);
	cr_expect_eq(follow("png"), 1);
	snprintf(path, sizeof path, "png/%s/%s", patient, study);
	cr_expect_geq(follow(path), 16);
	mem_free(patient);
	mem_free(study);
}

Test(pages, of_a_layout_are_one_a_folder, .init = make, .fini = end)
{
	walk_begin_layout(&walk, &archive, "{Modality}/{SeriesNumber:3}", NULL);
	cr_expect_eq(follow("png"), 2);
	cr_expect_eq(follow("png/MR"), 9);
	cr_expect_eq(follow("png/CT"), 9);
}

Test(pages, of_volumes_that_clash_in_a_layout_lead_to_what_is_there, .init = make, .fini = end)
{
	image("MR", 3, 1);
	walk_begin_layout(&walk, &archive, "{PatientID}/{Modality}", NULL);
	cr_expect_geq(follow("png/PAT"), 25);
}

Test(pages, of_a_selection_count_what_is_in_it, .init = make, .fini = end)
{
	char *patient, *study, *page, path[300];

	walk_begin(&walk, &archive, NULL);
	patient = walk_list(&walk, "by/InstanceNumber/2/dicom");
	snprintf(path, sizeof path, "by/InstanceNumber/2/dicom/%s", patient);
	study = walk_list(&walk, path);
	page = walk_read(&walk, "by/InstanceNumber/2/png/index.html");
	cr_expect(strstr(page, "1 series, 1 instance<"), "%s", page);
	mem_free(page);
	snprintf(path, sizeof path, "by/InstanceNumber/2/png/%s/%s/index.html", patient, study);
	page = walk_read(&walk, path);
	cr_expect(strstr(page, "1 series, 1 volume<"), "%s", page);
	mem_free(page);
	mem_free(patient);
	mem_free(study);
}
