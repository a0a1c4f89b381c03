/* SPDX-License-Identifier: MIT */
/* The walk over elements: every encoding, every kind of damage that is read over. */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "dicom/dict.h"
#include "dicom/reader.h"
#include "dicom/source.h"
#include "dicom/tags.h"
#include "support/dcmgen.h"
#include "support/failsource.h"

/* The events as text: "gggg,eeee VR length", "[" a sequence "{" item "}" "]", "<" pixels, ".". */
static const char *trace_of(struct dcm_file *f, unsigned *n_problems)
{
	static struct dcm_reader r;
	struct dcm_elem el;
	struct buf b;
	int event;

	buf_init(&b);
	dcm_reader_init(&r, f);
	do {
		event = dcm_reader_next(&r, &el, NULL);
		cr_assert_geq(event, 0);
		if (event == DCM_EVENT_ELEM)
			buf_addf(&b, "%08x%c%c%d ", el.tag, el.vr >> 8, el.vr & 255, (int)el.len);
		else if (event == DCM_EVENT_SEQ_BEGIN)
			buf_addf(&b, "%08x[", el.tag);
		else if (event == DCM_EVENT_PIXELS)
			buf_addf(&b, "%08x<>", el.tag);
		else
			buf_addc(&b, "??]{}?."[event]);
	} while (event != DCM_EVENT_END);
	if (n_problems)
		*n_problems = r.n_problems;
	return buf_steal(&b, NULL);
}

/* The same without the meta information. */
static const char *trace(struct gen *g, unsigned *n_problems)
{
	struct dcm_file f;

	cr_assert_eq(dcm_file_open(gen_source(g), &f, NULL), 0);
	f.meta_off = f.dataset_off;
	return trace_of(&f, n_problems);
}

static void one_of_each(struct gen *g)
{
	gen_put(g, DCM_SpecificCharacterSet, "ISO_IR 100");
	gen_put(g, DCM_Modality, "MR");
	gen_put(g, DCM_Rows, "64");
	gen_put(g, DCM_PixelData, "12345678");
}

static void expect_one_of_each(struct gen *g)
{
	unsigned n;

	cr_assert_str_eq(trace(g, &n), "00080005CS10 00080060CS2 00280010US2 7fe00010OW8 .");
	cr_assert_eq(n, 0);
}

Test(dicom_reader, every_transfer_syntax)
{
	static const char *const syntaxes[] = { GEN_IMPLICIT, GEN_EXPLICIT, GEN_BIG_ENDIAN,
		GEN_DEFLATED };
	struct gen g;
	size_t i;

	for (i = 0; i < 4; i++) {
		gen_begin(&g, syntaxes[i]);
		one_of_each(&g);
		expect_one_of_each(&g);
	}
}

Test(dicom_reader, bare_data_sets)
{
	struct gen g;
	int i;

	for (i = 0; i < 3; i++) {
		gen_begin_bare(&g, i > 0, i == 2);
		one_of_each(&g);
		expect_one_of_each(&g);
	}
}

Test(dicom_reader, preamble_or_magic_missing)
{
	struct gen g, cut;
	size_t i;

	for (i = 128; i <= 132; i += 4) {
		gen_begin(&g, GEN_IMPLICIT);
		one_of_each(&g);
		gen_begin_bare(&cut, false, false);
		gen_raw(&cut, g.out.data + i, g.out.len - i);
		expect_one_of_each(&cut);
	}
}

Test(dicom_reader, a_transfer_syntax_that_lies)
{
	struct gen g;
	int i;

	for (i = 0; i < 4; i++) {
		gen_begin(&g, i < 2 ? GEN_EXPLICIT : GEN_IMPLICIT);
		g.explicit_vr = i == 1 || i == 2;
		g.big_endian = i == 1;
		one_of_each(&g);
		expect_one_of_each(&g);
	}
}

Test(dicom_reader, said_to_be_deflated_but_is_not)
{
	struct gen g;

	gen_begin(&g, GEN_DEFLATED);
	g.deflate_from = 0;
	one_of_each(&g);
	expect_one_of_each(&g);
}

Test(dicom_reader, group_length_of_the_meta_information_is_not_believed)
{
	struct gen g;

	gen_begin(&g, GEN_BIG_ENDIAN);
	g.out.data[140] = 3;
	one_of_each(&g);
	expect_one_of_each(&g);
}

Test(dicom_reader, meta_information_comes_first)
{
	struct gen g;
	struct dcm_file f;

	gen_begin(&g, GEN_IMPLICIT);
	one_of_each(&g);
	cr_assert_eq(dcm_file_open(gen_source(&g), &f, NULL), 0);
	cr_assert_str_eq(f.transfer_syntax, GEN_IMPLICIT);
	cr_assert(strstr(trace_of(&f, NULL), "00020010UI18 00020012UI8 00080005CS10 "));
}

