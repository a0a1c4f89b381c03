/* SPDX-License-Identifier: MIT */
/* Comments in compressed frames: blank where they lie, and nothing else is. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "dicom/source.h"
#include "dicom/tags.h"
#include "format/edit.h"
#include "support/dcmgen.h"

#define J2K "1.2.840.10008.1.2.4.90"
#define JXL "1.2.840.10008.1.2.4.110"
#define NAME "Quickfox"

static void begin(struct gen *g, const char *syntax)
{
	gen_begin(g, syntax);
	gen_put(g, DCM_Modality, "MR");
	gen_encapsulated(g, DCM_PixelData);
	gen_offsets(g, NULL, 0);
}

/* The editor's file of what g has, all of it. */
static void read_edited(struct gen *g, bool deidentify, struct buf *out)
{
	struct editor_options o = { .deidentify = deidentify };
	struct dcm_source *s;
	struct editor *e;
	char *all;

	cr_assert_eq(editor_new(&o, &e, NULL), 0);
	cr_assert_eq(editor_filter(e, gen_source(g), &s, NULL), 0);
	all = mem_alloc((size_t)s->size);
	cr_assert_eq(dcm_source_read_full(s, all, (size_t)s->size, 0, NULL), 0);
	buf_init(out);
	buf_add(out, all, (size_t)s->size);
	mem_free(all);
	dcm_source_close(s);
	editor_free(e);
}

/* From the pixels' first item tag on: the end of both files. */
static const char *pixels_of(const struct buf *b, size_t *len)
{
	static const char first[] = "\xFE\xFF\x00\xE0\x00\x00\x00\x00";
	const char *at = memmem(b->data, b->len, first, sizeof first - 1);

	cr_assert_not_null(at);
	*len = b->len - (size_t)(at - b->data);
	return at;
}

/* What g has is to come out with each name blank, and no other byte changed. */
static void expect_names_blank(struct gen *g)
{
	size_t n_was, n_is, i;
	const char *was, *is, *at;
	struct buf b;

	gen_end(g);
	gen_finish(g);
	read_edited(g, true, &b);
	was = pixels_of(&g->out, &n_was);
	is = pixels_of(&b, &n_is);
	cr_assert_eq(n_was, n_is);
	at = was;
	for (i = 0; i < n_was; i++) {
		if (n_was - i >= strlen(NAME) && memcmp(was + i, NAME, strlen(NAME)) == 0)
			at = was + i + strlen(NAME);
		cr_assert_eq(is[i], was + i < at ? 0 : was[i], "byte %zu", i);
	}
	cr_assert(at != was, "there is a name");
	buf_release(&b);
	gen_release(g);
}

#define SEGMENT(marker, len, text) "\xFF" marker "\x00" len text
#define SOI "\xFF\xD8"
#define SCAN "\xFF\xDA\x00\x08\x01\x01\x00\x00\x3F\x00"
#define JFIF SEGMENT("\xE0", "\x09", "JFIF\0\1\2")
#define ADOBE SEGMENT("\xEE", "\x0E", "Adobe\0\x64\0\0\0\0\1")
#define COLOURS SEGMENT("\xE8", "\x09", "mrfx\1\2\3")
#define PROFILE SEGMENT("\xE2", "\x10", "ICC_PROFILE\0\1\1")
#define COMMENT SEGMENT("\xFE", "\x0A", NAME)
#define EXIF SEGMENT("\xE1", "\x0A", NAME)
#define UNKNOWN SEGMENT("\xED", "\x0A", NAME)
#define EMPTY SEGMENT("\xFE", "\x02", "")

static void fragment(struct gen *g, const char *bytes, size_t len)
{
	gen_fragment(g, bytes, len);
}

#define FRAGMENT(g, literal) fragment(g, literal, sizeof(literal) - 1)

Test(edit_comments, of_jpeg_are_blank_and_what_decoders_need_stays)
{
	struct gen g;

	begin(&g, GEN_JPEG);
	FRAGMENT(&g,
		SOI COMMENT JFIF EXIF EMPTY "\xFF" UNKNOWN ADOBE COLOURS PROFILE COMMENT SCAN
					    "\x12\xFF\x00"
					    "12345\xFF\xD9\x00");
	expect_names_blank(&g);
}

