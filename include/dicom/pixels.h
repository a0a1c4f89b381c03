/* SPDX-License-Identifier: MIT */
/* What a header says of its pixels, and what readers take it for (PS3.3 C.7.6.3, PS3.5 §8). */
#ifndef DICOM_PIXELS_H
#define DICOM_PIXELS_H

#include <stdbool.h>
#include <stdint.h>

#include "codec/pixel.h"
#include "dicom/dataset.h"
#include "dicom/reader.h"

struct err;

/* A desc that has what a header says, 0 where it is silent, becomes what the standard's readers
 * take it for, with what the element of the pixels tells: their kind and order of bytes, and by its
 * length whether what calls itself YBR_FULL_422 has all its samples. It may still be none that
 * pixel_desc_check() lets pass. */
void dcm_pixel_settle(struct pixel_desc *d, const struct dcm_file *file,
	const struct dcm_elem *pixels, uint32_t n_frames);

/* Are the pixels for a codec? Those in items are; and where the transfer syntax has a codec, a value
 * of known length that is too short for native pixels, or a maker's private element: that is the
 * compressed frame itself. */
bool dcm_pixels_are_compressed(const struct dcm_file *file, const struct dcm_elem *pixels,
	const struct pixel_desc *d, uint32_t n_frames);

/* The desc of the one frame of a data set, an icon's for instance. Errors are pixel_desc_check()'s. */
int dcm_pixel_desc(const struct dcm_file *file, const struct dcm_dataset *ds,
	const struct dcm_elem *pixels, struct pixel_desc *out, struct err *err);

#endif
