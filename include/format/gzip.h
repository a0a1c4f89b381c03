/* SPDX-License-Identifier: MIT */
/*
 * One gzip member (RFC 1952) of stored blocks around bytes that are made when they are
 * read: exact size, any range at once. Only the checksum in the last eight bytes needs all
 * of them. The checksums of ranges that went by are remembered and joined, so that who reads from
 * the beginning to the end makes nothing twice, and who reads the beginning makes nothing more.
 */
#ifndef FORMAT_GZIP_H
#define FORMAT_GZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct gzip;
struct stop;

/* The bytes inside: as stored_read, and `stop` may be asked between steps. */
typedef int64_t (*gzip_read)(void *arg, void *buf, size_t n, uint64_t off, struct stop *stop,
	struct err *err);

#define GZIP_HELD_BYTES 2048u /* about what one takes in memory */

/* Of the member around len bytes. */
uint64_t gzip_size(uint64_t len);

/* Around len bytes; arg outlives the member. Any number of threads may read at once. */
int gzip_new(uint64_t len, gzip_read read, void *arg, struct gzip **out, struct err *err);
void gzip_free(struct gzip *g); /* NULL is fine */

/* A range of the member, as a pread of a file is. Where the checksum is needed and not known, it
 * is made. */
int64_t gzip_pread(struct gzip *g, void *buf, size_t n, uint64_t off, struct stop *stop,
	struct err *err);

/* For who remembers checksums: where the trailer begins that has it; is it not known yet? Make it;
 * say what it is. */
uint64_t gzip_crc_off(uint64_t len);
bool gzip_needs_crc(struct gzip *g);
int gzip_crc(struct gzip *g, uint32_t *crc, struct stop *stop, struct err *err);
void gzip_set_crc(struct gzip *g, uint32_t crc);

#endif
