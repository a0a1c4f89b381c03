/* SPDX-License-Identifier: MIT */
/* --ls: the whole tree below a path, as find would print it. */
#include "cli/ls.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "cli/path.h"
#include "vfs/vfs.h"

/* A folder that is being printed: what is left of its names. */
struct level {
	uint64_t ino;
	uint64_t last; /* inode of the entry printed last: the cookie */
	size_t path_len;
};

struct walk {
	struct vfs *v;
	FILE *out;
	bool details;
	struct buf path; /* of what is being printed, NUL-terminated */
	struct level *levels;
	size_t n, cap;
	size_t n_failed;
};

/* One entry of vfs_readdir(). */
struct next {
	bool found;
	struct vfs_attr attr;
	char name[256];
};

static bool take_one(void *arg, const char *name, const struct vfs_attr *attr)
{
	struct next *n = arg;

	if (n->found)
		return true;
	n->found = true;
	n->attr = *attr;
	strncpy(n->name, name, sizeof n->name - 1);
	return false;
}

static void print_details(FILE *out, const struct vfs_attr *a)
{
	time_t seconds = ns_timespec(a->mtime_ns).tv_sec;
	char when[32] = "-", size[24] = "?";
	struct tm tm;

	if (gmtime_r(&seconds, &tm))
		strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (a->size_known)
		snprintf(size, sizeof size, "%llu", (unsigned long long)a->size);
	fprintf(out, "%c %12s %s ", a->type == VIEW_DIR ? 'd' : '-', size, when);
}

/* What fails for the path of so many bytes alone is told, and all others are listed; else, for want
 * of memory, it ends. */
static int tell(struct walk *w, size_t path_len, int r, const struct err *why)
{
	if (r == -ENOMEM)
		return r;
	w->n_failed++;
	fflush(w->out);
	fprintf(stderr, "dcmfs: %.*s: %s\n", path_len ? (int)path_len : 1,
		path_len ? w->path.data : "/", why->msg);
	return 0;
}

static int print(struct walk *w, struct vfs_attr *a, struct err *err)
{
	struct vfs_attr known;
	int r = 0;

	if (w->path.len == 0)
		return 0;
	if (w->details && !a->size_known) {
		r = vfs_getattr(w->v, a->ino, false, &known, err);
		if (r == 0)
			*a = known;
		else if (tell(w, w->path.len, r, err) < 0)
			return r;
	}
	if (w->details)
		print_details(w->out, a);
	return fprintf(w->out, "%s\n", w->path.data) < 0 ? err_errno(err, "write") : 0;
}

static int push(struct walk *w, uint64_t ino, struct err *err)
{
	if (w->n == w->cap) {
		size_t cap = w->cap ? w->cap * 2 : 8;
		struct level *levels = mem_resize(w->levels, cap, sizeof *levels);

		if (!levels)
			return err_nomem(err);
		w->levels = levels;
		w->cap = cap;
	}
	w->levels[w->n++] = (struct level){ .ino = ino, .path_len = w->path.len };
	return 0;
}

static void set_path(struct walk *w, size_t len, const char *name)
{
	if (w->path.data)
		w->path.data[len] = '\0';
	w->path.len = len;
	if (len)
		buf_addc(&w->path, '/');
	buf_adds(&w->path, name);
	buf_addc(&w->path, '\0');
	w->path.len -= !buf_error(&w->path);
}

/* The next entry of the innermost folder, or out of it. */
static int step(struct walk *w, struct err *err)
{
	struct level *top = &w->levels[w->n - 1];
	struct next next = { 0 };
	int r = vfs_readdir(w->v, top->ino, top->last, false, take_one, &next, err);

	if (r < 0 || !next.found) {
		w->n--;
		return r < 0 ? tell(w, top->path_len, r, err) : 0;
	}
	top->last = next.attr.ino;
	set_path(w, top->path_len, next.name);
	if (buf_error(&w->path))
		return err_nomem(err);
	r = print(w, &next.attr, err);
	return r == 0 && next.attr.type == VIEW_DIR ? push(w, next.attr.ino, err) : r;
}

int cli_ls(struct vfs *v, const char *path, bool details, FILE *out, struct err *err)
{
	struct walk w = { .v = v, .out = out, .details = details };
	struct vfs_attr a;
	int r = path_find(v, path ? path : "", &a, err);

	if (r < 0)
		return r;
	buf_init(&w.path);
	path = path ? path + strspn(path, "/") : "";
	set_path(&w, 0, path);
	while (w.path.len && w.path.data[w.path.len - 1] == '/')
		w.path.data[--w.path.len] = '\0';
	r = print(&w, &a, err);
	if (r == 0 && a.type == VIEW_DIR)
		r = push(&w, a.ino, err);
	while (r == 0 && w.n > 0)
		r = step(&w, err);
	if (r == 0 && fflush(out) != 0)
		r = err_errno(err, "write");
	if (r == 0 && w.n_failed)
		r = err_set(err, -EIO, "not all of it could be listed");
	mem_free(w.levels);
	buf_release(&w.path);
	return r;
}
