/* SPDX-License-Identifier: MIT */
/*
 * JPEG with samples of 12 bits: extended sequential and progressive, Huffman-coded (ITU-T T.81
 * processes 2, 4, 10 and the like), which libjpeg has only as a build of its own.
 *
 * All scans are decoded to the coefficients of all blocks; then each block is dequantised,
 * transformed and stored.
 */
#include "codec/codec.h"

#include <errno.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "jpeg_bits.h"
#include "jpeg_stream.h"

enum {
	BLOCK = 64,
	MAX_COEF_BYTES = 4, /* of entropy-coded data: 16 bits of code and 15 extra ones */
	MAX_SCANS = 200,
	MAX_SAMPLE = 4095,
};

/* Places in a block, row by row, of coefficients in the stream's order; T.81 figure 5. */
/* clang-format off */
static const uint8_t zigzag[BLOCK] = {
	0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5,
	12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
	35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
	58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
};
/* clang-format on */

/* The blocks of one component. */
struct plane {
	unsigned h, v;
	size_t across, down;           /* blocks, up to whole MCUs */
	size_t scan_across, scan_down; /* blocks in a scan of this component alone */
	int16_t *coefs;                /* in the stream's order */
	uint16_t quant[BLOCK];         /* as they were at the component's first scan */
	bool seen;
};

struct decoder {
	struct jpeg_stream *s;
	struct jpeg_bits bits;
	struct plane planes[JPEG_MAX_COMPONENTS];
	unsigned h_max, v_max;
	size_t mcus_across, mcus_down;
	uint8_t *entropy;
	size_t entropy_cap;
	struct jpeg_huff dc[JPEG_MAX_COMPONENTS], ac[JPEG_MAX_COMPONENTS]; /* of the scan */
	int32_t last_dc[JPEG_MAX_COMPONENTS];
	unsigned eob_run; /* blocks that have no more coefficients in this band */
};

/* ---- blocks ---- */

/* The size s of a value that follows; -1: broken. */
static int read_size(struct jpeg_bits *b, const struct jpeg_huff *h)
{
	jpeg_bits_refill(b);
	return jpeg_huff_symbol(h, b);
}

static int32_t read_value(struct jpeg_bits *b, unsigned size)
{
	return size > 0 ? jpeg_extend(jpeg_bits_take(b, size), size) : 0;
}

/* Each of these decodes what scan component i has for one block: 0, or -1 where the
 * stream is broken. */
typedef int block_fn(struct decoder *d, unsigned i, int16_t *coef);

static int dc_first(struct decoder *d, unsigned i, int16_t *coef)
{
	int size = read_size(&d->bits, &d->dc[i]);

	if (size < 0 || size > 15)
		return -1;
	d->last_dc[i] = (int16_t)(d->last_dc[i] + read_value(&d->bits, (unsigned)size));
	coef[0] = (int16_t)((uint32_t)d->last_dc[i] << d->s->scan.al);
	return 0;
}

static int dc_refine(struct decoder *d, unsigned i, int16_t *coef)
{
	(void)i;
	jpeg_bits_refill(&d->bits);
	if (jpeg_bits_take(&d->bits, 1))
		coef[0] = (int16_t)(coef[0] | 1 << d->s->scan.al);
	return 0;
}

/* The band's coefficients from `k`: a run of zeros, then one value; or the band's end. */
static int ac_values(struct decoder *d, unsigned i, int16_t *coef, unsigned k, unsigned last)
{
	unsigned run, size;
	int rs;

	for (; k <= last; k++) {
		rs = read_size(&d->bits, &d->ac[i]);
		if (rs < 0)
			return -1;
		run = (unsigned)rs >> 4;
		size = (unsigned)rs & 15;
		if (size == 0 && run < 15) {
			d->eob_run = (1u << run) - 1;
			if (run > 0)
				d->eob_run += jpeg_bits_take(&d->bits, run);
			return 0;
		}
		k += run;
		if (k > last)
			return -1;
		coef[k] = (int16_t)((uint32_t)read_value(&d->bits, size) << d->s->scan.al);
	}
	return 0;
}

