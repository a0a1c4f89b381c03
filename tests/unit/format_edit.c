/* SPDX-License-Identifier: MIT */
/* Files rewritten: what rules say is what the new file has, and nothing else changes. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "dicom/dataset.h"
#include "dicom/source.h"
#include "dicom/tags.h"
#include "dicom/value.h"
#include "format/deidentify.h"
#include "format/edit.h"
#include "support/dcmgen.h"

#define PRIVATE_CREATOR DCM_TAG(0x0009, 0x0010)
#define PRIVATE DCM_TAG(0x0009, 0x1001)

static const uint8_t pixels[4] = { 1, 2, 3, 4 };

/* The file as the editor makes it, read again. */
static struct dcm_header *edit(struct gen *g, const struct editor_options *o)
{
	struct dcm_source *s;
	struct dcm_header *h;
	struct editor *e;
	struct err err = { 0 };

	cr_assert_eq(editor_new(o, &e, &err), 0, "%s", err.msg);
	cr_assert_eq(editor_filter(e, gen_source(g), &s, &err), 0, "%s", err.msg);
	editor_free(e);
	cr_assert_eq(dcm_header_read(s, DCM_LOAD_ALL, 0, &h, &err), 0, "%s", err.msg);
	cr_assert_eq(h->n_problems, 0, "%s", h->n_problems ? h->problems[0].text : "");
	return h;
}

static void write_sample(struct gen *g)
{
	gen_begin(g, GEN_EXPLICIT);
	gen_put(g, DCM_SpecificCharacterSet, "ISO_IR 100");
	gen_put(g, DCM_SOPClassUID, "1.2.840.10008.5.1.4.1.1.4");
	gen_put(g, DCM_SOPInstanceUID, "1.2.3");
	gen_put(g, DCM_StudyDescription,
		"h\xE9"
		"te");
	gen_sequence(g, DCM_ReferencedStudySequence);
	gen_item(g);
	gen_put(g, DCM_ReferencedSOPInstanceUID, "1.2.4");
	gen_put(g, DCM_PatientName, "Inner^One");
	gen_end(g);
	gen_item(g);
	gen_put(g, DCM_ReferencedSOPInstanceUID, "1.2.5");
	gen_put_vr(g, PRIVATE_CREATOR, "LO", "ACME");
	gen_put_vr(g, PRIVATE, "LO", "inner secret");
	gen_end(g);
	gen_end(g);
	gen_put_vr(g, PRIVATE_CREATOR, "LO", "ACME");
	gen_put_vr(g, PRIVATE, "LO", "secret");
	gen_put(g, DCM_PatientName, "Doe^John");
	gen_put(g, DCM_PatientID, "42");
	gen_put(g, DCM_Rows, "2");
	gen_put(g, DCM_Columns, "2");
	gen_put(g, DCM_BitsAllocated, "8");
	gen_bytes(g, DCM_PixelData, "OB", pixels, sizeof pixels);
	gen_finish(g);
}

static struct dcm_header *edit_sample(struct gen *g, const char *rules)
{
	struct editor_options o = { .rules = rules };

	write_sample(g);
	return edit(g, &o);
}

static void done(struct gen *g, struct dcm_header *h)
{
	dcm_header_free(h);
	gen_release(g);
}

/* UTF-8, "" where it is absent or empty. */
static void expect(const struct dcm_dataset *ds, uint32_t tag, const char *want)
{
	struct arena a = { 0 };
	const char *text = dcm_get_text(ds, tag, &a);

	cr_assert_str_eq(text ? text : "", want, "%08x", tag);
	arena_release(&a);
}

static const struct dcm_dataset *item(const struct dcm_header *h, uint32_t i)
{
	const struct dcm_dataset *ds = dcm_item(dcm_get(&h->top, DCM_ReferencedStudySequence), i);

	cr_assert_not_null(ds);
	return ds;
}

