/* SPDX-License-Identifier: MIT */
/* MINC 1 files, taken apart again by a small reader of NetCDF-3 that knows nothing of how they are
 * written. */
#include <criterion/criterion.h>

#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "format/minc.h"

struct reader {
	const uint8_t *p, *end;
};

static uint32_t u32(struct reader *r)
{
	cr_assert_leq(r->p + 4, r->end);
	r->p += 4;
	return get_be32(r->p - 4);
}

static const char *name(struct reader *r, char out[64])
{
	uint32_t n = u32(r);

	cr_assert_lt(n, 64);
	memcpy(out, r->p, n);
	out[n] = '\0';
	r->p += (n + 3) / 4 * 4;
	return out;
}

/* Skip a list of attributes; of the wanted one the place of its values, and how many. */
static const uint8_t *attributes(struct reader *r, const char *want, uint32_t *n_want)
{
	static const unsigned sizes[] = { 0, 1, 1, 2, 4, 4, 8 };
	const uint8_t *found = NULL;
	uint32_t tag = u32(r), n = u32(r), i;
	char s[64];

	cr_assert_eq(tag, 12);
	for (i = 0; i < n; i++) {
		bool is = strcmp(name(r, s), want) == 0;
		uint32_t type, count;

		type = u32(r);
		count = u32(r);
		cr_assert_leq(type, 6);
		if (is) {
			found = r->p;
			*n_want = count;
		}
		r->p += (count * sizes[type] + 3) / 4 * 4;
	}
	return found;
}

struct variable {
	uint32_t n_dims, type, size, begin;
	const uint8_t *attribute;
	uint32_t n_attribute;
};

/* The variable, with one of its attributes. */
static struct variable find(const struct buf *b, const char *want, const char *attribute)
{
	struct reader r = { (const uint8_t *)b->data, (const uint8_t *)b->data + b->len };
	struct variable v;
	uint32_t n, i, k;
	char s[64];

	cr_assert_eq(memcmp(r.p, "CDF\1\0\0\0\0", 8), 0);
	r.p += 8;
	cr_assert_eq(u32(&r), 10);
	n = u32(&r);
	for (i = 0; i < n; i++) {
		name(&r, s);
		u32(&r);
	}
	attributes(&r, "", &n);
	cr_assert_eq(u32(&r), 11);
	n = u32(&r);
	for (i = 0; i < n; i++) {
		name(&r, s);
		memset(&v, 0, sizeof v);
		v.n_dims = u32(&r);
		for (k = 0; k < v.n_dims; k++)
			cr_assert_eq(u32(&r), k);
		v.attribute = attributes(&r, attribute, &v.n_attribute);
		v.type = u32(&r);
		v.size = u32(&r);
		v.begin = u32(&r);
		if (strcmp(s, want) == 0)
			return v;
	}
	cr_assert_fail("no variable %s", want);
	return v;
}

static double number(const uint8_t *p, unsigned i)
{
	cr_assert_not_null(p);
	return f64_from_bits(get_be64(p + 8 * i));
}

static struct volume some(void)
{
	struct volume v = {
		.dim = { 4, 5, 6, 2 },
		.is_4d = true,
		.type = SAMPLE_U16,
		.scl_slope = 2,
		.scl_inter = -7,
		.pixdim = { 1, 3, 2, 4, 1.5f },
		.sform_code = 1,
		.srow = { { -3, 0, 0.5f, 90 }, { 0.25f, 2, 0, -80 }, { 0, 0.5f, 4, 70 } },
	};

	return v;
}

static struct buf render(const struct volume *v)
{
	struct buf b, count;

	buf_init(&b);
	cr_assert_eq(minc_header(v, &b, NULL), 0);
	buf_init_counting(&count);
	cr_assert_eq(minc_header(v, &count, NULL), 0);
	cr_assert_eq(b.len, count.len);
	return b;
}

Test(format_minc, the_image_begins_where_the_header_ends)
{
	struct volume v = some();
	struct buf b = render(&v);
	struct variable image = find(&b, "image", "signtype"),
			most = find(&b, "image-max", "parent");

	cr_expect_eq(image.begin, b.len);
	cr_expect_eq(image.begin % 4, 0);
	cr_expect_eq(image.n_dims, 4);
	cr_expect_eq(image.type, 3);
	cr_expect_eq(image.size, 4 * 5 * 6 * 2 * 2);
	cr_expect_eq(memcmp(image.attribute, "unsigned", 8), 0);
	cr_expect_eq(most.n_dims, 2);
	cr_expect_eq(most.size, 8 * 12);
	buf_release(&b);
}

