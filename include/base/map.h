/* SPDX-License-Identifier: MIT */
/*
 * A hash map from byte strings to pointers, open addressing. Keys are borrowed:
 * they live at least as long as the map (usually in the values or an arena).
 * One thread at a time. A zeroed struct is an empty map.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

struct map_slot {
	const void *key;
	size_t key_len;
	uint64_t hash;
	void *value; /* NULL: the slot is free */
};

struct map {
	struct map_slot *slots;
	size_t n_slots; /* a power of two, or 0 */
	size_t n_used;
	struct hash_key key; /* where n_slots is not 0 */
};

void map_release(struct map *m);
/* The value, or NULL. */
void *map_get(const struct map *m, const void *key, size_t key_len);
/* Set or replace; value is not NULL. Returns 0 or -ENOMEM. */
int map_put(struct map *m, const void *key, size_t key_len, void *value);
/* What is not there is fine. A walk may remove what it was given last: it goes on at *pos - 1 then. */
void map_remove(struct map *m, const void *key, size_t key_len);
void *map_get_str(const struct map *m, const char *key);
int map_put_str(struct map *m, const char *key, void *value);
/* Walk: *pos starts at 0; NULL at the end. No order is promised. */
const struct map_slot *map_next(const struct map *m, size_t *pos);

#endif