Test(edit, set_replaces_at_the_top_and_adds_what_is_absent)
{
	struct gen g;
	struct dcm_header *h = edit_sample(&g,
		"set PatientID S001\n"
		"set StationName here\n"
		"set Rows 7\n"
		"set EchoTime 1.5\n"
		"set (0010,0040) O\n");

	expect(&h->top, DCM_PatientID, "S001");
	expect(&h->top, DCM_StationName, "here");
	expect(&h->top, DCM_EchoTime, "1.5");
	expect(&h->top, DCM_PatientSex, "O");
	cr_assert_eq(dcm_get_int(&h->top, DCM_Rows, 0), 7);
	expect(&h->top, DCM_StudyDescription, "h\xC3\xA9te");
	expect(item(h, 0), DCM_PatientName, "Inner^One");
	done(&g, h);
}

static unsigned count(const struct dcm_header *h, uint32_t tag)
{
	unsigned n = 0;
	uint32_t i;

	for (i = 0; i < h->top.n_nodes; i++)
		n += h->top.nodes[i].el.tag == tag;
	return n;
}

Test(edit, the_last_of_two_rules_wins)
{
	struct gen g;
	struct dcm_header *h = edit_sample(&g,
		"set StudyDescription one\nreplace StudyDescription two\n");

	expect(&h->top, DCM_StudyDescription, "two");
	done(&g, h);
	h = edit_sample(&g, "replace PatientID one\nset PatientID two\nset PatientID three\n");
	expect(&h->top, DCM_PatientID, "three");
	cr_expect_eq(count(h, DCM_PatientID), 1);
	done(&g, h);
	h = edit_sample(&g,
		"set PatientID one\ndelete PatientID\nset Modality MR\ndelete (0008,xxxx)\n");
	cr_expect_eq(count(h, DCM_PatientID), 0);
	cr_expect_eq(count(h, DCM_Modality), 0);
	done(&g, h);
	h = edit_sample(&g, "set PatientName M\xC3\xBCller\nset SpecificCharacterSet ISO_IR 100\n");
	cr_expect_eq(count(h, DCM_SpecificCharacterSet), 1);
	expect(&h->top, DCM_PatientName, "M\xC3\xBCller");
	done(&g, h);
	h = edit_sample(&g, "replace PatientName one\nreplace VR:PN two\n");
	expect(&h->top, DCM_PatientName, "two");
	done(&g, h);
}

Test(edit, replace_changes_what_is_there_at_any_level_and_adds_nothing)
{
	struct gen g;
	struct dcm_header *h = edit_sample(&g,
		"replace PatientName X^Y\nreplace StationName here\n");

	expect(&h->top, DCM_PatientName, "X^Y");
	expect(item(h, 0), DCM_PatientName, "X^Y");
	cr_assert_null(dcm_get(item(h, 1), DCM_PatientName));
	cr_assert_null(dcm_get(&h->top, DCM_StationName));
	done(&g, h);
}

Test(edit, replace_by_vr_takes_every_value_of_it)
{
	struct gen g;
	struct dcm_header *h = edit_sample(&g, "replace VR:PN ANON\n");

	expect(&h->top, DCM_PatientName, "ANON");
	expect(item(h, 0), DCM_PatientName, "ANON");
	expect(&h->top, DCM_PatientID, "42");
	done(&g, h);
}

Test(edit, delete_by_keyword_tag_wildcard_and_vr)
{
	struct gen g;
	struct dcm_header *h = edit_sample(&g, "delete PatientName\n");

	cr_assert_null(dcm_get(&h->top, DCM_PatientName));
	cr_assert_null(dcm_get(item(h, 0), DCM_PatientName));
	done(&g, h);
	h = edit_sample(&g, "delete (0010,0020)\n");
	cr_assert_null(dcm_get(&h->top, DCM_PatientID));
	cr_assert(dcm_get(&h->top, DCM_PatientName));
	done(&g, h);
	h = edit_sample(&g, "delete (0010,xXx*)\n");
	cr_assert_null(dcm_get(&h->top, DCM_PatientID));
	cr_assert_null(dcm_get(&h->top, DCM_PatientName));
	cr_assert_null(dcm_get(item(h, 0), DCM_PatientName));
	done(&g, h);
	h = edit_sample(&g, "delete VR:PN\n");
	cr_assert_null(dcm_get(item(h, 0), DCM_PatientName));
	done(&g, h);
	h = edit_sample(&g, "delete ReferencedStudySequence\n");
	cr_assert_null(dcm_get(&h->top, DCM_ReferencedStudySequence));
	done(&g, h);
}

