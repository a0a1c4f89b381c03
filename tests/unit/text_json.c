/* SPDX-License-Identifier: MIT */
/* The DICOM JSON model, line by line. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "dicom/dataset.h"
#include "dicom/tags.h"
#include "support/dcmgen.h"
#include "text/json.h"

#define UNKNOWN_FD DCM_TAG(0x0018, 0x9087) /* DiffusionBValue */

/* The text of the file; the generator's is released. */
static void render(struct gen *g, struct buf *out)
{
	struct dcm_header *h = gen_header(g);

	buf_init(out);
	cr_assert_eq(json_render(h, "../x.dcm", out, NULL), 0);
	buf_addc(out, '\0');
	dcm_header_free(h);
	gen_release(g);
}

static void expect_line(struct gen *g, const char *want)
{
	struct buf b;
	char *at;

	render(g, &b);
	at = strstr(b.data, want);
	cr_assert(at, "no %s in\n%s", want, b.data);
	buf_release(&b);
}

/* One element of text. */
static void expect_text(uint32_t tag, const char *value, const char *want)
{
	struct gen g;

	gen_begin(&g, GEN_EXPLICIT);
	gen_put(&g, DCM_SpecificCharacterSet, "ISO_IR 100");
	gen_put(&g, tag, value);
	gen_finish(&g);
	expect_line(&g, want);
}

static void expect_vr(const char *vr, const char *value, const char *want)
{
	struct gen g;

	gen_begin(&g, GEN_EXPLICIT);
	gen_put_vr(&g, DCM_TAG(0x0011, 0x0010), "LO", "ACME");
	gen_put_vr(&g, DCM_TAG(0x0011, 0x1001), vr, value);
	gen_finish(&g);
	expect_line(&g, want);
}

Test(json, an_empty_data_set_is_an_empty_object)
{
	struct buf b;
	struct gen g;

	gen_begin(&g, GEN_EXPLICIT);
	gen_finish(&g);
	render(&g, &b);
	cr_assert_str_eq(b.data, "{\n}\n");
	buf_release(&b);
}

Test(json, text_is_strings)
{
	static const char *const vrs[] = { "AE", "AS", "CS", "DA", "DT", "LO", "LT", "SH", "ST",
		"TM", "UC", "UI", "UR", "UT" };
	char want[80];
	size_t i;

	for (i = 0; i < sizeof vrs / sizeof *vrs; i++) {
		snprintf(want, sizeof want, "\"00111001\":{\"vr\":\"%s\",\"Value\":[\"12\"]}",
			vrs[i]);
		expect_vr(vrs[i], "12", want);
	}
}

Test(json, numbers_are_numbers)
{
	static const char *const vrs[] = { "DS", "FD", "FL", "IS", "SL", "SS", "SV", "UL", "US",
		"UV" };
	char want[80];
	size_t i;

	for (i = 0; i < sizeof vrs / sizeof *vrs; i++) {
		snprintf(want, sizeof want, "\"00111001\":{\"vr\":\"%s\",\"Value\":[7,12]}",
			vrs[i]);
		expect_vr(vrs[i], "7\\12", want);
	}
	expect_vr("SS", "-32768", "\"Value\":[-32768]}");
	expect_vr("UV", "18446744073709551615", "\"Value\":[18446744073709551615]}");
	expect_vr("SV", "-9223372036854775808", "\"Value\":[-9223372036854775808]}");
	expect_vr("FL", "0.1", "\"Value\":[0.1]}");
	expect_vr("FD", "1e-300", "\"Value\":[1e-300]}");
}

Test(json, decimal_strings_keep_their_digits_where_json_can)
{
	expect_text(DCM_EchoTime, "1.50", "\"Value\":[1.50]}");
	expect_text(DCM_EchoTime, " +1.5 ", "\"Value\":[1.5]}");
	expect_text(DCM_EchoTime, ".5", "\"Value\":[0.5]}");
	expect_text(DCM_EchoTime, "5.", "\"Value\":[5]}");
	expect_text(DCM_EchoTime, "007", "\"Value\":[7]}");
	expect_text(DCM_EchoTime, "1E+03", "\"Value\":[1E+03]}");
	expect_text(DCM_EchoTime, "soon", "\"Value\":[\"soon\"]}");
	expect_text(DCM_InstanceNumber, "-4", "\"Value\":[-4]}");
	expect_text(DCM_InstanceNumber, "0x10", "\"Value\":[\"0x10\"]}");
}

