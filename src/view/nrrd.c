/* SPDX-License-Identifier: MIT */
/* nrrd/: each volume as NRRD, with its diffusion gradients. */
#include "view/volumes.h"

static int list(const struct view_node *n, struct view_out *out, struct err *err)
{
	return volumes_list(n, &format_nrrd, out, err);
}

static int open_file(const struct view_node *n, struct content **out, struct err *err)
{
	return volumes_open(n, &format_nrrd, out, err);
}

const struct view view_nrrd = {
	.name = "nrrd",
	.summary = "VOLUME.nrrd: each volume as NRRD, with diffusion gradients; scaling is applied",
	.list = list,
	.open = open_file,
};
