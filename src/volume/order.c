/* SPDX-License-Identifier: MIT */
/*
 * Step three: in which order the images of a group lie in space and time (CONVERSION §3.4).
 *
 * Positions come from geometry alone: images whose distance along the normal is the same
 * are of one plane. Within a plane, time comes from what the makers number volumes by where
 * that tells all images of each plane apart, else from the order of acquisition. So no
 * numbering, shuffled or interleaved, ever puts a slice into the wrong place, and where
 * the numbers are sane the result is the reference's.
 *
 * Planes with unequal counts, or of images of other volumes, mean that something is missing or there
 * twice. Where the makers' numbers name volumes, images of one number are a run; else the images are
 * cut, in the order of acquisition, into runs without a repeated plane. Runs that have every plane
 * make the volume, each other run is a volume of its own. But planes that have hardly any image where
 * others have many are strays: they would leave no run whole.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "volume/geometry.h"
#include "volume/order_item.h"
#include "volume/planning.h"

#define SAME_PLANE_MM 0.01 /* scanners round positions; slices are further apart */
#define SAME_PLANE 0.1     /* ... or those of microscopes are, by this part of a voxel */

/* --- order of acquisition ---------------------------------------------------------------- */

static int compare_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

/* A total order: by numbers, then by what never differs between two scans of one folder. */
static int compare_acquired(const struct plan_image *a, const struct plan_image *b)
{
	const struct instance *x = a->in, *y = b->in;
	bool dynamic = a->acquisition_is_time && b->acquisition_is_time;
	int c = 0;

	if (x->attr->series_number != y->attr->series_number)
		return x->attr->series_number < y->attr->series_number ? -1 : 1;
	if (dynamic && x->acquisition_number != y->acquisition_number)
		return x->acquisition_number < y->acquisition_number ? -1 : 1;
	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	if (x == y)
		return a->frame < b->frame ? -1 : a->frame > b->frame;
	c = order_compare_number(x->acquisition_time, y->acquisition_time);
	if (!c)
		c = compare_text(x->sop_uid, y->sop_uid);
	if (!c)
		c = compare_text(x->dir, y->dir);
	return c ? c : compare_text(x->file, y->file);
}

static int compare_items_acquired(const void *a, const void *b)
{
	return compare_acquired(((const struct order_item *)a)->im,
		((const struct order_item *)b)->im);
}

static int compare_blocks_acquired(const void *a, const void *b)
{
	const struct plan_block *const *x = a, *const *y = b;

	return compare_acquired(&(*x)->images[0], &(*y)->images[0]);
}

static int compare_along(const void *a, const void *b)
{
	const struct order_item *const *x = a, *const *y = b;
	int c = order_compare_number((*x)->along, (*y)->along);

	return c ? c : order_compare_rank(*x, *y);
}

/* --- keys of time ---------------------------------------------------------------------------- */

static double number_or_zero(int32_t n)
{
	return n == INSTANCE_NO_INT ? 0.0 : (double)n;
}

/* Which volume of its series the makers say an image is of. */
static double volume_number(const struct instance *in, double n_phases, double n_volumes)
{
	double volume = fmax(number_or_zero(in->vendor_volume),
		number_or_zero(in->temporal_position));
	double phase = number_or_zero(in->vendor_phase);

	if (in->vendor_phase == 0 && in->label == IMAGE_LABEL_NONE)
		return in->vendor_volume;
	if (in->label != IMAGE_LABEL_NONE) /* phases of a label, of a control, of the next repeat */
		return (volume * 3.0 + in->label) * (n_phases + 1.0) + phase;
	return phase * (n_volumes + 1.0) + volume;
}

static void number_volumes(struct order_item *items, uint32_t n)
{
	double n_phases = 0, n_volumes = 0;

	for (uint32_t i = 0; i < n; i++) {
		const struct instance *in = items[i].im->in;

		n_phases = fmax(n_phases, number_or_zero(in->vendor_phase));
		n_volumes = fmax(n_volumes,
			fmax(number_or_zero(in->vendor_volume),
				number_or_zero(in->temporal_position)));
	}
	for (uint32_t i = 0; i < n; i++)
		items[i].key = volume_number(items[i].im->in, n_phases, n_volumes);
}

static bool is_pet(const struct plan_block *b)
{
	const char *modality = b->images[0].in->attr->modality;

	return modality && strcmp(modality, "PT") == 0;
}

static void number_by_reference_time(struct order_item *items, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		items[i].key = items[i].im->in->frame_reference_time;
}

