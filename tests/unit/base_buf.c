/* SPDX-License-Identifier: MIT */
/* The buffer: what is rendered, what is counted, and what happens without memory. */
#include <criterion/criterion.h>

#include "base/buf.h"
#include "base/mem.h"

Test(base_buf, shortest_float_text_reads_back)
{
	struct buf b;
	char *text;

	buf_init(&b);
	buf_add_f32(&b, 0.0305f);
	buf_addc(&b, ' ');
	buf_add_f64(&b, 1e-7);
	buf_addc(&b, ' ');
	buf_add_f64(&b, 0.1);
	buf_addc(&b, ' ');
	buf_add_f32(&b, -0.0f);
	text = buf_steal(&b, NULL);
	cr_assert_str_eq(text, "0.0305 1e-07 0.1 -0");
	mem_free(text);
}

Test(base_buf, counting_counts_what_adding_adds)
{
	struct buf add, count;
	struct buf *both[2] = { &add, &count };
	int i;

	buf_init(&add);
	buf_init_counting(&count);
	for (i = 0; i < 2; i++) {
		buf_addf(both[i], "%0700d", 7);
		buf_add_i64(both[i], INT64_MIN);
		buf_fill(both[i], ' ', 3);
	}
	cr_assert_eq(add.len, 723);
	cr_assert_eq(count.len, add.len);
	cr_assert_null(count.data);
	buf_release(&add);
}

Test(base_buf, failure_sticks)
{
	struct buf b;

	buf_init(&b);
	mem_fail_after(1);
	buf_adds(&b, "lost");
	mem_fail_after(0);
	buf_adds(&b, "not kept either");
	cr_assert_lt(buf_error(&b), 0);
	cr_assert_eq(b.len, 0);
}
