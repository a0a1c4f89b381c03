/* SPDX-License-Identifier: MIT */
/* Files of volumes: see view/volumes.h. */
#include "view/volumes.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "format/gzip.h"
#include "text/gradients.h"
#include "text/sidecar.h"

/* Which file of a volume a key means: the format's own, then the sidecars. */
enum { FILE_JSON = FORMAT_MAX_FILES, FILE_BVAL, FILE_BVEC };

#define PAGE_BYTES 4096u
#define INDEX_BITS 24
#define INDEX_MASK ((UINT64_C(1) << INDEX_BITS) - 1)

static const char *const sidecar_endings[] = { ".json", ".bval", ".bvec" };

struct volume_content {
	struct content content;
	struct snapshot *snap;  /* a reference: files and cache */
	struct volume_set *set; /* a reference: the volume is in it */
	const struct volume *v;
	struct voxel_order order;
	char *header;
	size_t header_len;
	uint64_t voxels_len;
};

uint64_t volumes_key(const struct volume *v)
{
	uint64_t which = hash_bytes(v->identity, v->name, strlen(v->name)) >> 32;

	return which << INDEX_BITS | (v->index & INDEX_MASK);
}

/* Where it was, or wherever it is now; NULL: nowhere. */
static const struct volume *find_volume(const struct volume_set *set, uint64_t key)
{
	uint64_t index = key & INDEX_MASK;
	uint32_t i;

	if (index < set->n_volumes && volumes_key(set->volumes[index]) == key)
		return set->volumes[index];
	for (i = 0; i < set->n_volumes; i++)
		if (volumes_key(set->volumes[i]) >> INDEX_BITS == key >> INDEX_BITS)
			return set->volumes[i];
	return NULL;
}

int volumes_find(const struct view_node *n, uint64_t volume_key, struct volume_set **set,
	const struct volume **v, struct err *err)
{
	const struct study *study = tree_study(n);
	int rc;

	if (!study)
		return tree_gone(err);
	rc = plans_get(n->snap->plans, n->snap->catalog, study, set, err);
	if (rc < 0)
		return rc;
	*v = node_key(n)->version == study->version ? find_volume(*set, volume_key) : NULL;
	if (!*v) {
		volume_set_put(*set);
		return tree_gone(err);
	}
	return 0;
}

/* Does the volume have this sidecar? */
static bool has_sidecar(const struct volume *v, unsigned which)
{
	if (which == FILE_BVAL)
		return v->bval != NULL;
	return which == FILE_JSON || v->bvec != NULL;
}

/* A listing under way. */
struct listing {
	const struct volume_format *format;
	struct view_out *out;
};

static int emit_file(const struct listing *l, const struct study *st, const struct volume *v,
	const char *stem, unsigned which, const char *ending, int64_t size, struct err *err)
{
	struct view_key key = { .kind = TREE_VOLUME_FILE,
		.version = st->version,
		.a = st->id,
		.b = volumes_key(v) << 8 | which };

	return tree_emit(l->out, VIEW_FILE, stem, ending, &key, size, v->mtime_ns, v->identity,
		err);
}

static int emit_volume(void *arg, const struct study *st, const struct volume *v, const char *stem,
	struct err *err)
{
	const struct listing *l = arg;
	const struct volume_format *f = l->format;
	uint64_t size;
	unsigned i;
	int rc = 0;

	if (f->holds && !f->holds(v, &(const char *){ NULL }))
		return 0;
	for (i = 0; i < FORMAT_MAX_FILES && f->files[i].ending && rc == 0; i++) {
		rc = volume_format_size(f, i, v, &size, err);
		if (rc == 0)
			rc = emit_file(l, st, v, stem, i, f->files[i].ending, (int64_t)size, err);
	}
	for (i = FILE_JSON; f->sidecars && i <= FILE_BVEC && rc == 0; i++)
		if (has_sidecar(v, i))
			rc = emit_file(l, st, v, stem, i, sidecar_endings[i - FILE_JSON],
				VIEW_SIZE_LATER, err);
	return rc;
}

int volumes_list(const struct view_node *n, const struct volume_format *f, struct view_out *out,
	struct err *err)
{
	struct listing l = { .format = f, .out = out };
	int rc = tree_list_volume_folders(n, out, err);

	return rc < 0 ? rc : tree_each_volume(n, emit_volume, &l, err);
}

