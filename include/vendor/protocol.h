/* SPDX-License-Identifier: MIT */
/*
 * Scan protocols as lines of key and value, as two makers keep them: Siemens between
 * "### ASCCONV BEGIN" and "### ASCCONV END ###" (`key = value`), in a CSA field or an
 * XProtocol text; GE as a compressed text (`KEY "value"`) in (0025,101B).
 */
#ifndef VENDOR_PROTOCOL_H
#define VENDOR_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

struct err;

struct protocol_line {
	const char *key; /* neither ends in NUL: they lie in the text */
	size_t key_len;
	const char *value; /* without its quotes */
	size_t value_len;
};

struct protocol {
	struct protocol_line *lines; /* in the order of the text, in the arena */
	uint32_t n_lines;
};

/* The lines between the marks; text stays the caller's and outlives the result. -ENOENT: there
 * are no marks (a text that is cut before its end mark is read as far as it goes). */
int protocol_parse_ascconv(const char *text, size_t len, struct arena *a, struct protocol *out,
	struct err *err);
/* GE's block as it is in the file: four bytes of length, then gzip (or gzip alone). Text and
 * lines are in the arena. -EBADMSG: not that, or it does not inflate. */
int protocol_parse_ge(const uint8_t *bytes, size_t len, struct arena *a, struct protocol *out,
	struct err *err);

/* The first line with this key, or whose key ends in it behind a dot
 * ("sCoilElementID.tCoilID"); NULL. */
const struct protocol_line *protocol_find(const struct protocol *p, const char *key);
/* Its value as a number ("0x10" is 16); otherwise, where there is none. */
double protocol_number(const struct protocol *p, const char *key, double otherwise);
/* Its value in the arena, or NULL; a doubled quote stays as it is. */
const char *protocol_text(const struct protocol *p, const char *key, struct arena *a);

#endif
