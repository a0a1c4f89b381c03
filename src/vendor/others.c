/* SPDX-License-Identifier: MIT */
/* Makers whose public attributes say all that we know of them. */
#include "vendor/maker.h"

static const char *const bruker[] = { "BRUKER", NULL };
static const char *const hitachi[] = { "HITACHI", NULL };
static const char *const mediso[] = { "MEDISO", NULL };
static const char *const mrsolutions[] = { "MR SOLUTIONS", "MRSOLUTIONS", NULL };
static const char *const hyperfine[] = { "HYPERFINE", NULL };

const struct maker maker_bruker = { "Bruker", bruker, NULL, NULL, NULL };
const struct maker maker_hitachi = { "Hitachi", hitachi, NULL, NULL, NULL };
const struct maker maker_mediso = { "Mediso", mediso, NULL, NULL, NULL };
const struct maker maker_mrsolutions = { "MRSolutions", mrsolutions, NULL, NULL, NULL };
const struct maker maker_hyperfine = { "Hyperfine", hyperfine, NULL, NULL, NULL };
