/* SPDX-License-Identifier: MIT */
/*
 * Affines and quaternions in float arithmetic. This file must be compiled without
 * contraction of products and sums (-ffp-contract=off): see geometry.h.
 */
#include "volume/geometry.h"

#include <math.h>
#include <string.h>

struct mat3 {
	float m[3][3];
};

static struct mat3 mul(const struct mat3 *a, const struct mat3 *b)
{
	struct mat3 c;

	for (int i = 0; i < 3; i++)
		for (int j = 0; j < 3; j++)
			c.m[i][j] = a->m[i][0] * b->m[0][j] + a->m[i][1] * b->m[1][j] +
				a->m[i][2] * b->m[2][j];
	return c;
}

/* NIfTI's library has it so: float products widened only in the sum. */
static float determinant(const struct mat3 *r)
{
	double r11 = r->m[0][0], r12 = r->m[0][1], r13 = r->m[0][2];
	double r21 = r->m[1][0], r22 = r->m[1][1], r23 = r->m[1][2];
	double r31 = r->m[2][0], r32 = r->m[2][1], r33 = r->m[2][2];

	return (float)(r11 * r22 * r33 - r11 * r32 * r23 - r21 * r12 * r33 + r21 * r32 * r13 +
		r31 * r12 * r23 - r31 * r22 * r13);
}

/* The same, summed up from 0: no element becomes -0. */
static struct mat3 mul_from_zero(const struct mat3 *a, const struct mat3 *b)
{
	struct mat3 c;

	for (int i = 0; i < 3; i++)
		for (int j = 0; j < 3; j++) {
			c.m[i][j] = 0.0f;
			for (int k = 0; k < 3; k++)
				c.m[i][j] += a->m[i][k] * b->m[k][j];
		}
	return c;
}

static struct mat3 transpose(const struct mat3 *a)
{
	struct mat3 t;

	for (int i = 0; i < 3; i++)
		for (int j = 0; j < 3; j++)
			t.m[i][j] = a->m[j][i];
	return t;
}

static struct mat3 linear_part(const struct geom_affine *a)
{
	struct mat3 r;

	for (int i = 0; i < 3; i++)
		memcpy(r.m[i], a->m[i], sizeof r.m[i]);
	return r;
}

static void set_linear_part(struct geom_affine *a, const struct mat3 *r)
{
	for (int i = 0; i < 3; i++)
		memcpy(a->m[i], r->m[i], sizeof r->m[i]);
}

/* Where voxel (x, y, z) lies. */
static void place_of(const struct geom_affine *a, const float voxel[3], float out[3])
{
	for (int i = 0; i < 3; i++) {
		out[i] = 0.0f;
		for (int j = 0; j < 3; j++)
			out[i] += a->m[i][j] * voxel[j];
		out[i] += a->m[i][3] * 1.0f;
	}
}

static void normalise(float v[3], unsigned otherwise)
{
	float q = v[0] * v[0] + v[1] * v[1] + v[2] * v[2];
	float scale;

	if (!(q > 0.0f)) {
		for (unsigned i = 0; i < 3; i++)
			v[i] = i == otherwise ? 1.0f : 0.0f;
		return;
	}
	scale = (float)(1.0 / sqrt((double)q));
	for (unsigned i = 0; i < 3; i++)
		v[i] *= scale;
}

static void cross(const float a[3], const float b[3], float out[3])
{
	out[0] = a[1] * b[2] - a[2] * b[1];
	out[1] = a[2] * b[0] - a[0] * b[2];
	out[2] = a[0] * b[1] - a[1] * b[0];
}

struct geom_affine geom_from_dicom(const float orientation[6], const float position[3],
	const float spacing[3])
{
	struct mat3 q, scale = { { { 0 } } };
	struct geom_affine a;

	memcpy(q.m, orientation, 6 * sizeof(float));
	normalise(q.m[0], 0);
	normalise(q.m[1], 1);
	cross(q.m[0], q.m[1], q.m[2]);
	q = transpose(&q);
	if (determinant(&q) < 0.0f)
		for (int i = 0; i < 3; i++)
			q.m[i][2] = -q.m[i][2];
	for (int i = 0; i < 3; i++)
		scale.m[i][i] = spacing[i];
	q = mul(&q, &scale);
	set_linear_part(&a, &q);
	for (int i = 0; i < 3; i++)
		a.m[i][3] = position[i];
	return a;
}

