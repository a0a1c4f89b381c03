/* SPDX-License-Identifier: MIT */
/*
 * Frames in files: see dicom/frames.h.
 *
 * Encapsulated pixel data is an item that holds the basic offset table, then items
 * that are fragments, then a delimiter (PS3.5 A.4). Which fragments make frame k is
 * answered by the first of these that can:
 *
 *   1. the offset table, where each of its entries is the begin of a fragment
 *   2. one frame: all fragments
 *   3. as many fragments as frames: one each
 *   4. fragments that end a codestream (FF D9, then perhaps padding) end a frame
 *   5. fragments that begin one (FF D8 FF, FF 4F FF 51; RLE's header) begin a frame
 *   6. fragments that end a codestream, more of them than frames: the last ones are no frames
 *   7. RLE: one each, and what is left over is no frame
 *   8. fewer fragments than frames: where one codestream ends within a fragment and another begins
 *      there are two, if that makes as many as there are frames; else one each, and the last frames
 *      are missing
 */
#include "dicom/frames.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "codec/codec.h"
#include "dicom/source.h"
#include "dicom/tags.h"
#include "dicom/value.h"
#include "head.h"

#define BOX_JPEG_2000 0x6A502020u
#define BOX_JPEG_XL 0x4A584C20u
#define LOOK_BYTES 65536u
#define TAIL 10u /* bytes at a fragment's end in which its end marker is looked for */

/* ---- fragments ---- */

static void note(struct dcm_frames *f, const char *text)
{
	if (!f->problem[0])
		snprintf(f->problem, sizeof f->problem, "%s", text);
}

static void note_surplus(struct dcm_frames *f, const char *text)
{
	snprintf(f->problem, sizeof f->problem, "%s", text);
	f->surplus = true;
}

static int add_fragment(struct dcm_frames *f, uint32_t *cap, uint64_t off, uint64_t len,
	struct err *err)
{
	struct dcm_fragment *more;

	if (f->n_fragments == DCM_MAX_FRAGMENTS)
		return err_set(err, -EFBIG, "more than %u fragments", DCM_MAX_FRAGMENTS);
	if (f->n_fragments == *cap) {
		*cap = *cap ? *cap * 2 : 16;
		more = mem_resize(f->fragments, *cap, sizeof *more);
		if (!more)
			return err_nomem(err);
		f->fragments = more;
	}
	f->fragments[f->n_fragments++] = (struct dcm_fragment){ off, len };
	return 0;
}

/* Collect the items from off on. */
static int walk_items(struct dcm_source *source, uint64_t off, struct dcm_frames *f,
	struct err *err)
{
	uint32_t cap = 0, tag;
	uint8_t head[8];
	uint64_t len;
	int64_t got;
	int rc = 0;

	for (; rc == 0; off += 8 + len) {
		got = dcm_source_pread(source, head, sizeof head, off, err);
		if (got < 0)
			return (int)got;
		tag = got == sizeof head ? head_tag(head, false) : 0;
		if (tag != TAG_ITEM) {
			if (tag != TAG_SEQ_END)
				note(f, "the pixel data has no end");
			return 0;
		}
		len = get_le32(head + 4);
		if (len > source->size - off - 8) {
			note(f, "the file ends within a fragment");
			len = source->size - off - 8;
		}
		rc = add_fragment(f, &cap, off + 8, len, err);
	}
	return rc;
}

/* ---- which fragments make a frame ---- */

/* The fragment that begins at off, looking from `from` on; n_fragments: none. */
static uint32_t fragment_at(const struct dcm_frames *f, uint32_t from, uint64_t off)
{
	while (from < f->n_fragments && f->fragments[from].off < off)
		from++;
	return from < f->n_fragments && f->fragments[from].off == off ? from : f->n_fragments;
}

