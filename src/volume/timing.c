/* SPDX-License-Identifier: MIT */
/*
 * When a stack was acquired: repetition time, the order of its slices, slices excited at
 * once, and the two texts of a NIfTI header (CONVERSION §5.6-5.8).
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "dicom/dataset.h"
#include "dicom/groups.h"
#include "dicom/tags.h"
#include "dicom/value.h"
#include "volume/planning.h"

#define TR_TOLERANCE_S 0.05
#define MOST_TIMES 512u /* planes whose times are compared */

/* Midnight may lie between them. */
static double seconds_apart(const struct plan_image *a, const struct plan_image *b)
{
	return b->time_s - a->time_s +
		86400.0 *
		dcm_days_apart(a->in->attr->acquisition_date, b->in->attr->acquisition_date);
}

/* From the first to the last time point, by the acquisition times of their first planes; NAN. */
static double duration(const struct plan_stack *s)
{
	const struct plan_image *first = s->images[0];
	double most = NAN;

	for (uint32_t t = 1; t < s->n_times; t++) {
		const struct plan_image *im = s->images[(size_t)t * s->n_planes];
		double d = seconds_apart(first, im);

		if (d > 0.0)
			most = fmax(isnan(most) ? 0.0 : most, d);
	}
	return most;
}

static bool pet_times_vary(const struct plan_stack *s)
{
	double least = INFINITY, most = -INFINITY;

	for (uint32_t t = 1; t < s->n_times; t++) {
		double d = seconds_apart(s->images[(size_t)(t - 1) * s->n_planes],
			s->images[(size_t)t * s->n_planes]);

		if (d > 0.0) {
			least = fmin(least, d);
			most = fmax(most, d);
		}
	}
	return most - least > TR_TOLERANCE_S;
}

/* The time that the scanner took from volume to volume, where the header's repetition time is
 * something else. */
static double measured_tr(const struct plan_stack *s, const struct plan_first *f, double told_s)
{
	bool pet = plan_is_modality(f->im, "PT");
	double tr, averages = f->attr->number_of_averages;

	if (s->n_times < 2 || s->block->n_tiles || s->block->is_multiframe ||
		s->n_planes * s->n_times < 2)
		return told_s;
	if (s->block->traits.times_unreliable && !pet)
		return told_s;
	if (pet && pet_times_vary(s))
		return 0.0;
	tr = (double)(float)((double)(float)duration(s) / (s->n_times - 1.0));
	if (isnan(tr) || fabs(tr - told_s) <= TR_TOLERANCE_S)
		return told_s;
	if (averages > 1.0 && fabs(tr / averages - told_s) <= TR_TOLERANCE_S)
		return told_s;
	return tr;
}

static void set_tr(struct volume *v, const struct plan_stack *s, const struct plan_first *f)
{
	float tr_ms = isnan(f->im->repetition_time) ? 0.0f : f->im->repetition_time;
	double told;

	if (f->facts.group_delay_s > 0.0)
		tr_ms = (float)((double)tr_ms + f->facts.group_delay_s * 1000.0);
	told = (double)(float)((double)tr_ms / 1000.0);
	if (!isnan(s->block->time_step_s))
		told = s->block->time_step_s;
	v->repetition_time_s = measured_tr(s, f, told);
	v->header_repetition_time_s = v->repetition_time_s == told ? NAN : told;
	v->pixdim[4] = (float)v->repetition_time_s;
}

/* NIfTI's slice_code from the times of a mosaic's tiles: CONVERSION §5.8. */
static uint8_t slice_code(const double *t, uint32_t n)
{
	uint32_t n_zero = 0, least = 0;
	double shift = 0.0;

	for (uint32_t i = 0; i < n; i++)
		if (t[i] < t[least])
			least = i;
	if (n && t[least] < 0.0)
		shift = t[least];
	for (uint32_t i = 0; i < n; i++)
		n_zero += t[i] - shift == 0.0;
	if (n < 3 || n_zero > 1)
		return 0;
	if (least == 0)
		return t[1] < t[2] ? 1 : t[1] > t[2] ? 3 : 0;
	if (least == 1)
		return 5;
	if (least == n - 2)
		return 6;
	if (least == n - 1)
		return t[n - 3] > t[n - 2] ? 2 : 4;
	return 0;
}

/* Slice times must differ and fit into the repetition time: some sequences write rubbish in
 * their first volume. */
static bool times_are_good(const struct facts *f, float tr_ms)
{
	double least = INFINITY, most = -INFINITY;

	for (uint32_t i = 0; i < f->n_slice_times; i++) {
		least = fmin(least, f->slice_times_ms[i]);
		most = fmax(most, f->slice_times_ms[i]);
	}
	return least < most && !(most > (double)tr_ms);
}

/* The facts of a mosaic's second volume, where something of the first one's slice times cannot
 * be. */
int plan_learn_times(struct planner *p, const struct plan_stack *s, struct plan_first *f,
	struct err *err)
{
	struct dcm_header *h;
	int rc;

