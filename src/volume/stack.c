/* SPDX-License-Identifier: MIT */
/*
 * Step four: from a stack of images to a struct volume: voxel type, scaling, place,
 * times and the texts of its header (CONVERSION §4.3, §4.5, §5). One header is read: that of
 * the first image.
 */
#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "dicom/dataset.h"
#include "dicom/groups.h"
#include "dicom/tags.h"
#include "dicom/value.h"
#include "volume/geometry.h"
#include "volume/planning.h"

#define UNEVEN_MM      0.2f         /* gaps that differ by more make the stack uneven */
#define TR_TOLERANCE_S 0.05
#define MOST_TIMES     512u         /* planes whose times are compared */
#define SPACING_TOLERANCE 0.0001f
#define ROUNDED        0.005f       /* positions of frames are rounded: so near, what is told is better */

/* What is known of the first image. */
struct first {
	const struct plan_image *im;
	const struct attributes *attr;
	const struct dcm_header *header; /* NULL: unreadable */
	struct facts facts;
	struct facts second;             /* of a mosaic's second volume, where the first one's slice times are of no use */
	bool is_mr, is_echo_planar;
};

static bool is_modality(const struct plan_image *im, const char *modality)
{
	return im->in->attr->modality && strcmp(im->in->attr->modality, modality) == 0;
}

static bool has_word(const char *text, const char *word)
{
	return text && strstr(text, word);
}

