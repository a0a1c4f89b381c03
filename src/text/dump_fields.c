/* SPDX-License-Identifier: MIT */
/*
 * What makers pack into one element, a line a field: Siemens' CSA headers and the
 * protocols in them or beside them (XA), GE's protocol block. Found by the creator
 * and by what the bytes are, not by tag, since blocks move. A field's path is
 * `(gggg,eeee){Field.key}`, its name `Keyword.Field.key`.
 */
#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "dicom/source.h"
#include "dicom/value.h"
#include "dump_lines.h"
#include "vendor/csa.h"
#include "vendor/protocol.h"

#define CSA_MARK 77u /* behind the number of fields, in the layout without "SV10" */

/* One element's fields while they are shown. */
struct fields {
	struct dumper *d;
	uint32_t tag;
	const char *keyword; /* of the element */
};

/* A line whose value is v; field or key may be empty. */
static int show(const struct fields *f, const char *field, const char *key, size_t key_len,
	uint16_t vr, const struct dump_value *v, struct err *err)
{
	struct dump_parts p = { .tag = f->tag,
		.vr = vr,
		.keyword = f->keyword,
		.keyword_len = strlen(f->keyword),
		.value = *v };
	struct buf *joined = &f->d->field;

	buf_reset(joined);
	buf_adds(joined, field);
	if (*field && key_len)
		buf_addc(joined, '.');
	buf_add(joined, key, key_len);
	if (buf_error(joined))
		return err_nomem(err);
	p.field = joined->data;
	p.field_len = joined->len;
	return dump_emit(f->d, &p, err);
}

static bool is_key(const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if ((unsigned char)s[i] <= ' ' || s[i] == '{' || s[i] == '}' || s[i] == '<' ||
			(unsigned char)s[i] > 0x7E)
			return false;
	}
	return len > 0;
}

