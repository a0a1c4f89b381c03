/* SPDX-License-Identifier: MIT */
/*
 * A small writer of synthetic DICOM for tests: any encoding, any nesting, any lie.
 *
 *	struct gen g;
 *
 *	gen_begin(&g, GEN_EXPLICIT);
 *	gen_put(&g, DCM_Modality, "MR");
 *	gen_put(&g, DCM_Rows, "64");                      US: from text, like every number
 *	gen_sequence(&g, DCM_ReferencedImageSequence);
 *	gen_item(&g);
 *	gen_put(&g, DCM_ReferencedSOPInstanceUID, "1.2.3");
 *	gen_end(&g);                                      the item
 *	gen_end(&g);                                      the sequence
 *	header = gen_header(&g);                          or gen_source, gen_save, g.out.data
 *	gen_release(&g);
 *
 * Elements are written in the order of the calls. Nothing here can fail: for want of memory, or when a
 * test misuses it, the test program aborts with a message.
 */
#ifndef TESTS_SUPPORT_DCMGEN_H
#define TESTS_SUPPORT_DCMGEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct dcm_header;
struct dcm_source;

#define GEN_IMPLICIT "1.2.840.10008.1.2"
#define GEN_EXPLICIT "1.2.840.10008.1.2.1"
#define GEN_DEFLATED "1.2.840.10008.1.2.1.99"
#define GEN_BIG_ENDIAN "1.2.840.10008.1.2.2"
#define GEN_JPEG "1.2.840.10008.1.2.4.50"
#define GEN_RLE "1.2.840.10008.1.2.5"

struct gen {
	struct buf out;   /* the file so far */
	bool explicit_vr; /* both may be changed between elements */
	bool big_endian;
	size_t deflate_from; /* 0: not deflated */
	unsigned depth;
	struct gen_open {
		size_t head; /* where its length is to be written, 0: undefined length */
		size_t body;
		bool is_item;
	} open[300];
};

/* Preamble, "DICM" and meta information; the encoding is the transfer syntax's. */
void gen_begin(struct gen *g, const char *transfer_syntax);
/* Nothing before the data set. */
void gen_begin_bare(struct gen *g, bool explicit_vr, bool big_endian);
void gen_release(struct gen *g);

/* An element whose VR the dictionary knows (a creator is LO); numbers are given as text, joined by
 * backslashes; other text is padded to an even length as its VR asks. */
void gen_put(struct gen *g, uint32_t tag, const char *value);
void gen_putf(struct gen *g, uint32_t tag, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The same with a VR of the test's choice: private elements, wrong VRs. */
void gen_put_vr(struct gen *g, uint32_t tag, const char *vr, const char *value);
/* Bytes as they are: no padding, no swapping. */
void gen_bytes(struct gen *g, uint32_t tag, const char *vr, const void *p, size_t len);
/* 16-bit words in the file's byte order. */
void gen_words(struct gen *g, uint32_t tag, const char *vr, const uint16_t *words, size_t n);
/* A head alone, whatever follows; len as it shall be written. */
void gen_head(struct gen *g, uint32_t tag, const char *vr, uint32_t len);
/* Bytes alone. */
void gen_raw(struct gen *g, const void *p, size_t len);

/* Sequences and items; what is open is closed by gen_end. `undefined`: by delimiter. */
void gen_sequence(struct gen *g, uint32_t tag);
void gen_sequence_undefined(struct gen *g, uint32_t tag);
void gen_sequence_vr(struct gen *g, uint32_t tag, const char *vr, bool undefined);
void gen_item(struct gen *g);
void gen_item_undefined(struct gen *g);
void gen_end(struct gen *g);

/* Encapsulated pixel data: begin, an offset table (n may be 0), fragments, gen_end. */
void gen_encapsulated(struct gen *g, uint32_t tag);
void gen_offsets(struct gen *g, const uint32_t *offsets, size_t n);
void gen_fragment(struct gen *g, const void *p, size_t len);

/* One image instance with what the index and the volumes need; 0 and NULL have the defaults said. */
struct gen_instance {
	const char *syntax;        /* GEN_EXPLICIT */
	const char *patient;       /* "PAT" */
	const char *modality;      /* "MR" */
	const char *description;   /* of the series: "series" */
	int study, series, number; /* UIDs and numbers are made of these */
	int rows, cols;            /* 4 x 4 */
	int bits;                  /* 16; allocated and stored */
	bool is_signed;
	double position[3];
	const double *orientation; /* six of them; the identity */
	double spacing;            /* in the plane, and of slices: 1 */
	const void *pixels;        /* rows * cols * bits / 8 bytes; else 0, 1, 2, ... */
};
/* Up to before the pixels, so that a test can add elements of higher tags; then gen_instance_end(). */
void gen_instance_begin(struct gen *g, const struct gen_instance *i);
void gen_instance_end(struct gen *g, const struct gen_instance *i);

/* Done: all that is open is closed, a deflated data set deflated. The bytes are g->out.data. */
void gen_finish(struct gen *g);
/* Finish, and what is made of it. The source borrows g's bytes; so does the header's. */
struct dcm_source *gen_source(struct gen *g);
struct dcm_header *gen_header(struct gen *g);
void gen_save(struct gen *g, const char *path);

#endif
