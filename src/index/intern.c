/* SPDX-License-Identifier: MIT */
/* Texts and attributes kept once: two maps under one lock. */
#include "index/intern.h"

#include <pthread.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/map.h"
#include "base/mem.h"
#include "index/instance.h"

struct interns {
	pthread_mutex_t lock;
	struct arena arena; /* all below protected by lock; what it holds is never changed */
	struct map texts;   /* without the NUL that each has behind it */
	struct map attributes;
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

void interns_free(struct interns *in)
{
	if (!in)
		return;
	pthread_mutex_destroy(&in->lock);
	map_release(&in->texts);
	map_release(&in->attributes);
	arena_release(&in->arena);
	mem_free(in);
}

/* The copy that m has of p, or a new one, with a NUL behind it. */
static const void *intern(struct interns *in, struct map *m, const void *p, size_t len)
{
	char *copy;

	pthread_mutex_lock(&in->lock);
	copy = map_get(m, p, len);
	if (!copy) {
		copy = arena_strndup(&in->arena, p, len);
		if (copy && map_put(m, copy, len, copy) < 0)
			copy = NULL;
	}
	pthread_mutex_unlock(&in->lock);
	return copy;
}

const char *intern_text(struct interns *in, const char *text, size_t len)
{
	return intern(in, &in->texts, text, len);
}

const struct attributes *intern_attributes(struct interns *in, const struct attributes *a)
{
	return intern(in, &in->attributes, a, sizeof *a);
}

size_t interns_bytes(struct interns *in)
{
	size_t n;

	pthread_mutex_lock(&in->lock);
	n = in->arena.total_bytes +
		(in->texts.n_slots + in->attributes.n_slots) * sizeof(struct map_slot);
	pthread_mutex_unlock(&in->lock);
	return n;
}
