/* SPDX-License-Identifier: MIT */
/* JPEG encoders for tests: see enc_jpeg.h. */
#include "support/enc_jpeg.h"

#include <stdlib.h>
#include <string.h>

enum {
	SOF0 = 0xc0,
	SOF1,
	SOF2,
	SOF3,
	DHT = 0xc4,
	RST0 = 0xd0,
	SOI = 0xd8,
	EOI,
	SOS,
	DQT,
	DRI = 0xdd
};

static void put_marker(struct buf *out, uint8_t marker)
{
	buf_addc(out, (char)0xff);
	buf_addc(out, (char)marker);
}

static void put_byte(struct buf *out, unsigned v)
{
	buf_addc(out, (char)v);
}

/* ---- bits ---- */

struct bit_writer {
	struct buf *out;
	uint32_t acc;
	unsigned n;
};

static void put_bits(struct bit_writer *w, unsigned v, unsigned n)
{
	while (n-- > 0) {
		w->acc = w->acc << 1 | (v >> n & 1);
		if (++w->n == 8) {
			put_byte(w->out, w->acc & 0xff);
			if ((w->acc & 0xff) == 0xff)
				put_byte(w->out, 0);
			w->n = 0;
		}
	}
}

/* Ones to the byte's end. */
static void flush_bits(struct bit_writer *w)
{
	while (w->n > 0)
		put_bits(w, 1, 1);
}

static unsigned category(int v)
{
	unsigned n = 0, size = (unsigned)abs(v);

	for (; size > 0; size >>= 1)
		n++;
	return n;
}

static void put_value(struct bit_writer *w, int v, unsigned size)
{
	put_bits(w, (unsigned)(v < 0 ? v - 1 : v) & ((1u << size) - 1), size);
}

/* ---- Huffman tables ---- */

/* Symbol i is code i of `bits` bits; or, with bits 0, code i has i + 1 bits: 0, 10, 110, ... */
struct table {
	unsigned bits;
	unsigned n;
	uint8_t symbols[256];
};

static void put_table(struct buf *out, const struct table *t, unsigned class_and_id)
{
	unsigned i;

	put_marker(out, DHT);
	buf_add_be16(out, (uint16_t)(19 + t->n));
	put_byte(out, class_and_id);
	for (i = 1; i <= 16; i++)
		put_byte(out, t->bits == i ? t->n : t->bits == 0 && i <= t->n ? 1 : 0);
	buf_add(out, t->symbols, t->n);
}

static void put_symbol(struct bit_writer *w, const struct table *t, unsigned symbol)
{
	unsigned i = 0;

	while (i < t->n && t->symbols[i] != symbol)
		i++;
	if (i == t->n)
		abort();
	if (t->bits)
		put_bits(w, i, t->bits);
	else
		put_bits(w, (1u << (i + 1)) - 2, i + 1);
}

static void put_frame(struct buf *out, unsigned sof, unsigned precision, unsigned rows,
	unsigned cols, unsigned samples, unsigned h, unsigned v)
{
	unsigned c;

	put_marker(out, (uint8_t)sof);
	buf_add_be16(out, (uint16_t)(8 + 3 * samples));
	put_byte(out, precision);
	buf_add_be16(out, (uint16_t)rows);
	buf_add_be16(out, (uint16_t)cols);
	put_byte(out, samples);
	for (c = 0; c < samples; c++) {
		put_byte(out, c + 1);
		put_byte(out, c == 0 ? h << 4 | v : 0x11);
		put_byte(out, 0);
	}
}

static void put_scan(struct buf *out, unsigned first, unsigned n, unsigned ss, unsigned se,
	unsigned ah, unsigned al)
{
	unsigned c;

	put_marker(out, SOS);
	buf_add_be16(out, (uint16_t)(6 + 2 * n));
	put_byte(out, n);
	for (c = 0; c < n; c++) {
		put_byte(out, first + c + 1);
		put_byte(out, 0);
	}
	put_byte(out, ss);
	put_byte(out, se);
	put_byte(out, ah << 4 | al);
}

