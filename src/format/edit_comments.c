/* SPDX-License-Identifier: MIT */
/*
 * Comments in compressed frames: see format/edit_comments.h.
 *
 * A codestream begins with a fragment that has its signature, and goes on to the next one that has
 * (PS3.5 A.4). Its marker segments, or its boxes, are stepped over from head to head: of the entropy-coded
 * data nothing is read.
 */
#include "format/edit_comments.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "dicom/dataset.h"
#include "dicom/frames.h"
#include "dicom/source.h"

#define WINDOW 512u
#define SIGNATURE 12u
#define MOST_HEADS 65536u /* segments or boxes of one frame */
#define MOST_COMMENTS 4000000u
#define BOX(a, b, c, d) ((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))

enum form { FORM_NONE, FORM_JPEG, FORM_JPEG_2000, FORM_BOXES };

/* The bytes of one codestream, from fragment to fragment. */
struct stream {
	struct dcm_source *source;
	const struct dcm_fragment *fragments;
	uint32_t n_fragments;
	uint32_t at;     /* the fragment that was asked for last */
	uint64_t before; /* bytes of those before it */
	struct edit_comments *out;
	uint8_t window[WINDOW];
	uint64_t window_off;
	size_t window_len;
};

/* Go on to the fragment with byte off; false: there is none. What is asked for never lies before it. */
static bool seek(struct stream *s, uint64_t off)
{
	while (s->at < s->n_fragments && off - s->before >= s->fragments[s->at].len)
		s->before += s->fragments[s->at++].len;
	return s->at < s->n_fragments;
}

static int fill_window(struct stream *s, uint64_t off, struct err *err)
{
	struct stream ahead = *s;
	int64_t got = 1;

	s->window_off = off;
	for (s->window_len = 0; s->window_len < WINDOW && got > 0; s->window_len += (size_t)got) {
		const struct dcm_fragment *f;
		uint64_t at;

		if (!seek(&ahead, off + s->window_len))
			break;
		f = &s->fragments[ahead.at];
		at = off + s->window_len - ahead.before;
		got = dcm_source_pread(s->source, s->window + s->window_len,
			(size_t)min_u64(WINDOW - s->window_len, f->len - at), f->off + at, err);
		if (got < 0)
			return (int)got;
	}
	return 0;
}

/* n bytes from off (at most SIGNATURE): 1 and *bytes, 0 where the stream ends before, or an error. */
static int look(struct stream *s, uint64_t off, size_t n, const uint8_t **bytes, struct err *err)
{
	int rc = 0;

	if (!seek(s, off))
		return 0;
	if (off < s->window_off || off - s->window_off + n > s->window_len)
		rc = fill_window(s, off, err);
	*bytes = s->window + (off - s->window_off);
	return rc < 0 ? rc : off - s->window_off + n <= s->window_len;
}

static int add_comment(struct edit_comments *c, uint64_t off, uint64_t len, struct err *err)
{
	struct edit_comment *more;

	if (c->n == MOST_COMMENTS)
		return err_set(err, -EFBIG, "more than %u comments in frames", MOST_COMMENTS);
	if (c->n == c->cap) {
		size_t cap = c->cap ? c->cap * 2 : 16;

		more = mem_resize(c->all, cap, sizeof *more);
		if (!more)
			return err_nomem(err);
		c->all = more;
		c->cap = cap;
	}
	c->all[c->n++] = (struct edit_comment){ off, len };
	return 0;
}

/* len bytes of the stream from off, in as many fragments as they are. */
static int take(struct stream *s, uint64_t off, uint64_t len, struct err *err)
{
	int rc = 0;

	while (rc == 0 && len && seek(s, off)) {
		const struct dcm_fragment *f = &s->fragments[s->at];
		uint64_t at = off - s->before, n = min_u64(len, f->len - at);

		rc = add_comment(s->out, f->off + at, n, err);
		off += n;
		len -= n;
	}
	return rc;
}

static int refuse(struct err *err)
{
	return err_set(err, -EFBIG, "a frame with more than %u segments before its pixels",
		MOST_HEADS);
}

/* ---- JPEG and JPEG-LS (ITU-T T.81 B.1.1.4, T.87 C.1) ---- */

