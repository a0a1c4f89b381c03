/* SPDX-License-Identifier: MIT */
/*
 * by/: any keyword as a folder, its values as folders, the views of what matches below, and by/
 * again to narrow down.
 *
 * The chain of keys is the query: each value key in it is a condition. The conditions make a
 * snapshot that shows the matching instances alone, and the views below work on that as they do on
 * the whole one; the last few such snapshots are kept (view/selection.h).
 */
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/map.h"
#include "base/mem.h"
#include "view/keywords.h"
#include "view/selection.h"
#include "view/tree.h"

enum by_kind {
	BY_KEYWORD = TREE_FIRST_FREE, /* b: the keyword's number */
	BY_VALUE,                     /* a: the value's hash (0: none), b: the keyword's number */
	BY_VIEW,                      /* b: which view */
};

#define MAX_CONDITIONS 16u
#define MAX_SUB_CHAIN 16u

/* What a node asks for. */
struct query {
	struct selection_condition where[MAX_CONDITIONS];
	unsigned n_where;
	const struct view *view;            /* NULL: by/ itself */
	struct view_key sub[MAX_SUB_CHAIN]; /* that view's own chain */
	struct view_node node;              /* in that view; snap is the selection's */
	struct snapshot *snap;              /* a reference */
};

static int too_deep(struct err *err)
{
	return err_set(err, -EFBIG, "by/: more than %u conditions", MAX_CONDITIONS);
}

/* Take the chain apart: conditions, and the view that it ends in. */
static int parse_chain(const struct view_node *n, struct query *q, struct err *err)
{
	unsigned i, from = 0;

	q->n_where = 0;
	q->view = NULL;
	for (i = 1; i <= n->depth; i++) {
		const struct view_key *key = &n->chain[i];

		if (key->kind == BY_VALUE) {
			if (q->n_where == MAX_CONDITIONS)
				return too_deep(err);
			q->where[q->n_where++] = (struct selection_condition){ (uint32_t)key->b,
				key->a };
		} else if (key->kind == BY_VIEW && views_all()[key->b] != &view_by) {
			q->view = views_all()[key->b];
			from = i;
			break;
		}
	}
	if (!q->view)
		return 0;
	if (n->depth - from >= MAX_SUB_CHAIN)
		return too_deep(err);
	memcpy(q->sub, n->chain + from, (n->depth - from + 1) * sizeof *q->sub);
	memset(&q->sub[0], 0, sizeof q->sub[0]);
	q->node = (struct view_node){ .chain = q->sub, .depth = n->depth - from };
	return 0;
}

/* The query of a node, with the snapshot of what matches; query_release() it. */
static int query_init(const struct view_node *n, struct query *q, struct err *err)
{
	int rc = parse_chain(n, q, err);

	q->snap = NULL;
	if (rc < 0)
		return rc;
	rc = selection_get(n->snap, q->where, q->n_where, &q->snap, err);
	q->node.snap = q->snap;
	return rc;
}

static void query_release(struct query *q)
{
	snapshot_put(q->snap);
}

static int list_keywords(const struct view_node *n, struct view_out *out, struct err *err)
{
	struct keywords *k = n->snap->keywords;
	uint32_t i;
	int rc = 0;

	for (i = 0; i < keywords_listed(k) && rc == 0; i++) {
		struct view_key key = { .kind = BY_KEYWORD, .b = i };

		rc = tree_emit(out, VIEW_DIR, keyword_name(k, i), "", &key, 0, 0, i, err);
	}
	return rc;
}

struct value {
	const char *text;
	int64_t mtime_ns;
};

struct values {
	struct value *v;
	size_t n, cap;
	struct map seen;
	bool has_none;
	int64_t none_mtime_ns;
};

static int add_value(struct values *s, const char *text, int64_t mtime_ns)
{
	struct value *grown;
	size_t at = (size_t)(uintptr_t)map_get_str(&s->seen, text);

	if (at) {
		if (s->v[at - 1].mtime_ns < mtime_ns)
			s->v[at - 1].mtime_ns = mtime_ns;
		return 0;
	}
	if (s->n == s->cap) {
		grown = mem_resize(s->v, s->cap ? s->cap * 2 : 32, sizeof *grown);
		if (!grown)
			return -ENOMEM;
		s->v = grown;
		s->cap = s->cap ? s->cap * 2 : 32;
	}
	s->v[s->n] = (struct value){ .text = text, .mtime_ns = mtime_ns };
	s->n++;
	return map_put_str(&s->seen, text, (void *)(uintptr_t)s->n);
}

static int collect_values(const struct snapshot *snap, uint32_t id, struct values *s)
{
	const struct catalog *c = snap->catalog;
	struct keywords *k = snap->keywords;
	uint32_t i, v;

	for (i = 0; i < c->n_instances; i++) {
		const struct instance *in = c->instances_by_id[i];
		const struct value_list *list;

		if (!filter_has(snap->filter, in))
			continue;
		list = keyword_values(k, id, in);
		if (!list->n && (!s->has_none || s->none_mtime_ns < in->mtime_ns))
			s->none_mtime_ns = in->mtime_ns;
		s->has_none |= list->n == 0;
		for (v = 0; v < list->n; v++)
			if (add_value(s, list->text[v], in->mtime_ns) < 0)
				return -ENOMEM;
	}
	return 0;
}

