/* SPDX-License-Identifier: MIT */
/* .bval and .bvec as text. */
#include <criterion/criterion.h>

#include "base/buf.h"
#include "text/gradients.h"
#include "volume/volume.h"

Test(text_gradients, one_line_of_b_values_and_three_of_directions)
{
	static const double bval[3] = { 0, 1000, 928.28855993702052 };
	static const double bvec[3][3] = { { -0.0, 0, 0 }, { 1, -0.25, 0 },
		{ 0.1234567, 0, -1e-7 } };
	struct volume v = { .dim = { 2, 2, 2, 3 }, .bval = bval, .bvec = bvec };
	struct buf b;

	buf_init(&b);
	gradients_render_bval(&v, &b);
	buf_addc(&b, '\0');
	cr_assert_str_eq(b.data, "0 1000 928.289\n");
	buf_reset(&b);
	gradients_render_bvec(&v, &b);
	buf_addc(&b, '\0');
	cr_assert_str_eq(b.data, "0 1 0.123457\n0 -0.25 0\n0 0 -1e-07\n");
	buf_release(&b);
}

Test(text_gradients, nothing_where_there_are_none)
{
	struct volume v = { .dim = { 2, 2, 2, 1 } };
	struct buf b;

	buf_init(&b);
	gradients_render_bval(&v, &b);
	gradients_render_bvec(&v, &b);
	cr_assert_eq(b.len, 0);
	buf_release(&b);
}
