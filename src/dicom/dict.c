/* SPDX-License-Identifier: MIT */
/* Look-ups in the generated tables (dict_tables.h), and what is known of the VRs themselves. */
#include "dicom/dict.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dicom/reader.h"
#include "dict_tables.h"

/* PS3.5 §6.2 and §7.1.2: how a VR is written, and what its value is made of. */
#define VR(a, b) [(a)&31][(b)&31]
#define TEXT (DCM_VR_IS_KNOWN | DCM_VR_IS_TEXT | 1 << DCM_VR_UNIT_SHIFT)
#define CHARS (TEXT | DCM_VR_HAS_CHARSET)
#define WORDS(unit) (DCM_VR_IS_KNOWN | (unit) << DCM_VR_UNIT_SHIFT)
#define LONG DCM_VR_IS_LONG

const uint8_t dcm_vr_table[32][32] = {
	VR('A', 'E') = TEXT,
	VR('A', 'S') = TEXT,
	VR('A', 'T') = WORDS(2),
	VR('C', 'S') = TEXT,
	VR('D', 'A') = TEXT,
	VR('D', 'S') = TEXT,
	VR('D', 'T') = TEXT,
	VR('F', 'D') = WORDS(8),
	VR('F', 'L') = WORDS(4),
	VR('I', 'S') = TEXT,
	VR('L', 'O') = CHARS,
	VR('L', 'T') = CHARS,
	VR('O', 'B') = WORDS(1) | LONG,
	VR('O', 'D') = WORDS(8) | LONG,
	VR('O', 'F') = WORDS(4) | LONG,
	VR('O', 'L') = WORDS(4) | LONG,
	VR('O', 'V') = WORDS(8) | LONG,
	VR('O', 'W') = WORDS(2) | LONG,
	VR('P', 'N') = CHARS,
	VR('S', 'H') = CHARS,
	VR('S', 'L') = WORDS(4),
	VR('S', 'Q') = WORDS(1) | LONG,
	VR('S', 'S') = WORDS(2),
	VR('S', 'T') = CHARS,
	VR('S', 'V') = WORDS(8) | LONG,
	VR('T', 'M') = TEXT,
	VR('U', 'C') = CHARS | LONG,
	VR('U', 'I') = TEXT,
	VR('U', 'L') = WORDS(4),
	VR('U', 'N') = WORDS(1) | LONG,
	VR('U', 'R') = TEXT | LONG,
	VR('U', 'S') = WORDS(2),
	VR('U', 'T') = CHARS | LONG,
	VR('U', 'V') = WORDS(8) | LONG,
};

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

/* The first of the public entries that is not below the tag. Steps of growing length lead up from
 * the hint, since who walks a data set asks for tags that ascend. */
static size_t public_bound(uint32_t tag, size_t hint)
{
	size_t low = 0, high = dict_n_public, step = 1;

	if (hint < dict_n_public && dict_public[hint].tag < tag) {
		for (low = hint + 1;
			low + step < dict_n_public && dict_public[low + step].tag < tag; step *= 2)
			low += step + 1;
		high = low + step < dict_n_public ? low + step : dict_n_public;
	}
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (dict_public[mid].tag < tag)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

const struct dcm_dict_entry *dcm_dict_find_near(uint32_t tag, size_t *hint)
{
	static const struct dcm_dict_entry group_length = E(0, UL, "1", "GroupLength");
	static const struct dcm_dict_entry creator = E(0x00090010, LO, "1", "PrivateCreator");
	uint16_t element = DCM_TAG_ELEMENT(tag);
	size_t at;

	if (DCM_TAG_GROUP(tag) & 1) {
		if (element >= 0x10 && element <= 0xFF)
			return &creator;
		return element == 0 ? &group_length : NULL;
	}
	at = public_bound(tag, *hint);
	if (at < dict_n_public && dict_public[at].tag == tag) {
		*hint = at;
		return &dict_public[at];
	}
	return element == 0 ? &group_length : find_range(tag);
}

const struct dcm_dict_entry *dcm_dict_find(uint32_t tag)
{
	size_t hint = SIZE_MAX;

	return dcm_dict_find_near(tag, &hint);
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

const struct dict_creator *dcm_dict_creator(const char *creator)
{
	return bsearch(creator, dict_creators, dict_n_creators, sizeof *dict_creators,
		compare_creator);
}

const struct dcm_dict_entry *dcm_dict_find_of(const struct dict_creator *c, uint32_t tag)
{
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

const struct dcm_dict_entry *dcm_dict_find_private(const char *creator, uint32_t tag)
{
	return dcm_dict_find_of(dcm_dict_creator(creator), tag);
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
