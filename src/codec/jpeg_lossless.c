/* SPDX-License-Identifier: MIT */
/*
 * Lossless JPEG: ITU-T T.81 process 14, annex H. 2 to 16 bits, predictors 1 to 7, point
 * transform, restart intervals, components interleaved or a scan each.
 *
 * A row is decoded in two steps. First its differences: one look-up of the next 12 bits
 * gives a whole difference, Huffman code and extra bits together, for nearly all samples.
 * Then the samples, by a loop of their predictor's own.
 */
#include "codec/codec.h"

#include <errno.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "jpeg_bits.h"
#include "jpeg_stream.h"

enum {
	DIFF_BITS = 12,
	MAX_DIFF_BITS = 31,   /* a code of 16 bits, 15 extra ones */
	MAX_SAMPLE_BYTES = 4, /* of entropy-coded data: 16 bits of code and 15 extra ones */
};

/* What the next DIFF_BITS bits begin with: a whole difference of len bits; or (len 0) the
 * code of a category, in diff, whose extra bits do not fit; or (code_len 0) a longer code. */
struct diff_entry {
	int16_t diff;
	uint8_t len;
	uint8_t code_len;
};

struct diff_table {
	struct diff_entry look[1 << DIFF_BITS];
	struct jpeg_huff huff;
	bool valid;
};

struct decoder {
	struct jpeg_stream *s;
	struct jpeg_bits bits;
	struct diff_table *tables; /* 4 */
	uint8_t *entropy;          /* of one restart interval, at most entropy_cap bytes */
	size_t entropy_cap;
	uint16_t *diffs;                        /* of one row, component after component */
	uint16_t *rows[JPEG_MAX_COMPONENTS][2]; /* current and previous samples */
	size_t cols;
	unsigned width; /* of an output sample, bytes */
};

/* ---- differences ---- */

static int build_table(struct diff_table *t, const struct jpeg_huff_spec *spec, struct err *err)
{
	struct diff_entry *e;
	unsigned i, code, len, category, used;

	jpeg_huff_init(&t->huff, spec);
	for (i = 0; i < spec->n_symbols; i++)
		if (spec->symbols[i] > 16)
			return err_set(err, -EBADMSG, "JPEG stream: a difference of %u bits",
				spec->symbols[i]);
	for (i = 0; i < 1 << DIFF_BITS; i++) {
		e = &t->look[i];
		code = t->huff.look[i >> (DIFF_BITS - JPEG_LOOK_BITS)];
		if (code == 0)
			code = jpeg_huff_long(&t->huff, i << (16 - DIFF_BITS));
		len = code >> 8;
		category = code & 0xff;
		*e = (struct diff_entry){ 0, 0, 0 };
		if (len == 0 || len > DIFF_BITS)
			continue;
		e->code_len = (uint8_t)len;
		e->diff = (int16_t)category;
		used = category == 16 ? len : len + category;
		if (used > DIFF_BITS)
			continue;
		e->len = (uint8_t)used;
		if (category == 16)
			e->diff = INT16_MIN;
		else if (category > 0)
			e->diff = (int16_t)jpeg_extend((i >> (DIFF_BITS - used)) &
					((1u << category) - 1),
				category);
	}
	t->valid = spec->n_symbols > 0;
	return 0;
}

/* A difference that the table has not whole. */
static uint16_t long_diff(struct jpeg_bits *b, const struct diff_table *t)
{
	int category = jpeg_huff_symbol(&t->huff, b);

	if (category < 0)
		b->broken = true;
	if (category <= 0)
		return 0;
	if (category == 16)
		return 1u << 15;
	return (uint16_t)jpeg_extend(jpeg_bits_take(b, (unsigned)category), (unsigned)category);
}

static inline uint16_t next_diff(struct jpeg_bits *b, const struct diff_table *t)
{
	struct diff_entry e = t->look[jpeg_bits_peek(b, DIFF_BITS)];

	if (e.len == 0)
		return long_diff(b, t);
	jpeg_bits_skip(b, e.len);
	return (uint16_t)e.diff;
}

/* How many samples can be read before the reader may be at the end of its bytes. */
static size_t safe_samples(const struct jpeg_bits *b)
{
	return b->p < b->end ? (size_t)(b->end - b->p) / MAX_SAMPLE_BYTES : 0;
}

/* Three differences, where there are bits for many: with the usual short codes, what one refill
 * brings is enough for them. */
static inline void read_three(struct jpeg_bits *b, const struct diff_table *t, uint16_t *diffs)
{
	unsigned i;

	jpeg_bits_refill_unchecked(b);
	diffs[0] = next_diff(b, t);
	for (i = 1; i < 3; i++) {
		if (b->n < MAX_DIFF_BITS)
			jpeg_bits_refill_unchecked(b);
		diffs[i] = next_diff(b, t);
	}
}

