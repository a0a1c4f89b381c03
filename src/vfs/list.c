/* SPDX-License-Identifier: MIT */
/* A folder's names: see vfs/list.h. */
#include "vfs/list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/names.h"

#define LIST_MOST_ENTRIES (1u << 28)

/* What a view emitted, until it is a list. */
struct made {
	struct list_entry entry;
	uint64_t identity;
	size_t ending_len; /* of the name's end, where a mark goes before it */
};

struct maker {
	struct view_out out; /* first: what emit() is given */
	struct made *made;
	size_t n, cap;
	struct buf names, stem;
	bool raw;
};

static void maker_release(struct maker *m)
{
	mem_free(m->made);
	buf_release(&m->names);
	buf_release(&m->stem);
}

static int make_room(struct maker *m)
{
	size_t cap = m->cap ? m->cap * 2 : 16;
	struct made *made;

	if (m->n < m->cap)
		return 0;
	if (cap > LIST_MOST_ENTRIES)
		return -EFBIG;
	made = mem_resize(m->made, cap, sizeof *made);
	if (!made)
		return -ENOMEM;
	m->made = made;
	m->cap = cap;
	return 0;
}

/* How long the ending is, where the name has it; the name is not the ending alone. */
static size_t ending_of(const char *name, const char *ending)
{
	size_t n = strlen(name), e = ending ? strlen(ending) : 0;

	return e < n && memcmp(name + n - e, ending ? ending : "", e) == 0 ? e : 0;
}

/* Append the legal form of what the view said, with its NUL. */
static void add_name(struct maker *m, const char *name, size_t ending_len)
{
	size_t len = strlen(name), stem_len = len - ending_len;
	char joined[NAME_MOST_BYTES + 1];

	if (len <= NAME_MOST_BYTES && name_is_plain(name, stem_len)) {
		buf_add(&m->names, name, len + 1);
		return;
	}
	buf_reset(&m->stem);
	name_add_legal(&m->stem, name, stem_len);
	if (m->stem.len == 0)
		buf_addc(&m->stem, '_');
	buf_addc(&m->stem, '\0');
	if (buf_error(&m->stem)) {
		m->names.failed = buf_error(&m->stem);
		return;
	}
	name_join(joined, m->stem.data, "", name + stem_len);
	buf_add(&m->names, joined, strlen(joined) + 1);
}

