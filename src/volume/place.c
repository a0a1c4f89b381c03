/* SPDX-License-Identifier: MIT */
/*
 * Where a stack lies: from orientation, positions and spacings of its images to the affine of the
 * volume, and the axes and flips that its voxels are stored with (CONVERSION §5.1-5.5, §5.9).
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "volume/geometry.h"
#include "volume/planning.h"

#define UNEVEN_MM 0.2f /* gaps that differ by more make the stack uneven */
#define SAME_GAP 0.1f  /* of a gap: positions are rounded */
#define FEW 4u         /* one in so many gaps */
#define SPACING_TOLERANCE 0.0001f
#define ROUNDED 0.005f    /* positions of frames are rounded: so near, what is told is better */
#define OFF_GRID_MM 0.05f /* a plane so far from where the grid has it lies elsewhere */

static void to_floats(const double *in, float *out, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		out[i] = (float)in[i];
}

static bool has_orientation(const struct plan_image *im)
{
	return !isnan(im->orientation[0] + im->orientation[5]) &&
		!isnan(im->position[0] + im->position[2]);
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
	float tilt; /* degrees */
	bool known; /* has orientation and position */
	bool reversed, negative_mosaic;
};

/* The image of plane k in the order in which planes are stored. */
static uint32_t stored_plane(const struct plan_stack *s, const struct placing *pl, uint32_t k)
{
	return pl->reversed ? s->n_planes - 1 - k : k;
}

/* Distances from the first stored plane where gaps differ; NULL where they do not. */
static int uneven_distances(struct planner *p, const struct plan_stack *s, const struct placing *pl,
	float **out)
{
	bool uneven = false;
	float step;

	*out = NULL;
	if (!pl->known || !planes_are_images(s) || s->n_times > 1)
		return 0;
	step = plane_distance(s, 0, 1);
	for (uint32_t i = 1; i < s->n_planes; i++)
		uneven = uneven || fabsf(step - plane_distance(s, i - 1, i)) > UNEVEN_MM;
	if (!uneven)
		return 0;
	*out = arena_zalloc(&p->scratch, s->n_planes, sizeof **out);
	if (!*out)
		return -ENOMEM;
	for (uint32_t i = 0; i < s->n_planes; i++)
		(*out)[i] = upright(pl->tilt) *
			plane_distance(s, stored_plane(s, pl, 0), stored_plane(s, pl, i));
	return 0;
}

