/* SPDX-License-Identifier: MIT */
/* The Basic Profile: what becomes of each attribute, and what stands for it. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"
#include "dicom/dataset.h"
#include "dicom/dict.h"
#include "dicom/limits.h"
#include "dicom/source.h"
#include "dicom/tags.h"
#include "dicom/value.h"
#include "format/deidentify.h"
#include "format/edit.h"
#include "support/dcmgen.h"

#define PRIVATE_CREATOR DCM_TAG(0x0009, 0x0010)
#define PRIVATE DCM_TAG(0x0009, 0x1001)

static enum deid_action action_of(uint32_t tag, unsigned options)
{
	const struct dcm_dict_entry *e = dcm_dict_find(tag);
	struct dcm_node n = { .el = { .tag = tag, .vr = e ? e->vr : DCM_VR_LO } };
	static const char text[] = "1.2.3 ";

	n.value = (const uint8_t *)text;
	n.el.len = sizeof text - 1;
	return deid_action_of(&n, options);
}

Test(deidentify, the_table_is_sorted)
{
	unsigned i;

	cr_assert_gt(deid_table_rows, 600);
	for (i = 1; i < deid_table_rows; i++)
		cr_assert_lt(deid_table[i - 1].tag, deid_table[i].tag);
}

Test(deidentify, actions_by_attribute)
{
	static const struct {
		uint32_t tag;
		enum deid_action want;
	} rows[] = {
		{ DCM_PatientName, DEID_EMPTY },
		{ DCM_PatientID, DEID_DUMMY },
		{ DCM_StudyDescription, DEID_REMOVE },
		{ DCM_SOPInstanceUID, DEID_UID },
		{ DCM_StudyInstanceUID, DEID_UID },
		{ DCM_AccessionNumber, DEID_EMPTY },
		{ DCM_Modality, DEID_KEEP },
		{ DCM_Rows, DEID_KEEP },
		{ DCM_ReferencedImageSequence, DEID_ITEMS },
		{ DCM_TAG(0x6002, 0x3000), DEID_REMOVE },
		{ DCM_TAG(0x5010, 0x0005), DEID_REMOVE },
		{ PRIVATE, DEID_REMOVE },
		{ PRIVATE_CREATOR, DEID_REMOVE },
		{ DCM_TAG(0x0008, 0x7777), DEID_REMOVE },
		{ DCM_EvaluatorName, DEID_DUMMY },
		{ DCM_DocumentAuthorTrial, DEID_DUMMY },
		{ DCM_PatientBirthDateInAlternativeCalendar, DEID_REMOVE },
		{ DCM_RetrieveURL, DEID_DUMMY },
		{ DCM_CodingSchemeURL, DEID_KEEP },
		{ DCM_MoveOriginatorApplicationEntityTitle, DEID_REMOVE },
		{ DCM_FileSetID, DEID_REMOVE },
	};
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++)
		cr_assert_eq(action_of(rows[i].tag, 0), rows[i].want, "%08x", rows[i].tag);
}

Test(deidentify, options_keep_clean_or_shift)
{
	cr_assert_eq(action_of(DCM_SOPInstanceUID, DEID_UIDS), DEID_KEEP);
	cr_assert_eq(action_of(DCM_StudyDate, DEID_DATES), DEID_KEEP);
	cr_assert_eq(action_of(DCM_StudyDate, DEID_SHIFT_DATES), DEID_SHIFT);
	cr_assert_eq(action_of(DCM_StudyDate, DEID_SHIFT_DATES | DEID_DATES), DEID_KEEP);
	cr_assert_eq(action_of(DCM_StudyTime, DEID_SHIFT_DATES), DEID_KEEP);
	cr_assert_eq(action_of(DCM_StudyDescription, DEID_DESCRIPTORS), DEID_CLEAN);
	cr_assert_eq(action_of(DCM_InstitutionName, DEID_INSTITUTION), DEID_KEEP);
	cr_assert_eq(action_of(DCM_PatientSex, DEID_PATIENT), DEID_KEEP);
	cr_assert_eq(action_of(DCM_DeviceSerialNumber, DEID_DEVICE), DEID_KEEP);
	cr_assert_eq(action_of(DCM_PatientName, ~0u), DEID_EMPTY);
}

Test(deidentify, a_date_that_cannot_be_moved_does_not_stay)
{
	struct dcm_node n = { .el = { .tag = DCM_StudyDate, .vr = DCM_VR_LO } };

	cr_assert_eq(deid_action_of(&n, DEID_SHIFT_DATES), DEID_EMPTY);
	cr_assert_eq(action_of(DCM_FrameOriginTimestamp, DEID_SHIFT_DATES), DEID_DUMMY);
	cr_assert_eq(action_of(DCM_CertifiedTimestamp, DEID_SHIFT_DATES), DEID_REMOVE);
	cr_assert_eq(action_of(DCM_TimezoneOffsetFromUTC, DEID_SHIFT_DATES), DEID_KEEP);
}

Test(deidentify, option_words)
{
	unsigned options;
	const char *bad;
	bool only;

	cr_assert(deid_parse_options("", &options, &only, &bad));
	cr_assert(options == 0 && !only);
	cr_assert(deid_parse_options("keep-uids:only:shift-dates", &options, &only, &bad));
	cr_assert(options == (DEID_UIDS | DEID_SHIFT_DATES) && only);
	cr_assert_not(deid_parse_options("only:keep-all:keep-uids", &options, &only, &bad));
	cr_assert_str_eq(bad, "keep-all:keep-uids");
}

Test(deidentify, uids_depend_on_key_and_uid_alone_and_are_valid)
{
	uint8_t one[DEID_KEY_BYTES], two[DEID_KEY_BYTES];
	char a[65], b[65], uid[32];
	int i;

	deid_key("one", 3, one);
	deid_key("two", 3, two);
	for (i = 0; i < 1000; i++) {
		snprintf(uid, sizeof uid, "1.2.3.%d", i);
		deid_uid(one, uid, strlen(uid), a);
		deid_uid(one, uid, strlen(uid), b);
		cr_assert_str_eq(a, b);
		cr_assert_leq(strlen(a), 64);
		cr_assert_eq(strncmp(a, "2.25.", 5), 0);
		cr_assert_eq(strspn(a + 5, "0123456789"), strlen(a + 5));
		cr_assert(a[5] != '0' || a[6] == '\0');
		deid_uid(two, uid, strlen(uid), b);
		cr_assert_str_neq(a, b);
	}
}

Test(deidentify, dates_move_over_leap_years_and_keep_their_times)
{
	static const struct {
		const char *from;
		int days;
		const char *to;
	} rows[] = {
		{ "20200301", -1, "20200229" },
		{ "20210301", -1, "20210228" },
		{ "20000301", -1, "20000229" },
		{ "19000301", -1, "19000228" },
		{ "20200229", -366, "20190228" },
		{ "20210101", -1, "20201231" },
		{ "20200229", -3650, "20100303" },
		{ "20240229123456.5+0100", -365, "20230301123456.5+0100" },
		{ "2020.03.01", -1, "20200229" },
		{ "2020/03/01", -1, "20200229" },
		{ "2020030112-0500", -1, "2020022912-0500" },
	};
	static const char *const more[] = { "20200229-20200301", "20200229 20200301",
		"2020-02-29T10:11:12", "20200229+1230", "20200229-2021", "2020.02-29",
		"20200229101112.1234567" };
	char out[64];
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		cr_assert(deid_shift_date(rows[i].from, strlen(rows[i].from), rows[i].days, out));
		cr_assert_str_eq(out, rows[i].to, "%s", rows[i].from);
	}
	for (i = 0; i < sizeof more / sizeof *more; i++)
		cr_expect_eq(deid_shift_date(more[i], strlen(more[i]), -1, out), i == 3, "%s",
			more[i]);
	cr_assert_not(deid_shift_date("2020", 4, -1, out));
	cr_assert_not(deid_shift_date("20201332", 8, -1, out));
	cr_assert_not(deid_shift_date("00000000", 8, -1, out));
	cr_assert_not(deid_shift_date("20200101123456.123456+0100 and more", 35, -1, out));
}

Test(deidentify, the_shift_is_the_patients_own)
{
	uint8_t key[DEID_KEY_BYTES];
	char id[16];
	int i, days, first = 0, others = 0;

	deid_key("k", 1, key);
	for (i = 0; i < 500; i++) {
		snprintf(id, sizeof id, "P%d", i);
		days = deid_shift_days(key, id, strlen(id));
		cr_assert(days >= -3650 && days <= -365);
		cr_assert_eq(days, deid_shift_days(key, id, strlen(id)));
		first = i ? first : days;
		others += days != first;
	}
	cr_assert_gt(others, 400);
}

Test(deidentify, dummies_fit_their_vr)
{
	size_t len;

	cr_assert_eq(memcmp(deid_dummy(DCM_VR_DA, &len), "19000101", 8), 0);
	cr_assert_eq(len, 8);
	deid_dummy(DCM_VR_FD, &len);
	cr_assert_eq(len, 8);
	deid_dummy(DCM_VR_OB, &len);
	cr_assert_eq(len, 2);
	cr_assert_null(deid_dummy(DCM_VR_SQ, &len));
}

/* ---- whole files ---- */