/* Do the keys tell the images of each plane apart? by_plane: sorted by both. */
static bool keys_are_distinct(struct order_item *const *by_plane, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (isnan(by_plane[i]->key) ||
			(i && by_plane[i - 1]->plane == by_plane[i]->plane &&
				by_plane[i - 1]->key == by_plane[i]->key))
			return false;
	return true;
}

static int compare_plane_time(const void *a, const void *b)
{
	const struct order_item *const *x = a, *const *y = b;
	int c;

	if ((*x)->plane != (*y)->plane)
		return (*x)->plane < (*y)->plane ? -1 : 1;
	c = order_compare_number((*x)->key, (*y)->key);
	return c ? c : order_compare_rank(*x, *y);
}

/* --- planes
 * ------------------------------------------------------------------------------------ */

double plan_same_plane_mm(const double spacing[2], double thickness, double gap)
{
	const double voxel[4] = { spacing[0], spacing[1], thickness, gap };
	double mm = SAME_PLANE_MM;

	for (int i = 0; i < 4; i++)
		if (fabs(voxel[i]) > 0.0)
			mm = fmin(mm, SAME_PLANE * fabs(voxel[i]));
	return mm;
}

/* Sorted by distance: where it jumps, the next plane begins. Returns how many planes there are. */
static uint32_t number_planes(const struct plan_block *b, struct order_item **by_plane, uint32_t n)
{
	double same_mm = plan_same_plane_mm(b->spacing, b->thickness, b->gap);
	uint32_t plane = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (i && !(fabs(by_plane[i]->along - by_plane[i - 1]->along) <= same_mm))
			plane++;
		by_plane[i]->plane = plane;
	}
	return n ? plane + 1 : 0;
}

static bool counts_are_equal(struct order_item *const *by_plane, uint32_t n, uint32_t n_planes)
{
	if (n % n_planes)
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (by_plane[i]->plane != i / (n / n_planes))
			return false;
	return true;
}

/* Has each plane images of the same keys? by_plane: sorted by both. */
static bool keys_are_alike(struct order_item *const *by_plane, uint32_t n, uint32_t n_planes)
{
	uint32_t n_times = n / n_planes;

	for (uint32_t i = n_times; i < n; i++)
		if (by_plane[i]->key != by_plane[i % n_times]->key)
			return false;
	return true;
}

/* --- runs
 * ---------------------------------------------------------------------------------------- */

/* Number the runs: a new one begins where a plane comes for the second time. items in the order
 * of acquisition; size[r] is how many images run r has. Returns how many runs there are. */
static uint32_t cut_runs(struct order_item *items, uint32_t n, uint32_t *last_run_of_plane,
	uint32_t *size)
{
	uint32_t run = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (last_run_of_plane[items[i].plane] == run + 1)
			run++;
		last_run_of_plane[items[i].plane] = run + 1;
		items[i].time = run;
		size[run]++;
	}
	return run + 1;
}

/* The other way: the k-th image of each plane is of time k. For time running faster than space,
 * and where no run is whole. */
static uint32_t rank_in_planes(struct order_item *items, uint32_t n, uint32_t *n_in_plane,
	uint32_t *size)
{
	uint32_t n_times = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t time = n_in_plane[items[i].plane]++;

		items[i].time = time;
		size[time]++;
		if (time >= n_times)
			n_times = time + 1;
	}
	return n_times;
}

static int compare_keys(const void *a, const void *b)
{
	const struct order_item *const *x = a, *const *y = b;
	int c = order_compare_number((*x)->key, (*y)->key);

	return c ? c : order_compare_rank(*x, *y);
}

/* The makers' own numbers of volumes: images of one key are of one time. */
static uint32_t number_by_keys(struct order_item *items, uint32_t n, struct order_item **sorted,
	uint32_t *size)
{
	uint32_t run = 0;

	for (uint32_t i = 0; i < n; i++)
		sorted[i] = &items[i];
	qsort(sorted, n, sizeof *sorted, compare_keys);
	for (uint32_t i = 0; i < n; i++) {
		run += i && sorted[i]->key != sorted[i - 1]->key;
		sorted[i]->time = run;
		size[run]++;
	}
	return run + 1;
}

/* Do keys number volumes, so that where one has not every plane something is missing? Some
 * number images: where most have not every plane. */
static bool keys_name_volumes(const uint32_t *size, uint32_t n_runs, uint32_t n, uint32_t n_planes)
{
	uint64_t n_whole = 0;

	for (uint32_t run = 0; run < n_runs; run++)
		n_whole += size[run] == n_planes;
	return 2 * n_whole * n_planes >= n;
}

