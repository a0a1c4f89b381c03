/* SPDX-License-Identifier: MIT */
/* PNG: signature, IHDR, one IDAT, IEND. The IDAT is a zlib stream (RFC 1950) of stored blocks. */
#include "format/png.h"

#include <string.h>

#include "base/bytes.h"
#include "format/stored.h"

#define CHUNK_EXTRA 12u /* length, type, CRC */
#define ZLIB_HEAD 2u
#define ZLIB_TAIL 4u /* Adler-32 */

static const uint8_t signature[8] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n' };

struct rows {
	const uint8_t *pixels;
	uint64_t row_bytes;
};

static uint64_t row_bytes(const struct png_shape *s)
{
	return (uint64_t)s->width * s->channels;
}

static uint64_t raw_bytes(const struct png_shape *s)
{
	return s->height * (1 + row_bytes(s));
}

static uint64_t idat_bytes(const struct png_shape *s)
{
	return ZLIB_HEAD + stored_size(raw_bytes(s)) + ZLIB_TAIL;
}

uint64_t png_size(const struct png_shape *s)
{
	return sizeof signature + CHUNK_EXTRA + 13 + CHUNK_EXTRA + idat_bytes(s) + CHUNK_EXTRA;
}

/* Rows as PNG filters them: each behind a byte that tells how, 0 for not at all. */
static int64_t read_rows(void *arg, void *buf, size_t n, uint64_t off, struct err *err)
{
	const struct rows *r = arg;
	uint8_t *out = buf;
	size_t done = 0, part;

	(void)err;
	while (done < n) {
		uint64_t row = (off + done) / (r->row_bytes + 1),
			 at = (off + done) % (r->row_bytes + 1);

		if (at == 0) {
			out[done++] = 0;
			continue;
		}
		part = (size_t)min_u64(n - done, r->row_bytes + 1 - at);
		memcpy(out + done, r->pixels + row * r->row_bytes + at - 1, part);
		done += part;
	}
	return (int64_t)n;
}

static uint32_t adler_of_rows(const struct png_shape *s, const uint8_t *pixels)
{
	static const uint8_t filter = 0;
	uint32_t adler = 1, y;

	for (y = 0; y < s->height; y++) {
		adler = stored_adler(adler, &filter, 1);
		adler = stored_adler(adler, pixels + y * row_bytes(s), (size_t)row_bytes(s));
	}
	return adler;
}

/* Length and type before, CRC behind data that is in its place; returns where the next chunk goes. */
static uint8_t *close_chunk(uint8_t *chunk, const char *type, uint32_t len)
{
	put_be32(chunk, len);
	memcpy(chunk + 4, type, 4);
	put_be32(chunk + 8 + len, stored_crc(0, chunk + 4, 4 + (size_t)len));
	return chunk + CHUNK_EXTRA + len;
}

static void put_header(const struct png_shape *s, uint8_t out[13])
{
	put_be32(out, s->width);
	put_be32(out + 4, s->height);
	out[8] = 8; /* bits a sample */
	out[9] = s->channels == 3 ? 2 : 0;
	memset(out + 10, 0, 3); /* compression, filter, interlace: the only ones, none */
}

void png_encode(const struct png_shape *s, const uint8_t *pixels, uint8_t *out)
{
	struct rows r = { .pixels = pixels, .row_bytes = row_bytes(s) };
	struct stored raw = { .len = raw_bytes(s), .read = read_rows, .arg = &r };
	size_t n = (size_t)stored_size(raw.len);

	memcpy(out, signature, sizeof signature);
	out += sizeof signature;
	put_header(s, out + 8);
	out = close_chunk(out, "IHDR", 13);
	out[8] = 0x78; /* deflate, window of 32 KiB */
	out[9] = 0x01; /* fastest; makes the two a multiple of 31 */
	stored_pread(&raw, out + 8 + ZLIB_HEAD, n, 0, NULL);
	put_be32(out + 8 + ZLIB_HEAD + n, adler_of_rows(s, pixels));
	out = close_chunk(out, "IDAT", (uint32_t)idat_bytes(s));
	close_chunk(out, "IEND", 0);
}
