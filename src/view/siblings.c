/* SPDX-License-Identifier: MIT */
/* Instances of one folder: see view/siblings.h. */
#include "view/siblings.h"

#include "base/bytes.h"
#include "volume/framecache.h"

int siblings_init(struct siblings *g, const struct snapshot *snap, const struct view_key *of,
	struct err *err)
{
	int rc = 0;

	*g = (struct siblings){ .id = hash_bytes(of->kind, &of->a, sizeof of->a) };
	if (of->kind == TREE_SERIES || of->kind == TREE_SERIES_FILE) {
		g->s = catalog_series(snap->catalog, (uint32_t)of->a);
		g->n = g->s ? g->s->n_instances : 0;
	} else if (snap->layout && (of->kind == TREE_FOLDER || of->kind == TREE_FOLDER_FILE)) {
		rc = layout_folders(snap->layout, snap->catalog, &g->tree, err);
		g->f = rc == 0 ? folders_find(g->tree, of->a) : NULL;
		g->n = g->f ? g->f->n_leaves : 0;
	}
	return rc;
}

void siblings_release(struct siblings *g)
{
	folders_put(g->tree);
}

const struct instance *siblings_at(const struct siblings *g, uint32_t i)
{
	return g->s ? g->s->instances[i] : g->f->leaves[i].in;
}

static bool opens_ahead(const struct snapshot *snap, const struct instance *in)
{
	return framecache_does(snap->reader.cache, FRAMECACHE_OPEN, in);
}

/* Somebody reads this of number i. */
static void open_ahead(const struct siblings *g, const struct snapshot *snap, uint32_t i,
	uint32_t frame)
{
	struct framecache *cache = snap->reader.cache;
	struct frame_ref refs[FRAMECACHE_AHEAD];
	unsigned count, n = 0;
	uint64_t from, k;

	count = framecache_sequential(cache, FRAMECACHE_OPEN, g->id, i, i, &from);
	for (k = from; k < from + count && k < g->n; k++) {
		const struct instance *in = siblings_at(g, (uint32_t)k);

		if (filter_has(snap->filter, in))
			refs[n++] = (struct frame_ref){ in, frame };
	}
	framecache_ahead(cache, FRAMECACHE_OPEN, g->id, snap->catalog, refs, n);
}

int siblings_header(const struct siblings *g, const struct snapshot *snap, uint32_t i,
	struct dcm_header **h, struct err *err)
{
	const struct instance *in = siblings_at(g, i);

	if (opens_ahead(snap, in))
		open_ahead(g, snap, i, FRAMECACHE_HEADER);
	return files_header(snap->files, in, DCM_LOAD_ALL, 0, h, err);
}

void siblings_open_ahead(const struct view_node *n, const struct instance *in, uint32_t frame)
{
	struct siblings g;
	uint32_t i;

	if (!n->depth || !opens_ahead(n->snap, in) ||
		siblings_init(&g, n->snap, &n->chain[n->depth - 1], NULL) < 0)
		return;
	for (i = 0; i < g.n && siblings_at(&g, i) != in; i++)
		;
	if (i < g.n)
		open_ahead(&g, n->snap, i, frame);
	siblings_release(&g);
}

int siblings_node_header(const struct view_node *n, const struct instance *in,
	struct dcm_header **h, struct err *err)
{
	siblings_open_ahead(n, in, FRAMECACHE_HEADER);
	return files_header(n->snap->files, in, DCM_LOAD_ALL, 0, h, err);
}
