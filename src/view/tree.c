/* SPDX-License-Identifier: MIT */
/* The hierarchy that the views share: see view/tree.h. */
#include "view/tree.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/names.h"

static const struct patient *patient_of(const struct view_node *n)
{
	return catalog_patient(n->snap->catalog, (uint32_t)node_key(n)->a);
}

const struct study *tree_study(const struct view_node *n)
{
	return catalog_study(n->snap->catalog, (uint32_t)node_key(n)->a);
}

static const struct series *series_of(const struct view_node *n)
{
	return catalog_series(n->snap->catalog, (uint32_t)node_key(n)->a);
}

const struct instance *tree_instance(const struct view_node *n)
{
	if (node_key(n)->kind != TREE_INSTANCE)
		return NULL;
	return catalog_instance(n->snap->catalog, (uint32_t)node_key(n)->a);
}

int tree_gone(struct err *err)
{
	return err_set(err, -ESTALE, "it is no longer in the archive");
}

int tree_emit(struct view_out *out, enum view_type type, const char *stem, const char *ending,
	const struct view_key *key, int64_t size, int64_t mtime_ns, uint64_t identity,
	struct err *err)
{
	char name[NAME_MOST_BYTES + 1];
	struct view_entry e = { .name = name,
		.type = type,
		.key = *key,
		.size = size,
		.mtime_ns = mtime_ns,
		.identity = identity,
		.ending = ending };

	name_join(name, stem, "", ending);
	return out->emit(out, &e, err);
}

static uint64_t identity_of(const char *text)
{
	return text ? hash_str(text) : 0;
}

static int list_patients(const struct view_node *n, struct view_out *out, struct err *err)
{
	const struct catalog *c = n->snap->catalog;
	uint32_t i;
	int rc = 0;

	for (i = 0; i < c->n_patients && rc == 0; i++) {
		const struct patient *p = c->patients[i];
		struct view_key key = { .kind = TREE_PATIENT, .a = p->id };

		if (filter_has_patient(n->snap->filter, p))
			rc = tree_emit(out, VIEW_DIR, p->name, "", &key, 0, p->mtime_ns,
				identity_of(p->name), err);
	}
	return rc;
}

int tree_list_studies(const struct view_node *n, struct view_out *out, struct err *err)
{
	const struct patient *p = patient_of(n);
	uint32_t i;
	int rc = 0;

	if (!p)
		return tree_gone(err);
	for (i = 0; i < p->n_studies && rc == 0; i++) {
		const struct study *s = p->studies[i];
		struct view_key key = { .kind = TREE_STUDY, .a = s->id };

		if (filter_has_study(n->snap->filter, s))
			rc = tree_emit(out, VIEW_DIR, s->name, "", &key, 0, s->mtime_ns,
				identity_of(s->uid), err);
	}
	return rc;
}

int tree_list_series(const struct view_node *n, struct view_out *out, struct err *err)
{
	const struct study *study = tree_study(n);
	uint32_t i;
	int rc = 0;

	if (!study)
		return tree_gone(err);
	for (i = 0; i < study->n_series && rc == 0; i++) {
		const struct series *s = study->series[i];
		struct view_key key = { .kind = TREE_SERIES, .a = s->id };

		if (filter_has_series(n->snap->filter, s))
			rc = tree_emit(out, VIEW_DIR, s->name, "", &key, 0, s->mtime_ns,
				identity_of(s->uid), err);
	}
	return rc;
}

static int list_instances(const struct view_node *n, const char *ending,
	int64_t (*size_of)(const struct instance *in), struct view_out *out, struct err *err)
{
	const struct series *s = series_of(n);
	uint32_t i;
	int rc = 0;

	if (!s)
		return tree_gone(err);
	for (i = 0; i < s->n_instances && rc == 0; i++) {
		const struct instance *in = s->instances[i];
		struct view_key key = { .kind = TREE_INSTANCE, .a = in->id };

		if (filter_has(n->snap->filter, in))
			rc = tree_emit(out, VIEW_FILE, s->instance_names[i], ending, &key,
				size_of ? size_of(in) : VIEW_SIZE_LATER, in->mtime_ns,
				instance_identity(in), err);
	}
	return rc;
}

