/* SPDX-License-Identifier: MIT */
/* native/: what other readers find in an uncompressed file that was a compressed one. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "dicom/tags.h"
#include "support/dcmgen.h"
#include "support/walk.h"
#include "vfs/vfs.h"

#define ENCAPSULATED "1.2.840.10008.1.2.1.98"
#define PATH "native/P/20260101/1_MR/00001.dcm"
#define MOST 20000u

static struct archive archive;
static struct walk walk;
static uint8_t whole[MOST];

static void begin_image(struct gen *g, const char *syntax, int n_frames, int rows, int cols,
	int allocated, int stored)
{
	gen_begin(g, syntax);
	gen_put(g, DCM_SOPClassUID, "1.2.840.10008.5.1.4.1.1.4");
	gen_put(g, DCM_SOPInstanceUID, "1.2.3.1.1");
	gen_put(g, DCM_StudyDate, "20260101");
	gen_put(g, DCM_Modality, "MR");
	gen_put(g, DCM_PatientID, "P");
	gen_put(g, DCM_StudyInstanceUID, "1.2.3");
	gen_put(g, DCM_SeriesInstanceUID, "1.2.3.1");
	gen_put(g, DCM_SeriesNumber, "1");
	gen_put(g, DCM_InstanceNumber, "1");
	gen_put(g, DCM_SamplesPerPixel, "1");
	gen_put(g, DCM_PhotometricInterpretation, "MONOCHROME2");
	gen_putf(g, DCM_NumberOfFrames, "%d", n_frames);
	gen_putf(g, DCM_Rows, "%d", rows);
	gen_putf(g, DCM_Columns, "%d", cols);
	gen_putf(g, DCM_BitsAllocated, "%d", allocated);
	gen_putf(g, DCM_BitsStored, "%d", stored);
	gen_putf(g, DCM_HighBit, "%d", stored - 1);
	gen_putf(g, DCM_PixelRepresentation, "%d", allocated > 1);
	gen_encapsulated(g, DCM_PixelData);
	gen_offsets(g, NULL, 0);
}

/* The instance of g alone, mounted; how long its native file is. */
static size_t show(struct gen *g)
{
	int64_t n;

	archive_begin(&archive);
	archive_header(&archive, "file", g);
	walk_begin(&walk, &archive, NULL);
	n = walk_pread(&walk, PATH, whole, sizeof whole, 0);
	return n < 0 ? 0 : (size_t)n;
}

static void end(void)
{
	walk_end(&walk);
	archive_end(&archive);
}

static unsigned bit_at(const uint8_t *bytes, size_t i)
{
	return (unsigned)bytes[i / 8] >> i % 8 & 1u;
}

Test(view_native, one_bit_frames_follow_one_another_without_padding)
{
	static const uint8_t frames[3][6] = { { 0x35, 0x12, 0xff, 0x80, 0x05 },
		{ 0xab, 0xcd, 0xef, 0x01, 0x02 }, { 0x11, 0x22, 0x33, 0x44, 0x07 } };
	uint8_t *pixels, byte;
	size_t len, i, k;
	struct gen g;

	begin_image(&g, ENCAPSULATED, 3, 5, 7, 1, 1);
	for (k = 0; k < 3; k++)
		gen_fragment(&g, frames[k], sizeof frames[k]);
	len = show(&g);
	cr_assert_geq(len, 14);
	pixels = whole + len - 14; /* 105 bits */
	for (k = 0; k < 3; k++)
		for (i = 0; i < 35; i++)
			cr_assert_eq(bit_at(pixels, 35 * k + i), bit_at(frames[k], i),
				"frame %zu, pixel %zu", k, i);
	cr_assert_eq(pixels[13] >> 1, 0);
	for (i = 0; i < 14; i++) {
		cr_assert_eq(walk_pread(&walk, PATH, &byte, 1, len - 14 + i), 1);
		cr_assert_eq(byte, pixels[i]);
	}
	end();
}

Test(view_native, a_header_is_readable_beside_pixels_that_are_not)
{
	struct gen g;

	begin_image(&g, GEN_RLE, 1, 64, 64, 16, 16);
	gen_fragment(&g, "this is no run", 14);
	cr_assert_eq(show(&g), 0);
	cr_assert_eq(walk_pread(&walk, PATH, whole, 4096, 0), 4096);
	cr_assert_arr_eq(whole + 128, "DICM", 4);
	cr_assert_eq(whole[4095], 0);
	cr_assert_lt(walk_pread(&walk, PATH, whole, 4096, 4096), 0);
	end();
}

Test(view_native, a_large_header_is_counted_as_memory)
{
	static const uint8_t some[4000];
	struct vfs_stats stats;
	struct gen g;
	unsigned i;

	gen_begin(&g, GEN_EXPLICIT);
	gen_put(&g, DCM_SOPInstanceUID, "1.2.3");
	gen_put(&g, DCM_StudyDate, "20260101");
	gen_put(&g, DCM_Modality, "MR");
	gen_put(&g, DCM_PatientID, "P");
	gen_put(&g, DCM_StudyInstanceUID, "1.2");
	gen_put(&g, DCM_SeriesNumber, "1");
	gen_put(&g, DCM_InstanceNumber, "1");
	gen_put_vr(&g, DCM_TAG(0x0021, 0x0010), "LO", "ACME");
	for (i = 0; i < 200; i++)
		gen_bytes(&g, DCM_TAG(0x0021, 0x1000 + i), "OB", some, sizeof some);
	cr_assert_eq(show(&g), sizeof whole);
	vfs_stats(walk.vfs, &stats);
	cr_expect_gt(stats.content_bytes, 200 * sizeof some);
	end();
}

Test(view_native, what_is_too_large_without_compression_is_told_and_not_listed)
{
	char *names, *problems;
	struct gen g;

	begin_image(&g, GEN_RLE, 2, 40000, 40000, 16, 16);
	gen_fragment(&g, "one", 3);
	gen_fragment(&g, "two", 3);
	cr_assert_eq(show(&g), 0);
	names = walk_list(&walk, "native/P/20260101/1_MR");
	problems = walk_read(&walk, ".dcmfs/problems.tsv");
	cr_expect_str_eq(names, "");
	cr_expect(strstr(problems, "file\t\tnative/P/20260101/1_MR/00001 is not there: "), "%s",
		problems);
	mem_free(names);
	mem_free(problems);
	end();
}
