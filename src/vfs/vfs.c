/* SPDX-License-Identifier: MIT */
/* The calls of the tree: see vfs/vfs.h. */
#include "vfs/vfs.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "vfs/tree.h"

#define LIST_BYTES ((size_t)64 << 20)
#define IDLE_LIST_BYTES ((size_t)64 << 10)
#define CONTENT_BYTES ((size_t)64 << 20)
#define N_CONTENTS 256u
#define LIST_REST_NS (3 * NS_PER_S)
#define CONTENT_REST_NS (30 * NS_PER_S)
#define AHEAD_NAMES 512u /* looked through for one without a size: about a reply */
#define AHEAD_NS                                                                                   \
	(50 * NS_PER_MS) /* that a listing may take longer for sizes nobody asked for yet */

enum { TOP_VIEW = 1, TOP_README };

/* ---- making one ---- */

static int fill_top(const void *arg, struct view_out *out, struct err *err)
{
	const struct vfs_world *w = arg;
	struct view_entry e = { .type = VIEW_DIR };
	size_t i;
	int r;

	for (i = 0; i < w->n_views; i++) {
		e.name = w->views[i]->name;
		e.key.kind = TOP_VIEW;
		e.key.a = i;
		r = out->emit(out, &e, err);
		if (r < 0)
			return r;
	}
	if (!w->readme)
		return 0;
	e = (struct view_entry){ .name = "README.txt", .type = VIEW_FILE };
	e.key.kind = TOP_README;
	e.size = (int64_t)strlen(w->readme);
	return out->emit(out, &e, err);
}

static int make_top(struct vfs *v, struct err *err)
{
	static const struct view_key key;
	struct list *l;
	int r;

	r = dir_new(v, NULL, NULL, VFS_ROOT, &key, &v->root, err);
	if (r == 0)
		r = list_make(fill_top, &v->world, true, &l, err);
	if (r == 0)
		r = dir_take_list(v, v->root, l, err);
	return r;
}

static void set_limits(struct vfs_limits *l)
{
	l->list_bytes = l->list_bytes ? l->list_bytes : LIST_BYTES;
	l->idle_list_bytes = l->idle_list_bytes ? l->idle_list_bytes : IDLE_LIST_BYTES;
	l->content_bytes = l->content_bytes ? l->content_bytes : CONTENT_BYTES;
	l->n_contents = l->n_contents ? l->n_contents : N_CONTENTS;
}

int vfs_new(const struct vfs_world *world, const struct vfs_limits *limits, struct vfs **out,
	struct err *err)
{
	struct vfs *v = mem_calloc(1, sizeof *v);
	int r;

	if (!v)
		return err_nomem(err);
	v->world = *world;
	if (limits)
		v->limits = *limits;
	set_limits(&v->limits);
	v->next_ino = VFS_FIRST_INO;
	pthread_mutex_init(&v->lock, NULL);
	pthread_cond_init(&v->listed, NULL);
	pthread_cond_init(&v->opened, NULL);
	v->newest = era_new(v);
	tree_enter(v);
	r = v->newest ? make_top(v, err) : err_nomem(err);
	tree_leave(v);
	if (r < 0) {
		vfs_free(v);
		return r;
	}
	*out = v;
	return 0;
}

void vfs_free(struct vfs *v)
{
	size_t i;

	if (!v)
		return;
	tree_enter(v);
	opened_trim(v, 0, 0, INT64_MAX);
	for (i = 0; i < v->olds.n; i++) {
		struct old *o = (struct old *)(void *)v->olds.items[i];

		era_put(v, o->era);
		mem_free(o);
	}
	dir_free_all(v);
	era_put(v, v->newest);
	tree_leave(v);
	mem_free(v->olds.room);
	mem_free(v->contents.room);
	mem_free(v->blocks);
	pthread_cond_destroy(&v->opened);
	pthread_cond_destroy(&v->listed);
	pthread_mutex_destroy(&v->lock);
	mem_free(v);
}

/* ---- attributes ---- */

