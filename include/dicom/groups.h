/* SPDX-License-Identifier: MIT */
/*
 * Functional groups of enhanced multi-frame objects (PS3.3 C.7.6.16): what a frame's item
 * of (5200,9230) says goes before the shared one of (5200,9229), and that before the data
 * set. A single-frame header has the data set alone, so that the same question can be
 * put to both. Frames count from 0.
 */
#ifndef DICOM_GROUPS_H
#define DICOM_GROUPS_H

#include <stdint.h>

#include "dicom/dataset.h"

/* The item of a frame, or NULL. */
const struct dcm_dataset *dcm_frame_item(const struct dcm_header *h, uint32_t frame);
const struct dcm_dataset *dcm_shared_item(const struct dcm_header *h);

/* The element with this tag in whichever group of the frame has it: its first place in the
 * item, however deep, then in the shared one, then at the top of the data set, then in the
 * first item of a private sequence there (some makers' classic files keep such groups). *ds is
 * the data set it is in (for its text); ds may be NULL. NULL: nowhere. */
const struct dcm_node *dcm_frame_get(const struct dcm_header *h, uint32_t frame, uint32_t tag,
	const struct dcm_dataset **ds);
/* The same for a private element (dcm_get_private), in groups and sequences one level deep. */
const struct dcm_node *dcm_frame_get_private(const struct dcm_header *h, uint32_t frame,
	uint16_t group, const char *creator, uint8_t low, const struct dcm_dataset **ds);

#endif
