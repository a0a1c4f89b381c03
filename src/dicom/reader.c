/* SPDX-License-Identifier: MIT */
/*
 * The walk over elements: see dicom/reader.h.
 *
 * A level is a data set, a sequence or an item that is open; level[0] is the data
 * set (the meta information first), sequences and items take turns above it. A
 * level ends at a position (its own length, or its delimiter; at the latest where
 * the level below it ends), so nothing is counted and no flag outlives its level.
 * What reads on after damage:
 *
 *   a length beyond the level           clamped; the level ends there
 *   an item beyond its sequence         the same; unless elements go on behind the item, and
 *                                       not behind the sequence: then that is too short
 *   a sequence beyond its items         it ends with these, where elements go on there alone
 *   a delimiter that nothing waits for  passed over
 *   a delimiter that is missing         the next outer one ends this level too
 *   anything but an item in a sequence  the sequence ends (by length: at its end)
 *   an unknown VR                       the form of head (short, long, implicit)
 *                                       after which an element begins
 */
#include "dicom/reader.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "dicom/source.h"
#include "dicom/tags.h"
#include "reader_parts.h"

#define DELIMITER_WITHIN ((uint64_t)16 << 20) /* of a value that does not say its length */
#define SMALL_READ 4096u /* behind a value that was skipped: the rest of a header is near */

void reader_problem(struct dcm_reader *r, uint64_t off, const char *fmt, ...)
{
	struct dcm_problem *p;
	va_list ap;

	if (r->n_problems < DCM_MAX_PROBLEMS) {
		p = &r->problems[r->n_problems];
		p->off = off;
		va_start(ap, fmt);
		vsnprintf(p->text, sizeof p->text, fmt, ap);
		va_end(ap);
	}
	r->n_problems++;
}

/* ---- bytes ---- */

static int refill(struct dcm_reader *r, uint64_t off, size_t n, struct err *err)
{
	bool near = off >= r->window_off && off - r->window_off <= r->window_len;
	int64_t got = dcm_source_pread(r->file->source, r->own,
		near || n > SMALL_READ ? DCM_WINDOW : SMALL_READ, off, err);

	if (got < 0)
		return (int)got;
	r->window = r->own;
	r->window_off = off;
	r->window_len = (size_t)got;
	return 0;
}

const uint8_t *reader_fetch(struct dcm_reader *r, uint64_t off, size_t n, size_t *got,
	struct err *err)
{
	uint64_t end = min_u64(off + n, r->file->source->size);

	if (off < r->window_off || end > r->window_off + r->window_len) {
		if (refill(r, off, n, err) < 0)
			return NULL;
	}
	if (off > r->window_off + r->window_len)
		off = r->window_off + r->window_len;
	*got = r->window_len - (size_t)(off - r->window_off);
	return r->window + (off - r->window_off);
}

/* ---- levels ---- */

static void set_base(struct dcm_reader *r, uint64_t pos, uint64_t limit, struct dcm_encoding enc)
{
	memset(&r->level[0], 0, sizeof r->level[0]);
	r->level[0].limit = limit;
	r->level[0].encoding = enc;
	r->top = 0;
	r->n_creators = 0;
	r->pos = pos;
}

void dcm_reader_init(struct dcm_reader *r, struct dcm_file *f)
{
	r->file = f;
	r->window = f->head;
	r->window_off = f->head_off;
	r->window_len = f->head_len;
	r->n_elements = 0;
	r->in_pixels = r->done = false;
	r->n_problems = 0;
	r->in_meta = f->meta_off < f->dataset_off;
	if (r->in_meta)
		set_base(r, f->meta_off, f->dataset_off, (struct dcm_encoding){ true, false });
	else
		set_base(r, f->dataset_off, f->source->size, f->encoding);
	r->plain_from = r->pos;
}

/* Open a level on top; there is room (see may_nest). len may be DCM_UNDEFINED_LENGTH. */
static void push(struct dcm_reader *r, bool is_sequence, uint32_t tag, uint64_t len,
	struct dcm_encoding enc)
{
	const struct dcm_level *below = reader_top(r);
	struct dcm_level *l = &r->level[++r->top];

	l->by_delimiter = len == DCM_UNDEFINED_LENGTH;
	l->by_items = false;
	l->limit = l->by_delimiter ? below->limit : min_u64(r->pos + len, below->limit);
	l->tag = tag;
	l->item = is_sequence ? 0 : below->item;
	l->encoding = enc;
	l->is_sequence = is_sequence;
	l->is_signed = below->is_signed;
	l->lut_is_single = false;
	l->n_creators = (uint8_t)r->n_creators;
}