Test(dicom_reader, what_is_not_dicom)
{
	static const char *const texts[] = { "", "x",
		"not DICOM, but some text that is long enough", "\x08\x00",
		"\x10\x00\x10\x00\xff\xff\xff\x7f data", "GIF89a..............",
		"\x08\x00\x00\x00nothing follows that could be an element" };
	struct dcm_source *s;
	struct dcm_file f;
	size_t i;

	for (i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		dcm_source_from_memory(texts[i],
			i == 3         ? 2 :
				i == 4 ? 13 :
					 strlen(texts[i]),
			&s, NULL);
		cr_assert_eq(dcm_file_open(s, &f, NULL), -EPROTO, "%zu", i);
	}
}

Test(dicom_reader, nothing_behind_the_magic)
{
	struct dcm_source *s;
	struct dcm_file f;
	char bytes[132] = "";

	memcpy(bytes + 128, "DICM", 4);
	dcm_source_from_memory(bytes, sizeof bytes, &s, NULL);
	cr_assert_eq(dcm_file_open(s, &f, NULL), -EBADMSG);
}

static void nest(struct gen *g, int how)
{
	void (*sequence)(struct gen *, uint32_t) = how & 1 ? gen_sequence_undefined : gen_sequence;
	void (*item)(struct gen *) = how & 2 ? gen_item_undefined : gen_item;

	sequence(g, DCM_ReferencedStudySequence);
	item(g);
	gen_put(g, DCM_ReferencedSOPInstanceUID, "1.2");
	sequence(g, DCM_ReferencedSeriesSequence);
	item(g);
	gen_end(g);
	item(g);
	gen_put(g, DCM_Modality, "MR");
	gen_end(g);
	gen_end(g);
	gen_end(g);
	gen_end(g);
	sequence(g, DCM_ReferencedImageSequence);
	gen_end(g);
	gen_put(g, DCM_Rows, "1");
}

Test(dicom_reader, sequences_of_any_length_in_any_encoding)
{
	struct gen g;
	int how, i;
	unsigned n;

	for (how = 0; how < 4; how++) {
		for (i = 0; i < 3; i++) {
			gen_begin_bare(&g, i > 0, i == 2);
			gen_put(&g, DCM_SpecificCharacterSet, "");
			nest(&g, how);
			cr_assert_str_eq(trace(&g, &n),
				"00080005CS0 00081110[{00081155UI4 "
				"00081115[{}{00080060CS2 }]}]00081140[]00280010US2 .");
			cr_assert_eq(n, 0);
		}
	}
}

Test(dicom_reader, skipping_a_sequence_goes_on_behind_it)
{
	static struct dcm_reader r;
	struct dcm_elem el;
	struct dcm_file f;
	struct gen g;
	int how;

	for (how = 0; how < 4; how++) {
		gen_begin_bare(&g, true, false);
		gen_put(&g, DCM_SpecificCharacterSet, "");
		nest(&g, how);
		cr_assert_eq(dcm_file_open(gen_source(&g), &f, NULL), 0);
		dcm_reader_init(&r, &f);
		cr_assert_eq(dcm_reader_next(&r, &el, NULL), DCM_EVENT_ELEM);
		cr_assert_eq(dcm_reader_next(&r, &el, NULL), DCM_EVENT_SEQ_BEGIN);
		cr_assert_eq(dcm_reader_skip(&r, &el, NULL), 0);
		cr_assert_eq(dcm_reader_next(&r, &el, NULL), DCM_EVENT_SEQ_BEGIN);
		cr_assert_eq(el.tag, DCM_ReferencedImageSequence);
		cr_assert_eq(dcm_reader_skip(&r, &el, NULL), 0);
		cr_assert_eq(dcm_reader_next(&r, &el, NULL), DCM_EVENT_ELEM);
		cr_assert_eq(el.tag, DCM_Rows);
	}
}

/* Events of the data set when nobody wants elements between these tags; the last one's keyword in
 * it. */
static const char *trace_outside(struct gen *g, uint32_t after, uint32_t before)
{
	static struct dcm_reader r;
	struct dcm_file f;
	struct dcm_elem el;
	struct buf b;
	int event;

	cr_assert_eq(dcm_file_open(gen_source(g), &f, NULL), 0);
	f.meta_off = f.dataset_off;
	dcm_reader_init(&r, &f);
	buf_init(&b);
	while ((event = dcm_reader_next_outside(&r, after, before, &el, NULL)) != DCM_EVENT_END) {
		if (event == DCM_EVENT_ELEM)
			buf_addf(&b, "%08x%c%c%d ", el.tag, el.vr >> 8, el.vr & 255, (int)el.len);
		else
			buf_addc(&b, "??]{}?."[event]);
	}
	dcm_file_close(&f);
	return buf_steal(&b, NULL);
}

