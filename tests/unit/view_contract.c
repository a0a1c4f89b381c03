/* SPDX-License-Identifier: MIT */
/*
 * What every view promises, asked of every view in the table: a new one is tested before its author
 * writes a test. Names are legal and unique, a file has as many bytes as was said, any range of it
 * is that of the whole, a second look shows the same, and what has changed or gone is -ESTALE and
 * nothing else.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "dicom/tags.h"
#include "support/countdown.h"
#include "support/planned.h"
#include "vfs/content.h"
#include "vfs/vfs.h"
#include "view/world.h"

#define MOST_NODES 20000
#define RANGES 24

/* ---- an archive of many kinds of instances ---- */

static void add_window(struct gen *g, void *arg)
{
	(void)arg;
	gen_put(g, DCM_WindowCenter, "150");
	gen_put(g, DCM_WindowWidth, "100");
}

static void write_stack(struct planned *p, int series, int n, struct planned_image like)
{
	int i;

	for (i = 0; i < n; i++) {
		like.series = series;
		like.number = i + 1;
		like.at[2] = 3 * i;
		planned_image(p, &like);
	}
}

static void write_colour(struct planned *p)
{
	uint8_t rgb[5 * 7 * 3];
	struct gen g;
	size_t i;

	for (i = 0; i < sizeof rgb; i++)
		rgb[i] = (uint8_t)(i * 7);
	gen_begin(&g, GEN_EXPLICIT);
	gen_put(&g, DCM_SOPClassUID, "1.2.840.10008.5.1.4.1.1.7");
	gen_put(&g, DCM_SOPInstanceUID, "1.2.9.1");
	gen_put(&g, DCM_StudyDate, "20260203");
	gen_put(&g, DCM_Modality, "OT");
	gen_put(&g, DCM_StudyDescription, "a/b \"c\" <d> & .e%20\xE9");
	gen_put(&g, DCM_SeriesDescription, "..");
	gen_put(&g, DCM_PatientID, "..<i>&amp;?#");
	gen_put(&g, DCM_StudyInstanceUID, "1.2.9");
	gen_put(&g, DCM_SeriesInstanceUID, "1.2.9.2");
	gen_put(&g, DCM_SamplesPerPixel, "3");
	gen_put(&g, DCM_PhotometricInterpretation, "RGB");
	gen_put(&g, DCM_PlanarConfiguration, "0");
	gen_put(&g, DCM_Rows, "5");
	gen_put(&g, DCM_Columns, "7");
	gen_put(&g, DCM_BitsAllocated, "8");
	gen_put(&g, DCM_BitsStored, "8");
	gen_put(&g, DCM_HighBit, "7");
	gen_put(&g, DCM_PixelRepresentation, "0");
	gen_bytes(&g, DCM_PixelData, "OB", rgb, sizeof rgb);
	archive_header(&p->archive, "colour", &g);
}

static void write_report(struct planned *p)
{
	struct gen g;

	gen_begin(&g, GEN_IMPLICIT);
	gen_put(&g, DCM_SOPClassUID, "1.2.840.10008.5.1.4.1.1.88.11");
	gen_put(&g, DCM_SOPInstanceUID, "1.2.3.77.1");
	gen_put(&g, DCM_StudyDate, "20260101");
	gen_put(&g, DCM_Modality, "SR");
	gen_put(&g, DCM_PatientID, "P");
	gen_put(&g, DCM_StudyInstanceUID, "1.2.3");
	gen_put(&g, DCM_SeriesInstanceUID, "1.2.3.77");
	gen_put(&g, DCM_SeriesNumber, "77");
	archive_header(&p->archive, "report", &g);
}

static void write_archive(struct planned *p)
{
	static const double sagittal[6] = { 0, 1, 0, 0, 0, -1 };

	write_stack(p, 1, 4, (struct planned_image){ .rows = 6, .cols = 5, .more = add_window });
	write_stack(p, 2, 3,
		(struct planned_image){ .modality = "CT",
			.rows = 4,
			.cols = 9,
			.slope = 1.5,
			.is_signed = true });
	write_stack(p, 3, 2,
		(struct planned_image){ .rows = 40, .cols = 40, .syntax = GEN_BIG_ENDIAN });
	write_stack(p, 4, 1,
		(struct planned_image){ .rows = 3, .cols = 3, .nowhere = true, .modality = "PT" });
	write_stack(p, 5, 3,
		(struct planned_image){ .rows = 8,
			.cols = 8,
			.orientation = sagittal,
			.syntax = GEN_DEFLATED });
	write_colour(p);
	write_report(p);
}