static struct dcm_header *deidentify(struct gen *g, unsigned keep, struct buf *bytes)
{
	struct editor_options o = { .deidentify = true, .keep = keep, .key = "key", .key_len = 3 };
	struct dcm_source *s;
	struct dcm_header *h;
	struct editor *e;
	char *all;

	cr_assert_eq(editor_new(&o, &e, NULL), 0);
	cr_assert_eq(editor_filter(e, gen_source(g), &s, NULL), 0);
	editor_free(e);
	all = mem_alloc((size_t)s->size);
	cr_assert_eq(dcm_source_read_full(s, all, (size_t)s->size, 0, NULL), 0);
	buf_init(bytes);
	buf_add(bytes, all, (size_t)s->size);
	mem_free(all);
	cr_assert_eq(dcm_header_read(s, DCM_LOAD_ALL, 0, &h, NULL), 0);
	cr_assert_eq(h->n_problems, 0);
	return h;
}

static void done(struct gen *g, struct dcm_header *h, struct buf *bytes)
{
	dcm_header_free(h);
	buf_release(bytes);
	gen_release(g);
}

static bool has(const struct buf *b, const char *text)
{
	return memmem(b->data, b->len, text, strlen(text)) != NULL;
}

static void write_person(struct gen *g)
{
	gen_begin(g, GEN_EXPLICIT);
	gen_put(g, DCM_SOPClassUID, "1.2.840.10008.5.1.4.1.1.4");
	gen_put(g, DCM_SOPInstanceUID, "1.2.3.4567");
	gen_put(g, DCM_StudyDate, "20200229");
	gen_put(g, DCM_Modality, "MR");
	gen_put(g, DCM_Manufacturer, "ACME");
	gen_put(g, DCM_StudyDescription, "Knee of Doe");
	gen_sequence(g, DCM_ReferencedImageSequence);
	gen_item(g);
	gen_put(g, DCM_ReferencedSOPClassUID, "1.2.840.10008.5.1.4.1.1.4");
	gen_put(g, DCM_ReferencedSOPInstanceUID, "1.2.3.4567");
	gen_put_vr(g, PRIVATE_CREATOR, "LO", "ACME");
	gen_put_vr(g, PRIVATE, "LO", "hidden");
	gen_end(g);
	gen_end(g);
	gen_put_vr(g, PRIVATE_CREATOR, "LO", "ACME");
	gen_put_vr(g, PRIVATE, "LO", "hidden");
	gen_put(g, DCM_PatientName, "\\Doele^Johnny");
	gen_put(g, DCM_PatientID, "PAT4711");
	gen_put(g, DCM_PatientSex, "M");
	gen_put(g, DCM_ContrastBolusAgent, "none");
	gen_put(g, DCM_SequenceName, "for johnny PAT4711");
	gen_put(g, DCM_StudyInstanceUID, "1.2.3.4");
	gen_put(g, DCM_FrameOfReferenceUID, "1.2.3.5");
}

