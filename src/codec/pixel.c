/* SPDX-License-Identifier: MIT */
/*
 * Layout, masks and colour of samples: see codec/pixel.h.
 *
 * Each loop does one thing to one width of sample, without a branch inside, so that
 * the compiler can turn it into vector code.
 */
#include "codec/pixel.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"

/* Decoded words are little-endian, and the loops below take them as the machine's own. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "a little-endian machine");

static const char *const names[] = {
	[PHOTOMETRIC_OTHER] = "OTHER",
	[PHOTOMETRIC_MONOCHROME1] = "MONOCHROME1",
	[PHOTOMETRIC_MONOCHROME2] = "MONOCHROME2",
	[PHOTOMETRIC_PALETTE] = "PALETTE COLOR",
	[PHOTOMETRIC_RGB] = "RGB",
	[PHOTOMETRIC_YBR_FULL] = "YBR_FULL",
	[PHOTOMETRIC_YBR_FULL_422] = "YBR_FULL_422",
	[PHOTOMETRIC_YBR_PARTIAL_422] = "YBR_PARTIAL_422",
	[PHOTOMETRIC_YBR_PARTIAL_420] = "YBR_PARTIAL_420",
	[PHOTOMETRIC_YBR_ICT] = "YBR_ICT",
	[PHOTOMETRIC_YBR_RCT] = "YBR_RCT",
	[PHOTOMETRIC_XYB] = "XYB",
	[PHOTOMETRIC_HSV] = "HSV",
	[PHOTOMETRIC_ARGB] = "ARGB",
	[PHOTOMETRIC_CMYK] = "CMYK",
};

#define N_NAMES (sizeof names / sizeof names[0])

/* Does text, up to its padding, say name? */
static bool is_term(const char *text, const char *name)
{
	size_t len = strlen(name);

	return strncmp(text, name, len) == 0 && text[len + strspn(text + len, " ")] == '\0';
}

enum photometric photometric_parse(const char *text)
{
	size_t i;

	text += strspn(text, " ");
	for (i = PHOTOMETRIC_OTHER + 1; i < N_NAMES; i++)
		if (is_term(text, names[i]))
			return (enum photometric)i;
	return PHOTOMETRIC_OTHER;
}

const char *photometric_name(enum photometric p)
{
	return (size_t)p < N_NAMES ? names[p] : names[PHOTOMETRIC_OTHER];
}

bool photometric_is_ybr(enum photometric p)
{
	return p >= PHOTOMETRIC_YBR_FULL && p <= PHOTOMETRIC_YBR_RCT;
}

/* ---- sizes ---- */

static bool is_422(const struct pixel_desc *d)
{
	return d->samples == 3 &&
		(d->photometric == PHOTOMETRIC_YBR_FULL_422 ||
			d->photometric == PHOTOMETRIC_YBR_PARTIAL_422);
}

static int check_kind(const struct pixel_desc *d, struct err *err)
{
	unsigned want = d->kind == PIXEL_FLOAT32 ? 32 : 64;

	if (d->kind == PIXEL_INTEGER)
		return 0;
	if (d->bits_allocated != want || d->samples != 1)
		return err_set(err, -EBADMSG, "float pixels of %u bits, %u samples",
			d->bits_allocated, d->samples);
	return 0;
}

static int check_bits(const struct pixel_desc *d, struct err *err)
{
	switch (d->bits_allocated) {
	case 8:
	case 16:
	case 32:
	case 64:
		break;
	case 1:
	case 12:
		if (d->samples == 1)
			break;
		/* fall through */
	default:
		return err_set(err, -ENOTSUP, "%u bits allocated, %u samples a pixel",
			d->bits_allocated, d->samples);
	}
	if (d->bits_stored < 1 || d->bits_stored > d->bits_allocated ||
		d->high_bit >= d->bits_allocated || d->high_bit + 1 < d->bits_stored)
		return err_set(err, -EBADMSG, "%u bits stored with high bit %u in %u",
			d->bits_stored, d->high_bit, d->bits_allocated);
	return 0;
}