Test(dicom_reader, what_nobody_wants_is_passed_over_and_what_it_means_is_not)
{
	struct gen g;

	gen_begin(&g, GEN_EXPLICIT);
	gen_put(&g, DCM_Modality, "MR");
	gen_put(&g, DCM_StationName, "S");
	gen_sequence(&g, DCM_ProcedureCodeSequence);
	gen_item(&g);
	gen_put(&g, DCM_CodeValue, "X");
	gen_end(&g);
	gen_end(&g);
	gen_put(&g, DCM_SeriesDescription, "D");
	gen_put(&g, DCM_PixelRepresentation, "1");
	gen_put_vr(&g, DCM_SmallestImagePixelValue, "UN", "ab");
	gen_put(&g, DCM_LargestImagePixelValue, "1");
	gen_put(&g, DCM_StationName, "T");
	cr_expect_str_eq(trace_outside(&g, DCM_Modality, DCM_SeriesDescription),
		"00080060CS2 ?{}]0008103eLO2 00280103US2 00280106SS2 00280107US2 ");
	gen_release(&g);
}

Test(dicom_reader, elements_known_by_their_bytes_are_hopped_over)
{
	static struct dcm_reader r;
	const uint8_t *since, *ahead;
	struct dcm_elem el;
	struct dcm_file f;
	struct gen g;
	size_t len, room;

	gen_begin(&g, GEN_EXPLICIT);
	gen_put(&g, DCM_Modality, "MR");
	gen_put(&g, DCM_Manufacturer, "M");
	gen_put(&g, DCM_StationName, "S");
	gen_put(&g, DCM_PixelRepresentation, "1");
	gen_put(&g, DCM_LargestImagePixelValue, "1");
	cr_assert_eq(dcm_file_open(gen_source(&g), &f, NULL), 0);
	f.meta_off = f.dataset_off;
	dcm_reader_init(&r, &f);
	cr_assert_eq(dcm_reader_next(&r, &el, NULL), DCM_EVENT_ELEM);
	since = dcm_reader_since(&r, el.head_off, &len);
	cr_assert_not_null(since);
	cr_expect_eq(len, 10);
	cr_expect_null(dcm_reader_since(&r, el.head_off - 1, &len), "that is not this data set");
	ahead = dcm_reader_ahead(&r, &room);
	cr_assert_not_null(ahead);
	cr_expect_eq(memcmp(ahead, "\x08\x00\x70\x00LO", 6), 0);
	dcm_reader_hop(&r, 10);
	cr_assert_eq(dcm_reader_next(&r, &el, NULL), DCM_EVENT_ELEM);
	cr_expect_eq(el.tag, DCM_StationName);
	since = dcm_reader_since(&r, el.head_off - 10, &len);
	cr_expect_eq(since, ahead);
	cr_expect_eq(len, 20);
	dcm_reader_next(&r, &el, NULL);
	dcm_reader_next(&r, &el, NULL);
	cr_expect_eq(el.tag, DCM_LargestImagePixelValue);
	cr_expect_not_null(dcm_reader_since(&r, el.head_off, &len));
	cr_expect_null(dcm_reader_since(&r, el.head_off - 1, &len), "later ones depend on it");
	dcm_file_close(&f);
	gen_release(&g);
}

Test(dicom_reader, values_are_there_in_full_and_in_part)
{
	static struct dcm_reader r;
	const uint8_t *view;
	struct dcm_elem el;
	struct dcm_file f;
	struct gen g;
	char buf[100000], *big = malloc(50000);
	size_t len;

	memset(big, 'x', 50000);
	gen_begin_bare(&g, true, false);
	gen_put(&g, DCM_Modality, "MR");
	gen_bytes(&g, DCM_TextValue, "UT", big, 50000);
	gen_put(&g, DCM_PixelData, "12");
	cr_assert_eq(dcm_file_open(gen_source(&g), &f, NULL), 0);
	dcm_reader_init(&r, &f);
	dcm_reader_next(&r, &el, NULL);
	cr_assert_eq(dcm_reader_value(&r, &el, buf, 1, &len, NULL), 0);
	cr_assert(len == 1 && buf[0] == 'M');
	cr_assert_eq(dcm_reader_view(&r, &el, &view, &len, NULL), 0);
	cr_assert(len == 2 && memcmp(view, "MR", 2) == 0);
	dcm_reader_next(&r, &el, NULL);
	cr_assert_eq(dcm_reader_value(&r, &el, buf, sizeof buf, &len, NULL), 0);
	cr_assert_eq(len, 50000);
	cr_assert_arr_eq(buf, big, 50000);
	cr_assert_eq(dcm_reader_view(&r, &el, &view, &len, NULL), 0);
	cr_assert_eq(len, DCM_WINDOW);
	cr_assert_eq(dcm_reader_next(&r, &el, NULL), DCM_EVENT_ELEM);
	cr_assert_eq(el.tag, DCM_PixelData);
}

