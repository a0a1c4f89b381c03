/* SPDX-License-Identifier: MIT */
/* The generated tables, and the short words that they are written in. For dict.c alone. */
#ifndef DICT_TABLES_H
#define DICT_TABLES_H

#include "dicom/dict.h"

/* An entry; A: its VR is ambiguous, R: retired. */
/* clang-format off */
#define E(tag, vr, vm, keyword) { tag, DCM_VR_##vr, false, false, vm, keyword }
#define EA(tag, vr, vm, keyword) { tag, DCM_VR_##vr, true, false, vm, keyword }
#define ER(tag, vr, vm, keyword) { tag, DCM_VR_##vr, false, true, vm, keyword }
#define EAR(tag, vr, vm, keyword) { tag, DCM_VR_##vr, true, true, vm, keyword }
/* clang-format on */

struct dict_range {
	uint32_t mask; /* the bits of a tag that entry.tag decides */
	struct dcm_dict_entry entry;
};

struct dict_creator {
	const char *name;
	uint16_t first, n; /* of dict_private */
};

struct dict_uid {
	const char *uid, *name;
};

extern const struct dcm_dict_entry dict_public[];
extern const size_t dict_n_public;
extern const struct dict_range dict_ranges[];
extern const size_t dict_n_ranges;
extern const uint16_t dict_by_keyword[];
extern const size_t dict_n_keywords;
extern const struct dict_creator dict_creators[];
extern const size_t dict_n_creators;
extern const struct dcm_dict_entry dict_private[];
extern const struct dict_uid dict_uids[];
extern const size_t dict_n_uids;

#endif
