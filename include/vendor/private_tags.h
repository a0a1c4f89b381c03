/* SPDX-License-Identifier: MIT */
/*
 * The plain private elements that grouping and order need, so that the index has
 * them from its one pass over a file: which creator's, which number, what it is
 * for. What takes more than reading a number is vendor_facts()'s.
 */
#ifndef VENDOR_PRIVATE_TAGS_H
#define VENDOR_PRIVATE_TAGS_H

#include <stddef.h>
#include <stdint.h>

/* What an element tells; where several of one file tell the same, the rule is beside it. */
enum private_fact {
	PRIVATE_VOLUME,       /* which volume of the series the image is of, from 1: the greatest */
	PRIVATE_PHASE,        /* which phase, from 1: the greatest */
	PRIVATE_VOLUME_ALONE, /* which volume, whatever the two above say: the phase is 0 then */
	/* GE: a sequence whose name has "epi_pepolar" changes the polarity of its phase encoding. */
	PRIVATE_PEPOLAR,
	/* GE: 0 forward, 1 reverse, 2 reverse and forward by turns, 3 forward and reverse. */
	PRIVATE_PEPOLAR_MODE,
	PRIVATE_LABEL,      /* arterial spin labelling: LABEL or CONTROL */
	PRIVATE_LOCATIONS,  /* slice positions in the acquisition: the first */
	PRIVATE_IMAGE_PART, /* GE: 0 magnitude, 1 phase, 2 real, 3 imaginary */
	/* GE: the sequence's name; "B0map" makes a field map, then its magnitude. */
	PRIVATE_FIELD_MAP,
	PRIVATE_TILES,         /* images in a mosaic or a grid */
	PRIVATE_B_VALUE,       /* s/mm2; the public one goes before it */
	PRIVATE_B_VALUE_MOD,   /* the same, modulo 10^9 */
	PRIVATE_B_VALUE_FIRST, /* the same; it goes before the public one */
};

struct private_tag {
	const char *creator; /* prefix of the creator's text */
	uint16_t group;
	uint8_t low; /* low byte of the element number */
	enum private_fact fact;
};

/* The table; *n is how many. Ascending by group. */
const struct private_tag *private_tags(size_t *n);

#endif
