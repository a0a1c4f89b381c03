/* SPDX-License-Identifier: MIT */
/* From groups to a catalog: what did not change is taken from the old one, the rest is made. */
#include "build.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "group.h"

static int64_t newest(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static char *put_text(char **to, const char *text)
{
	char *at = *to;
	size_t len = strlen(text) + 1;

	memcpy(at, text, len);
	*to += len;
	return at;
}

/* A series as one block: the struct, two arrays, the texts. */
static struct series *make_series(const struct group *g, char *const *names)
{
	const struct attributes *a = ((struct instance *)g->members[0])->attr;
	size_t size = sizeof(struct series) + g->n * 2 * sizeof(void *) + strlen(g->name) +
		strlen(g->key) + 2,
	       i;
	struct series *s;
	char *to;

	for (i = 0; i < g->n; i++)
		size += strlen(names[i]) + 1;
	s = mem_calloc(1, size);
	if (!s)
		return NULL;
	s->instances = (struct instance **)(s + 1);
	s->instance_names = (const char **)(s->instances + g->n);
	to = (char *)(s->instance_names + g->n);
	for (i = 0; i < g->n; i++) {
		s->instances[i] = instance_get(g->members[i]);
		s->instance_names[i] = put_text(&to, names[i]);
		s->mtime_ns = newest(s->mtime_ns, s->instances[i]->mtime_ns);
	}
	s->name = put_text(&to, g->name);
	s->key = put_text(&to, g->key);
	s->n_instances = (uint32_t)g->n;
	s->uid = a->series_uid;
	s->number = a->series_number;
	atomic_init(&s->refs, 1);
	return s;
}

static bool is_same_series(const struct series *old, const struct group *g)
{
	return old && old->n_instances == g->n && strcmp(old->name, g->name) == 0 &&
		(old == g->kept ||
			memcmp(old->instances, g->members, g->n * sizeof *g->members) == 0);
}

/* The old one where nothing changed, else a new one, in old's place where there is one. */
static struct series *take_series(struct builder *b, const struct group *g)
{
	struct series *old = map_get_str(&b->old_series, g->key), *s;
	char **names;

	if (is_same_series(old, g))
		return series_get(old);
	names = group_name_instances(g, b->in->hide_files);
	if (!names)
		return NULL;
	s = make_series(g, names);
	mem_free(names);
	if (!s)
		return NULL;
	s->id = old ? old->id : b->c->next_series++;
	s->version = old ? old->version + 1 : 1;
	return s;
}

/* Of an instance that is in it: the group may have its attributes of one that has gone. */
static const char *study_uid(const struct group *study)
{
	const struct group *series = study->members[0];

	return ((const struct instance *)series->members[0])->attr->study_uid;
}

static struct study *take_study(struct builder *b, const struct group *g)
{
	const struct study *old = map_get_str(&b->old_studies, g->key);
	struct study *st = arena_zalloc(&b->c->arena, 1, sizeof *st);
	bool same;
	size_t i;

	if (!st)
		return NULL;
	st->name = arena_strdup(&b->c->arena, g->name);
	st->key = arena_strdup(&b->c->arena, g->key);
	st->series = arena_zalloc(&b->c->arena, g->n, sizeof *st->series);
	if (!st->name || !st->key || !st->series)
		return NULL;
	st->uid = study_uid(g);
	st->n_series = (uint32_t)g->n;
	for (i = 0; i < g->n; i++) {
		st->series[i] = ((struct group *)g->members[i])->made;
		st->mtime_ns = newest(st->mtime_ns, st->series[i]->mtime_ns);
	}
	same = old && old->n_series == st->n_series && strcmp(old->name, st->name) == 0 &&
		memcmp(old->series, st->series, g->n * sizeof *st->series) == 0;
	st->id = old ? old->id : b->c->next_study++;
	st->version = old ? old->version + !same : 1;
	return st;
}

static bool same_studies(const struct patient *a, const struct patient *b)
{
	uint32_t i;

	if (a->n_studies != b->n_studies || strcmp(a->name, b->name) != 0)
		return false;
	for (i = 0; i < a->n_studies; i++)
		if (a->studies[i]->id != b->studies[i]->id ||
			a->studies[i]->version != b->studies[i]->version)
			return false;
	return true;
}

static struct patient *take_patient(struct builder *b, const struct group *g)
{
	const struct patient *old = map_get_str(&b->old_patients, g->key);
	struct patient *p = arena_zalloc(&b->c->arena, 1, sizeof *p);
	size_t i;

	if (!p)
		return NULL;
	p->name = arena_strdup(&b->c->arena, g->name);
	p->key = arena_strdup(&b->c->arena, g->key);
	p->studies = arena_zalloc(&b->c->arena, g->n, sizeof *p->studies);
	if (!p->name || !p->key || !p->studies)
		return NULL;
	p->n_studies = (uint32_t)g->n;
	for (i = 0; i < g->n; i++) {
		p->studies[i] = ((struct group *)g->members[i])->made;
		p->studies[i]->patient = p;
		p->mtime_ns = newest(p->mtime_ns, p->studies[i]->mtime_ns);
	}
	p->id = old ? old->id : b->c->next_patient++;
	p->version = old ? old->version + !same_studies(old, p) : 1;
	return p;
}

static int by_series_number(const void *x, const void *y)
{
	const struct group *a = *(struct group *const *)x, *b = *(struct group *const *)y;
	int32_t m = a->attr->series_number, n = b->attr->series_number;
	int r = (m > n) - (m < n);

	return r ? r : strcmp(a->key, b->key);
}

static int by_name(const void *x, const void *y)
{
	const struct group *a = *(struct group *const *)x, *b = *(struct group *const *)y;
	int r = strcmp(a->name, b->name);

	return r ? r : strcmp(a->key, b->key);
}

/* Give each group its parent, the parents their members. */
static int adopt(struct group *list)
{
	struct group *g;

	for (g = list; g; g = g->next)
		if (g->n && group_add_member(g->parent, g) < 0)
			return -ENOMEM;
	return 0;
}

static int make_all_series(struct builder *b)
{
	struct group *study, *g;
	size_t i;

	if (adopt(b->series_list) < 0)
		return -ENOMEM;
	for (study = b->study_list; study; study = study->next) {
		if (study->n == 0) /* all of it has gone */
			continue;
		qsort(study->members, study->n, sizeof *study->members, by_series_number);
		if (group_name_series(study->members, study->n) < 0)
			return -ENOMEM;
		for (i = 0; i < study->n; i++) {
			g = study->members[i];
			g->made = take_series(b, g);
			if (!g->made)
				return -ENOMEM;
			b->c->n_series++;
			b->c->n_instances += (uint32_t)g->n;
		}
	}
	return 0;
}

static int make_all_studies(struct builder *b)
{
	struct group *patient, *g;
	size_t i;

	if (adopt(b->study_list) < 0)
		return -ENOMEM;
	for (patient = b->patient_list; patient; patient = patient->next) {
		if (patient->n == 0)
			continue;
		if (group_name_studies(patient->members, patient->n) < 0)
			return -ENOMEM;
		qsort(patient->members, patient->n, sizeof *patient->members, by_name);
		for (i = 0; i < patient->n; i++) {
			g = patient->members[i];
			g->made = take_study(b, g);
			if (!g->made)
				return -ENOMEM;
			b->c->n_studies++;
		}
	}
	return 0;
}

static int make_all_patients(struct builder *b)
{
	struct catalog *c = b->c;
	struct group all = { 0 }, *g;
	int rc = 0;
	size_t i;

	for (g = b->patient_list; g && rc == 0; g = g->next)
		rc = g->n ? group_add_member(&all, g) : 0;
	if (rc == 0)
		rc = group_name_patients(all.members, all.n);
	c->patients = rc < 0 ? NULL : arena_zalloc(&c->arena, all.n, sizeof *c->patients);
	if (c->patients && all.n)
		qsort(all.members, all.n, sizeof *all.members, by_name);
	for (i = 0; c->patients && i < all.n; i++) {
		c->patients[i] = take_patient(b, all.members[i]);
		if (!c->patients[i])
			break;
		c->mtime_ns = newest(c->mtime_ns, c->patients[i]->mtime_ns);
	}
	c->n_patients = (uint32_t)i;
	mem_free(all.members);
	return c->patients && c->n_patients == all.n ? 0 : -ENOMEM;
}

/* ---- by id ---- */

static int by_patient_id(const void *x, const void *y)
{
	const struct patient *a = *(struct patient *const *)x, *b = *(struct patient *const *)y;

	return (a->id > b->id) - (a->id < b->id);
}

static int by_study_id(const void *x, const void *y)
{
	const struct study *a = *(struct study *const *)x, *b = *(struct study *const *)y;

	return (a->id > b->id) - (a->id < b->id);
}

static int by_series_id(const void *x, const void *y)
{
	const struct series *a = *(struct series *const *)x, *b = *(struct series *const *)y;

	return (a->id > b->id) - (a->id < b->id);
}

static int by_instance_id(const void *x, const void *y)
{
	const struct instance *a = *(struct instance *const *)x, *b = *(struct instance *const *)y;

	return (a->id > b->id) - (a->id < b->id);
}

/* Ids are dense, mostly: laid out in a table they are in order. */
static void sort_instances(struct catalog *c)
{
	struct instance **at = c->instances_by_id, **table = NULL;
	uint32_t i, n = 0;

	for (i = 0; i < c->n_instances; i++)
		if (at[i]->id >= c->n_ids)
			c->n_ids = at[i]->id + 1;
	if (c->n_ids / 4 < c->n_instances)
		table = mem_calloc(c->n_ids, sizeof *table);
	if (!table) {
		qsort(at, c->n_instances, sizeof *at, by_instance_id);
		return;
	}
	for (i = 0; i < c->n_instances; i++)
		table[at[i]->id] = at[i];
	for (i = 0; i < c->n_ids; i++)
		if (table[i])
			at[n++] = table[i];
	mem_free(table);
}

static void collect_study(struct catalog *c, struct study *st, uint32_t *n_series,
	uint32_t *n_instances)
{
	uint32_t i, k;

	for (i = 0; i < st->n_series; i++) {
		c->series_by_id[(*n_series)++] = st->series[i];
		for (k = 0; k < st->series[i]->n_instances; k++)
			c->instances_by_id[(*n_instances)++] = st->series[i]->instances[k];
	}
}

static void note_study_of(struct catalog *c)
{
	uint32_t i, k;
	struct series **at;

	for (i = 0; i < c->n_studies; i++)
		for (k = 0; k < c->studies_by_id[i]->n_series; k++) {
			at = bsearch(&c->studies_by_id[i]->series[k], c->series_by_id, c->n_series,
				sizeof *c->series_by_id, by_series_id);
			c->study_of[at - c->series_by_id] = c->studies_by_id[i];
		}
}

static int make_id_tables(struct catalog *c)
{
	uint32_t i, k, n_studies = 0, n_series = 0, n_instances = 0;

	c->patients_by_id = arena_zalloc(&c->arena, c->n_patients, sizeof *c->patients_by_id);
	c->studies_by_id = arena_zalloc(&c->arena, c->n_studies, sizeof *c->studies_by_id);
	c->series_by_id = arena_zalloc(&c->arena, c->n_series, sizeof *c->series_by_id);
	c->study_of = arena_zalloc(&c->arena, c->n_series, sizeof *c->study_of);
	c->instances_by_id = arena_zalloc(&c->arena, c->n_instances, sizeof *c->instances_by_id);
	if (!c->patients_by_id || !c->studies_by_id || !c->series_by_id || !c->study_of ||
		!c->instances_by_id)
		return -ENOMEM;
	for (i = 0; i < c->n_patients; i++) {
		c->patients_by_id[i] = c->patients[i];
		for (k = 0; k < c->patients[i]->n_studies; k++) {
			c->studies_by_id[n_studies++] = c->patients[i]->studies[k];
			collect_study(c, c->patients[i]->studies[k], &n_series, &n_instances);
		}
	}
	qsort(c->patients_by_id, c->n_patients, sizeof *c->patients_by_id, by_patient_id);
	qsort(c->studies_by_id, c->n_studies, sizeof *c->studies_by_id, by_study_id);
	qsort(c->series_by_id, c->n_series, sizeof *c->series_by_id, by_series_id);
	sort_instances(c);
	note_study_of(c);
	return 0;
}

/* ---- all of it ---- */

static int learn_old(struct builder *b)
{
	const struct catalog *old = b->in->old;
	uint32_t i;
	int rc = 0;

	b->c->next_patient = b->c->next_study = b->c->next_series = 1;
	if (!old)
		return 0;
	b->c->gen = old->gen + 1;
	b->c->next_patient = old->next_patient;
	b->c->next_study = old->next_study;
	b->c->next_series = old->next_series;
	for (i = 0; i < old->n_patients && rc == 0; i++)
		rc = map_put_str(&b->old_patients, old->patients[i]->key, old->patients[i]);
	for (i = 0; i < old->n_studies && rc == 0; i++)
		rc = map_put_str(&b->old_studies, old->studies_by_id[i]->key,
			old->studies_by_id[i]);
	for (i = 0; i < old->n_series && rc == 0; i++)
		rc = map_put_str(&b->old_series, old->series_by_id[i]->key, old->series_by_id[i]);
	return rc;
}

static void release_list(struct group *list)
{
	for (; list; list = list->next) {
		if (!list->kept)
			mem_free(list->members);
		mem_free(list->name);
	}
}

static void builder_release(struct builder *b)
{
	size_t i;

	for (i = 0; i < b->copies.n; i++)
		instance_put(b->copies.members[i]);
	mem_free(b->copies.members);
	release_list(b->patient_list);
	release_list(b->study_list);
	release_list(b->series_list);
	map_release(&b->by_attr);
	map_release(&b->patients);
	map_release(&b->studies);
	map_release(&b->series);
	map_release(&b->old_patients);
	map_release(&b->old_studies);
	map_release(&b->old_series);
	arena_release(&b->scratch);
	buf_release(&b->key);
}

/* What was made before it failed. */
static void abandon(struct builder *b)
{
	const struct group *g;
	size_t i;

	for (g = b->series_list; g; g = g->next)
		series_put(g->made);
	b->c->n_series = 0;
	catalog_put(b->c);
	for (i = 0; i < b->in->n_duplicates; i++)
		instance_put(b->in->duplicates[i]);
	mem_free(b->in->duplicates);
	b->in->duplicates = NULL;
	b->in->n_duplicates = 0;
}

int build_catalog(struct build *in, struct catalog **out, struct err *err)
{
	struct builder b = { .in = in, .c = mem_calloc(1, sizeof *b.c) };
	int rc;

	in->duplicates = NULL;
	in->n_duplicates = 0;
	if (!b.c)
		return err_nomem(err);
	atomic_init(&b.c->refs, 1);
	rc = learn_old(&b) < 0 || group_instances(&b) < 0 ? err_nomem(err) : group_order(&b, err);
	if (rc == 0 &&
		(make_all_series(&b) < 0 || make_all_studies(&b) < 0 || make_all_patients(&b) < 0 ||
			make_id_tables(b.c) < 0))
		rc = err_nomem(err);
	if (rc < 0)
		abandon(&b);
	else
		*out = b.c;
	builder_release(&b);
	return rc;
}
