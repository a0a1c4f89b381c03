/* SPDX-License-Identifier: MIT */
/* Stored blocks: see format/stored.h. The only user of zlib above dicom/. */
#include "format/stored.h"

#include <string.h>
#include <zlib.h>

#include "base/bytes.h"

#define BLOCK 65535u /* bytes in each but the last */
#define HEAD 5u
#define MOST_AT_ONCE (1u << 30) /* zlib counts in unsigned int */

uint64_t stored_size(uint64_t len)
{
	uint64_t blocks = len ? (len - 1) / BLOCK + 1 : 1;

	return len + blocks * HEAD;
}

/* How many stored bytes are before position off of the stream. */
static uint64_t bytes_before(const struct stored *s, uint64_t off)
{
	uint64_t block = off / (BLOCK + HEAD), in_block = off % (BLOCK + HEAD);

	return min_u64(s->len, block * BLOCK + (in_block > HEAD ? in_block - HEAD : 0));
}

/* BFINAL and BTYPE 00, LEN, NLEN. */
static void make_head(const struct stored *s, uint64_t block, uint8_t out[HEAD])
{
	uint64_t left = s->len - block * BLOCK;
	uint16_t len = (uint16_t)min_u64(left, BLOCK);

	out[0] = left <= BLOCK;
	put_le16(out + 1, len);
	put_le16(out + 3, (uint16_t)~len);
}

/* The bytes lie at the end of the range: move them to their places from the front on, which never
 * overtakes what is still to be moved. Returns what was filled before the bytes ran out. */
static size_t spread(const struct stored *s, uint8_t *out, size_t n, uint64_t off,
	const uint8_t *bytes, size_t n_bytes)
{
	size_t done = 0, part;
	uint8_t head[HEAD];

	while (done < n) {
		uint64_t block = (off + done) / (BLOCK + HEAD);
		uint32_t at = (uint32_t)((off + done) % (BLOCK + HEAD));

		if (at < HEAD) {
			part = min_size(n - done, HEAD - at);
			make_head(s, block, head);
			memcpy(out + done, head + at, part);
		} else {
			part = min_size(min_size(n - done, BLOCK + HEAD - at), n_bytes);
			memmove(out + done, bytes, part);
			bytes += part;
			n_bytes -= part;
		}
		if (!part)
			break;
		done += part;
	}
	return done;
}

int64_t stored_pread(const struct stored *s, void *buf, size_t n, uint64_t off, struct err *err)
{
	uint64_t size = stored_size(s->len), first, last;
	uint8_t *out = buf, *bytes;
	int64_t got = 0;
	size_t done;

	if (off >= size)
		return 0;
	n = (size_t)min_u64(n, size - off);
	first = bytes_before(s, off);
	last = bytes_before(s, off + n);
	bytes = out + n - (last - first);
	if (last > first)
		got = s->read(s->arg, bytes, (size_t)(last - first), first, err);
	if (got < 0)
		return got;
	done = spread(s, out, n, off, bytes, (size_t)got);
	return (int64_t)done;
}

uint32_t stored_crc(uint32_t crc, const void *p, size_t n)
{
	const uint8_t *b = p;
	size_t part;

	for (; n; b += part, n -= part) {
		part = min_size(n, MOST_AT_ONCE);
		crc = (uint32_t)crc32(crc, b, (uInt)part);
	}
	return crc;
}

uint32_t stored_crc_join(uint32_t a, uint32_t b, uint64_t b_len)
{
	return (uint32_t)crc32_combine(a, b, (z_off_t)b_len);
}

uint32_t stored_adler(uint32_t adler, const void *p, size_t n)
{
	const uint8_t *b = p;
	size_t part;

	for (; n; b += part, n -= part) {
		part = min_size(n, MOST_AT_ONCE);
		adler = (uint32_t)adler32(adler, b, (uInt)part);
	}
	return adler;
}