/* Application segments by what they begin with, which decoders look for. */
static int is_needed(struct stream *s, uint8_t marker, uint64_t off, uint64_t len, struct err *err)
{
	static const struct {
		uint8_t marker;
		const char *id;
		size_t len;
	} needed[] = {
		{ 0xE0, "JFIF", 5 },
		{ 0xE0, "JFXX", 5 },
		{ 0xE2, "ICC_PROFILE", 12 },
		{ 0xE8, "SPIFF", 6 },
		{ 0xE8, "\0\0\0\1", 4 }, /* the end of what SPIFF says */
		{ 0xE8, "mrfx", 4 },
		{ 0xEE, "Adobe", 5 },
	};
	const uint8_t *id;
	size_t i;
	int rc;

	for (i = 0; i < sizeof needed / sizeof *needed; i++) {
		if (needed[i].marker != marker || needed[i].len > len)
			continue;
		rc = look(s, off, needed[i].len, &id, err);
		if (rc < 0 || (rc > 0 && memcmp(id, needed[i].id, needed[i].len) == 0))
			return rc;
	}
	return 0;
}

/* One segment's content. */
static int take_segment(struct stream *s, uint8_t marker, uint64_t off, uint64_t len,
	struct err *err)
{
	int rc = 0;

	if (marker != 0xFE && (marker < 0xE0 || marker > 0xEF))
		return 0;
	if (marker != 0xFE)
		rc = is_needed(s, marker, off, len, err);
	return rc == 0 ? take(s, off, len, err) : rc < 0 ? rc : 0;
}

/* Up to the first scan. */
static int walk_jpeg(struct stream *s, struct err *err)
{
	uint64_t off = 2;
	const uint8_t *p;
	unsigned i, len;
	int rc;

	for (i = 0; i < MOST_HEADS; i++) {
		rc = look(s, off, 4, &p, err);
		if (rc <= 0 || p[0] != 0xFF || p[1] == 0xDA || p[1] == 0xD9)
			return rc < 0 ? rc : 0;
		if (p[1] == 0xFF) { /* a fill byte */
			off++;
			continue;
		}
		len = get_be16(p + 2);
		if (len < 2)
			return 0;
		rc = take_segment(s, p[1], off + 4, len - 2u, err);
		if (rc < 0)
			return rc;
		off += 2 + len;
	}
	return refuse(err);
}

/* ---- JPEG 2000 (ITU-T T.800 A.9.2, I.4) ---- */

/* A comment's use, text or bytes, is before it. */
static int walk_jpeg_2000(struct stream *s, uint64_t off, struct err *err)
{
	const uint8_t *p;
	unsigned i, len;
	int rc;

	off += 2;
	for (i = 0; i < MOST_HEADS; i++) {
		rc = look(s, off, 4, &p, err);
		/* to the first tile-part, or the data in it */
		if (rc <= 0 || p[0] != 0xFF || p[1] == 0x90 || p[1] == 0x93 || p[1] == 0xD9)
			return rc < 0 ? rc : 0;
		len = get_be16(p + 2);
		if (len < 2)
			return 0;
		rc = p[1] == 0x64 && len > 4 ? take(s, off + 6, len - 4u, err) : 0;
		if (rc < 0)
			return rc;
		off += 2 + len;
	}
	return refuse(err);
}

/* ---- boxes (ITU-T T.800 I.4, ISO/IEC 18181-2) ---- */

static int take_box(struct stream *s, uint32_t type, uint64_t off, uint64_t len, struct err *err)
{
	switch (type) {
	case BOX('j', 'p', '2', 'c'):
		return walk_jpeg_2000(s, off, err);
	case BOX('E', 'x', 'i', 'f'):
	case BOX('j', 'p', '2', 'i'):
	case BOX('j', 'u', 'm', 'b'):
	case BOX('u', 'u', 'i', 'd'):
	case BOX('x', 'm', 'l', ' '):
		return take(s, off, len, err);
	case BOX('b', 'r', 'o', 'b'): /* another box's type, and its content compressed */
		return len > 4 ? take(s, off + 4, len - 4, err) : 0;
	default:
		return 0;
	}
}

static int walk_boxes(struct stream *s, struct err *err)
{
	uint64_t off = 0, len, head;
	const uint8_t *p;
	uint32_t type;
	unsigned i;
	int rc;

	for (i = 0; i < MOST_HEADS; i++) {
		rc = look(s, off, 8, &p, err);
		if (rc <= 0)
			return rc;
		len = get_be32(p);
		type = get_be32(p + 4);
		head = len == 1 ? 16 : 8;
		rc = len == 1 ? look(s, off, 16, &p, err) : 1;
		if (rc <= 0)
			return rc;
		len = len == 1 ? get_be64(p + 8) : len == 0 ? UINT64_MAX / 2 : len;
		if (len < head || len > UINT64_MAX / 2)
			return 0;
		rc = take_box(s, type, off + head, len - head, err);
		if (rc < 0)
			return rc;
		off += len;
	}
	return refuse(err);
}

