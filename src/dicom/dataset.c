/* SPDX-License-Identifier: MIT */
/*
 * The tree of a header: see dicom/dataset.h.
 *
 * While an item is read its elements lie on a stack of nodes, above those of the
 * data set around it; where it ends they are copied to the arena as one array and
 * taken off. The items of a sequence do the same on a stack of their own. So
 * arrays are exact, nothing is linked, and building takes no recursion. An item's
 * address is known when its sequence ends: then its children learn their parent.
 */
#include "dicom/dataset.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "dicom/charset.h"
#include "dicom/source.h"
#include "dicom/tags.h"

#define FIRST_CAP 192u /* most data sets have fewer elements */

struct builder {
	struct dcm_header *h;
	struct dcm_node *nodes;
	size_t n_nodes, cap_nodes;
	struct dcm_dataset *items;
	size_t n_items, cap_items;
	size_t max_value;
	uint64_t loaded;     /* bytes of values so far */
	const char *creator; /* the one used last, in the arena */
	struct open_item {
		size_t first_node;
		size_t first_item; /* of the sequence that is open in it */
		const struct charset *charset;
	} open[DCM_MAX_DEPTH + 1];
	struct dcm_reader reader;
};

/* Room for one more in an array that grows by half. */
static int grow(void **array, size_t *cap, size_t n, size_t size, struct err *err)
{
	size_t want = *cap + *cap / 2 + FIRST_CAP;
	void *p;

	if (n < *cap)
		return 0;
	p = mem_resize(*array, want, size);
	if (!p)
		return err_nomem(err);
	*array = p;
	*cap = want;
	return 0;
}

static int push_node(struct builder *b, const struct dcm_elem *el, struct dcm_node **out,
	struct err *err)
{
	void *nodes = b->nodes;
	int rc = grow(&nodes, &b->cap_nodes, b->n_nodes, sizeof *b->nodes, err);

	b->nodes = nodes;
	if (rc < 0)
		return rc;
	*out = &b->nodes[b->n_nodes++];
	**out = (struct dcm_node){ .el = *el };
	return 0;
}

/* The text of the creator; the last one is likely this one too. */
static int find_creator(struct builder *b, struct dcm_node *n, struct err *err)
{
	size_t len;
	const char *text;

	if (!(n->el.tag & 0x10000) || DCM_TAG_ELEMENT(n->el.tag) < 0x1000)
		return 0;
	text = dcm_reader_creator(&b->reader, n->el.tag, &len);
	if (!text || !len)
		return 0;
	if (!b->creator || strcmp(b->creator, text) != 0)
		b->creator = arena_strndup(&b->h->arena, text, len);
	n->creator = b->creator;
	return n->creator ? 0 : err_nomem(err);
}

/* Where a value lies in the file's head, which is kept as long as the header is; NULL: it does
 * not. */
static const uint8_t *in_head(const struct dcm_file *f, const struct dcm_elem *el)
{
	uint64_t at = el->off - f->head_off;

	if (el->off < f->head_off || at > f->head_len || el->len > f->head_len - at)
		return NULL;
	return f->head + at;
}

static int load_value(struct builder *b, struct dcm_node *n, struct err *err)
{
	uint64_t most = dcm_vr_is_text(n->el.vr) ? DCM_MAX_VALUE : b->max_value;
	uint8_t *value;
	size_t len;
	int rc;

	if (n->el.len == 0 || n->el.len > most || n->el.len > DCM_MAX_LOADED - b->loaded ||
		dcm_file_is_pixels(&b->h->file, &n->el))
		return 0;
	b->loaded += n->el.len;
	n->value = in_head(&b->h->file, &n->el);
	if (n->value)
		return 0;
	value = arena_alloc(&b->h->arena, (size_t)n->el.len);
	if (!value)
		return err_nomem(err);
	rc = dcm_reader_value(&b->reader, &n->el, value, (size_t)n->el.len, &len, err);
	if (rc < 0)
		return rc;
	n->el.len = len;
	n->value = value;
	return 0;
}

static int take_charset(struct builder *b, const struct dcm_node *n, struct err *err)
{
	const char *text = (const char *)n->value;
	size_t len = text ? (size_t)n->el.len : 0;
	const struct charset *cs;

	while (len && (text[len - 1] == ' ' || text[len - 1] == '\0'))
		len--;
	cs = len ? charset_parse(text, len, &b->h->arena) : charset_default();
	if (!cs)
		return err_nomem(err);
	b->open[n->el.depth].charset = cs;
	return 0;
}

