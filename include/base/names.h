/* SPDX-License-Identifier: MIT */
/*
 * Names that a file system can show, made from whatever a header holds: UTF-8 in
 * NFC, no `/`, NUL, control characters or leading dots (each becomes `_`), runs of
 * blanks one `_`, at most 255 bytes with suffix and ending. One place, one test.
 */
#ifndef BASE_NAMES_H
#define BASE_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

#define NAME_MOST_BYTES 255u
#define NAME_MOST_STEM 220u /* of what is cut before it has a mark and an ending */

/* Append a legal component made of text (UTF-8; ill-formed bytes become U+FFFD), which may be
 * empty: nothing is appended then. */
void name_add_legal(struct buf *out, const char *text, size_t len);
/* Are these bytes a legal component as they are? False may be wrong. */
bool name_is_plain(const char *text, size_t len);

/* The component stem + suffix + ending, the stem cut at a character boundary so that all of it
 * fits into NAME_MOST_BYTES; out has NAME_MOST_BYTES + 1 bytes. */
void name_join(char *out, const char *stem, const char *suffix, const char *ending);

/* Append a name as a component of a URI: all but what RFC 3986 calls unreserved is percent-encoded. */
void name_add_uri(struct buf *out, const char *name);

/* Names that are to be unique in one folder. */
struct name_entry {
	char *name;         /* in: legal; out: unique. mem_alloc()ed, replaced where it clashes */
	const char *ending; /* ".nii" where name ends so and the mark goes before it; else "" */
	uint64_t identity;  /* a hash of what it is; equal only for the same thing */
};

/* Each of several entries with one name gets `~` and six hex digits of its identity (more, where
 * six clash): the result depends on the set alone, not on its order. Entries that are equal in
 * name and identity are told apart by nothing and stay as they are. 0 or -ENOMEM. */
int name_make_unique(struct name_entry *e, size_t n);

#endif
