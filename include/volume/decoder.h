/* SPDX-License-Identifier: MIT */
/*
 * From an instance and a frame number to values: find the frame in its file, decode
 * or unpack it, mask and sign-extend, colours to RGB. What that needs of a
 * multi-frame file (its fragments, its palette) is kept for the files in use.
 * Safe from any thread; no lock is held over I/O or decoding.
 */
#ifndef VOLUME_DECODER_H
#define VOLUME_DECODER_H

#include <stddef.h>
#include <stdint.h>

#include "index/files.h"

struct decoders;
struct err;

/* What a frame of the instance is as values. -ENOENT: it is no image. */
struct frame_shape {
	size_t len;            /* rows * cols * n_samples * sample_bytes */
	unsigned sample_bytes; /* 1, 2, 4, 8 */
	unsigned n_samples;    /* 1, or 3 for RGB */
};
enum frame_variant {
	FRAME_VALUES, /* masked, sign-extended, RGB for YBR and palettes: what volumes show */
	FRAME_STORED, /* the stored words, as an uncompressed file would have them: their colours are
			 pixel_stored_photometric() */
};
int frame_shape_of(const struct instance *in, enum frame_variant variant, struct frame_shape *out,
	struct err *err);

int decoders_new(struct files *files, struct decoders **out, struct err *err);
void decoders_free(struct decoders *d);
/* Frame (from 0) of the instance into out, frame_shape_of() bytes. -EIO and the codec's reason
 * where it cannot be decoded, -ENOTSUP where nobody can, -ESTALE, -ENOENT as files_get(). A
 * message in err with 0: the file has more than its header's frames, or no palette. */
int decoders_read(struct decoders *d, const struct instance *in, uint32_t frame,
	enum frame_variant variant, uint8_t *out, size_t len, struct err *err);

#endif
