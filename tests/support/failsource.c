/* SPDX-License-Identifier: MIT */
/* The source that fails: see failsource.h. */
#include "support/failsource.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

static int64_t fail_pread(struct dcm_source *s, void *buf, size_t n, uint64_t off, struct err *err)
{
	struct failsource *f = (struct failsource *)s;

	f->n_reads++;
	if (off + n > f->fails_at || f->n_reads == f->fails_read)
		return err_set(err, -EIO, "as the test wants");
	memcpy(buf, (const char *)f->bytes + off, n);
	return (int64_t)n;
}

static void fail_close(struct dcm_source *s)
{
	((struct failsource *)s)->n_closed++;
}

struct dcm_source *failsource_init(struct failsource *f, const void *bytes, size_t len,
	uint64_t fails_at)
{
	static const struct dcm_source_ops ops = { fail_pread, fail_close };

	*f = (struct failsource){ .base = { .ops = &ops, .size = len },
		.bytes = bytes,
		.fails_at = fails_at };
	return &f->base;
}

struct failing_source {
	struct dcm_source base, *inner;
	struct failing *f;
};

static int64_t failing_pread(struct dcm_source *s, void *buf, size_t n, uint64_t off,
	struct err *err)
{
	struct failing_source *x = (struct failing_source *)s;

	x->f->n_reads++;
	if (!x->f->on || (x->f->size && x->f->size != s->size))
		return dcm_source_pread(x->inner, buf, n, off, err);
	x->f->n_failed++;
	return err_set(err, -EIO, "as the test wants");
}

static void failing_close(struct dcm_source *s)
{
	dcm_source_close(((struct failing_source *)s)->inner);
	mem_free(s);
}

int failing_filter(void *arg, struct dcm_source *in, struct dcm_source **out, struct err *err)
{
	static const struct dcm_source_ops ops = { failing_pread, failing_close };
	struct failing_source *x = mem_alloc(sizeof *x);

	if (!x)
		return err_nomem(err);
	*x = (struct failing_source){ .base = { .ops = &ops, .size = in->size },
		.inner = in,
		.f = arg };
	*out = &x->base;
	return 0;
}
