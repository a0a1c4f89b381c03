/* SPDX-License-Identifier: MIT */
/* Values: numbers as files write them, text without its padding, dates and times. */
#include <criterion/criterion.h>

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "dicom/charset.h"
#include "dicom/dataset.h"
#include "dicom/tags.h"
#include "dicom/value.h"

static struct dcm_node node(uint32_t tag, uint16_t vr, const void *value, size_t len)
{
	return (struct dcm_node){ .el = { .tag = tag, .vr = vr, .len = len }, .value = value };
}

static struct dcm_node text_node(uint16_t vr, const char *s)
{
	return node(DCM_ImageComments, vr, s, strlen(s));
}

/* ------------------------------------------------------------------ numbers as text */

static void is_number(const char *s, double want)
{
	double v = -77;

	cr_assert(dcm_parse_double(s, strlen(s), &v), "'%s'", s);
	cr_assert(v == want, "'%s' is %.17g, not %.17g", s, v, want);
}

static void is_no_number(const char *s)
{
	double v = -77;
	int64_t i = -77;

	cr_assert_not(dcm_parse_double(s, strlen(s), &v), "'%s'", s);
	cr_assert_not(dcm_parse_int(s, strlen(s), &i), "'%s'", s);
	cr_assert(v == -77 && i == -77, "'%s' was touched", s);
}

Test(dicom_value, decimals_of_the_standard)
{
	is_number("0.0305", 0.0305);
	is_number("-1.5E+03", -1500);
	is_number("+7", 7);
	is_number(" 2.4 ", 2.4);
	is_number("1e-7", 1e-7);
	is_number(".5", .5);
	is_number("5.", 5);
}

Test(dicom_value, decimals_of_real_files)
{
	is_number("1,5", 1.5);
	is_number("0.123456789012345678901234567890", 0.123456789012345678901234567890);
	is_number("\t3.25\r\n", 3.25);
	is_number("00000000000000000000000000000000012.50", 12.5);
	is_number("340282346638528859811704183484516925440",
		340282346638528859811704183484516925440.0);
}

Test(dicom_value, what_lies_behind_a_nul_is_no_part_of_a_number)
{
	double v;

	cr_assert(dcm_parse_double("12\0rubbish", 10, &v));
	cr_assert_eq(v, 12);
	cr_assert(dcm_parse_double("\0 12", 4, &v));
	cr_assert_eq(v, 12);
}

Test(dicom_value, what_is_no_number)
{
	is_no_number("");
	is_no_number("   ");
	is_no_number("nan");
	is_no_number("inf");
	is_no_number("0x10");
	is_no_number("1.5mm");
	is_no_number("1.2.3");
	is_no_number("1 2");
	is_no_number("1e");
	is_no_number("1e+");
	is_no_number("--1");
	is_no_number(".");
	is_no_number("1e999");
	is_no_number("1e99999999999999");
}

/* The shortcut for short decimals has to round as strtod does. */
Test(dicom_value, every_short_decimal_is_the_nearest_double)
{
	unsigned long state = 1;
	char s[64];
	int i;

	for (i = 0; i < 200000; i++) {
		double v;

		state = state * 6364136223846793005ul + 1442695040888963407ul;
		snprintf(s, sizeof s, "%lu.%0*lue%d", state >> 40, 1 + i % 12,
			(state >> 20) & 0xFFFFFul, (int)(state >> 60) * 4 - 30);
		cr_assert(dcm_parse_double(s, strlen(s), &v), "%s", s);
		cr_assert(v == strtod(s, NULL), "%s", s);
	}
}

Test(dicom_value, the_locale_does_not_matter)
{
	double v;

	if (setlocale(LC_ALL, "de_DE.UTF-8") == NULL && setlocale(LC_ALL, "fr_FR.UTF-8") == NULL)
		cr_skip_test("no locale with a decimal comma is installed");
	cr_assert(dcm_parse_double("1.2345678901234567890123", 24, &v));
	cr_assert_eq(v, 1.2345678901234567890123);
}

static void is_int(const char *s, int64_t want)
{
	int64_t v = -77;

	cr_assert(dcm_parse_int(s, strlen(s), &v), "'%s'", s);
	cr_assert_eq(v, want, "'%s'", s);
}

