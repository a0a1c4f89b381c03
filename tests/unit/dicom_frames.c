/* SPDX-License-Identifier: MIT */
/* Where frames are, whatever the offset tables say; and the palettes of images. */
#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "codec/codec.h"
#include "dicom/frames.h"
#include "dicom/pixels.h"
#include "dicom/source.h"
#include "dicom/tags.h"
#include "support/dcmgen.h"
#include "support/failsource.h"

static const struct pixel_desc small = { .rows = 2,
	.cols = 2,
	.samples = 1,
	.bits_allocated = 8,
	.bits_stored = 8,
	.high_bit = 7,
	.photometric = PHOTOMETRIC_MONOCHROME2 };

/* Encapsulated pixel data alone, from byte 0: a table, then fragments given as texts. */
static void encapsulate(struct gen *g, const uint32_t *table, size_t n_table,
	const char *const *fragments)
{
	gen_begin_bare(g, true, false);
	gen_offsets(g, table, n_table);
	for (; *fragments; fragments++)
		gen_fragment(g, *fragments, strlen(*fragments));
	gen_raw(g, "\xfe\xff\xdd\xe0\0\0\0\0", 8);
}

static void read_frames(struct gen *g, uint32_t n_frames, const struct codec *codec,
	struct dcm_source **s, struct dcm_frames *f)
{
	*s = gen_source(g);
	cr_assert_eq(dcm_frames_read(*s, 0, DCM_UNDEFINED_LENGTH, &small, n_frames, codec, f, NULL),
		0);
}

static void expect_frame(struct dcm_source *s, const struct dcm_frames *f, uint32_t k,
	const char *want)
{
	uint8_t *bytes;
	size_t len;
	unsigned bit_off;
	int rc = dcm_frame_read(s, f, k, &bytes, &len, &bit_off, NULL);

	if (!want) {
		cr_assert_eq(rc, -EBADMSG);
		return;
	}
	cr_assert_eq(rc, 0);
	cr_assert_eq(len, strlen(want));
	cr_assert_arr_eq(bytes, want, len);
	mem_free(bytes);
}

Test(dicom_frames, one_frame_is_all_its_fragments)
{
	static const char *const parts[] = { "abcd", "ef", "gh", NULL };
	struct dcm_source *s;
	struct dcm_frames f;
	struct gen g;

	encapsulate(&g, NULL, 0, parts);
	read_frames(&g, 1, NULL, &s, &f);
	expect_frame(s, &f, 0, "abcdefgh");
	expect_frame(s, &f, 1, NULL);
	cr_assert_str_eq(f.problem, "");
	dcm_frames_release(&f);
}

Test(dicom_frames, the_offset_table_tells_frames_of_many_fragments)
{
	static const char *const parts[] = { "abcd", "ef", "gh", NULL };
	struct dcm_source *s;
	struct dcm_frames f;
	struct gen g;

	encapsulate(&g, (const uint32_t[]){ 0, 22 }, 2, parts);
	read_frames(&g, 2, NULL, &s, &f);
	expect_frame(s, &f, 0, "abcdef");
	expect_frame(s, &f, 1, "gh");
	cr_assert_str_eq(f.problem, "");
	dcm_frames_release(&f);
}

Test(dicom_frames, a_wrong_offset_table_is_not_believed)
{
	static const uint32_t tables[][3] = { { 0, 21, 0 }, { 12, 22, 0 }, { 22, 0, 0 },
		{ 0, 0, 0 }, { 0, 999999, 0 }, { 0, 22, 44 } };
	static const char *const parts[] = { "abcd", "\xff\xd9", "gh", NULL };
	struct dcm_source *s;
	struct dcm_frames f;
	struct gen g;
	size_t i;

	for (i = 0; i < 6; i++) {
		encapsulate(&g, tables[i], i == 5 ? 3 : 2, parts);
		read_frames(&g, 2, NULL, &s, &f);
		expect_frame(s, &f, 0, "abcd\xff\xd9");
		expect_frame(s, &f, 1, "gh");
		cr_assert_neq(f.problem[0], '\0');
		dcm_frames_release(&f);
	}
}

