/* SPDX-License-Identifier: MIT */
/* A finished catalog: references and look-ups. build.c makes it. */
#include "index/catalog.h"

#include "base/mem.h"

struct series *series_get(struct series *s)
{
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

void series_put(struct series *s)
{
	uint32_t i;

	if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (i = 0; i < s->n_instances; i++)
		instance_put(s->instances[i]);
	mem_free(s);
}

struct catalog *catalog_get(struct catalog *c)
{
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

void catalog_put(struct catalog *c)
{
	uint32_t i;

	if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (i = 0; i < c->n_series; i++)
		series_put(c->series_by_id[i]);
	arena_release(&c->arena);
	mem_free(c);
}

/* The place of id among n things in the order of their ids; n: it is not there. */
#define find_id(array, n, wanted, place)                                                           \
	do {                                                                                       \
		uint32_t low_ = 0, high_ = (n), mid_;                                              \
		while (low_ < high_) {                                                             \
			mid_ = low_ + (high_ - low_) / 2;                                          \
			if ((array)[mid_]->id < (wanted))                                          \
				low_ = mid_ + 1;                                                   \
			else                                                                       \
				high_ = mid_;                                                      \
		}                                                                                  \
		(place) = low_ < (n) && (array)[low_]->id == (wanted) ? low_ : (n);                \
	} while (0)

struct instance *catalog_instance(const struct catalog *c, uint32_t id)
{
	uint32_t i;

	find_id(c->instances_by_id, c->n_instances, id, i);
	return i < c->n_instances ? c->instances_by_id[i] : NULL;
}

const struct series *catalog_series(const struct catalog *c, uint32_t id)
{
	uint32_t i;

	find_id(c->series_by_id, c->n_series, id, i);
	return i < c->n_series ? c->series_by_id[i] : NULL;
}

const struct study *catalog_study(const struct catalog *c, uint32_t id)
{
	uint32_t i;

	find_id(c->studies_by_id, c->n_studies, id, i);
	return i < c->n_studies ? c->studies_by_id[i] : NULL;
}

const struct patient *catalog_patient(const struct catalog *c, uint32_t id)
{
	uint32_t i;

	find_id(c->patients_by_id, c->n_patients, id, i);
	return i < c->n_patients ? c->patients_by_id[i] : NULL;
}

const struct study *catalog_study_of(const struct catalog *c, const struct series *s)
{
	uint32_t i;

	find_id(c->series_by_id, c->n_series, s->id, i);
	return i < c->n_series ? c->study_of[i] : NULL;
}
