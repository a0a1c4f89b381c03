/* SPDX-License-Identifier: MIT */
/*
 * Grouping. An instance's patient, study and series follow from its attributes
 * alone, and those are shared blocks: each block is sorted out once, by texts that say
 * what its groups are (their keys), and an instance then costs one look-up by
 * address.
 *
 * Keys say more than names do: two patients whose IDs differ in a blank have one
 * legal name, and each gets a mark.
 */
#include "group.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

#define KEY_SEPARATOR '\x1f' /* between the parts of a key */

/* ---- sorting out ---- */

static void add_part(struct buf *b, char kind, const char *text)
{
	buf_addc(b, kind);
	buf_adds(b, text ? text : "");
	buf_addc(b, KEY_SEPARATOR);
}

static void add_number(struct buf *b, int32_t number)
{
	if (number != INSTANCE_NO_INT)
		buf_add_i64(b, number);
	buf_addc(b, KEY_SEPARATOR);
}

static void patient_key(struct buf *b, const struct attributes *a)
{
	if (a->patient_id)
		add_part(b, 'I', a->patient_id);
	else
		add_part(b, 'N', a->patient_name);
}

/* Behind the patient's. */
static void study_key(struct buf *b, const struct attributes *a)
{
	if (a->study_uid) {
		add_part(b, 'U', a->study_uid);
		return;
	}
	add_part(b, 'D', a->study_date);
	add_part(b, 'T', a->study_time);
	add_part(b, 'I', a->study_id);
	add_part(b, 'X', a->study_description);
}

/* Behind the study's. */
static void series_key(struct buf *b, const struct attributes *a)
{
	if (a->series_uid) {
		add_part(b, 'U', a->series_uid);
	} else {
		add_part(b, 'X', a->series_description);
		add_part(b, 'P', a->protocol_name);
		add_part(b, 'M', a->modality);
	}
	add_number(b, a->series_number);
}

/* The group of the key in `b`, made where there is none yet. */
static struct group *find_group(struct builder *b, struct map *m, struct group **list,
	struct group *parent, const struct attributes *a)
{
	struct group *g = map_get(m, b->key.data, b->key.len);

	if (g || buf_error(&b->key) < 0)
		return g;
	g = arena_zalloc(&b->scratch, 1, sizeof *g);
	if (!g)
		return NULL;
	g->key = arena_strndup(&b->scratch, b->key.data, b->key.len);
	g->parent = parent;
	g->attr = a;
	if (!g->key || map_put(m, g->key, b->key.len, g) < 0)
		return NULL;
	g->next = *list;
	*list = g;
	return g;
}

int group_add_member(struct group *g, void *member)
{
	void **more;

	if (g->n == g->cap) {
		more = mem_resize(g->members, g->cap ? g->cap * 2 : 8, sizeof *more);
		if (!more)
			return -ENOMEM;
		g->members = more;
		g->cap = g->cap ? g->cap * 2 : 8;
	}
	g->members[g->n++] = member;
	return 0;
}

/* The series group of a block of attributes. */
static struct group *sort_out(struct builder *b, const struct attributes *a)
{
	struct group *patient, *study;

	buf_reset(&b->key);
	patient_key(&b->key, a);
	patient = find_group(b, &b->patients, &b->patient_list, NULL, a);
	study_key(&b->key, a);
	study = patient ? find_group(b, &b->studies, &b->study_list, patient, a) : NULL;
	series_key(&b->key, a);
	return study ? find_group(b, &b->series, &b->series_list, study, a) : NULL;
}

/* The same, remembered by address. */
static struct group *find_series(struct builder *b, const struct attributes *a)
{
	struct group *g = map_get(&b->by_attr, &a, sizeof a);
	const struct attributes **key;

	if (g)
		return g;
	g = sort_out(b, a);
	key = arena_memdup(&b->scratch, &a, sizeof a);
	if (!g || !key || map_put(&b->by_attr, key, sizeof *key, g) < 0)
		return NULL;
	return g;
}

static int add_instances(struct builder *b, struct instance *const *list, size_t n)
{
	const struct attributes *last = NULL;
	struct group *g = NULL;
	size_t i;

	for (i = 0; i < n; i++) {
		if (list[i]->attr != last)
			g = find_series(b, list[i]->attr);
		if (!g || group_add_member(g, list[i]) < 0)
			return -ENOMEM;
		last = list[i]->attr;
	}
	return 0;
}

