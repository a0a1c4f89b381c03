/* SPDX-License-Identifier: MIT */
/*
 * Deflate without compression (RFC 1951 §3.2.4): stored blocks of 65535 bytes, each
 * behind five bytes of its own. The length of such a stream is arithmetic, and any range of it can
 * be made alone: what gzip members and PNG images of known size are made of. And the checksums
 * that go with them.
 */
#ifndef FORMAT_STORED_H
#define FORMAT_STORED_H

#include <stddef.h>
#include <stdint.h>

struct err;

/* The bytes that are stored: up to n of them from off, a count (short where the rest cannot be had)
 * or a negative errno. Never asked for more than there are. */
typedef int64_t (*stored_read)(void *arg, void *buf, size_t n, uint64_t off, struct err *err);

struct stored {
	uint64_t len; /* of the bytes */
	stored_read read;
	void *arg;
};

/* Bytes that the blocks of len bytes take. */
uint64_t stored_size(uint64_t len);
/* A range of the blocks, as a pread of a file is. read() is called once at most. */
int64_t stored_pread(const struct stored *s, void *buf, size_t n, uint64_t off, struct err *err);

/* CRC-32 (ISO 3309) of what had `crc` so far (0: nothing) and of n bytes more; of two pieces in a
 * row, from each one's own; Adler-32, which begins with 1. */
uint32_t stored_crc(uint32_t crc, const void *p, size_t n);
uint32_t stored_crc_join(uint32_t a, uint32_t b, uint64_t b_len);
uint32_t stored_adler(uint32_t adler, const void *p, size_t n);

#endif
