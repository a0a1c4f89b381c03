/* SPDX-License-Identifier: MIT */
/* What a file may ask of us before we stop believing it. Each has a test. */
#ifndef DICOM_LIMITS_H
#define DICOM_LIMITS_H

#include <stdint.h>

/* Nested items. */
#define DCM_MAX_DEPTH 64
/* Elements in one file, all levels: an enhanced object has hundreds of thousands. */
#define DCM_MAX_ELEMENTS 4000000u
/* Heads of unknown form in one file that are tried in several ways. */
#define DCM_MAX_GUESSES 1000u
/* Bytes of one value that is loaded into memory, and of all that one header keeps there. */
#define DCM_MAX_VALUE (256u << 20)
#define DCM_MAX_LOADED (128u << 20)
/* A data set leaves longer binary values in the file. */
#define DCM_LAZY_VALUE 65536u
/* Bytes of a data set behind a deflated stream. */
#define DCM_MAX_INFLATED (UINT64_C(1) << 30)
#define DCM_MAX_FRAGMENTS 4000000u

#endif
