/* SPDX-License-Identifier: MIT */
/* .dcmfs/: what the mount is, what it found, and what went wrong. */
#include <errno.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/map.h"
#include "format/format.h"
#include "text/report.h"
#include "view/native.h"
#include "view/tree.h"

static const struct {
	const char *name;
	report_render render;
	bool has_volumes; /* it tells where volumes are */
} files[] = {
	{ "status.json", report_status, false },
	{ "problems.tsv", report_problems, true },
	{ "log", report_log, false },
	{ "instances.tsv", report_instances, false },
	{ "series.tsv", report_series, false },
	{ "volumes.tsv", report_volumes, true },
	{ "slices.tsv", report_slices, true },
};

#define N_FILES (sizeof files / sizeof files[0])

static int list(const struct view_node *n, struct view_out *out, struct err *err)
{
	uint64_t i;
	int rc = 0;

	if (node_key(n)->kind != TREE_ROOT)
		return err_set(err, -ENOTDIR, "not a folder");
	for (i = 0; i < N_FILES && rc == 0; i++) {
		struct view_key key = { .kind = TREE_ROOT_FILE, .b = i };

		rc = tree_emit(out, VIEW_FILE, files[i].name, "", &key, VIEW_SIZE_LIVE, 0, i, err);
	}
	return rc;
}

/* ---- where things are in a layout ---- */

struct volume_id {
	uint32_t study, index;
};

/* Where a layout has put things. */
struct places {
	const struct view_node *n;
	struct folders *tree; /* a reference */
	struct map volumes;   /* struct volume_id -> name */
	struct arena arena;
};

static void places_release(struct places *p)
{
	map_release(&p->volumes);
	arena_release(&p->arena);
	folders_put(p->tree);
}

static struct volume_id id_of(const struct volume *v)
{
	return (struct volume_id){ v->set->study_id, v->index };
}

static int note_volume(void *arg, const struct study *st, const struct volume *v, const char *stem,
	struct err *err)
{
	struct places *p = arg;
	struct volume_id id = id_of(v), *key = arena_memdup(&p->arena, &id, sizeof id);
	char *name = arena_strdup(&p->arena, stem);

	(void)st;
	if (!key || !name || map_put(&p->volumes, key, sizeof *key, name) < 0)
		return err_nomem(err);
	return 0;
}

/* Of the whole tree, folder by folder. */
static int note_volumes(struct places *p, struct err *err)
{
	const struct folder *f = folders_find(p->tree, 0);
	int rc = 0;

	while (f && rc == 0) {
		struct view_key key = { .kind = f->level ? TREE_FOLDER : TREE_ROOT, .a = f->key };
		struct view_node n = { .snap = p->n->snap, .chain = &key };

		if (f->children) {
			rc = tree_each_volume(&n, note_volume, p, err);
			f = f->children;
			continue;
		}
		while (f && !f->next)
			f = f->parent;
		f = f ? f->next : NULL;
	}
	return rc;
}

static void add_folder(const struct folder *f, struct buf *out)
{
	const struct folder *part[LAYOUT_MAX_LEVELS];
	unsigned n = 0;

	for (; f->level && n < LAYOUT_MAX_LEVELS; f = f->parent)
		part[n++] = f;
	while (n-- > 0) {
		buf_adds(out, part[n]->name);
		buf_adds(out, n ? "/" : "");
	}
}

static bool series_place(void *arg, const struct instance *first, struct buf *out)
{
	const struct places *p = arg;
	const struct folder *f = folders_of(p->tree, first);

	if (f)
		add_folder(f, out);
	return f != NULL;
}

static bool instance_place(void *arg, const struct instance *in, struct buf *out)
{
	const struct places *p = arg;

	if (!series_place(arg, in, out))
		return false;
	buf_addc(out, '/');
	buf_adds(out, folders_leaf(p->tree, in)->name);
	return true;
}

static bool volume_place(void *arg, const struct volume *v, struct buf *out)
{
	const struct places *p = arg;
	struct volume_id id = id_of(v);
	const char *name = map_get(&p->volumes, &id, sizeof id);
	const struct folder *above = name ? folders_of(p->tree, volume_first_instance(v))->parent :
					    NULL;

	if (!name)
		return false;
	add_folder(above, out);
	buf_adds(out, above->level ? "/" : "");
	buf_adds(out, name);
	return true;
}

static const char *instance_refused(const struct instance *in, const char **why)
{
	return native_holds(in, why) ? NULL : "native";
}

static int render(const struct view_node *n, struct buf *out, struct err *err)
{
	struct places p = { .n = n };
	struct report_layout layout = { series_place, instance_place, volume_place, &p };
	struct report r = { .catalog = n->snap->catalog,
		.files = n->snap->files,
		.plans = n->snap->plans,
		.cache = n->snap->reader.cache,
		.refused = volume_refused,
		.refused_instance = instance_refused };
	uint64_t which = node_key(n)->b;
	int rc = 0;

	if (which >= N_FILES)
		return tree_gone(err);
	if (n->snap->layout) {
		rc = layout_folders(n->snap->layout, n->snap->catalog, &p.tree, err);
		if (rc == 0 && files[which].has_volumes)
			rc = note_volumes(&p, err);
		r.layout = &layout;
	}
	if (rc == 0)
		rc = files[which].render(&r, out, err);
	places_release(&p);
	return rc;
}

static int open_file(const struct view_node *n, struct content **out, struct err *err)
{
	return tree_open_text(n, render, out, err);
}

const struct view view_status = {
	.name = ".dcmfs",
	.summary = "status.json, problems.tsv, log and tables of instances, series, volumes and "
		   "slices",
	.list = list,
	.open = open_file,
	.hidden = true,
};