static bool may_nest(const struct dcm_reader *r)
{
	return r->top + 2 < sizeof r->level / sizeof *r->level;
}

static void fill_end(const struct dcm_reader *r, struct dcm_elem *el)
{
	const struct dcm_level *l = &r->level[r->top];

	memset(el, 0, sizeof *el);
	el->tag = l->is_sequence ? l->tag : TAG_ITEM;
	el->vr = l->is_sequence ? DCM_VR_SQ : DCM_VR_NONE;
	el->depth = (uint8_t)(r->top / 2);
	el->item = l->item;
	el->head_off = el->off = r->pos;
}

static int pop(struct dcm_reader *r, struct dcm_elem *el)
{
	const struct dcm_level *l = reader_top(r);

	fill_end(r, el);
	r->n_creators = l->n_creators;
	r->top--;
	return l->is_sequence ? DCM_EVENT_SEQ_END : DCM_EVENT_ITEM_END;
}

/* The innermost level is at its limit: the event that ends it, or none (-1) where the meta
 * information gives way to the data set. */
static int end_level(struct dcm_reader *r, struct dcm_elem *el)
{
	const struct dcm_level *l = reader_top(r);

	if (r->top > 0) {
		if (l->by_delimiter)
			reader_problem(r, r->pos, "%s without its delimiter",
				l->is_sequence ? "a sequence" : "an item");
		return pop(r, el);
	}
	if (r->in_meta) {
		r->in_meta = false;
		set_base(r, r->file->dataset_off, r->file->source->size, r->file->encoding);
		return -1;
	}
	r->done = true;
	fill_end(r, el);
	return DCM_EVENT_END;
}

/* ---- sequences ---- */

/* Do items tile these bytes? Those that know their length are hopped over; one that does not is
 * trusted. */
static bool holds_items(struct dcm_reader *r, uint64_t off, uint64_t end, bool big_endian)
{
	const uint8_t *p;
	uint32_t tag, len;
	uint64_t first = off;
	size_t n;

	while (off < end) {
		p = end - off < 8 ? NULL : reader_fetch(r, off, 8, &n, NULL);
		if (!p || n < 8)
			return false;
		tag = head_tag(p, big_endian);
		len = head_u32(p + 4, big_endian);
		if (tag == TAG_SEQ_END)
			return off > first;
		if (tag != TAG_ITEM)
			return false;
		if (len == LENGTH_UNDEFINED)
			return true;
		if (len > end - off - 8)
			return false;
		off += 8 + (uint64_t)len;
	}
	return off > first;
}

static bool starts_with_item(struct dcm_reader *r, uint64_t off, uint64_t room, bool big_endian)
{
	size_t n;
	const uint8_t *p = room < 8 ? NULL : reader_fetch(r, off, 8, &n, NULL);
	uint32_t tag = p && n >= 8 ? head_tag(p, big_endian) : 0;

	return tag == TAG_ITEM || tag == TAG_SEQ_END;
}

/* Where the delimiter of a sequence is; limit: it is not there, or too far away to be looked for. */
static uint64_t find_delimiter(struct dcm_reader *r, uint64_t off, uint64_t limit)
{
	static const uint8_t delimiter[8] = { 0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0 };
	uint64_t end = min_u64(limit, off + DELIMITER_WITHIN);
	const uint8_t *p, *at;
	size_t n = 0;

	for (; end - off >= sizeof delimiter; off += n - (sizeof delimiter - 1)) {
		p = reader_fetch(r, off, (size_t)min_u64(end - off, DCM_WINDOW), &n, NULL);
		n = (size_t)min_u64(n, end - off);
		if (!p || n < sizeof delimiter)
			break;
		at = memmem(p, n, delimiter, sizeof delimiter);
		if (at)
			return off + (uint64_t)(at - p);
	}
	return limit;
}

