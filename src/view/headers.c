/* SPDX-License-Identifier: MIT */
/* headers/: each instance's header as text, one line an element; and SERIES.txt, what a series shares. */
#include <errno.h>

#include "base/err.h"
#include "text/dump.h"
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
				s->mtime_ns, s->id, err);
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

/* The summary of the series whose folder the instance is shown in, where it is the one that comes next. */
static int take_summary(const struct view_node *n, const struct instance *in, struct summary *x,
	struct err *err)
{
	const struct view_key *folder = n->depth > 0 ? &n->chain[n->depth - 1] : NULL;
	const struct series *s = folder && folder->kind == TREE_SERIES ?
		catalog_series(n->snap->catalog, (uint32_t)folder->a) :
		NULL;

	x->sum = NULL;
	if (!s)
		return 0;
	summaries_take(n->snap->summaries, s, x);
	if (x->n_added < s->n_instances && s->instances[x->n_added] == in)
		return x->sum ? 0 : dump_series_new(&x->sum, err);
	summaries_give(n->snap->summaries, x);
	x->sum = NULL;
	return 0;
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
	rc = files_header(n->snap->files, in, DCM_LOAD_ALL, 0, &h, err);
	if (rc < 0)
		return rc;
	rc = render_header(n, h, in, out, err);
	dcm_header_free(h);
	return rc;
}

static int add_instance(const struct view_node *n, struct dump_series *sum,
	const struct instance *in, struct err *err)
{
	struct dcm_header *h;
	int rc = files_header(n->snap->files, in, DCM_LOAD_ALL, 0, &h, err);

	if (rc < 0)
		return rc;
	rc = dump_series_add(sum, h, err);
	dcm_header_free(h);
	return rc;
}

/* What is there of a series, and the instances that it lacks. */
static int sum_series(const struct view_node *n, const struct series *s, struct summary *x,
	struct err *err)
{
	int rc = 0;

	summaries_take(n->snap->summaries, s, x);
	if (!x->sum)
		rc = dump_series_new(&x->sum, err);
	for (; x->n_added < s->n_instances && rc == 0; x->n_added++)
		rc = add_instance(n, x->sum, s->instances[x->n_added], err);
	return rc;
}

/* Each instance of a layout's folder. */
static int sum_folder(const struct view_node *n, struct summary *x, struct err *err)
{
	const struct folder *f = NULL;
	struct folders *tree = NULL;
	uint32_t i;
	int rc = dump_series_new(&x->sum, err);

	if (rc == 0 && node_key(n)->version == (uint32_t)n->snap->catalog->gen)
		rc = tree_folder(n, &tree, &f, err);
	if (rc == 0 && !f)
		rc = tree_gone(err);
	for (i = 0; f && i < f->n_leaves && rc == 0; i++)
		rc = add_instance(n, x->sum, f->leaves[i].in, err);
	folders_put(tree);
	return rc;
}

static int render_series(const struct view_node *n, struct buf *out, struct err *err)
{
	const struct series *s = node_key(n)->kind == TREE_SERIES_FILE ? tree_series(n) : NULL;
	struct summary x = { .sum = NULL };
	int rc;

	if (node_key(n)->kind == TREE_FOLDER_FILE)
		rc = sum_folder(n, &x, err);
	else if (!s || s->version != node_key(n)->version) /* another one than was listed */
		rc = tree_gone(err);
	else
		rc = sum_series(n, s, &x, err);
	if (rc == 0)
		rc = dump_series_render(x.sum, out, err);
	dump_series_free(x.sum);
	return rc;
}

static tree_render render_of(const struct view_node *n)
{
	return node_key(n)->kind == TREE_INSTANCE ? render_instance : render_series;
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
