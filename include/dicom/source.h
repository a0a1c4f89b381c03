/* SPDX-License-Identifier: MIT */
/*
 * Where bytes come from: a size and a way to read any range. The parser knows
 * files, memory and inflated data sets only through this table, so that tests
 * can feed it bytes and failures. Reading is safe from many threads at once.
 */
#ifndef DICOM_SOURCE_H
#define DICOM_SOURCE_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct dcm_source;

struct dcm_source_ops {
	/* Up to n bytes from off; short only at the end of the source. Returns the
	 * count or a negative errno. */
	int64_t (*pread)(struct dcm_source *s, void *buf, size_t n, uint64_t off, struct err *err);
	void (*close)(struct dcm_source *s);
};

struct dcm_source {
	const struct dcm_source_ops *ops;
	uint64_t size;
	size_t held_bytes; /* of memory, about, where it is worth counting */
};

/* A regular file; fd is taken (closed on error too). Never mapped: a file that is
 * cut short under us must be a short read, not a signal. */
int dcm_source_from_fd(int fd /* taken */, struct dcm_source **out, struct err *err);
/* The same for one whose size is known already. */
int dcm_source_from_sized_fd(int fd /* taken */, uint64_t size, struct dcm_source **out,
	struct err *err);
/* openat() read-only; -ENOENT, -EACCES ... as the system says; not a regular file: -EINVAL. */
int dcm_source_open_at(int dir_fd, const char *path, struct dcm_source **out, struct err *err);
/* len bytes at p, which stay the caller's and outlive the source. */
int dcm_source_from_memory(const void *p, size_t len, struct dcm_source **out, struct err *err);
/* base (taken, also on error) with everything from off on inflated (raw RFC 1951, PS3.5 A.5; the zlib
 * header that some writers put before it is passed over): bytes before off are base's own, offsets
 * behind it are those of the inflated data set.
 * A stream that is damaged or cut is as long as what comes out of it; -EBADMSG: nothing
 * does; -EFBIG: more than limits.h allows. Inflates once to know the size, so not cheap. */
int dcm_source_inflate(struct dcm_source *base /* taken */, uint64_t off, struct dcm_source **out,
	struct err *err);

int64_t dcm_source_pread(struct dcm_source *s, void *buf, size_t n, uint64_t off, struct err *err);
/* All n bytes, or -EBADMSG where the source ends before. */
int dcm_source_read_full(struct dcm_source *s, void *buf, size_t n, uint64_t off, struct err *err);
void dcm_source_close(struct dcm_source *s); /* NULL is fine */

#endif
