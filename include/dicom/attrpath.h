/* SPDX-License-Identifier: MIT */
/*
 * Attributes by name: "EchoTime", nested "ProcedureCodeSequence[1].CodeMeaning", items counted from
 * 1. What by/, extended attributes, layouts and rules of editing call attributes by.
 */
#ifndef DICOM_ATTRPATH_H
#define DICOM_ATTRPATH_H

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct dcm_header;
struct dcm_node;
struct dcm_dataset;

#define ATTRPATH_MAX_STEPS 8u
#define ATTRPATH_ANY_ITEM UINT32_MAX /* "Seq[*].Keyword" */

/* Steps to the attribute: a tag, and which item of it the next one is in; item 0: the last step. */
struct attrpath {
	struct attrpath_step {
		uint32_t tag, item;
	} steps[ATTRPATH_MAX_STEPS];
	unsigned n_steps;
};

/* False: the dictionary has no such keyword, or it is no path. */
bool attrpath_parse(const char *text, struct attrpath *out);
/* Is n of ds the attribute that the path leads to, or one of them? */
bool attrpath_matches(const struct attrpath *p, const struct dcm_dataset *ds,
	const struct dcm_node *n);
/* Append the values (of any item the first), UTF-8, joined by backslashes: text trimmed, numbers in
 * their shortest form. Nothing where the attribute is absent, empty, a sequence or binary. */
void attrpath_render(const struct attrpath *p, const struct dcm_header *h, struct buf *out);
/* The same of one element of ds. */
void attrpath_render_node(const struct dcm_dataset *ds, const struct dcm_node *n, struct buf *out);

#endif