/* ---- folders of a layout ---- */

int tree_folder(const struct view_node *n, struct folders **tree, const struct folder **f,
	struct err *err)
{
	const struct view_key *key = node_key(n);
	int rc;

	*tree = NULL;
	*f = NULL;
	if (!n->snap->layout)
		return 0;
	rc = layout_folders(n->snap->layout, n->snap->catalog, tree, err);
	if (rc < 0)
		return rc;
	*f = folders_find(*tree, key->kind == TREE_ROOT ? 0 : key->a);
	if (*f)
		return 0;
	folders_put(*tree);
	return tree_gone(err);
}

bool folder_is_shown(const struct filter *filter, const struct folder *f)
{
	const struct folder *c;
	uint32_t i;

	if (!filter)
		return true;
	for (i = 0; i < f->n_leaves; i++)
		if (filter_has(filter, f->leaves[i].in))
			return true;
	/* As deep as a template has folders, which is little. */
	for (c = f->children; c; c = c->next)
		if (folder_is_shown(filter, c))
			return true;
	return false;
}

/* The children of a folder, down to a level. */
static int list_folders(const struct view_node *n, const struct folder *f, unsigned deepest,
	struct view_out *out, struct err *err)
{
	const struct folder *c;
	int rc = 0;

	for (c = f->children; c && c->level <= deepest && rc == 0; c = c->next) {
		struct view_key key = { .kind = TREE_FOLDER, .a = c->key };

		if (folder_is_shown(n->snap->filter, c))
			rc = tree_emit(out, VIEW_DIR, c->name, "", &key, 0, c->mtime_ns, c->key,
				err);
	}
	return rc;
}

static int list_leaves(const struct view_node *n, const struct folder *f, const char *ending,
	int64_t (*size_of)(const struct instance *in), struct view_out *out, struct err *err)
{
	uint32_t i;
	int rc = 0;

	for (i = 0; i < f->n_leaves && rc == 0; i++) {
		const struct instance *in = f->leaves[i].in;
		struct view_key key = { .kind = TREE_INSTANCE, .a = in->id };

		if (filter_has(n->snap->filter, in))
			rc = tree_emit(out, VIEW_FILE, f->leaves[i].name, ending, &key,
				size_of ? size_of(in) : VIEW_SIZE_LATER, in->mtime_ns,
				identity_of(f->leaves[i].name), err);
	}
	return rc;
}

static int list_layout(const struct view_node *n, const char *ending,
	int64_t (*size_of)(const struct instance *in), struct view_out *out, struct err *err)
{
	const struct folder *f;
	struct folders *tree;
	int rc = tree_folder(n, &tree, &f, err);

	if (rc < 0)
		return rc;
	rc = list_folders(n, f, LAYOUT_MAX_LEVELS, out, err);
	if (rc == 0)
		rc = list_leaves(n, f, ending, size_of, out, err);
	folders_put(tree);
	return rc;
}

int tree_list(const struct view_node *n, const char *ending,
	int64_t (*size_of)(const struct instance *in), struct view_out *out, struct err *err)
{
	switch (node_key(n)->kind) {
	case TREE_ROOT:
		if (n->snap->layout)
			return list_layout(n, ending, size_of, out, err);
		return list_patients(n, out, err);
	case TREE_FOLDER:
		return list_layout(n, ending, size_of, out, err);
	case TREE_PATIENT:
		return tree_list_studies(n, out, err);
	case TREE_STUDY:
		return tree_list_series(n, out, err);
	case TREE_SERIES:
		return list_instances(n, ending, size_of, out, err);
	default:
		return err_set(err, -ENOTDIR, "not a folder");
	}
}

