/* SPDX-License-Identifier: MIT */
/* Headers written again: what is written reads back, with what was to change changed. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "dicom/dataset.h"
#include "dicom/source.h"
#include "dicom/tags.h"
#include "dicom/value.h"
#include "format/part10.h"
#include "support/dcmgen.h"

/* All parts in a row; pixels are 0xEE. */
static void join(const struct dcm_header *h, const struct part10 *p, struct buf *out)
{
	size_t i;
	char *range;

	buf_init(out);
	for (i = 0; i < p->n_parts; i++) {
		const struct part10_part *x = &p->parts[i];

		if (x->kind == PART10_BYTES) {
			buf_add(out, x->bytes, (size_t)x->len);
		} else if (x->kind == PART10_PIXELS) {
			buf_fill(out, 0xEE, (size_t)x->len);
		} else {
			range = mem_alloc((size_t)x->len);
			cr_assert_eq(dcm_source_read_full(h->file.source, range, (size_t)x->len,
					     x->off, NULL),
				0);
			buf_add(out, range, (size_t)x->len);
			mem_free(range);
		}
	}
	cr_assert_eq(out->len, p->size);
}

static struct dcm_header *rewrite(struct gen *g, const struct part10_plan *plan, struct buf *bytes)
{
	struct dcm_header *h = gen_header(g), *again;
	struct dcm_source *s;
	struct part10 p;

	cr_assert_eq(part10_write(h, plan, &p, NULL), 0);
	join(h, &p, bytes);
	part10_release(&p);
	dcm_header_free(h);
	cr_assert_eq(dcm_source_from_memory(bytes->data, bytes->len, &s, NULL), 0);
	cr_assert_eq(dcm_header_read(s, DCM_LOAD_ALL, 0, &again, NULL), 0);
	cr_assert_eq(again->n_problems, 0, "%s", again->n_problems ? again->problems[0].text : "");
	return again;
}

static void write_sample(struct gen *g, const char *syntax)
{
	static const uint8_t fragment[6] = { 1, 2, 3, 4, 5, 6 };

	gen_begin(g, syntax);
	gen_put(g, DCM_SOPClassUID, "1.2.840.10008.5.1.4.1.1.4");
	gen_put(g, DCM_SOPInstanceUID, "1.2.3");
	gen_sequence(g, DCM_ReferencedImageSequence);
	gen_item(g);
	gen_put(g, DCM_ReferencedSOPInstanceUID, "1.2.4");
	gen_end(g);
	gen_item_undefined(g);
	gen_end(g);
	gen_end(g);
	gen_put(g, DCM_PatientName, "A^B");
	gen_put(g, DCM_Rows, "2");
	gen_put(g, DCM_Columns, "3");
	gen_put(g, DCM_BitsAllocated, "8");
	if (strcmp(syntax, GEN_RLE) == 0) {
		gen_encapsulated(g, DCM_PixelData);
		gen_offsets(g, NULL, 0);
		gen_fragment(g, fragment, sizeof fragment);
		gen_end(g);
	} else {
		gen_bytes(g, DCM_PixelData, "OB", fragment, sizeof fragment);
	}
	gen_finish(g);
}

static void expect_same(const struct dcm_header *h)
{
	const struct dcm_node *seq = dcm_get(&h->top, DCM_ReferencedImageSequence);

	cr_assert(dcm_text_is(dcm_get(&h->meta, DCM_TransferSyntaxUID), 0, GEN_EXPLICIT));
	cr_assert(dcm_text_is(dcm_get(&h->top, DCM_PatientName), 0, "A^B"));
	cr_assert_eq(dcm_get_int(&h->top, DCM_Rows, 0), 2);
	cr_assert_not_null(seq);
	cr_assert_eq(seq->n_items, 2);
	cr_assert(dcm_text_is(dcm_get(dcm_item(seq, 0), DCM_ReferencedSOPInstanceUID), 0, "1.2.4"));
}

