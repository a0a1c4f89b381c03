/* SPDX-License-Identifier: MIT */
/* The dictionaries: what a tag is called, and what a VR is made of. */
#include <criterion/criterion.h>

#include <string.h>

#include "dicom/dict.h"
#include "dicom/reader.h"
#include "dicom/tags.h"

static void is_named(uint32_t tag, const char *keyword, uint16_t vr, const char *vm)
{
	const struct dcm_dict_entry *e = dcm_dict_find(tag);

	cr_assert_not_null(e, "%08x", tag);
	cr_assert_str_eq(e->keyword, keyword);
	cr_assert_eq(e->vr, vr, "%s", keyword);
	cr_assert_str_eq(e->vm, vm);
}

static void is_private(const char *creator, uint32_t tag, const char *keyword)
{
	const struct dcm_dict_entry *e = dcm_dict_find_private(creator, tag);

	cr_assert_not_null(e, "%s %08x", creator, tag);
	cr_assert_str_eq(e->keyword, keyword);
}

Test(dicom_dict, finds_plain_elements_of_every_part)
{
	is_named(0x00000100, "CommandField", DCM_VR_US, "1");
	is_named(0x00020010, "TransferSyntaxUID", DCM_VR_UI, "1");
	is_named(0x00080005, "SpecificCharacterSet", DCM_VR_CS, "1-n");
	is_named(0x00100010, "PatientName", DCM_VR_PN, "1");
	is_named(0x00200037, "ImageOrientationPatient", DCM_VR_DS, "6");
	is_named(0x52009230, "PerFrameFunctionalGroupsSequence", DCM_VR_SQ, "1");
	is_named(0x7FE00001, "ExtendedOffsetTable", DCM_VR_OV, "1");
	is_named(0xFFFCFFFC, "DataSetTrailingPadding", DCM_VR_OB, "1");
	is_named(0xFFFEE0DD, "SequenceDelimitationItem", DCM_VR_NONE, "1");
}

Test(dicom_dict, has_what_the_newest_editions_added)
{
	is_named(0x0008001C, "SyntheticData", DCM_VR_CS, "1");
	is_named(0x7FE00003, "EncapsulatedPixelDataValueTotalLength", DCM_VR_UV, "1");
	is_named(0x30060049, "AttachedContours", DCM_VR_IS, "1-n");
	cr_assert(dcm_dict_find(0x30060049)->retired);
	cr_assert_not(dcm_dict_find(0x0008001C)->retired);
}

Test(dicom_dict, resolves_repeating_groups)
{
	is_named(0x002031AB, "SourceImageIDs", DCM_VR_CS, "1-n");
	is_named(0x00280400, "TransformLabel", DCM_VR_LO, "1");
	is_named(0x00280431, "ColumnsForNthOrderCoefficients", DCM_VR_US, "1");
	is_named(0x50063000, "CurveData", DCM_VR_OW, "1");
	is_named(0x600E3000, "OverlayData", DCM_VR_OW, "1");
	is_named(0x7F020010, "VariablePixelData", DCM_VR_OW, "1");
	is_named(0x7FE00010, "PixelData", DCM_VR_OW, "1");
	is_named(0x10001235, "ShiftTableTriplet", DCM_VR_US, "3");
	is_named(0x10100123, "ZonalMap", DCM_VR_US, "1-n");
	cr_assert_null(dcm_dict_find(0x60003001));
}

Test(dicom_dict, says_which_vr_is_ambiguous)
{
	cr_assert(dcm_dict_find(DCM_SmallestImagePixelValue)->ambiguous);
	cr_assert_eq(dcm_dict_find(DCM_SmallestImagePixelValue)->vr, DCM_VR_US);
	cr_assert(dcm_dict_find(DCM_LUTData)->ambiguous);
	cr_assert_eq(dcm_dict_find(DCM_LUTData)->vr, DCM_VR_OW);
	cr_assert(dcm_dict_find(DCM_PixelData)->ambiguous);
	cr_assert_not(dcm_dict_find(DCM_Rows)->ambiguous);
}

Test(dicom_dict, knows_lengths_and_creators_of_any_group)
{
	is_named(0x00020000, "FileMetaInformationGroupLength", DCM_VR_UL, "1");
	is_named(0x00080000, "GroupLength", DCM_VR_UL, "1");
	is_named(0x00290000, "GroupLength", DCM_VR_UL, "1");
	is_named(0x10000000, "GroupLength", DCM_VR_UL, "1");
	is_named(0x00290010, "PrivateCreator", DCM_VR_LO, "1");
	is_named(0x602100FF, "PrivateCreator", DCM_VR_LO, "1");
	cr_assert_null(dcm_dict_find(0x0029000F));
	cr_assert_null(dcm_dict_find(0x00291010));
	cr_assert_null(dcm_dict_find(0x60013000), "odd groups do not repeat the even ones");
}

Test(dicom_dict, keywords_lead_back_to_their_tags)
{
	static const char *const keywords[] = {
		"AbortFlag",
		"PatientName",
		"OverlayData",
		"SyntheticData",
		"SourceImageIDs",
		"dBdt",
	};
	size_t i;

	for (i = 0; i < sizeof keywords / sizeof keywords[0]; i++) {
		const struct dcm_dict_entry *e = dcm_dict_find_keyword(keywords[i]);

		cr_assert_not_null(e, "%s", keywords[i]);
		cr_assert_str_eq(e->keyword, keywords[i]);
		cr_assert_eq(dcm_dict_find(e->tag), e);
	}
	cr_assert_null(dcm_dict_find_keyword("patientname"));
	cr_assert_null(dcm_dict_find_keyword(""));
	cr_assert_null(dcm_dict_find_keyword("Unknown"));
	cr_assert_eq(dcm_dict_find_keyword("EchoTime")->tag, DCM_EchoTime);
}