static int emit(struct view_out *out, const struct view_entry *e, struct err *err)
{
	struct maker *m = (struct maker *)out;
	int r = make_room(m);
	struct made *made;

	if (r < 0)
		return err_set(err, r, "a folder of %zu names", m->n);
	if (m->names.len > UINT32_MAX - 4096)
		return err_set(err, -EFBIG, "a folder of %zu names", m->n);
	made = &m->made[m->n];
	memset(made, 0, sizeof *made);
	made->entry.key = e->key;
	made->entry.type = e->type;
	made->entry.size = e->type == VIEW_DIR ? 0 : e->size;
	made->entry.mtime_ns = e->mtime_ns;
	made->entry.name_off = (uint32_t)m->names.len;
	made->identity = e->identity;
	made->ending_len = ending_of(e->name, e->ending);
	if (m->raw)
		buf_add(&m->names, e->name, strlen(e->name) + 1);
	else
		add_name(m, e->name, made->ending_len);
	m->n++;
	return buf_error(&m->names) ? err_nomem(err) : 0;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "3", "-0.5", "1e3", nothing else that strtod() takes. */
static bool is_number(const char *name, double *out)
{
	const char *p;
	char *end;

	if (!is_digit(*name) && *name != '-' && *name != '.')
		return false;
	for (p = name; *p; p++)
		if (!is_digit(*p) && *p != '+' && *p != '-' && *p != '.' && *p != 'e' && *p != 'E')
			return false;
	*out = strtod(name, &end);
	return *end == '\0';
}

int list_compare_names(const char *a, const char *b)
{
	double x = 0, y = 0;
	bool x_is = is_number(a, &x), y_is = is_number(b, &y);

	if (x_is != y_is)
		return x_is ? -1 : 1;
	if (x_is && (x < y || x > y))
		return x < y ? -1 : 1;
	return strcmp(a, b);
}

static int by_name(const void *a, const void *b, void *names)
{
	const struct made *x = a, *y = b;
	const char *text = names;

	return list_compare_names(text + x->entry.name_off, text + y->entry.name_off);
}

/* Is each name greater than the one before? Most views say them so. */
static bool ascends(const struct maker *m)
{
	size_t i;

	for (i = 1; i < m->n; i++)
		if (by_name(&m->made[i - 1], &m->made[i], m->names.data) >= 0)
			return false;
	return true;
}

static void sort_made(struct maker *m)
{
	qsort_r(m->made, m->n, sizeof *m->made, by_name, m->names.data);
}

/* Take the names that name_make_unique() made. */
static int take_names(struct maker *m, const struct name_entry *e)
{
	struct buf names;
	size_t i;

	buf_init(&names);
	for (i = 0; i < m->n; i++) {
		m->made[i].entry.name_off = (uint32_t)names.len;
		buf_add(&names, e[i].name, strlen(e[i].name) + 1);
	}
	buf_release(&m->names);
	m->names = names;
	return buf_error(&m->names);
}

static int fill_entries(const struct maker *m, struct name_entry *e)
{
	size_t i;

	for (i = 0; i < m->n; i++) {
		const char *name = m->names.data + m->made[i].entry.name_off;

		e[i].name = mem_strdup(name);
		e[i].ending = name + strlen(name) - m->made[i].ending_len;
		e[i].identity = m->made[i].identity;
		if (!e[i].name)
			return -ENOMEM;
	}
	return 0;
}

static int make_unique(struct maker *m)
{
	struct name_entry *e;
	size_t i;
	int r;

	if (ascends(m))
		return 0;
	e = mem_calloc(m->n, sizeof *e);
	if (!e)
		return -ENOMEM;
	r = fill_entries(m, e);
	if (r == 0)
		r = name_make_unique(e, m->n);
	if (r == 0)
		r = take_names(m, e);
	for (i = 0; i < m->n; i++)
		mem_free(e[i].name);
	mem_free(e);
	if (r == 0)
		sort_made(m);
	return r;
}

/* A view that says one thing twice gets it shown once: what is equal in name and identity. */
static void drop_twins(struct maker *m)
{
	size_t i, n = 0;

	for (i = 0; i < m->n; i++)
		if (n == 0 || by_name(&m->made[n - 1], &m->made[i], m->names.data) != 0)
			m->made[n++] = m->made[i];
	m->n = n;
}

/* In order, each name once. */
static int settle(struct maker *m)
{
	int r;

	if (ascends(m))
		return 0;
	sort_made(m);
	r = make_unique(m);
	if (r == 0)
		drop_twins(m);
	return r;
}

static uint64_t digest_of(const struct list *l)
{
	uint64_t h = l->n;
	uint32_t i;

	for (i = 0; i < l->n; i++) {
		const char *name = list_name(l, i);

		h = hash_quick(h, name, strlen(name));
		h = hash_quick(h, &l->entries[i].key, sizeof l->entries[i].key);
	}
	return h;
}

static struct list *finish(struct maker *m)
{
	struct list *l = mem_calloc(1, sizeof *l);
	size_t i;

	if (!l)
		return NULL;
	l->entries = mem_calloc(m->n, sizeof *l->entries);
	l->held_bytes = sizeof *l + m->n * sizeof *l->entries + m->names.len;
	l->names = mem_dup(m->names.data, m->names.len);
	if (!l->entries || !l->names) {
		list_free(l);
		return NULL;
	}
	l->n = (uint32_t)m->n;
	for (i = 0; i < m->n; i++) {
		l->entries[i] = m->made[i].entry;
		l->has_folders |= l->entries[i].type == VIEW_DIR;
	}
	l->digest = digest_of(l);
	return l;
}

int list_make(list_fill fill, const void *arg, bool raw, struct list **out, struct err *err)
{
	struct maker m = { .out = { emit }, .raw = raw };
	int r;

	buf_init(&m.names);
	buf_init(&m.stem);
	*out = NULL;
	r = fill(arg, &m.out, err);
	if (r < 0) {
		maker_release(&m);
		return r;
	}
	if (settle(&m) == 0)
		*out = finish(&m);
	maker_release(&m);
	return *out ? 0 : err_nomem(err);
}

void list_free(struct list *l)
{
	if (!l)
		return;
	mem_free(l->entries);
	mem_free(l->names);
	mem_free(l);
}

const char *list_name(const struct list *l, uint32_t i)
{
	return l->names + l->entries[i].name_off;
}

bool list_find(const struct list *l, const char *name, uint32_t *i)
{
	uint32_t low = 0, high = l->n;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		int c = list_compare_names(name, list_name(l, mid));

		if (c == 0) {
			*i = mid;
			return true;
		}
		if (c < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return false;
}

bool list_same(const struct list_entry *a, const struct list_entry *b)
{
	if (a->type != b->type || a->key.kind != b->key.kind || a->key.a != b->key.a ||
		a->key.b != b->key.b)
		return false;
	if (a->type == VIEW_DIR)
		return true;
	return a->key.version == b->key.version &&
		(a->size == b->size || a->size == VIEW_SIZE_LATER || b->size == VIEW_SIZE_LATER);
}