static int sequential(struct decoder *d, unsigned i, int16_t *coef)
{
	if (dc_first(d, i, coef) || ac_values(d, i, coef, 1, BLOCK - 1))
		return -1;
	return d->eob_run == 0 ? 0 : -1;
}

static int ac_first(struct decoder *d, unsigned i, int16_t *coef)
{
	if (d->eob_run > 0) {
		d->eob_run--;
		return 0;
	}
	return ac_values(d, i, coef, d->s->scan.ss, d->s->scan.se);
}

/* One more bit of a coefficient that is not zero. */
static void correct(struct decoder *d, int16_t *coef)
{
	int32_t bit = 1 << d->s->scan.al;

	jpeg_bits_refill(&d->bits);
	if (jpeg_bits_take(&d->bits, 1) && !(*coef & bit))
		*coef = (int16_t)(*coef + (*coef < 0 ? -bit : bit));
}

/* From k on: correct what is not zero, pass `zeros` zeros; the place of the zero behind them,
 * or last + 1. */
static unsigned pass_zeros(struct decoder *d, int16_t *coef, unsigned k, unsigned last,
	unsigned zeros)
{
	for (; k <= last; k++) {
		if (coef[k])
			correct(d, &coef[k]);
		else if (zeros-- == 0)
			break;
	}
	return k;
}

/* T.81 G.1.2.3: values of one new bit among corrections of the old ones. */
static int ac_refine(struct decoder *d, unsigned i, int16_t *coef)
{
	unsigned k = d->s->scan.ss, last = d->s->scan.se, run, size;
	int32_t value;
	int rs;

	while (k <= last && d->eob_run == 0) {
		rs = read_size(&d->bits, &d->ac[i]);
		run = (unsigned)rs >> 4;
		size = (unsigned)rs & 15;
		if (rs < 0 || size > 1)
			return -1;
		if (size == 0 && run < 15) {
			d->eob_run = 1u << run;
			if (run > 0)
				d->eob_run += jpeg_bits_take(&d->bits, run);
			break;
		}
		value = 0;
		if (size == 1)
			value = jpeg_bits_take(&d->bits, 1) ? 1 : -1;
		k = pass_zeros(d, coef, k, last, run);
		if (k <= last)
			coef[k] = (int16_t)(value * (1 << d->s->scan.al));
		else if (value)
			return -1;
		k++;
	}
	if (d->eob_run > 0) {
		pass_zeros(d, coef, k, last, BLOCK);
		d->eob_run--;
	}
	return 0;
}

/* ---- scans ---- */

/* What the scan's parameters ask for; NULL: nothing there is. In sequential streams they are
 * constants, and not all encoders write those. */
static block_fn *block_decoder(const struct jpeg_stream *s)
{
	const struct jpeg_scan *scan = &s->scan;

	if (s->frame.sof != JPEG_SOF2)
		return sequential;
	if (scan->al > 13 || scan->se >= BLOCK || scan->ss > scan->se)
		return NULL;
	if (scan->ss == 0)
		return scan->se > 0 ? NULL : scan->ah ? dc_refine : dc_first;
	return scan->n_comps > 1 ? NULL : scan->ah ? ac_refine : ac_first;
}

static void start_interval(struct decoder *d)
{
	size_t len = jpeg_read_entropy(d->s, d->entropy, d->entropy_cap);

	jpeg_bits_init(&d->bits, d->entropy, len);
	memset(d->last_dc, 0, sizeof d->last_dc);
	d->eob_run = 0;
}

/* One MCU: a block, where the scan has one component, else as many of each as their sampling
 * factors say. */
static int decode_mcu(struct decoder *d, block_fn *decode, size_t mcu)
{
	const struct jpeg_scan *scan = &d->s->scan;
	struct plane *p = &d->planes[scan->comp[0]];
	size_t bx, by;
	unsigned i, x, y;

	if (scan->n_comps == 1) {
		by = mcu / p->scan_across;
		bx = mcu % p->scan_across;
		return decode(d, 0, p->coefs + (by * p->across + bx) * BLOCK);
	}
	for (i = 0; i < scan->n_comps; i++) {
		p = &d->planes[scan->comp[i]];
		for (y = 0; y < p->v; y++) {
			for (x = 0; x < p->h; x++) {
				by = mcu / d->mcus_across * p->v + y;
				bx = mcu % d->mcus_across * p->h + x;
				if (decode(d, i, p->coefs + (by * p->across + bx) * BLOCK))
					return -1;
			}
		}
	}
	return 0;
}

