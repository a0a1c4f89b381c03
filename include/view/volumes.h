/* SPDX-License-Identifier: MIT */
/*
 * What all volume views share: PATIENT/STUDY/VOLUME + ending for each file of a
 * format, sidecars beside. A view of a new format is its table entry and three
 * one-line functions. Private to view/.
 */
#ifndef VIEW_VOLUMES_H
#define VIEW_VOLUMES_H

#include "format/format.h"
#include "view/tree.h"

int volumes_list(const struct view_node *n, const struct volume_format *f, struct view_out *out,
	struct err *err);
int volumes_size(const struct view_node *n, const struct volume_format *f, int64_t *size,
	struct err *err);
int volumes_open(const struct view_node *n, const struct volume_format *f, struct content **out,
	struct err *err);

/* What keys call a volume: 56 bits, its place in its study, and which one it is: a study that is planned
 * again while one of its files cannot be read may have others in its places. */
uint64_t volumes_key(const struct volume *v);
/* The volume that a key is of, with a reference to its set (volume_set_put). -ESTALE: it has gone or
 * its study has changed. */
int volumes_find(const struct view_node *n, uint64_t volume_key, struct volume_set **set,
	const struct volume **v, struct err *err);

#endif
