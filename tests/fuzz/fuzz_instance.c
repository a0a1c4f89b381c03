/* SPDX-License-Identifier: MIT */
/* Any bytes as a file of the archive: its record is read, twice by one reader, and what it says
 * is sane. */
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct instance_file file = { .file = "file", .size = size };
	struct instance_reader *reader;
	struct interns *interns;
	struct instance *in;
	struct dcm_source *s;
	int i;

	if (interns_new(&interns, NULL) < 0 || instance_reader_new(interns, &reader, NULL) < 0)
		abort();
	file.dir = intern_text(interns, "", 0);
	for (i = 0; i < 2; i++) {
		if (dcm_source_from_memory(data, size, &s, NULL) < 0)
			abort();
		if (instance_read(reader, s, &file, &in, NULL) == 0) {
			check(in, size);
			instance_put(in);
		}
	}
	instance_reader_free(reader);
	interns_free(interns);
	return 0;
}
