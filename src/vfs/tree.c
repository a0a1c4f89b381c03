/* SPDX-License-Identifier: MIT */
/* The tree's lock, snapshots in use, and numbers: which block, which place. */
#include "vfs/tree.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"

int64_t tree_now(void)
{
	return clock_ns(CLOCK_MONOTONIC_COARSE);
}

void tree_enter(struct vfs *v)
{
	pthread_mutex_lock(&v->lock);
}

/* Contents before the snapshots that they are of. */
void tree_leave(struct vfs *v)
{
	struct opened *contents = v->dead_opened;
	struct era *e, *next;

	v->dead_opened = NULL;
	if (contents) {
		pthread_mutex_unlock(&v->lock);
		opened_close_dead(contents);
		pthread_mutex_lock(&v->lock);
		opened_free_dead(v, contents);
	}
	e = v->dead_eras;
	v->dead_eras = NULL;
	pthread_mutex_unlock(&v->lock);
	for (; e; e = next) {
		next = e->next_dead;
		if (e->snap)
			v->world.put(v->world.arg, e->snap);
		mem_free(e);
	}
}

struct era *era_new(struct vfs *v)
{
	const struct vfs_world *w = &v->world;
	struct era *e = mem_calloc(1, sizeof *e);

	if (!e)
		return NULL;
	e->snap = w->get(w->arg);
	if (!e->snap)
		e->mtime_ns = clock_ns(CLOCK_REALTIME);
	else if (w->mtime_ns)
		e->mtime_ns = w->mtime_ns(w->arg, e->snap);
	e->refs = 1;
	return e;
}

struct era *era_get(struct era *e)
{
	e->refs++;
	return e;
}

void era_put(struct vfs *v, struct era *e)
{
	if (!e || --e->refs > 0)
		return;
	e->next_dead = v->dead_eras;
	v->dead_eras = e;
}

/* ---- sets ---- */

static size_t ino_set_pos(const struct ino_set *s, uint64_t ino)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (*s->items[mid] < ino)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

void *ino_set_find(const struct ino_set *s, uint64_t ino)
{
	size_t pos = ino_set_pos(s, ino);

	return pos < s->n && *s->items[pos] == ino ? s->items[pos] : NULL;
}

/* All of them to the beginning of the room. */
static void pack(struct ino_set *s)
{
	if (s->n && s->items != s->room)
		memmove(s->room, s->items, s->n * sizeof *s->items);
	s->items = s->room;
}

int ino_set_reserve(struct ino_set *s, size_t more)
{
	size_t before = s->room ? (size_t)(s->items - s->room) : 0, cap = s->cap;
	uint64_t **room;

	if (before + s->n + more <= cap)
		return 0;
	pack(s);
	if (s->n + more <= cap - cap / 4) /* so that each packing is paid for by many removals */
		return 0;
	while (cap < s->n + more + s->n / 4)
		cap = cap ? cap * 2 : 4;
	room = mem_resize(s->room, cap, sizeof *room);
	if (!room)
		return -ENOMEM;
	s->items = s->room = room;
	s->cap = cap;
	return 0;
}

int ino_set_add(struct ino_set *s, void *item)
{
	uint64_t *ino = item;
	size_t pos;

	if (ino_set_reserve(s, 1) < 0)
		return -ENOMEM;
	pos = ino_set_pos(s, *ino);
	if (pos < s->n / 2 && s->items > s->room) {
		memmove(s->items - 1, s->items, pos * sizeof *s->items);
		s->items--;
	} else if (pos < s->n) {
		memmove(s->items + pos + 1, s->items + pos, (s->n - pos) * sizeof *s->items);
	}
	s->items[pos] = ino;
	s->n++;
	return 0;
}

void ino_set_remove(struct ino_set *s, uint64_t ino)
{
	size_t pos = ino_set_pos(s, ino);

	if (pos == s->n || *s->items[pos] != ino)
		return;
	s->n--;
	if (pos < s->n / 2) {
		memmove(s->items + 1, s->items, pos * sizeof *s->items);
		s->items++;
	} else {
		memmove(s->items + pos, s->items + pos + 1, (s->n - pos) * sizeof *s->items);
	}
}

