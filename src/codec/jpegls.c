/* SPDX-License-Identifier: MIT */
/*
 * JPEG-LS, lossless and near-lossless: ITU-T T.87 (ISO/IEC 14495-1). 2 to 16 bits, components
 * in scans of their own or interleaved by line or by sample, preset parameters, restart markers.
 *
 * A sample is predicted from its neighbours a (left), b (above), c (above left) and d (above
 * right); three differences of these choose one of 365 contexts, which learn how to correct the
 * prediction and how the error is coded. Where all differences are nought, runs are coded.
 *
 * Two of the three differences are between samples of the line above: they are quantised for a
 * whole line at once, before the line is decoded. Section numbers are T.87's.
 */
#include "codec/codec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "jpeg_bits.h"
#include "jpeg_stream.h"

enum {
	N_CONTEXTS = 365,
	MAX_SAMPLE_BYTES = 10, /* of entropy-coded data: 64 bits of code, 16 of a run */
	MAX_RESET = 4096,      /* the standard has no such bound; sums would overflow */
	MIN_BIAS = -128,
	MAX_BIAS = 127,
};

enum interleave { BY_PLANE, BY_LINE, BY_SAMPLE };

/* What a context knows, A.2.1: sums of errors, without and with sign; the correction; how many. */
struct context {
	int32_t a, b, c, n;
};

struct run_context {
	int32_t a, n, n_negative;
};

/* Of one scan, A.2 and C.2.4.1.1. */
struct parameters {
	int32_t max, near, t1, t2, t3, reset;
	int32_t range;
	unsigned bits;  /* of a mapped error: log2 of the range, up */
	unsigned limit; /* of a code's bits */
};

struct decoder {
	struct jpeg_stream *s;
	struct parameters p;
	struct jpeg_bits bits;
	bool broken;
	unsigned run_index[JPEG_MAX_COMPONENTS];
	struct context contexts[N_CONTEXTS];
	struct run_context run_contexts[2];
	uint8_t *entropy;
	size_t entropy_cap;
	uint16_t *lines[JPEG_MAX_COMPONENTS][2]; /* current, above; a sample more at both ends */
	int16_t *above_contexts[JPEG_MAX_COMPONENTS];
	int8_t *quantised; /* of differences, from the table's middle */
	size_t cols;
	unsigned width; /* of an output sample, bytes */
};

/* Log2 of the lengths of runs, A.2.1. */
/* clang-format off */
static const uint8_t run_bits[32] = {
	0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3,
	4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12, 13, 14, 15,
};
/* clang-format on */

/* ---- parameters ---- */

static int32_t clamp_to(int32_t v, int32_t least, int32_t most)
{
	return v > most || v < least ? least : v;
}

static int32_t max_of(int32_t a, int32_t b)
{
	return a > b ? a : b;
}

/* Thresholds where the stream has none, C.2.4.1.1.1. */
static void default_thresholds(struct parameters *p)
{
	int32_t factor, near = p->near;

	if (p->max >= 128) {
		factor = ((p->max < 4095 ? p->max : 4095) + 128) / 256;
		p->t1 = clamp_to(factor + 2 + 3 * near, near + 1, p->max);
		p->t2 = clamp_to(factor * 4 + 3 + 5 * near, p->t1, p->max);
		p->t3 = clamp_to(factor * 17 + 4 + 7 * near, p->t2, p->max);
	} else {
		factor = 256 / (p->max + 1);
		p->t1 = clamp_to(max_of(2, 3 / factor + 3 * near), near + 1, p->max);
		p->t2 = clamp_to(max_of(3, 7 / factor + 5 * near), p->t1, p->max);
		p->t3 = clamp_to(max_of(4, 21 / factor + 7 * near), p->t2, p->max);
	}
}

static unsigned bits_of(int32_t v)
{
	unsigned n = 0;

	while ((int32_t)1 << n < v)
		n++;
	return n;
}