static void attr_of(const struct place *p, struct vfs_attr *attr)
{
	const struct list_entry *e = place_entry(p);
	const struct era *era = p->old ? p->old->era : p->dir->era;

	attr->ino = place_ino(p);
	attr->type = e->type;
	attr->live = e->size == VIEW_SIZE_LIVE || !era->snap;
	attr->size_known = e->size >= 0;
	attr->size = e->size >= 0 ? (uint64_t)e->size : 0;
	attr->mtime_ns = entry_mtime_ns(e, era);
}

static void attr_of_root(const struct vfs *v, struct vfs_attr *attr)
{
	*attr = (struct vfs_attr){ .ino = VFS_ROOT,
		.type = VIEW_DIR,
		.live = !v->newest->snap,
		.size_known = true,
		.mtime_ns = v->newest->mtime_ns };
}

/* Keep what was learnt, where the number still leads somewhere. */
static void keep_size(struct vfs *v, uint64_t ino, int64_t size)
{
	struct place p;

	if (tree_find(v, ino, &p) && (p.old || p.extra || p.dir->list))
		place_entry(&p)->size = size;
}

/* Of what is open, and stays so for who reads it next. */
static int size_of_opened(struct vfs *v, bool reading, struct vfs_attr *attr, struct err *err)
{
	struct opened *o;
	int r = attr->live ? opened_get_live(v, attr->ino, reading, &o, err) :
			     opened_get(v, attr->ino, &o, err);

	if (r < 0)
		return r;
	attr->size = o->content->size;
	if (attr->live)
		attr->mtime_ns = o->mtime_ns;
	else
		keep_size(v, attr->ino, (int64_t)attr->size);
	attr->size_known = true;
	opened_unpin(v, o);
	return 0;
}

/* Ask the view for the size of what was listed without. */
static int size_from_view(struct vfs *v, const struct place *p, struct vfs_attr *attr,
	struct err *err)
{
	struct view_node node;
	struct target t;
	int64_t size = 0;
	int r;

	target_of(p, &t);
	tree_leave(v);
	node = target_node(&t);
	r = t.view->size(&node, &size, err);
	tree_enter(v);
	if (r == 0) {
		keep_size(v, t.ino, size);
		attr->size = (uint64_t)size;
		attr->size_known = true;
	}
	target_release(v, &t);
	return r;
}

static int need_size(struct vfs *v, bool reading, struct vfs_attr *attr, struct err *err)
{
	const struct view *view;
	struct place p;
	int r;

	if (attr->size_known)
		return 0;
	r = tree_locate(v, attr->ino, &p, err);
	if (r < 0)
		return r;
	view = p.old ? p.old->view : p.dir->view;
	if (attr->live || !view->size)
		return size_of_opened(v, reading, attr, err);
	return size_from_view(v, &p, attr, err);
}

int vfs_getattr(struct vfs *v, uint64_t ino, bool reading, struct vfs_attr *attr, struct err *err)
{
	struct place p;
	int r = 0;

	tree_enter(v);
	if (ino == VFS_ROOT) {
		attr_of_root(v, attr);
	} else {
		r = tree_locate(v, ino, &p, err);
		if (r == 0)
			attr_of(&p, attr);
		if (r == 0)
			r = need_size(v, reading, attr, err);
	}
	tree_leave(v);
	return r;
}

uint64_t vfs_parent(struct vfs *v, uint64_t ino)
{
	struct place p;
	uint64_t parent = VFS_ROOT;

	tree_enter(v);
	if (tree_find(v, ino, &p) && p.dir)
		parent = p.dir->ino;
	tree_leave(v);
	return parent;
}

/* Is its size to be had, but not known yet? */
static bool comes_later(const struct vfs_attr *attr)
{
	return !attr->size_known && !attr->live;
}

/* ---- names ---- */

static int add_extra(struct vfs *v, struct dir *d, const char *name, const struct view_entry *e)
{
	size_t len = strlen(name) + 1;
	struct extra *x = mem_calloc(1, sizeof *x + len);

	if (!x || block_add(v, d, 1, &x->ino) < 0) {
		mem_free(x);
		return -ENOMEM;
	}
	memcpy(x->name, name, len);
	x->entry.key = e->key;
	x->entry.type = e->type;
	x->entry.size = e->type == VIEW_DIR ? 0 : e->size;
	x->entry.mtime_ns = e->mtime_ns;
	x->next = d->extras;
	d->extras = x;
	return 0;
}

