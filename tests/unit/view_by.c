/* SPDX-License-Identifier: MIT */
/* by/: what it lists, and what is left of the archive below a value. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "dicom/tags.h"
#include "support/archive.h"
#include "support/walk.h"

static struct archive archive;
static struct walk walk;

static void image(const char *modality, int series, int number, const char *te, const char *bolus)
{
	struct gen_instance what = { .modality = modality,
		.study = 1,
		.series = series,
		.number = number };
	char name[32];
	struct gen g;

	what.position[2] = number;
	gen_instance_begin(&g, &what);
	if (bolus)
		gen_put(&g, DCM_ContrastBolusAgent, bolus);
	if (te)
		gen_put(&g, DCM_EchoTime, te);
	gen_instance_end(&g, &what);
	snprintf(name, sizeof name, "%d-%d", series, number);
	archive_write(&archive, name, g.out.data, g.out.len);
	gen_release(&g);
}

static void begin(void)
{
	archive_begin(&archive);
	image("MR", 1, 1, "9", "none");
	image("MR", 1, 2, "9", " a \\ b");
	image("MR", 1, 3, "9", NULL);
	image("MR", 2, 1, "10.5", NULL);
	image("CT", 3, 1, NULL, NULL);
	walk_begin(&walk, &archive, NULL);
}

static void end(void)
{
	walk_end(&walk);
	archive_end(&archive);
}

static void expect(const char *path, const char *want)
{
	char *got = walk_list(&walk, path);

	cr_assert(got, "%s is not there", path);
	cr_assert_str_eq(got, want, "%s: %s", path, got);
	mem_free(got);
}

static bool is_there(const char *path)
{
	char *got = walk_list(&walk, path);

	mem_free(got);
	return got != NULL;
}

Test(by, values_and_what_is_missing, .init = begin, .fini = end)
{
	expect("by/Modality", "CT|MR");
	expect("by/EchoTime", "9|10.5|(none)");
	expect("by/SeriesNumber", "1|2|3");
}

Test(by, several_values_are_each_a_folder, .init = begin, .fini = end)
{
	expect("by/ContrastBolusAgent", "(none)|a|b|none");
}

Test(by, an_unlisted_keyword_works_and_an_unknown_one_does_not, .init = begin, .fini = end)
{
	cr_assert_not(is_there("by/NoSuchThing"));
	cr_assert_not(is_there("by/Modality/PT"));
	expect("by/InstanceNumber", "1|2|3");
}

Test(by, listed_keywords_are_at_least_forty, .init = begin, .fini = end)
{
	char *all = walk_list(&walk, "by"), *s;
	int n = 1;

	for (s = all; *s; s++)
		n += *s == '|';
	cr_assert_geq(n, 40);
	cr_assert(strstr(all, "|Manufacturer|"));
	cr_assert_not(strstr(all, "InstanceNumber"));
	mem_free(all);
}

Test(by, below_a_value_is_what_matches, .init = begin, .fini = end)
{
	char *patient = walk_list(&walk, "dicom"), *study, *all;
	char path[300];

	snprintf(path, sizeof path, "dicom/%s", patient);
	study = walk_list(&walk, path);
	snprintf(path, sizeof path, "by/Modality/MR/dicom/%s/%s", patient, study);
	all = walk_list(&walk, path);
	cr_assert_str_eq(all, "1_series|2_series");
	mem_free(all);
	snprintf(path, sizeof path, "by/Modality/MR/by/EchoTime/10.5/dicom/%s/%s", patient, study);
	expect(path, "2_series");
	snprintf(path, sizeof path, "by/ContrastBolusAgent/a/dicom/%s/%s/1_series", patient, study);
	expect(path, "00002.dcm");
	mem_free(patient);
	mem_free(study);
}

Test(by, a_volume_is_whole_where_one_of_its_instances_matches, .init = begin, .fini = end)
{
	char *patient = walk_list(&walk, "nii"), *study, *whole, *some;
	char path[300];

	snprintf(path, sizeof path, "nii/%s", patient);
	study = walk_list(&walk, path);
	snprintf(path, sizeof path, "by/ContrastBolusAgent/a/nii/%s/%s", patient, study);
	expect(path, "1_series.json|1_series.nii");
	snprintf(path, sizeof path, "nii/%s/%s/1_series.json", patient, study);
	whole = walk_read(&walk, path);
	snprintf(path, sizeof path, "by/ContrastBolusAgent/a/nii/%s/%s/1_series.json", patient,
		study);
	some = walk_read(&walk, path);
	cr_assert_not_null(whole);
	cr_assert_str_eq(whole, some);
	mem_free(patient);
	mem_free(study);
	mem_free(whole);
	mem_free(some);
}

/* The text of the only SERIES.txt below a folder; mem_alloc()ed. */
static char *series_text(const char *value)
{
	char path[300], *patient, *study, *names, *text;

	snprintf(path, sizeof path, "%s/headers", value);
	patient = walk_list(&walk, path);
	snprintf(path, sizeof path, "%s/headers/%s", value, patient);
	study = walk_list(&walk, path);
	snprintf(path, sizeof path, "%s/headers/%s/%s", value, patient, study);
	names = walk_list(&walk, path); /* "SERIES|SERIES.txt" */
	snprintf(path, sizeof path, "%s/headers/%s/%s/%s", value, patient, study,
		strchr(names, '|') + 1);
	text = walk_read(&walk, path);
	cr_assert(text, "%s", path);
	mem_free(patient);
	mem_free(study);
	mem_free(names);
	return text;
}

Test(by, what_a_series_shares_is_said_of_what_matches, .init = begin, .fini = end)
{
	char *nine = series_text("by/EchoTime/9"),
	     *bolus = series_text("by/ContrastBolusAgent/none");

	cr_expect(strstr(nine, "InstanceNumber = <3 values: 1 … 3>\n"), "%s", nine);
	cr_expect(strstr(bolus, "InstanceNumber = 1\n"), "%s", bolus);
	mem_free(nine);
	mem_free(bolus);
}

Test(by, narrowing_to_nothing_shows_no_value, .init = begin, .fini = end)
{
	expect("by/Modality/CT/by/EchoTime", "(none)");
	cr_assert_not(is_there("by/Modality/CT/by/EchoTime/9"));
}
