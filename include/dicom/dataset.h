/* SPDX-License-Identifier: MIT */
/*
 * A whole header in memory: the tree that sidecars, dumps, JSON, edits and the
 * enhanced multi-frame planner ask. Everything lives in one arena; lookups are
 * binary searches where the file is in order, scans where it is not. Immutable
 * once read, so any thread may ask.
 */
#ifndef DICOM_DATASET_H
#define DICOM_DATASET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "dicom/dict.h"
#include "dicom/reader.h"

struct charset;
struct dcm_dataset;

struct dcm_node {
	struct dcm_elem el;
	const uint8_t *value;      /* el.len bytes; NULL: none, or left in the file */
	struct dcm_dataset *items; /* n_items of them, for a sequence */
	uint32_t n_items;
	uint32_t n_fragments; /* of encapsulated pixel data, its offset table aside */
	uint64_t fragment_bytes;
	uint64_t fragments_end; /* encapsulated pixels: the offset behind their delimiter */
	const char *creator;    /* private elements: the creator's text; else NULL */
};

struct dcm_dataset {
	struct dcm_node *nodes; /* in file order */
	uint32_t n_nodes;
	bool sorted;                      /* tags ascend: look up by bisection */
	const struct dcm_dataset *parent; /* of an item: the data set that the sequence is in */
	const struct charset *charset;    /* its own (0008,0005), or its parent's; never NULL */
};

/* A file's header: meta information and data set. */
struct dcm_header {
	struct arena arena;
	struct dcm_node *nodes;  /* of the two data sets */
	struct dcm_dataset meta; /* group 0002; empty where there is none */
	struct dcm_dataset top;
	struct dcm_file file; /* the source stays open for values not loaded */
	struct dcm_problem problems[DCM_MAX_PROBLEMS];
	unsigned n_problems;             /* may exceed what is kept */
	uint64_t pixels_off, pixels_len; /* the top-level pixel element; pixels_off 0: none */
	uint32_t pixels_tag; /* (7fe0,0010), (7fe0,0008), (7fe0,0009), or a private one */
	uint16_t pixels_vr;
};

enum dcm_load {
	DCM_LOAD_ALL,           /* to the end of the file, elements behind the pixels too */
	DCM_LOAD_BEFORE_PIXELS, /* stop where the top-level pixel data begins: it has no node */
};

/* Read a header; values longer than max_value bytes (0: DCM_LAZY_VALUE) that are not text stay in
 * the file. Pixel data is never loaded. Takes the source (also on error). Damage is no error: what
 * could be read is there, the rest is in `problems`. -EPROTO: not DICOM. */
int dcm_header_read(struct dcm_source *source /* taken */, enum dcm_load load, size_t max_value,
	struct dcm_header **out, struct err *err);
void dcm_header_free(struct dcm_header *h); /* NULL is fine */

/* Is n the top-level pixel element? */
bool dcm_header_is_pixels(const struct dcm_header *h, const struct dcm_node *n);

/* The el.len bytes of a node, read from the file where they were left there: *value is borrowed
 * from h, or mem_alloc()ed and the caller's where *owned is set. -EFBIG past DCM_MAX_VALUE,
 * -EBADMSG for what has no value (sequences, encapsulated pixel data). */
int dcm_header_load(const struct dcm_header *h, const struct dcm_node *n, const uint8_t **value,
	bool *owned, struct err *err);

/* The first element with this tag, or NULL. */
const struct dcm_node *dcm_get(const struct dcm_dataset *ds, uint32_t tag);
/* A private element by creator (a prefix of its text) and low byte: dcm_get_private(ds, 0x2005,
 * "Philips MR Imaging DD 001", 0x0E). Where no creator is left in the data set, block 10 is
 * taken. */
const struct dcm_node *dcm_get_private(const struct dcm_dataset *ds, uint16_t group,
	const char *creator, uint8_t low);
/* Item i (from 0) of a sequence; NULL where there is none (node NULL too). */
const struct dcm_dataset *dcm_item(const struct dcm_node *n, uint32_t i);
/* The first item of the sequence `seq` in ds; NULL where there is none. */
const struct dcm_dataset *dcm_first_item(const struct dcm_dataset *ds, uint32_t seq);
/* The first element with this tag anywhere in the tree below ds, depth first; NULL. */
const struct dcm_node *dcm_find_deep(const struct dcm_dataset *ds, uint32_t tag);

#endif