/* ---- frames ---- */

static enum form form_of(const uint8_t *p)
{
	if (p[0] == 0xFF && p[1] == 0xD8 && p[2] == 0xFF)
		return FORM_JPEG;
	if (get_be32(p) == 0xFF4FFF51u)
		return FORM_JPEG_2000;
	if (get_be32(p) == 12 &&
		(get_be32(p + 4) == BOX('j', 'P', ' ', ' ') ||
			get_be32(p + 4) == BOX('J', 'X', 'L', ' ')))
		return FORM_BOXES;
	return FORM_NONE;
}

/* The form of a codestream that begins with this fragment: a value of enum form, or an error. */
static int form_at(struct dcm_source *source, const struct dcm_fragment *f, struct err *err)
{
	uint8_t head[SIGNATURE] = { 0 };
	int64_t got = dcm_source_pread(source, head, (size_t)min_u64(f->len, sizeof head), f->off,
		err);

	return got < 0 ? (int)got : (int)form_of(head);
}

static int walk_stream(struct stream *s, int form, struct err *err)
{
	switch (form) {
	case FORM_JPEG:
		return walk_jpeg(s, err);
	case FORM_JPEG_2000:
		return walk_jpeg_2000(s, 0, err);
	case FORM_BOXES:
		return walk_boxes(s, err);
	default:
		return 0;
	}
}

/* What is in a fragment of a known form goes with it, to the next one that has a form. */
static int walk_fragments(struct dcm_source *source, const struct dcm_fragment *fragments,
	uint32_t n, struct edit_comments *out, struct err *err)
{
	uint32_t first = 0, i;
	int form = FORM_NONE, next, rc = 0;

	for (i = 0; i <= n && rc == 0; i++) {
		struct stream s = { .source = source,
			.fragments = fragments + first,
			.n_fragments = i - first,
			.out = out };

		next = i < n ? form_at(source, &fragments[i], err) : FORM_NONE;
		if (next < 0)
			return next;
		if (next == FORM_NONE && i < n)
			continue;
		rc = walk_stream(&s, form, err);
		first = i;
		form = next;
	}
	return rc;
}

/* A value of known length is one codestream, unless it has items all the same. */
static int find_bare(const struct dcm_header *h, bool *has_items, struct edit_comments *out,
	struct err *err)
{
	static const uint8_t item[4] = { 0xFE, 0xFF, 0x00, 0xE0 };
	struct dcm_fragment whole = { h->pixels_off, h->pixels_len };
	uint8_t head[4] = { 0 };
	int64_t got = dcm_source_pread(h->file.source, head,
		(size_t)min_u64(whole.len, sizeof head), whole.off, err);

	*has_items = got == 4 && memcmp(head, item, 4) == 0;
	if (got < 0 || *has_items)
		return got < 0 ? (int)got : 0;
	return walk_fragments(h->file.source, &whole, 1, out, err);
}

int edit_comments_find(const struct dcm_header *h, struct edit_comments *out, struct err *err)
{
	const struct pixel_desc any = { 0 };
	bool has_items = h->pixels_len == DCM_UNDEFINED_LENGTH;
	struct dcm_frames all; /* as if of one frame: which are whose does not matter */
	int rc = 0;

	memset(out, 0, sizeof *out);
	if (!h->pixels_off || (!has_items && dcm_file_is_native(&h->file)))
		return 0;
	if (!has_items)
		rc = find_bare(h, &has_items, out, err);
	if (rc == 0 && has_items) {
		rc = dcm_frames_read(h->file.source, h->pixels_off, DCM_UNDEFINED_LENGTH, &any, 1,
			NULL, &all, err);
		if (rc < 0)
			return rc;
		rc = walk_fragments(h->file.source, all.fragments, all.n_fragments, out, err);
		dcm_frames_release(&all);
	}
	if (rc < 0)
		edit_comments_release(out);
	return rc;
}

void edit_comments_release(struct edit_comments *c)
{
	mem_free(c->all);
	memset(c, 0, sizeof *c);
}

void edit_comments_blank(const struct edit_comments *c, void *bytes, size_t n, uint64_t off)
{
	size_t low = 0, high = c->n, mid;

	while (low < high) { /* the first that ends behind off */
		mid = low + (high - low) / 2;
		if (c->all[mid].off + c->all[mid].len <= off)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < c->n && c->all[low].off < off + n; low++) {
		uint64_t from = c->all[low].off > off ? c->all[low].off - off : 0;
		uint64_t to = min_u64(c->all[low].off + c->all[low].len - off, n);

		memset((uint8_t *)bytes + from, 0, (size_t)(to - from));
	}
}
