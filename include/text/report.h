/* SPDX-License-Identifier: MIT */
/*
 * What .dcmfs/ tells of a mount: its state as JSON, and tables with a line a
 * thing, tab-separated, first line the columns' names. Values are UTF-8 in which tabs
 * and line breaks are blanks; an absent value is empty.
 */
#ifndef TEXT_REPORT_H
#define TEXT_REPORT_H

#include <stdbool.h>

#include "index/catalog.h"
#include "volume/framecache.h"
#include "volume/plan.h"

struct buf;
struct err;

/* Append where a thing lies below a view, where the mount has a layout of its own. False: nowhere. */
struct report_layout {
	bool (*series)(void *arg, const struct instance *first, struct buf *out);
	bool (*instance)(void *arg, const struct instance *in, struct buf *out);
	bool (*volume)(void *arg, const struct volume *v, struct buf *out);
	void *arg;
};

struct report {
	const struct report_layout *layout; /* NULL: PATIENT/STUDY/SERIES */
	struct catalog *catalog;
	struct files *files;
	struct plans *plans;
	struct framecache *cache;
	/* The i-th view that cannot show the volume, and why; NULL: no more of them. NULL: all
	 * views can. */
	const char *(*refused)(const struct volume *v, unsigned i, const char **why);
	/* The view that cannot show the instance, and why; NULL: all can. NULL as well. */
	const char *(*refused_instance)(const struct instance *in, const char **why);
};

typedef int (*report_render)(const struct report *r, struct buf *out, struct err *err);

int report_status(const struct report *r, struct buf *out, struct err *err);
int report_problems(const struct report *r, struct buf *out, struct err *err);
int report_log(const struct report *r, struct buf *out, struct err *err);
int report_instances(const struct report *r, struct buf *out, struct err *err);
int report_series(const struct report *r, struct buf *out, struct err *err);
int report_volumes(const struct report *r, struct buf *out, struct err *err);
int report_slices(const struct report *r, struct buf *out, struct err *err);

#endif