Test(json, what_is_no_number_is_its_name)
{
	expect_vr("FD", "nan", "\"Value\":[\"NaN\"]}");
	expect_vr("FL", "inf", "\"Value\":[\"Infinity\"]}");
	expect_vr("FD", "-inf", "\"Value\":[\"-Infinity\"]}");
}

Test(json, missing_values_are_null_and_an_empty_element_has_none)
{
	expect_text(DCM_ImageType, "ORIGINAL\\\\AXIAL", "\"Value\":[\"ORIGINAL\",null,\"AXIAL\"]}");
	expect_text(DCM_EchoTime, "1\\\\2", "\"Value\":[1,null,2]}");
	expect_text(DCM_StudyDescription, "", "\"00081030\":{\"vr\":\"LO\"}");
	expect_text(DCM_StudyDescription, "  ", "\"00081030\":{\"vr\":\"LO\"}");
	expect_text(DCM_PatientName, "A^B\\\\C",
		"[{\"Alphabetic\":\"A^B\"},null,{\"Alphabetic\":\"C\"}]");
}

/* NULs that pad, before or behind or between, and shifts to characters of which none comes. */
Test(json, text_of_which_nothing_is_left_has_no_value)
{
	struct gen g;

	gen_begin(&g, GEN_EXPLICIT);
	gen_bytes(&g, DCM_OtherPatientIDs, "LO", "AB\0\\CD \0\\EF\0", 12);
	gen_finish(&g);
	expect_line(&g, "\"Value\":[\"AB\",\"CD\",\"EF\"]");
	gen_begin(&g, GEN_EXPLICIT);
	gen_bytes(&g, DCM_ImageComments, "LT", "\0abc", 4);
	gen_finish(&g);
	expect_line(&g, "\"Value\":[\"abc\"]");
	gen_begin(&g, GEN_EXPLICIT);
	gen_bytes(&g, DCM_ImageComments, "LT", "  ab\\ c ", 8);
	gen_finish(&g);
	expect_line(&g, "\"Value\":[\"  ab\\\\ c\"]");
	gen_begin(&g, GEN_EXPLICIT);
	gen_put(&g, DCM_SpecificCharacterSet, "\\ISO 2022 IR 87");
	gen_bytes(&g, DCM_ReferringPhysicianName, "PN", "\x1B(J ", 4);
	gen_finish(&g);
	expect_line(&g, "\"00080090\":{\"vr\":\"PN\"}");
}

Test(json, names_have_groups)
{
	expect_text(DCM_PatientName, "A^B",
		"\"00100010\":{\"vr\":\"PN\",\"Value\":[{\"Alphabetic\":\"A^B\"}]}");
	expect_text(DCM_PatientName, "A=B=C",
		"{\"Alphabetic\":\"A\",\"Ideographic\":\"B\",\"Phonetic\":\"C\"}");
	expect_text(DCM_PatientName, "=B", "[{\"Ideographic\":\"B\"}]");
	expect_text(DCM_PatientName, "A==C", "[{\"Alphabetic\":\"A\",\"Phonetic\":\"C\"}]");
}

Test(json, text_is_utf8_and_says_so)
{
	expect_text(DCM_PatientName, "J\xE9r\xF4me", "\"J\xC3\xA9r\xC3\xB4me\"");
	expect_text(DCM_StudyDescription, "x",
		"\"00080005\":{\"vr\":\"CS\",\"Value\":[\"ISO_IR 192\"]}");
}

Test(json, strings_are_escaped)
{
	struct buf b;

	expect_text(DCM_ImageComments, "a\"b\\c\r\nd\te\f", "[\"a\\\"b\\\\c\\r\\nd\\te");
	buf_init(&b);
	json_add_string(&b, "\x01\x1F\"\\\xFF\xC3\xA9/\x7F", 9);
	buf_addc(&b, '\0');
	cr_assert_str_eq(b.data, "\"\\u0001\\u001f\\\"\\\\\xEF\xBF\xBD\xC3\xA9/\x7F\"");
	buf_release(&b);
}

