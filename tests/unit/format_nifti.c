/* SPDX-License-Identifier: MIT */
/* Every byte of NIfTI headers. */
#include <criterion/criterion.h>

#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"
#include "format/nifti.h"
#include "volume/volume.h"

static struct volume some(void)
{
	struct volume v = {
		.dim = { 64, 48, 20, 7 },
		.is_4d = true,
		.type = SAMPLE_I16,
		.scl_slope = 2.5f,
		.scl_inter = -10,
		.pixdim = { -1, 3, 3, 4, 2 },
		.qform_code = 1,
		.sform_code = 1,
		.dim_info = 0x39,
		.slice_code = 3,
		.quatern = { 0, 1, 0 },
		.qoffset = { 10, 20, 30 },
		.srow = { { -3, 0, 0, 10 }, { 0, 3, 0, 20 }, { 0, 0, 4, 30 } },
		.descrip = "TE=30;Time=1.000",
		.aux_file = "comments",
	};

	return v;
}

static int16_t i16(const struct buf *b, size_t off)
{
	return (int16_t)get_le16(b->data + off);
}

static float f32(const struct buf *b, size_t off)
{
	return f32_from_bits(get_le32(b->data + off));
}

static struct buf render(const struct volume *v)
{
	struct buf b;

	buf_init(&b);
	cr_assert_eq(nifti_header(v, &b, NULL), 0);
	cr_assert_eq(b.len, get_le32(b.data) + 4);
	return b;
}

Test(format_nifti, fields_are_where_nifti1_has_them)
{
	struct volume v = some();
	struct buf b = render(&v);

	cr_expect_eq(b.len, 352);
	cr_expect_eq(get_le32(b.data), 348);
	cr_expect_eq(b.data[38], 'r');
	cr_expect_eq(b.data[39], 0x39);
	cr_expect_eq(i16(&b, 40), 4);
	cr_expect_eq(i16(&b, 42), 64);
	cr_expect_eq(i16(&b, 48), 7);
	cr_expect_eq(i16(&b, 50), 1);
	cr_expect_eq(i16(&b, 70), 4);
	cr_expect_eq(i16(&b, 72), 16);
	cr_expect_eq(f32(&b, 76), -1.0f);
	cr_expect_eq(f32(&b, 92), 2.0f);
	cr_expect_eq(f32(&b, 108), 352.0f);
	cr_expect_eq(f32(&b, 112), 2.5f);
	cr_expect_eq(f32(&b, 116), -10.0f);
	cr_expect_eq(b.data[122], 3);
	cr_expect_eq(b.data[123], 10);
	cr_expect_str_eq(b.data + 148, "TE=30;Time=1.000");
	cr_expect_str_eq(b.data + 228, "comments");
	cr_expect_eq(i16(&b, 252), 1);
	cr_expect_eq(i16(&b, 254), 1);
	cr_expect_eq(f32(&b, 260), 1.0f);
	cr_expect_eq(f32(&b, 268), 10.0f);
	cr_expect_eq(f32(&b, 280), -3.0f);
	cr_expect_eq(f32(&b, 324), 30.0f);
	cr_expect_eq(memcmp(b.data + 344, "n+1\0\0\0\0\0", 8), 0);
	buf_release(&b);
}

Test(format_nifti, one_time_point_is_three_dimensional)
{
	struct volume v = some();
	struct buf b;

	v.dim[3] = 1;
	v.is_4d = false;
	b = render(&v);
	cr_expect_eq(i16(&b, 40), 3);
	cr_expect_eq(i16(&b, 48), 1);
	buf_release(&b);
	v.kind = VOLUME_TILT;
	b = render(&v);
	for (size_t off = 48; off < 56; off += 2)
		cr_expect_eq(i16(&b, off), 0);
	buf_release(&b);
}

Test(format_nifti, slope_is_never_zero)
{
	struct volume v = some();
	struct buf b;

	v.scl_slope = 0;
	b = render(&v);
	cr_expect_eq(f32(&b, 112), 1.0f);
	buf_release(&b);
}

Test(format_nifti, large_dimensions_take_nifti2)
{
	struct volume v = some();
	struct buf b;

	v.dim[3] = 32768;
	b = render(&v);
	cr_expect_eq(b.len, 544);
	cr_expect_eq(get_le32(b.data), 540);
	cr_expect_eq(memcmp(b.data + 4, "n+2\0\r\n\032\n", 8), 0);
	cr_expect_eq(i16(&b, 12), 4);
	cr_expect_eq(get_le64(b.data + 16), 4);
	cr_expect_eq(get_le64(b.data + 48), 32768);
	cr_expect_eq(get_le64(b.data + 168), 544);
	cr_expect_eq(f64_from_bits(get_le64(b.data + 136)), 2.0);
	cr_expect_eq(f64_from_bits(get_le64(b.data + 176)), 2.5);
	cr_expect_str_eq(b.data + 240, "TE=30;Time=1.000");
	cr_expect_eq(get_le32(b.data + 344), 1);
	cr_expect_eq(f64_from_bits(get_le64(b.data + 360)), 1.0);
	cr_expect_eq(f64_from_bits(get_le64(b.data + 400)), -3.0);
	cr_expect_eq(f64_from_bits(get_le64(b.data + 488)), 30.0);
	cr_expect_eq(get_le32(b.data + 496), 3);
	cr_expect_eq(get_le32(b.data + 500), 10);
	cr_expect_eq(b.data[524], 0x39);
	buf_release(&b);
	v.dim[3] = 32767;
	b = render(&v);
	cr_expect_eq(b.len, 352);
	buf_release(&b);
}
