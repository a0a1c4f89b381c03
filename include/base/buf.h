/* SPDX-License-Identifier: MIT */
/*
 * A growing buffer of bytes, and the sink that all text is rendered into.
 *
 * Failure is sticky: the functions return nothing, and buf_error() tells once at
 * the end whether all of it went in. A counting buffer keeps no bytes, only
 * `len`: the size of a text without the text.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buf {
	char *data; /* NULL while empty, and always where counting */
	size_t len;
	size_t cap;
	int failed; /* 0, or the first -ENOMEM */
	bool counting;
};

void buf_init(struct buf *b);
void buf_init_counting(struct buf *b);
void buf_release(struct buf *b);
static inline void buf_reset(struct buf *b) /* len = 0; the room stays */
{
	b->len = 0;
	b->failed = 0;
}
/* The bytes, NUL-terminated behind len, now the caller's (mem_free); the buffer
 * is empty again. NULL for want of memory. */
char *buf_steal(struct buf *b, size_t *len);
static inline int buf_error(const struct buf *b)
{
	return b->failed;
}

void buf_add_more(struct buf *b, const void *p,
	size_t len); /* buf_add() where there is no room yet */
static inline void buf_add(struct buf *b, const void *p, size_t len)
{
	if (len == 0 || len >= b->cap || b->len >= b->cap - len || b->failed) {
		buf_add_more(b, p, len);
		return;
	}
	memcpy(b->data + b->len, p, len);
	b->len += len;
}
static inline void buf_addc(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}
/* Room for n bytes behind len, for who writes many small pieces: fill it, then add what was filled
 * to len. NULL for want of memory, and where counting. */
char *buf_room(struct buf *b, size_t n);
void buf_adds(struct buf *b, const char *s);
void buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_fill(struct buf *b, int byte, size_t len);
void buf_add_u64(struct buf *b, uint64_t v); /* decimal, without printf */
void buf_add_i64(struct buf *b, int64_t v);
/* Little- and big-endian integers, for file headers. */
void buf_add_le16(struct buf *b, uint16_t v);
void buf_add_le32(struct buf *b, uint32_t v);
void buf_add_le64(struct buf *b, uint64_t v);
void buf_add_be16(struct buf *b, uint16_t v);
void buf_add_be32(struct buf *b, uint32_t v);
void buf_add_be64(struct buf *b, uint64_t v);
/* The shortest decimal text that reads back as the same float or double:
 * "0.0305", "1e-07", "nan", "inf". */
void buf_add_f32(struct buf *b, float v);
void buf_add_f64(struct buf *b, double v);

#endif
