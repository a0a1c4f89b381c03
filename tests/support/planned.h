/* SPDX-License-Identifier: MIT */
/*
 * Made-up series and the volumes that they make: an archive, its images as a test
 * describes them, and the plan of its one study.
 */
#ifndef TESTS_SUPPORT_PLANNED_H
#define TESTS_SUPPORT_PLANNED_H

#include "support/archive.h"
#include "volume/plan.h"

struct planned {
	struct archive archive;
	struct volume_set *set; /* of the first study, after planned_plan() */
	unsigned n_files;
};

/* One image. 0 is left out of the file but where it is said. */
struct planned_image {
	const char *file; /* name; "f<count>" */
	const char *modality, *maker, *image_type, *syntax;
	const char *sop_class; /* MR Image Storage */
	int series, number;    /* 1; as it is, below 0 left out */
	int rows, cols;
	double at[3];              /* ImagePositionPatient, also 0 */
	const double *orientation; /* the identity */
	bool nowhere;              /* neither position nor orientation */
	double te, tr, slope;
	int echo;
	const char *time, *acquisition_type, *coil;
	const char *spacing; /* "2\\2" */
	int uid; /* tells SOP instances with one number apart */
	bool is_signed, no_spacing;
	void (*more)(struct gen *g, void *arg); /* further elements */
	void *arg;
};

void planned_begin(struct planned *p);
void planned_end(struct planned *p);
void planned_image(struct planned *p, const struct planned_image *i);
/* Scan and plan. */
void planned_plan(struct planned *p);
/* The volume whose suffix this is; NULL: none. */
const struct volume *planned_volume(const struct planned *p, const char *suffix);
/* Names of all volumes, sorted, blanks between; valid until the next call. */
const char *planned_names(const struct planned *p);

#endif
