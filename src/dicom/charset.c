/* SPDX-License-Identifier: MIT */
/*
 * Specific Character Set to UTF-8.
 *
 * There are two worlds (PS3.5 §6.1, PS3.3 C.12.1.1.2). UTF-8, GB18030 and GBK encode a
 * value as a whole; a byte of theirs that looks like a backslash or an escape may be half
 * of a character. Everything else is ISO 2022: two sets are in force at a time, G0 for the
 * bytes below 80 and G1 for those above; escape sequences exchange them, and delimiters
 * bring back those that the first value of (0008,0005) names. The further values only
 * announce what may be escaped to, so an escape that was not announced is obeyed too.
 *
 * The C library's iconv() knows the tables but not the mixture (its ISO-2022-JP has no
 * half-width katakana, its EUC-KR prints the escapes), so the mixture is taken apart here
 * and each run goes to the converter of one set. A descriptor has state and is not for
 * two threads; to open one costs less than a microsecond once the library has its table.
 *
 * What writers do wrong and readers expect to see nevertheless: UTF-8 or Latin-1 without
 * a word in (0008,0005); Shift-JIS called ISO_IR 13; the vendor's rows of JIS X 0208, of
 * EUC-KR and GB 2312; the announced G1 set without its escape.
 */
#include "dicom/charset.h"

#include <ctype.h>
#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/utf8.h"
#include "dicom/dict.h"

#define ESC 0x1B
#define REPLACEMENT 0xFFFD

enum set_id {
	SET_NONE, /* G1 at first: nothing */
	SET_ASCII,
	SET_JIS_ROMAN,
	SET_KATAKANA,
	SET_LATIN1,
	SET_LATIN2,
	SET_LATIN3,
	SET_LATIN4,
	SET_CYRILLIC,
	SET_ARABIC,
	SET_GREEK,
	SET_HEBREW,
	SET_LATIN5,
	SET_LATIN9,
	SET_THAI,
	SET_JIS_X_0208,
	SET_JIS_X_0212,
	SET_KS_X_1001,
	SET_GB_2312,
	SET_UTF_8,
	SET_GB18030,
	SET_GBK,
	SET_SHIFT_JIS,
	N_SETS
};

enum set_place { IN_G0, IN_G1, WHOLE };

struct set {
	enum set_place place;
	uint8_t width;     /* bytes of a character; where they vary, of what is skipped if wrong */
	char escape[4];    /* behind ESC */
	const char *iconv; /* NULL: needs no table */
	const char *wider; /* has what vendors added */
};

static const struct set sets[N_SETS] = {
	[SET_NONE] = { IN_G1, 1, "", NULL, NULL },
	[SET_ASCII] = { IN_G0, 1, "(B", NULL, NULL },
	[SET_JIS_ROMAN] = { IN_G0, 1, "(J", NULL, NULL },
	[SET_KATAKANA] = { IN_G1, 1, ")I", NULL, NULL },
	[SET_LATIN1] = { IN_G1, 1, "-A", NULL, NULL },
	[SET_LATIN2] = { IN_G1, 1, "-B", "ISO-8859-2", NULL },
	[SET_LATIN3] = { IN_G1, 1, "-C", "ISO-8859-3", NULL },
	[SET_LATIN4] = { IN_G1, 1, "-D", "ISO-8859-4", NULL },
	[SET_CYRILLIC] = { IN_G1, 1, "-L", "ISO-8859-5", NULL },
	[SET_ARABIC] = { IN_G1, 1, "-G", "ISO-8859-6", NULL },
	[SET_GREEK] = { IN_G1, 1, "-F", "ISO-8859-7", NULL },
	[SET_HEBREW] = { IN_G1, 1, "-H", "ISO-8859-8", NULL },
	[SET_LATIN5] = { IN_G1, 1, "-M", "ISO-8859-9", NULL },
	[SET_LATIN9] = { IN_G1, 1, "-b", "ISO-8859-15", NULL },
	[SET_THAI] = { IN_G1, 1, "-T", "TIS-620", NULL },
	[SET_JIS_X_0208] = { IN_G0, 2, "$B", "EUC-JP", "EUC-JP-MS" },
	[SET_JIS_X_0212] = { IN_G0, 2, "$(D", "EUC-JP", "EUC-JP-MS" },
	[SET_KS_X_1001] = { IN_G1, 2, "$)C", "EUC-KR", "UHC" },
	[SET_GB_2312] = { IN_G1, 2, "$)A", "EUC-CN", "GBK" },
	[SET_UTF_8] = { WHOLE, 1, "", NULL, NULL },
	[SET_GB18030] = { WHOLE, 1, "", "GB18030", NULL },
	[SET_GBK] = { WHOLE, 1, "", "GBK", "GB18030" },
	[SET_SHIFT_JIS] = { WHOLE, 1, "", "CP932", NULL },
};

