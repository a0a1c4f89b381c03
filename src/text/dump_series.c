/* SPDX-License-Identifier: MIT */
/*
 * What the instances of a series share: see text/dump.h. An entry per "PATH VR NAME" that
 * was seen, in the order of the files: a head that is new comes behind the one
 * that it followed in its file. Of values that differ only the least and the greatest
 * are kept, and of all of them a hash.
 */
#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/map.h"
#include "base/mem.h"
#include "dicom/value.h"
#include "dump_lines.h"
#include "text/dump.h"

/* A text that may be replaced by another. */
struct kept {
	char *text; /* mem_alloc()ed */
	size_t len;
};

struct entry {
	struct entry *next; /* in the order of the text */
	const char *line;   /* its first one, in the arena: head, value and note */
	size_t line_len, head_len;
	struct kept least, greatest; /* one and the same while there is one value alone: in least */
	const char *note;            /* in the line, behind its value */
	size_t note_len;
	uint16_t vr;
	uint32_t n_seen;     /* instances that have it */
	uint32_t last_seen;  /* the newest of them, from 1 */
	uint32_t n_values;   /* different ones */
	uint64_t first_hash; /* of the first value; further ones are in hashes */
	uint64_t *hashes;    /* open addressing, 0: free; NULL while n_values is 1 */
	uint32_t n_slots;
};

struct dump_series {
	struct dump_sink sink;
	struct arena arena;
	struct map by_head;
	struct entry *first;
	struct entry *before; /* the entry of the line before, in the instance that is added */
	uint32_t n_instances;
	struct hash_key key;           /* of values */
	size_t hash_bytes, kept_bytes; /* of all entries: hashes, and least and greatest values */
};

/* ---- distinct values ---- */

static bool put_hash(uint64_t *slots, uint32_t n_slots, uint64_t hash)
{
	uint32_t i = (uint32_t)hash & (n_slots - 1);

	for (; slots[i]; i = (i + 1) & (n_slots - 1)) {
		if (slots[i] == hash)
			return false;
	}
	slots[i] = hash;
	return true;
}

static int grow_hashes(struct dump_series *s, struct entry *e, struct err *err)
{
	uint32_t n = e->n_slots ? e->n_slots * 2 : 8, i;
	uint64_t *slots = mem_calloc(n, sizeof *slots);

	if (!slots)
		return err_nomem(err);
	if (!e->n_slots)
		put_hash(slots, n, e->first_hash);
	for (i = 0; i < e->n_slots; i++) {
		if (e->hashes[i])
			put_hash(slots, n, e->hashes[i]);
	}
	mem_free(e->hashes);
	s->hash_bytes += (n - e->n_slots) * sizeof *slots;
	e->hashes = slots;
	e->n_slots = n;
	return 0;
}

/* 1: a value that was not there before; 0: one that was. */
static int count_value(struct dump_series *s, struct entry *e, uint64_t hash, struct err *err)
{
	int rc;

	if (hash == e->first_hash)
		return 0;
	if (2 * (e->n_values + 1) > e->n_slots) {
		rc = grow_hashes(s, e, err);
		if (rc < 0)
			return rc;
	}
	if (!put_hash(e->hashes, e->n_slots, hash))
		return 0;
	e->n_values++;
	return 1;
}

/* ---- order ---- */

static bool is_number(uint16_t vr)
{
	switch (vr) {
	case DCM_VR_DS:
	case DCM_VR_IS:
	case DCM_VR_FL:
	case DCM_VR_FD:
	case DCM_VR_US:
	case DCM_VR_SS:
	case DCM_VR_UL:
	case DCM_VR_SL:
	case DCM_VR_UV:
	case DCM_VR_SV:
		return true;
	default:
		return false;
	}
}

static size_t first_part(const char *s, size_t len)
{
	const char *cut = memchr(s, '\\', len);

	return cut ? (size_t)(cut - s) : len;
}

/* Lists of numbers value by value, everything else by bytes. */
static int compare(uint16_t vr, const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t a_part, b_part, n;
	double x, y;
	int c;

	while (is_number(vr) && a_len && b_len) {
		a_part = first_part(a, a_len);
		b_part = first_part(b, b_len);
		if (!dcm_parse_double(a, a_part, &x) || !dcm_parse_double(b, b_part, &y))
			break;
		if (x < y || x > y)
			return x < y ? -1 : 1;
		n = min_size(a_part + 1, a_len);
		a += n;
		a_len -= n;
		n = min_size(b_part + 1, b_len);
		b += n;
		b_len -= n;
	}
	c = memcmp(a, b, min_size(a_len, b_len));
	return c ? c : a_len < b_len ? -1 : a_len > b_len;
}

static int keep(struct dump_series *s, struct kept *k, const char *text, size_t len,
	struct err *err)
{
	char *copy = mem_alloc(len + 1);

	if (!copy)
		return err_nomem(err);
	memcpy(copy, text, len);
	mem_free(k->text);
	s->kept_bytes += len - k->len;
	k->text = copy;
	k->len = len;
	return 0;
}

/* ---- lines ---- */

static int entry_new(struct dump_series *s, const struct dump_line *l, struct entry **out,
	struct err *err)
{
	struct entry *e = arena_zalloc(&s->arena, 1, sizeof *e);
	size_t note_off = (size_t)(l->value - l->text) + l->value_len;

	if (!e)
		return err_nomem(err);
	e->line = arena_memdup(&s->arena, l->text, l->len);
	if (!e->line)
		return err_nomem(err);
	e->line_len = l->len;
	e->head_len = l->head_len;
	e->vr = l->vr;
	e->note = e->line + note_off;
	e->note_len = l->len - note_off;
	e->n_values = 1;
	e->first_hash = hash_keyed(&s->key, l->value, l->value_len) | 1;
	if (map_put(&s->by_head, e->line, e->head_len, e) < 0)
		return err_nomem(err);
	*out = e;
	return keep(s, &e->least, l->value, l->value_len, err);
}

