/* SPDX-License-Identifier: MIT */
/*
 * The names of one folder, made by a view and immutable but for sizes that are
 * learnt later: sorted by name, legal, unique.
 */
#ifndef VFS_LIST_H
#define VFS_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vfs/view.h"

struct err;

struct list_entry {
	struct view_key key;
	int64_t size; /* of a file; VIEW_SIZE_LATER, VIEW_SIZE_LIVE */
	int64_t mtime_ns;
	uint32_t name_off; /* in names */
	enum view_type type;
};

struct list {
	struct list_entry *entries;
	char *names; /* each with its NUL */
	uint32_t n;
	bool has_folders;
	uint64_t digest; /* of names and keys: the same view gives the same list again */
	size_t held_bytes;
};

/* Make a list of what fill() emits. `raw`: the names are taken as they are (the top folder's
 * own). */
typedef int (*list_fill)(const void *arg, struct view_out *out, struct err *err);
int list_make(list_fill fill, const void *arg, bool raw, struct list **out, struct err *err);
void list_free(struct list *l); /* NULL is fine */

const char *list_name(const struct list *l, uint32_t i);
/* Their order: names that are numbers come first, by size; then the others. */
int list_compare_names(const char *a, const char *b);
bool list_find(const struct list *l, const char *name, uint32_t *i);

/* Whether two entries of one name are one thing: a folder by what it is, a file by its bytes as
 * well. */
bool list_same(const struct list_entry *a, const struct list_entry *b);

#endif
