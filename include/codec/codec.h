/* SPDX-License-Identifier: MIT */
/*
 * The codecs: pure functions from the bytes of one compressed frame to its
 * samples, one file each, found by transfer syntax in the table of codec.c.
 *
 * Hostile input is part of the contract: a decoder never reads beyond in_len,
 * writes beyond out_len, recurses over input, or allocates more than a small
 * multiple of out_len; what it cannot decode is -EBADMSG (broken), -ENOTSUP (a
 * feature nobody has) or -ENOMEM.
 */
#ifndef CODEC_CODEC_H
#define CODEC_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codec/pixel.h"

struct err;

struct codec {
	const char *name;            /* "JPEG 2000" */
	const char *const *syntaxes; /* transfer syntax UIDs, NULL at the end */
	/* One frame: its fragments, joined. out_len is pixel_decoded_bytes(desc); all of
	 * it is filled: little-endian, samples interleaved, bits as stored (not
	 * masked, not yet sign-extended above bits_stored unless the codestream's
	 * own precision asks for it: PS3.5 §8.2.4). *photometric comes in as the
	 * header's and goes out as what the samples are now: RGB where the decoder
	 * undid a colour transform (JPEG 2000), YBR_FULL for JPEG's Y Cb Cr, which
	 * stays as the header calls it, in full resolution. */
	int (*decode)(const struct pixel_desc *desc, const uint8_t *in, size_t in_len, uint8_t *out,
		size_t out_len, enum photometric *photometric, struct err *err);
	bool keeps_words;   /* as they were stored, not samples whose bits begin at the lowest */
	bool knows_colours; /* undoes a transform of colours, or tells that there is one */
};

/* NULL: no decoder for this syntax (or it needs none). */
const struct codec *codec_find(const char *transfer_syntax);
/* The table, NULL at the end: for --version, fuzzing and the man page. */
const struct codec *const *codec_all(void);

extern const struct codec codec_raw;           /* encapsulated uncompressed */
extern const struct codec codec_deflate;       /* deflated image frame compression */
extern const struct codec codec_rle;           /* PS3.5 G */
extern const struct codec codec_jpeg;          /* 8-bit DCT, libjpeg-turbo */
extern const struct codec codec_jpeg12;        /* 12-bit DCT, ours */
extern const struct codec codec_jpeg_lossless; /* ITU-T T.81 process 14, ours */
extern const struct codec codec_jpegls;        /* ITU-T T.87, ours */
extern const struct codec codec_j2k;           /* OpenJPEG, HTJ2K too */
extern const struct codec codec_jxl;           /* JPEG XL, libjxl; only with DCMFS_JXL */
extern const struct codec codec_pmsct_rle1;    /* Philips private */

#endif
