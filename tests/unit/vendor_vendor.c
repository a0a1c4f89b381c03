/* SPDX-License-Identifier: MIT */
/* Makers' facts, from headers as they write them. */
#include <criterion/criterion.h>

#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "dicom/dataset.h"
#include "dicom/tags.h"
#include "support/dcmgen.h"
#include "vendor/vendor.h"

static struct arena arena;
static struct gen g;

static void begin_image(const char *maker, const char *image_type)
{
	gen_begin(&g, GEN_EXPLICIT);
	gen_put(&g, DCM_ImageType, image_type);
	gen_put(&g, DCM_Manufacturer, maker);
}

static void begin(const char *maker)
{
	begin_image(maker, "ORIGINAL\\PRIMARY\\M\\MOSAIC");
}

static void end(void)
{
	arena_release(&arena);
}

static struct facts facts(uint32_t frame)
{
	struct dcm_header *h = gen_header(&g);
	struct facts f;

	cr_assert_eq(vendor_facts(h, frame, &arena, &f, NULL), 0);
	dcm_header_free(h);
	gen_release(&g);
	return f;
}

TestSuite(vendor_vendor, .fini = end);

Test(vendor_vendor, makers_are_known_by_the_begin_of_their_name)
{
	static const char *const names[][2] = {
		{ "SIEMENS", "Siemens" },
		{ "Siemens Healthineers", "Siemens" },
		{ "CPS", "Siemens" },
		{ "GE MEDICAL SYSTEMS", "GE" },
		{ "Philips Medical Systems", "Philips" },
		{ "UIH", "UIH" },
		{ "CANON_MEC", "Canon" },
		{ "TOSHIBA_MEC", "Toshiba" },
		{ "Bruker BioSpin MRI GmbH", "Bruker" },
		{ "MR Solutions", "MRSolutions" },
		{ "Acme", NULL },
	};
	size_t i;

	for (i = 0; i < sizeof names / sizeof *names; i++) {
		struct facts f;

		begin(names[i][0]);
		f = facts(0);
		if (names[i][1])
			cr_assert_str_eq(f.manufacturer, names[i][1]);
		else
			cr_assert_null(f.manufacturer);
		cr_assert(isnan(f.b_value) && isnan(f.scale_slope) && !f.is_diffusion);
	}
}

Test(vendor_vendor, a_makers_elements_tell_it_where_the_name_was_taken_out)
{
	struct facts f;

	begin("");
	gen_put(&g, 0x00190010, "SIEMENS MR HEADER");
	gen_put_vr(&g, 0x0019100C, "IS", "1000");
	gen_put_vr(&g, 0x0019100E, "FD", "0\\0\\1");
	f = facts(0);
	cr_assert_null(f.manufacturer);
	cr_assert(f.is_diffusion && f.b_value == 1000 && f.has_gradient && f.gradient[2] == 1);
}

Test(vendor_vendor, siemens_mosaics_count_their_tiles)
{
	struct facts f;

	begin("SIEMENS");
	gen_put(&g, 0x00190010, "SIEMENS MR HEADER");
	gen_put_vr(&g, 0x0019100A, "US", "5");
	gen_put_vr(&g, 0x00191029, "FD", "0\\50\\0\\50\\100");
	f = facts(0);
	cr_assert(f.n_tiles == 5 && f.tile_cols == 3 && f.tile_rows == 3);
	cr_assert(f.n_slice_times == 5 && f.slice_times_ms[4] == 100);
	cr_assert_eq(f.multiband, 2);
	cr_assert_not(f.has_slice_normal);
}

/* Whose ImageType an archive has rewritten. */
static uint32_t tiles_of_images_without_the_word(const char *side)
{
	begin_image("SIEMENS", "DERIVED\\SECONDARY");
	gen_put(&g, 0x00190010, "SIEMENS MR HEADER");
	gen_put_vr(&g, 0x0019100A, "US", "5");
	gen_put(&g, DCM_Rows, side);
	gen_put(&g, DCM_Columns, side);
	return facts(0).n_tiles;
}

Test(vendor_vendor, siemens_mosaics_are_known_by_their_count_where_it_divides_the_image)
{
	cr_expect_eq(tiles_of_images_without_the_word("192"), 5);
	cr_expect_eq(tiles_of_images_without_the_word("256"), 0);
}

