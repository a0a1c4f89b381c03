/* SPDX-License-Identifier: MIT */
/* The hash map of base/map.h: linear probing, at most 3/4 full. */
#include "base/map.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"

void map_release(struct map *m)
{
	mem_free(m->slots);
	memset(m, 0, sizeof *m);
}

/* The slot that holds the key, or the free one where it would go. */
static struct map_slot *find(const struct map *m, const void *key, size_t key_len, uint64_t hash)
{
	size_t mask = m->n_slots - 1, i;
	struct map_slot *s;

	for (i = (size_t)hash & mask;; i = (i + 1) & mask) {
		s = &m->slots[i];
		if (!s->value)
			return s;
		if (s->hash == hash && s->key_len == key_len && memcmp(s->key, key, key_len) == 0)
			return s;
	}
}

void *map_get(const struct map *m, const void *key, size_t key_len)
{
	if (!m->n_slots)
		return NULL;
	return find(m, key, key_len, hash_keyed(&m->key, key, key_len))->value;
}

static int grow(struct map *m)
{
	struct map old = *m;
	size_t i;

	if (!old.n_slots)
		hash_key_init(&m->key);
	m->n_slots = old.n_slots ? old.n_slots * 2 : 16;
	m->slots = mem_calloc(m->n_slots, sizeof *m->slots);
	if (!m->slots) {
		*m = old;
		return -ENOMEM;
	}
	for (i = 0; i < old.n_slots; i++)
		if (old.slots[i].value)
			*find(m, old.slots[i].key, old.slots[i].key_len,
				old.slots[i].hash) = old.slots[i];
	mem_free(old.slots);
	return 0;
}

int map_put(struct map *m, const void *key, size_t key_len, void *value)
{
	struct map_slot *s;
	uint64_t hash;

	if (m->n_used * 4 >= m->n_slots * 3 && grow(m) < 0)
		return -ENOMEM;
	hash = hash_keyed(&m->key, key, key_len);
	s = find(m, key, key_len, hash);
	if (!s->value)
		m->n_used++;
	*s = (struct map_slot){ .key = key, .key_len = key_len, .hash = hash, .value = value };
	return 0;
}

/* Who is behind the hole comes nearer to where its hash wants it, until nobody would. */
static void close_hole(struct map *m, size_t hole)
{
	size_t mask = m->n_slots - 1, i, home;

	for (i = (hole + 1) & mask; m->slots[i].value; i = (i + 1) & mask) {
		home = (size_t)m->slots[i].hash & mask;
		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		m->slots[hole] = m->slots[i];
		hole = i;
	}
	memset(&m->slots[hole], 0, sizeof *m->slots);
}

void map_remove(struct map *m, const void *key, size_t key_len)
{
	struct map_slot *s;

	if (!m->n_slots)
		return;
	s = find(m, key, key_len, hash_keyed(&m->key, key, key_len));
	if (!s->value)
		return;
	m->n_used--;
	close_hole(m, (size_t)(s - m->slots));
}

void *map_get_str(const struct map *m, const char *key)
{
	return map_get(m, key, strlen(key));
}

int map_put_str(struct map *m, const char *key, void *value)
{
	return map_put(m, key, strlen(key), value);
}

const struct map_slot *map_next(const struct map *m, size_t *pos)
{
	while (*pos < m->n_slots) {
		const struct map_slot *s = &m->slots[(*pos)++];

		if (s->value)
			return s;
	}
	return NULL;
}
