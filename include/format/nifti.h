/* SPDX-License-Identifier: MIT */
/*
 * NIfTI single files: the bytes before the voxels. NIfTI-1 (348 bytes and the extension flag: voxels
 * at 352), or NIfTI-2 (540 and the flag: voxels at 544) where a dimension is more than 32767.
 */
#ifndef FORMAT_NIFTI_H
#define FORMAT_NIFTI_H

struct buf;
struct err;
struct volume;

/* Append all bytes that come before the voxels. */
int nifti_header(const struct volume *v, struct buf *out, struct err *err);

#endif