/* n differences of one component. */
static void read_diffs(struct jpeg_bits *bits, const struct diff_table *t, uint16_t *diffs,
	size_t n)
{
	struct jpeg_bits b = *bits;
	size_t i = 0, stop;

	while (i + 3 <= n && (stop = i + min_size(n - i, safe_samples(&b))) >= i + 3)
		for (; i + 3 <= stop; i += 3)
			read_three(&b, t, diffs + i);
	for (; i < n; i++) {
		jpeg_bits_refill(&b);
		diffs[i] = next_diff(&b, t);
	}
	*bits = b;
}

/* n differences of each component of the scan, interleaved in the stream. */
static void read_interleaved_diffs(struct decoder *d, const struct jpeg_scan *scan)
{
	struct jpeg_bits b = d->bits;
	unsigned c;
	size_t i;

	for (i = 0; i < d->cols; i++) {
		for (c = 0; c < scan->n_comps; c++) {
			jpeg_bits_refill(&b);
			d->diffs[c * d->cols + i] = next_diff(&b, &d->tables[scan->dc[c]]);
		}
	}
	d->bits = b;
}

/* ---- samples ---- */

/*
 * One row from its differences. a is the sample to the left, b the one above, c above and
 * left; all modulo 2^16. The first sample of a row has nothing to the left: b predicts it.
 */
#define PREDICT_ROW(name, prediction)                                                              \
	static void name(uint16_t *row, const uint16_t *above, const uint16_t *diff, size_t n)     \
	{                                                                                          \
		int32_t a, b = above[0], c;                                                        \
		size_t i;                                                                          \
                                                                                                   \
		a = (uint16_t)(b + diff[0]);                                                       \
		row[0] = (uint16_t)a;                                                              \
		for (i = 1; i < n; i++) {                                                          \
			c = b;                                                                     \
			b = above[i];                                                              \
			(void)c;                                                                   \
			a = (uint16_t)((prediction) + diff[i]);                                    \
			row[i] = (uint16_t)a;                                                      \
		}                                                                                  \
	}

PREDICT_ROW(predict_1, a)
PREDICT_ROW(predict_2, b)
PREDICT_ROW(predict_3, c)
PREDICT_ROW(predict_4, a + b - c)
PREDICT_ROW(predict_5, a + ((b - c) >> 1))
PREDICT_ROW(predict_6, b + ((a - c) >> 1))
PREDICT_ROW(predict_7, (a + b) >> 1)

typedef void predict_fn(uint16_t *row, const uint16_t *above, const uint16_t *diff, size_t n);

static predict_fn *const predictors[8] = {
	NULL,
	predict_1,
	predict_2,
	predict_3,
	predict_4,
	predict_5,
	predict_6,
	predict_7,
};

/* A row of one component to its places in the output. */
static void store_row(const uint16_t *row, size_t n, unsigned shift, size_t stride, unsigned width,
	uint8_t *out)
{
	size_t i;

	if (width == 1)
		for (i = 0; i < n; i++)
			out[i * stride] = (uint8_t)(row[i] << shift);
	else if (stride == 1 && width == 2 && shift == 0)
		memcpy(out, row, 2 * n);
	else
		for (i = 0; i < n; i++)
			put_le16(out + i * stride * width, (uint16_t)(row[i] << shift));
}

/* One row of the scan's components. At the top of an interval the samples are predicted by
 * their left neighbours, the first by half the range. */
static void decode_row(struct decoder *d, bool top, uint8_t *out)
{
	const struct jpeg_scan *scan = &d->s->scan;
	unsigned samples = d->s->frame.n_comps, c, k;
	uint16_t *row, *above;

	if (scan->n_comps == 1)
		read_diffs(&d->bits, &d->tables[scan->dc[0]], d->diffs, d->cols);
	else
		read_interleaved_diffs(d, scan);
	for (c = 0; c < scan->n_comps; c++) {
		k = scan->comp[c];
		row = d->rows[k][0];
		above = d->rows[k][1];
		if (top)
			above[0] = (uint16_t)(1u << (d->s->frame.precision - scan->al - 1));
		predictors[top ? 1 : scan->ss](row, above, d->diffs + c * d->cols, d->cols);
		store_row(row, d->cols, scan->al, samples, d->width, out + (size_t)k * d->width);
		d->rows[k][0] = above;
		d->rows[k][1] = row;
	}
}

/* ---- scans ---- */

