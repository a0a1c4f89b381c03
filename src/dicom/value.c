/* SPDX-License-Identifier: MIT */
/*
 * Values as numbers, text, dates and times (PS3.5 §6.2), as strict as sense allows and as
 * lenient as real files demand.
 *
 * An element that was written as UN is taken for what a dictionary says it is: PS3.5 §6.2.2
 * has its value in the little-endian implicit form. Without an entry it is text to whom
 * asks for text, and no number.
 */
#include "dicom/value.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "dicom/charset.h"

#define NUMBER_MAX 128           /* characters of a number; DS is 16, real ones are up to 30 */

struct text {
	const char *s;
	size_t len;
};

/* The VR that counts: the dictionary's for an element that came as UN. */
static uint16_t vr_of(const struct dcm_node *n)
{
	const struct dcm_dict_entry *e;

	if (n->el.vr != DCM_VR_UN)
		return n->el.vr;
	if (DCM_TAG_GROUP(n->el.tag) & 1)
		e = n->creator != NULL ? dcm_dict_find_private(n->creator, n->el.tag) : NULL;
	else
		e = dcm_dict_find(n->el.tag);
	return e != NULL && !e->ambiguous ? e->vr : DCM_VR_UN;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\0';
}

static struct text trim_right(struct text t)
{
	while (t.len > 0 && is_blank(t.s[t.len - 1]))
		t.len--;
	return t;
}

static struct text trim(struct text t)
{
	while (t.len > 0 && is_blank(t.s[0])) {
		t.s++;
		t.len--;
	}
	return trim_right(t);
}

/* Text in which blanks at the start are part of the value. */
static bool keeps_leading(uint16_t vr)
{
	return vr == DCM_VR_LT || vr == DCM_VR_ST || vr == DCM_VR_UT || vr == DCM_VR_UC ||
		vr == DCM_VR_UR;
}

static struct text trim_as(uint16_t vr, struct text t)
{
	return keeps_leading(vr) ? trim_right(t) : trim(t);
}

/* Text in which a backslash is a backslash. */
static bool is_single(uint16_t vr)
{
	return vr == DCM_VR_LT || vr == DCM_VR_ST || vr == DCM_VR_UT || vr == DCM_VR_UR;
}

/* Bytes of one value of a binary VR; 0 for text and what is no list of numbers. */
static size_t width_of(uint16_t vr)
{
	if (vr == DCM_VR_OB)
		return 1;
	if (vr == DCM_VR_AT)
		return 4;
	return dcm_vr_unit(vr) > 1 ? dcm_vr_unit(vr) : 0;
}

static struct text whole(const struct dcm_node *n)
{
	struct text t = { NULL, 0 };

	if (n != NULL && n->value != NULL) {
		t.s = (const char *)n->value;
		t.len = (size_t)n->el.len;
	}
	return t;
}

/* Cut the part in front of the first backslash off *rest. False: *rest was used up, which
 * its s == NULL tells. */
static bool next_part(struct text *rest, struct text *part)
{
	const char *slash;

	if (rest->s == NULL)
		return false;
	*part = *rest;
	slash = rest->len > 0 ? memchr(rest->s, '\\', rest->len) : NULL;
	if (slash == NULL) {
		rest->s = NULL;
		return true;
	}
	part->len = (size_t)(slash - rest->s);
	rest->s = slash + 1;
	rest->len -= part->len + 1;
	return true;
}

static bool part_at(struct text rest, uint32_t i, struct text *part)
{
	while (next_part(&rest, part))
		if (i-- == 0)
			return true;
	return false;
}

uint32_t dcm_vm(const struct dcm_node *n)
{
	struct text rest = whole(n), part;
	uint16_t vr;
	size_t width;
	uint32_t count = 0;

	if (n == NULL || rest.len == 0)
		return 0;
	vr = vr_of(n);
	width = width_of(vr);
	if (width > 0)
		return (uint32_t)(rest.len / width);
	if (trim_right(rest).len == 0)
		return 0;
	if (!dcm_vr_is_text(vr) || is_single(vr))
		return 1;
	while (next_part(&rest, &part))
		count++;
	return count;
}

/* ------------------------------------------------------------------ numbers as text */

