/* SPDX-License-Identifier: MIT */
/* Texts and attributes kept once: two maps under one lock. */
#include "index/intern.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "base/map.h"
#include "base/mem.h"
#include "index/instance.h"

#define SWEEP_BYTES ((size_t)256 << 10) /* fewer are not worth looking for */
#define N_TEXTS (offsetof(struct attributes, series_number) / sizeof(char *)) /* they come first */

/* Before each text and block. */
struct interned {
	_Atomic uint32_t users;
	uint32_t len; /* of what follows, without the NUL behind it */
};
_Static_assert(sizeof(struct interned) % _Alignof(struct attributes) == 0, "a block may follow");

struct interns {
	pthread_mutex_t lock;
	struct map texts; /* all below protected by lock; what they hold is never changed */
	struct map attributes;
	size_t bytes, swept_bytes; /* now, and after the last sweep; without the maps */
};

int interns_new(struct interns **out, struct err *err)
{
	struct interns *in = mem_calloc(1, sizeof *in);

	if (!in)
		return err_nomem(err);
	pthread_mutex_init(&in->lock, NULL);
	*out = in;
	return 0;
}

static struct interned *head_of(const void *interned)
{
	return (struct interned *)(uintptr_t)interned - 1;
}

static void free_all(struct map *m)
{
	const struct map_slot *slot;
	size_t pos = 0;

	while ((slot = map_next(m, &pos)))
		mem_free(head_of(slot->value));
	map_release(m);
}

void interns_free(struct interns *in)
{
	if (!in)
		return;
	pthread_mutex_destroy(&in->lock);
	free_all(&in->texts);
	free_all(&in->attributes);
	mem_free(in);
}

static size_t bytes_of(const struct interned *i)
{
	return sizeof *i + i->len + 1;
}

/* A copy of p in m, with a NUL behind it. */
static void *add(struct interns *in, struct map *m, const void *p, size_t len)
{
	struct interned *i = len < UINT32_MAX ? mem_alloc(sizeof *i + len + 1) : NULL;
	char *copy;

	if (!i)
		return NULL;
	copy = (char *)(i + 1);
	atomic_init(&i->users, 0);
	i->len = (uint32_t)len;
	if (len)
		memcpy(copy, p, len);
	copy[len] = '\0';
	if (map_put(m, copy, len, copy) < 0) {
		mem_free(i);
		return NULL;
	}
	in->bytes += bytes_of(i);
	return copy;
}

const char *intern_text(struct interns *in, const char *text, size_t len)
{
	const char *copy;

	pthread_mutex_lock(&in->lock);
	copy = map_get(&in->texts, text, len);
	if (!copy)
		copy = add(in, &in->texts, text, len);
	pthread_mutex_unlock(&in->lock);
	return copy;
}

static void for_texts(const struct attributes *a, void (*fn)(const void *text))
{
	const char *texts[N_TEXTS];
	size_t i;

	memcpy(texts, a, sizeof texts);
	for (i = 0; i < N_TEXTS; i++)
		if (texts[i])
			fn(texts[i]);
}

const struct attributes *intern_attributes(struct interns *in, const struct attributes *a)
{
	const struct attributes *copy;

	pthread_mutex_lock(&in->lock);
	copy = map_get(&in->attributes, a, sizeof *a);
	if (!copy) {
		copy = add(in, &in->attributes, a, sizeof *a);
		if (copy)
			for_texts(copy, interned_use);
	}
	pthread_mutex_unlock(&in->lock);
	return copy;
}

void interned_use(const void *interned)
{
	atomic_fetch_add_explicit(&head_of(interned)->users, 1, memory_order_relaxed);
}

void interned_drop(const void *interned)
{
	atomic_fetch_sub_explicit(&head_of(interned)->users, 1, memory_order_release);
}

static size_t map_bytes(const struct map *m)
{
	return m->n_slots * sizeof(struct map_slot);
}

size_t interns_bytes(struct interns *in)
{
	size_t n;

	pthread_mutex_lock(&in->lock);
	n = in->bytes + map_bytes(&in->texts) + map_bytes(&in->attributes);
	pthread_mutex_unlock(&in->lock);
	return n;
}

bool interns_may_sweep(struct interns *in)
{
	bool may;

	pthread_mutex_lock(&in->lock);
	may = in->bytes > 2 * in->swept_bytes + SWEEP_BYTES;
	pthread_mutex_unlock(&in->lock);
	return may;
}

/* Out of m, where nobody uses it. Who does not, does not come back: only who interns could give it
 * to one. */
static bool take_unused(struct interns *in, struct map *m, const struct map_slot *slot)
{
	struct interned *i = head_of(slot->value);

	if (atomic_load_explicit(&i->users, memory_order_acquire) > 0)
		return false;
	map_remove(m, slot->key, slot->key_len);
	in->bytes -= bytes_of(i);
	return true;
}

void interns_sweep(struct interns *in, void (*gone)(void *arg, const struct attributes *a),
	void *arg)
{
	const struct map_slot *slot;
	size_t pos;
	void *is;

	pthread_mutex_lock(&in->lock);
	for (pos = 0; (slot = map_next(&in->attributes, &pos));) {
		is = slot->value;
		if (!take_unused(in, &in->attributes, slot))
			continue;
		pos--;
		if (gone)
			gone(arg, is);
		for_texts(is, interned_drop);
		mem_free(head_of(is));
	}
	for (pos = 0; (slot = map_next(&in->texts, &pos));) {
		is = slot->value;
		if (!take_unused(in, &in->texts, slot))
			continue;
		pos--;
		mem_free(head_of(is));
	}
	in->swept_bytes = in->bytes;
	pthread_mutex_unlock(&in->lock);
}
