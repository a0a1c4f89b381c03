/* SPDX-License-Identifier: MIT */
/* Attributes by name: see dicom/attrpath.h. */
#include "dicom/attrpath.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "dicom/dataset.h"
#include "dicom/dict.h"
#include "dicom/value.h"

#define MAX_KEYWORD 80u
#define MAX_ITEM 100000000u
#define MAX_NUMBERS 64u /* of one attribute: what has more is data, not a name */

/* "2" or "*" at *s; moves behind it. Digits alone, so that an item has one spelling. */
static bool parse_item(const char **s, uint32_t *out)
{
	if (**s == '*') {
		*out = ATTRPATH_ANY_ITEM;
		++*s;
		return true;
	}
	*out = 0;
	if (**s == '0')
		return false;
	for (; **s >= '0' && **s <= '9'; ++*s) {
		*out = *out * 10 + (uint32_t)(**s - '0');
		if (*out > MAX_ITEM)
			return false;
	}
	return *out > 0;
}

/* "Keyword" or "Keyword[2]." at *s; moves behind it. */
static bool parse_step(const char **s, struct attrpath_step *out)
{
	const struct dcm_dict_entry *e;
	size_t len = strcspn(*s, "[.");
	char word[MAX_KEYWORD];

	if (!len || len >= sizeof word)
		return false;
	memcpy(word, *s, len);
	word[len] = '\0';
	e = dcm_dict_find_keyword(word);
	if (!e)
		return false;
	*out = (struct attrpath_step){ .tag = e->tag };
	*s += len;
	if (**s == '\0')
		return true;
	if (**s != '[')
		return false;
	++*s;
	if (!parse_item(s, &out->item) || (*s)[0] != ']' || (*s)[1] != '.')
		return false;
	*s += 2;
	return true;
}

bool attrpath_parse(const char *text, struct attrpath *out)
{
	for (out->n_steps = 0; *text; out->n_steps++)
		if (out->n_steps == ATTRPATH_MAX_STEPS ||
			!parse_step(&text, &out->steps[out->n_steps]))
			return false;
	return out->n_steps > 0 && out->steps[out->n_steps - 1].item == 0;
}

/* Which item of its sequence the data set is, from 1; 0: it is no item of that sequence. */
static uint32_t item_number(const struct dcm_dataset *ds, uint32_t sequence)
{
	const struct dcm_node *n = ds->parent ? dcm_get(ds->parent, sequence) : NULL;

	if (!n || ds < n->items || ds >= n->items + n->n_items)
		return 0;
	return (uint32_t)(ds - n->items) + 1;
}

bool attrpath_matches(const struct attrpath *p, const struct dcm_dataset *ds,
	const struct dcm_node *n)
{
	unsigned i = p->n_steps - 1;
	uint32_t item;

	if (p->steps[i].tag != n->el.tag)
		return false;
	for (; i-- > 0; ds = ds->parent) {
		item = item_number(ds, p->steps[i].tag);
		if (!item || (p->steps[i].item != ATTRPATH_ANY_ITEM && p->steps[i].item != item))
			return false;
	}
	return ds->parent == NULL;
}

static bool is_binary(uint16_t vr)
{
	return !dcm_vr_known(vr) || vr == DCM_VR_UN || vr == DCM_VR_SQ || (vr >> 8 == 'O');
}

/* Value i as a dump has it. False: there is none. */
static bool add_number(const struct dcm_node *n, uint32_t i, struct buf *out)
{
	int64_t tag;
	double v;

	if (n->el.vr == DCM_VR_AT) {
		if (!dcm_int(n, i, &tag))
			return false;
		buf_addf(out, "%s(%04x,%04x)", i ? "\\" : "", DCM_TAG_GROUP((uint32_t)tag),
			DCM_TAG_ELEMENT((uint32_t)tag));
		return true;
	}
	if (!dcm_double(n, i, &v))
		return false;
	buf_adds(out, i ? "\\" : "");
	if (n->el.vr == DCM_VR_FL)
		buf_add_f32(out, (float)v);
	else
		buf_add_f64(out, v);
	return true;
}

void attrpath_render_node(const struct dcm_dataset *ds, const struct dcm_node *n, struct buf *out)
{
	struct arena a = { 0 };
	const char *text;
	uint32_t i, vm;

	if (n->items || is_binary(n->el.vr))
		return;
	if (dcm_vr_is_text(n->el.vr)) {
		text = dcm_text(ds, n, &a);
		buf_adds(out, text ? text : "");
		arena_release(&a);
		return;
	}
	vm = dcm_vm(n);
	for (i = 0; i < vm && i < MAX_NUMBERS && add_number(n, i, out); i++)
		;
}

void attrpath_render(const struct attrpath *p, const struct dcm_header *h, struct buf *out)
{
	const struct dcm_dataset *ds = DCM_TAG_GROUP(p->steps[0].tag) == 2 ? &h->meta : &h->top;
	const struct dcm_node *n = NULL;
	unsigned i;

	for (i = 0; ds && i < p->n_steps; i++) {
		n = dcm_get(ds, p->steps[i].tag);
		if (p->steps[i].item == ATTRPATH_ANY_ITEM)
			ds = dcm_item(n, 0);
		else if (p->steps[i].item)
			ds = dcm_item(n, p->steps[i].item - 1);
	}
	if (ds && n)
		attrpath_render_node(ds, n, out);
}
