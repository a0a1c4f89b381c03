/* SPDX-License-Identifier: MIT */
/*
 * Frames and palettes of whole files: no frame reaches beyond the file, and tables are not larger
 * than what there is.
 */
#include <stdint.h>

#include "base/arena.h"
#include "base/mem.h"
#include "codec/codec.h"
#include "dicom/frames.h"
#include "dicom/source.h"
#include "index/instance.h"
#include "index/intern.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_some(struct dcm_source *s, const struct dcm_frames *f, size_t size)
{
	unsigned bit_off;
	uint8_t *bytes;
	uint32_t k;
	size_t len;

	for (k = 0; k < f->n_frames && k < 8; k++) {
		if (dcm_frame_read(s, f, k, &bytes, &len, &bit_off, NULL) < 0)
			continue;
		if (len > size || bit_off > 7)
			__builtin_trap();
		mem_free(bytes);
	}
}

static void check_frames(const struct instance *in, struct dcm_source *s, size_t size)
{
	const struct codec *codec = in->compressed ? codec_find(in->attr->transfer_syntax) : NULL;
	struct dcm_frames f;

	if (!in->attr->pixel.rows || pixel_desc_check(&in->attr->pixel, NULL) < 0)
		return;
	if (in->n_frames > s->size + 1)
		__builtin_trap();
	if (dcm_frames_read(s, in->pixels_off, in->pixels_len, &in->attr->pixel, in->n_frames,
		    codec, &f, NULL) < 0)
		return;
	if (f.n_fragments > size / 8 + 1)
		__builtin_trap();
	read_some(s, &f, (size_t)s->size);
	dcm_frames_release(&f);
}

/* As the index reads it. */
static void read_frames(const uint8_t *data, size_t size, const struct dcm_header *h)
{
	struct instance_file file = { .file = "file", .size = size };
	struct instance_reader *reader;
	struct interns *interns;
	struct dcm_source *s;
	struct instance *in;

	if (interns_new(&interns, NULL) < 0 || instance_reader_new(interns, &reader, NULL) < 0 ||
		dcm_source_from_memory(data, size, &s, NULL) < 0)
		__builtin_trap();
	file.dir = intern_text(interns, "", 0);
	if (instance_read(reader, s, &file, &in, NULL) == 0) {
		check_frames(in, h->file.source, size);
		instance_put(in);
	}
	instance_reader_free(reader);
	interns_free(interns);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct palette palette;
	struct arena a = { 0 };
	struct dcm_source *s;
	struct dcm_header *h;

	if (dcm_source_from_memory(data, size, &s, NULL) < 0 ||
		dcm_header_read(s, DCM_LOAD_BEFORE_PIXELS, 0, &h, NULL) < 0)
		return 0;
	read_frames(data, size, h);
	dcm_palette_read(h, &a, &palette, NULL);
	arena_release(&a);
	dcm_header_free(h);
	return 0;
}
