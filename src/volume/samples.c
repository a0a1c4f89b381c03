/* SPDX-License-Identifier: MIT */
/* The inner loops of volume/samples.h. Multi-byte samples go through memcpy, which the compiler
 * makes a plain load: buffers are aligned to nothing. The host is little-endian (asserted in
 * bytes). */
#include "volume/samples.h"

#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "samples are little-endian in memory");

unsigned sample_bytes(enum sample_type t)
{
	switch (t) {
	case SAMPLE_U8:
	case SAMPLE_I8:
		return 1;
	case SAMPLE_I16:
	case SAMPLE_U16:
		return 2;
	case SAMPLE_RGB24:
		return 3;
	case SAMPLE_I32:
	case SAMPLE_U32:
	case SAMPLE_F32:
		return 4;
	case SAMPLE_F64:
	case SAMPLE_I64:
	case SAMPLE_U64:
		return 8;
	}
	return 1;
}

const char *sample_type_name(enum sample_type t)
{
	switch (t) {
	case SAMPLE_U8:
		return "uint8";
	case SAMPLE_I8:
		return "int8";
	case SAMPLE_I16:
		return "int16";
	case SAMPLE_U16:
		return "uint16";
	case SAMPLE_I32:
		return "int32";
	case SAMPLE_U32:
		return "uint32";
	case SAMPLE_I64:
		return "int64";
	case SAMPLE_U64:
		return "uint64";
	case SAMPLE_F32:
		return "float32";
	case SAMPLE_F64:
		return "float64";
	case SAMPLE_RGB24:
		return "rgb24";
	}
	return "";
}

enum sample_type samples_type_of(const struct pixel_desc *d)
{
	if (d->samples >= 3 || d->photometric == PHOTOMETRIC_PALETTE)
		return SAMPLE_RGB24;
	if (d->kind == PIXEL_FLOAT32)
		return SAMPLE_F32;
	if (d->kind == PIXEL_FLOAT64)
		return SAMPLE_F64;
	switch (pixel_sample_bytes(d)) {
	case 1:
		return d->is_signed ? SAMPLE_I8 : SAMPLE_U8;
	case 2:
		return d->is_signed ? SAMPLE_I16 : SAMPLE_U16;
	case 4:
		return d->is_signed ? SAMPLE_I32 : SAMPLE_U32;
	default:
		return d->is_signed ? SAMPLE_I64 : SAMPLE_U64;
	}
}

static bool is_float(enum sample_type t)
{
	return t == SAMPLE_F32 || t == SAMPLE_F64;
}

bool samples_map_is_copy(const struct samples_map *m)
{
	if (m->scale || (m->big_endian && sample_bytes(m->to) > 1 && m->to != SAMPLE_RGB24))
		return false;
	return m->from == m->to ||
		(sample_bytes(m->from) == sample_bytes(m->to) && !is_float(m->from) &&
			!is_float(m->to));
}

#define CONVERT(FROM, TO)                                                                          \
	do {                                                                                       \
		for (i = 0; i < n; i++) {                                                          \
			FROM a_;                                                                   \
			TO b_;                                                                     \
			memcpy(&a_, in + i * sizeof a_, sizeof a_);                                \
			b_ = (TO)a_;                                                               \
			memcpy(out + i * sizeof b_, &b_, sizeof b_);                               \
		}                                                                                  \
	} while (0)

#define SCALE(FROM, TO)                                                                            \
	do {                                                                                       \
		const TO slope_ = (TO)m->slope, inter_ = (TO)m->intercept;                         \
		for (i = 0; i < n; i++) {                                                          \
			FROM a_;                                                                   \
			TO b_;                                                                     \
			memcpy(&a_, in + i * sizeof a_, sizeof a_);                                \
			b_ = (TO)a_ * slope_ + inter_;                                             \
			memcpy(out + i * sizeof b_, &b_, sizeof b_);                               \
		}                                                                                  \
	} while (0)

/* Each type of input, for one type of output. */
#define FROM_EACH(STEP, TO)                                                                        \
	do {                                                                                       \
		switch (m->from) {                                                                 \
		case SAMPLE_U8:                                                                    \
			STEP(uint8_t, TO);                                                         \
			break;                                                                     \
		case SAMPLE_I8:                                                                    \
			STEP(int8_t, TO);                                                          \
			break;                                                                     \
		case SAMPLE_U16:                                                                   \
			STEP(uint16_t, TO);                                                        \
			break;                                                                     \
		case SAMPLE_I16:                                                                   \
			STEP(int16_t, TO);                                                         \
			break;                                                                     \
		case SAMPLE_U32:                                                                   \
			STEP(uint32_t, TO);                                                        \
			break;                                                                     \
		case SAMPLE_I32:                                                                   \
			STEP(int32_t, TO);                                                         \
			break;                                                                     \
		case SAMPLE_U64:                                                                   \
			STEP(uint64_t, TO);                                                        \
			break;                                                                     \
		case SAMPLE_I64:                                                                   \
			STEP(int64_t, TO);                                                         \
			break;                                                                     \
		case SAMPLE_F32:                                                                   \
			STEP(float, TO);                                                           \
			break;                                                                     \
		case SAMPLE_F64:                                                                   \
			STEP(double, TO);                                                          \
			break;                                                                     \
		case SAMPLE_RGB24:                                                                 \
			memset(out, 0, n * sizeof(TO));                                            \
			break;                                                                     \
		}                                                                                  \
	} while (0)

