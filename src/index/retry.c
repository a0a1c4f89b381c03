/* SPDX-License-Identifier: MIT */
/* Trying again, ever more rarely: see retry.h. */
#include "index/retry.h"

#include "base/clock.h"

#define FIRST_NS NS_PER_S
#define MOST_NS (600 * NS_PER_S)

void retry_plan(struct retry *r, size_t n, bool tried, int64_t now_ns)
{
	if (n == r->n_failed && !tried)
		return;
	if (n != r->n_failed || 2 * r->delay_ns < FIRST_NS)
		r->delay_ns = FIRST_NS;
	else
		r->delay_ns = 2 * r->delay_ns < MOST_NS ? 2 * r->delay_ns : MOST_NS;
	r->at_ns = now_ns + r->delay_ns;
	r->n_failed = n;
}

bool retry_is_due(const struct retry *r, int64_t now_ns)
{
	return r->n_failed > 0 && now_ns >= r->at_ns;
}

int64_t retry_ms(const struct retry *r, int64_t now_ns)
{
	if (r->n_failed == 0)
		return -1;
	return now_ns >= r->at_ns ? 0 : (r->at_ns - now_ns) / NS_PER_MS + 1;
}
