/* SPDX-License-Identifier: MIT */
/* From files whose pixels are described in odd ways to the voxels of nii/ and the files of native/:
 * all the way that a mount goes. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "dicom/dataset.h"
#include "dicom/source.h"
#include "dicom/tags.h"
#include "dicom/value.h"
#include "support/dcmgen.h"
#include "support/enc_jpeg.h"
#include "support/walk.h"

#define NII "nii/P/20260101/1_MR.nii"
#define NATIVE "native/P/20260101/1_MR/00001.dcm"
#define NII_VOXELS 352u
#define MOST 20000u

static struct archive archive;
static struct walk walk;
static uint8_t whole[MOST];

struct image {
	const char *syntax;      /* GEN_EXPLICIT */
	const char *photometric; /* MONOCHROME2 */
	int rows, cols;          /* 2 x 2; -1: none */
	int samples, allocated;  /* 1, 16 */
	int stored, high_bit;    /* as allocated */
	uint32_t tag;            /* PixelData */
	const char *vr;          /* OW */
	const void *pixels;
	size_t len;
	bool items; /* pixels are one fragment */
};

static void put_number(struct gen *g, uint32_t tag, int value, int otherwise)
{
	if (value >= 0)
		gen_putf(g, tag, "%d", value ? value : otherwise);
}

static void begin_image(struct gen *g, const struct image *i)
{
	int allocated = i->allocated ? i->allocated : 16,
	    stored = i->stored ? i->stored : allocated;

	gen_begin(g, i->syntax ? i->syntax : GEN_EXPLICIT);
	gen_put(g, DCM_SOPClassUID, "1.2.840.10008.5.1.4.1.1.7");
	gen_put(g, DCM_SOPInstanceUID, "1.2.3.1.1");
	gen_put(g, DCM_StudyDate, "20260101");
	gen_put(g, DCM_Modality, "MR");
	gen_put(g, DCM_PatientID, "P");
	gen_put(g, DCM_StudyInstanceUID, "1.2.3");
	gen_put(g, DCM_SeriesInstanceUID, "1.2.3.1");
	gen_put(g, DCM_SeriesNumber, "1");
	gen_put(g, DCM_InstanceNumber, "1");
	put_number(g, DCM_SamplesPerPixel, i->samples, 1);
	gen_put(g, DCM_PhotometricInterpretation, i->photometric ? i->photometric : "MONOCHROME2");
	put_number(g, DCM_Rows, i->rows, 2);
	put_number(g, DCM_Columns, i->cols, 2);
	put_number(g, DCM_BitsAllocated, allocated, 0);
	put_number(g, DCM_BitsStored, stored, 0);
	put_number(g, DCM_HighBit, i->high_bit, stored - 1);
}

static void end_image(struct gen *g, const struct image *i)
{
	uint32_t tag = i->tag ? i->tag : DCM_PixelData;

	if (i->items) {
		gen_encapsulated(g, tag);
		gen_offsets(g, NULL, 0);
		gen_fragment(g, i->pixels, i->len);
		gen_end(g);
	} else {
		gen_bytes(g, tag, i->vr ? i->vr : "OW", i->pixels, i->len);
	}
}

static void show(struct gen *g)
{
	archive_begin(&archive);
	archive_header(&archive, "file", g);
	walk_begin(&walk, &archive, NULL);
}

static void show_image(const struct image *i)
{
	struct gen g;

	begin_image(&g, i);
	end_image(&g, i);
	show(&g);
}

static void end(void)
{
	walk_end(&walk);
	archive_end(&archive);
}

static void expect_voxels(const char *what, const void *want, size_t len)
{
	int64_t n = walk_pread(&walk, NII, whole, sizeof whole, 0);

	cr_assert_eq(n, (int64_t)(NII_VOXELS + len), "%s: %lld", what, (long long)n);
	cr_expect_arr_eq(whole + NII_VOXELS, want, len, "%s", what);
}

