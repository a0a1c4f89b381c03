/* SPDX-License-Identifier: MIT */
/* Images that do not go into the volume of their group: see volume/order_item.h. */
#include "volume/order_item.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "index/instance.h"

#define HOLE 1.5 /* so many times the least gap of planes and more: one is missing */

int order_compare_number(double a, double b)
{
	if (isnan(a) || isnan(b))
		return isnan(b) - isnan(a);
	return (a > b) - (a < b);
}

int order_compare_rank(const struct order_item *x, const struct order_item *y)
{
	return (x->rank > y->rank) - (x->rank < y->rank);
}

/* --- duplicates
 * ---------------------------------------------------------------------------------- */

static int compare_int(int32_t a, int32_t b)
{
	return (a > b) - (a < b);
}

/* By the numbers and times that two files with one image have in common. */
static int compare_claims(const struct instance *x, const struct instance *y)
{
	int c = compare_int(x->number, y->number);

	if (!c)
		c = compare_int(x->attr->series_number, y->attr->series_number);
	if (!c)
		c = compare_int(x->acquisition_number, y->acquisition_number);
	if (!c)
		c = order_compare_number(x->acquisition_time, y->acquisition_time);
	if (!c)
		c = order_compare_number(x->content_time, y->content_time);
	return c ? c : order_compare_number(x->trigger_time, y->trigger_time);
}

bool order_claim_the_same(const struct instance *x, const struct instance *y)
{
	return x != y && x->number != INSTANCE_NO_INT && compare_claims(x, y) == 0;
}

bool order_share_a_number(const struct instance *x, const struct instance *y, bool elsewhere)
{
	return x->number == y->number && (elsewhere || compare_claims(x, y) != 0);
}

static int compare_claimed(const void *a, const void *b)
{
	const struct order_item *x = *(struct order_item *const *)a,
				*y = *(struct order_item *const *)b;
	int c = compare_claims(x->im->in, y->im->in);

	if (!c && x->plane != y->plane)
		c = x->plane < y->plane ? -1 : 1;
	if (!c)
		c = order_compare_number(x->key, y->key);
	return c ? c : order_compare_rank(x, y);
}

static int compare_copies(const void *a, const void *b)
{
	const struct order_item *x = a, *y = b;

	if (x->copy != y->copy)
		return x->copy < y->copy ? -1 : 1;
	return order_compare_rank(x, y);
}

/* Sorted by claims, so that the first and the last differ in what any two differ in. */
static bool number_tells_nothing(struct order_item *const *by_claims, uint32_t n)
{
	const struct order_item *first = by_claims[0], *last = by_claims[n - 1];

	return first->im->in->n_frames <= 1 &&
		order_share_a_number(first->im->in, last->im->in, first->plane != last->plane);
}

static void number_copies(struct order_item *items, uint32_t n, struct order_item **scratch)
{
	for (uint32_t i = 0; i < n; i++)
		scratch[i] = &items[i];
	qsort(scratch, n, sizeof *scratch, compare_claimed);
	if (number_tells_nothing(scratch, n))
		return;
	for (uint32_t i = 1; i < n; i++) {
		struct order_item *x = scratch[i - 1], *y = scratch[i];

		if (x->plane == y->plane && x->key == y->key &&
			order_claim_the_same(x->im->in, y->im->in))
			y->copy = x->copy + 1;
	}
}

uint32_t order_set_duplicates_apart(struct order_item *items, uint32_t n, struct order_item *spare,
	struct order_item **scratch)
{
	uint32_t n_kept = 0, n_apart = 0;

	number_copies(items, n, scratch);
	for (uint32_t i = 0; i < n; i++)
		if (items[i].copy)
			spare[n_apart++] = items[i];
		else
			items[n_kept++] = items[i];
	qsort(spare, n_apart, sizeof *spare, compare_copies);
	memcpy(items + n_kept, spare, n_apart * sizeof *items);
	return n_kept;
}

/* --- strays
 * -------------------------------------------------------------------------------------- */

/* What is known of the planes of a set of items. */
struct planes {
	uint32_t n;
	uint32_t *count; /* images of each */
	double *along;   /* mm along the normal */
};

static bool count_planes(struct planner *p, const struct order_item *items, uint32_t n,
	uint32_t n_planes, struct planes *out)
{
	out->n = n_planes;
	out->count = arena_zalloc(&p->scratch, n_planes, sizeof *out->count);
	out->along = arena_zalloc(&p->scratch, n_planes, sizeof *out->along);
	for (uint32_t i = 0; out->count && out->along && i < n; i++) {
		out->count[items[i].plane]++;
		out->along[items[i].plane] = items[i].along;
	}
	return out->count && out->along;
}

static int descending(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x < y) - (x > y);
}

/* How many images a plane has where most are in a grid of planes and times. False: no memory. */
static bool usual_count(struct planner *p, const struct planes *planes, uint32_t *out)
{
	uint32_t *sorted = arena_memdup(&p->scratch, planes->count,
		planes->n * sizeof *planes->count);
	uint64_t most = 0;

	if (!sorted)
		return false;
	qsort(sorted, planes->n, sizeof *sorted, descending);
	for (uint32_t i = 0; i < planes->n; i++)
		if ((uint64_t)sorted[i] * (i + 1) >= most) {
			most = (uint64_t)sorted[i] * (i + 1);
			*out = sorted[i];
		}
	return true;
}

/* Planes that have fewer than half of the usual images: less than what an interrupted or a broken
 * acquisition leaves of its last times. */
static bool is_stray(const struct planes *planes, uint32_t plane, uint32_t usual)
{
	return 2 * (uint64_t)planes->count[plane] < usual;
}

enum which_planes { ALL_PLANES, STRAY_PLANES, USUAL_PLANES };

/* Are planes missing between those? By the least gap that there is. */
static bool has_hole(const struct planes *planes, uint32_t usual, enum which_planes which)
{
	double least = INFINITY, most = 0.0, last = NAN;

	for (uint32_t i = 0; i < planes->n; i++) {
		if (i)
			least = fmin(least, planes->along[i] - planes->along[i - 1]);
		if (which != ALL_PLANES && is_stray(planes, i, usual) != (which == STRAY_PLANES))
			continue;
		most = fmax(most, planes->along[i] - last);
		last = planes->along[i];
	}
	return most > HOLE * least;
}

bool order_set_strays_apart(struct planner *p, struct order_item *items, uint32_t n,
	uint32_t n_planes, struct order_item *spare, uint32_t *n_kept)
{
	uint32_t usual = 0, n_apart = 0;
	struct planes planes;

	*n_kept = n;
	if (!count_planes(p, items, n, n_planes, &planes) || !usual_count(p, &planes, &usual))
		return false;
	if (!has_hole(&planes, usual, ALL_PLANES) &&
		(has_hole(&planes, usual, STRAY_PLANES) || has_hole(&planes, usual, USUAL_PLANES)))
		return true;
	*n_kept = 0;
	for (uint32_t i = 0; i < n; i++)
		if (is_stray(&planes, items[i].plane, usual))
			spare[n_apart++] = items[i];
		else
			items[(*n_kept)++] = items[i];
	memcpy(items + *n_kept, spare, n_apart * sizeof *items);
	return true;
}
