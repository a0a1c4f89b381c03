/* SPDX-License-Identifier: MIT */
/*
 * Which elements the index wants: for each tag where its value goes in the record, and
 * how it is converted.
 */
#ifndef INDEX_FIELDS_H
#define INDEX_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct charset;
struct dcm_node;
struct interns;
struct record;

struct field {
	uint32_t tag;
	uint16_t off; /* in struct record */
	uint8_t convert, n;
	bool varies; /* from file to file: not worth remembering */
};

/* Ascending by tag; behind the N_FIELDS is one that ends every search. */
#define N_FIELDS 82
extern const struct field fields[];

/* Where texts go, and by which character set they are read. */
struct field_texts {
	struct interns *interns;
	const struct charset *charset;
	struct buf buf;
};

/* Of the value, in the record. */
size_t field_size(const struct field *f);
bool field_is_set(const struct record *rec, const struct field *f);
/* A value that is none leaves the record as it is. Returns 0 or -ENOMEM. */
int field_convert(const struct field *f, const struct dcm_node *n, struct field_texts *t,
	struct record *rec);

#endif