static int set_parameters(struct parameters *p, const struct jpeg_stream *s, struct err *err)
{
	const struct jpeg_ls_preset *preset = &s->preset;
	int32_t most = (1 << s->frame.precision) - 1;
	unsigned bits;

	p->max = preset->max ? preset->max : most;
	p->near = (int32_t)s->scan.ss;
	if (p->max > most || 2 * p->near > p->max)
		return err_set(err, -EBADMSG, "JPEG-LS: parameters out of range");
	default_thresholds(p);
	p->t1 = preset->t1 ? preset->t1 : p->t1;
	p->t2 = preset->t2 ? preset->t2 : p->t2;
	p->t3 = preset->t3 ? preset->t3 : p->t3;
	p->reset = preset->reset ? preset->reset : 64;
	if (p->t1 <= p->near || p->t2 < p->t1 || p->t3 < p->t2 || p->t3 > p->max || p->reset < 3 ||
		p->reset > MAX_RESET)
		return err_set(err, -EBADMSG, "JPEG-LS: parameters out of range");
	p->range = (p->max + 2 * p->near) / (2 * p->near + 1) + 1;
	p->bits = bits_of(p->range);
	bits = (unsigned)max_of(2, (int32_t)bits_of(p->max + 1));
	p->limit = 2 * (bits + (bits < 8 ? 8 : bits));
	return 0;
}

/* A difference to -4..4, A.3.3. */
static inline int32_t quantise(const struct parameters *p, int32_t d)
{
	int32_t size = d < 0 ? -d : d;
	int32_t q = (size > p->near) + (size >= p->t1) + (size >= p->t2) + (size >= p->t3);

	return d < 0 ? -q : q;
}

static void fill_quantised(struct decoder *d)
{
	int32_t i;

	for (i = -d->p.max; i <= d->p.max; i++)
		d->quantised[i] = (int8_t)quantise(&d->p, i);
}

/* What a scan and each restart interval begin with, A.2.1. */
static void reset_state(struct decoder *d)
{
	int32_t a = max_of(2, (d->p.range + 32) / 64);
	unsigned i;

	for (i = 0; i < N_CONTEXTS; i++)
		d->contexts[i] = (struct context){ a, 0, 0, 1 };
	for (i = 0; i < 2; i++)
		d->run_contexts[i] = (struct run_context){ a, 1, 0 };
	memset(d->run_index, 0, sizeof d->run_index);
}

/* ---- codes ---- */

/* The least k for which n << k >= a, A.5.1. */
static inline unsigned golomb_k(int32_t n, int32_t a)
{
	int k = __builtin_clz((unsigned)n) - __builtin_clz((unsigned)a | 1);

	if (k < 0)
		return 0;
	return (unsigned)k + (n << k < a);
}

/* A mapped error, A.5.3: zeros to count, a one, and k bits; or so many zeros (up to 56), a one, and
 * all bits. */
static inline int32_t read_mapped(struct decoder *d, struct jpeg_bits *b, unsigned k,
	unsigned limit)
{
	unsigned zeros, most = limit - d->p.bits - 1, v;

	jpeg_bits_refill(b);
	zeros = b->acc ? (unsigned)__builtin_clzll(b->acc) : 64;
	if (zeros >= most) {
		d->broken |= zeros > most;
		jpeg_bits_skip(b, most);
		jpeg_bits_refill(b);
		return (int32_t)(jpeg_bits_take(b, d->p.bits + 1) & ((1u << d->p.bits) - 1)) + 1;
	}
	jpeg_bits_skip(b, zeros + 1);
	if (b->n < k)
		jpeg_bits_refill(b);
	v = zeros << k | (unsigned)(b->acc >> 1 >> (63 - k));
	jpeg_bits_skip(b, k);
	if (v > 2 * (unsigned)d->p.range) {
		d->broken = true;
		v = 0;
	}
	return (int32_t)v;
}

/* The sample for a prediction and an error, A.4.5 and A.4.4's ends. */
static inline int32_t reconstruct(const struct parameters *p, int32_t prediction, int32_t error,
	int32_t near)
{
	int32_t v = prediction + error * (2 * near + 1);

	if (v < -near)
		v += p->range * (2 * near + 1);
	else if (v > p->max + near)
		v -= p->range * (2 * near + 1);
	return v < 0 ? 0 : v > p->max ? p->max : v;
}

/* ---- regular mode ---- */

