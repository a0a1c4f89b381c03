/* SPDX-License-Identifier: MIT */
/* Specific Character Set (0008,0005) to UTF-8: PS3.5 §6.1, PS3.3 C.12.1.1.2. */
#ifndef DICOM_CHARSET_H
#define DICOM_CHARSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct buf;

struct charset;

/* The set of an absent (0008,0005): ASCII; what is not is taken for UTF-8 where it is valid UTF-8,
 * else for Latin-1. Static. */
const struct charset *charset_default(void);
/* The set that the (trimmed, backslash-separated) value names, in the arena; unknown terms count as
 * ASCII. NULL for want of memory. */
const struct charset *charset_parse(const char *value, size_t len, struct arena *a);
/* Append value (of this VR: PN, LO ... decide what resets the escapes) as UTF-8. Nothing is
 * trimmed, and backslashes stay backslashes (those that are half of a character are not).
 * Returns false where a byte could not be decoded and U+FFFD stands for it. */
bool charset_decode(const struct charset *cs, uint16_t vr, const char *s, size_t len,
	struct buf *out);

#endif
