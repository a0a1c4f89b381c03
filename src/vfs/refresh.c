/* SPDX-License-Identifier: MIT */
/*
 * From one snapshot to the next: folder by folder, parents before children, the old
 * list is compared with the new one. The same thing under the same name keeps
 * its number; what has gone or changed lives on, as long as it is known, with the
 * snapshot that it is of. A folder moves in one step, under the lock.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "vfs/tree.h"

/* What is to be told of a folder that has moved. */
struct news {
	struct buf names; /* that mean something else now, each with its NUL */
	struct buf aged;  /* numbers of what is the same, but for its time */
	struct buf own;   /* the folder's own name, where it strayed; else empty */
};

static void news_init(struct news *n)
{
	buf_init(&n->names);
	buf_init(&n->aged);
	buf_init(&n->own);
}

static void news_release(struct news *n)
{
	buf_release(&n->names);
	buf_release(&n->aged);
	buf_release(&n->own);
}

static int news_error(const struct news *n)
{
	return buf_error(&n->names) < 0 || buf_error(&n->aged) < 0 ? -ENOMEM : 0;
}

static void add_name(struct buf *b, const char *name)
{
	buf_add(b, name, strlen(name) + 1);
}

/* The comparison of a folder's lists. */
struct merge {
	struct dir *dir;
	const struct era *era; /* the new one */
	struct list *list;     /* likewise */
	uint64_t *inos;        /* 0: a fresh number */
	uint32_t *n_lookups;
	uint32_t *by_ino;
	uint32_t n_fresh;
	struct old **olds; /* of what was replaced and is known */
	size_t n_olds;
	struct news *news;
};

static void merge_release(struct merge *m)
{
	size_t i;

	for (i = 0; i < m->n_olds; i++)
		mem_free(m->olds[i]);
	mem_free(m->olds);
	mem_free(m->inos);
	mem_free(m->n_lookups);
	mem_free(m->by_ino);
	list_free(m->list);
}

static uint32_t lookups_of(const struct dir *d, uint32_t i)
{
	return d->n_lookups ? d->n_lookups[i] : 0;
}

static struct old *old_new(const struct dir *d, uint64_t ino, const struct list_entry *e,
	uint32_t n_lookups)
{
	size_t n_keys = d->depth + 1;
	struct old *o = mem_calloc(1, sizeof *o + n_keys * sizeof o->chain[0]);

	if (!o)
		return NULL;
	o->ino = ino;
	o->view = d->view;
	o->entry = *e;
	o->n_lookups = n_lookups;
	o->depth = d->depth + 1;
	memcpy(o->chain, d->chain, n_keys * sizeof o->chain[0]);
	return o;
}

static void publish_old(struct vfs *v, const struct dir *d, struct old *o)
{
	o->era = era_get(d->era);
	(void)ino_set_add(&v->olds, o); /* room has been reserved */
}

/* Old entry i means nothing now. */
static int lose(struct merge *m, uint32_t i)
{
	const struct dir *d = m->dir;
	const struct list_entry *e = &d->list->entries[i];
	uint32_t n = lookups_of(d, i);
	struct old **olds;

	add_name(&m->news->names, list_name(d->list, i));
	if (n == 0)
		return 0;
	olds = mem_resize(m->olds, m->n_olds + 1, sizeof *olds);
	if (!olds)
		return -ENOMEM;
	m->olds = olds;
	olds[m->n_olds] = old_new(d, dir_ino_at(d, i), e, n);
	return olds[m->n_olds] ? (m->n_olds++, 0) : -ENOMEM;
}

static void gain(struct merge *m, uint32_t j, bool replaces)
{
	m->n_fresh++;
	if (!replaces)
		add_name(&m->news->names, list_name(m->list, j));
}

/* Of a live file the time is asked for anyway. */
static bool has_aged(const struct list_entry *was, const struct era *then,
	const struct list_entry *is, const struct era *now)
{
	return is->size != VIEW_SIZE_LIVE && entry_mtime_ns(was, then) != entry_mtime_ns(is, now);
}

static void keep(struct merge *m, uint32_t i, uint32_t j)
{
	const struct list_entry *was = &m->dir->list->entries[i];
	struct list_entry *e = &m->list->entries[j];

	m->inos[j] = dir_ino_at(m->dir, i);
	if (m->n_lookups)
		m->n_lookups[j] = lookups_of(m->dir, i);
	if (lookups_of(m->dir, i) > 0 && has_aged(was, m->dir->era, e, m->era))
		buf_add(&m->news->aged, &m->inos[j], sizeof m->inos[j]);
	if (e->size == VIEW_SIZE_LATER)
		e->size = was->size;
}

