/* SPDX-License-Identifier: MIT */
/* The record of a file: which element goes where, what stands in for what, and what is remembered
 * wrongly. */
#include <criterion/criterion.h>

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "dicom/source.h"
#include "dicom/tags.h"
#include "index/instance.h"
#include "index/intern.h"
#include "support/dcmgen.h"

static struct interns *interns;
static struct instance_reader *reader;

static void begin(void)
{
	cr_assert_eq(interns_new(&interns, NULL), 0);
	cr_assert_eq(instance_reader_new(interns, &reader, NULL), 0);
}

static void end(void)
{
	instance_reader_free(reader);
	interns_free(interns);
}

TestSuite(index_instance, .init = begin, .fini = end);

static int try_read(struct gen *g, struct instance **out, struct err *err)
{
	struct instance_file file = { .dir = intern_text(interns, "", 0),
		.file = "IM1",
		.size = 77,
		.ino = 5,
		.mtime_ns = 9 };

	return instance_read(reader, gen_source(g), &file, out, err);
}

static struct instance *read_one(struct gen *g)
{
	struct instance *in;
	struct err err;

	cr_assert_eq(try_read(g, &in, &err), 0, "%s", err.msg);
	return in;
}

static void expect_text(const char *got, const char *want)
{
	cr_expect(got && strcmp(got, want) == 0, "\"%s\" and not \"%s\"", got ? got : "(none)",
		want);
}

Test(index_instance, takes_an_image_in_every_encoding)
{
	static const char *const syntaxes[] = { GEN_EXPLICIT, GEN_IMPLICIT, GEN_BIG_ENDIAN,
		GEN_DEFLATED };
	struct gen_instance what = {
		.rows = 6,
		.cols = 8,
		.number = 12,
		.series = 3,
		.position = { 1, -2, 3.5 },
		.spacing = 2,
		.bits = 16,
	};
	struct instance *in;
	struct gen g;
	size_t i;

	for (i = 0; i < sizeof syntaxes / sizeof *syntaxes; i++) {
		what.syntax = syntaxes[i];
		gen_instance_begin(&g, &what);
		gen_instance_end(&g, &what);
		in = read_one(&g);
		expect_text(in->attr->transfer_syntax, syntaxes[i]);
		expect_text(in->attr->modality, "MR");
		expect_text(in->file, "IM1");
		cr_expect_not_null(in->sop_uid);
		cr_expect_eq(in->attr->pixel.rows, 6);
		cr_expect_eq(in->attr->pixel.cols, 8);
		cr_expect_eq(in->attr->pixel.bits_stored, 16);
		cr_expect_eq(in->number, 12);
		cr_expect_eq(in->position[1], -2);
		cr_expect_eq(in->attr->orientation[4], 1);
		cr_expect_eq(in->attr->pixel_spacing[0], 2);
		cr_expect_gt(in->pixels_off, 0);
		cr_expect_eq(in->pixels_len, 96);
		cr_expect_eq(in->n_frames, 1);
		cr_expect_eq(in->n_problems, 0);
		cr_expect_eq(in->deflated, i == 3);
		cr_expect_eq(in->attr->pixel.big_endian, i == 2);
		cr_expect_eq(in->size, 77);
		cr_expect(isnan(in->slope));
		instance_put(in);
		gen_release(&g);
	}
}

Test(index_instance, shares_what_files_have_in_common)
{
	struct gen_instance what = { .number = 1 };
	struct instance *in[2];
	struct gen g;
	int i;

	for (i = 0; i < 2; i++) {
		what.number = i + 1;
		gen_instance_begin(&g, &what);
		gen_instance_end(&g, &what);
		in[i] = read_one(&g);
		gen_release(&g);
	}
	cr_assert_eq(in[0]->attr, in[1]->attr);
	cr_assert_neq(in[0]->number, in[1]->number);
	instance_put(in[0]);
	instance_put(in[1]);
}