	if (!s->block->n_tiles || s->block->has_tile_positions || s->n_times < 2)
		return 0;
	if (times_are_good(&f->facts, f->im->repetition_time) &&
		slice_code(f->facts.slice_times_ms, f->facts.n_slice_times))
		return 0;
	h = plan_second_header(p, s->images[1]->in);
	if (!h)
		return 0;
	rc = vendor_facts(h, 0, &p->scratch, &f->second, err);
	dcm_header_free(h);
	return rc;
}

static void set_slice_code(struct volume *v, const struct plan_stack *s, const struct plan_first *f)
{
	if (!s->block->n_tiles || s->block->has_tile_positions ||
		f->facts.protocol_slice_number > 1.0)
		return;
	v->slice_code = slice_code(f->facts.slice_times_ms, f->facts.n_slice_times);
	if (!v->slice_code)
		v->slice_code = slice_code(f->second.slice_times_ms, f->second.n_slice_times);
}

/* How many slices were excited at once. Frames tell by their times: those of the second volume
 * where there is one. */
static uint32_t multiband(const struct plan_stack *s, const struct plan_first *f)
{
	double times[MOST_TIMES];
	const struct plan_image *const *im = (const struct plan_image *const *)s->images;

	if (s->block->n_tiles && f->second.n_slice_times &&
		!times_are_good(&f->facts, f->im->repetition_time))
		return f->second.multiband;
	if (f->facts.multiband || !s->block->is_multiframe || !f->is_echo_planar ||
		s->n_planes > MOST_TIMES)
		return f->facts.multiband;
	if (s->n_times > 1)
		im += s->n_planes;
	for (uint32_t k = 0; k < s->n_planes; k++)
		times[k] = im[k]->time_s;
	return isnan(times[0]) ? 0 : vendor_multiband(times, s->n_planes);
}

/* --- texts
 * ---------------------------------------------------------------------------------------- */

/* Seconds since midnight as the number that the time reads as: 45000.5 -> 123000.5. By whole
 * microseconds, so that it is the same double as the text would give. */
static double as_hhmmss(double seconds)
{
	int64_t us, s;

	if (isnan(seconds))
		return 0.0;
	us = (int64_t)llround(seconds * 1e6);
	s = us / 1000000;
	us = (s / 3600 * 10000 + s / 60 % 60 * 100 + s % 60) * 1000000 + us % 1000000;
	return (double)us / 1e6;
}

/* Of a grid whose tiles alone tell their times, that of the last tile. */
static double first_time(const struct plan_first *f)
{
	if (!isnan(f->im->in->acquisition_time) || !f->facts.has_tile_positions ||
		!f->facts.n_slice_times)
		return f->im->in->acquisition_time;
	return f->facts.slice_times_ms[f->facts.n_slice_times - 1] / 1000.0;
}

static void set_descrip(struct volume *v, const struct plan_first *f, uint32_t mb)
{
	size_t len = 0, cap = sizeof v->descrip;
	float te = isnan(f->im->echo_time) ? 0.0f : f->im->echo_time;

	if (f->is_mr)
		len = (size_t)snprintf(v->descrip, cap, "TE=%.2g;", (double)te);
	len += (size_t)snprintf(v->descrip + len, cap - len, "Time=%.3f", as_hhmmss(first_time(f)));
	if (f->is_mr && f->facts.pe_polarity != POLARITY_UNKNOWN && len < cap)
		len += (size_t)snprintf(v->descrip + len, cap - len, ";phase=%d",
			f->facts.pe_polarity == POLARITY_POSITIVE);
	if (f->is_mr && mb > 1 && len < cap)
		snprintf(v->descrip + len, cap - len, ";mb=%u", mb);
}

/* The direction of phase encoding; "COL" of the classic form is "COLUMN" in functional groups. */
static const char *phase_encoding(struct planner *p, const struct plan_first *f)
{
	const struct dcm_dataset *ds;
	const struct dcm_node *n;

	if (f->attr->pe_direction || !f->header)
		return f->attr->pe_direction;
	n = dcm_frame_get(f->header, f->im->frame, DCM_InPlanePhaseEncodingDirection, &ds);
	return n ? dcm_text(ds, n, &p->scratch) : NULL;
}

static void set_texts(struct planner *p, struct volume *v, const struct plan_stack *s,
	const struct plan_first *f)
{
	const char *comments, *pe = phase_encoding(p, f);

	set_descrip(v, f, multiband(s, f));
	comments = f->header ? dcm_get_text(&f->header->top, DCM_ImageComments, &p->scratch) : NULL;
	if (comments)
		snprintf(v->aux_file, sizeof v->aux_file, "%s", comments);
	if (pe && strcmp(pe, "ROW") == 0)
		v->dim_info = 0x36;
	else if (pe && strncmp(pe, "COL", 3) == 0)
		v->dim_info = 0x39;
}

void plan_time(struct planner *p, const struct plan_stack *s, const struct plan_first *f,
	struct volume *v)
{
	set_tr(v, s, f);
	set_texts(p, v, s, f);
	set_slice_code(v, s, f);
}
