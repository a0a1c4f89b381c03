/* SPDX-License-Identifier: MIT */
/*
 * What one frame of pixels looks like, and the conversions that need nothing but
 * the samples: layout, sign, masks, colour. Pure functions; no files, no globals.
 * PS3.3 C.7.6.3.1, PS3.5 §8.
 */
#ifndef CODEC_PIXEL_H
#define CODEC_PIXEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

enum photometric {
	PHOTOMETRIC_OTHER,
	PHOTOMETRIC_MONOCHROME1,
	PHOTOMETRIC_MONOCHROME2,
	PHOTOMETRIC_PALETTE,
	PHOTOMETRIC_RGB,
	PHOTOMETRIC_YBR_FULL,
	PHOTOMETRIC_YBR_FULL_422,
	PHOTOMETRIC_YBR_PARTIAL_422,
	PHOTOMETRIC_YBR_PARTIAL_420,
	PHOTOMETRIC_YBR_ICT,
	PHOTOMETRIC_YBR_RCT,
	PHOTOMETRIC_XYB,
	PHOTOMETRIC_HSV, /* these three are retired */
	PHOTOMETRIC_ARGB,
	PHOTOMETRIC_CMYK,
};

enum photometric photometric_parse(const char *text);
/* The defined term: "MONOCHROME2"; never NULL. */
const char *photometric_name(enum photometric p);
/* Luminance and two differences of colours, whatever their range. */
bool photometric_is_ybr(enum photometric p);

enum pixel_kind { PIXEL_INTEGER, PIXEL_FLOAT32, PIXEL_FLOAT64 };

/* The frames of one SOP instance, all alike. What is said of the members holds where
 * pixel_desc_check() has passed: a header may say anything. */
struct pixel_desc {
	uint32_t rows, cols;     /* 1..65535 */
	uint16_t samples;        /* a pixel: 1 or 3 (4) */
	uint16_t bits_allocated; /* 1, 8, 12, 16, 32, 64 */
	uint16_t bits_stored;    /* 1..bits_allocated */
	uint16_t high_bit;       /* bits_stored - 1 in any sane file */
	bool is_signed;          /* PixelRepresentation 1: two's complement */
	bool planar;             /* PlanarConfiguration 1; native frames only */
	bool big_endian;         /* of native words (8 bits: of words that hold two samples each, VR
					OW); a decoder's output is little-endian */
	enum pixel_kind kind;    /* (7fe0,0010), (7fe0,0008), (7fe0,0009) */
	enum photometric photometric;
};

/* No frame without compression is larger: a value has a length of 32 bits (PS3.5 §7.1). */
#define PIXEL_MOST_BYTES UINT32_MAX

/* Are these values that the code below can work with? -EBADMSG or -ENOTSUP. */
int pixel_desc_check(const struct pixel_desc *d, struct err *err);

/* Bytes of one frame in DICOM's native encoding: rows * cols * samples *
 * bits_allocated / 8 (1 and 12 bit: rounded up to a byte; native YBR_FULL_422: two
 * samples a pixel, rows of an even number of pixels). Cannot overflow for a checked desc. */
uint64_t pixel_frame_bytes(const struct pixel_desc *d);

/* Bytes of one frame as codec_decode() delivers it: samples interleaved, each in 1,
 * 2, 4 or 8 bytes (1-bit pixels are one byte each, 12-bit packed ones two). */
uint64_t pixel_decoded_bytes(const struct pixel_desc *d);
/* Bytes a decoded sample takes: 1, 2, 4, 8. */
unsigned pixel_sample_bytes(const struct pixel_desc *d);

/* Native bytes of one frame (in_len of them, from bit `bit_off` of the first byte for
 * 1-bit frames, which are packed over frame borders) to the decoded layout: swap,
 * de-interleave planes, unpack 1 and 12 bits, YBR_FULL_422 to three samples.
 * out has pixel_decoded_bytes(d) bytes. -EBADMSG where in is too short. */
int pixel_unpack(const struct pixel_desc *d, const uint8_t *in, size_t in_len, unsigned bit_off,
	uint8_t *out, size_t out_len, struct err *err);

/* Planes of n samples of `width` bytes each (RRR GGG BBB) to pixels (RGB RGB RGB). */
void pixel_interleave(const uint8_t *planes, size_t n, unsigned samples, unsigned width,
	uint8_t *out);

/* Stored words to values, in place: (word >> (high_bit + 1 - bits_stored)) masked,
 * sign-extended into the sample's bytes. A no-op for bits_stored == bits_allocated.
 * n is in samples. */
void pixel_mask(const struct pixel_desc *d, uint8_t *samples, size_t n);

/* Has one of n samples whose bits begin at the lowest more than the stored ones, its sign aside?
 * pixel_mask() would change its value. Of samples of up to 32 bits. */
bool pixel_exceeds(const struct pixel_desc *d, const uint8_t *samples, size_t n);

/* Unsigned samples that have more than the stored bits to the most these can say: a lossy stream of more
 * bits oversteps what was white, and would be dark behind the mask. In place; of up to 32 bits. */
void pixel_clamp(const struct pixel_desc *d, uint8_t *samples, size_t n);

/* Colour, in place, 8-bit (or 16-bit) interleaved triples: YBR_FULL and the like to RGB
 * (PS3.3 C.7.6.3.1.2). n is in pixels. */
void pixel_ybr_to_rgb(const struct pixel_desc *d, uint8_t *samples, size_t n);
/* The other way, 8-bit samples alone: for a stream that is RGB where its header says YBR_FULL. */
void pixel_rgb_to_ybr(const struct pixel_desc *d, uint8_t *samples, size_t n);

/* What the colours of a frame of this desc are called once it is decoded or unpacked: RGB for the
 * transforms of JPEG 2000 and JPEG XL, YBR_FULL for chroma that was subsampled. By the header alone,
 * so that a file can be described before it is decoded. */
enum photometric pixel_stored_photometric(const struct pixel_desc *d);
/* Decoded colours, now->photometric, become those: for a stream that is not what its header says. In
 * place; n is in pixels. */
void pixel_to_stored(const struct pixel_desc *now, enum photometric want, uint8_t *samples,
	size_t n);

/* One PALETTE COLOR table: entries of 8 or 16 bits, already in host order. PS3.3 C.7.6.3.1.5/6. */
struct palette {
	uint16_t *entries[3]; /* n_entries each; owned by whoever built it */
	uint32_t n_entries;
	int32_t first; /* the stored value that entry 0 is for */
	unsigned bits; /* 8 or 16 */
};

/* n stored values (1 or 2 bytes each, as decoded and masked) to n RGB triples of 8 bits. */
void pixel_palette_to_rgb(const struct pixel_desc *d, const struct palette *p, const uint8_t *in,
	size_t n, uint8_t *rgb);

#endif
