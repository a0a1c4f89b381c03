/* SPDX-License-Identifier: MIT */
/*
 * The index kept between mounts, in an SQLite database: which file had which size,
 * time and inode, and what its record was. It is a cache: whoever loads it
 * compares each file with it before believing it, and where it is damaged, of
 * another version or of another SOURCE it is set aside and begun anew.
 *
 * Any number of processes may share one. A process that is killed leaves it as it was
 * some thousand files ago.
 */
#ifndef INDEX_PERSIST_H
#define INDEX_PERSIST_H

#include <stdbool.h>
#include <stdint.h>

#include "survey.h"

struct attributes;
struct err;
struct interns;
struct persist;

/* path: of the database; source: the real path of SOURCE. Touches no file yet. */
int persist_new(const char *path, const char *source, struct persist **out, struct err *err);
void persist_free(struct persist *p); /* NULL is fine */

/* Is a file whose name is the database's with this ending, "" for itself, written here? */
bool persist_writes(const char *ending);

/* What it has of SOURCE: nothing where there is none yet. Not during persist_save(). */
int persist_load(struct persist *p, struct interns *interns, struct findings *out, struct err *err);

/* This block is about to be freed; not during persist_save(). persist: a struct persist *. */
void persist_forget(void *persist, const struct attributes *a);

/* Write what has an id of `since` or more; sweep: and drop what is not in f any more. */
int persist_save(struct persist *p, const struct findings *f, uint32_t since, bool sweep,
	struct err *err);

#endif
