/* SPDX-License-Identifier: MIT */
/*
 * A volume's slices as people look at them: the first row of the image on top, square pixels, grey
 * values through the window that the file asks for (PS3.3 C.11.2), else through one that leaves out
 * the outermost half percent at either end. And all slices on one sheet.
 */
#ifndef FORMAT_PICTURE_H
#define FORMAT_PICTURE_H

#include <stddef.h>
#include <stdint.h>

#include "format/png.h"
#include "volume/volume.h"

struct err;

/* How many slices a volume has, all times together; slice n is index n % planes along the axis
 * that planes are stacked in (slices.tsv), of time n / planes. */
uint64_t picture_count(const struct volume *v);
struct png_shape picture_shape(const struct volume *v);
/* Slice n; pixels: as many bytes as the shape has. */
int picture_slice(const struct volume *v, const struct volume_reader *r, uint64_t n,
	uint8_t *pixels, struct err *err);

/* A sheet of all slices, reduced; of more than fit some are left out evenly. A slice that cannot
 * be decoded is crossed out. */
struct png_shape picture_sheet_shape(const struct volume *v);
int picture_sheet(const struct volume *v, const struct volume_reader *r, uint8_t *pixels,
	struct err *err);

#endif
