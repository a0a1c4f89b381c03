/* SPDX-License-Identifier: MIT */
/*
 * From instances to a catalog: grouping, order, names. A pure function of the
 * set of instances, whatever their order; what the old catalog already has as it
 * must be is shared with it, and ids go on from there.
 */
#ifndef INDEX_BUILD_H
#define INDEX_BUILD_H

#include <stdbool.h>
#include <stddef.h>

#include "index/catalog.h"

struct err;

/* What of the old catalog is no more, and which files it did not show because they are equal to
 * others: borrowed. */
struct build_rest {
	struct instance *const *gone; /* by address */
	size_t n_gone;
	struct instance *const *duplicates; /* those that are still there */
	size_t n_duplicates;
};

struct build {
	const struct catalog *old; /* NULL: the first */
	struct instance *
		*instances; /* n of them, in any order; borrowed: who keeps one takes a reference */
	size_t n;
	/* Of old, all stays but these, and `instances` come to it; NULL: `instances` are all that
	 * there is. */
	const struct build_rest *rest;
	bool hide_files; /* no instance is named after its file */
	/* What the bytes of n instances' files come to, never 0: asked where SOP instance UIDs
	 * repeat. */
	int (*digest)(void *arg, struct instance *const *instances, uint64_t *digests, size_t n,
		struct err *err);
	void *arg;
	/* Out: the instances that are in the catalog under another path, as one and the same:
	 * references, in a list that is mem_alloc()ed; the caller's. */
	struct instance **duplicates;
	size_t n_duplicates;
};

/* Problems and counts of files are left for the caller to fill in. */
int build_catalog(struct build *b, struct catalog **out, struct err *err);

/* The order of paths "dir/file", byte by byte. */
int build_compare_paths(const struct instance *a, const struct instance *b);

#endif