/* A text is remembered by its bytes: under another character set they are another text. */
Test(index_instance, does_not_mix_character_sets_of_two_files)
{
	static const char *const sets[] = { "ISO_IR 100", "ISO_IR 144", NULL, "ISO_IR 100" };
	static const char *const want[] = { "\xC3\xA4", "\xD1\x84", "\xC3\xA4", "\xC3\xA4" };
	struct instance *in;
	struct gen g;
	size_t i;

	for (i = 0; i < 4; i++) {
		gen_begin(&g, GEN_EXPLICIT);
		if (sets[i])
			gen_put(&g, DCM_SpecificCharacterSet, sets[i]);
		gen_put(&g, DCM_SOPInstanceUID, "1.2");
		gen_put(&g, DCM_SeriesDescription, "\xE4");
		in = read_one(&g);
		expect_text(in->attr->series_description, want[i]);
		instance_put(in);
		gen_release(&g);
	}
}

/* PS3.5 6.1.2.2: codes, dates, UIDs are in the default repertoire; out of it they read as in a dump. */
Test(index_instance, the_character_set_is_of_free_texts_alone)
{
	struct instance *in;
	struct gen g;

	gen_begin(&g, GEN_EXPLICIT);
	gen_put(&g, DCM_SpecificCharacterSet, "GB18030");
	gen_put(&g, DCM_SOPInstanceUID, "1.2");
	gen_put(&g, DCM_SeriesDescription, "\xD5\xC5");
	gen_put(&g, DCM_BodyPartExamined, "\xD5\xC5");
	in = read_one(&g);
	expect_text(in->attr->series_description, "\xE5\xBC\xA0");
	expect_text(in->attr->body_part, "\xC3\x95\xC3\x85");
	instance_put(in);
	gen_release(&g);
}

Test(index_instance, forgets_what_the_next_file_does_not_say)
{
	struct instance *in;
	struct gen g;

	gen_begin(&g, GEN_EXPLICIT);
	gen_put(&g, DCM_Modality, "CT");
	gen_put(&g, DCM_EchoTime, "3");
	gen_put(&g, DCM_InstanceNumber, "4");
	instance_put(read_one(&g));
	gen_release(&g);
	gen_begin_bare(&g, true, false);
	gen_put(&g, DCM_Modality, "");
	gen_put(&g, DCM_StudyID, "x");
	in = read_one(&g);
	cr_expect_null(in->attr->modality);
	cr_expect(isnan(in->attr->echo_time));
	cr_expect_eq(in->number, INSTANCE_NO_INT);
	cr_expect_null(in->sop_uid);
	instance_put(in);
	gen_release(&g);
}

Test(index_instance, trims_texts_and_keeps_the_first_of_two)
{
	struct instance *in;
	struct gen g;

	gen_begin(&g, GEN_EXPLICIT);
	gen_bytes(&g, DCM_SeriesDescription, "LO", "  two  words \0\0", 15);
	gen_put(&g, DCM_ImageType, "ORIGINAL\\PRIMARY\\M");
	gen_put(&g, DCM_SeriesDescription, "another");
	gen_put(&g, DCM_SeriesNumber, " +7 ");
	in = read_one(&g);
	expect_text(in->attr->series_description, "two  words");
	expect_text(in->attr->image_type, "ORIGINAL\\PRIMARY\\M");
	cr_expect_eq(in->attr->series_number, 7);
	instance_put(in);
	gen_release(&g);
}

