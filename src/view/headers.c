/* SPDX-License-Identifier: MIT */
/* headers/: each instance's header as text, one line an element; and SERIES.txt, what a series
 * shares. */
#include <errno.h>

#include "base/bytes.h"
#include "base/err.h"
#include "text/dump.h"
#include "view/siblings.h"
#include "view/summaries.h"
#include "view/tree.h"

static int list_series(const struct view_node *n, struct view_out *out, struct err *err)
{
	const struct study *study = tree_study(n);
	uint32_t i;
	int rc = tree_list_series(n, out, err);

	for (i = 0; rc == 0 && i < study->n_series; i++) {
		const struct series *s = study->series[i];
		struct view_key key = { .kind = TREE_SERIES_FILE,
			.version = s->version,
			.a = s->id };

		if (filter_has_series(n->snap->filter, s))
			rc = tree_emit(out, VIEW_FILE, s->name, ".txt", &key, VIEW_SIZE_LATER,
				s->mtime_ns, hash_str(s->key), err);
	}
	return rc;
}

/* FOLDER.txt beside each folder of a layout that holds instances. */
static int list_summaries(const struct view_node *n, struct view_out *out, struct err *err)
{
	const struct folder *f, *c;
	struct folders *tree;
	int rc = tree_folder(n, &tree, &f, err);

	if (rc < 0 || !tree)
		return rc;
	for (c = f->children; c && rc == 0; c = c->next) {
		struct view_key key = { .kind = TREE_FOLDER_FILE,
			.version = (uint32_t)n->snap->catalog->gen,
			.a = c->key };

		if (c->n_leaves && folder_is_shown(n->snap->filter, c))
			rc = tree_emit(out, VIEW_FILE, c->name, ".txt", &key, VIEW_SIZE_LATER,
				c->mtime_ns, c->key, err);
	}
	folders_put(tree);
	return rc;
}

static int list(const struct view_node *n, struct view_out *out, struct err *err)
{
	int rc;

	if (node_key(n)->kind == TREE_STUDY)
		return list_series(n, out, err);
	rc = tree_list(n, ".txt", NULL, out, err);
	if (rc == 0 && (node_key(n)->kind == TREE_ROOT || node_key(n)->kind == TREE_FOLDER))
		rc = list_summaries(n, out, err);
	return rc;
}

/* The instances of a folder, and the key of its summary; `of`: the key of either. */
struct group {
	struct siblings all;
	struct view_key key;
};

static int group_init(const struct snapshot *snap, const struct view_key *of, struct group *g,
	struct err *err)
{
	int rc = siblings_init(&g->all, snap, of, err);

	g->key = (struct view_key){ .a = of->a, .b = snap->filter ? snap->filter->key : 0 };
	g->key.kind = g->all.s ? TREE_SERIES_FILE : TREE_FOLDER_FILE;
	g->key.version = g->all.s ? g->all.s->version : (uint32_t)snap->catalog->gen;
	return rc;
}

/* The next instance that is shown, from *i on; NULL: there is none. */
static const struct instance *next_shown(const struct snapshot *snap, const struct group *g,
	uint32_t *i)
{
	const struct instance *in;

	for (; *i < g->all.n; ++*i) {
		in = siblings_at(&g->all, *i);
		if (filter_has(snap->filter, in))
			return in;
	}
	return NULL;
}

/* The summary of the folder that the instance is shown in, where it is the one that comes next. */
static int take_summary(const struct view_node *n, const struct instance *in, struct summary *x,
	struct err *err)
{
	struct group g;
	int rc = 0;

	x->sum = NULL;
	if (n->depth > 0)
		rc = group_init(n->snap, &n->chain[n->depth - 1], &g, err);
	if (n->depth == 0 || rc < 0)
		return rc;
	if (g.all.n) {
		summaries_take(n->snap->summaries, &g.key, x);
		if (next_shown(n->snap, &g, &x->n_added) != in) {
			summaries_give(n->snap->summaries, x);
			x->sum = NULL;
		} else if (!x->sum) {
			rc = dump_series_new(&x->sum, err);
		}
	}
	siblings_release(&g.all);
	return rc;
}

static int render_header(const struct view_node *n, const struct dcm_header *h,
	const struct instance *in, struct buf *out, struct err *err)
{
	struct summary x;
	int rc = take_summary(n, in, &x, err);

	if (rc < 0)
		return rc;
	rc = dump_render(h, out, x.sum, err);
	if (rc < 0) {
		dump_series_free(x.sum);
		return rc;
	}
	x.n_added++;
	summaries_give(n->snap->summaries, &x);
	return 0;
}

static int render_instance(const struct view_node *n, struct buf *out, struct err *err)
{
	const struct instance *in = tree_instance(n);
	struct dcm_header *h;
	int rc;

	if (!in)
		return tree_gone(err);
	rc = siblings_node_header(n, in, &h, err);
	if (rc < 0)
		return rc;
	rc = render_header(n, h, in, out, err);
	dcm_header_free(h);
	return rc;
}

static int add_instance(const struct view_node *n, const struct group *g, struct summary *x,
	struct err *err)
{
	struct dcm_header *h;
	int rc = siblings_header(&g->all, n->snap, x->n_added, &h, err);

	if (rc < 0)
		return rc;
	rc = dump_series_add(x->sum, h, err);
	dcm_header_free(h);
	return rc;
}

/* What is there of a folder, and the instances that it lacks. */
static int sum_group(const struct view_node *n, const struct group *g, struct summary *x,
	struct err *err)
{
	int rc = 0;

	summaries_take(n->snap->summaries, &g->key, x);
	if (!x->sum)
		rc = dump_series_new(&x->sum, err);
	for (; rc == 0 && next_shown(n->snap, g, &x->n_added); x->n_added++)
		rc = add_instance(n, g, x, err);
	return rc;
}

static int render_summary(const struct view_node *n, struct buf *out, struct err *err)
{
	struct summary x = { .sum = NULL };
	struct group g;
	int rc = group_init(n->snap, node_key(n), &g, err);

	if (rc == 0 && (!g.all.n || g.key.version != node_key(n)->version))
		rc = tree_gone(err); /* another one than was listed */
	if (rc == 0)
		rc = sum_group(n, &g, &x, err);
	if (rc == 0)
		rc = dump_series_render(x.sum, out, err);
	dump_series_free(x.sum);
	siblings_release(&g.all);
	return rc;
}

static tree_render render_of(const struct view_node *n)
{
	return node_key(n)->kind == TREE_INSTANCE ? render_instance : render_summary;
}

static int open_file(const struct view_node *n, struct content **out, struct err *err)
{
	return tree_open_text(n, render_of(n), out, err);
}

const struct view view_headers = {
	.name = "headers",
	.summary = "SERIES/INSTANCE.txt: each header as text, one line an element; SERIES.txt: "
		   "what a series shares",
	.list = list,
	.open = open_file,
};
