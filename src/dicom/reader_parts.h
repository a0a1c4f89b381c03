/* SPDX-License-Identifier: MIT */
/* What reader.c (the walk), reader_plain.c (its common case) and reader_head.c (heads of elements)
 * have of each other. */
#ifndef DICOM_READER_PARTS_H
#define DICOM_READER_PARTS_H

#include "dicom/reader.h"
#include "dicom/tags.h"
#include "head.h"

static inline struct dcm_level *reader_top(struct dcm_reader *r)
{
	return &r->level[r->top];
}

static inline bool reader_is_letter(uint8_t c)
{
	return c >= 'A' && c <= 'Z';
}

void reader_problem(struct dcm_reader *r, uint64_t off, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* n <= DCM_WINDOW bytes at off, fewer only where the source ends; *got is how many are in reach.
 * NULL after an I/O error. Valid until the next fetch; off may lie behind the source's end. */
const uint8_t *reader_fetch(struct dcm_reader *r, uint64_t off, size_t n, size_t *got,
	struct err *err);

/* Passes over plain elements with tags between `after` and `before`; true: el is the one behind
 * them. False: what is at r->pos is anything else. */
bool reader_next_plain(struct dcm_reader *r, uint32_t after, uint32_t before, struct dcm_elem *el);

/* Does an element with a tag behind `after` begin at off, or the end of this level or one of those
 * above it? A guess, of which each file has a number. */
bool reader_continues_at(struct dcm_reader *r, const struct dcm_level *l, uint64_t off,
	uint32_t after);
/* Read the head at r->pos into el, from n >= 8 bytes at p. */
void reader_read_head(struct dcm_reader *r, const uint8_t *p, size_t n, struct dcm_elem *el);

static inline bool reader_is_creator(uint32_t tag)
{
	return (tag & 0x10000) && DCM_TAG_ELEMENT(tag) >= 0x10 && DCM_TAG_ELEMENT(tag) <= 0xFF;
}

/* Do later elements depend on this one? Then note is taken of it, by reader_take_note(). */
static inline bool reader_matters(uint32_t tag)
{
	return reader_is_creator(tag) || tag == DCM_PixelRepresentation || tag == DCM_LUTDescriptor;
}

int reader_take_note(struct dcm_reader *r, const struct dcm_elem *el, struct err *err);

#endif
