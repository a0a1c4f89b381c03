/* SPDX-License-Identifier: MIT */
/*
 * From a file to its record: one loop over the pull reader, and a table that says
 * for each tag where its value goes and how it is converted.
 *
 * The first value that a file gives for a place is the one that stays, so that
 * tags which mean the same (echo time, effective echo time) are simply several
 * lines with one place, and the shared functional groups of an enhanced object
 * (PS3.3 C.7.6.16), which lie behind the rest, fill in what the top level has not.
 *
 * A file has some sixty values that the index wants, and nearly all of them are byte
 * for byte those of the file before. So each line of the table remembers the bytes that
 * its value was made from: equal bytes are not decoded, converted or interned again.
 * It remembers what lay between the value before it and its own, too: where those bytes
 * come again, the reader hops over them and no element is looked at.
 */
#include "index/instance.h"

#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "dicom/charset.h"
#include "dicom/dataset.h"
#include "dicom/source.h"
#include "dicom/tags.h"
#include "fields.h"
#include "index/intern.h"
#include "record.h"
#include "vendor/private_tags.h"

#define MEMO_BYTES 192u
#define MEMO_VALUE 48u /* six numbers */

/* The bytes that a line's value was made from in an earlier file, and the value. Before the value's
 * bytes are its head's and all that was between it and the line taken before, where that is
 * remembered. */
struct memo {
	uint8_t len;      /* of all bytes; 0: nothing remembered */
	uint8_t value_at; /* 0: nothing before it */
	uint8_t next;     /* the line whose element came behind it; 0: none */
	bool big_endian;
	uint16_t vr;
	const struct charset *charset;
	uint8_t value[MEMO_VALUE];
	uint8_t raw[MEMO_BYTES];
};
_Static_assert(N_FIELDS < 256 && MEMO_BYTES < 256, "in a byte");

struct instance_reader {
	struct field_texts texts; /* its charset is this file's */
	struct dcm_file file;
	struct record rec;
	size_t cursor;            /* in fields, behind the last one: tags ascend, mostly */
	size_t private_cursor;    /* the same in the table of private tags */
	uint32_t after, before;   /* the last tag, and up to where no one is wanted */
	const struct field *last; /* what the last element was, if it was taken */
	uint64_t last_end;
	bool in_shared; /* inside (5200,9229) */
	const struct attributes *last_attr;
	/* what was remembered: */
	struct memo memo[N_FIELDS];
	uint8_t charset_raw[64];
	size_t charset_len;
	const struct charset
		*charset_known; /* what charset_raw came to, in charset_arena; NULL: nothing yet */
	struct arena charset_arena;
	struct dcm_reader reader;
};

int instance_reader_new(struct interns *interns, struct instance_reader **out, struct err *err)
{
	struct instance_reader *r = mem_calloc(1, sizeof *r);

	if (!r)
		return err_nomem(err);
	r->texts.interns = interns;
	*out = r;
	return 0;
}

void instance_reader_free(struct instance_reader *r)
{
	if (!r)
		return;
	arena_release(&r->charset_arena);
	buf_release(&r->texts.buf);
	mem_free(r);
}

/* ---- what is remembered ---- */

/* (0008,0005): nearly always that of the file before. */
static int take_charset(struct instance_reader *r, const struct dcm_node *n)
{
	size_t len = (size_t)n->el.len;

	if (r->in_shared)
		return 0;
	while (len && (n->value[len - 1] == ' ' || n->value[len - 1] == '\0'))
		len--;
	if (len > sizeof r->charset_raw)
		return 0;
	if (!r->charset_known || len != r->charset_len ||
		memcmp(r->charset_raw, n->value, len) != 0) {
		memset(r->memo, 0, sizeof r->memo);
		arena_release(&r->charset_arena);
		r->charset_known = charset_parse((const char *)n->value, len, &r->charset_arena);
		if (!r->charset_known)
			return -ENOMEM;
		r->charset_len = len;
		memcpy(r->charset_raw, n->value, len);
	}
	r->texts.charset = r->charset_known;
	return 0;
}

static int convert(struct instance_reader *r, const struct field *f, const struct dcm_node *n)
{
	return f->tag == DCM_SpecificCharacterSet ? take_charset(r, n) :
						    field_convert(f, n, &r->texts, &r->rec);
}

