/* SPDX-License-Identifier: MIT */
/* Analyze headers, and the order and type that voxels get there. */
#include <criterion/criterion.h>

#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "format/analyze.h"

/* Sagittal: columns to the back, rows down, planes to the right. */
static struct volume some(void)
{
	struct volume v = {
		.dim = { 10, 20, 30, 1 },
		.type = SAMPLE_I16,
		.scl_slope = 1,
		.sform_code = 1,
		.pixdim = { 1, 2, 3, 4, 2.5f },
		.srow = { { 0, 0, 4, -58 }, { -2, 0, 0, 11 }, { 0, -3, 0, 31 } },
		.descrip = "TE=2",
	};

	return v;
}

static struct buf render(const struct volume *v)
{
	struct buf b;

	buf_init(&b);
	cr_assert_eq(analyze_header(v, &b, NULL), 0);
	cr_assert_eq(b.len, 348);
	return b;
}

static int i16(const struct buf *b, size_t off)
{
	return (int16_t)get_le16(b->data + off);
}

static float f32(const struct buf *b, size_t off)
{
	return f32_from_bits(get_le32(b->data + off));
}

Test(format_analyze, voxels_run_left_front_up)
{
	struct volume v = some();
	struct voxel_order o = analyze_order(&v);

	cr_expect_arr_eq(o.axis, ((const uint8_t[3]){ 2, 0, 1 }), 3);
	cr_expect(o.flip[0], "planes run to the right");
	cr_expect(o.flip[1], "columns run to the back");
	cr_expect(o.flip[2], "rows run down");
	cr_expect(!o.big_endian);
}

Test(format_analyze, fields_follow_the_turned_axes)
{
	struct volume v = some();
	struct buf b = render(&v);

	cr_expect_eq(get_le32(b.data), 348);
	cr_expect_eq(get_le32(b.data + 32), 16384);
	cr_expect_eq(b.data[38], 'r');
	cr_expect_eq(i16(&b, 40), 4);
	cr_expect_eq(i16(&b, 42), 30);
	cr_expect_eq(i16(&b, 44), 10);
	cr_expect_eq(i16(&b, 46), 20);
	cr_expect_eq(i16(&b, 48), 1);
	cr_expect_eq(i16(&b, 70), 4);
	cr_expect_eq(i16(&b, 72), 16);
	cr_expect_eq(f32(&b, 80), 4);
	cr_expect_eq(f32(&b, 84), 2);
	cr_expect_eq(f32(&b, 88), 3);
	cr_expect_eq(f32(&b, 92), 2.5f);
	cr_expect_eq(f32(&b, 112), 1);
	cr_expect_str_eq(b.data + 148, "TE=2");
	/* world 0: k = 14.5, from the other end 14.5; i = 5.5, 3.5; j = 10.33, 8.67; rounded to
	 * even, plus 1 */
	cr_expect_eq(i16(&b, 253), 15);
	cr_expect_eq(i16(&b, 255), 5);
	cr_expect_eq(i16(&b, 257), 10);
	buf_release(&b);
}

Test(format_analyze, an_oblique_volume_says_so)
{
	struct volume v = some();
	struct buf b;

	v.srow[1][0] = -1.9f;
	v.srow[2][0] = 0.62f;
	b = render(&v);
	cr_expect_str_eq(b.data + 148, "angles lost;TE=2");
	buf_release(&b);
}

Test(format_analyze, without_a_place_there_is_no_origin)
{
	struct volume v = some();
	struct buf b;

	v.sform_code = 0;
	b = render(&v);
	cr_expect_eq(i16(&b, 253), 0);
	buf_release(&b);
}

Test(format_analyze, types_that_it_lacks_become_wider)
{
	static const struct {
		enum sample_type from, to;
		float slope, inter, factor;
	} cases[] = {
		{ SAMPLE_U8, SAMPLE_U8, 1, 0, 1 },
		{ SAMPLE_I8, SAMPLE_I16, 1, 0, 1 },
		{ SAMPLE_U16, SAMPLE_I32, 1, 0, 1 },
		{ SAMPLE_U16, SAMPLE_I32, 0.5f, 0, 0.5f },
		{ SAMPLE_I16, SAMPLE_F32, 2, -1024, 1 },
		{ SAMPLE_U32, SAMPLE_F64, 1, 0, 1 },
		{ SAMPLE_I64, SAMPLE_F64, 1, 0, 1 },
		{ SAMPLE_RGB24, SAMPLE_RGB24, 1, 0, 1 },
	};
	size_t i;

	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct volume v = some();
		struct voxel_order o;
		struct buf b;

		v.type = cases[i].from;
		v.scl_slope = cases[i].slope;
		v.scl_inter = cases[i].inter;
		o = analyze_order(&v);
		b = render(&v);
		cr_expect_eq(o.type, cases[i].to, "case %zu", i);
		cr_expect_eq(i16(&b, 70), (int)cases[i].to, "case %zu", i);
		cr_expect_eq(o.apply_scale, cases[i].inter != 0, "case %zu", i);
		cr_expect_eq(f32(&b, 112), cases[i].factor, "case %zu", i);
		buf_release(&b);
	}
}

Test(format_analyze, what_it_cannot_count_it_does_not_hold)
{
	struct volume v = some();
	const char *why = NULL;

	cr_expect(analyze_holds(&v, &why));
	v.dim[3] = 32768;
	cr_expect(!analyze_holds(&v, &why));
	cr_expect_not_null(why);
}