static inline void learn(struct context *x, int32_t error, int32_t reset, int32_t near)
{
	int32_t a = x->a + abs(error), b = x->b + error * (2 * near + 1), c = x->c, n = x->n;

	if (n == reset) {
		a >>= 1;
		b >>= 1;
		n >>= 1;
	}
	n++;
	if (b <= -n) {
		b = max_of(b + n, 1 - n);
		c -= c > MIN_BIAS;
	} else if (b > 0) {
		b = b - n > 0 ? 0 : b - n;
		c += c < MAX_BIAS;
	}
	*x = (struct context){ a, b, c, n };
}

static inline int32_t median(int32_t a, int32_t b, int32_t c)
{
	int32_t low = a < b ? a : b, high = a < b ? b : a;

	return c >= high ? low : c <= low ? high : a + b - c;
}

/* The sample whose context is `context` with its sign. */
static inline int32_t regular_sample(struct decoder *d, struct jpeg_bits *bits, int32_t context,
	int32_t prediction, int32_t near)
{
	int32_t sign = context >> 31, mapped, error;
	struct context *x = &d->contexts[(context ^ sign) - sign];
	unsigned k = golomb_k(x->n, x->a);

	prediction += (x->c ^ sign) - sign;
	prediction = prediction < 0 ? 0 : prediction > d->p.max ? d->p.max : prediction;
	mapped = read_mapped(d, bits, k, d->p.limit);
	error = mapped >> 1 ^ -(mapped & 1);
	if (k == 0 && near == 0 && 2 * x->b <= -x->n)
		error = ~error;
	learn(x, error, d->p.reset, near);
	return reconstruct(&d->p, prediction, (error ^ sign) - sign, near);
}

/* ---- run mode ---- */

/* The length of the run, at most `most`, A.7.1.2; *ended: by a sample that interrupts it, not by
 * the line. */
static size_t read_run(struct decoder *d, struct jpeg_bits *b, unsigned *run_index, size_t most,
	bool *ended)
{
	size_t n = 0, step;

	*ended = false;
	while (n < most) {
		jpeg_bits_refill(b);
		step = (size_t)1 << run_bits[*run_index];
		if (!jpeg_bits_take(b, 1)) {
			*ended = true;
			if (step > 1)
				n += jpeg_bits_take(b, run_bits[*run_index]);
			break;
		}
		n += step;
		if (n <= most && *run_index < 31)
			++*run_index;
	}
	if (*ended && n >= most)
		d->broken = true;
	return min_size(n, most);
}

/* The sample that interrupts a run, A.7.2; type 1: the one above continues the run as well. */
static int32_t interruption_error(struct decoder *d, struct jpeg_bits *b, unsigned run_index,
	unsigned type)
{
	struct run_context *x = &d->run_contexts[type];
	unsigned k = golomb_k(x->n, x->a + (type ? x->n >> 1 : 0));
	int32_t mapped = read_mapped(d, b, k, d->p.limit - run_bits[run_index] - 1);
	int32_t v = mapped + (int32_t)type, error = (v + 1) >> 1;

	if ((v & 1) == (k != 0 || 2 * x->n_negative >= x->n))
		error = -error;
	x->n_negative += error < 0;
	x->a += (mapped + 1 - (int32_t)type) >> 1;
	if (x->n == d->p.reset) {
		x->a >>= 1;
		x->n >>= 1;
		x->n_negative >>= 1;
	}
	x->n++;
	return error;
}

static int32_t interruption(struct decoder *d, struct jpeg_bits *bits, unsigned run_index,
	int32_t a, int32_t b, bool may_be_like_above)
{
	unsigned type = may_be_like_above && abs(a - b) <= d->p.near;
	int32_t error = interruption_error(d, bits, run_index, type);

	if (type)
		return reconstruct(&d->p, a, error, d->p.near);
	return reconstruct(&d->p, b, a > b ? -error : error, d->p.near);
}

static void fill(uint16_t *to, uint16_t v, size_t n)
{
	while (n-- > 0)
		*to++ = v;
}