static int render_sidecar(const struct view_node *n, const struct volume *v, unsigned which,
	struct buf *out, struct err *err)
{
	if (which == FILE_JSON)
		return sidecar_render(v, n->snap->files, out, err);
	if (which == FILE_BVAL)
		gradients_render_bval(v, out);
	else
		gradients_render_bvec(v, out);
	return 0;
}

/* A sidecar's text; the caller's key tells which. */
static int render_text(const struct view_node *n, struct buf *out, struct err *err)
{
	uint64_t b = node_key(n)->b;
	const struct volume *v;
	struct volume_set *set;
	int rc = volumes_find(n, b >> 8, &set, &v, err);

	if (rc < 0)
		return rc;
	rc = render_sidecar(n, v, (unsigned)(b & 0xFF), out, err);
	volume_set_put(set);
	return rc;
}

int volumes_size(const struct view_node *n, const struct volume_format *f, int64_t *size,
	struct err *err)
{
	(void)f;
	return tree_size_text(n, render_text, size, err);
}

/*
 * The kernel reads whole pages, so a header shares its page with the first voxels; where those
 * cannot be had, the header shall be readable all the same. A read within the first page gets zeros
 * for them, but only where the voxels right behind the page cannot be had either: who reads on is
 * told of the error, and no file is read whole without one. A file that has changed or gone is none
 * of this: that is told at once.
 */
static bool is_header_page(const struct volume_content *x, const struct volume_reader *r, size_t n,
	uint64_t off)
{
	uint8_t next;
	int64_t rc;

	if (off >= x->header_len || x->header_len >= PAGE_BYTES || off + n > PAGE_BYTES)
		return false;
	rc = volume_pread(x->v, r, &x->order, &next, 1, PAGE_BYTES - x->header_len, NULL);
	return rc == -EIO || rc == -EBADMSG || rc == -ENOTSUP;
}

static int64_t read_volume(struct content *c, void *buf, size_t n, uint64_t off, struct stop *stop,
	struct err *err)
{
	struct volume_content *x = (struct volume_content *)c;
	struct volume_reader r = snapshot_reader(x->snap, stop);
	uint8_t *out = buf;
	size_t done = 0, part;
	int64_t got;

	if (off >= c->size)
		return 0;
	n = (size_t)min_u64(n, c->size - off);
	if (off < x->header_len) {
		done = min_size(n, x->header_len - (size_t)off);
		memcpy(out, x->header + off, done);
	}
	if (done < n && off + done < x->header_len + x->voxels_len) {
		part = (size_t)min_u64(n - done, x->header_len + x->voxels_len - (off + done));
		got = volume_pread(x->v, &r, &x->order, out + done, part,
			off + done - x->header_len, err);
		if (got != (int64_t)part && is_header_page(x, &r, n, off)) {
			memset(out + done, 0, n - done);
			return (int64_t)n;
		}
		if (got < 0)
			return done ? (int64_t)done : got;
		done += (size_t)got;
		if ((size_t)got < part)
			return (int64_t)done;
	}
	memset(out + done, 0, n - done);
	return (int64_t)n;
}

static void free_volume(struct content *c)
{
	struct volume_content *x = (struct volume_content *)c;

	mem_free(x->header);
	volume_set_put(x->set);
	snapshot_put(x->snap);
	mem_free(x);
}

static const struct content_ops volume_ops = { .pread = read_volume, .free = free_volume };

static int render_header(const struct volume_file *file, const struct volume *v, char **header,
	size_t *len, struct err *err)
{
	struct buf b;
	int rc = 0;

	buf_init(&b);
	if (file->header)
		rc = file->header(v, &b, err);
	if (rc == 0 && buf_error(&b) < 0)
		rc = err_nomem(err);
	if (rc == 0) {
		*header = buf_steal(&b, len);
		if (!*header)
			rc = err_nomem(err);
	}
	buf_release(&b);
	return rc;
}

/* A file of a volume; takes the reference to the set, also on error. */
static int volume_content(const struct view_node *n, struct volume_set *set /* taken */,
	const struct volume *v, const struct volume_file *file, struct content **out,
	struct err *err)
{
	struct volume_content *x = mem_calloc(1, sizeof *x);
	int rc;

	if (!x) {
		volume_set_put(set);
		return err_nomem(err);
	}
	x->content.ops = &volume_ops;
	x->snap = snapshot_get((struct snapshot *)n->snap);
	x->set = set;
	x->v = v;
	rc = render_header(file, v, &x->header, &x->header_len, err);
	if (rc == 0)
		rc = volume_file_size(file, v, &x->content.size, err);
	if (rc < 0) {
		free_volume(&x->content);
		return rc;
	}
	if (file->order) {
		x->order = file->order(v);
		x->voxels_len = volume_bytes(v, &x->order);
	}
	x->content.held_bytes = sizeof *x + x->header_len;
	*out = &x->content;
	return 0;
}