Test(dicom_frames, a_first_item_that_is_a_frame_is_no_table)
{
	static const char *const jpeg[] = { "\xff\xd8\xff\x01", "\xff\xd8\xff\x02", NULL };
	static const char *const jxl[] = { "\xff\x0a\x01\x01", "bc", "\xff\x0a\x02\x02", NULL };
	struct dcm_source *s;
	struct dcm_frames f;
	struct gen g;
	int i;

	gen_begin_bare(&g, true, false);
	for (i = 0; i < 2; i++)
		gen_fragment(&g, jpeg[i], 4);
	gen_raw(&g, "\xfe\xff\xdd\xe0\0\0\0\0", 8);
	read_frames(&g, 2, NULL, &s, &f);
	expect_frame(s, &f, 0, jpeg[0]);
	expect_frame(s, &f, 1, jpeg[1]);
	cr_assert_neq(f.problem[0], '\0');
	dcm_frames_release(&f);
	encapsulate(&g, NULL, 0, jxl);
	read_frames(&g, 2, NULL, &s, &f);
	expect_frame(s, &f, 0,
		"\xff\x0a\x01\x01"
		"bc");
	expect_frame(s, &f, 1, jxl[2]);
	dcm_frames_release(&f);
}

/* The second begins where the first is looked at again, and the third in the next block. */
Test(dicom_frames, several_frames_in_one_fragment)
{
	static const size_t begins[] = { 0, 65534, 140001, 150000 };
	uint8_t *all = mem_calloc(150000, 1), *bytes;
	struct dcm_source *s;
	struct dcm_frames f;
	unsigned bit_off;
	struct gen g;
	uint32_t k;
	size_t len;

	for (k = 0; k < 3; k++) {
		memcpy(all + begins[k], k == 2 ? "\xff\x4f\xff\x51" : "\xff\xd8\xff\xe0", 4);
		memcpy(all + begins[k + 1] - (k == 1 ? 3 : 2), "\xff\xd9", 2);
	}
	gen_begin_bare(&g, true, false);
	gen_offsets(&g, NULL, 0);
	gen_fragment(&g, all, 150000);
	gen_raw(&g, "\xfe\xff\xdd\xe0\0\0\0\0", 8);
	read_frames(&g, 3, NULL, &s, &f);
	for (k = 0; k < 3; k++) {
		cr_assert_eq(dcm_frame_read(s, &f, k, &bytes, &len, &bit_off, NULL), 0);
		cr_assert_eq(len, begins[k + 1] - begins[k], "frame %u: %zu", k, len);
		cr_assert_arr_eq(bytes, all + begins[k], len);
		mem_free(bytes);
	}
	dcm_frames_release(&f);
	read_frames(&g, 5, NULL, &s, &f);
	cr_assert_eq(f.n_fragments, 1, "three are not five");
	dcm_frames_release(&f);
	mem_free(all);
}

Test(dicom_frames, without_a_table_one_fragment_is_one_frame)
{
	static const char *const parts[] = { "abcd", "ef", "gh", NULL };
	struct dcm_source *s;
	struct dcm_frames f;
	struct gen g;

	encapsulate(&g, NULL, 0, parts);
	read_frames(&g, 3, NULL, &s, &f);
	expect_frame(s, &f, 1, "ef");
	expect_frame(s, &f, 2, "gh");
	dcm_frames_release(&f);
}

/* A read that fails is an error, never "no marker there": with each of the reads in turn. */
static void expect_map_or_error(const char *const *parts, const struct codec *codec,
	uint32_t second)
{
	struct failsource s;
	struct dcm_frames f;
	unsigned n = 0;
	struct gen g;
	int rc;

	encapsulate(&g, NULL, 0, parts);
	do {
		failsource_init(&s, g.out.data, g.out.len, UINT64_MAX);
		s.fails_read = ++n;
		rc = dcm_frames_read(&s.base, 0, DCM_UNDEFINED_LENGTH, &small, 2, codec, &f, NULL);
		if (s.n_reads >= n) {
			cr_assert_eq(rc, -EIO, "read %u", n);
			continue;
		}
		cr_assert_eq(rc, 0);
		cr_assert_eq(f.first[1], second);
		dcm_frames_release(&f);
	} while (s.n_reads >= n);
	cr_assert_gt(n, 2);
	gen_release(&g);
}

Test(dicom_frames, a_read_that_fails_makes_no_other_map)
{
	static const char *const by_end[] = { "ab", "c\xff\xd9-", "de", "f\xff\xd9", NULL };
	static const char *const by_begin[] = { "\xff\xd8\xff\x01", "cd", "\xff\xd8\xff\x02",
		NULL };

	expect_map_or_error(by_end, NULL, 2);
	expect_map_or_error(by_begin, NULL, 2);
}