static void take_remembered(struct instance_reader *r, const struct field *f)
{
	memcpy((char *)&r->rec + f->off, r->memo[f - fields].value, field_size(f));
}

/* The bytes are those that are remembered: take the value that was made of them. */
static bool recall(struct instance_reader *r, const struct field *f, const struct dcm_elem *el,
	const uint8_t *value)
{
	const struct memo *m = &r->memo[f - fields];

	if (m->len == 0 || (size_t)m->len - m->value_at != el->len || m->vr != el->vr ||
		m->big_endian != el->big_endian || m->charset != r->texts.charset ||
		memcmp(m->raw + m->value_at, value, el->len) != 0)
		return false;
	take_remembered(r, f);
	return true;
}

/* With what is between it and `last`, where that is to be had and not too much. */
static void remember(struct instance_reader *r, const struct field *f, const struct dcm_elem *el,
	const uint8_t *value, const struct field *last)
{
	struct memo *m = &r->memo[f - fields];
	const uint8_t *raw = NULL;
	size_t len = 0;

	m->len = m->value_at = 0;
	if (last) {
		r->memo[last - fields].next = (uint8_t)(f - fields);
		raw = dcm_reader_since(&r->reader, r->last_end, &len);
	}
	if (f->varies || el->len > MEMO_BYTES || field_size(f) > MEMO_VALUE)
		return;
	if (!raw || len > MEMO_BYTES) {
		raw = value;
		len = (size_t)el->len;
	}
	m->len = (uint8_t)len;
	m->value_at = (uint8_t)(len - el->len);
	m->vr = el->vr;
	m->big_endian = el->big_endian;
	m->charset = r->texts.charset;
	memcpy(m->raw, raw, len);
	memcpy(m->value, (const char *)&r->rec + f->off, field_size(f));
}

/* ---- what is passed over ---- */

/* Cheap, and no for nearly all elements. */
static inline bool may_be_pixels(uint32_t tag)
{
	return DCM_TAG_GROUP(tag) == 0x7FE0 || DCM_TAG_GROUP(tag) == 0x07A1;
}

/* Between `tag` and `next` is no line of the table: the reader need not tell of what is there. It
 * tells of the first element of each pair of groups, since of private ones another table knows, and
 * of all at the end, where overlays and pixels are. */
static void note_gap(struct instance_reader *r, uint32_t tag, uint32_t next)
{
	uint32_t group_end = (tag | 0xFFFF) + 1;

	r->after = tag;
	r->before = tag >= DCM_OverlayRows ? tag : next < group_end ? next : group_end;
}

/* ---- private elements ---- */

/* The line of the table for this element: by creator, or where that is gone (anonymisers) by the
 * customary block 10. */
static const struct private_tag *find_private(struct instance_reader *r, uint32_t tag,
	char *creator, size_t cap)
{
	size_t n, i, len = 0;
	const struct private_tag *t = private_tags(&n);
	const char *text = NULL;

	for (i = r->private_cursor; i > 0 && t[i - 1].group >= DCM_TAG_GROUP(tag); i--)
		;
	for (; i < n && t[i].group < DCM_TAG_GROUP(tag); i++)
		;
	r->private_cursor = i;
	for (; i < n && t[i].group == DCM_TAG_GROUP(tag); i++) {
		if (t[i].low != (tag & 0xFF))
			continue;
		if (!text) {
			text = dcm_reader_creator(&r->reader, tag, &len);
			len = text ? min_size(len, cap - 1) : 0;
			memcpy(creator, text ? text : "", len);
			creator[len] = '\0';
			text = creator;
		}
		if (len ? strncmp(text, t[i].creator, strlen(t[i].creator)) == 0 :
			  (tag >> 8 & 0xFF) == 0x10)
			return &t[i];
	}
	return NULL;
}

/* May there be more in its group that find_private() knows of, or the pixels? */
static bool wants_group(const struct instance_reader *r, uint32_t tag)
{
	size_t n;
	const struct private_tag *t = private_tags(&n);

	return may_be_pixels(tag) ||
		(r->private_cursor < n && t[r->private_cursor].group == DCM_TAG_GROUP(tag));
}