/* The native file's header; dcm_header_free() it. */
static struct dcm_header *native_header(const char *what)
{
	int64_t n = walk_pread(&walk, NATIVE, whole, sizeof whole, 0);
	struct dcm_source *s;
	struct dcm_header *h;

	cr_assert_gt(n, 0, "%s: %lld", what, (long long)n);
	cr_assert_eq(dcm_source_from_memory(whole, (size_t)n, &s, NULL), 0);
	cr_assert_eq(dcm_header_read(s, DCM_LOAD_ALL, 0, &h, NULL), 0);
	cr_expect_eq(h->n_problems, 0, "%s: %s", what, h->n_problems ? h->problems[0].text : "");
	return h;
}

static void expect_native(const char *what, const char *photometric, int bits, const void *want,
	size_t len)
{
	struct dcm_header *h = native_header(what);
	const struct dcm_node *n = dcm_get(&h->top, DCM_PixelData);

	cr_expect(dcm_text_is(dcm_get(&h->top, DCM_PhotometricInterpretation), 0, photometric),
		"%s", what);
	cr_expect_eq(dcm_get_int(&h->top, DCM_BitsAllocated, 0), bits, "%s", what);
	cr_assert(n && n->el.len == len, "%s: %d", what, n ? (int)n->el.len : -1);
	cr_expect_arr_eq(whole + n->el.off, want, len, "%s", what);
	dcm_header_free(h);
}

static void expect_problem(const char *what, const char *words)
{
	char *text = walk_read(&walk, ".dcmfs/problems.tsv");

	cr_expect(text && strstr(text, words), "%s: %s", what, text);
	mem_free(text);
}

/* ---- what no image can have ---- */

Test(view_pixels, bits_and_samples_that_nobody_has_are_told_and_make_no_volume)
{
	static const struct image images[] = {
		{ .allocated = 24, .stored = 16 },
		{ .allocated = 24 },
		{ .allocated = 40, .stored = 36 },
		{ .allocated = 48, .stored = 40, .samples = 3 },
		{ .allocated = 65535, .stored = 5 },
		{ .allocated = 2 },
		{ .allocated = 4 },
		{ .allocated = 10 },
		{ .allocated = 14 },
		{ .allocated = 1, .samples = 3 },
		{ .allocated = 12, .samples = 3 },
		{ .samples = 2 },
		{ .samples = 5 },
		{ .samples = 3, .tag = DCM_FloatPixelData, .vr = "OF" },
		{ .allocated = 24, .syntax = GEN_BIG_ENDIAN },
		{ .allocated = 24, .syntax = GEN_DEFLATED },
		{ .allocated = 24, .syntax = GEN_RLE, .items = true },
	};
	static const uint8_t pixels[96];
	struct image image;
	char what[32];
	size_t i;

	for (i = 0; i < sizeof images / sizeof *images; i++) {
		image = images[i];
		image.pixels = pixels;
		image.len = sizeof pixels;
		snprintf(what, sizeof what, "image %zu", i);
		show_image(&image);
		cr_expect_eq(walk_pread(&walk, NII, whole, 1, 0), -ENOENT, "%s", what);
		expect_problem(what, "not an image that can be shown");
		if (!image.syntax) {
			int64_t n = walk_pread(&walk, NATIVE, whole, sizeof whole, 0);

			cr_expect_gt(n, (int64_t)sizeof pixels, "%s: as it is", what);
		}
		end();
	}
}

