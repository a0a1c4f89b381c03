/* SPDX-License-Identifier: MIT */
/* Structures in single elements: see vendor/packed.h. */
#include "vendor/packed.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "dicom/source.h"
#include "dicom/value.h"
#include "vendor/csa.h"
#include "vendor/protocol.h"

#define CSA_MARK 77u /* behind the number of fields, in the layout without "SV10" */
#define HEAD_BYTES 16u

struct unpacker {
	struct arena *a;
	packed_each each;
	void *arg;
	struct buf joined; /* the values of a field */
};

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

/* ---- protocols ---- */

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

static int each_line(struct unpacker *u, const char *field, const struct protocol *p,
	struct err *err)
{
	uint32_t i;
	int rc = 0;

	for (i = 0; i < p->n_lines && rc == 0; i++) {
		const struct protocol_line *l = &p->lines[i];
		struct packed_field f = { field, l->key, l->key_len, vr_of(l), l->value,
			l->value_len };

		if (is_key(l->key, l->key_len))
			rc = u->each(u->arg, &f, err);
	}
	return rc;
}

/* The lines of a protocol that is a text, where it is one; *found tells. */
static int each_ascconv(struct unpacker *u, const char *field, const char *text, size_t len,
	bool *found, struct err *err)
{
	struct protocol p;
	int rc = protocol_parse_ascconv(text, len, u->a, &p, NULL);

	*found = rc == 0;
	if (rc == -ENOMEM)
		return err_nomem(err);
	return rc == 0 ? each_line(u, field, &p, err) : 0;
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

static int each_csa_field(struct unpacker *u, const struct csa_field *c, struct err *err)
{
	struct packed_field f = { .field = c->name, .key = "", .vr = csa_vr(c) };
	bool found = false;
	int rc = 0;

	if (!is_key(c->name, strlen(c->name)))
		return 0;
	if (c->n_values == 1)
		rc = each_ascconv(u, c->name, c->values[0], strlen(c->values[0]), &found, err);
	if (rc < 0 || found)
		return rc;
	join_values(&u->joined, c, f.vr);
	if (buf_error(&u->joined))
		return err_nomem(err);
	f.value = u->joined.len ? u->joined.data : "";
	f.value_len = u->joined.len;
	return u->each(u->arg, &f, err);
}

static int each_csa(struct unpacker *u, const uint8_t *bytes, size_t len, bool *found,
	struct err *err)
{
	struct csa c;
	uint32_t i;
	int rc = csa_parse(bytes, len, u->a, &c, NULL);

	*found = rc == 0;
	if (rc < 0)
		return rc == -ENOMEM ? err_nomem(err) : 0;
	for (i = 0; i < c.n_fields && rc == 0; i++)
		rc = each_csa_field(u, &c.fields[i], err);
	return rc;
}

/* ---- which ---- */

static int unpack_siemens(struct unpacker *u, const uint8_t *bytes, size_t len, struct err *err)
{
	bool found;
	int rc = each_csa(u, bytes, len, &found, err);

	return rc < 0 || found ? rc : each_ascconv(u, "", (const char *)bytes, len, &found, err);
}

static int unpack_ge(struct unpacker *u, const uint8_t *bytes, size_t len, struct err *err)
{
	struct protocol p;
	int rc = protocol_parse_ge(bytes, len, u->a, &p, NULL);

	if (rc < 0)
		return rc == -ENOMEM ? err_nomem(err) : 0;
	return each_line(u, "", &p, err);
}

/* A CSA header or a text. */
static bool looks_siemens(const uint8_t *head)
{
	size_t i;

	if (memcmp(head, "SV10", 4) == 0 || get_le32(head + 4) == CSA_MARK)
		return true;
	for (i = 0; i < HEAD_BYTES; i++) {
		if (head[i] > 0x7E ||
			(head[i] < 0x20 && head[i] != '\n' && head[i] != '\r' && head[i] != '\t'))
			return false;
	}
	return true;
}

struct packing {
	const char *creator;                /* how its text begins */
	uint8_t low;                        /* of the tag; 0: any */
	bool (*looks)(const uint8_t *head); /* NULL: the tag tells */
	int (*unpack)(struct unpacker *u, const uint8_t *bytes, size_t len, struct err *err);
};

static const struct packing packings[] = {
	{ "SIEMENS", 0, looks_siemens, unpack_siemens },
	{ "GEMS_SERS", 0x1B, NULL, unpack_ge },
};

/* Elements of images' size are not read for nothing: their first bytes are. */
static bool may_be(const struct packing *p, const struct dcm_header *h, const struct dcm_node *n)
{
	uint8_t head[HEAD_BYTES];

	if (strncmp(n->creator, p->creator, strlen(p->creator)) != 0 ||
		(p->low && (n->el.tag & 0xFF) != p->low))
		return false;
	if (!p->looks)
		return true;
	if (n->value)
		memcpy(head, n->value, sizeof head);
	else if (dcm_source_read_full(h->file.source, head, sizeof head, n->el.off, NULL) < 0)
		return false;
	return p->looks(head);
}

static const struct packing *packing_of(const struct dcm_header *h, const struct dcm_node *n)
{
	size_t i;

	if (!n->creator || dcm_vr_is_text(n->el.vr) || n->el.vr == DCM_VR_SQ ||
		n->el.len < HEAD_BYTES || n->el.len == DCM_UNDEFINED_LENGTH)
		return NULL;
	for (i = 0; i < sizeof packings / sizeof packings[0]; i++)
		if (may_be(&packings[i], h, n))
			return &packings[i];
	return NULL;
}

int vendor_each_packed(const struct dcm_header *h, const struct dcm_node *n, struct arena *a,
	packed_each each, void *arg, struct err *err)
{
	const struct packing *p = packing_of(h, n);
	struct unpacker u = { .a = a, .each = each, .arg = arg };
	const uint8_t *bytes;
	bool owned;
	int rc;

	if (!p)
		return 0;
	rc = dcm_header_load(h, n, &bytes, &owned, err);
	if (rc < 0)
		return rc == -EFBIG || rc == -EBADMSG ? 0 : rc;
	buf_init(&u.joined);
	rc = p->unpack(&u, bytes, (size_t)n->el.len, err);
	buf_release(&u.joined);
	if (owned)
		mem_free((void *)bytes);
	return rc;
}
