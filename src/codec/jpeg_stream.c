/* SPDX-License-Identifier: MIT */
/* Marker segments of JPEG streams: see jpeg_stream.h. */
#include "jpeg_stream.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"

enum {
	DHT = 0xc4,
	JPG = 0xc8,
	DAC = 0xcc,
	RST0 = 0xd0,
	RST7 = 0xd7,
	SOI = 0xd8,
	EOI = 0xd9,
	SOS = 0xda,
	DQT = 0xdb,
	DRI = 0xdd,
	DHP = 0xde,
	APP8 = 0xe8,
	LSE = 0xf8,
	TEM = 0x01,
};

struct segment {
	uint8_t marker;
	const uint8_t *p, *end; /* without the length word */
};

static int broken(struct err *err, const char *what)
{
	return err_set(err, -EBADMSG, "JPEG stream: %s", what);
}

int jpeg_stream_init(struct jpeg_stream *s, const uint8_t *in, size_t in_len, struct err *err)
{
	memset(s, 0, sizeof *s);
	s->p = in;
	s->end = in + in_len;
	if (in_len < 4 || in[0] != 0xff || in[1] != SOI)
		return broken(err, "it does not begin with SOI");
	s->p += 2;
	return 0;
}

static bool stands_alone(uint8_t marker)
{
	return marker == TEM || (marker >= RST0 && marker <= EOI);
}

static bool is_frame_header(uint8_t marker)
{
	return marker == JPEG_SOF55 ||
		(marker >= JPEG_SOF0 && marker <= 0xcf && marker != DHT && marker != JPG &&
			marker != DAC);
}

/* The next marker, whatever is before it, and its segment. */
static int read_segment(struct jpeg_stream *s, struct segment *seg, struct err *err)
{
	size_t len;

	do {
		s->p = memchr(s->p, 0xff, (size_t)(s->end - s->p));
		if (!s->p)
			s->p = s->end;
		while (s->p < s->end && *s->p == 0xff)
			s->p++;
		if (s->p == s->end)
			return broken(err, "it ends without EOI");
		seg->marker = *s->p++;
	} while (seg->marker == 0);
	seg->p = seg->end = s->p;
	if (stands_alone(seg->marker))
		return 0;
	len = s->end - s->p < 2 ? 0 : get_be16(s->p);
	if (len < 2 || len > (size_t)(s->end - s->p))
		return broken(err, "a segment is longer than the stream");
	seg->p = s->p + 2;
	seg->end = s->p = s->p + len;
	return 0;
}

static int read_sof(struct jpeg_stream *s, const struct segment *seg, struct err *err)
{
	struct jpeg_frame *f = &s->frame;
	const uint8_t *p = seg->p;
	unsigned i;

	if (f->sof)
		return err_set(err, -ENOTSUP, "JPEG stream: more than one frame header");
	if (seg->end - p < 6 || seg->end - p < 6 + 3 * p[5])
		return broken(err, "its frame header is short");
	f->precision = p[0];
	f->lines = get_be16(p + 1);
	f->cols = get_be16(p + 3);
	f->n_comps = p[5];
	if (f->n_comps < 1 || f->n_comps > JPEG_MAX_COMPONENTS)
		return err_set(err, -ENOTSUP, "JPEG stream of %u components", f->n_comps);
	for (i = 0, p += 6; i < f->n_comps; i++, p += 3) {
		f->comp[i] = (struct jpeg_component){ p[0], p[1] >> 4, p[1] & 15, p[2] };
		if (f->comp[i].h < 1 || f->comp[i].h > 4 || f->comp[i].v < 1 || f->comp[i].v > 4 ||
			f->comp[i].tq > 3)
			return broken(err, "a component's sampling or table is out of range");
	}
	f->sof = seg->marker;
	return 0;
}

/* Are there at most as many codes of each length as fit? A stream that says otherwise could
 * make a table overflow. */
static bool fits(const uint8_t *counts)
{
	unsigned code = 0, len;

	for (len = 1; len <= 16; len++) {
		code = (code << 1) + counts[len];
		if (code > 1u << len)
			return false;
	}
	return true;
}

static int read_dht(struct jpeg_stream *s, const struct segment *seg, struct err *err)
{
	const uint8_t *p = seg->p;
	struct jpeg_huff_spec *t;
	unsigned i, n;

	while (p < seg->end) {
		if (seg->end - p < 17 || (p[0] & 0xe0) || (p[0] & 15) > 3)
			return broken(err, "a Huffman table is broken");
		t = (p[0] >> 4 ? s->ac : s->dc) + (p[0] & 3);
		memcpy(t->counts, p, 17);
		t->counts[0] = 0;
		for (i = 1, n = 0; i <= 16; i++)
			n += t->counts[i];
		t->n_symbols = 0;
		p += 17;
		if (n > 256 || n > seg->end - p || !fits(t->counts))
			return broken(err, "a Huffman table is broken");
		memcpy(t->symbols, p, n);
		t->n_symbols = n;
		p += n;
	}
	return 0;
}

