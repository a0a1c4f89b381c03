/* SPDX-License-Identifier: MIT */
/* Rules of editing: see format/edit_rules.h. */
#include "format/edit_rules.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"
#include "dicom/dict.h"
#include "dicom/value.h"

#define TAG_TEXT 11u /* (gggg,eeee) */

static bool is_word(const char *s, size_t len, const char *word)
{
	return len == strlen(word) && memcmp(s, word, len) == 0;
}

/* "(0010,xxxx)": x stands for any digit. */
static bool parse_tag(const char *s, size_t len, uint32_t *tag, uint32_t *mask)
{
	static const char digits[] = "0123456789abcdef";
	const char *at;
	size_t i;

	if (len != TAG_TEXT || s[0] != '(' || s[5] != ',' || s[10] != ')')
		return false;
	*tag = *mask = 0;
	for (i = 1; i < 10; i++) {
		int c = tolower((unsigned char)s[i]);

		if (i == 5)
			continue;
		at = c == 'x' || c == '*' ? NULL : strchr(digits, c);
		if (c != 'x' && c != '*' && (!at || !c))
			return false;
		*tag = *tag << 4 | (at ? (uint32_t)(at - digits) : 0);
		*mask = *mask << 4 | (at ? 15u : 0);
	}
	return true;
}

static bool parse_path(const char *s, size_t len, struct edit_rule *r)
{
	const struct dcm_dict_entry *e;
	char word[256];

	if (len >= sizeof word)
		return false;
	memcpy(word, s, len);
	word[len] = '\0';
	if (!attrpath_parse(word, &r->path))
		return false;
	r->tag = r->path.steps[r->path.n_steps - 1].tag;
	r->mask = UINT32_MAX;
	r->what = r->path.n_steps > 1 ? EDIT_PATH : EDIT_TAG;
	e = dcm_dict_find(r->tag);
	r->vr = e ? e->vr : DCM_VR_UN;
	return true;
}

static bool parse_what(const char *s, size_t len, struct edit_rule *r)
{
	const struct dcm_dict_entry *e;

	if (is_word(s, len, "private")) {
		r->what = EDIT_PRIVATE;
		return true;
	}
	if (len == 5 && memcmp(s, "VR:", 3) == 0) {
		r->what = EDIT_VR;
		r->vr = DCM_VR((unsigned char)s[3], (unsigned char)s[4]);
		return dcm_vr_known(r->vr);
	}
	if (parse_tag(s, len, &r->tag, &r->mask)) {
		e = r->mask == UINT32_MAX ? dcm_dict_find(r->tag) : NULL;
		r->what = EDIT_TAG;
		r->vr = e ? e->vr : DCM_VR_NONE;
		return true;
	}
	return parse_path(s, len, r);
}

static bool parse_verb(const char *s, size_t len, enum edit_verb *out)
{
	static const char *const verbs[] = { "set", "delete", "replace" };
	int i;

	for (i = 0; i < 3; i++)
		if (is_word(s, len, verbs[i])) {
			*out = (enum edit_verb)i;
			return true;
		}
	return false;
}

static size_t skip_blanks(const char *s, size_t len)
{
	size_t n = 0;

	while (n < len && (s[n] == ' ' || s[n] == '\t'))
		n++;
	return n;
}

static size_t word_length(const char *s, size_t len)
{
	size_t n = 0;

	while (n < len && s[n] != ' ' && s[n] != '\t')
		n++;
	return n;
}

/* What no rule can do: file meta information, and values where there is no single VR. */
static const char *refuse(const struct edit_rule *r)
{
	size_t len;
	struct arena a = { 0 };
	const char *why = NULL;

	if (r->what != EDIT_PRIVATE && r->what != EDIT_VR && DCM_TAG_GROUP(r->tag) <= 2)
		return "the file meta information follows from the rest";
	if (r->verb == EDIT_DELETE)
		return NULL;
	if (r->what == EDIT_PRIVATE)
		return "private elements can be deleted, no more";
	if (r->verb == EDIT_SET &&
		(r->what == EDIT_VR || (r->what == EDIT_TAG && r->mask != UINT32_MAX)))
		return "set takes one attribute";
	if (r->verb == EDIT_SET && r->vr == DCM_VR_NONE)
		return "no dictionary has this tag, so its value representation is not known";
	if (r->vr != DCM_VR_NONE && !edit_rule_value(r, r->vr, &a, &len))
		why = "an attribute of this kind cannot have that value";
	arena_release(&a);
	return why;
}

static int parse_line(const char *s, size_t len, struct edit_rules *out, struct err *err)
{
	struct edit_rule r = { 0 };
	const char *why;
	size_t n;

	n = word_length(s, len);
	if (!parse_verb(s, n, &r.verb))
		return err_set(err, -EINVAL, "%.*s: not set, delete or replace",
			(int)min_size(n, 40), s);
	s += n;
	len -= n;
	n = skip_blanks(s, len);
	s += n;
	len -= n;
	n = word_length(s, len);
	if (!parse_what(s, n, &r))
		return err_set(err, -EINVAL, "%.*s: no such attribute", (int)min_size(n, 80), s);
	s += n;
	len -= n;
	n = skip_blanks(s, len);
	r.value = r.verb == EDIT_DELETE ? NULL : arena_strndup(&out->arena, s + n, len - n);
	if (r.verb != EDIT_DELETE && !r.value)
		return err_nomem(err);
	if (r.verb == EDIT_DELETE && n < len)
		return err_set(err, -EINVAL, "delete takes no value");
	why = refuse(&r);
	if (why)
		return err_set(err, -EINVAL, "%s", why);
	if (out->n == EDIT_MAX_RULES)
		return err_set(err, -EFBIG, "more than %u rules", EDIT_MAX_RULES);
	for (n = 0; r.value && r.value[n]; n++)
		out->beyond_ascii |= (unsigned char)r.value[n] >= 0x80;
	out->rules[out->n++] = r;
	return 0;
}