static int add_element(struct builder *b, const struct dcm_elem *el, struct err *err)
{
	struct dcm_node *n;
	int rc = push_node(b, el, &n, err);

	if (rc == 0)
		rc = find_creator(b, n, err);
	if (rc == 0)
		rc = load_value(b, n, err);
	if (rc == 0 && el->tag == DCM_SpecificCharacterSet)
		rc = take_charset(b, n, err);
	return rc;
}

static int begin_sequence(struct builder *b, const struct dcm_elem *el, struct err *err)
{
	struct dcm_node *n;
	int rc = push_node(b, el, &n, err);

	b->open[el->depth].first_item = b->n_items;
	return rc < 0 ? rc : find_creator(b, n, err);
}

static void begin_item(struct builder *b, const struct dcm_elem *el)
{
	b->open[el->depth].first_node = b->n_nodes;
	b->open[el->depth].charset = b->open[el->depth - 1].charset;
}

/* An array becomes that of a data set. */
static void set_nodes(struct dcm_dataset *ds, struct dcm_node *nodes, size_t n)
{
	size_t i;

	ds->sorted = true;
	if (n == 0)
		return;
	ds->n_nodes = (uint32_t)n;
	ds->nodes = nodes;
	for (i = 1; i < n && ds->sorted; i++)
		ds->sorted = nodes[i - 1].el.tag <= nodes[i].el.tag;
}

/* The nodes from `first` on, taken off the stack. */
static int take_nodes(struct builder *b, size_t first, struct dcm_dataset *ds, struct err *err)
{
	size_t n = b->n_nodes - first;
	struct dcm_node *nodes = NULL;

	if (n)
		nodes = arena_memdup(&b->h->arena, b->nodes + first, n * sizeof *nodes);
	if (n && !nodes)
		return err_nomem(err);
	set_nodes(ds, nodes, n);
	b->n_nodes = first;
	return 0;
}

static int end_item(struct builder *b, unsigned depth, struct err *err)
{
	size_t first = b->open[depth].first_node;
	void *items = b->items;
	struct dcm_dataset *ds;
	int rc = grow(&items, &b->cap_items, b->n_items, sizeof *b->items, err);

	b->items = items;
	if (rc < 0)
		return rc;
	ds = &b->items[b->n_items++];
	memset(ds, 0, sizeof *ds);
	ds->charset = b->open[depth].charset;
	return take_nodes(b, first, ds, err);
}

/* ds lies where it will stay: tell its children. */
static void settle(struct dcm_dataset *ds)
{
	uint32_t i, k;

	for (i = 0; i < ds->n_nodes; i++) {
		for (k = 0; k < ds->nodes[i].n_items; k++)
			ds->nodes[i].items[k].parent = ds;
	}
}

static int end_sequence(struct builder *b, unsigned depth, struct err *err)
{
	struct dcm_node *n = &b->nodes[b->n_nodes - 1];
	size_t first = b->open[depth].first_item, count = b->n_items - first, i;

	b->n_items = first;
	if (count == 0)
		return 0;
	n->items = arena_memdup(&b->h->arena, b->items + first, count * sizeof *b->items);
	if (!n->items)
		return err_nomem(err);
	n->n_items = (uint32_t)count;
	for (i = 0; i < count; i++)
		settle(&n->items[i]);
	return 0;
}

static int add_pixels(struct builder *b, const struct dcm_elem *el, struct err *err)
{
	uint32_t n_fragments;
	struct dcm_node *n;
	uint64_t bytes;
	int rc = add_element(b, el, err);

	if (rc == 0)
		rc = dcm_reader_fragments(&b->reader, &n_fragments, &bytes, err);
	if (rc < 0)
		return rc;
	n = &b->nodes[b->n_nodes - 1];
	n->n_fragments = n_fragments;
	n->fragment_bytes = bytes;
	n->fragments_end = b->reader.pos;
	return 0;
}

