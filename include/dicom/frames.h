/* SPDX-License-Identifier: MIT */
/*
 * Where the frames of a file are: native pixel data, or the fragments of
 * encapsulated pixel data with basic and extended offset tables, present, empty
 * or wrong (PS3.5 A.4, PS3.3 C.7.6.3.1.8).
 */
#ifndef DICOM_FRAMES_H
#define DICOM_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codec/pixel.h"
#include "dicom/dataset.h"
#include "dicom/reader.h"

struct err;

struct dcm_fragment {
	uint64_t off, len; /* in the file's source */
};

struct dcm_frames {
	bool encapsulated;
	uint32_t n_frames;
	/* native */
	uint64_t pixels_off, pixels_len;
	uint64_t frame_bits; /* of one frame, packed over frame borders where 1-bit */
	bool swap_pairs;     /* bytes, bits or 12-bit samples in big-endian words */
	/* encapsulated: the fragments of frame k are first[k] .. first[k + 1] - 1 */
	struct dcm_fragment *fragments;
	uint32_t n_fragments;
	uint32_t *first;   /* n_frames + 1; NULL where the map is unknown */
	char problem[120]; /* "" or what was wrong with the tables */
	bool surplus;      /* there is more than the header's frames: problem tells */
};

/* Build the table: native ones by arithmetic, encapsulated ones by walking the items once; a
 * basic offset table counts where each of its entries is the begin of a fragment (an extended
 * one says what one fragment a frame says anyway). pixels_off is where the value begins,
 * pixels_len its length or DCM_UNDEFINED_LENGTH; codec is what its frames are compressed with or
 * NULL: with one, a value of known length is one fragment, if it does not begin with an item. A
 * frame that is not there is no error here. */
struct codec;
int dcm_frames_read(struct dcm_source *source, uint64_t pixels_off, uint64_t pixels_len,
	const struct pixel_desc *desc, uint32_t n_frames, const struct codec *codec,
	struct dcm_frames *out, struct err *err);
void dcm_frames_release(struct dcm_frames *f);

/* The bytes of frame k (from 0): native as stored, with *bit_off for 1-bit frames; encapsulated
 * its fragments joined. *bytes is mem_alloc()ed, the caller's. -EBADMSG: the file ends before,
 * or the frame is not there. */
int dcm_frame_read(struct dcm_source *source, const struct dcm_frames *f, uint32_t k,
	uint8_t **bytes, size_t *len, unsigned *bit_off, struct err *err);

/* One frame from file to samples: read, then decode or unpack; -ENOTSUP where a codec is
 * missing. Stored words: nothing is masked or sign-extended here. out has
 * pixel_decoded_bytes(desc) bytes; *photometric goes in as desc's and comes out as what the
 * samples are. The one way to pixels, for volumes, pictures and native/ alike. */
int dcm_frame_decode(struct dcm_source *source, const struct dcm_frames *f,
	const struct pixel_desc *desc, const struct codec *codec, uint32_t k, uint8_t *out,
	size_t out_len, enum photometric *photometric, struct err *err);

/* The palette of a PALETTE COLOR header, segmented ones expanded (PS3.3 C.7.9), in the arena;
 * -ENOENT: none. */
int dcm_palette_read(const struct dcm_header *h, struct arena *a, struct palette *out,
	struct err *err);

#endif
