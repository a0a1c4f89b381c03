/* SPDX-License-Identifier: MIT */
/*
 * Values as a dump shows them. Most text is plain ASCII without blanks to trim and
 * is shown where it lies; everything else is made in the dumper's buffers: decoded
 * to UTF-8 first, then cut at backslashes (half of a character in some sets), then
 * trimmed, control characters as pictures.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "dicom/charset.h"
#include "dump_lines.h"

#define MOST_HEX 64u /* bytes of a binary value that are shown */

#define PICTURES 0x2400u
#define PICTURE_DEL 0x2421u
#define REPLACEMENT 0xFFFDu

static bool has_many(uint16_t vr)
{
	return vr != DCM_VR_LT && vr != DCM_VR_ST && vr != DCM_VR_UT && vr != DCM_VR_UR;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\0';
}

static void trim(const char **s, size_t *len)
{
	while (*len && is_blank((*s)[*len - 1]))
		--*len;
	while (*len && is_blank(**s)) {
		++*s;
		--*len;
	}
}

/* ---- text ---- */

/* Printable ASCII, eight bytes at a time: no byte below 0x20, none above 0x7e. */
static bool is_printable(const char *s, size_t len)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
	uint64_t v, bad = 0;
	size_t i;

	for (i = 0; i + 8 <= len; i += 8) {
		v = get_le64(s + i);
		bad |= (v - ones * 0x20) | (v + ones) | v;
	}
	for (; i < len; i++)
		bad |= (unsigned char)s[i] < 0x20 || s[i] >= 0x7F || s[i] < 0 ? tops : 0;
	return (bad & tops) == 0;
}

/* Trimmed text that needs nothing: printable, no blank beside a backslash. */
static bool is_plain(const char *s, size_t len, bool many)
{
	const char *at = s, *end = s + len;

	if (!is_printable(s, len))
		return false;
	while (many && (at = memchr(at, '\\', (size_t)(end - at))) != NULL) {
		if ((at > s && at[-1] == ' ') || (at + 1 < end && at[1] == ' '))
			return false;
		at++;
	}
	return true;
}

/* What stands for a character that would break a line, or hide; 0: itself. */
static uint32_t picture_of(uint32_t cp)
{
	if (cp < 0x20)
		return PICTURES + cp;
	if (cp == 0x7F)
		return PICTURE_DEL;
	if ((cp >= 0x80 && cp <= 0x9F) || cp == 0x2028 || cp == 0x2029 || cp == UINT32_MAX)
		return REPLACEMENT;
	return 0;
}

void dump_add_shown(struct buf *out, const char *s, size_t len)
{
	uint32_t cp, picture;
	size_t n;

	trim(&s, &len);
	if (is_plain(s, len, false)) {
		buf_add(out, s, len);
		return;
	}
	for (; len; s += n, len -= n) {
		n = utf8_decode(s, len, &cp);
		picture = picture_of(cp);
		if (picture)
			utf8_encode(out, picture);
		else
			buf_add(out, s, n);
	}
}

void dump_value_shown(struct dumper *d, const char *s, size_t len, struct dump_value *out)
{
	trim(&s, &len);
	out->damaged = false;
	out->text = s;
	out->len = len;
	if (is_plain(s, len, false))
		return;
	buf_reset(&d->raw);
	buf_reset(&d->text);
	out->damaged = !charset_decode(charset_default(), DCM_VR_UT, s, len, &d->raw);
	dump_add_shown(&d->text, d->raw.len ? d->raw.data : "", d->raw.len);
	out->text = d->text.len ? d->text.data : "";
	out->len = d->text.len;
}

static void show_text(struct dumper *d, const struct dcm_dataset *ds, uint16_t vr, const char *s,
	size_t len, struct dump_value *out)
{
	const struct charset *cs = dcm_vr_has_charset(vr) ? ds->charset : charset_default();
	bool many = has_many(vr);
	const char *end, *cut;

	trim(&s, &len);
	out->text = s;
	out->len = len;
	if (is_plain(s, len, many))
		return;
	buf_reset(&d->raw);
	buf_reset(&d->text);
	out->damaged = !charset_decode(cs, vr, s, len, &d->raw);
	s = d->raw.len ? d->raw.data : "";
	end = s + d->raw.len;
	for (;;) {
		cut = many && s < end ? memchr(s, '\\', (size_t)(end - s)) : NULL;
		dump_add_shown(&d->text, s, (size_t)((cut ? cut : end) - s));
		if (!cut)
			break;
		buf_addc(&d->text, '\\');
		s = cut + 1;
	}
	out->text = d->text.len ? d->text.data : "";
	out->len = d->text.len;
}

/* ---- numbers and bytes ---- */