static int decode_mcus(struct decoder *d, block_fn *decode, struct err *err)
{
	const struct plane *p = &d->planes[d->s->scan.comp[0]];
	size_t n = d->mcus_across * d->mcus_down, step, mcu;
	int rc;

	if (d->s->scan.n_comps == 1)
		n = p->scan_across * p->scan_down;
	step = d->s->restart_interval ? d->s->restart_interval : n;
	for (mcu = 0; mcu < n; mcu++) {
		if (mcu % step == 0 && mcu > 0) {
			rc = jpeg_read_restart(d->s, (unsigned)(mcu / step - 1), err);
			if (rc)
				return rc;
		}
		if (mcu % step == 0)
			start_interval(d);
		if (decode_mcu(d, decode, mcu) || jpeg_bits_overrun(&d->bits))
			return err_set(err, -EBADMSG, "JPEG stream: broken or short in block %zu",
				mcu);
	}
	return 0;
}

/* The tables as they are when the scan begins. A table that is not defined has no codes. */
static int take_tables(struct decoder *d, struct err *err)
{
	const struct jpeg_scan *scan = &d->s->scan;
	struct plane *p;
	unsigned i, tq;

	for (i = 0; i < scan->n_comps; i++) {
		jpeg_huff_init(&d->dc[i], &d->s->dc[scan->dc[i]]);
		jpeg_huff_init(&d->ac[i], &d->s->ac[scan->ac[i]]);
		p = &d->planes[scan->comp[i]];
		tq = d->s->frame.comp[scan->comp[i]].tq;
		if (!d->s->has_quant[tq])
			return err_set(err, -EBADMSG, "JPEG stream: no quantisation table %u", tq);
		if (!p->seen)
			memcpy(p->quant, d->s->quant[tq], sizeof p->quant);
		p->seen = true;
	}
	return 0;
}

static bool all_seen(const struct decoder *d)
{
	unsigned i;

	for (i = 0; i < d->s->frame.n_comps; i++)
		if (!d->planes[i].seen)
			return false;
	return true;
}

/* A sequential stream ends with its components, a progressive one with EOI. */
static int decode_scans(struct decoder *d, struct err *err)
{
	bool progressive = d->s->frame.sof == JPEG_SOF2;
	block_fn *decode;
	unsigned n;
	int rc;

	for (n = 0; progressive || !all_seen(d); n++) {
		rc = jpeg_read_scan(d->s, err);
		if (rc < 0)
			return rc;
		if (rc == 0)
			break;
		if (!progressive)
			d->s->scan.al = 0;
		decode = block_decoder(d->s);
		if (!decode || n == MAX_SCANS)
			return err_set(err, -EBADMSG, "JPEG stream: a scan out of order");
		rc = take_tables(d, err);
		if (rc == 0)
			rc = decode_mcus(d, decode, err);
		if (rc)
			return rc;
	}
	return all_seen(d) ? 0 : err_set(err, -EBADMSG, "JPEG stream: a component has no scan");
}

/* ---- samples ---- */

/*
 * The inverse DCT as even and odd halves, in integers with 13 bits of fraction; the first pass
 * keeps one bit more than it gets. The factors are sqrt(2) cos(k pi / 16), not each rounded
 * by itself but as the sums that the usual integer decoders work with, so that samples are
 * theirs to the bit.
 */
enum { FRACTION = 13, PASS_1_BITS = 1 };