Test(dicom_reader, implicit_items_in_an_explicit_file_and_the_other_way_round)
{
	struct gen g;
	int i;

	for (i = 0; i < 2; i++) {
		gen_begin(&g, i ? GEN_EXPLICIT : GEN_IMPLICIT);
		gen_put(&g, DCM_Modality, "MR");
		gen_sequence(&g, DCM_ReferencedImageSequence);
		gen_item(&g);
		g.explicit_vr = !i;
		gen_put(&g, DCM_ReferencedSOPInstanceUID, "1.2.3");
		gen_put(&g, DCM_InstanceNumber, "17");
		gen_end(&g);
		gen_end(&g);
		g.explicit_vr = i;
		gen_put(&g, DCM_Rows, "1");
		cr_assert_str_eq(trace(&g, NULL),
			"00080060CS2 00081140[{00081155UI6 00200013IS2 }]00280010US2 .");
	}
}

/* ---- UN ---- */

Test(dicom_reader, un_of_undefined_length_is_an_implicit_sequence)
{
	struct gen g;

	gen_begin(&g, GEN_EXPLICIT);
	gen_put(&g, DCM_Modality, "MR");
	gen_sequence_vr(&g, 0x00091010, "UN", true);
	g.explicit_vr = false;
	gen_item_undefined(&g);
	gen_put(&g, DCM_InstanceNumber, "17");
	gen_end(&g);
	gen_end(&g);
	g.explicit_vr = true;
	gen_put(&g, DCM_Rows, "1");
	cr_assert_str_eq(trace(&g, NULL), "00080060CS2 00091010[{00200013IS2 }]00280010US2 .");
}

Test(dicom_reader, un_of_known_length_is_a_sequence_where_items_tile_it)
{
	struct gen g;
	int i;

	for (i = 0; i < 2; i++) {
		gen_begin(&g, GEN_EXPLICIT);
		gen_sequence_vr(&g, 0x00091010, "UN", false);
		g.explicit_vr = false;
		gen_item(&g);
		gen_put(&g, DCM_InstanceNumber, "17");
		gen_end(&g);
		if (i)
			gen_raw(&g, "junk", 4);
		gen_end(&g);
		g.explicit_vr = true;
		gen_put(&g, DCM_Rows, "1");
		cr_assert_str_eq(trace(&g, NULL),
			i ? "00091010UN22 00280010US2 ." : "00091010[{00200013IS2 }]00280010US2 .");
	}
}

Test(dicom_reader, un_is_what_the_dictionary_says)
{
	static struct dcm_reader r;
	struct dcm_elem el;
	struct dcm_file f;
	struct gen g;

	gen_begin_bare(&g, true, false);
	gen_put_vr(&g, DCM_Modality, "UN", "MR");
	gen_put_vr(&g, 0x00090010, "UN", "GEMS_IDEN_01");
	gen_put_vr(&g, 0x00091001, "UN", "GE_GENESIS_FF");
	gen_put_vr(&g, 0x000910ee, "UN", "??");
	cr_assert_eq(dcm_file_open(gen_source(&g), &f, NULL), 0);
	dcm_reader_init(&r, &f);
	dcm_reader_next(&r, &el, NULL);
	cr_assert(el.vr == DCM_VR_CS && el.vr_was_un && !el.vr_implicit);
	dcm_reader_next(&r, &el, NULL);
	cr_assert(el.vr == DCM_VR_LO && el.vr_was_un);
	dcm_reader_next(&r, &el, NULL);
	cr_assert(el.vr == DCM_VR_LO && el.vr_was_un);
	dcm_reader_next(&r, &el, NULL);
	cr_assert(el.vr == DCM_VR_UN && !el.vr_was_un);
}

/* ---- private elements, VRs that depend on others ---- */

Test(dicom_reader, a_creator_counts_in_its_own_data_set_alone)
{
	struct gen g;

	gen_begin_bare(&g, false, false);
	gen_put(&g, DCM_Modality, "MR");
	gen_put(&g, 0x20050014, "Philips MR Imaging DD 005");
	gen_sequence_vr(&g, 0x2005140f, "SQ", true);
	gen_item_undefined(&g);
	gen_put_vr(&g, 0x20051401, "UL", "1");
	gen_end(&g);
	gen_item_undefined(&g);
	gen_put(&g, 0x20050015, "Philips MR Imaging DD 001");
	gen_put_vr(&g, 0x2005150e, "FL", "1");
	gen_end(&g);
	gen_end(&g);
	gen_put_vr(&g, 0x20051500, "FL", "1");
	cr_assert_str_eq(trace(&g, NULL),
		"00080060CS2 20050014LO26 2005140f[{20051401UN4 }"
		"{20050015LO26 2005150eFL4 }]20051500UN4 .");
}

