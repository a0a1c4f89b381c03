/* SPDX-License-Identifier: MIT */
/* Protocol texts: finding the lines, and values in them. */
#include "vendor/protocol.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "dicom/source.h"
#include "dicom/value.h"

#define MOST_TEXT (16u << 20) /* of an inflated protocol: they have some 20 kB */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static void trim(const char **s, size_t *len)
{
	while (*len && is_blank(**s)) {
		++*s;
		--*len;
	}
	while (*len && is_blank((*s)[*len - 1]))
		--*len;
}

/* Quotes around a value, single or doubled, are not part of it. */
static void unquote(const char **s, size_t *len)
{
	while (*len >= 2 && **s == '"' && (*s)[*len - 1] == '"') {
		++*s;
		*len -= 2;
	}
}

/* key, sign, value; false where the line is none. sign is '=' or, for a blank, ' '. */
static bool split_line(const char *s, size_t len, char sign, struct protocol_line *out)
{
	const char *at;

	trim(&s, &len);
	at = memchr(s, sign, len);
	if (!len || !at || at == s)
		return false;
	out->key = s;
	out->key_len = (size_t)(at - s);
	out->value = at + 1;
	out->value_len = len - out->key_len - 1;
	trim(&out->key, &out->key_len);
	trim(&out->value, &out->value_len);
	unquote(&out->value, &out->value_len);
	return true;
}

static size_t count_lines(const char *text, size_t len)
{
	size_t n = 1;
	const char *p;

	for (p = text; (p = memchr(p, '\n', len - (size_t)(p - text))) != NULL; p++)
		n++;
	return n;
}

static int parse_lines(const char *text, size_t len, char sign, struct arena *a,
	struct protocol *out, struct err *err)
{
	const char *end = text + len;

	out->n_lines = 0;
	out->lines = arena_zalloc(a, count_lines(text, len), sizeof *out->lines);
	if (!out->lines)
		return err_nomem(err);
	while (text < end) {
		const char *eol = memchr(text, '\n', (size_t)(end - text));
		size_t n = (size_t)((eol ? eol : end) - text);

		if (split_line(text, n, sign, &out->lines[out->n_lines]))
			out->n_lines++;
		text += n + 1;
	}
	return 0;
}

int protocol_parse_ascconv(const char *text, size_t len, struct arena *a, struct protocol *out,
	struct err *err)
{
	static const char begin[] = "### ASCCONV BEGIN", end[] = "### ASCCONV END";
	const char *p = memmem(text, len, begin, sizeof begin - 1);
	const char *eol, *stop;

	memset(out, 0, sizeof *out);
	eol = p ? memchr(p, '\n', len - (size_t)(p - text)) : NULL;
	if (!eol)
		return err_set(err, -ENOENT, "no protocol text");
	len -= (size_t)(eol + 1 - text);
	stop = memmem(eol + 1, len, end, sizeof end - 1);
	return parse_lines(eol + 1, stop ? (size_t)(stop - eol - 1) : len, '=', a, out, err);
}

/* Where the deflated bytes begin behind a gzip header (RFC 1952 §2.3), or 0. */
static size_t gzip_header(const uint8_t *p, size_t len)
{
	size_t pos = 10;
	unsigned flags, bit;

	if (len < 18 || p[0] != 0x1F || p[1] != 0x8B || p[2] != 8)
		return 0;
	flags = p[3];
	if (flags & 4)
		pos += 2u + get_le16(p + pos);
	for (bit = 8; bit <= 16; bit *= 2) {
		if (!(flags & bit))
			continue;
		while (pos < len && p[pos])
			pos++;
		pos++;
	}
	if (flags & 2)
		pos += 2;
	return pos + 8 < len ? pos : 0;
}

/* Inflate what lies at p + off into a text of the arena. */
static int inflate(const uint8_t *p, size_t len, size_t off, struct arena *a, char **text,
	size_t *n, struct err *err)
{
	struct dcm_source *packed, *plain;
	int rc = dcm_source_from_memory(p, len, &packed, err);

	if (rc)
		return rc;
	rc = dcm_source_inflate(packed, off, &plain, err);
	if (rc)
		return rc;
	*n = plain->size > off ? min_size((size_t)(plain->size - off), MOST_TEXT) : 0;
	*text = arena_alloc(a, *n + 1);
	rc = *text ? dcm_source_read_full(plain, *text, *n, off, err) : err_nomem(err);
	dcm_source_close(plain);
	return rc;
}

int protocol_parse_ge(const uint8_t *bytes, size_t len, struct arena *a, struct protocol *out,
	struct err *err)
{
	size_t skip = len >= 4 && bytes[0] != 0x1F ? 4 : 0;
	size_t off = gzip_header(bytes + skip, len - skip);
	size_t n;
	char *text;
	int rc;

	memset(out, 0, sizeof *out);
	if (!off)
		return err_set(err, -EBADMSG, "the protocol block is not gzip");
	rc = inflate(bytes + skip, len - skip - 8, off, a, &text, &n, err);
	return rc ? rc : parse_lines(text, n, ' ', a, out, err);
}

const struct protocol_line *protocol_find(const struct protocol *p, const char *key)
{
	size_t n = strlen(key);
	uint32_t i;

	for (i = 0; i < p->n_lines; i++) {
		const struct protocol_line *l = &p->lines[i];

		if (l->key_len < n || memcmp(l->key + l->key_len - n, key, n))
			continue;
		if (l->key_len == n || l->key[l->key_len - n - 1] == '.')
			return l;
	}
	return NULL;
}

static bool parse_hex(const char *s, size_t len, double *out)
{
	static const char digits[] = "0123456789abcdef";
	double v = 0;
	size_t i;

	for (i = 0; i < len; i++) {
		const char *at = memchr(digits, s[i] | 0x20, 16);

		if (!at)
			break;
		v = v * 16 + (double)(at - digits);
	}
	*out = v;
	return i > 0;
}

double protocol_number(const struct protocol *p, const char *key, double otherwise)
{
	const struct protocol_line *l = protocol_find(p, key);
	size_t len;
	double v;

	if (!l)
		return otherwise;
	for (len = 0; len < l->value_len && !is_blank(l->value[len]); len++)
		;
	if (len > 2 && l->value[0] == '0' && (l->value[1] | 0x20) == 'x')
		return parse_hex(l->value + 2, len - 2, &v) ? v : otherwise;
	return dcm_parse_double(l->value, len, &v) ? v : otherwise;
}

const char *protocol_text(const struct protocol *p, const char *key, struct arena *a)
{
	const struct protocol_line *l = protocol_find(p, key);

	return l && l->value_len ? arena_strndup(a, l->value, l->value_len) : NULL;
}
