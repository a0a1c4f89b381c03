/* SPDX-License-Identifier: MIT */
/* mha/: each volume as MetaImage. */
#include "view/volumes.h"

static int list(const struct view_node *n, struct view_out *out, struct err *err)
{
	return volumes_list(n, &format_metaimage, out, err);
}

static int open_file(const struct view_node *n, struct content **out, struct err *err)
{
	return volumes_open(n, &format_metaimage, out, err);
}

const struct view view_mha = {
	.name = "mha",
	.summary = "VOLUME.mha: each volume as MetaImage, for ITK and its kin; scaling is applied",
	.list = list,
	.open = open_file,
};
