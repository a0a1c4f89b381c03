/* SPDX-License-Identifier: MIT */
/* PNG files as zlib reads them: chunks, checksums, rows, and a size that was known before. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/bytes.h"
#include "format/png.h"

static const struct png_shape shapes[] = {
	{ 1, 1, 1 },
	{ 3, 2, 3 },
	{ 256, 255, 1 },
	{ 65534, 1, 1 },
	{ 65535, 2, 1 },
	{ 300, 301, 3 },
};

/* A chunk's data; *p moves behind it. */
static const uint8_t *chunk(const uint8_t **p, const char *type, uint32_t *len)
{
	const uint8_t *data = *p + 8;

	*len = get_be32(*p);
	cr_assert_eq(memcmp(*p + 4, type, 4), 0, "no %s", type);
	cr_expect_eq(get_be32(data + *len), crc32(0, *p + 4, *len + 4), "checksum of %s", type);
	*p = data + *len + 4;
	return data;
}

static void expect_rows(const struct png_shape *s, const uint8_t *idat, uint32_t len,
	const uint8_t *pixels)
{
	size_t row = (size_t)s->width * s->channels, y;
	uLongf n = (uLongf)((row + 1) * s->height);
	uint8_t *raw = malloc(n);

	cr_assert_eq(uncompress(raw, &n, idat, len), Z_OK);
	cr_assert_eq(n, (row + 1) * s->height);
	for (y = 0; y < s->height; y++) {
		cr_assert_eq(raw[y * (row + 1)], 0, "row %zu has a filter", y);
		cr_assert_eq(memcmp(raw + y * (row + 1) + 1, pixels + y * row, row), 0, "row %zu",
			y);
	}
	free(raw);
}

Test(format_png, an_image_of_any_size_is_read_back)
{
	size_t k, i;

	for (k = 0; k < sizeof shapes / sizeof shapes[0]; k++) {
		const struct png_shape *s = &shapes[k];
		size_t n = (size_t)s->width * s->height * s->channels;
		uint8_t *pixels = malloc(n), *file = malloc(png_size(s));
		const uint8_t *p = file + 8, *data;
		uint32_t len;

		for (i = 0; i < n; i++)
			pixels[i] = (uint8_t)(i * 31 + i / 256);
		png_encode(s, pixels, file);
		cr_assert_eq(memcmp(file, "\x89PNG\r\n\x1a\n", 8), 0);
		data = chunk(&p, "IHDR", &len);
		cr_assert_eq(len, 13);
		cr_expect_eq(get_be32(data), s->width);
		cr_expect_eq(get_be32(data + 4), s->height);
		cr_expect_eq(data[8], 8);
		cr_expect_eq(data[9], s->channels == 3 ? 2 : 0);
		data = chunk(&p, "IDAT", &len);
		expect_rows(s, data, len, pixels);
		chunk(&p, "IEND", &len);
		cr_expect_eq((uint64_t)(p - file), png_size(s), "shape %zu", k);
		free(pixels);
		free(file);
	}
}