static int compare_floats(const void *a, const void *b)
{
	const float *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Slices that are not there: all gaps are alike but for a few, which are some times as wide. Slabs,
 * localizers and what else has gaps of its own have others. */
static int tell_of_gaps(struct planner *p, const struct plan_stack *s, const struct placing *pl)
{
	uint32_t n = s->n_planes - 1, n_wide = 0, first = 0;
	float *gap, *sorted, usual;

	if (!pl->known || !planes_are_images(s) || s->rest != PLAN_WHOLE || s->n_planes < 4)
		return 0;
	gap = arena_zalloc(&p->scratch, n, sizeof *gap);
	sorted = arena_zalloc(&p->scratch, n, sizeof *sorted);
	if (!gap || !sorted)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		sorted[i] = gap[i] = fabsf(plane_distance(s, i, i + 1));
	qsort(sorted, n, sizeof *sorted, compare_floats);
	usual = sorted[n / 2];
	if (!(usual > 0.0f))
		return 0;
	for (uint32_t i = 0; i < n; i++) {
		float times = roundf(gap[i] / usual);

		if (times < 1.0f || fabsf(gap[i] - times * usual) > SAME_GAP * usual)
			return 0;
		if (times > 1.0f)
			first = n_wide++ ? first : i;
	}
	if (n_wide && n_wide * FEW <= n)
		plan_problem(p, plane_image(s, first + 1)->in,
			"planes are %g mm apart, and %g mm before this one: is a slice missing?",
			(double)usual, (double)gap[first]);
	return 0;
}

static float gantry_tilt(const struct plan_stack *s, const struct plan_first *f,
	const float orientation[6])
{
	float first[3], last[3];

	if (!planes_are_images(s) ||
		!(plan_is_modality(f->im, "CT") || plan_is_modality(f->im, "XA")))
		return 0.0f;
	to_floats(f->im->position, first, 3);
	to_floats(plane_image(s, s->n_planes - 1)->position, last, 3);
	return geom_gantry_tilt(orientation, first, last);
}

/* Between planes: what the header tells (for pixdim), and what the positions of two neighbours
 * do (for the matrix, and for pixdim too where they disagree). */
static float spacing_between(const struct plan_stack *s, struct placing *pl, uint32_t first,
	uint32_t second)
{
	const struct plan_block *b = s->block;
	float told = b->gap > 0.0 ? (float)b->gap : or_one(b->thickness), measured;

	pl->pixdim[2] = told;
	if (!planes_are_images(s))
		return told;
	measured = b->is_multiframe ?
		plane_distance(s, 0, s->n_planes - 1) / (float)(s->n_planes - 1) :
		plane_distance(s, first, second);
	measured = upright(pl->tilt) * measured;
	if (!(measured > 0.0f) ||
		(b->is_multiframe && b->gap > 0.0 && fabsf(measured - told) < told * ROUNDED) ||
		(b->is_multiframe && fabsf(measured - told) <= SPACING_TOLERANCE))
		return told;
	if (fabsf(measured - told) > SPACING_TOLERANCE)
		pl->pixdim[2] = measured;
	return measured;
}

static void place_mosaic(const struct plan_stack *s, const struct plan_first *f,
	const float orientation[6], struct placing *pl)
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

/* Does the plane that was acquired last lie where the first one and the gap behind it tell? Not
 * where a stack is sheared, or its gaps are uneven. */
static bool last_is_on_grid(const struct plan_stack *s, const struct placing *pl)
{
	float k = (float)(s->n_planes - 1);

	for (int i = 0; i < 3; i++)
		if (fabsf(pl->a.m[i][2] * k + pl->a.m[i][3] -
			    (float)plane_image(s, s->n_planes - 1)->position[i]) > OFF_GRID_MM)
			return false;
	return true;
}

/* From the plane that is stored first though it was acquired last. */
static void place_from_last(const struct plan_stack *s, const float orientation[6],
	struct placing *pl)
{
	uint32_t last = s->n_planes - 1;
	float position[3], before[3], spacing[3] = { pl->pixdim[0], pl->pixdim[1], 0.0f };

	spacing[2] = spacing_between(s, pl, last, last - 1);
	to_floats(plane_image(s, last)->position, position, 3);
	to_floats(plane_image(s, last - 1)->position, before, 3);
	pl->a = geom_from_dicom(orientation, position, spacing);
	geom_stack_direction(&pl->a, position, before, s->n_planes);
	geom_negate_xy(&pl->a);
}

static void place_planes(const struct plan_stack *s, const struct plan_first *f,
	const float orientation[6], struct placing *pl)
{
	float first[3], other[3];

	to_floats(f->im->position, first, 3);
	if (s->block->n_tiles)
		to_floats(s->block->last_tile, other, 3);
	else
		to_floats(plane_image(s,
				  s->block->is_multiframe ? s->n_planes - 1 : s->n_planes > 1)
				  ->position,
			other, 3);
	pl->reversed = geom_stack_direction(&pl->a, first, other, s->n_planes);
	if (pl->reversed && planes_are_images(s) && !last_is_on_grid(s, pl)) {
		place_from_last(s, orientation, pl);
		return;
	}
	if (f->facts.protocol_slice_number > 1.0 && s->n_planes > 1)
		pl->reversed = true; /* numbered from the other end: turned round */
	geom_negate_xy(&pl->a);
	if (pl->reversed)
		geom_flip(&pl->a, 2, s->n_planes);
}

/* Everything but the turn in the plane. */
static void place(const struct plan_stack *s, const struct plan_first *f, struct placing *pl)
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
	spacing[2] = spacing_between(s, pl, 0, 1);
	pl->a = geom_from_dicom(orientation, position, spacing);
	if (b->n_tiles && !b->has_tile_positions)
		place_mosaic(s, f, orientation, pl);
	else
		place_planes(s, f, orientation, pl);
}

/* Three-dimensional acquisitions are turned to the world's axes, others count their rows from
 * the bottom. */
static void turn(const struct plan_stack *s, const struct plan_first *f, struct placing *pl,
	const float *distances, struct volume *v)
{
	bool is_3d = f->attr->mr_acquisition_type &&
		strcmp(f->attr->mr_acquisition_type, "3D") == 0;

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

/* The sform of a tilted stack, as the reference writes it; the quaternion, which cannot shear,
 * stays. */
static void shear(struct volume *v, float tilt_degrees)
{
	if (tilt_degrees == 0.0f)
		return;
	v->srow[1][2] = 0.0f;
	v->srow[2][2] = v->pixdim[3];
}

int plan_place(struct planner *p, const struct plan_stack *s, const struct plan_first *f,
	struct plan_draft *d, struct err *err)
{
	struct placing pl;

	place(s, f, &pl);
	d->tilt_degrees = pl.tilt;
	if (tell_of_gaps(p, s, &pl) < 0 || uneven_distances(p, s, &pl, &d->distances) < 0)
		return err_nomem(err);
	turn(s, f, &pl, d->distances, d->v);
	set_place(d->v, &pl);
	shear(d->v, pl.tilt);
	return 0;
}
