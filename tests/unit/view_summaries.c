/* SPDX-License-Identifier: MIT */
/* Summaries that grow while instances are read: what is kept, and that SERIES.txt is the same with
 * them. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "dicom/tags.h"
#include "support/walk.h"
#include "text/dump.h"
#include "view/summaries.h"

#define N_IMAGES 5

/* ---- the store of them ---- */

static struct summary of_series(struct summaries *s, uint32_t id, uint32_t version)
{
	struct view_key of = { .a = id, .version = version };
	struct summary x;

	summaries_take(s, &of, &x);
	cr_assert_eq(memcmp(&x.of, &of, sizeof of), 0);
	return x;
}

static void give(struct summaries *s, uint32_t id, uint32_t n_added)
{
	struct summary x = of_series(s, id, 1);

	if (!x.sum)
		cr_assert_eq(dump_series_new(&x.sum, NULL), 0);
	x.n_added = n_added;
	summaries_give(s, &x);
}

Test(view_summaries, what_is_given_is_taken_once)
{
	struct summaries *s;
	struct summary x;

	cr_assert_eq(summaries_new(&s, NULL), 0);
	cr_assert_null(of_series(s, 7, 1).sum);
	give(s, 7, 3);
	give(s, 8, 4);
	x = of_series(s, 7, 1);
	cr_assert_eq(x.n_added, 3);
	cr_assert_not_null(x.sum);
	cr_assert_null(of_series(s, 7, 1).sum);
	dump_series_free(x.sum);
	summaries_free(s);
}

Test(view_summaries, what_is_dropped_is_there_no_more)
{
	struct summaries *s;

	cr_assert_eq(summaries_new(&s, NULL), 0);
	give(s, 7, 3);
	give(s, 8, 4);
	summaries_drop(s);
	cr_assert_null(of_series(s, 7, 1).sum);
	cr_assert_null(of_series(s, 8, 1).sum);
	summaries_free(s);
}

Test(view_summaries, one_of_another_version_is_of_no_use)
{
	struct summaries *s;

	cr_assert_eq(summaries_new(&s, NULL), 0);
	give(s, 7, 3);
	cr_assert_null(of_series(s, 7, 2).sum);
	cr_assert_null(of_series(s, 7, 1).sum);
	summaries_free(s);
}

Test(view_summaries, the_oldest_make_room_and_a_series_has_one)
{
	struct summary x, y;
	struct summaries *s;
	uint32_t id;

	cr_assert_eq(summaries_new(&s, NULL), 0);
	for (id = 1; id <= 100; id++)
		give(s, id, id);
	x = of_series(s, 100, 1);
	cr_assert_eq(x.n_added, 100);
	cr_assert_null(of_series(s, 1, 1).sum);
	summaries_give(s, &x);
	y = (struct summary){ .of = { .a = 100, .version = 1 }, .n_added = 9 };
	cr_assert_eq(dump_series_new(&y.sum, NULL), 0);
	summaries_give(s, &y);
	x = of_series(s, 100, 1);
	cr_assert_eq(x.n_added, 9);
	dump_series_free(x.sum);
	cr_assert_null(of_series(s, 100, 1).sum);
	summaries_free(s);
}

/* ---- through the view ---- */

static void begin(struct archive *a, struct walk *w)
{
	char name[32];
	int i;

	archive_begin(a);
	for (i = 1; i <= N_IMAGES; i++) {
		struct gen_instance what = { .study = 1, .series = 1, .number = i };

		what.position[2] = i;
		snprintf(name, sizeof name, "%d.dcm", i);
		archive_image(a, name, &what);
	}
	walk_begin(w, a, NULL);
}

/* SERIES.txt after the instances of these numbers were read; mem_alloc()ed. */
static char *text_after(struct archive *a, const char *numbers)
{
	char *patient, *study, *text, path[300], file[330];
	struct walk w;

	begin(a, &w);
	patient = walk_list(&w, "dicom");
	snprintf(path, sizeof path, "dicom/%s", patient);
	study = walk_list(&w, path);
	snprintf(path, sizeof path, "headers/%s/%s/1_series", patient, study);
	for (; *numbers; numbers++) {
		snprintf(file, sizeof file, "%s/0000%c.txt", path, *numbers);
		text = walk_read(&w, file);
		cr_assert(text, "%s", file);
		mem_free(text);
	}
	snprintf(file, sizeof file, "%s.txt", path);
	text = walk_read(&w, file);
	cr_assert(text, "%s", file);
	mem_free(patient);
	mem_free(study);
	walk_end(&w);
	archive_end(a);
	return text;
}

Test(view_summaries, series_text_is_the_same_whatever_was_read_before)
{
	static const char *const orders[] = { "1", "12345", "123", "2345", "54321", "1324512345",
		"1212" };
	struct archive a;
	char *want = text_after(&a, ""), *got;
	size_t i;

	cr_assert(strstr(want, "InstanceNumber = <5 values: 1 … 5>\n"), "%s", want);
	for (i = 0; i < sizeof orders / sizeof orders[0]; i++) {
		got = text_after(&a, orders[i]);
		cr_assert_str_eq(got, want, "%s: %s", orders[i], got);
		mem_free(got);
	}
	mem_free(want);
}

/* What was summed while it was read needs its files no more. */
Test(view_summaries, text_of_a_layouts_folder_is_made_of_what_was_read)
{
	struct archive a;
	struct walk w;
	char *text, *names, *name, *rest, path[300];
	int series, i;

	archive_begin(&a);
	for (series = 1; series <= 2; series++)
		for (i = 1; i <= N_IMAGES; i++) {
			struct gen_instance what = { .series = series, .number = i };

			snprintf(path, sizeof path, "%d-%d.dcm", series, i);
			archive_image(&a, path, &what);
		}
	walk_begin_layout(&w, &a, "{Modality}", NULL);
	names = walk_list(&w, "headers/MR");
	for (name = strtok_r(names, "|", &rest); name; name = strtok_r(NULL, "|", &rest)) {
		snprintf(path, sizeof path, "headers/MR/%s", name);
		mem_free(walk_read(&w, path));
	}
	mem_free(names);
	snprintf(path, sizeof path, "rm %s/*.dcm", a.path);
	cr_assert_eq(system(path), 0);
	text = walk_read(&w, "headers/MR.txt");
	cr_assert(text);
	cr_assert(strstr(text, "SeriesNumber = <2 values: 1 … 2>\n"), "%s", text);
	mem_free(text);
	walk_end(&w);
	archive_end(&a);
}