int pixel_desc_check(const struct pixel_desc *d, struct err *err)
{
	int rc;

	if (d->rows < 1 || d->rows > 65535 || d->cols < 1 || d->cols > 65535)
		return err_set(err, -EBADMSG, "%u rows, %u columns", d->rows, d->cols);
	if (d->samples != 1 && d->samples != 3 && d->samples != 4)
		return err_set(err, -ENOTSUP, "%u samples a pixel", d->samples);
	rc = check_bits(d, err);
	if (rc == 0)
		rc = check_kind(d, err);
	if (rc == 0 && pixel_decoded_bytes(d) > PIXEL_MOST_BYTES)
		return err_set(err, -ENOTSUP, "a frame of %llu bytes",
			(unsigned long long)pixel_decoded_bytes(d));
	return rc;
}

uint64_t pixel_frame_bytes(const struct pixel_desc *d)
{
	uint64_t bits;

	if (is_422(d))
		return (uint64_t)d->rows * ((d->cols + 1) / 2) * 4 * pixel_sample_bytes(d);
	bits = (uint64_t)d->rows * d->cols * d->samples * d->bits_allocated;
	return (bits + 7) / 8;
}

unsigned pixel_sample_bytes(const struct pixel_desc *d)
{
	return d->bits_allocated <= 8 ? 1 : d->bits_allocated == 12 ? 2 : d->bits_allocated / 8u;
}

uint64_t pixel_decoded_bytes(const struct pixel_desc *d)
{
	return (uint64_t)d->rows * d->cols * d->samples * pixel_sample_bytes(d);
}

/* ---- native bytes to the decoded layout ---- */

static void swap16(uint8_t *p, size_t n)
{
	uint16_t w;
	size_t i;

	for (i = 0; i < n; i++) {
		memcpy(&w, p + 2 * i, 2);
		w = __builtin_bswap16(w);
		memcpy(p + 2 * i, &w, 2);
	}
}

static void swap32(uint8_t *p, size_t n)
{
	uint32_t w;
	size_t i;

	for (i = 0; i < n; i++) {
		memcpy(&w, p + 4 * i, 4);
		w = __builtin_bswap32(w);
		memcpy(p + 4 * i, &w, 4);
	}
}

static void swap64(uint8_t *p, size_t n)
{
	uint64_t w;
	size_t i;

	for (i = 0; i < n; i++) {
		memcpy(&w, p + 8 * i, 8);
		w = __builtin_bswap64(w);
		memcpy(p + 8 * i, &w, 8);
	}
}

static void swap_words(uint8_t *p, size_t len, unsigned width)
{
	switch (width) {
	case 8:
		swap64(p, len / 8);
		break;
	case 4:
		swap32(p, len / 4);
		break;
	default:
		swap16(p, len / 2);
	}
}

/* One plane of n samples to every stride-th place of out. */
static void spread_plane(const uint8_t *in, size_t n, size_t stride, unsigned width, uint8_t *out)
{
	size_t i;

	switch (width) {
	case 1:
		for (i = 0; i < n; i++)
			out[i * stride] = in[i];
		break;
	case 2:
		for (i = 0; i < n; i++)
			memcpy(out + 2 * i * stride, in + 2 * i, 2);
		break;
	case 4:
		for (i = 0; i < n; i++)
			memcpy(out + 4 * i * stride, in + 4 * i, 4);
		break;
	default:
		for (i = 0; i < n; i++)
			memcpy(out + 8 * i * stride, in + 8 * i, 8);
	}
}

/* RRR GGG BBB to RGB RGB RGB, bytes: the common case has its own loop. */
static void weave_three(const uint8_t *in, size_t n, uint8_t *restrict out)
{
	const uint8_t *r = in, *g = in + n, *b = in + 2 * n;
	size_t i;

	for (i = 0; i < n; i++) {
		out[3 * i] = r[i];
		out[3 * i + 1] = g[i];
		out[3 * i + 2] = b[i];
	}
}

void pixel_interleave(const uint8_t *planes, size_t n, unsigned samples, unsigned width,
	uint8_t *out)
{
	unsigned s;

	if (samples == 3 && width == 1) {
		weave_three(planes, n, out);
		return;
	}
	for (s = 0; s < samples; s++)
		spread_plane(planes + s * n * width, n, samples, width, out + (size_t)s * width);
}

