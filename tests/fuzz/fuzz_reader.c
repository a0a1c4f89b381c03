/* SPDX-License-Identifier: MIT */
/*
 * The walk over elements. Whatever the file is: each value lies in it, what begins ends, and
 * skipping, passing over or pulling values changes nothing for what follows. The last byte says which.
 */
#include <stdint.h>

#include "dicom/reader.h"
#include "dicom/source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_value(struct dcm_reader *r, const struct dcm_elem *el, uint64_t size)
{
	const uint8_t *view;
	uint8_t buf[64];
	size_t len;

	if (el->off > size || el->len > size - el->off)
		__builtin_trap();
	if (dcm_reader_value(r, el, buf, sizeof buf, &len, NULL) < 0 || len > el->len)
		__builtin_trap();
	if (dcm_reader_view(r, el, &view, &len, NULL) < 0 || len > el->len)
		__builtin_trap();
}

static void walk(struct dcm_file *f, unsigned mode)
{
	struct dcm_reader r;
	struct dcm_elem el;
	unsigned open = 0;
	int event;

	dcm_reader_init(&r, f);
	while ((event = dcm_reader_next(&r, &el, NULL)) != DCM_EVENT_END) {
		if (event < 0 || open > 2 * DCM_MAX_DEPTH)
			__builtin_trap();
		if (event == DCM_EVENT_ELEM && (mode & 1))
			check_value(&r, &el, f->source->size);
		if (event == DCM_EVENT_SEQ_END || event == DCM_EVENT_ITEM_END)
			open--;
		if (event != DCM_EVENT_SEQ_BEGIN && event != DCM_EVENT_ITEM_BEGIN)
			continue;
		open++;
		if (mode & (event == DCM_EVENT_SEQ_BEGIN ? 2 : 4)) {
			dcm_reader_skip(&r, &el, NULL);
			open--;
		}
	}
	if (open)
		__builtin_trap();
}

/* Passing over elements of some tags is the walk without them. */
static void compare(struct dcm_file *f, uint32_t after, uint32_t before)
{
	struct dcm_reader all, some;
	struct dcm_elem a, b;
	int event_a, event_b;

	dcm_reader_init(&all, f);
	dcm_reader_init(&some, f);
	do {
		event_b = dcm_reader_next_outside(&some, after, before, &b, NULL);
		do {
			event_a = dcm_reader_next(&all, &a, NULL);
		} while (event_a == DCM_EVENT_ELEM && a.tag > after && a.tag < before &&
			(event_b != DCM_EVENT_ELEM || a.off != b.off));
		if (event_a != event_b || a.tag != b.tag || a.vr != b.vr || a.off != b.off ||
			a.len != b.len || a.depth != b.depth)
			__builtin_trap();
	} while (event_a != DCM_EVENT_END);
	if (all.n_problems != some.n_problems)
		__builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dcm_source *s;
	struct dcm_file f;

	if (dcm_source_from_memory(data, size, &s, NULL) < 0 || dcm_file_open(s, &f, NULL) < 0)
		return 0;
	walk(&f, data[size - 1]);
	if (data[size - 1] & 8)
		compare(&f, (uint32_t)data[size - 1] << 15, 0x00400000);
	dcm_file_close(&f);
	return 0;
}
