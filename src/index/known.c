/* SPDX-License-Identifier: MIT */
/* Tables of known files: see known.h. */
#include "known.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "index/instance.h"
#include "survey.h"

/* Open addressing, at most two thirds full. There are two for one name at most: what it was, and
 * that it waits. */
struct known_folder {
	const char *dir;
	struct known *slots;
	size_t n, mask;
};

static bool is_free(const struct known *k)
{
	return !k->in && !k->other && !k->waiting;
}

static uint64_t hash_name(const struct known_table *t, const char *file)
{
	return hash_keyed(&t->key, file, strlen(file));
}

static void put(struct known_folder *d, const struct known *k)
{
	size_t i = (size_t)k->hash & d->mask;

	while (!is_free(&d->slots[i]))
		i = (i + 1) & d->mask;
	d->slots[i] = *k;
	d->n++;
}

static int grow(struct known_folder *d)
{
	struct known_folder more = { .dir = d->dir, .mask = d->slots ? d->mask * 2 + 1 : 15 };
	size_t i;

	more.slots = mem_calloc(more.mask + 1, sizeof *more.slots);
	if (!more.slots)
		return -ENOMEM;
	for (i = 0; d->slots && i <= d->mask; i++)
		if (!is_free(&d->slots[i]))
			put(&more, &d->slots[i]);
	mem_free(d->slots);
	*d = more;
	return 0;
}

static struct known_folder *folder_of(const struct known_table *t, const char *dir)
{
	return map_get(&t->folders, &dir, sizeof dir);
}

static struct known_folder *add_folder(struct known_table *t, const char *dir)
{
	struct known_folder *d = arena_zalloc(&t->arena, 1, sizeof *d);

	if (!d)
		return NULL;
	d->dir = dir;
	return map_put(&t->folders, &d->dir, sizeof d->dir, d) < 0 ? NULL : d;
}

static int add(struct known_table *t, const char *dir, const char *file, struct known k)
{
	struct known_folder *d = t->last && t->last->dir == dir ? t->last : folder_of(t, dir);

	if (!d)
		d = add_folder(t, dir);
	if (!d || (d->n >= d->mask / 3 * 2 && grow(d) < 0))
		return -ENOMEM;
	t->last = d;
	k.hash = hash_name(t, file);
	put(d, &k);
	return 0;
}

int known_add(struct known_table *t, const struct findings *f)
{
	size_t i;
	int rc = 0;

	hash_key_init(&t->key);
	for (i = 0; i < f->n_instances && rc == 0; i++)
		rc = add(t, f->instances[i]->dir, f->instances[i]->file,
			(struct known){ .in = f->instances[i] });
	for (i = 0; i < f->n_others && rc == 0; i++)
		rc = add(t, f->others[i]->dir, f->others[i]->file,
			(struct known){ .other = f->others[i] });
	for (i = 0; i < f->n_waiting && rc == 0; i++)
		rc = add(t, f->waiting[i].dir, f->waiting[i].file,
			(struct known){ .waiting = &f->waiting[i] });
	return rc;
}

struct known known_find(const struct known_table *t, const char *dir, const char *file)
{
	const struct known_folder *d = folder_of(t, dir);
	struct known k = { .hash = hash_name(t, file) };
	const struct known *s;
	size_t i;

	if (!d)
		return k;
	for (i = (size_t)k.hash & d->mask; !is_free(&d->slots[i]); i = (i + 1) & d->mask) {
		s = &d->slots[i];
		if (s->hash != k.hash)
			continue;
		if (s->in && strcmp(s->in->file, file) == 0)
			k.in = s->in;
		if (s->other && strcmp(s->other->file, file) == 0)
			k.other = s->other;
		if (s->waiting && strcmp(s->waiting->file, file) == 0)
			k.waiting = s->waiting;
	}
	return k;
}

void known_release(struct known_table *t)
{
	const struct map_slot *slot;
	size_t pos = 0;

	while ((slot = map_next(&t->folders, &pos)))
		mem_free(((struct known_folder *)slot->value)->slots);
	map_release(&t->folders);
	arena_release(&t->arena);
}
