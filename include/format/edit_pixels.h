/* SPDX-License-Identifier: MIT */
/* What becomes of the pixels of a file that is edited: nothing, but that they are to be found in the
 * new one. Private to format/. */
#ifndef FORMAT_EDIT_PIXELS_H
#define FORMAT_EDIT_PIXELS_H

#include <stdbool.h>

#include "format/part10.h"

/* Set in plan the transfer syntax and the order of bytes that h's pixels are written with. `cut`: native
 * ones end with the last frame, and what is behind it is not written. */
void edit_pixels_plan(struct dcm_header *h, bool cut, struct part10_plan *plan);
/* Why the pixels may show what the header does not tell any more (PS3.15 E.3.1); NULL: nothing says
 * so. */
const char *edit_pixels_suspicion(const struct dcm_header *h);

#endif