Test(view_pixels, floats_have_their_own_bits_whatever_the_header_says)
{
	static const float f[4] = { 1.5f, -2.0f, 3.25f, 1e9f };
	static const double d[4] = { 1.5, -2.0, 3.25, 1e99 };
	static const int allocated[] = { 8, 16, 32, 64 };
	static const char *const syntaxes[] = { GEN_EXPLICIT, GEN_DEFLATED };
	float upside_down[4] = { 3.25f, 1e9f, 1.5f, -2.0f };
	double upside_down_64[4] = { 3.25, 1e99, 1.5, -2.0 };
	size_t i;

	for (i = 0; i < 8; i++) {
		struct image image = { .allocated = allocated[i % 4], .syntax = syntaxes[i / 4] };

		image.tag = DCM_FloatPixelData;
		image.vr = "OF";
		image.pixels = f;
		image.len = sizeof f;
		show_image(&image);
		expect_voxels("float", upside_down, sizeof f);
		end();
		image.tag = DCM_DoubleFloatPixelData;
		image.vr = "OD";
		image.pixels = d;
		image.len = sizeof d;
		show_image(&image);
		expect_voxels("double", upside_down_64, sizeof d);
		end();
	}
}

/* ---- native ---- */

/* Two pixels in a row, so that there is no turning over. */
static void show_colours(const char *photometric, const void *pixels, size_t len)
{
	show_image(&(struct image){ .rows = 1,
		.samples = 3,
		.allocated = 8,
		.vr = "OB",
		.photometric = photometric,
		.pixels = pixels,
		.len = len });
}

Test(view_pixels, subsampled_by_name_alone)
{
	static const uint8_t ybr[6] = { 100, 128, 128, 50, 128, 128 };
	static const uint8_t rgb[6] = { 100, 100, 100, 50, 50, 50 };

	show_colours("YBR_FULL_422", ybr, sizeof ybr);
	expect_voxels("all samples", rgb, sizeof rgb);
	expect_native("all samples", "YBR_FULL_422", 8, ybr, sizeof ybr);
	end();
	show_colours("YBR_FULL_422", "\144\62\200\200", 4);
	expect_voxels("subsampled", rgb, sizeof rgb);
	end();
}

Test(view_pixels, transforms_of_jpeg_2000_are_undone_where_there_is_none)
{
	static const uint8_t rgb[6] = { 250, 10, 20, 1, 200, 3 };

	show_colours("YBR_RCT", rgb, sizeof rgb);
	expect_voxels("RCT", rgb, sizeof rgb);
	end();
}