/* The basic offset table: offsets of item tags from the first fragment's. */
static bool map_by_table(const struct dcm_frames *f, const uint8_t *table, uint64_t origin)
{
	uint32_t k, at = 0;

	for (k = 0; k < f->n_frames; k++) {
		at = fragment_at(f, k ? at + 1 : 0, origin + get_le32(table + 4 * (size_t)k) + 8);
		if (at == f->n_fragments || (k == 0 && at != 0))
			return false;
		f->first[k] = at;
	}
	f->first[f->n_frames] = f->n_fragments;
	return true;
}

static int try_table(struct dcm_source *source, const struct dcm_fragment *table,
	struct dcm_frames *f, bool *done, struct err *err)
{
	uint8_t *bytes;
	int rc;

	*done = false;
	if (table->len == 0)
		return 0;
	if (table->len != 4 * (uint64_t)f->n_frames) {
		note(f, "the offset table is not of as many frames as the header says");
		return 0;
	}
	bytes = mem_alloc((size_t)table->len);
	if (!bytes)
		return err_nomem(err);
	rc = dcm_source_read_full(source, bytes, (size_t)table->len, table->off, err);
	if (rc == 0)
		*done = map_by_table(f, bytes, table->off + table->len);
	mem_free(bytes);
	if (rc == 0 && !*done)
		note(f, "the offset table is wrong");
	return rc;
}

static void map_one_each(struct dcm_frames *f)
{
	uint32_t k;

	for (k = 0; k <= f->n_frames; k++)
		f->first[k] = k < f->n_fragments ? k : f->n_fragments;
	if (f->n_fragments < f->n_frames)
		note(f, "there are fewer fragments than frames");
	else if (f->n_fragments > f->n_frames)
		note_surplus(f, "there are more fragments than frames");
}

/* n bytes from off: 1, 0 where the source ends before, or an error: which is no answer. */
static int read_there(struct dcm_source *source, uint8_t *to, size_t n, uint64_t off,
	struct err *err)
{
	int64_t got = dcm_source_pread(source, to, n, off, err);

	return got < 0 ? (int)got : got == (int64_t)n;
}

static int ends_codestream(struct dcm_source *source, const struct dcm_fragment *g, struct err *err)
{
	uint8_t tail[TAIL];
	size_t n = (size_t)min_u64(g->len, sizeof tail), i;
	int rc = read_there(source, tail, n, g->off + g->len - n, err);

	if (rc <= 0)
		return rc;
	for (i = 0; i + 1 < n; i++) {
		if (tail[i] == 0xFF && tail[i + 1] == 0xD9)
			return 1;
	}
	return 0;
}

/* JPEG, JPEG 2000, JPEG XL; the latter two in boxes as well. */
static int begins_codestream(struct dcm_source *source, const struct dcm_fragment *g,
	struct err *err)
{
	uint8_t head[8] = { 0 };
	size_t n = (size_t)min_u64(g->len, sizeof head);
	int rc = n < 4 ? 0 : read_there(source, head, n, g->off, err);

	if (rc <= 0)
		return rc;
	return (head[0] == 0xFF && head[1] == 0xD8 && head[2] == 0xFF) ||
		get_be32(head) == 0xFF4FFF51u || (head[0] == 0xFF && head[1] == 0x0A) ||
		(get_be32(head) == 12 &&
			(get_be32(head + 4) == BOX_JPEG_2000 || get_be32(head + 4) == BOX_JPEG_XL));
}

/* RLE's header: as many segments as there may be, the first behind the header (PS3.5 G.5). */
static int begins_rle(struct dcm_source *source, const struct dcm_fragment *g, struct err *err)
{
	uint8_t head[12];
	int rc = g->len < 64 ? 0 : read_there(source, head, sizeof head, g->off, err);

	if (rc <= 0)
		return rc;
	return get_le32(head) >= 1 && get_le32(head) <= 15 && get_le32(head + 4) == 64 &&
		(get_le32(head) == 1 || get_le32(head + 8) > 64);
}

enum marker { BY_END, BY_BEGIN, BY_RLE_HEADER };

/* Does fragment i begin a frame? By what is before it, or by what it begins with. 1, 0, or an
 * error. */