/* --- stacks
 * ---------------------------------------------------------------------------------------- */

struct stack_list {
	struct plan_stack *stacks;
	uint32_t n, cap;
	uint32_t n_parts; /* that do not fill a volume */
	bool is_rest;     /* what is added is such a part, also where it is whole by itself */
};

static struct plan_stack *add_stack(struct planner *p, struct stack_list *l,
	const struct plan_group *g, uint32_t n_planes, uint32_t n_times)
{
	struct plan_stack *s = plan_grow(p, &l->stacks, &l->n, &l->cap, sizeof *s);

	if (!s)
		return NULL;
	s->group = g;
	s->block = g->blocks[0];
	s->n_planes = n_planes;
	s->n_times = n_times;
	s->images = arena_zalloc(&p->scratch, (size_t)n_planes * n_times, sizeof *s->images);
	return s->images ? s : NULL;
}

/* Was the last plane acquired before the first one, as their numbers tell? */
static bool numbers_descend(const struct order_item *first, const struct order_item *last)
{
	const struct instance *x = first->im->in, *y = last->im->in;

	return first->rank > last->rank && (x == y || x->number != y->number);
}

/* Fill a stack from items that have their plane and time, whole: each pair once. Planes go the
 * way in which the first time point was acquired, as its numbers tell; without any they ascend. */
static int fill_stack(struct planner *p, struct stack_list *l, const struct plan_group *g,
	struct order_item *const *items, uint32_t n, uint32_t n_planes, enum plan_rest rest,
	uint32_t rest_number)
{
	uint32_t n_times = n / n_planes;
	const struct order_item *first = items[0], *last = items[0];
	struct plan_stack *s = add_stack(p, l, g, n_planes, n_times);
	bool descend;

	if (!s)
		return -1;
	s->rest = rest;
	s->rest_number = rest_number;
	for (uint32_t i = 0; i < n; i++) {
		if (items[i]->time == 0 && items[i]->plane == 0)
			first = items[i];
		if (items[i]->time == 0 && items[i]->plane == n_planes - 1)
			last = items[i];
	}
	descend = numbers_descend(first, last);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t plane = items[i]->plane;

		if (descend)
			plane = n_planes - 1 - plane;
		s->images[items[i]->time * n_planes + plane] = items[i]->im;
	}
	return 0;
}

/* A grid in which nothing is missing. */
static int fill_whole(struct planner *p, struct stack_list *l, const struct plan_group *g,
	struct order_item *const *items, uint32_t n, uint32_t n_planes)
{
	if (l->is_rest)
		return fill_stack(p, l, g, items, n, n_planes, PLAN_PARTIAL, 2 + l->n_parts++);
	return fill_stack(p, l, g, items, n, n_planes, PLAN_WHOLE, 0);
}

/* Images that share nothing but their group: their planes and times anew, in the order in which
 * they are. */
static int fill_rest(struct planner *p, struct stack_list *l, const struct plan_group *g,
	struct order_item **items, uint32_t n, enum plan_rest rest, uint32_t rest_number)
{
	qsort(items, n, sizeof *items, compare_along);
	for (uint32_t i = 0; i < n; i++) {
		items[i]->plane = i;
		items[i]->time = 0;
	}
	return fill_stack(p, l, g, items, n, n, rest, rest_number);
}

/* A whole grid: planes of equal counts. by_plane sorted by plane and time. */
static int fill_grid(struct planner *p, struct stack_list *l, const struct plan_group *g,
	struct order_item **by_plane, uint32_t n, uint32_t n_planes)
{
	uint32_t n_times = n / n_planes;

	for (uint32_t i = 0; i < n; i++)
		by_plane[i]->time = i % n_times;
	return fill_whole(p, l, g, by_plane, n, n_planes);
}

/* Renumber the times of whole runs and put their items first; returns how many items that are. */
static uint32_t gather_whole(struct order_item *items, uint32_t n, const uint32_t *size,
	uint32_t n_planes, struct order_item **out, uint32_t *new_time)
{
	uint32_t n_out = 0, next = 0;

	for (uint32_t run = 0; run < n; run++)
		new_time[run] = size[run] == n_planes ? next++ : UINT32_MAX;
	for (uint32_t i = 0; i < n; i++) {
		if (size[items[i].time] != n_planes)
			continue;
		items[i].taken = true;
		out[n_out++] = &items[i];
	}
	return n_out;
}

