/* SPDX-License-Identifier: MIT */
/*
 * Contents that are open. There are no open files here (the kernel need not tell of
 * opening and closing), so a content is opened by the first read of its inode, and
 * closed when it has rested for a while or others need the room.
 *
 * Live files have no bytes of their own: each reader is to see one rendering from
 * its first byte to its last. A reader begins with a stat or with a read at 0; so
 * a stat renders anew, unless somebody is in the middle, and what has been
 * rendered is kept while it is read. A rendering that came out the same as the one
 * before keeps that one's time, so that the kernel keeps its pages.
 */
#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "vfs/tree.h"

#define LIVE_PAUSE_NS NS_PER_S       /* a reader that pauses longer begins again */
#define LIVE_MOST_NS (10 * NS_PER_S) /* ... and one that never stops, after so long */

/* ---- the order of use ---- */

static void unlink_opened(struct vfs *v, struct opened *o)
{
	if (o->newer)
		o->newer->older = o->older;
	else if (v->newest_content == o)
		v->newest_content = o->older;
	if (o->older)
		o->older->newer = o->newer;
	else if (v->oldest_content == o)
		v->oldest_content = o->newer;
	o->newer = o->older = NULL;
}

static void touch_opened(struct vfs *v, struct opened *o)
{
	o->used_ns = tree_now();
	if (v->newest_content == o)
		return;
	unlink_opened(v, o);
	o->older = v->newest_content;
	if (o->older)
		o->older->newer = o;
	else
		v->oldest_content = o;
	v->newest_content = o;
}

/* Out of the set; closed by the next tree_leave(), or with its last pin. */
static void retire(struct vfs *v, struct opened *o)
{
	if (!o->doomed) {
		ino_set_remove(&v->contents, o->ino);
		unlink_opened(v, o);
		if (o->content)
			v->content_bytes -= o->content->held_bytes;
		o->doomed = true;
	}
	if (o->pins == 0) {
		o->older = v->dead_opened;
		v->dead_opened = o;
	}
}

void opened_close_dead(struct opened *list)
{
	struct opened *o;

	for (o = list; o; o = o->older)
		content_free(o->content);
}

void opened_free_dead(struct vfs *v, struct opened *list)
{
	struct opened *older;

	for (; list; list = older) {
		older = list->older;
		era_put(v, list->era);
		mem_free(list);
	}
}

void opened_trim(struct vfs *v, size_t most_bytes, unsigned most, int64_t since)
{
	struct opened *o, *newer;

	for (o = v->oldest_content; o; o = newer) {
		newer = o->newer;
		if (v->content_bytes <= most_bytes && v->contents.n <= most && o->used_ns >= since)
			return;
		if (o->pins == 0)
			retire(v, o);
	}
}

void opened_unpin(struct vfs *v, struct opened *o)
{
	if (--o->pins == 0 && o->doomed)
		retire(v, o);
}

void opened_forget(struct vfs *v, uint64_t ino)
{
	struct opened *o = ino_set_find(&v->contents, ino);

	if (o && o->content)
		retire(v, o);
}

/* ---- opening ---- */

static int open_readme(const struct vfs *v, struct content **out, struct err *err)
{
	char *text = mem_strdup(v->world.readme);

	return text ? content_text(text, strlen(text), out, err) : err_nomem(err);
}

/* Ask the view; without the lock. What it opens has the size that it was listed with. */
static int open_target(const struct vfs *v, const struct target *t, struct content **out,
	struct err *err)
{
	struct view_node node = target_node(t);
	int64_t listed = t->entry.size;
	uint64_t size;
	int r;

	r = t->view ? t->view->open(&node, out, err) : open_readme(v, out, err);
	if (r < 0)
		return r;
	size = (*out)->size;
	if (listed >= 0 && size != (uint64_t)listed) {
		content_free(*out);
		return err_set(err, -EIO, "%lld bytes were listed, %llu are there",
			(long long)listed, (unsigned long long)size);
	}
	return 0;
}

static int new_opened(uint64_t ino, struct opened **out)
{
	*out = mem_calloc(1, sizeof **out);
	if (!*out)
		return -ENOMEM;
	(*out)->ino = ino;
	(*out)->pins = 1;
	return 0;
}

static void publish(struct vfs *v, struct opened *o, struct content *c, struct era *era)
{
	o->content = c;
	o->era = era;
	v->content_bytes += c->held_bytes;
	touch_opened(v, o);
	opened_trim(v, v->limits.content_bytes, v->limits.n_contents, INT64_MIN);
}