/* Whether a bisection can be trusted shows only where every entry is asked for. */
Test(dicom_dict, every_tag_below_a_group_is_found_or_not_in_order)
{
	uint32_t element, n = 0;

	for (element = 0; element <= 0xFFFF; element++) {
		const struct dcm_dict_entry *e = dcm_dict_find(DCM_TAG(0x0018, element));

		if (e == NULL || element == 0)
			continue;
		cr_assert_eq(e->tag, DCM_TAG(0x0018, element));
		cr_assert_leq(strlen(e->keyword), 64);
		n++;
	}
	cr_assert_gt(n, 800);
}

Test(dicom_dict, private_elements_go_by_creator_and_low_byte)
{
	is_private("SIEMENS CSA HEADER", 0x00291010, "CSAImageHeaderInfo");
	is_private("SIEMENS CSA HEADER", 0x00299910, "CSAImageHeaderInfo");
	is_private("Philips Imaging DD 001", 0x20011003, "DiffusionBFactor");
	is_private("Philips MR Imaging DD 001", 0x20051071, "MRStackAngulationAP");
	is_private("PHILIPS IMAGING DD 001", 0x20011503, "DiffusionBFactor");
	is_private("GEMS_PARM_01", 0x00431039, "SlopInteger6ToSlopInteger9");
	is_private("SIEMENS MR SDI 02", 0x00211104, "TimeAfterStart");
	is_private("SIEMENS MR SDI 02", 0x00211142, "RealDwellTime");
	is_private("Image Private Header", 0x00651058, "PhaseEncodingDirectionPositive");
	cr_assert_null(dcm_dict_find_private("SIEMENS CSA HEADER", 0x00311010));
	cr_assert_null(dcm_dict_find_private("NOBODY", 0x00291010));
	cr_assert_null(dcm_dict_find_private("", 0x00291010));
}

Test(dicom_dict, prose_names_become_keywords)
{
	is_private("SIEMENS MR HEADER", 0x0019100C, "BValue");
	is_private("SIEMENS MR HEADER", 0x00511013, "PositivePCSDirections");
}

Test(dicom_dict, private_elements_of_one_block_or_of_a_run_of_groups)
{
	is_private("PHILIPS MR/PART", 0x00191100, "NumberOfStacks");
	is_private("PHILIPS MR/PART", 0x00191000, "FieldOfView");
	is_private("PAPYRUS 3.0", 0x60011010, "OverlayRows");
	is_private("PAPYRUS 3.0", 0x60211010, "OverlayRows");
}

Test(dicom_dict, names_of_uids)
{
	cr_assert_str_eq(dcm_dict_uid_name("1.2.840.10008.5.1.4.1.1.4"), "MR Image Storage");
	cr_assert_str_eq(dcm_dict_uid_name("1.2.840.10008.1.2"), "Implicit VR Little Endian");
	cr_assert_null(dcm_dict_uid_name("1.2.840.10008.5.1.4.1.1."));
	cr_assert_null(dcm_dict_uid_name(""));
}

Test(dicom_dict, facts_of_the_value_representations)
{
	cr_assert(dcm_vr_known(DCM_VR_AE) && dcm_vr_known(DCM_VR_UV) && dcm_vr_known(DCM_VR_SQ));
	cr_assert_not(dcm_vr_known(DCM_VR('Z', 'Z')) || dcm_vr_known(DCM_VR_NONE));
	cr_assert(dcm_vr_long_form(DCM_VR_OB) && dcm_vr_long_form(DCM_VR_UC) &&
		dcm_vr_long_form(DCM_VR_SV));
	cr_assert_not(dcm_vr_long_form(DCM_VR_LT) || dcm_vr_long_form(DCM_VR_FD));
	cr_assert(dcm_vr_has_charset(DCM_VR_PN) && dcm_vr_has_charset(DCM_VR_UT));
	cr_assert_not(dcm_vr_has_charset(DCM_VR_CS) || dcm_vr_has_charset(DCM_VR_UR));
	cr_assert(dcm_vr_is_text(DCM_VR_DS) && dcm_vr_is_text(DCM_VR_UI) &&
		dcm_vr_is_text(DCM_VR_UR));
	cr_assert_not(dcm_vr_is_text(DCM_VR_UN) || dcm_vr_is_text(DCM_VR_SQ));
	cr_assert_eq(dcm_vr_unit(DCM_VR_OW), 2);
	cr_assert_eq(dcm_vr_unit(DCM_VR_AT), 2);
	cr_assert_eq(dcm_vr_unit(DCM_VR_OV), 8);
	cr_assert_eq(dcm_vr_unit(DCM_VR_UN), 1);
}

Test(dicom_dict, a_hint_changes_nothing)
{
	static const uint32_t steps[] = { 1, 3, 0x10, 0x101, 0x1003, 0x10001 };
	size_t hint = 0, i;
	uint32_t tag, n;

	for (i = 0; i < sizeof steps / sizeof steps[0]; i++)
		for (tag = 0x00020000, n = 0; n < 30000; tag += steps[i], n++)
			cr_assert_eq(dcm_dict_find_near(tag, &hint), dcm_dict_find(tag), "%08x",
				tag);
	hint = SIZE_MAX;
	cr_assert_eq(dcm_dict_find_near(DCM_Modality, &hint), dcm_dict_find(DCM_Modality));
}