static int compare(struct merge *m)
{
	const struct list *was = m->dir->list, *is = m->list;
	uint32_t i = 0, j = 0;
	int r = 0;

	while (r == 0 && (i < was->n || j < is->n)) {
		int c = i == was->n ? 1 :
			j == is->n  ? -1 :
				      list_compare_names(list_name(was, i), list_name(is, j));

		if (c < 0) {
			r = lose(m, i++);
		} else if (c > 0) {
			gain(m, j++, false);
		} else if (list_same(&was->entries[i], &is->entries[j])) {
			keep(m, i++, j++);
		} else {
			r = lose(m, i++);
			gain(m, j++, true);
		}
	}
	return r < 0 ? r : news_error(m->news);
}

static int by_number(const void *a, const void *b, void *arg)
{
	const uint64_t *inos = arg;
	uint64_t x = inos[*(const uint32_t *)a], y = inos[*(const uint32_t *)b];

	return x < y ? -1 : x > y;
}

/* Fresh numbers for what is new, and the order of all of them. */
static int number(struct vfs *v, struct merge *m)
{
	uint64_t next;
	uint32_t j;

	if (block_add(v, m->dir, m->n_fresh, &next) < 0)
		return -ENOMEM;
	for (j = 0; j < m->list->n; j++) {
		m->by_ino[j] = j;
		if (m->inos[j] == 0)
			m->inos[j] = next++;
	}
	if (m->list->n > 1)
		qsort_r(m->by_ino, m->list->n, sizeof *m->by_ino, by_number, m->inos);
	return 0;
}

static int prepare(struct vfs *v, struct merge *m)
{
	uint32_t n = m->list->n;
	int r;

	m->inos = mem_calloc(n, sizeof *m->inos);
	m->by_ino = mem_calloc(n, sizeof *m->by_ino);
	if (m->dir->n_lookups)
		m->n_lookups = mem_calloc(n, sizeof *m->n_lookups);
	if (!m->inos || !m->by_ino || (m->dir->n_lookups && !m->n_lookups))
		return -ENOMEM;
	r = compare(m);
	if (r == 0)
		r = ino_set_reserve(&v->olds, m->n_olds);
	return r == 0 ? number(v, m) : r;
}

/* The new keys of the folders in it, or that they have gone. */
static void tell_subs(const struct dir *d)
{
	size_t k;

	for (k = 0; k < d->subs.n; k++) {
		struct dir *sub = (struct dir *)(void *)d->subs.items[k];
		const struct view_key *key = NULL;
		const struct extra *x;
		uint32_t i;

		if (dir_index_of(d, sub->ino, &i))
			key = &d->list->entries[i].key;
		for (x = d->extras; x && !key; x = x->next)
			if (x->ino == sub->ino)
				key = &x->entry.key;
		sub->doomed = !key;
		sub->same = key && key->version != 0 &&
			memcmp(key, &sub->chain[sub->depth], sizeof *key) == 0;
		if (key)
			sub->next_key = *key;
	}
}

static void drop_contents(struct vfs *v, const struct merge *m)
{
	uint32_t i, k;

	for (i = 0; i < m->dir->n; i++)
		if (lookups_of(m->dir, i) == 0 && m->dir->list->entries[i].type == VIEW_FILE)
			if (!list_find(m->list, list_name(m->dir->list, i), &k) ||
				m->inos[k] != dir_ino_at(m->dir, i))
				opened_forget(v, dir_ino_at(m->dir, i));
}

/* Keys and snapshot of a folder whose parent has moved already. */
static void move_dir(struct vfs *v, struct dir *d, struct era *era)
{
	memcpy(d->chain, d->parent->chain, d->depth * sizeof *d->chain);
	d->chain[d->depth] = d->next_key;
	era_put(v, d->era);
	d->era = era_get(era);
}

static uint64_t sum_lookups(const struct dir *d)
{
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; d->n_lookups && i < d->n; i++)
		sum += d->n_lookups[i];
	return sum;
}

