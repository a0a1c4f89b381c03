/* SPDX-License-Identifier: MIT */
/* What a view sees: one immutable picture of the archive and the means to read it. Private to
 * view/. */
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
	uint64_t key; /* of what they meet: the same one in any catalog */
	uint32_t n_ids;
	uint64_t *bits;
};

struct keywords;
struct layout;
struct selections;
struct summaries;

struct snapshot {
	struct world *world;
	struct keywords *keywords;
	struct selections *selections;
	struct summaries *summaries;
	struct layout *layout;   /* NULL: PATIENT/STUDY/SERIES */
	struct catalog *catalog; /* a reference */
	struct files *files;
	struct plans *plans;
	struct volume_reader reader;
	bool is_edited;              /* files are others than those of SOURCE */
	const struct filter *filter; /* NULL: everything; else `own` */
	struct filter own;           /* its bits are mem_alloc()ed */
	_Atomic unsigned refs;
};

/* The same picture, but only of the instances whose bit is set. filter->bits: taken, also on
 * error. */
int snapshot_filtered(const struct snapshot *base, const struct filter *filter /* taken */,
	struct snapshot **out, struct err *err);

extern const struct view view_by;

/* The reader for one request, which ends when `stop` (may be NULL) says so. */
static inline struct volume_reader snapshot_reader(const struct snapshot *s, struct stop *stop)
{
	struct volume_reader r = s->reader;

	r.stop = stop;
	return r;
}

/* The editor of the world, or NULL. */
struct editor;
struct editor *snapshot_editor(const struct snapshot *s);

bool filter_has(const struct filter *f, const struct instance *in); /* true where f is NULL */
bool filter_has_series(const struct filter *f, const struct series *s);
bool filter_has_study(const struct filter *f, const struct study *s);
bool filter_has_patient(const struct filter *f, const struct patient *p);
bool filter_has_volume(const struct filter *f, const struct volume *v);

#endif
