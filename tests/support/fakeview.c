/* SPDX-License-Identifier: MIT */
#include "support/fakeview.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "vfs/content.h"

struct fake_world fake;
static uint64_t next_id;

/* ---- snapshots: plain malloc, so that failing allocators leave them alone ---- */

static void snapshot_drop(struct snapshot *s)
{
	if (s && atomic_fetch_sub(&s->refs, 1) == 1) {
		atomic_fetch_sub(&fake.n_alive, 1);
		free(s);
	}
}

static struct snapshot *get(void *arg)
{
	struct snapshot *s = atomic_load(&fake.newest);

	(void)arg;
	if (s)
		atomic_fetch_add(&s->refs, 1);
	return s;
}

static void put(void *arg, struct snapshot *s)
{
	(void)arg;
	snapshot_drop(s);
}

static int64_t mtime(void *arg, const struct snapshot *s)
{
	(void)arg;
	return (int64_t)s->gen * 1000000000;
}

struct snapshot *fake_begin(void)
{
	struct snapshot *s = malloc(sizeof *s), *from = atomic_load(&fake.newest);

	if (!s)
		abort();
	if (from)
		memcpy(s, from, sizeof *s);
	else
		memset(s, 0, sizeof *s);
	atomic_store(&s->refs, 1);
	s->gen++;
	atomic_fetch_add(&fake.n_alive, 1);
	return s;
}

void fake_publish(struct snapshot *s)
{
	snapshot_drop(atomic_exchange(&fake.newest, s));
}

void fake_init(bool versions)
{
	memset(&fake, 0, sizeof fake);
	fake.versions = versions;
	next_id = 1;
	fake_publish(fake_begin());
}

void fake_release(void)
{
	fake_publish(NULL);
}

struct vfs_world fake_vfs_world(void)
{
	static const struct view *const views[] = { &fake_view, &fake_live_view,
		&fake_opened_view };

	return (struct vfs_world){ .views = views,
		.n_views = 3,
		.get = get,
		.put = put,
		.mtime_ns = mtime,
		.readme = "read me\n" };
}

/* ---- changes ---- */

static void rise(struct snapshot *s, int i)
{
	for (; i >= 0; i = s->nodes[i].parent)
		s->nodes[i].version++;
}

int fake_add(struct snapshot *s, int parent, bool is_dir, const char *name)
{
	struct fake_node *f = &s->nodes[s->n];

	*f = (struct fake_node){ .id = next_id++,
		.version = 1,
		.is_dir = is_dir,
		.parent = parent };
	f->later = f->id % 3 == 0;
	snprintf(f->name, sizeof f->name, "%s", name);
	rise(s, parent);
	return s->n++;
}

void fake_touch(struct snapshot *s, int i)
{
	rise(s, i);
}

static bool is_below(const struct snapshot *s, int i, int top)
{
	while (i >= 0 && i != top)
		i = s->nodes[i].parent;
	return i == top;
}

void fake_remove(struct snapshot *s, int top)
{
	int moved[512], i, n = 0;

	rise(s, s->nodes[top].parent);
	for (i = 0; i < s->n; i++)
		moved[i] = is_below(s, i, top) ? -2 : n++;
	for (i = 0; i < s->n; i++)
		if (moved[i] >= 0) {
			struct fake_node f = s->nodes[i];

			f.parent = f.parent < 0 ? -1 : moved[f.parent];
			s->nodes[moved[i]] = f;
		}
	s->n = n;
}

int fake_find(const struct snapshot *s, int parent, const char *name)
{
	int i;

	for (i = 0; i < s->n; i++)
		if (s->nodes[i].parent == parent && strcmp(s->nodes[i].name, name) == 0)
			return i;
	return -1;
}

static int random_dir(const struct snapshot *s, unsigned *seed)
{
	int i, tries;

	for (tries = 0; s->n && tries < 10; tries++) {
		i = rand_r(seed) % s->n;
		if (s->nodes[i].is_dir)
			return i;
	}
	return -1;
}

void fake_shuffle(struct snapshot *s, unsigned *seed, int n)
{
	char name[32];

	while (n-- > 0) {
		int what = rand_r(seed) % 8, dir = random_dir(s, seed);

		snprintf(name, sizeof name, "n%d", rand_r(seed) % 1000);
		if (what < 4 && s->n < 500 && fake_find(s, dir, name) < 0)
			fake_add(s, dir, what == 0, name);
		else if (what < 7 && s->n)
			fake_touch(s, rand_r(seed) % s->n);
		else if (s->n > 100)
			fake_remove(s, rand_r(seed) % s->n);
	}
}

/* ---- the view ---- */

uint64_t fake_size(const struct fake_node *f)
{
	return 1 + hash_bytes(f->version, &f->id, sizeof f->id) % 3000;
}

uint8_t fake_byte(const struct fake_node *f, uint64_t off)
{
	return (uint8_t)(f->id * 31 + f->version * 7 + off * 13);
}

static int index_of(const struct view_node *n)
{
	uint64_t id = n->chain[n->depth].a;
	int i;

	for (i = 0; i < n->snap->n; i++)
		if (n->snap->nodes[i].id == id)
			return i;
	return -1;
}

static bool is_stale(const struct view_node *n, int i)
{
	const struct view_key *key = &n->chain[n->depth];

	return i < 0 || (key->version && key->version != n->snap->nodes[i].version);
}

