/* SPDX-License-Identifier: MIT */
/*
 * What is known of files before a pass over them, by folder and name. Each folder has a table of
 * its own, so that who visits its files one after another finds all of it in the processor's
 * caches.
 */
#ifndef INDEX_KNOWN_H
#define INDEX_KNOWN_H

#include <stdint.h>

#include "base/arena.h"
#include "base/map.h"

struct findings;
struct instance;
struct other;
struct waiting;

/* All NULL: nothing is known. Borrowed from the findings; of a file that waits, what it was before
 * is here too. */
struct known {
	struct instance *in;
	struct other *other;
	const struct waiting *waiting;
	uint64_t hash; /* the table's own */
};

/* A zeroed struct is empty. Many threads may ask one that is made. */
struct known_table {
	struct map folders;
	struct arena arena;
	struct known_folder *last; /* that something was put into */
	struct hash_key key;
};

/* Returns 0 or -ENOMEM; folders are told apart by address. */
int known_add(struct known_table *t, const struct findings *f);
struct known known_find(const struct known_table *t, const char *dir, const char *file);
void known_release(struct known_table *t);

#endif
