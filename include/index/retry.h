/* SPDX-License-Identifier: MIT */
/*
 * When to try again what the file system failed at: soon at first, ever more rarely
 * where it goes on failing. Times are of the monotonic clock. A zeroed struct is
 * of nothing that failed.
 */
#ifndef INDEX_RETRY_H
#define INDEX_RETRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct retry {
	size_t n_failed;
	int64_t delay_ns, at_ns;
};

/* After a scan: n files or folders failed; tried: those that had failed before were tried again. */
void retry_plan(struct retry *r, size_t n, bool tried, int64_t now_ns);
bool retry_is_due(const struct retry *r, int64_t now_ns);
/* In how many milliseconds it is; -1: there is nothing to try. */
int64_t retry_ms(const struct retry *r, int64_t now_ns);

#endif
