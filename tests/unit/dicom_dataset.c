/* SPDX-License-Identifier: MIT */
/* The tree of a header: what is asked of it, and files that were made to break a reader. */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/err.h"
#include "base/mem.h"
#include "codec/pixel.h"
#include "dicom/charset.h"
#include "dicom/dataset.h"
#include "dicom/frames.h"
#include "dicom/pixels.h"
#include "dicom/source.h"
#include "dicom/tags.h"
#include "dicom/value.h"
#include "support/dcmgen.h"
#include "support/failsource.h"

static bool value_is(const struct dcm_node *n, const char *want)
{
	return n && n->value && n->el.len >= strlen(want) &&
		memcmp(n->value, want, strlen(want)) == 0;
}

static void sample(struct gen *g, const char *syntax)
{
	gen_begin(g, syntax);
	gen_put(g, DCM_SpecificCharacterSet, "ISO_IR 100");
	gen_put(g, DCM_Modality, "MR");
	gen_sequence(g, DCM_ReferencedImageSequence);
	gen_item(g);
	gen_put(g, DCM_ReferencedSOPInstanceUID, "1.1");
	gen_end(g);
	gen_item_undefined(g);
	gen_put(g, DCM_SpecificCharacterSet, "ISO_IR 192");
	gen_sequence_undefined(g, DCM_PurposeOfReferenceCodeSequence);
	gen_item(g);
	gen_put(g, DCM_CodeValue, "deep");
	gen_end(g);
	gen_end(g);
	gen_end(g);
	gen_end(g);
	gen_put(g, 0x20050014, "Philips MR Imaging DD 001");
	gen_put_vr(g, 0x2005140e, "FL", "2.5");
	gen_put(g, DCM_PixelData, "12345678");
}

Test(dicom_dataset, meta_and_data_set_are_apart)
{
	struct gen g;
	struct dcm_header *h;

	sample(&g, GEN_IMPLICIT);
	h = gen_header(&g);
	cr_assert(value_is(dcm_get(&h->meta, DCM_TransferSyntaxUID), GEN_IMPLICIT));
	cr_assert_null(dcm_get(&h->top, DCM_TransferSyntaxUID));
	cr_assert(value_is(dcm_get(&h->top, DCM_Modality), "MR"));
	cr_assert_null(dcm_get(&h->top, DCM_Rows));
	cr_assert_eq(h->pixels_tag, DCM_PixelData);
	cr_assert_eq(h->pixels_len, 8);
	cr_assert_null(dcm_get(&h->top, DCM_PixelData)->value);
	dcm_header_free(h);
}

Test(dicom_dataset, items_know_their_parents_and_their_charset)
{
	const struct dcm_dataset *first, *second, *deep;
	struct gen g;
	struct dcm_header *h;

	sample(&g, GEN_EXPLICIT);
	h = gen_header(&g);
	first = dcm_first_item(&h->top, DCM_ReferencedImageSequence);
	second = dcm_item(dcm_get(&h->top, DCM_ReferencedImageSequence), 1);
	deep = dcm_first_item(second, DCM_PurposeOfReferenceCodeSequence);
	cr_assert_null(dcm_item(dcm_get(&h->top, DCM_ReferencedImageSequence), 2));
	cr_assert_null(dcm_first_item(&h->top, DCM_ModalityLUTSequence));
	cr_assert_eq(deep->parent, second);
	cr_assert_eq(second->parent, &h->top);
	cr_assert_null(h->top.parent);
	cr_assert_eq(first->charset, h->top.charset);
	cr_assert_eq(deep->charset, second->charset);
	cr_assert_neq(second->charset, first->charset);
	cr_assert(value_is(dcm_find_deep(&h->top, DCM_CodeValue), "deep"));
	cr_assert_null(dcm_find_deep(&h->top, DCM_CodeMeaning));
	dcm_header_free(h);
}