static void put_restart_interval(struct buf *out, unsigned mcus)
{
	if (mcus == 0)
		return;
	put_marker(out, DRI);
	buf_add_be16(out, 4);
	buf_add_be16(out, (uint16_t)mcus);
}

/* ---- lossless ---- */

static int sample_at(const struct enc_lossless *e, const uint16_t *s, unsigned y, unsigned x,
	unsigned c)
{
	return s[(y * e->cols + x) * e->samples + c] >> e->point_transform;
}

/* T.81 table H.1 and H.1.2.1. */
static int predict(const struct enc_lossless *e, const uint16_t *s, unsigned y, unsigned x,
	unsigned c)
{
	bool top = y == 0 || (e->restart_rows && y % e->restart_rows == 0);
	int a, b, d;

	if (top && x == 0)
		return 1 << (e->precision - e->point_transform - 1);
	if (top)
		return sample_at(e, s, y, x - 1, c);
	if (x == 0)
		return sample_at(e, s, y - 1, x, c);
	a = sample_at(e, s, y, x - 1, c);
	b = sample_at(e, s, y - 1, x, c);
	d = sample_at(e, s, y - 1, x - 1, c);
	switch (e->predictor) {
	case 1:
		return a;
	case 2:
		return b;
	case 3:
		return d;
	case 4:
		return a + b - d;
	case 5:
		return a + ((b - d) >> 1);
	case 6:
		return b + ((a - d) >> 1);
	default:
		return (a + b) >> 1;
	}
}

static void put_difference(struct bit_writer *w, const struct table *t, int difference)
{
	int v = (int16_t)difference; /* modulo 2^16 */

	if (v == INT16_MIN) {
		put_symbol(w, t, 16);
		return;
	}
	put_symbol(w, t, category(v));
	put_value(w, v, category(v));
}

static void put_lossless_scan(const struct enc_lossless *e, const struct table *t,
	const uint16_t *s, unsigned first, unsigned n, struct buf *out)
{
	struct bit_writer w = { .out = out };
	unsigned y, x, c;

	put_scan(out, first, n, e->predictor, 0, 0, e->point_transform);
	for (y = 0; y < e->rows; y++) {
		if (e->restart_rows && y && y % e->restart_rows == 0) {
			flush_bits(&w);
			put_marker(out, (uint8_t)(RST0 + (y / e->restart_rows - 1) % 8));
		}
		for (x = 0; x < e->cols; x++)
			for (c = first; c < first + n; c++)
				put_difference(&w, t,
					sample_at(e, s, y, x, c) - predict(e, s, y, x, c));
	}
	flush_bits(&w);
}

void enc_lossless(const struct enc_lossless *e, const uint16_t *samples, struct buf *out)
{
	struct table t = { e->long_codes ? 0 : 5, e->long_codes ? 16 : 17, { 0 } };
	unsigned c;

	for (c = 0; c < t.n; c++)
		t.symbols[c] = (uint8_t)(e->long_codes ? 15 - c : c);
	put_marker(out, SOI);
	put_frame(out, SOF3, e->precision, e->rows, e->cols, e->samples, 1, 1);
	put_table(out, &t, 0);
	put_restart_interval(out, e->restart_rows * e->cols);
	if (e->scan_each)
		for (c = 0; c < e->samples; c++)
			put_lossless_scan(e, &t, samples, c, 1, out);
	else
		put_lossless_scan(e, &t, samples, 0, e->samples, out);
	put_marker(out, EOI);
}

/* ---- DCT processes ---- */

struct dct_scan {
	const struct enc_dct *e;
	int16_t *const *coefs;
	struct bit_writer w;
	struct table dc, ac;
	unsigned ss, se, ah, al;
	int last_dc[4];
	unsigned eob_run;
};

static unsigned n_of(unsigned size, unsigned step)
{
	return (size + step - 1) / step;
}

