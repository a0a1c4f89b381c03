/* SPDX-License-Identifier: MIT */
/*
 * Headers written again: see format/part10.h.
 *
 * The tree is walked with a stack of our own (items nest as deep as DCM_MAX_DEPTH). Small values go
 * through one buffer; a long one ends the current part, so that its bytes stay in the source.
 */
#include "format/part10.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "dicom/dict.h"
#include "dicom/source.h"
#include "dicom/tags.h"
#include "dicom/value.h"

#define UNDEFINED 0xFFFFFFFFu
#define LONG_VALUE 4096u /* values from this size on stay in the source */
#define EXPLICIT_LITTLE "1.2.840.10008.1.2.1"
/* Ours, made of a UUID: PS3.5 B.2. */
#define IMPLEMENTATION_UID "2.25.189274652033812094476103871450943213727"

struct writer {
	const struct dcm_header *h;
	const struct part10_plan *plan;
	struct part10 *out;
	struct buf run; /* the ready bytes under way */
	size_t cap_parts;
	struct err *err;
	size_t next_add;
	bool pixels_done;
};

static int add_part(struct writer *w, struct part10_part part)
{
	struct part10 *p = w->out;

	if (part.len == 0 && part.kind != PART10_BYTES)
		return 0;
	if (p->n_parts == w->cap_parts) {
		size_t cap = w->cap_parts ? w->cap_parts * 2 : 8;
		struct part10_part *parts = mem_resize(p->parts, cap, sizeof *parts);

		if (!parts)
			return err_nomem(w->err);
		p->parts = parts;
		w->cap_parts = cap;
	}
	p->parts[p->n_parts++] = part;
	p->size += part.len;
	return 0;
}

/* The bytes under way become a part. */
static int flush(struct writer *w)
{
	struct part10_part part = { .kind = PART10_BYTES };
	size_t len;
	int rc;

	if (buf_error(&w->run) < 0)
		return err_nomem(w->err);
	if (!w->run.len)
		return 0;
	part.bytes = buf_steal(&w->run, &len);
	if (!part.bytes)
		return err_nomem(w->err);
	part.len = len;
	rc = add_part(w, part);
	if (rc < 0)
		mem_free(part.bytes);
	return rc;
}

/* A value longer than its VR's length field holds can only be UN (PS3.5 §6.2.2). */
static uint16_t writable_vr(uint16_t vr, uint64_t len)
{
	if (vr == DCM_VR_NONE || !dcm_vr_known(vr))
		return DCM_VR_UN;
	if (len > 0xFFFE && !dcm_vr_long_form(vr))
		return DCM_VR_UN;
	return vr;
}

static void put_head(struct buf *b, uint32_t tag, uint16_t vr, uint32_t len)
{
	buf_add_le16(b, DCM_TAG_GROUP(tag));
	buf_add_le16(b, DCM_TAG_ELEMENT(tag));
	if (DCM_TAG_GROUP(tag) == 0xFFFE) {
		buf_add_le32(b, len);
		return;
	}
	buf_addc(b, (char)(vr >> 8));
	buf_addc(b, (char)(vr & 0xFF));
	if (dcm_vr_long_form(vr)) {
		buf_add_le16(b, 0);
		buf_add_le32(b, len);
	} else {
		buf_add_le16(b, (uint16_t)len);
	}
}

static int pad_of(uint16_t vr)
{
	return dcm_vr_is_text(vr) && vr != DCM_VR_UI ? ' ' : 0;
}

static void put_value(struct buf *b, uint32_t tag, uint16_t vr, const void *bytes, size_t len)
{
	size_t even = len + len % 2;

	vr = writable_vr(vr, even);
	put_head(b, tag, vr, (uint32_t)even);
	buf_add(b, bytes, len);
	if (even != len)
		buf_addc(b, (char)pad_of(vr));
}

void part10_put_item(struct buf *out, bool end)
{
	put_head(out, DCM_TAG(0xFFFE, end ? 0xE00D : 0xE000), 0, end ? 0 : UNDEFINED);
}

