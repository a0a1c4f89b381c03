/* SPDX-License-Identifier: MIT */
/* Look-ups in the generated tables (dict_tables.h), and what is known of the VRs themselves. */
#include "dicom/dict.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dicom/reader.h"
#include "dict_tables.h"

/* PS3.5 §6.2 and §7.1.2: how a VR is written, and what its value is made of. */
enum vr_flags { VR_LONG = 1, VR_TEXT = 2, VR_CHARSET = 4 };

struct vr_facts {
	uint16_t vr;
	uint8_t flags;
	uint8_t unit;
};

static const struct vr_facts *vr_find(uint16_t vr)
{
	static const struct vr_facts facts[] = {
		{ DCM_VR_AE, VR_TEXT, 1 },
		{ DCM_VR_AS, VR_TEXT, 1 },
		{ DCM_VR_AT, 0, 2 },
		{ DCM_VR_CS, VR_TEXT, 1 },
		{ DCM_VR_DA, VR_TEXT, 1 },
		{ DCM_VR_DS, VR_TEXT, 1 },
		{ DCM_VR_DT, VR_TEXT, 1 },
		{ DCM_VR_FD, 0, 8 },
		{ DCM_VR_FL, 0, 4 },
		{ DCM_VR_IS, VR_TEXT, 1 },
		{ DCM_VR_LO, VR_TEXT | VR_CHARSET, 1 },
		{ DCM_VR_LT, VR_TEXT | VR_CHARSET, 1 },
		{ DCM_VR_OB, VR_LONG, 1 },
		{ DCM_VR_OD, VR_LONG, 8 },
		{ DCM_VR_OF, VR_LONG, 4 },
		{ DCM_VR_OL, VR_LONG, 4 },
		{ DCM_VR_OV, VR_LONG, 8 },
		{ DCM_VR_OW, VR_LONG, 2 },
		{ DCM_VR_PN, VR_TEXT | VR_CHARSET, 1 },
		{ DCM_VR_SH, VR_TEXT | VR_CHARSET, 1 },
		{ DCM_VR_SL, 0, 4 },
		{ DCM_VR_SQ, VR_LONG, 1 },
		{ DCM_VR_SS, 0, 2 },
		{ DCM_VR_ST, VR_TEXT | VR_CHARSET, 1 },
		{ DCM_VR_SV, VR_LONG, 8 },
		{ DCM_VR_TM, VR_TEXT, 1 },
		{ DCM_VR_UC, VR_LONG | VR_TEXT | VR_CHARSET, 1 },
		{ DCM_VR_UI, VR_TEXT, 1 },
		{ DCM_VR_UL, 0, 4 },
		{ DCM_VR_UN, VR_LONG, 1 },
		{ DCM_VR_UR, VR_LONG | VR_TEXT, 1 },
		{ DCM_VR_US, 0, 2 },
		{ DCM_VR_UT, VR_LONG | VR_TEXT | VR_CHARSET, 1 },
		{ DCM_VR_UV, VR_LONG, 8 },
	};
	size_t lo = 0, hi = sizeof facts / sizeof facts[0];

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (facts[mid].vr == vr)
			return &facts[mid];
		if (facts[mid].vr < vr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

static bool vr_has(uint16_t vr, unsigned flag)
{
	const struct vr_facts *f = vr_find(vr);

	return f != NULL && (f->flags & flag) != 0;
}

bool dcm_vr_known(uint16_t vr)
{
	return vr_find(vr) != NULL;
}

bool dcm_vr_long_form(uint16_t vr)
{
	return vr_has(vr, VR_LONG);
}

bool dcm_vr_has_charset(uint16_t vr)
{
	return vr_has(vr, VR_CHARSET);
}

bool dcm_vr_is_text(uint16_t vr)
{
	return vr_has(vr, VR_TEXT);
}

unsigned dcm_vr_unit(uint16_t vr)
{
	const struct vr_facts *f = vr_find(vr);

	return f != NULL ? f->unit : 1;
}

/* Bisection for the tag in n entries that ascend. */
static const struct dcm_dict_entry *find_in(const struct dcm_dict_entry *e, size_t n, uint32_t tag)
{
	while (n > 0) {
		size_t half = n / 2;

		if (e[half].tag == tag)
			return &e[half];
		if (e[half].tag < tag) {
			e += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	return NULL;
}

static const struct dcm_dict_entry *find_range(uint32_t tag)
{
	size_t i;

	for (i = 0; i < dict_n_ranges; i++)
		if ((tag & dict_ranges[i].mask) == dict_ranges[i].entry.tag)
			return &dict_ranges[i].entry;
	return NULL;
}

const struct dcm_dict_entry *dcm_dict_find(uint32_t tag)
{
	static const struct dcm_dict_entry group_length = E(0, UL, "1", "GroupLength");
	static const struct dcm_dict_entry creator = E(0x00090010, LO, "1", "PrivateCreator");
	uint16_t element = DCM_TAG_ELEMENT(tag);
	const struct dcm_dict_entry *found;

	if (DCM_TAG_GROUP(tag) & 1) {
		if (element >= 0x10 && element <= 0xFF)
			return &creator;
		return element == 0 ? &group_length : NULL;
	}
	found = find_in(dict_public, dict_n_public, tag);
	if (found == NULL && element == 0)
		return &group_length;
	return found != NULL ? found : find_range(tag);
}

/* Entry i of dict_by_keyword: what lies behind the plain ones is a repeating group. */
static const struct dcm_dict_entry *keyword_entry(size_t i)
{
	size_t at = dict_by_keyword[i];

	return at < dict_n_public ? &dict_public[at] : &dict_ranges[at - dict_n_public].entry;
}

const struct dcm_dict_entry *dcm_dict_find_keyword(const char *keyword)
{
	size_t lo = 0, hi = dict_n_keywords;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		const struct dcm_dict_entry *e = keyword_entry(mid);
		int order = strcmp(e->keyword, keyword);

		if (order == 0)
			return e;
		if (order < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

static int compare_creator(const void *name, const void *entry)
{
	return strcasecmp(name, ((const struct dict_creator *)entry)->name);
}

/* Some vendors use a run of groups for several planes, as PS3.6 does: the dictionary
 * has them as the lowest odd one, 6001 for 60xx. */
static uint32_t first_of_run(uint32_t tag)
{
	return (tag & 0xFF00FFFFu) | 0x00010000u;
}

const struct dcm_dict_entry *dcm_dict_find_private(const char *creator, uint32_t tag)
{
	const struct dict_creator *c = bsearch(creator, dict_creators, dict_n_creators, sizeof *c,
		compare_creator);
	uint32_t low = tag & 0xFFFF00FFu;
	const struct dcm_dict_entry *found, *table;

	if (c == NULL)
		return NULL;
	table = &dict_private[c->first];
	found = find_in(table, c->n, tag);
	if (found == NULL)
		found = find_in(table, c->n, low);
	if (found == NULL)
		found = find_in(table, c->n, first_of_run(low));
	return found;
}

static int compare_uid(const void *uid, const void *entry)
{
	return strcmp(uid, ((const struct dict_uid *)entry)->uid);
}

const char *dcm_dict_uid_name(const char *uid)
{
	const struct dict_uid *found = bsearch(uid, dict_uids, dict_n_uids, sizeof *found,
		compare_uid);

	return found != NULL ? found->name : NULL;
}