struct geom_affine geom_unknown(const float spacing[3])
{
	struct geom_affine a = { { { 0 } } };

	a.m[0][0] = spacing[0];
	a.m[1][1] = -spacing[1];
	a.m[2][2] = spacing[2];
	return a;
}

void geom_mosaic_origin(struct geom_affine *a, uint32_t cols, uint32_t rows, uint32_t n_grid)
{
	double x = ((double)cols - (double)cols / n_grid) / 2.0;
	double y = ((double)rows - (double)rows / n_grid) / 2.0;

	for (int i = 0; i < 3; i++)
		a->m[i][3] = (float)((double)a->m[i][0] * x + (double)a->m[i][1] * y +
			(double)a->m[i][3]);
}

bool geom_mosaic_is_negative(const float orientation[6], const double slice_normal[3])
{
	struct mat3 q;

	for (int i = 0; i < 3; i++) {
		q.m[i][0] = orientation[i];
		q.m[i][1] = orientation[i + 3];
		q.m[i][2] = (float)slice_normal[i];
	}
	return determinant(&q) < 0.0f;
}

static void multiply_diagonal(struct geom_affine *a, float i, float j, float k)
{
	struct mat3 d = { { { i, 0, 0 }, { 0, j, 0 }, { 0, 0, k } } };
	struct mat3 r = linear_part(a);

	r = mul(&r, &d);
	set_linear_part(a, &r);
}

/* A product of 4 x 4 matrices: its fourth term, times 0, has a say in the sign of zeros. */
void geom_negate_k(struct geom_affine *a)
{
	multiply_diagonal(a, 1, 1, -1);
	for (int i = 0; i < 3; i++)
		for (int j = 0; j < 3; j++)
			a->m[i][j] += a->m[i][3] * 0.0f;
}

unsigned geom_plane(const struct geom_affine *a)
{
	float x = fabsf(a->m[0][2]), y = fabsf(a->m[1][2]), z = fabsf(a->m[2][2]);

	if (z >= x && z >= y)
		return 2;
	return y >= x ? 1 : 0;
}

bool geom_stack_direction(struct geom_affine *a, const float first[3], const float second[3],
	uint32_t n)
{
	unsigned axis = geom_plane(a);
	float end_voxel[3] = { 0, 0, (float)(n - 1) }, end[3];
	bool against;

	if (n < 2)
		return false;
	place_of(a, end_voxel, end);
	against = (second[axis] > first[axis]) != (end[axis] > first[axis]);
	if (against)
		for (int i = 0; i < 3; i++)
			a->m[i][2] = -a->m[i][2];
	return against;
}

void geom_negate_xy(struct geom_affine *a)
{
	for (int i = 0; i < 2; i++)
		for (int j = 0; j < 4; j++)
			a->m[i][j] = -a->m[i][j];
}

void geom_flip(struct geom_affine *a, unsigned axis, uint32_t n)
{
	float corner_voxel[3] = { 0, 0, 0 }, corner[3];

	corner_voxel[axis] = (float)(n - 1);
	place_of(a, corner_voxel, corner);
	multiply_diagonal(a, 1, axis == 1 ? -1.0f : 1.0f, axis == 2 ? -1.0f : 1.0f);
	for (int i = 0; i < 3; i++)
		a->m[i][3] = corner[i];
}

/* --- rotation to the world's axes ------------------------------------------------- */

static bool is_canonical(const struct geom_affine *a)
{
	for (int i = 0; i < 3; i++)
		for (int j = 0; j < 3; j++)
			if (i == j ? a->m[i][j] <= 0.0f : a->m[i][j] != 0.0f)
				return false;
	return true;
}

static float exact_distance(const float a[3], const float b[3])
{
	double sum = 0.0;

	for (int i = 0; i < 3; i++)
		sum += (double)(a[i] - b[i]) * (double)(a[i] - b[i]);
	return (float)sqrt(sum);
}

