/* SPDX-License-Identifier: MIT */
/* The editor that -o edit=, deidentify and key= ask for. */
#ifndef MAIN_EDITING_H
#define MAIN_EDITING_H

#include <stdbool.h>

#include "main/options.h"

struct editor;
struct err;

/* -EINVAL: words that cannot be understood. */
int editing_check(const struct options *o, struct err *err);
/* *out is NULL where nothing is asked for; *only: no other view than edited/ is shown. -EINVAL:
 * rules that cannot be understood; other errors: a file that cannot be read. */
int editing_new(const struct options *o, struct editor **out, bool *only, struct err *err);

#endif
