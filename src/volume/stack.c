/* SPDX-License-Identifier: MIT */
/*
 * Step four: from a stack of images to a struct volume: voxel type and scaling (CONVERSION §4.3,
 * §4.5), the table of its planes, and with place.c and timing.c the rest. One header is read: that
 * of the first image.
 */
#include <errno.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "dicom/dataset.h"
#include "dicom/groups.h"
#include "dicom/tags.h"
#include "dicom/value.h"
#include "volume/planning.h"

bool plan_is_modality(const struct plan_image *im, const char *modality)
{
	return im->in->attr->modality && strcmp(im->in->attr->modality, modality) == 0;
}

static bool has_word(const char *text, const char *word)
{
	return text && strstr(text, word);
}

static int learn_first(struct planner *p, const struct plan_stack *s, struct plan_first *f,
	struct err *err)
{
	const struct dcm_node *n;
	int rc;

	memset(f, 0, sizeof *f);
	f->im = s->images[0];
	f->attr = f->im->in->attr;
	f->facts.scale_slope = f->facts.b_value = NAN;
	f->is_mr = plan_is_modality(f->im, "MR");
	f->is_echo_planar = has_word(f->attr->scanning_sequence, "EP");
	f->header = plan_header(p, f->im->in);
	if (!f->header)
		return 0;
	n = dcm_get(&f->header->top, DCM_EchoPlanarPulseSequence);
	if (!n)
		n = dcm_frame_get(f->header, f->im->frame, DCM_EchoPlanarPulseSequence, NULL);
	f->is_echo_planar = f->is_echo_planar || dcm_text_is(n, 0, "YES");
	rc = vendor_facts(f->header, f->im->frame, &p->scratch, &f->facts, err);
	f->is_echo_planar = f->is_echo_planar || f->facts.is_echo_planar;
	return rc;
}

/* --- voxels --------------------------------------------------------------------------------- */

/* CONVERSION §4.3. 16-bit words of which fewer bits are used fit into signed ones. */
enum sample_type plan_sample_type(const struct pixel_desc *d)
{
	if (d->samples > 1 || d->photometric == PHOTOMETRIC_PALETTE)
		return SAMPLE_RGB24;
	if (d->kind == PIXEL_FLOAT32)
		return SAMPLE_F32;
	if (d->kind == PIXEL_FLOAT64)
		return SAMPLE_F64;
	if (d->bits_allocated <= 8)
		return d->is_signed ? SAMPLE_I8 : SAMPLE_U8;
	if (d->bits_allocated <= 16)
		return d->is_signed || d->bits_stored < 16 ? SAMPLE_I16 : SAMPLE_U16;
	if (d->bits_allocated <= 32)
		return d->is_signed ? SAMPLE_I32 : SAMPLE_U32;
	return d->is_signed ? SAMPLE_I64 : SAMPLE_U64;
}

static float slope_of(const struct plan_image *im)
{
	return isnan(im->slope) || im->slope == 0.0 ? 1.0f : (float)im->slope;
}

static float intercept_of(const struct plan_image *im)
{
	return isnan(im->intercept) ? 0.0f : (float)im->intercept;
}

/* As the reference compares them; but maps in units of the SI have slopes of 1e-8. */
static bool slopes_differ(float a, float b)
{
	return fabsf(a - b) > FLT_EPSILON * fminf(1.0f, fmaxf(fabsf(a), fabsf(b)));
}

static bool scale_varies(const struct plan_stack *s, uint32_t n_images)
{
	for (uint32_t i = 1; i < n_images; i++)
		if (slopes_differ(slope_of(s->images[i]), slope_of(s->images[0])) ||
			fabsf(intercept_of(s->images[i]) - intercept_of(s->images[0])) >
				FLT_EPSILON)
			return true;
	return false;
}

/* Where the data set itself has no rescale slope, the one in its real world mapping or the like. */
static float nested_slope(const struct dcm_header *h)
{
	double slope = 1.0;

	dcm_double(dcm_find_deep(&h->top, DCM_RescaleSlope), 0, &slope);
	return slope == 0.0 ? 1.0f : (float)slope;
}

/* Floating point values as measured rather than as displayed: (stored * RS + RI) / (RS * SS).
 * Chenevert et al., Translational Oncology 2014. Where RS varies voxels are scaled already, and
 * the reference's header scales them once more, by what it has for the first image. */
static void scale_precisely(struct volume *v, float private_slope, bool scaled)
{
	float rs = v->scl_slope, ri = v->scl_inter, product = rs * private_slope;
	float zero, one;

	v->scl_slope = scaled ? 1.0f : v->scl_slope;
	v->scl_inter = scaled ? 0.0f : v->scl_inter;
	if (product == 0.0f)
		return;
	zero = (0.0f * rs + ri) / product;
	one = (1.0f * rs + ri) / product;
	if (zero == one)
		return;
	v->scl_inter = zero;
	v->scl_slope = one - zero;
}