Test(deidentify, nothing_that_was_taken_away_is_found_in_the_file)
{
	static const char *const gone[] = { "Doele", "Johnny", "johnny", "PAT4711", "1.2.3.4567",
		"20200229", "hidden", "Knee" };
	struct dcm_header *h;
	struct buf b;
	struct gen g;
	size_t i;

	write_person(&g);
	gen_finish(&g);
	h = deidentify(&g, 0, &b);
	for (i = 0; i < sizeof gone / sizeof *gone; i++)
		cr_assert_not(has(&b, gone[i]), "%s", gone[i]);
	cr_assert(dcm_text_is(dcm_get(&h->top, DCM_SequenceName), 0, "for"));
	cr_assert(dcm_text_is(dcm_get(&h->top, DCM_Manufacturer), 0, "ACME"));
	cr_assert(dcm_text_is(dcm_get(&h->top, DCM_PatientIdentityRemoved), 0, "YES"));
	cr_assert(dcm_text_is(dcm_get(&h->top, DCM_LongitudinalTemporalInformationModified), 0,
		"REMOVED"));
	cr_assert_eq(dcm_get(&h->top, DCM_DeidentificationMethodCodeSequence)->n_items, 1);
	done(&g, h, &b);
}

Test(deidentify, references_and_meta_information_follow_the_instance)
{
	const struct dcm_dataset *item;
	struct dcm_header *h;
	const char *text;
	char uid[65];
	struct buf b;
	size_t len;
	struct gen g;

	write_person(&g);
	gen_finish(&g);
	h = deidentify(&g, 0, &b);
	cr_assert(dcm_raw_text(dcm_get(&h->top, DCM_SOPInstanceUID), 0, &text, &len));
	memcpy(uid, text, len);
	uid[len] = '\0';
	item = dcm_item(dcm_get(&h->top, DCM_ReferencedImageSequence), 0);
	cr_assert_not_null(item);
	cr_assert(dcm_text_is(dcm_get(item, DCM_ReferencedSOPInstanceUID), 0, uid));
	cr_assert(dcm_text_is(dcm_get(item, DCM_ReferencedSOPClassUID), 0,
		"1.2.840.10008.5.1.4.1.1.4"));
	cr_assert(dcm_text_is(dcm_get(&h->meta, DCM_MediaStorageSOPInstanceUID), 0, uid));
	cr_assert_null(dcm_get(item, PRIVATE));
	cr_assert_null(dcm_get(item, PRIVATE_CREATOR));
	done(&g, h, &b);
}

Test(deidentify, options_say_what_they_kept)
{
	struct dcm_header *h;
	struct buf b;
	struct gen g;

	write_person(&g);
	gen_finish(&g);
	h = deidentify(&g, DEID_UIDS | DEID_SHIFT_DATES | DEID_DESCRIPTORS, &b);
	cr_assert(dcm_text_is(dcm_get(&h->top, DCM_SOPInstanceUID), 0, "1.2.3.4567"));
	cr_assert_eq(dcm_get(&h->top, DCM_StudyDate)->el.len, 8);
	cr_assert_not(has(&b, "20200229"));
	cr_assert(has(&b, "Knee of"));
	cr_assert(dcm_text_is(dcm_get(&h->top, DCM_LongitudinalTemporalInformationModified), 0,
		"MODIFIED"));
	cr_assert_eq(dcm_get(&h->top, DCM_DeidentificationMethodCodeSequence)->n_items, 4);
	done(&g, h, &b);
}