static int read_dqt(struct jpeg_stream *s, const struct segment *seg, struct err *err)
{
	const uint8_t *p = seg->p;
	unsigned i, width, id;

	while (p < seg->end) {
		width = p[0] >> 4 ? 2 : 1;
		id = p[0] & 15;
		p++;
		if (id > 3 || seg->end - p < 64 * (ptrdiff_t)width)
			return broken(err, "a quantisation table is broken");
		for (i = 0; i < 64; i++, p += width)
			s->quant[id][i] = width == 2 ? get_be16(p) : p[0];
		s->has_quant[id] = true;
	}
	return 0;
}

static int find_component(const struct jpeg_frame *f, uint8_t id, unsigned *place)
{
	unsigned i;

	for (i = 0; i < f->n_comps; i++) {
		if (f->comp[i].id == id) {
			*place = i;
			return 0;
		}
	}
	return -1;
}

static int read_sos(struct jpeg_stream *s, const struct segment *seg, struct err *err)
{
	struct jpeg_scan *scan = &s->scan;
	const uint8_t *p = seg->p;
	unsigned i, seen = 0;

	if (!s->frame.sof)
		return broken(err, "a scan before the frame header");
	scan->n_comps = p < seg->end ? *p++ : 0;
	if (scan->n_comps < 1 || scan->n_comps > s->frame.n_comps ||
		seg->end - p < 2 * (ptrdiff_t)scan->n_comps + 3)
		return broken(err, "a scan header is broken");
	for (i = 0; i < scan->n_comps; i++, p += 2) {
		if (find_component(&s->frame, p[0], &scan->comp[i]) || seen & 1u << scan->comp[i])
			return broken(err, "a scan header names no component, or one twice");
		seen |= 1u << scan->comp[i];
		scan->dc[i] = p[1] >> 4;
		scan->ac[i] = p[1] & 15;
		if (scan->dc[i] > 3 || scan->ac[i] > 3)
			return broken(err, "a scan header names a table above 3");
	}
	scan->ss = p[0];
	scan->se = p[1];
	scan->ah = p[2] >> 4;
	scan->al = p[2] & 15;
	return 0;
}

/* T.87 C.2.4.1. Mapping tables do not matter: scans that use them are refused. */
static int read_lse(struct jpeg_stream *s, const struct segment *seg, struct err *err)
{
	const uint8_t *p = seg->p;

	if (p == seg->end || p[0] != 1)
		return 0;
	if (seg->end - p < 11)
		return broken(err, "preset parameters are short");
	s->preset = (struct jpeg_ls_preset){ get_be16(p + 1), get_be16(p + 3), get_be16(p + 5),
		get_be16(p + 7), get_be16(p + 9) };
	return 0;
}

/* Two bytes; four where JPEG-LS has them. */
static int read_dri(struct jpeg_stream *s, const struct segment *seg, struct err *err)
{
	const uint8_t *p = seg->p;

	if (seg->end - p < 2)
		return broken(err, "a restart interval is short");
	s->restart_interval = seg->end - p < 4 ? get_be16(p) : get_be32(p);
	return 0;
}

static int take_segment(struct jpeg_stream *s, const struct segment *seg, struct err *err)
{
	if (is_frame_header(seg->marker))
		return read_sof(s, seg, err);
	switch (seg->marker) {
	case DHT:
		return read_dht(s, seg, err);
	case DQT:
		return read_dqt(s, seg, err);
	case DRI:
		return read_dri(s, seg, err);
	case LSE:
		return read_lse(s, seg, err);
	case APP8:
		if (seg->end - seg->p >= 5 && memcmp(seg->p, "mrfx", 4) == 0)
			s->ls_colour_transform = seg->p[4];
		return 0;
	case DHP:
		return err_set(err, -ENOTSUP, "JPEG stream: hierarchical");
	case SOS:
		return read_sos(s, seg, err);
	}
	return 0;
}

int jpeg_read_frame(struct jpeg_stream *s, struct err *err)
{
	struct segment seg;
	int rc;

	while (!s->frame.sof) {
		rc = read_segment(s, &seg, err);
		if (rc == 0 && seg.marker == EOI)
			rc = broken(err, "it has no frame header");
		if (rc == 0)
			rc = take_segment(s, &seg, err);
		if (rc)
			return rc;
	}
	return 0;
}

int jpeg_read_scan(struct jpeg_stream *s, struct err *err)
{
	struct segment seg;
	int rc;

	do {
		rc = read_segment(s, &seg, err);
		if (rc == 0 && seg.marker != EOI)
			rc = take_segment(s, &seg, err);
		if (rc)
			return rc;
	} while (seg.marker != SOS && seg.marker != EOI);
	return seg.marker == SOS;
}

int jpeg_each_scan(struct jpeg_stream *s, jpeg_scan_fn *decode, void *decoder, uint8_t *out,
	struct err *err)
{
	unsigned all = (1u << s->frame.n_comps) - 1, done = 0, i;
	int rc;