/* An undefined length: a sequence, encapsulated pixel data, or damage. */
static int open_undefined(struct dcm_reader *r, struct dcm_elem *el)
{
	struct dcm_level *l = reader_top(r);
	struct dcm_encoding enc = l->encoding;
	bool pixels = el->tag == DCM_PixelData ||
		(!el->vr_implicit && el->vr != DCM_VR_SQ && el->vr != DCM_VR_UN && !el->vr_was_un);

	if (el->vr == DCM_VR_UN || el->vr_was_un)
		enc = (struct dcm_encoding){ false, false };
	el->big_endian = enc.big_endian;
	if (!starts_with_item(r, el->off, l->limit - el->off, enc.big_endian) || !may_nest(r)) {
		reader_problem(r, el->head_off, "(%04x,%04x): %s", DCM_TAG_GROUP(el->tag),
			DCM_TAG_ELEMENT(el->tag),
			may_nest(r) ? "undefined length, but no item" : "nested too deeply");
		r->pos = find_delimiter(r, el->off, l->limit);
		el->len = r->pos - el->off;
		el->vr = el->vr == DCM_VR_SQ ? DCM_VR_UN : el->vr;
		el->clamped = true;
		if (r->pos < l->limit)
			r->pos += 8;
		return DCM_EVENT_ELEM;
	}
	if (pixels) {
		el->vr = el->vr_implicit ? DCM_VR_OB : el->vr;
		r->in_pixels = true;
		return DCM_EVENT_PIXELS;
	}
	el->vr = DCM_VR_SQ;
	el->vr_was_un = false;
	push(r, true, el->tag, DCM_UNDEFINED_LENGTH, enc);
	return DCM_EVENT_SEQ_BEGIN;
}

/* Elements that may be sequences of a known length: SQ; UN and what no dictionary knows, where
 * items lie in it. */
static bool is_sequence(struct dcm_reader *r, struct dcm_elem *el)
{
	bool un = el->vr_was_un || el->vr == DCM_VR_UN;
	bool big = !un && el->big_endian;

	if (el->vr != DCM_VR_SQ && el->vr != DCM_VR_UN)
		return false;
	if (el->vr == DCM_VR_SQ &&
		(el->len == 0 || (!un && starts_with_item(r, el->off, el->len, big)) ||
			holds_items(r, el->off, el->off + el->len, big)))
		return may_nest(r);
	if (el->vr == DCM_VR_UN && el->len >= 8 &&
		holds_items(r, el->off, el->off + el->len, false))
		return may_nest(r);
	if (el->vr == DCM_VR_SQ) {
		if (!un)
			reader_problem(r, el->head_off, "(%04x,%04x): a sequence without an item",
				DCM_TAG_GROUP(el->tag), DCM_TAG_ELEMENT(el->tag));
		el->vr = DCM_VR_UN;
	}
	return false;
}

static int open_defined(struct dcm_reader *r, struct dcm_elem *el)
{
	bool un = el->vr_was_un || (el->vr == DCM_VR_UN && !el->vr_implicit);
	struct dcm_encoding enc = reader_top(r)->encoding;

	if (un)
		enc = (struct dcm_encoding){ false, false };
	el->vr_was_un = un;
	el->vr = DCM_VR_SQ;
	r->pos = el->off;
	push(r, true, el->tag, el->len, enc);
	return DCM_EVENT_SEQ_BEGIN;
}

/* Read in this form, is what comes behind the element at r->pos another one, or the end? By chance a
 * VR and a short length are a length that fits into the rest of a large file. */
static bool goes_on(struct dcm_reader *r, uint64_t room, bool explicit_vr, bool big_endian)
{
	size_t n;
	const uint8_t *p = reader_fetch(r, r->pos, (size_t)min_u64(room, 12), &n, NULL);
	struct head h;
	uint64_t next;

	if (!p || n < 8)
		return false;
	if (!explicit_vr)
		head_read_as(p, n, HEAD_IMPLICIT, big_endian, &h);
	else if (!head_read_explicit(p, n, big_endian, &h))
		return false;
	if (h.len == LENGTH_UNDEFINED)
		return true;
	next = h.size + (uint64_t)h.len;
	if (next == room)
		return true;
	p = next < room && room - next >= 8 ?
		reader_fetch(r, r->pos + next, (size_t)min_u64(room - next, 12), &n, NULL) :
		NULL;
	if (!p || n < 8)
		return false;
	return head_u16(p, big_endian) == 0xFFFE ||
		(head_tag(p, big_endian) > h.tag &&
			(explicit_vr ? head_looks_explicit(p, n, room - next, big_endian) :
				       head_looks_implicit(p, room - next, big_endian)));
}

/* How an item is encoded: as its sequence is, but some writers put implicit items into explicit
 * files. */
static int sniff_item(struct dcm_reader *r, uint64_t room, struct dcm_encoding *enc,
	struct err *err)
{
	const uint8_t *p;
	size_t n;