struct decimal {
	uint64_t mantissa;       /* of the first 19 digits */
	int exponent;            /* of ten */
	bool exact;              /* mantissa has all digits that are not zero */
	bool negative;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static void add_digit(struct decimal *d, char c, bool in_fraction)
{
	if (d->mantissa < UINT64_C(1000000000000000000)) {
		d->mantissa = d->mantissa * 10 + (uint64_t)(c - '0');
		d->exponent -= in_fraction;
		return;
	}
	d->exponent += !in_fraction;
	if (c != '0')
		d->exact = false;
}

/* digits[.digits], a comma being a point; returns what is behind them, NULL without a digit. */
static const char *scan_digits(const char *p, const char *end, struct decimal *d)
{
	bool in_fraction = false, any = false;

	for (; p < end; p++) {
		if (is_digit(*p)) {
			add_digit(d, *p, in_fraction);
			any = true;
		} else if ((*p == '.' || *p == ',') && !in_fraction) {
			in_fraction = true;
		} else {
			break;
		}
	}
	return any ? p : NULL;
}

/* [+-]digits up to the end. */
static bool scan_exponent(const char *p, const char *end, int *out)
{
	bool negative = p < end && *p == '-';
	int e = 0;

	if (p < end && (*p == '+' || *p == '-'))
		p++;
	if (p == end)
		return false;
	for (; p < end; p++) {
		if (!is_digit(*p))
			return false;
		if (e < 10000)
			e = e * 10 + (*p - '0');
	}
	*out = negative ? -e : e;
	return true;
}

static bool scan_decimal(struct text t, struct decimal *d)
{
	const char *p = t.s, *end = t.s + t.len;
	int e = 0;

	*d = (struct decimal){ .exact = true };
	if (p < end && (*p == '+' || *p == '-'))
		d->negative = *p++ == '-';
	p = scan_digits(p, end, d);
	if (p == NULL)
		return false;
	if (p < end && (*p == 'e' || *p == 'E')) {
		if (!scan_exponent(p + 1, end, &e))
			return false;
		p = end;
	}
	d->exponent += e;
	return p == end;
}

/* A mantissa and a power of ten that doubles hold exactly: one rounding, as strtod's. */
static bool convert_exactly(const struct decimal *d, double *out)
{
	static const double ten[] = {
		1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14,
		1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
	};
	double v;

	if (!d->exact || d->mantissa > (UINT64_C(1) << 53) || d->exponent < -22 || d->exponent > 22)
		return false;
	v = (double)d->mantissa;
	v = d->exponent < 0 ? v / ten[-d->exponent] : v * ten[d->exponent];
	*out = d->negative ? -v : v;
	return true;
}

/* Any locale may be set by whom uses this: the C locale is asked for by name (in glibc
 * that is a static object, and costs next to nothing). */
static bool convert_slowly(struct text t, double *out)
{
	char copy[NUMBER_MAX + 1];
	locale_t c;
	double v;
	size_t i;

	if (t.len > NUMBER_MAX)
		return false;
	for (i = 0; i < t.len; i++)
		copy[i] = t.s[i] == ',' ? '.' : t.s[i];
	copy[t.len] = '\0';
	c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	if (c == (locale_t)0)
		return false;
	v = strtod_l(copy, NULL, c);
	freelocale(c);
	if (!isfinite(v))
		return false;
	*out = v;
	return true;
}

/* A number in its blanks; what stands behind a NUL is rubbish of the writer's buffer. */
static struct text number_text(const char *s, size_t len)
{
	struct text t = trim((struct text){ s, len });
	const char *nul = t.len > 0 ? memchr(t.s, '\0', t.len) : NULL;