/* A run from x on, and what interrupts it; the next x. */
static size_t decode_run(struct decoder *d, struct jpeg_bits *b, unsigned c, size_t x)
{
	uint16_t *line = d->lines[c][0] + x, *above = d->lines[c][1] + x;
	uint16_t a = line[-1];
	bool ended;
	size_t n = read_run(d, b, &d->run_index[c], d->cols - x, &ended);

	fill(line, a, n);
	x += n;
	if (!ended || x >= d->cols)
		return x;
	line[n] = (uint16_t)interruption(d, b, d->run_index[c], a, above[n], true);
	d->run_index[c] -= d->run_index[c] > 0;
	return x + 1;
}

/* ---- lines ---- */

/* Beyond its ends a line goes on as A.2.1 has it: at the left with the first sample above, at the
 * right with its own last. Differences between samples above are the first two parts of each
 * context. */
static void begin_line(struct decoder *d, unsigned c)
{
	const struct parameters p = d->p;
	uint16_t *above = d->lines[c][1];
	int16_t *contexts = d->above_contexts[c];
	size_t i;

	above[d->cols] = above[d->cols - 1];
	d->lines[c][0][-1] = above[0];
	for (i = 0; i < d->cols; i++)
		contexts[i] = (int16_t)(81 * quantise(&p, above[i + 1] - above[i]) +
			9 * quantise(&p, above[i] - *(above + i - 1)));
}

static inline void decode_line(struct decoder *d, unsigned comp, int32_t near)
{
	uint16_t *line = d->lines[comp][0], *above = d->lines[comp][1];
	const int16_t *contexts = d->above_contexts[comp];
	const int8_t *quantised = d->quantised;
	struct jpeg_bits bits = d->bits;
	int32_t a = line[-1], b, c = above[-1], context;
	size_t x = 0;

	while (x < d->cols) {
		b = above[x];
		context = contexts[x] + quantised[c - a];
		if (context == 0) {
			x = decode_run(d, &bits, comp, x);
			a = line[(ptrdiff_t)x - 1];
			c = above[(ptrdiff_t)x - 1];
			continue;
		}
		a = regular_sample(d, &bits, context, median(a, b, c), near);
		line[x++] = (uint16_t)a;
		c = b;
	}
	d->bits = bits;
}

/* The errors of a lossless stream are not scaled: its own copy of the loop. */
static void decode_lossless_line(struct decoder *d, unsigned comp)
{
	begin_line(d, comp);
	decode_line(d, comp, 0);
}

static void decode_near_line(struct decoder *d, unsigned comp)
{
	begin_line(d, comp);
	decode_line(d, comp, d->p.near);
}

/* A run of whole pixels; a sample of each component interrupts it, none of them like above. */
static size_t decode_pixel_run(struct decoder *d, const struct jpeg_scan *scan, size_t x)
{
	uint16_t *line, *above;
	unsigned i;
	bool ended;
	size_t n = read_run(d, &d->bits, &d->run_index[0], d->cols - x, &ended);

	for (i = 0; i < scan->n_comps; i++) {
		line = d->lines[scan->comp[i]][0] + x;
		above = d->lines[scan->comp[i]][1] + x;
		fill(line, line[-1], n);
		if (ended && x + n < d->cols)
			line[n] = (uint16_t)interruption(d, &d->bits, d->run_index[0], line[-1],
				above[n], false);
	}
	if (!ended || x + n >= d->cols)
		return x + n;
	d->run_index[0] -= d->run_index[0] > 0;
	return x + n + 1;
}

/* A line of pixels whose samples follow one another. */
static void decode_pixel_line(struct decoder *d, const struct jpeg_scan *scan)
{
	int32_t context[JPEG_MAX_COMPONENTS], any;
	uint16_t *line, *above;
	size_t x = 0;
	unsigned i;

	for (i = 0; i < scan->n_comps; i++)
		begin_line(d, scan->comp[i]);
	while (x < d->cols) {
		for (i = 0, any = 0; i < scan->n_comps; i++) {
			line = d->lines[scan->comp[i]][0] + x;
			above = d->lines[scan->comp[i]][1] + x;
			context[i] = d->above_contexts[scan->comp[i]][x] +
				d->quantised[above[-1] - line[-1]];
			any |= context[i];
		}
		if (!any) {
			x = decode_pixel_run(d, scan, x);
			continue;
		}
		for (i = 0; i < scan->n_comps; i++) {
			line = d->lines[scan->comp[i]][0] + x;
			above = d->lines[scan->comp[i]][1] + x;
			*line = (uint16_t)regular_sample(d, &d->bits, context[i],
				median(line[-1], above[0], above[-1]), d->p.near);
		}
		x++;
	}
}