void part10_put_text(struct buf *out, uint32_t tag, uint16_t vr, const char *text)
{
	put_value(out, tag, vr, text, strlen(text));
}

static void swap_units(uint8_t *p, size_t len, unsigned unit)
{
	size_t i;
	unsigned k;

	for (i = 0; i + unit <= len; i += unit)
		for (k = 0; k < unit / 2; k++) {
			uint8_t t = p[i + k];

			p[i + k] = p[i + unit - 1 - k];
			p[i + unit - 1 - k] = t;
		}
}

/* A value whose bytes go through memory: short ones, and those of a big-endian file. */
static int put_loaded(struct writer *w, const struct dcm_node *n)
{
	unsigned unit = n->el.big_endian ? dcm_vr_unit(n->el.vr) : 1;
	size_t len = (size_t)n->el.len;
	const uint8_t *value;
	uint8_t *copy;
	bool owned;
	int rc = dcm_header_load(w->h, n, &value, &owned, w->err);

	if (rc < 0)
		return rc;
	if (unit > 1) {
		copy = owned ? (uint8_t *)(uintptr_t)value : mem_dup(value, len);
		if (!copy)
			return err_nomem(w->err);
		swap_units(copy, len, unit);
		put_value(&w->run, n->el.tag, n->el.vr, copy, len);
		mem_free(copy);
		return 0;
	}
	put_value(&w->run, n->el.tag, n->el.vr, value, len);
	if (owned)
		mem_free((void *)(uintptr_t)value);
	return 0;
}

/* Bytes of the words that are to be turned round; 1: none are. */
static unsigned swap_of(const struct writer *w, const struct dcm_node *n)
{
	unsigned unit = n->el.big_endian ? dcm_vr_unit(n->el.vr) : 1;

	return w->plan->pixels_swap && dcm_header_is_pixels(w->h, n) ? w->plan->pixels_swap : unit;
}

/* A long value: its head here, its bytes from the source. */
static int put_range(struct writer *w, const struct dcm_node *n)
{
	uint64_t even = n->el.len + n->el.len % 2;
	unsigned swap = swap_of(w, n);
	uint16_t vr = writable_vr(swap > 1 && n->el.vr == DCM_VR_OB ? DCM_VR_OW : n->el.vr, even);
	int rc;

	if (even >= UNDEFINED)
		return err_set(w->err, -EFBIG, "a value of %llu bytes",
			(unsigned long long)n->el.len);
	put_head(&w->run, n->el.tag, vr, (uint32_t)even);
	rc = flush(w);
	if (rc == 0)
		rc = add_part(w,
			(struct part10_part){ .kind = PART10_SOURCE,
				.off = n->el.off,
				.len = n->el.len,
				.swap = swap });
	if (rc == 0 && even != n->el.len)
		buf_addc(&w->run, (char)pad_of(vr));
	return rc;
}

/* Where native pixels belong: a maker's own element has them compressed alone. */
static uint32_t native_tag(const struct writer *w)
{
	return DCM_TAG_GROUP(w->h->pixels_tag) & 1 ? DCM_PixelData : w->h->pixels_tag;
}

/* Their place is before an element of tag `before`. */
static int put_native_pixels(struct writer *w, uint64_t before)
{
	uint64_t len = w->plan->pixels_len, even = len + len % 2;
	int rc;

	if (!w->plan->replace_pixels || w->pixels_done || native_tag(w) >= before)
		return 0;
	w->pixels_done = true;
	if (even >= UNDEFINED)
		return err_set(w->err, -EFBIG,
			"%llu bytes of pixels do not fit into one native value",
			(unsigned long long)len);
	put_head(&w->run, native_tag(w), w->plan->pixels_vr, (uint32_t)even);
	rc = flush(w);
	if (rc == 0)
		rc = add_part(w, (struct part10_part){ .kind = PART10_PIXELS, .len = len });
	if (rc == 0 && even != len)
		buf_addc(&w->run, 0);
	return rc;
}

