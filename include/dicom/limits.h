/* SPDX-License-Identifier: MIT */
/* What a file may ask of us before we stop believing it. Each has a test. */
#ifndef DICOM_LIMITS_H
#define DICOM_LIMITS_H

#include <stdint.h>

#define DCM_MAX_DEPTH 64 /* nested items */
#define DCM_MAX_ELEMENTS                                                                           \
	4000000u /* in one file, all levels: an enhanced object has hundreds of thousands */
#define DCM_MAX_VALUE (256u << 20)           /* bytes of one value that is loaded into memory */
#define DCM_LAZY_VALUE 65536u                /* a data set keeps longer binary values in the file */
#define DCM_MAX_INFLATED (UINT64_C(1) << 30) /* a data set behind a deflated stream */
#define DCM_MAX_FRAGMENTS 4000000u

#endif
