/* SPDX-License-Identifier: MIT */
/* What becomes of a set of files: groups, order, names to the letter, one instance of equal
 * files. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dicom/tags.h"
#include "support/archive.h"

static struct archive a;

static void begin(void)
{
	archive_begin(&a);
}

static void end(void)
{
	archive_end(&a);
}

TestSuite(index_catalog, .init = begin, .fini = end);

/* A header of these values; NULL: absent. */
struct values {
	const char *file, *id, *name, *study_uid, *date, *study, *series_uid, *number, *series,
		*protocol, *modality, *sop_uid, *instance;
};

static void put(struct gen *g, uint32_t tag, const char *value)
{
	if (value)
		gen_put(g, tag, value);
}

static void add(const struct values *v)
{
	struct gen g;

	gen_begin_bare(&g, true, false);
	gen_put(&g, DCM_SpecificCharacterSet, "ISO_IR 192");
	put(&g, DCM_SOPInstanceUID, v->sop_uid);
	put(&g, DCM_StudyDate, v->date);
	put(&g, DCM_Modality, v->modality);
	put(&g, DCM_StudyDescription, v->study);
	put(&g, DCM_SeriesDescription, v->series);
	put(&g, DCM_PatientName, v->name);
	put(&g, DCM_PatientID, v->id);
	put(&g, DCM_ProtocolName, v->protocol);
	put(&g, DCM_StudyInstanceUID, v->study_uid);
	put(&g, DCM_SeriesInstanceUID, v->series_uid);
	put(&g, DCM_SeriesNumber, v->number);
	put(&g, DCM_InstanceNumber, v->instance);
	archive_header(&a, v->file, &g);
}

static void expect_names(const char *want)
{
	char *got;

	archive_scan(&a);
	got = archive_names(a.catalog);
	cr_expect_str_eq(got, want);
	free(got);
}

Test(index_catalog, names_are_made_of_what_there_is)
{
	add(&(struct values){ .file = "1",
		.id = "P 1",
		.study_uid = "1.9",
		.date = "20240102",
		.study = "Head/Neck",
		.series_uid = "1.9.1",
		.number = "3",
		.series = "t1  mprage",
		.protocol = "no",
		.modality = "MR",
		.sop_uid = "1",
		.instance = "7" });
	add(&(struct values){ .file = "2",
		.name = "Doe^John",
		.study_uid = "1.8",
		.study = "only text",
		.series_uid = "1.8.1",
		.number = "4",
		.protocol = "prot",
		.modality = "CT",
		.sop_uid = "2",
		.instance = "123456" });
	add(&(struct values){ .file = "3",
		.id = "..x",
		.study_uid = "1.2.77",
		.series_uid = "1.2.78",
		.number = "5",
		.modality = "OT",
		.sop_uid = "3",
		.instance = "0" });
	add(&(struct values){ .file = "4.dcm",
		.id = "D",
		.study_uid = "1.2.5",
		.date = "1999",
		.series_uid = "1.2.6",
		.sop_uid = "4" });
	add(&(struct values){ .file = "1.2.840.5",
		.id = "D",
		.study_uid = "1.2.5",
		.date = "1999",
		.series_uid = "1.2.6",
		.sop_uid = "5" });
	add(&(struct values){ .file = "sub/.hidden", .modality = "SR" });
	expect_names("D/1999/6/1.2.840.5\n"
		     "D/1999/6/4\n"
		     "Doe^John/only_text/4_prot/123456\n"
		     "P_1/20240102_Head_Neck/3_t1_mprage/00007\n"
		     "__x/77/5_OT/00000\n"
		     "unknown/unknown/SR/_hidden\n");
}

Test(index_catalog, one_series_uid_with_two_numbers_is_two_series)
{
	struct values v = { .file = "1",
		.id = "P",
		.study_uid = "1",
		.series_uid = "1.1",
		.number = "2",
		.sop_uid = "a",
		.instance = "1",
		.modality = "MR" };

	add(&v);
	v.file = "2";
	v.number = "3";
	v.sop_uid = "b";
	add(&v);
	expect_names("P/1/2_MR/00001\nP/1/3_MR/00001\n");
	cr_expect_eq(a.catalog->n_series, 2);
	cr_expect_eq(a.catalog->n_studies, 1);
}

Test(index_catalog, patients_that_share_a_legal_name_stay_apart)
{
	add(&(struct values){ .file = "1",
		.id = "A/B",
		.modality = "MR",
		.sop_uid = "1",
		.instance = "1" });
	add(&(struct values){ .file = "2",
		.id = "A_B",
		.modality = "MR",
		.sop_uid = "2",
		.instance = "1" });
	add(&(struct values){ .file = "3",
		.name = "A_B",
		.modality = "MR",
		.sop_uid = "3",
		.instance = "1" });
	archive_scan(&a);
	cr_assert_eq(a.catalog->n_patients, 3);
	cr_expect_eq(strncmp(a.catalog->patients[0]->name, "A_B~", 4), 0);
	cr_expect_eq(strlen(a.catalog->patients[0]->name), 10);
}

