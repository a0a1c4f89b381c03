/* SPDX-License-Identifier: MIT */
/*
 * Files below SOURCE that are none of it: the saved index, where somebody keeps it there, and what
 * lies beside it. If they were, each save would be a change, and what is found then saved again.
 */
#ifndef INDEX_OWN_H
#define INDEX_OWN_H

#include <stdbool.h>

struct err;

/* A zeroed struct has none. Immutable once it is made: any thread may ask. */
struct own {
	const char *dir;  /* below SOURCE; "" is SOURCE itself */
	const char *file; /* the index; NULL: it is not below SOURCE */
};

/* source: the real path of SOURCE; index: the path of the saved index, which need not be there yet. */
int own_init(struct own *o, const char *source, const char *index, struct err *err);
void own_release(struct own *o);
/* Is this file one of them? o: NULL is fine. */
bool own_has(const struct own *o, const char *dir, const char *file);

#endif
