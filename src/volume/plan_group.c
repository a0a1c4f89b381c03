/* SPDX-License-Identifier: MIT */
/*
 * Step two: what may be stacked with what. Each test of CONVERSION §3.2 is a line of
 * a table, in the reference's order: the first that differs is the reason that volumes.tsv tells,
 * and some reasons give every volume of the series a suffix.
 */
#include <math.h>
#include <string.h>

#include "base/err.h"
#include "volume/geometry.h"
#include "volume/planning.h"

#define ORIENTATION_TOLERANCE 1e-4
#define NEARLY 1e-4f
#define HALF_A_PIXEL 0.5

static bool same_text(const char *a, const char *b)
{
	return a == b || strcmp(a ? a : "", b ? b : "") == 0;
}

/* Absent ones are equal to absent ones only. */
static bool same_number(float a, float b)
{
	return a == b || (isnan(a) && isnan(b));
}

/* Numbers that scanners work out anew for each image. */
static bool nearly_same(float a, float b)
{
	return same_number(a, b) || fabsf(a - b) <= NEARLY;
}

static const struct attributes *attr(const struct plan_block *b)
{
	return b->images[0].in->attr;
}

static bool same_maker(const struct plan_block *a, const struct plan_block *b)
{
	return same_text(attr(a)->manufacturer, attr(b)->manufacturer);
}

static bool same_modality(const struct plan_block *a, const struct plan_block *b)
{
	return same_text(attr(a)->modality, attr(b)->modality);
}

static bool same_derived(const struct plan_block *a, const struct plan_block *b)
{
	return a->images[0].derived == b->images[0].derived;
}

/* Series whose numbers or UIDs differ though they are one acquisition. */
static bool spans_series(const struct plan_block *a, const struct plan_block *b)
{
	const struct vendor_traits *x = &a->traits, *y = &b->traits;

	if ((x->diffusion_spans_series && y->diffusion_spans_series) ||
		(x->dynamic_spans_series && y->dynamic_spans_series))
		return same_text(attr(a)->protocol_name, attr(b)->protocol_name);
	return x->scan_spans_series && y->scan_spans_series && !a->is_multiframe &&
		!b->is_multiframe && !a->n_tiles && !b->n_tiles && attr(a)->series_time &&
		attr(b)->series_time && same_text(attr(a)->series_time, attr(b)->series_time) &&
		same_text(attr(a)->series_date, attr(b)->series_date);
}

static bool same_series(const struct plan_block *a, const struct plan_block *b)
{
	return attr(a)->series_number == attr(b)->series_number || spans_series(a, b);
}

bool plan_same_pixels(const struct pixel_desc *a, const struct pixel_desc *b)
{
	return a->rows == b->rows && a->cols == b->cols && a->bits_allocated == b->bits_allocated &&
		a->is_signed == b->is_signed && plan_sample_type(a) == plan_sample_type(b);
}

static bool same_size(const struct plan_block *a, const struct plan_block *b)
{
	return plan_same_pixels(&attr(a)->pixel, &attr(b)->pixel) && a->n_tiles == b->n_tiles;
}

static bool same_planes(const struct plan_block *a, const struct plan_block *b)
{
	return a->n_planes == b->n_planes;
}

static bool same_part(const struct plan_block *a, const struct plan_block *b)
{
	uint8_t x = a->images[0].part, y = b->images[0].part;

	/* what is not told to be anything else is a magnitude */
	if (x == IMAGE_PART_UNKNOWN)
		x = IMAGE_PART_MAGNITUDE;
	if (y == IMAGE_PART_UNKNOWN)
		y = IMAGE_PART_MAGNITUDE;
	return x == y;
}

static bool same_polarity(const struct plan_block *a, const struct plan_block *b)
{
	return a->is_upside_down == b->is_upside_down;
}

static bool same_tr(const struct plan_block *a, const struct plan_block *b)
{
	return nearly_same(a->images[0].repetition_time, b->images[0].repetition_time);
}

