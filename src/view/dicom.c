/* SPDX-License-Identifier: MIT */
/* dicom/: the source files' own bytes, sorted by their tags. */
#include <errno.h>

#include "base/err.h"
#include "base/mem.h"
#include "dicom/source.h"
#include "view/siblings.h"
#include "view/tree.h"
#include "view/xattr.h"

struct source_file {
	struct content content;
	struct snapshot *snap; /* a reference: the instance lives in it */
	const struct instance *in;
};

/* An edited file: read as it is rewritten. */
static int64_t read_rewritten(struct source_file *f, void *buf, size_t n, uint64_t off,
	struct err *err)
{
	struct dcm_source *src;
	int64_t got;
	int rc = files_get(f->snap->files, f->in, &src, err);

	if (rc < 0)
		return rc;
	got = dcm_source_pread(src, buf, n, off, err);
	files_put(f->snap->files, f->in, src);
	return got;
}

static int64_t read_source(struct content *c, void *buf, size_t n, uint64_t off, struct stop *stop,
	struct err *err)
{
	struct source_file *f = (struct source_file *)c;

	(void)stop;
	if (f->snap->is_edited)
		return read_rewritten(f, buf, n, off, err);
	return files_pread_raw(f->snap->files, f->in, buf, n, off, err);
}

static void free_source(struct content *c)
{
	struct source_file *f = (struct source_file *)c;

	snapshot_put(f->snap);
	mem_free(f);
}

static const struct content_ops source_ops = { .pread = read_source, .free = free_source };

static int64_t size_of(const struct instance *in)
{
	return (int64_t)in->size;
}

static int list(const struct view_node *n, struct view_out *out, struct err *err)
{
	return tree_list(n, ".dcm", n->snap->is_edited ? NULL : size_of, out, err);
}

/* Of a file that is rewritten. */
static int size(const struct view_node *n, int64_t *bytes, struct err *err)
{
	const struct instance *in = tree_instance(n);
	struct dcm_source *src;
	int rc;

	if (!in)
		return tree_gone(err);
	rc = files_get(n->snap->files, in, &src, err);
	if (rc < 0)
		return rc;
	*bytes = (int64_t)src->size;
	files_put(n->snap->files, in, src);
	return 0;
}

static int open_file(const struct view_node *n, struct content **out, struct err *err)
{
	const struct instance *in = tree_instance(n);
	struct source_file *f;
	int64_t bytes;
	int rc = 0;

	if (!in)
		return tree_gone(err);
	siblings_open_ahead(n, in, n->snap->is_edited ? 0 : FRAMECACHE_HEADER);
	bytes = size_of(in);
	if (n->snap->is_edited)
		rc = size(n, &bytes, err);
	if (rc < 0)
		return rc;
	f = mem_calloc(1, sizeof *f);
	if (!f)
		return err_nomem(err);
	f->content = (struct content){ .ops = &source_ops,
		.size = (uint64_t)bytes,
		.held_bytes = sizeof *f };
	f->snap = snapshot_get((struct snapshot *)n->snap);
	f->in = in;
	*out = &f->content;
	return 0;
}

static int xattr_list(const struct view_node *n, struct buf *names, struct err *err)
{
	const struct instance *in = tree_instance(n);

	return in ? xattr_list_instance(n->snap->files, in, names, err) : 0;
}

static int xattr_get(const struct view_node *n, const char *name, struct buf *value,
	struct err *err)
{
	const struct instance *in = tree_instance(n);

	return in ? xattr_get_instance(n->snap->files, in, name, value, err) : -ENODATA;
}

const struct view view_dicom = {
	.name = "dicom",
	.summary = "SERIES/INSTANCE.dcm: the source files' own bytes, sorted by their tags",
	.list = list,
	.size = size,
	.open = open_file,
	.xattr_list = xattr_list,
	.xattr_get = xattr_get,
};
