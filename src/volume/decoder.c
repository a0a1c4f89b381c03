/* SPDX-License-Identifier: MIT */
/* Frames of instances as values: see volume/decoder.h. */
#include "volume/decoder.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "codec/codec.h"
#include "codec/pixel.h"
#include "dicom/frames.h"

#define DECODERS_KEPT 32u

/* What decoding needs beside the record; immutable once it is in the table. */
struct decoder {
	uint32_t instance_id;
	struct pixel_desc desc;
	const struct codec *codec; /* the transfer syntax's; NULL: native */
	struct dcm_frames frames;
	struct palette palette;
	bool has_palette;
	struct arena arena; /* of the palette */
	struct err note;    /* what is not as it should be, of a decoder that works */
	unsigned refs;      /* protected by decoders.lock */
	uint64_t last_use;  /* protected by decoders.lock */
};

struct decoders {
	struct files *files;
	pthread_mutex_t lock; /* protects kept and clock */
	struct decoder *kept[DECODERS_KEPT];
	uint64_t clock;
};

/* Colour of more than 8 bits: volumes and pictures have its upper 8. */
static bool is_deep_colour(const struct pixel_desc *d)
{
	return d->samples == 3 && pixel_sample_bytes(d) > 1 && d->kind == PIXEL_INTEGER;
}

/* Samples that are no grey values and nothing that becomes RGB here. */
static bool is_other_colour(const struct pixel_desc *d)
{
	return d->samples == 4 || (d->samples == 3 && d->photometric == PHOTOMETRIC_HSV);
}

int frame_shape_of(const struct instance *in, enum frame_variant variant, struct frame_shape *out,
	struct err *err)
{
	const struct pixel_desc *d = &in->attr->pixel;
	int rc;

	if (!d->rows || !in->pixels_off)
		return err_set(err, -EBADMSG, "no pixel data");
	rc = pixel_desc_check(d, err);
	if (rc < 0)
		return rc;
	out->sample_bytes = pixel_sample_bytes(d);
	out->n_samples = d->samples;
	out->len = (size_t)pixel_decoded_bytes(d);
	if (variant == FRAME_VALUES &&
		(d->photometric == PHOTOMETRIC_PALETTE || is_deep_colour(d))) {
		out->sample_bytes = 1;
		out->n_samples = 3;
		out->len = (size_t)d->rows * d->cols * 3;
	}
	return 0;
}

int decoders_new(struct files *files, struct decoders **out, struct err *err)
{
	struct decoders *d = mem_calloc(1, sizeof *d);

	if (!d)
		return err_nomem(err);
	d->files = files;
	pthread_mutex_init(&d->lock, NULL);
	*out = d;
	return 0;
}

static void decoder_free(struct decoder *x)
{
	if (!x)
		return;
	dcm_frames_release(&x->frames);
	arena_release(&x->arena);
	mem_free(x);
}

void decoders_free(struct decoders *d)
{
	size_t i;

	if (!d)
		return;
	for (i = 0; i < DECODERS_KEPT; i++)
		decoder_free(d->kept[i]);
	pthread_mutex_destroy(&d->lock);
	mem_free(d);
}

/* A ramp for each stored value there is. */
static int grey_palette(struct decoder *x, struct err *err)
{
	unsigned bits = x->desc.bits_stored > 16 ? 16 : x->desc.bits_stored;
	uint32_t n = UINT32_C(1) << bits, i;
	uint16_t *ramp = arena_zalloc(&x->arena, n, sizeof *ramp);

	if (!ramp)
		return err_nomem(err);
	for (i = 0; i < n; i++)
		ramp[i] = (uint16_t)(bits > 8 ? i << (16 - bits) : i);
	x->palette = (struct palette){ .entries = { ramp, ramp, ramp },
		.n_entries = n,
		.first = x->desc.is_signed ? -(int32_t)(n / 2) : 0,
		.bits = bits > 8 ? 16 : 8 };
	x->has_palette = true;
	return 0;
}

/* A palette that is not there, or broken: indices are shown as grey. */
static int read_palette(struct decoders *d, const struct instance *in, struct decoder *x,
	struct err *err)
{
	struct err why = { 0 };
	struct dcm_header *h;
	int rc = files_header(d->files, in, DCM_LOAD_BEFORE_PIXELS, DCM_MAX_VALUE, &h, err);

