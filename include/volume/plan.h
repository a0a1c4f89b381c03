/* SPDX-License-Identifier: MIT */
/*
 * From the instances of a study to its volumes: what stacks with what, in which
 * order, and where it lies (CONVERSION §3, §5). Reads no pixels: classic series are planned from
 * the index alone but for a header or two, enhanced ones from their functional groups.
 */
#ifndef VOLUME_PLAN_H
#define VOLUME_PLAN_H

#include <stdatomic.h>

#include "volume/volume.h"

/* Plan a study anew. Nothing in a header makes this fail but want of memory; what cannot be
 * stacked is a volume of its own, what cannot be a volume is a problem. */
int plan_study(struct catalog *catalog, const struct study *study, struct files *files,
	struct volume_set **out, struct err *err);

/* Plans, remembered by study and version; single flight; bounded. Those that were made while a
 * header could not be read serve until plans_retry() has better ones. */
struct plans;
int plans_new(struct files *files, struct plans **out, struct err *err);
void plans_free(struct plans *p);
/* A reference of the caller's (volume_set_put). */
int plans_get(struct plans *p, struct catalog *catalog, const struct study *study,
	struct volume_set **out, struct err *err);
/* Plan those again, once `stop` is true no more of them: all, or where it is time to, which is ever
 * more rarely while that comes to nothing. *changed becomes true where a plan is another now. */
void plans_retry(struct plans *p, struct catalog *newest, bool all, const _Atomic bool *stop,
	bool *changed);
/* In how many milliseconds it is; -1: none of them lacks a header. */
int64_t plans_waits_ms(struct plans *p);

#endif