/* Nobody passes over what stands where its tag does not belong, nor behind what is passed over. */
Test(index_instance, finds_what_it_wants_in_any_order)
{
	static const uint32_t tags[] = { DCM_TAG(0x0008, 0x0000), DCM_SpecificCharacterSet,
		DCM_TAG(0x0009, 0x0010), DCM_TAG(0x0009, 0x1001), DCM_OperatorsName, DCM_PatientID,
		DCM_Rows, DCM_TAG(0x0019, 0x1001), DCM_InstanceNumber, DCM_SliceLocation,
		DCM_AcquisitionNumber, DCM_StudyID };
	static const char *const values[] = { "20", "ISO_IR 100", "SOMEBODY", "a", "B", "\xE4",
		"64", "b", "7", "5.5", "3", "C" };
	unsigned n = sizeof tags / sizeof *tags, first, i;
	struct instance *in;
	struct gen g;

	for (first = 0; first < n; first++) {
		gen_begin(&g, GEN_EXPLICIT);
		gen_put(&g, DCM_SOPInstanceUID, "1.2");
		for (i = 0; i < n; i++) {
			uint32_t tag = tags[(first + i) % n];

			if (tag & 0x10000 && (tag & 0xFF00))
				gen_put_vr(&g, tag, "LO", values[(first + i) % n]);
			else
				gen_put(&g, tag, values[(first + i) % n]);
		}
		in = read_one(&g);
		cr_expect_eq(in->attr->pixel.rows, 0, "there are no pixels");
		cr_expect_eq(in->number, 7, "from %u", first);
		cr_expect_eq(in->acquisition_number, 3, "from %u", first);
		expect_text(in->attr->study_id, "C");
		expect_text(in->attr->patient_id, "\xC3\xA4");
		instance_put(in);
		gen_release(&g);
	}
}

Test(index_instance, meta_information_stands_in_for_identity)
{
	struct instance *in;
	struct gen g;

	gen_begin(&g, GEN_EXPLICIT);
	gen_put(&g, DCM_StudyID, "x");
	in = read_one(&g);
	expect_text(in->sop_uid, "1.2.3.4.5");
	expect_text(in->attr->sop_class, "1.2.840.10008.5.1.4.1.1.4");
	instance_put(in);
	gen_release(&g);
}

Test(index_instance, spacing_has_three_sources_in_order)
{
	struct instance *in;
	struct gen g;
	int i;

	for (i = 0; i < 3; i++) {
		gen_begin(&g, GEN_EXPLICIT);
		if (i < 2)
			gen_put(&g, DCM_ImagerPixelSpacing, "2\\2");
		gen_put(&g, DCM_NominalScannedPixelSpacing, "3\\3");
		if (i < 1)
			gen_put(&g, DCM_PixelSpacing, "1\\1");
		in = read_one(&g);
		cr_expect_eq(in->attr->pixel_spacing[0], i + 1);
		instance_put(in);
		gen_release(&g);
	}
}

Test(index_instance, shared_functional_groups_fill_in_and_do_not_override)
{
	struct instance *in;
	struct gen g;

	gen_begin(&g, GEN_EXPLICIT);
	gen_put(&g, DCM_SliceThickness, "5");
	gen_put(&g, DCM_NumberOfFrames, "2");
	gen_sequence(&g, DCM_SharedFunctionalGroupsSequence);
	gen_item(&g);
	gen_sequence_undefined(&g, DCM_PlaneOrientationSequence);
	gen_item(&g);
	gen_put(&g, DCM_ImageOrientationPatient, "0\\1\\0\\0\\0\\1");
	gen_end(&g);
	gen_end(&g);
	gen_sequence(&g, DCM_PixelMeasuresSequence);
	gen_item(&g);
	gen_put(&g, DCM_SliceThickness, "9");
	gen_put(&g, DCM_PixelSpacing, "0.5\\0.25");
	gen_end(&g);
	gen_end(&g);
	gen_sequence(&g, DCM_MREchoSequence);
	gen_item(&g);
	gen_put(&g, DCM_EffectiveEchoTime, "30.5");
	gen_end(&g);
	gen_end(&g);
	gen_end(&g);
	gen_end(&g);
	gen_sequence(&g, DCM_PerFrameFunctionalGroupsSequence);
	gen_item(&g);
	gen_sequence(&g, DCM_PlanePositionSequence);
	gen_item(&g);
	gen_put(&g, DCM_ImagePositionPatient, "1\\2\\3");
	gen_end(&g);
	gen_end(&g);
	gen_end(&g);
	gen_end(&g);
	in = read_one(&g);
	cr_expect_eq(in->attr->orientation[1], 1);
	cr_expect_eq(in->attr->slice_thickness, 5);
	cr_expect_eq(in->attr->pixel_spacing[1], 0.25);
	cr_expect_eq(in->attr->echo_time, 30.5);
	cr_expect(isnan(in->position[0]), "a frame's position is not the instance's");
	cr_expect_eq(in->n_frames, 2);
	instance_put(in);
	gen_release(&g);
}

