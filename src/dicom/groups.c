/* SPDX-License-Identifier: MIT */
/* Attributes of one frame, from its own groups, the shared ones, or the data set. */
#include "dicom/groups.h"

#include "dicom/tags.h"

#define SHARED_GROUPS 0x52009229u
#define FRAME_GROUPS 0x52009230u
#define MOST_DEPTH 4 /* direction sequence in diffusion sequence in item, and one more */

/* Depth first, as the groups nest: the tree below an item is small and its depth bounded here. */
static const struct dcm_node *find(const struct dcm_dataset *ds, uint32_t tag, unsigned depth,
	const struct dcm_dataset **where)
{
	const struct dcm_node *n = dcm_get(ds, tag);
	uint32_t i;

	*where = ds;
	for (i = 0; !n && depth && i < ds->n_nodes; i++)
		if (ds->nodes[i].n_items)
			n = find(&ds->nodes[i].items[0], tag, depth - 1, where);
	return n;
}

/* Makers' own sequences at the top of classic files are what groups are in enhanced ones, and some
 * write the groups' own sequences there: those that tell of the acquisition, the plane, its
 * pixels. */
static bool may_be_group(uint32_t tag)
{
	uint16_t group = DCM_TAG_GROUP(tag);

	return (group & 1) || group == 0x0018 || tag == DCM_PlanePositionSequence ||
		tag == DCM_PlaneOrientationSequence || tag == DCM_PixelMeasuresSequence ||
		tag == DCM_PixelValueTransformationSequence;
}

static const struct dcm_node *find_top(const struct dcm_dataset *top, uint32_t tag,
	const struct dcm_dataset **where)
{
	const struct dcm_node *n = dcm_get(top, tag);
	uint32_t i;

	*where = top;
	for (i = 0; !n && i < top->n_nodes; i++) {
		if (!may_be_group(top->nodes[i].el.tag) || !top->nodes[i].n_items)
			continue;
		n = find(&top->nodes[i].items[0], tag, MOST_DEPTH, where);
	}
	return n;
}

static const struct dcm_node *find_private(const struct dcm_dataset *ds, uint16_t group,
	const char *creator, uint8_t low, const struct dcm_dataset **where)
{
	const struct dcm_node *n = dcm_get_private(ds, group, creator, low);
	uint32_t i;

	*where = ds;
	for (i = 0; !n && i < ds->n_nodes; i++) {
		if (!ds->nodes[i].n_items)
			continue;
		*where = &ds->nodes[i].items[0];
		n = dcm_get_private(*where, group, creator, low);
	}
	return n;
}

const struct dcm_dataset *dcm_frame_item(const struct dcm_header *h, uint32_t frame)
{
	return dcm_item(dcm_get(&h->top, FRAME_GROUPS), frame);
}

const struct dcm_dataset *dcm_shared_item(const struct dcm_header *h)
{
	return dcm_first_item(&h->top, SHARED_GROUPS);
}

const struct dcm_node *dcm_frame_get(const struct dcm_header *h, uint32_t frame, uint32_t tag,
	const struct dcm_dataset **ds)
{
	const struct dcm_dataset *own = dcm_frame_item(h, frame), *shared = dcm_shared_item(h),
				 *where;
	const struct dcm_node *n = own ? find(own, tag, MOST_DEPTH, &where) : NULL;

	if (!n && shared)
		n = find(shared, tag, MOST_DEPTH, &where);
	if (!n)
		n = find_top(&h->top, tag, &where);
	if (ds)
		*ds = where;
	return n;
}

const struct dcm_node *dcm_frame_get_private(const struct dcm_header *h, uint32_t frame,
	uint16_t group, const char *creator, uint8_t low, const struct dcm_dataset **ds)
{
	const struct dcm_dataset *own = dcm_frame_item(h, frame), *shared = dcm_shared_item(h),
				 *where;
	const struct dcm_node *n = own ? find_private(own, group, creator, low, &where) : NULL;

	if (!n && shared)
		n = find_private(shared, group, creator, low, &where);
	if (!n)
		n = find_private(&h->top, group, creator, low, &where);
	if (ds)
		*ds = where;
	return n;
}
