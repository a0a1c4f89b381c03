/* SPDX-License-Identifier: MIT */
/* Generated with the dictionary: DCM_<Keyword> for each public tag. */
#ifndef DICOM_TAGS_H
#define DICOM_TAGS_H

#endif
