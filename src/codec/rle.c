/* SPDX-License-Identifier: MIT */
/*
 * RLE Lossless (PS3.5 annex G).
 *
 * A frame is a header of 16 words, the number of segments and their offsets, and one
 * segment for each byte of a pixel: sample by sample, the most significant byte of a
 * sample first. A segment is a plane of bytes packed as runs and literals. Each plane is
 * unpacked where copies are contiguous, then the planes of a sample are merged.
 */
#include "codec/codec.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"

enum {
	HEADER_BYTES = 64,
	MAX_SEGMENTS = 15,
	MOST_PER_BYTE = 64, /* a run of 128 takes two */
	LITERAL_MAX = 128,  /* the most one control byte stands for */
	SLACK = 128,        /* room behind a plane, so that copies may be of fixed size */
};

/* Copy len bytes, 1..128, in steps of 32, where both sides have room for it. */
static inline void copy_literal(uint8_t *out, const uint8_t *in, size_t len)
{
	size_t i;

	for (i = 0; i < len; i += 32)
		memcpy(out + i, in + i, 32);
}

static inline void fill_run(uint8_t *out, uint8_t byte, size_t len)
{
	size_t i;

	for (i = 0; i < len; i += 32)
		memset(out + i, byte, 32);
}

/*
 * One segment to n bytes of plane, which has SLACK more bytes of room. Stops at the end of
 * either; what the segment leaves open is zero: how many bytes that are. A control byte c: 0..127
 * is c + 1 literal bytes, 129..255 the next byte 257 - c times, 128 nothing.
 */
static size_t unpack_segment(const uint8_t *in, const uint8_t *end, uint8_t *plane, size_t n)
{
	uint8_t *out = plane, *out_end = plane + n;
	size_t len;

	while (out < out_end && (size_t)(end - in) > LITERAL_MAX + 32) {
		unsigned c = *in++;

		if (c < 128) {
			copy_literal(out, in, (size_t)c + 1);
			in += c + 1;
			out += c + 1;
		} else if (c > 128) {
			fill_run(out, *in++, 257 - c);
			out += 257 - c;
		}
	}
	while (out < out_end && in < end) {
		unsigned c = *in++;

		if (c < 128) {
			len = min_size(c + 1, (size_t)(end - in));
			memcpy(out, in, len);
			in += len;
			out += len;
		} else if (c > 128 && in < end) {
			fill_run(out, *in++, 257 - c);
			out += 257 - c;
		}
	}
	if (out >= out_end)
		return 0;
	memset(out, 0, (size_t)(out_end - out));
	return (size_t)(out_end - out);
}

struct segments {
	unsigned n;
	size_t off[MAX_SEGMENTS + 1]; /* off[n] is the end */
};

static int read_header(const uint8_t *in, size_t in_len, unsigned want, struct segments *s,
	struct err *err)
{
	unsigned i;

	s->n = want;
	if (in_len < HEADER_BYTES)
		return err_set(err, -EBADMSG, "RLE frame of %zu bytes has no header", in_len);
	if (get_le32(in) != want || want > MAX_SEGMENTS)
		return err_set(err, -EBADMSG, "%u RLE segments where %u are needed",
			(unsigned)get_le32(in), want);
	for (i = 0; i < want; i++)
		s->off[i] = get_le32(in + 4 + (size_t)4 * i);
	s->off[want] = in_len;
	for (i = 0; i < want; i++)
		if (s->off[i] < HEADER_BYTES || s->off[i] > s->off[i + 1] || s->off[i + 1] > in_len)
			return err_set(err, -EBADMSG, "RLE segment %u is not in the frame", i);
	return 0;
}

/* Two bytes are 128 at most: a segment that cannot fill a plane by far is none, and memory for what
 * its header promises is not touched. */
static int check_lengths(const struct segments *s, uint64_t plane, struct err *err)
{
	unsigned i;

	for (i = 0; i < s->n; i++)
		if ((uint64_t)(s->off[i + 1] - s->off[i]) * MOST_PER_BYTE < plane / 2)
			return err_set(err, -EBADMSG,
				"RLE segment %u of %zu bytes cannot be %llu samples", i,
				s->off[i + 1] - s->off[i], (unsigned long long)plane);
	return 0;
}

