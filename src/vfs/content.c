/* SPDX-License-Identifier: MIT */
/* Reading a content whole, and the ready-made one: a text. */
#include "vfs/content.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"

int64_t content_pread(struct content *c, void *buf, size_t n, uint64_t off, struct stop *stop,
	struct err *err)
{
	size_t done = 0;

	if (off >= c->size)
		return 0;
	n = (size_t)min_u64(n, c->size - off);
	while (done < n) {
		int64_t got = c->ops->pread(c, (char *)buf + done, n - done, off + done, stop, err);

		if (got < 0)
			return got;
		if (got == 0)
			return err_set(err, -EIO, "only %llu of %llu bytes are there",
				(unsigned long long)(off + done), (unsigned long long)c->size);
		done += (size_t)got;
	}
	return (int64_t)done;
}

void content_free(struct content *c)
{
	if (c)
		c->ops->free(c);
}

struct text {
	struct content base;
	char *bytes;
};

static int64_t text_pread(struct content *c, void *buf, size_t n, uint64_t off, struct stop *stop,
	struct err *err)
{
	const struct text *t = (const struct text *)c;

	(void)stop, (void)err;
	memcpy(buf, t->bytes + off, n);
	return (int64_t)n;
}

static void text_free(struct content *c)
{
	mem_free(((struct text *)c)->bytes);
	mem_free(c);
}

static const struct content_ops text_ops = { text_pread, text_free };

int content_text(char *text, size_t len, struct content **out, struct err *err)
{
	struct text *t = mem_calloc(1, sizeof *t);

	if (!t) {
		mem_free(text);
		return err_nomem(err);
	}
	t->base.ops = &text_ops;
	t->base.size = len;
	t->base.held_bytes = len;
	t->bytes = text;
	*out = &t->base;
	return 0;
}
