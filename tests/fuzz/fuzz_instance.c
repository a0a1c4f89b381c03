/* SPDX-License-Identifier: MIT */
/* Any bytes as a file of the archive: its record is read, what it says is sane, and it is the same
 * whatever the reader remembers: the file itself, or one that is like it. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dicom/source.h"
#include "index/instance.h"
#include "index/intern.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct instance *in, size_t size)
{
	uint32_t i;

	assert(in->n_frames >= 1);
	assert(in->deflated || in->n_frames <= size / 8 + 1);
	assert(in->attr->pixel.bits_stored <= in->attr->pixel.bits_allocated);
	assert(!in->sop_uid || in->sop_uid[0]);
	assert(strcmp(in->file, "file") == 0);
	for (i = 0; i < in->n_problems; i++)
		assert(instance_problems(in)[i].text[0]);
}

/* NULL: no instance. */
static struct instance *read_one(struct interns *interns, struct instance_reader *reader,
	const uint8_t *data, size_t size)
{
	struct instance_file file = { .file = "file", .size = size };
	struct instance *in;
	struct dcm_source *s;

	file.dir = intern_text(interns, "", 0);
	if (dcm_source_from_memory(data, size, &s, NULL) < 0)
		abort();
	if (instance_read(reader, s, &file, &in, NULL) < 0)
		return NULL;
	check(in, size);
	return in;
}

static void expect_same(const struct instance *a, const struct instance *b)
{
	size_t numbers = offsetof(struct instance, size);

	assert(!a == !b);
	if (!a)
		return;
	assert(a->attr == b->attr && !a->sop_uid == !b->sop_uid);
	assert(!a->sop_uid || strcmp(a->sop_uid, b->sop_uid) == 0);
	assert(memcmp((const char *)a + numbers, (const char *)b + numbers, sizeof *a - numbers) ==
		0);
}

static void read_alike(struct interns *interns, const uint8_t *data, size_t size)
{
	struct instance_reader *reader, *other;
	struct instance *first, *again, *fresh, *reread;
	uint8_t *changed = malloc(size + 1);

	if (!changed || instance_reader_new(interns, &reader, NULL) < 0 ||
		instance_reader_new(interns, &other, NULL) < 0)
		abort();
	memcpy(changed, data, size);
	if (size >= 2)
		changed[(data[size - 1] * 256u + data[size - 2]) % size] ^= data[size / 2];
	first = read_one(interns, reader, data, size);
	again = read_one(interns, reader, data, size);
	reread = read_one(interns, reader, changed, size);
	fresh = read_one(interns, other, changed, size);
	expect_same(first, again);
	expect_same(reread, fresh);
	instance_put(first);
	instance_put(again);
	instance_put(reread);
	instance_put(fresh);
	instance_reader_free(reader);
	instance_reader_free(other);
	free(changed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct interns *interns;

	if (interns_new(&interns, NULL) < 0)
		abort();
	read_alike(interns, data, size);
	interns_free(interns);
	return 0;
}
