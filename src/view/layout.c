/* SPDX-License-Identifier: MIT */
/* Templates of folders, and the trees that they make: see view/layout.h. */
#include "view/layout.h"

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/names.h"
#include "base/utf8.h"

#define MAX_PARTS 128u
#define MAX_KEYWORDS 64u

enum part_kind { PART_TEXT, PART_KEYWORD, PART_FILE, PART_FOLDER, PART_SLASH };

struct part {
	enum part_kind kind;
	uint32_t keyword;
	const char *text; /* PART_TEXT; PART_KEYWORD: the default, may be "" */
	unsigned width;
};

/* Where an instance lies: leaf `leaf` of the folder. */
struct where {
	struct folder *folder;
	uint32_t leaf;
};

struct folders {
	_Atomic unsigned refs;
	struct catalog *catalog; /* a reference: instances and names lie in it */
	struct arena arena;
	struct folder top;
	struct folder **by_key; /* n of them, keys ascending */
	size_t n, cap;
	struct where *of_id; /* by instance id; catalog->n_ids of them */
	unsigned n_levels;
};

struct layout {
	struct keywords *keywords;
	struct arena arena;
	struct part parts[MAX_PARTS];
	unsigned n_parts, n_levels;
	uint32_t ids[MAX_KEYWORDS];
	unsigned n_ids;
	bool hide_files;
	pthread_mutex_t lock; /* protects newest; held while a tree is made */
	struct folders *newest;
};

/* dcm2niix's letters. Two of %t stand side by side. */
static const char *keyword_of_letter(char letter)
{
	static const char *const of[26] = {
		['a' - 'a'] = "ReceiveCoilName",
		['c' - 'a'] = "ImageComments",
		['d' - 'a'] = "SeriesDescription",
		['e' - 'a'] = "EchoNumbers",
		['g' - 'a'] = "AccessionNumber",
		['i' - 'a'] = "PatientID",
		['j' - 'a'] = "SeriesInstanceUID",
		['k' - 'a'] = "StudyInstanceUID",
		['l' - 'a'] = "PerformedProcedureStepDescription",
		['m' - 'a'] = "Manufacturer",
		['n' - 'a'] = "PatientName",
		['o' - 'a'] = "SOPInstanceUID",
		['p' - 'a'] = "ProtocolName",
		['q' - 'a'] = "ScanningSequence",
		['r' - 'a'] = "InstanceNumber",
		['s' - 'a'] = "SeriesNumber",
		['t' - 'a'] = "StudyDate",
		['u' - 'a'] = "AcquisitionNumber",
		['v' - 'a'] = "Manufacturer",
		['x' - 'a'] = "StudyID",
		['y' - 'a'] = "TemporalPositionIdentifier",
		['z' - 'a'] = "SequenceName",
	};

	letter = (char)tolower((unsigned char)letter);
	return letter >= 'a' && letter <= 'z' ? of[letter - 'a'] : NULL;
}

static int add_part(struct layout *l, struct part p, struct err *err)
{
	if (l->n_parts == MAX_PARTS)
		return err_set(err, -EINVAL, "layout=: too long");
	if (p.kind == PART_SLASH && (!l->n_parts || l->parts[l->n_parts - 1].kind == PART_SLASH))
		return 0; /* a slash at the beginning, or two, divide nothing */
	if (p.kind == PART_SLASH)
		l->n_levels++;
	l->parts[l->n_parts++] = p;
	return 0;
}

static int add_keyword(struct layout *l, const char *path, const char *fallback, unsigned width,
	struct err *err)
{
	struct part p = { .kind = PART_KEYWORD, .text = fallback, .width = width };
	int rc = keyword_find(l->keywords, path, &p.keyword, err);

	if (rc == -ENOMEM)
		return rc;
	if (rc < 0)
		return err_set(err, -EINVAL, "layout=: %s: no such keyword", path);
	if (l->n_ids == MAX_KEYWORDS)
		return err_set(err, -EINVAL, "layout=: more than %u keywords", MAX_KEYWORDS);
	l->ids[l->n_ids++] = p.keyword;
	return add_part(l, p, err);
}