Test(edit, delete_private_takes_creators_and_items_too)
{
	struct gen g;
	struct dcm_header *h = edit_sample(&g, "delete private\n");

	cr_assert_null(dcm_get(&h->top, PRIVATE));
	cr_assert_null(dcm_get(&h->top, PRIVATE_CREATOR));
	cr_assert_null(dcm_get(item(h, 1), PRIVATE));
	cr_assert_null(dcm_get(item(h, 1), PRIVATE_CREATOR));
	expect(item(h, 1), DCM_ReferencedSOPInstanceUID, "1.2.5");
	done(&g, h);
}

Test(edit, nested_paths_reach_one_item_or_all)
{
	struct gen g;
	struct dcm_header *h = edit_sample(&g,
		"delete ReferencedStudySequence[2].ReferencedSOPInstanceUID\n");

	expect(item(h, 0), DCM_ReferencedSOPInstanceUID, "1.2.4");
	cr_assert_null(dcm_get(item(h, 1), DCM_ReferencedSOPInstanceUID));
	done(&g, h);
	h = edit_sample(&g, "set ReferencedStudySequence[*].ReferencedSOPInstanceUID 1.9\n");
	expect(item(h, 0), DCM_ReferencedSOPInstanceUID, "1.9");
	expect(item(h, 1), DCM_ReferencedSOPInstanceUID, "1.9");
	done(&g, h);
	h = edit_sample(&g, "replace ReferencedStudySequence[1].PatientName N\n");
	expect(item(h, 0), DCM_PatientName, "N");
	expect(&h->top, DCM_PatientName, "Doe^John");
	done(&g, h);
}

Test(edit, a_value_beyond_the_files_characters_makes_the_file_utf8)
{
	struct gen g;
	struct dcm_header *h = edit_sample(&g, "set PatientName \xE5\xB1\xB1\xE7\x94\xB0\n");

	expect(&h->top, DCM_SpecificCharacterSet, "ISO_IR 192");
	expect(&h->top, DCM_PatientName, "\xE5\xB1\xB1\xE7\x94\xB0");
	expect(&h->top, DCM_StudyDescription, "h\xC3\xA9te");
	done(&g, h);
}

Test(edit, a_cleaned_text_becomes_utf8_with_the_rest)
{
	struct editor_options o = { .rules = "set StudyID \xC3\xBC",
		.deidentify = true,
		.keep = DEID_DESCRIPTORS };
	struct dcm_header *h;
	struct gen g;

	gen_begin(&g, GEN_EXPLICIT);
	gen_put(&g, DCM_SpecificCharacterSet, "ISO_IR 100");
	gen_put(&g, DCM_StudyDescription, "t\xEAte of Miller");
	gen_put(&g, DCM_PatientName, "Miller^Eva");
	gen_finish(&g);
	h = edit(&g, &o);
	expect(&h->top, DCM_StudyDescription, "t\xC3\xAAte of");
	expect(&h->top, DCM_StudyID, "\xC3\xBC");
	done(&g, h);
}

Test(edit, the_meta_information_follows_the_instance)
{
	struct gen g;
	struct dcm_header *h = edit_sample(&g, "set SOPInstanceUID 1.2.99\n");

	cr_assert(dcm_text_is(dcm_get(&h->meta, DCM_MediaStorageSOPInstanceUID), 0, "1.2.99"));
	cr_assert(dcm_text_is(dcm_get(&h->top, DCM_SOPInstanceUID), 0, "1.2.99"));
	done(&g, h);
}

Test(edit, pixels_stay_byte_for_byte_in_any_transfer_syntax)
{
	static const uint8_t fragment[6] = { 9, 8, 7, 6, 5, 4 };
	struct editor_options o = { .rules = "set PatientID S001" };
	uint8_t got[14];
	struct dcm_header *h;
	struct gen g;

	h = edit_sample(&g, o.rules);
	cr_assert_eq(h->pixels_len, 4);
	cr_assert_eq(dcm_source_read_full(h->file.source, got, 4, h->pixels_off, NULL), 0);
	cr_assert_eq(memcmp(got, pixels, 4), 0);
	done(&g, h);
	gen_begin(&g, GEN_RLE);
	gen_put(&g, DCM_Rows, "2");
	gen_encapsulated(&g, DCM_PixelData);
	gen_offsets(&g, NULL, 0);
	gen_fragment(&g, fragment, sizeof fragment);
	gen_end(&g);
	gen_finish(&g);
	h = edit(&g, &o);
	cr_assert(dcm_text_is(dcm_get(&h->meta, DCM_TransferSyntaxUID), 0, GEN_RLE));
	cr_assert_eq(dcm_get(&h->top, DCM_PixelData)->n_fragments, 1);
	done(&g, h);
}

