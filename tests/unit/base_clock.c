/* SPDX-License-Identifier: MIT */
#include "base/clock.h"

#include <criterion/criterion.h>

Test(clock, a_time_goes_there_and_back)
{
	static const int64_t times[] = { 0, 1, -1, NS_PER_S, -NS_PER_S, -NS_PER_S - 1,
		INT64_C(1763864400123456789), INT64_C(-2208988800000000001) };

	for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
		struct timespec t = ns_timespec(times[i]);

		cr_expect(t.tv_nsec >= 0 && t.tv_nsec < NS_PER_S, "%lld", (long long)times[i]);
		cr_expect_eq(timespec_ns(&t), times[i], "%lld", (long long)times[i]);
	}
}

Test(clock, before_1970_a_second_is_rounded_down)
{
	struct timespec t = ns_timespec(-1);

	cr_expect_eq(ns_timespec(INT64_MIN).tv_nsec, 145224192);
	cr_expect_eq(t.tv_sec, -1);
	cr_expect_eq(t.tv_nsec, 999999999);
}

/* tmpfs and XFS keep whatever `touch -d` says. */
Test(clock, times_that_no_clock_shows_are_held_at_the_bounds)
{
	struct timespec late = { .tv_sec = INT64_C(99999999999) },
			most = { .tv_sec = INT64_MAX, .tv_nsec = 999999999 },
			least = { .tv_sec = INT64_MIN };
	int64_t between;

	cr_expect_gt(timespec_ns(&late), INT64_C(3900000000) * NS_PER_S);
	cr_expect_geq(timespec_ns(&most), timespec_ns(&late));
	cr_expect_lt(timespec_ns(&least), INT64_C(-3900000000) * NS_PER_S);
	cr_expect_not(__builtin_sub_overflow(timespec_ns(&most), timespec_ns(&least), &between));
}