Test(deidentify, every_date_of_a_list_moves)
{
	const struct dcm_node *n;
	struct dcm_header *h;
	struct buf b;
	struct gen g;
	const char *text;
	size_t len;

	gen_begin(&g, GEN_EXPLICIT);
	gen_put(&g, DCM_DateOfLastCalibration, "20200229\\\\nonsense\\20200301");
	gen_finish(&g);
	h = deidentify(&g, DEID_SHIFT_DATES, &b);
	n = dcm_get(&h->top, DCM_DateOfLastCalibration);
	cr_assert_not_null(n);
	cr_assert_eq(dcm_vm(n), 4);
	cr_assert(dcm_raw_text(n, 3, &text, &len) && len == 8);
	cr_assert_not(has(&b, "nonsense"));
	cr_assert_not(has(&b, "20200301"));
	done(&g, h, &b);
}

/* ---- what has no row of its own in the profile's table ---- */

static void put_code(struct gen *g, uint32_t sequence, const char *value, const char *meaning)
{
	gen_sequence(g, sequence);
	gen_item(g);
	gen_put(g, DCM_CodeValue, value);
	gen_put(g, DCM_CodingSchemeDesignator, "99LOCAL");
	gen_put(g, DCM_CodeMeaning, meaning);
	gen_end(g);
	gen_end(g);
}

Test(deidentify, reports_notes_and_codes_of_persons_say_nothing)
{
	static const char *const gone[] = { "Quickfox", "Elsewhere", "EMP777", "Operatorson" };
	const struct dcm_dataset *item;
	struct dcm_header *h;
	struct buf b;
	struct gen g;
	size_t i;

	gen_begin(&g, GEN_EXPLICIT);
	put_code(&g, DCM_InstitutionCodeSequence, "H1", "Saint Elsewhere");
	gen_sequence(&g, DCM_OperatorIdentificationSequence);
	gen_item(&g);
	put_code(&g, DCM_PersonIdentificationCodeSequence, "EMP777", "Zelda Operatorson");
	gen_end(&g);
	gen_end(&g);
	gen_sequence(&g, DCM_ContentSequence);
	gen_item(&g);
	gen_put(&g, DCM_RelationshipType, "CONTAINS");
	gen_put(&g, DCM_ValueType, "TEXT");
	put_code(&g, DCM_ConceptNameCodeSequence, "121071", "Finding");
	gen_put(&g, DCM_TextValue, "Seen for Mrs. Quickfox");
	gen_end(&g);
	gen_end(&g);
	gen_sequence(&g, DCM_GraphicAnnotationSequence);
	gen_item(&g);
	gen_sequence(&g, DCM_TextObjectSequence);
	gen_item(&g);
	gen_put(&g, DCM_UnformattedTextValue, "Quickfox 1950");
	gen_end(&g);
	gen_end(&g);
	gen_end(&g);
	gen_end(&g);
	gen_finish(&g);
	h = deidentify(&g, 0, &b);
	for (i = 0; i < sizeof gone / sizeof *gone; i++)
		cr_expect_not(has(&b, gone[i]), "%s", gone[i]);
	item = dcm_item(dcm_get(&h->top, DCM_ContentSequence), 0);
	cr_assert_not_null(item);
	cr_expect(dcm_text_is(dcm_get(item, DCM_ValueType), 0, "TEXT"));
	cr_expect(dcm_text_is(dcm_get(item, DCM_TextValue), 0, "ANON"));
	cr_expect(has(&b, "Finding"), "what is told stays");
	done(&g, h, &b);
}

Test(deidentify, notes_on_waveforms_say_nothing_and_measurements_stay)
{
	const struct dcm_node *notes;
	struct dcm_header *h;
	struct buf b;
	struct gen g;

	gen_begin(&g, GEN_EXPLICIT);
	gen_sequence(&g, DCM_WaveformAnnotationSequence);
	gen_item(&g);
	gen_put(&g, DCM_UnformattedTextValue, "Quickfox, 1950");
	gen_end(&g);
	gen_item(&g);
	gen_put(&g, DCM_NumericValue, "812");
	gen_end(&g);
	gen_end(&g);
	gen_finish(&g);
	h = deidentify(&g, 0, &b);
	notes = dcm_get(&h->top, DCM_WaveformAnnotationSequence);
	cr_expect_not(has(&b, "Quickfox"));
	cr_assert_not_null(dcm_item(notes, 1));
	cr_expect(dcm_text_is(dcm_get(dcm_item(notes, 0), DCM_UnformattedTextValue), 0, "ANON"));
	cr_expect(dcm_text_is(dcm_get(dcm_item(notes, 1), DCM_NumericValue), 0, "812"));
	done(&g, h, &b);
}