int edit_rules_parse(const char *text, struct edit_rules *out, struct err *err)
{
	unsigned line = 1;
	size_t len, n, blank;
	int rc;

	for (; *text; text += len + (text[len] == '\n'), line++) {
		len = strcspn(text, "\n");
		blank = skip_blanks(text, len);
		n = len;
		while (n > blank && isspace((unsigned char)text[n - 1]))
			n--;
		if (n == blank || text[blank] == '#')
			continue;
		rc = parse_line(text + blank, n - blank, out, err);
		if (rc < 0) {
			err_wrap(err, "line %u", line);
			return rc;
		}
	}
	return 0;
}

void edit_rules_release(struct edit_rules *r)
{
	arena_release(&r->arena);
	r->n = 0;
}

static bool matches(const struct edit_rule *r, const struct dcm_dataset *ds,
	const struct dcm_node *n)
{
	switch (r->what) {
	case EDIT_PRIVATE:
		return DCM_TAG_GROUP(n->el.tag) % 2 != 0;
	case EDIT_VR:
		return n->el.vr == r->vr && !n->items;
	case EDIT_PATH:
		return attrpath_matches(&r->path, ds, n);
	case EDIT_TAG:
		if ((n->el.tag & r->mask) != r->tag)
			return false;
		return r->verb != EDIT_SET || ds->parent == NULL;
	}
	return false;
}

const struct edit_rule *edit_rules_find(const struct edit_rules *r, const struct dcm_dataset *ds,
	const struct dcm_node *n)
{
	size_t i;

	for (i = r->n; i-- > 0;)
		if (matches(&r->rules[i], ds, n))
			return &r->rules[i];
	return NULL;
}

bool edit_rule_adds(const struct edit_rule *r)
{
	return r->verb == EDIT_SET && r->what == EDIT_TAG;
}

/* One number of a binary VR; false: it does not fit. */
static bool put_number(struct buf *b, uint16_t vr, const char *s, size_t len)
{
	int64_t i = 0;
	double d = 0;
	bool whole = dcm_parse_int(s, len, &i);

	switch (vr) {
	case DCM_VR_US:
		buf_add_le16(b, (uint16_t)i);
		return whole && i >= 0 && i <= UINT16_MAX;
	case DCM_VR_SS:
		buf_add_le16(b, (uint16_t)i);
		return whole && i >= INT16_MIN && i <= INT16_MAX;
	case DCM_VR_UL:
		buf_add_le32(b, (uint32_t)i);
		return whole && i >= 0 && i <= UINT32_MAX;
	case DCM_VR_SL:
		buf_add_le32(b, (uint32_t)i);
		return whole && i >= INT32_MIN && i <= INT32_MAX;
	case DCM_VR_SV:
	case DCM_VR_UV:
		buf_add_le64(b, (uint64_t)i);
		return whole && (vr == DCM_VR_SV || i >= 0);
	case DCM_VR_FL:
		whole = dcm_parse_double(s, len, &d);
		buf_add_le32(b, f32_to_bits((float)d));
		return whole;
	case DCM_VR_FD:
		whole = dcm_parse_double(s, len, &d);
		buf_add_le64(b, f64_to_bits(d));
		return whole;
	default:
		return false;
	}
}

/* PS3.5 §6.2: what a single value of these text VRs must look like; anything goes for the others. */
static bool is_value_of(uint16_t vr, const char *s, size_t len)
{
	uint32_t date;
	int64_t i;
	double d;

	if (len == 0)
		return true;
	switch (vr) {
	case DCM_VR_DA:
		return len == 8 && dcm_parse_date(s, len, &date);
	case DCM_VR_DT:
		return dcm_parse_datetime(s, len, &date, &d);
	case DCM_VR_TM:
		return dcm_parse_time(s, len, &d);
	case DCM_VR_DS:
		return dcm_parse_double(s, len, &d);
	case DCM_VR_IS:
		return dcm_parse_int(s, len, &i) && i >= INT32_MIN && i <= INT32_MAX;
	case DCM_VR_AS:
		return len == 4 && strspn(s, "0123456789") == 3 && strchr("DWMY", s[3]);
	case DCM_VR_UI:
		return len <= 64 && strspn(s, "0123456789.") >= len;
	default:
		return true;
	}
}

static bool are_values_of(uint16_t vr, const char *s)
{
	size_t n;

	for (;; s += n + 1) {
		n = strcspn(s, "\\");
		if (!is_value_of(vr, s, n))
			return false;
		if (!s[n])
			return true;
	}
}

const char *edit_rule_value(const struct edit_rule *r, uint16_t vr, struct arena *a, size_t *len)
{
	const char *s = r->value;
	char *copy = NULL;
	bool ok = true;
	struct buf b;
	size_t n;

	*len = strlen(s);
	if (*len == 0 && vr != DCM_VR_SQ)
		return "";
	if (dcm_vr_is_text(vr))
		return are_values_of(vr, s) ? s : NULL;
	buf_init(&b);
	for (; ok; s += n + 1) {
		n = strcspn(s, "\\");
		ok = put_number(&b, vr, s, n);
		if (!s[n])
			break;
	}
	*len = b.len;
	if (ok && !buf_error(&b))
		copy = arena_memdup(a, b.data, b.len);
	buf_release(&b);
	return copy;
}
