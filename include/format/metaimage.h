/* SPDX-License-Identifier: MIT */
/* MetaImage in one file (.mha): a text header with ITK's space, x to the left, y to the back, z up,
 * and the voxels behind it. It has no scaling: slope and intercept are applied. */
#ifndef FORMAT_METAIMAGE_H
#define FORMAT_METAIMAGE_H

struct buf;
struct err;
struct volume;

int metaimage_header(const struct volume *v, struct buf *out, struct err *err);

#endif