/* "Keyword|default:5" without its braces. */
static int parse_braces(struct layout *l, const char *s, size_t len, struct err *err)
{
	char *text = arena_strndup(&l->arena, s, len), *bar, *colon, *end;
	unsigned long width = 0;

	if (!text)
		return err_nomem(err);
	bar = strchr(text, '|');
	colon = strrchr(bar ? bar : text, ':');
	if (colon && isdigit((unsigned char)colon[1])) {
		width = strtoul(colon + 1, &end, 10);
		if (*end || width > 64)
			return err_set(err, -EINVAL, "layout=: %s: not a width", colon + 1);
		*colon = '\0';
	}
	if (bar)
		*bar = '\0';
	return add_keyword(l, text, bar ? bar + 1 : "", (unsigned)width, err);
}

/* "%3s" at s: what it is, and how many characters. */
static int parse_letter(struct layout *l, const char *s, size_t *len, struct err *err)
{
	char *letter;
	unsigned long width = strtoul(s + 1, &letter, 10);
	const char *keyword = keyword_of_letter(*letter);
	int rc;

	if (*letter == '\0' || width > 64)
		return err_set(err, -EINVAL, "layout=: %s: no letter", s);
	*len = (size_t)(letter - s) + 1;
	if (tolower((unsigned char)*letter) == 'b')
		return add_part(l, (struct part){ .kind = PART_FILE }, err);
	if (tolower((unsigned char)*letter) == 'f')
		return add_part(l, (struct part){ .kind = PART_FOLDER }, err);
	if (!keyword)
		return err_set(err, -EINVAL, "layout=: %%%c: no such letter", *letter);
	rc = add_keyword(l, keyword, "", (unsigned)width, err);
	if (rc == 0 && tolower((unsigned char)*letter) == 't')
		rc = add_keyword(l, "StudyTime", "", 0, err);
	return rc;
}

static int parse_text(struct layout *l, const char *s, size_t len, struct err *err)
{
	char *text = arena_strndup(&l->arena, s, len);

	if (!text)
		return err_nomem(err);
	return add_part(l, (struct part){ .kind = PART_TEXT, .text = text }, err);
}

static int parse_template(struct layout *l, const char *s, struct err *err)
{
	size_t len;
	int rc = 0;

	for (; *s && rc == 0; s += len) {
		len = 1;
		if (*s == '/') {
			rc = add_part(l, (struct part){ .kind = PART_SLASH }, err);
		} else if (*s == '{') {
			len = strcspn(s, "}");
			if (s[len] != '}')
				return err_set(err, -EINVAL, "layout=: a brace is not closed");
			rc = parse_braces(l, s + 1, len - 1, err);
			len++;
		} else if (*s == '%') {
			rc = parse_letter(l, s, &len, err);
		} else {
			len = strcspn(s, "/{%");
			rc = parse_text(l, s, len, err);
		}
	}
	if (rc == 0 && l->n_parts && l->parts[l->n_parts - 1].kind == PART_SLASH) {
		l->n_parts--;
		l->n_levels--;
	}
	l->n_levels++;
	if (rc == 0 && (!l->n_parts || l->n_levels > LAYOUT_MAX_LEVELS))
		rc = err_set(err, -EINVAL, "layout=: between 1 and %u folders", LAYOUT_MAX_LEVELS);
	return rc;
}

int layout_new(const char *template, struct keywords *k, bool hide_files, struct layout **out,
	struct err *err)
{
	struct layout *l = mem_calloc(1, sizeof *l);
	int rc;

	if (!l)
		return err_nomem(err);
	pthread_mutex_init(&l->lock, NULL);
	l->keywords = k;
	l->hide_files = hide_files;
	rc = parse_template(l, template, err);
	if (rc < 0) {
		layout_free(l);
		return rc;
	}
	*out = l;
	return 0;
}

void layout_free(struct layout *l)
{
	if (!l)
		return;
	folders_put(l->newest);
	arena_release(&l->arena);
	pthread_mutex_destroy(&l->lock);
	mem_free(l);
}