Test(json, attribute_tags_are_eight_digits)
{
	static const uint8_t bytes[8] = { 0x18, 0, 0x63, 0x10, 0xE0, 0x7F, 0x10, 0 };
	struct gen g;

	gen_begin(&g, GEN_EXPLICIT);
	gen_bytes(&g, DCM_FrameIncrementPointer, "AT", bytes, sizeof bytes);
	gen_finish(&g);
	expect_line(&g, "\"00280009\":{\"vr\":\"AT\",\"Value\":[\"00181063\",\"7FE00010\"]}");
}

Test(json, short_binary_is_inline_in_little_endian)
{
	static const uint8_t bytes[5] = { 0, 1, 2, 3, 0xFF };
	static const uint16_t words[2] = { 0x0102, 0x0304 };
	struct gen g;

	gen_begin(&g, GEN_EXPLICIT);
	gen_put_vr(&g, DCM_TAG(0x0011, 0x0010), "LO", "ACME");
	gen_bytes(&g, DCM_TAG(0x0011, 0x1001), "OB", bytes, 4);
	gen_bytes(&g, DCM_TAG(0x0011, 0x1002), "UN", bytes + 1, 4);
	gen_finish(&g);
	expect_line(&g,
		"\"00111001\":{\"vr\":\"OB\",\"InlineBinary\":\"AAECAw==\"},\n"
		"\"00111002\":{\"vr\":\"UN\",\"InlineBinary\":\"AQID/w==\"}");
	gen_begin(&g, GEN_BIG_ENDIAN);
	gen_words(&g, DCM_RedPaletteColorLookupTableData, "OW", words, 2);
	gen_finish(&g);
	expect_line(&g, "\"InlineBinary\":\"AgEEAw==\"");
}

Test(json, long_binary_and_fragments_are_references_to_their_bytes)
{
	static uint8_t bytes[JSON_INLINE_BYTES + 2];
	struct dcm_header *h;
	char want[100];
	struct buf b;
	struct gen g;

	gen_begin(&g, GEN_EXPLICIT);
	gen_bytes(&g, DCM_PixelData, "OB", bytes, sizeof bytes);
	gen_finish(&g);
	h = gen_header(&g);
	snprintf(want, sizeof want,
		"\"7FE00010\":{\"vr\":\"OB\",\"BulkDataURI\":\"../x.dcm#%llu,%zu\"}",
		(unsigned long long)h->pixels_off, sizeof bytes);
	buf_init(&b);
	cr_assert_eq(json_render(h, "../x.dcm", &b, NULL), 0);
	buf_addc(&b, '\0');
	cr_assert(strstr(b.data, want), "%s", b.data);
	buf_release(&b);
	dcm_header_free(h);
	gen_release(&g);
	gen_begin(&g, GEN_RLE);
	gen_encapsulated(&g, DCM_PixelData);
	gen_offsets(&g, NULL, 0);
	gen_fragment(&g, bytes, 10);
	gen_end(&g);
	gen_finish(&g);
	expect_line(&g, "\"BulkDataURI\":\"../x.dcm#");
}

/* Offsets in what is inflated are none in the file. */
Test(json, binary_of_a_deflated_file_is_inline)
{
	static const uint8_t bytes[JSON_INLINE_BYTES + 2] = { 'M', 'a', 'n' };
	struct buf b;
	struct gen g;
	char *at;

	gen_begin(&g, GEN_DEFLATED);
	gen_bytes(&g, DCM_PixelData, "OB", bytes, sizeof bytes);
	gen_finish(&g);
	render(&g, &b);
	at = strstr(b.data, "\"InlineBinary\":\"TWFuAAAA");
	cr_assert(at, "%.300s", b.data);
	at = strstr(at, "TWFu");
	cr_assert_eq(strcspn(at, "\""), (sizeof bytes + 2) / 3 * 4);
	cr_assert_not(strstr(b.data, "BulkDataURI"));
	buf_release(&b);
}