Test(edit_comments, of_every_frame)
{
	struct gen g;
	int i;

	begin(&g, GEN_JPEG);
	for (i = 0; i < 100; i++)
		FRAGMENT(&g, SOI COMMENT SCAN "1234\xFF\xD9");
	expect_names_blank(&g);
}

Test(edit_comments, of_jpeg_2000_but_their_kind)
{
	struct gen g;

	begin(&g, J2K);
	FRAGMENT(&g,
		"\xFF\x4F\xFF\x51\x00\x06\x01\x02\x03\x04"
		"\xFF\x64\x00\x0C\x00\x01" NAME "\xFF\x64\x00\x04\x00\x01"
		"\xFF\x90\x00\x0A\x00\x00\x00\x00\x00\x00\x00\x01\xFF\x93 data\xFF\xD9");
	expect_names_blank(&g);
}

#define JPEG_2000_BOX "\x00\x00\x00\x0CjP  \r\n\x87\n"
#define JPEG_XL_BOX "\x00\x00\x00\x0CJXL \r\n\x87\n"

Test(edit_comments, of_boxes_and_of_the_codestream_in_one)
{
	struct gen g;

	begin(&g, J2K);
	FRAGMENT(&g,
		JPEG_2000_BOX
		"\x00\x00\x00\x10xml " NAME "\x00\x00\x00\x26jp2c"
		"\xFF\x4F\xFF\x51\x00\x06\x01\x02\x03\x04\xFF\x64\x00\x0C\x00\x01" NAME
		"\xFF\x90\x00\x0A"
		"12\x00\x00\x00\x01uuid\x00\x00\x00\x00\x00\x00\x00\x18" NAME);
	expect_names_blank(&g);
	begin(&g, JXL);
	FRAGMENT(&g,
		JPEG_XL_BOX "\x00\x00\x00\x0Cjxlc1234\x00\x00\x00\x14"
			    "brobExif" NAME "\x00\x00\x00\x00"
			    "Exif" NAME);
	FRAGMENT(&g, JPEG_XL_BOX "\x00\x00\x00\x0Cjxlc1234");
	expect_names_blank(&g);
}

/* A name that is in two fragments is none to expect_names_blank(). */
Test(edit_comments, from_fragment_to_fragment)
{
	static const char begin_of[] = SOI "\xFF\xFE\x00\x0AQuick",
			  rest[] = "fox" SCAN "12\xFF\xD9\x00";
	struct gen g;
	struct buf b;

	begin(&g, GEN_JPEG);
	gen_fragment(&g, begin_of, 5);
	gen_fragment(&g, begin_of + 5, sizeof begin_of - 1 - 5);
	gen_fragment(&g, rest, sizeof rest - 1);
	gen_end(&g);
	gen_finish(&g);
	read_edited(&g, true, &b);
	cr_expect_null(memmem(b.data, b.len, "Quick", 5));
	cr_expect_null(memmem(b.data, b.len, "fox", 3));
	cr_expect_not_null(memmem(b.data, b.len, "\0\0\0" SCAN "12", 3 + sizeof SCAN - 1 + 2));
	buf_release(&b);
	gen_release(&g);
}

Test(edit_comments, are_blank_in_any_range_that_is_read)
{
	struct editor_options o = { .deidentify = true };
	struct dcm_source *s;
	struct editor *e;
	char *all, part[3];
	struct gen g;
	uint64_t off;

	begin(&g, GEN_JPEG);
	FRAGMENT(&g, SOI COMMENT EXIF SCAN "12\xFF\xD9");
	gen_end(&g);
	gen_finish(&g);
	cr_assert_eq(editor_new(&o, &e, NULL), 0);
	cr_assert_eq(editor_filter(e, gen_source(&g), &s, NULL), 0);
	all = mem_alloc((size_t)s->size);
	cr_assert_eq(dcm_source_read_full(s, all, (size_t)s->size, 0, NULL), 0);
	for (off = 0; off + sizeof part <= s->size; off++) {
		cr_assert_eq(dcm_source_read_full(s, part, sizeof part, off, NULL), 0);
		cr_assert_eq(memcmp(part, all + off, sizeof part), 0);
	}
	mem_free(all);
	dcm_source_close(s);
	editor_free(e);
	gen_release(&g);
}