Test(dicom_frames, markers_tell_where_frames_end_or_begin)
{
	static const char *const by_end[] = { "ab", "c\xff\xd9-", "de", "f\xff\xd9", NULL };
	static const char *const by_begin[] = { "\xff\xd8\xff\x01", "cd", "\xff\xd8\xff\x02",
		NULL };
	struct dcm_source *s;
	struct dcm_frames f;
	struct gen g;

	encapsulate(&g, NULL, 0, by_end);
	read_frames(&g, 2, NULL, &s, &f);
	expect_frame(s, &f, 0, "abc\xff\xd9-");
	expect_frame(s, &f, 1, "def\xff\xd9");
	dcm_frames_release(&f);
	encapsulate(&g, NULL, 0, by_begin);
	read_frames(&g, 2, NULL, &s, &f);
	expect_frame(s, &f, 0,
		"\xff\xd8\xff\x01"
		"cd");
	expect_frame(s, &f, 1, "\xff\xd8\xff\x02");
	dcm_frames_release(&f);
}

Test(dicom_frames, of_more_codestreams_than_frames_the_first_count)
{
	static const char *const parts[] = { "ab", "c\xff\xd9", "de\xff\xd9", "fg", "h\xff\xd9",
		NULL };
	struct dcm_source *s;
	struct dcm_frames f;
	struct gen g;

	encapsulate(&g, NULL, 0, parts);
	read_frames(&g, 2, NULL, &s, &f);
	expect_frame(s, &f, 0, "abc\xff\xd9");
	expect_frame(s, &f, 1, "de\xff\xd9");
	expect_frame(s, &f, 2, NULL);
	cr_assert(f.surplus);
	dcm_frames_release(&f);
}

Test(dicom_frames, a_second_codestream_beside_a_single_frame_is_told)
{
	static const char *const two[] = { "ab\xff\xd9", "\xff\xd8\xff\x01\xff\xd9", NULL };
	static const char *const pad[] = { "ab\xff\xd9", "cd", NULL };
	struct dcm_source *s;
	struct dcm_frames f;
	struct gen g;

	encapsulate(&g, NULL, 0, two);
	read_frames(&g, 1, NULL, &s, &f);
	cr_assert(f.surplus);
	dcm_frames_release(&f);
	encapsulate(&g, NULL, 0, pad);
	read_frames(&g, 1, NULL, &s, &f);
	cr_assert_not(f.surplus);
	dcm_frames_release(&f);
}

Test(dicom_frames, where_nothing_tells_no_frame_is_invented)
{
	static const char *const parts[] = { "ab", "cd", "ef", NULL };
	struct dcm_source *s;
	struct dcm_frames f;
	struct gen g;

	encapsulate(&g, NULL, 0, parts);
	read_frames(&g, 2, NULL, &s, &f);
	cr_assert_null(f.first);
	expect_frame(s, &f, 0, NULL);
	dcm_frames_release(&f);
}

Test(dicom_frames, rle_has_one_fragment_a_frame_and_frames_may_be_missing)
{
	static const char *const parts[] = { "ab", "cd", NULL };
	struct dcm_source *s;
	struct dcm_frames f;
	struct gen g;

	encapsulate(&g, NULL, 0, parts);
	read_frames(&g, 3, &codec_rle, &s, &f);
	expect_frame(s, &f, 1, "cd");
	expect_frame(s, &f, 2, NULL);
	dcm_frames_release(&f);
}

Test(dicom_frames, rle_headers_tell_where_frames_begin)
{
	static const uint8_t header[64] = { 2, 0, 0, 0, 64, 0, 0, 0, 70, 0, 0, 0 };
	struct dcm_source *s;
	struct dcm_frames f;
	struct gen g;
	int i;

	gen_begin_bare(&g, true, false);
	gen_offsets(&g, NULL, 0);
	for (i = 0; i < 2; i++) {
		gen_fragment(&g, header, sizeof header);
		gen_fragment(&g, "more", 4);
	}
	gen_raw(&g, "\xfe\xff\xdd\xe0\0\0\0\0", 8);
	read_frames(&g, 2, &codec_rle, &s, &f);
	cr_assert_eq(f.first[1], 2);
	cr_assert_eq(f.first[2], 4);
	cr_assert_str_eq(f.problem, "");
	dcm_frames_release(&f);
	/* frames that the header does not tell of are none */
	read_frames(&g, 1, &codec_rle, &s, &f);
	cr_assert_eq(f.first[1], 1);
	cr_assert_str_neq(f.problem, "");
	dcm_frames_release(&f);
}

Test(dicom_frames, the_end_may_be_missing_or_cut)
{
	static const char *const parts[] = { "abcd", "efgh", NULL };
	struct dcm_source *s;
	struct dcm_frames f;
	struct gen g;

	encapsulate(&g, NULL, 0, parts);
	g.out.len -= 10;
	read_frames(&g, 2, NULL, &s, &f);
	expect_frame(s, &f, 0, "abcd");
	expect_frame(s, &f, 1, "ef");
	cr_assert_neq(f.problem[0], '\0');
	dcm_frames_release(&f);
}

