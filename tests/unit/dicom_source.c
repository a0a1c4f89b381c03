/* SPDX-License-Identifier: MIT */
/* Byte sources: files, memory, deflated streams read at random. */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "dicom/source.h"

static uint8_t *deflated(const uint8_t *p, size_t n, size_t *packed_len)
{
	z_stream z = { 0 };
	uint8_t *packed;
	uLong most;

	cr_assert_eq(deflateInit2(&z, 1, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
	most = deflateBound(&z, n);
	packed = malloc(most);
	z.next_in = (Bytef *)p;
	z.avail_in = (uInt)n;
	z.next_out = packed;
	z.avail_out = (uInt)most;
	cr_assert_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
	*packed_len = z.total_out;
	deflateEnd(&z);
	return packed;
}

/* Text that deflates, but not to nothing. */
static uint8_t *sample(size_t n)
{
	uint8_t *p = malloc(n);
	uint32_t x = 1;
	size_t i;

	for (i = 0; i < n; i++) {
		x = x * 1103515245u + 12345u;
		p[i] = (uint8_t)('a' + (x >> 16) % 7);
	}
	return p;
}

static struct dcm_source *inflate_of(const uint8_t *packed, size_t len, uint64_t from)
{
	struct dcm_source *base, *s;

	cr_assert_eq(dcm_source_from_memory(packed, len, &base, NULL), 0);
	cr_assert_eq(dcm_source_inflate(base, from, &s, NULL), 0);
	return s;
}

Test(dicom_source, a_file_is_read_at_any_place_and_ends_where_it_ends)
{
	char path[] = "/tmp/dcmfs-test-XXXXXX", buf[8] = "";
	int fd = mkstemp(path);
	struct dcm_source *s;
	struct err err;

	cr_assert_eq(write(fd, "0123456789", 10), 10);
	close(fd);
	cr_assert_eq(dcm_source_open_at(AT_FDCWD, path, &s, NULL), 0);
	cr_assert_eq(s->size, 10);
	cr_assert_eq(dcm_source_pread(s, buf, 4, 3, NULL), 4);
	cr_assert_str_eq(buf, "3456");
	cr_assert_eq(dcm_source_pread(s, buf, 8, 7, NULL), 3);
	cr_assert_eq(dcm_source_pread(s, buf, 8, 10, NULL), 0);
	cr_assert_eq(dcm_source_pread(s, buf, 8, UINT64_MAX, NULL), 0);
	cr_assert_eq(dcm_source_read_full(s, buf, 8, 7, &err), -EBADMSG);
	unlink(path);
	dcm_source_close(s);
}

Test(dicom_source, files_and_borrowed_bytes_hold_no_memory)
{
	struct dcm_source *file, *memory;

	mallopt(M_PERTURB, 0x5a); /* what malloc() gives is no zeros */
	cr_assert_eq(dcm_source_open_at(AT_FDCWD, "/proc/self/exe", &file, NULL), 0);
	cr_assert_eq(dcm_source_from_memory("x", 1, &memory, NULL), 0);
	cr_expect_eq(file->held_bytes, 0);
	cr_expect_eq(memory->held_bytes, 0);
	dcm_source_close(memory);
	dcm_source_close(file);
}

Test(dicom_source, what_is_no_regular_file_is_refused)
{
	struct dcm_source *s;
	struct err err;

	cr_assert_eq(dcm_source_open_at(AT_FDCWD, "/nonexistent", &s, &err), -ENOENT);
	cr_assert_eq(dcm_source_open_at(AT_FDCWD, "/", &s, &err), -EINVAL);
	cr_assert_eq(dcm_source_open_at(AT_FDCWD, "/dev/null", &s, &err), -EINVAL);
}

Test(dicom_source, deflated_bytes_read_at_random_equal_the_original)
{
	size_t n = 5u << 20, packed_len, i;
	uint8_t *plain = sample(n), *packed = deflated(plain, n, &packed_len),
		*got = malloc(100000);
	struct dcm_source *s = inflate_of(packed, packed_len, 0);
	uint32_t x = 7;

	cr_assert_eq(s->size, n);
	for (i = 0; i < 200; i++) {
		size_t off, len;

		x = x * 1664525u + 1013904223u;
		off = x % n;
		len = x % 99991 + 1;
		if (len > n - off)
			len = n - off;
		cr_assert_eq(dcm_source_read_full(s, got, len, off, NULL), 0);
		cr_assert_arr_eq(got, plain + off, len);
	}
	dcm_source_close(s);
}

struct reading {
	struct dcm_source *s;
	const uint8_t *plain;
	uint32_t seed;
	bool equal;
};

static void *read_at_random(void *arg)
{
	struct reading *r = arg;
	uint8_t got[5000];
	size_t i, off, len;

	r->equal = true;
	for (i = 0; i < 50; i++) {
		r->seed = r->seed * 1664525u + 1013904223u;
		len = r->seed % sizeof got + 1;
		off = r->seed % (r->s->size - len);
		if (dcm_source_read_full(r->s, got, len, off, NULL) < 0 ||
			memcmp(got, r->plain + off, len) != 0)
			r->equal = false;
	}
	return NULL;
}

Test(dicom_source, many_threads_may_read_a_deflated_source)
{
	size_t n = 3u << 20, packed_len, i;
	uint8_t *plain = sample(n), *packed = deflated(plain, n, &packed_len);
	struct dcm_source *s = inflate_of(packed, packed_len, 0);
	struct reading r[4];
	pthread_t thread[4];

	for (i = 0; i < 4; i++) {
		r[i] = (struct reading){ s, plain, (uint32_t)i + 1, false };
		cr_assert_eq(pthread_create(&thread[i], NULL, read_at_random, &r[i]), 0);
	}
	for (i = 0; i < 4; i++) {
		pthread_join(thread[i], NULL);
		cr_assert(r[i].equal);
	}
	dcm_source_close(s);
	free(plain);
	free(packed);
}

Test(dicom_source, bytes_before_the_deflated_stream_are_the_file_s)
{
	uint8_t *plain = sample(1000), buf[8], all[2000];
	size_t packed_len;
	uint8_t *packed = deflated(plain, 1000, &packed_len);
	struct dcm_source *s;

	memcpy(all, "head", 4);
	memcpy(all + 4, packed, packed_len);
	s = inflate_of(all, packed_len + 4, 4);
	cr_assert_eq(s->size, 1004);
	cr_assert_eq(dcm_source_read_full(s, buf, 8, 0, NULL), 0);
	cr_assert_arr_eq(buf, "head", 4);
	cr_assert_arr_eq(buf + 4, plain, 4);
	dcm_source_close(s);
}

/* Some writers wrap the stream (RFC 1950), whatever the standard says. */
Test(dicom_source, a_zlib_header_before_the_deflated_stream_is_passed_over)
{
	size_t n = 3u << 20, level;
	uint8_t *plain = sample(n), *got = malloc(n), *packed;
	struct dcm_source *s;
	uLongf len;

	for (level = 0; level <= 9; level += 3) {
		len = compressBound(n);
		packed = malloc(len);
		cr_assert_eq(compress2(packed, &len, plain, n, (int)level), Z_OK);
		s = inflate_of(packed, len, 0);
		cr_assert_eq(s->size, n, "level %zu: %zu bytes", level, (size_t)s->size);
		cr_assert_eq(dcm_source_read_full(s, got, n, 0, NULL), 0);
		cr_assert_arr_eq(got, plain, n);
		dcm_source_close(s);
		free(packed);
	}
	free(got);
	free(plain);
}

Test(dicom_source, a_deflated_stream_that_is_cut_is_as_long_as_what_came_out)
{
	size_t n = 300000, packed_len;
	uint8_t *plain = sample(n), *packed = deflated(plain, n, &packed_len), *got = malloc(n);
	struct dcm_source *s = inflate_of(packed, packed_len / 2, 0);

	cr_assert_gt(s->size, 1000);
	cr_assert_lt(s->size, n);
	cr_assert_eq(dcm_source_read_full(s, got, s->size, 0, NULL), 0);
	cr_assert_arr_eq(got, plain, s->size);
	dcm_source_close(s);
}

Test(dicom_source, what_does_not_inflate_is_an_error)
{
	struct dcm_source *base, *s;
	struct err err;

	cr_assert_eq(dcm_source_from_memory("\xff\xff\xff\xff", 4, &base, NULL), 0);
	cr_assert_eq(dcm_source_inflate(base, 0, &s, &err), -EBADMSG);
	cr_assert_eq(dcm_source_from_memory("x", 1, &base, NULL), 0);
	cr_assert_eq(dcm_source_inflate(base, 1, &s, &err), -EBADMSG);
}

/* A megabyte of zeros as a deflated block that is not the last, so that it can be repeated. */
static size_t zero_block(uint8_t *out, size_t cap)
{
	uint8_t *zeros = calloc(1, 1u << 20);
	z_stream z = { 0 };

	cr_assert_eq(deflateInit2(&z, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = zeros;
	z.avail_in = 1u << 20;
	z.next_out = out;
	z.avail_out = (uInt)cap;
	cr_assert_eq(deflate(&z, Z_FULL_FLUSH), Z_OK);
	deflateEnd(&z);
	free(zeros);
	return z.total_out;
}

Test(dicom_source, inflating_is_bounded, .timeout = 120)
{
	uint8_t block[4096], *all;
	size_t len = zero_block(block, sizeof block), i;
	struct dcm_source *base, *s;
	struct err err;

	all = malloc(1100 * len);
	for (i = 0; i < 1100; i++)
		memcpy(all + i * len, block, len);
	cr_assert_eq(dcm_source_from_memory(all, 1100 * len, &base, NULL), 0);
	cr_assert_eq(dcm_source_inflate(base, 0, &s, &err), -EFBIG);
}

Test(dicom_source, every_allocation_may_fail)
{
	size_t n = 3u << 20, packed_len;
	uint8_t *plain = sample(n), *packed = deflated(plain, n, &packed_len), buf[16];
	struct dcm_source *base, *s;
	unsigned long k;
	int rc = -ENOMEM;

	for (k = 1; k < 1000 && rc < 0; k++) {
		cr_assert_eq(dcm_source_from_memory(packed, packed_len, &base, NULL), 0);
		mem_fail_after(k);
		rc = dcm_source_inflate(base, 0, &s, NULL);
		if (rc == 0) {
			rc = dcm_source_read_full(s, buf, sizeof buf, n / 2, NULL);
			mem_fail_after(0);
			dcm_source_close(s);
		}
		mem_fail_after(0);
		cr_assert(rc == 0 || rc == -ENOMEM);
	}
	cr_assert_gt(k, 10);
	cr_assert_eq(rc, 0);
}