	if (nul != NULL)
		t.len = (size_t)(nul - t.s);
	while (t.len > 0 && (t.s[0] == '\t' || t.s[0] == '\r' || t.s[0] == '\n')) {
		t.s++;
		t.len--;
	}
	while (t.len > 0 && (unsigned char)t.s[t.len - 1] <= ' ')
		t.len--;
	return t;
}

bool dcm_parse_double(const char *s, size_t len, double *out)
{
	struct text t = number_text(s, len);
	struct decimal d;

	if (!scan_decimal(t, &d))
		return false;
	return convert_exactly(&d, out) || convert_slowly(t, out);
}

/* A double that is an integer, and stands for no other. */
static bool to_int(double v, int64_t *out)
{
	if (!(fabs(v) <= 9007199254740992.0) || v != floor(v))
		return false;
	*out = (int64_t)v;
	return true;
}

bool dcm_parse_int(const char *s, size_t len, int64_t *out)
{
	struct text t = number_text(s, len);
	struct decimal d;
	double v;

	if (!scan_decimal(t, &d))
		return false;
	if (d.exact && d.exponent == 0 && d.mantissa <= (uint64_t)INT64_MAX) {
		*out = d.negative ? -(int64_t)d.mantissa : (int64_t)d.mantissa;
		return true;
	}
	return (convert_exactly(&d, &v) || convert_slowly(t, &v)) && to_int(v, out);
}

/* ------------------------------------------------------------------ numbers of any VR */

/* A binary value as integer or as floating point. */
struct number {
	bool is_float;
	double f;
	int64_t i;
};

static uint64_t load(const uint8_t *p, size_t width, bool big_endian)
{
	switch (width) {
	case 1:
		return *p;
	case 2:
		return big_endian ? get_be16(p) : get_le16(p);
	case 4:
		return big_endian ? get_be32(p) : get_le32(p);
	default:
		return big_endian ? get_be64(p) : get_le64(p);
	}
}

static struct number float_number(double v)
{
	return (struct number){ .is_float = true, .f = v };
}

static struct number int_number(int64_t v)
{
	return (struct number){ .i = v };
}

/* The value whose `bits` were read with this VR's width. */
static struct number interpret(uint16_t vr, uint64_t bits)
{
	switch (vr) {
	case DCM_VR_FL:
	case DCM_VR_OF:
		return float_number((double)f32_from_bits((uint32_t)bits));
	case DCM_VR_FD:
	case DCM_VR_OD:
		return float_number(f64_from_bits(bits));
	case DCM_VR_SS:
		return int_number((int16_t)bits);
	case DCM_VR_SL:
		return int_number((int32_t)bits);
	case DCM_VR_UV:
	case DCM_VR_OV:
		return bits > (uint64_t)INT64_MAX ? float_number((double)bits) :
			int_number((int64_t)bits);
	default:
		return int_number((int64_t)bits);
	}
}

static bool binary_number(const struct dcm_node *n, uint16_t vr, uint32_t i, struct number *out)
{
	size_t width = width_of(vr), at = (size_t)i * width;
	bool big_endian = n->el.big_endian && n->el.vr != DCM_VR_UN;
	uint64_t bits;

	if (n->value == NULL || n->el.len < width || at > n->el.len - width)
		return false;
	if (vr == DCM_VR_AT)
		bits = load(n->value + at, 2, big_endian) << 16 |
			load(n->value + at + 2, 2, big_endian);
	else
		bits = load(n->value + at, width, big_endian);
	*out = interpret(vr, bits);
	return true;
}

bool dcm_double(const struct dcm_node *n, uint32_t i, double *out)
{
	struct number v;
	struct text part;
	uint16_t vr;

	if (n == NULL)
		return false;
	vr = vr_of(n);
	if (width_of(vr) > 0) {
		if (!binary_number(n, vr, i, &v))
			return false;
		*out = v.is_float ? v.f : (double)v.i;
		return true;
	}
	return dcm_vr_is_text(vr) && part_at(whole(n), i, &part) &&
		dcm_parse_double(part.s, part.len, out);
}

bool dcm_int(const struct dcm_node *n, uint32_t i, int64_t *out)
{
	struct number v;
	struct text part;
	uint16_t vr;

	if (n == NULL)
		return false;
	vr = vr_of(n);
	if (width_of(vr) > 0) {
		if (!binary_number(n, vr, i, &v))
			return false;
		if (v.is_float)
			return to_int(v.f, out);
		*out = v.i;
		return true;
	}
	return dcm_vr_is_text(vr) && part_at(whole(n), i, &part) &&
		dcm_parse_int(part.s, part.len, out);
}

double dcm_get_double(const struct dcm_dataset *ds, uint32_t tag, double otherwise)
{
	dcm_double(dcm_get(ds, tag), 0, &otherwise);
	return otherwise;
}

int64_t dcm_get_int(const struct dcm_dataset *ds, uint32_t tag, int64_t otherwise)
{
	dcm_int(dcm_get(ds, tag), 0, &otherwise);
	return otherwise;
}

uint32_t dcm_get_doubles(const struct dcm_dataset *ds, uint32_t tag, double *out, uint32_t max)
{
	const struct dcm_node *n = dcm_get(ds, tag);
	struct text rest = whole(n), part;
	uint32_t i;

	if (n == NULL)
		return 0;
	if (!dcm_vr_is_text(vr_of(n))) {
		for (i = 0; i < max && dcm_double(n, i, &out[i]); i++)
			;
		return i;
	}
	for (i = 0; i < max && next_part(&rest, &part); i++)
		if (!dcm_parse_double(part.s, part.len, &out[i]))
			break;
	return i;
}

/* ------------------------------------------------------------------ text */

bool dcm_raw_text(const struct dcm_node *n, uint32_t i, const char **text, size_t *len)
{
	struct text all = whole(n), part = all;
	uint16_t vr;

	if (n == NULL || all.len == 0)
		return false;
	vr = vr_of(n);
	if (is_single(vr) ? i > 0 : !part_at(all, i, &part))
		return false;
	part = trim_as(vr, part);
	if (part.len == 0)
		return false;
	*text = part.s;
	*len = part.len;
	return true;
}

static bool is_plain_ascii(struct text t)
{
	size_t i;

	for (i = 0; i < t.len; i++)
		if ((unsigned char)t.s[i] >= 0x80 || t.s[i] == 0x1B)
			return false;
	return true;
}

static const char *keep(struct text t, struct arena *a)
{
	return t.len > 0 ? arena_strndup(a, t.s, t.len) : NULL;
}

/* Value i of decoded text, or with i < 0 all of it. */
static struct text pick(uint16_t vr, struct text all, int64_t i)
{
	struct text none = { NULL, 0 }, part;