/* What a value of a protocol looks like. */
static uint16_t vr_of(const struct protocol_line *l)
{
	size_t i = 0, n = l->value_len;
	const char *s = l->value;
	bool real = false;

	if (n && s[-1] == '"')
		return DCM_VR_LO;
	if (n > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X'))
		return DCM_VR_UL;
	if (i < n && (s[i] == '-' || s[i] == '+'))
		i++;
	if (i == n)
		return DCM_VR_LO;
	for (; i < n; i++) {
		if (s[i] == '.' || s[i] == 'e' || s[i] == 'E' || s[i] == '-' || s[i] == '+')
			real = true;
		else if (s[i] < '0' || s[i] > '9')
			return DCM_VR_LO;
	}
	return real ? DCM_VR_DS : DCM_VR_IS;
}

static int show_protocol(const struct fields *f, const char *field, const struct protocol *p,
	struct err *err)
{
	const struct protocol_line *l;
	struct dump_value v;
	uint32_t i;
	int rc = 0;

	for (i = 0; i < p->n_lines && rc == 0; i++) {
		l = &p->lines[i];
		if (!is_key(l->key, l->key_len))
			continue;
		dump_value_shown(f->d, l->value, l->value_len, &v);
		rc = show(f, field, l->key, l->key_len, vr_of(l), &v, err);
	}
	return rc;
}

/* The lines of a protocol that is a text, where it is one; *found tells. */
static int show_ascconv(const struct fields *f, const char *field, const char *text, size_t len,
	bool *found, struct err *err)
{
	struct protocol p;
	int rc = protocol_parse_ascconv(text, len, &f->d->scratch, &p, NULL);

	*found = rc == 0;
	if (rc == -ENOMEM)
		return err_nomem(err);
	return rc == 0 ? show_protocol(f, field, &p, err) : 0;
}

/* ---- CSA ---- */

static uint16_t csa_vr(const struct csa_field *c)
{
	uint16_t vr = DCM_VR(c->vr[0], c->vr[1]);

	return dcm_vr_known(vr) ? vr : DCM_VR_UN;
}

/* A number of a binary VR, which the header keeps as text, in its shortest form. */
static bool add_number(struct buf *b, uint16_t vr, const char *text)
{
	size_t len = strlen(text);
	int64_t whole;
	double real;

	if (dcm_vr_is_text(vr) || vr == DCM_VR_UN)
		return false;
	if (dcm_parse_int(text, len, &whole))
		buf_add_i64(b, whole);
	else if (dcm_parse_double(text, len, &real))
		buf_add_f64(b, real);
	else
		return false;
	return true;
}

static void join_values(struct buf *b, const struct csa_field *c, uint16_t vr)
{
	uint32_t i;

	buf_reset(b);
	for (i = 0; i < c->n_values; i++) {
		if (i)
			buf_addc(b, '\\');
		if (!add_number(b, vr, c->values[i]))
			buf_adds(b, c->values[i]);
	}
}

static int show_csa_field(const struct fields *f, const struct csa_field *c, struct err *err)
{
	struct buf *joined = &f->d->note;
	uint16_t vr = csa_vr(c);
	struct dump_value v;
	bool found = false;
	int rc = 0;

	if (!is_key(c->name, strlen(c->name)))
		return 0;
	if (c->n_values == 1)
		rc = show_ascconv(f, c->name, c->values[0], strlen(c->values[0]), &found, err);
	if (rc < 0 || found)
		return rc;
	join_values(joined, c, vr);
	dump_value_shown(f->d, joined->len ? joined->data : "", joined->len, &v);
	return show(f, c->name, "", 0, vr, &v, err);
}

static int show_csa(const struct fields *f, const uint8_t *bytes, size_t len, bool *found,
	struct err *err)
{
	struct csa c;
	uint32_t i;
	int rc = csa_parse(bytes, len, &f->d->scratch, &c, NULL);

	*found = rc == 0;
	if (rc < 0)
		return rc == -ENOMEM ? err_nomem(err) : 0;
	for (i = 0; i < c.n_fields && rc == 0; i++)
		rc = show_csa_field(f, &c.fields[i], err);
	return rc;
}

/* ---- which ---- */

static int show_siemens(const struct fields *f, const uint8_t *bytes, size_t len, struct err *err)
{
	bool found;
	int rc = show_csa(f, bytes, len, &found, err);

	return rc < 0 || found ? rc : show_ascconv(f, "", (const char *)bytes, len, &found, err);
}

static int show_ge(const struct fields *f, const uint8_t *bytes, size_t len, struct err *err)
{
	struct protocol p;
	int rc = protocol_parse_ge(bytes, len, &f->d->scratch, &p, NULL);

	if (rc < 0)
		return rc == -ENOMEM ? err_nomem(err) : 0;
	return show_protocol(f, "", &p, err);
}

/* Do the first bytes look like a CSA header or a text? Elements of images' size are not read for nothing. */
static bool may_have_fields(const struct dumper *d, const struct dcm_node *n)
{
	uint8_t head[16];
	size_t i;

	if (n->value)
		memcpy(head, n->value, sizeof head);
	else if (dcm_source_read_full(d->h->file.source, head, sizeof head, n->el.off, NULL) < 0)
		return false;
	if (memcmp(head, "SV10", 4) == 0 || get_le32(head + 4) == CSA_MARK)
		return true;
	for (i = 0; i < sizeof head; i++) {
		if (head[i] > 0x7E ||
			(head[i] < 0x20 && head[i] != '\n' && head[i] != '\r' && head[i] != '\t'))
			return false;
	}
	return true;
}

int dump_fields(struct dumper *d, const struct dcm_node *n, const char *keyword, struct err *err)
{
	struct fields f = { d, n->el.tag, keyword };
	bool siemens, owned;
	const uint8_t *bytes;
	int rc;

	if (dcm_vr_is_text(n->el.vr) || n->el.vr == DCM_VR_SQ || n->el.len < 16 ||
		n->el.len == DCM_UNDEFINED_LENGTH)
		return 0;
	siemens = strncmp(n->creator, "SIEMENS", 7) == 0;
	if (!siemens && (strncmp(n->creator, "GEMS_SERS", 9) != 0 || (n->el.tag & 0xFF) != 0x1B))
		return 0;
	if (siemens && !may_have_fields(d, n))
		return 0;
	rc = dcm_header_load(d->h, n, &bytes, &owned, err);
	if (rc < 0)
		return rc == -EFBIG || rc == -EBADMSG ? 0 : rc;
	rc = siemens ? show_siemens(&f, bytes, (size_t)n->el.len, err) :
		       show_ge(&f, bytes, (size_t)n->el.len, err);
	arena_release(&d->scratch);
	if (owned)
		mem_free((void *)bytes);
	return rc;
}