static void commit(struct vfs *v, struct merge *m, struct era *era)
{
	struct dir *d = m->dir;
	size_t i;

	drop_contents(v, m);
	for (i = 0; i < m->n_olds; i++)
		publish_old(v, d, m->olds[i]);
	m->n_olds = 0;
	dir_set_list(v, d, m->list);
	m->list = NULL;
	mem_free(d->n_lookups);
	d->n_lookups = m->n_lookups;
	d->n_all_lookups = sum_lookups(d);
	m->n_lookups = NULL;
	if (m->news->names.len > 0 || d->inos) {
		mem_free(d->inos);
		mem_free(d->by_ino);
		d->inos = m->inos;
		d->by_ino = m->by_ino;
		m->inos = NULL;
		m->by_ino = NULL;
	}
	move_dir(v, d, era);
}

/* ---- names that only lookup() gives ---- */

static int lose_extra(struct vfs *v, struct dir *d, struct extra *x, struct news *news)
{
	struct extra **at = &d->extras;
	struct old *o = NULL;

	if (x->n_lookups > 0) {
		o = old_new(d, x->ino, &x->entry, x->n_lookups);
		if (!o || ino_set_reserve(&v->olds, 1) < 0) {
			mem_free(o);
			return -ENOMEM;
		}
		publish_old(v, d, o);
	} else {
		opened_forget(v, x->ino);
	}
	add_name(&news->names, x->name);
	while (*at != x)
		at = &(*at)->next;
	*at = x->next;
	mem_free(x);
	return 0;
}

static struct extra *unasked_extra(const struct dir *d, const struct era *era)
{
	struct extra *x = d->extras;

	while (x && x->asked == era)
		x = x->next;
	return x;
}

/* Ask for each of them in the new snapshot, before the folder moves. */
static int refresh_extras(struct vfs *v, struct dir *d, const struct target *t, struct news *news)
{
	struct view_node node = target_node(t);
	struct extra *x;
	int r = 0;

	while (r == 0 && (x = unasked_extra(d, t->era))) {
		struct view_entry e = { .name = x->name };
		struct list_entry is;
		int found;

		tree_leave(v);
		found = d->view->lookup(&node, x->name, &e, NULL);
		tree_enter(v);
		is = (struct list_entry){ .key = e.key, .type = e.type, .mtime_ns = e.mtime_ns };
		is.size = e.type == VIEW_DIR ? 0 : e.size;
		if (found == 0 && list_same(&x->entry, &is)) {
			if (x->n_lookups > 0 && has_aged(&x->entry, d->era, &is, t->era))
				buf_add(&news->aged, &x->ino, sizeof x->ino);
			x->entry.key = is.key;
			x->entry.mtime_ns = is.mtime_ns;
			x->asked = t->era;
		} else {
			r = lose_extra(v, d, x, news);
		}
	}
	return r;
}

/* ---- one folder ---- */

/* A folder that has gone: what is known of its files lives on. */
static void bury(struct vfs *v, struct dir *d)
{
	struct news nobodys;
	uint32_t i;

	news_init(&nobodys);
	if (d->n_all_lookups > 0 && dir_need_list(v, d, NULL) == 0) {
		for (i = 0; i < d->n; i++) {
			struct old *o = lookups_of(d, i) == 0 ?
				NULL :
				old_new(d, dir_ino_at(d, i), &d->list->entries[i],
					lookups_of(d, i));

			if (o && ino_set_reserve(&v->olds, 1) == 0)
				publish_old(v, d, o);
			else
				mem_free(o);
		}
	}
	while (d->extras && lose_extra(v, d, d->extras, &nobodys) == 0)
		continue;
	news_release(&nobodys);
	dir_doom(v, d);
}

static void target_in(const struct dir *d, struct era *era, struct target *t)
{
	t->view = d->view;
	t->era = era_get(era);
	t->depth = d->depth;
	t->ino = d->ino;
	memcpy(t->chain, d->parent->chain, d->depth * sizeof *t->chain);
	t->chain[d->depth] = d->next_key;
}

/* Compare and move. The old list is needed for that; where it cannot be had any more, all names are
 * new. */
