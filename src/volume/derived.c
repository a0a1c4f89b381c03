/* SPDX-License-Identifier: MIT */
/*
 * Step five: volumes made of other volumes. A tilted stack is sheared upright, an uneven one is
 * resampled to its smallest gap, overlays become masks; a diffusion series is shown once with its
 * isotropic volumes and once without. All of this beside the untouched volume, and none of it reads
 * pixels: the tables here tell resample.c what to do.
 */
#include <math.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "dicom/dataset.h"
#include "dicom/tags.h"
#include "dicom/value.h"
#include "volume/geometry.h"
#include "volume/planning.h"
#include "volume/resample.h"

#define N_OVERLAYS 16
#define MOST_ROWS 65535u /* as DICOM's planes */

/* A volume like the base, whose planes are in NIfTI order; p->drafts may move. */
static struct plan_draft *add_derived(struct planner *p, uint32_t base, enum volume_kind kind,
	const char *ending)
{
	struct plan_draft *d = plan_grow(p, &p->drafts, &p->n_drafts, &p->cap_drafts, sizeof *d);
	const struct plan_draft *from = &p->drafts[base];
	struct volume *v = arena_alloc(p->keep, sizeof *v);

	if (!d || !v)
		return NULL;
	*v = *from->v;
	v->kind = kind;
	v->base = from->v;
	v->identity = hash_bytes(v->identity, ending, strlen(ending));
	v->bval = NULL;
	v->bvec = NULL;
	d->v = v;
	d->stack = from->stack;
	d->distances = from->distances;
	d->ending = ending;
	return d;
}

/* Planes of derived voxels are made in NIfTI order. */
static void lay_out(struct volume *v)
{
	for (uint8_t i = 0; i < 3; i++) {
		v->axis[i] = i;
		v->flip[i] = false;
	}
	v->plane_cols = v->dim[0];
	v->plane_rows = v->dim[1];
	v->n_planes = v->dim[2];
	v->rotated = false;
}

static void take_distances(const struct plan_draft *d, double *out)
{
	const struct volume *v = d->v;

	for (uint32_t k = 0; k < v->dim[2]; k++)
		out[k] = d->distances ? (double)d->distances[k] : (double)((float)k * v->pixdim[3]);
}

/* --- even gaps ------------------------------------------------------------------------------ */

static float least_gap(const float *d, uint32_t n)
{
	float least = d[1] - d[0];

	for (uint32_t i = 1; i < n; i++)
		if (d[i] - d[i - 1] < least && d[i] != d[i - 1])
			least = d[i] - d[i - 1];
	return least;
}

static void fill_even(double *table, const float *d, uint32_t n, uint32_t n_out, float gap)
{
	uint32_t high = 0, low;

	for (uint32_t s = 0; s < n_out; s++) {
		double *w = table + (size_t)s * RESAMPLE_EVEN_STRIDE;
		float mm = (float)s * gap;

		while (high < n - 1 && d[high] < mm)
			high++;
		low = high ? high - 1 : 0;
		w[RESAMPLE_EVEN_HIGH] = high;
		w[RESAMPLE_EVEN_LOW] = d[high] == d[low] || mm > d[high] ? high : low;
		w[RESAMPLE_EVEN_WEIGHT] = d[high] == d[low] ?
			0.0 :
			(double)((mm - d[low]) / (d[high] - d[low]));
	}
}

static bool is_resampled_already(struct planner *p, const struct plan_stack *s)
{
	const struct dcm_header *h = plan_header(p, s->images[0]->in);

	return h && dcm_text_contains(dcm_get(&h->top, DCM_DerivationDescription), "RESAMPLED");
}

static int set_even_slices(struct planner *p, struct volume *v, struct err *err)
{
	struct volume_slice *slices = arena_zalloc(p->keep, v->dim[2], sizeof *slices);

	if (!slices)
		return err_nomem(err);
	for (uint32_t k = 0; k < v->dim[2]; k++) {
		const double *w = v->resample + (size_t)k * RESAMPLE_EVEN_STRIDE;

		slices[k] = v->base->slices[(
			uint32_t)w[w[RESAMPLE_EVEN_WEIGHT] > 0.5 ? RESAMPLE_EVEN_HIGH :
								   RESAMPLE_EVEN_LOW]];
	}
	v->slices = slices;
	return 0;
}