/* ---- blocks ---- */

/* Does it hold a number of a name that is there? What was replaced has left it for v->olds. */
static bool is_used(const struct block *b)
{
	const struct extra *x;
	uint32_t k;

	if (!b->dir)
		return false;
	for (x = b->dir->extras; x; x = x->next)
		if (x->ino - b->base < b->n)
			return true;
	k = b->dir->numbered ? dir_first_after(b->dir, b->base - 1) : b->dir->n;
	return k < b->dir->n && dir_ino_at(b->dir, dir_nth(b->dir, k)) - b->base < b->n;
}

/* Forget the blocks of folders that have gone, and of names that have. */
static void squeeze_blocks(struct vfs *v)
{
	size_t i, n = 0;

	for (i = 0; i < v->n_blocks; i++) {
		if (is_used(&v->blocks[i]))
			v->blocks[n++] = v->blocks[i];
		else if (v->blocks[i].dir)
			v->blocks[i].dir->n_blocks--;
	}
	v->n_blocks = n;
	v->n_dead_blocks = 0;
}

/* Room for one more; squeezed seldom enough to be paid for by what was added since. */
static int grow_blocks(struct vfs *v)
{
	size_t cap = v->cap_blocks ? v->cap_blocks * 2 : 64;
	bool full = v->n_blocks == v->cap_blocks;
	struct block *blocks;

	if (full || v->n_dead_blocks > v->n_blocks / 2)
		squeeze_blocks(v);
	if (!full || v->n_blocks < v->cap_blocks - v->cap_blocks / 4)
		return 0;
	blocks = mem_resize(v->blocks, cap, sizeof *blocks);
	if (!blocks)
		return v->n_blocks < v->cap_blocks ? 0 : -ENOMEM;
	v->blocks = blocks;
	v->cap_blocks = cap;
	return 0;
}

int block_add(struct vfs *v, struct dir *dir, uint64_t n, uint64_t *base)
{
	struct block *last = v->n_blocks ? &v->blocks[v->n_blocks - 1] : NULL;

	*base = v->next_ino;
	if (n == 0)
		return 0;
	if (last && last->dir == dir && last->base + last->n == v->next_ino) {
		last->n += n;
	} else {
		if (grow_blocks(v) < 0)
			return -ENOMEM;
		v->blocks[v->n_blocks++] = (struct block){ v->next_ino, n, dir };
		dir->n_blocks++;
	}
	v->next_ino += n;
	return 0;
}

static struct block *block_of(const struct vfs *v, uint64_t ino)
{
	size_t low = 0, high = v->n_blocks;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (v->blocks[mid].base + v->blocks[mid].n <= ino)
			low = mid + 1;
		else
			high = mid;
	}
	return low < v->n_blocks && v->blocks[low].base <= ino ? &v->blocks[low] : NULL;
}

/* Mostly there is but the one that begins where the folder's numbers do. */
void block_kill(struct vfs *v, const struct dir *dir)
{
	struct block *b = dir->n_blocks == 1 && dir->numbered && !dir->inos ?
		block_of(v, dir->base) :
		NULL;
	size_t i;

	if (b && b->dir == dir) {
		b->dir = NULL;
		v->n_dead_blocks++;
		return;
	}
	for (i = 0; dir->n_blocks && i < v->n_blocks; i++) {
		if (v->blocks[i].dir != dir)
			continue;
		v->blocks[i].dir = NULL;
		v->n_dead_blocks++;
	}
}

/* ---- places ---- */

static struct extra *extra_of(const struct dir *d, uint64_t ino)
{
	struct extra *x = d->extras;

	while (x && x->ino != ino)
		x = x->next;
	return x;
}

