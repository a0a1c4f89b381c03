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
#define DCM_TAG_ELEMENT(tag) ((uint16_t)((tag)&0xFFFF))

struct dcm_encoding {
	bool explicit_vr;
	bool big_endian;
};

#define DCM_WINDOW 16384 /* bytes read ahead at a time */

/* What is known of a file before its data set is read. */
struct dcm_file {
	struct dcm_source *source; /* offsets below refer to it; inflated where deflated */
	uint64_t meta_off;         /* of the first (0002,xxxx) element; == dataset_off: none */
	uint64_t dataset_off;
	struct dcm_encoding encoding; /* of the data set, as sniffed */
	char transfer_syntax[68];     /* trimmed; "" where there is no meta: see encoding */
	bool deflated;
	bool pixels_big_endian; /* GE private syntax: words swapped in a little-endian data set */
	bool pixels_private;    /* Philips private syntax: see dcm_file_is_pixels() */
	/* private: the file's first DCM_WINDOW bytes, so that one read serves who opens and who
	 * walks */
	uint8_t *head;
	uint64_t head_off;
	size_t head_len;
};

/* Takes the source (also on error, where it is closed). -EPROTO: not DICOM at all;
 * -EBADMSG: DICOM, but nothing of it can be read. */
int dcm_file_open(struct dcm_source *source /* taken */, struct dcm_file *out, struct err *err);
void dcm_file_close(struct dcm_file *f); /* a zeroed struct is fine */

enum dcm_event {
	DCM_EVENT_ELEM,      /* a plain element: el is it; its value may be pulled */
	DCM_EVENT_SEQ_BEGIN, /* el is the SQ (or UN, or private) element that opens */
	DCM_EVENT_SEQ_END,
	DCM_EVENT_ITEM_BEGIN, /* el.item counts from 1 */
	DCM_EVENT_ITEM_END,
	DCM_EVENT_PIXELS, /* encapsulated pixel data: el.off is at its first item tag */
	DCM_EVENT_END,
};

/* An element. `off` and `len` are of its value in the source; len is DCM_UNDEFINED_LENGTH for
 * sequences and encapsulated pixels that do not say. */
struct dcm_elem {
	uint32_t tag;
	uint16_t vr;       /* what the value is: as in the file, or the dictionary's (below) */
	uint8_t depth;     /* 0: the data set; +1 an item */
	bool vr_implicit;  /* the file has no VR: vr is the dictionary's, or UN */
	bool vr_was_un;    /* the file says UN: vr is the dictionary's, or SQ of what was found */
	bool big_endian;   /* how its binary value is stored */
	bool clamped;      /* the length said more than there was */
	uint32_t item;     /* ITEM_BEGIN/END: which, from 1 */
	uint64_t head_off; /* of its tag */
	uint64_t off, len;
};

/* Is el, of any depth, the pixel data of this file: one of the three elements of PS3.3 C.7.6.3 at
 * the top level, or the private one that a transfer syntax of Philips CT has instead. */
bool dcm_file_is_pixels(const struct dcm_file *f, const struct dcm_elem *el);

/* Is its transfer syntax, where it says one, none of a compression of pixels? */
bool dcm_file_is_native(const struct dcm_file *f);

/* One thing that could not be read, or was read otherwise than written. */
struct dcm_problem {
	uint64_t off;
	char text[120];
};
#define DCM_MAX_PROBLEMS 16

#define DCM_MAX_CREATORS 128 /* private blocks remembered at once; further ones stay unnamed */

struct dcm_creator {
	uint16_t group;
	uint8_t block;
	uint8_t len;
	char text[65]; /* trimmed, as in the file, NUL-terminated */
};

