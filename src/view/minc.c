/* SPDX-License-Identifier: MIT */
/* minc/: each volume as MINC 1, but for those in colour. */
#include "view/volumes.h"

static int list(const struct view_node *n, struct view_out *out, struct err *err)
{
	return volumes_list(n, &format_minc, out, err);
}

static int open_file(const struct view_node *n, struct content **out, struct err *err)
{
	return volumes_open(n, &format_minc, out, err);
}

const struct view view_minc = {
	.name = "minc",
	.summary = "VOLUME.mnc: each volume as MINC 1 (which has no colour)",
	.list = list,
	.open = open_file,
};