struct charset {
	enum set_id whole;     /* or SET_NONE: ISO 2022 */
	enum set_id g0, g1;    /* at the start of a value and behind a delimiter */
	enum set_id announced; /* a G1 set of a further value, where the first names none */
};

static const struct charset default_charset = { .g0 = SET_ASCII };

const struct charset *charset_default(void)
{
	return &default_charset;
}

/* ------------------------------------------------------------------ (0008,0005) */

struct term {
	const char *name; /* letters and digits alone */
	enum set_id set;
};

/* By what is left of a term without ISO, 2022 and IR: "100" of "ISO_IR 100" and of
 * "ISO 2022 IR 100". The standard's terms first, then what else has been seen. */
static const struct term terms[] = {
	{ "6", SET_ASCII },
	{ "13", SET_KATAKANA },
	{ "14", SET_JIS_ROMAN },
	{ "100", SET_LATIN1 },
	{ "101", SET_LATIN2 },
	{ "109", SET_LATIN3 },
	{ "110", SET_LATIN4 },
	{ "144", SET_CYRILLIC },
	{ "127", SET_ARABIC },
	{ "126", SET_GREEK },
	{ "138", SET_HEBREW },
	{ "148", SET_LATIN5 },
	{ "203", SET_LATIN9 },
	{ "166", SET_THAI },
	{ "87", SET_JIS_X_0208 },
	{ "159", SET_JIS_X_0212 },
	{ "149", SET_KS_X_1001 },
	{ "58", SET_GB_2312 },
	{ "192", SET_UTF_8 },
	{ "GB18030", SET_GB18030 },
	{ "GBK", SET_GBK },
	{ "UTF8", SET_UTF_8 },
	{ "GB2312", SET_GB_2312 },
	{ "SJIS", SET_SHIFT_JIS },
	{ "SHIFTJIS", SET_SHIFT_JIS },
	{ "EUCKR", SET_KS_X_1001 },
	{ "LATIN1", SET_LATIN1 },
	{ "88591", SET_LATIN1 },
	{ "88592", SET_LATIN2 },
	{ "88593", SET_LATIN3 },
	{ "88594", SET_LATIN4 },
	{ "88595", SET_CYRILLIC },
	{ "88596", SET_ARABIC },
	{ "88597", SET_GREEK },
	{ "88598", SET_HEBREW },
	{ "88599", SET_LATIN5 },
	{ "885911", SET_THAI },
	{ "885915", SET_LATIN9 },
};

/* The term in capitals, without blanks and strokes, and without its ISO, 2022 and IR. */
static const char *bare_name(const char *s, size_t len, char *name, size_t cap)
{
	static const char *const prefixes[] = { "ISO", "2022", "IR" };
	size_t i, n = 0;

	for (i = 0; i < len && n + 1 < cap; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c < 0x80 && isalnum(c))
			name[n++] = (char)toupper(c);
	}
	name[n] = '\0';
	for (i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
		if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
			name += strlen(prefixes[i]);
	return name;
}

static enum set_id set_of_term(const char *s, size_t len)
{
	char name[24];
	const char *bare = bare_name(s, len, name, sizeof name);
	size_t i;

	for (i = 0; i < sizeof terms / sizeof terms[0]; i++)
		if (strcmp(terms[i].name, bare) == 0)
			return terms[i].set;
	return SET_NONE;
}

/* The first value: what is in force where nothing was escaped to. */
static void set_initial(struct charset *cs, enum set_id set)
{
	if (sets[set].place == WHOLE)
		cs->whole = set;
	else if (sets[set].place == IN_G1)
		cs->g1 = set;
	if (set == SET_KATAKANA)
		cs->g0 = SET_JIS_ROMAN;
}

const struct charset *charset_parse(const char *value, size_t len, struct arena *a)
{
	struct charset *cs = arena_memdup(a, &default_charset, sizeof *cs);
	size_t start = 0, n, i;

	if (cs == NULL)
		return NULL;
	for (i = 0; start <= len && cs->whole == SET_NONE; i++, start += n + 1) {
		const char *slash = start < len ? memchr(value + start, '\\', len - start) : NULL;
		enum set_id set;

		n = slash != NULL ? (size_t)(slash - value) - start : len - start;
		set = n > 0 ? set_of_term(value + start, n) : SET_NONE;
		if (i == 0)
			set_initial(cs, set);
		else if (cs->announced == SET_NONE && sets[set].place == IN_G1)
			cs->announced = set;
	}
	return cs;
}

