/* SPDX-License-Identifier: MIT */
/*
 * Trees and dumps. A dump is UTF-8, has a sign of equality or a problem in each line, is as long as
 * counting says, and twice the same; a series of two such files has no line that either lacks.
 */
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "dicom/dataset.h"
#include "dicom/source.h"
#include "text/dump.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_lines(const struct buf *b)
{
	const char *line = b->len ? b->data : "", *end = line + b->len, *eol;

	if (!utf8_valid(line, b->len))
		__builtin_trap();
	for (; line < end; line = eol + 1) {
		eol = memchr(line, '\n', (size_t)(end - line));
		if (!eol || (*line != '(' && *line != '#'))
			__builtin_trap();
		if (*line == '(' && !memmem(line, (size_t)(eol - line), " =", 2))
			__builtin_trap();
	}
}

static void check_series(const struct dcm_header *h, size_t one)
{
	struct dump_series *s;
	struct buf b;

	buf_init(&b);
	if (dump_series_new(&s, NULL) < 0 || dump_series_add(s, h, NULL) < 0 ||
		dump_series_add(s, h, NULL) < 0 || dump_series_render(s, &b, NULL) < 0)
		__builtin_trap();
	if (b.len > 2 * one + 64)
		__builtin_trap();
	check_lines(&b);
	dump_series_free(s);
	buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf text, count;
	struct dcm_source *s;
	struct dcm_header *h;

	if (dcm_source_from_memory(data, size, &s, NULL) < 0 ||
		dcm_header_read(s, DCM_LOAD_ALL, 0, &h, NULL) < 0)
		return 0;
	buf_init(&text);
	buf_init_counting(&count);
	if (dump_render(h, &text, NULL, NULL) < 0 || dump_render(h, &count, NULL, NULL) < 0 ||
		text.len != count.len)
		__builtin_trap();
	check_lines(&text);
	check_series(h, text.len);
	buf_release(&text);
	dcm_header_free(h);
	return 0;
}