Test(index_catalog, a_patient_with_anothers_name_for_an_id_is_another)
{
	char *listed;

	add(&(struct values){ .file = "1",
		.id = "Phantom",
		.study_uid = "1.1",
		.series_uid = "1.1.1",
		.modality = "MR",
		.number = "1",
		.instance = "1" });
	add(&(struct values){ .file = "2",
		.name = "Phantom",
		.study_uid = "1.2",
		.series_uid = "1.2.1",
		.modality = "MR",
		.number = "1",
		.instance = "2" });
	archive_scan(&a);
	cr_assert_eq(a.catalog->n_patients, 2);
	cr_expect_str_neq(a.catalog->patients[0]->name, a.catalog->patients[1]->name);
	listed = archive_names(a.catalog);
	cr_expect(strstr(listed, "Phantom~"), "%s", listed);
	free(listed);
}

Test(index_catalog, names_leave_room_for_marks_and_endings)
{
	char file[256], text[300], other[256];

	memset(file, 'n', 250);
	strcpy(file + 250, "a");
	memset(text, 'x', 299);
	text[299] = '\0';
	strcpy(other, file);
	other[250] = 'b';
	add(&(struct values){ .file = file, .id = text, .study_uid = "1.1", .modality = "MR" });
	add(&(struct values){ .file = other,
		.id = text,
		.study_uid = "1.1",
		.modality = "MR",
		.series = "another file" });
	archive_scan(&a);
	cr_assert_eq(a.catalog->n_patients, 1);
	cr_expect_eq(strlen(a.catalog->patients[0]->name), 220);
	for (uint32_t i = 0; i < a.catalog->patients[0]->studies[0]->n_series; i++) {
		const struct series *s = a.catalog->patients[0]->studies[0]->series[i];

		for (uint32_t k = 0; k < s->n_instances; k++)
			cr_expect_leq(strlen(s->instance_names[k]), 240);
	}
}

Test(index_catalog, patients_without_id_are_told_apart_by_name)
{
	add(&(struct values){ .file = "1",
		.name = "Doe^A",
		.series_uid = "1",
		.study_uid = "1",
		.sop_uid = "1" });
	add(&(struct values){ .file = "2",
		.name = "Doe^B",
		.series_uid = "1",
		.study_uid = "1",
		.sop_uid = "2" });
	add(&(struct values){ .file = "3", .series_uid = "1", .study_uid = "1", .sop_uid = "3" });
	archive_scan(&a);
	cr_expect_eq(a.catalog->n_patients, 3);
	cr_expect_eq(a.catalog->n_series, 3);
}

Test(index_catalog, order_is_by_number_then_uid)
{
	static const char *const numbers[] = { "10", "9", "100", "9" };
	static const char *const uids[] = { "a", "c", "b", "b" };
	const struct series *s;
	char file[16];
	int i;

	for (i = 0; i < 4; i++) {
		snprintf(file, sizeof file, "f%d", i);
		add(&(struct values){ .file = file,
			.id = "P",
			.study_uid = "1",
			.series_uid = "1",
			.number = "1",
			.sop_uid = uids[i],
			.instance = numbers[i] });
	}
	archive_scan(&a);
	s = a.catalog->patients[0]->studies[0]->series[0];
	cr_assert_eq(s->n_instances, 4);
	cr_expect_str_eq(s->instances[0]->sop_uid, "b");
	cr_expect_str_eq(s->instances[1]->sop_uid, "c");
	cr_expect_eq(s->instances[2]->number, 10);
	cr_expect_eq(s->instances[3]->number, 100);
	cr_expect_eq(strncmp(s->instance_names[0], "00009~", 6), 0);
	cr_expect_eq(strncmp(s->instance_names[1], "00009~", 6), 0);
	cr_expect_str_eq(s->instance_names[2], "00010");
}

Test(index_catalog, equal_files_are_one_instance_and_different_ones_two)
{
	struct gen_instance what = { .number = 1, .series = 1 };
	const struct series *s;
	uint16_t pixels[16] = { 9, 9, 9 };

	archive_image(&a, "b/1", &what);
	archive_image(&a, "a/1", &what);
	archive_image(&a, "a-b/1", &what);
	archive_scan(&a);
	cr_assert_eq(a.catalog->n_instances, 1);
	cr_expect_eq(a.catalog->n_duplicates, 2);
	cr_expect_eq(a.catalog->n_files, 3);
	s = a.catalog->patients[0]->studies[0]->series[0];
	cr_expect_str_eq(s->instances[0]->dir, "a-b",
		"the first path stays, and \"a-b/1\" is before \"a/1\"");
	cr_expect_str_eq(s->instance_names[0], "00001");
	what.pixels = pixels;
	archive_image(&a, "c/1", &what);
	archive_age(&a, "c/1", 60);
	archive_scan(&a);
	s = a.catalog->patients[0]->studies[0]->series[0];
	cr_assert_eq(s->n_instances, 2);
	cr_expect_eq(a.catalog->n_duplicates, 2);
	cr_expect_str_neq(s->instance_names[0], s->instance_names[1]);
	cr_expect_eq(strncmp(s->instance_names[0], "00001~", 6), 0);
}

