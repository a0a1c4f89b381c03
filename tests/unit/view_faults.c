/* SPDX-License-Identifier: MIT */
/*
 * A disk that fails: whichever read it is, nothing that is wrong is served, and once the disk is
 * well again a scan brings everything back.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "dicom/tags.h"
#include "support/planned.h"
#include "vfs/vfs.h"
#include "view/world.h"

/* ---- the disk ---- */

static _Atomic unsigned n_reads, fails_from, fails_to; /* reads of these numbers, from 1; 0: none */
static _Atomic unsigned n_failed;

static bool fails(void)
{
	unsigned n = atomic_fetch_add(&n_reads, 1) + 1;

	if (n < fails_from || n > fails_to)
		return false;
	n_failed++;
	errno = EIO;
	return true;
}

ssize_t pread(int fd, void *to, size_t n, off_t off)
{
	struct iovec v = { to, n };

	return fails() ? -1 : preadv(fd, &v, 1, off);
}

static void fail_reads(unsigned from, unsigned to)
{
	n_reads = n_failed = 0;
	fails_to = to;
	fails_from = from;
}

/* ---- what a tree shows ---- */

#define MOST 64

struct shown {
	struct shown_file {
		char path[256];
		char *bytes; /* NULL: an error */
		size_t len;
	} files[MOST];
	size_t n;
};

struct place {
	struct planned planned;
	struct world *world;
	struct vfs *vfs;
};

static struct snapshot *get(void *arg)
{
	return world_snapshot(arg);
}

static void put(void *arg, struct snapshot *s)
{
	(void)arg;
	snapshot_put(s);
}

static void open_tree(struct place *p)
{
	static const struct view *views[3];
	struct world_options o = { .scan.n_threads = 1, .n_decode_threads = 1 };
	struct vfs_world w = { .views = views, .n_views = 3, .get = get, .put = put };
	struct err err = { 0 };
	bool changed;

	views[0] = view_find("nii");
	views[1] = view_find("headers");
	views[2] = view_find("dicom");
	cr_assert_eq(world_new(p->planned.archive.fd, &o, &p->world, &err), 0, "%s", err.msg);
	cr_assert_eq(world_scan(p->world, &changed, &err), 0, "%s", err.msg);
	w.arg = p->world;
	cr_assert_eq(vfs_new(&w, NULL, &p->vfs, &err), 0, "%s", err.msg);
}

static void close_tree(struct place *p)
{
	vfs_free(p->vfs);
	world_free(p->world);
}

struct folders {
	char paths[MOST][256];
	uint64_t inos[MOST];
	size_t n, at;
	struct shown *shown;
	uint64_t *file_inos;
};

static bool take(void *arg, const char *name, const struct vfs_attr *attr)
{
	struct folders *f = arg;
	bool is_dir = attr->type == VIEW_DIR;
	char *to = is_dir ? f->paths[f->n] : f->shown->files[f->shown->n].path;

	cr_assert(f->n < MOST && f->shown->n < MOST);
	snprintf(to, 256, "%.180s/%.70s", f->paths[f->at], name);
	if (is_dir)
		f->inos[f->n++] = attr->ino;
	else
		f->file_inos[f->shown->n++] = attr->ino;
	return false;
}

static void read_file(struct vfs *v, uint64_t ino, struct shown_file *to)
{
	char piece[3000];
	struct buf b;
	int64_t got;

	buf_init(&b);
	while ((got = vfs_read(v, ino, piece, sizeof piece, b.len, NULL, NULL)) > 0)
		buf_add(&b, piece, (size_t)got);
	cr_assert(got == 0 || got == -EIO, "%s: %d", to->path, (int)got);
	to->bytes = got == 0 ? malloc(b.len + 1) : NULL;
	to->len = b.len;
	if (to->bytes && b.len)
		memcpy(to->bytes, b.data, b.len);
	buf_release(&b);
}

/* All files; a folder that cannot be listed has none. */
static struct shown *look(struct vfs *v)
{
	static struct folders f;
	uint64_t inos[MOST];
	struct shown *s = calloc(1, sizeof *s);
	struct vfs_attr attr;
	size_t i;
	int r;

	f.shown = s;
	f.file_inos = inos;
	f.n = 1;
	f.paths[0][0] = '\0';
	f.inos[0] = VFS_ROOT;
	for (f.at = 0; f.at < f.n; f.at++) {
		r = vfs_readdir(v, f.inos[f.at], 0, false, take, &f, NULL);
		cr_assert(r == 0 || r == -EIO, "%s: %d", f.paths[f.at], r);
	}
	for (i = 0; i < s->n; i++) {
		read_file(v, inos[i], &s->files[i]);
		r = vfs_getattr(v, inos[i], false, &attr, NULL);
		if (r == 0 && s->files[i].bytes)
			cr_assert_eq(attr.size, s->files[i].len, "%s", s->files[i].path);
	}
	return s;
}