static bool same_flip_angle(const struct plan_block *a, const struct plan_block *b)
{
	return nearly_same(a->images[0].flip_angle, b->images[0].flip_angle);
}

static bool same_echo(const struct plan_block *a, const struct plan_block *b)
{
	return a->images[0].echo_number == b->images[0].echo_number &&
		same_number(a->images[0].echo_time, b->images[0].echo_time);
}

static bool same_trigger(const struct plan_block *a, const struct plan_block *b)
{
	if (!a->traits.splits_by_trigger_delay || a->is_asl)
		return true;
	return same_number(a->images[0].trigger_delay, b->images[0].trigger_delay);
}

static bool same_protocol(const struct plan_block *a, const struct plan_block *b)
{
	return same_text(attr(a)->protocol_name, attr(b)->protocol_name);
}

static bool same_orientation(const struct plan_block *a, const struct plan_block *b)
{
	for (int i = 0; i < 6; i++) {
		double x = a->images[0].orientation[i], y = b->images[0].orientation[i];

		if (isnan(x) != isnan(y) || fabs(x - y) > ORIENTATION_TOLERANCE)
			return false;
	}
	return true;
}

/* What lies somewhere does not stack with what lies nowhere. */
static bool same_placed(const struct plan_block *a, const struct plan_block *b)
{
	return isnan(a->images[0].position[0]) == isnan(b->images[0].position[0]);
}

/* Would pixels that are counted from one edge be off at the other one? Spacings are rounded; the
 * reference does not look at them, so that half of a stack may have the size of the other half. */
static bool same_extent(double a, double b, uint32_t n)
{
	return !(fabs(a - b) * n > HALF_A_PIXEL * fmin(fabs(a), fabs(b)));
}

static bool same_spacing(const struct plan_block *a, const struct plan_block *b)
{
	const struct pixel_desc *d = &attr(a)->pixel;

	return same_extent(a->spacing[0], b->spacing[0], d->rows) &&
		same_extent(a->spacing[1], b->spacing[1], d->cols);
}

/* Stations of a scan that is longer than a field of view may have planes at one distance along the
 * normal. What lies further aside than half a field, and further aside than ahead (tilted stacks go
 * aside as well), is of another station. */
static bool same_field(const struct plan_block *a, const struct plan_block *b)
{
	const struct plan_image *x = &a->images[0], *y = &b->images[0];
	double field = fmin(a->spacing[0] * attr(a)->pixel.rows,
		a->spacing[1] * attr(a)->pixel.cols);
	double d[3], ahead, aside;

	for (int i = 0; i < 3; i++)
		d[i] = y->position[i] - x->position[i];
	ahead = fabs(geom_along_normal(x->orientation, d));
	aside = sqrt(fmax(0.0, d[0] * d[0] + d[1] * d[1] + d[2] * d[2] - ahead * ahead));
	return !(aside > field / 2.0 && aside > ahead);
}

/* Along the normal, in the middle. */
static double middle_of(const struct plan_block *b)
{
	const struct plan_image *first = &b->images[0], *last = &b->images[b->n_planes - 1];

	return (geom_along_normal(first->orientation, first->position) +
		       geom_along_normal(first->orientation, last->position)) /
		2.0;
}

/* Do stacks that are whole by themselves lie about where the other one does? */
static bool same_slab(const struct plan_block *a, const struct plan_block *b)
{
	const struct plan_image *first = &a->images[0];

	if (!a->is_multiframe || a->n_planes < 2 || a->n_tiles)
		return true;
	return !(fabs(middle_of(a) - middle_of(b)) >
		fabs(middle_of(a) - geom_along_normal(first->orientation, first->position)));
}

static bool same_series_uid(const struct plan_block *a, const struct plan_block *b)
{
	return same_text(attr(a)->series_uid, attr(b)->series_uid) || spans_series(a, b);
}

