/* SPDX-License-Identifier: MIT */
/*
 * CSA headers. The second layout begins with "SV10" 04 03 02 01; both have the number of
 * fields and the mark 77, then per field 84 bytes (name, VM, VR, type, number of items,
 * mark) and its items: four integers and the text, padded to four bytes. A text's length is
 * the second integer in the layout with a mark, and the first one less the number of
 * items of the very first field in the one without.
 */
#include "vendor/csa.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "dicom/value.h"

#define FIELD_BYTES 84u
#define ITEM_BYTES 16u
#define MARK 77u
#define MARK_OTHER 205u
#define MOST_FIELDS 1000u

struct cursor {
	const uint8_t *bytes;
	size_t len, pos;
	bool has_mark;
	uint32_t first_items; /* of the first field: see above */
};

static bool item_length(const struct cursor *c, uint32_t *len)
{
	uint32_t told = get_le32(c->bytes + c->pos + (c->has_mark ? 4 : 0));

	*len = c->has_mark ? told : told - c->first_items;
	return c->has_mark || told >= c->first_items;
}

/* The text of an item without what pads it; NULL where nothing is left or there is no memory. */
static const char *item_text(const uint8_t *p, size_t len, struct arena *a)
{
	const uint8_t *end = memchr(p, 0, len);

	if (end)
		len = (size_t)(end - p);
	while (len && (*p == ' ' || *p == '\n')) {
		p++;
		len--;
	}
	while (len && (p[len - 1] == ' ' || p[len - 1] == '\n'))
		len--;
	return len ? arena_strndup(a, (const char *)p, len) : NULL;
}

/* Read one item; false where the header breaks off. */
static bool read_item(struct cursor *c, struct arena *a, struct csa_field *f)
{
	uint32_t len;
	const char *text;

	if (c->len - c->pos < ITEM_BYTES || !item_length(c, &len) ||
		len > c->len - c->pos - ITEM_BYTES)
		return false;
	c->pos += ITEM_BYTES;
	text = item_text(c->bytes + c->pos, len, a);
	if (text && (!f->vm || f->n_values < f->vm))
		f->values[f->n_values++] = text;
	c->pos = min_size(c->len, c->pos + ((size_t)len + 3) / 4 * 4);
	return true;
}

static bool read_field(struct cursor *c, struct arena *a, struct csa_field *f)
{
	const uint8_t *p = c->bytes + c->pos;
	uint32_t n_items, mark;
	uint32_t i;

	if (c->len - c->pos < FIELD_BYTES)
		return false;
	n_items = get_le32(p + 76);
	mark = get_le32(p + 80);
	if ((mark != MARK && mark != MARK_OTHER) || n_items > (c->len - c->pos) / ITEM_BYTES)
		return false;
	f->name = arena_strndup(a, (const char *)p, strnlen((const char *)p, 64));
	f->vm = get_le32(p + 64);
	memcpy(f->vr, p + 68, 4);
	f->values = arena_zalloc(a, (size_t)n_items + 1, sizeof *f->values);
	c->pos += FIELD_BYTES;
	if (!f->name || !f->values)
		return false;
	if (c->first_items == UINT32_MAX)
		c->first_items = n_items;
	for (i = 0; i < n_items; i++)
		if (!read_item(c, a, f))
			return false;
	return true;
}

int csa_parse(const uint8_t *bytes, size_t len, struct arena *a, struct csa *out, struct err *err)
{
	struct cursor c = { bytes, len, 0, false, UINT32_MAX };
	uint32_t n;

	memset(out, 0, sizeof *out);
	c.has_mark = len >= 8 && !memcmp(bytes, "SV10\4\3\2\1", 8);
	c.pos = c.has_mark ? 8 : 0;
	if (len < c.pos + 8 || get_le32(bytes + c.pos + 4) != MARK)
		return err_set(err, -EBADMSG, "not a CSA header");
	n = get_le32(bytes + c.pos);
	if (!n || n > MOST_FIELDS)
		return err_set(err, -EBADMSG, "a CSA header of %u fields", n);
	c.pos += 8;
	out->fields = arena_zalloc(a, n, sizeof *out->fields);
	if (!out->fields)
		return err_nomem(err);
	while (out->n_fields < n && read_field(&c, a, &out->fields[out->n_fields]))
		out->n_fields++;
	out->damaged = out->n_fields < n;
	return 0;
}

const struct csa_field *csa_find(const struct csa *c, const char *name)
{
	uint32_t i;

	for (i = 0; i < c->n_fields; i++)
		if (!strcmp(c->fields[i].name, name))
			return &c->fields[i];
	return NULL;
}

const char *csa_text(const struct csa *c, const char *name, uint32_t i)
{
	const struct csa_field *f = csa_find(c, name);

	return f && i < f->n_values ? f->values[i] : NULL;
}

double csa_number(const struct csa *c, const char *name, uint32_t i)
{
	const char *text = csa_text(c, name, i);
	double v;

	return text && dcm_parse_double(text, strlen(text), &v) ? v : NAN;
}