Test(dicom_value, integers)
{
	int64_t v;

	is_int("12", 12);
	is_int(" -3 ", -3);
	is_int("+4", 4);
	is_int("1.0", 1);
	is_int("2e3", 2000);
	is_int("-0", 0);
	is_int("0e99", 0);
	is_int("12300e-2", 123);
	is_int("7.00000000000000000000000000", 7);
	is_int("9007199254740993", 9007199254740993);
	is_int("9223372036854775807", INT64_MAX);
	cr_assert_not(dcm_parse_int("1.5", 3, &v));
	cr_assert_not(dcm_parse_int("9223372036854775808", 19, &v));
	cr_assert_not(dcm_parse_int("1e19", 4, &v));
	cr_assert_not(dcm_parse_int("1.00000000000000000000000001", 28, &v));
	cr_assert_not(dcm_parse_int("123456789012345678901", 21, &v));
}

/* ------------------------------------------------------------------ numbers of any VR */

Test(dicom_value, binary_numbers_of_either_order)
{
	static const uint8_t bytes[] = { 0x12, 0xFF, 0x34, 0x80 };
	struct dcm_node n = node(DCM_Rows, DCM_VR_US, bytes, 4);
	int64_t v;

	cr_assert(dcm_int(&n, 1, &v) && v == 0x8034);
	n.el.vr = DCM_VR_SS;
	cr_assert(dcm_int(&n, 0, &v) && v == (int16_t)0xFF12);
	n.el.big_endian = true;
	cr_assert(dcm_int(&n, 0, &v) && v == 0x12FF);
	n.el.vr = DCM_VR_SL;
	cr_assert(dcm_int(&n, 0, &v) && v == 0x12FF3480);
	cr_assert_not(dcm_int(&n, 1, &v));
	n.el.vr = DCM_VR_AT;
	cr_assert(dcm_int(&n, 0, &v) && v == 0x12FF3480);
	n.el.big_endian = false;
	cr_assert(dcm_int(&n, 0, &v) && v == 0xFF128034);
}

Test(dicom_value, binary_floats_are_integers_where_they_are_integral)
{
	static const double two[] = { 2.0, 2.5 };
	struct dcm_node n = node(DCM_Rows, DCM_VR_FD, two, sizeof two);
	double d;
	int64_t v;

	cr_assert_eq(dcm_vm(&n), 2);
	cr_assert(dcm_double(&n, 1, &d) && d == 2.5);
	cr_assert(dcm_int(&n, 0, &v) && v == 2);
	cr_assert_not(dcm_int(&n, 1, &v));
	cr_assert_not(dcm_double(&n, 2, &d));
}

Test(dicom_value, a_value_that_ends_too_soon_is_not_read)
{
	static const uint8_t bytes[] = { 1, 0, 2 };
	struct dcm_node n = node(DCM_Rows, DCM_VR_US, bytes, sizeof bytes);
	int64_t v;

	cr_assert_eq(dcm_vm(&n), 1);
	cr_assert(dcm_int(&n, 0, &v));
	cr_assert_not(dcm_int(&n, 1, &v));
	cr_assert_not(dcm_int(&n, UINT32_MAX, &v));
	n.value = NULL;
	cr_assert_not(dcm_int(&n, 0, &v));
	cr_assert_eq(dcm_vm(&n), 0);
	cr_assert_not(dcm_int(NULL, 0, &v));
	cr_assert_eq(dcm_vm(NULL), 0);
}

Test(dicom_value, an_element_that_came_as_un_is_what_the_dictionary_says)
{
	static const uint8_t two[] = { 2, 0 };
	struct dcm_node n = node(DCM_Rows, DCM_VR_UN, two, 2);
	int64_t v;

	n.el.big_endian = true;
	cr_assert(dcm_int(&n, 0, &v) && v == 2, "UN is little-endian, always");
	n = node(0x0019100C, DCM_VR_UN, "1000", 4);
	cr_assert_not(dcm_int(&n, 0, &v));
	n.creator = "SIEMENS MR HEADER";
	cr_assert(dcm_int(&n, 0, &v) && v == 1000);
}

Test(dicom_value, empty_components_are_missing)
{
	struct dcm_node n = text_node(DCM_VR_DS, "1.5\\\\ 3 ");
	double v;

	cr_assert_eq(dcm_vm(&n), 3);
	cr_assert(dcm_double(&n, 0, &v) && v == 1.5);
	cr_assert_not(dcm_double(&n, 1, &v));
	cr_assert(dcm_double(&n, 2, &v) && v == 3);
	cr_assert_not(dcm_double(&n, 3, &v));
}

