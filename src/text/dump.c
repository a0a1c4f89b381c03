/* SPDX-License-Identifier: MIT */
/* The dump of a header: see text/dump.h. */
#include "text/dump.h"

#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"
#include "dicom/dict.h"
#include "dump_lines.h"

/* An item (or the data set) that is walked. */
struct place {
	const struct dcm_dataset *ds;
	uint32_t node, item;
	size_t path_len, name_len;   /* of the dumper's buffers, in this data set */
};

/* ---- heads ---- */

static void add_tag(struct buf *b, uint32_t tag)
{
	static const char hex[] = "0123456789abcdef";
	char text[11] = "(0000,0000)";
	unsigned i;

	for (i = 0; i < 8; i++)
		text[1 + i + i / 4] = hex[tag >> (28 - 4 * i) & 15];
	buf_add(b, text, sizeof text);
}

/* A creator is whatever a file says: nothing of it may break the line. */
static void add_name(struct buf *out, const struct dcm_node *n)
{
	const struct dcm_dict_entry *e;

	if (n->creator) {
		e = dcm_dict_find_private(n->creator, n->el.tag);
		buf_addc(out, '[');
		dump_add_shown(out, n->creator, strlen(n->creator));
		buf_addc(out, ']');
	} else {
		e = dcm_dict_find(n->el.tag);
	}
	buf_adds(out, e && e->keyword ? e->keyword : "Unknown");
}

static void make_head(struct dumper *d, const struct dcm_node *n, bool damaged)
{
	uint16_t vr = n->el.vr_was_un ? DCM_VR_UN : n->el.vr;
	const char letters[4] = { ' ', (char)(vr >> 8), (char)vr, ' ' };
	struct buf *head = &d->head;

	buf_reset(head);
	buf_add(head, d->path.data, d->path.len);
	add_tag(head, n->el.tag);
	buf_add(head, letters, sizeof letters);
	buf_add(head, d->name.data, d->name.len);
	add_name(head, n);
	if (damaged)
		buf_addc(head, '!');
}

int dump_line_of(struct dumper *d, const char *note, size_t note_len, uint16_t vr,
	const struct dump_value *v, struct err *err)
{
	const struct dump_line line = { d->head.data, d->head.len, v->text, v->len, note, note_len, vr };

	if (buf_error(&d->head) || buf_error(&d->text) || buf_error(&d->raw))
		return err_nomem(err);
	return d->sink->line(d->sink, &line, err);
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
		if ((size_t)(cut - s) >= sizeof uid)
			continue;
		memcpy(uid, s, (size_t)(cut - s));
		uid[cut - s] = '\0';
		name = dcm_dict_uid_name(uid);
		any |= name != NULL;
		buf_adds(&d->note, name ? name : "");
	}
	return any && !buf_error(&d->note);
}

/* ---- the walk ---- */

static int show_element(struct dumper *d, const struct dcm_dataset *ds, const struct dcm_node *n,
	struct err *err)
{
	struct dump_value v;
	bool noted;
	int rc;

	rc = dump_value(d, ds, n, &v, err);
	if (rc < 0)
		return rc;
	noted = n->el.vr == DCM_VR_UI && v.len > 13 && make_note(d, &v);
	make_head(d, n, v.damaged);
	rc = dump_line_of(d, noted ? d->note.data : NULL, d->note.len, n->el.vr, &v, err);
	return rc < 0 ? rc : dump_fields(d, n, err);
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
	add_tag(&d->path, n->el.tag);
	add_index(&d->path, item + 1);
	add_name(&d->name, n);
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

int dump_lines(const struct dcm_header *h, struct dump_sink *sink, struct err *err)
{
	struct dumper d = { .h = h, .sink = sink };
	int rc = walk(&d, &h->meta, err);

	if (rc == 0)
		rc = walk(&d, &h->top, err);
	buf_release(&d.path);
	buf_release(&d.name);
	buf_release(&d.head);
	buf_release(&d.raw);
	buf_release(&d.text);
	buf_release(&d.note);
	arena_release(&d.scratch);
	return rc;
}

/* ---- one file ---- */

struct text_sink {
	struct dump_sink sink;
	struct buf *out;
};

static int add_line(struct dump_sink *s, const struct dump_line *l, struct err *err)
{
	struct buf *out = ((struct text_sink *)s)->out;

	(void)err;
	buf_add(out, l->head, l->head_len);
	buf_add(out, " = ", l->value_len ? 3 : 2);
	buf_add(out, l->value, l->value_len);
	if (l->note) {
		buf_add(out, "  # ", 4);
		buf_add(out, l->note, l->note_len);
	}
	buf_addc(out, '\n');
	return 0;
}

static void add_problems(const struct dcm_header *h, struct buf *out)
{
	unsigned i;

	for (i = 0; i < h->n_problems && i < DCM_MAX_PROBLEMS; i++)
		buf_addf(out, "# problem: byte %llu: %s\n", (unsigned long long)h->problems[i].off,
			h->problems[i].text);
	if (h->n_problems > DCM_MAX_PROBLEMS)
		buf_addf(out, "# problem: and %u more\n", h->n_problems - DCM_MAX_PROBLEMS);
}

int dump_render(const struct dcm_header *h, struct buf *out, struct err *err)
{
	struct text_sink s = { { add_line }, out };
	int rc = dump_lines(h, &s.sink, err);

	if (rc < 0)
		return rc;
	add_problems(h, out);
	return buf_error(out) ? err_nomem(err) : 0;
}