/* ---- scans ---- */

static void store_line(const struct decoder *d, const uint16_t *line, size_t stride, uint8_t *out)
{
	size_t i;

	if (d->width == 1)
		for (i = 0; i < d->cols; i++)
			out[i * stride] = (uint8_t)line[i];
	else if (stride == 1)
		memcpy(out, line, 2 * d->cols);
	else
		for (i = 0; i < d->cols; i++)
			put_le16(out + 2 * i * stride, line[i]);
}

/* A line of each of the scan's components. */
static void decode_lines(struct decoder *d, uint8_t *out)
{
	const struct jpeg_scan *scan = &d->s->scan;
	uint16_t *line;
	unsigned i, c;

	if (scan->se == BY_SAMPLE && scan->n_comps > 1)
		decode_pixel_line(d, scan);
	for (i = 0; i < scan->n_comps; i++) {
		c = scan->comp[i];
		if (scan->se != BY_SAMPLE || scan->n_comps == 1) {
			if (d->p.near == 0)
				decode_lossless_line(d, c);
			else
				decode_near_line(d, c);
		}
		line = d->lines[c][0];
		store_line(d, line, d->s->frame.n_comps, out + (size_t)c * d->width);
		d->lines[c][0] = d->lines[c][1];
		d->lines[c][1] = line;
	}
}

/* Above the first line of an interval all is nought. */
static void clear_lines(struct decoder *d)
{
	unsigned c;

	for (c = 0; c < d->s->frame.n_comps; c++)
		memset(d->lines[c][1] - 1, 0, (d->cols + 2) * sizeof *d->lines[c][1]);
}

static int decode_interval(struct decoder *d, size_t first_row, size_t n_rows, uint8_t *out,
	struct err *err)
{
	size_t row_bytes = d->cols * d->s->frame.n_comps * d->width, y, len;

	len = jpeg_read_ls_entropy(d->s, d->entropy, d->entropy_cap);
	jpeg_bits_init(&d->bits, d->entropy, len);
	reset_state(d);
	clear_lines(d);
	for (y = first_row; y < first_row + n_rows; y++) {
		decode_lines(d, out + y * row_bytes);
		if (d->broken || jpeg_bits_overrun(&d->bits))
			return err_set(err, -EBADMSG, "JPEG-LS: broken or short in row %zu", y);
	}
	return 0;
}

/* Of each scan, since segments between scans count too. */
static int check_scan(const struct jpeg_stream *s, struct err *err)
{
	const struct jpeg_scan *scan = &s->scan;
	unsigned i;

	if (s->ls_colour_transform && (s->frame.n_comps != 3 || s->ls_colour_transform > 3))
		return err_set(err, -ENOTSUP, "JPEG-LS with colour transform %u",
			s->ls_colour_transform);
	if (scan->al || scan->ah)
		return err_set(err, -ENOTSUP, "JPEG-LS with a point transform");
	if (scan->se > BY_SAMPLE || (scan->se == BY_PLANE && scan->n_comps > 1))
		return err_set(err, -EBADMSG, "JPEG-LS: interleave mode %u", scan->se);
	for (i = 0; i < scan->n_comps; i++)
		if (scan->dc[i] || scan->ac[i])
			return err_set(err, -ENOTSUP, "JPEG-LS with a mapping table");
	return 0;
}

/* Restart intervals are of lines. */
static int decode_scan(void *decoder, uint8_t *out, struct err *err)
{
	struct decoder *d = decoder;
	size_t rows = d->s->frame.lines, step = d->s->restart_interval, y;
	int rc;

	rc = check_scan(d->s, err);
	if (rc == 0)
		rc = set_parameters(&d->p, d->s, err);
	if (rc)
		return rc;
	fill_quantised(d);
	if (step == 0)
		step = rows;
	for (y = 0; y < rows && rc == 0; y += step) {
		if (y > 0)
			rc = jpeg_read_restart(d->s, (unsigned)(y / step - 1), err);
		if (rc == 0)
			rc = decode_interval(d, y, min_size(step, rows - y), out, err);
	}
	return rc;
}