static int begins_frame(struct dcm_source *source, const struct dcm_frames *f, uint32_t i,
	enum marker by, struct err *err)
{
	if (i == 0)
		return 1;
	switch (by) {
	case BY_END:
		return ends_codestream(source, &f->fragments[i - 1], err);
	case BY_BEGIN:
		return begins_codestream(source, &f->fragments[i], err);
	default:
		return begins_rle(source, &f->fragments[i], err);
	}
}

/* 1: as many begin as there are frames; 0: others; or an error. */
static int map_by_markers(struct dcm_source *source, const struct dcm_frames *f, enum marker by,
	struct err *err)
{
	uint32_t i, k = 0;
	int rc;

	for (i = 0; i < f->n_fragments; i++) {
		rc = begins_frame(source, f, i, by, err);
		if (rc < 0)
			return rc;
		if (rc == 0)
			continue;
		if (k == f->n_frames)
			return 0;
		f->first[k++] = i;
	}
	f->first[f->n_frames] = f->n_fragments;
	return k == f->n_frames;
}

/* More codestreams than frames: the header's frames are the first of them. 1, 0, or an error. */
static int map_first_streams(struct dcm_source *source, struct dcm_frames *f, struct err *err)
{
	uint32_t i, k = 0;
	int rc;

	for (i = 0; i < f->n_fragments && k <= f->n_frames; i++) {
		rc = begins_frame(source, f, i, BY_END, err);
		if (rc < 0)
			return rc;
		if (rc > 0)
			f->first[k++] = i;
	}
	if (k <= f->n_frames)
		return 0;
	note_surplus(f, "there are more codestreams than frames");
	return 1;
}

/* Fragments of one frame, and of a codestream behind it? */
static int look_behind_one_frame(struct dcm_source *source, struct dcm_frames *f, struct err *err)
{
	int rc = 0;

	f->first[0] = 0;
	f->first[1] = f->n_fragments;
	if (f->n_fragments > 1)
		rc = ends_codestream(source, &f->fragments[0], err);
	if (rc > 0)
		rc = begins_codestream(source, &f->fragments[1], err);
	if (rc > 0)
		note_surplus(f, "there are more codestreams than frames");
	return rc < 0 ? rc : 0;
}

static int map_streams(struct dcm_source *source, struct dcm_frames *f, struct err *err)
{
	int rc = map_by_markers(source, f, BY_END, err);

	if (rc == 0)
		rc = map_by_markers(source, f, BY_BEGIN, err);
	if (rc == 0)
		rc = map_first_streams(source, f, err);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	note(f, "which fragments make a frame cannot be told");
	mem_free(f->first);
	f->first = NULL;
	return 0;
}

static bool is_begin(const uint8_t *p)
{
	return p[0] == 0xFF && ((p[1] == 0xD8 && p[2] == 0xFF) || (p[1] == 0x4F && p[2] == 0xFF));
}

/* In n bytes: where the first codestream begins behind one that ends, with a byte of padding between
 * at most; n: nowhere. */
static size_t find_border(const uint8_t *p, size_t n)
{
	const uint8_t *at = p, *end = p + n;

	while (end - at >= 6 && (at = memchr(at, 0xFF, (size_t)(end - at) - 5)) != NULL) {
		if (at[1] == 0xD9 && (is_begin(at + 2) || is_begin(at + 3)))
			return (size_t)(at - p) + (is_begin(at + 2) ? 2 : 3);
		at++;
	}
	return n;
}

/* One fragment, as the codestreams that are in it. */
static int split_fragment(struct dcm_source *source, struct dcm_fragment g, uint8_t *bytes,
	struct dcm_frames *to, uint32_t *cap, struct err *err)
{
	uint64_t looked = 0;
	int rc = 0;