	if (room < 8)
		return 0;
	p = reader_fetch(r, r->pos, (size_t)min_u64(room, 12), &n, err);
	if (!p)
		return -EIO;
	if (n < 8 || head_u16(p, enc->big_endian) == 0xFFFE)
		return 0;
	if (enc->explicit_vr)
		enc->explicit_vr = head_looks_explicit(p, n, room, enc->big_endian) ||
			!head_looks_implicit(p, room, enc->big_endian) ||
			(reader_is_letter(p[4]) && reader_is_letter(p[5]));
	else
		enc->explicit_vr = head_looks_explicit(p, n, room, enc->big_endian) &&
			(!head_looks_implicit(p, room, enc->big_endian) ||
				(goes_on(r, room, true, enc->big_endian) &&
					!goes_on(r, room, false, enc->big_endian)));
	return 0;
}

/* Of two places where the innermost sequence may end: is it the first one, by what follows there? */
static bool ends_at(struct dcm_reader *r, uint64_t off, uint64_t other)
{
	const struct dcm_level *seq = reader_top(r), *below = seq - 1;

	return !seq->by_delimiter && off <= below->limit &&
		!reader_continues_at(r, below, other, seq->tag) &&
		reader_continues_at(r, below, off, seq->tag);
}

/* An item of len bytes at r->pos, of which its sequence has but *room: one of them is wrong. */
static void settle_item(struct dcm_reader *r, uint32_t len, uint64_t *room, struct dcm_elem *el)
{
	struct dcm_level *seq = reader_top(r);

	if (!ends_at(r, el->off + len, seq->limit)) {
		reader_problem(r, r->pos, "item %u: %u bytes where %llu are left", el->item, len,
			(unsigned long long)*room);
		el->clamped = true;
		return;
	}
	reader_problem(r, r->pos, "item %u: its sequence is %llu bytes too short", el->item,
		(unsigned long long)(len - *room));
	seq->limit = (seq - 1)->limit;
	seq->by_items = true;
	*room = seq->limit - el->off;
}

static int begin_item(struct dcm_reader *r, uint32_t len, struct dcm_elem *el, struct err *err)
{
	struct dcm_level *seq = reader_top(r);
	struct dcm_encoding enc = seq->encoding;
	uint64_t room = seq->limit - r->pos - 8, item_len = len;
	int rc;

	r->n_elements++;
	memset(el, 0, sizeof *el);
	el->tag = TAG_ITEM;
	el->depth = (uint8_t)((r->top + 1) / 2);
	el->item = ++seq->item;
	el->head_off = r->pos;
	el->off = r->pos + 8;
	if (len == LENGTH_UNDEFINED) {
		item_len = DCM_UNDEFINED_LENGTH;
	} else if (len > room) {
		settle_item(r, len, &room, el);
		item_len = min_u64(len, room);
	}
	el->len = item_len;
	r->pos += 8;
	rc = sniff_item(r, min_u64(item_len, room), &enc, err);
	if (rc < 0)
		return rc;
	el->big_endian = enc.big_endian;
	push(r, false, TAG_ITEM, item_len, enc);
	return DCM_EVENT_ITEM_BEGIN;
}

/* In a sequence: an item begins, or the sequence ends. */
static int next_in_sequence(struct dcm_reader *r, struct dcm_elem *el, struct err *err)
{
	struct dcm_level *l = reader_top(r);
	const uint8_t *p;
	uint32_t tag;
	size_t n;

	while (l->limit - r->pos >= 8) {
		p = reader_fetch(r, r->pos, 8, &n, err);
		if (!p)
			return -EIO;
		if (n < 8)
			break;
		tag = head_tag(p, l->encoding.big_endian);
		if (tag == TAG_ITEM)
			return begin_item(r, head_u32(p + 4, l->encoding.big_endian), el, err);
		if (l->by_items)
			return pop(r, el);
		if (tag == TAG_SEQ_END || tag == TAG_ITEM_END) {
			r->pos += 8;
			if (tag == TAG_SEQ_END && l->by_delimiter)
				return pop(r, el);
			continue;
		}
		reader_problem(r, r->pos, "(%04x,%04x) where an item should be", DCM_TAG_GROUP(tag),
			DCM_TAG_ELEMENT(tag));
		if (l->by_delimiter)
			return pop(r, el);
		break;
	}
	if (r->pos == l->limit)
		return end_level(r, el);
	if (l->limit - r->pos < 8)
		reader_problem(r, r->pos, "%llu bytes behind the last item",
			(unsigned long long)(l->limit - r->pos));
	if (!ends_at(r, r->pos, l->limit))
		r->pos = l->limit;
	return end_level(r, el);
}

