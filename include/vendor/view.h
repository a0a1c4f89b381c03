/* SPDX-License-Identifier: MIT */
/*
 * Questions to one frame of one header: answered from the frame's functional groups, the
 * shared ones, or the data set (dicom/groups.h).
 */
#ifndef VENDOR_VIEW_H
#define VENDOR_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dicom/dataset.h"

struct view {
	const struct dcm_header *h;
	uint32_t frame;
	struct arena *a;
};

/* A private element's place: what its creator begins with, group, low byte. */
struct private_place {
	const char *creator;
	uint16_t group;
	uint8_t low;
};

/* Value i as a number; NAN where there is none. */
double view_number(const struct view *v, uint32_t tag, uint32_t i);
/* The first n values; false (and out untouched) where they are fewer. */
bool view_numbers(const struct view *v, uint32_t tag, double *out, uint32_t n);
/* (0018,1310): frequency rows, frequency columns, phase rows, phase columns; false where there are
 * not four numbers (a text of many digits, written as binary numbers, is no matrix). */
bool view_acquisition_matrix(const struct view *v, double out[4]);
/* All values as text in the arena, or NULL. */
const char *view_text(const struct view *v, uint32_t tag);
/* Does the value of this tag contain that text? */
bool view_has(const struct view *v, uint32_t tag, const char *part);

const struct dcm_node *view_private(const struct view *v, const struct private_place *p);
double view_private_number(const struct view *v, const struct private_place *p, uint32_t i);
bool view_private_numbers(const struct view *v, const struct private_place *p, double *out,
	uint32_t n);
const char *view_private_text(const struct view *v, const struct private_place *p);
/* The bytes of a long binary value, in the arena where they had to be read; NULL where there
 * are none. */
const uint8_t *view_bytes(const struct view *v, const struct dcm_node *n, size_t *len);

#endif