static void half_sums(const int64_t *in, size_t stride, int64_t *even, int64_t *odd)
{
	int64_t a = in[stride], b = in[3 * stride], c = in[5 * stride], d = in[7 * stride];
	int64_t sum = (in[0] + in[4 * stride]) * (1 << FRACTION);
	int64_t difference = (in[0] - in[4 * stride]) * (1 << FRACTION);
	int64_t cross_1 = in[2 * stride] * 10703 + in[6 * stride] * 4433;
	int64_t cross_2 = in[2 * stride] * 4433 - in[6 * stride] * 10704;

	even[0] = sum + cross_1;
	even[1] = difference + cross_2;
	even[2] = difference - cross_2;
	even[3] = sum - cross_1;
	odd[0] = 11363 * a + 9633 * b + 6437 * c + 2260 * d;
	odd[1] = 9633 * a - 2259 * b - 11362 * c - 6436 * d;
	odd[2] = 6437 * a - 11362 * b + 2261 * c + 9633 * d;
	odd[3] = 2260 * a - 6436 * b + 9633 * c - 11363 * d;
}

/* Eight values, `stride` apart, in place, scaled down by `shift` bits. */
static void transform(int64_t *v, size_t stride, unsigned shift)
{
	int64_t even[4], odd[4], half = (int64_t)1 << (shift - 1);
	unsigned i;

	half_sums(v, stride, even, odd);
	for (i = 0; i < 4; i++) {
		v[i * stride] = (even[i] + odd[i] + half) >> shift;
		v[(7 - i) * stride] = (even[i] - odd[i] + half) >> shift;
	}
}

static void block_samples(const int16_t *coef, const uint16_t *quant, uint16_t *out)
{
	int64_t v[BLOCK];
	unsigned i;

	for (i = 0; i < BLOCK; i++)
		v[zigzag[i]] = (int64_t)coef[i] * quant[i];
	for (i = 0; i < 8; i++)
		transform(v + i, 8, FRACTION - PASS_1_BITS);
	for (i = 0; i < 8; i++)
		transform(v + (size_t)8 * i, 1, FRACTION + PASS_1_BITS + 3);
	for (i = 0; i < BLOCK; i++) {
		v[i] += (MAX_SAMPLE + 1) / 2;
		out[i] = (uint16_t)(v[i] < 0 ? 0 : v[i] > MAX_SAMPLE ? MAX_SAMPLE : v[i]);
	}
}

/* A block to the pixels it covers, each sample fx * fy times. */
static void store_block(const struct pixel_desc *desc, const uint16_t *block, size_t x0, size_t y0,
	size_t fx, size_t fy, uint8_t *out)
{
	size_t x_end = min_size(x0 + 8 * fx, desc->cols), y_end = min_size(y0 + 8 * fy, desc->rows);
	size_t stride = (size_t)2 * desc->samples, x, y;
	const uint16_t *row;
	uint8_t *to;

	for (y = y0; y < y_end; y++) {
		row = block + (y - y0) / fy * 8;
		to = out + (y * desc->cols + x0) * stride;
		if (fx == 1)
			for (x = x0; x < x_end; x++, to += stride)
				put_le16(to, *row++);
		else
			for (x = x0; x < x_end; x++, to += stride)
				put_le16(to, row[(x - x0) / fx]);
	}
}

static void store_plane(const struct decoder *d, const struct pixel_desc *desc,
	const struct plane *p, uint8_t *out)
{
	size_t fx = d->h_max / p->h, fy = d->v_max / p->v, bx, by;
	uint16_t block[BLOCK];

	for (by = 0; by < p->scan_down; by++) {
		for (bx = 0; bx < p->scan_across; bx++) {
			block_samples(p->coefs + (by * p->across + bx) * BLOCK, p->quant, block);
			store_block(desc, block, 8 * bx * fx, 8 * by * fy, fx, fy, out);
		}
	}
}

/* ---- the frame ---- */

/* What T.81 table B.1 calls the four groups of processes. */
static const char *kind_of(uint8_t sof)
{
	static const char *const kinds[] = { "", ", hierarchical", ", arithmetic",
		", hierarchical and arithmetic" };

	return kinds[(sof - JPEG_SOF0) / 4 % 4];
}