int tree_list_volume_folders(const struct view_node *n, struct view_out *out, struct err *err)
{
	const struct folder *f;
	struct folders *tree;
	int rc;

	switch (node_key(n)->kind) {
	case TREE_ROOT:
		if (!n->snap->layout)
			return list_patients(n, out, err);
		break;
	case TREE_PATIENT:
		return tree_list_studies(n, out, err);
	case TREE_STUDY:
		return 0;
	case TREE_FOLDER:
		break;
	default:
		return err_set(err, -ENOTDIR, "not a folder");
	}
	rc = tree_folder(n, &tree, &f, err);
	if (rc < 0)
		return rc;
	rc = list_folders(n, f, folders_levels(tree) - 1, out, err);
	folders_put(tree);
	return rc;
}

static int each_of_study(const struct view_node *n, const struct study *st, tree_volume each,
	void *arg, struct err *err)
{
	struct volume_set *set;
	uint32_t i;
	int rc = plans_get(n->snap->plans, n->snap->catalog, st, &set, err);

	if (rc < 0)
		return rc;
	for (i = 0; i < set->n_volumes && rc == 0; i++)
		if (filter_has_volume(n->snap->filter, set->volumes[i]))
			rc = each(arg, st, set->volumes[i], set->volumes[i]->name, err);
	volume_set_put(set);
	return rc;
}

/* ---- volumes of a layout's folder ---- */

struct found {
	const struct study *st;
	const struct volume *v;
	struct volume_set *set; /* a reference: v is in it */
};

/* All of one folder, whatever the filter: their names are to be unique, and the same in by/. */
struct in_folder {
	struct folders *tree;
	const struct folder *f;
	struct found *found;
	struct name_entry *names; /* beside found */
	size_t n, cap;
};

static void in_folder_release(struct in_folder *x)
{
	size_t i;

	for (i = 0; i < x->n; i++) {
		volume_set_put(x->found[i].set);
		mem_free(x->names[i].name);
	}
	mem_free(x->found);
	mem_free(x->names);
	folders_put(x->tree);
}

static int make_room(struct in_folder *x)
{
	size_t cap = x->cap ? x->cap * 2 : 16;
	struct name_entry *names;
	struct found *found;

	if (x->n < x->cap)
		return 0;
	found = mem_resize(x->found, cap, sizeof *found);
	if (!found)
		return -ENOMEM;
	x->found = found;
	names = mem_resize(x->names, cap, sizeof *names);
	if (!names)
		return -ENOMEM;
	x->names = names;
	x->cap = cap;
	return 0;
}

static int add_found(struct in_folder *x, const struct study *st, const struct volume *v,
	struct volume_set *set, const struct folder *leaf)
{
	char name[NAME_MOST_BYTES + 1], *copy;

	name_join(name, leaf->name, v->suffix ? v->suffix : "", "");
	copy = make_room(x) < 0 ? NULL : mem_strdup(name);
	if (!copy)
		return -ENOMEM;
	x->found[x->n] = (struct found){ .st = st, .v = v, .set = volume_set_get(set) };
	x->names[x->n] = (struct name_entry){ .name = copy,
		.ending = "",
		.identity = hash_bytes(v->identity, st->key, strlen(st->key)) };
	x->n++;
	return 0;
}

/* Where a volume's first instance lies is where the volume lies, under that folder's name. */
static int find_in_study(const struct view_node *n, struct in_folder *x, const struct study *st,
	struct err *err)
{
	struct volume_set *set;
	uint32_t i;
	int rc = plans_get(n->snap->plans, n->snap->catalog, st, &set, err);

	if (rc < 0)
		return rc;
	for (i = 0; i < set->n_volumes && rc == 0; i++) {
		const struct instance *in = volume_first_instance(set->volumes[i]);
		const struct folder *leaf = in ? folders_of(x->tree, in) : NULL;

		if (leaf && leaf->parent == x->f &&
			add_found(x, st, set->volumes[i], set, leaf) < 0)
			rc = err_nomem(err);
	}
	volume_set_put(set);
	return rc;
}

