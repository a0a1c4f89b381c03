/* SPDX-License-Identifier: MIT */
/* What the two files of this maker share: its headers, read once. */
#ifndef SRC_VENDOR_SIEMENS_H
#define SRC_VENDOR_SIEMENS_H

#include "vendor/csa.h"
#include "vendor/maker.h"
#include "vendor/protocol.h"

/* The CSA header of the image; no fields where there is none. */
int siemens_image_csa(const struct view *v, struct csa *out, struct err *err);
/* The scan protocol: in the CSA header of the series, or since XA in (0021,1019); no lines where there is
 * none. */
int siemens_protocol(const struct view *v, struct protocol *out, struct err *err);
/* "p2 s4" of (0051,1011), since XA (0021,1009): the number behind a letter, 0 where it is not there. */
uint32_t siemens_acceleration(const struct view *v, char letter);
/* MosaicRefAcqTimes or (0019,1029), ms, in the arena; *n 0: none. */
const double *siemens_mosaic_times(const struct view *v, const struct csa *csa, uint32_t *n);

int siemens_sidecar(const struct sidecar_input *in, struct keys *out, struct err *err);

#endif