/* Open it; others that want it wait for this one. */
static int open_first(struct vfs *v, const struct place *p, struct opened **out, struct err *err)
{
	struct content *c = NULL;
	struct opened *o;
	struct target t;
	int r;

	if (new_opened(place_ino(p), &o) < 0)
		return err_nomem(err);
	if (ino_set_add(&v->contents, o) < 0) {
		mem_free(o);
		return err_nomem(err);
	}
	target_of(p, &t);
	tree_leave(v);
	r = open_target(v, &t, &c, err);
	tree_enter(v);
	pthread_cond_broadcast(&v->opened);
	if (r < 0) {
		ino_set_remove(&v->contents, o->ino);
		target_release(v, &t);
		mem_free(o);
		return r;
	}
	publish(v, o, c, t.era);
	*out = o;
	return 0;
}

/* The one that is open; waits for it while it is being opened. */
static struct opened *find_opened(struct vfs *v, uint64_t ino)
{
	struct opened *o;

	while ((o = ino_set_find(&v->contents, ino)) && !o->content)
		pthread_cond_wait(&v->opened, &v->lock);
	if (o) {
		o->pins++;
		touch_opened(v, o);
	}
	return o;
}

int opened_get(struct vfs *v, uint64_t ino, struct opened **out, struct err *err)
{
	struct place p;
	int r;

	for (;;) {
		*out = find_opened(v, ino);
		if (*out)
			return 0;
		if (ino == VFS_ROOT)
			return err_set(err, -EISDIR, "a folder");
		r = tree_locate(v, ino, &p, err);
		if (r < 0)
			return r;
		if (ino_set_find(&v->contents, ino))
			continue;
		if (place_entry(&p)->type == VIEW_DIR)
			return err_set(err, -EISDIR, "a folder");
		if (place_entry(&p)->size == VIEW_SIZE_LIVE)
			return opened_get_live(v, ino, true, out, err);
		return open_first(v, &p, out, err);
	}
}

/* ---- live files ---- */

static bool in_the_middle(const struct opened *o, int64_t now)
{
	return o->read_end > 0 && o->read_end < o->content->size &&
		now - o->read_ns < LIVE_PAUSE_NS;
}

static bool still_read(const struct opened *o, int64_t now, bool reading)
{
	if (in_the_middle(o, now))
		return true;
	return reading && now - o->used_ns < LIVE_PAUSE_NS && now - o->made_ns < LIVE_MOST_NS;
}

static bool equal_bytes(struct content *a, struct content *b)
{
	char x[4096], y[4096];
	uint64_t off;

	if (a->size != b->size)
		return false;
	for (off = 0; off < a->size; off += sizeof x) {
		int64_t n = content_pread(a, x, sizeof x, off, NULL, NULL);

		if (n <= 0 || content_pread(b, y, sizeof y, off, NULL, NULL) != n ||
			memcmp(x, y, (size_t)n) != 0)
			return false;
	}
	return true;
}

/* Put the new rendering in the place of the one before, if any. */
static int replace_live(struct vfs *v, struct opened *o, struct content *c, struct era *era)
{
	struct opened *before = ino_set_find(&v->contents, o->ino);

	o->live = true;
	o->made_ns = tree_now();
	o->mtime_ns = clock_ns(CLOCK_REALTIME);
	if (before && before->mtime_ns >= o->mtime_ns)
		o->mtime_ns = before->mtime_ns + 1;
	if (before)
		retire(v, before);
	if (ino_set_add(&v->contents, o) < 0)
		return -ENOMEM;
	publish(v, o, c, era);
	return 0;
}

/* Render, compare with what there is (pinned; NULL: nothing), keep the one or the other. */
static int render_live(struct vfs *v, struct target *t, struct opened *before, struct opened **out,
	struct err *err)
{
	struct content *c = NULL;
	bool same;
	int r;

	tree_leave(v);
	r = open_target(v, t, &c, err);
	same = r == 0 && before && equal_bytes(before->content, c);
	if (same)
		content_free(c);
	tree_enter(v);
	if (r < 0)
		return r;
	if (same) {
		before->pins++;
		before->made_ns = tree_now();
		before->read_end = 0;
		*out = before;
		return 0;
	}
	if (new_opened(t->ino, out) == 0) {
		if (replace_live(v, *out, c, era_get(t->era)) == 0)
			return 0;
		era_put(v, t->era);
		mem_free(*out);
	}
	tree_leave(v);
	content_free(c);
	tree_enter(v);
	return err_nomem(err);
}

int opened_get_live(struct vfs *v, uint64_t ino, bool reading, struct opened **out, struct err *err)
{
	struct opened *before = find_opened(v, ino);
	struct target t;
	struct place p;
	int r;

	*out = before;
	if (before && still_read(before, tree_now(), reading))
		return 0;
	r = tree_locate(v, ino, &p, err);
	if (r == 0) {
		target_of(&p, &t);
		if (!p.old) { /* live: of the newest snapshot, whatever its folder is of */
			era_put(v, t.era);
			t.era = era_get(v->newest);
		}
		r = render_live(v, &t, before, out, err);
		target_release(v, &t);
	}
	if (before)
		opened_unpin(v, before);
	return r;
}