Test(dicom_reader, us_or_ss_by_the_nearest_pixel_representation)
{
	struct gen g;

	gen_begin(&g, GEN_IMPLICIT);
	gen_put(&g, DCM_Modality, "MR");
	gen_put(&g, DCM_SmallestImagePixelValue, "1");
	gen_put(&g, DCM_PixelRepresentation, "1");
	gen_put(&g, DCM_PixelPaddingValue, "1");
	gen_sequence(&g, DCM_ModalityLUTSequence);
	gen_item(&g);
	gen_put(&g, DCM_LUTDescriptor, "1\\0\\16");
	gen_put_vr(&g, DCM_LUTData, "US", "1");
	gen_end(&g);
	gen_item(&g);
	gen_put(&g, DCM_PixelRepresentation, "0");
	gen_put(&g, DCM_LUTDescriptor, "2\\0\\16");
	gen_put_vr(&g, DCM_LUTData, "US", "1\\2");
	gen_end(&g);
	gen_end(&g);
	cr_assert_str_eq(trace(&g, NULL),
		"00080060CS2 00280106US2 00280103US2 00280120SS2 "
		"00283000[{00283002SS6 00283006US2 }{00280103US2 00283002US6 00283006OW4 }].");
}

/* ---- encapsulated pixels ---- */

static void encapsulate(struct gen *g)
{
	gen_encapsulated(g, DCM_PixelData);
	gen_offsets(g, NULL, 0);
	gen_fragment(g, "12345678", 8);
	gen_fragment(g, "1234", 4);
	gen_end(g);
}

Test(dicom_reader, encapsulated_pixels_are_passed_over_or_counted)
{
	static struct dcm_reader r;
	struct dcm_elem el;
	struct dcm_file f;
	struct gen g;
	uint32_t n;
	uint64_t bytes;

	gen_begin(&g, GEN_JPEG);
	gen_put(&g, DCM_Modality, "MR");
	encapsulate(&g);
	gen_put(&g, DCM_DataSetTrailingPadding, "12");
	cr_assert_str_eq(trace(&g, NULL), "00080060CS2 7fe00010<>fffcfffcOB2 .");
	cr_assert_eq(dcm_file_open(gen_source(&g), &f, NULL), 0);
	f.meta_off = f.dataset_off;
	dcm_reader_init(&r, &f);
	dcm_reader_next(&r, &el, NULL);
	cr_assert_eq(dcm_reader_next(&r, &el, NULL), DCM_EVENT_PIXELS);
	cr_assert_eq(el.vr, DCM_VR_OB);
	cr_assert_eq(dcm_reader_fragments(&r, &n, &bytes, NULL), 0);
	cr_assert(n == 2 && bytes == 12);
	dcm_reader_next(&r, &el, NULL);
	cr_assert_eq(el.tag, DCM_DataSetTrailingPadding);
}

Test(dicom_reader, encapsulated_pixels_without_an_end)
{
	struct gen g;
	unsigned n;

	gen_begin(&g, GEN_JPEG);
	gen_put(&g, DCM_Modality, "MR");
	encapsulate(&g);
	g.out.len -= 8;
	cr_assert_str_eq(trace(&g, &n), "00080060CS2 7fe00010<>.");
	cr_assert_eq(n, 1);
}

/* ---- damage ---- */

Test(dicom_reader, a_length_beyond_the_file_is_clamped)
{
	struct gen g;
	unsigned n;

	gen_begin(&g, GEN_EXPLICIT);
	gen_put(&g, DCM_Modality, "MR");
	gen_head(&g, DCM_PixelData, "OW", 0xfffffff0);
	gen_raw(&g, "1234", 4);
	cr_assert_str_eq(trace(&g, &n), "00080060CS2 7fe00010OW4 .");
	cr_assert_eq(n, 1);
}

Test(dicom_reader, an_item_that_is_too_long_ends_with_its_sequence)
{
	struct gen g;
	unsigned n;

	gen_begin(&g, GEN_EXPLICIT);
	gen_put(&g, DCM_Modality, "MR");
	gen_sequence(&g, DCM_ReferencedImageSequence);
	gen_head(&g, 0xfffee000, "\0\0", 0);
	g.out.len -= 4;
	gen_raw(&g, "\x10\0\0\0", 4);
	gen_put(&g, DCM_Modality, "MR");
	gen_end(&g);
	gen_put(&g, DCM_Rows, "1");
	cr_assert_str_eq(trace(&g, &n), "00080060CS2 00081140[{00080060CS2 }]00280010US2 .");
	cr_assert_eq(n, 1);
}

/* Two items of an element each, in a sequence that says `delta` bytes more, between elements. */
static void generate_sequence(struct gen *g, const char *syntax, int delta)
{
	size_t len_at;
	int i;

	gen_begin(g, syntax);
	gen_put(g, DCM_Modality, "MR");
	gen_sequence(g, DCM_ReferencedImageSequence);
	len_at = g->out.len - 4;
	for (i = 0; i < 2; i++) {
		gen_item(g);
		gen_put(g, DCM_ReferencedSOPInstanceUID, "1.2.3.4.5.6.7.8.9.10.11");
		gen_end(g);
	}
	gen_end(g);
	g->out.data[len_at] = (char)(g->out.data[len_at] + delta);
	gen_put(g, DCM_PatientName, "Doe");
	gen_put(g, DCM_Rows, "1");
}

static const char *const syntaxes_of_lengths[] = { GEN_EXPLICIT, GEN_IMPLICIT };