static struct dcm_dataset set_of(struct dcm_node *nodes, uint32_t n)
{
	return (struct dcm_dataset){
		.nodes = nodes,
		.n_nodes = n,
		.sorted = true,
		.charset = charset_default(),
	};
}

Test(dicom_value, values_from_a_data_set)
{
	static const uint8_t rows[] = { 64, 0 };
	struct dcm_node nodes[] = {
		node(DCM_EchoTime, DCM_VR_DS, "30.5 ", 5),
		node(DCM_ImagePositionPatient, DCM_VR_DS, "1\\-2.5\\x", 8),
		node(DCM_Rows, DCM_VR_US, rows, 2),
	};
	struct dcm_dataset ds = set_of(nodes, 3);
	double v[3] = { 9, 9, 9 };

	cr_assert_eq(dcm_get_double(&ds, DCM_EchoTime, -1), 30.5);
	cr_assert_eq(dcm_get_double(&ds, DCM_FlipAngle, -1), -1);
	cr_assert_eq(dcm_get_int(&ds, DCM_Rows, -1), 64);
	cr_assert_eq(dcm_get_int(&ds, DCM_Columns, -1), -1);
	cr_assert_eq(dcm_get_doubles(&ds, DCM_ImagePositionPatient, v, 3), 2);
	cr_assert(v[0] == 1 && v[1] == -2.5 && v[2] == 9);
	cr_assert_eq(dcm_get_doubles(&ds, DCM_ImagePositionPatient, v, 1), 1);
	cr_assert_eq(dcm_get_doubles(&ds, DCM_Rows, v, 3), 1);
	cr_assert_eq(dcm_get_doubles(&ds, DCM_Columns, v, 3), 0);
}

/* ------------------------------------------------------------------ text */

static void raw_is(uint16_t vr, const char *s, size_t len, uint32_t i, const char *want)
{
	struct dcm_node n = node(DCM_ImageComments, vr, s, len);
	const char *text;
	size_t n_text;

	cr_assert(dcm_raw_text(&n, i, &text, &n_text), "%s", want);
	cr_assert_eq(n_text, strlen(want), "%s", want);
	cr_assert_arr_eq(text, want, n_text);
}

Test(dicom_value, padding_is_trimmed_as_the_vr_has_it)
{
	raw_is(DCM_VR_LO, " MR head \0", 10, 0, "MR head");
	raw_is(DCM_VR_LT, "  a\\b \0", 7, 0, "  a\\b");
	raw_is(DCM_VR_UC, " a \\ b ", 7, 1, " b");
	raw_is(DCM_VR_UI, "1.2.3\0", 6, 0, "1.2.3");
	raw_is(DCM_VR_UI, "1.2.3 ", 6, 0, "1.2.3");
	raw_is(DCM_VR_CS, "ORIGINAL\\ PRIMARY \\M", 20, 1, "PRIMARY");
	raw_is(DCM_VR_UN, "text ", 5, 0, "text");
}

Test(dicom_value, text_that_is_not_there)
{
	struct dcm_node n = text_node(DCM_VR_LO, "a\\ \\b");
	const char *s;
	size_t len;

	cr_assert_not(dcm_raw_text(NULL, 0, &s, &len));
	cr_assert_not(dcm_raw_text(&n, 1, &s, &len));
	cr_assert_not(dcm_raw_text(&n, 3, &s, &len));
	n = text_node(DCM_VR_LT, "a\\b");
	cr_assert_not(dcm_raw_text(&n, 1, &s, &len));
	cr_assert_eq(dcm_vm(&n), 1);
	n = text_node(DCM_VR_LO, "   ");
	cr_assert_not(dcm_raw_text(&n, 0, &s, &len));
	cr_assert_eq(dcm_vm(&n), 0);
}

Test(dicom_value, text_is_decoded_before_it_is_split)
{
	struct arena a = { 0 };
	struct dcm_node n = text_node(DCM_VR_LO, " \x81\x5C\\\xB6\xAB ");
	struct dcm_dataset ds = set_of(&n, 1);

	ds.charset = charset_parse("GB18030", 7, &a);
	cr_assert_str_eq(dcm_text(&ds, &n, &a), "乗\\东");
	cr_assert_str_eq(dcm_text_value(&ds, &n, 1, &a), "东");
	cr_assert_null(dcm_text_value(&ds, &n, 2, &a));
	cr_assert_str_eq(dcm_get_text(&ds, DCM_ImageComments, &a), "乗\\东");
	cr_assert_null(dcm_get_text(&ds, DCM_EchoTime, &a));
	arena_release(&a);
}

