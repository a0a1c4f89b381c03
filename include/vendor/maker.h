/* SPDX-License-Identifier: MIT */
/* What a maker's file provides: the inside of this layer. */
#ifndef VENDOR_MAKER_H
#define VENDOR_MAKER_H

#include "vendor/vendor.h"
#include "vendor/view.h"

struct err;
struct keys;

struct maker {
	const char *name;          /* as sidecars have it */
	const char *const *begins; /* of (0008,0070), upper case; ends in NULL */
	const char *const
		*creators; /* begins of private creators that are its alone; may be NULL */
	/* Add to the facts that the public attributes gave. May be NULL. -ENOMEM alone. */
	int (*facts)(const struct view *v, struct facts *out, struct err *err);
	/* Add and correct what a sidecar says. May be NULL. -ENOMEM alone. */
	int (*sidecar)(const struct sidecar_input *in, struct keys *out, struct err *err);
};

extern const struct maker maker_siemens, maker_ge, maker_philips, maker_uih, maker_canon,
	maker_toshiba;
extern const struct maker maker_bruker, maker_hitachi, maker_mediso, maker_mrsolutions,
	maker_hyperfine;

/* Whose name in (0008,0070) that is; NULL: nobody's that we know. */
const struct maker *maker_named(const char *name, size_t len);

/* The maker of a header, by its name or, where that was taken out, by its private elements;
 * NULL. */
const struct maker *maker_of(const struct dcm_header *h);

#endif