static const char two_items[] = "00080060CS2 00081140[{00081155UI24 }{00081155UI24 }]00100010PN4 "
				"00280010US2 .";

static void expect_two_items(const int deltas[5])
{
	struct gen g;
	size_t i, k;
	unsigned n;

	for (k = 0; k < 2; k++) {
		for (i = 0; i < 5; i++) {
			generate_sequence(&g, syntaxes_of_lengths[k], deltas[i]);
			cr_expect_str_eq(trace(&g, &n), two_items, "%d bytes", deltas[i]);
			cr_expect_eq(n, 1);
			gen_release(&g);
		}
	}
}

/* Writers that forget the heads of items, or that change what is in them. */
Test(dicom_reader, a_sequence_that_is_too_short_for_its_items_goes_on)
{
	expect_two_items((const int[]){ -2, -8, -16, -30, -50 });
}

Test(dicom_reader, a_sequence_that_is_too_long_ends_with_its_items)
{
	expect_two_items((const int[]){ 2, 4, 8, 10, 14 });
}

/* Nothing tells where the items end: by the sequence, since that ends with a sound element. */
Test(dicom_reader, a_sequence_that_ends_between_elements_is_believed)
{
	struct gen g;
	unsigned n;

	gen_begin(&g, GEN_EXPLICIT);
	gen_sequence(&g, DCM_ReferencedImageSequence);
	gen_head(&g, 0xfffee000, "\0\0", 0);
	g.out.len -= 4;
	gen_raw(&g, "\x14\0\0\0", 4);
	gen_put(&g, DCM_Modality, "MR");
	gen_end(&g);
	gen_put(&g, DCM_PatientSize, "12");
	gen_put(&g, DCM_Rows, "1");
	cr_assert_str_eq(trace(&g, &n), "00081140[{00080060CS2 }]00101020DS2 00280010US2 .");
	cr_assert_eq(n, 1);
}

Test(dicom_reader, skipping_a_sequence_of_a_wrong_length_goes_on_behind_its_items)
{
	static const int deltas[] = { -50, -8, 0, 4, 8 };
	static struct dcm_reader r;
	struct dcm_elem el;
	struct dcm_file f;
	struct gen g;
	size_t i;

	for (i = 0; i < sizeof deltas / sizeof *deltas; i++) {
		generate_sequence(&g, GEN_EXPLICIT, deltas[i]);
		cr_assert_eq(dcm_file_open(gen_source(&g), &f, NULL), 0);
		f.meta_off = f.dataset_off;
		dcm_reader_init(&r, &f);
		cr_assert_eq(dcm_reader_next(&r, &el, NULL), DCM_EVENT_ELEM);
		cr_assert_eq(dcm_reader_next(&r, &el, NULL), DCM_EVENT_SEQ_BEGIN);
		cr_assert_eq(dcm_reader_skip(&r, &el, NULL), 0);
		cr_assert_eq(dcm_reader_next(&r, &el, NULL), DCM_EVENT_ELEM);
		cr_expect_eq(el.tag, DCM_PatientName, "%d bytes: %08x", deltas[i], el.tag);
		dcm_file_close(&f);
		gen_release(&g);
	}
}

Test(dicom_reader, delimiters_that_are_missing_or_too_many)
{
	struct gen g;
	unsigned n;

	gen_begin(&g, GEN_EXPLICIT);
	gen_put(&g, DCM_Modality, "MR");
	gen_sequence_undefined(&g, DCM_ReferencedImageSequence);
	gen_item_undefined(&g);
	gen_put(&g, DCM_Modality, "CT");
	g.depth--; /* no item delimiter */
	gen_item_undefined(&g);
	gen_end(&g);
	gen_raw(&g, "\xfe\xff\x0d\xe0\0\0\0\0", 8);
	gen_end(&g);
	gen_raw(&g, "\xfe\xff\xdd\xe0\0\0\0\0", 8);
	gen_put(&g, DCM_Rows, "1");
	cr_assert_str_eq(trace(&g, &n), "00080060CS2 00081140[{00080060CS2 }{}]00280010US2 .");
	cr_assert_eq(n, 2);
}

Test(dicom_reader, a_sequence_that_never_ends)
{
	struct gen g;
	unsigned n;

	gen_begin(&g, GEN_EXPLICIT);
	gen_sequence_undefined(&g, DCM_ReferencedImageSequence);
	gen_item_undefined(&g);
	gen_put(&g, DCM_Modality, "CT");
	g.depth = 0;
	cr_assert_str_eq(trace(&g, &n), "00081140[{00080060CS2 }].");
	cr_assert_eq(n, 2);
}

Test(dicom_reader, elements_where_an_item_should_be)
{
	struct gen g;

	gen_begin(&g, GEN_EXPLICIT);
	gen_put(&g, DCM_Modality, "MR");
	gen_sequence(&g, DCM_ReferencedImageSequence);
	gen_put(&g, DCM_Modality, "CT");
	gen_end(&g);
	gen_put(&g, DCM_Rows, "1");
	cr_assert_str_eq(trace(&g, NULL), "00080060CS2 00081140UN10 00280010US2 .");
}