Test(json, sequences_are_arrays_of_objects)
{
	struct buf b;
	struct gen g;

	gen_begin(&g, GEN_EXPLICIT);
	gen_sequence(&g, DCM_ReferencedImageSequence);
	gen_end(&g);
	gen_sequence_undefined(&g, DCM_ProcedureCodeSequence);
	gen_item(&g);
	gen_end(&g);
	gen_item_undefined(&g);
	gen_put(&g, DCM_CodeValue, "1");
	gen_sequence(&g, DCM_ContextGroupIdentificationSequence);
	gen_item(&g);
	gen_put(&g, DCM_CodeMeaning, "deep");
	gen_end(&g);
	gen_end(&g);
	gen_end(&g);
	gen_end(&g);
	gen_finish(&g);
	render(&g, &b);
	cr_assert(strstr(b.data, "\"00081032\":{\"vr\":\"SQ\",\"Value\":[{\n},{\n\"00080100\":"),
		"%s", b.data);
	cr_assert(strstr(b.data,
			  "\"vr\":\"SQ\",\"Value\":[{\n\"00080104\":{\"vr\":\"LO\",\"Value\":["
			  "\"deep\"]}\n}]}\n}]}"),
		"%s", b.data);
	cr_assert(strstr(b.data, "\"00081140\":{\"vr\":\"SQ\"}"), "%s", b.data);
	buf_release(&b);
}

Test(json, keys_ascend_and_are_there_once)
{
	struct buf b;
	struct gen g;

	gen_begin(&g, GEN_EXPLICIT);
	gen_put(&g, DCM_PatientID, "first");
	gen_put(&g, DCM_Modality, "MR");
	gen_put(&g, DCM_PatientID, "second");
	gen_put_vr(&g, DCM_TAG(0x0008, 0x0000), "UL", "10");
	gen_finish(&g);
	render(&g, &b);
	cr_assert_str_eq(b.data,
		"{\n\"00080060\":{\"vr\":\"CS\",\"Value\":[\"MR\"]},\n"
		"\"00100020\":{\"vr\":\"LO\",\"Value\":[\"first\"]}\n}\n");
	buf_release(&b);
}

Test(json, a_hundred_thousand_values_are_written_in_one_go)
{
	struct buf value, b;
	struct gen g;
	int i;

	buf_init(&value);
	for (i = 0; i < 500000; i++)
		buf_adds(&value, "1\\");
	buf_adds(&value, "1");
	gen_begin(&g, GEN_EXPLICIT);
	gen_put_vr(&g, DCM_TAG(0x0011, 0x0010), "LO", "ACME");
	gen_bytes(&g, DCM_TAG(0x0011, 0x1001), "UC", value.data, value.len);
	gen_finish(&g);
	render(&g, &b);
	cr_assert_gt(b.len, 500000 * 4);
	buf_release(&b);
	buf_release(&value);
}

Test(json, want_of_memory_is_told_at_any_point)
{
	unsigned long n;
	int rc = -ENOMEM;

	for (n = 1; rc != 0; n++) {
		struct dcm_header *h;
		struct buf b;
		struct gen g;

		cr_assert_lt(n, 1000);
		gen_begin(&g, GEN_EXPLICIT);
		gen_put(&g, DCM_PatientName, "A^B");
		gen_sequence(&g, DCM_ReferencedImageSequence);
		gen_item(&g);
		gen_put(&g, DCM_CodeMeaning, "x");
		gen_end(&g);
		gen_end(&g);
		gen_finish(&g);
		h = gen_header(&g);
		buf_init(&b);
		mem_fail_after(n);
		rc = json_render(h, "x", &b, NULL);
		mem_fail_after(0);
		if (rc == 0) {
			buf_addc(&b, '\0');
			cr_assert(strstr(b.data, "A^B") && strstr(b.data, "\"x\""), "%lu: %s", n,
				b.data);
		}
		buf_release(&b);
		dcm_header_free(h);
		gen_release(&g);
	}
	cr_assert_gt(n, 2);
}
