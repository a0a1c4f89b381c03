/* SPDX-License-Identifier: MIT */
/*
 * The instances that share a folder. Who goes through those of a slow disk has the files that come
 * next opened meanwhile. Private to view/.
 */
#ifndef VIEW_SIBLINGS_H
#define VIEW_SIBLINGS_H

#include "view/tree.h"

struct dcm_header;

/* Of a series, or of a layout's folder. What a filter leaves out is counted, too. */
struct siblings {
	const struct series *s;
	const struct folder *f;
	struct folders *tree; /* a reference: f is in it */
	uint64_t id;          /* of `of`: a folder, or the summary of one */
	uint32_t n;
};

/* `of`: the key of the folder, or of the file that stands for it; n is 0 where it is another kind
 * of folder. */
int siblings_init(struct siblings *g, const struct snapshot *snap, const struct view_key *of,
	struct err *err);
void siblings_release(struct siblings *g);
const struct instance *siblings_at(const struct siblings *g, uint32_t i);

/* All of the header of sibling number i; dcm_header_free() it. */
int siblings_header(const struct siblings *g, const struct snapshot *snap, uint32_t i,
	struct dcm_header **h, struct err *err);
/* Somebody reads the node's instance: have those behind it opened, where that takes long. frame:
 * what he reads, as in a frame_ref. */
void siblings_open_ahead(const struct view_node *n, const struct instance *in, uint32_t frame);
/* The header of the node's instance, likewise. */
int siblings_node_header(const struct view_node *n, const struct instance *in,
	struct dcm_header **h, struct err *err);

#endif