/* The icon's pixels, and what other sequences say, are not the image's. */
Test(index_instance, nested_elements_are_not_the_data_sets)
{
	struct instance *in;
	struct gen g;

	gen_begin(&g, GEN_EXPLICIT);
	gen_sequence_undefined(&g, DCM_IconImageSequence);
	gen_item_undefined(&g);
	gen_put(&g, DCM_Rows, "99");
	gen_put(&g, DCM_PixelData, "1234");
	gen_end(&g);
	gen_end(&g);
	gen_put(&g, DCM_Rows, "2");
	gen_put(&g, DCM_Columns, "1");
	gen_put(&g, DCM_BitsAllocated, "16");
	gen_bytes(&g, DCM_PixelData, "OW", "abcd", 4);
	in = read_one(&g);
	cr_expect_eq(in->attr->pixel.rows, 2);
	cr_expect_eq(in->pixels_len, 4);
	cr_expect_eq(memcmp(g.out.data + in->pixels_off, "abcd", 4), 0);
	instance_put(in);
	gen_release(&g);
}

static void put_private(struct gen *g, uint32_t block, const char *creator)
{
	if (creator)
		gen_put(g, 0x20050000 | block, creator);
	gen_put_vr(g, 0x20050000 | block << 8 | 0x13, "IS", "6");
	gen_put_vr(g, 0x20050000 | block << 8 | 0x29, "CS", "CONTROL");
}

Test(index_instance, private_elements_go_by_their_creator)
{
	static const struct {
		uint32_t block;
		const char *creator;
		int32_t want;
	} cases[] = {
		{ 0x14, "Philips MR Imaging DD 005", 6 },
		{ 0x77, "Philips MR Imaging DD 005", 6 },
		{ 0x14, "Philips MR Imaging DD 001", INSTANCE_NO_INT },
		{ 0x10, NULL, 6 },
		{ 0x14, NULL, INSTANCE_NO_INT },
	};
	struct instance *in;
	struct gen g;
	size_t i;

	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		gen_begin(&g, GEN_EXPLICIT);
		gen_put(&g, DCM_Modality, "MR");
		put_private(&g, cases[i].block, cases[i].creator);
		in = read_one(&g);
		cr_expect_eq(in->vendor_volume, cases[i].want, "case %zu: %d", i,
			in->vendor_volume);
		cr_expect_eq(in->label,
			cases[i].want == 6 ? IMAGE_LABEL_CONTROL : IMAGE_LABEL_NONE);
		instance_put(in);
		gen_release(&g);
	}
}

Test(index_instance, b_value_of_the_maker_yields_to_the_public_one_but_for_nominal_ones)
{
	struct instance *in;
	struct gen g;

	gen_begin(&g, GEN_EXPLICIT);
	gen_put(&g, DCM_DiffusionBValue, "1000");
	gen_put(&g, 0x00190010, "SIEMENS MR HEADER");
	gen_put_vr(&g, 0x0019100c, "IS", "700");
	in = read_one(&g);
	cr_expect_eq(in->b_value, 1000);
	instance_put(in);
	gen_put(&g, 0x00650010, "Image Private Header");
	gen_put_vr(&g, 0x00651009, "FD", "995");
	in = read_one(&g);
	cr_expect_eq(in->b_value, 995);
	instance_put(in);
	gen_release(&g);
	gen_begin(&g, GEN_EXPLICIT);
	gen_put(&g, 0x00430010, "GEMS_PARM_01");
	gen_put_vr(&g, 0x00431039, "IS", "1000000800\\8\\0\\0");
	in = read_one(&g);
	cr_expect_eq(in->b_value, 800);
	instance_put(in);
	gen_release(&g);
}

