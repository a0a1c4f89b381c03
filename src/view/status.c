/* SPDX-License-Identifier: MIT */
/* .dcmfs/: what the mount is, what it found, and what went wrong. */
#include <errno.h>

#include "base/buf.h"
#include "base/err.h"
#include "format/format.h"
#include "text/report.h"
#include "view/tree.h"

static const struct {
	const char *name;
	report_render render;
} files[] = {
	{ "status.json", report_status },
	{ "problems.tsv", report_problems },
	{ "log", report_log },
	{ "instances.tsv", report_instances },
	{ "series.tsv", report_series },
	{ "volumes.tsv", report_volumes },
	{ "slices.tsv", report_slices },
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

/* folder_arg: the layout's tree. */
static bool folder_of(const struct report *r, const struct instance *in, struct buf *out)
{
	const struct folder *part[LAYOUT_MAX_LEVELS], *f = folders_of(r->folder_arg, in);
	unsigned n = 0;

	for (; f && f->level && n < LAYOUT_MAX_LEVELS; f = f->parent)
		part[n++] = f;
	while (n-- > 0) {
		buf_adds(out, part[n]->name);
		buf_adds(out, n ? "/" : "");
	}
	return f != NULL;
}

static int render(const struct view_node *n, struct buf *out, struct err *err)
{
	struct report r = { .catalog = n->snap->catalog,
		.files = n->snap->files,
		.plans = n->snap->plans,
		.cache = n->snap->reader.cache,
		.refused = volume_refused };
	uint64_t which = node_key(n)->b;
	struct folders *tree = NULL;
	int rc = 0;

	if (which >= N_FILES)
		return tree_gone(err);
	if (n->snap->layout)
		rc = layout_folders(n->snap->layout, n->snap->catalog, &tree, err);
	if (tree)
		r.folder = folder_of;
	r.folder_arg = tree;
	if (rc == 0)
		rc = files[which].render(&r, out, err);
	folders_put(tree);
	return rc;
}

static int size(const struct view_node *n, int64_t *bytes, struct err *err)
{
	return tree_size_text(n, render, bytes, err);
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
	.size = size,
	.open = open_file,
	.hidden = true,
};
