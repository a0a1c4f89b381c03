/* SPDX-License-Identifier: MIT */
/*
 * native/: each instance as an uncompressed Explicit VR Little Endian file, for tools without
 * codecs. The header is written anew with what must change; native pixels stay where they are in
 * the source, encapsulated ones are decoded frame by frame when they are read.
 */
#include "view/native.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/stop.h"
#include "codec/codec.h"
#include "dicom/source.h"
#include "dicom/tags.h"
#include "dicom/value.h"
#include "format/part10.h"
#include "icons.h"
#include "view/siblings.h"
#include "view/tree.h"
#include "volume/decoder.h"

enum { PAGE_BYTES = 4096 };

struct native {
	struct content content;
	struct snapshot *snap; /* a reference */
	const struct instance *in;
	struct part10 file;
	uint64_t frame_len;  /* bytes of a frame in the file; of 1-bit frames, its pixels */
	uint64_t pixels_off; /* where they begin in the file, if they are converted */
	uint64_t pixels_len;
	bool pack_bits;
};

/* Which pixels need decoding, or at least other bytes than the source's? */
static bool must_convert(const struct instance *in)
{
	return in->pixels_off && (in->compressed || in->attr->pixel.big_endian);
}

#define MOST_PIXEL_BYTES (UINT32_MAX - UINT64_C(2)) /* of a value, with its padding (PS3.5 §7.1) */

/* Of pixels that are converted; of 1-bit ones packed. False: they do not fit into a file. */
static bool converted_bytes(const struct instance *in, size_t frame_len, uint64_t *len)
{
	if (!mul_u64(frame_len, in->n_frames, len))
		return false;
	if (in->attr->pixel.bits_allocated == 1)
		*len = *len / 8 + (*len % 8 > 0);
	return *len <= MOST_PIXEL_BYTES;
}

bool native_holds(const struct instance *in, const char **why)
{
	struct frame_shape shape;
	uint64_t len;

	if (!must_convert(in))
		return true;
	if (frame_shape_of(in, FRAME_STORED, &shape, NULL) < 0) {
		*why = "its pixels are of no kind that can be decoded";
		return false;
	}
	if (converted_bytes(in, shape.len, &len))
		return true;
	*why = "without compression its pixels are more than the 4 GiB of one value";
	return false;
}

/* What the written header says of pixels that were converted; kept for the length of a
 * part10_write(). */
struct changes {
	struct part10_addition add[5];
	size_t n;
	uint8_t planar[2], bits_allocated[2];
	char photometric[20], n_frames[12];
};

static bool is_lossy(const struct instance *in)
{
	static const char *const syntaxes[] = { "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51",
		"1.2.840.10008.1.2.4.52", "1.2.840.10008.1.2.4.53", "1.2.840.10008.1.2.4.54",
		"1.2.840.10008.1.2.4.55", "1.2.840.10008.1.2.4.56", "1.2.840.10008.1.2.4.81" };
	size_t i;

	for (i = 0; in->attr->transfer_syntax && i < sizeof syntaxes / sizeof *syntaxes; i++)
		if (strcmp(in->attr->transfer_syntax, syntaxes[i]) == 0)
			return true;
	return false;
}

static void add(struct changes *c, uint32_t tag, uint16_t vr, const void *bytes, size_t len)
{
	c->add[c->n++] = (struct part10_addition){ .tag = tag,
		.vr = vr,
		.bytes = bytes,
		.len = len };
}

/* In ascending order of tags. A number of frames that is no number becomes what we read it as.
 * PS3.5 §8.2: pixels of a colour transform that is undone are RGB, by pixel; PS3.3 C.7.6.1.1.5:
 * what was lossy stays marked so. 12-bit samples are in words of their own then. */
static void plan_changes(const struct instance *in, const struct dcm_header *h, struct changes *c)
{
	const struct pixel_desc *d = &in->attr->pixel;
	enum photometric now = pixel_stored_photometric(d);

	memset(c, 0, sizeof *c);
	if (must_convert(in) && now != d->photometric) {
		snprintf(c->photometric, sizeof c->photometric, "%s", photometric_name(now));
		add(c, DCM_PhotometricInterpretation, DCM_VR_CS, c->photometric,
			strlen(c->photometric));
	}
	if (d->samples > 1 && must_convert(in))
		add(c, DCM_PlanarConfiguration, DCM_VR_US, c->planar, sizeof c->planar);
	if (in->pixels_off && dcm_get(&h->top, DCM_NumberOfFrames) &&
		dcm_get_int(&h->top, DCM_NumberOfFrames, -1) != in->n_frames) {
		snprintf(c->n_frames, sizeof c->n_frames, "%u", in->n_frames);
		add(c, DCM_NumberOfFrames, DCM_VR_IS, c->n_frames, strlen(c->n_frames));
	}
	if (must_convert(in) && d->bits_allocated == 12) {
		put_le16(c->bits_allocated, 16);
		add(c, DCM_BitsAllocated, DCM_VR_US, c->bits_allocated, sizeof c->bits_allocated);
	}
	if (is_lossy(in) && !dcm_text_is(dcm_get(&h->top, DCM_LossyImageCompression), 0, "01"))
		add(c, DCM_LossyImageCompression, DCM_VR_CS, "01", 2);
}