/* A patient's age is removed from the header, and is a number in a report. */
Test(deidentify, what_was_measured_is_in_no_report)
{
	const struct dcm_dataset *item;
	struct dcm_header *h;
	struct buf b;
	struct gen g;

	gen_begin(&g, GEN_EXPLICIT);
	gen_sequence(&g, DCM_ContentSequence);
	gen_item(&g);
	gen_put(&g, DCM_ValueType, "NUM");
	put_code(&g, DCM_ConceptNameCodeSequence, "121033", "Subject Age");
	gen_sequence(&g, DCM_MeasuredValueSequence);
	gen_item(&g);
	gen_put(&g, DCM_NumericValue, "93.625");
	gen_end(&g);
	gen_end(&g);
	gen_end(&g);
	gen_end(&g);
	gen_finish(&g);
	h = deidentify(&g, 0, &b);
	cr_expect_not(has(&b, "93.625"));
	item = dcm_item(dcm_get(&h->top, DCM_ContentSequence), 0);
	cr_assert_not_null(item);
	cr_assert_not_null(dcm_get(item, DCM_MeasuredValueSequence), "zero items: no value");
	cr_expect_eq(dcm_get(item, DCM_MeasuredValueSequence)->n_items, 0);
	cr_expect(has(&b, "Subject Age"));
	done(&g, h, &b);
}

/* The file of a patient of a short name, treated with these options. */
static struct dcm_header *deidentify_short_name(struct gen *g, unsigned keep, struct buf *b)
{
	gen_begin(g, GEN_EXPLICIT);
	gen_put(g, DCM_StudyDescription, "MR of KIM, Hu");
	gen_put(g, DCM_OperatorsName, "MR");
	gen_put(g, DCM_DerivationDescription, "kim");
	gen_put(g, DCM_PatientName, "Hu^Kim^^Dr^MD");
	gen_put(g, DCM_Manufacturer, "HU ACME");
	gen_put(g, DCM_RescaleType, "HU");
	gen_put(g, DCM_SegmentDescription, "drawn by Dr MD for Kim");
	gen_finish(g);
	return deidentify(g, keep, b);
}

Test(deidentify, short_names_are_words_of_prose)
{
	struct dcm_header *h;
	struct buf b;
	struct gen g;

	h = deidentify_short_name(&g, DEID_DESCRIPTORS, &b);
	cr_expect(dcm_text_is(dcm_get(&h->top, DCM_StudyDescription), 0, "MR of ,"));
	cr_expect(dcm_text_is(dcm_get(&h->top, DCM_DerivationDescription), 0, "ANON"));
	cr_expect(dcm_text_is(dcm_get(&h->top, DCM_SegmentDescription), 0, "drawn by Dr MD for"));
	cr_expect(dcm_text_is(dcm_get(&h->top, DCM_Manufacturer), 0, "HU ACME"));
	cr_expect(dcm_text_is(dcm_get(&h->top, DCM_RescaleType), 0, "HU"));
	done(&g, h, &b);
}

static char *long_value(const char *text, size_t len)
{
	char *value = mem_alloc(len);

	cr_assert_not_null(value);
	memset(value, '.', len);
	memcpy(value + len - strlen(text), text, strlen(text));
	return value;
}

Test(deidentify, values_that_are_left_in_the_file_for_their_length_are_looked_into)
{
	size_t len = DCM_LAZY_VALUE + 100;
	char *text = long_value("for Quickfox", len), *numbers;
	struct dcm_header *h;
	struct buf b;
	struct gen g;

	numbers = long_value("Quickfox by chance", len);
	memset(numbers, 1, len / 2);
	gen_begin(&g, GEN_EXPLICIT);
	gen_put(&g, DCM_PatientName, "Quickfox^Ann");
	gen_bytes(&g, DCM_ICCProfile, "UN", text, (uint32_t)len);
	gen_bytes(&g, DCM_RedPaletteColorLookupTableData, "OW", numbers, (uint32_t)len);
	gen_bytes(&g, DCM_HPGLDocument, "OB", text, (uint32_t)len);
	gen_finish(&g);
	h = deidentify(&g, 0, &b);
	cr_expect_eq(dcm_get(&h->top, DCM_ICCProfile)->el.len, 0);
	cr_expect_eq(dcm_get(&h->top, DCM_HPGLDocument)->el.len, 0);
	cr_expect_eq(dcm_get(&h->top, DCM_RedPaletteColorLookupTableData)->el.len, len);
	done(&g, h, &b);
	mem_free(text);
	mem_free(numbers);
}

Test(deidentify, what_is_not_written_as_what_it_is_says_nothing)
{
	static const char items[] = "\xFE\xFF\x00\xE0\x10\x00\x00\x00"
				    "\x10\x00\x10\x00\x08\x00\x00\x00Quickfox";
	struct dcm_header *h;
	struct buf b;
	struct gen g;

	gen_begin(&g, GEN_EXPLICIT);
	gen_bytes(&g, DCM_ReferencedImageSequence, "OB", items, sizeof items - 1);
	gen_put_vr(&g, DCM_Rows, "LT", "Quickfox");
	gen_put_vr(&g, DCM_Columns, "IS", "512");
	gen_finish(&g);
	h = deidentify(&g, 0, &b);
	cr_expect_not(has(&b, "Quickfox"));
	cr_expect(dcm_text_is(dcm_get(&h->top, DCM_Columns), 0, "512"));
	done(&g, h, &b);
}

