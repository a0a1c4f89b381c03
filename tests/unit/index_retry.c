/* SPDX-License-Identifier: MIT */
/* When what failed is tried again. */
#include <criterion/criterion.h>

#include "index/retry.h"

#define SECOND INT64_C(1000000000)

Test(index_retry, soon_at_first_then_ever_more_rarely_and_for_ever)
{
	struct retry r = { 0 };
	int64_t now = 5, last = 0, ms;
	int i;

	retry_plan(&r, 0, true, now);
	cr_expect_eq(retry_ms(&r, now), -1);
	cr_expect_not(retry_is_due(&r, now));
	retry_plan(&r, 1, true, now);
	for (i = 0; i < 40; i++) {
		ms = retry_ms(&r, now);
		cr_expect(ms > 0 && ms <= 600001, "%d", (int)ms);
		cr_expect_geq(ms, last);
		cr_expect_not(retry_is_due(&r, now));
		now += ms * 1000000;
		cr_expect(retry_is_due(&r, now));
		cr_expect_eq(retry_ms(&r, now), 0);
		retry_plan(&r, 1, true, now);
		last = ms;
	}
	cr_expect_gt(last, 500000);
}

Test(index_retry, another_failure_begins_anew_and_a_scan_elsewhere_changes_nothing)
{
	struct retry r = { 0 };
	int i;

	for (i = 0; i < 20; i++)
		retry_plan(&r, 1, true, 0);
	retry_plan(&r, 1, false, 7 * SECOND);
	cr_expect_gt(retry_ms(&r, 7 * SECOND), 500000);
	retry_plan(&r, 2, false, 7 * SECOND);
	cr_expect_leq(retry_ms(&r, 7 * SECOND), 1001);
	retry_plan(&r, 0, true, 8 * SECOND);
	cr_expect_eq(retry_ms(&r, 9 * SECOND), -1);
}
