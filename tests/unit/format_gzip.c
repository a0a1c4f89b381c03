/* SPDX-License-Identifier: MIT */
/* gzip members of stored blocks: their size, any range of them, and how often they ask for the
 * bytes inside. */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/err.h"
#include "format/gzip.h"
#include "support/countdown.h"

/* Bytes that count how many of them were asked for, and may end early or be unreadable from some
 * place on. */
struct inside {
	uint8_t *bytes;
	uint64_t len, n_read, bad_from;
	size_t most; /* a read; 0: any */
};

static int64_t read_inside(void *arg, void *buf, size_t n, uint64_t off, struct stop *stop,
	struct err *err)
{
	struct inside *in = arg;

	(void)stop;
	cr_assert(off + n <= in->len, "asked for more than there is");
	if (in->bad_from && off >= in->bad_from)
		return err_set(err, -EIO, "unreadable");
	if (in->bad_from && off + n > in->bad_from)
		n = (size_t)(in->bad_from - off);
	if (in->most && n > in->most)
		n = in->most;
	memcpy(buf, in->bytes + off, n);
	in->n_read += n;
	return (int64_t)n;
}

static struct gzip *make(struct inside *in, uint64_t len)
{
	struct gzip *g;
	uint32_t x = 12345;
	uint64_t i;

	memset(in, 0, sizeof *in);
	in->len = len;
	in->bytes = malloc(len + 1);
	for (i = 0; i < len; i++)
		in->bytes[i] = (uint8_t)((x = x * 1664525u + 1013904223u) >> 24);
	cr_assert_eq(gzip_new(len, read_inside, in, &g, NULL), 0);
	return g;
}

static void drop(struct inside *in, struct gzip *g)
{
	gzip_free(g);
	free(in->bytes);
}

static uint8_t *read_all(struct gzip *g, uint64_t len, uint64_t step)
{
	uint64_t size = gzip_size(len), off = 0;
	uint8_t *out = malloc(size);
	int64_t got;

	while (off < size) {
		got = gzip_pread(g, out + off, (size_t)(step < size - off ? step : size - off), off,
			NULL, NULL);
		cr_assert_gt(got, 0, "at %llu of %llu: %lld", (unsigned long long)off,
			(unsigned long long)size, (long long)got);
		off += (uint64_t)got;
	}
	return out;
}

/* An independent reader: zlib's. */
static void expect_inflates(const uint8_t *member, uint64_t len, const struct inside *in)
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)member, .avail_in = (uInt)gzip_size(len) };
	uint8_t *out = malloc(len + 1);

	z.next_out = out;
	z.avail_out = (uInt)len + 1;
	cr_assert_eq(inflateInit2(&z, 15 + 16), Z_OK);
	cr_expect_eq(inflate(&z, Z_FINISH), Z_STREAM_END, "%llu bytes: %s", (unsigned long long)len,
		z.msg);
	cr_expect_eq(z.total_out, len);
	cr_expect_eq(z.avail_in, 0);
	cr_expect_eq(memcmp(out, in->bytes, len), 0);
	inflateEnd(&z);
	free(out);
}

static const uint64_t lengths[] = { 0, 1, 65534, 65535, 65536, 131070, 131071, 300000 };

Test(format_gzip, a_member_of_any_length_inflates_to_its_bytes)
{
	struct inside in;
	size_t i;

	for (i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		struct gzip *g = make(&in, lengths[i]);
		uint8_t *all = read_all(g, lengths[i], 1 << 20);

		expect_inflates(all, lengths[i], &in);
		free(all);
		drop(&in, g);
	}
}

Test(format_gzip, any_range_equals_the_sequential_read)
{
	struct inside in;
	struct gzip *g = make(&in, 200000);
	uint64_t size = gzip_size(200000), off;
	uint8_t *all = read_all(g, 200000, 4096), part[3000];
	uint32_t x = 1;
	int i;

	for (i = 0; i < 3000; i++) {
		size_t n = (x = x * 1664525u + 1013904223u) >> 16 & 2047, want;

		off = (x = x * 1664525u + 1013904223u) % (size + 10);
		want = off >= size ? 0 : n < size - off ? n : (size_t)(size - off);
		if (i % 4 == 0) /* about the border of two blocks */
			off = 10 + 65540 - n / 2, want = n;
		cr_assert_eq(gzip_pread(g, part, n, off, NULL, NULL), (int64_t)want);
		cr_assert_eq(memcmp(part, all + off, want), 0, "%zu bytes at %llu", n,
			(unsigned long long)off);
	}
	free(all);
	drop(&in, g);
}