Test(deidentify, a_text_is_no_text_by_its_vr_alone)
{
	static const char *const gone[] = { "Quickfox", "6quick", "secret" };
	struct dcm_header *h;
	struct buf b;
	struct gen g;
	size_t i;

	gen_begin(&g, GEN_EXPLICIT);
	gen_put_vr(&g, DCM_TAG(0x0002, 0x0102), "OB", "secret of a group that is not here");
	gen_put(&g, DCM_PatientName, "Quickfox^Ann");
	gen_bytes(&g, DCM_SequenceName, "OB", "Quicksilver 6quick", 18);
	gen_put_vr(&g, DCM_NumberOfAverages, "DS", "Quicktime");
	gen_bytes(&g, DCM_ICCProfile, "OB", "of quickfox ", 12);
	gen_bytes(&g, DCM_RedPaletteColorLookupTableData, "OW", "12345678", 8);
	gen_finish(&g);
	h = deidentify(&g, 0, &b);
	for (i = 0; i < sizeof gone / sizeof *gone; i++)
		cr_expect_not(has(&b, gone[i]), "%s", gone[i]);
	cr_expect_eq(dcm_get(&h->top, DCM_NumberOfAverages)->el.len, 0);
	cr_expect_eq(dcm_get(&h->top, DCM_ICCProfile)->el.len, 0);
	cr_expect(has(&b, "12345678"));
	done(&g, h, &b);
}

Test(deidentify, uids_by_value_and_by_what_they_name)
{
	struct dcm_header *h;
	const char *text;
	struct buf b;
	struct gen g;
	size_t len;

	gen_begin(&g, GEN_EXPLICIT);
	gen_put(&g, DCM_SOPClassUID, "1.3.12.2.1107.5.9.1");
	gen_put(&g, DCM_FailedSOPInstanceUIDList, "1.2.840.10008.1.4.1.1\\\\1.2.3.99.556");
	gen_put(&g, DCM_CodingSchemeUID, "2.16.840.1.113883.6.96");
	gen_put_vr(&g, DCM_StudyInstanceUID, "LO", "1.2.3.77");
	gen_put(&g, DCM_SeriesInstanceUID, "1.2.840.10008.5.1.4.1.1.4.20200229.4711");
	gen_finish(&g);
	h = deidentify(&g, 0, &b);
	cr_expect(dcm_text_is(dcm_get(&h->top, DCM_SOPClassUID), 0, "1.3.12.2.1107.5.9.1"));
	cr_expect(dcm_text_is(dcm_get(&h->top, DCM_CodingSchemeUID), 0, "2.16.840.1.113883.6.96"));
	cr_expect(dcm_text_is(dcm_get(&h->top, DCM_FailedSOPInstanceUIDList), 0,
		"1.2.840.10008.1.4.1.1"));
	cr_expect_not(has(&b, "1.2.3.99.556"));
	cr_expect_not(has(&b, "1.2.3.77"));
	cr_expect_not(has(&b, "4711"), "made of a class, not of the standard");
	cr_assert(dcm_raw_text(dcm_get(&h->top, DCM_StudyInstanceUID), 0, &text, &len));
	cr_expect_eq(memcmp(text, "2.25.", 5), 0);
	cr_expect_eq(dcm_get(&h->top, DCM_StudyInstanceUID)->el.vr, DCM_VR_UI);
	done(&g, h, &b);
}

/* gen's own meta information has no instance: one is put in front of its syntax. */
static void expect_meta_uid(bool empty)
{
	struct dcm_header *h;
	const char *text;
	struct buf b;
	struct gen g;
	size_t len;

	gen_begin_bare(&g, true, false);
	gen_raw(&g, (const uint8_t[128]){ 0 }, 128);
	gen_raw(&g, "DICM", 4);
	gen_put(&g, DCM_MediaStorageSOPInstanceUID, "1.2.3.4567");
	gen_put(&g, DCM_TransferSyntaxUID, GEN_EXPLICIT);
	if (empty)
		gen_put(&g, DCM_SOPInstanceUID, "");
	gen_put(&g, DCM_Modality, "MR");
	gen_finish(&g);
	h = deidentify(&g, 0, &b);
	cr_expect_not(has(&b, "1.2.3.4567"));
	cr_assert(dcm_raw_text(dcm_get(&h->meta, DCM_MediaStorageSOPInstanceUID), 0, &text, &len));
	cr_expect_eq(memcmp(text, "2.25.", 5), 0);
	done(&g, h, &b);
}

Test(deidentify, the_instance_uid_of_the_meta_information_alone)
{
	expect_meta_uid(false);
	expect_meta_uid(true);
}