static void native(struct dcm_source **s, const char *bytes, const struct pixel_desc *d,
	uint32_t n_frames, struct dcm_frames *f)
{
	dcm_source_from_memory(bytes, strlen(bytes), s, NULL);
	cr_assert_eq(dcm_frames_read(*s, 1, strlen(bytes) - 1, d, n_frames, NULL, f, NULL), 0);
}

Test(dicom_frames, native_frames_by_arithmetic)
{
	struct dcm_source *s;
	struct dcm_frames f;

	native(&s, "-abcdefghij", &small, 3, &f);
	expect_frame(s, &f, 0, "abcd");
	expect_frame(s, &f, 1, "efgh");
	expect_frame(s, &f, 2, NULL);
	expect_frame(s, &f, UINT32_MAX, NULL);
}

Test(dicom_frames, one_bit_frames_begin_within_a_byte)
{
	struct pixel_desc d = small;
	struct dcm_source *s;
	struct dcm_frames f;
	enum photometric photometric;
	uint8_t out[15];

	d.rows = 3;
	d.cols = 5;
	d.bits_allocated = d.bits_stored = 1;
	native(&s, "-\x01\x80\x01\x01", &d, 2, &f);
	cr_assert_eq(dcm_frame_decode(s, &f, &d, NULL, 0, out, 15, &photometric, NULL), 0);
	cr_assert(out[0] == 1 && out[1] == 0 && out[14] == 0);
	cr_assert_eq(dcm_frame_decode(s, &f, &d, NULL, 1, out, 15, &photometric, NULL), 0);
	cr_assert(out[0] == 1 && out[1] == 1 && out[2] == 0 && out[9] == 1);
}

Test(dicom_frames, bytes_in_big_endian_words_are_swapped_back)
{
	struct pixel_desc d = small;
	struct dcm_source *s;
	struct dcm_frames f;
	enum photometric photometric;
	uint8_t out[3];

	d.rows = 1;
	d.cols = 3;
	d.big_endian = true;
	native(&s, "-badcfe", &d, 2, &f);
	cr_assert_eq(dcm_frame_decode(s, &f, &d, NULL, 0, out, 3, &photometric, NULL), 0);
	cr_assert_arr_eq(out, "abc", 3);
	cr_assert_eq(dcm_frame_decode(s, &f, &d, NULL, 1, out, 3, &photometric, NULL), 0);
	cr_assert_arr_eq(out, "def", 3);
}

Test(dicom_frames, encapsulated_frames_need_a_decoder)
{
	static const char *const parts[] = { "abcd", NULL };
	enum photometric photometric;
	struct dcm_source *s;
	struct dcm_frames f;
	struct gen g;
	uint8_t out[4];

	encapsulate(&g, NULL, 0, parts);
	read_frames(&g, 1, NULL, &s, &f);
	cr_assert_eq(dcm_frame_decode(s, &f, &small, NULL, 0, out, 4, &photometric, NULL),
		-ENOTSUP);
	cr_assert_eq(dcm_frame_decode(s, &f, &small, &codec_raw, 0, out, 4, &photometric, NULL), 0);
	cr_assert_arr_eq(out, "abcd", 4);
	dcm_frames_release(&f);
}

/* ---- what a header says ---- */

static void image(struct gen *g, const char *photometric)
{
	gen_begin(g, GEN_EXPLICIT);
	gen_put(g, DCM_SamplesPerPixel, "1");
	gen_put(g, DCM_PhotometricInterpretation, photometric);
	gen_put(g, DCM_Rows, "2");
	gen_put(g, DCM_Columns, "4");
	gen_put(g, DCM_BitsAllocated, "16");
	gen_put(g, DCM_BitsStored, "12");
	gen_put(g, DCM_PixelRepresentation, "1");
}

static int desc_of(struct gen *g, struct pixel_desc *d)
{
	struct dcm_header *h = gen_header(g);
	int rc = dcm_pixel_desc(&h->file, &h->top, &dcm_get(&h->top, DCM_PixelData)->el, d, NULL);

	dcm_header_free(h);
	gen_release(g);
	return rc;
}

