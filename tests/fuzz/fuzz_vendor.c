/* SPDX-License-Identifier: MIT */
/*
 * Makers' facts and sidecar keys of any header, and their formats on any bytes: nothing is read
 * past its end, and numbers that planning divides by or allocates for are within what they promise.
 */
#include <stdint.h>
#include <string.h>

#include "dicom/dataset.h"
#include "dicom/source.h"
#include "vendor/csa.h"
#include "vendor/keys.h"
#include "vendor/protocol.h"
#include "vendor/vendor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void formats(const uint8_t *data, size_t size)
{
	struct arena a = { 0 };
	struct protocol p;
	struct csa c;

	csa_parse(data, size, &a, &c, NULL);
	protocol_parse_ascconv((const char *)data, size, &a, &p, NULL);
	protocol_number(&p, "x", 0);
	protocol_parse_ge(data, size, &a, &p, NULL);
	arena_release(&a);
}

static void check_facts(const struct facts *f)
{
	if (f->n_tiles && (uint64_t)f->tile_cols * f->tile_rows < f->n_tiles)
		__builtin_trap();
	if (f->n_slice_times && !f->slice_times_ms)
		__builtin_trap();
}

static void sidecar(const struct dcm_header *h, struct facts *f, struct arena *a)
{
	const uint32_t frames[3] = { 0, 1, 2 };
	struct sidecar_input in = { .header = { h, h },
		.frames = { frames, frames },
		.n_planes = 3,
		.facts = f,
		.a = a,
		.dim = { 4, 4, 3, 2 },
		.is_mr = true };
	struct keys keys;

	keys_init(&keys, a);
	keys_number(&keys, KEY_RepetitionTime, 2);
	keys_number(&keys, KEY_AcquisitionMatrixPE, 64);
	vendor_sidecar(&in, &keys, NULL);
	in.frames[0] = in.frames[1] = NULL;
	in.is_3d = in.is_phase = in.is_field_map = true;
	vendor_sidecar(&in, &keys, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = { 0 };
	struct dcm_source *s;
	struct dcm_header *h;
	struct facts f;
	uint32_t frame;

	formats(data, size);
	if (dcm_source_from_memory(data, size, &s, NULL) < 0 ||
		dcm_header_read(s, DCM_LOAD_BEFORE_PIXELS, 0, &h, NULL) < 0)
		return 0;
	for (frame = 3; frame-- > 0;) {
		if (vendor_facts(h, frame, &a, &f, NULL) < 0)
			__builtin_trap();
		check_facts(&f);
	}
	sidecar(h, &f, &a);
	arena_release(&a);
	dcm_header_free(h);
	return 0;
}
