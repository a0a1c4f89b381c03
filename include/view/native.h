/* SPDX-License-Identifier: MIT */
/* What native/ cannot show. Private to view/. */
#ifndef VIEW_NATIVE_H
#define VIEW_NATIVE_H

#include <stdbool.h>

struct instance;

/* Can the instance be written without compression? false, and a reason for problems.tsv: it is not
 * listed. */
bool native_holds(const struct instance *in, const char **why);

#endif