	while (done != all) {
		rc = jpeg_read_scan(s, err);
		if (rc == 0)
			rc = broken(err, "a component has no scan");
		if (rc < 0)
			return rc;
		for (i = 0; i < s->scan.n_comps; i++) {
			if (done & 1u << s->scan.comp[i])
				return broken(err, "a component has two scans");
			done |= 1u << s->scan.comp[i];
		}
		rc = decode(decoder, out, err);
		if (rc)
			return rc;
	}
	return 0;
}

size_t jpeg_read_entropy(struct jpeg_stream *s, uint8_t *out, size_t cap)
{
	const uint8_t *p = s->p, *stop;
	size_t len = 0, n;

	for (;;) {
		stop = memchr(p, 0xff, (size_t)(s->end - p));
		if (!stop)
			stop = s->end;
		n = min_size((size_t)(stop - p), cap - len);
		memcpy(out + len, p, n);
		len += n;
		p = stop;
		if (s->end - p < 2 || p[1] != 0)
			break;
		if (len < cap)
			out[len++] = 0xff;
		p += 2;
	}
	s->p = p;
	memset(out + len, 0, JPEG_ENTROPY_PAD);
	return len;
}

/* Bits on their way from bytes with stuffing to bytes without. */
struct bit_copy {
	uint8_t *out, *end;
	unsigned acc;
	unsigned n; /* bits of acc that are not out yet, 0..7 */
};

static inline void copy_bits(struct bit_copy *c, unsigned v, unsigned bits)
{
	c->acc = c->acc << bits | v;
	c->n += bits;
	if (c->n >= 8 && c->out < c->end) {
		c->n -= 8;
		*c->out++ = (uint8_t)(c->acc >> c->n);
	}
}

/* Behind a byte of ones only seven bits count; if the eighth is one too, it is a marker. */
size_t jpeg_read_ls_entropy(struct jpeg_stream *s, uint8_t *out, size_t cap)
{
	struct bit_copy c = { out, out + cap, 0, 0 };
	const uint8_t *p = s->p, *stop;

	for (;;) {
		stop = memchr(p, 0xff, (size_t)(s->end - p));
		for (stop = stop ? stop : s->end; p < stop && c.out < c.end; p++)
			copy_bits(&c, *p, 8);
		p = stop;
		if (s->end - p < 2 || p[1] >= 0x80)
			break;
		copy_bits(&c, 0xff, 8);
		copy_bits(&c, p[1], 7);
		p += 2;
	}
	s->p = p;
	if (c.n > 0 && c.out < c.end)
		*c.out++ = (uint8_t)(c.acc << (8 - c.n));
	memset(c.out, 0, JPEG_ENTROPY_PAD);
	return (size_t)(c.out - out);
}

int jpeg_read_restart(struct jpeg_stream *s, unsigned number, struct err *err)
{
	while (s->end - s->p >= 2 && s->p[0] == 0xff && s->p[1] == 0xff)
		s->p++;
	if (s->end - s->p < 2 || s->p[0] != 0xff || s->p[1] != RST0 + number % 8)
		return broken(err, "a restart marker is missing");
	s->p += 2;
	return 0;
}

int jpeg_check_frame(struct jpeg_frame *f, const struct pixel_desc *desc, struct err *err)
{
	if (f->lines == 0)
		f->lines = (uint16_t)desc->rows;
	if (f->lines != desc->rows || f->cols != desc->cols || f->n_comps != desc->samples)
		return err_set(err, -EBADMSG,
			"JPEG frame of %ux%u, %u samples, where the header "
			"has %ux%u, %u",
			f->cols, f->lines, f->n_comps, desc->cols, desc->rows, desc->samples);
	if (f->precision < 2 || f->precision > 16 || f->precision > 8 * pixel_sample_bytes(desc))
		return err_set(err, -EBADMSG, "JPEG frame of %u bits where %u are allocated",
			f->precision, desc->bits_allocated);
	return 0;
}

/* Sequential and progressive, Huffman-coded or arithmetic: what libjpeg does. */
static bool is_dct(uint8_t sof)
{
	return sof <= JPEG_SOF2 || sof == JPEG_SOF9 || sof == JPEG_SOF10;
}

int jpeg_decode_any(const struct pixel_desc *desc, const uint8_t *in, size_t in_len, uint8_t *out,
	size_t out_len, enum photometric *photometric, struct err *err)
{
	struct jpeg_stream s;
	int rc;

	(void)out_len;
	rc = jpeg_stream_init(&s, in, in_len, err);
	if (rc == 0)
		rc = jpeg_read_frame(&s, err);
	if (rc == 0)
		rc = jpeg_check_frame(&s.frame, desc, err);
	if (rc)
		return rc;
	if (s.frame.sof == JPEG_SOF3)
		return jpeg_lossless_decode(desc, &s, out, err);
	if (s.frame.sof == JPEG_SOF55)
		return jpegls_decode(desc, &s, out, err);
	if (s.frame.precision == 8 && is_dct(s.frame.sof))
		return jpeg8_decode(desc, in, in_len, out, photometric, err);
	return jpeg12_decode(desc, &s, out, photometric, err);
}
