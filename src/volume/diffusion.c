/* SPDX-License-Identifier: MIT */
/*
 * Diffusion weighting of each time point as .bval and .bvec have it (CONVERSION §6): vectors are in
 * the frame of the image as stored, whose rows are counted from the bottom and whose planes ascend
 * along row x column. The headers of a classic series are read only where its records, or that
 * of its first image, speak of diffusion.
 */
#include <math.h>
#include <string.h>

#include "base/err.h"
#include "dicom/dataset.h"
#include "vendor/gradient.h"
#include "volume/planning.h"

#define UNWEIGHTED_MOST 6.0 /* s/mm2: more than this in every volume is a weighted series */

static const struct plan_image *first_of(const struct plan_stack *s, uint32_t t)
{
	return s->images[(size_t)t * (s->block->n_tiles ? 1 : s->n_planes)];
}

void plan_diffusion_from_facts(const struct facts *f, struct plan_diffusion *d)
{
	d->b_value = f->is_diffusion ? f->b_value : NAN;
	memcpy(d->gradient, f->gradient, sizeof d->gradient);
	d->has_gradient = f->is_diffusion && f->has_gradient;
	d->in_image = f->gradient_in_image;
	d->is_trace = f->is_trace;
}

static bool records_tell(const struct plan_stack *s)
{
	for (uint32_t t = 0; t < s->n_times; t++)
		if (!isnan(first_of(s, t)->b_value))
			return true;
	return false;
}

/* Some makers write a b-value of 0 into every image: headers would tell no more. */
static bool records_deny(const struct plan_stack *s)
{
	for (uint32_t t = 0; t < s->n_times; t++)
		if (!(first_of(s, t)->b_value == 0.0))
			return false;
	return true;
}

/* The facts of each time point's first image. */
static int read_all(struct planner *p, struct plan_stack *s, struct err *err)
{
	struct plan_diffusion *all = arena_zalloc(&p->scratch, s->n_times, sizeof *all);

	if (!all)
		return err_nomem(err);
	for (uint32_t t = 0; t < s->n_times; t++) {
		const struct dcm_header *h = plan_header(p, first_of(s, t)->in);
		struct arena spare = { 0 }; /* what is parsed of a private header is large */
		struct facts f;
		int rc;

		all[t].b_value = NAN;
		if (!h)
			continue;
		rc = vendor_facts(h, first_of(s, t)->frame, &spare, &f, err);
		if (rc == 0)
			plan_diffusion_from_facts(&f, &all[t]);
		arena_release(&spare);
		if (rc < 0)
			return rc;
		/* is it a diffusion series at all? The first two time points tell */
		if (t == 1 && isnan(all[0].b_value) && isnan(all[1].b_value) && !records_tell(s))
			return 0;
	}
	s->diffusion = all;
	return 0;
}

static double b_or_zero(const struct plan_diffusion *d)
{
	return isnan(d->b_value) ? 0.0 : d->b_value;
}

static bool same_vector(const double a[3], const double b[3])
{
	return a[0] == b[0] && a[1] == b[1] && a[2] == b[2];
}

/* Something must distinguish the volumes, or weight all of them. */
static bool is_worth_telling(const struct plan_stack *s, bool any)
{
	const struct plan_diffusion *d = s->diffusion;
	double least = INFINITY;
	bool varies = false;

	for (uint32_t t = 0; t < s->n_times; t++) {
		least = fmin(least, b_or_zero(&d[t]));
		varies = varies || b_or_zero(&d[t]) != b_or_zero(&d[0]) ||
			d[t].has_gradient != d[0].has_gradient ||
			(d[t].has_gradient && !same_vector(d[t].gradient, d[0].gradient));
	}
	return any &&
		(varies || least > UNWEIGHTED_MOST ||
			(d[0].has_gradient && !same_vector(d[0].gradient, (double[3]){ 0, 0, 0 })));
}

/* False: it is told in patient coordinates, of an image that lies nowhere. */
static bool set_vector(const struct plan_diffusion *d, const struct volume *v,
	const double orientation[6], double out[3])
{
	out[0] = out[1] = out[2] = 0.0;
	if (!d->has_gradient || b_or_zero(d) == 0.0)
		return true;
	if (d->in_image)
		memcpy(out, d->gradient, sizeof d->gradient);
	else
		gradient_from_lps(d->gradient, orientation, out);
	if (v->negative_mosaic)
		out[1] = -out[1];
	for (int i = 0; i < 3; i++)
		out[i] += 0.0; /* no -0 */
	return !isnan(out[0] + out[1] + out[2]);
}

static int set_arrays(struct planner *p, const struct plan_stack *s, struct volume *v,
	struct err *err)
{
	double *bval = arena_zalloc(p->keep, s->n_times, sizeof *bval);
	double(*bvec)[3] = arena_zalloc(p->keep, s->n_times, sizeof *bvec);
	bool all_isotropic = true, all_known = true;

	if (!bval || !bvec)
		return err_nomem(err);
	for (uint32_t t = 0; t < s->n_times; t++) {
		const struct plan_diffusion *d = &s->diffusion[t];

		bval[t] = b_or_zero(d);
		all_known = set_vector(d, v, first_of(s, t)->orientation, bvec[t]) && all_known;
		all_isotropic = all_isotropic && d->is_trace;
		for (uint32_t k = 0; k < s->n_planes; k++)
			v->slices[(size_t)t * s->n_planes + k].b_value = bval[t];
	}
	v->bval = bval;
	if (all_known && !(all_isotropic && s->block->traits.trace_apart))
		v->bvec = (const double(*)[3])bvec;
	return 0;
}

int plan_diffusion(struct planner *p, struct plan_stack *s, const struct plan_first *f,
	struct volume *v, struct err *err)
{
	bool any = false;
	int rc;

	if (!s->diffusion) {
		bool told = f->facts.is_diffusion || records_tell(s);

		if (records_deny(s) || (!told && !(s->block->n_tiles && s->n_times > 1)))
			return 0;
		rc = read_all(p, s, err);
		if (rc < 0 || !s->diffusion)
			return rc;
	}
	for (uint32_t t = 0; t < s->n_times; t++)
		any = any || !isnan(s->diffusion[t].b_value);
	return is_worth_telling(s, any) ? set_arrays(p, s, v, err) : 0;
}
