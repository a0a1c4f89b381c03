/* SPDX-License-Identifier: MIT */
/*
 * The common case of the walk: explicit little-endian elements on which nothing later depends,
 * wholly in the window. See reader_parts.h; reader.c does whatever is not so plain.
 */
#include "base/bytes.h"
#include "dicom/dict.h"
#include "reader_parts.h"

/* Are explicit little-endian elements ahead, the head of the first in the window? Then *p is where,
 * and *room how much of the level and the window is left from there on. */
static inline bool is_plain_ahead(const struct dcm_reader *r, const uint8_t **p, uint64_t *room)
{
	const struct dcm_level *l = &r->level[r->top];
	uint64_t at = r->pos - r->window_off;

	if (l->is_sequence || !l->encoding.explicit_vr || l->encoding.big_endian || r->in_pixels ||
		at >= r->window_len)
		return false;
	*p = r->window + at;
	*room = min_u64(r->window_len - at, l->limit - r->pos);
	return true;
}

/* The size of the head of a plain element at p, of room >= 8 bytes, and the length of its value. 0:
 * it is anything else. */
static inline uint32_t plain_head(const uint8_t *p, uint64_t room, uint32_t *len)
{
	uint16_t vr = DCM_VR(p[4], p[5]);
	unsigned facts = dcm_vr_facts(vr);
	uint32_t tag = head_tag(p, false), size = 8;

	*len = get_le16(p + 6);
	if (facts & DCM_VR_IS_LONG) {
		if (room < 12 || vr == DCM_VR_SQ || vr == DCM_VR_UN)
			return 0;
		size = 12;
		*len = get_le32(p + 8);
	}
	if (!facts || *len > room - size || tag >= DCM_TAG(0xFFFE, 0) || reader_matters(tag))
		return 0;
	return size;
}

bool reader_next_plain(struct dcm_reader *r, uint32_t after, uint32_t before, struct dcm_elem *el)
{
	const uint8_t *first, *p;
	uint32_t tag, size, len, n = r->n_elements;
	uint64_t room;

	if (!is_plain_ahead(r, &first, &room))
		return false;
	for (p = first; room >= 8 && n < DCM_MAX_ELEMENTS; p += size + len, room -= size + len) {
		size = plain_head(p, room, &len);
		if (!size)
			break;
		n++;
		tag = head_tag(p, false);
		if (tag > after && tag < before)
			continue;
		r->n_elements = n;
		r->pos += (uint64_t)(p - first);
		*el = (struct dcm_elem){
			.tag = tag,
			.vr = DCM_VR(p[4], p[5]),
			.depth = (uint8_t)(r->top / 2),
			.head_off = r->pos,
			.off = r->pos + size,
			.len = len,
		};
		r->pos = el->off + len;
		return true;
	}
	r->n_elements = n;
	r->pos += (uint64_t)(p - first);
	return false;
}

const uint8_t *dcm_reader_since(const struct dcm_reader *r, uint64_t off, size_t *len)
{
	uint64_t at = off - r->window_off;

	if (off < r->plain_from || off > r->pos || at > r->window_len ||
		r->pos - off > r->window_len - at)
		return NULL;
	*len = (size_t)(r->pos - off);
	return r->window + at;
}

const uint8_t *dcm_reader_ahead(const struct dcm_reader *r, size_t *len)
{
	const uint8_t *p;
	uint64_t room;

	if (!is_plain_ahead(r, &p, &room) || r->n_elements >= DCM_MAX_ELEMENTS)
		return NULL;
	*len = (size_t)room;
	return p;
}

void dcm_reader_hop(struct dcm_reader *r, size_t len)
{
	r->pos += len;
	r->n_elements++;
}
