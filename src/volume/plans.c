/* SPDX-License-Identifier: MIT */
/*
 * Plans by study and version. One thread plans a study while the others that want it
 * wait; what was planned stays until PLANS_KEPT newer ones were asked for. A set lives as long as
 * anybody holds it, whatever is forgotten here.
 *
 * Of plans that lack a header more is remembered: a folder was listed by them, whether they are
 * forgotten by now or not, and shows too little until they are made again.
 */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "index/retry.h"
#include "volume/plan.h"

#define PLANS_KEPT 64u

struct slot {
	uint32_t study_id, version;
	bool used, planning;
	uint64_t asked;         /* when last, by the counter */
	unsigned n_waiting;     /* for the planning to end: it must not be reused */
	struct volume_set *set; /* a reference; NULL while planning */
};

/* A plan that lacks a header. */
struct lacking {
	uint32_t study_id, version;
	uint64_t digest; /* of its volumes */
};

struct plans {
	struct files *files;
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t done;
	uint64_t counter;
	struct slot slots[PLANS_KEPT];
	struct lacking *lacking;
	size_t n_lacking, cap_lacking;
	struct retry retry;
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
	mem_free(p->lacking);
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

/* --- what lacks a header ----------------------------------------------------------------- */

static int64_t now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

static uint64_t digest_of(const struct volume_set *set)
{
	uint64_t h = set->n_unread;

	for (uint32_t i = 0; i < set->n_volumes; i++) {
		const struct volume *v = set->volumes[i];

		h = hash_bytes(h, &v->identity, sizeof v->identity);
		h = hash_bytes(h, v->name, strlen(v->name));
	}
	return h;
}

static struct lacking *find_lacking(struct plans *p, uint32_t study_id, uint32_t version)
{
	for (size_t i = 0; i < p->n_lacking; i++)
		if (p->lacking[i].study_id == study_id && p->lacking[i].version == version)
			return &p->lacking[i];
	return NULL;
}

static struct lacking *add_lacking(struct plans *p)
{
	size_t cap = p->cap_lacking ? 2 * p->cap_lacking : 16;
	struct lacking *more;

	if (p->n_lacking == p->cap_lacking) {
		more = mem_resize(p->lacking, cap, sizeof *more);
		if (!more)
			return NULL;
		p->lacking = more;
		p->cap_lacking = cap;
	}
	return &p->lacking[p->n_lacking++];
}

/* Whether it lacks something or no longer does. */
static int note(struct plans *p, const struct volume_set *set)
{
	struct lacking *l = find_lacking(p, set->study_id, set->study_version);

	if (!set->n_unread) {
		if (l)
			*l = p->lacking[--p->n_lacking];
		return 0;
	}
	if (!l)
		l = add_lacking(p);
	if (!l)
		return -ENOMEM;
	*l = (struct lacking){ set->study_id, set->study_version, digest_of(set) };
	return 0;
}

/* set NULL: it failed, and the next who asks tries again. s NULL: there was no slot for it. */
static int settle(struct plans *p, struct slot *s, struct volume_set *set)
{
	int rc;

	pthread_mutex_lock(&p->lock);
	rc = set ? note(p, set) : 0;
	retry_plan(&p->retry, p->n_lacking, false, now_ns());
	if (s) {
		s->planning = false;
		s->used = set && rc == 0;
		s->set = s->used ? volume_set_get(set) : NULL;
		pthread_cond_broadcast(&p->done);
	}
	pthread_mutex_unlock(&p->lock);
	return rc;
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
		if (settle(p, mine, rc < 0 ? NULL : set) < 0) {
			volume_set_put(set);
			rc = err_nomem(err);
		}
	}
	*out = set;
	return rc;
}

/* In the place of the one that is there. Is it another? */
static bool replace(struct plans *p, const struct study *study, struct volume_set *set)
{
	struct volume_set *old = NULL;
	struct lacking *l;
	struct slot *s;
	bool other;

	pthread_mutex_lock(&p->lock);
	l = find_lacking(p, study->id, study->version);
	other = l && l->digest != digest_of(set);
	s = other ? find(p, study) : NULL;
	if (s && !s->planning) {
		old = s->set;
		s->set = volume_set_get(set);
	}
	if (other)
		(void)note(p, set); /* it is there already: nothing that can fail */
	pthread_mutex_unlock(&p->lock);
	volume_set_put(old);
	return other;
}

/* Nobody asks for it any more. */
static void forget_lacking(struct plans *p, const struct lacking *which)
{
	struct lacking *l;

	pthread_mutex_lock(&p->lock);
	l = find_lacking(p, which->study_id, which->version);
	if (l)
		*l = p->lacking[--p->n_lacking];
	pthread_mutex_unlock(&p->lock);
}

static bool retry_one(struct plans *p, struct catalog *newest, const struct lacking *l)
{
	const struct study *study = catalog_study(newest, l->study_id);
	struct volume_set *set;
	bool other;

	if (!study || study->version != l->version) {
		forget_lacking(p, l);
		return false;
	}
	if (plan_study(newest, study, p->files, &set, NULL) < 0)
		return false;
	other = replace(p, study, set);
	volume_set_put(set);
	return other;
}

/* Of a copy, since what is lacking may change meanwhile. */
void plans_retry(struct plans *p, struct catalog *newest, bool all, const _Atomic bool *stop,
	bool *changed)
{
	struct lacking *copy = NULL;
	size_t n;
	bool due;

	pthread_mutex_lock(&p->lock);
	n = p->n_lacking;
	due = n && (all || retry_is_due(&p->retry, now_ns()));
	if (due)
		copy = mem_dup(p->lacking, n * sizeof *copy);
	pthread_mutex_unlock(&p->lock);
	for (size_t i = 0; copy && i < n && !(stop && atomic_load(stop)); i++)
		*changed |= retry_one(p, newest, &copy[i]);
	pthread_mutex_lock(&p->lock);
	retry_plan(&p->retry, p->n_lacking, due, now_ns());
	pthread_mutex_unlock(&p->lock);
	mem_free(copy);
}

int64_t plans_waits_ms(struct plans *p)
{
	int64_t waits;

	pthread_mutex_lock(&p->lock);
	waits = retry_ms(&p->retry, now_ns());
	pthread_mutex_unlock(&p->lock);
	return waits;
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
