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
#include "build.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/names.h"

#define KEY_SEPARATOR '\x1f'            /* between the parts of a key */

/* A group that is being filled; all three kinds. They live in the scratch arena. */
struct group {
	const char *key;
	struct group *parent;
	struct group *next;             /* in the list of its kind */
	const struct attributes *attr;  /* one of its instances' */
	void **members;                 /* instances, or groups; mem_alloc()ed */
	size_t n, cap;
	void *made;                     /* what it has become: the struct series, study, patient */
	char *name;                     /* while names are made: mem_alloc()ed */
};

struct builder {
	struct build *in;
	struct catalog *c;
	struct arena scratch;
	struct map by_attr;             /* address of attributes -> series group */
	struct map patients, studies, series;   /* key -> group */
	struct group *patient_list, *study_list, *series_list;
	struct map old_patients, old_studies, old_series;       /* key -> what the old catalog has */
	struct group copies;            /* instances of the builder's own: references */
	size_t duplicates_cap;
	struct buf key;
};

/* --- sorting out --------------------------------------------------------------------------- */

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
static struct group *find_group(struct builder *b, struct map *m, struct group **list, struct group *parent,
	const struct attributes *a)
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

static int add_member(struct group *g, void *member)
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

static int group_instances(struct builder *b)
{
	const struct attributes *last = NULL, **key;
	struct group *g = NULL;
	size_t i;

	for (i = 0; i < b->in->n; i++) {
		struct instance *in = b->in->instances[i];

		if (in->attr != last)
			g = map_get(&b->by_attr, &in->attr, sizeof in->attr);
		if (!g) {
			g = sort_out(b, in->attr);
			key = arena_memdup(&b->scratch, &in->attr, sizeof in->attr);
			if (!g || !key || map_put(&b->by_attr, key, sizeof *key, g) < 0)
				return -ENOMEM;
		}
		last = in->attr;
		if (add_member(g, in) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* --- order and duplicates --------------------------------------------------------------------- */

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

/* Same number and UID: perhaps one file twice. They are neighbours once sorted. */
static bool is_repeat(const struct instance *a, const struct instance *b)
{
	return a->number == b->number && a->sop_uid && b->sop_uid && strcmp(a->sop_uid, b->sop_uid) == 0;
}

static bool repeats(const struct group *g, size_t i)
{
	struct instance *const *in = (struct instance *const *)g->members;

	return (i > 0 && is_repeat(in[i - 1], in[i])) || (i + 1 < g->n && is_repeat(in[i], in[i + 1]));
}

/* Sort a series; append the places of those whose bytes must be known. */
static int sort_series(struct group *g, struct group *unknown)
{
	size_t i;

	qsort(g->members, g->n, sizeof *g->members, by_number);
	for (i = 0; i < g->n; i++)
		if (((struct instance *)g->members[i])->digest == 0 && repeats(g, i) &&
			add_member(unknown, &g->members[i]) < 0)
			return -ENOMEM;
	return 0;
}

/* Others may read the instance by now: a copy with its digest takes its place. */
static int replace(struct builder *b, struct instance **place, uint64_t digest)
{
	const struct instance *in = *place;
	struct instance *copy = instance_make(in, in->file, in->sop_uid, instance_problems(in), in->n_problems);

	if (!copy)
		return -ENOMEM;
	copy->digest = digest;
	if (add_member(&b->copies, copy) < 0) {
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
	rc = list && digests ? b->in->digest(b->in->arg, list, digests, unknown->n, err) : err_nomem(err);
	for (i = 0; rc == 0 && i < unknown->n; i++)
		if (replace(b, unknown->members[i], digests[i]) < 0)
			rc = err_nomem(err);
	mem_free(list);
	mem_free(digests);
	return rc;
}

static int add_duplicate(struct builder *b, struct instance *in)
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
static bool is_duplicate(struct instance *const *kept, size_t first, size_t n, const struct instance *in)
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
				if (add_duplicate(b, in[i]) < 0)
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

static int order_instances(struct builder *b, struct err *err)
{
	struct group unknown = { 0 }, *g;
	int rc = 0;

	for (g = b->series_list; g && rc == 0; g = g->next)
		rc = sort_series(g, &unknown);
	if (rc < 0)
		err_nomem(err);
	else if (unknown.n)
		rc = take_digests(b, &unknown, err);
	mem_free(unknown.members);
	for (g = b->series_list; g && rc == 0; g = g->next) {
		rc = drop_duplicates(b, g);
		if (rc < 0)
			err_nomem(err);
	}
	return rc;
}

/* --- names ------------------------------------------------------------------------------------- */

static const char *last_component(const char *uid)
{
	const char *dot = uid ? strrchr(uid, '.') : NULL;

	return dot && dot[1] ? dot + 1 : uid;
}

/* first + '_' + second, either alone, or otherwise; legal, mem_alloc()ed. NULL for want of memory. */
static char *compose(const char *first, const char *second, const char *otherwise)
{
	char name[NAME_MOST_BYTES + 1];
	struct buf b;

	buf_init(&b);
	if (first)
		name_add_legal(&b, first, strlen(first));
	if (first && second)
		buf_addc(&b, '_');
	if (second)
		name_add_legal(&b, second, strlen(second));
	if (!first && !second)
		name_add_legal(&b, otherwise, strlen(otherwise));
	if (!b.len)
		buf_adds(&b, "unknown");
	buf_addc(&b, '\0');
	if (buf_error(&b) < 0) {
		buf_release(&b);
		return NULL;
	}
	name_join(name, b.data, "", "");
	buf_release(&b);
	return mem_strdup(name);
}

static char *patient_name(const struct group *g)
{
	const char *name = g->attr->patient_id ? g->attr->patient_id : g->attr->patient_name;

	return compose(name, NULL, "unknown");
}

/* The parts are those of the first instance, in order, that has them. */
static char *study_name(const struct group *g)
{
	const char *date = NULL, *description = NULL, *uid = last_component(g->attr->study_uid);
	const struct attributes *a;
	size_t i;

	for (i = 0; i < g->n && (!date || !description); i++) {
		a = ((struct instance *)((struct group *)g->members[i])->members[0])->attr;
		date = date ? date : a->study_date;
		description = description ? description : a->study_description;
	}
	return compose(date, description, uid ? uid : "unknown");
}

static char *series_name(const struct group *g)
{
	const struct attributes *a = ((struct instance *)g->members[0])->attr;
	const char *uid = last_component(a->series_uid), *text = a->series_description;
	char number[16];

	snprintf(number, sizeof number, "%d", a->series_number);
	text = text ? text : a->protocol_name ? a->protocol_name : a->modality;
	return compose(a->series_number == INSTANCE_NO_INT ? NULL : number, text, uid ? uid : "unknown");
}

/* What tells a group from its namesakes: its UID, or the value that it is named after. */
static uint64_t identity(const struct group *g)
{
	const struct attributes *a = g->attr;
	uint64_t seed = 0;

	if (!g->parent)
		return hash_str(a->patient_id ? a->patient_id : a->patient_name ? a->patient_name : "");
	if (!g->parent->parent)
		return hash_str(a->study_uid ? a->study_uid : g->key);
	if (a->series_number != INSTANCE_NO_INT)
		seed = (uint64_t)(uint32_t)a->series_number;
	return a->series_uid ? hash_bytes(seed, a->series_uid, strlen(a->series_uid)) : hash_str(g->key);
}

/* Name n groups of one folder. */
static int name_groups(void **groups, size_t n, char *(*name_of)(const struct group *))
{
	struct name_entry *e = mem_calloc(n, sizeof *e);
	struct group *g;
	size_t i;
	int rc = e ? 0 : -ENOMEM;

	for (i = 0; i < n && rc == 0; i++) {
		g = groups[i];
		e[i] = (struct name_entry){ .name = name_of(g), .ending = "", .identity = identity(g) };
		rc = e[i].name ? 0 : -ENOMEM;
	}
	if (rc == 0)
		rc = name_make_unique(e, n);
	for (i = 0; e && i < n; i++) {
		g = groups[i];
		g->name = e[i].name;
	}
	mem_free(e);
	return rc;
}

/* The length of a file's name without its ending: ".dcm", ".IMA", but not the last part of a UID. */
static size_t stem_length(const char *file)
{
	size_t len = strlen(file), i;
	const char *dot = strrchr(file, '.');
	bool letters = false;

	if (!dot || dot == file || !dot[1] || len - (size_t)(dot - file) > 6)
		return len;
	for (i = 1; dot[i]; i++) {
		if (!((dot[i] >= '0' && dot[i] <= '9') || ((dot[i] | 32) >= 'a' && (dot[i] | 32) <= 'z')))
			return len;
		letters = letters || dot[i] > '9';
	}
	return letters ? (size_t)(dot - file) : len;
}

static char *instance_name(const struct instance *in, bool hide_files)
{
	char number[16], *name;
	struct buf b;

	if (in->number != INSTANCE_NO_INT) {
		snprintf(number, sizeof number, "%05d", in->number);
		return mem_strdup(number);
	}
	if (hide_files)
		return mem_strdup("instance");
	buf_init(&b);
	name_add_legal(&b, in->file, stem_length(in->file));
	buf_addc(&b, '\0');
	name = buf_error(&b) < 0 ? NULL : mem_strdup(b.data);
	buf_release(&b);
	return name;
}

static uint64_t instance_identity(const struct group *g, size_t i)
{
	const struct instance *in = g->members[i];
	uint64_t h;

	if (in->sop_uid && repeats(g, i))
		return in->digest;
	if (in->sop_uid)
		return hash_str(in->sop_uid);
	h = hash_str(in->dir);
	return hash_bytes(h, in->file, strlen(in->file));
}

/* Names of a series' instances, unique: n texts, mem_alloc()ed like their array. */
static char **name_instances(const struct group *g, bool hide_files)
{
	struct name_entry *e = mem_calloc(g->n, sizeof *e);
	char **names = mem_calloc(g->n, sizeof *names);
	size_t i;
	int rc = e && names ? 0 : -ENOMEM;

	for (i = 0; i < g->n && rc == 0; i++) {
		e[i] = (struct name_entry){
			
			.name = instance_name(g->members[i], hide_files), .ending = "", .identity = instance_identity(g, i),
		};
		rc = e[i].name ? 0 : -ENOMEM;
	}
	if (rc == 0)
		rc = name_make_unique(e, g->n);
	for (i = 0; e && i < g->n; i++) {
		if (rc == 0)
			names[i] = e[i].name;
		else
			mem_free(e[i].name);
	}
	mem_free(e);
	if (rc == 0)
		return names;
	mem_free(names);
	return NULL;
}

/* --- making ------------------------------------------------------------------------------------ */

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
	size_t size = sizeof(struct series) + g->n * 2 * sizeof(void *) + strlen(g->name) + strlen(g->key) + 2, i;
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
		memcmp(old->instances, g->members, g->n * sizeof *g->members) == 0;
}

/* The old one where nothing changed, else a new one, in old's place where there is one. */
static struct series *take_series(struct builder *b, const struct group *g)
{
	struct series *old = map_get_str(&b->old_series, g->key), *s;
	char **names;
	size_t i;

	if (is_same_series(old, g))
		return series_get(old);
	names = name_instances(g, b->in->hide_files);
	if (!names)
		return NULL;
	s = make_series(g, names);
	for (i = 0; i < g->n; i++)
		mem_free(names[i]);
	mem_free(names);
	if (!s)
		return NULL;
	s->id = old ? old->id : b->c->next_series++;
	s->version = old ? old->version + 1 : 1;
	return s;
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
	st->uid = g->attr->study_uid;
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
		if (a->studies[i]->id != b->studies[i]->id || a->studies[i]->version != b->studies[i]->version)
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
		if (g->n && add_member(g->parent, g) < 0)
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
		qsort(study->members, study->n, sizeof *study->members, by_series_number);
		if (name_groups(study->members, study->n, series_name) < 0)
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
		if (name_groups(patient->members, patient->n, study_name) < 0)
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
		rc = add_member(&all, g);
	if (rc == 0)
		rc = name_groups(all.members, all.n, patient_name);
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

/* --- by id -------------------------------------------------------------------------------------- */

#define compare_ids(name, type)                                                 \
	static int name(const void *x, const void *y)                           \
	{                                                                       \
		const type *a = *(type *const *)x, *b = *(type *const *)y;      \
		return (a->id > b->id) - (a->id < b->id);                       \
	}

compare_ids(by_patient_id, struct patient)
compare_ids(by_study_id, struct study)
compare_ids(by_series_id, struct series)
compare_ids(by_instance_id, struct instance)

static void collect_study(struct catalog *c, struct study *st, uint32_t *n_series, uint32_t *n_instances)
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
	if (!c->patients_by_id || !c->studies_by_id || !c->series_by_id || !c->study_of || !c->instances_by_id)
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
	qsort(c->instances_by_id, c->n_instances, sizeof *c->instances_by_id, by_instance_id);
	c->n_ids = n_instances ? c->instances_by_id[n_instances - 1]->id + 1 : 0;
	note_study_of(c);
	return 0;
}

/* --- all of it ------------------------------------------------------------------------------------ */

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
		rc = map_put_str(&b->old_studies, old->studies_by_id[i]->key, old->studies_by_id[i]);
	for (i = 0; i < old->n_series && rc == 0; i++)
		rc = map_put_str(&b->old_series, old->series_by_id[i]->key, old->series_by_id[i]);
	return rc;
}

static void release_list(struct group *list)
{
	for (; list; list = list->next) {
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
	rc = learn_old(&b) < 0 || group_instances(&b) < 0 ? err_nomem(err) : order_instances(&b, err);
	if (rc == 0 && (make_all_series(&b) < 0 || make_all_studies(&b) < 0 || make_all_patients(&b) < 0 ||
			make_id_tables(b.c) < 0))
		rc = err_nomem(err);
	if (rc < 0)
		abandon(&b);
	else
		*out = b.c;
	builder_release(&b);
	return rc;
}