static void expect_patient(const char *name, const char *id, const char *study, char out[65])
{
	struct dcm_header *h;
	const char *text;
	struct buf b;
	struct gen g;
	size_t len;

	gen_begin(&g, GEN_EXPLICIT);
	gen_put(&g, DCM_PatientName, name);
	if (id)
		gen_put(&g, DCM_PatientID, id);
	gen_put(&g, DCM_StudyInstanceUID, study);
	gen_finish(&g);
	h = deidentify(&g, 0, &b);
	cr_assert(dcm_raw_text(dcm_get(&h->top, DCM_PatientID), 0, &text, &len));
	cr_assert_eq(len, 20);
	memcpy(out, text, len);
	out[len] = '\0';
	done(&g, h, &b);
}

Test(deidentify, patients_without_an_id_are_not_one)
{
	char ann[65], bob[65], absent[65], nobody[65], other[65], same[65];

	expect_patient("Ann^A", "", "1.2", ann);
	expect_patient("Bob^B", "", "1.2", bob);
	expect_patient("Bob^B", NULL, "1.3", absent);
	expect_patient("", NULL, "1.2", nobody);
	expect_patient("", NULL, "1.3", other);
	expect_patient("Whoever", "7", "1.2", same);
	cr_expect_str_neq(ann, bob);
	cr_expect_str_eq(bob, absent);
	cr_expect_str_neq(nobody, other);
	expect_patient("Renamed", "7", "1.3", other);
	cr_expect_str_eq(same, other);
}

Test(deidentify, a_rule_that_cannot_be_applied_keeps_nothing)
{
	struct editor_options o = { .deidentify = true,
		.rules = "replace (0010,xxxx) ANON\n"
			 "set RequestAttributesSequence[1].ScheduledProcedureStepID X\n" };
	const struct dcm_dataset *item;
	struct dcm_source *s;
	struct dcm_header *h;
	struct editor *e;
	struct gen g;

	gen_begin(&g, GEN_EXPLICIT);
	gen_put(&g, DCM_PatientName, "Quickfox");
	gen_put(&g, DCM_PatientBirthDate, "19501231");
	gen_sequence(&g, DCM_RequestAttributesSequence);
	gen_item(&g);
	gen_put(&g, DCM_ScheduledProcedureStepDescription, "for Quickfox");
	gen_put(&g, DCM_ScheduledProcedureStepID, "4711");
	gen_end(&g);
	gen_end(&g);
	gen_finish(&g);
	cr_assert_eq(editor_new(&o, &e, NULL), 0);
	cr_assert_eq(editor_filter(e, gen_source(&g), &s, NULL), 0);
	editor_free(e);
	cr_assert_eq(dcm_header_read(s, DCM_LOAD_ALL, 0, &h, NULL), 0);
	cr_expect_eq(dcm_get(&h->top, DCM_PatientBirthDate)->el.len, 0);
	cr_expect(dcm_text_is(dcm_get(&h->top, DCM_PatientName), 0, "ANON"));
	item = dcm_item(dcm_get(&h->top, DCM_RequestAttributesSequence), 0);
	cr_assert_not_null(item);
	cr_expect(dcm_text_is(dcm_get(item, DCM_ScheduledProcedureStepID), 0, "X"));
	cr_expect_null(dcm_get(item, DCM_ScheduledProcedureStepDescription));
	dcm_header_free(h);
	gen_release(&g);
}

/* Not with what is a secret by chance: a ramp has every text in it. */
Test(deidentify, numbers_and_tables_stay_what_they_are)
{
	static const double gap = 3.5;
	uint8_t ramp[256];
	struct dcm_header *h;
	struct buf b;
	struct gen g;
	int i;

	for (i = 0; i < 256; i++)
		ramp[i] = (uint8_t)i;
	gen_begin(&g, GEN_EXPLICIT);
	gen_put(&g, DCM_PatientID, "1234");
	gen_bytes(&g, DCM_SpacingBetweenSlices, "FD", &gap, sizeof gap);
	gen_put(&g, DCM_EchoTime, "nan");
	gen_bytes(&g, DCM_RedPaletteColorLookupTableData, "OW", ramp, sizeof ramp);
	gen_finish(&g);
	h = deidentify(&g, 0, &b);
	cr_expect_eq(dcm_get_double(&h->top, DCM_SpacingBetweenSlices, 0), 3.5);
	cr_expect_eq(dcm_get(&h->top, DCM_EchoTime)->el.len, 4);
	cr_expect_eq(dcm_get(&h->top, DCM_RedPaletteColorLookupTableData)->el.len, 256);
	done(&g, h, &b);
	gen_begin(&g, GEN_EXPLICIT);
	gen_put(&g, DCM_Manufacturer, "ACME for Doele Jane");
	gen_put(&g, DCM_SOPClassUID, "Jane Doele");
	gen_put(&g, DCM_PatientName, "Doele^Jane");
	gen_finish(&g);
	h = deidentify(&g, 0, &b);
	cr_expect_not(has(&b, "Doele"));
	done(&g, h, &b);
}

static unsigned count(const struct buf *b, const char *text)
{
	const char *at = (const char *)b->data, *end = at + b->len;
	unsigned n = 0;

	for (; (at = memmem(at, (size_t)(end - at), text, strlen(text))) != NULL; at++)
		n++;
	return n;
}

