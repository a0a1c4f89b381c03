/* SPDX-License-Identifier: MIT */
/*
 * The lookup tables of a PALETTE COLOR image (PS3.3 C.7.6.3.1.5, .6), whole ones and
 * segmented ones (C.7.9.2): there, an opcode and a count are followed by entries as
 * they are (0), by the last of a straight line of entries (1), or by the place of
 * other segments that are to be done again (2).
 */
#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "dicom/frames.h"
#include "dicom/tags.h"
#include "dicom/value.h"

enum segment { SEGMENT_DISCRETE, SEGMENT_LINEAR, SEGMENT_INDIRECT };

/* One table's stored values, of 1 or 2 bytes. */
struct lut_data {
	const uint8_t *bytes;
	size_t len;
	unsigned width;
	bool big_endian;
};

/* Entries that are being filled. */
struct lut {
	uint16_t *entries;
	uint32_t n, cap;
};

static size_t n_values(const struct lut_data *d)
{
	return d->len / d->width;
}

/* Bytes are packed into words: in a big-endian file the neighbour comes first. */
static uint16_t value_at(const struct lut_data *d, size_t i)
{
	if (d->width == 2)
		return d->big_endian ? get_be16(d->bytes + 2 * i) : get_le16(d->bytes + 2 * i);
	if (d->big_endian && (i ^ 1) < d->len)
		i ^= 1;
	return d->bytes[i];
}

static void add_entry(struct lut *l, uint16_t v)
{
	if (l->n < l->cap)
		l->entries[l->n++] = v;
}

static void add_line(struct lut *l, size_t n, uint16_t last)
{
	int32_t from = l->n ? l->entries[l->n - 1] : 0, step = (int32_t)last - from;
	size_t i;

	for (i = 1; i <= n && l->n < l->cap; i++)
		add_entry(l, (uint16_t)(from + (int64_t)step * (int64_t)i / (int64_t)n));
}

/* One discrete or linear segment at i; returns where the next begins, 0: it is none of these, or
 * cut. */
static size_t expand_simple(const struct lut_data *d, size_t i, struct lut *l)
{
	size_t n, k;

	if (i + 2 > n_values(d))
		return 0;
	n = value_at(d, i + 1);
	if (value_at(d, i) == SEGMENT_DISCRETE && n <= n_values(d) - i - 2) {
		for (k = 0; k < n; k++)
			add_entry(l, value_at(d, i + 2 + k));
		return i + 2 + n;
	}
	if (value_at(d, i) == SEGMENT_LINEAR && i + 3 <= n_values(d)) {
		add_line(l, n, value_at(d, i + 2));
		return i + 3;
	}
	return 0;
}

/* An indirect segment at i: n segments from a byte offset, which are not indirect themselves. */
static size_t expand_indirect(const struct lut_data *d, size_t i, struct lut *l)
{
	size_t at, n, next = i + (d->width == 2 ? 4 : 6), k;

	if (next > n_values(d) || value_at(d, i) != SEGMENT_INDIRECT)
		return 0;
	n = value_at(d, i + 1);
	if (d->width == 2)
		at = (value_at(d, i + 2) | (size_t)value_at(d, i + 3) << 16) / 2;
	else
		at = value_at(d, i + 2) | (size_t)value_at(d, i + 3) << 8 |
			(size_t)value_at(d, i + 4) << 16 | (size_t)value_at(d, i + 5) << 24;
	for (k = 0; k < n && l->n < l->cap; k++) {
		at = expand_simple(d, at, l);
		if (!at)
			return 0;
	}
	return next;
}

/* False: the segments end, or make no sense, before the table is full. */
static bool expand(const struct lut_data *d, struct lut *l)
{
	size_t i = 0, next;

	while (l->n < l->cap) {
		next = expand_simple(d, i, l);
		if (!next)
			next = expand_indirect(d, i, l);
		if (!next)
			return false;
		i = next;
	}
	return true;
}

/* Whole tables; those too short repeat their last entry. */
static void copy(const struct lut_data *d, struct lut *l)
{
	size_t n = min_size(n_values(d), l->cap), i;

	for (i = 0; i < n; i++)
		add_entry(l, value_at(d, i));
	while (l->n < l->cap)
		add_entry(l, n ? l->entries[n - 1] : 0);
}

static int fill_channel(const struct dcm_header *h, const struct dcm_node *n, bool segmented,
	unsigned bits, struct lut *l, struct err *err)
{
	struct lut_data d = { NULL, (size_t)n->el.len, 2, n->el.big_endian };
	bool owned;
	int rc = dcm_header_load(h, n, &d.bytes, &owned, err);

	if (rc < 0)
		return rc;
	if (bits == 8 && (segmented || d.len < 2 * (size_t)l->cap))
		d.width = 1;
	if (!segmented)
		copy(&d, l);
	else if (!expand(&d, l))
		rc = err_set(err, -EBADMSG, "(%04x,%04x): a segmented palette that ends early",
			DCM_TAG_GROUP(n->el.tag), DCM_TAG_ELEMENT(n->el.tag));
	if (owned)
		mem_free((void *)d.bytes);
	return rc;
}

static int read_channel(const struct dcm_header *h, unsigned channel, struct arena *a,
	struct palette *out, struct err *err)
{
	const struct dcm_node *n = dcm_get(&h->top, DCM_RedPaletteColorLookupTableData + channel);
	bool segmented = !n || !n->el.len;
	struct lut l = { NULL, 0, out->n_entries };

	if (segmented)
		n = dcm_get(&h->top, DCM_SegmentedRedPaletteColorLookupTableData + channel);
	if (!n || !n->el.len)
		return err_set(err, -ENOENT, "no palette");
	l.entries = arena_zalloc(a, l.cap, sizeof *l.entries);
	if (!l.entries)
		return err_nomem(err);
	out->entries[channel] = l.entries;
	return fill_channel(h, n, segmented, out->bits, &l, err);
}

int dcm_palette_read(const struct dcm_header *h, struct arena *a, struct palette *out,
	struct err *err)
{
	const struct dcm_node *n = dcm_get(&h->top, DCM_RedPaletteColorLookupTableDescriptor);
	int64_t entries, first, bits;
	unsigned channel;
	int rc = 0;

	memset(out, 0, sizeof *out);
	if (!dcm_int(n, 0, &entries) || !dcm_int(n, 1, &first) || !dcm_int(n, 2, &bits))
		return err_set(err, -ENOENT, "no palette");
	out->n_entries = (uint16_t)entries ? (uint16_t)entries : 65536;
	out->first = dcm_get_int(&h->top, DCM_PixelRepresentation, 0) == 1 ? (int16_t)first :
									     (uint16_t)first;
	out->bits = bits == 8 ? 8 : 16;
	for (channel = 0; channel < 3 && rc == 0; channel++)
		rc = read_channel(h, channel, a, out, err);
	return rc;
}
