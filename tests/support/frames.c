/* SPDX-License-Identifier: MIT */
/* Made-up frames: see frames.h. */
#include "support/frames.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"

struct pixel_desc frame_desc(unsigned rows, unsigned cols, unsigned samples, unsigned allocated,
	unsigned stored)
{
	struct pixel_desc d = {
		.rows = rows,
		.cols = cols,
		.samples = (uint16_t)samples,
		.bits_allocated = (uint16_t)allocated,
		.bits_stored = (uint16_t)stored,
		.high_bit = (uint16_t)(stored - 1),
		.photometric = samples == 3 ? PHOTOMETRIC_RGB : PHOTOMETRIC_MONOCHROME2,
	};

	return d;
}

static size_t n_samples(const struct pixel_desc *d)
{
	return (size_t)d->rows * d->cols * d->samples;
}

uint16_t *frame_make(const struct pixel_desc *d, unsigned seed)
{
	size_t n = n_samples(d), i, x, y;
	unsigned bits = d->bits_stored > 16 ? 16 : d->bits_stored;
	uint16_t *s = malloc(n * sizeof *s);
	uint32_t noise = seed * 2654435761u + 1;

	for (i = 0; i < n; i++) {
		noise = noise * 1664525u + 1013904223u;
		x = i / d->samples % d->cols;
		y = i / d->samples / d->cols;
		s[i] = (uint16_t)(((x * 5 + y * 3 + i % d->samples * 40) << bits >> 9) +
			(noise >> 29));
		if (noise >> 24 == 7)
			s[i] = (uint16_t)(noise >> 8);
		s[i] &= (uint16_t)((1u << bits) - 1);
	}
	return s;
}

uint8_t *frame_bytes(const struct pixel_desc *d, const uint16_t *samples)
{
	size_t n = n_samples(d), width = pixel_sample_bytes(d), i;
	uint8_t *b = calloc(n, width);

	for (i = 0; i < n; i++) {
		b[i * width] = (uint8_t)samples[i];
		if (width > 1)
			b[i * width + 1] = (uint8_t)(samples[i] >> 8);
	}
	return b;
}

uint8_t *frame_decode(const struct codec *c, const struct pixel_desc *d, const void *in, size_t len,
	enum photometric *photometric)
{
	enum photometric p = d->photometric;
	size_t out_len = (size_t)pixel_decoded_bytes(d);
	uint8_t *out = malloc(out_len), *exact = malloc(len ? len : 1);
	struct err err = { 0 };
	int rc;

	memcpy(exact, in, len);
	memset(out, 0xa5, out_len);
	rc = c->decode(d, exact, len, out, out_len, &p, &err);
	free(exact);
	if (photometric)
		*photometric = p;
	if (rc == 0)
		return out;
	if (rc > 0 || err.code != rc || err.msg[0] == '\0')
		abort();
	free(out);
	return NULL;
}

bool frame_decodes_to(const struct codec *c, const struct pixel_desc *d, const void *in, size_t len,
	const uint8_t *want)
{
	uint8_t *out = frame_decode(c, d, in, len, NULL);
	bool same = out && memcmp(out, want, (size_t)pixel_decoded_bytes(d)) == 0;

	free(out);
	return same;
}

size_t frame_torture(const struct codec *c, const struct pixel_desc *d, const void *in, size_t len)
{
	uint8_t *copy = malloc(len), *out;
	size_t refused = 0, i;

	for (i = 1; i < 4; i++) {
		mem_fail_after(i);
		free(frame_decode(c, d, in, len, NULL));
		mem_fail_after(0);
	}
	for (i = 0; i < len; i++) {
		out = frame_decode(c, d, in, i, NULL);
		refused += !out;
		free(out);
	}
	for (i = 0; i < len; i++) {
		memcpy(copy, in, len);
		copy[i] ^= (uint8_t)(1 << i % 8);
		free(frame_decode(c, d, copy, len, NULL));
		copy[i] = 0xff;
		free(frame_decode(c, d, copy, len, NULL));
	}
	free(copy);
	return refused;
}

static unsigned sample_at(const uint8_t *bytes, unsigned width, size_t i)
{
	return width == 1 ? bytes[i] : get_le16(bytes + 2 * i);
}

bool frame_is_clamped(const struct codec *c, const struct pixel_desc *d, const void *in, size_t len)
{
	struct pixel_desc fewer = *d;
	unsigned width = pixel_sample_bytes(d), most, want;
	size_t n = (size_t)d->rows * d->cols * d->samples, n_above = 0, i;
	uint8_t *all = frame_decode(c, d, in, len, NULL), *out;

	fewer.bits_stored = (uint16_t)(d->bits_stored - 2);
	fewer.high_bit = (uint16_t)(fewer.bits_stored - 1);
	most = (1u << fewer.bits_stored) - 1;
	out = frame_decode(c, &fewer, in, len, NULL);
	for (i = 0; all && out && i < n; i++) {
		want = sample_at(all, width, i);
		n_above += want > most;
		if (sample_at(out, width, i) != (want > most ? most : want))
			break;
	}
	free(all);
	free(out);
	return i == n && n_above > 0 && n_above < n;
}

bool frame_refuses_other_sizes(const struct codec *c, const struct pixel_desc *d, const void *in,
	size_t len)
{
	struct pixel_desc other[5] = { *d, *d, *d, *d, *d };
	uint8_t *out;
	unsigned i;

	other[0].rows++;
	other[1].cols--;
	other[2].samples = d->samples == 1 ? 3 : 1;
	other[3].rows = 1;
	other[4].cols *= 2;
	for (i = 0; i < 5; i++) {
		out = frame_decode(c, &other[i], in, len, NULL);
		free(out);
		if (out)
			return false;
	}
	return true;
}