Test(deidentify, every_one_of_thousands_of_sequences_is_edited)
{
	char mapped[65];
	struct dcm_header *h;
	const char *uid;
	struct buf b;
	struct gen g;
	unsigned i;
	size_t len;

	gen_begin(&g, GEN_EXPLICIT);
	for (i = 0; i < 20000; i++) {
		gen_sequence(&g, DCM_ReferencedImageSequence);
		gen_item(&g);
		gen_put(&g, DCM_CodeMeaning, "text");
		gen_put(&g, DCM_ReferencedSOPInstanceUID, "1.2.3.4567");
		gen_end(&g);
		gen_end(&g);
	}
	gen_finish(&g);
	h = deidentify(&g, 0, &b);
	cr_expect_eq(count(&b, "text"), i);
	cr_assert(dcm_raw_text(dcm_get(dcm_item(dcm_get(&h->top, DCM_ReferencedImageSequence), 0),
				       DCM_ReferencedSOPInstanceUID),
		0, &uid, &len));
	cr_assert(len > 5 && len < sizeof mapped && memcmp(uid, "2.25.", 5) == 0);
	memcpy(mapped, uid, len);
	mapped[len] = '\0';
	cr_expect_eq(count(&b, mapped), i);
	cr_expect_not(has(&b, "1.2.3.4567"));
	done(&g, h, &b);
}

Test(deidentify, nothing_is_left_behind_the_last_frame)
{
	static const char pixels[] = "12345678Quickfox";
	struct dcm_header *h;
	struct buf b;
	struct gen g;

	gen_begin(&g, GEN_EXPLICIT);
	gen_put(&g, DCM_Rows, "2");
	gen_put(&g, DCM_Columns, "2");
	gen_put(&g, DCM_BitsAllocated, "16");
	gen_bytes(&g, DCM_PixelData, "OW", pixels, 16);
	gen_finish(&g);
	h = deidentify(&g, 0, &b);
	cr_expect_eq(h->pixels_len, 8);
	cr_expect_not(has(&b, "Quickfox"));
	done(&g, h, &b);
}

Test(deidentify, a_text_of_which_nothing_is_left_is_a_dummy)
{
	struct dcm_header *h;
	struct buf b;
	struct gen g;

	gen_begin(&g, GEN_EXPLICIT);
	gen_put(&g, DCM_PatientName, "Doele^Johnny");
	gen_put(&g, DCM_SequenceName, "Johnny Doele");
	gen_finish(&g);
	h = deidentify(&g, 0, &b);
	cr_assert(dcm_text_is(dcm_get(&h->top, DCM_SequenceName), 0, "ANON"));
	done(&g, h, &b);
}

/* What is told of an image of this modality and class. */
static void expect_flag(const char *modality, const char *class, const char *reason)
{
	struct editor_options o = { .deidentify = true, .keep = DEID_UIDS };
	static const uint8_t pixels[2];
	struct dcm_source *s;
	struct editor *e;
	struct buf b;
	struct gen g;

	gen_begin(&g, GEN_EXPLICIT);
	gen_put(&g, DCM_SOPClassUID, class);
	gen_put(&g, DCM_SOPInstanceUID, "1.2.3");
	gen_put(&g, DCM_Modality, modality);
	gen_bytes(&g, DCM_PixelData, "OB", pixels, sizeof pixels);
	gen_finish(&g);
	cr_assert_eq(editor_new(&o, &e, NULL), 0);
	cr_assert_eq(editor_filter(e, gen_source(&g), &s, NULL), 0);
	buf_init(&b);
	editor_flagged(e, &b);
	cr_expect(reason ? has(&b, reason) : b.len == 0, "%s %s", modality, class);
	dcm_source_close(s);
	editor_free(e);
	buf_release(&b);
	gen_release(&g);
}

Test(deidentify, pixels_that_may_show_a_name_are_told)
{
	expect_flag("US", "1.2.840.10008.5.1.4.1.1.6.1", "modality");
	expect_flag("MR", "1.2.840.10008.5.1.4.1.1.4", NULL);
	expect_flag("CT", "1.2.840.10008.5.1.4.1.1.7", "secondary capture");
	expect_flag("CT", "1.2.840.10008.5.1.4.1.1.7.4", "secondary capture");
	expect_flag("CT", "1.2.840.10008.5.1.4.1.1.77", NULL);
}

/* Damage in, a valid file out; each byte of a small header wrong in turn. */
Test(deidentify, damaged_files_make_no_trouble)
{
	struct editor_options o = { .deidentify = true, .rules = "replace VR:PN X" };
	struct editor *e;
	struct gen g;
	size_t i;

	write_person(&g);
	gen_finish(&g);
	cr_assert_eq(editor_new(&o, &e, NULL), 0);
	for (i = 132; i < g.out.len; i++) {
		struct dcm_source *in, *out;
		char was = g.out.data[i], byte;

		g.out.data[i] = (char)~was;
		cr_assert_eq(dcm_source_from_memory(g.out.data, g.out.len, &in, NULL), 0);
		if (editor_filter(e, in, &out, NULL) == 0) {
			cr_assert_eq(dcm_source_read_full(out, &byte, 1, out->size - 1, NULL), 0);
			dcm_source_close(out);
		}
		g.out.data[i] = was;
	}
	editor_free(e);
	gen_release(&g);
}