static int emit_values(const struct values *s, uint32_t id, struct view_out *out, struct err *err)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < s->n && rc == 0; i++) {
		struct view_key key = { .kind = BY_VALUE,
			.a = selection_hash(s->v[i].text),
			.b = id };

		rc = tree_emit(out, VIEW_DIR, s->v[i].text, "", &key, 0, s->v[i].mtime_ns, key.a,
			err);
	}
	if (rc == 0 && s->has_none) {
		struct view_key key = { .kind = BY_VALUE, .b = id };

		rc = tree_emit(out, VIEW_DIR, "(none)", "", &key, 0, s->none_mtime_ns, 0, err);
	}
	return rc;
}

static int list_values(const struct view_node *n, struct view_out *out, struct err *err)
{
	uint32_t id = (uint32_t)node_key(n)->b;
	struct values s = { 0 };
	struct query q;
	int rc = query_init(n, &q, err);

	if (rc == 0)
		rc = keywords_load(n->snap->keywords, q.snap->catalog, &id, 1, err);
	if (rc == 0 && collect_values(q.snap, id, &s) < 0)
		rc = err_nomem(err);
	if (rc == 0)
		rc = emit_values(&s, id, out, err);
	map_release(&s.seen);
	mem_free(s.v);
	query_release(&q);
	return rc;
}

/* The views below a value. by/ itself is there too, but not listed: a walk over the mount would
 * never end. */
static int list_views(struct view_out *out, struct err *err)
{
	const struct view *const *v = views_all();
	uint64_t i;
	int rc = 0;

	for (i = 0; v[i] && rc == 0; i++) {
		struct view_key key = { .kind = BY_VIEW, .b = i };

		if (!v[i]->hidden)
			rc = tree_emit(out, VIEW_DIR, v[i]->name, "", &key, 0, 0, i, err);
	}
	return rc;
}

static int list(const struct view_node *n, struct view_out *out, struct err *err)
{
	uint32_t kind = node_key(n)->kind;
	struct query q;
	int rc;

	if (n->depth == 0 || (kind == BY_VIEW && views_all()[node_key(n)->b] == &view_by))
		return list_keywords(n, out, err);
	if (kind == BY_KEYWORD)
		return list_values(n, out, err);
	if (kind == BY_VALUE)
		return list_views(out, err);
	rc = query_init(n, &q, err);
	if (rc == 0)
		rc = q.view ? q.view->list(&q.node, out, err) : tree_gone(err);
	query_release(&q);
	return rc;
}

static int open_file(const struct view_node *n, struct content **out, struct err *err)
{
	struct query q;
	int rc = query_init(n, &q, err);

	if (rc == 0)
		rc = q.view ? q.view->open(&q.node, out, err) : tree_gone(err);
	query_release(&q);
	return rc;
}

static uint64_t number_of_by(void)
{
	const struct view *const *v = views_all();
	uint64_t i = 0;

	while (v[i] != &view_by)
		i++;
	return i;
}

static unsigned count_conditions(const struct view_node *n)
{
	unsigned i, count = 0;

	for (i = 1; i <= n->depth; i++)
		count += n->chain[i].kind == BY_VALUE;
	return count;
}

/* What is not listed is there all the same: any keyword, and by/ below a value, up to so many in
 * each other. */
static int lookup(const struct view_node *n, const char *name, struct view_entry *e,
	struct err *err)
{
	const struct view_key *key = node_key(n);
	uint32_t id = 0;
	int rc;

	*e = (struct view_entry){ .name = name, .type = VIEW_DIR };
	if (n->depth > 0 && key->kind == BY_VALUE) {
		e->key = (struct view_key){ .kind = BY_VIEW, .b = number_of_by() };
		return strcmp(name, view_by.name) == 0 && count_conditions(n) < MAX_CONDITIONS ?
			0 :
			-ENOENT;
	}
	if (n->depth > 0 && (key->kind != BY_VIEW || key->b != number_of_by()))
		return -ENOENT;
	rc = keyword_find(n->snap->keywords, name, &id, err);
	e->key = (struct view_key){ .kind = BY_KEYWORD, .b = id };
	e->identity = id;
	return rc;
}

static int xattr_list(const struct view_node *n, struct buf *names, struct err *err)
{
	struct query q;
	int rc = query_init(n, &q, err);

	if (rc == 0 && q.view && q.view->xattr_list)
		rc = q.view->xattr_list(&q.node, names, err);
	query_release(&q);
	return rc;
}

static int xattr_get(const struct view_node *n, const char *name, struct buf *value,
	struct err *err)
{
	struct query q;
	int rc = query_init(n, &q, err);

	if (rc == 0)
		rc = q.view && q.view->xattr_get ? q.view->xattr_get(&q.node, name, value, err) :
						   -ENODATA;
	query_release(&q);
	return rc;
}

const struct view view_by = {
	.name = "by",
	.summary = "KEYWORD/VALUE/...: any tag as a folder, the same views of what matches below",
	.list = list,
	.open = open_file,
	.lookup = lookup,
	.xattr_list = xattr_list,
	.xattr_get = xattr_get,
	.hidden = true,
};
