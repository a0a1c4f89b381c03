/* SPDX-License-Identifier: MIT */
/*
 * Summaries of folders that grow while their headers are read. Who greps a folder reads each
 * instance's dump in order and then SERIES.txt (FOLDER.txt of a layout), which is made of the same
 * headers: a summary that took the lines along need not read them again. The last few are kept,
 * bounded by bytes. Safe from any thread: one that is taken is the taker's alone. Private to view/.
 */
#ifndef VIEW_SUMMARIES_H
#define VIEW_SUMMARIES_H

#include <stdint.h>

#include "vfs/view.h"

struct dump_series;
struct err;
struct summaries;

/* The first n_added instances of a folder, in its order. */
struct summary {
	struct view_key of; /* kind, a and b say which; one of another version is of no use */
	uint32_t n_added;
	struct dump_series *sum; /* NULL: there is none */
};

int summaries_new(struct summaries **out, struct err *err);
void summaries_free(struct summaries *s); /* NULL is fine */

/* Take what there is of a folder; sum NULL and n_added 0 where there is nothing. */
void summaries_take(struct summaries *s, const struct view_key *of, struct summary *out);
/* Give back the memory of all. */
void summaries_drop(struct summaries *s);
/* Keep it, or free it where there is no room. */
void summaries_give(struct summaries *s, const struct summary *x);

#endif