Test(vendor_vendor, siemens_keeps_what_the_overwritten_creator_named)
{
	struct facts f;

	begin("SIEMENS");
	gen_put(&g, 0x00190010, "Anon");
	gen_put_vr(&g, 0x0019100A, "US", "4");
	f = facts(0);
	cr_assert_eq(f.n_tiles, 4);
}

Test(vendor_vendor, siemens_enhanced_frames_tell_polarity_and_direction)
{
	struct facts f;

	begin("Siemens Healthineers");
	gen_sequence(&g, DCM_PerFrameFunctionalGroupsSequence);
	gen_item(&g);
	gen_sequence(&g, DCM_MRDiffusionSequence);
	gen_item(&g);
	gen_put(&g, DCM_DiffusionBValue, "700");
	gen_sequence(&g, DCM_DiffusionGradientDirectionSequence);
	gen_item(&g);
	gen_put(&g, DCM_DiffusionGradientOrientation, "0\\1\\0");
	gen_end(&g);
	gen_end(&g);
	gen_end(&g);
	gen_end(&g);
	gen_put(&g, 0x00210011, "SIEMENS MR SDI 02");
	gen_sequence_vr(&g, 0x002111FE, "SQ", false);
	gen_item(&g);
	gen_put(&g, 0x00210011, "SIEMENS MR SDI 02");
	gen_put_vr(&g, 0x0021111C, "IS", "0");
	gen_end(&g);
	gen_end(&g);
	f = facts(0);
	cr_assert_eq(f.pe_polarity, POLARITY_NEGATIVE);
	cr_assert(f.b_value == 700 && f.has_gradient && f.gradient[1] == 1 && !f.gradient_in_image);
}

Test(vendor_vendor, ge_b_values_lose_their_flags_and_vectors_their_scanner_axes)
{
	struct facts f;

	begin("GE MEDICAL SYSTEMS");
	gen_put(&g, DCM_InPlanePhaseEncodingDirection, "COL");
	gen_put(&g, 0x00190010, "GEMS_ACQU_01");
	gen_put_vr(&g, 0x001910BB, "DS", "0.6");
	gen_put_vr(&g, 0x001910BC, "DS", "0");
	gen_put_vr(&g, 0x001910BD, "DS", "0.8");
	gen_put(&g, DCM_ImageOrientationPatient, "1\\0\\0\\0\\1\\0");
	gen_put(&g, 0x00430010, "GEMS_PARM_01");
	gen_put_vr(&g, 0x00431039, "IS", "1000001000\\8\\0\\0");
	f = facts(0);
	cr_assert(f.is_diffusion && f.b_value == 1000 && f.gradient_in_image);
	cr_assert(f.gradient[0] == -0.6 && f.gradient[1] == 0 && f.gradient[2] == 0.8);
}

Test(vendor_vendor, ge_short_vectors_scale_the_b_value)
{
	struct facts f;

	begin("GE MEDICAL SYSTEMS");
	gen_put(&g, 0x00190010, "GEMS_ACQU_01");
	gen_put_vr(&g, 0x001910BB, "DS", "0");
	gen_put_vr(&g, 0x001910BC, "DS", "0.5");
	gen_put_vr(&g, 0x001910BD, "DS", "0");
	gen_put(&g, DCM_ImageOrientationPatient, "1\\0\\0\\0\\1\\0");
	gen_put(&g, 0x00430010, "GEMS_PARM_01");
	gen_put_vr(&g, 0x00431039, "IS", "1000\\8\\0\\0");
	f = facts(0);
	cr_assert_eq(f.b_value, 250);
	cr_assert_float_eq(f.gradient[1], 1, 1e-9);
}

/* A raw header's polarity word, its order word, and the marks around them. */
static void ge_raw(uint8_t raw[2000], float version, unsigned polarity, unsigned order)
{
	size_t h = 100;

	memset(raw, 0, 2000);
	put_le16(raw + 24, (uint16_t)h);
	put_le32(raw + h, f32_to_bits(version));
	if (version >= 25.002f)
		h += 0x4C;
	put_le16(raw + h + 0x3A, 0x800);
	put_le16(raw + h + 0x30, (uint16_t)polarity);
	put_le16(raw + h + (version >= 25.002f ? 0x394 - 0x8C : 0x394), (uint16_t)order);
}