/* The corner of the volume that is nearest to its least x, y and z: which axes it is at the end of. */
static void least_corner(const struct geom_affine *a, const uint32_t dim[3], bool at_end[3],
	float corner[3])
{
	float place[8][3], least[3] = { INFINITY, INFINITY, INFINITY };
	float best = INFINITY;

	for (unsigned c = 0; c < 8; c++) {
		float voxel[3];

		for (unsigned i = 0; i < 3; i++)
			voxel[i] = c >> i & 1 ? (float)(dim[i] - 1) : 0.0f;
		place_of(a, voxel, place[c]);
		for (unsigned i = 0; i < 3; i++)
			least[i] = fminf(least[i], place[c][i]);
	}
	memcpy(corner, place[0], sizeof place[0]);
	for (unsigned c = 0; c < 8; c++) {
		float distance = exact_distance(place[c], least);

		if (distance < best) {
			best = distance;
			memcpy(corner, place[c], sizeof place[c]);
			for (unsigned i = 0; i < 3; i++)
				at_end[i] = c >> i & 1;
		}
	}
}

/* How well column axis[i] of the affine, turned by its flip, agrees with world axis i. */
static float agreement(const struct geom_affine *a, const uint8_t axis[3], const bool at_end[3])
{
	float sum = 0.0f;

	for (int i = 0; i < 3; i++)
		sum += a->m[i][axis[i]] * (at_end[axis[i]] ? -1.0f : 1.0f);
	return sum;
}

bool geom_rotate_to_axes(struct geom_affine *a, uint32_t dim[3], float pixdim[3], uint8_t axis[3],
	bool flip[3])
{
	static const uint8_t orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 },
		{ 2, 0, 1 }, { 2, 1, 0 } };
	struct mat3 turn = { { { 0 } } }, r;
	uint32_t old_dim[3];
	float old_pixdim[3], corner[3], best = 0.0f;
	bool at_end[3];
	const uint8_t *chosen = NULL;

	if (is_canonical(a))
		return false;
	least_corner(a, dim, at_end, corner);
	for (int o = 0; o < 6; o++) {
		float score = agreement(a, orders[o], at_end);

		if (score > best) {
			best = score;
			chosen = orders[o];
		}
	}
	if (!chosen || (chosen == orders[0] && !at_end[0] && !at_end[1] && !at_end[2]))
		return false;
	memcpy(old_dim, dim, sizeof old_dim);
	memcpy(old_pixdim, pixdim, sizeof old_pixdim);
	for (int k = 0; k < 3; k++) {
		axis[k] = chosen[k];
		flip[k] = at_end[chosen[k]];
		dim[k] = old_dim[chosen[k]];
		pixdim[k] = old_pixdim[chosen[k]];
		turn.m[chosen[k]][k] = flip[k] ? -1.0f : 1.0f;
	}
	r = linear_part(a);
	r = mul_from_zero(&r, &turn);
	set_linear_part(a, &r);
	for (int i = 0; i < 3; i++)
		a->m[i][3] = corner[i];
	return true;
}

/* --- quaternion ----------------------------------------------------------------------- */

static struct mat3 inverse(const struct mat3 *r)
{
	double r11 = r->m[0][0], r12 = r->m[0][1], r13 = r->m[0][2];
	double r21 = r->m[1][0], r22 = r->m[1][1], r23 = r->m[1][2];
	double r31 = r->m[2][0], r32 = r->m[2][1], r33 = r->m[2][2];
	double d = r11 * r22 * r33 - r11 * r32 * r23 - r21 * r12 * r33 + r21 * r32 * r13 +
		r31 * r12 * r23 - r31 * r22 * r13;
	struct mat3 q;

	if (d != 0.0)
		d = 1.0 / d;
	q.m[0][0] = (float)(d * (r22 * r33 - r32 * r23));
	q.m[0][1] = (float)(d * (-r12 * r33 + r32 * r13));
	q.m[0][2] = (float)(d * (r12 * r23 - r22 * r13));
	q.m[1][0] = (float)(d * (-r21 * r33 + r31 * r23));
	q.m[1][1] = (float)(d * (r11 * r33 - r31 * r13));
	q.m[1][2] = (float)(d * (-r11 * r23 + r21 * r13));
	q.m[2][0] = (float)(d * (r21 * r32 - r31 * r22));
	q.m[2][1] = (float)(d * (-r11 * r32 + r31 * r12));
	q.m[2][2] = (float)(d * (r11 * r22 - r21 * r12));
	return q;
}