/* The studies that have instances in the folders right below, each once. */
static int each_study_below(const struct view_node *n, struct in_folder *x, struct err *err)
{
	struct map seen = { 0 };
	const struct folder *c;
	uint32_t i;
	int rc = 0;

	for (c = x->f->children; c && rc == 0; c = c->next)
		for (i = 0; i < c->n_leaves && rc == 0; i++) {
			const struct study *st = catalog_study_of(n->snap->catalog,
				c->leaves[i].series);

			if (!st || map_get(&seen, &st->id, sizeof st->id))
				continue;
			if (map_put(&seen, &st->id, sizeof st->id, (void *)(uintptr_t)st) < 0)
				rc = err_nomem(err);
			else
				rc = find_in_study(n, x, st, err);
		}
	map_release(&seen);
	return rc;
}

static int each_of_folder(const struct view_node *n, tree_volume each, void *arg, struct err *err)
{
	struct in_folder x = { 0 };
	size_t i;
	int rc = tree_folder(n, &x.tree, &x.f, err);

	if (rc < 0)
		return rc;
	rc = each_study_below(n, &x, err);
	if (rc == 0 && x.n && name_make_unique(x.names, x.n) < 0)
		rc = err_nomem(err);
	for (i = 0; i < x.n && rc == 0; i++)
		if (filter_has_volume(n->snap->filter, x.found[i].v))
			rc = each(arg, x.found[i].st, x.found[i].v, x.names[i].name, err);
	in_folder_release(&x);
	return rc;
}

int tree_each_volume(const struct view_node *n, tree_volume each, void *arg, struct err *err)
{
	const struct study *st;

	if (node_key(n)->kind == TREE_STUDY) {
		st = tree_study(n);
		return st ? each_of_study(n, st, each, arg, err) : tree_gone(err);
	}
	return n->snap->layout ? each_of_folder(n, each, arg, err) : 0;
}

static int layout_path(const struct view_node *n, const struct instance *in, struct tree_path *out,
	struct err *err)
{
	const struct leaf *leaf;
	const struct folder *f;
	int rc = layout_folders(n->snap->layout, n->snap->catalog, &out->tree, err);

	if (rc < 0)
		return rc;
	leaf = folders_leaf(out->tree, in);
	if (!leaf || leaf->in != in) {
		tree_path_release(out);
		return tree_gone(err);
	}
	f = folders_of(out->tree, in);
	out->n = f->level + 1;
	out->part[f->level] = leaf->name;
	for (; f->level > 0; f = f->parent)
		out->part[f->level - 1] = f->name;
	return 0;
}

int tree_path_of(const struct view_node *n, const struct instance *in, struct tree_path *out,
	struct err *err)
{
	const struct series *s;
	const struct study *st;
	uint32_t i;

	memset(out, 0, sizeof *out);
	if (n->snap->layout)
		return layout_path(n, in, out, err);
	s = catalog_series(n->snap->catalog, (uint32_t)n->chain[n->depth - 1].a);
	st = s ? catalog_study_of(n->snap->catalog, s) : NULL;
	for (i = 0; s && i < s->n_instances && s->instances[i] != in; i++)
		;
	if (!st || i == s->n_instances)
		return tree_gone(err);
	out->n = 4;
	out->part[0] = st->patient->name;
	out->part[1] = st->name;
	out->part[2] = s->name;
	out->part[3] = s->instance_names[i];
	return 0;
}

void tree_path_release(struct tree_path *p)
{
	folders_put(p->tree);
	p->tree = NULL;
}

int tree_open_text(const struct view_node *n, tree_render render, struct content **out,
	struct err *err)
{
	struct buf b;
	size_t len;
	char *text;
	int rc;

	buf_init(&b);
	rc = render(n, &b, err);
	if (rc == 0 && buf_error(&b) < 0)
		rc = err_nomem(err);
	if (rc < 0) {
		buf_release(&b);
		return rc;
	}
	text = buf_steal(&b, &len);
	if (!text) {
		buf_release(&b);
		return err_nomem(err);
	}
	return content_text(text, len, out, err);
}

int tree_size_text(const struct view_node *n, tree_render render, int64_t *size, struct err *err)
{
	struct buf b;
	int rc;

	buf_init_counting(&b);
	rc = render(n, &b, err);
	*size = (int64_t)b.len;
	return rc;
}