Test(dicom_value, the_character_set_does_not_touch_other_text)
{
	struct arena a = { 0 };
	struct dcm_node n = text_node(DCM_VR_CS, "\xE9");
	struct dcm_dataset ds = set_of(&n, 1);

	ds.charset = charset_parse("ISO_IR 144", 10, &a);
	cr_assert_str_eq(dcm_text(&ds, &n, &a), "é");
	n.el.vr = DCM_VR_SH;
	cr_assert_str_eq(dcm_text(&ds, &n, &a), "щ");
	n.el.vr = DCM_VR_OW;
	cr_assert_null(dcm_text(&ds, &n, &a));
	arena_release(&a);
}

Test(dicom_value, comparing_text)
{
	struct dcm_node n = text_node(DCM_VR_CS, "ORIGINAL\\PRIMARY \\M_FFE\\M");

	cr_assert(dcm_text_is(&n, 1, "PRIMARY"));
	cr_assert_not(dcm_text_is(&n, 0, "ORIGIN"));
	cr_assert(dcm_text_has(&n, "M"));
	cr_assert(dcm_text_has(&n, "PRIMARY"));
	cr_assert_not(dcm_text_has(&n, "FFE"));
	cr_assert(dcm_text_contains(&n, "FFE"));
	cr_assert_not(dcm_text_contains(&n, "PHASE"));
	cr_assert_not(dcm_text_has(NULL, "M"));
	cr_assert_not(dcm_text_contains(NULL, ""));
}

/* ------------------------------------------------------------------ dates and times */

static void is_time(const char *s, double want)
{
	double v = -1;

	cr_assert(dcm_parse_time(s, strlen(s), &v), "%s", s);
	cr_assert(v == want, "%s is %.17g", s, v);
}

Test(dicom_value, times)
{
	double v;

	is_time("120102.5", 43262.5);
	is_time("120102.123456 ", 43262.123456);
	is_time("12:01:02.25", 43262.25);
	is_time("1201", 43260);
	is_time("12", 43200);
	is_time("235960", 86400);
	is_time("000000.1234567891", 0.123456789);
	cr_assert_not(dcm_parse_time("", 0, &v));
	cr_assert_not(dcm_parse_time("1", 1, &v));
	cr_assert_not(dcm_parse_time("126000", 6, &v));
	cr_assert_not(dcm_parse_time("250000", 6, &v));
	cr_assert_not(dcm_parse_time("noon", 4, &v));
	cr_assert_not(dcm_parse_time("12010", 5, &v));
}

static void is_date(const char *s, uint32_t want)
{
	uint32_t v = 1;

	cr_assert(dcm_parse_date(s, strlen(s), &v), "%s", s);
	cr_assert_eq(v, want, "%s is %u", s, v);
}

Test(dicom_value, dates)
{
	uint32_t v;

	is_date("20261122", 20261122);
	is_date(" 2026.11.22 ", 20261122);
	is_date("2026-11-22", 20261122);
	is_date("202611", 20261100);
	is_date("2026", 20260000);
	cr_assert_not(dcm_parse_date("20261322", 8, &v));
	cr_assert_not(dcm_parse_date("20261132", 8, &v));
	cr_assert_not(dcm_parse_date("2026112", 7, &v));
	cr_assert_not(dcm_parse_date("20261122x", 9, &v));
	cr_assert_not(dcm_parse_date("", 0, &v));
}

Test(dicom_value, dates_with_times)
{
	uint32_t date;
	double s;

	cr_assert(dcm_parse_datetime("20261122120102.5+0100", 21, &date, &s));
	cr_assert(date == 20261122 && s == 43262.5);
	cr_assert(dcm_parse_datetime("2026", 4, &date, &s));
	cr_assert(date == 20260000 && s == 0);
	cr_assert(dcm_parse_datetime("202611221201 ", 13, &date, &s));
	cr_assert(date == 20261122 && s == 43260);
	cr_assert(dcm_parse_datetime("2026-11-22T12:01:02Z", 20, &date, &s));
	cr_assert(date == 20261122 && s == 43262);
	cr_assert_not(dcm_parse_datetime("20261122126000", 14, &date, &s));
	cr_assert_not(dcm_parse_datetime("20261122120102+01", 17, &date, &s));
	cr_assert_not(dcm_parse_datetime("today", 5, &date, &s));
}