	while (rc == 0 && looked < g.len && to->n_fragments <= to->n_frames) {
		size_t n = (size_t)min_u64(g.len - looked, LOOK_BYTES), border;

		rc = dcm_source_read_full(source, bytes, n, g.off + looked, err);
		border = rc == 0 ? find_border(bytes, n) : n;
		if (border < n) {
			rc = add_fragment(to, cap, g.off, looked + border, err);
			g.off += looked + border;
			g.len -= looked + border;
			looked = 0;
		} else {
			looked += n > TAIL && n < g.len - looked ? n - TAIL : n;
		}
	}
	return rc == 0 ? add_fragment(to, cap, g.off, g.len, err) : rc;
}

/* Fewer fragments than frames: each may hold several codestreams. A first one that does not tells that
 * none does: the file has been cut, and is not read to its end for that. */
static int split_fragments(struct dcm_source *source, struct dcm_frames *f, struct err *err)
{
	struct dcm_frames parts = { .n_frames = f->n_frames };
	uint8_t *bytes = mem_alloc(LOOK_BYTES);
	uint32_t cap = 0, i;
	int rc = bytes ? 0 : err_nomem(err);

	for (i = 0; i < f->n_fragments && rc == 0 && (i == 0 || parts.n_fragments > 1); i++)
		rc = split_fragment(source, f->fragments[i], bytes, &parts, &cap, err);
	mem_free(bytes);
	if (rc < 0 || parts.n_fragments != f->n_frames) {
		mem_free(parts.fragments);
		return rc;
	}
	mem_free(f->fragments);
	f->fragments = parts.fragments;
	f->n_fragments = parts.n_fragments;
	note(f, "several frames are in one fragment");
	return 0;
}

static int map_frames(struct dcm_source *source, const struct dcm_fragment *table, bool rle,
	struct dcm_frames *f, struct err *err)
{
	bool done;
	int rc = try_table(source, table, f, &done, err);

	if (rc < 0 || done)
		return rc;
	if (f->n_frames == 1 && !rle)
		return look_behind_one_frame(source, f, err);
	if (f->n_fragments > f->n_frames && !rle)
		return map_streams(source, f, err);
	if (f->n_fragments > f->n_frames)
		rc = map_by_markers(source, f, BY_RLE_HEADER, err);
	else if (f->n_fragments < f->n_frames && !rle)
		rc = split_fragments(source, f, err);
	if (rc == 0)
		map_one_each(f);
	return rc < 0 ? rc : 0;
}

/* The first item is the offset table, 0 at its begin; some writers have none, and it is the first
 * fragment. */
static int take_table(struct dcm_source *source, bool rle, struct dcm_frames *f,
	struct dcm_fragment *table, struct err *err)
{
	int rc;

	if (f->n_fragments == 0)
		return 0;
	rc = rle ? begins_rle(source, &f->fragments[0], err) :
		   begins_codestream(source, &f->fragments[0], err);
	if (rc < 0)
		return rc;
	if (rc > 0) {
		note(f, "there is no offset table, not even an empty one");
		return 0;
	}
	*table = f->fragments[0];
	f->n_fragments--;
	memmove(f->fragments, f->fragments + 1, f->n_fragments * sizeof *f->fragments);
	return 0;
}

static int read_encapsulated(struct dcm_source *source, uint64_t off, bool rle,
	struct dcm_frames *f, struct err *err)
{
	struct dcm_fragment table = { 0, 0 };
	int rc = walk_items(source, off, f, err);

	if (rc == 0)
		rc = take_table(source, rle, f, &table, err);
	if (rc < 0)
		return rc;
	f->first = mem_calloc((size_t)f->n_frames + 1, sizeof *f->first);
	if (!f->first)
		return err_nomem(err);
	return map_frames(source, &table, rle, f, err);
}

/* A compressed frame that is the whole value, not an item. */
static int read_bare(uint64_t off, uint64_t len, struct dcm_frames *f, struct err *err)
{
	uint32_t cap = 0;
	int rc = add_fragment(f, &cap, off, len, err);

	if (rc < 0)
		return rc;
	f->encapsulated = true;
	f->first = mem_calloc((size_t)f->n_frames + 1, sizeof *f->first);
	if (!f->first)
		return err_nomem(err);
	map_one_each(f);
	return 0;
}

