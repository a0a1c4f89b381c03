/* SPDX-License-Identifier: MIT */
/*
 * Is a piece of work still wanted? Who asked for it may have gone meanwhile. Work of many steps
 * (frames, blocks) asks between them, and ends with -EINTR; what it made so far may be kept, but no
 * one else is told of that error: who waits for the same then does it for himself.
 *
 * One of these belongs to one request; it is asked by one thread at a time.
 */
#ifndef BASE_STOP_H
#define BASE_STOP_H

#include <stdbool.h>

struct err;

struct stop {
	/* Shall it end, since nobody wants it? Once true, true for ever. Cheap: for every slice. */
	bool (*shall_end)(struct stop *s);
};

/* 0, or -EINTR where it is to stop. NULL: it never is. */
int stop_check(struct stop *s, struct err *err);

#endif