static int learn_first(struct planner *p, const struct plan_stack *s, struct first *f, struct err *err)
{
	const struct dcm_node *n;
	int rc;

	memset(f, 0, sizeof *f);
	f->im = s->images[0];
	f->attr = f->im->in->attr;
	f->facts.scale_slope = f->facts.b_value = NAN;
	f->is_mr = is_modality(f->im, "MR");
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

static bool scale_varies(const struct plan_stack *s, uint32_t n_images)
{
	for (uint32_t i = 1; i < n_images; i++)
		if (fabsf(slope_of(s->images[i]) - slope_of(s->images[0])) > FLT_EPSILON ||
		    fabsf(intercept_of(s->images[i]) - intercept_of(s->images[0])) > FLT_EPSILON)
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

/* Floating point values as measured rather than as displayed: (stored * RS + RI) / (RS * SS). Chenevert et al.,
 * Translational Oncology 2014. Where RS varies voxels are scaled already, and the reference's header
 * scales them once more, by what it has for the first image. */
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

static void set_scale(struct volume *v, const struct plan_stack *s, const struct first *f, uint32_t n_images)
{
	v->type = plan_sample_type(&f->attr->pixel);
	v->scaled = v->type != SAMPLE_RGB24 && scale_varies(s, n_images);
	v->scl_slope = slope_of(f->im);
	v->scl_inter = intercept_of(f->im);
	if (s->block->traits.precise_scaling && !isnan(f->facts.scale_slope) &&
	    !(v->scaled && s->block->is_multiframe)) {
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

/* --- place ------------------------------------------------------------------------------------ */

static void to_floats(const double *in, float *out, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		out[i] = (float)in[i];
}

static bool has_orientation(const struct plan_image *im)
{
	return !isnan(im->orientation[0] + im->orientation[5]) && !isnan(im->position[0] + im->position[2]);
}

/* What is not told is 1 mm. */
static float or_one(double mm)
{
	return isnan(mm) || mm == 0.0 ? 1.0f : (float)mm;
}

static const struct plan_image *plane_image(const struct plan_stack *s, uint32_t plane)
{
	return s->images[plane];
}

static float plane_distance(const struct plan_stack *s, uint32_t a, uint32_t b)
{
	float x[3], y[3];

	to_floats(plane_image(s, a)->position, x, 3);
	to_floats(plane_image(s, b)->position, y, 3);
	return geom_distance(x, y);
}

static bool planes_are_images(const struct plan_stack *s)
{
	return !s->block->n_tiles && s->n_planes > 1;
}

/* By what distances along a tilted stack are multiplied to be those between its planes. */
static float upright(float tilt_degrees)
{
	return tilt_degrees == 0.0f ? 1.0f : (float)cos((double)tilt_degrees * M_PI / 180.0);
}

/* Distances from the first plane where gaps differ; NULL where they do not. */
static float *uneven_distances(struct planner *p, const struct plan_stack *s, bool placed, float tilt_degrees)
{
	float step, *d;
	bool uneven = false;

	if (!placed || !planes_are_images(s) || s->n_times > 1)
		return NULL;
	step = plane_distance(s, 0, 1);
	for (uint32_t i = 1; i < s->n_planes; i++)
		uneven = uneven || fabsf(step - plane_distance(s, i - 1, i)) > UNEVEN_MM;
	if (!uneven)
		return NULL;
	d = arena_zalloc(&p->scratch, s->n_planes, sizeof *d);
	for (uint32_t i = 0; d && i < s->n_planes; i++)
		d[i] = upright(tilt_degrees) * plane_distance(s, 0, i);
	return d;
}

/* May an uneven stack be rotated all the same? Within a tenth of the first gap. */
static bool nearly_even(const float *d, uint32_t n)
{
	float step = d[1] - d[0];

	for (uint32_t i = 2; i < n; i++)
		if (fabsf(step - (d[i] - d[i - 1])) > fabsf(step) * 0.1f)
			return false;
	return true;
}

struct placing {
	struct geom_affine a;
	float pixdim[3];
	float tilt;                      /* degrees */
	bool known;                      /* has orientation and position */
	bool reversed, negative_mosaic;
};

static float gantry_tilt(const struct plan_stack *s, const struct first *f, const float orientation[6])
{
	float first[3], last[3];

	if (!planes_are_images(s) || !(is_modality(f->im, "CT") || is_modality(f->im, "XA")))
		return 0.0f;
	to_floats(f->im->position, first, 3);
	to_floats(plane_image(s, s->n_planes - 1)->position, last, 3);
	return geom_gantry_tilt(orientation, first, last);
}

/* Between planes: what the header tells (for pixdim), and what the positions do (for the matrix, and for pixdim
 * too where they disagree). */
static float spacing_between(const struct plan_stack *s, struct placing *pl)
{
	const struct plan_block *b = s->block;
	float told = b->gap > 0.0 ? (float)b->gap : or_one(b->thickness), measured;

	pl->pixdim[2] = told;
	if (!planes_are_images(s))
		return told;
	measured = b->is_multiframe ? plane_distance(s, 0, s->n_planes - 1) / (float)(s->n_planes - 1) :
				      plane_distance(s, 0, 1);
	measured = upright(pl->tilt) * measured;
	if (!(measured > 0.0f) || (b->is_multiframe && b->gap > 0.0 && fabsf(measured - told) < told * ROUNDED) ||
	    (b->is_multiframe && fabsf(measured - told) <= SPACING_TOLERANCE))
		return told;
	if (fabsf(measured - told) > SPACING_TOLERANCE)
		pl->pixdim[2] = measured;
	return measured;
}

static void place_mosaic(const struct plan_stack *s, const struct first *f, const float orientation[6],
	struct placing *pl)
{
	const struct plan_block *b = s->block;

	geom_mosaic_origin(&pl->a, f->attr->pixel.cols, f->attr->pixel.rows, b->tiles_across);
	geom_negate_xy(&pl->a);
	if (b->has_slice_normal && geom_mosaic_is_negative(orientation, b->slice_normal)) {
		geom_negate_k(&pl->a);
		pl->negative_mosaic = true;
	}
	if (f->facts.protocol_slice_number > 1.0) { /* numbered from the other end: turned round */
		geom_flip(&pl->a, 2, s->n_planes);
		pl->reversed = true;
		pl->negative_mosaic = false;
	}
}

static void place_planes(const struct plan_stack *s, const struct first *f, struct placing *pl)
{
	float first[3], other[3];

	to_floats(f->im->position, first, 3);
	if (s->block->n_tiles)
		to_floats(s->block->last_tile, other, 3);
	else
		to_floats(plane_image(s, s->block->is_multiframe ? s->n_planes - 1 : s->n_planes > 1)->position,
			other, 3);
	pl->reversed = geom_stack_direction(&pl->a, first, other, s->n_planes);
	geom_negate_xy(&pl->a);
	if (pl->reversed)
		geom_flip(&pl->a, 2, s->n_planes);
}

/* Everything but the turn in the plane. */
static void place(const struct plan_stack *s, const struct first *f, struct placing *pl)
{
	const struct plan_block *b = s->block;
	float spacing[3], orientation[6], position[3];

	memset(pl, 0, sizeof *pl);
	pl->known = has_orientation(f->im);
	to_floats(f->im->orientation, orientation, 6);
	to_floats(f->im->position, position, 3);
	pl->tilt = pl->known ? gantry_tilt(s, f, orientation) : 0.0f;
	pl->pixdim[0] = spacing[0] = or_one(b->spacing[1]);
	pl->pixdim[1] = spacing[1] = or_one(b->spacing[0]);
	if (!pl->known) {
		pl->pixdim[2] = spacing[2] = b->gap > 0.0 ? (float)b->gap : or_one(b->thickness);
		pl->a = geom_unknown(spacing);
		return;
	}
	spacing[2] = spacing_between(s, pl);
	pl->a = geom_from_dicom(orientation, position, spacing);
	if (b->n_tiles && !b->has_tile_positions)
		place_mosaic(s, f, orientation, pl);
	else
		place_planes(s, f, pl);
}

/* Three-dimensional acquisitions are turned to the world's axes, others count their rows from the bottom. */
static void turn(const struct plan_stack *s, const struct first *f, struct placing *pl, const float *distances,
	struct volume *v)
{
	bool is_3d = f->attr->mr_acquisition_type && strcmp(f->attr->mr_acquisition_type, "3D") == 0;

	v->axis[0] = 0, v->axis[1] = 1, v->axis[2] = 2;
	v->dim[0] = v->plane_cols;
	v->dim[1] = v->plane_rows;
	v->dim[2] = s->n_planes;
	if (is_3d && !f->is_echo_planar && s->n_planes > 1 && s->n_times == 1) {
		/* colour, uneven gaps, and what lies nowhere, stay as they are */
		v->rotated = !distances || nearly_even(distances, s->n_planes);
		if (v->rotated && pl->known && f->attr->pixel.samples == 1)
			geom_rotate_to_axes(&pl->a, v->dim, pl->pixdim, v->axis, v->flip);
		return;
	}
	geom_flip(&pl->a, 1, v->plane_rows);
	v->flip[1] = !s->block->is_upside_down;
}

static void set_place(struct volume *v, const struct placing *pl)
{
	memcpy(v->srow, pl->a.m, sizeof v->srow);
	memcpy(v->matrix, pl->a.m, sizeof v->matrix);
	geom_quaternion(&pl->a, v->quatern, &v->pixdim[0]);
	for (int i = 0; i < 3; i++) {
		v->qoffset[i] = pl->a.m[i][3];
		v->pixdim[i + 1] = pl->pixdim[i];
	}
	v->qform_code = v->sform_code = pl->known ? 1 : 0;
	v->slices_reversed = pl->reversed;
	v->negative_mosaic = pl->negative_mosaic;
}

/* The sform of a tilted stack, as the reference writes it; the quaternion, which cannot shear, stays. */
static void shear(struct volume *v, float tilt_degrees)
{
	if (tilt_degrees == 0.0f)
		return;
	v->srow[1][2] = 0.0f;
	v->srow[2][2] = v->pixdim[3];
}

/* --- times ---------------------------------------------------------------------------------------- */

static double days_apart(const char *a, const char *b)
{
	uint32_t x, y;

	if (!a || !b || strcmp(a, b) == 0 || !dcm_parse_date(a, strlen(a), &x) || !dcm_parse_date(b, strlen(b), &y))
		return 0.0;
	return x < y ? 1.0 : x > y ? -1.0 : 0.0;
}

/* From the first to the last time point, by the acquisition times of their first planes; NAN. */
static double duration(const struct plan_stack *s)
{
	const struct plan_image *first = s->images[0];
	double most = NAN;

	for (uint32_t t = 1; t < s->n_times; t++) {
		const struct plan_image *im = s->images[(size_t)t * s->n_planes];
		double d = im->time_s - first->time_s + 86400.0 *
			days_apart(first->in->attr->acquisition_date, im->in->attr->acquisition_date);

		if (d > 0.0)
			most = fmax(isnan(most) ? 0.0 : most, d);
	}
	return most;
}

static bool pet_times_vary(const struct plan_stack *s)
{
	double least = INFINITY, most = -INFINITY;

	for (uint32_t t = 1; t < s->n_times; t++) {
		double d = s->images[(size_t)t * s->n_planes]->time_s -
			   s->images[(size_t)(t - 1) * s->n_planes]->time_s;

		if (d > 0.0) {
			least = fmin(least, d);
			most = fmax(most, d);
		}
	}
	return most - least > TR_TOLERANCE_S;
}

/* The time that the scanner took from volume to volume, where the header's repetition time is something else. */
static double measured_tr(const struct plan_stack *s, const struct first *f, double told_s)
{
	bool pet = is_modality(f->im, "PT");
	double tr, averages = f->attr->number_of_averages;

	if (s->n_times < 2 || s->block->n_tiles || s->block->is_multiframe || s->n_planes * s->n_times < 2)
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

static void set_tr(struct volume *v, const struct plan_stack *s, const struct first *f)
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

/* Slice times must differ and fit into the repetition time: some sequences write rubbish in their first volume. */
static bool times_are_good(const struct facts *f, float tr_ms)
{
	double least = INFINITY, most = -INFINITY;

	for (uint32_t i = 0; i < f->n_slice_times; i++) {
		least = fmin(least, f->slice_times_ms[i]);
		most = fmax(most, f->slice_times_ms[i]);
	}
	return least < most && !(most > (double)tr_ms);
}

/* The facts of a mosaic's second volume, where something of the first one's slice times cannot be. */
static int learn_second(struct planner *p, const struct plan_stack *s, struct first *f, struct err *err)
{
	struct dcm_header *h;
	int rc;

	if (!s->block->n_tiles || s->block->has_tile_positions || s->n_times < 2)
		return 0;
	if (times_are_good(&f->facts, f->im->repetition_time) &&
	    slice_code(f->facts.slice_times_ms, f->facts.n_slice_times))
		return 0;
	/* beside the first one's header, which stays */
	if (files_header(p->files, s->images[1]->in, DCM_LOAD_BEFORE_PIXELS, 0, &h, NULL) < 0)
		return 0;
	rc = vendor_facts(h, 0, &p->scratch, &f->second, err);
	dcm_header_free(h);
	return rc;
}

static void set_slice_code(struct volume *v, const struct plan_stack *s, const struct first *f)
{
	if (!s->block->n_tiles || s->block->has_tile_positions || f->facts.protocol_slice_number > 1.0)
		return;
	v->slice_code = slice_code(f->facts.slice_times_ms, f->facts.n_slice_times);
	if (!v->slice_code)
		v->slice_code = slice_code(f->second.slice_times_ms, f->second.n_slice_times);
}

/* How many slices were excited at once. Frames tell by their times: those of the second volume where there is
 * one. */
static uint32_t multiband(const struct plan_stack *s, const struct first *f)
{
	double times[MOST_TIMES];
	const struct plan_image *const *im = (const struct plan_image *const *)s->images;

	if (s->block->n_tiles && f->second.n_slice_times && !times_are_good(&f->facts, f->im->repetition_time))
		return f->second.multiband;
	if (f->facts.multiband || !s->block->is_multiframe || !f->is_echo_planar || s->n_planes > MOST_TIMES)
		return f->facts.multiband;
	if (s->n_times > 1)
		im += s->n_planes;
	for (uint32_t k = 0; k < s->n_planes; k++)
		times[k] = im[k]->time_s;
	return isnan(times[0]) ? 0 : vendor_multiband(times, s->n_planes);
}

/* --- texts ---------------------------------------------------------------------------------------- */

/* Seconds since midnight as the number that the time reads as: 45000.5 -> 123000.5. By whole microseconds, so that
 * it is the same double as the text would give. */
static double as_hhmmss(double seconds)
{
	int64_t us, s;

	if (isnan(seconds))
		return 0.0;
	us = (int64_t)llround(seconds * 1e6);
	s = us / 1000000;
	return (double)((s / 3600 * 10000 + s / 60 % 60 * 100 + s % 60) * 1000000 + us % 1000000) / 1e6;
}

/* Of a grid whose tiles alone tell their times, that of the last tile. */
static double first_time(const struct first *f)
{
	if (!isnan(f->im->in->acquisition_time) || !f->facts.has_tile_positions || !f->facts.n_slice_times)
		return f->im->in->acquisition_time;
	return f->facts.slice_times_ms[f->facts.n_slice_times - 1] / 1000.0;
}

static void set_descrip(struct volume *v, const struct first *f, uint32_t mb)
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
static const char *phase_encoding(struct planner *p, const struct first *f)
{
	const struct dcm_dataset *ds;
	const struct dcm_node *n;

	if (f->attr->pe_direction || !f->header)
		return f->attr->pe_direction;
	n = dcm_frame_get(f->header, f->im->frame, DCM_InPlanePhaseEncodingDirection, &ds);
	return n ? dcm_text(ds, n, &p->scratch) : NULL;
}

static void set_texts(struct planner *p, struct volume *v, const struct plan_stack *s, const struct first *f)
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

/* --- the table of planes ------------------------------------------------------------------------------ */

static void set_slice(const struct plan_stack *s, const struct plan_image *im, uint32_t plane,
	struct volume_slice *out)
{
	const struct plan_block *b = s->block;

	out->in = im->in;
	out->frame = im->frame;
	if (b->n_tiles) {
		out->x0 = (uint16_t)(plane % b->tiles_across * (im->in->attr->pixel.cols / b->tiles_across));
		out->y0 = (uint16_t)(plane / b->tiles_across * (im->in->attr->pixel.rows / b->tiles_down));
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
		double k = (double)(i % v->n_planes), j = v->flip[1] ? (double)v->plane_rows - 1.0 : 0.0;

		for (int x = 0; x < 3; x++)
			v->slices[i].position[x] = (x < 2 ? -1.0 : 1.0) * ((double)v->matrix[x][1] * j +
				(double)v->matrix[x][2] * k + (double)v->matrix[x][3]);
	}
}

static int set_slices(struct planner *p, struct volume *v, const struct plan_stack *s, struct err *err)
{
	uint32_t per_time = s->block->n_tiles ? 1 : s->n_planes;

	v->n_planes = s->n_planes;
	v->slices = arena_zalloc(p->keep, (size_t)s->n_planes * s->n_times, sizeof *v->slices);
	if (!v->slices)
		return err_nomem(err);
	for (uint32_t t = 0; t < s->n_times; t++)
		for (uint32_t k = 0; k < s->n_planes; k++) {
			uint32_t plane = v->slices_reversed ? s->n_planes - 1 - k : k;
			const struct plan_image *im = s->images[(size_t)t * per_time +
								(s->block->n_tiles ? 0 : plane)];

			set_slice(s, im, plane, &v->slices[(size_t)t * s->n_planes + k]);
			if (im->in->mtime_ns > v->mtime_ns)
				v->mtime_ns = im->in->mtime_ns;
		}
	if (s->block->n_tiles)
		place_tiles(v);
	return 0;
}

static void set_identity(struct volume *v, const struct first *f)
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

static int build(struct planner *p, struct plan_stack *s, const struct first *f, struct plan_draft *d,
	struct err *err)
{
	struct volume *v = d->v;
	struct placing pl;
	int rc;

	v->series = f->im->series;
	v->kind = VOLUME_PRIMARY;
	v->why = why(s);
	v->is_derived = f->im->derived;
	v->plane_cols = f->attr->pixel.cols / s->block->tiles_across;
	v->plane_rows = f->attr->pixel.rows / s->block->tiles_down;
	place(s, f, &pl);
	d->distances = uneven_distances(p, s, pl.known, pl.tilt);
	d->tilt_degrees = pl.tilt;
	turn(s, f, &pl, d->distances, v);
	v->dim[3] = s->n_times;
	v->is_4d = s->n_times > 1;
	set_place(v, &pl);
	shear(v, pl.tilt);
	set_scale(v, s, f, (s->block->n_tiles ? 1 : s->n_planes) * s->n_times);
	set_tr(v, s, f);
	set_texts(p, v, s, f);
	set_slice_code(v, s, f);
	rc = set_slices(p, v, s, err);
	if (!rc)
		rc = plan_diffusion(p, s, v, err);
	set_identity(v, f);
	return rc;
}

int plan_make_volume(struct planner *p, struct plan_stack *s, struct err *err)
{
	struct plan_draft *d = plan_grow(p, &p->drafts, &p->n_drafts, &p->cap_drafts, sizeof *d);
	struct first f;
	int rc;

	if (!d)
		return err_nomem(err);
	d->stack = s;
	d->v = arena_zalloc(p->keep, 1, sizeof *d->v);
	if (!d->v)
		return err_nomem(err);
	rc = learn_first(p, s, &f, err);
	if (!rc)
		rc = learn_second(p, s, &f, err);
	if (!rc)
		rc = build(p, s, &f, d, err);
	return rc;
}