/* A name that is not listed: perhaps the view knows it all the same. 0: look again. */
static int ask_for_name(struct vfs *v, struct dir *d, const char *name, struct err *err)
{
	struct view_entry e = { .name = name };
	struct view_node node;
	struct target t;
	int r;

	if (!d->view || !d->view->lookup)
		return -ENOENT;
	target_of_dir(d, &t);
	tree_leave(v);
	node = target_node(&t);
	r = d->view->lookup(&node, name, &e, err);
	tree_enter(v);
	if (r == 0 && d->era == t.era && !d->dead && !dir_extra(d, name) &&
		add_extra(v, d, name, &e) < 0)
		r = err_nomem(err);
	target_release(v, &t);
	return r;
}

/* The place of a name, counted as looked up. */
static int find_name(struct vfs *v, struct dir *d, const char *name, struct place *p,
	struct err *err)
{
	int r;

	for (;;) {
		memset(p, 0, sizeof *p);
		p->dir = d;
		r = dir_need_list(v, d, err);
		if (r < 0)
			return r;
		if (list_find(d->list, name, &p->i))
			return dir_count_lookup(d, p->i) < 0 ? err_nomem(err) : 0;
		p->extra = dir_extra(d, name);
		if (p->extra) {
			p->extra->n_lookups += p->extra->n_lookups < UINT32_MAX;
			return 0;
		}
		r = ask_for_name(v, d, name, err);
		if (r < 0)
			return r;
	}
}

int vfs_lookup(struct vfs *v, uint64_t dir, const char *name, struct vfs_attr *attr,
	struct err *err)
{
	struct place p;
	struct dir *d;
	int r;

	tree_enter(v);
	r = dir_at(v, dir, &d, err);
	if (r == 0) {
		r = find_name(v, d, name, &p, err);
		if (r == 0)
			attr_of(&p, attr);
		if (r == 0 && comes_later(attr))
			ahead_asked(v, d->view);
		dir_unpin(v, d);
	}
	if (r == 0) {
		r = need_size(v, false, attr, err);
		if (r < 0)
			tree_forget(v, attr->ino, 1);
	}
	tree_leave(v);
	return r;
}

void vfs_forget(struct vfs *v, uint64_t ino, uint64_t n)
{
	tree_enter(v);
	tree_forget(v, ino, n);
	tree_leave(v);
}

/* The first name behind `after` whose size comes later, if one of the next is. */
static bool first_later(struct dir *d, uint64_t after, struct vfs_attr *attr)
{
	struct place p = { .dir = d };
	uint32_t k = dir_first_after(d, after),
		 end = d->n - k > AHEAD_NAMES ? k + AHEAD_NAMES : d->n;

	for (; k < end; k++) {
		p.i = dir_nth(d, k);
		attr_of(&p, attr);
		if (comes_later(attr))
			return true;
	}
	return false;
}

/* Find sizes out before they are asked for, where that is likely; the lock is let go meanwhile.
 * What fails is listed without, and fails when it is asked for. */
static void find_sizes(struct vfs *v, struct dir *d, uint64_t after)
{
	uint32_t room = ahead_room(v, d, after == 0);
	int64_t end = tree_now() + AHEAD_NS;
	struct vfs_attr attr;

	while (room-- > 0 && !d->dead && d->list && first_later(d, after, &attr) &&
		tree_now() <= end) {
		after = attr.ino;
		v->ahead.n_made++;
		need_size(v, false, &attr, NULL);
	}
}

int vfs_readdir(struct vfs *v, uint64_t dir, uint64_t after, bool count, vfs_take take, void *arg,
	struct err *err)
{
	struct place p = { 0 };
	struct vfs_attr attr;
	bool all_known = true;
	uint32_t k;
	int r;