static void add_number(struct buf *b, uint16_t vr, const uint8_t *p, bool big)
{
	uint64_t v8 = dcm_vr_unit(vr) == 8 ? (big ? get_be64(p) : get_le64(p)) : 0;
	uint32_t v4 = dcm_vr_unit(vr) == 4 ? (big ? get_be32(p) : get_le32(p)) : 0;
	uint16_t v2 = big ? get_be16(p) : get_le16(p);

	switch (vr) {
	case DCM_VR_FL:
		buf_add_f32(b, f32_from_bits(v4));
		break;
	case DCM_VR_FD:
		buf_add_f64(b, f64_from_bits(v8));
		break;
	case DCM_VR_SS:
		buf_add_i64(b, (int16_t)v2);
		break;
	case DCM_VR_SL:
		buf_add_i64(b, (int32_t)v4);
		break;
	case DCM_VR_SV:
		buf_add_i64(b, (int64_t)v8);
		break;
	default:
		buf_add_u64(b, v8 + v4 + (dcm_vr_unit(vr) == 2 ? v2 : 0));
	}
}

static void add_hex(struct buf *b, unsigned value, unsigned digits)
{
	static const char hex[] = "0123456789abcdef";

	while (digits--)
		buf_addc(b, hex[value >> (4 * digits) & 15]);
}

static void add_tag(struct buf *b, const uint8_t *p, bool big)
{
	buf_addc(b, '(');
	add_hex(b, big ? get_be16(p) : get_le16(p), 4);
	buf_addc(b, ',');
	add_hex(b, big ? get_be16(p + 2) : get_le16(p + 2), 4);
	buf_addc(b, ')');
}

/* Bytes that one value of a binary VR takes; 0: it is no list of numbers. */
static size_t number_size(uint16_t vr)
{
	switch (vr) {
	case DCM_VR_US:
	case DCM_VR_SS:
	case DCM_VR_UL:
	case DCM_VR_SL:
	case DCM_VR_FL:
	case DCM_VR_UV:
	case DCM_VR_SV:
	case DCM_VR_FD:
		return dcm_vr_unit(vr);
	case DCM_VR_AT:
		return 4;
	default:
		return 0;
	}
}

static void show_numbers(struct dumper *d, const struct dcm_elem *el, const uint8_t *p)
{
	size_t size = number_size(el->vr), n = (size_t)el->len / size, i;

	for (i = 0; i < n; i++, p += size) {
		if (i)
			buf_addc(&d->text, '\\');
		if (el->vr == DCM_VR_AT)
			add_tag(&d->text, p, el->big_endian);
		else
			add_number(&d->text, el->vr, p, el->big_endian);
	}
}

static void show_bytes(struct dumper *d, const uint8_t *p, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (i)
			buf_addc(&d->text, ' ');
		add_hex(&d->text, p[i], 2);
	}
}

/* "<1 item>", "<2 items>" */
static void add_count(struct buf *b, uint64_t n, const char *what)
{
	buf_addc(b, '<');
	buf_add_u64(b, n);
	buf_addc(b, ' ');
	buf_adds(b, what);
	buf_adds(b, n == 1 ? "" : "s");
}

static void show_size(struct dumper *d, const struct dcm_node *n)
{
	if (n->el.vr == DCM_VR_SQ) {
		if (n->n_items) {
			add_count(&d->text, n->n_items, "item");
			buf_addc(&d->text, '>');
		}
		return;
	}
	if (n->el.len == DCM_UNDEFINED_LENGTH) {
		add_count(&d->text, n->n_fragments, "fragment");
		buf_adds(&d->text, ", ");
		buf_add_u64(&d->text, n->fragment_bytes);
		buf_adds(&d->text, n->fragment_bytes == 1 ? " byte>" : " bytes>");
		return;
	}
	add_count(&d->text, n->el.len, "byte");
	buf_addc(&d->text, '>');
}

static int show_binary(struct dumper *d, const struct dcm_node *n, struct err *err)
{
	size_t size = number_size(n->el.vr);
	const uint8_t *bytes;
	bool owned;
	int rc;

	if (size && n->el.len % size)
		size = 0;
	if (!size && n->el.len > MOST_HEX) {
		show_size(d, n);
		return 0;
	}
	rc = dcm_header_load(d->h, n, &bytes, &owned, err);
	if (rc == -EFBIG || rc == -EBADMSG)
		show_size(d, n);
	if (rc < 0)
		return rc == -EFBIG || rc == -EBADMSG ? 0 : rc;
	if (size)
		show_numbers(d, &n->el, bytes);
	else
		show_bytes(d, bytes, (size_t)n->el.len);
	if (owned)
		mem_free((void *)bytes);
	return 0;
}

int dump_value(struct dumper *d, const struct dcm_dataset *ds, const struct dcm_node *n,
	struct dump_value *out, struct err *err)
{
	int rc = 0;

	out->text = "";
	out->len = 0;
	out->damaged = false;
	if (n->el.len == 0)
		return 0;
	if (dcm_vr_is_text(n->el.vr) && n->value) {
		show_text(d, ds, n->el.vr, (const char *)n->value, (size_t)n->el.len, out);
		return 0;
	}
	buf_reset(&d->text);
	if (n->el.vr == DCM_VR_SQ || n->el.len == DCM_UNDEFINED_LENGTH)
		show_size(d, n);
	else
		rc = show_binary(d, n, err);
	out->text = d->text.len ? d->text.data : "";
	out->len = d->text.len;
	return rc;
}
