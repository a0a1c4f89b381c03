/* SPDX-License-Identifier: MIT */
/*
 * Plans by study and version. One thread plans a study while the others that want it
 * wait; what was planned stays until PLANS_KEPT newer ones were asked for. A set lives as long as
 * anybody holds it, whatever is forgotten here.
 */
#include <pthread.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/mem.h"
#include "volume/plan.h"

#define PLANS_KEPT 64u

struct slot {
	uint32_t study_id, version;
	bool used, planning;
	uint64_t asked;         /* when last, by the counter */
	unsigned n_waiting;     /* for the planning to end: it must not be reused */
	struct volume_set *set; /* a reference; NULL while planning */
};

struct plans {
	struct files *files;
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t done;
	uint64_t counter;
	struct slot slots[PLANS_KEPT];
};

int plans_new(struct files *files, struct plans **out, struct err *err)
{
	struct plans *p = mem_calloc(1, sizeof *p);

	if (!p)
		return err_nomem(err);
	p->files = files;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->done, NULL);
	*out = p;
	return 0;
}

void plans_free(struct plans *p)
{
	if (!p)
		return;
	for (unsigned i = 0; i < PLANS_KEPT; i++)
		volume_set_put(p->slots[i].set);
	pthread_cond_destroy(&p->done);
	pthread_mutex_destroy(&p->lock);
	mem_free(p);
}

static struct slot *find(struct plans *p, const struct study *study)
{
	for (unsigned i = 0; i < PLANS_KEPT; i++) {
		struct slot *s = &p->slots[i];

		if (s->used && s->study_id == study->id && s->version == study->version)
			return s;
	}
	return NULL;
}

/* A free slot, or the one that nobody asked for longest; NULL: all are being planned. */
static struct slot *oldest(struct plans *p)
{
	struct slot *best = NULL;

	for (unsigned i = 0; i < PLANS_KEPT; i++) {
		struct slot *s = &p->slots[i];

		if (s->n_waiting)
			continue;
		if (!s->used)
			return s;
		if (!s->planning && (!best || s->asked < best->asked))
			best = s;
	}
	return best;
}

static struct slot *claim(struct plans *p, const struct study *study, struct volume_set **dropped)
{
	struct slot *s = oldest(p);

	if (!s)
		return NULL;
	*dropped = s->set;
	*s = (struct slot){ .study_id = study->id,
		.version = study->version,
		.used = true,
		.planning = true,
		.asked = ++p->counter };
	return s;
}

/* The set that is there, or that another thread makes meanwhile; NULL: it is for the caller to
 * plan, into *mine where there is a slot for it. */
static struct volume_set *get_or_claim(struct plans *p, const struct study *study,
	struct slot **mine, struct volume_set **dropped)
{
	struct volume_set *set = NULL;
	struct slot *s;

	pthread_mutex_lock(&p->lock);
	while ((s = find(p, study)) && s->planning) {
		s->n_waiting++;
		while (s->planning)
			pthread_cond_wait(&p->done, &p->lock);
		s->n_waiting--;
	}
	if (s) {
		s->asked = ++p->counter;
		set = volume_set_get(s->set);
	} else {
		*mine = claim(p, study, dropped);
	}
	pthread_mutex_unlock(&p->lock);
	return set;
}

/* set NULL: it failed, and the next who asks tries again. */
static void settle(struct plans *p, struct slot *s, struct volume_set *set)
{
	pthread_mutex_lock(&p->lock);
	s->planning = false;
	s->used = set != NULL;
	s->set = set ? volume_set_get(set) : NULL;
	pthread_cond_broadcast(&p->done);
	pthread_mutex_unlock(&p->lock);
}

int plans_get(struct plans *p, struct catalog *catalog, const struct study *study,
	struct volume_set **out, struct err *err)
{
	struct slot *mine = NULL;
	struct volume_set *dropped = NULL, *set = get_or_claim(p, study, &mine, &dropped);
	int rc = 0;

	volume_set_put(dropped);
	if (!set) {
		rc = plan_study(catalog, study, p->files, &set, err);
		if (mine)
			settle(p, mine, rc < 0 ? NULL : set);
	}
	*out = set;
	return rc;
}

/* --- sets ------------------------------------------------------------------------------- */

struct volume_set *volume_set_get(struct volume_set *s)
{
	__atomic_add_fetch(&s->refs, 1, __ATOMIC_RELAXED);
	return s;
}

void volume_set_put(struct volume_set *s)
{
	if (!s || __atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL))
		return;
	catalog_put(s->catalog);
	arena_release(&s->arena);
	mem_free(s);
}