/* Bits, the lowest of a byte first (PS3.5 §8.1.1), to bytes of 0 and 1. */
static void unpack_1(const uint8_t *in, unsigned bit_off, uint8_t *out, size_t n)
{
	size_t whole = n / 8, i;
	unsigned byte, k;

	for (i = 0; i < whole; i++) {
		byte = in[i];
		if (bit_off > 0)
			byte = byte >> bit_off | (unsigned)in[i + 1] << (8 - bit_off);
		for (k = 0; k < 8; k++)
			out[8 * i + k] = (byte >> k) & 1;
	}
	for (i = 8 * whole; i < n; i++)
		out[i] = (in[(bit_off + i) / 8] >> ((bit_off + i) % 8)) & 1;
}

/* Two pixels in three bytes, low bits first. */
static void unpack_12(const uint8_t *in, uint8_t *out, size_t n)
{
	size_t i;

	for (i = 0; i + 1 < n; i += 2, in += 3) {
		put_le16(out + 2 * i, (uint16_t)(in[0] | (in[1] & 15) << 8));
		put_le16(out + 2 * i + 2, (uint16_t)(in[1] >> 4 | in[2] << 4));
	}
	if (i < n)
		put_le16(out + 2 * i, (uint16_t)(in[0] | (in[1] & 15) << 8));
}

/* One row of Y0 Y1 Cb Cr to Y0 Cb Cr Y1 Cb Cr. */
static void unpack_422_row(const uint8_t *in, size_t cols, size_t width, uint8_t *out)
{
	size_t x;

	for (x = 0; x < cols; x++, out += 3 * width) {
		memcpy(out, in + x % 2 * width, width);
		memcpy(out + width, in + 2 * width, 2 * width);
		if (x % 2)
			in += 4 * width;
	}
}

static void unpack_422(const struct pixel_desc *d, const uint8_t *in, uint8_t *out)
{
	size_t width = pixel_sample_bytes(d), y;

	for (y = 0; y < d->rows; y++) {
		unpack_422_row(in, d->cols, width, out);
		in += ((size_t)d->cols + 1) / 2 * 4 * width;
		out += (size_t)d->cols * 3 * width;
	}
}

/* Samples of whole bytes. */
static void unpack_bytes(const struct pixel_desc *d, const uint8_t *in, uint8_t *out,
	size_t out_len)
{
	unsigned width = pixel_sample_bytes(d);

	if (is_422(d))
		unpack_422(d, in, out);
	else if (d->planar && d->samples > 1)
		pixel_interleave(in, (size_t)d->rows * d->cols, d->samples, width, out);
	else
		memcpy(out, in, out_len);
	if (d->big_endian && width > 1)
		swap_words(out, out_len, width);
}

int pixel_unpack(const struct pixel_desc *d, const uint8_t *in, size_t in_len, unsigned bit_off,
	uint8_t *out, size_t out_len, struct err *err)
{
	uint64_t n = (uint64_t)d->rows * d->cols, need = pixel_frame_bytes(d);

	if (d->bits_allocated == 1)
		need = (bit_off + n + 7) / 8;
	if (in_len < need || out_len != pixel_decoded_bytes(d) || bit_off > 7)
		return err_set(err, -EBADMSG, "frame of %llu bytes has %zu",
			(unsigned long long)need, in_len);
	if (d->bits_allocated == 1)
		unpack_1(in, bit_off, out, (size_t)n);
	else if (d->bits_allocated == 12)
		unpack_12(in, out, (size_t)n);
	else
		unpack_bytes(d, in, out, out_len);
	return 0;
}

/* ---- stored words to values ---- */

/*
 * Shifting a word up until the sign is its highest bit and down again, arithmetically
 * for signed samples, drops what is above and below the stored bits and extends the sign.
 */
#define MASK_LOOP(name, word)                                                                      \
	static void name(uint8_t *p, size_t n, unsigned up, unsigned down)                         \
	{                                                                                          \
		word w;                                                                            \
		size_t i;                                                                          \
                                                                                                   \
		for (i = 0; i < n; i++) {                                                          \
			memcpy(&w, p + i * sizeof w, sizeof w);                                    \
			w = (word)((word)(w << up) >> down);                                       \
			memcpy(p + i * sizeof w, &w, sizeof w);                                    \
		}                                                                                  \
	}