/* A file of a volume as a gzip member. */
struct gzip_content {
	struct content content;
	struct content *inner;
	struct gzip *gzip;
	struct snapshot *snap; /* a reference: the cache, where the checksum is kept */
	uint64_t crc_id[2];
};

static int64_t read_inner(void *arg, void *buf, size_t n, uint64_t off, struct stop *stop,
	struct err *err)
{
	struct content *inner = arg;

	return inner->ops->pread(inner, buf, n, off, stop, err);
}

struct crc_request {
	struct gzip *gzip;
	struct stop *stop;
};

static int make_crc(void *arg, uint8_t *out, size_t len, struct err *err)
{
	const struct crc_request *q = arg;
	uint32_t crc;
	int rc = gzip_crc(q->gzip, &crc, q->stop, err);

	if (rc == 0)
		memcpy(out, &crc, len);
	return rc;
}

/* The checksum outlives the content in the cache; two that need it at once make it once. */
static int find_crc(struct gzip_content *x, struct stop *stop, struct err *err)
{
	struct crc_request q = { x->gzip, stop };
	struct framecache *cache = x->snap->reader.cache;
	const struct frame *f;
	uint32_t crc;
	int rc = framecache_get_made(cache, x->crc_id, sizeof crc, make_crc, &q, stop, &f, err);

	if (rc < 0)
		return rc;
	memcpy(&crc, f->samples, sizeof crc);
	framecache_put(cache, f);
	gzip_set_crc(x->gzip, crc);
	return 0;
}

static int64_t read_gzip(struct content *c, void *buf, size_t n, uint64_t off, struct stop *stop,
	struct err *err)
{
	struct gzip_content *x = (struct gzip_content *)c;
	uint64_t last = gzip_crc_off(x->inner->size);
	int rc;

	/* What is before the checksum first: it may be all that is missing for it. */
	if (off < last)
		return gzip_pread(x->gzip, buf, (size_t)min_u64(n, last - off), off, stop, err);
	if (gzip_needs_crc(x->gzip)) {
		rc = find_crc(x, stop, err);
		if (rc < 0)
			return rc;
	}
	return gzip_pread(x->gzip, buf, n, off, stop, err);
}

static void free_gzip(struct content *c)
{
	struct gzip_content *x = (struct gzip_content *)c;

	gzip_free(x->gzip);
	content_free(x->inner);
	snapshot_put(x->snap);
	mem_free(x);
}

static const struct content_ops gzip_ops = { .pread = read_gzip, .free = free_gzip };

static int wrap_gzip(const struct view_node *n, uint64_t identity,
	struct content *inner /* taken */, struct content **out, struct err *err)
{
	struct gzip_content *x = mem_calloc(1, sizeof *x);

	if (!x || gzip_new(inner->size, read_inner, inner, &x->gzip, err) < 0) {
		content_free(inner);
		mem_free(x);
		return err_nomem(err);
	}
	x->content = (struct content){ .ops = &gzip_ops,
		.size = gzip_size(inner->size),
		.held_bytes = sizeof *x + inner->held_bytes + GZIP_HELD_BYTES };
	x->inner = inner;
	x->snap = snapshot_get((struct snapshot *)n->snap);
	x->crc_id[0] = hash_bytes(identity, "gzip", 4);
	x->crc_id[1] = hash_bytes(0, node_key(n), sizeof *node_key(n));
	*out = &x->content;
	return 0;
}

int volumes_open(const struct view_node *n, const struct volume_format *f, struct content **out,
	struct err *err)
{
	uint64_t b = node_key(n)->b;
	unsigned which = (unsigned)(b & 0xFF);
	const struct volume *v;
	struct volume_set *set;
	uint64_t identity;
	int rc;

	if (which >= FILE_JSON)
		return tree_open_text(n, render_text, out, err);
	rc = volumes_find(n, b >> 8, &set, &v, err);
	if (rc < 0)
		return rc;
	if (which >= FORMAT_MAX_FILES || !f->files[which].ending) {
		volume_set_put(set);
		return tree_gone(err);
	}
	identity = v->identity;
	rc = volume_content(n, set, v, &f->files[which], out, err);
	if (rc == 0 && f->gzip && which == 0)
		rc = wrap_gzip(n, identity, *out, out, err);
	return rc;
}