static unsigned factor(const struct enc_dct *e, unsigned c, bool across)
{
	return c > 0 ? 1 : across ? e->h : e->v;
}

static unsigned blocks_across(const struct enc_dct *e, unsigned c)
{
	return n_of(e->cols, 8 * e->h) * factor(e, c, true);
}

unsigned enc_dct_blocks(const struct enc_dct *e, unsigned c)
{
	return blocks_across(e, c) * n_of(e->rows, 8 * e->v) * factor(e, c, false);
}

static void put_eob_run(struct dct_scan *s)
{
	unsigned bits = category((int)s->eob_run) - 1;

	if (s->eob_run == 0)
		return;
	put_symbol(&s->w, &s->ac, bits << 4);
	put_bits(&s->w, s->eob_run & ((1u << bits) - 1), bits);
	s->eob_run = 0;
}

static int scaled(int v, unsigned al)
{
	return v < 0 ? -(-v >> al) : v >> al;
}

static void put_dc(struct dct_scan *s, unsigned c, int coef)
{
	int v = coef >> s->al, difference = v - s->last_dc[c];

	put_symbol(&s->w, &s->dc, category(difference));
	put_value(&s->w, difference, category(difference));
	s->last_dc[c] = v;
}

/* The band's values; what is zero to its end joins the run of such blocks. */
static void put_ac(struct dct_scan *s, const int16_t *coef, unsigned first)
{
	unsigned k, run = 0;
	int v;

	for (k = first; k <= s->se; k++) {
		v = scaled(coef[k], s->al);
		if (v == 0) {
			run++;
			continue;
		}
		put_eob_run(s);
		for (; run > 15; run -= 16)
			put_symbol(&s->w, &s->ac, 0xf0);
		put_symbol(&s->w, &s->ac, run << 4 | category(v));
		put_value(&s->w, v, category(v));
		run = 0;
	}
	if (run > 0)
		s->eob_run++;
	if (!s->e->progressive)
		put_eob_run(s);
}

/* The next bit of known values, and values that begin with it (T.81 figure G.7, with runs of one
 * block). */
static void put_ac_refinement(struct dct_scan *s, const int16_t *coef)
{
	unsigned k, run = 0, last_new = 0, n = 0, i;
	uint8_t bits[64];
	int v;

	for (k = s->ss; k <= s->se; k++)
		if (abs(scaled(coef[k], s->al)) == 1)
			last_new = k;
	for (k = s->ss; k <= s->se; k++) {
		v = scaled(coef[k], s->al);
		if (v == 0) {
			run++;
			continue;
		}
		for (; run > 15 && k <= last_new; run -= 16) {
			put_symbol(&s->w, &s->ac, 0xf0);
			for (i = 0; i < n; i++)
				put_bits(&s->w, bits[i], 1);
			n = 0;
		}
		if (abs(v) > 1) {
			bits[n++] = abs(v) & 1;
			continue;
		}
		put_symbol(&s->w, &s->ac, run << 4 | 1);
		put_bits(&s->w, v > 0, 1);
		for (i = 0; i < n; i++)
			put_bits(&s->w, bits[i], 1);
		n = run = 0;
	}
	if (run > 0 || n > 0) {
		put_symbol(&s->w, &s->ac, 0);
		for (i = 0; i < n; i++)
			put_bits(&s->w, bits[i], 1);
	}
}

static void put_block(struct dct_scan *s, unsigned c, const int16_t *coef)
{
	if (s->ss == 0 && s->ah == 0)
		put_dc(s, c, coef[0]);
	else if (s->ss == 0)
		put_bits(&s->w, (unsigned)(coef[0] >> s->al) & 1, 1);
	if (s->se == 0)
		return;
	if (s->ah)
		put_ac_refinement(s, coef);
	else
		put_ac(s, coef, s->ss ? s->ss : 1);
}