	if (i < 0)
		return trim_as(vr, all);
	if (is_single(vr))
		return i == 0 ? trim_as(vr, all) : none;
	return part_at(all, (uint32_t)i, &part) ? trim_as(vr, part) : none;
}

/* Decoded first and split then: a backslash may be half of a character. */
static const char *text_of(const struct dcm_dataset *ds, const struct dcm_node *n, int64_t i,
	struct arena *a)
{
	struct text all = whole(n);
	const char *kept;
	struct buf b;
	uint16_t vr;

	if (n == NULL || all.len == 0)
		return NULL;
	vr = vr_of(n);
	if (width_of(vr) > 1)
		return NULL;
	if (is_plain_ascii(all))
		return keep(pick(vr, all, i), a);
	buf_init(&b);
	charset_decode(dcm_vr_has_charset(vr) && ds != NULL ? ds->charset : charset_default(), vr,
		all.s, all.len, &b);
	kept = buf_error(&b) ? NULL : keep(pick(vr, (struct text){ b.data, b.len }, i), a);
	buf_release(&b);
	return kept;
}

const char *dcm_text(const struct dcm_dataset *ds, const struct dcm_node *n, struct arena *a)
{
	return text_of(ds, n, -1, a);
}

const char *dcm_text_value(
	const struct dcm_dataset *ds, const struct dcm_node *n, uint32_t i, struct arena *a)
{
	return text_of(ds, n, i, a);
}

const char *dcm_get_text(const struct dcm_dataset *ds, uint32_t tag, struct arena *a)
{
	return dcm_text(ds, dcm_get(ds, tag), a);
}

bool dcm_text_is(const struct dcm_node *n, uint32_t i, const char *want)
{
	const char *s;
	size_t len;

	return dcm_raw_text(n, i, &s, &len) && len == strlen(want) && memcmp(s, want, len) == 0;
}

bool dcm_text_has(const struct dcm_node *n, const char *want)
{
	struct text rest = whole(n), part;
	size_t len = strlen(want);

	while (next_part(&rest, &part)) {
		part = trim(part);
		if (part.len == len && memcmp(part.s, want, len) == 0)
			return true;
	}
	return false;
}

bool dcm_text_contains(const struct dcm_node *n, const char *part)
{
	struct text all = whole(n);

	return all.len > 0 && memmem(all.s, all.len, part, strlen(part)) != NULL;
}

/* ------------------------------------------------------------------ dates and times */

/* Exactly n digits at the start of *t, which moves behind them. */
static bool take_digits(struct text *t, size_t n, uint32_t *out)
{
	uint32_t v = 0;
	size_t i;

	if (t->len < n)
		return false;
	for (i = 0; i < n; i++) {
		if (!is_digit(t->s[i]))
			return false;
		v = v * 10 + (uint32_t)(t->s[i] - '0');
	}
	t->s += n;
	t->len -= n;
	*out = v;
	return true;
}

static bool take_one_of(struct text *t, const char *set)
{
	if (t->len == 0 || t->s[0] == '\0' || strchr(set, t->s[0]) == NULL)
		return false;
	t->s++;
	t->len--;
	return true;
}

/* YYYY[MM[DD]], with the separators of old; what is missing is 0. */
static bool take_date(struct text *t, uint32_t *yyyymmdd)
{
	uint32_t year, month = 0, day = 0;

	if (!take_digits(t, 4, &year))
		return false;
	take_one_of(t, ".-/");
	if (take_digits(t, 2, &month)) {
		take_one_of(t, ".-/");
		if (take_digits(t, 2, &day) && (day < 1 || day > 31))
			return false;
		if (month < 1 || month > 12)
			return false;
	}
	*yyyymmdd = year * 10000 + month * 100 + day;
	return true;
}

/* .F{1,9}: nanoseconds; digits behind those count for nothing. */
static uint32_t take_fraction(struct text *t)
{
	uint32_t ns = 0, digit, scale = 100000000;

	if (!take_one_of(t, ".,"))
		return 0;
	while (take_digits(t, 1, &digit)) {
		ns += digit * scale;
		scale /= 10;
	}
	return ns;
}

/* HH[MM[SS[.F]]], colons between them or not. One division, so that the double is the
 * one nearest to the text. */
static bool take_time(struct text *t, double *seconds)
{
	uint32_t hour, minute = 0, second = 0, ns = 0;

	if (!take_digits(t, 2, &hour))
		return false;
	take_one_of(t, ":");
	if (take_digits(t, 2, &minute)) {
		take_one_of(t, ":");
		if (take_digits(t, 2, &second))
			ns = take_fraction(t);
	}
	if (hour > 24 || minute > 59 || second > 60)
		return false;
	*seconds = (double)((uint64_t)(hour * 3600 + minute * 60 + second) * 1000000000u + ns) / 1e9;
	return true;
}

bool dcm_parse_time(const char *s, size_t len, double *seconds)
{
	struct text t = number_text(s, len);
	double v;

	if (!take_time(&t, &v) || t.len > 0)
		return false;
	*seconds = v;
	return true;
}

bool dcm_parse_date(const char *s, size_t len, uint32_t *yyyymmdd)
{
	struct text t = number_text(s, len);
	uint32_t v;

	if (!take_date(&t, &v) || t.len > 0)
		return false;
	*yyyymmdd = v;
	return true;
}

/* [+-]ZZXX, or the Z of another standard. */
static bool take_offset(struct text *t)
{
	uint32_t hours, minutes;

	if (t->len == 0 || take_one_of(t, "Z"))
		return true;
	return take_one_of(t, "+-") && take_digits(t, 2, &hours) &&
		(take_one_of(t, ":"), take_digits(t, 2, &minutes));
}

bool dcm_parse_datetime(const char *s, size_t len, uint32_t *yyyymmdd, double *seconds)
{
	struct text t = number_text(s, len);
	uint32_t date;
	double time = 0;

	if (!take_date(&t, &date))
		return false;
	take_one_of(&t, "T ");
	if (t.len > 0 && is_digit(t.s[0]) && !take_time(&t, &time))
		return false;
	if (!take_offset(&t) || t.len > 0)
		return false;
	*yyyymmdd = date;
	*seconds = time;
	return true;
}
