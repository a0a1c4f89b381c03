/* SPDX-License-Identifier: MIT */
/*
 * From bytes to elements: a pull parser with its own stack, bounded and lenient.
 *
 * dcm_file_open() finds out what a source is (Part 10 or bare, which transfer
 * syntax, deflated: PS3.10 §7, and what real files do instead); dcm_reader_next()
 * walks its elements in file order. No recursion, no allocation per element; an
 * unknown tag or VR is UN, a length beyond its container is clamped and told in a
 * problem, UN of undefined length is an implicit VR sequence (PS3.5 §6.2.2).
 * One reader, one thread; many readers may share a source.
 */
#ifndef DICOM_READER_H
#define DICOM_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dicom/limits.h"

struct err;
struct buf;
struct dcm_source;

#define DCM_UNDEFINED_LENGTH UINT64_MAX
#define DCM_TAG(group, element) ((uint32_t)(group) << 16 | (uint32_t)(element))
#define DCM_TAG_GROUP(tag) ((uint16_t)((tag) >> 16))
#define DCM_TAG_ELEMENT(tag) ((uint16_t)((tag) & 0xFFFF))

struct dcm_encoding {
	bool explicit_vr;
	bool big_endian;
};

/* What is known of a file before its data set is read. */
struct dcm_file {
	struct dcm_source *source;      /* offsets below refer to it; inflated where deflated */
	uint64_t meta_off;              /* of the first (0002,xxxx) element; == dataset_off: none */
	uint64_t dataset_off;
	struct dcm_encoding encoding;   /* of the data set, as sniffed */
	char transfer_syntax[68];       /* trimmed; "" where there is no meta: see encoding */
	bool has_preamble;
	bool deflated;
	bool pixels_big_endian;         /* GE private syntax: words swapped in a little-endian data set */
};

/* Takes the source (also on error, where it is closed). -EPROTO: not DICOM at all;
 * -EBADMSG: DICOM, but nothing of it can be read. */
int dcm_file_open(struct dcm_source *source /* taken */, struct dcm_file *out, struct err *err);
void dcm_file_close(struct dcm_file *f);    /* a zeroed struct is fine */

enum dcm_event {
	DCM_EVENT_ELEM,        /* a plain element: el is it; its value may be pulled */
	DCM_EVENT_SEQ_BEGIN,   /* el is the SQ (or UN, or private) element that opens */
	DCM_EVENT_SEQ_END,
	DCM_EVENT_ITEM_BEGIN,  /* el.item counts from 1 */
	DCM_EVENT_ITEM_END,
	DCM_EVENT_PIXELS,      /* encapsulated pixel data: el.off is at its first item tag */
	DCM_EVENT_END,
};

/* An element. `off` and `len` are of its value in the source; len is DCM_UNDEFINED_LENGTH for
 * sequences and encapsulated pixels that do not say. */
struct dcm_elem {
	uint32_t tag;
	uint16_t vr;             /* as in the file; implicit: the dictionary's, resolved where ambiguous */
	uint8_t depth;           /* 0: the data set; +1 an item */
	bool vr_implicit;        /* the VR is from a dictionary */
	bool big_endian;         /* how its binary value is stored */
	bool clamped;            /* the length said more than there was */
	uint32_t item;           /* ITEM_BEGIN/END: which, from 1 */
	uint64_t head_off;       /* of its tag */
	uint64_t off, len;
};

/* One thing that could not be read, or was read otherwise than written. */
struct dcm_problem {
	uint64_t off;
	char text[120];
};
#define DCM_MAX_PROBLEMS 16

/* Fields are private to reader.c but n_problems and problems. */
struct dcm_reader {
	struct dcm_file *file;
	uint64_t pos;
	unsigned n_problems;                          /* may exceed what is kept */
	struct dcm_problem problems[DCM_MAX_PROBLEMS];
	uint32_t n_elements;
	unsigned depth;
	bool in_meta, stop_at_pixels, done;
	struct dcm_level {
		uint64_t end;                         /* DCM_UNDEFINED_LENGTH: by delimiter */
		uint64_t limit;                       /* the enclosing defined end */
		struct dcm_encoding encoding;
		uint32_t item;
		bool is_sequence;
		bool is_signed;                       /* PixelRepresentation 1 seen here or above */
		uint16_t lut_entries1;                /* scratch for the ambiguous VRs of §1.5 */
		uint16_t creator_group;               /* private blocks of this data set */
		uint16_t n_creators;
		uint64_t creator_off[16];             /* where the creators' texts are */
		uint16_t creator_len[16];
		uint8_t creator_block[16];
	} level[2 * DCM_MAX_DEPTH + 2];
	uint64_t window_off;
	size_t window_len;
	uint8_t window[16384];
};

/* Start at the file meta (or the data set where there is none). */
void dcm_reader_init(struct dcm_reader *r, struct dcm_file *f);
/* The next event, or a negative errno (an I/O error; damage is a problem and END). The value
 * of an element that is not pulled is skipped. Native pixel data is an ELEM. */
int dcm_reader_next(struct dcm_reader *r, struct dcm_elem *el, struct err *err);
/* After SEQ_BEGIN or ITEM_BEGIN: go on behind its end. Cheap where the length is defined. */
int dcm_reader_skip(struct dcm_reader *r, const struct dcm_elem *el, struct err *err);
/* The first cap bytes of the value; *len is how many there are in buf. */
int dcm_reader_value(struct dcm_reader *r, const struct dcm_elem *el, void *buf, size_t cap,
	size_t *len, struct err *err);
/* The creator that reserved the block of this private element, trimmed, in the innermost data
 * set; "" where there is none. The text lies in buf. */
int dcm_reader_creator(struct dcm_reader *r, uint32_t tag, char *buf, size_t cap, struct err *err);

#endif
