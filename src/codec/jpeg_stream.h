/* SPDX-License-Identifier: MIT */
/*
 * The marker segments of a JPEG or JPEG-LS stream (ITU-T T.81 annex B, T.87 annex C), for
 * the decoders that are ours, and to tell which decoder a stream is for. Internal to the codecs.
 */
#ifndef CODEC_JPEG_STREAM_H
#define CODEC_JPEG_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codec/pixel.h"

struct err;

enum {
	JPEG_SOF0 = 0xc0,  /* baseline */
	JPEG_SOF1 = 0xc1,  /* extended sequential */
	JPEG_SOF2 = 0xc2,  /* progressive */
	JPEG_SOF3 = 0xc3,  /* lossless */
	JPEG_SOF9 = 0xc9,  /* extended sequential, arithmetic */
	JPEG_SOF10 = 0xca, /* progressive, arithmetic */
	JPEG_SOF55 = 0xf7, /* JPEG-LS */
	JPEG_MAX_COMPONENTS = 4,
	JPEG_ENTROPY_PAD = 16, /* zero bytes behind what jpeg_read_entropy() read */
};

struct jpeg_component {
	uint8_t id, h, v, tq;
};

struct jpeg_frame {
	uint8_t sof; /* the marker's second byte; 0: none yet */
	uint8_t precision;
	uint16_t lines, cols;
	unsigned n_comps; /* 1..4 */
	struct jpeg_component comp[JPEG_MAX_COMPONENTS];
};

struct jpeg_huff_spec {
	uint8_t counts[17]; /* codes of 1..16 bits */
	uint8_t symbols[256];
	unsigned n_symbols; /* 0: not defined */
};

struct jpeg_scan {
	unsigned n_comps;
	unsigned comp[JPEG_MAX_COMPONENTS]; /* places in frame.comp */
	unsigned dc[JPEG_MAX_COMPONENTS], ac[JPEG_MAX_COMPONENTS];
	unsigned ss, se, ah, al; /* JPEG-LS: NEAR, interleaving, 0, Pt */
};

/* JPEG-LS preset parameters; 0: the default. */
struct jpeg_ls_preset {
	uint16_t max, t1, t2, t3, reset;
};

struct jpeg_stream {
	const uint8_t *p, *end;
	struct jpeg_frame frame;
	struct jpeg_scan scan;
	struct jpeg_huff_spec dc[4], ac[4];
	uint16_t quant[4][64]; /* in zigzag order */
	bool has_quant[4];
	unsigned restart_interval;
	struct jpeg_ls_preset preset;
	uint8_t ls_colour_transform; /* Hewlett-Packard's, which no standard has; 0: none */
};

/* At the SOI of in, which the stream borrows. */
int jpeg_stream_init(struct jpeg_stream *s, const uint8_t *in, size_t in_len, struct err *err);
/* Read segments up to and with the frame header. */
int jpeg_read_frame(struct jpeg_stream *s, struct err *err);
/* Read segments up to and with the next scan header: 1, or 0 at EOI. s->p is then the first
 * entropy-coded byte. */
int jpeg_read_scan(struct jpeg_stream *s, struct err *err);
/* Decode a scan, and the next one, until each component had one. decode is called where s->scan is
 * read and s->p at its first byte. */
typedef int jpeg_scan_fn(void *decoder, uint8_t *out, struct err *err);
int jpeg_each_scan(struct jpeg_stream *s, jpeg_scan_fn *decode, void *decoder, uint8_t *out,
	struct err *err);
/* Copy entropy-coded bytes up to a marker, the end, or cap of them, without their stuffing, and
 * JPEG_ENTROPY_PAD zero bytes behind: out has room for cap and these. Returns how many, without
 * the pad. s->p is then at the marker or the end. */
size_t jpeg_read_entropy(struct jpeg_stream *s, uint8_t *out, size_t cap);
/* The same for JPEG-LS, whose stuffing is of bits. */
size_t jpeg_read_ls_entropy(struct jpeg_stream *s, uint8_t *out, size_t cap);
/* Pass the restart marker RSTm, m = number mod 8, which is next. */
int jpeg_read_restart(struct jpeg_stream *s, unsigned number, struct err *err);

/* Is the frame what desc promises: its size, samples, and no more bits than are allocated? A frame
 * of no lines (they follow the first scan) gets those of desc. */
int jpeg_check_frame(struct jpeg_frame *f, const struct pixel_desc *desc, struct err *err);

/* The decoders behind the JPEG syntaxes, by what the frame header says: many a file's transfer
 * syntax names another process than its stream has. */
int jpeg_decode_any(const struct pixel_desc *desc, const uint8_t *in, size_t in_len, uint8_t *out,
	size_t out_len, enum photometric *photometric, struct err *err);
int jpeg8_decode(const struct pixel_desc *desc, const uint8_t *in, size_t in_len, uint8_t *out,
	enum photometric *photometric, struct err *err);
int jpeg12_decode(const struct pixel_desc *desc, struct jpeg_stream *s, uint8_t *out,
	enum photometric *photometric, struct err *err);
int jpegls_decode(const struct pixel_desc *desc, struct jpeg_stream *s, uint8_t *out,
	struct err *err);
int jpeg_lossless_decode(const struct pixel_desc *desc, struct jpeg_stream *s, uint8_t *out,
	struct err *err);

#endif
