/* SPDX-License-Identifier: MIT */
/* The DICOM JSON model: see text/json.h. */
#include "text/json.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "dicom/dataset.h"
#include "dicom/dict.h"
#include "dicom/tags.h"
#include "dicom/value.h"

#define ARENA_KEPT 65536u
#define INLINE_STEP 3072u /* a multiple of what base64 and the widest unit take */

struct json {
	const struct dcm_header *h;
	const char *bulk_uri;
	struct buf *out;
	struct arena arena; /* of some elements' texts */
	struct err *err;
};

/* How much of a text needs no escape: printable ASCII but for two. */
static size_t plain_run(const char *s, size_t len)
{
	size_t n = 0;

	while (n < len && s[n] >= 0x20 && s[n] < 0x7F && s[n] != '"' && s[n] != '\\')
		n++;
	return n;
}

void json_add_string(struct buf *out, const char *s, size_t len)
{
	uint32_t cp;
	size_t n;

	buf_addc(out, '"');
	for (; len; s += n, len -= n) {
		n = plain_run(s, len);
		buf_add(out, s, n);
		if (n)
			continue;
		n = utf8_decode(s, len, &cp);
		if (cp == '"' || cp == '\\')
			buf_addf(out, "\\%c", (int)cp);
		else if (cp == '\n')
			buf_adds(out, "\\n");
		else if (cp == '\r')
			buf_adds(out, "\\r");
		else if (cp == '\t')
			buf_adds(out, "\\t");
		else if (cp < 0x20)
			buf_addf(out, "\\u%04x", (unsigned)cp);
		else if (cp > 0x10FFFF)
			buf_adds(out, "\xEF\xBF\xBD");
		else
			buf_add(out, s, n);
	}
	buf_addc(out, '"');
}

static void add_text(struct buf *out, const char *s)
{
	json_add_string(out, s, strlen(s));
}

/* Is the text a number as JSON writes them? A DS that is goes through as it stands, so that 1.50
 * stays 1.50. */
static bool is_json_number(const char *s)
{
	if (*s == '-')
		s++;
	if (!isdigit((unsigned char)*s) || (*s == '0' && isdigit((unsigned char)s[1])))
		return false;
	while (isdigit((unsigned char)*s))
		s++;
	if (*s == '.') {
		if (!isdigit((unsigned char)*++s))
			return false;
		while (isdigit((unsigned char)*s))
			s++;
	}
	if (*s == 'e' || *s == 'E') {
		s += s[1] == '+' || s[1] == '-' ? 2 : 1;
		if (!isdigit((unsigned char)*s))
			return false;
		while (isdigit((unsigned char)*s))
			s++;
	}
	return *s == '\0';
}

/* Infinity and NaN are no JSON numbers: their names as strings. */
static bool add_special(struct buf *out, double v)
{
	if (isfinite(v))
		return false;
	add_text(out, isnan(v) ? "NaN" : v < 0 ? "-Infinity" : "Infinity");
	return true;
}

static void add_number_text(struct json *j, const char *text)
{
	double v;

	if (is_json_number(text))
		buf_adds(j->out, text);
	else if (!dcm_parse_double(text, strlen(text), &v))
		add_text(j->out, text);
	else if (!add_special(j->out, v))
		buf_add_f64(j->out, v);
}

/* A person's name: up to three groups, the empty ones left out (PS3.18 F.2.2). */
static void add_name(struct json *j, const char *text)
{
	static const char *const groups[] = { "Alphabetic", "Ideographic", "Phonetic" };
	const char *comma = "";
	size_t len;
	int g;

	buf_addc(j->out, '{');
	for (g = 0; g < 3 && *text; g++) {
		len = g < 2 ? strcspn(text, "=") : strlen(text);
		if (len) {
			buf_addf(j->out, "%s\"%s\":", comma, groups[g]);
			json_add_string(j->out, text, len);
			comma = ",";
		}
		text += len;
		text += *text == '=';
	}
	buf_addc(j->out, '}');
}

