/* SPDX-License-Identifier: MIT */
/*
 * PATIENT/STUDY/SERIES/INSTANCE, the hierarchy that nearly all views share: the
 * keys of its nodes, and its listings. A node's last key is enough to find it.
 * Private to view/.
 */
#ifndef VIEW_TREE_H
#define VIEW_TREE_H

#include "view/snapshot.h"
#include "vfs/content.h"
#include "vfs/view.h"

struct buf;

enum tree_kind {
	TREE_ROOT = 0,
	TREE_PATIENT,            /* a: patient id */
	TREE_STUDY,              /* a: study id */
	TREE_SERIES,             /* a: series id */
	TREE_INSTANCE,           /* a: instance id, b: which of the view's files */
	TREE_SERIES_FILE,        /* a: series id, b: which; version: the series' */
	TREE_VOLUME_FILE,        /* a: study id, b: volume index << 8 | which; version: the study's */
	TREE_STUDY_FILE,         /* a: study id, b: which; version: the study's */
	TREE_ROOT_FILE,          /* b: which */
	TREE_VOLUME_DIR,         /* a: study id, b: volume index; version: the study's */
	TREE_SLICE_FILE,         /* a: study id, b: volume index << 32 | slice; version: the study's */
	TREE_FIRST_FREE = 64,    /* views' own kinds start here */
};

static inline const struct view_key *node_key(const struct view_node *n)
{
	return &n->chain[n->depth];
}

/* What the key is of; NULL where it has gone. */
const struct patient *tree_patient(const struct view_node *n);
const struct study *tree_study(const struct view_node *n);
const struct series *tree_series(const struct view_node *n);
const struct instance *tree_instance(const struct view_node *n);
/* -ESTALE with its text: for what has gone. */
int tree_gone(struct err *err);

/* Emit one entry: name is stem + ending. */
int tree_emit(struct view_out *out, enum view_type type, const char *stem, const char *ending,
	const struct view_key *key, int64_t size, int64_t mtime_ns, uint64_t identity, struct err *err);

int tree_list_patients(const struct view_node *n, struct view_out *out, struct err *err);
int tree_list_studies(const struct view_node *n, struct view_out *out, struct err *err);
/* The series of the study as folders. */
int tree_list_series(const struct view_node *n, struct view_out *out, struct err *err);
/* One file an instance; size_of may say VIEW_SIZE_LATER; NULL: always later. */
int tree_list_instances(const struct view_node *n, const char *ending, int64_t (*size_of)(const struct instance *in),
	struct view_out *out, struct err *err);
/* Patients, studies, series, instances with one ending: all of the plain instance views. */
int tree_list(const struct view_node *n, const char *ending, int64_t (*size_of)(const struct instance *in),
	struct view_out *out, struct err *err);

/* A text that is rendered into a buffer: open it, or count its size. render() gets the node. */
typedef int (*tree_render)(const struct view_node *n, struct buf *out, struct err *err);
int tree_open_text(const struct view_node *n, tree_render render, struct content **out, struct err *err);
int tree_size_text(const struct view_node *n, tree_render render, int64_t *size, struct err *err);

#endif
