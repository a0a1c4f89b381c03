/* SPDX-License-Identifier: MIT */
/* The hierarchy that the views share: see view/tree.h. */
#include "view/tree.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/names.h"

const struct patient *tree_patient(const struct view_node *n)
{
	return catalog_patient(n->snap->catalog, (uint32_t)node_key(n)->a);
}

const struct study *tree_study(const struct view_node *n)
{
	return catalog_study(n->snap->catalog, (uint32_t)node_key(n)->a);
}

const struct series *tree_series(const struct view_node *n)
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
	const struct view_key *key, int64_t size, int64_t mtime_ns, uint64_t identity, struct err *err)
{
	char name[NAME_MOST_BYTES + 1];
	struct view_entry e = { .name = name, .type = type, .key = *key, .size = size, .mtime_ns = mtime_ns,
		.identity = identity, .ending = ending };

	name_join(name, stem, "", ending);
	return out->emit(out, &e, err);
}

static uint64_t identity_of(const char *text)
{
	return text ? hash_str(text) : 0;
}

int tree_list_patients(const struct view_node *n, struct view_out *out, struct err *err)
{
	const struct catalog *c = n->snap->catalog;
	uint32_t i;
	int rc = 0;

	for (i = 0; i < c->n_patients && rc == 0; i++) {
		const struct patient *p = c->patients[i];
		struct view_key key = { .kind = TREE_PATIENT, .a = p->id };

		if (filter_has_patient(n->snap->filter, p))
			rc = tree_emit(out, VIEW_DIR, p->name, "", &key, 0, p->mtime_ns, identity_of(p->name), err);
	}
	return rc;
}

int tree_list_studies(const struct view_node *n, struct view_out *out, struct err *err)
{
	const struct patient *p = tree_patient(n);
	uint32_t i;
	int rc = 0;

	if (!p)
		return tree_gone(err);
	for (i = 0; i < p->n_studies && rc == 0; i++) {
		const struct study *s = p->studies[i];
		struct view_key key = { .kind = TREE_STUDY, .a = s->id };

		if (filter_has_study(n->snap->filter, s))
			rc = tree_emit(out, VIEW_DIR, s->name, "", &key, 0, s->mtime_ns, identity_of(s->uid), err);
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
			rc = tree_emit(out, VIEW_DIR, s->name, "", &key, 0, s->mtime_ns, identity_of(s->uid), err);
	}
	return rc;
}

int tree_list_instances(const struct view_node *n, const char *ending, int64_t (*size_of)(const struct instance *in),
	struct view_out *out, struct err *err)
{
	const struct series *s = tree_series(n);
	uint32_t i;
	int rc = 0;

	if (!s)
		return tree_gone(err);
	for (i = 0; i < s->n_instances && rc == 0; i++) {
		const struct instance *in = s->instances[i];
		struct view_key key = { .kind = TREE_INSTANCE, .a = in->id };

		if (filter_has(n->snap->filter, in))
			rc = tree_emit(out, VIEW_FILE, s->instance_names[i], ending, &key,
				size_of ? size_of(in) : VIEW_SIZE_LATER, in->mtime_ns, identity_of(in->sop_uid), err);
	}
	return rc;
}

int tree_list(const struct view_node *n, const char *ending, int64_t (*size_of)(const struct instance *in),
	struct view_out *out, struct err *err)
{
	switch (node_key(n)->kind) {
	case TREE_ROOT:
		return tree_list_patients(n, out, err);
	case TREE_PATIENT:
		return tree_list_studies(n, out, err);
	case TREE_STUDY:
		return tree_list_series(n, out, err);
	case TREE_SERIES:
		return tree_list_instances(n, ending, size_of, out, err);
	default:
		return err_set(err, -ENOTDIR, "not a folder");
	}
}

int tree_open_text(const struct view_node *n, tree_render render, struct content **out, struct err *err)
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