static void find_pixels(struct native *x)
{
	uint64_t off = 0;
	size_t i;

	for (i = 0; i < x->file.n_parts; off += x->file.parts[i++].len)
		if (x->file.parts[i].kind == PART10_PIXELS)
			x->pixels_off = off;
}

static int write_header(struct native *x, const struct dcm_header *h,
	const struct part10_plan *pixels_plan, struct err *err)
{
	struct icons icons = { .h = h, .codec = codec_find(h->file.transfer_syntax) };
	struct part10_plan plan = *pixels_plan;
	int rc;

	plan.edit = icons_edit;
	plan.edit_arg = &icons;
	rc = part10_write(h, &plan, &x->file, err);
	icons_release(&icons);
	if (rc == 0 && icons.failed.code) {
		part10_release(&x->file);
		return err_set(err, icons.failed.code, "an icon: %s", icons.failed.msg);
	}
	return rc;
}

static int native_write(struct native *x, const struct dcm_header *h, struct err *err)
{
	const struct pixel_desc *d = &x->in->attr->pixel;
	struct part10_plan plan = { 0 };
	struct frame_shape shape;
	struct changes c;
	int rc;

	plan_changes(x->in, h, &c);
	plan.add = c.add;
	plan.n_add = c.n;
	if (!must_convert(x->in))
		return write_header(x, h, &plan, err);
	rc = frame_shape_of(x->in, FRAME_STORED, &shape, err);
	if (rc < 0)
		return rc;
	x->pack_bits = d->bits_allocated == 1;
	x->frame_len = shape.len;
	plan.replace_pixels = true;
	plan.pixels_vr = d->bits_allocated > 8 ? DCM_VR_OW : DCM_VR_OB;
	if (d->kind != PIXEL_INTEGER)
		plan.pixels_vr = d->kind == PIXEL_FLOAT32 ? DCM_VR_OF : DCM_VR_OD;
	if (!converted_bytes(x->in, shape.len, &plan.pixels_len))
		return err_set(err, -EFBIG, "%u frames of %zu bytes", x->in->n_frames, shape.len);
	x->pixels_len = plan.pixels_len;
	rc = write_header(x, h, &plan, err);
	find_pixels(x);
	return rc;
}

/* n_bits samples of 0 and 1 to the bits of out from `at` on, which are 0; the lowest of a byte is
 * first. */
static void pack_bits(const uint8_t *samples, size_t n_bits, uint8_t *out, uint64_t at)
{
	size_t i;

	for (i = 0; i < n_bits; i++, at++)
		out[at / 8] = (uint8_t)(out[at / 8] | (samples[i] & 1u) << at % 8);
}

static int frame_get(struct native *x, uint32_t frame, struct stop *stop, const struct frame **f,
	struct err *err)
{
	if (stop_check(stop, err) < 0)
		return -EINTR;
	return framecache_get_stored(x->snap->reader.cache, x->in, frame, f, err);
}

/* n bytes of 1-bit pixels from off: frames follow one another without padding (PS3.5 §8.2). */
static int64_t read_bits(struct native *x, uint8_t *out, size_t n, uint64_t off, struct stop *stop,
	struct err *err)
{
	uint64_t first = off * 8, done = 0;
	uint64_t n_bits = min_u64((uint64_t)n * 8, x->frame_len * x->in->n_frames - first);

	memset(out, 0, n);
	while (done < n_bits) {
		uint32_t frame = (uint32_t)((first + done) / x->frame_len);
		size_t in_frame = (size_t)((first + done) % x->frame_len);
		size_t part = (size_t)min_u64(n_bits - done, x->frame_len - in_frame);
		const struct frame *f;
		int rc = frame_get(x, frame, stop, &f, err);

		if (rc < 0)
			return done >= 8 ? (int64_t)(done / 8) : rc;
		pack_bits(f->samples + in_frame, part, out, done);
		framecache_put(x->snap->reader.cache, f);
		done += part;
	}
	return (int64_t)n;
}

/* n bytes of the decoded pixels from off. */
static int64_t read_pixels(struct native *x, uint8_t *out, size_t n, uint64_t off,
	struct stop *stop, struct err *err)
{
	size_t done = 0;

	while (done < n) {
		uint32_t frame = (uint32_t)((off + done) / x->frame_len);
		size_t in_frame = (size_t)((off + done) % x->frame_len);
		size_t part = min_size(n - done, (size_t)x->frame_len - in_frame);
		const struct frame *f;
		int rc = frame_get(x, frame, stop, &f, err);

		if (rc < 0)
			return done ? (int64_t)done : rc;
		memcpy(out + done, f->samples + in_frame, part);
		framecache_put(x->snap->reader.cache, f);
		done += part;
	}
	return (int64_t)done;
}

