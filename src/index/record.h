/* SPDX-License-Identifier: MIT */
/* What one file's elements are collected in, and what follows from them when all are there. */
#ifndef INDEX_RECORD_H
#define INDEX_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "dicom/reader.h"
#include "index/instance.h"
#include "vendor/private_tags.h"

struct dcm_node;

#define RECORD_UID_CAP 132u /* twice what a UID may have */

struct record {
	struct attributes attr;
	struct instance in;
	const char *meta_class;
	char sop_uid[RECORD_UID_CAP], meta_uid[RECORD_UID_CAP];
	double datetime; /* time of (0008,002a) */
	double imager_spacing[2], nominal_spacing[2];
	int32_t locations_public, locations_pet, locations_private;
	int32_t n_frames;
	struct dcm_elem pixels; /* off 0: none */
	bool is_dicomdir;
};

/* Everything absent. */
void record_clear(struct record *rec);
/* A private element of the table that tells this. */
void record_take_fact(struct record *rec, enum private_fact fact, const struct dcm_node *n);
/* One thing in place of another, and what the standard's readers assume where nothing is said;
 * all but the transfer syntax. */
void record_finish(struct record *rec, const struct dcm_file *file);
bool record_is_dicomdir(const struct record *rec);

#endif