/* An image of this syntax, edited, and read again as the index reads it. */
static struct dcm_header *edit_pixels(struct gen *g, const char *syntax, uint32_t tag,
	const char *vr, const void *bytes, size_t len)
{
	struct editor_options o = { .rules = "set PatientID S001", .deidentify = true };

	gen_begin(g, syntax);
	gen_put(g, DCM_SOPInstanceUID, "1.2.3");
	gen_put(g, DCM_Rows, "1");
	gen_put(g, DCM_Columns, "4");
	gen_put(g, DCM_BitsAllocated, "16");
	gen_bytes(g, tag, vr, bytes, len);
	gen_finish(g);
	return edit(g, &o);
}

static void expect_pixels(const struct dcm_header *h, const char *syntax, const void *want,
	size_t len)
{
	uint8_t got[64];

	cr_expect(dcm_text_is(dcm_get(&h->meta, DCM_TransferSyntaxUID), 0, syntax), "%s", syntax);
	cr_assert_eq(h->pixels_len, len, "%s: %d", syntax, (int)h->pixels_len);
	cr_assert_eq(dcm_source_read_full(h->file.source, got, len, h->pixels_off, NULL), 0);
	cr_expect_arr_eq(got, want, len, "%s", syntax);
}

Test(edit, pixels_are_found_again_whatever_their_file_was)
{
	static const uint8_t big[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	static const uint8_t little[8] = { 2, 1, 4, 3, 6, 5, 8, 7 };
	static const char *const vrs[] = { "OB", "OW" };
	static const char philips[] = "1.3.46.670589.33.1.4.1";
	struct dcm_header *h;
	struct gen g;
	size_t i;

	for (i = 0; i < 2; i++) {
		h = edit_pixels(&g, GEN_BIG_ENDIAN, DCM_PixelData, vrs[i], big, 8);
		expect_pixels(h, GEN_EXPLICIT, little, 8);
		done(&g, h);
	}
	h = edit_pixels(&g, GEN_BIG_ENDIAN, DCM_PixelData, "OW", "\2\1\4\3\6\5\0\7", 8);
	expect_pixels(h, GEN_EXPLICIT, "\1\2\3\4\5\6\7\0", 8);
	done(&g, h);
	h = edit_pixels(&g, GEN_RLE, DCM_PixelData, "OB", big, 6);
	expect_pixels(h, GEN_RLE, big, 6);
	done(&g, h);
	h = edit_pixels(&g, philips, DCM_TAG(0x07A1, 0x100A), "OB", big, 6);
	expect_pixels(h, philips, big, 6);
	done(&g, h);
}

/* Implicit VR, but for the pixels little-endian. */
Test(edit, big_endian_pixels_in_a_little_endian_file)
{
	static const uint8_t big[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	static const uint8_t little[8] = { 2, 1, 4, 3, 6, 5, 8, 7 };
	struct editor_options o = { .rules = "set PatientID S001" };
	struct dcm_header *h;
	struct gen g;

	gen_begin(&g, "1.2.840.113619.5.2");
	g.explicit_vr = false;
	gen_put(&g, DCM_SOPInstanceUID, "1.2.3");
	gen_put(&g, DCM_Rows, "1");
	gen_put(&g, DCM_Columns, "4");
	gen_put(&g, DCM_BitsAllocated, "16");
	gen_bytes(&g, DCM_PixelData, "OW", big, sizeof big);
	gen_finish(&g);
	h = edit(&g, &o);
	expect_pixels(h, GEN_EXPLICIT, little, sizeof little);
	done(&g, h);
}

Test(edit, fragments_in_a_syntax_that_has_none)
{
	struct editor_options o = { .rules = "set PatientID S001" };
	struct dcm_header *h;
	struct gen g;

	gen_begin(&g, GEN_IMPLICIT);
	gen_put(&g, DCM_SOPInstanceUID, "1.2.3");
	gen_put(&g, DCM_Rows, "1");
	gen_encapsulated(&g, DCM_PixelData);
	gen_offsets(&g, NULL, 0);
	gen_fragment(&g, "abcd", 4);
	gen_end(&g);
	gen_finish(&g);
	h = edit(&g, &o);
	cr_expect(dcm_text_is(dcm_get(&h->meta, DCM_TransferSyntaxUID), 0, GEN_EXPLICIT));
	expect(&h->top, DCM_PatientID, "S001");
	cr_expect_eq(dcm_get(&h->top, DCM_PixelData)->n_fragments, 1);
	done(&g, h);
}

Test(edit, a_deleted_instance_uid_is_in_the_meta_information_neither)
{
	struct gen g;
	struct dcm_header *h = edit_sample(&g, "delete SOPInstanceUID\n");

	expect(&h->meta, DCM_MediaStorageSOPInstanceUID, "");
	done(&g, h);
}

/* Any range of the edited file is that of the whole. */
Test(edit, ranges_are_parts_of_the_whole)
{
	struct editor_options o = { .rules = "set PatientID S001\ndelete private" };
	struct dcm_source *s;
	struct editor *e;
	char *all, part[50];
	struct gen g;
	uint64_t off;

	write_sample(&g);
	cr_assert_eq(editor_new(&o, &e, NULL), 0);
	cr_assert_eq(editor_filter(e, gen_source(&g), &s, NULL), 0);
	all = mem_alloc((size_t)s->size);
	cr_assert_eq(dcm_source_read_full(s, all, (size_t)s->size, 0, NULL), 0);
	for (off = 0; off + sizeof part <= s->size; off += 7) {
		cr_assert_eq(dcm_source_read_full(s, part, sizeof part, off, NULL), 0);
		cr_assert_eq(memcmp(part, all + off, sizeof part), 0);
	}
	mem_free(all);
	dcm_source_close(s);
	editor_free(e);
	gen_release(&g);
}

static void refuses(const char *rules, int want, const char *text)
{
	struct editor_options o = { .rules = rules };
	struct editor *e = NULL;
	struct err err = { 0 };

	cr_assert_eq(editor_new(&o, &e, &err), want, "%s", rules);
	cr_assert(strstr(err.msg, text), "%s: %s", rules, err.msg);
}

Test(edit, what_cannot_be_understood_is_refused_with_its_line)
{
	refuses("erase PatientID", -EINVAL, "line 1: erase");
	refuses("# no\n\n  delete NoSuchThing\n", -EINVAL, "line 3: NoSuchThing");
	refuses("set PatientID 1\ndelete PatientID 2\n", -EINVAL, "line 2: delete takes no value");
	refuses("set (0010,00xx) 2", -EINVAL, "line 1: set takes one attribute");
	refuses("set VR:PN 2", -EINVAL, "set takes one attribute");
	refuses("delete VR:ZZ", -EINVAL, "no such attribute");
	refuses("replace private X", -EINVAL, "private elements");
	refuses("set (0009,1001) X", -EINVAL, "value representation");
	refuses("set TransferSyntaxUID 1.2", -EINVAL, "file meta information");
	refuses("delete (0002,0010)", -EINVAL, "file meta information");
	refuses("set ReferencedStudySequence X", -EINVAL, "cannot have that value");
	refuses("set Rows 65536", -EINVAL, "cannot have that value");
	refuses("set Rows two", -EINVAL, "cannot have that value");
	refuses("set EchoTime soon", -EINVAL, "cannot have that value");
	refuses("set PatientBirthDate yesterday", -EINVAL, "cannot have that value");
	refuses("set SOPInstanceUID me", -EINVAL, "cannot have that value");
	refuses("delete ReferencedStudySequence[0].PatientName", -EINVAL, "no such attribute");
	refuses("delete ReferencedStudySequence[1]", -EINVAL, "no such attribute");
	refuses("set", -EINVAL, "no such attribute");
}

Test(edit, a_rule_too_many_is_refused)
{
	struct buf b;
	int i;

	buf_init(&b);
	for (i = 0; i < 257; i++)
		buf_adds(&b, "delete PatientID\n");
	buf_addc(&b, '\0');
	refuses(b.data, -EFBIG, "line 257: more than 256");
	buf_release(&b);
}

Test(edit, comments_blank_lines_and_carriage_returns_are_no_matter)
{
	struct gen g;
	struct dcm_header *h = edit_sample(&g,
		"\n# all of it\r\n \t\r\n\tset  PatientID \t A B \r\ndelete StudyDescription");

	expect(&h->top, DCM_PatientID, "A B");
	cr_assert_null(dcm_get(&h->top, DCM_StudyDescription));
	done(&g, h);
}

Test(edit, a_value_that_its_element_cannot_have_leaves_it)
{
	struct gen g;
	struct dcm_header *h = edit_sample(&g, "replace (0028,xxxx) many\n");

	cr_assert_eq(dcm_get_int(&h->top, DCM_Rows, 0), 2);
	done(&g, h);
}

Test(edit, a_set_without_a_value_empties)
{
	struct gen g;
	struct dcm_header *h = edit_sample(&g, "set PatientID\nset StationName");

	cr_assert_not_null(dcm_get(&h->top, DCM_PatientID));
	cr_assert_eq(dcm_get(&h->top, DCM_PatientID)->el.len, 0);
	cr_assert_not_null(dcm_get(&h->top, DCM_StationName));
	done(&g, h);
}

Test(edit, want_of_memory_is_told_at_any_point)
{
	struct editor_options o = { .rules = "set PatientID \xC3\xBC\ndelete private",
		.deidentify = true,
		.key = "k",
		.key_len = 1 };
	unsigned long n;
	int rc = -ENOMEM;

	for (n = 1; rc != 0; n++) {
		struct dcm_source *in, *out = NULL;
		struct editor *e = NULL;
		struct gen g;

		cr_assert_lt(n, 10000);
		write_sample(&g);
		in = gen_source(&g);
		mem_fail_after(n);
		rc = editor_new(&o, &e, NULL);
		if (rc == 0)
			rc = editor_filter(e, in, &out, NULL);
		else
			dcm_source_close(in);
		mem_fail_after(0);
		cr_assert(rc == 0 || rc == -ENOMEM, "%d at %lu", rc, n);
		if (rc == 0)
			dcm_source_close(out);
		editor_free(e);
		gen_release(&g);
	}
	cr_assert_gt(n, 10);
}

Test(edit, what_is_set_in_an_item_is_made_where_it_is_absent)
{
	struct gen g;
	struct dcm_header *h = edit_sample(&g,
		"set ProcedureCodeSequence[2].CodeValue T-1\n"
		"set ProcedureCodeSequence[2].CodeMeaning Head\n"
		"set ReferencedStudySequence[*].PatientID 7\n"
		"set RequestAttributesSequence[*].PatientID 7\n"
		"set ReferencedStudySequence[3].PurposeOfReferenceCodeSequence[1].CodeValue X\n");
	const struct dcm_node *codes = dcm_get(&h->top, DCM_ProcedureCodeSequence);
	const struct dcm_dataset *purpose;

	cr_assert(codes && codes->n_items == 2 && codes->items[0].n_nodes == 0);
	expect(&codes->items[1], DCM_CodeValue, "T-1");
	expect(&codes->items[1], DCM_CodeMeaning, "Head");
	expect(item(h, 0), DCM_PatientID, "7");
	expect(item(h, 1), DCM_PatientID, "7");
	expect(item(h, 0), DCM_ReferencedSOPInstanceUID, "1.2.4");
	purpose = dcm_first_item(item(h, 2), DCM_PurposeOfReferenceCodeSequence);
	cr_assert_not_null(purpose);
	expect(purpose, DCM_CodeValue, "X");
	cr_expect_null(dcm_get(&h->top, DCM_RequestAttributesSequence));
	done(&g, h);
}

Test(edit, the_meta_information_says_the_class_that_was_set)
{
	struct gen g;
	struct dcm_header *h = edit_sample(&g, "set SOPClassUID 1.2.840.10008.5.1.4.1.1.7\n");

	expect(&h->top, DCM_SOPClassUID, "1.2.840.10008.5.1.4.1.1.7");
	expect(&h->meta, DCM_MediaStorageSOPClassUID, "1.2.840.10008.5.1.4.1.1.7");
	done(&g, h);
}