static int fill_parts(struct planner *p, struct stack_list *l, const struct plan_group *g,
	struct order_item *items, uint32_t n, uint32_t n_runs, struct order_item **scratch)
{
	for (uint32_t run = 0; run < n_runs; run++) {
		uint32_t n_in = 0;

		for (uint32_t i = 0; i < n; i++)
			if (!items[i].taken && items[i].time == run)
				scratch[n_in++] = &items[i];
		if (!n_in)
			continue;
		for (uint32_t i = 0; i < n_in; i++)
			scratch[i]->taken = true;
		plan_problem(p, scratch[0]->im->in,
			"%u images do not fill a volume: shown as a part of their own", n_in);
		if (fill_rest(p, l, g, scratch, n_in, PLAN_PARTIAL, 2 + l->n_parts++) < 0)
			return -1;
	}
	return 0;
}

/* Runs of items: their numbers are the items' times. */
struct runs {
	uint32_t *size;     /* images of each */
	uint32_t *new_time; /* of whole ones */
	uint32_t n;
	struct order_item **chosen;
};

static bool make_runs(struct planner *p, struct runs *r, uint32_t n)
{
	r->size = arena_zalloc(&p->scratch, n, sizeof *r->size);
	r->new_time = arena_zalloc(&p->scratch, n, sizeof *r->new_time);
	r->chosen = arena_zalloc(&p->scratch, n, sizeof *r->chosen);
	return r->size && r->new_time && r->chosen;
}

/* n_whole items of whole runs are chosen: they make the volume, each other run is one of its own. */
static int fill_runs(struct planner *p, struct stack_list *l, const struct plan_group *g,
	struct order_item *items, uint32_t n, uint32_t n_planes, const struct runs *r,
	uint32_t n_whole)
{
	for (uint32_t i = 0; i < n_whole; i++)
		r->chosen[i]->time = r->new_time[r->chosen[i]->time];
	if (fill_whole(p, l, g, r->chosen, n_whole, n_planes) < 0)
		return -1;
	return fill_parts(p, l, g, items, n, r->n, r->chosen);
}

/* 1: the keys told what belongs together; 0: they do not name volumes. */
static int fill_keyed(struct planner *p, struct stack_list *l, const struct plan_group *g,
	struct order_item *items, uint32_t n, uint32_t n_planes)
{
	uint32_t n_whole;
	struct runs r;

	if (!make_runs(p, &r, n))
		return -1;
	r.n = number_by_keys(items, n, r.chosen, r.size);
	if (!keys_name_volumes(r.size, r.n, n, n_planes))
		return 0;
	n_whole = gather_whole(items, n, r.size, n_planes, r.chosen, r.new_time);
	return fill_runs(p, l, g, items, n, n_planes, &r, n_whole) < 0 ? -1 : 1;
}

static int fill_broken(struct planner *p, struct stack_list *l, const struct plan_group *g,
	struct order_item *items, uint32_t n, uint32_t n_planes)
{
	uint32_t *of_plane = arena_zalloc(&p->scratch, n_planes, sizeof *of_plane);
	bool time_is_fastest = n > 1 && items[0].plane == items[1].plane;
	uint32_t n_whole = 0;
	struct runs r = { .n = 0 };

	if (!of_plane || !make_runs(p, &r, n))
		return -1;
	if (!time_is_fastest) {
		r.n = cut_runs(items, n, of_plane, r.size);
		n_whole = gather_whole(items, n, r.size, n_planes, r.chosen, r.new_time);
	}
	if (!n_whole) {
		memset(of_plane, 0, n_planes * sizeof *of_plane);
		memset(r.size, 0, n * sizeof *r.size);
		r.n = rank_in_planes(items, n, of_plane, r.size);
		n_whole = gather_whole(items, n, r.size, n_planes, r.chosen, r.new_time);
	}
	return fill_runs(p, l, g, items, n, n_planes, &r, n_whole);
}

/* --- groups of single images
 * --------------------------------------------------------------------- */

static bool has_place(const struct plan_image *im)
{
	return !isnan(im->position[0] + im->position[1] + im->position[2]) &&
		!isnan(im->orientation[0] + im->orientation[5]);
}

/* Without a place each image is the next plane, or where the maker tells how many planes there
 * are, they come round again and again. */
static uint32_t count_unplaced(const struct plan_group *g)
{
	int32_t told = g->blocks[0]->images[0].in->attr->locations_in_acquisition;

	return told > 1 && g->n_blocks % (uint32_t)told == 0 ? (uint32_t)told : g->n_blocks;
}

