/* SPDX-License-Identifier: MIT */
/* Work that nobody waits for any more: see base/stop.h. */
#include "base/stop.h"

#include <errno.h>

#include "base/err.h"

int stop_check(struct stop *s, struct err *err)
{
	if (!s || !s->shall_end(s))
		return 0;
	return err_set(err, -EINTR, "nobody waits for it any more");
}
