/* SPDX-License-Identifier: MIT */
/* UTF-8: decoding, encoding, checking. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

/* Decode the character at s (len bytes left, len > 0). Returns its bytes 1..4
 * and sets *cp; for an ill-formed sequence 1 and *cp = 0xFFFFFFFF. */
size_t utf8_decode(const char *s, size_t len, uint32_t *cp);
void utf8_encode(struct buf *b, uint32_t cp);
bool utf8_valid(const char *s, size_t len);
/* The most bytes <= max of s that end at a character boundary. */
size_t utf8_cut(const char *s, size_t len, size_t max);

#endif
