/* SPDX-License-Identifier: MIT */
/*
 * edited/: all views once more, of the files as the editor rewrites them: names, volumes, headers,
 * everything is made of what is left. It is another world over the same SOURCE, scanned when
 * somebody first looks into it.
 */
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "format/edit.h"
#include "view/tree.h"

enum edited_kind {
	EDITED_VIEW = TREE_FIRST_FREE + 16, /* b: which view */
};

#define MAX_SUB_CHAIN 64u

/* A node below edited/VIEW as that view sees it. */
struct inner {
	const struct view *view;
	struct view_key chain[MAX_SUB_CHAIN];
	struct view_node node;
	struct snapshot *snap; /* a reference */
};

static int inner_init(const struct view_node *n, struct inner *x, struct err *err)
{
	int rc;

	x->snap = NULL;
	if (n->depth < 1 || n->chain[1].kind != EDITED_VIEW)
		return tree_gone(err);
	if (n->depth > MAX_SUB_CHAIN)
		return err_set(err, -EFBIG, "edited/: too deep");
	rc = world_edited_snapshot(n->snap, &x->snap, err);
	if (rc < 0)
		return rc;
	x->view = views_all()[n->chain[1].b];
	memcpy(x->chain, n->chain + 1, n->depth * sizeof *x->chain);
	memset(&x->chain[0], 0, sizeof x->chain[0]);
	x->node = (struct view_node){ .snap = x->snap, .chain = x->chain, .depth = n->depth - 1 };
	return 0;
}

static void inner_release(struct inner *x)
{
	snapshot_put(x->snap);
}

static int list_top(struct view_out *out, struct err *err)
{
	struct view_key flagged = { .kind = TREE_ROOT_FILE };
	const struct view *const *v = views_all();
	uint64_t i;
	int rc = 0;

	for (i = 0; v[i] && rc == 0; i++) {
		struct view_key key = { .kind = EDITED_VIEW, .b = i };

		if (!v[i]->hidden || v[i] == &view_by)
			rc = tree_emit(out, VIEW_DIR, v[i]->name, "", &key, 0, 0, i, err);
	}
	if (rc == 0)
		rc = tree_emit(out, VIEW_FILE, "flagged.tsv", "", &flagged, VIEW_SIZE_LIVE, 0, 0,
			err);
	return rc;
}

/* Times of files tell when somebody was here, too. */
static void hide_time(const struct snapshot *snap, const struct editor *editor,
	struct view_entry *e)
{
	int64_t least = editor ? editor_least_mtime_ns(editor) : INT64_MIN;

	if (least == INT64_MIN)
		return;
	if (!e->mtime_ns)
		e->mtime_ns = snapshot_mtime_ns(snap);
	if (e->mtime_ns < least)
		e->mtime_ns = least;
}

/* What is listed, with other times. */
struct sieve {
	struct view_out out;
	struct view_out *to;
	const struct snapshot *snap;
	const struct editor *editor;
};

static int pass(struct view_out *out, const struct view_entry *e, struct err *err)
{
	const struct sieve *s = (const struct sieve *)out;
	struct view_entry other = *e;

	hide_time(s->snap, s->editor, &other);
	return s->to->emit(s->to, &other, err);
}

static int list(const struct view_node *n, struct view_out *out, struct err *err)
{
	struct sieve s = { .out = { pass },
		.to = out,
		.snap = n->snap,
		.editor = snapshot_editor(n->snap) };
	struct inner x;
	int rc;

	if (n->depth == 0)
		return list_top(&s.out, err);
	rc = inner_init(n, &x, err);
	s.snap = x.snap;
	if (rc == 0)
		rc = x.view->list(&x.node, &s.out, err);
	inner_release(&x);
	return rc;
}

/* Pixels that may show what the headers no longer tell; known once the files were read. */
static int render_flagged(const struct view_node *n, struct buf *out, struct err *err)
{
	struct snapshot *snap;
	int rc = world_edited_snapshot(n->snap, &snap, err);

	if (rc < 0)
		return rc;
	buf_adds(out, "sop_instance_uid\treason\n");
	editor_flagged(snapshot_editor(n->snap), out);
	snapshot_put(snap);
	return buf_error(out) < 0 ? err_nomem(err) : 0;
}

static int open_file(const struct view_node *n, struct content **out, struct err *err)
{
	struct inner x;
	int rc;

	if (node_key(n)->kind == TREE_ROOT_FILE && n->depth == 1)
		return tree_open_text(n, render_flagged, out, err);
	rc = inner_init(n, &x, err);
	if (rc == 0)
		rc = x.view->open(&x.node, out, err);
	inner_release(&x);
	return rc;
}

static int lookup(const struct view_node *n, const char *name, struct view_entry *e,
	struct err *err)
{
	struct inner x;
	int rc;

	if (n->depth == 0)
		return -ENOENT;
	rc = inner_init(n, &x, err);
	if (rc == 0)
		rc = x.view->lookup ? x.view->lookup(&x.node, name, e, err) : -ENOENT;
	if (rc == 0)
		hide_time(x.snap, snapshot_editor(n->snap), e);
	inner_release(&x);
	return rc;
}

static int xattr_list(const struct view_node *n, struct buf *names, struct err *err)
{
	struct inner x;
	int rc;

	if (n->depth == 0)
		return 0;
	rc = inner_init(n, &x, err);
	if (rc == 0 && x.view->xattr_list)
		rc = x.view->xattr_list(&x.node, names, err);
	inner_release(&x);
	return rc;
}

static int xattr_get(const struct view_node *n, const char *name, struct buf *value,
	struct err *err)
{
	struct inner x;
	int rc;

	if (n->depth == 0)
		return -ENODATA;
	rc = inner_init(n, &x, err);
	if (rc == 0)
		rc = x.view->xattr_get ? x.view->xattr_get(&x.node, name, value, err) : -ENODATA;
	inner_release(&x);
	return rc;
}

const struct view view_edited = {
	.name = "edited",
	.summary = "all of these once more, of files edited or de-identified (-o edit=FILE, -o "
		   "deidentify)",
	.list = list,
	.open = open_file,
	.lookup = lookup,
	.xattr_list = xattr_list,
	.xattr_get = xattr_get,
	.hidden = true,
	.optional = true,
};