/* Fragments as they are, from the first item tag on; a delimiter where the source has lost its own. */
static int put_fragments(struct writer *w, const struct dcm_node *n)
{
	static const uint8_t delimiter[8] = { 0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0 };
	uint64_t end = n->fragments_end;
	uint8_t last[8];
	int rc;

	if (end < n->el.off + 8)
		return err_set(w->err, -EBADMSG, "pixel data without fragments");
	put_head(&w->run, n->el.tag, DCM_VR_OB, UNDEFINED);
	rc = flush(w);
	if (rc == 0)
		rc = add_part(w,
			(struct part10_part){ .kind = PART10_SOURCE,
				.off = n->el.off,
				.len = end - n->el.off });
	if (rc == 0)
		rc = dcm_source_read_full(w->h->file.source, last, sizeof last, end - 8, w->err);
	if (rc == 0 && memcmp(last, delimiter, sizeof last) != 0)
		buf_add(&w->run, delimiter, sizeof delimiter);
	return rc;
}

/* What is told of fragments. */
static bool is_of_fragments(uint32_t tag)
{
	return tag == DCM_ExtendedOffsetTable || tag == DCM_ExtendedOffsetTableLengths ||
		tag == DCM_EncapsulatedPixelDataValueTotalLength;
}

/* Left out of any file we write. */
static bool is_superfluous(const struct writer *w, const struct dcm_node *n)
{
	uint32_t tag = n->el.tag;

	if (DCM_TAG_ELEMENT(tag) == 0 || tag == DCM_TAG(0xFFFC, 0xFFFC) || tag == DCM_LengthToEnd ||
		DCM_TAG_GROUP(tag) == 2)
		return true;
	return w->plan->replace_pixels && n->el.depth == 0 &&
		(is_of_fragments(tag) || tag == w->h->pixels_tag || tag == native_tag(w));
}

static int put_plain(struct writer *w, const struct dcm_node *n)
{
	if (n->el.len == DCM_UNDEFINED_LENGTH)
		return put_fragments(w, n);
	if (n->el.len >= LONG_VALUE || dcm_header_is_pixels(w->h, n))
		return put_range(w, n);
	return put_loaded(w, n);
}

/* Additions whose place is before `tag`, and pixels. */
static int put_additions(struct writer *w, uint64_t before)
{
	const struct part10_addition *a;

	for (; w->next_add < w->plan->n_add; w->next_add++) {
		a = &w->plan->add[w->next_add];
		if (a->tag >= before)
			break;
		put_value(&w->run, a->tag, a->vr, a->bytes, a->len);
	}
	return put_native_pixels(w, before);
}

static const struct part10_addition *find_addition(const struct part10_plan *plan, uint32_t tag)
{
	size_t i;

	for (i = 0; i < plan->n_add; i++)
		if (plan->add[i].tag == tag)
			return &plan->add[i];
	return NULL;
}

/* Where the walk stands in one data set. */
struct place {
	const struct dcm_dataset *ds;
	uint32_t next;
	const struct dcm_node *sequence; /* that ds is item `item` of; NULL at the top */
	uint32_t item;
};

static void open_item(struct writer *w, struct place *p, const struct dcm_node *sequence,
	uint32_t item)
{
	put_head(&w->run, DCM_TAG(0xFFFE, 0xE000), 0, UNDEFINED);
	*p = (struct place){ .ds = &sequence->items[item], .sequence = sequence, .item = item };
}

/* The element at p->next; *deeper is set where its items are to be walked now. */
static int put_node(struct writer *w, struct place *p, bool *deeper)
{
	const struct dcm_node *n = &p->ds->nodes[p->next++];
	struct part10_value v = { .vr = n->el.vr };
	enum part10_action action = PART10_KEEP;
	int rc = p->sequence ? 0 : put_additions(w, n->el.tag);

	*deeper = false;
	if (rc < 0 || is_superfluous(w, n))
		return rc;
	if (!p->sequence && find_addition(w->plan, n->el.tag))
		return 0; /* the addition stands for it, wherever it is */
	if (w->plan->edit)
		action = w->plan->edit(w->plan->edit_arg, p->ds, n, &v);
	if (action == PART10_DROP)
		return 0;
	if (action == PART10_REPLACE) {
		put_value(&w->run, n->el.tag, v.vr, v.bytes, v.len);
		return 0;
	}
	if (n->items || n->el.vr == DCM_VR_SQ) {
		put_head(&w->run, n->el.tag, DCM_VR_SQ, n->n_items ? UNDEFINED : 0);
		*deeper = n->n_items > 0;
		return 0;
	}
	return put_plain(w, n);
}

