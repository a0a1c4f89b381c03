/* SPDX-License-Identifier: MIT */
/* What this maker's files share. */
#ifndef SRC_VENDOR_SIEMENS_H
#define SRC_VENDOR_SIEMENS_H

#include "vendor/csa.h"
#include "vendor/maker.h"
#include "vendor/protocol.h"

#define SIEMENS_US 1e-6 /* protocols count microseconds */

/* The CSA header of the image; no fields where there is none. */
int siemens_image_csa(const struct view *v, struct csa *out, struct err *err);
/* The scan protocol: in the CSA header of the series, or since XA in (0021,1019); no lines
 * where there is none. */
int siemens_protocol(const struct view *v, struct protocol *out, struct err *err);
/* "p2 s4" of (0051,1011), since XA (0021,1009): the number behind a letter, 0 where it is not
 * there. */
uint32_t siemens_acceleration(const struct view *v, char letter);
/* MosaicRefAcqTimes or (0019,1029), ms, in the arena; *n 0: none. */
const double *siemens_mosaic_times(const struct view *v, const struct csa *csa, uint32_t *n);

/* What the functions of a sidecar work with. */
struct siemens {
	const struct sidecar_input *in;
	struct view v;
	struct csa csa;
	struct protocol p;
	struct keys *out;
};

/* An entry of the protocol as a number, and number i of its array `name`; NAN. */
double siemens_entry(const struct siemens *w, const char *key);
double siemens_element(const struct siemens *w, const char *name, unsigned i);
/* Spin labelling's keys, by the sequence that KEY_PulseSequenceDetails names. */
void siemens_spin_labelling(const struct siemens *w);
int siemens_sidecar(const struct sidecar_input *in, struct keys *out, struct err *err);

#endif
