/* SPDX-License-Identifier: MIT */
/* Ready-made contents: a text, and pieces in a row. */
#include "vfs/content.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"

int64_t content_pread(struct content *c, void *buf, size_t n, uint64_t off, struct err *err)
{
	size_t done = 0;

	if (off >= c->size)
		return 0;
	n = (size_t)min_u64(n, c->size - off);
	while (done < n) {
		int64_t got = c->ops->pread(c, (char *)buf + done, n - done, off + done, err);

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

/* ---- a text ---- */

struct text {
	struct content base;
	char *bytes;
};

static int64_t text_pread(struct content *c, void *buf, size_t n, uint64_t off, struct err *err)
{
	const struct text *t = (const struct text *)c;

	(void)err;
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

/* ---- pieces in a row ---- */

struct piece {
	struct content_part part;
	uint64_t start; /* where it begins in the whole */
	bool owns_from; /* the first of those with one `from` frees it */
};

struct pieces {
	struct content base;
	size_t n;
	struct piece at[];
};

/* The piece that holds byte off: the last one that begins at or before it, so that empty ones
 * are passed. */
static const struct piece *piece_at(const struct pieces *p, uint64_t off)
{
	size_t low = 0, high = p->n;

	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;

		if (p->at[mid].start <= off)
			low = mid;
		else
			high = mid;
	}
	return &p->at[low];
}

static int64_t pieces_pread(struct content *c, void *buf, size_t n, uint64_t off, struct err *err)
{
	const struct piece *p = piece_at((const struct pieces *)c, off);
	uint64_t in = off - p->start;

	n = (size_t)min_u64(n, p->part.len - in);
	if (p->part.from)
		return content_pread(p->part.from, buf, n, p->part.off + in, err);
	memcpy(buf, p->part.bytes + in, n);
	return (int64_t)n;
}

static bool seen_before(const struct content_part *parts, size_t i)
{
	size_t k;

	for (k = i; k-- > 0;) /* backwards: it is mostly the neighbour */
		if (parts[k].from == parts[i].from)
			return true;
	return false;
}

static void free_parts(struct content_part *parts, size_t n)
{
	size_t i;

	for (i = n; i-- > 0;) {
		mem_free(parts[i].bytes);
		if (parts[i].from && !seen_before(parts, i))
			content_free(parts[i].from);
	}
}

static void pieces_free(struct content *c)
{
	struct pieces *p = (struct pieces *)c;
	size_t i;

	for (i = 0; i < p->n; i++) {
		mem_free(p->at[i].part.bytes);
		if (p->at[i].owns_from)
			content_free(p->at[i].part.from);
	}
	mem_free(p);
}

static const struct content_ops pieces_ops = { pieces_pread, pieces_free };

/* Whether the range lies in what it is a range of. */
static bool part_fits(const struct content_part *p)
{
	return !p->from || (p->off <= p->from->size && p->len <= p->from->size - p->off);
}

int content_parts(struct content_part *parts, size_t n, struct content **out, struct err *err)
{
	struct pieces *p = mem_calloc(1, sizeof *p + n * sizeof p->at[0]);
	size_t i;

	if (!p) {
		free_parts(parts, n);
		return err_nomem(err);
	}
	p->base.ops = &pieces_ops;
	p->n = n;
	for (i = 0; i < n; i++) {
		struct piece *at = &p->at[i];

		at->part = parts[i];
		at->start = p->base.size;
		at->owns_from = parts[i].from && !seen_before(parts, i);
		p->base.held_bytes += parts[i].from ? 0 : (size_t)parts[i].len;
		p->base.held_bytes += at->owns_from ? parts[i].from->held_bytes : 0;
		if (!part_fits(&parts[i]) || !add_u64(at->start, parts[i].len, &p->base.size)) {
			mem_free(p);
			free_parts(parts, n);
			return err_set(err, -EBADMSG, "a part ends behind its source");
		}
	}
	*out = &p->base;
	return 0;
}
