/* SPDX-License-Identifier: MIT */
/* png/: VOLUME/NNNN.png for each slice, VOLUME.png with all of them, and pages that show these. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "format/picture.h"
#include "view/pages.h"
#include "view/volumes.h"

/* What a slice's key has in b: the slice, and above it a hash of the volume. Its folder's key has the
 * volume's. */
#define SLICE_BITS 32

static struct view_key volume_key(const struct study *st, uint32_t kind, uint64_t b)
{
	return (struct view_key){ .kind = kind, .version = st->version, .a = st->id, .b = b };
}

/* A listing under way. */
struct listing {
	struct view_out *out;
	uint64_t volumes; /* a hash of those that are in it, which the page beside them tells of */
};

static int emit_volume(void *arg, const struct study *st, const struct volume *v, const char *stem,
	struct err *err)
{
	uint64_t volume = volumes_key(v);
	struct view_key dir = volume_key(st, TREE_VOLUME_DIR, volume);
	struct view_key sheet = volume_key(st, TREE_VOLUME_FILE, volume << 8);
	struct png_shape shape = picture_sheet_shape(v);
	struct listing *l = arg;
	int rc = tree_emit(l->out, VIEW_DIR, stem, "", &dir, 0, v->mtime_ns, v->identity, err);

	l->volumes = hash_bytes(l->volumes, &volume, sizeof volume);
	if (rc == 0)
		rc = tree_emit(l->out, VIEW_FILE, stem, ".png", &sheet, (int64_t)png_size(&shape),
			v->mtime_ns, v->identity, err);
	return rc;
}

static int list_study(const struct view_node *n, struct view_out *out, struct err *err)
{
	const struct study *st = tree_study(n);
	struct listing l = { .out = out };
	int rc = tree_each_volume(n, emit_volume, &l, err);

	if (rc == 0) {
		struct view_key page = volume_key(st, TREE_STUDY_FILE, l.volumes);

		rc = tree_emit(out, VIEW_FILE, "index", ".html", &page, VIEW_SIZE_LATER,
			st->mtime_ns, 0, err);
	}
	return rc;
}

/* 0001.png and on; with more digits where there are more slices. */
static int list_slices(const struct view_node *n, struct view_out *out, struct err *err)
{
	const struct study *st = tree_study(n);
	uint64_t i, count, volume;
	struct volume_set *set;
	const struct volume *v;
	struct png_shape shape;
	char name[32];
	int digits, rc = volumes_find(n, node_key(n)->b, &set, &v, err);

	if (rc < 0)
		return rc;
	volume = hash_bytes(0, v->name, strlen(v->name)) ^ v->identity;
	count = picture_count(v);
	shape = picture_shape(v);
	digits = snprintf(name, sizeof name, "%llu", (unsigned long long)count);
	for (i = 0; i < count && rc == 0; i++) {
		struct view_key key = volume_key(st, TREE_SLICE_FILE, volume << SLICE_BITS | i);

		snprintf(name, sizeof name, "%0*llu", digits < 4 ? 4 : digits,
			(unsigned long long)i + 1);
		rc = tree_emit(out, VIEW_FILE, name, ".png", &key, (int64_t)png_size(&shape),
			v->mtime_ns, i, err);
	}
	volume_set_put(set);
	return rc;
}

/* The top, or a folder of a layout. */
static int list_folder(const struct view_node *n, struct view_out *out, struct err *err)
{
	struct view_key page = { .kind = n->snap->layout ? TREE_FOLDER_FILE : TREE_ROOT_FILE,
		.version = (uint32_t)n->snap->catalog->gen,
		.a = node_key(n)->a };
	struct listing l = { .out = out };
	int rc = tree_list_volume_folders(n, out, err);

	if (rc == 0 && n->snap->layout)
		rc = tree_each_volume(n, emit_volume, &l, err);
	page.b = l.volumes;
	return rc ? rc :
		    tree_emit(out, VIEW_FILE, "index", ".html", &page, VIEW_SIZE_LATER, 0, 0, err);
}

static int list(const struct view_node *n, struct view_out *out, struct err *err)
{
	switch (node_key(n)->kind) {
	case TREE_PATIENT:
		return tree_list_studies(n, out, err);
	case TREE_ROOT:
	case TREE_FOLDER:
		return list_folder(n, out, err);
	case TREE_STUDY:
		return list_study(n, out, err);
	case TREE_VOLUME_DIR:
		return list_slices(n, out, err);
	default:
		return err_set(err, -ENOTDIR, "not a folder");
	}
}