/* A data set is done: close its item, go to the next one or up. Returns the new depth. */
static int close_item(struct writer *w, struct place *stack, int depth)
{
	struct place *p = &stack[depth];
	const struct dcm_node *sequence = p->sequence;

	put_head(&w->run, DCM_TAG(0xFFFE, 0xE00D), 0, 0);
	if (p->item + 1 < sequence->n_items) {
		open_item(w, p, sequence, p->item + 1);
		return depth;
	}
	put_head(&w->run, DCM_TAG(0xFFFE, 0xE0DD), 0, 0);
	return depth - 1;
}

static int put_dataset(struct writer *w, const struct dcm_dataset *top)
{
	struct place stack[DCM_MAX_DEPTH + 1];
	int depth = 0, rc;
	bool deeper;

	stack[0] = (struct place){ .ds = top };
	while (depth > 0 || stack[0].next < top->n_nodes) {
		struct place *p = &stack[depth];

		if (p->next == p->ds->n_nodes) {
			depth = close_item(w, stack, depth);
			continue;
		}
		rc = put_node(w, p, &deeper);
		if (rc < 0)
			return rc;
		if (deeper && depth + 1 > DCM_MAX_DEPTH)
			return err_set(w->err, -EFBIG, "sequences nest deeper than %d",
				DCM_MAX_DEPTH);
		if (deeper) {
			const struct dcm_node *sequence = &p->ds->nodes[p->next - 1];

			open_item(w, &stack[++depth], sequence, 0);
		}
	}
	return put_additions(w, UINT64_MAX);
}

/* A meta element: what the plan says, else the source's own, else that of the data set (`twin`),
 * else `otherwise`. */
static void put_meta(struct writer *w, struct buf *b, uint32_t tag, uint16_t vr, uint32_t twin,
	const char *otherwise)
{
	const struct part10_addition *a = find_addition(w->plan, tag);
	const struct dcm_node *n = dcm_get(&w->h->meta, tag);
	const char *text;
	size_t len;

	if (a)
		put_value(b, tag, vr, a->bytes, a->len);
	else if (n && dcm_raw_text(n, 0, &text, &len))
		put_value(b, tag, vr, text, len);
	else if (twin && dcm_raw_text(dcm_get(&w->h->top, twin), 0, &text, &len))
		put_value(b, tag, vr, text, len);
	else if (otherwise)
		put_value(b, tag, vr, otherwise, strlen(otherwise));
}

/* The meta information, with a group length that is right (PS3.10 §7.1). */
static void put_meta_group(struct writer *w)
{
	static const uint8_t version[2] = { 0, 1 };
	const char *syntax = w->plan->transfer_syntax ? w->plan->transfer_syntax : EXPLICIT_LITTLE;
	uint8_t length[4];
	struct buf b;

	buf_init(&b);
	put_value(&b, DCM_TAG(2, 1), DCM_VR_OB, version, 2);
	put_meta(w, &b, DCM_TAG(2, 2), DCM_VR_UI, DCM_SOPClassUID, "");
	put_meta(w, &b, DCM_TAG(2, 3), DCM_VR_UI, DCM_SOPInstanceUID, "");
	put_value(&b, DCM_TAG(2, 0x10), DCM_VR_UI, syntax, strlen(syntax));
	put_meta(w, &b, DCM_TAG(2, 0x12), DCM_VR_UI, 0, IMPLEMENTATION_UID);
	put_meta(w, &b, DCM_TAG(2, 0x13), DCM_VR_SH, 0, NULL);
	if (!w->plan->drop_source_title)
		put_meta(w, &b, DCM_TAG(2, 0x16), DCM_VR_AE, 0, NULL);
	put_le32(length, (uint32_t)b.len);
	put_value(&w->run, DCM_TAG(2, 0), DCM_VR_UL, length, sizeof length);
	buf_add(&w->run, b.data, b.len);
	if (buf_error(&b) < 0)
		w->run.failed = buf_error(&b);
	buf_release(&b);
}

