/* SPDX-License-Identifier: MIT */
/*
 * Files with several frames: enhanced ones are enhanced.c's, the others do not describe each frame:
 * planes of one volume, or a film, as their modality and their vectors tell (CONVERSION §3.9).
 */
#include <math.h>
#include <string.h>

#include "base/err.h"
#include "dicom/dataset.h"
#include "dicom/groups.h"
#include "dicom/tags.h"
#include "dicom/value.h"
#include "volume/geometry.h"
#include "volume/planning.h"

#define SAME_PLACE_MM 0.01
#define ENOUGH_FRAMES 4096u /* that we plan however short the file is */

static bool is_stacked_in_space(const struct instance *in)
{
	const char *m = in->attr->modality;

	return m &&
		(strcmp(m, "MR") == 0 || strcmp(m, "CT") == 0 || strcmp(m, "PT") == 0 ||
			strcmp(m, "NM") == 0 || strcmp(m, "RTDOSE") == 0 || strcmp(m, "SEG") == 0);
}

/* Seconds from frame to frame: (0018,1063), or the first of (0018,1065) that is not 0. */
static double frame_time_s(const struct dcm_header *h)
{
	double ms = dcm_get_double(&h->top, DCM_FrameTime, NAN), vector[2] = { 0, 0 };

	if (isnan(ms) && dcm_get_doubles(&h->top, DCM_FrameTimeVector, vector, 2) == 2)
		ms = vector[1];
	return ms > 0.0 ? ms / 1000.0 : NAN;
}

/* Where frame k of a dose grid lies: PS3.3 C.8.8.3.2. Offsets go along the normal from the first
 * plane; what begins with the z of that one are places along the patient's axis, whichever way the
 * normal points. */
static int place_dose_planes(struct planner *p, const struct dcm_header *h, struct plan_block *b,
	struct err *err)
{
	double *z = arena_zalloc(&p->scratch, b->n_planes, sizeof *z), normal[3];
	struct plan_image *first = &b->images[0];
	uint32_t n;

	if (!z)
		return err_nomem(err);
	n = dcm_get_doubles(&h->top, DCM_GridFrameOffsetVector, z, b->n_planes);
	geom_normal(first->orientation, normal);
	if (n && z[0] != 0.0 && fabs(z[0] - first->position[2]) < SAME_PLACE_MM && normal[2] < 0.0)
		normal[2] = -normal[2];
	if (n < b->n_planes && b->n_planes > 1)
		plan_problem(p, first->in, "GridFrameOffsetVector has %u values for %u planes%s", n,
			b->n_planes, n > 1 ? ": the rest follow as the last did" : "");
	for (uint32_t k = n > 1 ? n : b->n_planes; k < b->n_planes; k++)
		z[k] = z[k - 1] + (z[n - 1] - z[n - 2]);
	for (uint32_t k = 1; k < b->n_planes && n > 1; k++)
		for (int i = 0; i < 3; i++)
			b->images[k].position[i] = first->position[i] + (z[k] - z[0]) * normal[i];
	if (n > 1)
		b->gap = fabs(z[1] - z[0]);
	return 0;
}

/* Other stacks have the place of their first plane alone: the rest follow along the normal.
 * PS3.3 C.8.4.15. */
static void place_planes(struct plan_block *b)
{
	double step = isnan(b->gap) || b->gap == 0.0 ? b->thickness : b->gap, normal[3];

	geom_normal(b->images[0].orientation, normal);
	for (uint32_t i = 0; i < b->n_planes * b->n_times && !isnan(step); i++)
		for (int k = 0; k < 3; k++)
			b->images[i].position[k] += (double)(i % b->n_planes) * step * normal[k];
	b->gap = fabs(b->gap);
}

/* Nuclear medicine tells of its detector where the planes lie. */
static void read_detector(const struct dcm_header *h, struct plan_image *im)
{
	const struct dcm_dataset *detector = dcm_first_item(&h->top,
		DCM_DetectorInformationSequence);

	for (uint32_t i = 0; detector && i < 3; i++)
		dcm_double(dcm_get(detector, DCM_ImagePositionPatient), i, &im->position[i]);
	for (uint32_t i = 0; detector && i < 6; i++)
		dcm_double(dcm_get(detector, DCM_ImageOrientationPatient), i, &im->orientation[i]);
}

static int read_plain(struct planner *p, const struct dcm_header *h, struct plan_block *b,
	uint32_t n, struct err *err)
{
	double scaling = dcm_get_double(&h->top, DCM_DoseGridScaling, NAN);

	read_detector(h, &b->images[0]);
	if (!isnan(scaling))
		b->images[0].slope = scaling;
	for (uint32_t k = 1; k < n; k++) {
		b->images[k] = b->images[0];
		b->images[k].frame = k;
	}
	if (dcm_get(&h->top, DCM_GridFrameOffsetVector))
		return place_dose_planes(p, h, b, err);
	if (b->n_planes > 1)
		place_planes(b);
	return 0;
}