static int render_page(const struct view_node *n, struct buf *out, struct err *err)
{
	switch (node_key(n)->kind) {
	case TREE_ROOT_FILE:
		return pages_index(n, out, err);
	case TREE_FOLDER_FILE:
		return pages_folder(n, out, err);
	default:
		return pages_study(n, out, err);
	}
}

static int size(const struct view_node *n, int64_t *bytes, struct err *err)
{
	return tree_size_text(n, render_page, bytes, err);
}

/* ---- pictures: made whole, and kept with the decoded frames ---- */

struct picture {
	struct content content;
	struct snapshot *snap;  /* a reference: files and cache */
	struct volume_set *set; /* a reference: the volume is in it */
	const struct volume *v;
	struct png_shape shape;
	bool is_sheet;
	uint64_t slice;
	uint64_t id[2]; /* in the cache */
};

struct picture_request {
	const struct picture *p;
	struct volume_reader reader;
};

static int make_picture(void *arg, uint8_t *out, size_t len, struct err *err)
{
	const struct picture_request *q = arg;
	const struct picture *p = q->p;
	uint8_t *pixels = mem_resize(NULL, (size_t)p->shape.width * p->shape.height,
		p->shape.channels);
	int rc;

	(void)len;
	if (!pixels)
		return err_nomem(err);
	if (p->is_sheet)
		rc = picture_sheet(p->v, &q->reader, pixels, err);
	else
		rc = picture_slice(p->v, &q->reader, p->slice, pixels, err);
	if (rc == 0)
		png_encode(&p->shape, pixels, out);
	mem_free(pixels);
	return rc;
}

static int64_t read_picture(struct content *c, void *buf, size_t n, uint64_t off, struct stop *stop,
	struct err *err)
{
	struct picture *p = (struct picture *)c;
	struct picture_request q = { p, snapshot_reader(p->snap, stop) };
	struct framecache *cache = p->snap->reader.cache;
	const struct frame *f;
	int rc = framecache_get_made(cache, p->id, (size_t)c->size, make_picture, &q, stop, &f,
		err);

	if (rc < 0)
		return rc;
	memcpy(buf, f->samples + off, n);
	framecache_put(cache, f);
	return (int64_t)n;
}

static void free_picture(struct content *c)
{
	struct picture *p = (struct picture *)c;

	volume_set_put(p->set);
	snapshot_put(p->snap);
	mem_free(p);
}

static const struct content_ops picture_ops = { .pread = read_picture, .free = free_picture };

static int open_picture(const struct view_node *n, uint64_t volume, struct content **out,
	struct err *err)
{
	const struct view_key *key = node_key(n);
	struct volume_set *set;
	const struct volume *v;
	struct picture *p;
	int rc = volumes_find(n, volume, &set, &v, err);

	if (rc < 0)
		return rc;
	p = mem_calloc(1, sizeof *p);
	if (!p) {
		volume_set_put(set);
		return err_nomem(err);
	}
	p->snap = snapshot_get((struct snapshot *)n->snap);
	p->set = set;
	p->v = v;
	p->is_sheet = key->kind == TREE_VOLUME_FILE;
	p->slice = p->is_sheet ? 0 : key->b & (((uint64_t)1 << SLICE_BITS) - 1);
	p->shape = p->is_sheet ? picture_sheet_shape(v) : picture_shape(v);
	p->id[0] = hash_bytes(v->identity, "png", 3);
	p->id[1] = hash_bytes(0, key, sizeof *key);
	p->content = (struct content){ .ops = &picture_ops,
		.size = png_size(&p->shape),
		.held_bytes = sizeof *p };
	if (p->slice >= picture_count(v)) {
		free_picture(&p->content);
		return tree_gone(err);
	}
	*out = &p->content;
	return 0;
}

static int open_file(const struct view_node *n, struct content **out, struct err *err)
{
	const struct view_key *key = node_key(n);

	switch (key->kind) {
	case TREE_VOLUME_FILE:
		return open_picture(n, key->b >> 8, out, err);
	case TREE_SLICE_FILE:
		return open_picture(n, n->chain[n->depth - 1].b, out, err);
	default:
		return tree_open_text(n, render_page, out, err);
	}
}

const struct view view_png = {
	.name = "png",
	.summary = "index.html; VOLUME.png: all slices on a sheet; VOLUME/NNNN.png: each slice, "
		   "windowed",
	.list = list,
	.size = size,
	.open = open_file,
};