/* The largest sum of absolute values of a row, of a column. */
static float row_norm(const struct mat3 *a)
{
	float most = 0.0f;

	for (int i = 0; i < 3; i++)
		most = fmaxf(most, fabsf(a->m[i][0]) + fabsf(a->m[i][1]) + fabsf(a->m[i][2]));
	return most;
}

static float column_norm(const struct mat3 *a)
{
	struct mat3 t = transpose(a);

	return row_norm(&t);
}

static double change(const struct mat3 *x, const struct mat3 *z)
{
	double sum = 0.0;

	for (int i = 0; i < 3; i++)
		for (int j = 0; j < 3; j++)
			sum += (double)fabsf(z->m[i][j] - x->m[i][j]);
	return sum;
}

/* The nearest orthogonal matrix: Higham's Newton iteration X <- (gX + inverse(X)' / g) / 2. */
static struct mat3 polar(const struct mat3 *a)
{
	struct mat3 x = *a, y, z = *a;
	float dif = 1.0f, gam, gmi;

	while (determinant(&x) == 0.0f) { /* a tiny push out of a singular one */
		float push = 0.00001f * (0.001f + row_norm(&x));

		for (int i = 0; i < 3; i++)
			x.m[i][i] += push;
	}
	for (int k = 0; k <= 100 && (double)dif >= 3.0e-6; k++) {
		y = inverse(&x);
		gam = gmi = 1.0f;
		if ((double)dif > 0.3) { /* far from the end: scale */
			float alpha = sqrtf(row_norm(&x) * column_norm(&x));
			float beta = sqrtf(row_norm(&y) * column_norm(&y));

			gam = sqrtf(beta / alpha);
			gmi = 1.0f / gam;
		}
		for (int i = 0; i < 3; i++)
			for (int j = 0; j < 3; j++)
				z.m[i][j] = (float)(0.5 *
					(double)(gam * x.m[i][j] + gmi * y.m[j][i]));
		dif = (float)change(&x, &z);
		x = z;
	}
	return z;
}

static struct mat3 unit_columns(const struct geom_affine *a)
{
	struct mat3 r;

	for (int j = 0; j < 3; j++) {
		double x = a->m[0][j], y = a->m[1][j], z = a->m[2][j];
		double len = sqrt(x * x + y * y + z * z);

		for (int i = 0; i < 3; i++)
			r.m[i][j] = len == 0.0 ? (i == j ? 1.0f : 0.0f) :
						 (float)((double)a->m[i][j] / len);
	}
	return r;
}

void geom_quaternion(const struct geom_affine *affine, float bcd[3], float *qfac)
{
	struct mat3 u = unit_columns(affine), p = polar(&u);
	double r11, r12, r13, r21, r22, r23, r31, r32, r33, a, b, c, d;

	*qfac = 1.0f;
	if (!(determinant(&p) > 0.0f)) {
		*qfac = -1.0f;
		for (int i = 0; i < 3; i++)
			p.m[i][2] = -p.m[i][2];
	}
	r11 = p.m[0][0], r12 = p.m[0][1], r13 = p.m[0][2];
	r21 = p.m[1][0], r22 = p.m[1][1], r23 = p.m[1][2];
	r31 = p.m[2][0], r32 = p.m[2][1], r33 = p.m[2][2];
	a = r11 + r22 + r33 + 1.0;
	if (a > 0.5) {
		a = 0.5 * sqrt(a);
		b = 0.25 * (r32 - r23) / a;
		c = 0.25 * (r13 - r31) / a;
		d = 0.25 * (r21 - r12) / a;
	} else {
		double xd = 1.0 + r11 - (r22 + r33), yd = 1.0 + r22 - (r11 + r33);
		double zd = 1.0 + r33 - (r11 + r22);

		if (xd > 1.0) {
			b = 0.5 * sqrt(xd);
			c = 0.25 * (r12 + r21) / b;
			d = 0.25 * (r13 + r31) / b;
			a = 0.25 * (r32 - r23) / b;
		} else if (yd > 1.0) {
			c = 0.5 * sqrt(yd);
			b = 0.25 * (r12 + r21) / c;
			d = 0.25 * (r23 + r32) / c;
			a = 0.25 * (r13 - r31) / c;
		} else {
			d = 0.5 * sqrt(zd);
			b = 0.25 * (r13 + r31) / d;
			c = 0.25 * (r23 + r32) / d;
			a = 0.25 * (r21 - r12) / d;
		}
		if (a < 0.0) {
			b = -b;
			c = -c;
			d = -d;
		}
	}
	bcd[0] = (float)b;
	bcd[1] = (float)c;
	bcd[2] = (float)d;
}