#define MASK_LOOP_SIGNED(name, word, unsigned_word)                                                \
	static void name(uint8_t *p, size_t n, unsigned up, unsigned down)                         \
	{                                                                                          \
		unsigned_word w;                                                                   \
		size_t i;                                                                          \
                                                                                                   \
		for (i = 0; i < n; i++) {                                                          \
			memcpy(&w, p + i * sizeof w, sizeof w);                                    \
			w = (unsigned_word)((word)(w << up) >> down);                              \
			memcpy(p + i * sizeof w, &w, sizeof w);                                    \
		}                                                                                  \
	}

MASK_LOOP(mask_u8, uint8_t)
MASK_LOOP(mask_u16, uint16_t)
MASK_LOOP(mask_u32, uint32_t)
MASK_LOOP(mask_u64, uint64_t)
MASK_LOOP_SIGNED(mask_s8, int8_t, uint8_t)
MASK_LOOP_SIGNED(mask_s16, int16_t, uint16_t)
MASK_LOOP_SIGNED(mask_s32, int32_t, uint32_t)
MASK_LOOP_SIGNED(mask_s64, int64_t, uint64_t)

/* The same for bits that begin at the lowest, as nearly always, with nothing that is wider than a
 * word. */
#define KEEP_LOOP(name, word)                                                                      \
	static void name(uint8_t *p, size_t n, uint64_t keep_bits, uint64_t sign_bit)              \
	{                                                                                          \
		word keep = (word)keep_bits, sign = (word)sign_bit, w;                             \
		size_t i;                                                                          \
                                                                                                   \
		for (i = 0; i < n; i++) {                                                          \
			memcpy(&w, p + i * sizeof w, sizeof w);                                    \
			w = (word)(((w & keep) ^ sign) - sign);                                    \
			memcpy(p + i * sizeof w, &w, sizeof w);                                    \
		}                                                                                  \
	}

KEEP_LOOP(keep_8, uint8_t)
KEEP_LOOP(keep_16, uint16_t)
KEEP_LOOP(keep_32, uint32_t)
KEEP_LOOP(keep_64, uint64_t)

static void keep_low(const struct pixel_desc *d, unsigned width, uint8_t *samples, size_t n)
{
	static void (*const loops[9])(uint8_t *, size_t, uint64_t,
		uint64_t) = { [1] = keep_8, [2] = keep_16, [4] = keep_32, [8] = keep_64 };
	uint64_t sign = d->is_signed ? UINT64_C(1) << (d->bits_stored - 1) : 0;

	loops[width](samples, n, (UINT64_C(1) << d->bits_stored) - 1, sign);
}

void pixel_mask(const struct pixel_desc *d, uint8_t *samples, size_t n)
{
	static void (*const loops[9][2])(uint8_t *, size_t, unsigned, unsigned) = {
		[1] = { mask_u8, mask_s8 },
		[2] = { mask_u16, mask_s16 },
		[4] = { mask_u32, mask_s32 },
		[8] = { mask_u64, mask_s64 },
	};
	unsigned width = pixel_sample_bytes(d), bits = 8 * width;

	if (d->bits_stored == bits || d->bits_allocated == 1 || d->kind != PIXEL_INTEGER)
		return;
	if (d->high_bit + 1u == d->bits_stored)
		keep_low(d, width, samples, n);
	else
		loops[width][d->is_signed](samples, n, bits - 1u - d->high_bit,
			bits - d->bits_stored);
}

/* What is above the stored bits, of all samples together: no bit, or those of a sign extended (one
 * more than all ones is nought). */
#define EXCESS_LOOP(name, word)                                                                    \
	static bool name(const uint8_t *p, size_t n, unsigned bits, unsigned sign)                 \
	{                                                                                          \
		word most = (word)((word) ~(word)0 >> bits), seen = 0, w;                          \
		size_t i;                                                                          \
                                                                                                   \
		for (i = 0; i < n; i++) {                                                          \
			memcpy(&w, p + i * sizeof w, sizeof w);                                    \
			seen |= (word)(((((unsigned)w >> bits) + sign) & most) >> sign);           \
		}                                                                                  \
		return seen != 0;                                                                  \
	}

EXCESS_LOOP(excess_8, uint8_t)
EXCESS_LOOP(excess_16, uint16_t)
EXCESS_LOOP(excess_32, uint32_t)