static int take_private(struct instance_reader *r, const struct dcm_elem *el, struct err *err)
{
	const struct private_tag *t;
	struct dcm_node n = { .el = *el };
	char creator[68];
	size_t len;
	int rc;

	t = find_private(r, el->tag, creator, sizeof creator);
	if (el->tag < r->after)
		r->cursor = 0;
	note_gap(r, el->tag, wants_group(r, el->tag) ? el->tag : UINT32_MAX);
	if (!t || el->len == 0)
		return 0;
	rc = dcm_reader_view(&r->reader, el, &n.value, &len, err);
	if (rc < 0)
		return rc;
	n.el.len = len;
	n.creator = creator[0] ? creator : t->creator;
	record_take_fact(&r->rec, t->fact, &n);
	return 0;
}

/* ---- the loop ---- */

/* The line of the table; NULL: none. Tags ascend in nearly every file. */
static const struct field *find_field(struct instance_reader *r, uint32_t tag)
{
	size_t i = tag > r->after ? r->cursor : 0;
	const struct field *f = NULL;

	while (fields[i].tag < tag)
		i++;
	if (i < N_FIELDS && fields[i].tag == tag)
		f = &fields[i++];
	r->cursor = i;
	note_gap(r, tag, fields[i].tag);
	return f;
}

static bool is_overlay_data(uint32_t tag)
{
	return (tag & 0xFFE1FFFFu) == DCM_OverlayData;
}

/* What came behind f in an earlier file is taken as long as its bytes are what comes now. */
static void follow(struct instance_reader *r, const struct field *f)
{
	size_t room, done = 0, i;
	const uint8_t *p = dcm_reader_ahead(&r->reader, &room);
	const struct memo *m;

	for (; p && (i = r->memo[f - fields].next); f = &fields[i]) {
		m = &r->memo[i];
		if (!m->value_at || m->charset != r->texts.charset || m->len > room - done ||
			memcmp(m->raw, p + done, m->len) != 0 || field_is_set(&r->rec, &fields[i]))
			break;
		take_remembered(r, &fields[i]);
		done += m->len;
	}
	if (done)
		dcm_reader_hop(&r->reader, done);
	r->last = f;
	r->last_end += done;
	r->cursor = (size_t)(f - fields) + 1;
	note_gap(r, f->tag, fields[r->cursor].tag);
}

/* last: what the element before it was, if that was taken. */
static int take_element(struct instance_reader *r, const struct dcm_elem *el,
	const struct field *last, struct err *err)
{
	const struct field *f = find_field(r, el->tag);
	const uint8_t *value;
	struct dcm_node n;
	size_t len;
	int rc;

	if (is_overlay_data(el->tag) && el->len)
		r->rec.in.overlays |= (uint16_t)(1u << (el->tag >> 17 & 15));
	if (!f || el->len == 0 || field_is_set(&r->rec, f))
		return 0;
	rc = dcm_reader_view(&r->reader, el, &value, &len, err);
	if (rc < 0)
		return rc;
	if (len < el->len || !recall(r, f, el, value)) {
		n = (struct dcm_node){ .el = *el, .value = value };
		n.el.len = len;
		if (convert(r, f, &n) < 0)
			return err_nomem(err);
	}
	if (len == el->len)
		remember(r, f, el, value, last);
	r->last_end = el->off + el->len;
	follow(r, f);
	return 0;
}

/* A sequence: of interest are the shared functional groups alone, one macro deep. */
static int enter(struct instance_reader *r, const struct dcm_elem *el, struct err *err)
{
	if (el->depth == 0 && el->tag == DCM_DirectoryRecordSequence)
		r->rec.is_dicomdir = true;
	if (el->depth == 0 && el->tag == DCM_SharedFunctionalGroupsSequence) {
		r->in_shared = true;
		return 0;
	}
	if (r->in_shared && el->depth == 1)
		return 0;
	return dcm_reader_skip(&r->reader, el, err);
}

/* 1: the pixel data, or the end. */
static int take_event(struct instance_reader *r, int event, const struct dcm_elem *el,
	struct err *err)
{
	const struct field *last;