Test(format_gzip, reading_in_order_reads_each_byte_once)
{
	struct inside in;
	struct gzip *g = make(&in, 1000000);
	uint8_t *all = read_all(g, 1000000, 131072);

	cr_expect_eq(in.n_read, 1000000, "%llu bytes were read", (unsigned long long)in.n_read);
	expect_inflates(all, 1000000, &in);
	free(all);
	drop(&in, g);
}

Test(format_gzip, the_beginning_costs_no_more_than_itself)
{
	struct inside in;
	struct gzip *g = make(&in, 1000000);
	uint8_t head[400];

	cr_assert_eq(gzip_pread(g, head, sizeof head, 0, NULL, NULL), sizeof head);
	cr_expect_leq(in.n_read, sizeof head);
	cr_expect(gzip_needs_crc(g));
	drop(&in, g);
}

Test(format_gzip, the_checksum_does_not_depend_on_what_was_read_before)
{
	struct inside in;
	struct gzip *g = make(&in, 900000);
	uint8_t *all = read_all(g, 900000, 1 << 20), trailer[8], some[5000];
	uint64_t size = gzip_size(900000);
	uint32_t x = 7;
	int i;

	drop(&in, g);
	g = make(&in, 900000);
	for (i = 0; i < 200; i++) { /* more pieces than are kept, overlapping ones among them */
		x = x * 1664525u + 1013904223u;
		cr_assert_gt(gzip_pread(g, some, 1 + x % 5000, x % (size - 5000), NULL, NULL), 0);
	}
	cr_assert_eq(gzip_pread(g, trailer, 8, size - 8, NULL, NULL), 8);
	cr_expect_arr_eq(trailer, all + size - 8, 8);
	free(all);
	drop(&in, g);
}

Test(format_gzip, short_reads_inside_are_continued)
{
	struct inside in;
	struct gzip *g = make(&in, 150000);
	uint8_t *all;

	in.most = 777;
	all = read_all(g, 150000, 1 << 20);
	expect_inflates(all, 150000, &in);
	free(all);
	drop(&in, g);
}

Test(format_gzip, what_cannot_be_read_fails_and_what_can_does_not)
{
	struct inside in;
	struct gzip *g = make(&in, 150000);
	struct err err = { 0 };
	uint8_t *buf = malloc(150000);

	in.bad_from = 100000;
	cr_expect_eq(gzip_pread(g, buf, 150000, 0, NULL, &err), 10 + 2 * 5 + 100000);
	cr_expect_eq(gzip_pread(g, buf, 10, 10 + 2 * 5 + 100000, NULL, &err), -EIO);
	cr_expect_eq(gzip_pread(g, buf, 8, gzip_size(150000) - 8, NULL, &err), -EIO);
	cr_expect_str_eq(err.msg, "unreadable");
	free(buf);
	drop(&in, g);
}

Test(format_gzip, a_checksum_that_was_stopped_goes_on_where_it_was)
{
	const uint64_t len = 5000000; /* five steps */
	struct inside in;
	struct gzip *g = make(&in, len);
	struct countdown c = COUNTDOWN(3);
	uint8_t trailer[8];
	struct err err;
	uint64_t before;

	cr_expect_eq(gzip_pread(g, trailer, 8, gzip_crc_off(len), &c.stop, &err), -EINTR);
	cr_expect_eq(err.code, -EINTR);
	before = in.n_read;
	cr_expect_gt(before, 0);
	cr_expect_lt(before, len);
	cr_expect_eq(gzip_pread(g, trailer, 8, gzip_crc_off(len), NULL, NULL), 8);
	cr_expect_eq(in.n_read, len, "nothing is read twice");
	drop(&in, g);
}

Test(format_gzip, a_remembered_checksum_is_taken)
{
	struct inside in;
	struct gzip *g = make(&in, 70000);
	uint8_t trailer[8];

	gzip_set_crc(g, 0x01020304);
	cr_expect(!gzip_needs_crc(g));
	cr_assert_eq(gzip_pread(g, trailer, 8, gzip_crc_off(70000), NULL, NULL), 8);
	cr_expect_arr_eq(trailer, "\x04\x03\x02\x01\x70\x11\x01\x00", 8);
	cr_expect_eq(in.n_read, 0);
	drop(&in, g);
}