static int relist(struct vfs *v, struct dir *d, struct era *era, struct news *news, struct err *err)
{
	struct merge m = { .dir = d, .era = era, .news = news };
	struct target t;
	bool had;
	int r;

	target_in(d, era, &t);
	tree_leave(v);
	r = target_list(&t, &m.list, err);
	tree_enter(v);
	had = r == 0 && dir_need_list(v, d, NULL) == 0;
	if (r == 0)
		r = refresh_extras(v, d, &t, news);
	if (r == 0 && had) {
		r = prepare(v, &m);
		if (r == 0)
			commit(v, &m, era);
	} else if (r == 0) {
		move_dir(v, d, era);
		r = dir_take_list(v, d, m.list, err);
		m.list = NULL;
	}
	if (r == 0)
		tell_subs(d);
	target_release(v, &t);
	merge_release(&m);
	return r == -ENOMEM ? err_nomem(err) : r;
}

static int refresh_dir(struct vfs *v, struct dir *d, struct era *era, struct news *news,
	struct err *err)
{
	size_t k;

	if (d->dead || d->era == era)
		return 0;
	if (d->doomed || d->parent->dead) {
		bury(v, d);
		return 0;
	}
	if (d->parent->era != era) /* it could not be listed: all below waits for the next time */
		return 0;
	if (d->numbered && !d->same)
		return relist(v, d, era, news, err);
	move_dir(v, d, era);
	for (k = 0; k < d->subs.n; k++) {
		struct dir *sub = (struct dir *)(void *)d->subs.items[k];

		sub->next_key = sub->chain[sub->depth];
		sub->same = true;
	}
	return 0;
}

/* Its names have been lost: its own stands for them. */
static void add_own_name(struct vfs *v, struct dir *d, struct news *news)
{
	struct dir *parent = d->parent;
	const struct extra *x;
	uint32_t i;

	for (x = parent->extras; x; x = x->next)
		if (x->ino == d->ino)
			add_name(&news->own, x->name);
	dir_pin(parent);
	if (dir_need_list(v, parent, NULL) == 0 && dir_index_of(parent, d->ino, &i))
		add_name(&news->own, list_name(parent->list, i));
	dir_unpin(v, parent);
	d->strayed = false;
}

static void tell(const struct dir *d, const struct news *news, vfs_changed changed, void *arg)
{
	uint64_t ino;
	size_t off;

	for (off = 0; off < news->names.len; off += strlen(news->names.data + off) + 1)
		changed(arg, d->ino, news->names.data + off);
	if (news->names.len > 0 || news->own.len > 0)
		changed(arg, d->ino, NULL);
	for (off = 0; off < news->aged.len; off += sizeof ino) {
		memcpy(&ino, news->aged.data + off, sizeof ino);
		changed(arg, ino, NULL);
	}
	if (news->own.len > 0)
		changed(arg, d->parent->ino, news->own.data);
}

/* The top folder has the same names for ever, and the time of the snapshot, as they have; each view's
 * top is listed again. */
static void move_top(struct vfs *v, struct era *era, struct news *news)
{
	struct dir *top = v->root;
	bool aged = top->era->mtime_ns != era->mtime_ns;
	uint32_t i;
	size_t k;

	if (aged)
		buf_add(&news->aged, &top->ino, sizeof top->ino);
	for (i = 0; aged && i < top->n; i++) {
		uint64_t ino = dir_ino_at(top, i);

		if (lookups_of(top, i) > 0)
			buf_add(&news->aged, &ino, sizeof ino);
	}
	era_put(v, v->newest);
	v->newest = era_get(era);
	era_put(v, top->era);
	top->era = era_get(era);
	for (k = 0; k < top->subs.n; k++)
		((struct dir *)(void *)top->subs.items[k])->same = false;
}

int vfs_refresh(struct vfs *v, vfs_changed changed, void *arg, struct err *err)
{
	struct era *era = era_new(v);
	struct dir *d, *next;
	struct news news;
	int r, first = 0;

	if (!era)
		return err_nomem(err);
	news_init(&news);
	tree_enter(v);
	move_top(v, era, &news);
	dir_pin(v->root);
	for (d = v->root; d; d = next) {
		r = refresh_dir(v, d, era, &news, first ? NULL : err);
		first = first ? first : r;
		if (r == 0 && d->strayed && !d->dead)
			add_own_name(v, d, &news);
		tree_leave(v);
		if (r == 0 && changed)
			tell(d, &news, changed, arg);
		news_release(&news);
		tree_enter(v);
		next = d->next;
		if (next)
			dir_pin(next);
		dir_unpin(v, d);
	}
	era_put(v, era);
	tree_leave(v);
	return first;
}
