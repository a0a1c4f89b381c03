/* SPDX-License-Identifier: MIT */
/* Directions, steps and scaling: see format/space.h. */
#include "format/space.h"

#include <math.h>

static void set_axis(const struct volume *v, unsigned a, struct space *s)
{
	double length = 0;
	unsigned i;

	for (i = 0; i < 3; i++)
		length += (double)v->srow[i][a] * (double)v->srow[i][a];
	length = sqrt(length);
	s->step[a] = length > 0 ? length : 1;
	for (i = 0; i < 3; i++)
		s->unit[a][i] = length > 0 ? (double)v->srow[i][a] / length : i == a;
}

/* Of the six ways to give each voxel axis an axis of the body, the one that they are nearest to;
 * an earlier way among equals. */
static void set_world(struct space *s)
{
	static const uint8_t ways[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 },
		{ 2, 0, 1 }, { 2, 1, 0 } };
	double best = -1, sum;
	unsigned w, a;

	for (w = 0; w < 6; w++) {
		sum = 0;
		for (a = 0; a < 3; a++)
			sum += fabs(s->unit[a][ways[w][a]]);
		if (sum <= best + 1e-9)
			continue;
		best = sum;
		for (a = 0; a < 3; a++)
			s->world[a] = ways[w][a];
	}
}

void space_of(const struct volume *v, struct space *s)
{
	unsigned i;

	for (i = 0; i < 3; i++) {
		set_axis(v, i, s);
		s->origin[i] = (double)v->srow[i][3];
	}
	set_world(s);
}

static double determinant(const double *x, const double *y, const double *z)
{
	return x[0] * (y[1] * z[2] - y[2] * z[1]) - y[0] * (x[1] * z[2] - x[2] * z[1]) +
		z[0] * (x[1] * y[2] - x[2] * y[1]);
}

bool space_solve(const double columns[3][3], const double point[3], double c[3])
{
	double all = determinant(columns[0], columns[1], columns[2]);

	if (!(fabs(all) > 1e-12))
		return false;
	c[0] = determinant(point, columns[1], columns[2]) / all;
	c[1] = determinant(columns[0], point, columns[2]) / all;
	c[2] = determinant(columns[0], columns[1], point) / all;
	return true;
}

bool space_index_at(const struct space *s, const double point[3], double index[3])
{
	double from[3];
	unsigned i;

	for (i = 0; i < 3; i++)
		from[i] = point[i] - s->origin[i];
	if (!space_solve(s->unit, from, index))
		return false;
	for (i = 0; i < 3; i++)
		index[i] /= s->step[i];
	return true;
}

bool space_is_scaled(const struct volume *v)
{
	return v->type != SAMPLE_RGB24 && v->scl_slope != 0.0f &&
		(v->scl_slope != 1.0f || v->scl_inter != 0.0f);
}

struct voxel_order space_order_applied(const struct volume *v)
{
	struct voxel_order o = voxel_order_nifti(v);

	if (!space_is_scaled(v))
		return o;
	o.apply_scale = true;
	o.type = sample_bytes(v->type) > 2 && v->type != SAMPLE_F32 ? SAMPLE_F64 : SAMPLE_F32;
	return o;
}
