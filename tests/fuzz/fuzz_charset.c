/* SPDX-License-Identifier: MIT */
/*
 * Character sets: (0008,0005), a zero, two letters of a VR, then the value. Whatever the
 * bytes are, what comes out is UTF-8 and at most three times as long.
 */
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/utf8.h"
#include "dicom/charset.h"
#include "dicom/dict.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The largest growth is that of a byte to U+FFFD or to half-width katakana. */
static void check(const struct buf *b, size_t len)
{
	if (!utf8_valid(b->data != NULL ? b->data : "", b->len) || b->len > 3 * len)
		__builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *zero = size > 0 ? memchr(data, 0, size) : NULL;
	struct arena a = { 0 };
	const struct charset *cs;
	struct buf b;
	size_t used;
	uint16_t vr;

	if (zero == NULL || (size_t)(zero - data) + 3 > size)
		return 0;
	used = (size_t)(zero - data) + 3;
	vr = DCM_VR(zero[1], zero[2]);
	cs = charset_parse((const char *)data, (size_t)(zero - data), &a);
	buf_init(&b);
	if (cs != NULL) {
		charset_decode(cs, vr, (const char *)data + used, size - used, &b);
		check(&b, size - used);
	}
	buf_release(&b);
	arena_release(&a);
	return 0;
}