static int check_frame(const struct decoder *d, const struct pixel_desc *desc, struct err *err)
{
	const struct jpeg_frame *f = &d->s->frame;
	unsigned i;

	if (f->precision != 12 || (f->sof != JPEG_SOF1 && f->sof != JPEG_SOF2))
		return err_set(err, -ENOTSUP, "JPEG frame of %u bits by process SOF%u%s",
			f->precision, f->sof - JPEG_SOF0, kind_of(f->sof));
	if (pixel_sample_bytes(desc) != 2)
		return err_set(err, -ENOTSUP, "12-bit JPEG for %u bits", desc->bits_allocated);
	for (i = 0; i < f->n_comps; i++)
		if (d->h_max % f->comp[i].h || d->v_max % f->comp[i].v)
			return err_set(err, -ENOTSUP, "JPEG with fractional sampling");
	return 0;
}

static size_t n_of(size_t size, size_t step)
{
	return (size + step - 1) / step;
}

static void measure(struct decoder *d)
{
	const struct jpeg_frame *f = &d->s->frame;
	struct plane *p;
	unsigned i;

	d->h_max = d->v_max = 1;
	for (i = 0; i < f->n_comps; i++) {
		d->h_max = f->comp[i].h > d->h_max ? f->comp[i].h : d->h_max;
		d->v_max = f->comp[i].v > d->v_max ? f->comp[i].v : d->v_max;
	}
	d->mcus_across = n_of(f->cols, (size_t)8 * d->h_max);
	d->mcus_down = n_of(f->lines, (size_t)8 * d->v_max);
	for (i = 0; i < f->n_comps; i++) {
		p = &d->planes[i];
		p->h = f->comp[i].h;
		p->v = f->comp[i].v;
		p->across = d->mcus_across * p->h;
		p->down = d->mcus_down * p->v;
		p->scan_across = n_of(n_of((size_t)f->cols * p->h, d->h_max), 8);
		p->scan_down = n_of(n_of((size_t)f->lines * p->v, d->v_max), 8);
	}
}

/* One block of memory, zeroed, for all coefficients, and room for the stream's bytes. */
static int16_t *set_up(struct decoder *d)
{
	size_t n = 0, coefs;
	int16_t *block;
	unsigned i;

	for (i = 0; i < d->s->frame.n_comps; i++)
		n += d->planes[i].across * d->planes[i].down * BLOCK;
	coefs = n * sizeof *block;
	d->entropy_cap = min_size(n * MAX_COEF_BYTES, (size_t)(d->s->end - d->s->p));
	block = mem_calloc(1, coefs + d->entropy_cap + JPEG_ENTROPY_PAD);
	if (!block)
		return NULL;
	d->entropy = (uint8_t *)(block + n);
	for (i = 0, n = 0; i < d->s->frame.n_comps; i++) {
		d->planes[i].coefs = block + n;
		n += d->planes[i].across * d->planes[i].down * BLOCK;
	}
	return block;
}

int jpeg12_decode(const struct pixel_desc *desc, struct jpeg_stream *s, uint8_t *out,
	enum photometric *photometric, struct err *err)
{
	struct decoder d = { .s = s };
	int16_t *block;
	unsigned i;
	int rc;

	measure(&d);
	rc = check_frame(&d, desc, err);
	if (rc)
		return rc;
	block = set_up(&d);
	if (!block)
		return err_nomem(err);
	rc = decode_scans(&d, err);
	for (i = 0; i < s->frame.n_comps && rc == 0; i++)
		store_plane(&d, desc, &d.planes[i], out + (size_t)2 * i);
	if (rc == 0 && desc->bits_stored < s->frame.precision)
		pixel_clamp(desc, out, (size_t)desc->rows * desc->cols * desc->samples);
	if (s->frame.n_comps == 3 && *photometric != PHOTOMETRIC_RGB)
		*photometric = PHOTOMETRIC_YBR_FULL;
	mem_free(block);
	return rc;
}

static const char *const syntaxes[] = { "1.2.840.10008.1.2.4.51", NULL };

const struct codec codec_jpeg12 = { "12-bit JPEG", syntaxes, jpeg_decode_any,
	.knows_colours = true };
