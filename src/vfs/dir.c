/* SPDX-License-Identifier: MIT */
/* Folders: their lists, and the numbers of their names. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "vfs/tree.h"

#define REST_NS (3 * NS_PER_S) /* a list that was not used for so long is at rest */

/* ---- numbers ---- */

uint64_t dir_ino_at(const struct dir *d, uint32_t i)
{
	return d->inos ? d->inos[i] : d->base + i;
}

uint32_t dir_nth(const struct dir *d, uint32_t k)
{
	return d->inos ? d->by_ino[k] : k;
}

uint32_t dir_first_after(const struct dir *d, uint64_t after)
{
	uint32_t low = 0, high = d->n;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (dir_ino_at(d, dir_nth(d, mid)) <= after)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

bool dir_index_of(const struct dir *d, uint64_t ino, uint32_t *i)
{
	uint32_t k;

	if (!d->numbered || ino == 0)
		return false;
	k = dir_first_after(d, ino - 1);
	if (k == d->n)
		return false;
	*i = dir_nth(d, k);
	return dir_ino_at(d, *i) == ino;
}

int dir_count_lookup(struct dir *d, uint32_t i)
{
	if (!d->n_lookups) {
		d->n_lookups = mem_calloc(d->n, sizeof *d->n_lookups);
		if (!d->n_lookups)
			return -ENOMEM;
	}
	if (d->n_lookups[i] < UINT32_MAX) {
		d->n_lookups[i]++;
		d->n_all_lookups++;
	}
	return 0;
}

void dir_uncount(struct dir *d, uint32_t i, uint64_t n)
{
	if (!d->n_lookups || d->n_lookups[i] == UINT32_MAX)
		return;
	if (n > d->n_lookups[i])
		n = d->n_lookups[i];
	d->n_lookups[i] -= (uint32_t)n;
	d->n_all_lookups -= n;
	if (d->n_all_lookups == 0) {
		mem_free(d->n_lookups);
		d->n_lookups = NULL;
	}
}

struct extra *dir_extra(const struct dir *d, const char *name)
{
	struct extra *x = d->extras;

	while (x && strcmp(x->name, name) != 0)
		x = x->next;
	return x;
}

/* ---- life ---- */

static void free_dir(struct vfs *v, struct dir *d)
{
	struct extra *x;

	dir_drop_list(v, d);
	while ((x = d->extras)) {
		d->extras = x->next;
		mem_free(x);
	}
	if (d->prev)
		d->prev->next = d->next;
	if (d->next)
		d->next->prev = d->prev;
	else
		v->last_dir = d->prev;
	v->n_dirs--;
	era_put(v, d->era);
	mem_free(d->subs.room);
	mem_free(d->inos);
	mem_free(d->by_ino);
	mem_free(d->n_lookups);
	mem_free(d->chain);
	mem_free(d);
}

int dir_new(struct vfs *v, struct dir *parent, const struct view *view, uint64_t ino,
	const struct view_key *key, struct dir **out, struct err *err)
{
	unsigned depth = parent && parent->view ? parent->depth + 1 : 0;
	struct dir *d;

	if (depth + 2 > VFS_MOST_DEPTH)
		return err_set(err, -ENAMETOOLONG, "more than %u folders in each other",
			VFS_MOST_DEPTH);
	d = mem_calloc(1, sizeof *d);
	if (d)
		d->chain = mem_calloc(depth + 1, sizeof *d->chain);
	if (!d || !d->chain || (parent && (d->ino = ino, ino_set_add(&parent->subs, d)) < 0)) {
		if (d)
			mem_free(d->chain);
		mem_free(d);
		return err_nomem(err);
	}
	d->ino = ino;
	d->parent = parent;
	d->view = view;
	d->depth = depth;
	if (depth > 0)
		memcpy(d->chain, parent->chain, depth * sizeof *d->chain);
	d->chain[depth] = *key;
	d->next_key = *key;
	d->era = era_get(parent ? parent->era : v->newest);
	if (parent)
		dir_pin(parent);
	d->prev = v->last_dir;
	if (d->prev)
		d->prev->next = d;
	v->last_dir = d;
	v->n_dirs++;
	*out = d;
	return 0;
}

void dir_pin(struct dir *d)
{
	d->pins++;
}

/* The last pin of a folder that has gone frees it, and so its pin on its parent. */
void dir_unpin(struct vfs *v, struct dir *d)
{
	while (d && --d->pins == 0 && d->dead) {
		struct dir *parent = d->parent;

		free_dir(v, d);
		d = parent;
	}
}

void dir_doom(struct vfs *v, struct dir *d)
{
	if (d->dead)
		return;
	block_kill(v, d);
	d->dead = true;
	ino_set_remove(&d->parent->subs, d->ino);
	dir_drop_list(v, d);
	dir_pin(d);
	dir_unpin(v, d);
}

void dir_free_all(struct vfs *v)
{
	while (v->last_dir)
		free_dir(v, v->last_dir);
	v->root = NULL;
}

/* ---- lists ---- */

static void unlink_list(struct vfs *v, struct dir *d)
{
	if (d->newer)
		d->newer->older = d->older;
	else if (v->newest_list == d)
		v->newest_list = d->older;
	if (d->older)
		d->older->newer = d->newer;
	else if (v->oldest_list == d)
		v->oldest_list = d->newer;
	d->newer = d->older = NULL;
}

void dir_touch(struct vfs *v, struct dir *d)
{
	d->used_ns = tree_now();
	if (v->newest_list == d)
		return;
	unlink_list(v, d);
	d->older = v->newest_list;
	if (d->older)
		d->older->newer = d;
	else
		v->oldest_list = d;
	v->newest_list = d;
}

void dir_rest(struct vfs *v, struct dir *d)
{
	d->used_ns = 0;
	if (v->oldest_list == d)
		return;
	unlink_list(v, d);
	d->newer = v->oldest_list;
	if (d->newer)
		d->newer->older = d;
	else
		v->newest_list = d;
	v->oldest_list = d;
}

void dir_drop_list(struct vfs *v, struct dir *d)
{
	if (!d->list)
		return;
	unlink_list(v, d);
	v->list_bytes -= d->list->held_bytes;
	list_free(d->list);
	d->list = NULL;
}

void dir_set_list(struct vfs *v, struct dir *d, struct list *l)
{
	dir_drop_list(v, d);
	d->list = l;
	d->n = l->n;
	d->digest = l->digest;
	d->numbered = true;
	v->list_bytes += l->held_bytes;
	dir_touch(v, d);
}

void tree_trim_lists(struct vfs *v, size_t most, int64_t since)
{
	struct dir *d, *newer;

	for (d = v->oldest_list; d && v->list_bytes > most && d->used_ns < since; d = newer) {
		newer = d->newer;
		if (d->pins == d->subs.n && d->view)
			dir_drop_list(v, d);
	}
}

/* Number a list that came for the first time, or that is not the one that was given back: files
 * could not be read for a while, and a view is not true to itself. What it had is gone then; a
 * number never moves to another name. */
static int number_anew(struct vfs *v, struct dir *d, const struct list *l)
{
	uint64_t base;

	if (d->numbered && d->n == l->n && d->digest == l->digest)
		return 0;
	if (block_add(v, d, l->n, &base) < 0)
		return -ENOMEM;
	d->strayed = d->numbered;
	while (d->subs.n)
		dir_doom(v, (struct dir *)(void *)d->subs.items[d->subs.n - 1]);
	mem_free(d->inos);
	mem_free(d->by_ino);
	mem_free(d->n_lookups);
	d->inos = NULL;
	d->by_ino = NULL;
	d->n_lookups = NULL;
	d->n_all_lookups = 0;
	d->base = base;
	return 0;
}

int dir_take_list(struct vfs *v, struct dir *d, struct list *l, struct err *err)
{
	if (number_anew(v, d, l) < 0) {
		list_free(l);
		return err_nomem(err);
	}
	dir_set_list(v, d, l);
	tree_trim_lists(v, v->limits.list_bytes, INT64_MAX);
	tree_trim_lists(v, v->limits.idle_list_bytes, d->used_ns - REST_NS);
	return 0;
}

/* Ask the view, with the lock let go. What was asked of an old snapshot is thrown away. */
static int ask_for_list(struct vfs *v, struct dir *d, struct err *err)
{
	struct target t;
	struct list *l;
	int r;

	d->listing = true;
	target_of_dir(d, &t);
	tree_leave(v);
	r = target_list(&t, &l, err);
	tree_enter(v);
	d->listing = false;
	pthread_cond_broadcast(&v->listed);
	if (r == 0 && (d->dead || d->list || d->era != t.era))
		list_free(l);
	else if (r == 0)
		r = dir_take_list(v, d, l, err);
	target_release(v, &t);
	return r;
}

int dir_need_list(struct vfs *v, struct dir *d, struct err *err)
{
	int r;

	while (!d->list) {
		if (d->dead)
			return err_set(err, -ENOENT, "the folder has gone");
		if (!d->era->snap)
			return err_set(err, -EAGAIN, "there is no snapshot yet");
		if (d->listing) {
			pthread_cond_wait(&v->listed, &v->lock);
			continue;
		}
		r = ask_for_list(v, d, err);
		if (r < 0)
			return r;
	}
	dir_touch(v, d);
	return 0;
}

/* The struct dir of a name that is a folder. */
static int dir_of_place(struct vfs *v, const struct place *p, struct dir **out, struct err *err)
{
	static const struct view_key top;
	const struct list_entry *e = place_entry(p);
	const struct view *view = p->old ? NULL : p->dir->view;
	uint64_t ino = place_ino(p);

	if (e->type != VIEW_DIR)
		return err_set(err, -ENOTDIR, "not a folder");
	if (p->old)
		return err_set(err, -ENOENT, "the folder has gone");
	*out = ino_set_find(&p->dir->subs, ino);
	if (*out)
		return 0;
	if (!view) /* an entry of the top folder is a view's top */
		return dir_new(v, p->dir, v->world.views[e->key.a], ino, &top, out, err);
	return dir_new(v, p->dir, view, ino, &e->key, out, err);
}

int dir_at(struct vfs *v, uint64_t ino, struct dir **out, struct err *err)
{
	struct place p;
	int r;

	*out = ino == VFS_ROOT ? v->root : NULL;
	if (!*out && tree_find(v, ino, &p) && p.dir)
		*out = ino_set_find(&p.dir->subs, ino);
	if (!*out) {
		r = tree_locate(v, ino, &p, err);
		if (r == 0)
			r = dir_of_place(v, &p, out, err);
		if (r < 0)
			return r;
	}
	dir_pin(*out);
	return 0;
}
