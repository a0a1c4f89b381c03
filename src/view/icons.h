/* SPDX-License-Identifier: MIT */
/*
 * Compressed pictures in sequences, an icon image for instance (PS3.3 F.7): an uncompressed file has
 * none of them compressed (PS3.5 A.4), so they are decoded when its header is written.
 */
#ifndef VIEW_ICONS_H
#define VIEW_ICONS_H

#include "base/err.h"
#include "codec/pixel.h"
#include "format/part10.h"

struct codec;

struct icons {
	const struct dcm_header *h;
	const struct codec *codec; /* of the file's transfer syntax; NULL: all is kept as it is */
	uint8_t *pixels;           /* of the last one */
	size_t len;
	struct pixel_desc desc;
	const struct dcm_dataset *made_of; /* what pixels and desc are of; NULL: nothing yet */
	int rc;                            /* how that went */
	struct err failed;                 /* what is not the picture's fault; code 0: nothing */
};

/* A part10_edit; arg is a struct icons, that begins with its header and codec alone. What cannot be
 * decoded goes, with the sequence that it is in; where `failed` tells of an error, what has been
 * written is not to be used. */
enum part10_action icons_edit(void *arg, const struct dcm_dataset *ds, const struct dcm_node *n,
	struct part10_value *value);
void icons_release(struct icons *i);

#endif
