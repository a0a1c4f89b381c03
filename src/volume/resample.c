/* SPDX-License-Identifier: MIT */
/* Voxels of derived volumes: see volume/resample.h. */
#include "volume/resample.h"

#include <errno.h>

#include "base/err.h"

int resample_plane(const struct volume *v, const struct volume_reader *r, uint32_t plane, uint32_t t, uint8_t *out,
	size_t len, struct err *err)
{
	(void)v, (void)r, (void)plane, (void)t, (void)out, (void)len;
	return err_set(err, -ENOTSUP, "not implemented");
}