Test(format_minc, the_range_of_the_type_stands_for_slope_and_intercept)
{
	struct volume v = some();
	struct buf b = render(&v);
	struct variable range = find(&b, "image", "valid_range");
	const uint8_t *most = (const uint8_t *)b.data + find(&b, "image-max", "").begin;
	const uint8_t *least = (const uint8_t *)b.data + find(&b, "image-min", "").begin;
	unsigned i;

	cr_expect_eq(number(range.attribute, 0), 0);
	cr_expect_eq(number(range.attribute, 1), 65535);
	for (i = 0; i < 12; i++) {
		cr_expect_eq(number(most, i), 65535 * 2.0 - 7);
		cr_expect_eq(number(least, i), -7);
	}
	buf_release(&b);
}

/* World = sum over axes of (start + index * step) * direction. */
Test(format_minc, voxels_are_where_the_sform_has_them)
{
	static const char *const names[] = { "xspace", "yspace", "zspace" };
	struct volume v = some();
	struct buf b = render(&v);
	double at[3] = { 0, 0, 0 }, index[3] = { 3, 1, 4 };
	unsigned a, i;

	for (a = 0; a < 3; a++) {
		struct variable step = find(&b, names[a], "step"),
				start = find(&b, names[a], "start"),
				cosines = find(&b, names[a], "direction_cosines");
		double along = number(start.attribute, 0) + index[a] * number(step.attribute, 0);

		cr_assert_eq(cosines.n_attribute, 3);
		cr_expect_gt(number(cosines.attribute, a), 0);
		for (i = 0; i < 3; i++)
			at[i] += along * number(cosines.attribute, i);
	}
	for (i = 0; i < 3; i++)
		cr_expect_float_eq(at[i],
			(double)(v.srow[i][0] * 3 + v.srow[i][1] * 1 + v.srow[i][2] * 4 +
				v.srow[i][3]),
			1e-5);
	cr_expect_eq(number(find(&b, "time", "step").attribute, 0), 1.5);
	buf_release(&b);
}

Test(format_minc, types_are_minc_s_and_big_endian)
{
	static const struct {
		enum sample_type from, to;
		unsigned type;
		double least, most;
	} cases[] = {
		{ SAMPLE_U8, SAMPLE_U8, 1, 0, 255 },
		{ SAMPLE_I8, SAMPLE_I8, 1, -128, 127 },
		{ SAMPLE_I16, SAMPLE_I16, 3, -32768, 32767 },
		{ SAMPLE_U32, SAMPLE_U32, 4, 0, 4294967295.0 },
		{ SAMPLE_I32, SAMPLE_I32, 4, -2147483648.0, 2147483647 },
		{ SAMPLE_F32, SAMPLE_F32, 5, -3.4028234663852886e38, 3.4028234663852886e38 },
		{ SAMPLE_U64, SAMPLE_F64, 6, -3.4028234663852886e38, 3.4028234663852886e38 },
	};
	size_t i;

	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct volume v = some();
		struct variable range;
		struct buf b;

		v.type = cases[i].from;
		v.scl_slope = 1;
		v.scl_inter = 0;
		cr_expect_eq(minc_order(&v).type, cases[i].to, "case %zu", i);
		cr_expect(minc_order(&v).big_endian);
		b = render(&v);
		range = find(&b, "image", "valid_range");
		cr_expect_eq(range.type, cases[i].type, "case %zu", i);
		cr_expect_eq(number(range.attribute, 0), cases[i].least, "case %zu", i);
		cr_expect_eq(number(range.attribute, 1), cases[i].most, "case %zu", i);
		buf_release(&b);
	}
}

Test(format_minc, colour_is_refused_with_a_reason)
{
	struct volume v = some();
	const char *why = NULL;

	cr_expect(minc_holds(&v, &why));
	v.type = SAMPLE_RGB24;
	cr_expect(!minc_holds(&v, &why));
	cr_expect_not_null(strstr(why, "colour"));
}