/* 1: of undefined length, or of a known one all the same; 0; or an error. */
static int has_items(struct dcm_source *source, uint64_t off, uint64_t len,
	const struct codec *codec, struct err *err)
{
	uint8_t head[8];
	int rc;

	if (len == DCM_UNDEFINED_LENGTH)
		return 1;
	if (!codec || len < sizeof head)
		return 0;
	rc = read_there(source, head, sizeof head, off, err);
	return rc > 0 ? head_tag(head, false) == TAG_ITEM : rc;
}

int dcm_frames_read(struct dcm_source *source, uint64_t pixels_off, uint64_t pixels_len,
	const struct pixel_desc *desc, uint32_t n_frames, const struct codec *codec,
	struct dcm_frames *out, struct err *err)
{
	int rc = has_items(source, pixels_off, pixels_len, codec, err);

	memset(out, 0, sizeof *out);
	if (rc < 0)
		return rc;
	out->n_frames = n_frames;
	out->pixels_off = pixels_off;
	out->pixels_len = pixels_len;
	out->encapsulated = rc;
	out->frame_bits = desc->bits_allocated == 1 ?
		(uint64_t)desc->rows * desc->cols * desc->samples :
		pixel_frame_bytes(desc) * 8;
	out->swap_pairs = desc->big_endian &&
		(desc->bits_allocated <= 8 || desc->bits_allocated == 12);
	rc = 0;
	if (out->encapsulated)
		rc = read_encapsulated(source, pixels_off, codec == &codec_rle, out, err);
	else if (codec)
		rc = read_bare(pixels_off, pixels_len, out, err);
	if (rc < 0)
		dcm_frames_release(out);
	return rc;
}

void dcm_frames_release(struct dcm_frames *f)
{
	mem_free(f->fragments);
	mem_free(f->first);
	f->fragments = NULL;
	f->first = NULL;
	f->n_fragments = 0;
}

/* ---- the bytes of a frame ---- */

/* Where native frame k lies: off and len in the file, and the bit it begins at. */
static int find_native(const struct dcm_frames *f, uint32_t k, uint64_t *off, size_t *len,
	unsigned *bit_off, struct err *err)
{
	uint64_t from, to;

	if (k >= f->n_frames || !mul_u64(f->frame_bits, k, &from) ||
		!add_u64(from, f->frame_bits, &to) || to > UINT64_MAX - 7 ||
		(to + 7) / 8 > f->pixels_len)
		return err_set(err, -EBADMSG,
			"frame %u of %u is not all there: the pixel data has %llu bytes", k,
			f->n_frames, (unsigned long long)f->pixels_len);
	*bit_off = (unsigned)(from % 8);
	*off = f->pixels_off + from / 8;
	*len = (size_t)((to + 7) / 8 - from / 8);
	return 0;
}

/* Bytes of words in the other order: each comes from its neighbour. */
static int read_swapped(struct dcm_source *source, const struct dcm_frames *f, uint64_t off,
	uint8_t *out, size_t len, struct err *err)
{
	uint64_t from = off - ((off - f->pixels_off) & 1), to = off + len;
	size_t n, i;
	uint8_t *both;
	int rc;

	to += (to - f->pixels_off) & 1;
	n = (size_t)(to - from);
	both = mem_calloc(n, 1);
	if (!both)
		return err_nomem(err);
	rc = dcm_source_read_full(source, both,
		(size_t)min_u64(n, f->pixels_off + f->pixels_len - from), from, err);
	for (i = 0; rc == 0 && i < len; i++)
		out[i] = both[(i + (size_t)(off - from)) ^ 1];
	mem_free(both);
	return rc;
}

static int read_native(struct dcm_source *source, const struct dcm_frames *f, uint64_t off,
	uint8_t *out, size_t len, struct err *err)
{
	return f->swap_pairs ? read_swapped(source, f, off, out, len, err) :
			       dcm_source_read_full(source, out, len, off, err);
}