static int take_event(struct builder *b, int event, const struct dcm_elem *el, struct err *err)
{
	switch (event) {
	case DCM_EVENT_ELEM:
		return add_element(b, el, err);
	case DCM_EVENT_PIXELS:
		return add_pixels(b, el, err);
	case DCM_EVENT_SEQ_BEGIN:
		return begin_sequence(b, el, err);
	case DCM_EVENT_ITEM_BEGIN:
		begin_item(b, el);
		return 0;
	case DCM_EVENT_ITEM_END:
		return end_item(b, el->depth, err);
	default:
		return end_sequence(b, el->depth, err);
	}
}

static int walk(struct builder *b, enum dcm_load load, struct err *err)
{
	struct dcm_header *h = b->h;
	struct dcm_elem el;
	int event, rc;

	for (;;) {
		event = dcm_reader_next(&b->reader, &el, err);
		if (event < 0 || event == DCM_EVENT_END)
			return event < 0 ? event : 0;
		if ((event == DCM_EVENT_ELEM || event == DCM_EVENT_PIXELS) && !h->pixels_off &&
			dcm_file_is_pixels(&h->file, &el)) {
			h->pixels_tag = el.tag;
			h->pixels_vr = el.vr;
			h->pixels_off = el.off;
			h->pixels_len = el.len;
			if (load == DCM_LOAD_BEFORE_PIXELS)
				return 0;
		}
		rc = take_event(b, event, &el, err);
		if (rc < 0)
			return rc;
	}
}

/* What is left on the stack is the meta information and the data set: the stack becomes the
 * header's. */
static void finish(struct builder *b)
{
	struct dcm_header *h = b->h;
	size_t n_meta = 0;

	while (n_meta < b->n_nodes && b->nodes[n_meta].el.head_off < h->file.dataset_off)
		n_meta++;
	h->meta.charset = charset_default();
	h->top.charset = b->open[0].charset;
	h->nodes = b->nodes;
	b->nodes = NULL;
	set_nodes(&h->meta, h->nodes, n_meta);
	set_nodes(&h->top, h->nodes ? h->nodes + n_meta : NULL, b->n_nodes - n_meta);
	settle(&h->meta);
	settle(&h->top);
	h->n_problems = b->reader.n_problems;
	memcpy(h->problems, b->reader.problems,
		min_size(h->n_problems, DCM_MAX_PROBLEMS) * sizeof h->problems[0]);
}

static int build(struct dcm_header *h, enum dcm_load load, size_t max_value, struct err *err)
{
	struct builder *b = mem_alloc(sizeof *b);
	int rc;

	if (!b)
		return err_nomem(err);
	memset(b, 0, offsetof(struct builder, reader));
	b->h = h;
	b->max_value = max_value ? min_size(max_value, DCM_MAX_VALUE) : DCM_LAZY_VALUE;
	b->open[0].charset = charset_default();
	dcm_reader_init(&b->reader, &h->file);
	rc = walk(b, load, err);
	if (rc == 0)
		finish(b);
	mem_free(b->nodes);
	mem_free(b->items);
	mem_free(b);
	return rc;
}

int dcm_header_read(struct dcm_source *source, enum dcm_load load, size_t max_value,
	struct dcm_header **out, struct err *err)
{
	struct dcm_header *h = mem_calloc(1, sizeof *h);
	int rc;

	if (!h) {
		dcm_source_close(source);
		return err_nomem(err);
	}
	rc = dcm_file_open(source, &h->file, err);
	if (rc == 0)
		rc = build(h, load, max_value, err);
	if (rc < 0) {
		dcm_header_free(h);
		return rc;
	}
	*out = h;
	return 0;
}

void dcm_header_free(struct dcm_header *h)
{
	if (!h)
		return;
	dcm_file_close(&h->file);
	arena_release(&h->arena);
	mem_free(h->nodes);
	mem_free(h);
}

bool dcm_header_is_pixels(const struct dcm_header *h, const struct dcm_node *n)
{
	return h->pixels_off && n->el.depth == 0 && n->el.tag == h->pixels_tag &&
		n->el.off == h->pixels_off;
}

