/* SPDX-License-Identifier: MIT */
/* Room for what rules set in items: see format/edit_rules.h. */
#include "format/edit_rules.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"

#define MOST_NEW_ITEMS 64u /* that one step of a path makes */

/* The element of ds with this tag, made empty where it is absent; NULL for want of memory. */
static struct dcm_node *need_node(struct arena *a, struct dcm_dataset *ds, uint32_t tag,
	uint16_t vr)
{
	struct dcm_node *nodes;
	uint32_t i;

	for (i = 0; i < ds->n_nodes; i++)
		if (ds->nodes[i].el.tag == tag)
			return &ds->nodes[i];
	for (i = 0; i < ds->n_nodes && ds->nodes[i].el.tag < tag; i++)
		;
	nodes = arena_zalloc(a, ds->n_nodes + 1, sizeof *nodes);
	if (!nodes)
		return NULL;
	if (i)
		memcpy(nodes, ds->nodes, i * sizeof *nodes);
	if (i < ds->n_nodes)
		memcpy(nodes + i + 1, ds->nodes + i, (ds->n_nodes - i) * sizeof *nodes);
	nodes[i].el.tag = tag;
	nodes[i].el.vr = vr;
	nodes[i].el.depth = ds->parent ? 1 : 0;
	nodes[i].value = (const uint8_t *)"";
	ds->nodes = nodes;
	ds->n_nodes++;
	return &nodes[i];
}

/* What is in an item knows where its data set lies. */
static void adopt(struct dcm_dataset *item)
{
	for (uint32_t i = 0; i < item->n_nodes; i++)
		for (uint32_t k = 0; k < item->nodes[i].n_items; k++)
			item->nodes[i].items[k].parent = item;
}

/* At least n items in a sequence of ds, new ones empty. -E2BIG: so many that it must be a mistake. */
static int need_items(struct arena *a, struct dcm_dataset *ds, struct dcm_node *seq, uint32_t n)
{
	struct dcm_dataset *items;

	if (n <= seq->n_items)
		return 0;
	if (n - seq->n_items > MOST_NEW_ITEMS)
		return -E2BIG;
	items = arena_zalloc(a, n, sizeof *items);
	if (!items)
		return -ENOMEM;
	if (seq->n_items)
		memcpy(items, seq->items, seq->n_items * sizeof *items);
	for (uint32_t i = 0; i < n; i++) {
		if (i < seq->n_items) {
			adopt(&items[i]);
			continue;
		}
		items[i].sorted = true;
		items[i].parent = ds;
		items[i].charset = ds->charset;
	}
	seq->items = items;
	seq->n_items = n;
	return 0;
}

/* Where a path goes on from a data set: the items from `item` to `end`. */
struct fork {
	struct dcm_dataset *ds;
	struct dcm_dataset *items;
	uint32_t item, end;
};

/* The items of one step below f->ds; "[*]" is those that are there. */
static int take_step(struct arena *a, const struct attrpath_step *step, struct fork *f)
{
	struct dcm_node *seq = (struct dcm_node *)(uintptr_t)dcm_get(f->ds, step->tag);
	int rc;

	f->item = f->end = 0;
	if (step->item == ATTRPATH_ANY_ITEM) {
		f->end = seq ? seq->n_items : 0;
		f->items = seq ? seq->items : NULL;
		return 0;
	}
	if (seq && seq->el.vr != DCM_VR_SQ && !seq->items)
		return 0; /* it is no sequence here: left alone */
	seq = need_node(a, f->ds, step->tag, DCM_VR_SQ);
	rc = seq ? need_items(a, f->ds, seq, step->item) : -ENOMEM;
	if (rc == -E2BIG)
		return 0;
	if (rc < 0)
		return rc;
	f->items = seq->items;
	f->item = step->item - 1;
	f->end = step->item;
	return 0;
}

static int make_room(struct dcm_header *h, const struct edit_rule *r)
{
	const struct attrpath *path = &r->path;
	struct fork forks[ATTRPATH_MAX_STEPS];
	unsigned last = path->n_steps - 1;
	int depth = 0, rc;

	forks[0] = (struct fork){ .ds = &h->top };
	rc = take_step(&h->arena, &path->steps[0], &forks[0]);
	while (rc == 0 && depth >= 0) {
		struct fork *f = &forks[depth];
		struct dcm_dataset *item;

		if (f->item == f->end) {
			depth--;
			continue;
		}
		item = &f->items[f->item++];
		if ((unsigned)depth + 1 == last) {
			if (!need_node(&h->arena, item, r->tag, r->vr))
				rc = -ENOMEM;
			continue;
		}
		forks[++depth] = (struct fork){ .ds = item };
		rc = take_step(&h->arena, &path->steps[depth], &forks[depth]);
	}
	return rc;
}

int edit_rules_make_room(const struct edit_rules *rules, struct dcm_header *h, struct err *err)
{
	for (size_t i = 0; i < rules->n; i++) {
		const struct edit_rule *r = &rules->rules[i];

		if (r->verb == EDIT_SET && r->what == EDIT_PATH && make_room(h, r) < 0)
			return err_nomem(err);
	}
	return 0;
}
