/* SPDX-License-Identifier: MIT */
/* Functional groups: the frame's own word goes before the shared one, that before the header's. */
#include <criterion/criterion.h>

#include <string.h>

#include "dicom/charset.h"
#include "dicom/groups.h"
#include "dicom/tags.h"
#include "dicom/value.h"

static struct dcm_node text(uint32_t tag, uint16_t vr, const char *s)
{
	return (struct dcm_node){
		.el = { .tag = tag, .vr = vr, .len = strlen(s) },
		.value = (const uint8_t *)s,
	};
}

static struct dcm_node sequence(uint32_t tag, struct dcm_dataset *items, uint32_t n)
{
	return (struct dcm_node){
		.el = { .tag = tag, .vr = DCM_VR_SQ },
		.items = items,
		.n_items = n,
	};
}

static struct dcm_dataset set(struct dcm_node *nodes, uint32_t n)
{
	return (struct dcm_dataset){
		.nodes = nodes,
		.n_nodes = n,
		.sorted = true,
		.charset = charset_default(),
	};
}

/*
 * Two frames. EchoTime: 10 for frame 0 alone, 30 shared, 99 at the top. FlipAngle: shared.
 * RepetitionTime: at the top. SeriesTime lies in a sequence at the top, where it is nobody's.
 * (2005,xx0E) is private: in a group of frame 1, and at the top in another block.
 */
struct enhanced {
	struct dcm_node frame0_echo[1], frame1_private[2], shared_echo[2], nowhere[1];
	struct dcm_dataset frame0_groups[1], frame1_groups[1], shared_groups[1], other[1];
	struct dcm_node frame0[1], frame1[1], shared[1], top[7];
	struct dcm_dataset frames[2], shared_item[1];
	struct dcm_header h;
};

static void build(struct enhanced *e)
{
	e->frame0_echo[0] = text(DCM_EchoTime, DCM_VR_DS, "10");
	e->frame0_groups[0] = set(e->frame0_echo, 1);
	e->frame0[0] = sequence(DCM_MREchoSequence, e->frame0_groups, 1);
	e->frame1_private[0] = text(0x20050010, DCM_VR_LO, "MAKER 01");
	e->frame1_private[1] = text(0x2005100E, DCM_VR_DS, "2.5");
	e->frame1_groups[0] = set(e->frame1_private, 2);
	e->frame1[0] = sequence(0x2005140F, e->frame1_groups, 1);
	e->frames[0] = set(e->frame0, 1);
	e->frames[1] = set(e->frame1, 1);
	e->shared_echo[0] = text(DCM_EchoTime, DCM_VR_DS, "30");
	e->shared_echo[1] = text(DCM_FlipAngle, DCM_VR_DS, "8");
	e->shared_groups[0] = set(e->shared_echo, 2);
	e->shared[0] = sequence(DCM_MRTimingAndRelatedParametersSequence, e->shared_groups, 1);
	e->shared_item[0] = set(e->shared, 1);
	e->nowhere[0] = text(DCM_SeriesTime, DCM_VR_TM, "1201");
	e->other[0] = set(e->nowhere, 1);
	e->top[0] = sequence(DCM_ReferencedStudySequence, e->other, 1);
	e->top[1] = text(DCM_RepetitionTime, DCM_VR_DS, "2000");
	e->top[2] = text(DCM_EchoTime, DCM_VR_DS, "99");
	e->top[3] = text(0x20050011, DCM_VR_LO, "MAKER 01");
	e->top[4] = text(0x2005110E, DCM_VR_DS, "7.5");
	e->top[5] = sequence(DCM_SharedFunctionalGroupsSequence, e->shared_item, 1);
	e->top[6] = sequence(DCM_PerFrameFunctionalGroupsSequence, e->frames, 2);
	memset(&e->h, 0, sizeof e->h);
	e->h.top = set(e->top, 7);
}

static double number(const struct enhanced *e, uint32_t frame, uint32_t tag)
{
	double v = -1;

	dcm_double(dcm_frame_get(&e->h, frame, tag, NULL), 0, &v);
	return v;
}

Test(dicom_groups, the_frame_goes_before_the_shared_and_that_before_the_header)
{
	struct enhanced e;

	build(&e);
	cr_assert_eq(number(&e, 0, DCM_EchoTime), 10);
	cr_assert_eq(number(&e, 1, DCM_EchoTime), 30);
	cr_assert_eq(number(&e, 0, DCM_FlipAngle), 8);
	cr_assert_eq(number(&e, 0, DCM_RepetitionTime), 2000);
}

Test(dicom_groups, other_sequences_of_the_header_are_nobodys_groups)
{
	struct enhanced e;

	build(&e);
	cr_assert_null(dcm_frame_get(&e.h, 0, DCM_SeriesTime, NULL));
}

Test(dicom_groups, a_frame_that_has_no_item_has_the_shared_ones)
{
	struct enhanced e;

	build(&e);
	cr_assert_null(dcm_frame_item(&e.h, 2));
	cr_assert_eq(number(&e, 2, DCM_EchoTime), 30);
}

Test(dicom_groups, a_header_without_groups_answers_for_itself)
{
	struct enhanced e;

	build(&e);
	e.h.top.n_nodes = 5;
	cr_assert_null(dcm_shared_item(&e.h));
	cr_assert_eq(number(&e, 0, DCM_EchoTime), 99);
	cr_assert_null(dcm_frame_get(&e.h, 0, DCM_FlipAngle, NULL));
}

Test(dicom_groups, tells_the_data_set_that_a_text_belongs_to)
{
	const struct dcm_dataset *ds = NULL;
	struct enhanced e;

	build(&e);
	dcm_frame_get(&e.h, 0, DCM_EchoTime, &ds);
	cr_assert_eq(ds, &e.frame0_groups[0]);
	dcm_frame_get(&e.h, 0, DCM_RepetitionTime, &ds);
	cr_assert_eq(ds, &e.h.top);
}

Test(dicom_groups, private_elements_go_by_their_creator_wherever_its_block_is)
{
	const struct dcm_dataset *ds = NULL;
	const struct dcm_node *n;
	struct enhanced e;
	double v = -1;

	build(&e);
	n = dcm_frame_get_private(&e.h, 1, 0x2005, "MAKER 01", 0x0E, &ds);
	cr_assert(dcm_double(n, 0, &v) && v == 2.5);
	cr_assert_eq(ds, &e.frame1_groups[0]);
	n = dcm_frame_get_private(&e.h, 0, 0x2005, "MAKER 01", 0x0E, &ds);
	cr_assert(dcm_double(n, 0, &v) && v == 7.5);
	cr_assert_eq(ds, &e.h.top);
	cr_assert_null(dcm_frame_get_private(&e.h, 0, 0x2005, "OTHER", 0x0E, NULL));
}