	if (rc < 0)
		return rc;
	rc = dcm_palette_read(h, &x->arena, &x->palette, &why);
	dcm_header_free(h);
	x->has_palette = rc == 0;
	if (rc == -ENOENT || rc == -EBADMSG) {
		err_set(&x->note, 0, "PALETTE COLOR: %s: its indices are shown as grey", why.msg);
		return grey_palette(x, err);
	}
	if (rc < 0 && err)
		*err = why;
	return rc;
}

/* A transform of colours that no codec knows of has been undone by a decompressor, which has left the
 * term. And most codecs know of samples: wherever their bits were in a word, they begin at the lowest. */
static void as_the_codec_delivers(struct pixel_desc *d, const struct codec *codec)
{
	if (!(codec && codec->knows_colours) &&
		(d->photometric == PHOTOMETRIC_YBR_ICT || d->photometric == PHOTOMETRIC_YBR_RCT))
		d->photometric = PHOTOMETRIC_RGB;
	if (codec && !codec->keeps_words)
		d->high_bit = (uint16_t)(d->bits_stored - 1);
}

static int decoder_new(struct decoders *d, const struct instance *in, struct dcm_source *src,
	struct decoder **out, struct err *err)
{
	struct decoder *x = mem_calloc(1, sizeof *x);
	const char *syntax = in->attr->transfer_syntax;
	int rc;

	if (!x)
		return err_nomem(err);
	x->instance_id = in->id;
	x->refs = 1;
	x->desc = in->attr->pixel;
	x->codec = in->compressed ? codec_find(syntax ? syntax : "") : NULL;
	as_the_codec_delivers(&x->desc, x->codec);
	if (in->compressed && !x->codec)
		rc = err_set(err, -ENOTSUP, "no decoder for transfer syntax %s",
			syntax ? syntax : "(none)");
	else
		rc = dcm_frames_read(src, in->pixels_off, in->pixels_len, &x->desc, in->n_frames,
			x->codec, &x->frames, err);
	if (rc == 0 && x->desc.photometric == PHOTOMETRIC_PALETTE)
		rc = read_palette(d, in, x, err);
	if (rc < 0) {
		decoder_free(x);
		return rc;
	}
	*out = x;
	return 0;
}

/* Is it worth keeping? One native frame is found by arithmetic. */
static bool worth_keeping(const struct decoder *x)
{
	return x->has_palette || (x->frames.encapsulated && x->frames.n_frames > 1);
}

static struct decoder *find_kept(struct decoders *d, uint32_t id)
{
	struct decoder *x = NULL;
	size_t i;

	pthread_mutex_lock(&d->lock);
	for (i = 0; i < DECODERS_KEPT && !x; i++)
		if (d->kept[i] && d->kept[i]->instance_id == id)
			x = d->kept[i];
	if (x) {
		x->refs++;
		x->last_use = ++d->clock;
	}
	pthread_mutex_unlock(&d->lock);
	return x;
}

/* Where a decoder of this instance is, or would go: a free place, else that of the longest unused. */
static size_t place_of(const struct decoders *d, uint32_t id)
{
	size_t i, at = 0;

	for (i = 0; i < DECODERS_KEPT; i++) {
		if (d->kept[i] && d->kept[i]->instance_id == id)
			return i;
		if (d->kept[at] && (!d->kept[i] || d->kept[i]->last_use < d->kept[at]->last_use))
			at = i;
	}
	return at;
}

static void keep(struct decoders *d, struct decoder *x)
{
	struct decoder *old;
	size_t at;

	pthread_mutex_lock(&d->lock);
	at = place_of(d, x->instance_id);
	old = d->kept[at];
	if (old && old->instance_id == x->instance_id) {
		old = NULL; /* a twin was faster: it stays */
	} else {
		d->kept[at] = x;
		x->refs++;
		x->last_use = ++d->clock;
	}
	if (old && --old->refs > 0)
		old = NULL;
	pthread_mutex_unlock(&d->lock);
	decoder_free(old);
}

static void put(struct decoders *d, struct decoder *x)
{
	bool last;

	pthread_mutex_lock(&d->lock);
	last = --x->refs == 0;
	pthread_mutex_unlock(&d->lock);
	if (last)
		decoder_free(x);
}