bool tree_find(struct vfs *v, uint64_t ino, struct place *p)
{
	const struct block *b = block_of(v, ino);

	memset(p, 0, sizeof *p);
	if (b && b->dir) {
		p->dir = b->dir;
		if (dir_index_of(b->dir, ino, &p->i))
			return true;
		p->extra = extra_of(b->dir, ino);
		if (p->extra)
			return true;
		p->dir = NULL;
	}
	p->old = ino_set_find(&v->olds, ino);
	return p->old != NULL;
}

int tree_locate(struct vfs *v, uint64_t ino, struct place *p, struct err *err)
{
	for (;;) {
		struct dir *d;
		bool gone;
		int r;

		if (!tree_find(v, ino, p))
			return err_set(err, -ESTALE, "inode %llu is gone", (unsigned long long)ino);
		d = p->dir;
		if (d && d->list)
			dir_touch(v, d);
		if (!d || d->list || p->extra)
			return 0;
		dir_pin(d);
		r = dir_need_list(v, d, err);
		gone = d->dead; /* meanwhile: what it had may be known without it */
		dir_unpin(v, d);
		if (r < 0 && !gone)
			return r;
	}
}

static void forget_old(struct vfs *v, struct old *o, uint64_t n)
{
	if (o->n_lookups == UINT32_MAX)
		return;
	o->n_lookups -= (uint32_t)(n < o->n_lookups ? n : o->n_lookups);
	if (o->n_lookups > 0)
		return;
	ino_set_remove(&v->olds, o->ino);
	opened_forget(v, o->ino);
	era_put(v, o->era);
	mem_free(o);
}

void tree_forget(struct vfs *v, uint64_t ino, uint64_t n)
{
	struct place p;

	if (!tree_find(v, ino, &p))
		return;
	if (p.old)
		forget_old(v, p.old, n);
	else if (!p.extra)
		dir_uncount(p.dir, p.i, n);
	else if (p.extra->n_lookups < UINT32_MAX)
		p.extra->n_lookups -= (uint32_t)(n < p.extra->n_lookups ? n : p.extra->n_lookups);
}

struct list_entry *place_entry(const struct place *p)
{
	if (p->old)
		return &p->old->entry;
	return p->extra ? &p->extra->entry : &p->dir->list->entries[p->i];
}

int64_t entry_mtime_ns(const struct list_entry *e, const struct era *era)
{
	return e->mtime_ns ? e->mtime_ns : era->mtime_ns;
}

uint64_t place_ino(const struct place *p)
{
	if (p->old)
		return p->old->ino;
	return p->extra ? p->extra->ino : dir_ino_at(p->dir, p->i);
}

/* ---- targets ---- */

void target_of_dir(const struct dir *d, struct target *t)
{
	t->view = d->view;
	t->era = era_get(d->era);
	t->depth = d->depth;
	t->ino = d->ino;
	memcpy(t->chain, d->chain, (d->depth + 1) * sizeof *t->chain);
}

void target_of(const struct place *p, struct target *t)
{
	const struct list_entry *e = place_entry(p);
	unsigned above = p->old ? p->old->depth : p->dir->depth + 1;

	t->view = p->old ? p->old->view : p->dir->view;
	t->era = era_get(p->old ? p->old->era : p->dir->era);
	t->ino = place_ino(p);
	t->entry = *e;
	t->depth = above;
	memcpy(t->chain, p->old ? p->old->chain : p->dir->chain, above * sizeof *t->chain);
	t->chain[above] = e->key;
}

void target_release(struct vfs *v, struct target *t)
{
	era_put(v, t->era);
	t->era = NULL;
}

struct view_node target_node(const struct target *t)
{
	return (struct view_node){ .snap = t->era->snap, .chain = t->chain, .depth = t->depth };
}

static int ask_view(const void *arg, struct view_out *out, struct err *err)
{
	const struct target *t = arg;
	struct view_node node = target_node(t);

	return t->view->list(&node, out, err);
}

int target_list(const struct target *t, struct list **out, struct err *err)
{
	return list_make(ask_view, t, false, out, err);
}
