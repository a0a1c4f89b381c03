/* SPDX-License-Identifier: MIT */
/* nii/: a NIfTI file for each volume, with its sidecar and gradients. */
#include <errno.h>

#include "view/volumes.h"
#include "view/xattr.h"

static int list(const struct view_node *n, struct view_out *out, struct err *err)
{
	return volumes_list(n, &format_nifti, out, err);
}

static int open_file(const struct view_node *n, struct content **out, struct err *err)
{
	return volumes_open(n, &format_nifti, out, err);
}

/* A volume's attributes are those of its first instance. */
static int with_first_instance(const struct view_node *n, const char *name, struct buf *out,
	struct err *err)
{
	const struct instance *in;
	const struct volume *v;
	struct volume_set *set;
	int rc;

	if (node_key(n)->kind != TREE_VOLUME_FILE)
		return name ? -ENODATA : 0;
	rc = volumes_find(n, node_key(n)->b >> 8, &set, &v, err);
	if (rc < 0)
		return rc;
	in = volume_first_instance(v);
	if (!in)
		rc = name ? -ENODATA : 0;
	else if (name)
		rc = xattr_get_instance(n->snap->files, in, name, out, err);
	else
		rc = xattr_list_instance(n->snap->files, in, out, err);
	volume_set_put(set);
	return rc;
}

static int xattr_list(const struct view_node *n, struct buf *names, struct err *err)
{
	return with_first_instance(n, NULL, names, err);
}

static int xattr_get(const struct view_node *n, const char *name, struct buf *value,
	struct err *err)
{
	return with_first_instance(n, name, value, err);
}

const struct view view_nii = {
	.name = "nii",
	.summary = "VOLUME.nii: each volume as NIfTI, with .json, .bval and .bvec beside",
	.list = list,
	.open = open_file,
	.xattr_list = xattr_list,
	.xattr_get = xattr_get,
};
