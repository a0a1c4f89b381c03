/* SPDX-License-Identifier: MIT */
/* plan_study(): the steps of planning.h one after another, and what they share. */
#include "volume/plan.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "dicom/dataset.h"
#include "volume/planning.h"

void *plan_grow(struct planner *p, void *array_at, uint32_t *n, uint32_t *cap, size_t size)
{
	char **array = array_at;
	uint32_t new_cap = *cap ? *cap * 2 : 16;
	char *bigger;

	if (*n == *cap) {
		bigger = arena_zalloc(&p->scratch, new_cap, size);
		if (!bigger)
			return NULL;
		if (*n)
			memcpy(bigger, *array, *n * size);
		*array = bigger;
		*cap = new_cap;
	}
	return *array + (*n)++ * size;
}

int plan_problem(struct planner *p, const struct instance *in, const char *fmt, ...)
{
	char text[200];
	va_list args;
	struct volume_problem *problem;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	problem = plan_grow(p, &p->problems, &p->n_problems, &p->cap_problems, sizeof *problem);
	if (!problem)
		return -ENOMEM;
	problem->in = in;
	problem->text = arena_strdup(p->keep, text);
	return problem->text ? 0 : -ENOMEM;
}

static void forget_header(struct planner *p)
{
	dcm_header_free(p->header);
	p->header = NULL;
	p->header_of = NULL;
}

/* It has nothing to do with the file: who asks gets the error, and who asks again a plan. */
static bool is_passing(int rc)
{
	return rc == -ENOMEM || rc == -EMFILE || rc == -ENFILE || rc == -EINTR;
}

static int read_header(struct planner *p, const struct instance *in, struct dcm_header **out)
{
	struct err err = { 0 };
	int rc = files_header(p->files, in, DCM_LOAD_BEFORE_PIXELS, 0, out, &err);

	if (rc == 0)
		return 0;
	*out = NULL;
	plan_problem(p, in, "header: %s", err.msg);
	if (is_passing(rc))
		p->passing = err;
	return rc;
}

const struct dcm_header *plan_header(struct planner *p, const struct instance *in)
{
	int rc;

	if (p->header_of != in) {
		forget_header(p);
		rc = read_header(p, in, &p->header);
		p->header_is_unread = rc < 0 && !files_fails_for_good(rc);
		p->header_of = in;
	}
	p->n_unread += p->header_is_unread;
	return p->header;
}

struct dcm_header *plan_second_header(struct planner *p, const struct instance *in)
{
	struct dcm_header *h;
	int rc = read_header(p, in, &h);

	p->n_unread += rc < 0 && !files_fails_for_good(rc);
	return h;
}

struct plan_block *plan_new_block(struct planner *p, struct series *s, const struct instance *in,
	uint32_t n_images)
{
	struct plan_block *b = plan_grow(p, &p->blocks, &p->n_blocks, &p->cap_blocks, sizeof *b);

	if (!b)
		return NULL;
	b->images = arena_zalloc(&p->scratch, n_images, sizeof *b->images);
	if (!b->images)
		return NULL;
	b->n_planes = b->n_times = 1;
	b->tiles_across = b->tiles_down = 1;
	b->traits = plan_kind(p, in->attr)->traits;
	for (uint32_t i = 0; i < n_images; i++) {
		b->images[i].series = s;
		b->images[i].in = in;
		b->images[i].acquisition_is_time = b->traits.acquisition_is_time;
	}
	return b;
}

/* Volumes from a draft on, where headers were lacking: with them they may have other bytes under the
 * same name, and are others then. */
static void mark_incomplete(struct planner *p, uint32_t draft)
{
	static const char mark[] = "incomplete";

	for (; draft < p->n_drafts; draft++) {
		struct volume *v = p->drafts[draft].v;

		v->identity = hash_bytes(v->identity, mark, sizeof mark);
	}
}

static int make_volumes(struct planner *p, struct err *err)
{
	for (uint32_t g = 0; g < p->n_groups; g++) {
		struct plan_stack *stacks;
		uint32_t n;
		int rc = plan_order_group(p, &p->groups[g], &stacks, &n, err);

		for (uint32_t i = 0; !rc && i < n; i++) {
			uint32_t unread = p->n_unread;

			rc = plan_make_volume(p, &stacks[i], err);
			if (!rc && (p->n_unread != unread || stacks[i].block->is_incomplete))
				mark_incomplete(p, p->n_drafts - 1);
		}
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int derive_volumes(struct planner *p, struct err *err)
{
	int rc = 0;

	for (uint32_t i = 0, n = p->n_drafts; !rc && i < n; i++) {
		uint32_t unread = p->n_unread, first = p->n_drafts;

		rc = plan_derive(p, i, err);
		if (!rc && p->n_unread != unread)
			mark_incomplete(p, first);
	}
	return rc;
}

static int compare_names(const void *a, const void *b)
{
	const struct volume *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static int publish(struct planner *p, struct volume_set *set, struct err *err)
{
	set->volumes = arena_zalloc(p->keep, p->n_drafts + 1, sizeof *set->volumes);
	set->problems = arena_memdup(p->keep, p->problems, p->n_problems * sizeof *p->problems);
	if (!set->volumes || (p->n_problems && !set->problems))
		return err_nomem(err);
	set->n_problems = p->n_problems;
	set->n_unread = p->n_unread;
	for (uint32_t i = 0; i < p->n_drafts; i++) {
		p->drafts[i].v->set = set;
		if (!p->drafts[i].is_step)
			set->volumes[set->n_volumes++] = p->drafts[i].v;
	}
	qsort(set->volumes, set->n_volumes, sizeof *set->volumes, compare_names);
	for (uint32_t i = 0; i < set->n_volumes; i++)
		set->volumes[i]->index = i;
	return 0;
}

int plan_study(struct catalog *catalog, const struct study *study, struct files *files,
	struct volume_set **out, struct err *err)
{
	struct volume_set *set = mem_calloc(1, sizeof *set);
	struct planner p = { .catalog = catalog, .study = study, .files = files };
	int rc;

	if (!set)
		return err_nomem(err);
	set->refs = 1;
	set->study_id = study->id;
	set->study_version = study->version;
	set->catalog = catalog_get(catalog);
	p.keep = &set->arena;
	rc = plan_collect(&p, err);
	if (!rc)
		rc = plan_group_blocks(&p, err);
	if (!rc)
		rc = make_volumes(&p, err);
	if (!rc)
		rc = derive_volumes(&p, err);
	if (!rc)
		rc = plan_name_volumes(&p, err);
	if (!rc)
		rc = publish(&p, set, err);
	forget_header(&p);
	arena_release(&p.scratch);
	if (rc == 0 && p.passing.code) {
		if (err)
			*err = p.passing;
		rc = p.passing.code;
	}
	if (rc < 0) {
		volume_set_put(set);
		return rc;
	}
	*out = set;
	return 0;
}