/* ---- what stays as it was ---- */

static bool is_gone(const struct build_rest *r, const struct instance *in)
{
	size_t low = 0, high = r->n_gone, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if ((uintptr_t)r->gone[mid] < (uintptr_t)in)
			low = mid + 1;
		else
			high = mid;
	}
	return low < r->n_gone && r->gone[low] == in;
}

/* What an old series still has joins what is new of it; one to which nothing happened is kept. */
static int add_old_series(struct builder *b, struct series *s)
{
	struct group *g = map_get_str(&b->series, s->key);
	uint32_t i;

	if (!g) {
		g = find_series(b, s->instances[0]->attr);
		if (!g)
			return -ENOMEM;
		g->kept = s;
		g->members = (void **)s->instances;
		g->n = s->n_instances;
		return 0;
	}
	for (i = 0; i < s->n_instances; i++)
		if (!is_gone(b->in->rest, s->instances[i]) &&
			group_add_member(g, s->instances[i]) < 0)
			return -ENOMEM;
	return 0;
}

/* Equal files that were not shown may be the first now, where something happened to their series. */
static int add_old_duplicates(struct builder *b)
{
	const struct build_rest *r = b->in->rest;
	struct group *g;
	size_t i;

	for (i = 0; i < r->n_duplicates; i++) {
		g = find_series(b, r->duplicates[i]->attr);
		if (!g ||
			(g->kept ? group_add_duplicate(b, r->duplicates[i]) :
				   group_add_member(g, r->duplicates[i])) < 0)
			return -ENOMEM;
	}
	return 0;
}

int group_instances(struct builder *b)
{
	const struct build_rest *r = b->in->rest;
	size_t i;

	if (add_instances(b, b->in->instances, b->in->n) < 0)
		return -ENOMEM;
	if (!r)
		return 0;
	for (i = 0; i < r->n_gone; i++)
		if (!find_series(b, r->gone[i]->attr))
			return -ENOMEM;
	for (i = 0; i < b->in->old->n_series; i++)
		if (add_old_series(b, b->in->old->series_by_id[i]) < 0)
			return -ENOMEM;
	return add_old_duplicates(b);
}

/* ---- order and duplicates ---- */

/* What follows in "dir/file": the character, and the rest. */
static int next_char(const char **s, const char **then)
{
	if (!**s && *then) {
		*s = *then;
		*then = NULL;
		return '/';
	}
	return (unsigned char)*(*s)++;
}

int build_compare_paths(const struct instance *a, const struct instance *b)
{
	const char *s = a->dir, *t = b->dir, *s_then = a->file, *t_then = b->file;
	int c, d;

	if (a->dir == b->dir)
		return strcmp(a->file, b->file);
	if (!*s) {
		s = s_then;
		s_then = NULL;
	}
	if (!*t) {
		t = t_then;
		t_then = NULL;
	}
	do {
		c = next_char(&s, &s_then);
		d = next_char(&t, &t_then);
	} while (c && c == d);
	return c - d;
}

static int compare_texts(const char *a, const char *b)
{
	if (a == b)
		return 0;
	return strcmp(a ? a : "", b ? b : "");
}

static int by_number(const void *x, const void *y)
{
	const struct instance *a = *(struct instance *const *)x, *b = *(struct instance *const *)y;
	int r = (a->number > b->number) - (a->number < b->number);

	if (r == 0)
		r = compare_texts(a->sop_uid, b->sop_uid);
	return r ? r : build_compare_paths(a, b);
}

/* What the index has comes in order, mostly. Nothing is, too. */
static bool is_sorted(const struct group *g)
{
	size_t i;

	for (i = 1; i < g->n; i++)
		if (by_number(&g->members[i - 1], &g->members[i]) > 0)
			return false;
	return true;
}

/* Same number and UID: perhaps one file twice. They are neighbours once sorted. */
static bool is_repeat(const struct instance *a, const struct instance *b)
{
	return a->number == b->number && a->sop_uid && b->sop_uid &&
		strcmp(a->sop_uid, b->sop_uid) == 0;
}