bool pixel_exceeds(const struct pixel_desc *d, const uint8_t *samples, size_t n)
{
	static bool (*const loops[9])(const uint8_t *, size_t, unsigned,
		unsigned) = { [1] = excess_8, [2] = excess_16, [4] = excess_32 };
	unsigned width = pixel_sample_bytes(d);

	return loops[width] && d->bits_stored < 8 * width && d->bits_allocated != 1 &&
		loops[width](samples, n, d->bits_stored, d->is_signed);
}

#define CLAMP_LOOP(name, word)                                                                     \
	static void name(uint8_t *p, size_t n, uint64_t most)                                      \
	{                                                                                          \
		word w, max = (word)most;                                                          \
		size_t i;                                                                          \
                                                                                                   \
		for (i = 0; i < n; i++) {                                                          \
			memcpy(&w, p + i * sizeof w, sizeof w);                                    \
			w = w < max ? w : max;                                                     \
			memcpy(p + i * sizeof w, &w, sizeof w);                                    \
		}                                                                                  \
	}

CLAMP_LOOP(clamp_8, uint8_t)
CLAMP_LOOP(clamp_16, uint16_t)
CLAMP_LOOP(clamp_32, uint32_t)

void pixel_clamp(const struct pixel_desc *d, uint8_t *samples, size_t n)
{
	static void (*const loops[9])(uint8_t *, size_t,
		uint64_t) = { [1] = clamp_8, [2] = clamp_16, [4] = clamp_32 };
	unsigned width = pixel_sample_bytes(d);

	if (loops[width] && !d->is_signed && d->bits_stored < 8 * width)
		loops[width](samples, n, (UINT64_C(1) << d->bits_stored) - 1);
}

/* ---- colour ---- */

/* Fractions of 2^16; rounding is in the sum. */
enum { FIX_ONE_HALF = 1 << 15 };

static inline int32_t clamp(int32_t v, int32_t max)
{
	return v < 0 ? 0 : v > max ? max : v;
}

/* R = Y + 1.402 (Cr - 128); G = Y - 0.344136 (Cb - 128) - 0.714136 (Cr - 128);
 * B = Y + 1.772 (Cb - 128): PS3.3 C.7.6.3.1.2, solved for RGB. */
static void full_to_rgb_8(uint8_t *p, size_t n)
{
	int32_t y, cb, cr;
	size_t i;

	for (i = 0; i < n; i++, p += 3) {
		y = p[0] * 65536 + FIX_ONE_HALF;
		cb = p[1] - 128;
		cr = p[2] - 128;
		p[0] = (uint8_t)clamp((y + 91881 * cr) >> 16, 255);
		p[1] = (uint8_t)clamp((y - 22554 * cb - 46802 * cr) >> 16, 255);
		p[2] = (uint8_t)clamp((y + 116130 * cb) >> 16, 255);
	}
}

static void full_to_rgb_16(uint8_t *p, size_t n, unsigned bits)
{
	int32_t max = (int32_t)((1u << bits) - 1), half = 1 << (bits - 1);
	int64_t y, cb, cr;
	size_t i;

	for (i = 0; i < n; i++, p += 6) {
		y = (int64_t)get_le16(p) * 65536 + FIX_ONE_HALF;
		cb = get_le16(p + 2) - half;
		cr = get_le16(p + 4) - half;
		put_le16(p, (uint16_t)clamp((int32_t)((y + 91881 * cr) >> 16), max));
		put_le16(p + 2,
			(uint16_t)clamp((int32_t)((y - 22554 * cb - 46802 * cr) >> 16), max));
		put_le16(p + 4, (uint16_t)clamp((int32_t)((y + 116130 * cb) >> 16), max));
	}
}

/* Y of 16..235 and Cb, Cr of 16..240 (the retired partial range, ITU-R BT.601). */
static void partial_to_rgb_8(uint8_t *p, size_t n)
{
	int32_t y, cb, cr;
	size_t i;

	for (i = 0; i < n; i++, p += 3) {
		y = (p[0] - 16) * 76309 + FIX_ONE_HALF;
		cb = p[1] - 128;
		cr = p[2] - 128;
		p[0] = (uint8_t)clamp((y + 104597 * cr) >> 16, 255);
		p[1] = (uint8_t)clamp((y - 25675 * cb - 53279 * cr) >> 16, 255);
		p[2] = (uint8_t)clamp((y + 132201 * cb) >> 16, 255);
	}
}