Test(part10, any_encoding_is_written_as_explicit_little_endian)
{
	static const char *const syntaxes[] = { GEN_IMPLICIT, GEN_EXPLICIT, GEN_BIG_ENDIAN,
		GEN_DEFLATED };
	struct part10_plan plan = { 0 };
	size_t i;

	for (i = 0; i < 4; i++) {
		struct dcm_header *h;
		struct buf bytes;
		struct gen g;

		write_sample(&g, syntaxes[i]);
		h = rewrite(&g, &plan, &bytes);
		expect_same(h);
		cr_assert_eq(h->pixels_len, 6);
		cr_assert_eq(memcmp(bytes.data + h->pixels_off, "\1\2\3\4\5\6", 6), 0);
		dcm_header_free(h);
		buf_release(&bytes);
		gen_release(&g);
	}
}

Test(part10, native_pixels_take_the_place_of_fragments)
{
	struct part10_plan plan = { .replace_pixels = true,
		.pixels_len = 7,
		.pixels_vr = DCM_VR_OB };
	struct dcm_header *h;
	struct buf bytes;
	struct gen g;

	write_sample(&g, GEN_RLE);
	h = rewrite(&g, &plan, &bytes);
	expect_same(h);
	cr_assert_eq(h->pixels_len, 8, "padded to an even length");
	cr_assert_eq((uint8_t)bytes.data[h->pixels_off + 6], 0xEE);
	cr_assert_eq(bytes.data[h->pixels_off + 7], 0);
	dcm_header_free(h);
	buf_release(&bytes);
	gen_release(&g);
}

Test(part10, fragments_stay_where_the_syntax_does)
{
	struct part10_plan plan = { .transfer_syntax = GEN_RLE };
	struct dcm_header *h;
	struct buf bytes;
	struct gen g;

	write_sample(&g, GEN_RLE);
	h = rewrite(&g, &plan, &bytes);
	cr_assert_eq(h->pixels_len, DCM_UNDEFINED_LENGTH);
	cr_assert_eq(dcm_get(&h->top, DCM_PixelData)->n_fragments, 1);
	dcm_header_free(h);
	buf_release(&bytes);
	gen_release(&g);
}

static enum part10_action drop_names(void *arg, const struct dcm_dataset *ds,
	const struct dcm_node *n, struct part10_value *v)
{
	(void)arg;
	(void)ds;
	if (n->el.tag == DCM_PatientName)
		return PART10_DROP;
	if (n->el.tag == DCM_ReferencedSOPInstanceUID) {
		v->bytes = "2.25.1";
		v->len = 6;
		return PART10_REPLACE;
	}
	return PART10_KEEP;
}

Test(part10, edits_reach_into_items_and_additions_find_their_place)
{
	static const struct part10_addition add[] = {
		{ DCM_PatientID, DCM_VR_LO, "X", 1 },
		{ DCM_Columns, DCM_VR_US, "\7\0", 2 },
		{ DCM_TAG(0x7FE1, 0x0010), DCM_VR_LO, "LAST", 4 },
	};
	struct part10_plan plan = { .edit = drop_names, .add = add, .n_add = 3 };
	struct dcm_header *h;
	struct buf bytes;
	struct gen g;

	write_sample(&g, GEN_IMPLICIT);
	h = rewrite(&g, &plan, &bytes);
	cr_assert_null(dcm_get(&h->top, DCM_PatientName));
	cr_assert(dcm_text_is(dcm_get(&h->top, DCM_PatientID), 0, "X"));
	cr_assert_eq(dcm_get_int(&h->top, DCM_Columns, 0), 7,
		"an addition stands for what was there");
	cr_assert(dcm_text_is(dcm_get(dcm_first_item(&h->top, DCM_ReferencedImageSequence),
				      DCM_ReferencedSOPInstanceUID),
		0, "2.25.1"));
	cr_assert(h->top.sorted);
	cr_assert_not_null(dcm_get(&h->top, DCM_TAG(0x7FE1, 0x0010)));
	dcm_header_free(h);
	buf_release(&bytes);
	gen_release(&g);
}

Test(part10, more_than_4_GiB_of_pixels_are_refused)
{
	struct part10_plan plan = { .replace_pixels = true,
		.pixels_len = UINT64_C(1) << 32,
		.pixels_vr = DCM_VR_OW };
	struct dcm_header *h;
	struct part10 p;
	struct gen g;

	write_sample(&g, GEN_RLE);
	h = gen_header(&g);
	cr_assert_eq(part10_write(h, &plan, &p, NULL), -EFBIG);
	dcm_header_free(h);
	gen_release(&g);
}