static void set_scale(struct volume *v, const struct plan_stack *s, const struct plan_first *f,
	uint32_t n_images)
{
	v->type = plan_sample_type(&f->attr->pixel);
	v->scaled = v->type != SAMPLE_RGB24 && scale_varies(s, n_images);
	v->scl_slope = slope_of(f->im);
	v->scl_inter = intercept_of(f->im);
	if (!isnan(f->facts.scale_slope) && !(v->scaled && s->block->is_multiframe)) {
		if (isnan(f->im->slope) && f->header)
			v->scl_slope = nested_slope(f->header);
		scale_precisely(v, (float)f->facts.scale_slope, v->scaled);
	} else if (v->scaled) {
		v->scl_slope = 1.0f;
		v->scl_inter = 0.0f;
	}
	if (v->scaled)
		v->type = SAMPLE_F32;
}

/* --- the table of planes
 * ------------------------------------------------------------------------------ */

static void set_slice(const struct plan_stack *s, const struct plan_image *im, uint32_t plane,
	struct volume_slice *out)
{
	const struct plan_block *b = s->block;

	out->in = im->in;
	out->frame = im->frame;
	if (b->n_tiles) {
		out->x0 = (uint16_t)(plane % b->tiles_across *
			(im->in->attr->pixel.cols / b->tiles_across));
		out->y0 = (uint16_t)(plane / b->tiles_across *
			(im->in->attr->pixel.rows / b->tiles_down));
	}
	out->slope = slope_of(im);
	out->intercept = intercept_of(im);
	memcpy(out->position, im->position, sizeof out->position);
	out->time_s = im->time_s;
	out->b_value = im->b_value;
}

/* Where tile k of a mosaic lies follows from the volume's affine. */
static void place_tiles(struct volume *v)
{
	for (uint64_t i = 0; i < (uint64_t)v->n_planes * v->dim[3]; i++) {
		double k = (double)(i % v->n_planes),
		       j = v->flip[1] ? (double)v->plane_rows - 1.0 : 0.0;

		for (int x = 0; x < 3; x++)
			v->slices[i].position[x] = (x < 2 ? -1.0 : 1.0) *
				((double)v->matrix[x][1] * j + (double)v->matrix[x][2] * k +
					(double)v->matrix[x][3]);
	}
}

static int set_slices(struct planner *p, struct volume *v, const struct plan_stack *s,
	struct err *err)
{
	uint32_t per_time = s->block->n_tiles ? 1 : s->n_planes;

	v->n_planes = s->n_planes;
	v->slices = arena_zalloc(p->keep, (size_t)s->n_planes * s->n_times, sizeof *v->slices);
	if (!v->slices)
		return err_nomem(err);
	for (uint32_t t = 0; t < s->n_times; t++)
		for (uint32_t k = 0; k < s->n_planes; k++) {
			uint32_t plane = v->slices_reversed ? s->n_planes - 1 - k : k;
			const struct plan_image *im =
				s->images[(size_t)t * per_time + (s->block->n_tiles ? 0 : plane)];

			set_slice(s, im, plane, &v->slices[(size_t)t * s->n_planes + k]);
			if (im->in->mtime_ns > v->mtime_ns)
				v->mtime_ns = im->in->mtime_ns;
		}
	if (s->block->n_tiles)
		place_tiles(v);
	return 0;
}

static void set_identity(struct volume *v, const struct plan_first *f)
{
	uint64_t h = hash_str(f->attr->series_uid ? f->attr->series_uid : "");

	if (f->im->in->sop_uid)
		h = hash_bytes(h, f->im->in->sop_uid, strlen(f->im->in->sop_uid));
	h = hash_bytes(h, &f->im->frame, sizeof f->im->frame);
	v->identity = hash_bytes(h, v->dim, sizeof v->dim);
}

static const char *why(const struct plan_stack *s)
{
	if (s->rest == PLAN_PARTIAL)
		return "images that do not fill a whole volume";
	if (s->rest == PLAN_DUPLICATE)
		return "images at the place and time of others";
	return plan_reason_text(s->group->reason);
}

static int build(struct planner *p, struct plan_stack *s, const struct plan_first *f,
	struct plan_draft *d, struct err *err)
{
	struct volume *v = d->v;
	int rc;

	v->series = f->im->series;
	v->kind = VOLUME_PRIMARY;
	v->why = why(s);
	v->is_derived = f->im->derived;
	v->plane_cols = f->attr->pixel.cols / s->block->tiles_across;
	v->plane_rows = f->attr->pixel.rows / s->block->tiles_down;
	rc = plan_place(p, s, f, d, err);
	if (rc < 0)
		return rc;
	v->dim[3] = s->n_times;
	v->is_4d = s->n_times > 1;
	set_scale(v, s, f, (s->block->n_tiles ? 1 : s->n_planes) * s->n_times);
	plan_time(p, s, f, v);
	rc = set_slices(p, v, s, err);
	if (!rc)
		rc = plan_diffusion(p, s, f, v, err);
	set_identity(v, f);
	return rc;
}

int plan_make_volume(struct planner *p, struct plan_stack *s, struct err *err)
{
	struct plan_draft *d = plan_grow(p, &p->drafts, &p->n_drafts, &p->cap_drafts, sizeof *d);
	struct plan_first f;
	int rc;

	if (!d)
		return err_nomem(err);
	d->stack = s;
	d->v = arena_zalloc(p->keep, 1, sizeof *d->v);
	if (!d->v)
		return err_nomem(err);
	rc = learn_first(p, s, &f, err);
	if (!rc)
		rc = plan_learn_times(p, s, &f, err);
	if (!rc)
		rc = build(p, s, &f, d, err);
	return rc;
}
