/* SPDX-License-Identifier: MIT */
/* From collected values to a record that is complete: see record.h. */
#include "record.h"

#include <math.h>
#include <string.h>

#include "base/bytes.h"
#include "dicom/dataset.h"
#include "dicom/pixels.h"
#include "dicom/source.h"
#include "dicom/value.h"

#define UID_DICOMDIR "1.2.840.10008.1.3.10"
#define MOST_TILES 65535

static void clear_doubles(double *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		p[i] = NAN;
}

void record_clear(struct record *rec)
{
	struct attributes *a = &rec->attr;
	struct instance *in = &rec->in;

	memset(rec, 0, sizeof *rec);
	a->series_number = a->echo_number = a->echo_train_length = INSTANCE_NO_INT;
	a->n_tiles = a->ge_image_part = a->locations_in_acquisition = a->pepolar_mode =
		INSTANCE_NO_INT;
	clear_doubles(a->orientation, 6);
	clear_doubles(a->pixel_spacing, 2);
	a->slice_thickness = a->spacing_between_slices = a->echo_time = a->repetition_time = NAN;
	a->inversion_time = a->flip_angle = a->image_frequency = a->number_of_averages = NAN;
	clear_doubles(in->position, 3);
	in->acquisition_time = in->content_time = in->trigger_time = in->frame_reference_time = NAN;
	in->frame_duration = in->slope = in->intercept = in->b_value = rec->datetime = NAN;
	in->number = in->acquisition_number = in->temporal_position = INSTANCE_NO_INT;
	in->vendor_volume = in->vendor_phase = INSTANCE_NO_INT;
	clear_doubles(rec->imager_spacing, 2);
	clear_doubles(rec->nominal_spacing, 2);
	rec->locations_public = rec->locations_pet = rec->locations_private = INSTANCE_NO_INT;
	rec->n_frames = INSTANCE_NO_INT;
}

static void finish_spacing(struct record *rec)
{
	double *spacing = rec->attr.pixel_spacing;

	if (isnan(spacing[0]))
		memcpy(spacing, rec->imager_spacing, sizeof rec->imager_spacing);
	if (isnan(spacing[0]))
		memcpy(spacing, rec->nominal_spacing, sizeof rec->nominal_spacing);
}

static void finish_locations(struct record *rec)
{
	int32_t n = rec->locations_private;

	if (rec->attr.modality && strcmp(rec->attr.modality, "PT") == 0 && rec->locations_pet > 0)
		n = rec->locations_pet;
	rec->attr.locations_in_acquisition = n > 0 ? n : rec->locations_public;
}

/* Behind finish_frames(). */
static void finish_pixel(struct record *rec, const struct dcm_file *file)
{
	struct pixel_desc *d = &rec->attr.pixel;

	rec->in.lost_pixels = d->rows && d->cols && !rec->pixels.off;
	if (d->rows == 0 || d->cols == 0 || d->rows > UINT16_MAX || d->cols > UINT16_MAX ||
		rec->pixels.off == 0)
		d->rows = d->cols = 0;
	dcm_pixel_settle(d, file, &rec->pixels, rec->in.n_frames);
	rec->in.pixels_off = rec->pixels.off;
	rec->in.pixels_len = rec->pixels.len;
	rec->in.compressed = rec->pixels.off &&
		dcm_pixels_are_compressed(file, &rec->pixels, d, rec->in.n_frames);
}

/* A frame takes eight bytes of the file at least, be it for its item: more than that is not
 * believed. */
static void finish_frames(struct record *rec, uint64_t source_size)
{
	uint64_t n = rec->n_frames > 0 ? (uint64_t)rec->n_frames : 1;

	rec->in.n_frames = (uint32_t)min_u64(n, source_size / 8 + 1);
}

void record_finish(struct record *rec, const struct dcm_file *file)
{
	if (!rec->attr.sop_class)
		rec->attr.sop_class = rec->meta_class;
	if (!rec->sop_uid[0])
		memcpy(rec->sop_uid, rec->meta_uid, sizeof rec->sop_uid);
	if (isnan(rec->in.acquisition_time))
		rec->in.acquisition_time = rec->datetime;
	finish_spacing(rec);
	finish_locations(rec);
	finish_frames(rec, file->source->size);
	finish_pixel(rec, file);
	rec->in.deflated = file->deflated;
}

bool record_is_dicomdir(const struct record *rec)
{
	return rec->is_dicomdir || (rec->meta_class && strcmp(rec->meta_class, UID_DICOMDIR) == 0);
}

/* ---- private elements ---- */

static void keep_greatest(int32_t *to, double v)
{
	if (v > *to && v <= INT32_MAX)
		*to = (int32_t)v;
}

static void keep_first(int32_t *to, double v)
{
	if (*to == INSTANCE_NO_INT && v >= 0 && v <= INT32_MAX)
		*to = (int32_t)v;
}

static void take_label(struct instance *in, const struct dcm_node *n)
{
	if (dcm_text_is(n, 0, "LABEL"))
		in->label = IMAGE_LABEL_LABEL;
	else if (dcm_text_is(n, 0, "CONTROL"))
		in->label = IMAGE_LABEL_CONTROL;
}

static bool is_text_fact(enum private_fact fact)
{
	return fact == PRIVATE_LABEL || fact == PRIVATE_FIELD_MAP || fact == PRIVATE_PEPOLAR;
}

void record_take_fact(struct record *rec, enum private_fact fact, const struct dcm_node *n)
{
	double v = NAN;

	if (fact == PRIVATE_LABEL)
		take_label(&rec->in, n);
	if (fact == PRIVATE_FIELD_MAP)
		rec->attr.field_map_first = dcm_text_is(n, 0, "B0map");
	if (fact == PRIVATE_PEPOLAR)
		rec->attr.is_pepolar = dcm_text_contains(n, "epi_pepolar");
	if (is_text_fact(fact) || !dcm_double(n, 0, &v) || !isfinite(v))
		return;
	switch (fact) {
	case PRIVATE_VOLUME:
		keep_greatest(&rec->in.vendor_volume, v);
		break;
	case PRIVATE_PHASE:
		keep_greatest(&rec->in.vendor_phase, v);
		break;
	case PRIVATE_LOCATIONS:
		keep_first(&rec->locations_private, v);
		break;
	case PRIVATE_IMAGE_PART:
		keep_first(&rec->attr.ge_image_part, v);
		break;
	case PRIVATE_TILES:
		if (v >= 1 && v <= MOST_TILES)
			keep_first(&rec->attr.n_tiles, v);
		break;
	case PRIVATE_B_VALUE_MOD:
		v = fmod(v, 1e9);
		/* fall through */
	case PRIVATE_B_VALUE:
		if (isnan(rec->in.b_value) && v >= 0)
			rec->in.b_value = v;
		break;
	case PRIVATE_B_VALUE_FIRST:
		rec->in.b_value = v;
		break;
	case PRIVATE_VOLUME_ALONE:
		if (v > 0 && v <= INT32_MAX) {
			rec->in.vendor_volume = (int32_t)v;
			rec->in.vendor_phase = 0;
		}
		break;
	case PRIVATE_PEPOLAR_MODE:
		keep_first(&rec->attr.pepolar_mode, v);
		break;
	default:
		break;
	}
}