/* ---- the tree ---- */

static void add_padded(struct buf *out, const char *text, unsigned width)
{
	size_t len = strlen(text);

	for (; len < width; len++)
		buf_addc(out, '0');
	buf_adds(out, text);
}

static void add_value(struct layout *l, const struct part *p, const struct instance *in,
	struct buf *out)
{
	const struct value_list *list = keyword_values(l->keywords, p->keyword, in);
	uint32_t i;

	if (!list->n)
		buf_adds(out, p->text);
	for (i = 0; i < list->n; i++) {
		buf_adds(out, i ? "_" : "");
		add_padded(out, list->text[i], p->width);
	}
}

static void add_rendered(struct layout *l, const struct part *p, const struct instance *in,
	struct buf *out)
{
	const char *slash;

	switch (p->kind) {
	case PART_TEXT:
		buf_adds(out, p->text);
		return;
	case PART_KEYWORD:
		add_value(l, p, in, out);
		return;
	case PART_FILE:
		buf_adds(out, !l->hide_files ? in->file : in->sop_uid ? in->sop_uid : "instance");
		return;
	case PART_FOLDER:
		slash = strrchr(in->dir, '/');
		if (!l->hide_files)
			buf_adds(out, slash ? slash + 1 : in->dir);
		return;
	case PART_SLASH:
		return;
	}
}

static struct folder *new_folder(struct folders *f, struct folder *parent, uint64_t key,
	const char *name)
{
	struct folder *x = arena_zalloc(&f->arena, 1, sizeof *x);
	struct folder **grown;

	if (!x)
		return NULL;
	x->name = arena_strdup(&f->arena, name);
	if (f->n == f->cap) {
		grown = mem_resize(f->by_key, f->cap ? f->cap * 2 : 64, sizeof *grown);
		if (!grown)
			return NULL;
		f->by_key = grown;
		f->cap = f->cap ? f->cap * 2 : 64;
	}
	x->key = key ? key : 1;
	x->parent = parent;
	x->level = parent->level + 1;
	f->by_key[f->n++] = x;
	return x->name ? x : NULL;
}

/* The child of that name, made where it is not there yet. `known` finds it by key. */
static struct folder *child_of(struct folders *f, struct map *known, struct folder *parent,
	struct buf *text)
{
	struct buf legal;
	struct folder *x = NULL;
	uint64_t key, *copy;

	buf_addc(text, '\0');
	buf_init(&legal);
	if (!buf_error(text))
		name_add_legal(&legal, text->data, text->len - 1);
	if (!legal.len)
		buf_adds(&legal, "unknown");
	legal.len = utf8_cut(legal.data, legal.len, NAME_MOST_STEM);
	buf_addc(&legal, '\0');
	if (!buf_error(&legal)) {
		key = hash_bytes(parent->key, legal.data, legal.len);
		x = map_get(known, &key, sizeof key);
		copy = x ? NULL : arena_memdup(&f->arena, &key, sizeof key);
		if (copy) {
			x = new_folder(f, parent, key, legal.data);
			if (x && map_put(known, copy, sizeof key, x) < 0)
				x = NULL;
		}
	}
	buf_release(&legal);
	buf_reset(text);
	return x;
}

/* The folder that an instance lies in. NULL for want of memory. */
static struct folder *place(struct layout *l, struct folders *f, struct map *known,
	const struct instance *in, struct buf *text)
{
	struct folder *at = &f->top;
	unsigned i;

	for (i = 0; i < l->n_parts && at; i++) {
		if (l->parts[i].kind == PART_SLASH)
			at = child_of(f, known, at, text);
		else
			add_rendered(l, &l->parts[i], in, text);
	}
	return at ? child_of(f, known, at, text) : NULL;
}

static void touch(struct folder *x, int64_t mtime_ns)
{
	for (; x; x = x->parent)
		if (x->mtime_ns < mtime_ns)
			x->mtime_ns = mtime_ns;
}

typedef int (*each_leaf)(struct layout *l, struct folders *f, const struct series *s, uint32_t i,
	void *arg);

