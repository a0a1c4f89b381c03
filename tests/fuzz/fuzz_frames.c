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

static void check_frames(const struct dcm_header *h, size_t size)
{
	struct pixel_desc d;
	struct dcm_frames f;
	uint32_t n;

	if (dcm_pixel_desc(h, &d, &n, NULL) < 0)
		return;
	if (n > h->file.source->size + 1)
		__builtin_trap();
	if (dcm_frames_read(h->file.source, h->pixels_off, h->pixels_len, &d, n,
		    codec_find(h->file.transfer_syntax), &f, NULL) < 0)
		return;
	if (f.n_fragments > size / 8)
		__builtin_trap();
	read_some(h->file.source, &f, (size_t)h->file.source->size);
	dcm_frames_release(&f);
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
	check_frames(h, size);
	dcm_palette_read(h, &a, &palette, NULL);
	arena_release(&a);
	dcm_header_free(h);
	return 0;
}
