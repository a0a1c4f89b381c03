/* SPDX-License-Identifier: MIT */
/* b-values and directions as text. */
#include "text/gradients.h"

#include "base/buf.h"
#include "volume/volume.h"

static void add_number(struct buf *out, uint32_t i, double v)
{
	buf_addf(out, i ? " %g" : "%g", v == 0 ? 0 : v);
}

void gradients_render_bval(const struct volume *v, struct buf *out)
{
	uint32_t t;

	if (!v->bval)
		return;
	for (t = 0; t < v->dim[3]; t++)
		add_number(out, t, v->bval[t]);
	buf_addc(out, '\n');
}

void gradients_render_bvec(const struct volume *v, struct buf *out)
{
	uint32_t t;
	int axis;

	if (!v->bvec)
		return;
	for (axis = 0; axis < 3; axis++) {
		for (t = 0; t < v->dim[3]; t++)
			add_number(out, t, v->bvec[t][axis]);
		buf_addc(out, '\n');
	}
}
