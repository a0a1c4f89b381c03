/* SPDX-License-Identifier: MIT */
/* Snapshots of what meets conditions: see view/selection.h. */
#include "view/selection.h"

#include <pthread.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "view/keywords.h"

#define N_KEPT 16u

struct kept {
	uint64_t key;          /* a hash of the conditions, in their order */
	uint64_t gen;          /* of the catalog */
	struct snapshot *snap; /* a reference; NULL: free */
	uint64_t last_use;
};

struct selections {
	pthread_mutex_t lock; /* protects all below */
	struct kept kept[N_KEPT];
	uint64_t clock;
};

uint64_t selection_hash(const char *value)
{
	uint64_t h = hash_str(value);

	return h ? h : 1;
}

int selections_new(struct selections **out, struct err *err)
{
	struct selections *s = mem_calloc(1, sizeof *s);

	if (!s)
		return err_nomem(err);
	pthread_mutex_init(&s->lock, NULL);
	*out = s;
	return 0;
}

void selections_free(struct selections *s)
{
	size_t i;

	if (!s)
		return;
	for (i = 0; i < N_KEPT; i++)
		snapshot_put(s->kept[i].snap);
	pthread_mutex_destroy(&s->lock);
	mem_free(s);
}

void selections_drop_old(struct selections *s, uint64_t gen)
{
	struct snapshot *gone[N_KEPT] = { NULL };
	size_t i;

	pthread_mutex_lock(&s->lock);
	for (i = 0; i < N_KEPT; i++)
		if (s->kept[i].snap && s->kept[i].gen < gen) {
			gone[i] = s->kept[i].snap;
			s->kept[i].snap = NULL;
		}
	pthread_mutex_unlock(&s->lock);
	for (i = 0; i < N_KEPT; i++)
		snapshot_put(gone[i]);
}

/* A kept one, with a reference. */
static struct snapshot *find_kept(struct selections *s, uint64_t key, uint64_t gen)
{
	struct snapshot *found = NULL;
	size_t i;

	pthread_mutex_lock(&s->lock);
	for (i = 0; i < N_KEPT && !found; i++) {
		struct kept *k = &s->kept[i];

		if (k->snap && k->key == key && k->gen == gen) {
			k->last_use = ++s->clock;
			found = snapshot_get(k->snap);
		}
	}
	pthread_mutex_unlock(&s->lock);
	return found;
}

static void keep(struct selections *s, uint64_t key, uint64_t gen, struct snapshot *snap)
{
	struct snapshot *old;
	size_t i, at = 0;

	pthread_mutex_lock(&s->lock);
	for (i = 1; i < N_KEPT; i++)
		if (s->kept[at].snap &&
			(!s->kept[i].snap || s->kept[i].last_use < s->kept[at].last_use))
			at = i;
	old = s->kept[at].snap;
	s->kept[at] = (struct kept){ .key = key,
		.gen = gen,
		.snap = snapshot_get(snap),
		.last_use = ++s->clock };
	pthread_mutex_unlock(&s->lock);
	snapshot_put(old);
}

static bool meets(struct keywords *k, const struct instance *in,
	const struct selection_condition *c)
{
	const struct value_list *list = keyword_values(k, c->keyword, in);
	uint32_t i;

	if (!c->value)
		return list->n == 0;
	for (i = 0; i < list->n; i++)
		if (selection_hash(list->text[i]) == c->value)
			return true;
	return false;
}

/* A bit for each instance that meets all conditions; mem_alloc()ed. */
static uint64_t *make_bits(const struct snapshot *base, const struct selection_condition *where,
	unsigned n, uint32_t n_ids)
{
	struct keywords *k = base->keywords;
	const struct catalog *c = base->catalog;
	uint64_t *bits = mem_calloc(n_ids / 64 + 1, sizeof *bits);
	uint32_t i;
	unsigned w;

	for (i = 0; bits && i < c->n_instances; i++) {
		const struct instance *in = c->instances_by_id[i];

		for (w = 0; w < n && meets(k, in, &where[w]); w++)
			;
		if (w == n && filter_has(base->filter, in))
			bits[in->id / 64] |= UINT64_C(1) << in->id % 64;
	}
	return bits;
}

static int select_new(const struct snapshot *base, const struct selection_condition *where,
	unsigned n, uint64_t key, struct snapshot **out, struct err *err)
{
	const struct catalog *c = base->catalog;
	struct filter filter = { .key = key, .n_ids = c->n_ids };
	uint32_t ids[64];
	unsigned i;
	int rc;

	for (i = 0; i < n && i < 64; i++)
		ids[i] = where[i].keyword;
	rc = keywords_load(base->keywords, c, ids, i, err);
	if (rc < 0)
		return rc;
	filter.bits = make_bits(base, where, n, filter.n_ids);
	if (!filter.bits)
		return err_nomem(err);
	return snapshot_filtered(base, &filter, out, err);
}

int selection_get(const struct snapshot *base, const struct selection_condition *where, unsigned n,
	struct snapshot **out, struct err *err)
{
	struct selections *s = base->selections;
	uint64_t key = 0;
	unsigned i;
	int rc;

	if (!n) {
		*out = snapshot_get((struct snapshot *)(uintptr_t)base);
		return 0;
	}
	for (i = 0; i < n; i++) {
		key = hash_bytes(key, &where[i].keyword, sizeof where[i].keyword);
		key = hash_bytes(key, &where[i].value, sizeof where[i].value);
	}
	selections_drop_old(s, snapshot_gen(base));
	*out = find_kept(s, key, snapshot_gen(base));
	if (*out)
		return 0;
	rc = select_new(base, where, n, key, out, err);
	if (rc == 0)
		keep(s, key, snapshot_gen(base), *out);
	return rc;
}