bool group_repeats(const struct group *g, size_t i)
{
	struct instance *const *in = (struct instance *const *)g->members;

	return (i > 0 && is_repeat(in[i - 1], in[i])) ||
		(i + 1 < g->n && is_repeat(in[i], in[i + 1]));
}

/* Sort a series; append the places of those whose bytes must be known. */
static int sort_series(struct group *g, struct group *unknown)
{
	size_t i;

	if (!is_sorted(g))
		qsort(g->members, g->n, sizeof *g->members, by_number);
	for (i = 0; i < g->n; i++)
		if (((struct instance *)g->members[i])->digest == 0 && group_repeats(g, i) &&
			group_add_member(unknown, &g->members[i]) < 0)
			return -ENOMEM;
	return 0;
}

/* Others may read the instance by now: a copy with its digest takes its place. */
static int replace(struct builder *b, struct instance **place, uint64_t digest)
{
	const struct instance *in = *place;
	struct instance *copy = instance_make(in, in->file, in->sop_uid, instance_problems(in),
		in->n_problems);

	if (!copy)
		return -ENOMEM;
	copy->digest = digest;
	if (group_add_member(&b->copies, copy) < 0) {
		instance_put(copy);
		return -ENOMEM;
	}
	*place = copy;
	return 0;
}

static int take_digests(struct builder *b, const struct group *unknown, struct err *err)
{
	struct instance **list = mem_resize(NULL, unknown->n, sizeof *list);
	uint64_t *digests = mem_calloc(unknown->n, sizeof *digests);
	size_t i;
	int rc;

	for (i = 0; list && i < unknown->n; i++)
		list[i] = *(struct instance **)unknown->members[i];
	rc = list && digests ? b->in->digest(b->in->arg, list, digests, unknown->n, err) :
			       err_nomem(err);
	for (i = 0; rc == 0 && i < unknown->n; i++)
		if (replace(b, unknown->members[i], digests[i]) < 0)
			rc = err_nomem(err);
	mem_free(list);
	mem_free(digests);
	return rc;
}

int group_add_duplicate(struct builder *b, struct instance *in)
{
	struct build *out = b->in;
	struct instance **more;
	size_t cap = b->duplicates_cap ? b->duplicates_cap * 2 : 16;

	if (out->n_duplicates == b->duplicates_cap) {
		more = mem_resize(out->duplicates, cap, sizeof *more);
		if (!more)
			return -ENOMEM;
		out->duplicates = more;
		b->duplicates_cap = cap;
	}
	out->duplicates[out->n_duplicates++] = instance_get(in);
	return 0;
}

/* Is in, one of those from `first` on that share a UID, equal to an earlier one? */
static bool is_duplicate(struct instance *const *kept, size_t first, size_t n,
	const struct instance *in)
{
	size_t i;

	for (i = first; i < n; i++)
		if (kept[i]->digest == in->digest && kept[i]->size == in->size)
			return true;
	return false;
}

/* Of equal files the first path stays. */
static int drop_duplicates(struct builder *b, struct group *g)
{
	struct instance **in = (struct instance **)g->members;
	size_t i, n = 0, first = 0;

	for (i = 0; i < g->n; i++) {
		if (n && is_repeat(in[n - 1], in[i])) {
			if (is_duplicate(in, first, n, in[i])) {
				if (group_add_duplicate(b, in[i]) < 0)
					return -ENOMEM;
				continue;
			}
		} else {
			first = n;
		}
		in[n++] = in[i];
	}
	g->n = n;
	return 0;
}

int group_order(struct builder *b, struct err *err)
{
	struct group unknown = { 0 }, *g;
	int rc = 0;

	for (g = b->series_list; g && rc == 0; g = g->next)
		rc = g->kept ? 0 : sort_series(g, &unknown);
	if (rc < 0)
		err_nomem(err);
	else if (unknown.n)
		rc = take_digests(b, &unknown, err);
	mem_free(unknown.members);
	for (g = b->series_list; g && rc == 0; g = g->next) {
		rc = g->kept ? 0 : drop_duplicates(b, g);
		if (rc < 0)
			err_nomem(err);
	}
	return rc;
}