static void to_f32(const struct samples_map *m, const uint8_t *in, uint8_t *out, size_t n)
{
	size_t i;

	if (m->scale)
		FROM_EACH(SCALE, float);
	else
		FROM_EACH(CONVERT, float);
}

static void to_f64(const struct samples_map *m, const uint8_t *in, uint8_t *out, size_t n)
{
	size_t i;

	if (m->scale)
		FROM_EACH(SCALE, double);
	else
		FROM_EACH(CONVERT, double);
}

static void to_i16(const struct samples_map *m, const uint8_t *in, uint8_t *out, size_t n)
{
	size_t i;

	FROM_EACH(CONVERT, int16_t);
}

static void to_i32(const struct samples_map *m, const uint8_t *in, uint8_t *out, size_t n)
{
	size_t i;

	FROM_EACH(CONVERT, int32_t);
}

static void to_i64(const struct samples_map *m, const uint8_t *in, uint8_t *out, size_t n)
{
	size_t i;

	FROM_EACH(CONVERT, int64_t);
}

static void to_u8(const struct samples_map *m, const uint8_t *in, uint8_t *out, size_t n)
{
	size_t i;

	FROM_EACH(CONVERT, uint8_t);
}

static void swap_each(uint8_t *s, size_t n, unsigned bytes)
{
	size_t i;

	for (i = 0; i < n && bytes == 2; i++) {
		uint16_t v;

		memcpy(&v, s + 2 * i, 2);
		v = __builtin_bswap16(v);
		memcpy(s + 2 * i, &v, 2);
	}
	for (i = 0; i < n && bytes == 4; i++) {
		uint32_t v;

		memcpy(&v, s + 4 * i, 4);
		v = __builtin_bswap32(v);
		memcpy(s + 4 * i, &v, 4);
	}
	for (i = 0; i < n && bytes == 8; i++) {
		uint64_t v;

		memcpy(&v, s + 8 * i, 8);
		v = __builtin_bswap64(v);
		memcpy(s + 8 * i, &v, 8);
	}
}

void samples_convert(const struct samples_map *m, const uint8_t *in, uint8_t *out, size_t n)
{
	struct samples_map plain = *m;

	plain.big_endian = false;
	if (samples_map_is_copy(&plain)) {
		memcpy(out, in, n * sample_bytes(m->to));
	} else {
		switch (m->to) {
		case SAMPLE_F32:
			to_f32(m, in, out, n);
			break;
		case SAMPLE_F64:
			to_f64(m, in, out, n);
			break;
		case SAMPLE_I16:
		case SAMPLE_U16:
			to_i16(m, in, out, n);
			break;
		case SAMPLE_I32:
		case SAMPLE_U32:
			to_i32(m, in, out, n);
			break;
		case SAMPLE_I64:
		case SAMPLE_U64:
			to_i64(m, in, out, n);
			break;
		case SAMPLE_I8:
		case SAMPLE_U8:
			to_u8(m, in, out, n);
			break;
		case SAMPLE_RGB24:
			memset(out, 0, n * 3);
			break;
		}
	}
	if (m->big_endian && m->to != SAMPLE_RGB24)
		swap_each(out, n, sample_bytes(m->to));
}

void samples_gather(const struct samples_map *m, const uint8_t *in, size_t step, uint8_t *out,
	unsigned out_bytes, size_t n)
{
	size_t i;

	if (step == sample_bytes(m->from)) {
		samples_convert(m, in, out, n);
		return;
	}
	for (i = 0; i < n; i++)
		samples_convert(m, in + i * step, out + i * out_bytes, 1);
}

void samples_reverse(uint8_t *samples, size_t n, unsigned bytes)
{
	uint8_t *a = samples, *b = samples + (n - 1) * bytes, t[8];

	if (!n)
		return;
	for (; a < b; a += bytes, b -= bytes) {
		memcpy(t, a, bytes);
		memcpy(a, b, bytes);
		memcpy(b, t, bytes);
	}
}