/* Several volumes in one file are whole by themselves. */
static bool share_file(const struct plan_block *a, const struct plan_block *b)
{
	return a->is_multiframe && a->images[0].in == b->images[0].in;
}

static bool may_join(const struct plan_block *a, const struct plan_block *b)
{
	return a->n_times == 1 && b->n_times == 1 && a->is_multiframe == b->is_multiframe &&
		!a->is_left_over && !b->is_left_over && !share_file(a, b) && same_slab(a, b);
}

static const struct {
	enum plan_reason reason;
	bool (*same)(const struct plan_block *a, const struct plan_block *b);
	bool x_ray_too; /* slices of a CT vary in what is not geometry */
	const char *text;
} tests[] = {
	{ PLAN_MAKER, same_maker, true, "another maker" },
	{ PLAN_MODALITY, same_modality, true, "another modality" },
	{ PLAN_DERIVED, same_derived, true, "derived images beside originals" },
	{ PLAN_SERIES, same_series, true, "another series" },
	{ PLAN_SIZE, same_size, true, "another matrix or pixel format" },
	{ PLAN_PLANES, same_planes, true, "another number of planes" },
	{ PLAN_POLARITY, same_polarity, false, "phase encoded the other way round" },
	{ PLAN_PART, same_part, false, "magnitude, phase, real, imaginary or field map" },
	{ PLAN_TR, same_tr, false, "another repetition time" },
	{ PLAN_FLIP_ANGLE, same_flip_angle, false, "another flip angle" },
	{ PLAN_ECHO, same_echo, false, "another echo" },
	{ PLAN_TRIGGER, same_trigger, false, "another trigger delay" },
	{ PLAN_PROTOCOL, same_protocol, false, "another protocol name" },
	{ PLAN_ORIENTATION, same_orientation, true, "another orientation" },
	{ PLAN_PLACED, same_placed, true, "without a position beside others that have one" },
	{ PLAN_SPACING, same_spacing, true, "another pixel spacing" },
	{ PLAN_FIELD, same_field, true, "another field of view" },
	{ PLAN_SERIES_UID, same_series_uid, true, "another series instance UID" },
	{ PLAN_MULTIFRAME, may_join, true, "a multi-frame volume of its own" },
};
#define N_TESTS (sizeof tests / sizeof *tests)

static bool is_x_ray(const struct plan_block *b)
{
	static const char *const modalities[] = { "CT", "CR", "DX", "XA", "RF", "MG", "PX", "IO" };
	const char *modality = attr(b)->modality;

	for (size_t i = 0; modality && i < sizeof modalities / sizeof *modalities; i++)
		if (strcmp(modality, modalities[i]) == 0)
			return true;
	return false;
}

enum plan_reason plan_compare(const struct plan_block *a, const struct plan_block *b)
{
	bool x_ray = is_x_ray(a);

	for (size_t i = 0; i < N_TESTS; i++)
		if ((!x_ray || tests[i].x_ray_too) && !tests[i].same(a, b))
			return tests[i].reason;
	return PLAN_SAME;
}

const char *plan_reason_text(enum plan_reason r)
{
	for (size_t i = 0; i < N_TESTS; i++)
		if (tests[i].reason == r)
			return tests[i].text;
	return "";
}

/* --- groups -------------------------------------------------------------------------------- */

/* Groups that a block need not be compared with are those of other series, but where series are
 * spanned. */
static bool is_candidate(const struct plan_group *g, const struct plan_block *b)
{
	const struct plan_block *first = g->blocks[0];

	return first->images[0].series == b->images[0].series || spans_series(first, b);
}

static int add_to_group(struct planner *p, struct plan_group *g, struct plan_block *b,
	struct err *err)
{
	struct plan_block **at = plan_grow(p, &g->blocks, &g->n_blocks, &g->cap, sizeof *at);

	if (!at)
		return err_nomem(err);
	*at = b;
	return 0;
}

/* The group that b stacks with; else *reason tells why it is apart from the first of its series.
 * Most blocks go where the last one went. */
