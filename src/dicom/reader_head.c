/* SPDX-License-Identifier: MIT */
/*
 * Heads of elements where they lie: VRs from the dictionaries, private creators, heads
 * whose VR nobody knows. See reader_parts.h.
 */
#include <string.h>

#include "base/bytes.h"
#include "dicom/tags.h"
#include "reader_parts.h"

/* ---- private creators ---- */

static const uint8_t *trim(const uint8_t *p, size_t *len)
{
	while (*len && (p[*len - 1] == ' ' || p[*len - 1] == '\0'))
		--*len;
	while (*len && *p == ' ') {
		p++;
		--*len;
	}
	return p;
}

static int note_creator(struct dcm_reader *r, const struct dcm_elem *el, struct err *err)
{
	struct dcm_creator *c;
	const uint8_t *p;
	size_t len;
	int rc;

	if (r->n_creators == DCM_MAX_CREATORS)
		return 0;
	rc = dcm_reader_view(r, el, &p, &len, err);
	if (rc < 0)
		return rc;
	p = trim(p, &len);
	c = &r->creators[r->n_creators++];
	c->group = DCM_TAG_GROUP(el->tag);
	c->block = (uint8_t)el->tag;
	c->len = (uint8_t)min_size(len, sizeof c->text - 1);
	memcpy(c->text, p, c->len);
	c->text[c->len] = '\0';
	return 0;
}

const char *dcm_reader_creator(const struct dcm_reader *r, uint32_t tag, size_t *len)
{
	unsigned top_dataset = r->level[r->top].is_sequence ? r->top - 1 : r->top;
	unsigned i = r->n_creators, first = r->level[top_dataset].n_creators;
	const struct dcm_creator *c;

	while (i-- > first) {
		c = &r->creators[i];
		if (c->group == DCM_TAG_GROUP(tag) && c->block == DCM_TAG_ELEMENT(tag) >> 8) {
			*len = c->len;
			return c->text;
		}
	}
	return NULL;
}

/* ---- VRs that are not in the file ---- */

static uint16_t public_vr(const struct dcm_level *l, uint32_t tag)
{
	const struct dcm_dict_entry *d = dcm_dict_find(tag);

	if (!d || !d->vr)
		return DCM_VR_UN;
	if (tag == DCM_LUTData)
		return l->lut_is_single ? DCM_VR_US : DCM_VR_OW;
	if (d->ambiguous && d->vr == DCM_VR_US && l->is_signed)
		return DCM_VR_SS;
	return d->vr;
}

/* What the dictionaries say (PS3.5 §7.8.1: creators are LO); UN where they are silent. */
static uint16_t dictionary_vr(const struct dcm_reader *r, uint32_t tag)
{
	const struct dcm_dict_entry *d;
	const char *creator;
	size_t len;

	if (!(tag & 0x10000) || DCM_TAG_ELEMENT(tag) < 0x100)
		return public_vr(&r->level[r->top], tag);
	creator = dcm_reader_creator(r, tag, &len);
	d = creator ? dcm_dict_find_private(creator, tag) : NULL;
	return d && d->vr ? d->vr : DCM_VR_UN;
}

/* ---- heads ---- */

bool reader_continues_at(struct dcm_reader *r, const struct dcm_level *l, uint64_t off,
	uint32_t after)
{
	bool big = l->encoding.big_endian;
	const uint8_t *p;
	uint32_t tag;
	size_t n;

	if (r->n_problems > DCM_MAX_GUESSES)
		return false;
	if (off >= l->limit)
		return off == l->limit;
	p = reader_fetch(r, off, 12, &n, NULL);
	n = p ? (size_t)min_u64(n, l->limit - off) : 0;
	if (n < 8)
		return false;
	tag = head_tag(p, big);
	if (DCM_TAG_GROUP(tag) == 0xFFFE)
		return true;
	return tag > after &&
		(l->encoding.explicit_vr ? dcm_vr_known(DCM_VR(p[4], p[5])) :
					   head_looks_implicit(p, l->limit - off, big));
}

/* An explicit head whose VR nobody knows. VRs to come have the long form (PS3.5 §6.2), so letters try
 * that first; other bytes are rather a short VR that was lost, or an element written implicitly. */
static void guess_head(struct dcm_reader *r, const uint8_t *p, size_t n, uint64_t room,
	struct head *h)
{
	static const enum head_form orders[2][3] = {
		{ HEAD_SHORT, HEAD_LONG, HEAD_IMPLICIT },
		{ HEAD_LONG, HEAD_SHORT, HEAD_IMPLICIT },
	};
	bool big = reader_top(r)->encoding.big_endian,
	     letters = reader_is_letter(p[4]) && reader_is_letter(p[5]);
	bool reserved = p[6] == 0 && p[7] == 0;
	struct head found[3];
	int i;

	for (i = 0; i < 3; i++)
		head_read_as(p, n, orders[letters][i], big, &found[i]);
	for (i = 0; i < 3; i++) {
		if (orders[letters][i] == HEAD_LONG && !reserved)
			continue;
		if (orders[letters][i] == HEAD_IMPLICIT && letters)
			continue;
		if (reader_continues_at(r, reader_top(r), r->pos + found[i].size + found[i].len,
			    found[i].tag))
			break;
	}
	if (i == 3)
		i = letters                                                          ? !reserved :
			found[2].len == LENGTH_UNDEFINED || found[2].len <= room - 8 ? 2 :
										       0;
	*h = found[i];
	if (i < 2 || letters)
		h->vr = DCM_VR_UN;
}

void reader_read_head(struct dcm_reader *r, const uint8_t *p, size_t n, struct dcm_elem *el)
{
	const struct dcm_level *l = reader_top(r);
	uint64_t room = l->limit - r->pos;
	struct head h;

	if (!l->encoding.explicit_vr) {
		head_read_as(p, n, HEAD_IMPLICIT, l->encoding.big_endian, &h);
	} else if (!head_read_explicit(p, n, l->encoding.big_endian, &h)) {
		guess_head(r, p, n, room, &h);
		reader_problem(r, r->pos, "(%04x,%04x): no known VR", DCM_TAG_GROUP(h.tag),
			DCM_TAG_ELEMENT(h.tag));
	}
	el->tag = h.tag;
	el->vr = h.vr;
	el->depth = (uint8_t)(r->top / 2);
	el->vr_implicit = h.vr == DCM_VR_NONE;
	el->vr_was_un = el->clamped = false;
	el->big_endian = l->encoding.big_endian;
	el->item = 0;
	el->head_off = r->pos;
	el->off = r->pos + h.size;
	el->len = h.len == LENGTH_UNDEFINED ? DCM_UNDEFINED_LENGTH : h.len;
	if (el->vr_implicit || el->vr == DCM_VR_UN) {
		el->vr_was_un = !el->vr_implicit;
		el->vr = dictionary_vr(r, el->tag);
		el->vr_was_un = el->vr_was_un && el->vr != DCM_VR_UN;
		if (el->vr_was_un)
			el->big_endian = false;
	}
}

int reader_take_note(struct dcm_reader *r, const struct dcm_elem *el, struct err *err)
{
	const uint8_t *p;
	size_t len;
	int rc;

	if (reader_is_creator(el->tag))
		return note_creator(r, el, err);
	rc = dcm_reader_view(r, el, &p, &len, err);
	if (rc < 0 || len < 2)
		return rc;
	if (el->tag == DCM_PixelRepresentation)
		reader_top(r)->is_signed = head_u16(p, el->big_endian) == 1;
	else
		reader_top(r)->lut_is_single = head_u16(p, el->big_endian) == 1;
	return 0;
}