/* The two planes of 16-bit samples, side by side: this loop becomes byte unpacking. */
static void merge_2(const uint8_t *high, const uint8_t *low, size_t n, uint8_t *restrict out)
{
	size_t i;

	for (i = 0; i < n; i++) {
		out[2 * i] = low[i];
		out[2 * i + 1] = high[i];
	}
}

static void place_plane(const uint8_t *plane, size_t n, size_t stride, uint8_t *out)
{
	size_t i;

	for (i = 0; i < n; i++)
		out[i * stride] = plane[i];
}

/* Unpack all planes into scratch, two at a time where samples are of two bytes. These return how
 * many bytes are missing. */
static size_t unpack_16(const uint8_t *in, const struct segments *s, size_t n, uint8_t *scratch,
	uint8_t *out)
{
	uint8_t *low = scratch + n + SLACK;
	size_t missing = unpack_segment(in + s->off[0], in + s->off[1], scratch, n);

	missing += unpack_segment(in + s->off[1], in + s->off[2], low, n);
	merge_2(scratch, low, n, out);
	return missing;
}

/* Any number of samples of `width` bytes: segment k is byte width - 1 - k % width of sample
 * k / width. */
static size_t unpack_any(const uint8_t *in, const struct segments *s, size_t n, unsigned width,
	uint8_t *scratch, uint8_t *out)
{
	size_t k, missing = 0;

	for (k = 0; k < s->n; k++) {
		missing += unpack_segment(in + s->off[k], in + s->off[k + 1], scratch, n);
		place_plane(scratch, n, s->n, out + k / width * width + (width - 1 - k % width));
	}
	return missing;
}

/* One plane of packed bits, as native (PS3.5 §8.2.2). */
static int unpack_bits(const struct pixel_desc *desc, const uint8_t *in, const struct segments *s,
	uint8_t *scratch, uint8_t *out, size_t out_len, size_t *missing, struct err *err)
{
	size_t len = (size_t)pixel_frame_bytes(desc);

	*missing = unpack_segment(in + s->off[0], in + s->off[1], scratch, len);
	return pixel_unpack(desc, scratch, len, 0, out, out_len, err);
}

/* An encoder may have lost the end of its last run, which is within a row (PS3.5 G.3.1); where more
 * is missing the stream has been cut, and zeros would be invented. */
static int judge_missing(size_t missing, const struct pixel_desc *desc, const struct segments *s,
	struct err *err)
{
	if (missing > (uint64_t)desc->cols * s->n)
		return err_set(err, -EBADMSG, "RLE segments end early: %zu bytes are missing",
			missing);
	err_set(err, 0, "RLE segments end early: %zu bytes of the frame are zero", missing);
	return 0;
}

static int decode(const struct pixel_desc *desc, const uint8_t *in, size_t in_len, uint8_t *out,
	size_t out_len, enum photometric *photometric, struct err *err)
{
	size_t n = (size_t)desc->rows * desc->cols, missing = 0;
	unsigned width = pixel_sample_bytes(desc);
	struct segments s;
	uint8_t *scratch;
	int rc;

	(void)photometric;
	rc = read_header(in, in_len, desc->samples * width, &s, err);
	if (rc == 0)
		rc = check_lengths(&s, desc->bits_allocated == 1 ? pixel_frame_bytes(desc) : n,
			err);
	if (rc)
		return rc;
	scratch = mem_alloc(2 * (n + SLACK));
	if (!scratch)
		return err_nomem(err);
	if (desc->bits_allocated == 1)
		rc = unpack_bits(desc, in, &s, scratch, out, out_len, &missing, err);
	else if (s.n == 2)
		missing = unpack_16(in, &s, n, scratch, out);
	else
		missing = unpack_any(in, &s, n, width, scratch, out);
	mem_free(scratch);
	return rc || missing == 0 ? rc : judge_missing(missing, desc, &s, err);
}

static const char *const syntaxes[] = { "1.2.840.10008.1.2.5", NULL };

const struct codec codec_rle = { "RLE", syntaxes, decode, .keeps_words = true };