Test(vendor_vendor, ge_polarity_is_in_the_raw_header_and_turned_by_the_slice_order)
{
	static const struct {
		float version;
		unsigned polarity, order;
		enum polarity want;
	} cases[] = {
		{ 24.0f, 0, 0, POLARITY_POSITIVE },
		{ 24.0f, 4, 0, POLARITY_NEGATIVE },
		{ 28.0f, 0, 2, POLARITY_NEGATIVE },
		{ 28.0f, 4, 2, POLARITY_POSITIVE },
		{ 99.0f, 4, 0, POLARITY_UNKNOWN },
	};
	uint8_t raw[2000];
	size_t i;

	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		begin("GE MEDICAL SYSTEMS");
		gen_put(&g, 0x00430010, "GEMS_PARM_01");
		ge_raw(raw, cases[i].version, cases[i].polarity, cases[i].order);
		gen_bytes(&g, 0x0043102A, "OB", raw, sizeof raw);
		cr_assert_eq(facts(0).pe_polarity, cases[i].want, "case %zu", i);
	}
}

Test(vendor_vendor, philips_weighted_images_without_direction_are_traces)
{
	struct facts f;

	begin("Philips Medical Systems");
	gen_put(&g, 0x20010010, "Philips Imaging DD 001");
	gen_put_vr(&g, 0x20011003, "FL", "800");
	gen_put(&g, 0x20050010, "Philips MR Imaging DD 001");
	gen_put_vr(&g, 0x2005100E, "FL", "0.25");
	gen_put_vr(&g, 0x200510B0, "FL", "0");
	gen_put_vr(&g, 0x200510B1, "FL", "0");
	gen_put_vr(&g, 0x200510B2, "FL", "0");
	f = facts(0);
	cr_assert(f.is_trace && f.b_value == 800 && f.scale_slope == 0.25);
}

Test(vendor_vendor, uih_grids_tell_each_tiles_place_and_time)
{
	int i;
	struct facts f;

	begin("UIH");
	gen_put(&g, 0x00650010, "Image Private Header");
	gen_put_vr(&g, 0x00651009, "FD", "928.5");
	gen_put_vr(&g, 0x00651037, "FD", "0.6\\0.8\\0");
	gen_put_vr(&g, 0x00651050, "DS", "3");
	gen_sequence_vr(&g, 0x00651051, "SQ", false);
	for (i = 0; i < 3; i++) {
		gen_item(&g);
		gen_putf(&g, DCM_AcquisitionTime, "12000%d.500000", i);
		gen_putf(&g, DCM_ImagePositionPatient, "0\\0\\%d", 4 * i);
		gen_end(&g);
	}
	gen_end(&g);
	f = facts(0);
	cr_assert(f.n_tiles == 3 && f.tile_cols == 2 && f.tile_rows == 2);
	cr_assert(f.has_tile_positions && f.first_tile[2] == 0 && f.last_tile[2] == 8);
	cr_assert_float_eq(f.slice_times_ms[2] - f.slice_times_ms[0], 2000, 1e-6);
	cr_assert(f.b_value == 928.5 && f.gradient[1] == -0.8 && f.gradient_in_image);
}

Test(vendor_vendor, canon_comments_tell_what_attributes_do_not)
{
	struct facts f;

	begin("CANON_MEC");
	gen_put(&g, DCM_InPlanePhaseEncodingDirection, "COL");
	gen_put(&g, DCM_ImageOrientationPatient, "1\\0\\0\\0\\1\\0");
	gen_put(&g, DCM_ImageComments, "b=1000(0.1,0.2,0.3)");
	f = facts(0);
	cr_assert(f.b_value == 1000 && f.gradient[0] == -0.2 && f.gradient[1] == 0.1 &&
		f.gradient[2] == 0.3);
	begin("CANON_MEC");
	gen_put(&g, DCM_ImageComments, "b=1000(0.1,0.2");
	cr_assert_not(facts(0).is_diffusion);
}

Test(vendor_vendor, slices_that_share_the_first_ones_time_are_excited_together)
{
	const double times[] = { 5, 10, 5, 10, 5, 10 }, all[] = { 1, 1, 1 };

	cr_assert_eq(vendor_multiband(times, 6), 3);
	cr_assert_eq(vendor_multiband(all, 3), 1, "a 3D acquisition has one time");
	cr_assert_eq(vendor_multiband(times, 1), 1);
}
