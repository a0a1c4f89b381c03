/* SPDX-License-Identifier: MIT */
/*
 * The images of a group while they are put in order, and what is set apart before that: images that are
 * there twice, and planes that have few. Private to volume/order.c and order_apart.c.
 */
#ifndef VOLUME_ORDER_ITEM_H
#define VOLUME_ORDER_ITEM_H

#include <stdbool.h>
#include <stdint.h>

#include "volume/planning.h"

struct order_item {
	struct plan_image *im;
	double along;  /* mm along the normal */
	double key;    /* of time; NAN: not numbered */
	uint32_t rank; /* in the order of acquisition */
	uint32_t plane, time;
	uint32_t copy; /* 0, or the how manieth it is of those that claim to be one image */
	bool taken;
};

/* NAN is behind all others. */
int order_compare_number(double a, double b);
int order_compare_rank(const struct order_item *x, const struct order_item *y);

/* Two files that claim one number and time. */
bool order_claim_the_same(const struct instance *x, const struct instance *y);
/* One InstanceNumber for images of other places or times, as some exporters write, is nobody's. */
bool order_share_a_number(const struct instance *x, const struct instance *y, bool elsewhere);

/* items are in the order of acquisition, and what is in front stays so: what is there once. Its
 * number is returned; behind it are the second ones of all, the third ones ... */
uint32_t order_set_duplicates_apart(struct order_item *items, uint32_t n, struct order_item *spare,
	struct order_item **scratch);
/* Images of stray planes behind the others; *n_kept: how many these are. Planes that would leave a
 * hole are no strays: images are missing there. False: no memory. */
bool order_set_strays_apart(struct planner *p, struct order_item *items, uint32_t n,
	uint32_t n_planes, struct order_item *spare, uint32_t *n_kept);

#endif