/* ---- data sets ---- */

/* A delimiter or item tag among elements. Returns an event, or -1: passed over. */
static int stray_item_tag(struct dcm_reader *r, uint32_t tag, struct dcm_elem *el)
{
	const struct dcm_level *l = reader_top(r);
	bool seq_waits = r->top > 0 && r->level[r->top - 1].by_delimiter;

	if (tag == TAG_ITEM_END && l->by_delimiter && r->top > 0) {
		r->pos += 8;
		return pop(r, el);
	}
	if (r->top > 0 &&
		((tag == TAG_SEQ_END && seq_waits) || (tag != TAG_ITEM_END && l->by_delimiter))) {
		reader_problem(r, r->pos, "an item without its end");
		return pop(r, el);
	}
	if (r->top == 0 || tag == TAG_ITEM)
		reader_problem(r, r->pos, "(%04x,%04x) among elements", DCM_TAG_GROUP(tag),
			DCM_TAG_ELEMENT(tag));
	r->pos += 8;
	return -1;
}

static void clamp(struct dcm_reader *r, struct dcm_elem *el)
{
	const struct dcm_level *l = reader_top(r);
	uint64_t room = l->limit > el->off ? l->limit - el->off : 0;

	reader_problem(r, el->head_off, "(%04x,%04x): %llu bytes where %llu are left",
		DCM_TAG_GROUP(el->tag), DCM_TAG_ELEMENT(el->tag), (unsigned long long)el->len,
		(unsigned long long)room);
	el->len = room;
	el->clamped = true;
}

/* The element whose head is at pos, of which n >= 8 bytes are in reach at p. */
static int next_element(struct dcm_reader *r, const uint8_t *p, size_t n, struct dcm_elem *el,
	struct err *err)
{
	const struct dcm_level *l = reader_top(r);
	int rc;

	reader_read_head(r, p, n, el);
	r->n_elements++;
	if (el->len == DCM_UNDEFINED_LENGTH) {
		r->pos = el->off;
		return open_undefined(r, el);
	}
	if (el->len > l->limit - el->off)
		clamp(r, el);
	if ((el->vr == DCM_VR_SQ || el->vr == DCM_VR_UN) && is_sequence(r, el))
		return open_defined(r, el);
	r->pos = el->off + el->len;
	if (reader_matters(el->tag)) {
		rc = reader_take_note(r, el, err);
		if (rc < 0)
			return rc;
	}
	return DCM_EVENT_ELEM;
}

/* Zeros or a few bytes behind the last element are padding, not elements. */
static bool is_rest(struct dcm_reader *r, const uint8_t *p, size_t n)
{
	static const uint8_t zeros[8];

	if (n >= 8 && (r->top > 0 || memcmp(p, zeros, 8) != 0))
		return false;
	reader_problem(r, r->pos, "%llu bytes behind the last element",
		(unsigned long long)(reader_top(r)->limit - r->pos));
	return true;
}

static int next_in_dataset(struct dcm_reader *r, struct dcm_elem *el, struct err *err)
{
	const struct dcm_level *l = reader_top(r);
	const uint8_t *p;
	int event = -1;
	size_t n;

	while (event < 0) {
		if (r->pos >= l->limit) {
			event = end_level(r, el);
			continue;
		}
		p = reader_fetch(r, r->pos, 12, &n, err);
		if (!p)
			return -EIO;
		n = (size_t)min_u64(n, l->limit - r->pos);
		if (is_rest(r, p, n))
			r->pos = l->limit;
		else if (head_u16(p, l->encoding.big_endian) == 0xFFFE)
			event = stray_item_tag(r, head_tag(p, l->encoding.big_endian), el);
		else
			return next_element(r, p, n, el, err);
	}
	return event;
}

/* ---- the interface ---- */

int dcm_reader_fragments(struct dcm_reader *r, uint32_t *n_fragments, uint64_t *bytes,
	struct err *err)
{
	const struct dcm_level *l = reader_top(r);
	uint64_t n_items = 0, total = 0;
	const uint8_t *p;
	uint32_t tag, len;
	size_t n;