Test(dicom_reader, odd_lengths_are_taken_literally)
{
	struct gen g;

	gen_begin(&g, GEN_EXPLICIT);
	gen_bytes(&g, DCM_Modality, "CS", "MRX", 3);
	gen_put(&g, DCM_Rows, "1");
	cr_assert_str_eq(trace(&g, NULL), "00080060CS3 00280010US2 .");
}

Test(dicom_reader, unknown_vrs_take_the_form_that_parses)
{
	static const struct {
		const char *head, *want;
	} cases[] = {
		{ "\x11\x00\x10\x00ZZ\0\0\4\0\0\0"
		  "abcd",
			"00110010LO4 " }, /* to come: long */
		{ "\x11\x00\x10\x00ZZ\4\0"
		  "abcd\0\0\0\0",
			"00110010LO4 " },
		{ "\x11\x00\x11\x10ZZ\4\0"
		  "abcd\0\0\0\0",
			"00111011UN4 " },
		{ "\x11\x00\x11\x10??\4\0"
		  "abcd\0\0\0\0",
			"00111011UN4 " },
		{ "\x11\x00\x11\x10\0\0\4\0"
		  "abcd\0\0\0\0",
			"00111011UN4 " },
		{ "\x11\x00\x11\x10\4\0\0\0"
		  "abcd\0\0\0\0",
			"00111011UN4 " },
	};
	char want[100];
	struct gen g;
	size_t i;

	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		gen_begin(&g, GEN_EXPLICIT);
		gen_put(&g, DCM_Modality, "MR");
		gen_raw(&g, cases[i].head, i == 0 ? 16 : 12);
		gen_put(&g, DCM_Rows, "1");
		snprintf(want, sizeof want, "00080060CS2 %s00280010US2 .", cases[i].want);
		cr_assert_str_eq(trace(&g, NULL), want, "%zu", i);
	}
}

Test(dicom_reader, junk_behind_the_last_element)
{
	struct gen g;
	unsigned n;

	gen_begin(&g, GEN_EXPLICIT);
	gen_put(&g, DCM_Rows, "1");
	gen_raw(&g, "junk", 4);
	cr_assert_str_eq(trace(&g, &n), "00280010US2 .");
	cr_assert_eq(n, 1);
	gen_begin(&g, GEN_EXPLICIT);
	gen_put(&g, DCM_Rows, "1");
	buf_fill(&g.out, 0, 1000);
	cr_assert_str_eq(trace(&g, &n), "00280010US2 .");
	cr_assert_eq(n, 1);
}

Test(dicom_reader, nesting_is_bounded)
{
	struct gen g;
	const char *text;
	unsigned n, depth = 0;
	int i;

	gen_begin(&g, GEN_EXPLICIT);
	for (i = 0; i < 100; i++) {
		gen_sequence_undefined(&g, DCM_ReferencedImageSequence);
		gen_item_undefined(&g);
	}
	for (text = trace(&g, &n); *text; text++)
		depth += *text == '{';
	cr_assert_eq(depth, DCM_MAX_DEPTH);
	cr_assert_geq(n, 1);
}

Test(dicom_reader, the_number_of_elements_is_bounded, .timeout = 60)
{
	static struct dcm_reader r;
	struct dcm_elem el;
	struct dcm_file f;
	unsigned n = 0, open = 0;
	struct gen g;
	int event;

	gen_begin(&g, GEN_EXPLICIT);
	gen_sequence(&g, DCM_ReferencedImageSequence);
	gen_item(&g);
	while (n++ < DCM_MAX_ELEMENTS + 1000)
		gen_raw(&g, "\x08\0\x60\0CS\0\0", 8);
	cr_assert_eq(dcm_file_open(gen_source(&g), &f, NULL), 0);
	dcm_reader_init(&r, &f);
	for (n = 0; (event = dcm_reader_next(&r, &el, NULL)) != DCM_EVENT_END; n++) {
		open += event == DCM_EVENT_SEQ_BEGIN || event == DCM_EVENT_ITEM_BEGIN;
		open -= event == DCM_EVENT_SEQ_END || event == DCM_EVENT_ITEM_END;
	}
	cr_assert_leq(n, DCM_MAX_ELEMENTS + 4);
	cr_assert_eq(open, 0);
	cr_assert_eq(r.n_problems, 1);
}

/* ---- every cut, every failure ---- */

static void rich_file(struct gen *g, const char *syntax)
{
	gen_begin(g, syntax);
	gen_put(g, DCM_SpecificCharacterSet, "ISO_IR 100");
	nest(g, 3);
	gen_put(g, 0x00290010, "SIEMENS CSA HEADER");
	gen_put_vr(g, 0x00291010, "UN", "some bytes");
	if (strcmp(syntax, GEN_JPEG) == 0)
		encapsulate(g);
	else
		gen_put(g, DCM_PixelData, "12345678");
	gen_finish(g);
}

