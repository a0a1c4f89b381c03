/* SPDX-License-Identifier: MIT */
/* A tree without a mount: see support/walk.h. */
#include "support/walk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "vfs/vfs.h"
#include "view/world.h"

static void must(bool good, const struct err *err)
{
	if (good)
		return;
	fprintf(stderr, "walk: %s\n", err->msg);
	abort();
}

static struct snapshot *get(void *arg)
{
	return world_snapshot(arg);
}

static void put(void *arg, struct snapshot *s)
{
	(void)arg;
	snapshot_put(s);
}

static void start(struct walk *w, struct archive *a, const struct world_options *o)
{
	struct vfs_world vw = { .views = views_all(), .get = get, .put = put };
	struct err err = { 0 };
	bool changed;

	must(world_new(a->fd, o, &w->world, &err) == 0, &err);
	must(world_scan(w->world, &changed, &err) == 0, &err);
	vw.arg = w->world;
	while (vw.views[vw.n_views])
		vw.n_views++;
	must(vfs_new(&vw, NULL, &w->vfs, &err) == 0, &err);
}

void walk_begin(struct walk *w, struct archive *a, struct editor *editor)
{
	struct world_options o = { .n_decode_threads = 1, .source = a->path, .editor = editor };

	start(w, a, &o);
}

void walk_begin_layout(struct walk *w, struct archive *a, const char *layout, struct editor *editor)
{
	struct world_options o = { .n_decode_threads = 1,
		.source = a->path,
		.layout = layout,
		.editor = editor };

	start(w, a, &o);
}

void walk_end(struct walk *w)
{
	vfs_free(w->vfs);
	world_free(w->world);
}

static bool find(struct walk *w, const char *path, struct vfs_attr *attr)
{
	char name[256];
	size_t len;

	*attr = (struct vfs_attr){ .ino = VFS_ROOT, .type = VIEW_DIR };
	for (; *path; path += len + (path[len] == '/')) {
		len = strcspn(path, "/");
		snprintf(name, sizeof name, "%.*s", (int)len, path);
		if (vfs_lookup(w->vfs, attr->ino, name, attr, NULL) < 0)
			return false;
	}
	return true;
}

static bool take(void *arg, const char *name, const struct vfs_attr *attr)
{
	struct buf *b = arg;

	(void)attr;
	buf_adds(b, b->len ? "|" : "");
	buf_adds(b, name);
	return false;
}

static char *steal(struct buf *b)
{
	struct err err = { .msg = "no memory" };
	char *text;
	size_t len;

	buf_addc(b, '\0');
	text = buf_steal(b, &len);
	must(text != NULL, &err);
	return text;
}

char *walk_list(struct walk *w, const char *path)
{
	struct err err = { 0 };
	struct vfs_attr attr;
	struct buf b;

	if (!find(w, path, &attr))
		return NULL;
	buf_init(&b);
	must(vfs_readdir(w->vfs, attr.ino, 0, false, take, &b, &err) == 0, &err);
	return steal(&b);
}

char *walk_read(struct walk *w, const char *path)
{
	struct err err = { 0 };
	struct vfs_attr attr;
	char chunk[4096];
	struct buf b;
	int64_t n;

	if (!find(w, path, &attr))
		return NULL;
	buf_init(&b);
	do {
		n = vfs_read(w->vfs, attr.ino, chunk, sizeof chunk, b.len, NULL, &err);
		must(n >= 0, &err);
		buf_add(&b, chunk, (size_t)n);
	} while (n > 0);
	return steal(&b);
}

int64_t walk_pread(struct walk *w, const char *path, void *to, size_t n, uint64_t off)
{
	struct vfs_attr attr;

	return find(w, path, &attr) ? vfs_read(w->vfs, attr.ino, to, n, off, NULL, NULL) : -ENOENT;
}