Test(dicom_dataset, private_elements_are_found_by_creator)
{
	struct gen g;
	struct dcm_header *h;
	const struct dcm_node *n;

	sample(&g, GEN_EXPLICIT);
	h = gen_header(&g);
	n = dcm_get_private(&h->top, 0x2005, "Philips MR Imaging DD 001", 0x0e);
	cr_assert_eq(n->el.tag, 0x2005140e);
	cr_assert_str_eq(n->creator, "Philips MR Imaging DD 001");
	cr_assert_eq(dcm_get_private(&h->top, 0x2005, "Philips MR Imaging", 0x0e), n);
	cr_assert_null(dcm_get_private(&h->top, 0x2005, "Philips MR Imaging DD 002", 0x0e));
	cr_assert_null(dcm_get_private(&h->top, 0x2001, "Philips", 0x0e));
	dcm_header_free(h);
}

Test(dicom_dataset, without_any_creator_block_10_is_taken)
{
	struct gen g;
	struct dcm_header *h;

	gen_begin(&g, GEN_EXPLICIT);
	gen_put_vr(&g, 0x2005100e, "FL", "2.5");
	h = gen_header(&g);
	cr_assert_not_null(dcm_get_private(&h->top, 0x2005, "Philips MR Imaging DD 001", 0x0e));
	cr_assert_null(dcm_get(&h->top, 0x2005100e)->creator);
	dcm_header_free(h);
}

Test(dicom_dataset, the_first_of_two_elements_with_one_tag_counts)
{
	struct gen g;
	struct dcm_header *h;
	int i;

	for (i = 0; i < 2; i++) {
		gen_begin(&g, GEN_EXPLICIT);
		gen_put(&g, i ? DCM_Rows : DCM_Modality, i ? "1" : "AA");
		gen_put(&g, DCM_Modality, "MR");
		gen_put(&g, DCM_Modality, "CT");
		h = gen_header(&g);
		cr_assert_eq(h->top.sorted, !i);
		cr_assert(value_is(dcm_get(&h->top, DCM_Modality), i ? "MR" : "AA"));
		cr_assert_eq(h->top.n_nodes, 3);
		dcm_header_free(h);
	}
}

Test(dicom_dataset, long_binary_values_stay_in_the_file_until_asked_for)
{
	struct gen g;
	struct dcm_header *h;
	const uint8_t *value;
	uint8_t *big = calloc(1, 100000);
	bool owned;

	big[99999] = 7;
	gen_begin(&g, GEN_EXPLICIT);
	gen_bytes(&g, 0x00291010, "OB", big, 100000);
	gen_bytes(&g, 0x00291011, "UT", big, 100000);
	h = gen_header(&g);
	cr_assert_null(dcm_get(&h->top, 0x00291010)->value);
	cr_assert_not_null(dcm_get(&h->top, 0x00291011)->value);
	cr_assert_eq(dcm_header_load(h, dcm_get(&h->top, 0x00291010), &value, &owned, NULL), 0);
	cr_assert(owned && value[99999] == 7);
	mem_free((void *)value);
	cr_assert_eq(dcm_header_load(h, dcm_get(&h->top, 0x00291011), &value, &owned, NULL), 0);
	cr_assert(!owned && value[99999] == 7);
	dcm_header_free(h);
}

Test(dicom_dataset, encapsulated_pixels_tell_their_fragments)
{
	struct gen g;
	struct dcm_header *h;
	const struct dcm_node *n;

	gen_begin(&g, GEN_JPEG);
	gen_put(&g, DCM_Modality, "MR");
	gen_encapsulated(&g, DCM_PixelData);
	gen_offsets(&g, (const uint32_t[]){ 0 }, 1);
	gen_fragment(&g, "12345678", 8);
	gen_fragment(&g, "1234", 4);
	h = gen_header(&g);
	n = dcm_get(&h->top, DCM_PixelData);
	cr_assert(n->n_fragments == 2 && n->fragment_bytes == 12);
	cr_assert_eq(h->pixels_len, DCM_UNDEFINED_LENGTH);
	dcm_header_free(h);
}

