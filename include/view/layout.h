/* SPDX-License-Identifier: MIT */
/*
 * -o layout=: folders made of a template instead of PATIENT/STUDY/SERIES.
 *
 *	{PatientID}/{StudyDate}_{Modality}/{SeriesNumber:3}_{ProtocolName|unnamed}
 *	%i/%t/%3s_%p                      the same in dcm2niix's letters
 *
 * {Keyword} is the instance's value, {Seq[1].Keyword} one of an item, {Keyword|text} has a default,
 * {Keyword:5} is filled with zeros to that width. Slashes divide folders; the last one holds the
 * instances, and is what a volume is named after. Each instance lies where its own values put it.
 * Private to view/.
 */
#ifndef VIEW_LAYOUT_H
#define VIEW_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/catalog.h"
#include "view/keywords.h"

struct err;
struct filter;
struct layout;

#define LAYOUT_MAX_LEVELS 16u

/* -EINVAL and what is wrong with the template. hide_files: no folder is named after a source file
 * or its folder. */
int layout_new(const char *template, struct keywords *k, bool hide_files, struct layout **out,
	struct err *err);
void layout_free(struct layout *l); /* NULL is fine */

/* A folder of the tree that a template makes of a catalog. */
struct folder {
	uint64_t key; /* a hash of its path; 0: the top */
	const char *name;
	struct folder *parent, *children, *next; /* next: of the same parent; by name */
	unsigned level;                          /* 0: the top */
	struct leaf *leaves;                     /* of the last level */
	uint32_t n_leaves;
	int64_t mtime_ns;
};

struct leaf {
	const struct instance *in;
	const char *name; /* of the instance, without ending; unique in its folder */
	const struct series *series;
};

struct folders; /* the whole tree; reference counted, immutable */

/* The tree of a catalog, kept while the catalog is the newest. A reference of the caller's. */
int layout_folders(struct layout *l, struct catalog *c, struct folders **out, struct err *err);
void folders_put(struct folders *f); /* NULL is fine */
/* By key, 0: the top; NULL: there is none. */
const struct folder *folders_find(const struct folders *f, uint64_t key);
/* The folder that the instance lies in; NULL: it is of another catalog. */
const struct folder *folders_of(const struct folders *f, const struct instance *in);
/* The instance in it. */
const struct leaf *folders_leaf(const struct folders *f, const struct instance *in);
unsigned folders_levels(const struct folders *f);

#endif
