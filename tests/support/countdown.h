/* SPDX-License-Identifier: MIT */
/* Work that is not wanted any more once it has asked so often. */
#ifndef SUPPORT_COUNTDOWN_H
#define SUPPORT_COUNTDOWN_H

#include "base/stop.h"

struct countdown {
	struct stop stop; /* first */
	unsigned left;    /* the how-manieth question is answered with yes; then all of them */
	unsigned n_asked;
};

static inline bool countdown_is_over(struct stop *s)
{
	struct countdown *c = (struct countdown *)s;

	c->n_asked++;
	return c->left <= 1 || --c->left == 0;
}

#define COUNTDOWN(n)                                                                               \
	{                                                                                          \
		.stop = { countdown_is_over }, .left = (n)                                         \
	}

#endif