static int derive_even(struct planner *p, uint32_t base, const char *ending, struct err *err)
{
	const struct plan_draft *from = &p->drafts[base];
	const float *d = from->distances;
	uint32_t n = from->v->dim[2], n_out;
	double steps;
	float gap, old;
	struct plan_draft *out;
	struct volume *v;

	if (n < 3 || (gap = least_gap(d, n)) <= 0.0f)
		return 0;
	steps = ceil(((double)d[n - 1] - 0.5 * (double)(d[n - 1] - d[n - 2])) / (double)gap);
	n_out = steps > 0.0 && steps <= 2.0 * n ? (uint32_t)steps : 0;
	if (steps > 2.0 * n) {
		n_out = 2 * n;
		gap = d[n - 1] / (float)(n_out - 1);
	}
	if (n_out < 3)
		return 0;
	out = add_derived(p, base, VOLUME_EQUIDISTANT, ending);
	if (!out)
		return err_nomem(err);
	v = out->v;
	v->why = "uneven gaps between planes made even";
	v->dim[2] = n_out;
	old = v->pixdim[3];
	v->pixdim[3] = gap;
	if (old != 0.0f && old != gap)
		for (int i = 0; i < 3; i++)
			v->srow[2][i] = v->base->srow[2][i] * (gap / old);
	lay_out(v);
	v->resample = arena_zalloc(p->keep, (size_t)n_out * RESAMPLE_EVEN_STRIDE,
		sizeof *v->resample);
	if (!v->resample)
		return err_nomem(err);
	fill_even(v->resample, d, n, n_out, gap);
	return set_even_slices(p, v, err);
}

/* --- gantry tilt ---------------------------------------------------------------------------- */

/* Of signed pixels too it may be written as a word without a sign. */
static double padding_value(struct planner *p, const struct plan_stack *s)
{
	const struct plan_image *first = s->images[0];
	const struct dcm_header *h = plan_header(p, first->in);
	double v = h ? dcm_get_double(&h->top, DCM_PixelPaddingValue, NAN) : (double)NAN;

	if (first->in->attr->pixel.is_signed && v > INT16_MAX && v <= UINT16_MAX)
		v -= UINT16_MAX + 1;
	return v >= INT16_MIN && v <= INT16_MAX ? v : (double)NAN;
}

/* Rows are added below. The reference moves both origins by row y of the matrix, where column j
 * would be right (they agree for stacks that lie straight but for their tilt). */
static void move_origin(struct volume *v, float rows)
{
	float row[3];

	geom_quaternion_row(v->quatern, v->pixdim[0], v->pixdim + 1, 1, row);
	for (int i = 0; i < 3; i++) {
		v->srow[i][3] -= v->srow[1][i] * rows;
		v->qoffset[i] -= row[i] * rows;
	}
}

/* The numbers behind `resample`, and how many rows the shear adds. */
static int measure_shear(struct planner *p, const struct plan_draft *d, double **out, float *rows,
	struct err *err)
{
	const struct volume *v = d->v;
	double *table = arena_zalloc(p->keep, RESAMPLE_TILT_PLANES + v->dim[2], sizeof *table);
	float per_mm = (float)(tan((double)d->tilt_degrees / (180.0 / M_PI)) /
		(double)v->pixdim[2]);

	if (!table)
		return err_nomem(err);
	table[RESAMPLE_TILT_ROWS] = (double)per_mm;
	table[RESAMPLE_TILT_PADDING] = padding_value(p, d->stack);
	take_distances(d, table + RESAMPLE_TILT_PLANES);
	table[RESAMPLE_TILT_MM] = table[RESAMPLE_TILT_PLANES + v->dim[2] - 1];
	*rows = ceilf(fabsf(per_mm * (float)table[RESAMPLE_TILT_MM]));
	*out = table;
	return 0;
}

/* *made: positions that run along the planes rather than across them are no tilt: upright, they
 * would be of more rows than a plane can have. */
static int derive_upright(struct planner *p, uint32_t base, bool *made, struct err *err)
{
	struct plan_draft *out;
	struct volume *v;
	double *table = NULL;
	float rows = 0.0f;
	int rc = measure_shear(p, &p->drafts[base], &table, &rows, err);

	*made = !rc && rows <= (float)(MOST_ROWS - p->drafts[base].v->dim[1]);
	if (!*made)
		return rc;
	out = add_derived(p, base, VOLUME_TILT, "_Tilt_1");
	if (!out)
		return err_nomem(err);
	v = out->v;
	v->why = "gantry tilt undone";
	memcpy(v->srow, v->matrix, sizeof v->srow);
	v->dim[1] += (uint32_t)rows;
	if (table[RESAMPLE_TILT_ROWS] < 0.0)
		move_origin(v, rows);
	lay_out(v);
	v->resample = table;
	return 0;
}

/* --- overlays --------------------------------------------------------------------------------- */

/* The first instance that has overlay i, or NULL. */
static const struct instance *overlay_of(const struct volume *v, unsigned i)
{
	for (uint32_t k = 0; k < v->n_planes; k++)
		if (v->slices[k].in->overlays >> i & 1)
			return v->slices[k].in;
	return NULL;
}

static int derive_overlay(struct planner *p, uint32_t base, unsigned i, struct err *err)
{
	const char *ending = arena_printf(&p->scratch, "_ROI%u", i + 1);
	struct plan_draft *out = ending ? add_derived(p, base, VOLUME_OVERLAY, ending) : NULL;

	if (!out)
		return err_nomem(err);
	out->v->why = "an overlay";
	out->v->overlay_group = (uint16_t)(0x6000 + 2 * i);
	out->v->type = SAMPLE_U8;
	out->v->scaled = false;
	out->v->scl_slope = 1.0f;
	out->v->scl_inter = 0.0f;
	return 0;
}

