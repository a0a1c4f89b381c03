/* SPDX-License-Identifier: MIT */
/* Pictures in sequences, decoded: see icons.h. */
#include "icons.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "codec/codec.h"
#include "dicom/frames.h"
#include "dicom/pixels.h"
#include "dicom/tags.h"

#define MOST_BYTES ((uint64_t)4 << 20) /* of one: they are decoded whenever a file is opened */

void icons_release(struct icons *i)
{
	mem_free(i->pixels);
	i->pixels = NULL;
	i->len = 0;
}

/* The compressed picture of this item; NULL: none. */
static const struct dcm_node *picture_of(const struct icons *i, const struct dcm_dataset *ds)
{
	const struct dcm_node *n = ds == &i->h->top ? NULL : dcm_get(ds, DCM_PixelData);

	return n && n->el.len == DCM_UNDEFINED_LENGTH && !n->items ? n : NULL;
}

static int decode(struct icons *i, const struct dcm_node *n, struct err *err)
{
	struct dcm_source *source = i->h->file.source;
	enum photometric now = i->desc.photometric;
	struct pixel_desc decoded = i->desc;
	struct dcm_frames f;
	int rc = dcm_frames_read(source, n->el.off, n->el.len, &i->desc, 1, i->codec, &f, err);

	if (rc < 0)
		return rc;
	rc = dcm_frame_decode(source, &f, &i->desc, i->codec, 0, i->pixels, i->len, &now, err);
	dcm_frames_release(&f);
	decoded.photometric = now;
	if (rc == 0)
		pixel_to_stored(&decoded, pixel_stored_photometric(&i->desc), i->pixels,
			(size_t)i->desc.rows * i->desc.cols);
	return rc;
}

static int make_anew(struct icons *i, const struct dcm_dataset *ds, const struct dcm_node *n,
	struct err *err)
{
	int rc = dcm_pixel_desc(&i->h->file, ds, &n->el, &i->desc, err);

	icons_release(i);
	if (rc < 0)
		return rc;
	if (i->desc.bits_allocated % 8 || pixel_decoded_bytes(&i->desc) > MOST_BYTES)
		return -ENOTSUP;
	i->len = (size_t)pixel_decoded_bytes(&i->desc);
	i->pixels = mem_alloc(i->len);
	return i->pixels ? decode(i, n, err) : err_nomem(err);
}

/* The picture of ds into i->pixels, where it is not there already. */
static int make(struct icons *i, const struct dcm_dataset *ds, const struct dcm_node *n)
{
	struct err err = { 0 };

	if (i->made_of == ds)
		return i->rc;
	i->made_of = ds;
	i->rc = make_anew(i, ds, n, &err);
	if (i->rc < 0 && i->rc != -EBADMSG && i->rc != -ENOTSUP && i->rc != -EFBIG)
		i->failed = err;
	return i->rc;
}

static bool all_can_be_had(struct icons *i, const struct dcm_node *sequence)
{
	uint32_t k;

	for (k = 0; k < sequence->n_items; k++) {
		const struct dcm_node *n = picture_of(i, &sequence->items[k]);

		if (n && make(i, &sequence->items[k], n) < 0)
			return false;
	}
	return true;
}

static enum part10_action replace(struct part10_value *value, uint16_t vr, const void *bytes,
	size_t len)
{
	*value = (struct part10_value){ .vr = vr, .bytes = bytes, .len = len };
	return PART10_REPLACE;
}

/* An element of an item that has a picture. */
static enum part10_action edit_picture(struct icons *i, const struct dcm_dataset *ds,
	const struct dcm_node *picture, uint32_t tag, struct part10_value *value)
{
	static const uint8_t by_pixel[2] = { 0, 0 };
	const char *name;

	if (make(i, ds, picture) < 0)
		return PART10_DROP;
	name = photometric_name(pixel_stored_photometric(&i->desc));
	if (tag == DCM_PixelData)
		return replace(value, i->desc.bits_allocated > 8 ? DCM_VR_OW : DCM_VR_OB, i->pixels,
			i->len);
	if (tag == DCM_PlanarConfiguration)
		return replace(value, DCM_VR_US, by_pixel, sizeof by_pixel);
	return pixel_stored_photometric(&i->desc) == i->desc.photometric ?
		PART10_KEEP :
		replace(value, DCM_VR_CS, name, strlen(name));
}

enum part10_action icons_edit(void *arg, const struct dcm_dataset *ds, const struct dcm_node *n,
	struct part10_value *value)
{
	struct icons *i = arg;
	const struct dcm_node *picture;
	uint32_t tag = n->el.tag;

	if (!i->codec)
		return PART10_KEEP;
	if (n->items)
		return all_can_be_had(i, n) ? PART10_KEEP : PART10_DROP;
	if (tag != DCM_PixelData && tag != DCM_PlanarConfiguration &&
		tag != DCM_PhotometricInterpretation)
		return PART10_KEEP;
	picture = picture_of(i, ds);
	return picture ? edit_picture(i, ds, picture, tag, value) : PART10_KEEP;
}