Test(edit_comments, stay_where_rules_alone_edit)
{
	struct gen g;
	struct buf b;

	begin(&g, GEN_JPEG);
	FRAGMENT(&g, SOI COMMENT SCAN "12\xFF\xD9");
	gen_end(&g);
	gen_finish(&g);
	read_edited(&g, false, &b);
	cr_expect_not_null(memmem(b.data, b.len, NAME, strlen(NAME)));
	buf_release(&b);
	gen_release(&g);
}

/* A codestream that is the whole value, not an item. */
Test(edit_comments, of_a_value_of_known_length)
{
	static const char bytes[] = SOI COMMENT SCAN "1234\xFF\xD9";
	struct gen g;
	struct buf b;

	gen_begin(&g, GEN_JPEG);
	gen_bytes(&g, DCM_PixelData, "OB", bytes, sizeof bytes - 1);
	gen_finish(&g);
	read_edited(&g, true, &b);
	cr_expect_null(memmem(b.data, b.len, NAME, strlen(NAME)));
	cr_expect_not_null(memmem(b.data, b.len, SCAN "1234", sizeof SCAN - 1 + 4));
	buf_release(&b);
	gen_release(&g);
}

/* Each byte of two small codestreams wrong in turn, and each of them cut at any byte: nothing to check
 * but that it ends. */
Test(edit_comments, damaged_frames_make_no_trouble)
{
	static const char frames[][80] = {
		SOI EXIF JFIF COMMENT SCAN "12\xFF\xD9",
		JPEG_2000_BOX "\x00\x00\x00\x10xml " NAME "\x00\x00\x00\x00jp2c"
			      "\xFF\x4F\xFF\x51\x00\x04\x01\x02\xFF\x64\x00\x0C\x00\x01" NAME,
	};
	struct editor_options o = { .deidentify = true };
	struct dcm_source *s;
	struct editor *e;
	char copy[80];
	struct gen g;
	size_t i, k;

	cr_assert_eq(editor_new(&o, &e, NULL), 0);
	for (i = 0; i < 2 * sizeof copy; i++)
		for (k = 0; k < 2; k++) {
			memcpy(copy, frames[k], sizeof copy);
			if (i < sizeof copy)
				copy[i] = (char)~copy[i];
			begin(&g, J2K);
			gen_fragment(&g, copy, i < sizeof copy ? sizeof copy : 2 * sizeof copy - i);
			gen_end(&g);
			gen_finish(&g);
			if (editor_filter(e, gen_source(&g), &s, NULL) == 0) {
				cr_assert_eq(dcm_source_read_full(s, copy, 1, s->size - 1, NULL),
					0);
				dcm_source_close(s);
			}
			gen_release(&g);
		}
	editor_free(e);
}

Test(edit_comments, a_frame_of_nothing_but_segments_is_refused)
{
	struct editor_options o = { .deidentify = true };
	size_t len = 4 * 70000 + 2, i;
	char *bytes = mem_alloc(len);
	struct dcm_source *s;
	struct editor *e;
	struct gen g;

	memcpy(bytes, SOI, 2);
	for (i = 2; i < len; i += 4)
		memcpy(bytes + i, EMPTY, 4);
	begin(&g, GEN_JPEG);
	gen_fragment(&g, bytes, len);
	gen_end(&g);
	gen_finish(&g);
	cr_assert_eq(editor_new(&o, &e, NULL), 0);
	cr_assert_eq(editor_filter(e, gen_source(&g), &s, NULL), -EFBIG);
	mem_free(bytes);
	editor_free(e);
	gen_release(&g);
}

Test(edit_comments, want_of_memory_is_told_at_any_point)
{
	struct editor_options o = { .deidentify = true };
	struct dcm_source *s;
	struct editor *e;
	unsigned long n;
	struct gen g;
	int rc = -1;

	begin(&g, GEN_JPEG);
	FRAGMENT(&g, SOI COMMENT SCAN "12\xFF\xD9");
	gen_end(&g);
	gen_finish(&g);
	cr_assert_eq(editor_new(&o, &e, NULL), 0);
	for (n = 1; rc < 0 && n < 1000; n++) {
		struct dcm_source *in = gen_source(&g);

		mem_fail_after(n);
		rc = editor_filter(e, in, &s, NULL);
		mem_fail_after(0);
		cr_assert(rc == 0 || rc == -ENOMEM);
	}
	cr_assert_eq(rc, 0);
	dcm_source_close(s);
	editor_free(e);
	gen_release(&g);
}