Test(dicom_dataset, before_the_pixels_is_before_the_pixels)
{
	struct gen g;
	struct dcm_header *h;

	sample(&g, GEN_EXPLICIT);
	cr_assert_eq(dcm_header_read(gen_source(&g), DCM_LOAD_BEFORE_PIXELS, 0, &h, NULL), 0);
	cr_assert_null(dcm_get(&h->top, DCM_PixelData));
	cr_assert_eq(h->pixels_off, g.out.len - 8);
	dcm_header_free(h);
}

Test(dicom_dataset, every_allocation_may_fail)
{
	struct gen g;
	struct dcm_header *h;
	struct dcm_source *s;
	unsigned long k;
	int rc = -1;

	sample(&g, GEN_DEFLATED);
	for (k = 1; k < 100 && rc < 0; k++) {
		s = gen_source(&g);
		mem_fail_after(k);
		rc = dcm_header_read(s, DCM_LOAD_ALL, 0, &h, NULL);
		mem_fail_after(0);
		cr_assert(rc == 0 || rc == -ENOMEM);
	}
	cr_assert_eq(rc, 0);
	cr_assert_gt(k, 8);
	dcm_header_free(h);
}

Test(dicom_dataset, every_read_may_fail)
{
	static const char *const syntaxes[] = { GEN_IMPLICIT, GEN_DEFLATED };
	struct failsource s;
	struct dcm_header *h;
	struct gen g;
	struct err err;
	uint64_t at;
	int i, rc;

	for (i = 0; i < 2; i++) {
		sample(&g, syntaxes[i]);
		gen_bytes(&g, DCM_DataSetTrailingPadding, "OB", calloc(1, 50000), 50000);
		gen_finish(&g);
		for (at = 0; at <= g.out.len; at += 7) {
			failsource_init(&s, g.out.data, g.out.len, at);
			rc = dcm_header_read(&s.base, DCM_LOAD_ALL, 0, &h, &err);
			cr_assert(rc == 0 || (rc == -EIO && err.code == -EIO));
			if (rc == 0)
				dcm_header_free(h);
			cr_assert_eq(s.n_closed, 1);
		}
		failsource_init(&s, g.out.data, g.out.len, UINT64_MAX);
		cr_assert_eq(dcm_header_read(&s.base, DCM_LOAD_ALL, 0, &h, NULL), 0);
		dcm_header_free(h);
		gen_release(&g);
	}
}

Test(dicom_dataset, what_a_header_keeps_in_memory_is_bounded)
{
	const struct dcm_node *last;
	const uint8_t *value;
	struct dcm_header *h;
	struct gen g;
	bool owned;
	int i;

	gen_begin(&g, GEN_EXPLICIT);
	for (i = 0; i < 5; i++) {
		gen_head(&g, 0x00091000 + (uint32_t)i, "UT", 32u << 20);
		buf_fill(&g.out, 'a' + i, 32u << 20);
	}
	h = gen_header(&g);
	last = dcm_get(&h->top, 0x00091004);
	cr_assert_not_null(dcm_get(&h->top, 0x00091002)->value);
	cr_assert_null(last->value);
	cr_assert_leq(h->arena.total_bytes, DCM_MAX_LOADED + (1u << 20));
	cr_assert_eq(dcm_header_load(h, last, &value, &owned, NULL), 0);
	cr_assert(owned && value[0] == 'e' && value[(32u << 20) - 1] == 'e');
	mem_free((void *)value);
	dcm_header_free(h);
	gen_release(&g);
}

/* ---- six files that broke a reader ---- */

