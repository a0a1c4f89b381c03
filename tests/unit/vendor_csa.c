/* SPDX-License-Identifier: MIT */
/* CSA headers of both layouts, and broken ones. */
#include <criterion/criterion.h>

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "vendor/csa.h"

/* A field of n items; each item's four numbers have its length where the layout wants it. */
static void add_field(struct buf *b, bool marked, uint32_t first_items, const char *name,
	uint32_t vm, const char *const *items, uint32_t n)
{
	char fixed[64] = { 0 };
	uint32_t i;

	memcpy(fixed, name, strlen(name));
	buf_add(b, fixed, sizeof fixed);
	buf_add_le32(b, vm);
	buf_add(b, "DS\0\0", 4);
	buf_add_le32(b, 3);
	buf_add_le32(b, n);
	buf_add_le32(b, 77);
	for (i = 0; i < n; i++) {
		uint32_t len = (uint32_t)strlen(items[i]);

		buf_add_le32(b, marked ? 9 : len + first_items);
		buf_add_le32(b, marked ? len : 9);
		buf_add_le32(b, 77);
		buf_add_le32(b, 9);
		buf_add(b, items[i], len);
		buf_fill(b, 0, (4 - len % 4) % 4);
	}
}

static void sample(struct buf *b, bool marked)
{
	const char *normal[] = { "0.1 ", "-0.2", "0.97467943", "" };
	const char *b_value[] = { "1000" };

	buf_init(b);
	if (marked)
		buf_add(b, "SV10\4\3\2\1", 8);
	buf_add_le32(b, 2);
	buf_add_le32(b, 77);
	add_field(b, marked, 4, "SliceNormalVector", 3, normal, 4);
	add_field(b, marked, 4, "B_value", 1, b_value, 1);
}

static void check(bool marked)
{
	struct arena a = { 0 };
	struct buf b;
	struct csa c;

	sample(&b, marked);
	cr_assert_eq(csa_parse((const uint8_t *)b.data, b.len, &a, &c, NULL), 0);
	cr_assert_eq(c.n_fields, 2);
	cr_assert_not(c.damaged);
	cr_assert_eq(csa_find(&c, "SliceNormalVector")->n_values, 3, "an empty item is no value");
	cr_assert_str_eq(csa_text(&c, "SliceNormalVector", 0), "0.1", "blanks are trimmed");
	cr_assert_eq(csa_number(&c, "SliceNormalVector", 1), -0.2);
	cr_assert_eq(csa_number(&c, "B_value", 0), 1000);
	cr_assert(isnan(csa_number(&c, "B_value", 1)));
	cr_assert_null(csa_find(&c, "B_valu"));
	arena_release(&a);
	buf_release(&b);
}

Test(vendor_csa, both_layouts_are_read)
{
	check(true);
	check(false);
}

Test(vendor_csa, what_comes_before_the_damage_is_kept)
{
	struct arena a = { 0 };
	struct buf b;
	struct csa c;
	size_t len;

	sample(&b, true);
	for (len = 0; len < b.len; len++) {
		/* an exact copy, so that a read past its end is found */
		uint8_t *copy = arena_memdup(&a, b.data, len ? len : 1);
		int rc = csa_parse(copy, len, &a, &c, NULL);

		cr_assert(rc == 0 ? c.damaged : rc == -EBADMSG, "%zu bytes", len);
		if (len == b.len - 4)
			cr_assert_eq(c.n_fields, 1);
	}
	arena_release(&a);
	buf_release(&b);
}

Test(vendor_csa, counts_and_lengths_that_cannot_be_are_not_believed)
{
	struct arena a = { 0 };
	struct buf b;
	struct csa c;

	sample(&b, true);
	memcpy(b.data + 16 + 76, "\xff\xff\xff\xff", 4); /* items of the first field */
	cr_assert_eq(csa_parse((const uint8_t *)b.data, b.len, &a, &c, NULL), 0);
	cr_assert(c.damaged && c.n_fields == 0);
	memcpy(b.data + 8, "\xff\xff\xff\x7f", 4); /* fields */
	cr_assert_eq(csa_parse((const uint8_t *)b.data, b.len, &a, &c, NULL), -EBADMSG);
	arena_release(&a);
	buf_release(&b);
}
