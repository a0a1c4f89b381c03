/* SPDX-License-Identifier: MIT */
/* The steps from instances to a catalog: what build.c, group.c and group_names.c have in common. */
#ifndef INDEX_GROUP_H
#define INDEX_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/map.h"
#include "build.h"

struct err;

/* A group that is being filled; all three kinds. They live in the scratch arena. */
struct group {
	const char *key;
	struct group *parent;
	struct group *next;            /* in the list of its kind */
	const struct attributes *attr; /* one of its instances' */
	void **members;                /* instances, or groups; mem_alloc()ed, or kept's */
	size_t n, cap;
	struct series *kept; /* nothing happened to this one of the old catalog; or NULL */
	void *made;          /* what it has become: the struct series, study, patient */
	char *name;          /* while names are made: mem_alloc()ed */
};

struct builder {
	struct build *in;
	struct catalog *c;
	struct arena scratch;
	struct map by_attr;                   /* address of attributes -> series group */
	struct map patients, studies, series; /* key -> group */
	struct group *patient_list, *study_list, *series_list;
	struct map old_patients, old_studies, old_series; /* key -> what the old catalog has */
	struct group copies; /* instances of the builder's own: references */
	size_t duplicates_cap;
	struct buf key;
};

int group_add_member(struct group *g, void *member);
int group_add_duplicate(struct builder *b, struct instance *in);
/* Sort all instances out: into series, those into studies, those into patients; series to which
 * nothing happened go as a whole. 0 or -ENOMEM. */
int group_instances(struct builder *b);
/* Put the instances of each series in order, equal files as one. */
int group_order(struct builder *b, struct err *err);
/* Is the i-th instance of a series that is in order one of several with its number and UID? */
bool group_repeats(const struct group *g, size_t i);

/* Name the n groups of one folder, which are patients, studies or series. 0 or -ENOMEM. */
int group_name_patients(void **groups, size_t n);
int group_name_studies(void **groups, size_t n);
int group_name_series(void **groups, size_t n);
/* Names of a series' instances, unique: n texts, in one mem_alloc()ed block with their array. NULL
 * for want of memory. */
char **group_name_instances(const struct group *g, bool hide_files);

#endif
