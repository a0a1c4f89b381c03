/* SPDX-License-Identifier: MIT */
/* Diffusion directions from the frames that makers store them in to the one of .bvec files. */
#include "vendor/gradient.h"

#include <math.h>
#include <string.h>

#define ITERATIONS 64 /* a b-matrix has one eigenvalue that matters: this is plenty */

static double dot(const double a[3], const double b[3])
{
	return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

static void cross(const double a[3], const double b[3], double out[3])
{
	out[0] = a[1] * b[2] - a[2] * b[1];
	out[1] = a[2] * b[0] - a[0] * b[2];
	out[2] = a[0] * b[1] - a[1] * b[0];
}

static bool normalize(double v[3])
{
	double len = sqrt(dot(v, v));
	int i;

	if (!(len > 0))
		return false;
	for (i = 0; i < 3; i++)
		v[i] /= len;
	return true;
}

/* -0 is printed, and nobody wants to see it. */
static void drop_negative_zeros(double v[3])
{
	int i;

	for (i = 0; i < 3; i++)
		if (v[i] == 0)
			v[i] = 0;
}

int gradient_plane(const double orientation[6])
{
	double n[3];

	cross(orientation, orientation + 3, n);
	if (fabs(n[2]) >= fabs(n[0]) && fabs(n[2]) >= fabs(n[1]))
		return 2;
	return fabs(n[1]) >= fabs(n[0]) ? 1 : 0;
}

void gradient_from_lps(const double g[3], const double orientation[6], double out[3])
{
	double r[3], c[3], n[3];

	memcpy(r, orientation, sizeof r);
	memcpy(c, orientation + 3, sizeof c);
	normalize(r);
	normalize(c);
	cross(r, c, n);
	out[0] = dot(g, r);
	out[1] = -dot(g, c);
	out[2] = dot(g, n);
	normalize(out);
	drop_negative_zeros(out);
}

void gradient_from_scanner(const double g[3], bool pe_is_row, const double orientation[6],
	double out[3])
{
	static const signed char sign[3][3] = { { 1, -1, -1 }, { -1, -1, 1 }, { -1, 1, 1 } };
	const signed char *s = sign[gradient_plane(orientation)];
	double x = pe_is_row ? g[1] : g[0], y = pe_is_row ? -g[0] : g[1];

	out[0] = s[0] * x;
	out[1] = s[1] * y;
	out[2] = s[2] * g[2];
	drop_negative_zeros(out);
}

bool gradient_from_matrix(const double m[6], double out[3])
{
	const double row[3][3] = { { m[0], m[1], m[2] }, { m[1], m[3], m[4] },
		{ m[2], m[4], m[5] } };
	double next[3];
	int i, k = 0;

	for (i = 1; i < 3; i++)
		if (row[i][i] > row[k][k])
			k = i;
	memcpy(out, row[k], sizeof next);
	for (i = 0; i < ITERATIONS; i++) {
		if (!normalize(out))
			return false;
		for (k = 0; k < 3; k++)
			next[k] = dot(row[k], out);
		memcpy(out, next, sizeof next);
	}
	return normalize(out);
}