static void add_binary_number(struct json *j, const struct dcm_node *n, uint32_t i)
{
	double v = 0;
	int64_t whole = 0;

	if (n->el.vr == DCM_VR_FL || n->el.vr == DCM_VR_FD) {
		dcm_double(n, i, &v);
		if (add_special(j->out, v))
			return;
		if (n->el.vr == DCM_VR_FL)
			buf_add_f32(j->out, (float)v);
		else
			buf_add_f64(j->out, v);
	} else if (n->el.vr == DCM_VR_UV && n->el.len / 8 > i) {
		uint64_t u = n->el.big_endian ? get_be64(n->value + 8 * (size_t)i) :
						get_le64(n->value + 8 * (size_t)i);

		buf_add_u64(j->out, u);
	} else {
		dcm_int(n, i, &whole);
		buf_add_i64(j->out, whole);
	}
}

static void add_tag(struct json *j, const struct dcm_node *n, uint32_t i)
{
	const uint8_t *p = n->value + 4 * (size_t)i;
	unsigned group = n->el.big_endian ? get_be16(p) : get_le16(p);
	unsigned element = n->el.big_endian ? get_be16(p + 2) : get_le16(p + 2);

	buf_addf(j->out, "\"%04X%04X\"", group, element);
}

static bool is_binary(uint16_t vr)
{
	switch (vr) {
	case DCM_VR_OB:
	case DCM_VR_OD:
	case DCM_VR_OF:
	case DCM_VR_OL:
	case DCM_VR_OV:
	case DCM_VR_OW:
	case DCM_VR_UN:
		return true;
	default:
		return !dcm_vr_known(vr);
	}
}

/* LT, ST, UT and UR are one value whatever they hold. */
static bool is_single(uint16_t vr)
{
	return vr == DCM_VR_LT || vr == DCM_VR_ST || vr == DCM_VR_UT || vr == DCM_VR_UR;
}

/* One value of a text, NUL-terminated. */
static void add_text_value(struct json *j, uint16_t vr, const char *text)
{
	if (!*text)
		buf_adds(j->out, "null");
	else if (vr == DCM_VR_PN)
		add_name(j, text);
	else if (vr == DCM_VR_DS || vr == DCM_VR_IS)
		add_number_text(j, text);
	else
		add_text(j->out, text);
}

/* The value in len bytes without its padding, NUL-terminated; NULs within are blanks. Blanks in front
 * are padding but for text that is one value (PS3.5 §6.2). In place: s has room for one byte more. */
static char *clean(char *s, size_t len, bool single)
{
	size_t i;

	for (; len && !*s; len--)
		s++;
	for (i = 0; i < len; i++)
		s[i] = s[i] ? s[i] : ' ';
	while (len && s[len - 1] == ' ')
		len--;
	s[len] = '\0';
	return single ? s : s + strspn(s, " ");
}

/* All values of a text, in one go over it. */
static int add_texts(struct json *j, const struct dcm_dataset *ds, const struct dcm_node *n)
{
	const char *next = ",\"Value\":[";
	bool single = is_single(n->el.vr), last;
	size_t len, part;
	char *s;

	if (dcm_text_whole(ds, n, &j->arena, &s, &len) < 0)
		return err_nomem(j->err);
	if (!len || !*(s = clean(s, len, single)))
		return 0;
	do {
		part = strcspn(s, single ? "" : "\\");
		last = !s[part];
		buf_adds(j->out, next);
		add_text_value(j, n->el.vr, clean(s, part, single));
		s += part + 1;
		next = ",";
	} while (!last);
	buf_addc(j->out, ']');
	return 0;
}

static void add_base64(struct buf *out, const uint8_t *p, size_t len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t three;
	char four[4];
	size_t i;

	for (i = 0; i < len; i += 3) {
		three = (uint32_t)p[i] << 16 | (i + 1 < len ? (uint32_t)p[i + 1] << 8 : 0) |
			(i + 2 < len ? p[i + 2] : 0u);
		four[0] = digits[three >> 18];
		four[1] = digits[three >> 12 & 63];
		four[2] = i + 1 < len ? digits[three >> 6 & 63] : '=';
		four[3] = i + 2 < len ? digits[three & 63] : '=';
		buf_add(out, four, 4);
	}
}