static int64_t read_source(struct native *x, void *out, size_t n, uint64_t off, struct err *err)
{
	struct dcm_source *src;
	int64_t got;
	int rc = files_get(x->snap->files, x->in, &src, err);

	if (rc < 0)
		return rc;
	got = dcm_source_pread(src, out, n, off, err);
	files_put(x->snap->files, x->in, src);
	return got;
}

/* One who reads. */
struct reading {
	struct native *x;
	struct stop *stop;
};

static int64_t fetch(void *arg, const struct part10_part *p, void *buf, size_t n, uint64_t off,
	struct err *err)
{
	const struct reading *r = arg;
	struct native *x = r->x;

	if (p->kind == PART10_SOURCE)
		return read_source(x, buf, n, p->off + off, err);
	return x->pack_bits ? read_bits(x, buf, n, off, r->stop, err) :
			      read_pixels(x, buf, n, off, r->stop, err);
}

static int64_t read_parts(struct reading *r, void *buf, size_t n, uint64_t off, struct err *err)
{
	size_t done;
	int rc = part10_read(&r->x->file, buf, n, off, fetch, r, &done, err);

	return rc < 0 && !done ? rc : (int64_t)done;
}

/* The kernel reads pages: whoever wants the header's end wants pixels too. Where all that follows
 * cannot be had, the pixels of that page are zeros; the next page tells. */
static bool is_header_page(struct reading *r, size_t n, uint64_t off)
{
	const struct native *x = r->x;
	uint64_t next = (off / PAGE_BYTES + 1) * PAGE_BYTES;
	uint8_t byte;
	int64_t rc;

	if (!x->pixels_len || off >= x->pixels_off || off + n > next || next < x->pixels_off ||
		next >= x->pixels_off + x->pixels_len)
		return false;
	rc = read_parts(r, &byte, 1, next, NULL);
	return rc == -EIO || rc == -EBADMSG || rc == -ENOTSUP;
}

static int64_t read_native(struct content *c, void *buf, size_t n, uint64_t off, struct stop *stop,
	struct err *err)
{
	struct reading r = { (struct native *)c, stop };
	int64_t got;

	got = read_parts(&r, buf, n, off, err);
	if (got > 0 && got < (int64_t)n && is_header_page(&r, n, off)) {
		memset((char *)buf + got, 0, n - (size_t)got);
		return (int64_t)n;
	}
	return got;
}

static void free_native(struct content *c)
{
	struct native *x = (struct native *)c;

	part10_release(&x->file);
	snapshot_put(x->snap);
	mem_free(x);
}

static const struct content_ops native_ops = { .pread = read_native, .free = free_native };

static int native_new(const struct view_node *n, struct native **out, struct err *err)
{
	const struct instance *in = tree_instance(n);
	struct dcm_header *h;
	struct native *x;
	int rc;

	if (!in)
		return tree_gone(err);
	rc = siblings_node_header(n, in, &h, err);
	if (rc < 0)
		return rc;
	x = mem_calloc(1, sizeof *x);
	if (!x) {
		dcm_header_free(h);
		return err_nomem(err);
	}
	x->content.ops = &native_ops;
	x->snap = snapshot_get((struct snapshot *)n->snap);
	x->in = in;
	rc = native_write(x, h, err);
	dcm_header_free(h);
	if (rc < 0) {
		free_native(&x->content);
		return rc;
	}
	x->content.size = x->file.size;
	x->content.held_bytes = sizeof *x + part10_held_bytes(&x->file);
	*out = x;
	return 0;
}

/* What is listed, but for what cannot be written. */
struct sieve {
	struct view_out out;
	struct view_out *to;
	const struct catalog *catalog;
};

static int pass(struct view_out *out, const struct view_entry *e, struct err *err)
{
	const struct sieve *s = (const struct sieve *)out;
	const struct instance *in = e->key.kind == TREE_INSTANCE ?
		catalog_instance(s->catalog, (uint32_t)e->key.a) :
		NULL;

	return in && !native_holds(in, &(const char *){ NULL }) ? 0 : s->to->emit(s->to, e, err);
}

static int list(const struct view_node *n, struct view_out *out, struct err *err)
{
	struct sieve s = { .out = { pass }, .to = out, .catalog = n->snap->catalog };

	return tree_list(n, ".dcm", NULL, &s.out, err);
}

static int open_file(const struct view_node *n, struct content **out, struct err *err)
{
	struct native *x = NULL;
	int rc = native_new(n, &x, err);

	if (rc == 0)
		*out = &x->content;
	return rc;
}

const struct view view_native = {
	.name = "native",
	.summary = "SERIES/INSTANCE.dcm: decompressed, Explicit VR Little Endian, for tools "
		   "without codecs",
	.list = list,
	.open = open_file,
};