static int derive_overlays(struct planner *p, uint32_t base, struct err *err)
{
	const struct volume *v = p->drafts[base].v;

	if (v->is_4d || v->base || p->drafts[base].stack->block->n_tiles)
		return 0;
	for (unsigned i = 0; i < N_OVERLAYS; i++) {
		const struct instance *in = overlay_of(v, i);
		const struct dcm_header *h;
		int rc;

		if (!in || !(h = plan_header(p, in)) ||
			!resample_overlay_covers(h, in, (uint16_t)(0x6000 + 2 * i)))
			continue;
		rc = derive_overlay(p, base, i, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* --- isotropic diffusion volumes
 * ---------------------------------------------------------------- */

static bool is_apart(const struct plan_stack *s, uint32_t t)
{
	return s->diffusion && s->diffusion[t].is_trace;
}

/* Time points in their order but the isotropic ones last; returns how many are not. */
static uint32_t sort_times(const struct plan_stack *s, uint32_t *order)
{
	uint32_t n = 0, n_kept;

	for (uint32_t t = 0; t < s->n_times; t++)
		if (!is_apart(s, t))
			order[n++] = t;
	n_kept = n;
	for (uint32_t t = 0; t < s->n_times; t++)
		if (is_apart(s, t))
			order[n++] = t;
	return n_kept;
}

static int rearrange(struct planner *p, struct volume *v, const uint32_t *order, uint32_t n_kept,
	struct err *err)
{
	struct volume_slice *slices = arena_alloc(p->keep,
		(size_t)v->n_planes * v->dim[3] * sizeof *slices);
	double *bval = arena_zalloc(p->keep, n_kept, sizeof *bval);
	double(*bvec)[3] = arena_zalloc(p->keep, n_kept, sizeof *bvec);

	if (!slices || !bval || !bvec)
		return err_nomem(err);
	for (uint32_t t = 0; t < v->dim[3]; t++)
		memcpy(slices + (size_t)t * v->n_planes, v->slices + (size_t)order[t] * v->n_planes,
			v->n_planes * sizeof *slices);
	for (uint32_t t = 0; t < n_kept; t++) {
		bval[t] = v->bval[order[t]];
		memcpy(bvec[t], v->bvec[order[t]], sizeof bvec[t]);
	}
	v->slices = slices;
	v->bval = bval;
	v->bvec = (const double(*)[3])bvec;
	return 0;
}

static int derive_isotropic(struct planner *p, uint32_t base, struct err *err)
{
	struct volume *v = p->drafts[base].v;
	const struct plan_stack *s = p->drafts[base].stack;
	uint32_t *order, n_kept;
	int rc;

	if (!v->bval || !v->bvec || !s->block->traits.trace_apart)
		return 0;
	order = arena_zalloc(&p->scratch, s->n_times, sizeof *order);
	if (!order)
		return err_nomem(err);
	n_kept = sort_times(s, order);
	if (n_kept < 2 || n_kept == s->n_times) /* a clinical b=0 and its traces stay together */
		return 0;
	rc = rearrange(p, v, order, n_kept, err);
	if (rc < 0)
		return rc;
	if (!add_derived(p, base, VOLUME_ISOTROPIC, "_ADC"))
		return err_nomem(err);
	v->dim[3] = n_kept;
	v->is_4d = true;
	return 0;
}

static bool can_shear(const struct volume *v)
{
	return v->dim[2] >= 3 && !v->is_4d && (v->type == SAMPLE_I16 || v->type == SAMPLE_F32);
}

static bool can_even(const struct volume *v)
{
	return v->dim[2] >= 3 && !v->is_4d &&
		(v->type == SAMPLE_I16 || v->type == SAMPLE_F32 || v->type == SAMPLE_U8 ||
			v->type == SAMPLE_RGB24);
}

int plan_derive(struct planner *p, uint32_t draft, struct err *err)
{
	const struct plan_draft *d = &p->drafts[draft];
	bool uneven = d->distances && !d->v->rotated && can_even(d->v);
	int rc = derive_isotropic(p, draft, err);

	if (!rc)
		rc = derive_overlays(p, draft, err);
	uneven = uneven && !rc && !is_resampled_already(p, p->drafts[draft].stack);
	if (!rc && p->drafts[draft].tilt_degrees != 0.0f && can_shear(p->drafts[draft].v)) {
		bool made;

		rc = derive_upright(p, draft, &made, err);
		if (!made)
			return rc;
		/* what is tilted and uneven is made upright only to be made even */
		p->drafts[p->n_drafts - 1].is_step = uneven;
		return rc || !uneven ? rc : derive_even(p, p->n_drafts - 1, "_Tilt_Eq_1", err);
	}
	return rc || !uneven ? rc : derive_even(p, draft, "_Eq_1", err);
}
