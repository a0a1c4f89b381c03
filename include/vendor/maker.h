/* SPDX-License-Identifier: MIT */
/*
 * What a maker's file provides, and how it asks a header: the inside of this layer.
 * A view is one frame of one header; its questions are answered from the frame's
 * functional groups, the shared ones, or the data set (dicom/groups.h).
 */
#ifndef VENDOR_MAKER_H
#define VENDOR_MAKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vendor/vendor.h"

struct err;
struct keys;

struct view {
	const struct dcm_header *h;
	uint32_t frame;
	struct arena *a;
};

struct maker {
	const char *name;                       /* as sidecars have it */
	const char *const *begins;              /* of (0008,0070), upper case; ends in NULL */
	/* Add to the facts that the public attributes gave. May be NULL. -ENOMEM alone. */
	int (*facts)(const struct view *v, struct facts *out, struct err *err);
	/* Add and correct what a sidecar says. May be NULL. -ENOMEM alone. */
	int (*sidecar)(const struct sidecar_input *in, struct keys *out, struct err *err);
};

extern const struct maker maker_siemens, maker_ge, maker_philips, maker_uih, maker_canon, maker_toshiba;
extern const struct maker maker_bruker, maker_hitachi, maker_mediso, maker_mrsolutions, maker_hyperfine;

/* The maker of a header, or NULL. */
const struct maker *maker_of(const struct dcm_header *h);

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
/* All values as text in the arena, or NULL. */
const char *view_text(const struct view *v, uint32_t tag);
/* Does the value of this tag contain that text? */
bool view_has(const struct view *v, uint32_t tag, const char *part);

const struct dcm_node *view_private(const struct view *v, const struct private_place *p);
double view_private_number(const struct view *v, const struct private_place *p, uint32_t i);
bool view_private_numbers(const struct view *v, const struct private_place *p, double *out, uint32_t n);
const char *view_private_text(const struct view *v, const struct private_place *p);
/* The bytes of a long binary value, in the arena where they had to be read; NULL where there are none. */
const uint8_t *view_bytes(const struct view *v, const struct dcm_node *n, size_t *len);

#endif
