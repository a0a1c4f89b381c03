/* SPDX-License-Identifier: MIT */
/*
 * Step six: SERIES plus the suffixes of CONVERSION §8.2, and letters where nothing else tells volumes
 * apart: in a fixed order, so that the same files always get the same names.
 */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/map.h"
#include "base/names.h"
#include "volume/planning.h"

static void add_part(struct buf *b, uint8_t part)
{
	static const char *const words[] = {
		[IMAGE_PART_PHASE] = "_ph",
		[IMAGE_PART_REAL] = "_real",
		[IMAGE_PART_IMAGINARY] = "_imaginary",
		[IMAGE_PART_FIELD_MAP] = "_fieldmaphz",
	};

	if (part < sizeof words / sizeof *words && words[part])
		buf_adds(b, words[part]);
}

static void add_coil(struct buf *b, const char *coil)
{
	buf_adds(b, "_c");
	for (; coil && *coil; coil++)
		if (isalnum((unsigned char)*coil))
			buf_addc(b, *coil);
}

/* The number that users know an image by: with its series where one acquisition has many. */
static int64_t instance_number(const struct plan_stack *s, const struct instance *in)
{
	int64_t number = in->number == INSTANCE_NO_INT ? 0 : in->number;

	if (s->block->traits.scan_spans_series && !s->block->is_multiframe && number < 1000)
		number += (int64_t)in->attr->series_number * 1000;
	return number;
}

static const struct plan_image *first_image(const struct plan_group *g)
{
	return &g->blocks[0]->images[0];
}

/* Groups of one series together, by echo time; those without one last. */
static int compare_echoes(const void *a, const void *b)
{
	const struct plan_image *x = first_image(*(struct plan_group *const *)a),
				*y = first_image(*(struct plan_group *const *)b);

	if (x->series != y->series)
		return (uintptr_t)x->series < (uintptr_t)y->series ? -1 : 1;
	if (isnan(x->echo_time) || isnan(y->echo_time))
		return isnan(x->echo_time) - isnan(y->echo_time);
	return (x->echo_time > y->echo_time) - (x->echo_time < y->echo_time);
}

/* Of echoes without a number: by echo time, among the groups of the series. */
static int rank_echoes(struct planner *p)
{
	struct plan_group **sorted = arena_zalloc(&p->scratch, p->n_groups, sizeof *sorted);

	if (!sorted)
		return -1;
	for (uint32_t i = 0; i < p->n_groups; i++)
		sorted[i] = &p->groups[i];
	qsort(sorted, p->n_groups, sizeof *sorted, compare_echoes);
	for (uint32_t i = 0; i < p->n_groups; i++) {
		const struct plan_image *im = first_image(sorted[i]);

		sorted[i]->echo_rank = 1;
		if (i && first_image(sorted[i - 1])->series == im->series)
			sorted[i]->echo_rank = sorted[i - 1]->echo_rank +
				(first_image(sorted[i - 1])->echo_time != im->echo_time);
	}
	return 0;
}

static void add_suffix(struct buf *b, const struct plan_stack *s)
{
	const struct plan_group *g = s->group;
	const struct plan_image *im = s->images[0];

	if (g->coil_varies)
		add_coil(b, im->in->attr->coil_name);
	if (g->tr_varies && !isnan(im->repetition_time))
		buf_addf(b, "_r%d", (int)lroundf(im->repetition_time));
	if (im->echo_number > 1 || (g->echo_varies && im->echo_number > 0))
		buf_addf(b, "_e%d", im->echo_number);
	else if (g->echo_varies && !isnan(im->echo_time))
		buf_addf(b, "_e%u", g->echo_rank);
	if (g->orientation_varies)
		buf_addf(b, "_i%05lld", (long long)instance_number(s, im->in));
	add_part(b, im->part);
	if (g->trigger_varies && im->trigger_delay >= 1.0f)
		buf_addf(b, "_t%d", (int)lroundf(im->trigger_delay));
	if (s->rest != PLAN_WHOLE)
		buf_addf(b, s->rest == PLAN_PARTIAL ? "_part%u" : "_dup%u", s->rest_number);
}

/* Which draft comes first where several have one name. */
static int compare_drafts(const void *a, const void *b)
{
	const struct plan_draft *x = *(struct plan_draft *const *)a,
				*y = *(struct plan_draft *const *)b;
	const struct plan_image *i = x->stack->images[0], *j = y->stack->images[0];

	if (i->in->attr->series_number != j->in->attr->series_number)
		return i->in->attr->series_number < j->in->attr->series_number ? -1 : 1;
	if (i->time_s != j->time_s && !isnan(i->time_s) && !isnan(j->time_s))
		return i->time_s < j->time_s ? -1 : 1;
	if (i->in->number != j->in->number)
		return i->in->number < j->in->number ? -1 : 1;
	if (i->frame != j->frame)
		return i->frame < j->frame ? -1 : 1;
	return x->v->identity < y->v->identity ? -1 : x->v->identity > y->v->identity;
}

/* "", "a" ... "z", "aa" ... for the n-th of one name. */
static void add_letters(struct buf *b, uint32_t n)
{
	char letters[8];
	size_t len = 0;

	for (; n; n = (n - 1) / 26)
		letters[len++] = (char)('a' + (n - 1) % 26);
	while (len)
		buf_addc(b, letters[--len]);
}

struct counted {
	const char *key;
	uint32_t n;
};

/* How many had this key before. */
static int count_key(struct planner *p, struct map *m, const char *key, uint32_t *n)
{
	struct counted *c = map_get_str(m, key);

	if (!c) {
		c = arena_zalloc(&p->scratch, 1, sizeof *c);
		if (!c)
			return -1;
		c->key = arena_strdup(&p->scratch, key);
		if (!c->key || map_put_str(m, c->key, c) < 0)
			return -1;
	}
	*n = c->n++;
	return 0;
}

static int name_draft(struct planner *p, struct map *m, struct plan_draft *d)
{
	char key[1024], name[NAME_MOST_BYTES + 1];
	struct buf b;
	uint32_t n = 0;
	int rc = -1;

	buf_init(&b);
	add_suffix(&b, d->stack);
	buf_adds(&b, d->ending ? d->ending : "");
	buf_addc(&b, '\0');
	if (buf_error(&b))
		goto out;
	snprintf(key, sizeof key, "%s/%s", d->v->series->name, b.data);
	if (count_key(p, m, key, &n) < 0)
		goto out;
	b.len--;
	add_letters(&b, n);
	buf_addc(&b, '\0');
	if (buf_error(&b))
		goto out;
	name_join(name, d->v->series->name, b.data, ".nii.gz");
	name[strlen(name) - strlen(".nii.gz")] = '\0';
	d->v->suffix = arena_strdup(p->keep, b.data);
	d->v->name = arena_strdup(p->keep, name);
	rc = d->v->suffix && d->v->name ? 0 : -1;
out:
	buf_release(&b);
	return rc;
}

int plan_name_volumes(struct planner *p, struct err *err)
{
	struct plan_draft **sorted = arena_zalloc(&p->scratch, p->n_drafts, sizeof *sorted);
	struct map names = { 0 };
	int rc = sorted ? rank_echoes(p) : -1;

	for (uint32_t i = 0; sorted && i < p->n_drafts; i++)
		sorted[i] = &p->drafts[i];
	if (sorted)
		qsort(sorted, p->n_drafts, sizeof *sorted, compare_drafts);
	for (uint32_t i = 0; !rc && i < p->n_drafts; i++)
		rc = name_draft(p, &names, sorted[i]);
	map_release(&names);
	return rc < 0 ? err_nomem(err) : 0;
}
