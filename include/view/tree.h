/* SPDX-License-Identifier: MIT */
/*
 * PATIENT/STUDY/SERIES/INSTANCE, the hierarchy that nearly all views share: the
 * keys of its nodes, and its listings. A node's last key is enough to find it.
 * Private to view/.
 */
#ifndef VIEW_TREE_H
#define VIEW_TREE_H

#include "vfs/content.h"
#include "vfs/view.h"
#include "view/layout.h"
#include "view/snapshot.h"

struct buf;

enum tree_kind {
	TREE_ROOT = 0,
	TREE_PATIENT,         /* a: patient id */
	TREE_STUDY,           /* a: study id */
	TREE_SERIES,          /* a: series id */
	TREE_INSTANCE,        /* a: instance id, b: which of the view's files */
	TREE_SERIES_FILE,     /* a: series id, b: which; version: the series' */
	TREE_VOLUME_FILE,     /* a: study id, b: volumes_key() << 8 | which; version: the study's */
	TREE_STUDY_FILE,      /* a: study id, b: a hash of its volumes; version: the study's */
	TREE_ROOT_FILE,       /* b: which */
	TREE_VOLUME_DIR,      /* a: study id, b: volumes_key(); version: the study's */
	TREE_SLICE_FILE,      /* a: study id, b: a hash << 32 | slice; version: the study's */
	TREE_FOLDER,          /* a: key of a layout's folder */
	TREE_FOLDER_FILE,     /* a: key of a layout's folder, b: a hash; version: the catalog's */
	TREE_FIRST_FREE = 64, /* views' own kinds start here */
};

static inline const struct view_key *node_key(const struct view_node *n)
{
	return &n->chain[n->depth];
}

/* What the key is of; NULL where it has gone. */
const struct study *tree_study(const struct view_node *n);
const struct instance *tree_instance(const struct view_node *n);
/* -ESTALE with its text: for what has gone. */
int tree_gone(struct err *err);

/* Emit one entry: name is stem + ending. */
int tree_emit(struct view_out *out, enum view_type type, const char *stem, const char *ending,
	const struct view_key *key, int64_t size, int64_t mtime_ns, uint64_t identity,
	struct err *err);

/* The layout's tree (view/layout.h) and the node's folder in it; folders_put(*tree). *tree is
 * NULL, and 0 comes back, where the mount has no layout. -ESTALE: the folder has gone. */
int tree_folder(const struct view_node *n, struct folders **tree, const struct folder **f,
	struct err *err);
bool folder_is_shown(const struct filter *filter, const struct folder *f);

/* The folders above volumes; none in the one that holds them. */
int tree_list_volume_folders(const struct view_node *n, struct view_out *out, struct err *err);
/* The volumes that lie in this folder and that the filter shows; stem: their name here. */
typedef int (*tree_volume)(void *arg, const struct study *st, const struct volume *v,
	const char *stem, struct err *err);
int tree_each_volume(const struct view_node *n, tree_volume each, void *arg, struct err *err);

/* The folders and the name of an instance below a view, from the top: at most TREE_MAX_PATH
 * parts, mem_free(). */
#define TREE_MAX_PATH 20
struct tree_path {
	unsigned n;
	const char *part[TREE_MAX_PATH]; /* the last is the instance's name without ending */
	struct folders *tree;            /* what they lie in; NULL: the catalog */
};
int tree_path_of(const struct view_node *n, const struct instance *in, struct tree_path *out,
	struct err *err);
void tree_path_release(struct tree_path *p);

int tree_list_studies(const struct view_node *n, struct view_out *out, struct err *err);
/* The series of the study as folders. */
int tree_list_series(const struct view_node *n, struct view_out *out, struct err *err);
/* Patients, studies, series, instances with one ending: all of the plain instance views. size_of
 * may say VIEW_SIZE_LATER; NULL: always later. */
int tree_list(const struct view_node *n, const char *ending,
	int64_t (*size_of)(const struct instance *in), struct view_out *out, struct err *err);

/* A text that is rendered into a buffer: open it, or count its size. render() gets the node. */
typedef int (*tree_render)(const struct view_node *n, struct buf *out, struct err *err);
int tree_open_text(const struct view_node *n, tree_render render, struct content **out,
	struct err *err);
int tree_size_text(const struct view_node *n, tree_render render, int64_t *size, struct err *err);

#endif