/* ---- the frame ---- */

/* One block of memory for everything. */
static uint8_t *set_up(struct decoder *d)
{
	size_t n = d->s->frame.n_comps, line = d->cols + 2, i;
	size_t table = (size_t)2 << d->s->frame.precision;
	uint8_t *block;
	uint16_t *next;

	d->entropy_cap = min_size((size_t)d->s->frame.lines * d->cols * n * MAX_SAMPLE_BYTES,
		(size_t)(d->s->end - d->s->p));
	block = mem_alloc(3 * n * line * 2 + table + d->entropy_cap + JPEG_ENTROPY_PAD);
	if (!block)
		return NULL;
	next = (uint16_t *)(void *)block;
	for (i = 0; i < n; i++, next += 3 * line) {
		d->lines[i][0] = next + 1;
		d->lines[i][1] = next + line + 1;
		d->above_contexts[i] = (int16_t *)(next + 2 * line);
	}
	d->quantised = (int8_t *)next + table / 2;
	d->entropy = (uint8_t *)next + table;
	return block;
}

/*
 * Colour transforms that Hewlett-Packard's encoders name in an APP8 segment: sums and differences
 * modulo the range, so that they lose nothing. v: the three samples of a pixel.
 */
static void undo_transform(unsigned transform, int32_t range, int32_t *v)
{
	int32_t a = v[0], b = v[1], c = v[2], half = range / 2, mask = range - 1;

	switch (transform) {
	case 1: /* red and blue less green */
		v[0] = (a + b - half) & mask;
		v[2] = (c + b - half) & mask;
		break;
	case 2: /* red less green, blue less the mean of both */
		v[0] = (a + b - half) & mask;
		v[2] = (c + ((v[0] + b) >> 1) - half) & mask;
		break;
	default: /* a kind of luminance, blue and red less green */
		v[1] = (a - ((b + c) >> 2) + range / 4) & mask;
		v[0] = (c + v[1] - half) & mask;
		v[2] = (b + v[1] - half) & mask;
	}
}

static void undo_transforms(const struct decoder *d, uint8_t *out)
{
	size_t n = (size_t)d->s->frame.lines * d->cols, i;
	int32_t range = 1 << d->s->frame.precision, v[3];
	unsigned k;

	for (i = 0; i < n; i++, out += (size_t)3 * d->width) {
		for (k = 0; k < 3; k++)
			v[k] = d->width == 1 ? out[k] : get_le16(out + 2 * (size_t)k);
		undo_transform(d->s->ls_colour_transform, range, v);
		for (k = 0; k < 3; k++) {
			if (d->width == 1)
				out[k] = (uint8_t)v[k];
			else
				put_le16(out + 2 * (size_t)k, (uint16_t)v[k]);
		}
	}
}

int jpegls_decode(const struct pixel_desc *desc, struct jpeg_stream *s, uint8_t *out,
	struct err *err)
{
	struct decoder d = { .s = s, .cols = s->frame.cols, .width = pixel_sample_bytes(desc) };
	uint8_t *block;
	int rc;

	if (d.width > 2)
		return err_set(err, -ENOTSUP, "JPEG-LS for %u bits", desc->bits_allocated);
	block = set_up(&d);
	if (!block)
		return err_nomem(err);
	rc = jpeg_each_scan(s, decode_scan, &d, out, err);
	if (rc == 0 && s->ls_colour_transform)
		undo_transforms(&d, out);
	if (rc == 0 && s->scan.ss > 0 && desc->bits_stored < s->frame.precision)
		pixel_clamp(desc, out, (size_t)desc->rows * desc->cols * desc->samples);
	mem_free(block);
	return rc;
}

static const char *const syntaxes[] = {
	"1.2.840.10008.1.2.4.80",
	"1.2.840.10008.1.2.4.81",
	NULL,
};

const struct codec codec_jpegls = { "JPEG-LS", syntaxes, jpeg_decode_any, .keeps_words = false };