Test(dicom_reader, a_file_cut_at_any_byte_is_read_up_to_there)
{
	static const char *const syntaxes[] = { GEN_IMPLICIT, GEN_EXPLICIT, GEN_BIG_ENDIAN,
		GEN_DEFLATED, GEN_JPEG };
	struct dcm_source *s;
	struct dcm_file f;
	struct gen g;
	size_t i, cut;
	uint8_t *exact;
	int rc;

	for (i = 0; i < 5; i++) {
		rich_file(&g, syntaxes[i]);
		for (cut = 0; cut < g.out.len; cut++) {
			exact = malloc(cut + 1);
			memcpy(exact, g.out.data, cut);
			dcm_source_from_memory(exact, cut, &s, NULL);
			rc = dcm_file_open(s, &f, NULL);
			cr_assert(rc == 0 || cut <= 132 || i == 3, "%zu %zu", i, cut);
			if (rc == 0) {
				trace_of(&f, NULL);
				dcm_file_close(&f);
			}
			free(exact);
		}
	}
}

Test(dicom_reader, a_source_that_fails_is_an_error_not_an_end)
{
	static struct dcm_reader r;
	struct failsource s;
	struct dcm_elem el;
	struct dcm_file f;
	struct gen g;
	struct err err = { 0 };
	int event = 0;

	gen_begin(&g, GEN_EXPLICIT);
	gen_put(&g, DCM_Modality, "MR");
	gen_bytes(&g, DCM_TextValue, "UT", calloc(1, 40000), 40000);
	gen_put(&g, DCM_Rows, "1");
	failsource_init(&s, g.out.data, g.out.len, 30000);
	cr_assert_eq(dcm_file_open(&s.base, &f, NULL), 0);
	dcm_reader_init(&r, &f);
	while (event >= 0 && event != DCM_EVENT_END)
		event = dcm_reader_next(&r, &el, &err);
	cr_assert_eq(event, -EIO);
	cr_assert_eq(err.code, -EIO);
	s.fails_at = 100;
	cr_assert_eq(dcm_file_open(&s.base, &f, NULL), -EIO);
}

/* Heads of no known form, each of which points far away in one of the forms it may have. */
Test(dicom_reader, guessing_is_bounded)
{
	static struct dcm_reader r;
	struct failsource s;
	struct dcm_elem el;
	struct dcm_file f;
	struct gen g;
	unsigned i;

	gen_begin(&g, GEN_EXPLICIT);
	gen_put(&g, DCM_Modality, "MR");
	for (i = 0; i < 40000; i++)
		gen_raw(&g, "\xff\0\0\x10\1\0\0\0x", 9);
	failsource_init(&s, g.out.data, g.out.len, UINT64_MAX);
	cr_assert_eq(dcm_file_open(&s.base, &f, NULL), 0);
	dcm_reader_init(&r, &f);
	while (dcm_reader_next(&r, &el, NULL) != DCM_EVENT_END)
		;
	cr_assert_geq(r.n_elements, 40000);
	cr_assert_gt(s.n_reads, DCM_MAX_GUESSES);
	cr_assert_lt(s.n_reads, 5 * DCM_MAX_GUESSES);
	dcm_file_close(&f);
	gen_release(&g);
}

/* A VR and a short length are a length that is less than a large file. */
Test(dicom_reader, explicit_items_of_an_unknown_sequence_in_a_large_file)
{
	static const uint8_t pixels[400000];
	struct gen g;

	gen_begin(&g, GEN_EXPLICIT);
	gen_put_vr(&g, DCM_TAG(0x0029, 0x0010), "LO", "ACME");
	gen_sequence_vr(&g, DCM_TAG(0x0029, 0x1001), "UN", true);
	gen_item_undefined(&g);
	gen_put(&g, DCM_CodeValue, "C1");
	gen_put(&g, DCM_CodeMeaning, "mean");
	gen_end(&g);
	gen_end(&g);
	gen_bytes(&g, DCM_PixelData, "OW", pixels, sizeof pixels);
	cr_expect_str_eq(trace(&g, NULL),
		"00290010LO4 00291001[{00080100SH2 00080104LO4 }]7fe00010OW400000 .");
}

Test(dicom_reader, bytes_up_to_a_delimiter)
{
	unsigned n;
	struct gen g;

	gen_begin(&g, GEN_EXPLICIT);
	gen_put_vr(&g, DCM_TAG(0x0029, 0x0010), "LO", "ACME");
	gen_head(&g, DCM_TAG(0x0029, 0x1001), "OB", 0xFFFFFFFF);
	gen_raw(&g, "rawbytes", 8);
	gen_raw(&g, "\xFE\xFF\xDD\xE0\0\0\0\0", 8);
	gen_put(&g, DCM_PerformedProcedureStepDescription, "then");
	cr_expect_str_eq(trace(&g, &n), "00290010LO4 00291001OB8 00400254LO4 .");
	cr_expect_eq(n, 1);
}