/* ---- a world over it ---- */

struct place {
	struct planned planned;
	struct world *world;
};

static void rescan(struct place *p)
{
	bool changed;

	cr_assert_eq(world_scan(p->world, &changed, NULL), 0);
}

static void place_begin(struct place *p)
{
	struct world_options o = { .scan.n_threads = 2 };
	struct err err = { 0 };

	planned_begin(&p->planned);
	write_archive(&p->planned);
	cr_assert_eq(world_new(p->planned.archive.fd, &o, &p->world, &err), 0, "%s", err.msg);
	rescan(p);
}

static void place_end(struct place *p)
{
	world_free(p->world);
	planned_end(&p->planned);
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

static struct vfs *tree_of(struct place *p)
{
	static const struct view *shown[32];
	const struct view *const *all = views_all();
	struct vfs_world w = { .views = shown,
		.get = get,
		.put = put,
		.arg = p->world,
		.readme = "read me\n" };
	struct vfs *v;

	for (; *all; all++)
		if (!(*all)->optional)
			shown[w.n_views++] = *all;
	cr_assert_eq(vfs_new(&w, NULL, &v, NULL), 0);
	return v;
}

/* ---- walking the tree ---- */

struct walked {
	char *path;
	uint64_t dir, ino; /* ino: one lookup is kept */
	struct vfs_attr attr;
};

struct walk {
	struct vfs *vfs;
	struct walked *nodes;
	size_t n, cap;
	const char *parent; /* while a folder is listed */
	uint64_t dir;
};

static bool take(void *arg, const char *name, const struct vfs_attr *attr)
{
	struct walk *w = arg;
	char path[4096];

	cr_assert_lt(w->n, MOST_NODES);
	if (w->n == w->cap) {
		w->cap = w->cap ? 2 * w->cap : 256;
		w->nodes = realloc(w->nodes, w->cap * sizeof *w->nodes);
	}
	snprintf(path, sizeof path, "%s%s%s", w->parent, *w->parent ? "/" : "", name);
	w->nodes[w->n++] = (struct walked){ .path = strdup(path),
		.dir = w->dir,
		.ino = attr->ino,
		.attr = *attr };
	return false;
}

/* by/ and edited/ show all the other views again, without end: one keyword of by/ and one step into
 * it do. */
static bool is_walked(const char *path)
{
	if (strncmp(path, "by/", 3) != 0)
		return true;
	return strncmp(path, "by/Modality", 11) == 0 && !strstr(path + 3, "/by/");
}

/* Breadth first; what is listed is appended, so that nothing recurses. */
static void walk_begin(struct walk *w, struct vfs *vfs)
{
	struct err err = { 0 };
	size_t i;

	memset(w, 0, sizeof *w);
	w->vfs = vfs;
	w->parent = "";
	w->dir = VFS_ROOT;
	cr_assert_eq(vfs_readdir(vfs, VFS_ROOT, 0, false, take, w, &err), 0, "%s", err.msg);
	for (i = 0; i < w->n; i++) {
		char *path = w->nodes[i].path;
		uint64_t ino = w->nodes[i].ino;

		if (w->nodes[i].attr.type != VIEW_DIR || !is_walked(path))
			continue;
		w->parent = path;
		w->dir = ino;
		cr_expect_eq(vfs_readdir(vfs, ino, 0, false, take, w, &err), 0, "%s: %s", path,
			err.msg);
	}
}

static void walk_end(struct walk *w)
{
	size_t i;

	for (i = 0; i < w->n; i++)
		free(w->nodes[i].path);
	free(w->nodes);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void lookup(struct walk *w, size_t i)
{
	struct err err = { 0 };
	int rc = vfs_lookup(w->vfs, w->nodes[i].dir, base_name(w->nodes[i].path), &w->nodes[i].attr,
		&err);

	cr_assert_eq(rc, 0, "%s: %s", w->nodes[i].path, err.msg);
	cr_expect_eq(w->nodes[i].attr.ino, w->nodes[i].ino, "%s has two numbers", w->nodes[i].path);
}

/* ---- names ---- */

static void expect_legal(const char *path)
{
	const char *name = base_name(path), *c;
	bool top = name == path || name == path + 3; /* the views' own names */

	cr_expect(utf8_valid(name, strlen(name)), "%s is not UTF-8", path);
	cr_expect_gt(strlen(name), 0);
	cr_expect_leq(strlen(name), 255, "%s is too long", path);
	cr_expect(strcmp(name, ".") != 0 && strcmp(name, "..") != 0, "%s", path);
	cr_expect(top || name[0] != '.' || strstr(path, "by/"), "%s is hidden", path);
	for (c = name; *c; c++)
		cr_expect((unsigned char)*c >= ' ' && *c != 0x7F, "%s has a control character",
			path);
}

static int by_path(const void *a, const void *b)
{
	const struct walked *x = a, *y = b;

	return strcmp(x->path, y->path);
}

Test(view_contract, names_are_legal_and_unique)
{
	struct place p;
	struct vfs *vfs;
	struct walk w;
	size_t i;

	place_begin(&p);
	vfs = tree_of(&p);
	walk_begin(&w, vfs);
	cr_assert_gt(w.n, 200, "%zu names are too few for a test", w.n);
	qsort(w.nodes, w.n, sizeof *w.nodes, by_path);
	for (i = 0; i < w.n; i++) {
		expect_legal(w.nodes[i].path);
		cr_expect(!i || strcmp(w.nodes[i].path, w.nodes[i - 1].path) != 0,
			"%s is there twice", w.nodes[i].path);
	}
	walk_end(&w);
	vfs_free(vfs);
	place_end(&p);
}

Test(view_contract, every_view_shows_every_study)
{
	struct place p;
	struct vfs *vfs;
	struct walk w;
	const struct view *const *all;
	unsigned n[2];
	char want[300];
	size_t i;

	place_begin(&p);
	vfs = tree_of(&p);
	walk_begin(&w, vfs);
	for (all = views_all(); *all; all++) {
		if ((*all)->hidden || (*all)->optional)
			continue;
		n[0] = n[1] = 0;
		snprintf(want, sizeof want, "%s/P/20260101/", (*all)->name);
		for (i = 0; i < w.n; i++) {
			n[0] += strncmp(w.nodes[i].path, want, strlen(want)) == 0;
			n[1] += strncmp(w.nodes[i].path, (*all)->name, strlen((*all)->name)) == 0 &&
				w.nodes[i].attr.type == VIEW_FILE;
		}
		cr_expect_gt(n[0], 3, "%s has %u names", want, n[0]);
		cr_expect_gt(n[1], 3, "%s/ has %u files", (*all)->name, n[1]);
	}
	walk_end(&w);
	vfs_free(vfs);
	place_end(&p);
}

/* ---- bytes ---- */

static uint8_t *read_whole(struct vfs *v, const struct walked *n, size_t step)
{
	size_t size = (size_t)n->attr.size, off = 0;
	uint8_t *bytes = malloc(size + 1);
	struct err err = { 0 };
	int64_t got;

	while (off < size) {
		got = vfs_read(v, n->ino, bytes + off, min_size(step, size - off), off, NULL, &err);
		cr_assert_gt(got, 0, "%s at %zu of %zu: %s", n->path, off, size, err.msg);
		off += (size_t)got;
	}
	return bytes;
}

static void expect_ranges(struct vfs *v, const struct walked *n, const uint8_t *whole)
{
	size_t size = (size_t)n->attr.size;
	uint64_t x = hash_str(n->path);
	uint8_t *part = malloc(size + 64);
	int i;

	for (i = 0; i < RANGES; i++) {
		size_t off, len, want;

		x = hash_bytes(x, &i, sizeof i);
		off = (size_t)(x % (size + 8));
		len = (size_t)(x >> 40) % (i % 3 ? 48 : size + 32);
		want = off >= size ? 0 : min_size(len, size - off);
		cr_assert_eq(vfs_read(v, n->ino, part, len, off, NULL, NULL), (int64_t)want,
			"%s: %zu bytes at %zu of %zu", n->path, len, off, size);
		cr_assert_eq(memcmp(part, whole + off, want), 0, "%s: %zu bytes at %zu differ",
			n->path, len, off);
	}
	cr_expect_eq(vfs_read(v, n->ino, part, 16, size, NULL, NULL), 0,
		"%s goes on behind its end", n->path);
	cr_expect_eq(vfs_read(v, n->ino, part, 16, size + 100000, NULL, NULL), 0,
		"%s goes on behind its end", n->path);
	free(part);
}

Test(view_contract, size_equals_bytes_and_ranges_equal_the_whole)
{
	struct place p;
	struct vfs *vfs;
	struct walk w;
	size_t i, n_files = 0;

	place_begin(&p);
	vfs = tree_of(&p);
	walk_begin(&w, vfs);
	for (i = 0; i < w.n; i++) {
		uint8_t *whole;

		lookup(&w, i);
		if (w.nodes[i].attr.type != VIEW_FILE || w.nodes[i].attr.live)
			continue;
		whole = read_whole(vfs, &w.nodes[i], i % 2 ? 4096 : 777);
		expect_ranges(vfs, &w.nodes[i], whole);
		free(whole);
		n_files++;
	}
	cr_assert_gt(n_files, 150, "%zu files are too few for a test", n_files);
	walk_end(&w);
	vfs_free(vfs);
	place_end(&p);
}

/* Stopped when it asks for the n-th time; whether it asked so often. */
static bool stop_read(struct vfs *v, const struct walked *f, unsigned n, char *buf)
{
	struct countdown c = COUNTDOWN(n);
	int64_t got = vfs_read(v, f->ino, buf, (size_t)f->attr.size, 0, &c.stop, NULL);

	cr_assert_eq(got, c.n_asked < n ? (int64_t)f->attr.size : -EINTR,
		"%s: %lld, asked %u of %u", f->path, (long long)got, c.n_asked, n);
	return c.n_asked >= n;
}

static bool ends_in(const char *path, const char *ending)
{
	size_t n = strlen(path), k = strlen(ending);

	return n > k && strcmp(path + n - k, ending) == 0;
}

/* Who is stopped is told so and no one else is: the next one gets what there would have been. */
Test(view_contract, a_read_that_is_stopped_says_so_and_spoils_nothing)
{
	static const char *const stoppable[] = { ".nii", ".nii.gz", ".dcm", ".png", ".mha" };
	unsigned n_stopped[sizeof stoppable / sizeof *stoppable] = { 0 }, n;
	struct place p[2];
	struct vfs *vfs[2];
	struct walk w[2];
	size_t i, k;

	for (k = 0; k < 2; k++) {
		place_begin(&p[k]);
		vfs[k] = tree_of(&p[k]);
		walk_begin(&w[k], vfs[k]);
		qsort(w[k].nodes, w[k].n, sizeof *w[k].nodes, by_path);
	}
	cr_assert_eq(w[0].n, w[1].n);
	for (i = 0; i < w[0].n; i++) {
		const struct walked *f = &w[0].nodes[i], *other = &w[1].nodes[i];
		uint8_t *bytes, *want;

		lookup(&w[0], i);
		lookup(&w[1], i);
		cr_assert_str_eq(f->path, other->path);
		if (f->attr.type != VIEW_FILE || f->attr.live || !f->attr.size)
			continue;
		bytes = malloc((size_t)f->attr.size);
		for (n = 1; n < 40 && stop_read(vfs[0], f, n, (char *)bytes); n++)
			;
		free(bytes);
		bytes = read_whole(vfs[0], f, 1 << 20);
		want = read_whole(vfs[1], other, 1 << 20);
		cr_assert_eq(f->attr.size, other->attr.size, "%s", f->path);
		cr_assert_eq(memcmp(bytes, want, (size_t)f->attr.size), 0, "%s", f->path);
		free(bytes);
		free(want);
		for (k = 0; k < sizeof stoppable / sizeof *stoppable; k++)
			n_stopped[k] += n > 1 && ends_in(f->path, stoppable[k]);
	}
	for (k = 0; k < sizeof stoppable / sizeof *stoppable; k++)
		cr_expect_gt(n_stopped[k], 0, "no %s can be stopped", stoppable[k]);
	for (k = 0; k < 2; k++) {
		walk_end(&w[k]);
		vfs_free(vfs[k]);
		place_end(&p[k]);
	}
}

/* Every path with its size and a hash of its bytes, in order. */
static char *picture_of(struct place *p)
{
	struct vfs *vfs = tree_of(p);
	struct walk w;
	struct buf b;
	size_t i, len;

	buf_init(&b);
	walk_begin(&w, vfs);
	qsort(w.nodes, w.n, sizeof *w.nodes, by_path);
	for (i = 0; i < w.n; i++) {
		uint64_t hash = 0;

		lookup(&w, i);
		if (w.nodes[i].attr.live)
			continue;
		if (w.nodes[i].attr.type == VIEW_FILE) {
			uint8_t *whole = read_whole(vfs, &w.nodes[i], 65536);

			hash = hash_bytes(0, whole, (size_t)w.nodes[i].attr.size);
			free(whole);
		}
		buf_addf(&b, "%s %llu %016llx %lld\n", w.nodes[i].path,
			(unsigned long long)w.nodes[i].attr.size, (unsigned long long)hash,
			(long long)w.nodes[i].attr.mtime_ns);
	}
	walk_end(&w);
	vfs_free(vfs);
	return buf_steal(&b, &len);
}

static void expect_same_lines(const char *a, const char *b)
{
	while (*a && *b) {
		size_t n = strcspn(a, "\n"), m = strcspn(b, "\n");

		cr_assert(n == m && memcmp(a, b, n) == 0, "%.*s\nwas\n%.*s", (int)m, b, (int)n, a);
		a += n + (a[n] != '\0');
		b += m + (b[m] != '\0');
	}
	cr_assert(!*a && !*b);
}

Test(view_contract, a_second_look_shows_the_same)
{
	struct place p;
	char *a, *b;

	place_begin(&p);
	a = picture_of(&p);
	b = picture_of(&p);
	expect_same_lines(a, b);
	mem_free(a);
	mem_free(b);
	place_end(&p);
}

/* ---- what has changed ---- */

/* A node of a view, asked without the tree: its keys from the view's top on. */
struct node {
	const struct view *view;
	struct view_key chain[8];
	unsigned depth;
	enum view_type type;
	int64_t size;
	char name[300];
};

struct nodes {
	struct view_out out; /* first */
	struct node *all;
	size_t n, cap, parent;
};

static int add_node(struct view_out *out, const struct view_entry *e, struct err *err)
{
	struct nodes *s = (struct nodes *)out;
	struct node n;

	(void)err;
	cr_assert_lt(s->n, MOST_NODES);
	if (s->n == s->cap) {
		s->cap = s->cap ? 2 * s->cap : 256;
		s->all = realloc(s->all, s->cap * sizeof *s->all);
	}
	n = s->all[s->parent];
	cr_assert_lt(n.depth + 1, 8);
	n.chain[++n.depth] = e->key;
	n.type = e->type;
	n.size = e->size;
	snprintf(n.name, sizeof n.name, "%s", e->name);
	s->all[s->n++] = n;
	return 0;
}

static struct view_node view_node_of(const struct node *n, const struct snapshot *snap)
{
	return (struct view_node){ .snap = snap, .chain = n->chain, .depth = n->depth };
}

/* All nodes of a view. */
static void ask_all(const struct view *v, const struct snapshot *snap, struct nodes *s)
{
	struct err err = { 0 };

	memset(s, 0, sizeof *s);
	s->out.emit = add_node;
	s->cap = 256;
	s->all = calloc(s->cap, sizeof *s->all);
	s->all[0].view = v;
	s->n = 1;
	for (s->parent = 0; s->parent < s->n; s->parent++) {
		struct node parent = s->all[s->parent];
		struct view_node n = view_node_of(&parent, snap);

		if (parent.type == VIEW_DIR)
			cr_assert_eq(v->list(&n, &s->out, &err), 0, "%s/%s: %s", v->name,
				parent.name, err.msg);
	}
}

/* Open a file by the old keys in a new snapshot. */
static int open_again(const struct node *f, const struct snapshot *snap)
{
	struct view_node n = view_node_of(f, snap);
	struct content *c = NULL;
	struct err err = { 0 };
	int rc = f->view->open(&n, &c, &err);

	if (rc == 0)
		content_free(c);
	return rc;
}

typedef void (*judging)(const struct node *f, int rc);

/* Change the archive between two snapshots, and judge what the files' old keys lead to. */
static void compare_after(void (*change)(struct place *p), judging judge)
{
	struct place p;
	const struct view *const *all;
	struct snapshot *before, *after;
	struct nodes s;
	size_t i;

	place_begin(&p);
	before = world_snapshot(p.world);
	change(&p);
	rescan(&p);
	after = world_snapshot(p.world);
	cr_assert_neq(before, after, "nothing changed");
	for (all = views_all(); *all; all++) {
		if ((*all)->hidden || (*all)->optional)
			continue;
		ask_all(*all, before, &s);
		for (i = 1; i < s.n; i++)
			if (s.all[i].type == VIEW_FILE)
				judge(&s.all[i], open_again(&s.all[i], after));
		free(s.all);
	}
	snapshot_put(before);
	snapshot_put(after);
	place_end(&p);
}

static void remove_all(struct place *p)
{
	char name[64];
	unsigned i;

	for (i = 0; i < p->planned.n_files; i++) {
		snprintf(name, sizeof name, "f%u", i);
		cr_assert_eq(unlink(archive_path(&p->planned.archive, name)), 0);
	}
	cr_assert_eq(unlink(archive_path(&p->planned.archive, "colour")), 0);
	cr_assert_eq(unlink(archive_path(&p->planned.archive, "report")), 0);
}

static void expect_stale_or_general(const struct node *f, int rc)
{
	if (f->depth > 1) /* files in the view's own top folder are not of an instance */
		cr_expect_eq(rc, -ESTALE, "%s/…/%s of what has gone: %d", f->view->name, f->name,
			rc);
}

Test(view_contract, what_has_gone_is_stale)
{
	compare_after(remove_all, expect_stale_or_general);
}

static void add_slice(struct place *p)
{
	planned_image(&p->planned,
		&(struct planned_image){ .series = 1,
			.number = 9,
			.at = { 0, 0, 12 },
			.rows = 6,
			.cols = 5,
			.more = add_window });
	archive_age(&p->planned.archive, "f13", 60);
}

/* A key with a version is of bytes that a change of the study may change. */
static void expect_stale_by_version(const struct node *f, int rc)
{
	const struct view_key *key = &f->chain[f->depth];
	bool of_first = strncmp(f->name, "1_", 2) == 0 || strcmp(f->name, "1.txt") == 0;

	if (key->version && f->depth > 1 && of_first)
		cr_expect_eq(rc, -ESTALE, "%s/…/%s of a series that grew: %d", f->view->name,
			f->name, rc);
	else
		cr_expect(rc == 0 || rc == -ESTALE, "%s/…/%s: %d", f->view->name, f->name, rc);
}

Test(view_contract, what_has_changed_is_stale_under_its_old_key)
{
	compare_after(add_slice, expect_stale_by_version);
}

/* The file of every image is another one than was scanned: no byte of it may be taken for the old
 * ones. */
Test(view_contract, a_source_that_changed_is_never_read_as_what_it_was)
{
	struct place p;
	const struct view *dicom = view_find("dicom"), *nii = view_find("nii"),
			  *png = view_find("png"), *gz = view_find("nii.gz");
	const struct view *views[] = { dicom, nii, gz, png };
	struct snapshot *snap;
	uint8_t byte[64];
	size_t i, k, n_asked = 0;

	place_begin(&p);
	snap = world_snapshot(p.world);
	for (i = 0; i < p.planned.n_files; i++) {
		char name[64];

		snprintf(name, sizeof name, "f%u", (unsigned)i);
		archive_write(&p.planned.archive, name, "another file", 12);
		archive_age(&p.planned.archive, name, 1000);
	}
	for (k = 0; k < sizeof views / sizeof views[0]; k++) {
		struct nodes s;

		ask_all(views[k], snap, &s);
		for (i = 1; i < s.n; i++) {
			struct view_node n = view_node_of(&s.all[i], snap);
			struct content *c = NULL;
			bool pixels = strstr(s.all[i].name, ".nii") ||
				strstr(s.all[i].name, ".png") || strstr(s.all[i].name, ".dcm");

			if (strstr(s.all[i].name, "report"))
				continue; /* it is as it was */
			if (s.all[i].type != VIEW_FILE || !pixels ||
				s.all[i].chain[1].a != s.all[1].chain[1].a)
				continue;
			cr_assert_eq(views[k]->open(&n, &c, NULL), 0, "%s", s.all[i].name);
			/* in the voxels of all of them; a sheet and a slice are made whole */
			cr_expect_eq(content_pread(c, byte, 8, c->size > 376 ? 360 : c->size - 9,
					     NULL, NULL),
				-ESTALE, "%s/…/%s", views[k]->name, s.all[i].name);
			content_free(c);
			n_asked++;
		}
		free(s.all);
	}
	cr_assert_gt(n_asked, 20);
	snapshot_put(snap);
	place_end(&p);
}
