/* SPDX-License-Identifier: MIT */
/*
 * The archive as one immutable picture: patients, studies, series, instances,
 * each with the name it has in every view. A refresh makes a new catalog that
 * shares the series that did not change. Reference counted; any thread may read.
 */
#ifndef INDEX_CATALOG_H
#define INDEX_CATALOG_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "index/instance.h"

struct err;

/* Instances with one SeriesInstanceUID and one SeriesNumber. */
struct series {           /* one block of memory, names included */
	uint32_t id;      /* never reused */
	uint32_t version; /* rises when its instances change */
	const char *name; /* as shown: SERIES of the product page, unique in its study */
	const char *uid;  /* may be NULL */
	int32_t number;
	struct instance **instances; /* sorted by (number, sop_uid, path): one per SOP instance */
	const char **instance_names; /* as shown, without ending; unique in the series */
	uint32_t n_instances;
	int64_t mtime_ns; /* the newest of its files */
	const char *key;  /* what it is; for the next catalog */
	_Atomic unsigned refs;
};

struct study {
	uint32_t id, version; /* version rises when any of its series changes */
	const char *name, *uid;
	struct series **series; /* sorted by (number, uid) */
	uint32_t n_series;
	int64_t mtime_ns;
	struct patient *patient;
	const char *key;
};

struct patient {
	uint32_t id, version;
	const char *name;
	struct study **studies; /* sorted by name */
	uint32_t n_studies;
	int64_t mtime_ns;
	const char *key;
};

/* A file below SOURCE that gave no instance, or gave one with something wrong. */
struct file_problem {
	const char *path;
	uint64_t off;
	const char *text;
};

struct catalog {
	uint64_t gen;              /* counts refreshes */
	struct patient **patients; /* sorted by name */
	uint32_t n_patients;
	uint32_t n_studies, n_series, n_instances;
	uint32_t n_files;      /* seen */
	uint32_t n_not_dicom;  /* skipped as not DICOM */
	uint32_t n_duplicates; /* equal files of one instance */
	struct file_problem *problems;
	uint32_t n_problems;
	int64_t mtime_ns;
	uint32_t n_ids;                    /* the ids of instances are less */
	struct instance **instances_by_id; /* all n_instances of them, ids ascending */
	/* private to the index below: the rest once more, by id, and the ids that come next */
	uint32_t next_patient, next_study, next_series;
	struct patient **patients_by_id;
	struct study **studies_by_id;
	struct series **series_by_id;
	struct study **study_of; /* beside series_by_id */
	struct arena arena;
	_Atomic unsigned refs;
};

struct catalog *catalog_get(struct catalog *c); /* one reference more */
void catalog_put(struct catalog *c);            /* NULL is fine */

/* One reference more to a series, which then outlives the catalog. */
struct series *series_get(struct series *s);
void series_put(struct series *s); /* NULL is fine */

/* By id; NULL: not in this catalog. */
struct instance *catalog_instance(const struct catalog *c, uint32_t id);
const struct series *catalog_series(const struct catalog *c, uint32_t id);
const struct study *catalog_study(const struct catalog *c, uint32_t id);
const struct patient *catalog_patient(const struct catalog *c, uint32_t id);
/* The study that a series is in. */
const struct study *catalog_study_of(const struct catalog *c, const struct series *s);

#endif
