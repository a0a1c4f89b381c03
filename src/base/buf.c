/* SPDX-License-Identifier: MIT */
/* The growing buffer of base/buf.h. */
#include "base/buf.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"

void buf_init(struct buf *b)
{
	memset(b, 0, sizeof *b);
}

void buf_init_counting(struct buf *b)
{
	buf_init(b);
	b->counting = true;
}

void buf_release(struct buf *b)
{
	bool counting = b->counting;

	mem_free(b->data);
	buf_init(b);
	b->counting = counting;
}

/* Room for len more bytes and a NUL; NULL where there is none. */
static char *reserve(struct buf *b, size_t len)
{
	size_t need, cap = b->cap ? b->cap : 256;
	char *data;

	if (b->failed)
		return NULL;
	if (__builtin_add_overflow(b->len, len, &need) || need > SIZE_MAX / 2 - 1) {
		b->failed = -ENOMEM;
		return NULL;
	}
	if (need + 1 <= b->cap)
		return b->data + b->len;
	while (cap < need + 1)
		cap *= 2;
	data = mem_realloc(b->data, cap);
	if (!data) {
		b->failed = -ENOMEM;
		return NULL;
	}
	b->data = data;
	b->cap = cap;
	return b->data + b->len;
}

char *buf_steal(struct buf *b, size_t *len)
{
	char *data;

	if (!reserve(b, 0))
		return NULL;
	data = b->data;
	data[b->len] = '\0';
	if (len)
		*len = b->len;
	buf_init(b);
	return data;
}

void buf_add_more(struct buf *b, const void *p, size_t len)
{
	char *at;

	if (b->counting) {
		b->len += len;
		return;
	}
	at = reserve(b, len);
	if (!at)
		return;
	if (len)
		memcpy(at, p, len);
	b->len += len;
}

char *buf_room(struct buf *b, size_t n)
{
	return b->counting ? NULL : reserve(b, n);
}

void buf_adds(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_fill(struct buf *b, int byte, size_t len)
{
	char *at;

	if (b->counting) {
		b->len += len;
		return;
	}
	at = reserve(b, len);
	if (!at)
		return;
	memset(at, byte, len);
	b->len += len;
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
	char small[512], *at;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(small, sizeof small, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	if ((size_t)n < sizeof small || b->counting) {
		buf_add(b, small, (size_t)n);
		return;
	}
	at = reserve(b, (size_t)n);
	if (!at)
		return;
	va_start(ap, fmt);
	vsnprintf(at, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
}

void buf_add_u64(struct buf *b, uint64_t v)
{
	char digits[20];
	size_t n = sizeof digits;

	do {
		digits[--n] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	buf_add(b, digits + n, sizeof digits - n);
}

void buf_add_i64(struct buf *b, int64_t v)
{
	if (v < 0)
		buf_addc(b, '-');
	buf_add_u64(b, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void buf_add_le16(struct buf *b, uint16_t v)
{
	uint8_t x[2];

	put_le16(x, v);
	buf_add(b, x, sizeof x);
}

void buf_add_le32(struct buf *b, uint32_t v)
{
	uint8_t x[4];

	put_le32(x, v);
	buf_add(b, x, sizeof x);
}

void buf_add_le64(struct buf *b, uint64_t v)
{
	uint8_t x[8];

	put_le64(x, v);
	buf_add(b, x, sizeof x);
}

void buf_add_be16(struct buf *b, uint16_t v)
{
	uint8_t x[2];

	put_be16(x, v);
	buf_add(b, x, sizeof x);
}

void buf_add_be32(struct buf *b, uint32_t v)
{
	uint8_t x[4];

	put_be32(x, v);
	buf_add(b, x, sizeof x);
}

void buf_add_be64(struct buf *b, uint64_t v)
{
	uint8_t x[8];

	put_be64(x, v);
	buf_add(b, x, sizeof x);
}

/* Where a number is neither finite nor negative zero, its name; else false. */
static bool add_special(struct buf *b, double v)
{
	if (isnan(v))
		buf_adds(b, "nan");
	else if (isinf(v))
		buf_adds(b, v < 0 ? "-inf" : "inf");
	else
		return false;
	return true;
}

/* Whole numbers that a double holds exactly are the common case, and need no
 * search for the shortest form. */
static bool add_whole(struct buf *b, double v, double below)
{
	if (v != floor(v) || fabs(v) >= below || (v == 0 && signbit(v)))
		return false;
	buf_add_i64(b, (int64_t)v);
	return true;
}

/* How many digits a float needs, by arithmetic in doubles; right but for rare ties, and then too
 * few. */
static int guess_digits(float v)
{
	static const double tens[] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
		1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
	int digits, shift, exponent;
	double scaled;

	if (v == 0) /* -0 alone comes here */
		return 6;
	exponent = (int)floor(log10(fabs((double)v)));
	for (digits = 6; digits < 9; digits++) {
		shift = digits - 1 - exponent;
		if (shift < -22 || shift > 22)
			return 6;
		scaled = shift < 0 ? rint((double)v / tens[-shift]) * tens[-shift] :
				     rint((double)v * tens[shift]) / tens[shift];
		if ((float)scaled == v)
			break;
	}
	return digits;
}

void buf_add_f32(struct buf *b, float v)
{
	char text[32];
	int digits;

	if (add_special(b, (double)v) || add_whole(b, (double)v, 1e6))
		return;
	for (digits = guess_digits(v); digits <= 9; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, (double)v);
		if (strtof(text, NULL) == v)
			break;
	}
	buf_adds(b, text);
}

/* 15 digits hold any decimal that a normal double came from, and %g drops the zeros behind it. */
void buf_add_f64(struct buf *b, double v)
{
	char text[40];
	int digits;

	if (add_special(b, v) || add_whole(b, v, 1e15))
		return;
	for (digits = fabs(v) < 1e-300 ? 1 : 15; digits <= 17; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, v);
		if (strtod(text, NULL) == v)
			break;
	}
	buf_adds(b, text);
}