/* The 8 upper bits of each stored sample. */
static void upper_bits(const struct pixel_desc *d, const uint8_t *words, size_t n, uint8_t *out)
{
	unsigned width = pixel_sample_bytes(d),
		 shift = d->bits_stored > 8 ? d->bits_stored - 8u : 0;
	size_t i;

	for (i = 0; i < n; i++)
		out[i] = (uint8_t)((width == 2                ? get_le16(words + 2 * i) :
						   width == 4 ? get_le32(words + 4 * i) :
								get_le64(words + 8 * i)) >>
			shift);
}

/* A codec's samples have the bits that its stream says; whoever wrote fewer into the header meant
 * those, or was wrong. */
static void tell_excess(const struct decoder *x, const uint8_t *words, struct err *err)
{
	size_t n = (size_t)x->desc.rows * x->desc.cols * x->desc.samples;

	if (x->codec && !x->codec->keeps_words && pixel_exceeds(&x->desc, words, n))
		err_set(err, 0,
			"samples have more bits than the %u stored: those above are cut off",
			x->desc.bits_stored);
}

/* Samples as decoded to values: masked, in RGB. */
static void to_values(const struct decoder *x, enum photometric photometric, uint8_t *words,
	uint8_t *out)
{
	size_t n = (size_t)x->desc.rows * x->desc.cols;
	struct pixel_desc now = x->desc;

	now.photometric = photometric;
	pixel_mask(&x->desc, words, n * x->desc.samples);
	if (photometric_is_ybr(photometric) && x->desc.samples == 3)
		pixel_ybr_to_rgb(&now, words, n);
	if (x->has_palette)
		pixel_palette_to_rgb(&x->desc, &x->palette, words, n, out);
	else if (is_deep_colour(&x->desc))
		upper_bits(&x->desc, words, n * 3, out);
}

static int decode(struct dcm_source *src, struct decoder *x, uint32_t frame,
	enum frame_variant variant, uint8_t *out, size_t len, struct err *err)
{
	size_t stored = (size_t)pixel_decoded_bytes(&x->desc);
	bool expand = variant == FRAME_VALUES && (x->has_palette || is_deep_colour(&x->desc));
	enum photometric photometric = x->desc.photometric;
	struct pixel_desc now = x->desc;
	uint8_t *words = out;
	int rc;

	if (variant == FRAME_VALUES && is_other_colour(&x->desc))
		return err_set(err, -ENOTSUP, "%u samples a pixel, photometric interpretation %s",
			x->desc.samples, photometric_name(photometric));
	if (!expand && len != stored)
		return err_set(err, -EIO, "frame of %zu bytes where %zu were planned", stored, len);
	if (expand)
		words = mem_alloc(stored);
	if (!words)
		return err_nomem(err);
	rc = dcm_frame_decode(src, &x->frames, &x->desc, x->codec, frame, words, stored,
		&photometric, err);
	now.photometric = photometric;
	if (rc == 0 && variant == FRAME_VALUES) {
		tell_excess(x, words, err);
		to_values(x, photometric, words, out);
	} else if (rc == 0) {
		pixel_to_stored(&now, pixel_stored_photometric(&x->desc), words,
			(size_t)now.rows * now.cols);
	}
	if (words != out)
		mem_free(words);
	return rc;
}

int decoders_read(struct decoders *d, const struct instance *in, uint32_t frame,
	enum frame_variant variant, uint8_t *out, size_t len, struct err *err)
{
	struct decoder *x = find_kept(d, in->id);
	struct dcm_source *src = NULL;
	int rc = files_get(d->files, in, &src, err);

	if (rc == 0 && !x) {
		rc = decoder_new(d, in, src, &x, err);
		if (rc == 0 && worth_keeping(x))
			keep(d, x);
	}
	if (rc == 0) {
		rc = decode(src, x, frame, variant, out, len, err);
		if (rc < 0)
			err_wrap(err, "frame %u", frame + 1);
		else if (x->frames.surplus || x->note.msg[0])
			err_set(err, 0, "%s", x->note.msg[0] ? x->note.msg : x->frames.problem);
	}
	if (x)
		put(d, x);
	if (src)
		files_put(d->files, in, src);
	return rc;
}
