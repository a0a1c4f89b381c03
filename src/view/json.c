/* SPDX-License-Identifier: MIT */
/* json/: each instance as the DICOM JSON model, its bulk data in the file under dicom/. */
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/names.h"
#include "text/json.h"
#include "view/siblings.h"
#include "view/tree.h"

/* From the instance's folder below json/ to its file under dicom/. */
static int bulk_uri(const struct view_node *n, const struct instance *in, struct buf *out,
	struct err *err)
{
	struct tree_path path;
	unsigned i;
	int rc = tree_path_of(n, in, &path, err);

	if (rc < 0)
		return rc;
	for (i = 0; i < path.n; i++)
		buf_adds(out, "../");
	buf_adds(out, "dicom");
	for (i = 0; i < path.n; i++) {
		buf_addc(out, '/');
		name_add_uri(out, path.part[i]);
	}
	buf_adds(out, ".dcm");
	buf_addc(out, '\0');
	tree_path_release(&path);
	return buf_error(out) < 0 ? err_nomem(err) : 0;
}

static int render(const struct view_node *n, struct buf *out, struct err *err)
{
	const struct instance *in = tree_instance(n);
	struct dcm_header *h;
	struct buf uri;
	int rc;

	if (!in)
		return tree_gone(err);
	buf_init(&uri);
	rc = bulk_uri(n, in, &uri, err);
	if (rc == 0)
		rc = siblings_node_header(n, in, &h, err);
	if (rc == 0) {
		rc = json_render(h, uri.data, out, err);
		dcm_header_free(h);
	}
	buf_release(&uri);
	return rc;
}

static int list(const struct view_node *n, struct view_out *out, struct err *err)
{
	return tree_list(n, ".json", NULL, out, err);
}

static int open_file(const struct view_node *n, struct content **out, struct err *err)
{
	return tree_open_text(n, render, out, err);
}

const struct view view_json = {
	.name = "json",
	.summary = "SERIES/INSTANCE.json: the DICOM JSON model; bulk data by reference into dicom",
	.list = list,
	.open = open_file,
};