void pixel_ybr_to_rgb(const struct pixel_desc *d, uint8_t *samples, size_t n)
{
	unsigned width = pixel_sample_bytes(d);
	bool partial = d->photometric == PHOTOMETRIC_YBR_PARTIAL_422 ||
		d->photometric == PHOTOMETRIC_YBR_PARTIAL_420;

	if (d->samples != 3)
		return;
	if (width == 1 && partial)
		partial_to_rgb_8(samples, n);
	else if (width == 1)
		full_to_rgb_8(samples, n);
	else if (width == 2)
		full_to_rgb_16(samples, n, d->bits_stored);
}

/* PS3.3 C.7.6.3.1.2, in 16-bit fixed point; the halves are a little less, for 255.5 is no byte. */
void pixel_rgb_to_ybr(const struct pixel_desc *d, uint8_t *samples, size_t n)
{
	const int32_t chroma_half = (128 << 16) + 32767;
	int32_t r, g, b;
	size_t i;

	if (d->samples != 3 || pixel_sample_bytes(d) != 1)
		return;
	for (i = 0; i < n; i++, samples += 3) {
		r = samples[0];
		g = samples[1];
		b = samples[2];
		samples[0] = (uint8_t)((19595 * r + 38470 * g + 7471 * b + 32768) >> 16);
		samples[1] = (uint8_t)((-11058 * r - 21710 * g + 32768 * b + chroma_half) >> 16);
		samples[2] = (uint8_t)((32768 * r - 27439 * g - 5329 * b + chroma_half) >> 16);
	}
}

enum photometric pixel_stored_photometric(const struct pixel_desc *d)
{
	if (d->samples != 3)
		return d->photometric;
	switch (d->photometric) {
	case PHOTOMETRIC_YBR_ICT:
	case PHOTOMETRIC_YBR_RCT:
	case PHOTOMETRIC_XYB:
		return PHOTOMETRIC_RGB;
	case PHOTOMETRIC_YBR_FULL_422:
	case PHOTOMETRIC_YBR_PARTIAL_422:
	case PHOTOMETRIC_YBR_PARTIAL_420:
		return PHOTOMETRIC_YBR_FULL;
	default:
		return d->photometric;
	}
}

void pixel_to_stored(const struct pixel_desc *now, enum photometric want, uint8_t *samples,
	size_t n)
{
	if (now->samples != 3 || now->photometric == want)
		return;
	if (want == PHOTOMETRIC_RGB && photometric_is_ybr(now->photometric))
		pixel_ybr_to_rgb(now, samples, n);
	else if (want == PHOTOMETRIC_YBR_FULL && now->photometric == PHOTOMETRIC_RGB)
		pixel_rgb_to_ybr(now, samples, n);
}

/* ---- palette ---- */

/* The entry for each stored value there is: table[c][value as an unsigned word]. */
static inline uint32_t entry_of(const struct palette *p, int32_t value)
{
	int64_t i = (int64_t)value - p->first;

	return i < 0 ? 0 : i >= p->n_entries ? p->n_entries - 1 : (uint32_t)i;
}

static inline int32_t stored_value(const struct pixel_desc *d, const uint8_t *in, size_t i)
{
	if (pixel_sample_bytes(d) == 1)
		return d->is_signed ? (int8_t)in[i] : in[i];
	return d->is_signed ? (int16_t)get_le16(in + 2 * i) : get_le16(in + 2 * i);
}

void pixel_palette_to_rgb(const struct pixel_desc *d, const struct palette *p, const uint8_t *in,
	size_t n, uint8_t *rgb)
{
	unsigned shift = p->bits > 8 ? 8 : 0;
	uint32_t k;
	size_t i;

	if (p->n_entries == 0) {
		memset(rgb, 0, 3 * n);
		return;
	}
	for (i = 0; i < n; i++, rgb += 3) {
		k = entry_of(p, stored_value(d, in, i));
		rgb[0] = (uint8_t)(p->entries[0][k] >> shift);
		rgb[1] = (uint8_t)(p->entries[1][k] >> shift);
		rgb[2] = (uint8_t)(p->entries[2][k] >> shift);
	}
}