/* Behind the entry of the line before. */
static void link_entry(struct dump_series *s, struct entry *e)
{
	struct entry **at = s->before ? &s->before->next : &s->first;

	e->next = *at;
	*at = e;
}

/* The second value gives the first one a partner; later ones may replace either. */
static int widen(struct dump_series *s, struct entry *e, const struct dump_line *l, struct err *err)
{
	struct kept *greatest = e->greatest.text ? &e->greatest : &e->least;

	if (compare(e->vr, l->value, l->value_len, greatest->text, greatest->len) > 0)
		return keep(s, &e->greatest, l->value, l->value_len, err);
	if (!e->greatest.text) {
		e->greatest = e->least;
		e->least = (struct kept){ NULL, 0 };
		return keep(s, &e->least, l->value, l->value_len, err);
	}
	if (compare(e->vr, l->value, l->value_len, e->least.text, e->least.len) < 0)
		return keep(s, &e->least, l->value, l->value_len, err);
	return 0;
}

/* The entry of a head; NULL: it is new. Mostly it follows the one before, as in the other files. */
static struct entry *find_entry(const struct dump_series *s, const char *head, size_t len)
{
	struct entry *e = s->before ? s->before->next : s->first;

	if (e && e->head_len == len && memcmp(e->line, head, len) == 0)
		return e;
	return map_get(&s->by_head, head, len);
}

/* A value of an entry that has some already. */
static int take_value(struct dump_series *s, struct entry *e, const struct dump_line *l,
	struct err *err)
{
	int rc;

	if (e->n_values == 1 && e->least.len == l->value_len &&
		memcmp(e->least.text, l->value, l->value_len) == 0)
		return 0;
	rc = count_value(s, e, hash_keyed(&s->key, l->value, l->value_len) | 1, err);
	return rc > 0 ? widen(s, e, l, err) : rc;
}

/* The value of an entry that is there, or (*e NULL) an entry for it. */
static int take_or_make(struct dump_series *s, const struct dump_line *l, struct entry **e,
	struct err *err)
{
	int rc;

	if (*e)
		return take_value(s, *e, l, err);
	rc = entry_new(s, l, e, err);
	if (rc == 0)
		link_entry(s, *e);
	return rc;
}

/* Most lines are those of the file before, in the same order: the entry, where this one is. */
static struct entry *same_line(const struct dump_series *s, const struct dump_line *l)
{
	struct entry *e = s->before ? s->before->next : s->first;

	return e && e->n_values == 1 && e->line_len == l->len &&
			memcmp(e->line, l->text, l->len) == 0 ?
		e :
		NULL;
}

static int take_line(struct dump_sink *sink, const struct dump_line *l, struct err *err)
{
	struct dump_series *s = (struct dump_series *)sink;
	struct entry *e = same_line(s, l);
	int rc = 0;

	if (!e) {
		e = find_entry(s, l->text, l->head_len);
		rc = take_or_make(s, l, &e, err);
	}
	if (rc < 0)
		return rc;
	if (e->last_seen != s->n_instances) {
		e->last_seen = s->n_instances;
		e->n_seen++;
	}
	s->before = e;
	return 0;
}

/* ---- the interface ---- */

int dump_series_new(struct dump_series **out, struct err *err)
{
	struct dump_series *s = mem_calloc(1, sizeof *s);

	if (!s)
		return err_nomem(err);
	s->sink.line = take_line;
	hash_key_init(&s->key);
	*out = s;
	return 0;
}

void dump_series_free(struct dump_series *s)
{
	struct entry *e;

	if (!s)
		return;
	for (e = s->first; e; e = e->next) {
		mem_free(e->least.text);
		mem_free(e->greatest.text);
		mem_free(e->hashes);
	}
	map_release(&s->by_head);
	arena_release(&s->arena);
	mem_free(s);
}

struct dump_sink *dump_series_begin(struct dump_series *s)
{
	s->n_instances++;
	s->before = NULL;
	return &s->sink;
}

int dump_series_add(struct dump_series *s, const struct dcm_header *h, struct err *err)
{
	return dump_lines(h, NULL, dump_series_begin(s), err);
}

size_t dump_series_bytes(const struct dump_series *s)
{
	return sizeof *s + s->arena.total_bytes + s->hash_bytes + s->kept_bytes +
		s->by_head.n_slots * sizeof *s->by_head.slots;
}

static void add_shared(struct buf *out, const struct entry *e)
{
	buf_adds(out, e->least.len ? " = " : " =");
	buf_add(out, e->least.text, e->least.len);
	buf_add(out, e->note, e->note_len);
}

static void add_varying(struct buf *out, const struct entry *e)
{
	const struct kept *greatest = e->greatest.text ? &e->greatest : &e->least;

	buf_adds(out, " = <");
	buf_add_u64(out, e->n_values);
	buf_adds(out, e->n_values == 1 ? " value: " : " values: ");
	buf_add(out, e->least.text, e->least.len);
	if (e->n_values > 1) {
		buf_adds(out, " … ");
		buf_add(out, greatest->text, greatest->len);
	}
	buf_adds(out, ">\n");
}

int dump_series_render(const struct dump_series *s, struct buf *out, struct err *err)
{
	const struct entry *e;

	for (e = s->first; e; e = e->next) {
		buf_add(out, e->line, e->head_len);
		if (e->n_values == 1 && e->n_seen == s->n_instances)
			add_shared(out, e);
		else
			add_varying(out, e);
	}
	return buf_error(out) ? err_nomem(err) : 0;
}