int dcm_header_load(const struct dcm_header *h, const struct dcm_node *n, const uint8_t **value,
	bool *owned, struct err *err)
{
	uint8_t *bytes;
	int rc;

	*owned = false;
	*value = n->value;
	if (n->value)
		return 0;
	if (n->el.vr == DCM_VR_SQ || n->el.len == DCM_UNDEFINED_LENGTH)
		return err_set(err, -EBADMSG, "(%04x,%04x) has no value", DCM_TAG_GROUP(n->el.tag),
			DCM_TAG_ELEMENT(n->el.tag));
	if (n->el.len > DCM_MAX_VALUE)
		return err_set(err, -EFBIG, "(%04x,%04x) is too long", DCM_TAG_GROUP(n->el.tag),
			DCM_TAG_ELEMENT(n->el.tag));
	bytes = mem_alloc((size_t)n->el.len);
	if (!bytes)
		return err_nomem(err);
	rc = dcm_source_read_full(h->file.source, bytes, (size_t)n->el.len, n->el.off, err);
	if (rc < 0) {
		mem_free(bytes);
		return rc;
	}
	*value = bytes;
	*owned = true;
	return 0;
}

/* ---- asking ---- */

/* The first node whose tag is not below this one, in a sorted data set. */
static uint32_t lower_bound(const struct dcm_dataset *ds, uint32_t tag)
{
	uint32_t lo = 0, hi = ds->n_nodes, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (ds->nodes[mid].el.tag < tag)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const struct dcm_node *dcm_get(const struct dcm_dataset *ds, uint32_t tag)
{
	uint32_t i = 0;

	if (ds->sorted)
		i = lower_bound(ds, tag);
	else
		while (i < ds->n_nodes && ds->nodes[i].el.tag != tag)
			i++;
	return i < ds->n_nodes && ds->nodes[i].el.tag == tag ? &ds->nodes[i] : NULL;
}

/* Is n the creator element of a block in this group? */
static bool is_creator_of(const struct dcm_node *n, uint16_t group)
{
	return DCM_TAG_GROUP(n->el.tag) == group && DCM_TAG_ELEMENT(n->el.tag) >= 0x10 &&
		DCM_TAG_ELEMENT(n->el.tag) <= 0xFF;
}

static bool has_prefix(const struct dcm_node *n, const char *prefix)
{
	size_t len = n->value ? (size_t)n->el.len : 0, want = strlen(prefix);
	const char *text = (const char *)n->value;

	while (len && *text == ' ') {
		text++;
		len--;
	}
	return len >= want && memcmp(text, prefix, want) == 0;
}

const struct dcm_node *dcm_get_private(const struct dcm_dataset *ds, uint16_t group,
	const char *creator, uint8_t low)
{
	uint32_t i = ds->sorted ? lower_bound(ds, DCM_TAG(group, 0x10)) : 0;
	const struct dcm_node *n, *found;
	bool any = false;

	for (; i < ds->n_nodes; i++) {
		n = &ds->nodes[i];
		if (ds->sorted && n->el.tag > DCM_TAG(group, 0xFF))
			break;
		if (!is_creator_of(n, group))
			continue;
		any = true;
		found = has_prefix(n, creator) ?
			dcm_get(ds, DCM_TAG(group, (n->el.tag & 0xFF) << 8 | low)) :
			NULL;
		if (found)
			return found;
	}
	return any ? NULL : dcm_get(ds, DCM_TAG(group, 0x1000u | low));
}

const struct dcm_dataset *dcm_item(const struct dcm_node *n, uint32_t i)
{
	return n && i < n->n_items ? &n->items[i] : NULL;
}

const struct dcm_dataset *dcm_first_item(const struct dcm_dataset *ds, uint32_t seq)
{
	return dcm_item(dcm_get(ds, seq), 0);
}

const struct dcm_node *dcm_find_deep(const struct dcm_dataset *ds, uint32_t tag)
{
	struct {
		const struct dcm_dataset *ds;
		uint32_t node, item;
	} at[DCM_MAX_DEPTH + 1] = { { ds, 0, 0 } };
	const struct dcm_node *n;
	unsigned top = 0;

	for (;;) {
		if (at[top].node == at[top].ds->n_nodes) {
			if (top-- == 0)
				return NULL;
			continue;
		}
		n = &at[top].ds->nodes[at[top].node];
		if (n->el.tag == tag)
			return n;
		if (top < DCM_MAX_DEPTH && at[top].item < n->n_items) {
			at[top + 1].ds = &n->items[at[top].item++];
			at[top + 1].node = at[top + 1].item = 0;
			top++;
		} else {
			at[top].node++;
			at[top].item = 0;
		}
	}
}
