/* SPDX-License-Identifier: MIT */
/* Ready-made contents: the same bytes whatever the range. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "vfs/content.h"

Test(vfs_content, any_range_of_a_text_is_that_of_the_whole)
{
	const char *whole = "head and 0123456789";
	size_t size = strlen(whole), off, n;
	struct content *c = NULL;
	char got[64];

	cr_assert_eq(content_text(mem_strdup(whole), size, &c, NULL), 0);
	cr_assert_eq(c->size, size);
	for (off = 0; off <= size + 2; off++)
		for (n = 0; n < size + 3; n++) {
			size_t want = off >= size ? 0 : n < size - off ? n : size - off;

			cr_assert_eq(content_pread(c, got, n, off, NULL, NULL), (int64_t)want);
			cr_assert_eq(memcmp(got, whole + off, want), 0, "at %zu, %zu bytes", off,
				n);
		}
	content_free(c);
}

Test(vfs_content, what_was_given_is_freed_when_memory_fails)
{
	struct content *c = NULL;
	char *s = mem_strdup("lost");

	mem_fail_after(1);
	cr_assert_eq(content_text(s, 4, &c, NULL), -ENOMEM);
	mem_fail_after(0);
}

static int64_t pread_short(struct content *c, void *buf, size_t n, uint64_t off, struct stop *stop,
	struct err *err)
{
	(void)c;
	(void)stop, (void)err;
	if (off >= 5)
		return 0;
	memset(buf, 'a', 1);
	return n ? 1 : 0;
}

Test(vfs_content, a_content_that_ends_early_is_an_error_not_silence)
{
	static const struct content_ops ops = { .pread = pread_short };
	struct content c = { .ops = &ops, .size = 9 };
	char got[9];

	cr_assert_eq(content_pread(&c, got, 5, 0, NULL, NULL), 5);
	cr_assert_eq(content_pread(&c, got, 9, 0, NULL, NULL), -EIO);
}
