/* SPDX-License-Identifier: MIT */
/* Extended attributes of instances: see view/xattr.h. */
#include "view/xattr.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "dicom/attrpath.h"
#include "dicom/dict.h"

#define XATTR_MOST_BYTES 65536u /* what the kernel takes, of names and of a value */

/* Does the element have a value to show? */
static bool has_text(const struct dcm_dataset *ds, const struct dcm_node *n)
{
	struct buf b;

	buf_init_counting(&b);
	attrpath_render_node(ds, n, &b);
	return b.len > 0 && b.len <= XATTR_MOST_BYTES;
}

int xattr_list_instance(struct files *files, const struct instance *in, struct buf *names,
	struct err *err)
{
	const struct dcm_dict_entry *e;
	struct dcm_header *h;
	uint32_t i;
	int rc = files_header(files, in, DCM_LOAD_BEFORE_PIXELS, 0, &h, err);

	if (rc < 0)
		return rc;
	for (i = 0; i < h->top.n_nodes; i++) {
		const struct dcm_node *n = &h->top.nodes[i];

		e = n->creator ? NULL : dcm_dict_find(n->el.tag);
		if (!e || e->tag != n->el.tag || !has_text(&h->top, n))
			continue;
		if (names->len + strlen(e->keyword) + sizeof XATTR_PREFIX > XATTR_MOST_BYTES)
			break;
		buf_adds(names, XATTR_PREFIX);
		buf_add(names, e->keyword, strlen(e->keyword) + 1);
	}
	dcm_header_free(h);
	return buf_error(names) < 0 ? err_nomem(err) : 0;
}

int xattr_get_instance(struct files *files, const struct instance *in, const char *name,
	struct buf *value, struct err *err)
{
	const size_t prefix = sizeof XATTR_PREFIX - 1;
	struct attrpath path;
	struct dcm_header *h;
	int rc;

	if (strncmp(name, XATTR_PREFIX, prefix) != 0 || !attrpath_parse(name + prefix, &path))
		return -ENODATA;
	rc = files_header(files, in, DCM_LOAD_BEFORE_PIXELS, 0, &h, err);
	if (rc < 0)
		return rc;
	attrpath_render(&path, h, value);
	dcm_header_free(h);
	if (buf_error(value) < 0)
		return err_nomem(err);
	return value->len && value->len <= XATTR_MOST_BYTES ? 0 : -ENODATA;
}
