/* SPDX-License-Identifier: MIT */
/* What a view sees: one immutable picture of the archive and the means to read it. Private to view/. */
#ifndef VIEW_SNAPSHOT_H
#define VIEW_SNAPSHOT_H

#include "index/catalog.h"
#include "index/files.h"
#include "view/world.h"
#include "volume/framecache.h"
#include "volume/plan.h"
#include "volume/volume.h"

/* Which instances are shown: a bit for each instance id. */
struct filter {
	uint32_t n_ids;
	const uint64_t *bits;
};

struct snapshot {
	struct world *world;
	struct catalog *catalog;             /* a reference */
	struct files *files;
	struct plans *plans;
	struct volume_reader reader;
	const struct filter *filter;         /* NULL: everything; borrowed */
	_Atomic unsigned refs;
};

bool filter_has(const struct filter *f, const struct instance *in);      /* true where f is NULL */
bool filter_has_series(const struct filter *f, const struct series *s);
bool filter_has_study(const struct filter *f, const struct study *s);
bool filter_has_patient(const struct filter *f, const struct patient *p);
bool filter_has_volume(const struct filter *f, const struct volume *v);

#endif