Test(dicom_frames, the_pixel_module_with_its_defaults)
{
	struct pixel_desc d;
	struct gen g;

	image(&g, "MONOCHROME1");
	gen_put(&g, DCM_PixelData, "1234567812345678");
	cr_assert_eq(desc_of(&g, &d), 0);
	cr_assert(d.rows == 2 && d.cols == 4 && d.samples == 1 && d.bits_allocated == 16);
	cr_assert(d.bits_stored == 12 && d.high_bit == 11 && d.is_signed && !d.big_endian);
	cr_assert_eq(d.photometric, PHOTOMETRIC_MONOCHROME1);
}

Test(dicom_frames, a_module_that_no_image_can_have)
{
	struct pixel_desc d;
	struct gen g;

	gen_begin(&g, GEN_EXPLICIT);
	gen_put(&g, DCM_Rows, "2");
	gen_put(&g, DCM_Columns, "4");
	gen_put(&g, DCM_BitsAllocated, "24");
	gen_put(&g, DCM_PixelData, "1234567812345678");
	cr_assert_eq(desc_of(&g, &d), -ENOTSUP);
}

static int palette_of(struct gen *g, struct arena *a, struct palette *p)
{
	struct dcm_header *h = gen_header(g);

	return dcm_palette_read(h, a, p, NULL);
}

Test(dicom_frames, palettes_of_words_and_of_packed_bytes)
{
	static const uint16_t words[4] = { 1, 2, 3, 0xffff };
	struct palette p;
	struct arena a;
	struct gen g;
	int bits, i;

	for (bits = 8; bits <= 16; bits += 8) {
		arena_init(&a);
		image(&g, "PALETTE COLOR");
		for (i = 0; i < 3; i++)
			gen_putf(&g, DCM_RedPaletteColorLookupTableDescriptor + (uint32_t)i,
				"4\\65534\\%d", bits);
		for (i = 0; i < 3; i++) {
			if (bits == 16)
				gen_words(&g, DCM_RedPaletteColorLookupTableData + (uint32_t)i,
					"OW", words, 4);
			else
				gen_bytes(&g, DCM_RedPaletteColorLookupTableData + (uint32_t)i,
					"OW", "\1\2\3\4", 4);
		}
		cr_assert_eq(palette_of(&g, &a, &p), 0);
		cr_assert(p.n_entries == 4 && p.first == -2 && p.bits == (unsigned)bits);
		cr_assert(p.entries[0][0] == 1 && p.entries[2][2] == 3);
		cr_assert_eq(p.entries[1][3], bits == 8 ? 4 : 0xffff);
		arena_release(&a);
	}
}

Test(dicom_frames, segmented_palettes)
{
	/* two as they are, a line of four to 14, both segments once more, one more */
	static const uint16_t words[] = { 0, 2, 5, 6, 1, 4, 14, 2, 2, 0, 0, 0, 1, 99 };
	static const uint16_t want[] = { 5, 6, 8, 10, 12, 14, 5, 6, 8, 10, 12, 14, 99 };
	struct palette p;
	struct arena a;
	struct gen g;
	uint32_t i;

	arena_init(&a);
	image(&g, "PALETTE COLOR");
	for (i = 0; i < 3; i++)
		gen_put(&g, DCM_RedPaletteColorLookupTableDescriptor + i, "13\\0\\16");
	for (i = 0; i < 3; i++)
		gen_words(&g, DCM_SegmentedRedPaletteColorLookupTableData + i, "OW", words, 14);
	cr_assert_eq(palette_of(&g, &a, &p), 0);
	cr_assert_arr_eq(p.entries[1], want, sizeof want);
	arena_release(&a);
}

Test(dicom_frames, segmented_palettes_that_make_no_sense)
{
	static const uint16_t bad[][6] = { { 0, 200, 1, 2, 3, 4 }, { 7, 1, 1, 0, 0, 0 },
		{ 2, 1, 0, 0, 0, 0 }, { 2, 65535, 65534, 65535, 0, 0 }, { 1, 0, 5, 1, 0, 5 } };
	struct palette p;
	struct arena a;
	struct gen g;
	uint32_t i, k;

	for (k = 0; k < 5; k++) {
		arena_init(&a);
		image(&g, "PALETTE COLOR");
		for (i = 0; i < 3; i++)
			gen_put(&g, DCM_RedPaletteColorLookupTableDescriptor + i, "13\\0\\16");
		for (i = 0; i < 3; i++)
			gen_words(&g, DCM_SegmentedRedPaletteColorLookupTableData + i, "OW", bad[k],
				6);
		cr_assert_eq(palette_of(&g, &a, &p), -EBADMSG, "%u", k);
		arena_release(&a);
	}
	image(&g, "PALETTE COLOR");
	cr_assert_eq(palette_of(&g, &a, &p), -ENOENT);
}