static struct order_item *list_items(struct planner *p, const struct plan_group *g)
{
	struct order_item *items = arena_zalloc(&p->scratch, g->n_blocks, sizeof *items);
	const double *orientation = g->blocks[0]->images[0].orientation;
	uint32_t n_unplaced = count_unplaced(g);

	if (!items)
		return NULL;
	for (uint32_t i = 0; i < g->n_blocks; i++)
		items[i].im = &g->blocks[i]->images[0];
	qsort(items, g->n_blocks, sizeof *items, compare_items_acquired);
	for (uint32_t i = 0; i < g->n_blocks; i++) {
		items[i].rank = items[i].im->rank = i;
		items[i].along = has_place(items[i].im) ?
			geom_along_normal(orientation, items[i].im->position) :
			(double)(i % n_unplaced);
	}
	return items;
}

/* What was there twice makes a volume, what was there three times one more ... */
static int add_duplicates(struct planner *p, struct stack_list *l, const struct plan_group *g,
	struct order_item *items, uint32_t n, struct order_item **scratch)
{
	if (n)
		plan_problem(p, items[0].im->in,
			"%u images have the place, number and time of others", n);
	for (uint32_t i = 0; i < n;) {
		uint32_t copy = items[i].copy, n_in = 0;

		while (i < n && items[i].copy == copy)
			scratch[n_in++] = &items[i++];
		if (fill_rest(p, l, g, scratch, n_in, PLAN_DUPLICATE, copy + 1) < 0)
			return -1;
	}
	return 0;
}

static uint32_t find_planes(const struct plan_group *g, struct order_item *items, uint32_t n,
	struct order_item **by_plane)
{
	for (uint32_t i = 0; i < n; i++)
		by_plane[i] = &items[i];
	qsort(by_plane, n, sizeof *by_plane, compare_along);
	return number_planes(g->blocks[0], by_plane, n);
}

/* Items in the order of acquisition, each there once. */
static int order_items(struct planner *p, const struct plan_group *g, struct stack_list *l,
	struct order_item *items, uint32_t n, struct order_item **by_plane)
{
	uint32_t n_planes = find_planes(g, items, n, by_plane);
	bool keyed, equal;
	int rc = 0;

	qsort(by_plane, n, sizeof *by_plane, compare_plane_time);
	keyed = keys_are_distinct(by_plane, n);
	if (!keyed) {
		for (uint32_t i = 0; i < n; i++)
			items[i].key = 0.0;
		qsort(by_plane, n, sizeof *by_plane, compare_plane_time);
	}
	equal = counts_are_equal(by_plane, n, n_planes);
	/* reference times are measured: they name no volumes */
	if (keyed && !is_pet(g->blocks[0]) && !(equal && keys_are_alike(by_plane, n, n_planes)))
		rc = fill_keyed(p, l, g, items, n, n_planes);
	if (rc == 0)
		rc = equal ? fill_grid(p, l, g, by_plane, n, n_planes) :
			     fill_broken(p, l, g, items, n, n_planes);
	return rc < 0 ? -1 : 0;
}

static int order_images(struct planner *p, const struct plan_group *g, struct stack_list *l)
{
	uint32_t n = g->n_blocks, n_all = n, n_planes, n_kept;
	struct order_item *items = list_items(p, g);
	struct order_item *spare = arena_zalloc(&p->scratch, n, sizeof *spare);
	struct order_item **by_plane = arena_zalloc(&p->scratch, n, sizeof *by_plane);

	if (!items || !spare || !by_plane)
		return -1;
	number_volumes(items, n);
	n_planes = find_planes(g, items, n, by_plane);
	n = order_set_duplicates_apart(items, n, spare, by_plane);
	if (is_pet(g->blocks[0]))
		number_by_reference_time(items, n);
	if (!order_set_strays_apart(p, items, n, n_planes, spare, &n_kept) ||
		order_items(p, g, l, items, n_kept, by_plane) < 0)
		return -1;
	if (n_kept < n) {
		plan_problem(p, items[n_kept].im->in,
			"%u images are of planes that have few: shown as a part of their own",
			n - n_kept);
		l->is_rest = true;
		if (order_items(p, g, l, items + n_kept, n - n_kept, by_plane) < 0)
			return -1;
	}
	return add_duplicates(p, l, g, items + n, n_all - n, by_plane);
}

/* --- groups of whole volumes
 * ------------------------------------------------------------------------ */