/* ------------------------------------------------------------------ one set to UTF-8 */

/* Convert as far as it goes; returns the bytes that were taken. */
static size_t convert_some(iconv_t cd, const char *s, size_t len, struct buf *out)
{
	char *in = (char *)(uintptr_t)s, room[512];
	size_t left = len;

	while (left > 0) {
		char *to = room;
		size_t room_left = sizeof room, r;

		r = iconv(cd, &in, &left, &to, &room_left);
		buf_add(out, room, sizeof room - room_left);
		if (r == (size_t)-1 && errno != E2BIG)
			break;
	}
	iconv(cd, NULL, NULL, NULL, NULL);
	return len - left;
}

/* One character that its own table does not have. */
static bool convert_wider(const struct set *set, const char *s, size_t len, struct buf *out)
{
	iconv_t cd = set->wider != NULL ? iconv_open("UTF-8", set->wider) : (iconv_t)-1;
	bool done;

	if (cd == (iconv_t)-1)
		return false;
	done = convert_some(cd, s, len, out) == len;
	iconv_close(cd);
	return done;
}

/* All of it, U+FFFD for what cannot be; `width` bytes make a character. */
static bool convert(const struct set *set, size_t width, const char *s, size_t len, struct buf *out)
{
	iconv_t cd = iconv_open("UTF-8", set->iconv);
	bool ok = true;

	while (len > 0) {
		size_t n = cd != (iconv_t)-1 ? convert_some(cd, s, len, out) : 0;

		s += n;
		len -= n;
		if (len == 0)
			break;
		n = min_size(width, len);
		if (!convert_wider(set, s, n, out)) {
			utf8_encode(out, REPLACEMENT);
			ok = false;
		}
		s += n;
		len -= n;
	}
	if (cd != (iconv_t)-1)
		iconv_close(cd);
	return ok;
}

/* The first 256 characters of Unicode. */
static void convert_latin1(const char *s, size_t len, struct buf *out)
{
	size_t i;

	for (i = 0; i < len; i++)
		utf8_encode(out, (unsigned char)s[i]);
}

/* The upper half of JIS X 0201 lies in Unicode as a block. */
static bool convert_katakana(const char *s, size_t len, struct buf *out)
{
	bool ok = true;
	size_t i;

	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];
		bool known = c >= 0xA1 && c <= 0xDF;

		utf8_encode(out, known ? 0xFF61u + (c - 0xA1u) : REPLACEMENT);
		ok = ok && known;
	}
	return ok;
}

/* Pairs of 7-bit bytes, which EUC-JP has with their high bits set. */
static bool convert_pairs(enum set_id id, const char *s, size_t len, struct buf *out)
{
	char euc[3 * 128];
	bool ok = true;
	size_t i = 0;

	while (i < len) {
		size_t n = 0;

		while (i < len && n + 3 <= sizeof euc) {
			if (id == SET_JIS_X_0212)
				euc[n++] = (char)0x8F;
			euc[n++] = (char)(s[i] | 0x80);
			euc[n++] = (char)(s[i + 1] | 0x80);
			i += 2;
		}
		if (!convert(&sets[id], id == SET_JIS_X_0212 ? 3 : 2, euc, n, out))
			ok = false;
	}
	return ok;
}

static bool convert_utf8(const char *s, size_t len, struct buf *out)
{
	bool ok = true;

	while (len > 0) {
		uint32_t cp;
		size_t n = utf8_decode(s, len, &cp);

		ok = ok && cp != UINT32_MAX;
		utf8_encode(out, cp != UINT32_MAX ? cp : REPLACEMENT);
		s += n;
		len -= n;
	}
	return ok;
}

/* ------------------------------------------------------------------ ISO 2022 */

struct decoder {
	const struct charset *cs;
	uint16_t vr;
	enum set_id g0, g1;
	bool is_utf8; /* the whole value happens to be */
	bool ok;
	struct buf *out;
};

static bool is_high(char c)
{
	return ((unsigned char)c & 0x80) != 0;
}

/* A byte of a 94 x 94 set in G0. */
static bool is_94(char c)
{
	return c > 0x20 && c < 0x7F;
}

static bool is_delimiter(uint16_t vr, char c)
{
	switch (c) {
	case '\t':
	case '\n':
	case '\f':
	case '\r':
		return true;
	case '\\':
		return vr != DCM_VR_LT && vr != DCM_VR_ST && vr != DCM_VR_UT;
	case '^':
	case '=':
		return vr == DCM_VR_PN;
	default:
		return false;
	}
}