	switch ((enum dcm_event)event) {
	case DCM_EVENT_SEQ_BEGIN:
		return enter(r, el, err);
	case DCM_EVENT_SEQ_END:
		if (el->depth == 0)
			r->in_shared = false;
		return 0;
	case DCM_EVENT_PIXELS:
		if (el->depth == 0)
			r->rec.pixels = *el;
		return el->depth == 0;
	case DCM_EVENT_ELEM:
		if (may_be_pixels(el->tag) && dcm_file_is_pixels(&r->file, el)) {
			r->rec.pixels = *el;
			return 1;
		}
		last = r->last;
		r->last = NULL;
		if (DCM_TAG_GROUP(el->tag) & 1)
			return el->depth == 0 ? take_private(r, el, err) : 0;
		return el->depth == 0 || el->depth == 2 ? take_element(r, el, last, err) : 0;
	case DCM_EVENT_END:
		return 1;
	default:
		return 0;
	}
}

static int read_elements(struct instance_reader *r, struct err *err)
{
	struct dcm_elem el;
	int rc = 0;

	r->cursor = r->private_cursor = 0;
	r->after = r->before = 0;
	r->last = NULL;
	r->in_shared = false;
	dcm_reader_init(&r->reader, &r->file);
	while (rc == 0) {
		rc = dcm_reader_next_outside(&r->reader, r->after, r->before, &el, err);
		if (rc >= 0)
			rc = take_event(r, rc, &el, err);
	}
	return rc < 0 ? rc : 0;
}

/* ---- the record ---- */

/* The transfer syntax; where the file does not say, the one that its encoding amounts to. */
static int finish_syntax(struct instance_reader *r)
{
	const char *ts = r->file.transfer_syntax;

	if (!ts[0])
		ts = !r->file.encoding.explicit_vr  ? "1.2.840.10008.1.2" :
			r->file.encoding.big_endian ? "1.2.840.10008.1.2.2" :
						      "1.2.840.10008.1.2.1";
	if (r->last_attr && strcmp(r->last_attr->transfer_syntax, ts) == 0)
		r->rec.attr.transfer_syntax = r->last_attr->transfer_syntax;
	else
		r->rec.attr.transfer_syntax = intern_text(r->texts.interns, ts, strlen(ts));
	return r->rec.attr.transfer_syntax ? 0 : -ENOMEM;
}

static int finish_attributes(struct instance_reader *r)
{
	struct record *rec = &r->rec;

	record_finish(rec, &r->file);
	if (finish_syntax(r) < 0)
		return -ENOMEM;
	/* Every byte of both is set. NOLINTNEXTLINE(bugprone-suspicious-memory-comparison) */
	if (!r->last_attr || memcmp(r->last_attr, &rec->attr, sizeof rec->attr) != 0)
		r->last_attr = intern_attributes(r->texts.interns, &rec->attr);
	rec->in.attr = r->last_attr;
	return r->last_attr ? 0 : -ENOMEM;
}

static struct instance *publish(struct instance_reader *r, const struct instance_file *file)
{
	const struct dcm_problem *p = r->reader.problems;
	unsigned n = r->reader.n_problems < DCM_MAX_PROBLEMS ? r->reader.n_problems :
							       DCM_MAX_PROBLEMS,
		 i;
	struct instance_problem problems[DCM_MAX_PROBLEMS];
	struct instance *in = &r->rec.in;

	for (i = 0; i < n; i++)
		problems[i] = (struct instance_problem){ .off = p[i].off, .text = p[i].text };
	in->dir = file->dir;
	in->size = file->size;
	in->ino = file->ino;
	in->mtime_ns = file->mtime_ns;
	return instance_make(in, file->file, r->rec.sop_uid[0] ? r->rec.sop_uid : NULL, problems,
		n);
}

int instance_read(struct instance_reader *r, struct dcm_source *source,
	const struct instance_file *file, struct instance **out, struct err *err)
{
	int rc = dcm_file_open(source, &r->file, err);

	if (rc < 0)
		return rc;
	record_clear(&r->rec);
	r->texts.charset = charset_default();
	rc = read_elements(r, err);
	if (rc == 0 && record_is_dicomdir(&r->rec))
		rc = err_set(err, -EISDIR, "a DICOMDIR");
	if (rc == 0) {
		*out = finish_attributes(r) < 0 ? NULL : publish(r, file);
		rc = *out ? 0 : err_nomem(err);
	}
	dcm_file_close(&r->file);
	return rc;
}