static void shown_free(struct shown *s)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		free(s->files[i].bytes);
	free(s);
}

static const struct shown_file *find(const struct shown *s, const char *path)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (strcmp(s->files[i].path, path) == 0)
			return &s->files[i];
	return NULL;
}

static bool is_in(const struct shown *s, const struct shown_file *f)
{
	const struct shown_file *as = find(s, f->path);

	return as && as->bytes && as->len == f->len && memcmp(as->bytes, f->bytes, f->len) == 0;
}

/* ---- what may be shown ---- */

#define N_FILES 4

static void write_source(struct planned *p)
{
	static const char *const names[N_FILES] = { "0", "1", "2", "3" };
	struct planned_image image = { .series = 1, .rows = 8, .cols = 8 };
	int i;

	for (i = 0; i < N_FILES; i++) {
		image.file = names[i];
		image.series = i < 3 ? 1 : 2;
		image.syntax = i < 3 ? NULL : GEN_DEFLATED;
		image.number = i + 1;
		image.at[2] = 3 * i;
		planned_image(p, &image);
		archive_age(&p->archive, names[i], 60);
	}
}

/* Of the source without the files of this set of bits. */
static struct shown *look_without(struct place *p, unsigned missing)
{
	char here[128], away[160];
	struct shown *s;
	int i, back;

	for (back = 0; back < 2; back++) {
		for (i = 0; i < N_FILES; i++) {
			snprintf(here, sizeof here, "%s/%d", p->planned.archive.path, i);
			snprintf(away, sizeof away, "%s-%d", p->planned.archive.path, i);
			if (missing >> i & 1)
				cr_assert_eq(rename(back ? away : here, back ? here : away), 0);
		}
		if (back)
			break;
		open_tree(p);
		s = look(p->vfs);
		close_tree(p);
	}
	return s;
}

static void expect_right(const struct shown *got, struct shown *const *may, const char *when,
	unsigned n)
{
	unsigned k;
	size_t i;

	for (i = 0; i < got->n; i++) {
		bool right = !got->files[i].bytes;

		for (k = 0; k < 1u << N_FILES && !right; k++)
			right = is_in(may[k], &got->files[i]);
		cr_assert(right, "read %u %s: %s", n, when, got->files[i].path);
	}
}

static void expect_all(const struct shown *got, const struct shown *want, const char *when,
	unsigned n)
{
	size_t i;

	cr_assert_eq(got->n, want->n, "read %u %s", n, when);
	for (i = 0; i < want->n; i++)
		cr_assert(is_in(got, &want->files[i]), "read %u %s: %s", n, when,
			want->files[i].path);
}

/* The reads from n to `to` fail, then none; returns how many did. */
static unsigned sweep(struct place *p, struct shown *const *may, unsigned n, unsigned to,
	const char *when)
{
	struct shown *got;
	unsigned failed;
	struct err err;
	bool changed;

	fail_reads(n, to);
	open_tree(p);
	got = look(p->vfs);
	expect_right(got, may, when, n);
	shown_free(got);
	failed = n_failed;
	fail_reads(0, 0);
	cr_assert_eq(world_scan(p->world, &changed, &err), 0, "%s", err.msg);
	cr_assert_eq(vfs_refresh(p->vfs, NULL, NULL, &err), 0, "%s", err.msg);
	got = look(p->vfs);
	expect_all(got, may[0], when, n);
	shown_free(got);
	close_tree(p);
	return failed;
}

Test(view_faults, whichever_read_fails_nothing_wrong_is_served_and_all_comes_back, .timeout = 120)
{
	struct shown *may[1 << N_FILES];
	struct place p = { 0 };
	unsigned n, i, failed;

	planned_begin(&p.planned);
	write_source(&p.planned);
	for (i = 0; i < 1u << N_FILES; i++)
		may[i] = look_without(&p, i);
	cr_assert_gt(may[0]->n, 8);
	for (n = 1, failed = 1; failed; n++) {
		failed = sweep(&p, may, n, n, "alone");
		cr_assert_leq(failed, 1);
		cr_assert_lt(n, 2000);
	}
	cr_expect_gt(n, 30);
	for (n = 1, failed = 1; failed; n += 3) {
		failed = sweep(&p, may, n, UINT32_MAX, "and later ones");
		cr_assert_lt(n, 2000);
	}
	for (i = 0; i < 1u << N_FILES; i++)
		shown_free(may[i]);
	planned_end(&p.planned);
}