	r->in_pixels = false;
	for (;;) {
		p = reader_fetch(r, r->pos, 8, &n, err);
		if (!p)
			return -EIO;
		tag = n >= 8 && l->limit - r->pos >= 8 ? head_tag(p, l->encoding.big_endian) : 0;
		len = tag ? head_u32(p + 4, l->encoding.big_endian) : 0;
		if (tag == TAG_SEQ_END)
			r->pos += 8;
		else if (tag != TAG_ITEM)
			reader_problem(r, r->pos, "pixel data without its delimiter");
		if (tag != TAG_ITEM)
			break;
		r->pos += 8;
		if (len > l->limit - r->pos) {
			reader_problem(r, r->pos - 8, "fragment %llu: %u bytes where %llu are left",
				(unsigned long long)n_items, len,
				(unsigned long long)(l->limit - r->pos));
			len = (uint32_t)(l->limit - r->pos);
		}
		r->pos += len;
		total += n_items++ ? len : 0;
	}
	r->plain_from = r->pos;
	*n_fragments = n_items ? (uint32_t)min_u64(n_items - 1, UINT32_MAX) : 0;
	*bytes = total;
	return 0;
}

/* Enough: let all levels end here, so that the caller sees the ends of what he saw begin. */
static void stop_here(struct dcm_reader *r)
{
	unsigned i;

	reader_problem(r, r->pos, "more than %u elements", DCM_MAX_ELEMENTS);
	for (i = 0; i <= r->top; i++)
		r->level[i].limit = r->pos;
	r->n_elements++;
}

static int walk_on(struct dcm_reader *r, struct dcm_elem *el, struct err *err)
{
	uint32_t n_fragments;
	uint64_t bytes;
	int rc;

	if (r->in_pixels) {
		rc = dcm_reader_fragments(r, &n_fragments, &bytes, err);
		if (rc < 0)
			return rc;
	}
	if (r->n_elements == DCM_MAX_ELEMENTS)
		stop_here(r);
	if (r->done) {
		fill_end(r, el);
		return DCM_EVENT_END;
	}
	return reader_top(r)->is_sequence ? next_in_sequence(r, el, err) :
					    next_in_dataset(r, el, err);
}

/* Apart, so that the common case saves no registers for it. */
static __attribute__((noinline)) int next_other(struct dcm_reader *r, struct dcm_elem *el,
	struct err *err)
{
	int rc = walk_on(r, el, err);

	r->plain_from = r->pos;
	return rc;
}

int dcm_reader_next_outside(struct dcm_reader *r, uint32_t after, uint32_t before,
	struct dcm_elem *el, struct err *err)
{
	return reader_next_plain(r, after, before, el) ? DCM_EVENT_ELEM : next_other(r, el, err);
}

int dcm_reader_next(struct dcm_reader *r, struct dcm_elem *el, struct err *err)
{
	return dcm_reader_next_outside(r, 0, 0, el, err);
}

int dcm_reader_skip(struct dcm_reader *r, const struct dcm_elem *el, struct err *err)
{
	const struct dcm_level *l = reader_top(r);
	unsigned below = r->top - 1;
	struct dcm_elem inner;
	int rc = 0;

	(void)el;
	if (!l->by_delimiter &&
		(!l->is_sequence || reader_continues_at(r, l - 1, l->limit, l->tag))) {
		r->pos = r->plain_from = l->limit;
		pop(r, &inner);
		return 0;
	}
	while (r->top > below && !r->done && rc >= 0)
		rc = dcm_reader_next_outside(r, 0, UINT32_MAX, &inner, err);
	return rc < 0 ? rc : 0;
}

int dcm_reader_value(struct dcm_reader *r, const struct dcm_elem *el, void *buf, size_t cap,
	size_t *len, struct err *err)
{
	size_t want = (size_t)min_u64(el->len, cap);
	uint64_t at = el->off - r->window_off;
	int64_t got;

	if (el->off >= r->window_off && at <= r->window_len && want <= r->window_len - at) {
		memcpy(buf, r->window + at, want);
		*len = want;
		return 0;
	}
	got = dcm_source_pread(r->file->source, buf, want, el->off, err);
	if (got < 0)
		return (int)got;
	*len = (size_t)got;
	return 0;
}

int dcm_reader_view(struct dcm_reader *r, const struct dcm_elem *el, const uint8_t **value,
	size_t *len, struct err *err)
{
	size_t want = (size_t)min_u64(el->len, DCM_WINDOW), got;
	uint64_t at = el->off - r->window_off;

	if (at <= r->window_len && want <= r->window_len - at) {
		*value = r->window + at;
		*len = want;
		return 0;
	}
	*value = reader_fetch(r, el->off, want, &got, err);
	if (!*value)
		return -EIO;
	*len = min_size(want, got);
	return 0;
}