static int walk_catalog(struct layout *l, struct folders *f, each_leaf each, void *arg)
{
	const struct catalog *c = f->catalog;
	uint32_t p, s, q, i;
	int rc = 0;

	for (p = 0; p < c->n_patients; p++)
		for (s = 0; s < c->patients[p]->n_studies; s++)
			for (q = 0; q < c->patients[p]->studies[s]->n_series; q++) {
				const struct series *x = c->patients[p]->studies[s]->series[q];

				for (i = 0; i < x->n_instances && rc == 0; i++)
					rc = each(l, f, x, i, arg);
			}
	return rc;
}

struct placing {
	struct map known;
	struct buf text;
};

static int place_instance(struct layout *l, struct folders *f, const struct series *s, uint32_t i,
	void *arg)
{
	struct placing *p = arg;
	struct folder *x = place(l, f, &p->known, s->instances[i], &p->text);

	if (!x)
		return -ENOMEM;
	f->of_id[s->instances[i]->id] = (struct where){ .folder = x, .leaf = x->n_leaves++ };
	touch(x, s->instances[i]->mtime_ns);
	return 0;
}

static int fill_leaf(struct layout *l, struct folders *f, const struct series *s, uint32_t i,
	void *arg)
{
	const struct where *at = &f->of_id[s->instances[i]->id];

	(void)l;
	(void)arg;
	at->folder->leaves[at->leaf] = (struct leaf){ .in = s->instances[i],
		.name = s->instance_names[i],
		.series = s };
	return 0;
}

static int compare_keys(const void *a, const void *b)
{
	const struct folder *x = *(const struct folder *const *)a,
			    *y = *(const struct folder *const *)b;

	return x->key < y->key ? -1 : x->key > y->key;
}

static int make_room(struct folders *f)
{
	size_t i;

	for (i = 0; i < f->n; i++) {
		struct folder *x = f->by_key[i];

		if (!x->n_leaves)
			continue;
		x->leaves = arena_zalloc(&f->arena, x->n_leaves, sizeof *x->leaves);
		if (!x->leaves)
			return -ENOMEM;
	}
	return 0;
}

static int compare_names_backwards(const void *a, const void *b)
{
	const struct folder *x = *(const struct folder *const *)a,
			    *y = *(const struct folder *const *)b;

	return strcmp(y->name, x->name);
}

/* The last one first, so that each comes before those that its parent has already. */
static void link_children(struct folders *f)
{
	size_t i;

	if (f->n)
		qsort(f->by_key, f->n, sizeof *f->by_key, compare_names_backwards);
	for (i = 0; i < f->n; i++) {
		struct folder *x = f->by_key[i];

		x->next = x->parent->children;
		x->parent->children = x;
	}
}

/* Those of one series differ. */
static bool may_clash(const struct folder *x)
{
	return x->n_leaves && x->leaves[0].series != x->leaves[x->n_leaves - 1].series;
}

static uint64_t leaf_identity(const struct leaf *leaf)
{
	const struct instance *in = leaf->in;
	uint64_t h = in->sop_uid ? hash_str(in->sop_uid) :
				   hash_bytes(hash_str(in->dir), in->file, strlen(in->file));

	return hash_bytes(h, leaf->series->key, strlen(leaf->series->key));
}