/* A data set, a sequence or an item that is open. */
struct dcm_level {
	uint64_t limit; /* where it ends at the latest */
	uint32_t tag;   /* of the sequence */
	uint32_t item;  /* items begun, in a sequence; which one this is, in an item */
	struct dcm_encoding encoding;
	bool is_sequence;
	bool by_delimiter;  /* its own length is undefined */
	bool by_items;      /* its own length is too short: it goes on as long as items follow */
	bool is_signed;     /* PixelRepresentation 1 seen here or above */
	bool lut_is_single; /* a LUT Descriptor of one entry was seen last */
	uint8_t n_creators; /* on the stack when this level began */
};

/* On the caller's stack (about 34 KiB). Fields are private to reader.c but n_problems and
 * problems. */
struct dcm_reader {
	struct dcm_file *file;
	uint64_t pos;
	const uint8_t *window; /* bytes [window_off, +window_len): head or own */
	uint64_t window_off;
	size_t window_len;
	unsigned top; /* level[top] is the innermost open one */
	unsigned n_creators;
	uint32_t n_elements;
	uint64_t plain_from; /* what was walked from here on is plain elements */
	bool in_meta, in_pixels, done;
	unsigned n_problems; /* may exceed what is kept */
	struct dcm_problem problems[DCM_MAX_PROBLEMS];
	struct dcm_level level[2 * DCM_MAX_DEPTH + 1];
	struct dcm_creator creators[DCM_MAX_CREATORS];
	uint8_t own[DCM_WINDOW];
};

/* Start at the file meta (or the data set where there is none). The file outlives the reader. */
void dcm_reader_init(struct dcm_reader *r, struct dcm_file *f);
/* The next event, or a negative errno (an I/O error; damage is a problem and END). The value
 * of an element that is not pulled is skipped. Native pixel data is an ELEM. SEQ_END and ITEM_END
 * set tag, depth and item alone; an item's depth is that of the elements in it. */
int dcm_reader_next(struct dcm_reader *r, struct dcm_elem *el, struct err *err);
/* The same for who has no use for elements with tags between these two, themselves not included:
 * they are passed over where that is cheaper than telling of them. */
int dcm_reader_next_outside(struct dcm_reader *r, uint32_t after, uint32_t before,
	struct dcm_elem *el, struct err *err);
/* For who reads many files that are alike, and knows elements by their bytes. Plain ones are those
 * on which nothing later depends, whose VR and length are in the file and whose value is in the
 * window.
 * since(): all that was walked from `off` on, where an element ended; NULL where it is not plain
 * elements alone.
 * ahead(): what comes next, where plain elements may; NULL elsewhere.
 * hop(): pass over the first bytes of what is ahead, which are whole plain elements, as if they
 * were one. Both are borrowed until the next event. */
const uint8_t *dcm_reader_since(const struct dcm_reader *r, uint64_t off, size_t *len);
const uint8_t *dcm_reader_ahead(const struct dcm_reader *r, size_t *len);
void dcm_reader_hop(struct dcm_reader *r, size_t len);
/* After SEQ_BEGIN or ITEM_BEGIN, at once: go on behind its end, without its END event. Cheap where
 * the length is defined. */
int dcm_reader_skip(struct dcm_reader *r, const struct dcm_elem *el, struct err *err);
/* After PIXELS, at once: walk the items to behind the last one and count them, the offset table
 * (item 0) aside. */
int dcm_reader_fragments(struct dcm_reader *r, uint32_t *n_fragments, uint64_t *bytes,
	struct err *err);
/* The first cap bytes of the value; *len is how many there are in buf. */
int dcm_reader_value(struct dcm_reader *r, const struct dcm_elem *el, void *buf, size_t cap,
	size_t *len, struct err *err);
/* The value without a copy: its first DCM_WINDOW bytes at most, borrowed until the next call. */
int dcm_reader_view(struct dcm_reader *r, const struct dcm_elem *el, const uint8_t **value,
	size_t *len, struct err *err);
/* The creator that reserved the block of this private element, trimmed, in the innermost data
 * set; NULL where there is none. *len its length; borrowed, valid until that data set ends. */
const char *dcm_reader_creator(const struct dcm_reader *r, uint32_t tag, size_t *len);

#endif
