/* SPDX-License-Identifier: MIT */
/* Pixels of edited files: see format/edit_pixels.h. */
#include "format/edit_pixels.h"

#include <string.h>

#include "base/bytes.h"
#include "dicom/pixels.h"
#include "dicom/tags.h"
#include "dicom/value.h"

static struct dcm_node *pixels_of(const struct dcm_header *h)
{
	uint32_t i;

	for (i = 0; i < h->top.n_nodes; i++)
		if (dcm_header_is_pixels(h, &h->top.nodes[i]))
			return &h->top.nodes[i];
	return NULL;
}

/* *told: the header says so, or is silent, as that of one frame may be. */
static uint32_t frames_of(const struct dcm_header *h, bool *told)
{
	const struct dcm_node *n = dcm_get(&h->top, DCM_NumberOfFrames);
	int64_t count = 1;

	*told = !n || !n->el.len || dcm_int(n, 0, &count);
	return count < 1 ? 1 : count > UINT32_MAX ? UINT32_MAX : (uint32_t)count;
}

/* 1-bit frames are packed over their borders; words are whole. */
static void cut_behind_frames(struct dcm_node *n, const struct pixel_desc *d, uint32_t n_frames,
	unsigned word)
{
	uint64_t bits = d->bits_allocated == 1 ? (uint64_t)d->rows * d->cols :
						 pixel_frame_bytes(d) * 8,
		 all;

	if (!mul_u64(bits, n_frames, &all) || all > UINT64_MAX - 64)
		return;
	all = (all + 7) / 8;
	if (word > 1)
		all = (all + word - 1) / word * word;
	if (all < n->el.len)
		n->el.len = all;
}

void edit_pixels_plan(struct dcm_header *h, bool cut, struct part10_plan *plan)
{
	struct dcm_node *n = pixels_of(h);
	bool told;
	uint32_t n_frames = frames_of(h, &told);
	struct pixel_desc d;
	int rc;

	if (!n)
		return;
	rc = dcm_pixel_desc(&h->file, &h->top, &n->el, &d, NULL);
	if (dcm_pixels_are_compressed(&h->file, &n->el, &d, n_frames)) {
		/* in items though its syntax has none: as it was, behind a header that is new */
		if (!dcm_file_is_native(&h->file))
			plan->transfer_syntax = h->file.transfer_syntax;
		return;
	}
	if (d.big_endian)
		plan->pixels_swap = d.bits_allocated > 8 && rc == 0 ? pixel_sample_bytes(&d) : 2;
	if (cut && rc == 0 && told)
		cut_behind_frames(n, &d, n_frames, plan->pixels_swap);
}

/* ---- pixels that may show a name ---- */

/* PS3.3 C.9.2, retired: the one bit of it is in the words of the pixels. */
static bool has_overlay_in_pixels(const struct dcm_header *h)
{
	uint32_t group;

	for (group = 0x6000; group <= 0x601E; group += 2)
		if (dcm_get_int(&h->top, DCM_TAG(group, 0x0102), 0) > 0)
			return true;
	return false;
}

/* Secondary Capture Image Storage, and those of several frames (PS3.4 B.5). */
static bool is_secondary_capture(const struct dcm_header *h)
{
	static const char root[] = "1.2.840.10008.5.1.4.1.1.7";
	const char *text;
	size_t len;

	return dcm_raw_text(dcm_get(&h->top, DCM_SOPClassUID), 0, &text, &len) &&
		len >= sizeof root - 1 && memcmp(text, root, sizeof root - 1) == 0 &&
		(len == sizeof root - 1 || text[sizeof root - 1] == '.');
}

const char *edit_pixels_suspicion(const struct dcm_header *h)
{
	static const char *const modalities[] = { "US", "IVUS", "ES", "XC", "OT", "SC", "GM",
		"SM" };
	const struct dcm_node *burned = dcm_get(&h->top, DCM_BurnedInAnnotation);
	size_t i;

	if (!h->pixels_off)
		return NULL;
	if (has_overlay_in_pixels(h))
		return "an overlay is in the upper bits of the pixels";
	if (dcm_text_is(burned, 0, "NO"))
		return NULL;
	if (dcm_text_is(burned, 0, "YES"))
		return "BurnedInAnnotation is YES";
	for (i = 0; i < sizeof modalities / sizeof *modalities; i++)
		if (dcm_text_is(dcm_get(&h->top, DCM_Modality), 0, modalities[i]))
			return "images of this modality often have text burned in, and nothing "
			       "says that this one has not";
	if (is_secondary_capture(h))
		return "a secondary capture may be of a screen with text, and nothing says that "
		       "this one is not";
	return NULL;
}
