/* SPDX-License-Identifier: MIT */
/* The dump of a header: see text/dump.h. */
#include "text/dump.h"

#include <stddef.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"
#include "dicom/dict.h"
#include "dump_lines.h"

#define UID_ROOT "1.2.840.10008." /* of all that are registered */
#define FIRST_ROOM 12288u         /* most dumps fit in it */

/* An item (or the data set) that is walked. */
struct place {
	const struct dcm_dataset *ds;
	uint32_t node, item;
	size_t path_len, name_len; /* of the dumper's buffers, in this data set */
};

/* ---- lines ---- */

static char *put(char *at, const char *s, size_t len)
{
	if (len)
		memcpy(at, s, len);
	return at + len;
}

static char *put_hex16(char *at, unsigned v)
{
	static const char hex[] = "0123456789abcdef";

	*at++ = hex[v >> 12 & 15];
	*at++ = hex[v >> 8 & 15];
	*at++ = hex[v >> 4 & 15];
	*at++ = hex[v & 15];
	return at;
}

static char *put_tag(char *at, uint32_t tag)
{
	*at++ = '(';
	at = put_hex16(at, DCM_TAG_GROUP(tag));
	*at++ = ',';
	at = put_hex16(at, DCM_TAG_ELEMENT(tag));
	*at++ = ')';
	return at;
}

/* PATH VR NAME */
static char *put_head(const struct dumper *d, const struct dump_parts *p, char *at)
{
	at = put(at, d->path.data, d->path.len);
	at = put_tag(at, p->tag);
	if (p->field) {
		*at++ = '{';
		at = put(at, p->field, p->field_len);
		*at++ = '}';
	}
	*at++ = ' ';
	*at++ = (char)(p->vr >> 8);
	*at++ = (char)p->vr;
	*at++ = ' ';
	at = put(at, d->name.data, d->name.len);
	at = put(at, p->creator, p->creator_len);
	at = put(at, p->keyword, p->keyword_len);
	if (p->field) {
		*at++ = '.';
		at = put(at, p->field, p->field_len);
	}
	if (p->value.damaged)
		*at++ = '!';
	return at;
}

/* Room for a line, in what keeps it or in what is used again for the next one. */
static char *line_room(struct dumper *d, const struct dump_parts *p)
{
	size_t most = d->path.len + d->name.len + p->creator_len + p->keyword_len +
		2 * p->field_len + p->value.len + p->note_len + 64;

	if (buf_error(&d->text) || buf_error(&d->raw) || buf_error(&d->path) || buf_error(&d->name))
		return NULL;
	if (d->out && !d->out->counting)
		return buf_room(d->out, most);
	buf_reset(&d->line);
	return buf_room(&d->line, most);
}

int dump_emit(struct dumper *d, const struct dump_parts *p, struct err *err)
{
	struct dump_line line = { .value_len = p->value.len, .vr = p->vr };
	char *begin = line_room(d, p), *at;

	if (!begin)
		return err_nomem(err);
	at = put_head(d, p, begin);
	line.head_len = (size_t)(at - begin);
	*at++ = ' ';
	*at++ = '=';
	if (p->value.len)
		*at++ = ' ';
	line.value = at;
	at = put(at, p->value.text, p->value.len);
	if (p->note) {
		at = put(at, "  # ", 4);
		at = put(at, p->note, p->note_len);
	}
	*at++ = '\n';
	line.text = begin;
	line.len = (size_t)(at - begin);
	if (d->out)
		d->out->len += line.len;
	return d->sink ? d->sink->line(d->sink, &line, err) : 0;
}

/* The names of registered UIDs, joined as the UIDs are; false: none is known. */
static bool make_note(struct dumper *d, const struct dump_value *v)
{
	char uid[72];
	const char *s = v->text, *end = v->text + v->len, *cut, *name;
	bool any = false;

	buf_reset(&d->note);
	for (; s <= end; s = cut + 1) {
		cut = memchr(s, '\\', (size_t)(end - s));
		cut = cut ? cut : end;
		if (s > v->text)
			buf_addc(&d->note, '\\');
		if ((size_t)(cut - s) >= sizeof uid || cut - s < (ptrdiff_t)sizeof UID_ROOT ||
			memcmp(s, UID_ROOT, sizeof UID_ROOT - 1) != 0)
			continue;
		memcpy(uid, s, (size_t)(cut - s));
		uid[cut - s] = '\0';
		name = dcm_dict_uid_name(uid);
		any |= name != NULL;
		buf_adds(&d->note, name ? name : "");
	}
	return any && !buf_error(&d->note);
}

/* ---- names ---- */

/* A creator is whatever a file says: nothing of it may break the line. */
static void know_creator(struct dumper *d, const char *creator)
{
	if (creator == d->creator)
		return;
	d->creator = creator;
	d->creator_dict = dcm_dict_creator(creator);
	buf_reset(&d->creator_shown);
	buf_addc(&d->creator_shown, '[');
	dump_add_shown(&d->creator_shown, creator, strlen(creator));
	buf_addc(&d->creator_shown, ']');
}