static int compare_leaves(const void *a, const void *b)
{
	const struct leaf *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static void sort_leaves(struct folders *f, struct folder *x)
{
	uint32_t i;

	qsort(x->leaves, x->n_leaves, sizeof *x->leaves, compare_leaves);
	for (i = 0; i < x->n_leaves; i++)
		f->of_id[x->leaves[i].in->id].leaf = i;
}

/* Names that several series bring into one folder. Who reads them in their order reads them in this
 * one. */
static int make_unique(struct folders *f, struct folder *x)
{
	struct name_entry *e = mem_calloc(x->n_leaves, sizeof *e);
	uint32_t i;
	int rc = e ? 0 : -ENOMEM;

	for (i = 0; i < x->n_leaves && rc == 0; i++) {
		e[i] = (struct name_entry){ .name = mem_strdup(x->leaves[i].name),
			.ending = "",
			.identity = leaf_identity(&x->leaves[i]) };
		rc = e[i].name ? 0 : -ENOMEM;
	}
	if (rc == 0)
		rc = name_make_unique(e, x->n_leaves);
	for (i = 0; i < x->n_leaves && rc == 0; i++)
		if (strcmp(e[i].name, x->leaves[i].name) != 0) {
			x->leaves[i].name = arena_strdup(&f->arena, e[i].name);
			rc = x->leaves[i].name ? 0 : -ENOMEM;
		}
	if (rc == 0)
		sort_leaves(f, x);
	for (i = 0; e && i < x->n_leaves; i++)
		mem_free(e[i].name);
	mem_free(e);
	return rc;
}

static int make_all_unique(struct folders *f)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < f->n && rc == 0; i++)
		if (may_clash(f->by_key[i]))
			rc = make_unique(f, f->by_key[i]);
	return rc;
}

static int make_folders(struct layout *l, struct catalog *c, struct folders **out, struct err *err)
{
	struct folders *f = mem_calloc(1, sizeof *f);
	struct placing p = { 0 };
	int rc;

	if (!f)
		return err_nomem(err);
	atomic_init(&f->refs, 1);
	f->catalog = catalog_get(c);
	f->n_levels = l->n_levels;
	f->top.name = "";
	f->of_id = mem_calloc(c->n_ids, sizeof *f->of_id);
	buf_init(&p.text);
	rc = f->of_id ? keywords_load(l->keywords, c, l->ids, l->n_ids, err) : -ENOMEM;
	if (rc == 0)
		rc = walk_catalog(l, f, place_instance, &p);
	if (rc == 0)
		rc = make_room(f);
	if (rc == 0)
		rc = walk_catalog(l, f, fill_leaf, NULL);
	if (rc == 0)
		rc = make_all_unique(f);
	if (rc == 0)
		link_children(f);
	if (rc == 0 && f->n)
		qsort(f->by_key, f->n, sizeof *f->by_key, compare_keys);
	map_release(&p.known);
	buf_release(&p.text);
	if (rc < 0) {
		folders_put(f);
		return rc == -ENOMEM ? err_nomem(err) : rc;
	}
	*out = f;
	return 0;
}

static struct folders *folders_get(struct folders *f)
{
	atomic_fetch_add(&f->refs, 1);
	return f;
}

int layout_folders(struct layout *l, struct catalog *c, struct folders **out, struct err *err)
{
	int rc = 0;

	pthread_mutex_lock(&l->lock);
	if (l->newest && l->newest->catalog == c)
		*out = folders_get(l->newest);
	else
		rc = make_folders(l, c, out, err);
	if (rc == 0 && (!l->newest || l->newest->catalog->gen < c->gen)) {
		folders_put(l->newest);
		l->newest = folders_get(*out);
	}
	pthread_mutex_unlock(&l->lock);
	return rc;
}

void folders_put(struct folders *f)
{
	if (!f || atomic_fetch_sub(&f->refs, 1) != 1)
		return;
	mem_free(f->by_key);
	mem_free(f->of_id);
	arena_release(&f->arena);
	catalog_put(f->catalog);
	mem_free(f);
}

const struct folder *folders_find(const struct folders *f, uint64_t key)
{
	size_t low = 0, high = f->n, mid;

	if (key == 0)
		return &f->top;
	while (low < high) {
		mid = (low + high) / 2;
		if (f->by_key[mid]->key == key)
			return f->by_key[mid];
		if (f->by_key[mid]->key < key)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

const struct folder *folders_of(const struct folders *f, const struct instance *in)
{
	return in->id < f->catalog->n_ids ? f->of_id[in->id].folder : NULL;
}

const struct leaf *folders_leaf(const struct folders *f, const struct instance *in)
{
	const struct folder *x = folders_of(f, in);

	return x ? &x->leaves[f->of_id[in->id].leaf] : NULL;
}

unsigned folders_levels(const struct folders *f)
{
	return f->n_levels;
}