/* Blocks that are a volume each follow one another in time. */
static int stack_volumes(struct planner *p, const struct plan_group *g,
	struct plan_block *const *blocks, uint32_t n, uint32_t copy, struct stack_list *l)
{
	uint32_t per_time = blocks[0]->n_tiles ? 1 : blocks[0]->n_planes, n_times = 0;
	struct plan_diffusion *diffusion;
	struct plan_stack *s;

	for (uint32_t i = 0; i < n; i++)
		n_times += blocks[i]->n_times;
	s = add_stack(p, l, g, per_time, n_times);
	diffusion = arena_zalloc(&p->scratch, n_times, sizeof *diffusion);
	if (!s || !diffusion)
		return -1;
	s->block = blocks[0];
	s->n_planes = blocks[0]->n_planes;
	s->diffusion = diffusion;
	s->rest = copy ? PLAN_DUPLICATE : blocks[0]->is_left_over ? PLAN_PARTIAL : PLAN_WHOLE;
	s->rest_number = copy ? copy + 1 : 2;
	for (uint32_t i = 0, t = 0; i < n; t += blocks[i++]->n_times) {
		const struct plan_block *b = blocks[i];

		for (uint32_t k = 0; k < per_time * b->n_times; k++)
			s->images[t * per_time + k] = &b->images[k];
		if (b->diffusion)
			memcpy(diffusion + t, b->diffusion, b->n_times * sizeof *diffusion);
		else
			s->diffusion = NULL;
	}
	return 0;
}

static bool number_tells_no_volumes(struct plan_block *const *blocks, uint32_t n)
{
	bool shared = false;

	for (uint32_t i = 1; i < n; i++) {
		const struct instance *x = blocks[0]->images[0].in, *y = blocks[i]->images[0].in;

		if (x->number != y->number)
			return false;
		shared = shared || order_share_a_number(x, y, false);
	}
	return shared;
}

/* Which of the blocks that claim to be one volume each is; sorted, they are neighbours. */
static void number_block_copies(struct plan_block *const *blocks, uint32_t n)
{
	if (number_tells_no_volumes(blocks, n))
		return;
	for (uint32_t i = 1; i < n; i++)
		if (order_claim_the_same(blocks[i - 1]->images[0].in, blocks[i]->images[0].in))
			blocks[i]->copy = blocks[i - 1]->copy + 1;
}

static int compare_block_copies(const void *a, const void *b)
{
	const struct plan_block *const *x = a, *const *y = b;

	if ((*x)->copy != (*y)->copy)
		return (*x)->copy < (*y)->copy ? -1 : 1;
	return compare_blocks_acquired(a, b);
}

/* Mosaics of a series that turns (prospective motion correction, navigators) are a volume each. */
static int stack_each(struct planner *p, const struct plan_group *g, struct stack_list *l)
{
	for (uint32_t i = 0; i < g->n_blocks; i++)
		if (stack_volumes(p, g, g->blocks + i, 1, 0, l) < 0)
			return -1;
	return 0;
}

static int order_volumes(struct planner *p, const struct plan_group *g, struct stack_list *l)
{
	struct plan_block **blocks = g->blocks;
	uint32_t n;

	qsort(blocks, g->n_blocks, sizeof *blocks, compare_blocks_acquired);
	if (g->orientation_varies && blocks[0]->n_tiles)
		return stack_each(p, g, l);
	number_block_copies(blocks, g->n_blocks);
	qsort(blocks, g->n_blocks, sizeof *blocks, compare_block_copies);
	for (uint32_t i = 0; i < g->n_blocks; i += n) {
		uint32_t copy = blocks[i]->copy;

		for (n = 1; i + n < g->n_blocks && blocks[i + n]->copy == copy;)
			n++;
		if (copy == 1)
			plan_problem(p, blocks[i]->images[0].in,
				"%u volumes have the number and time of others", n);
		if (stack_volumes(p, g, blocks + i, n, copy, l) < 0)
			return -1;
	}
	return 0;
}

int plan_order_group(struct planner *p, struct plan_group *g, struct plan_stack **stacks,
	uint32_t *n, struct err *err)
{
	struct stack_list l = { 0 };
	bool single = g->blocks[0]->n_planes == 1 && g->blocks[0]->n_times == 1 &&
		!g->blocks[0]->is_left_over;
	int rc = single ? order_images(p, g, &l) : order_volumes(p, g, &l);

	*stacks = l.stacks;
	*n = l.n;
	return rc < 0 ? err_nomem(err) : 0;
}
