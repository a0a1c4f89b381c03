/* SPDX-License-Identifier: MIT */
/* nii.gz/: a NIfTI file for each volume in a gzip member, with its sidecar and gradients. */
#include "view/volumes.h"

static int list(const struct view_node *n, struct view_out *out, struct err *err)
{
	return volumes_list(n, &format_nifti_gz, out, err);
}

static int size(const struct view_node *n, int64_t *bytes, struct err *err)
{
	return volumes_size(n, &format_nifti_gz, bytes, err);
}

static int open_file(const struct view_node *n, struct content **out, struct err *err)
{
	return volumes_open(n, &format_nifti_gz, out, err);
}

const struct view view_niigz = {
	.name = "nii.gz",
	.summary = "VOLUME.nii.gz: the same in gzip members (stored, not compressed), with .json, "
		   ".bval and .bvec beside",
	.list = list,
	.size = size,
	.open = open_file,
};