Test(dicom_dataset, a_private_tag_in_implicit_vr_is_no_obstacle)
{
	struct gen g;
	struct dcm_header *h;

	gen_begin(&g, GEN_IMPLICIT);
	gen_put(&g, DCM_Modality, "MR");
	gen_put_vr(&g, 0x00190010, "LO", "SOMEBODY");
	gen_put_vr(&g, 0x00191001, "UN", "xx");
	gen_put(&g, DCM_Rows, "7");
	h = gen_header(&g);
	cr_assert_eq(dcm_get(&h->top, 0x00191001)->el.vr, DCM_VR_UN);
	cr_assert_eq(dcm_get_int(&h->top, DCM_Rows, 0), 7);
	cr_assert_eq(h->n_problems, 0);
	dcm_header_free(h);
}

Test(dicom_dataset, a_vr_that_is_not_the_dictionary_s_is_no_obstacle)
{
	struct gen g;
	struct dcm_header *h;

	gen_begin(&g, GEN_EXPLICIT);
	gen_put_vr(&g, DCM_InstanceNumber, "LO", "17");
	gen_put(&g, DCM_Rows, "7");
	h = gen_header(&g);
	cr_assert_eq(dcm_get_int(&h->top, DCM_InstanceNumber, 0), 17);
	cr_assert_eq(dcm_get_int(&h->top, DCM_Rows, 0), 7);
	dcm_header_free(h);
}

Test(dicom_dataset, native_pixels_in_implicit_vr)
{
	struct gen_instance in = { .syntax = GEN_IMPLICIT, .rows = 3, .cols = 5 };
	enum photometric photometric;
	struct pixel_desc d;
	struct dcm_frames f;
	const struct dcm_node *n;
	struct dcm_header *h;
	uint8_t out[30];
	struct gen g;

	gen_instance_begin(&g, &in);
	gen_instance_end(&g, &in);
	h = gen_header(&g);
	n = dcm_get(&h->top, DCM_PixelData);
	cr_assert_eq(dcm_pixel_desc(&h->file, &h->top, &n->el, &d, NULL), 0);
	cr_assert_eq(dcm_frames_read(h->file.source, h->pixels_off, h->pixels_len, &d, 1, NULL, &f,
			     NULL),
		0);
	cr_assert_eq(dcm_frame_decode(h->file.source, &f, &d, NULL, 0, out, 30, &photometric, NULL),
		0);
	cr_assert(out[0] == 0 && out[2] == 1 && out[28] == 14);
	dcm_frames_release(&f);
	dcm_header_free(h);
}

static long resident_kib(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_maxrss;
}

Test(dicom_dataset, two_hundred_thousand_nested_sequences)
{
	struct gen g;
	struct dcm_header *h;
	int i;

	gen_begin(&g, GEN_EXPLICIT);
	gen_put(&g, DCM_Modality, "MR");
	for (i = 0; i < 200000; i++) {
		gen_head(&g, DCM_ReferencedImageSequence, "SQ", UINT32_MAX);
		gen_raw(&g, "\xfe\xff\x00\xe0\xff\xff\xff\xff", 8);
	}
	h = gen_header(&g);
	cr_assert(value_is(dcm_get(&h->top, DCM_Modality), "MR"));
	cr_assert_gt(h->n_problems, 0);
	dcm_header_free(h);
}

Test(dicom_dataset, a_length_of_4_gb_in_262_bytes)
{
	struct gen g;
	struct dcm_header *h;
	long before = resident_kib();

	gen_begin(&g, GEN_EXPLICIT);
	gen_put(&g, DCM_Modality, "MR");
	gen_head(&g, DCM_TextValue, "UT", 0xfffffff0);
	gen_raw(&g, "text", 4);
	h = gen_header(&g);
	cr_assert(value_is(dcm_get(&h->top, DCM_TextValue), "text"));
	cr_assert_eq(h->n_problems, 1);
	cr_assert_lt(resident_kib() - before, 8192);
	dcm_header_free(h);
}
