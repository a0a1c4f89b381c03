/* SPDX-License-Identifier: MIT */
/* What patients, studies, series and instances are called: a rule a function. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/names.h"
#include "base/utf8.h"
#include "group.h"

#define NUMBER_MOST 12u /* "-2147483648" */

static const char *last_component(const char *uid)
{
	const char *dot = uid ? strrchr(uid, '.') : NULL;

	return dot && dot[1] ? dot + 1 : uid;
}

/* So that marks and endings of files find room behind it: a name is cut before it is made unique, and
 * stays as it is in every view. */
static char *cut_name(const char *name)
{
	char *copy = mem_strdup(name);

	if (copy)
		copy[utf8_cut(copy, strlen(copy), NAME_MOST_STEM)] = '\0';
	return copy;
}

/* first + '_' + second, either alone, or otherwise; legal, mem_alloc()ed. NULL for want of
 * memory. */
static char *compose(const char *first, const char *second, const char *otherwise)
{
	struct buf b;
	char *name;

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
	name = cut_name(b.data);
	buf_release(&b);
	return name;
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
	return compose(a->series_number == INSTANCE_NO_INT ? NULL : number, text,
		uid ? uid : "unknown");
}

/* What tells a group from its namesakes: its UID, or the value that it is named after. */
static uint64_t identity(const struct group *g)
{
	const struct attributes *a = g->attr;
	uint64_t seed = 0;

	if (!g->parent) /* an ID may be another's name */
		return hash_str(a->patient_id ? a->patient_id : g->key);
	if (!g->parent->parent)
		return hash_str(a->study_uid ? a->study_uid : g->key);
	if (a->series_number != INSTANCE_NO_INT)
		seed = (uint64_t)(uint32_t)a->series_number;
	return a->series_uid ? hash_bytes(seed, a->series_uid, strlen(a->series_uid)) :
			       hash_str(g->key);
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
		e[i] = (struct name_entry){ .name = name_of(g),
			.ending = "",
			.identity = identity(g) };
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

int group_name_patients(void **groups, size_t n)
{
	return name_groups(groups, n, patient_name);
}

int group_name_studies(void **groups, size_t n)
{
	return name_groups(groups, n, study_name);
}

int group_name_series(void **groups, size_t n)
{
	return name_groups(groups, n, series_name);
}

/* The length of a file's name without its ending: ".dcm", ".IMA", not the last part of a UID. */
static size_t stem_length(const char *file)
{
	size_t len = strlen(file), i;
	const char *dot = strrchr(file, '.');
	bool letters = false;

	if (!dot || dot == file || !dot[1] || len - (size_t)(dot - file) > 6)
		return len;
	for (i = 1; dot[i]; i++) {
		if (!((dot[i] >= '0' && dot[i] <= '9') ||
			    ((dot[i] | 32) >= 'a' && (dot[i] | 32) <= 'z')))
			return len;
		letters = letters || dot[i] > '9';
	}
	return letters ? (size_t)(dot - file) : len;
}

/* As "%05d". */
static void put_number(char *to, int32_t number)
{
	char digits[NUMBER_MOST];
	uint32_t v = number < 0 ? 0u - (uint32_t)number : (uint32_t)number;
	int n = 0;

	for (; v || n < 5 - (number < 0); v /= 10)
		digits[n++] = (char)('0' + v % 10);
	if (number < 0)
		digits[n++] = '-';
	while (n > 0)
		*to++ = digits[--n];
	*to = '\0';
}

static char *instance_name(const struct instance *in, bool hide_files)
{
	char number[NUMBER_MOST], *name;
	struct buf b;

	if (in->number != INSTANCE_NO_INT) {
		put_number(number, in->number);
		return mem_strdup(number);
	}
	if (hide_files)
		return mem_strdup("instance");
	buf_init(&b);
	name_add_legal(&b, in->file, stem_length(in->file));
	buf_addc(&b, '\0');
	name = buf_error(&b) < 0 ? NULL : cut_name(b.data);
	buf_release(&b);
	return name;
}

static uint64_t member_identity(const struct group *g, size_t i)
{
	const struct instance *in = g->members[i];

	return in->sop_uid && group_repeats(g, i) ? in->digest : instance_identity(in);
}

/* Numbers that rise from one to the next are names that differ. */
static bool numbers_rise(const struct group *g)
{
	const struct instance *last = g->members[0], *in;
	size_t i;

	if (last->number == INSTANCE_NO_INT)
		return false;
	for (i = 1; i < g->n; i++, last = in) {
		in = g->members[i];
		if (in->number <= last->number)
			return false;
	}
	return true;
}

/* An array of n texts of at most `most` bytes, NULs included, in one block with them. */
static char **new_names(size_t n, size_t most)
{
	char **names = mem_resize(NULL, n, sizeof *names + most);
	char *text = (char *)(names + n);
	size_t i;

	for (i = 0; names && i < n; i++)
		names[i] = text + i * most;
	return names;
}

/* The usual case: nothing has to be made unique. */
static char **name_by_number(const struct group *g)
{
	char **names = new_names(g->n, NUMBER_MOST);
	size_t i;

	for (i = 0; names && i < g->n; i++)
		put_number(names[i], ((const struct instance *)g->members[i])->number);
	return names;
}

/* The texts of the entries, in one block. */
static char **gather_names(const struct name_entry *e, size_t n)
{
	char **names;
	size_t most = 0, i;

	for (i = 0; i < n; i++)
		if (strlen(e[i].name) >= most)
			most = strlen(e[i].name) + 1;
	names = new_names(n, most);
	for (i = 0; names && i < n; i++)
		memcpy(names[i], e[i].name, strlen(e[i].name) + 1);
	return names;
}

char **group_name_instances(const struct group *g, bool hide_files)
{
	struct name_entry *e;
	char **names = NULL;
	size_t i;
	int rc = 0;

	if (numbers_rise(g))
		return name_by_number(g);
	e = mem_calloc(g->n, sizeof *e);
	if (!e)
		return NULL;
	for (i = 0; i < g->n && rc == 0; i++) {
		e[i] = (struct name_entry){
			.name = instance_name(g->members[i], hide_files),
			.ending = "",
			.identity = member_identity(g, i),
		};
		rc = e[i].name ? 0 : -ENOMEM;
	}
	if (rc == 0)
		rc = name_make_unique(e, g->n);
	if (rc == 0)
		names = gather_names(e, g->n);
	for (i = 0; i < g->n; i++)
		mem_free(e[i].name);
	mem_free(e);
	return names;
}
