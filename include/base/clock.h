/* SPDX-License-Identifier: MIT */
/* Points in time as nanoseconds in an int64_t: the only copies of these in the tree. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NS_PER_S INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)

/* Nanoseconds of t. What a file system can say of a file's time and no clock does (before 1843,
 * after 2096) comes out as the bound, so that the difference of any two is an int64_t. */
static inline int64_t timespec_ns(const struct timespec *t)
{
	int64_t most = INT64_C(4000000000), s = (int64_t)t->tv_sec;

	s = s > most ? most : s < -most ? -most : s;
	return s * NS_PER_S + (int64_t)t->tv_nsec;
}

/* The other way. */
static inline struct timespec ns_timespec(int64_t ns)
{
	int64_t s = ns / NS_PER_S, rest = ns % NS_PER_S;

	if (rest < 0) {
		s--;
		rest += NS_PER_S;
	}
	return (struct timespec){ .tv_sec = (time_t)s, .tv_nsec = (long)rest };
}

/* Now, by that clock: CLOCK_REALTIME since 1970, CLOCK_MONOTONIC since some point of its own. */
static inline int64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return timespec_ns(&t);
}

#endif
