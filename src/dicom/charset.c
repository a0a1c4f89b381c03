/* SPDX-License-Identifier: MIT */
/* Specific Character Set: for now what is right for ASCII, UTF-8 and Latin-1. */
#include "dicom/charset.h"

#include "base/buf.h"
#include "base/utf8.h"

struct charset {
	char unused;
};

static const struct charset default_set;

const struct charset *charset_default(void)
{
	return &default_set;
}

const struct charset *charset_parse(const char *value, size_t len, struct arena *a)
{
	(void)value;
	(void)len;
	(void)a;
	return &default_set;
}

bool charset_decode(const struct charset *cs, uint16_t vr, const char *s, size_t len, struct buf *out)
{
	size_t i;

	(void)cs;
	(void)vr;
	if (utf8_valid(s, len)) {
		buf_add(out, s, len);
		return true;
	}
	for (i = 0; i < len; i++)
		utf8_encode(out, (unsigned char)s[i]);
	return true;
}
