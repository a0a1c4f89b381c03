/* SPDX-License-Identifier: MIT */
/* NRRD headers: `field: value` and `key:=value` lines. Colour is an axis of its own, the fastest. */
#include "format/nrrd.h"

#include <math.h>

#include "base/buf.h"
#include "base/err.h"
#include "format/space.h"

/* Its own words for what is no integer; colour is an axis of bytes. */
static const char *type_name(enum sample_type t)
{
	if (t == SAMPLE_RGB24)
		return sample_type_name(SAMPLE_U8);
	if (t == SAMPLE_F32)
		return "float";
	return t == SAMPLE_F64 ? "double" : sample_type_name(t);
}

static void add_vector(struct buf *b, const double v[3], double times)
{
	unsigned i;

	for (i = 0; i < 3; i++) {
		buf_addc(b, i ? ',' : '(');
		buf_add_f64(b, v[i] == 0 ? 0 : v[i] * times);
	}
	buf_addc(b, ')');
}

static void add_sizes(const struct volume *v, bool colour, struct buf *b)
{
	unsigned a;

	buf_adds(b, colour ? "sizes: 3" : "sizes:");
	for (a = 0; a < (v->is_4d ? 4u : 3u); a++)
		buf_addf(b, " %u", v->dim[a]);
	buf_addc(b, '\n');
}

static void add_directions(const struct volume *v, const struct space *s, bool colour,
	struct buf *b)
{
	unsigned a;

	buf_adds(b, colour ? "space directions: none" : "space directions:");
	for (a = 0; a < 3; a++) {
		buf_addc(b, ' ');
		add_vector(b, s->unit[a], s->step[a]);
	}
	buf_adds(b, v->is_4d ? " none\n" : "\n");
	buf_addf(b, "kinds:%s domain domain domain%s\n", colour ? " RGB-color" : "",
		v->is_4d ? " list" : "");
}

/* .bvec has directions along the voxel axes, x from the other end where the axes are
 * right-handed (FSL's rule): here they are made directions in space. */
static void gradient_in_space(const struct space *s, bool right_handed, const double bvec[3],
	double out[3])
{
	unsigned i;

	for (i = 0; i < 3; i++)
		out[i] = (right_handed ? -bvec[0] : bvec[0]) * s->unit[0][i] +
			bvec[1] * s->unit[1][i] + bvec[2] * s->unit[2][i];
}

static bool is_right_handed(const struct space *s)
{
	const double(*u)[3] = s->unit;

	return u[0][0] * (u[1][1] * u[2][2] - u[1][2] * u[2][1]) -
		u[0][1] * (u[1][0] * u[2][2] - u[1][2] * u[2][0]) +
		u[0][2] * (u[1][0] * u[2][1] - u[1][1] * u[2][0]) >
		0;
}

static void add_gradient(struct buf *b, uint32_t t, const double g[3], double length)
{
	unsigned i;

	buf_addf(b, "DWMRI_gradient_%04u:=", t);
	for (i = 0; i < 3; i++) {
		if (i)
			buf_addc(b, ' ');
		buf_add_f64(b, g[i] * length == 0 ? 0 : g[i] * length);
	}
	buf_addc(b, '\n');
}

/* One b-value for all: a weaker one is told by the length of its vector, whose square it goes with. */
static void add_diffusion(const struct volume *v, const struct space *s, struct buf *b)
{
	bool right_handed = is_right_handed(s);
	double most = 0, g[3];
	uint32_t t;

	for (t = 0; t < v->dim[3]; t++)
		if (v->bval[t] > most)
			most = v->bval[t];
	buf_adds(b, "modality:=DWMRI\nDWMRI_b-value:=");
	buf_add_f64(b, most);
	buf_addc(b, '\n');
	for (t = 0; t < v->dim[3]; t++) {
		gradient_in_space(s, right_handed, v->bvec[t], g);
		add_gradient(b, t, g, most > 0 && v->bval[t] > 0 ? sqrt(v->bval[t] / most) : 0);
	}
}

int nrrd_header(const struct volume *v, struct buf *out, struct err *err)
{
	struct voxel_order o = space_order_applied(v);
	bool colour = o.type == SAMPLE_RGB24, diffusion = v->bval && v->bvec && v->is_4d;
	struct space s;

	space_of(v, &s);
	buf_addf(out, "NRRD0005\ntype: %s\ndimension: %u\n", type_name(o.type),
		3u + v->is_4d + colour);
	buf_adds(out, "space: right-anterior-superior\n");
	add_sizes(v, colour, out);
	add_directions(v, &s, colour, out);
	if (sample_bytes(o.type) > 1 && !colour)
		buf_adds(out, "endian: little\n");
	buf_adds(out, "encoding: raw\nspace units: \"mm\" \"mm\" \"mm\"\nspace origin: ");
	add_vector(out, s.origin, 1);
	buf_addc(out, '\n');
	if (diffusion) {
		buf_adds(out, "measurement frame: (1,0,0) (0,1,0) (0,0,1)\n");
		add_diffusion(v, &s, out);
	}
	buf_addc(out, '\n');
	return buf_error(out) ? err_nomem(err) : 0;
}
