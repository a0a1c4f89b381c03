/* SPDX-License-Identifier: MIT */
/*
 * NRRD in one file (.nrrd): a text header, an empty line, the voxels. Space is RAS. It has no
 * scaling: slope and intercept are applied. Diffusion gradients are key/value pairs in the way that
 * 3D Slicer reads them (modality, DWMRI_b-value, DWMRI_gradient_NNNN).
 */
#ifndef FORMAT_NRRD_H
#define FORMAT_NRRD_H

struct buf;
struct err;
struct volume;

int nrrd_header(const struct volume *v, struct buf *out, struct err *err);

#endif