/* How many bytes the fragments of frame k have; -EBADMSG where it has none. */
static int measure(const struct dcm_frames *f, uint32_t k, size_t *len, struct err *err)
{
	uint64_t total = 0;
	uint32_t i;

	if (!f->first)
		return err_set(err, -EBADMSG, "frame %u: %s", k, f->problem);
	for (i = k < f->n_frames ? f->first[k] : 0; k < f->n_frames && i < f->first[k + 1]; i++)
		total += f->fragments[i].len;
	if (total == 0)
		return err_set(err, -EBADMSG, "frame %u of %u is not there", k, f->n_frames);
	if (total > SIZE_MAX / 2)
		return err_set(err, -EFBIG, "frame %u is too long", k);
	*len = (size_t)total;
	return 0;
}

static int join(struct dcm_source *source, const struct dcm_frames *f, uint32_t k, uint8_t *out,
	struct err *err)
{
	const struct dcm_fragment *g;
	uint32_t i;
	int rc = 0;

	for (i = f->first[k]; rc == 0 && i < f->first[k + 1]; i++) {
		g = &f->fragments[i];
		rc = dcm_source_read_full(source, out, (size_t)g->len, g->off, err);
		out += g->len;
	}
	return rc;
}

int dcm_frame_read(struct dcm_source *source, const struct dcm_frames *f, uint32_t k,
	uint8_t **bytes, size_t *len, unsigned *bit_off, struct err *err)
{
	uint64_t off = 0;
	uint8_t *out;
	int rc;

	*bit_off = 0;
	rc = f->encapsulated ? measure(f, k, len, err) : find_native(f, k, &off, len, bit_off, err);
	if (rc < 0)
		return rc;
	out = mem_alloc(*len);
	if (!out)
		return err_nomem(err);
	rc = f->encapsulated ? join(source, f, k, out, err) :
			       read_native(source, f, off, out, *len, err);
	if (rc < 0) {
		mem_free(out);
		return rc;
	}
	*bytes = out;
	return 0;
}

/* Native samples that are already as a decoder would deliver them. */
static bool is_plain(const struct pixel_desc *d)
{
	return (!d->big_endian || d->bits_allocated == 8) && !(d->planar && d->samples > 1) &&
		d->bits_allocated != 1 && d->bits_allocated != 12 &&
		pixel_frame_bytes(d) == pixel_decoded_bytes(d);
}

static int read_plain(struct dcm_source *source, const struct dcm_frames *f, uint32_t k,
	uint8_t *out, size_t out_len, struct err *err)
{
	unsigned bit_off;
	uint64_t off;
	size_t len;
	int rc = find_native(f, k, &off, &len, &bit_off, err);

	if (rc < 0)
		return rc;
	if (len != out_len)
		return err_set(err, -EBADMSG, "frame %u has %zu bytes, not %zu", k, len, out_len);
	return read_native(source, f, off, out, len, err);
}

int dcm_frame_decode(struct dcm_source *source, const struct dcm_frames *f,
	const struct pixel_desc *desc, const struct codec *codec, uint32_t k, uint8_t *out,
	size_t out_len, enum photometric *photometric, struct err *err)
{
	unsigned bit_off;
	uint8_t *bytes;
	size_t len;
	int rc;

	*photometric = desc->photometric;
	if (f->encapsulated && !codec)
		return err_set(err, -ENOTSUP, "no decoder for this transfer syntax");
	if (!f->encapsulated && is_plain(desc))
		return read_plain(source, f, k, out, out_len, err);
	rc = dcm_frame_read(source, f, k, &bytes, &len, &bit_off, err);
	if (rc < 0)
		return rc;
	rc = f->encapsulated ? codec->decode(desc, bytes, len, out, out_len, photometric, err) :
			       pixel_unpack(desc, bytes, len, bit_off, out, out_len, err);
	mem_free(bytes);
	return rc;
}
