/* SPDX-License-Identifier: MIT */
/*
 * A header written again as an Explicit VR Little Endian Part 10 file (PS3.10 §7.1): what native/
 * and edited/ are made of. The result is a list of parts, ready bytes and ranges of the source, so
 * that large values and pixels are never copied.
 */
#ifndef FORMAT_PART10_H
#define FORMAT_PART10_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dicom/dataset.h"

struct err;

enum part10_kind { PART10_BYTES, PART10_SOURCE, PART10_PIXELS };

struct part10_part {
	enum part10_kind kind;
	char *bytes;       /* PART10_BYTES: mem_alloc()ed, of the list */
	uint64_t off, len; /* PART10_SOURCE: a range of the header's source; PART10_PIXELS: off 0 */
	unsigned swap;     /* its words have so many bytes, in the other order; 0 and 1: none */
};

struct part10 {
	struct part10_part *parts;
	size_t n_parts;
	uint64_t size; /* of all parts */
};
void part10_release(struct part10 *p);
/* Of memory. */
size_t part10_held_bytes(const struct part10 *p);

/*
 * n bytes of the file from off (within its size) into buf. What is no ready bytes comes from fetch:
 * n bytes of the part from off, fewer where its source has ended; as they are, whatever swap is.
 * *done bytes have been read when it ends, on an error too; 0 and fewer than n: a source that has
 * ended.
 */
typedef int64_t (*part10_fetch)(void *arg, const struct part10_part *part, void *buf, size_t n,
	uint64_t off, struct err *err);
int part10_read(const struct part10 *p, void *buf, size_t n, uint64_t off, part10_fetch fetch,
	void *arg, size_t *done, struct err *err);

/* What becomes of an element. */
enum part10_action { PART10_KEEP, PART10_DROP, PART10_REPLACE };
struct part10_value {
	uint16_t vr; /* in: the element's; REPLACE: of the new value */
	const void *
		bytes; /* REPLACE: little-endian, padded by the writer; lives until the next call */
	size_t len;
};
/* ds: the data set or item that n is in; path_depth 0 at the top. Sequences are asked for too:
 * KEEP walks their items. */
typedef enum part10_action (*part10_edit)(void *arg, const struct dcm_dataset *ds,
	const struct dcm_node *n, struct part10_value *value);

/* An element that the top-level data set (or the meta information) is to have, unless n is there
 * and edit() kept or replaced it. */
struct part10_addition {
	uint32_t tag;
	uint16_t vr;
	const void *bytes;
	size_t len;
};

struct part10_plan {
	/* NULL: Explicit VR Little Endian. An encapsulated one keeps the fragments. */
	const char *transfer_syntax;
	part10_edit edit; /* NULL: keep everything */
	void *edit_arg;
	const struct part10_addition *add; /* ascending tags; n_add of them */
	size_t n_add;
	/* How the top-level pixel element is written: as it is in the source, or as a native
	 * value of pixels_len bytes (PART10_PIXELS) with this VR. */
	bool replace_pixels;
	uint64_t pixels_len;
	uint16_t pixels_vr;
	/* Of a pixel element that stays: bytes of its words, which are in the other order; 0: what its
	 * VR says of a big-endian file's. */
	unsigned pixels_swap;
	bool drop_source_title; /* (0002,0016) */
};

/* For values of sequences that are made by hand: an item's begin or end, and a text in it. */
struct buf;
void part10_put_item(struct buf *out, bool end);
void part10_put_text(struct buf *out, uint32_t tag, uint16_t vr, const char *text);

/* Write h by the plan. Group lengths, data set padding (FFFC,FFFC) and, where pixels are replaced,
 * offset tables are left out, and what is of the meta group but in the data set; the preamble is
 * empty; sequences have undefined length. -EFBIG: native pixels of 4 GiB and more. */
int part10_write(const struct dcm_header *h, const struct part10_plan *plan, struct part10 *out,
	struct err *err);

#endif