Test(index_instance, frames_are_believed_as_far_as_the_file_goes)
{
	struct instance *in;
	struct gen g;

	gen_begin(&g, GEN_EXPLICIT);
	gen_put(&g, DCM_NumberOfFrames, "2000000000");
	gen_put(&g, DCM_Rows, "1");
	gen_put(&g, DCM_Columns, "1");
	in = read_one(&g);
	cr_expect_leq(in->n_frames, g.out.len);
	cr_expect_eq(in->attr->pixel.rows, 0, "no pixels, no image");
	instance_put(in);
	gen_release(&g);
}

Test(index_instance, damage_is_told_and_what_is_before_it_kept)
{
	struct gen_instance what = { .number = 8 };
	struct instance *in;
	struct gen g;

	gen_instance_begin(&g, &what);
	gen_instance_end(&g, &what);
	g.out.len -= 10;
	in = read_one(&g);
	cr_expect_eq(in->number, 8);
	cr_expect_gt(in->n_problems, 0);
	cr_expect_gt(instance_problems(in)[0].off, 0);
	cr_expect_gt(strlen(instance_problems(in)[0].text), 10);
	instance_put(in);
	gen_release(&g);
}

Test(index_instance, encapsulated_pixels_are_noted_where_their_items_begin)
{
	struct instance *in;
	struct gen g;

	gen_begin(&g, GEN_RLE);
	gen_put(&g, DCM_Rows, "1");
	gen_put(&g, DCM_Columns, "1");
	gen_encapsulated(&g, DCM_PixelData);
	gen_offsets(&g, NULL, 0);
	gen_fragment(&g, "abcd", 4);
	gen_end(&g);
	in = read_one(&g);
	cr_expect(in->compressed);
	cr_expect_eq(memcmp(g.out.data + in->pixels_off, "\xFE\xFF\x00\xE0", 4), 0);
	instance_put(in);
	gen_release(&g);
}

Test(index_instance, refuses_what_is_no_instance)
{
	struct instance *in;
	struct err err;
	struct gen g;

	gen_begin(&g, GEN_EXPLICIT);
	gen_sequence(&g, DCM_DirectoryRecordSequence);
	gen_end(&g);
	cr_expect_eq(try_read(&g, &in, &err), -EISDIR);
	gen_release(&g);
	memset(&g, 0, sizeof g);
	gen_raw(&g, "#!/bin/sh\nexit 0\n", 17);
	cr_expect_eq(try_read(&g, &in, &err), -EPROTO);
	gen_release(&g);
}

Test(index_instance, overlays_are_noted)
{
	struct instance *in;
	struct gen g;

	gen_begin(&g, GEN_EXPLICIT);
	gen_bytes(&g, DCM_OverlayData, "OW", "ab", 2);
	gen_bytes(&g, DCM_OverlayData + 0x00040000, "OW", "ab", 2);
	in = read_one(&g);
	cr_expect_eq(in->overlays, 5);
	instance_put(in);
	gen_release(&g);
}

Test(index_instance, two_elements_for_one_place_are_remembered_apart)
{
	static const uint32_t tags[] = { DCM_EchoTime, DCM_EffectiveEchoTime, DCM_EchoTime };
	static const char *const values[] = { "5", "6", "5" };
	struct instance *in;
	struct gen g;
	int i;

	for (i = 0; i < 3; i++) {
		gen_begin(&g, GEN_EXPLICIT);
		gen_put(&g, DCM_SOPInstanceUID, "1.2");
		gen_put(&g, tags[i], values[i]);
		in = read_one(&g);
		cr_expect_eq(in->attr->echo_time, i == 1 ? 6 : 5, "%g", in->attr->echo_time);
		instance_put(in);
		gen_release(&g);
	}
}

/* A file with what is passed over and what is not: sequences, private elements of known makers,
 * overlays, two elements for one place, shared functional groups. */
