/* SPDX-License-Identifier: MIT */
/* What this maker's files share. */
#ifndef SRC_VENDOR_GE_H
#define SRC_VENDOR_GE_H

#include "vendor/maker.h"
#include "vendor/protocol.h"

/* The protocol block (0025,101B); no lines where there is none. */
int ge_protocol(const struct view *v, struct protocol *out, struct err *err);
/* Seconds between a volume's last slice and the next volume, where the protocol is multi-phase; 0. */
double ge_multiphase_delay_s(const struct protocol *p, struct arena *a);
/* Is this word among the imaging options, IOPT "EDR, DIFF, ..."? */
bool ge_option(const struct protocol *p, const char *word, struct arena *a);

int ge_sidecar(const struct sidecar_input *in, struct keys *out, struct err *err);

#endif
