/* SPDX-License-Identifier: MIT */
/* .dcmfs/: tables whose lines have as many cells as their first one, and that tell what was found. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "dicom/tags.h"
#include "support/archive.h"
#include "support/walk.h"

static struct archive archive;
static struct walk walk;

static void image(int series, int number, const char *description, size_t cut)
{
	struct gen_instance what = { .study = 1,
		.series = series,
		.number = number,
		.description = description };
	char name[32];
	struct gen g;

	what.position[2] = number;
	gen_instance_begin(&g, &what);
	gen_instance_end(&g, &what);
	snprintf(name, sizeof name, "%d-%d.dcm", series, number);
	archive_write(&archive, name, g.out.data, g.out.len - cut);
	gen_release(&g);
}

static void begin(void)
{
	archive_begin(&archive);
	image(1, 1, "one\ttab", 0);
	image(1, 2, "one\ttab", 0);
	image(2, 1, "cut", 20);
	archive_write(&archive, "notes.txt", "not an image", 12);
	walk_begin(&walk, &archive, NULL);
}

/* Two series in one folder. */
static void begin_layout(void)
{
	archive_begin(&archive);
	image(1, 1, "a", 0);
	image(1, 2, "a", 0);
	image(2, 1, "b", 0);
	walk_begin_layout(&walk, &archive, "{PatientID}/{Modality}", NULL);
}

static void end(void)
{
	walk_end(&walk);
	archive_end(&archive);
}

static unsigned count(const char *s, size_t len, char c)
{
	unsigned n = 0;

	while (len--)
		n += *s++ == c;
	return n;
}

/* Lines of a table, the first one not counted; each has the cells of the first. */
static unsigned lines_of(const char *path)
{
	char *text = walk_read(&walk, path), *s;
	unsigned cells, n = 0;
	size_t len;

	cr_assert(text, "%s is not there", path);
	len = strcspn(text, "\n");
	cells = count(text, len, '\t');
	for (s = text + len + 1; *s; s += len + 1, n++) {
		len = strcspn(s, "\n");
		cr_assert_eq(s[len], '\n', "%s: the last line has no end", path);
		cr_assert_eq(count(s, len, '\t'), cells, "%s: %.*s", path, (int)len, s);
	}
	mem_free(text);
	return n;
}

static bool tells(const char *path, const char *what)
{
	char *text = walk_read(&walk, path);
	bool found = text && strstr(text, what);

	mem_free(text);
	return found;
}

Test(report, tables_have_a_line_a_thing, .init = begin, .fini = end)
{
	cr_assert_eq(lines_of(".dcmfs/instances.tsv"), 3);
	cr_assert_eq(lines_of(".dcmfs/series.tsv"), 2);
	cr_assert_eq(lines_of(".dcmfs/volumes.tsv"), 2);
	cr_assert_eq(lines_of(".dcmfs/slices.tsv"), 3);
	cr_assert_geq(lines_of(".dcmfs/problems.tsv"), 2);
}

Test(report, a_tab_in_a_value_is_a_blank, .init = begin, .fini = end)
{
	cr_assert(tells(".dcmfs/series.tsv", "\tone tab\t"));
}

Test(report, a_file_whose_name_is_no_utf8_does_not_spoil_the_table, .fini = end)
{
	struct gen_instance what = { .number = 1 };

	archive_begin(&archive);
	archive_image(&archive, "a\xE9\tb", &what);
	walk_begin(&walk, &archive, NULL);
	cr_assert(tells(".dcmfs/instances.tsv", "\ta\xEF\xBF\xBD b\t"));
}

Test(report, problems_name_the_file_and_the_reason, .init = begin, .fini = end)
{
	cr_assert(tells(".dcmfs/problems.tsv", "notes.txt\t0\tnot DICOM\n"));
	cr_assert(tells(".dcmfs/problems.tsv", "2-1.dcm\t"));
}

/* The paths in the first column of a table, below a view. */
static unsigned paths_that_lead_somewhere(const char *table, const char *view, const char *ending)
{
	char *text = walk_read(&walk, table), *s, path[600], byte;
	unsigned n = 0;
	size_t len;

	for (s = text + strcspn(text, "\n") + 1; *s; s += strcspn(s, "\n") + 1) {
		len = strcspn(s, "\t");
		snprintf(path, sizeof path, "%s/%.*s%s", view, (int)len, s, ending);
		if (walk_pread(&walk, path, &byte, 1, 0) == 1)
			n++;
		else
			cr_expect_fail("%s: no %s", table, path);
	}
	mem_free(text);
	return n;
}

Test(report, paths_of_a_layout_are_there, .init = begin_layout, .fini = end)
{
	cr_assert_eq(paths_that_lead_somewhere(".dcmfs/instances.tsv", "dicom", ".dcm"), 3);
	cr_assert_eq(paths_that_lead_somewhere(".dcmfs/volumes.tsv", "nii", ".nii"), 2);
	cr_assert_eq(paths_that_lead_somewhere(".dcmfs/slices.tsv", "mha", ".mha"), 3);
}

Test(report, the_state_counts_what_is_there, .init = begin, .fini = end)
{
	cr_assert(tells(".dcmfs/status.json", "\"instances\": 3"));
	cr_assert(tells(".dcmfs/status.json", "\"files_not_dicom\": 1"));
}