/* The marks come from the bytes: the same two files have the same names wherever they lie. */
Test(index_catalog, names_do_not_depend_on_paths_or_order)
{
	struct gen_instance what = { .number = 1, .series = 1 };
	uint16_t pixels[16] = { 9, 9, 9 };
	struct archive other;
	char *first, *second;

	archive_image(&a, "1", &what);
	what.pixels = pixels;
	archive_image(&a, "2", &what);
	archive_begin(&other);
	archive_image(&other, "z/1", &what);
	what.pixels = NULL;
	archive_image(&other, "y/7", &what);
	archive_scan(&a);
	archive_scan(&other);
	first = archive_names(a.catalog);
	second = archive_names(other.catalog);
	cr_expect_str_eq(first, second);
	cr_expect_not_null(strchr(first, '~'));
	free(first);
	free(second);
	archive_end(&other);
}

Test(index_catalog, instances_without_uid_are_each_their_own)
{
	struct values v = { .file = "1", .id = "P", .modality = "MR", .instance = "1" };

	add(&v);
	v.file = "2";
	add(&v);
	archive_scan(&a);
	cr_expect_eq(a.catalog->n_instances, 2);
	cr_expect_eq(a.catalog->n_duplicates, 0);
	cr_expect_eq(a.catalog->n_series, 1);
}

Test(index_catalog, looks_up_by_id)
{
	struct gen_instance what = { 0 };
	const struct series *s;
	char file[16];
	int i;

	for (i = 0; i < 9; i++) {
		what = (struct gen_instance){ .study = i / 4, .series = i / 2, .number = i + 1 };
		snprintf(file, sizeof file, "%d", i);
		archive_image(&a, file, &what);
	}
	archive_scan(&a);
	cr_assert_eq(a.catalog->n_studies, 3);
	cr_assert_eq(a.catalog->n_series, 5);
	for (i = 1; i <= 5; i++) {
		s = catalog_series(a.catalog, (uint32_t)i);
		cr_assert_not_null(s);
		cr_expect_eq(s->id, (uint32_t)i);
		cr_expect_eq(catalog_study_of(a.catalog, s)->patient, a.catalog->patients[0]);
	}
	for (i = 1; i <= 9; i++)
		cr_expect_eq(catalog_instance(a.catalog, (uint32_t)i)->id, (uint32_t)i);
	cr_expect_null(catalog_instance(a.catalog, 0));
	cr_expect_null(catalog_instance(a.catalog, 10));
	cr_expect_null(catalog_series(a.catalog, 6));
	cr_expect_eq(a.catalog->n_ids, 10);
}

Test(index_catalog, a_refresh_shares_what_did_not_change)
{
	struct gen_instance what = { .series = 1, .number = 1 };
	const struct catalog *old;
	const struct series *kept, *grown;
	struct study *st;

	archive_image(&a, "1/1", &what);
	what.series = 2;
	archive_image(&a, "2/1", &what);
	archive_scan(&a);
	old = catalog_get(a.catalog);
	what.number = 2;
	archive_image(&a, "2/2", &what);
	archive_age(&a, "2/2", 60);
	cr_expect(archive_scan(&a));
	st = a.catalog->patients[0]->studies[0];
	kept = st->series[0];
	grown = st->series[1];
	cr_expect_eq(kept, old->patients[0]->studies[0]->series[0]);
	cr_expect_eq(grown->id, old->patients[0]->studies[0]->series[1]->id);
	cr_expect_eq(grown->version, 2);
	cr_expect_eq(grown->n_instances, 2);
	cr_expect_eq(old->patients[0]->studies[0]->series[1]->n_instances, 1);
	cr_expect_eq(st->version, 2);
	cr_expect_eq(st->patient->version, 2);
	cr_expect_eq(a.catalog->gen, old->gen + 1);
	catalog_put((struct catalog *)old);
}

Test(index_catalog, numbers_have_five_digits_or_more)
{
	const struct series *s;

	add(&(struct values){ .file = "1", .id = "P", .series_uid = "1.2", .instance = "-3" });
	add(&(struct values){ .file = "2", .id = "P", .series_uid = "1.2", .instance = "0" });
	add(&(struct values){ .file = "3", .id = "P", .series_uid = "1.2", .instance = "42" });
	add(&(struct values){ .file = "4",
		.id = "P",
		.series_uid = "1.2",
		.instance = "2147483647" });
	archive_scan(&a);
	s = a.catalog->series_by_id[0];
	cr_assert_eq(s->n_instances, 4);
	cr_expect_str_eq(s->instance_names[0], "-0003");
	cr_expect_str_eq(s->instance_names[1], "00000");
	cr_expect_str_eq(s->instance_names[2], "00042");
	cr_expect_str_eq(s->instance_names[3], "2147483647");
}