/* Obey the escape sequence at s; returns its length, or 0 where it is none that is known. */
static size_t take_escape(struct decoder *d, const char *s, size_t len)
{
	int id;

	for (id = 0; id < N_SETS; id++) {
		size_t n = strlen(sets[id].escape);

		if (n == 0 || len < n + 1 || memcmp(s + 1, sets[id].escape, n) != 0)
			continue;
		if (sets[id].place == IN_G0)
			d->g0 = (enum set_id)id;
		else
			d->g1 = (enum set_id)id;
		return n + 1;
	}
	return 0;
}

static size_t take_high(struct decoder *d, const char *s, size_t len)
{
	enum set_id g1 = d->g1;
	size_t n = 0;

	while (n < len && is_high(s[n]))
		n++;
	if (g1 == SET_NONE && d->is_utf8) {
		buf_add(d->out, s, n);
		return n;
	}
	if (g1 == SET_NONE)
		g1 = d->cs->announced != SET_NONE ? d->cs->announced : SET_LATIN1;
	if (g1 == SET_LATIN1)
		convert_latin1(s, n, d->out);
	else if (g1 == SET_KATAKANA)
		d->ok = convert_katakana(s, n, d->out) && d->ok;
	else
		d->ok = convert(&sets[g1], sets[g1].width, s, n, d->out) && d->ok;
	return n;
}

/* Characters of two bytes in G0; 0 where there is none. */
static size_t take_pairs(struct decoder *d, const char *s, size_t len)
{
	size_t n = 0;

	while (n + 1 < len && is_94(s[n]) && is_94(s[n + 1]))
		n += 2;
	d->ok = convert_pairs(d->g0, s, n, d->out) && d->ok;
	return n;
}

/* Characters of one byte, up to and with the next delimiter. */
static size_t take_low(struct decoder *d, const char *s, size_t len)
{
	size_t n = 1;

	while (n < len && !is_delimiter(d->vr, s[n - 1]) && !is_high(s[n]) && s[n] != ESC)
		n++;
	buf_add(d->out, s, n);
	if (is_delimiter(d->vr, s[n - 1])) {
		d->g0 = d->cs->g0;
		d->g1 = d->cs->g1;
	}
	return n;
}

/* What stands alone while G0 has characters of two bytes: a delimiter, a blank, or half
 * a character. */
static size_t take_lone(struct decoder *d, const char *s)
{
	if (!is_94(*s) || is_delimiter(d->vr, *s))
		return take_low(d, s, 1);
	utf8_encode(d->out, REPLACEMENT);
	d->ok = false;
	return 1;
}

static size_t take_next(struct decoder *d, const char *s, size_t len)
{
	size_t n = 0;

	if (*s == ESC)
		n = take_escape(d, s, len);
	else if (is_high(*s))
		n = take_high(d, s, len);
	else if (sets[d->g0].width == 2)
		n = take_pairs(d, s, len);
	if (n > 0)
		return n;
	return sets[d->g0].width == 2 && *s != ESC ? take_lone(d, s) : take_low(d, s, len);
}

/* JIS X 0201 has no bytes 80-A0 and E0-FF, Shift-JIS has a character of two bytes begin
 * with them. */
static bool is_shift_jis(const struct charset *cs, const char *s, size_t len)
{
	bool foreign = false;
	size_t i;

	if (cs->g1 != SET_KATAKANA || memchr(s, ESC, len) != NULL)
		return false;
	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		foreign = foreign || (c >= 0x80 && c <= 0xA0) || c >= 0xE0;
	}
	return foreign;
}

static bool decode_iso2022(const struct charset *cs, uint16_t vr, const char *s, size_t len,
	struct buf *out)
{
	struct decoder d = {
		.cs = cs,
		.vr = vr,
		.g0 = cs->g0,
		.g1 = cs->g1,
		.ok = true,
		.out = out,
	};
	size_t n;

	if (is_shift_jis(cs, s, len))
		return convert(&sets[SET_SHIFT_JIS], 1, s, len, out);
	d.is_utf8 = cs->g1 == SET_NONE && utf8_valid(s, len);
	for (; len > 0; s += n, len -= n)
		n = take_next(&d, s, len);
	return d.ok;
}

static bool is_plain(const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (is_high(s[i]) || s[i] == ESC)
			return false;
	return true;
}

bool charset_decode(const struct charset *cs, uint16_t vr, const char *s, size_t len,
	struct buf *out)
{
	if (is_plain(s, len)) {
		buf_add(out, s, len);
		return true;
	}
	if (cs->whole == SET_UTF_8)
		return convert_utf8(s, len, out);
	if (cs->whole != SET_NONE)
		return convert(&sets[cs->whole], 1, s, len, out);
	return decode_iso2022(cs, vr, s, len, out);
}