	tree_enter(v);
	r = dir_at(v, dir, &p.dir, err);
	if (r < 0) {
		tree_leave(v);
		return r == -ENOENT ? 0 : r; /* a folder that has gone is empty */
	}
	r = dir_need_list(v, p.dir, err);
	if (r == 0 && count) {
		find_sizes(v, p.dir, after);
		r = dir_need_list(v, p.dir, err);
	}
	for (k = r < 0 ? 0 : dir_first_after(p.dir, after); r == 0 && k < p.dir->n; k++) {
		p.i = dir_nth(p.dir, k);
		attr_of(&p, &attr);
		all_known &= attr.size_known;
		if (count && comes_later(&attr))
			ahead_offered(v, p.dir->view);
		if (count && attr.size_known && dir_count_lookup(p.dir, p.i) < 0) {
			r = err_nomem(err);
			break;
		}
		if (take(arg, list_name(p.dir->list, p.i), &attr)) {
			if (count && attr.size_known)
				dir_uncount(p.dir, p.i, 1);
			break;
		}
	}
	if (r == 0 && k == p.dir->n && count && all_known)
		dir_rest(v, p.dir); /* who was told everything will not ask for names */
	dir_unpin(v, p.dir);
	tree_leave(v);
	return r;
}

/* ---- bytes ---- */

int64_t vfs_read(struct vfs *v, uint64_t ino, void *buf, size_t n, uint64_t off, struct stop *stop,
	struct err *err)
{
	struct opened *o;
	int64_t got;

	tree_enter(v);
	got = opened_get(v, ino, &o, err);
	tree_leave(v);
	if (got < 0)
		return got;
	got = content_pread(o->content, buf, n, off, stop, err);
	tree_enter(v);
	ahead_read(v);
	if (o->live && got >= 0) {
		o->read_end = off + (uint64_t)got;
		o->read_ns = tree_now();
	}
	opened_unpin(v, o);
	tree_leave(v);
	return got;
}

/* What a view call about ino needs; to be released. */
static int target_at(struct vfs *v, uint64_t ino, struct target *t, struct err *err)
{
	struct place p;
	int r = 0;

	tree_enter(v);
	if (ino == VFS_ROOT)
		target_of_dir(v->root, t);
	else
		r = tree_locate(v, ino, &p, err);
	if (r == 0 && ino != VFS_ROOT)
		target_of(&p, t);
	tree_leave(v);
	return r;
}

static void target_done(struct vfs *v, struct target *t)
{
	tree_enter(v);
	target_release(v, t);
	tree_leave(v);
}

int vfs_xattr_list(struct vfs *v, uint64_t ino, struct buf *names, struct err *err)
{
	struct target t;
	int r = target_at(v, ino, &t, err);

	if (r < 0)
		return r;
	if (t.view && t.view->xattr_list) {
		struct view_node node = target_node(&t);

		r = t.view->xattr_list(&node, names, err);
	}
	target_done(v, &t);
	return r;
}

int vfs_xattr_get(struct vfs *v, uint64_t ino, const char *name, struct buf *value, struct err *err)
{
	struct target t;
	int r = target_at(v, ino, &t, err);

	if (r < 0)
		return r;
	r = -ENODATA;
	if (t.view && t.view->xattr_get) {
		struct view_node node = target_node(&t);

		r = t.view->xattr_get(&node, name, value, err);
	}
	target_done(v, &t);
	return r;
}

/* ---- upkeep ---- */

bool vfs_trim(struct vfs *v)
{
	int64_t now = tree_now();
	bool more;

	tree_enter(v);
	tree_trim_lists(v, v->limits.idle_list_bytes, now - LIST_REST_NS);
	opened_trim(v, v->limits.content_bytes, v->limits.n_contents, now - CONTENT_REST_NS);
	more = v->list_bytes > v->limits.idle_list_bytes || v->contents.n > 0;
	tree_leave(v);
	if (!more && v->world.rest)
		v->world.rest(v->world.arg);
	return more;
}

void vfs_stats(struct vfs *v, struct vfs_stats *out)
{
	tree_enter(v);
	*out = (struct vfs_stats){ v->n_dirs, v->contents.n, v->list_bytes, v->content_bytes,
		v->next_ino - VFS_FIRST_INO };
	tree_leave(v);
}