/* What a preamble may be for, a TIFF file's offsets, is elsewhere now. */
static void put_preamble(struct writer *w)
{
	static const uint8_t preamble[128];

	buf_add(&w->run, preamble, sizeof preamble);
	buf_add(&w->run, "DICM", 4);
}

int part10_write(const struct dcm_header *h, const struct part10_plan *plan, struct part10 *out,
	struct err *err)
{
	struct writer w = { .h = h, .plan = plan, .out = out, .err = err };
	int rc;

	memset(out, 0, sizeof *out);
	buf_init(&w.run);
	put_preamble(&w);
	put_meta_group(&w);
	while (w.next_add < plan->n_add && DCM_TAG_GROUP(plan->add[w.next_add].tag) == 2)
		w.next_add++;
	rc = put_dataset(&w, &h->top);
	if (rc == 0)
		rc = flush(&w);
	if (rc < 0)
		part10_release(out);
	buf_release(&w.run);
	return rc;
}

/* Whole words around what is wanted; a last one that is cut stays as it is. */
static int64_t fetch_swapped(part10_fetch fetch, void *arg, const struct part10_part *part,
	uint8_t *to, size_t n, uint64_t off, struct err *err)
{
	size_t before = (size_t)(off % part->swap), all;
	uint8_t *words;
	int64_t got;

	all = (size_t)min_u64((uint64_t)n + (uint64_t)2 * part->swap, part->len - (off - before));
	words = mem_alloc(all);
	if (!words)
		return err_nomem(err);
	got = fetch(arg, part, words, all, off - before, err);
	if (got > 0) {
		swap_units(words, (size_t)got, part->swap);
		got = got > (int64_t)before ? (int64_t)min_size(n, (size_t)got - before) : 0;
		memcpy(to, words + before, (size_t)got);
	}
	mem_free(words);
	return got;
}

int part10_read(const struct part10 *p, void *buf, size_t n, uint64_t off, part10_fetch fetch,
	void *arg, size_t *done, struct err *err)
{
	uint64_t start = 0; /* of the part in the file */
	size_t i;

	*done = 0;
	for (i = 0; i < p->n_parts && *done < n; start += p->parts[i++].len) {
		const struct part10_part *part = &p->parts[i];
		uint8_t *to = (uint8_t *)buf + *done;
		uint64_t at = off + *done - start;
		size_t want;
		int64_t got;

		if (at >= part->len)
			continue;
		want = (size_t)min_u64(n - *done, part->len - at);
		got = (int64_t)want;
		if (part->kind == PART10_BYTES)
			memcpy(to, part->bytes + at, want);
		else if (part->swap > 1)
			got = fetch_swapped(fetch, arg, part, to, want, at, err);
		else
			got = fetch(arg, part, to, want, at, err);
		if (got < 0)
			return (int)got;
		*done += (size_t)got;
		if ((size_t)got < want)
			return 0;
	}
	return 0;
}

size_t part10_held_bytes(const struct part10 *p)
{
	size_t i, sum = p->n_parts * sizeof *p->parts;

	for (i = 0; i < p->n_parts; i++)
		sum += p->parts[i].bytes ? (size_t)p->parts[i].len : 0;
	return sum;
}

void part10_release(struct part10 *p)
{
	size_t i;

	for (i = 0; i < p->n_parts; i++)
		mem_free(p->parts[i].bytes);
	mem_free(p->parts);
	memset(p, 0, sizeof *p);
}