void geom_quaternion_row(const float bcd[3], float qfac, const float pixdim[3], unsigned i,
	float row[3])
{
	double b = bcd[0], c = bcd[1], d = bcd[2], a = 1.0 - (b * b + c * c + d * d);
	double x = pixdim[0] > 0.0f ? pixdim[0] : 1.0, y = pixdim[1] > 0.0f ? pixdim[1] : 1.0;
	double z = pixdim[2] > 0.0f ? pixdim[2] : 1.0;

	if (a < 1.e-7) { /* half a turn: normalise the rest */
		a = 1.0 / sqrt(b * b + c * c + d * d);
		b *= a;
		c *= a;
		d *= a;
		a = 0.0;
	} else {
		a = sqrt(a);
	}
	z = qfac < 0.0f ? -z : z;
	if (i == 0) {
		row[0] = (float)((a * a + b * b - c * c - d * d) * x);
		row[1] = (float)(2.0 * (b * c - a * d) * y);
		row[2] = (float)(2.0 * (b * d + a * c) * z);
	} else if (i == 1) {
		row[0] = (float)(2.0 * (b * c + a * d) * x);
		row[1] = (float)((a * a + c * c - b * b - d * d) * y);
		row[2] = (float)(2.0 * (c * d - a * b) * z);
	} else {
		row[0] = (float)(2.0 * (b * d - a * c) * x);
		row[1] = (float)(2.0 * (c * d + a * b) * y);
		row[2] = (float)((a * a + d * d - c * c - b * b) * z);
	}
}

/* --- distances, tilt -------------------------------------------------------------------- */

float geom_distance(const float a[3], const float b[3])
{
	float x = a[0] - b[0], y = a[1] - b[1], z = a[2] - b[2];

	return sqrtf(x * x + y * y + z * z);
}

void geom_normal(const double o[6], double normal[3])
{
	normal[0] = o[1] * o[5] - o[2] * o[4];
	normal[1] = o[2] * o[3] - o[0] * o[5];
	normal[2] = o[0] * o[4] - o[1] * o[3];
}

double geom_along_normal(const double orientation[6], const double p[3])
{
	double n[3];

	geom_normal(orientation, n);
	return n[0] * p[0] + n[1] * p[1] + n[2] * p[2];
}

static unsigned largest(const float v[3])
{
	unsigned axis = fabsf(v[1]) > fabsf(v[0]) ? 1 : 0;

	return fabsf(v[2]) > fabsf(v[axis]) ? 2 : axis;
}

/* Turned so that its largest component is positive; returns its length. */
static float make_positive(float v[3])
{
	if (v[largest(v)] < 0.0f)
		for (int i = 0; i < 3; i++)
			v[i] = -v[i];
	return sqrtf(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
}

float geom_gantry_tilt(const float orientation[6], const float first[3], const float last[3])
{
	float normal[3], run[3], turn[3], cosine, degrees, run_len, normal_len;

	for (int i = 0; i < 3; i++)
		run[i] = last[i] - first[i];
	cross(orientation, orientation + 3, normal);
	run_len = make_positive(run);
	normal_len = make_positive(normal);
	if (run_len == 0.0f || normal_len == 0.0f)
		return 0.0f;
	cosine = (normal[0] * run[0] + normal[1] * run[1] + normal[2] * run[2]) /
		(run_len * normal_len);
	if (fabsf(cosine - 1.0f) <= 0.0001f)
		return 0.0f;
	degrees = (float)((double)acosf(cosine) * (180.0 / M_PI));
	cross(run, normal, turn);
	return turn[largest(turn)] > 0.0f ? -degrees : degrees;
}