Test(view_pixels, big_endian_words_are_turned_whatever_their_vr)
{
	static const uint8_t big[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	static const uint8_t little[8] = { 2, 1, 4, 3, 6, 5, 8, 7 };
	static const uint8_t voxels[8] = { 6, 5, 8, 7, 2, 1, 4, 3 };
	static const char *const vrs[] = { "OB", "OW" };
	size_t i;

	for (i = 0; i < 2; i++) {
		show_image(&(struct image){ .syntax = GEN_BIG_ENDIAN,
			.vr = vrs[i],
			.pixels = big,
			.len = sizeof big });
		expect_voxels(vrs[i], voxels, sizeof voxels);
		expect_native(vrs[i], "MONOCHROME2", 16, little, sizeof little);
		end();
	}
}

Test(view_pixels, big_endian_chroma_in_words)
{
	static const uint8_t full[6] = { 100, 128, 129, 50, 128, 129 };

	show_image(&(struct image){ .syntax = GEN_BIG_ENDIAN,
		.rows = 1,
		.samples = 3,
		.allocated = 8,
		.photometric = "YBR_FULL_422",
		.pixels = "\62\144\201\200",
		.len = 4 });
	expect_native("4:2:2", "YBR_FULL", 8, full, sizeof full);
	end();
}

Test(view_pixels, big_endian_samples_of_twelve_bits)
{
	/* 0x321, 0x654, 0x987, 0xcba, packed from the lowest bit on, bytes of words turned round */
	static const uint8_t packed[6] = { 0x43, 0x21, 0x87, 0x65, 0xcb, 0xa9 };
	static const uint8_t words[8] = { 0x21, 0x03, 0x54, 0x06, 0x87, 0x09, 0xba, 0x0c };

	show_image(&(struct image){ .syntax = GEN_BIG_ENDIAN,
		.rows = 1,
		.cols = 4,
		.allocated = 12,
		.pixels = packed,
		.len = sizeof packed });
	expect_voxels("packed", words, sizeof words);
	expect_native("packed", "MONOCHROME2", 16, words, sizeof words);
	end();
}

Test(view_pixels, big_endian_bits_in_words)
{
	static const uint8_t want[16] = { 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0 };

	show_image(&(struct image){ .syntax = GEN_BIG_ENDIAN,
		.rows = 1,
		.cols = 16,
		.allocated = 1,
		.pixels = "\2\1",
		.len = 2 });
	expect_voxels("bits", want, sizeof want);
	expect_native("bits", "MONOCHROME2", 1, "\1\2", 2);
	end();
}

Test(view_pixels, indices_without_a_palette_are_shown_as_grey)
{
	static const uint8_t rgb[12] = { 3, 3, 3, 4, 4, 4, 1, 1, 1, 2, 2, 2 };

	show_image(&(struct image){ .allocated = 8,
		.vr = "OB",
		.photometric = "PALETTE COLOR",
		.pixels = "\1\2\3\4",
		.len = 4 });
	expect_voxels("no palette", rgb, sizeof rgb);
	expect_problem("no palette", "shown as grey");
	end();
}

/* ---- compressed ---- */

/* One segment of 8-bit samples. */
#define RLE_8 "\1\0\0\0\100\0\0\0" ZEROS_56
#define ZEROS_8 "\0\0\0\0\0\0\0\0"
#define ZEROS_56 ZEROS_8 ZEROS_8 ZEROS_8 ZEROS_8 ZEROS_8 ZEROS_8 ZEROS_8

static void expect_counted(const char *what, const struct image *image)
{
	static uint8_t voxels[16 * 16], stored[16 * 16];
	size_t i;

	show_image(image);
	for (i = 0; i < 256; i++) {
		stored[i] = 7;
		voxels[i] = 7;
	}
	expect_voxels(what, voxels, sizeof voxels);
	expect_native(what, "MONOCHROME2", 8, stored, sizeof stored);
	end();
}

Test(view_pixels, a_compressed_frame_may_be_the_value_itself)
{
	static const char rle[] = RLE_8 "\201\7\201\7";
	static const char in_items[] = "\376\377\0\340\0\0\0\0"
				       "\376\377\0\340\104\0\0\0" RLE_8 "\201\7\201\7"
				       "\376\377\335\340\0\0\0\0";
	struct image image = { .syntax = GEN_RLE,
		.rows = 16,
		.cols = 16,
		.allocated = 8,
		.vr = "OB",
		.pixels = rle,
		.len = sizeof rle - 1 };

	expect_counted("bare", &image);
	image.pixels = in_items;
	image.len = sizeof in_items - 1;
	expect_counted("items, of known length", &image);
	image.pixels = rle;
	image.len = sizeof rle - 1;
	image.items = true;
	expect_counted("items", &image);
}

/* Two stages of run lengths and differences, in an element of its own: the native file has the
 * standard's. */
Test(view_pixels, pixels_of_a_makers_own_element)
{
	static const uint8_t stream[] = { 0x5A, 100, 0, 1, 1, 0xFF, 0 };
	static const uint8_t words[8] = { 100, 0, 101, 0, 102, 0, 101, 0 };
	struct dcm_header *h;
	struct gen g;

	begin_image(&g,
		&(struct image){ .syntax = "1.3.46.670589.33.1.4.1", .rows = 1, .cols = 4 });
	gen_put_vr(&g, DCM_TAG(0x07A1, 0x0010), "LO", "ELSCINT1");
	gen_bytes(&g, DCM_TAG(0x07A1, 0x100A), "OB", stream, 6);
	show(&g);
	expect_voxels("PMSCT_RLE1", words, sizeof words);
	expect_native("PMSCT_RLE1", "MONOCHROME2", 16, words, sizeof words);
	h = native_header("PMSCT_RLE1");
	cr_expect_null(dcm_get(&h->top, DCM_TAG(0x07A1, 0x100A)));
	dcm_header_free(h);
	end();
}

Test(view_pixels, a_frame_that_ends_early_is_told)
{
	static const char rle[] = RLE_8 "\201\7\221\7";
	struct image image = { .syntax = GEN_RLE,
		.rows = 16,
		.cols = 16,
		.allocated = 8,
		.items = true,
		.pixels = rle,
		.len = sizeof rle - 1 };

	show_image(&image);
	cr_expect_eq(walk_pread(&walk, NII, whole, sizeof whole, 0), (int64_t)NII_VOXELS + 256);
	expect_problem("short", "16 bytes of the frame are zero");
	end();
	image.len -= 2;
	show_image(&image);
	cr_expect_eq(walk_pread(&walk, NII, whole, 256, NII_VOXELS), -EBADMSG);
	expect_problem("cut", "128 bytes are missing");
	end();
}

/* Lossless streams of 16 bits are usual; what is above the 12 stored may be an overlay, or the header
 * is wrong. */
Test(view_pixels, bits_that_are_cut_off_a_compressed_sample_are_told)
{
	static const uint16_t clean[4] = { 0, 1, 4095, 2048 }, dirty[4] = { 0, 1, 0x9005, 2048 };
	static const uint16_t cut[4] = { 0, 1, 5, 2048 };
	struct enc_lossless e = { .rows = 1,
		.cols = 4,
		.samples = 1,
		.precision = 16,
		.predictor = 1 };
	struct image image = { .syntax = "1.2.840.10008.1.2.4.70",
		.rows = 1,
		.cols = 4,
		.stored = 12,
		.items = true };
	struct buf stream;
	unsigned i;
	char *text;

	for (i = 0; i < 2; i++) {
		buf_init(&stream);
		enc_lossless(&e, i ? dirty : clean, &stream);
		image.pixels = stream.data;
		image.len = stream.len;
		show_image(&image);
		expect_voxels("above", i ? cut : clean, 8);
		text = walk_read(&walk, ".dcmfs/problems.tsv");
		cr_expect_eq(text && strstr(text, "more bits than the 12 stored"), i);
		mem_free(text);
		expect_native("above", "MONOCHROME2", 16, i ? dirty : clean, 8);
		end();
		buf_release(&stream);
	}
}

Test(view_pixels, compressed_pixels_of_no_size_are_not_listed_as_native)
{
	static const char rle[] = RLE_8 "\201\7";

	show_image(&(struct image){ .syntax = GEN_RLE,
		.rows = -1,
		.allocated = 8,
		.items = true,
		.pixels = rle,
		.len = sizeof rle - 1 });
	cr_expect_eq(walk_pread(&walk, NATIVE, whole, 1, 0), -ENOENT);
	expect_problem("no rows", "of no kind that can be decoded");
	end();
}

/* ---- headers of native files ---- */

static void put_icon(struct gen *g, const void *fragment, size_t len)
{
	gen_sequence(g, DCM_IconImageSequence);
	gen_item(g);
	gen_put(g, DCM_SamplesPerPixel, "1");
	gen_put(g, DCM_PhotometricInterpretation, "MONOCHROME2");
	gen_put(g, DCM_Rows, "8");
	gen_put(g, DCM_Columns, "8");
	gen_put(g, DCM_BitsAllocated, "8");
	gen_put(g, DCM_BitsStored, "8");
	gen_encapsulated(g, DCM_PixelData);
	gen_offsets(g, NULL, 0);
	gen_fragment(g, fragment, len);
	gen_end(g);
	gen_end(g);
	gen_end(g);
}

Test(view_pixels, icons_are_decompressed_too_or_left_out)
{
	static const char icon[] = RLE_8 "\301\5", pixels[] = RLE_8 "\375\7";
	const struct dcm_node *sequence, *n;
	struct dcm_header *h;
	struct image image = { .syntax = GEN_RLE,
		.allocated = 8,
		.items = true,
		.pixels = pixels,
		.len = sizeof pixels - 1 };
	struct gen g;

	begin_image(&g, &image);
	put_icon(&g, icon, sizeof icon - 1);
	end_image(&g, &image);
	show(&g);
	h = native_header("icon");
	sequence = dcm_get(&h->top, DCM_IconImageSequence);
	cr_assert(sequence && sequence->n_items == 1);
	n = dcm_get(&sequence->items[0], DCM_PixelData);
	cr_assert(n && n->el.len == 64);
	cr_expect(whole[n->el.off] == 5 && whole[n->el.off + 63] == 5);
	dcm_header_free(h);
	end();
	begin_image(&g, &image);
	put_icon(&g, "broken", 6);
	end_image(&g, &image);
	show(&g);
	h = native_header("broken icon");
	cr_expect_null(dcm_get(&h->top, DCM_IconImageSequence));
	cr_expect_eq(dcm_get(&h->top, DCM_PixelData)->el.len, 4);
	dcm_header_free(h);
	end();
}

Test(view_pixels, what_is_written_anew_is_not_there_twice)
{
	static const char rle[] = "\3\0\0\0\100\0\0\0\102\0\0\0\104\0\0\0" ZEROS_8 ZEROS_8 ZEROS_8
		ZEROS_8 ZEROS_8 ZEROS_8 "\375\7\375\7\375\7";
	struct image image = { .syntax = GEN_RLE,
		.allocated = 8,
		.samples = 3,
		.photometric = "RGB",
		.items = true,
		.pixels = rle,
		.len = sizeof rle - 1 };
	struct dcm_header *h;
	unsigned n = 0;
	struct gen g;
	size_t i;

	begin_image(&g, &image);
	gen_put(&g, DCM_PlanarConfiguration, "1"); /* behind tags that are greater */
	end_image(&g, &image);
	show(&g);
	h = native_header("unsorted");
	for (i = 0; i < h->top.n_nodes; i++)
		n += h->top.nodes[i].el.tag == DCM_PlanarConfiguration;
	cr_expect_eq(n, 1);
	cr_expect_eq(dcm_get_int(&h->top, DCM_PlanarConfiguration, 9), 0);
	dcm_header_free(h);
	end();
}

/* ---- overlays ---- */

Test(view_pixels, overlays_in_big_endian_words)
{
	static const uint16_t bits[] = { 0x0001, 0x8000 };
	static const uint8_t pixels[64];
	uint8_t want[32] = { 0 };
	struct image image = { .syntax = GEN_BIG_ENDIAN,
		.rows = 1,
		.cols = 32,
		.pixels = pixels,
		.len = sizeof pixels };
	int64_t n;
	struct gen g;

	begin_image(&g, &image);
	gen_put(&g, DCM_OverlayRows, "1");
	gen_put(&g, DCM_OverlayColumns, "32");
	gen_put(&g, DCM_OverlayOrigin, "1\\1");
	gen_put(&g, DCM_OverlayBitsAllocated, "1");
	gen_put(&g, DCM_OverlayBitPosition, "0");
	gen_words(&g, DCM_OverlayData, "OW", bits, 2);
	end_image(&g, &image);
	show(&g);
	want[0] = want[31] = 1;
	n = walk_pread(&walk, "nii/P/20260101/1_MR_ROI1.nii", whole, sizeof whole, 0);
	cr_assert_eq(n, (int64_t)NII_VOXELS + 32, "%lld", (long long)n);
	cr_expect_arr_eq(whole + NII_VOXELS, want, sizeof want);
	end();
}