/* n bytes of `unit` each, as a little-endian file would have them. */
static void copy_swapped(uint8_t *to, const uint8_t *from, size_t n, unsigned unit)
{
	size_t i, k;

	for (i = 0; i < n; i++) {
		k = i % unit;
		to[i] = i - k + unit <= n ? from[i - k + unit - 1 - k] : from[i];
	}
}

/* A binary value (PS3.18 F.2.7). */
static int add_inline(struct json *j, const struct dcm_node *n)
{
	unsigned unit = n->el.big_endian ? dcm_vr_unit(n->el.vr) : 1;
	size_t len = (size_t)n->el.len, off, part;
	uint8_t some[INLINE_STEP];
	const uint8_t *value;
	bool owned;
	int rc = dcm_header_load(j->h, n, &value, &owned, j->err);

	if (j->h->file.deflated && (rc == -EFBIG || rc == -EBADMSG))
		return 0; /* too long, or fragments where there can be none */
	if (rc < 0)
		return rc;
	buf_adds(j->out, ",\"InlineBinary\":\"");
	for (off = 0; off < len; off += part) {
		part = min_size(len - off, sizeof some);
		copy_swapped(some, value + off, part, unit);
		add_base64(j->out, some, part);
	}
	buf_addc(j->out, '"');
	if (owned)
		mem_free((void *)(uintptr_t)value);
	return 0;
}

static void add_bulk(struct json *j, const struct dcm_node *n)
{
	uint64_t len = n->el.len;

	if (len == DCM_UNDEFINED_LENGTH)
		len = n->fragments_end - n->el.off;
	buf_adds(j->out, ",\"BulkDataURI\":\"");
	buf_adds(j->out, j->bulk_uri);
	buf_addf(j->out, "#%llu,%llu\"", (unsigned long long)n->el.off, (unsigned long long)len);
}

static int add_values(struct json *j, const struct dcm_dataset *ds, const struct dcm_node *n)
{
	uint32_t i, count;
	int rc;

	if (n->el.tag == DCM_SpecificCharacterSet) {
		buf_adds(j->out, ",\"Value\":[\"ISO_IR 192\"]");
		return 0;
	}
	if (n->el.len == 0)
		return 0;
	if (is_binary(n->el.vr) && (n->el.len <= JSON_INLINE_BYTES || j->h->file.deflated))
		return add_inline(j, n);
	if (!n->value && j->h->file.deflated)
		return 0;
	if (is_binary(n->el.vr) || !n->value) {
		add_bulk(j, n);
		return 0;
	}
	if (dcm_vr_is_text(n->el.vr)) {
		rc = add_texts(j, ds, n);
		if (j->arena.total_bytes > ARENA_KEPT)
			arena_release(&j->arena);
		return rc;
	}
	count = dcm_vm(n);
	for (i = 0; i < count; i++) {
		buf_adds(j->out, i ? "," : ",\"Value\":[");
		if (n->el.vr == DCM_VR_AT)
			add_tag(j, n, i);
		else
			add_binary_number(j, n, i);
	}
	if (count)
		buf_addc(j->out, ']');
	return 0;
}

/* Where the walk stands: in a data set, which is an item of `sequence` (NULL: the whole). */
struct place {
	const struct dcm_dataset *ds;
	const struct dcm_node **order; /* its elements by tag */
	uint32_t n, next;
	const struct dcm_node *sequence;
	uint32_t item;
};

static int by_tag(const void *a, const void *b)
{
	const struct dcm_node *x = *(const struct dcm_node *const *)a,
			      *y = *(const struct dcm_node *const *)b;

	if (x->el.tag != y->el.tag)
		return x->el.tag < y->el.tag ? -1 : 1;
	return x < y ? -1 : x > y;
}