static int check_scan(struct decoder *d, struct err *err)
{
	const struct jpeg_scan *scan = &d->s->scan;
	unsigned c;
	int rc;

	if (scan->ss < 1 || scan->ss > 7 || scan->al >= d->s->frame.precision)
		return err_set(err, -EBADMSG, "JPEG stream: predictor %u, point transform %u",
			scan->ss, scan->al);
	if (d->s->restart_interval % d->cols)
		return err_set(err, -ENOTSUP, "JPEG stream: restart interval within a row");
	if (scan->n_comps > 1 && (d->s->frame.comp[0].h > 1 || d->s->frame.comp[0].v > 1))
		return err_set(err, -ENOTSUP, "lossless JPEG interleaved by blocks");
	for (c = 0; c < scan->n_comps; c++) {
		rc = build_table(&d->tables[scan->dc[c]], &d->s->dc[scan->dc[c]], err);
		if (rc)
			return rc;
		if (!d->tables[scan->dc[c]].valid)
			return err_set(err, -EBADMSG, "JPEG stream: no Huffman table %u",
				scan->dc[c]);
	}
	return 0;
}

static int decode_interval(struct decoder *d, size_t first_row, size_t n_rows, uint8_t *out,
	struct err *err)
{
	size_t row_bytes = d->cols * d->s->frame.n_comps * d->width, y, len;

	len = jpeg_read_entropy(d->s, d->entropy, d->entropy_cap);
	jpeg_bits_init(&d->bits, d->entropy, len);
	for (y = 0; y < n_rows; y++) {
		decode_row(d, y == 0, out + (first_row + y) * row_bytes);
		if (jpeg_bits_overrun(&d->bits))
			return err_set(err, -EBADMSG, "JPEG stream: broken or short in row %zu",
				first_row + y);
	}
	return 0;
}

static int decode_scan(void *decoder, uint8_t *out, struct err *err)
{
	struct decoder *d = decoder;
	size_t rows = d->s->frame.lines, step = rows, y;
	int rc;

	rc = check_scan(d, err);
	if (rc == 0 && d->s->restart_interval)
		step = d->s->restart_interval / d->cols;
	for (y = 0; y < rows && rc == 0; y += step) {
		if (y > 0)
			rc = jpeg_read_restart(d->s, (unsigned)(y / step - 1), err);
		if (rc == 0)
			rc = decode_interval(d, y, min_size(step, rows - y), out, err);
	}
	return rc;
}

static int check_sampling(const struct jpeg_frame *f, struct err *err)
{
	unsigned c;

	for (c = 1; c < f->n_comps; c++)
		if (f->comp[c].h != f->comp[0].h || f->comp[c].v != f->comp[0].v)
			return err_set(err, -ENOTSUP, "lossless JPEG with subsampled components");
	return 0;
}

/* One block of memory for everything. */
static uint8_t *set_up(struct decoder *d)
{
	size_t n = d->s->frame.n_comps, tables = 4 * sizeof *d->tables, lines = 3 * n * d->cols;
	uint8_t *block;
	unsigned c;

	d->entropy_cap = (size_t)d->s->frame.lines * d->cols * n * MAX_SAMPLE_BYTES;
	d->entropy_cap = min_size(d->entropy_cap, (size_t)(d->s->end - d->s->p));
	block = mem_alloc(tables + 2 * lines + d->entropy_cap + JPEG_ENTROPY_PAD);
	if (!block)
		return NULL;
	d->tables = (struct diff_table *)(void *)block;
	d->diffs = (uint16_t *)(void *)(block + tables);
	for (c = 0; c < n; c++) {
		d->rows[c][0] = d->diffs + (n + (size_t)2 * c) * d->cols;
		d->rows[c][1] = d->rows[c][0] + d->cols;
	}
	memset(d->diffs, 0, 2 * lines);
	d->entropy = block + tables + 2 * lines;
	return block;
}

int jpeg_lossless_decode(const struct pixel_desc *desc, struct jpeg_stream *s, uint8_t *out,
	struct err *err)
{
	struct decoder d = { .s = s, .cols = s->frame.cols, .width = pixel_sample_bytes(desc) };
	uint8_t *block;
	int rc;

	rc = check_sampling(&s->frame, err);
	if (rc)
		return rc;
	if (d.width > 2)
		return err_set(err, -ENOTSUP, "lossless JPEG for %u bits", desc->bits_allocated);
	block = set_up(&d);
	if (!block)
		return err_nomem(err);
	rc = jpeg_each_scan(s, decode_scan, &d, out, err);
	mem_free(block);
	return rc;
}

static const char *const syntaxes[] = {
	"1.2.840.10008.1.2.4.57",
	"1.2.840.10008.1.2.4.70",
	NULL,
};

const struct codec codec_jpeg_lossless = { "lossless JPEG", syntaxes, jpeg_decode_any,
	.keeps_words = false };
