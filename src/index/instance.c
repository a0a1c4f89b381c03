/* SPDX-License-Identifier: MIT */
/* Instances as blocks of memory that are shared; instance_read.c makes them of files. */
#include "index/instance.h"

#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "index/intern.h"

const struct instance_problem *instance_problems(const struct instance *in)
{
	return (const struct instance_problem *)(in + 1);
}

static char *put_text(char *to, const char *text)
{
	size_t len = strlen(text) + 1;

	memcpy(to, text, len);
	return to + len;
}

/* One block: the struct, the problems, the texts. */
struct instance *instance_make(const struct instance *values, const char *file, const char *sop_uid,
	const struct instance_problem *problems, uint32_t n_problems)
{
	size_t size = sizeof *values + n_problems * sizeof *problems, texts = strlen(file) + 1;
	struct instance_problem *own;
	struct instance *in;
	uint32_t i;
	char *to;

	texts += sop_uid ? strlen(sop_uid) + 1 : 0;
	for (i = 0; i < n_problems; i++)
		texts += strlen(problems[i].text) + 1;
	in = mem_alloc(size + texts);
	if (!in)
		return NULL;
	memcpy(in, values, sizeof *in);
	own = (struct instance_problem *)(in + 1);
	to = (char *)in + size;
	for (i = 0; i < n_problems; i++) {
		own[i] = (struct instance_problem){ .off = problems[i].off, .text = to };
		to = put_text(to, problems[i].text);
	}
	in->file = to;
	to = put_text(to, file);
	in->sop_uid = sop_uid ? to : NULL;
	if (sop_uid)
		put_text(to, sop_uid);
	in->n_problems = n_problems;
	atomic_init(&in->refs, 1);
	interned_use(in->dir);
	interned_use(in->attr);
	return in;
}

/* Behind the n bytes that are there; cut short where a NUL would not fit. */
static size_t append(char *buf, size_t n, size_t cap, const char *text)
{
	size_t len = min_size(strlen(text), cap - 1 - n);

	memcpy(buf + n, text, len);
	return n + len;
}

const char *instance_path(const struct instance *in, char *buf, size_t cap)
{
	size_t n = append(buf, 0, cap, in->dir);

	if (n)
		n = append(buf, n, cap, "/");
	n = append(buf, n, cap, in->file);
	buf[n] = '\0';
	return buf;
}

uint64_t instance_identity(const struct instance *in)
{
	return in->sop_uid ? hash_str(in->sop_uid) :
			     hash_bytes(hash_str(in->dir), in->file, strlen(in->file));
}

struct instance *instance_get(struct instance *in)
{
	atomic_fetch_add_explicit(&in->refs, 1, memory_order_relaxed);
	return in;
}

void instance_put(struct instance *in)
{
	if (!in || atomic_fetch_sub_explicit(&in->refs, 1, memory_order_acq_rel) != 1)
		return;
	interned_drop(in->dir);
	interned_drop(in->attr);
	mem_free(in);
}