/* The keyword of n, and its creator in brackets. */
static void find_name(struct dumper *d, const struct dcm_node *n, struct dump_parts *p)
{
	const struct dcm_dict_entry *e;

	if (n->creator) {
		know_creator(d, n->creator);
		e = dcm_dict_find_of(d->creator_dict, n->el.tag);
		p->creator = d->creator_shown.data;
		p->creator_len = d->creator_shown.len;
	} else {
		e = dcm_dict_find_near(n->el.tag, &d->dict_hint);
	}
	p->keyword = e && e->keyword ? e->keyword : "Unknown";
	p->keyword_len = strlen(p->keyword);
}

/* ---- the walk ---- */

static int show_element(struct dumper *d, const struct dcm_dataset *ds, const struct dcm_node *n,
	struct err *err)
{
	struct dump_parts p = { .tag = n->el.tag, .vr = n->el.vr_was_un ? DCM_VR_UN : n->el.vr };
	int rc = dump_value(d, ds, n, &p.value, err);

	if (rc < 0)
		return rc;
	find_name(d, n, &p);
	if (n->el.vr == DCM_VR_UI && p.value.len > 13 && make_note(d, &p.value)) {
		p.note = d->note.data;
		p.note_len = d->note.len;
	}
	rc = dump_emit(d, &p, err);
	return rc < 0 || !n->creator ? rc : dump_fields(d, n, p.keyword, err);
}

static void add_index(struct buf *b, uint32_t item)
{
	buf_addc(b, '[');
	buf_add_u64(b, item);
	buf_addc(b, ']');
	buf_addc(b, '.');
}

static void enter(struct dumper *d, struct place *p, const struct dcm_node *n, uint32_t item)
{
	struct dump_parts parts = { 0 };
	char tag[11];

	find_name(d, n, &parts);
	put_tag(tag, n->el.tag);
	buf_add(&d->path, tag, sizeof tag);
	add_index(&d->path, item + 1);
	buf_add(&d->name, parts.creator, parts.creator_len);
	buf_add(&d->name, parts.keyword, parts.keyword_len);
	add_index(&d->name, item + 1);
	p->ds = &n->items[item];
	p->node = p->item = 0;
	p->path_len = d->path.len;
	p->name_len = d->name.len;
}

static int walk(struct dumper *d, const struct dcm_dataset *ds, struct err *err)
{
	struct place at[DCM_MAX_DEPTH + 1] = { { ds, 0, 0, 0, 0 } };
	const struct dcm_node *n;
	struct place *p = at;
	int rc = 0;

	while (rc == 0) {
		d->path.len = p->path_len;
		d->name.len = p->name_len;
		if (p->node == p->ds->n_nodes) {
			if (p == at)
				break;
			p--;
			continue;
		}
		n = &p->ds->nodes[p->node];
		if (p->item == 0)
			rc = show_element(d, p->ds, n, err);
		if (p->item < n->n_items && p < at + DCM_MAX_DEPTH) {
			enter(d, p + 1, n, p->item++);
			p++;
		} else {
			p->node++;
			p->item = 0;
		}
	}
	return rc;
}

int dump_lines(const struct dcm_header *h, struct buf *out, struct dump_sink *sink, struct err *err)
{
	struct dumper d = { .h = h, .sink = sink, .out = out };
	int rc = walk(&d, &h->meta, err);

	if (rc == 0)
		rc = walk(&d, &h->top, err);
	buf_release(&d.path);
	buf_release(&d.name);
	buf_release(&d.line);
	buf_release(&d.creator_shown);
	buf_release(&d.raw);
	buf_release(&d.text);
	buf_release(&d.note);
	buf_release(&d.field);
	arena_release(&d.scratch);
	return rc;
}

/* ---- one file ---- */

static void add_problems(const struct dcm_header *h, struct buf *out)
{
	unsigned i;

	for (i = 0; i < h->n_problems && i < DCM_MAX_PROBLEMS; i++)
		buf_addf(out, "# problem: byte %llu: %s\n", (unsigned long long)h->problems[i].off,
			h->problems[i].text);
	if (h->n_problems > DCM_MAX_PROBLEMS)
		buf_addf(out, "# problem: and %u more\n", h->n_problems - DCM_MAX_PROBLEMS);
}

int dump_render(const struct dcm_header *h, struct buf *out, struct dump_series *series,
	struct err *err)
{
	int rc;

	if (!out->counting)
		buf_room(out, FIRST_ROOM);
	rc = dump_lines(h, out, series ? dump_series_begin(series) : NULL, err);
	if (rc < 0)
		return rc;
	add_problems(h, out);
	return buf_error(out) ? err_nomem(err) : 0;
}
