/* SPDX-License-Identifier: MIT */
/*
 * The values of elements as numbers and text (PS3.5 §6.2).
 *
 * An element that was written as UN is taken for what a dictionary says it is: PS3.5 §6.2.2
 * has its value in the little-endian implicit form. Without an entry it is text to whom
 * asks for text, and no number.
 */
#include "dicom/value.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "dicom/charset.h"

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

/* ------------------------------------------------------------------ numbers of any VR */

/* A double that is an integer, and stands for no other. */
static bool to_int(double v, int64_t *out)
{
	if (!(fabs(v) <= 9007199254740992.0) || v != floor(v))
		return false;
	*out = (int64_t)v;
	return true;
}

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

bool dcm_next_raw_text(const struct dcm_node *n, size_t *at, const char **text, size_t *len)
{
	const char *all = (const char *)n->value, *end;
	size_t most = (size_t)n->el.len;

	if (!all || *at > most || (*at == most && most))
		return false;
	end = memchr(all + *at, '\\', most - *at);
	*text = all + *at;
	*len = end ? (size_t)(end - *text) : most - *at;
	*at += *len + 1;
	while (*len && ((*text)[*len - 1] == ' ' || (*text)[*len - 1] == '\0'))
		--*len;
	for (; *len && **text == ' '; ++*text)
		--*len;
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

/* The whole value in UTF-8: the node's own bytes, or what b has now. Nothing where it is no text. */
static struct text decoded(const struct dcm_dataset *ds, const struct dcm_node *n, struct buf *b)
{
	struct text all = whole(n);
	uint16_t vr = n ? vr_of(n) : DCM_VR_UN;

	if (n == NULL || all.len == 0 || width_of(vr) > 1)
		return (struct text){ NULL, 0 };
	if (is_plain_ascii(all))
		return all;
	charset_decode(dcm_vr_has_charset(vr) && ds != NULL ? ds->charset : charset_default(), vr,
		all.s, all.len, b);
	return (struct text){ b->data, b->len };
}

/* Decoded first and split then: a backslash may be half of a character. */
static const char *text_of(const struct dcm_dataset *ds, const struct dcm_node *n, int64_t i,
	struct arena *a)
{
	const char *kept = NULL;
	struct text all;
	struct buf b;

	buf_init(&b);
	all = decoded(ds, n, &b);
	if (all.len && !buf_error(&b))
		kept = keep(pick(vr_of(n), all, i), a);
	buf_release(&b);
	return kept;
}

const char *dcm_text(const struct dcm_dataset *ds, const struct dcm_node *n, struct arena *a)
{
	return text_of(ds, n, -1, a);
}

int dcm_text_whole(const struct dcm_dataset *ds, const struct dcm_node *n, struct arena *a,
	char **text, size_t *len)
{
	struct text all;
	struct buf b;
	int rc = 0;

	*text = NULL;
	buf_init(&b);
	all = decoded(ds, n, &b);
	*len = all.len;
	if (all.len)
		*text = arena_strndup(a, all.s, all.len);
	if (buf_error(&b) || (all.len && !*text))
		rc = -ENOMEM;
	buf_release(&b);
	return rc;
}

const char *dcm_text_value(const struct dcm_dataset *ds, const struct dcm_node *n, uint32_t i,
	struct arena *a)
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