static void put_some_of_all(struct gen *g)
{
	struct gen_instance what = { .number = 3, .position = { 1, 2, 3 } };

	gen_instance_begin(g, &what);
	gen_put(g, DCM_LargestImagePixelValue, "9");
	gen_put(g, DCM_RescaleIntercept, "0");
	gen_put(g, DCM_RescaleSlope, "1");
	gen_sequence(g, DCM_RequestedProcedureCodeSequence);
	gen_item(g);
	gen_put(g, DCM_CodeValue, "X");
	gen_end(g);
	gen_end(g);
	gen_put(g, DCM_ManufacturerModelName, "out of order");
	gen_put(g, DCM_OperatorsName, "nobody");
	gen_put(g, DCM_EchoTime, "5");
	gen_put(g, DCM_EffectiveEchoTime, "6");
	gen_put_vr(g, DCM_TAG(0x0019, 0x0010), "LO", "SIEMENS MR HEADER");
	gen_put_vr(g, DCM_TAG(0x0019, 0x100A), "US", "7");
	gen_put_vr(g, DCM_TAG(0x0019, 0x100C), "IS", "1000");
	gen_put(g, DCM_StudyID, "S");
	gen_put(g, DCM_BitsStored, "12");
	gen_sequence(g, DCM_SharedFunctionalGroupsSequence);
	gen_item(g);
	gen_sequence(g, DCM_PixelMeasuresSequence);
	gen_item(g);
	gen_put(g, DCM_SliceThickness, "2");
	gen_put(g, DCM_SpacingBetweenSlices, "3");
	gen_end(g);
	gen_end(g);
	gen_end(g);
	gen_end(g);
	gen_put_vr(g, DCM_OverlayData, "OW", "12");
	gen_instance_end(g, &what);
}

/* The same file with one byte changed, read by one who remembers all of the file and by one who
 * remembers nothing. */
Test(index_instance, what_is_remembered_changes_no_record, .timeout = 60)
{
	size_t numbers = offsetof(struct instance, size), i;
	struct instance *warm, *cold;
	struct instance_reader *knows = reader;
	struct gen g;
	int rc;

	put_some_of_all(&g);
	instance_put(read_one(&g));
	for (i = 128; i < g.out.len; i++) {
		g.out.data[i] ^= 1;
		reader = knows;
		rc = try_read(&g, &warm, NULL);
		cr_assert_eq(instance_reader_new(interns, &reader, NULL), 0);
		cr_assert_eq(try_read(&g, &cold, NULL), rc, "byte %zu", i);
		instance_reader_free(reader);
		g.out.data[i] ^= 1;
		if (rc < 0)
			continue;
		cr_assert_eq(warm->attr, cold->attr, "byte %zu", i);
		cr_assert_eq(memcmp((char *)warm + numbers, (char *)cold + numbers,
				     sizeof *warm - numbers),
			0, "byte %zu", i);
		instance_put(warm);
		instance_put(cold);
		reader = knows;
		instance_put(read_one(&g));
	}
	reader = knows;
	gen_release(&g);
}

Test(index_instance, want_of_memory_is_told_at_each_allocation)
{
	struct gen_instance what = { .description = "description" };
	struct instance *in = NULL;
	struct dcm_source *s;
	struct gen g;
	struct instance_file file = { .file = "x" };
	unsigned long n;
	int rc = -ENOMEM;

	gen_instance_begin(&g, &what);
	gen_instance_end(&g, &what);
	for (n = 1; rc == -ENOMEM; n++) {
		end();
		begin();
		s = gen_source(&g);
		file.dir = intern_text(interns, "", 0);
		mem_fail_after(n);
		rc = instance_read(reader, s, &file, &in, NULL);
		mem_fail_after(0);
		cr_assert_lt(n, 1000);
	}
	cr_expect_eq(rc, 0, "%d", rc);
	cr_expect_gt(n, 5);
	instance_put(in);
	gen_release(&g);
}

Test(index_instance, the_path_of_a_file)
{
	const struct instance deep = { .dir = "a/b", .file = "c.dcm" },
			      top = { .dir = "", .file = "c.dcm" };
	char path[64];

	cr_expect_str_eq(instance_path(&deep, path, sizeof path), "a/b/c.dcm");
	cr_expect_str_eq(instance_path(&top, path, sizeof path), "c.dcm");
	cr_expect_str_eq(instance_path(&deep, path, 7), "a/b/c.", "cut to its room");
	cr_expect_str_eq(instance_path(&deep, path, 3), "a/");
}