static int list(const struct view_node *n, struct view_out *out, struct err *err)
{
	int i, r, at = n->depth ? index_of(n) : -1;
	void (*meanwhile)(void) = fake.meanwhile;

	atomic_fetch_add(&fake.n_lists, 1);
	if (meanwhile) {
		fake.meanwhile = NULL;
		meanwhile();
	}
	if (n->depth && is_stale(n, at))
		return err_set(err, -ESTALE, "not of this snapshot");
	for (i = n->snap->n; i-- > 0;) {
		const struct fake_node *f = &n->snap->nodes[i];
		struct view_entry e = { .name = f->name, .identity = f->id, .mtime_ns = 7 };

		if (f->parent != at || f->id == fake.lost_id)
			continue;
		if (f->id == fake.young_id)
			e.mtime_ns = (int64_t)n->snap->gen;
		e.type = f->is_dir ? VIEW_DIR : VIEW_FILE;
		e.key.a = f->id;
		e.key.version = f->is_dir && !fake.versions ? 0 : f->version;
		e.size = f->later ? VIEW_SIZE_LATER : (int64_t)fake_size(f);
		r = out->emit(out, &e, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int size(const struct view_node *n, int64_t *size_out, struct err *err)
{
	int i = index_of(n);

	atomic_fetch_add(&fake.n_sizes, 1);
	if (is_stale(n, i))
		return err_set(err, -ESTALE, "not of this snapshot");
	*size_out = (int64_t)fake_size(&n->snap->nodes[i]);
	return 0;
}

struct fake_content {
	struct content base;
	const struct fake_node *node; /* in the snapshot: which must outlive it */
};

static int64_t pread_fake(struct content *c, void *buf, size_t n, uint64_t off, struct stop *stop,
	struct err *err)
{
	const struct fake_content *f = (const struct fake_content *)c;
	size_t i;

	(void)stop, (void)err;
	for (i = 0; i < n; i++)
		((uint8_t *)buf)[i] = fake_byte(f->node, off + i);
	return (int64_t)n;
}

static void free_fake(struct content *c)
{
	atomic_fetch_sub(&fake.n_open_now, 1);
	mem_free(c);
}

static const struct content_ops ops = { pread_fake, free_fake };

static int open_fake(const struct view_node *n, struct content **out, struct err *err)
{
	struct fake_content *c = mem_calloc(1, sizeof *c);
	int i = index_of(n);

	atomic_fetch_add(&fake.n_opens, 1);
	if (!c)
		return err_nomem(err);
	if (is_stale(n, i)) {
		mem_free(c);
		return err_set(err, -ESTALE, "not of this snapshot");
	}
	atomic_fetch_add(&fake.n_open_now, 1);
	c->node = &n->snap->nodes[i];
	c->base.ops = &ops;
	c->base.size = fake_size(c->node);
	c->base.held_bytes = 100;
	*out = &c->base;
	return 0;
}

/* "x-NAME" is there though it is not listed: the folder NAME of the same folder. */
static int lookup(const struct view_node *n, const char *name, struct view_entry *e,
	struct err *err)
{
	int i = strncmp(name, "x-", 2) == 0 ?
		fake_find(n->snap, n->depth ? index_of(n) : -1, name + 2) :
		-1;

	if (i < 0 || !n->snap->nodes[i].is_dir)
		return err_set(err, -ENOENT, "no such name");
	e->type = VIEW_DIR;
	e->key = (struct view_key){ .version = fake.versions ? n->snap->nodes[i].version : 0,
		.a = n->snap->nodes[i].id };
	return 0;
}

static int xattr_list(const struct view_node *n, struct buf *names, struct err *err)
{
	(void)n;
	(void)err;
	buf_add(names, "user.id", 8);
	return 0;
}

static int xattr_get(const struct view_node *n, const char *name, struct buf *value,
	struct err *err)
{
	if (strcmp(name, "user.id") != 0)
		return err_set(err, -ENODATA, "no such attribute");
	buf_add_u64(value, n->chain[n->depth].a);
	return 0;
}

const struct view fake_view = {
	.name = "fake",
	.summary = "a random tree",
	.list = list,
	.size = size,
	.open = open_fake,
	.lookup = lookup,
	.xattr_list = xattr_list,
	.xattr_get = xattr_get,
};

const struct view fake_opened_view = {
	.name = "opened",
	.summary = "the same, sizes known by opening",
	.list = list,
	.open = open_fake,
};

/* ---- a live view: one file, whose text is the newest value ---- */

static int list_live(const struct view_node *n, struct view_out *out, struct err *err)
{
	struct view_entry e = { .name = "value", .type = VIEW_FILE, .size = VIEW_SIZE_LIVE };

	(void)n;
	e.key.a = 1;
	return out->emit(out, &e, err);
}

static int open_live(const struct view_node *n, struct content **out, struct err *err)
{
	struct buf b;
	size_t len;
	char *text;
	int i, value = atomic_load(&fake.live_value);

	(void)n;
	buf_init(&b);
	for (i = 0; i < 100 + value; i++)
		buf_addf(&b, "%d\n", value);
	text = buf_steal(&b, &len);
	return text ? content_text(text, len, out, err) : err_nomem(err);
}

const struct view fake_live_view = {
	.name = ".live",
	.summary = "a value",
	.list = list_live,
	.open = open_live,
	.hidden = true,
};