static struct plan_group *find_group(struct planner *p, const struct plan_block *b,
	uint32_t last_index, enum plan_reason *reason)
{
	struct plan_group *last = last_index < p->n_groups ? &p->groups[last_index] : NULL;

	*reason = PLAN_SAME;
	if (last && is_candidate(last, b) && plan_compare(last->blocks[0], b) == PLAN_SAME)
		return last;
	for (uint32_t i = 0; i < p->n_groups; i++) {
		enum plan_reason r;

		if (!is_candidate(&p->groups[i], b) ||
			(*reason != PLAN_SAME && share_file(p->groups[i].blocks[0], b)))
			continue;
		r = plan_compare(p->groups[i].blocks[0], b);
		if (r == PLAN_SAME)
			return &p->groups[i];
		if (*reason == PLAN_SAME)
			*reason = r;
	}
	return NULL;
}

/* What varies among the groups of a series gives each of them its suffix. */
static void mark(struct plan_group *a, struct plan_group *b)
{
	switch (plan_compare(a->blocks[0], b->blocks[0])) {
	case PLAN_ECHO:
		a->echo_varies = b->echo_varies = true;
		break;
	case PLAN_ORIENTATION:
		a->orientation_varies = b->orientation_varies = true;
		break;
	case PLAN_TR:
		a->tr_varies = b->tr_varies = true;
		break;
	case PLAN_TRIGGER:
		a->trigger_varies = b->trigger_varies = true;
		break;
	default:
		break;
	}
}

static void spread(struct plan_group *a, struct plan_group *b)
{
	if (a->echo_varies)
		b->echo_varies = true;
	if (a->orientation_varies)
		b->orientation_varies = true;
	if (a->tr_varies)
		b->tr_varies = true;
	if (a->trigger_varies)
		b->trigger_varies = true;
}

/* Groups of one series lie together; each is compared with the first ones of its series: enough
 * to see what varies without comparing thousands of groups pair by pair. */
static void mark_variation(struct planner *p)
{
	const uint32_t most = 64;

	for (uint32_t i = 0; i < p->n_groups; i++) {
		struct plan_group *first = &p->groups[i];
		uint32_t j;

		for (j = i + 1; j < p->n_groups && j - i <= most &&
			is_candidate(first, p->groups[j].blocks[0]);
			j++)
			mark(first, &p->groups[j]);
	}
	for (uint32_t i = 1; i < p->n_groups; i++)
		if (is_candidate(&p->groups[i - 1], p->groups[i].blocks[0]))
			spread(&p->groups[i - 1], &p->groups[i]);
	for (uint32_t i = p->n_groups; i > 1; i--)
		if (is_candidate(&p->groups[i - 2], p->groups[i - 1].blocks[0]))
			spread(&p->groups[i - 1], &p->groups[i - 2]);
}

static void mark_coils(struct plan_group *g)
{
	for (uint32_t i = 1; i < g->n_blocks && !g->coil_varies; i++)
		g->coil_varies = attr(g->blocks[i]) != attr(g->blocks[0]) &&
			!same_text(attr(g->blocks[i])->coil_name, attr(g->blocks[0])->coil_name);
}

int plan_group_blocks(struct planner *p, struct err *err)
{
	uint32_t last = 0;

	for (uint32_t i = 0; i < p->n_blocks; i++) {
		enum plan_reason reason;
		struct plan_group *g = find_group(p, &p->blocks[i], last, &reason);
		int rc;

		if (!g) {
			g = plan_grow(p, &p->groups, &p->n_groups, &p->cap_groups, sizeof *g);
			if (!g)
				return err_nomem(err);
			g->reason = reason;
		}
		rc = add_to_group(p, g, &p->blocks[i], err);
		if (rc < 0)
			return rc;
		last = (uint32_t)(g - p->groups);
	}
	mark_variation(p);
	for (uint32_t i = 0; i < p->n_groups; i++)
		mark_coils(&p->groups[i]);
	return 0;
}
