/* SPDX-License-Identifier: MIT */
/*
 * Numbers, dates and times as text (PS3.5 §6.2): the forms of the standard, and those that
 * real files have instead. Nothing here depends on a locale.
 */
#include "dicom/value.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX 128 /* characters of a number; DS is 16, real ones are up to 30 */

struct text {
	const char *s;
	size_t len;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* ------------------------------------------------------------------ numbers */

struct decimal {
	uint64_t mantissa; /* of the first 19 digits */
	int exponent;      /* of ten */
	bool exact;        /* mantissa has all digits that are not zero */
	bool negative;
};

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
	static const double ten[] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
		1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
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
	for (i = 0; i < t.len; i++) {
		copy[i] = t.s[i];
		if (copy[i] == ',')
			copy[i] = '.';
	}
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

/* What stands between blanks; what stands behind a NUL is rubbish of the writer's buffer. */
static struct text bare(const char *s, size_t len)
{
	const char *nul;

	while (len > 0 && (unsigned char)*s <= ' ') {
		s++;
		len--;
	}
	nul = len > 0 ? memchr(s, '\0', len) : NULL;
	if (nul != NULL)
		len = (size_t)(nul - s);
	while (len > 0 && (unsigned char)s[len - 1] <= ' ')
		len--;
	return (struct text){ s, len };
}

bool dcm_parse_double(const char *s, size_t len, double *out)
{
	struct text t = bare(s, len);
	struct decimal d;

	if (!scan_decimal(t, &d))
		return false;
	return convert_exactly(&d, out) || convert_slowly(t, out);
}

/* "1.0" and "2e3" are integers too. */
static bool to_int(const struct decimal *d, int64_t *out)
{
	uint64_t v = d->mantissa;
	int e = v != 0 ? d->exponent : 0;

	for (; e < 0 && v % 10 == 0; e++)
		v /= 10;
	for (; e > 0 && v <= (uint64_t)INT64_MAX / 10; e--)
		v *= 10;
	if (!d->exact || e != 0 || v > (uint64_t)INT64_MAX)
		return false;
	*out = d->negative ? -(int64_t)v : (int64_t)v;
	return true;
}

bool dcm_parse_int(const char *s, size_t len, int64_t *out)
{
	struct decimal d;

	return scan_decimal(bare(s, len), &d) && to_int(&d, out);
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
	*seconds = (double)((uint64_t)(hour * 3600 + minute * 60 + second) * 1000000000u + ns) /
		1e9;
	return true;
}

bool dcm_parse_time(const char *s, size_t len, double *seconds)
{
	struct text t = bare(s, len);
	double v;

	if (!take_time(&t, &v) || t.len > 0)
		return false;
	*seconds = v;
	return true;
}

bool dcm_parse_date(const char *s, size_t len, uint32_t *yyyymmdd)
{
	struct text t = bare(s, len);
	uint32_t v;

	if (!take_date(&t, &v) || t.len > 0)
		return false;
	*yyyymmdd = v;
	return true;
}

double dcm_days_apart(const char *a, const char *b)
{
	uint32_t x, y;

	if (!a || !b || strcmp(a, b) == 0 || !dcm_parse_date(a, strlen(a), &x) ||
		!dcm_parse_date(b, strlen(b), &y))
		return 0.0;
	return x < y ? 1.0 : x > y ? -1.0 : 0.0;
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
	struct text t = bare(s, len);
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