/* The elements that the model has, in ascending order, the first of those with one tag. */
static int enter(struct json *j, struct place *p, const struct dcm_dataset *ds,
	const struct dcm_node *sequence, uint32_t item)
{
	uint32_t i, n = 0;

	*p = (struct place){ .ds = ds, .sequence = sequence, .item = item };
	p->order = mem_calloc(ds->n_nodes, sizeof *p->order);
	if (!p->order)
		return err_nomem(j->err);
	for (i = 0; i < ds->n_nodes; i++)
		if (DCM_TAG_ELEMENT(ds->nodes[i].el.tag) != 0 &&
			DCM_TAG_GROUP(ds->nodes[i].el.tag) != 2)
			p->order[n++] = &ds->nodes[i];
	if (!ds->sorted)
		qsort(p->order, n, sizeof *p->order, by_tag);
	for (i = 0; i < n; i++)
		if (!p->n || p->order[p->n - 1]->el.tag != p->order[i]->el.tag)
			p->order[p->n++] = p->order[i];
	buf_adds(j->out, "{\n");
	return 0;
}

/* "GGGGEEEE":{"vr":"XX" */
static void add_head(struct buf *out, uint32_t tag, uint16_t vr)
{
	char head[] = "\"00000000\":{\"vr\":\"UN\"";
	unsigned i;

	for (i = 0; i < 8; i++)
		head[1 + i] = "0123456789ABCDEF"[tag >> (28 - 4 * i) & 15];
	head[sizeof head - 4] = (char)(vr >> 8);
	head[sizeof head - 3] = (char)vr;
	buf_add(out, head, sizeof head - 1);
}

/* One element up to its value; *deeper where its items are to be walked now. */
static int put_node(struct json *j, struct place *p, bool *deeper)
{
	const struct dcm_node *n = p->order[p->next];
	bool sequence = n->items || n->el.vr == DCM_VR_SQ;
	uint16_t vr = sequence ? DCM_VR_SQ : n->el.vr;
	int rc = 0;

	if (!dcm_vr_known(vr))
		vr = DCM_VR_UN;
	buf_adds(j->out, p->next++ ? ",\n" : "");
	add_head(j->out, n->el.tag, vr);
	*deeper = sequence && n->n_items;
	if (*deeper)
		buf_adds(j->out, ",\"Value\":[");
	else if (!sequence)
		rc = add_values(j, p->ds, n);
	if (!*deeper)
		buf_addc(j->out, '}');
	return rc;
}

static int walk(struct json *j, struct place *stack, int *depth)
{
	bool deeper;
	int rc = enter(j, &stack[0], &j->h->top, NULL, 0);

	*depth = 0;
	while (rc == 0) {
		struct place *p = &stack[*depth];
		const struct dcm_node *sequence = p->sequence;

		if (p->next < p->n) {
			rc = put_node(j, p, &deeper);
			if (rc == 0 && deeper) {
				sequence = p->order[p->next - 1];
				rc = enter(j, &stack[*depth + 1], &sequence->items[0], sequence, 0);
				(*depth)++;
			}
			continue;
		}
		buf_adds(j->out, p->n ? "\n}" : "}");
		mem_free(p->order);
		p->order = NULL;
		if (!sequence) {
			(*depth)--;
			break;
		}
		if (p->item + 1 < sequence->n_items) {
			buf_addc(j->out, ',');
			rc = enter(j, p, &sequence->items[p->item + 1], sequence, p->item + 1);
			continue;
		}
		buf_adds(j->out, "]}");
		(*depth)--;
	}
	return rc;
}

int json_render(const struct dcm_header *h, const char *bulk_uri, struct buf *out, struct err *err)
{
	struct json j = { .h = h, .bulk_uri = bulk_uri, .out = out, .err = err };
	struct place stack[DCM_MAX_DEPTH + 2] = { 0 };
	int depth, rc = walk(&j, stack, &depth);

	for (; depth >= 0; depth--)
		mem_free(stack[depth].order);
	arena_release(&j.arena);
	buf_addc(out, '\n');
	return rc == 0 && buf_error(out) < 0 ? err_nomem(err) : rc;
}