static void restart(struct dct_scan *s, unsigned mcu)
{
	unsigned step = s->e->restart_mcus;

	if (step == 0 || mcu == 0 || mcu % step)
		return;
	put_eob_run(s);
	flush_bits(&s->w);
	put_marker(s->w.out, (uint8_t)(RST0 + (mcu / step - 1) % 8));
	memset(s->last_dc, 0, sizeof s->last_dc);
}

/* Components in MCUs. */
static void put_interleaved(struct dct_scan *s)
{
	const struct enc_dct *e = s->e;
	unsigned across = n_of(e->cols, 8 * e->h), n = across * n_of(e->rows, 8 * e->v), m, c, y, x,
		 b;

	for (m = 0; m < n; m++) {
		restart(s, m);
		for (c = 0; c < e->samples; c++) {
			for (y = 0; y < factor(e, c, false); y++) {
				for (x = 0; x < factor(e, c, true); x++) {
					b = (m / across * factor(e, c, false) + y) *
							blocks_across(e, c) +
						m % across * factor(e, c, true) + x;
					put_block(s, c, s->coefs[c] + b * 64);
				}
			}
		}
	}
}

/* One component: the blocks that have pixels. */
static void put_alone(struct dct_scan *s, unsigned c)
{
	const struct enc_dct *e = s->e;
	unsigned across = n_of(n_of(e->cols * factor(e, c, true), e->h), 8);
	unsigned down = n_of(n_of(e->rows * factor(e, c, false), e->v), 8), m;

	for (m = 0; m < across * down; m++) {
		restart(s, m);
		put_block(s, c, s->coefs[c] + (m / across * blocks_across(e, c) + m % across) * 64);
	}
}

static void put_dct_scan(const struct enc_dct *e, int16_t *const *coefs, unsigned first, unsigned n,
	const unsigned *band, struct buf *out)
{
	struct dct_scan s = { .e = e,
		.coefs = coefs,
		.w = { .out = out },
		.ss = band[0],
		.se = band[1],
		.ah = band[2],
		.al = band[3] };
	unsigned i;

	s.dc = (struct table){ 5, 16, { 0 } };
	for (i = 0; i < 16; i++)
		s.dc.symbols[i] = (uint8_t)i;
	s.ac = (struct table){ 8, 255, { 0 } };
	for (i = 0; i < 255; i++)
		s.ac.symbols[i] = (uint8_t)i;
	put_table(out, &s.dc, 0);
	put_table(out, &s.ac, 0x10);
	put_scan(out, first, n, s.ss, s.se, s.ah, s.al);
	if (n > 1)
		put_interleaved(&s);
	else
		put_alone(&s, first);
	put_eob_run(&s);
	flush_bits(&s.w);
}

void enc_dct(const struct enc_dct *e, int16_t *const *coefs, struct buf *out)
{
	static const unsigned whole[4] = { 0, 63, 0, 0 };
	static const unsigned dc[2][4] = { { 0, 0, 0, 1 }, { 0, 0, 1, 0 } };
	static const unsigned ac[4][4] = {
		{ 1, 5, 0, 2 },
		{ 6, 63, 0, 2 },
		{ 1, 63, 2, 1 },
		{ 1, 63, 1, 0 },
	};
	unsigned i, c;

	put_marker(out, SOI);
	put_marker(out, DQT);
	buf_add_be16(out, 131);
	put_byte(out, 0x10);
	for (i = 0; i < 64; i++)
		buf_add_be16(out, e->quant);
	put_frame(out, e->progressive ? SOF2 : SOF1, e->precision, e->rows, e->cols, e->samples,
		e->h, e->v);
	put_restart_interval(out, e->restart_mcus);
	if (!e->progressive)
		put_dct_scan(e, coefs, 0, e->samples, whole, out);
	for (i = 0; e->progressive && i < 2; i++)
		put_dct_scan(e, coefs, 0, e->samples, dc[i], out);
	for (c = 0; e->progressive && c < e->samples; c++)
		for (i = 0; i < 4; i++)
			put_dct_scan(e, coefs, c, 1, ac[i], out);
	put_marker(out, EOI);
}
