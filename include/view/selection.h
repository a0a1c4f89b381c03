/* SPDX-License-Identifier: MIT */
/*
 * Snapshots that show the instances alone that meet some conditions: what by/ has below a
 * value. The last few are kept, since every look into such a folder asks for the
 * same one. Safe from any thread. Private to view/.
 */
#ifndef VIEW_SELECTION_H
#define VIEW_SELECTION_H

#include "view/snapshot.h"

struct selections;

struct selection_condition {
	uint32_t keyword; /* its number in the snapshot's keywords */
	uint64_t value;   /* selection_hash() of the value; 0: the instance has none */
};

/* Never 0. */
uint64_t selection_hash(const char *value);

int selections_new(struct selections **out, struct err *err);
void selections_free(struct selections *s); /* NULL is fine */
/* Give back those of catalogs before this generation. */
void selections_drop_old(struct selections *s, uint64_t gen);

/* What of base meets all n conditions; base itself for none. A reference of the caller's. */
int selection_get(const struct snapshot *base, const struct selection_condition *where, unsigned n,
	struct snapshot **out, struct err *err);

#endif