/* Nuclear medicine: planes that the slice vector tells apart; the rest is time. PS3.3 C.8.4.8. */
static uint32_t slices_of(const struct dcm_header *h, uint32_t n)
{
	int64_t slices = dcm_get_int(&h->top, DCM_NumberOfSlices, n);

	if (!dcm_get(&h->top, DCM_SliceVector) || slices < 1 || slices > n || n % slices)
		return n;
	return (uint32_t)slices;
}

/* Which frame is plane s of time t, by the slice vector: the t-th that it has for s. False: the
 * vector does not tell each of them. */
static bool arrange(const struct dcm_node *vector, const struct plan_block *b, uint32_t *frame_of,
	uint32_t *n_seen)
{
	for (uint32_t k = 0; k < b->n_planes * b->n_times; k++) {
		int64_t slice = 0;

		if (!dcm_int(vector, k, &slice) || slice < 1 || slice > b->n_planes ||
			n_seen[slice - 1] == b->n_times)
			return false;
		frame_of[n_seen[slice - 1]++ * b->n_planes + (uint32_t)slice - 1] = k;
	}
	return true;
}

static int arrange_frames(struct planner *p, const struct dcm_header *h, struct plan_block *b,
	struct err *err)
{
	const struct dcm_node *vector = dcm_get(&h->top, DCM_SliceVector);
	uint32_t n = b->n_planes * b->n_times;
	uint32_t *frame_of = arena_zalloc(&p->scratch, n, sizeof *frame_of);
	uint32_t *n_seen = arena_zalloc(&p->scratch, b->n_planes, sizeof *n_seen);

	if (!frame_of || !n_seen)
		return err_nomem(err);
	if (vector && arrange(vector, b, frame_of, n_seen))
		for (uint32_t i = 0; i < n; i++)
			b->images[i].frame = frame_of[i];
	return 0;
}

void plan_read_region(const struct dcm_header *h, struct plan_block *b)
{
	const struct dcm_dataset *region = dcm_first_item(&h->top, DCM_SequenceOfUltrasoundRegions);
	const int64_t cm = 3;

	if (!region || !isnan(b->spacing[0]) ||
		dcm_get_int(region, DCM_PhysicalUnitsXDirection, 0) != cm ||
		dcm_get_int(region, DCM_PhysicalUnitsYDirection, 0) != cm)
		return;
	b->spacing[0] = fabs(dcm_get_double(region, DCM_PhysicalDeltaY, NAN)) * 10.0;
	b->spacing[1] = fabs(dcm_get_double(region, DCM_PhysicalDeltaX, NAN)) * 10.0;
}

static int collect_plain(struct planner *p, struct series *s, const struct instance *in,
	const struct dcm_header *h, uint32_t n, struct err *err)
{
	struct plan_block *b = plan_new_block(p, s, in, n);
	int rc;

	if (!b)
		return err_nomem(err);
	plan_fill_from_record(p, in, b, &b->images[0]);
	b->is_multiframe = n > 1;
	b->n_planes = is_stacked_in_space(in) ? slices_of(h, n) : 1;
	b->n_times = n / b->n_planes;
	b->time_step_s = frame_time_s(h);
	rc = read_plain(p, h, b, n, err);
	plan_read_region(h, b);
	return rc ? rc : arrange_frames(p, h, b, err);
}

/* NumberOfFrames, unless the file is far too short for it: each compressed frame takes an
 * item's head, a native one its bits. */
static uint32_t believable_frames(const struct instance *in)
{
	const struct pixel_desc *d = &in->attr->pixel;
	uint64_t bits = in->compressed ?
		64 :
		(uint64_t)d->rows * d->cols * d->samples * d->bits_allocated;
	uint64_t bytes = in->pixels_len == DCM_UNDEFINED_LENGTH ? in->size : in->pixels_len;
	uint64_t most = bytes / (bits / 8 ? bits / 8 : 1) + ENOUGH_FRAMES;

	if (in->n_frames <= 1)
		return 1;
	return in->n_frames < most ? in->n_frames : (uint32_t)most;
}

int plan_collect_multiframe(struct planner *p, struct series *s, const struct instance *in,
	struct err *err)
{
	const struct dcm_header *h = plan_header(p, in);
	uint32_t n = believable_frames(in);

	if (!h)
		return 0;
	if (dcm_frame_item(h, 0))
		return plan_collect_enhanced(p, s, in, h, n, err);
	return collect_plain(p, s, in, h, n, err);
}
