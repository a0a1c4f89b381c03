/* SPDX-License-Identifier: MIT */
/* Step one: which instances are images, and what of each record the planner wants to know. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/err.h"
#include "dicom/dataset.h"
#include "volume/planning.h"

#define UID_ROOT "1.2.840.10008.5.1.4.1.1."

/* Storage classes whose frames are described one by one, or that have several by nature. */
static bool is_multiframe_class(const char *uid)
{
	static const char *const classes[] = {
		"4.1",
		"4.3",
		"4.4",
		"2.1",
		"2.2",
		"130",
		"128.1",
		"30",
		"66.4",
		"66.7",
		"3.1",
		"7.1",
		"7.2",
		"7.3",
		"7.4",
		"12.1.1",
		"12.2.1",
		"13.1.1",
		"13.1.2",
		"13.1.3",
		"13.1.4",
		"13.1.5",
		"20",
		"6.2",
		"77.1.5.4",
		"77.1.5.8",
		"481.2",
	};

	if (!uid || strncmp(uid, UID_ROOT, strlen(UID_ROOT)) != 0)
		return false;
	for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
		if (strcmp(uid + strlen(UID_ROOT), classes[i]) == 0)
			return true;
	return false;
}

/* Raw data has no image though it may have rows; tiles of a slide do not make a stack. */
static bool is_image(const struct instance *in)
{
	const char *uid = in->attr->sop_class;

	if (!in->attr->pixel.rows || !in->attr->pixel.cols || !in->pixels_off)
		return false;
	return !uid || (strcmp(uid, UID_ROOT "66") != 0 && strcmp(uid, UID_ROOT "77.1.6") != 0);
}

/* Rows and columns, by a class of the standard's; raw data and spectra have them as well. */
static void tell_of_lost_pixels(struct planner *p, const struct instance *in)
{
	const char *uid = in->attr->sop_class;

	if (in->lost_pixels && uid && strncmp(uid, UID_ROOT, strlen(UID_ROOT)) == 0 &&
		strcmp(uid, UID_ROOT "66") != 0 && strcmp(uid, UID_ROOT "4.2") != 0)
		plan_problem(p, in, "an image without pixel data");
}

/* Pixels of a kind that nobody can make samples of are no image either, but that is told. */
static bool is_readable(struct planner *p, const struct instance *in)
{
	struct err why = { 0 };

	if (pixel_desc_check(&in->attr->pixel, &why) == 0)
		return true;
	plan_problem(p, in, "%s: not an image that can be shown", why.msg);
	return false;
}

/* Does one of the backslash-separated values equal `word`? */
static bool has_value(const char *values, const char *word)
{
	size_t len = strlen(word);

	while (values && *values) {
		const char *end = strchrnul(values, '\\');

		if ((size_t)(end - values) == len && strncmp(values, word, len) == 0)
			return true;
		values = *end ? end + 1 : end;
	}
	return false;
}

bool plan_is_derived(const char *image_type)
{
	return has_value(image_type, "DERIVED") || has_value(image_type, "ADC") ||
		has_value(image_type, "TRACEW") || has_value(image_type, "TRACE") ||
		has_value(image_type, "FA");
}

/* PS3.3 C.8.3.1.1.1 value 3, (0008,9208), and what makers write there. */
enum image_part plan_part(const char *image_type, const char *component, int32_t vendor_part)
{
	static const enum image_part vendor[] = { IMAGE_PART_MAGNITUDE, IMAGE_PART_PHASE,
		IMAGE_PART_REAL, IMAGE_PART_IMAGINARY };

	if (has_value(image_type, "B0 MAP") ||
		(has_value(image_type, "B0") && has_value(image_type, "MAP")))
		return IMAGE_PART_FIELD_MAP;
	if (vendor_part >= 0 && vendor_part < 4)
		return vendor[vendor_part];
	if (component && strcmp(component, "PHASE") == 0)
		return IMAGE_PART_PHASE;
	if (component && strcmp(component, "REAL") == 0)
		return IMAGE_PART_REAL;
	if (component && strcmp(component, "IMAGINARY") == 0)
		return IMAGE_PART_IMAGINARY;
	if (component && strcmp(component, "MAGNITUDE") == 0)
		return IMAGE_PART_MAGNITUDE;
	if (has_value(image_type, "P") || has_value(image_type, "PHASE") ||
		has_value(image_type, "PHASE MAP"))
		return IMAGE_PART_PHASE;
	if (has_value(image_type, "R") || has_value(image_type, "REAL"))
		return IMAGE_PART_REAL;
	if (has_value(image_type, "I") || has_value(image_type, "IMAGINARY"))
		return IMAGE_PART_IMAGINARY;
	if (has_value(image_type, "M") || has_value(image_type, "MAGNITUDE"))
		return IMAGE_PART_MAGNITUDE;
	return IMAGE_PART_UNKNOWN;
}

static bool may_be_mosaic(const struct attributes *a)
{
	return (a->n_tiles != INSTANCE_NO_INT && a->n_tiles > 1) ||
		has_value(a->image_type, "MOSAIC");
}

const struct plan_kind *plan_kind(struct planner *p, const struct attributes *a)
{
	struct plan_kind *k = &p->kind;

	if (k->of == a)
		return k;
	k->of = a;
	k->traits = vendor_traits(a->manufacturer, a->software_versions, a->sequence_name);
	k->part = (uint8_t)plan_part(a->image_type, a->complex_component, a->ge_image_part);
	k->derived = plan_is_derived(a->image_type);
	k->may_be_mosaic = may_be_mosaic(a);
	return k;
}

static void fill_image(struct planner *p, const struct instance *in, struct plan_image *im)
{
	const struct attributes *a = in->attr;

	im->part = plan_kind(p, a)->part;
	im->derived = plan_kind(p, a)->derived;
	if (a->field_map_first && im->part == IMAGE_PART_MAGNITUDE &&
		in->number != INSTANCE_NO_INT && a->locations_in_acquisition > 0 &&
		in->number <= a->locations_in_acquisition)
		im->part = IMAGE_PART_FIELD_MAP;
	im->echo_number = a->echo_number == INSTANCE_NO_INT ? 0 : a->echo_number;
	im->echo_time = (float)a->echo_time;
	im->repetition_time = (float)a->repetition_time;
	im->flip_angle = (float)a->flip_angle;
	im->trigger_delay = NAN; /* (0020,9153): enhanced files have it; (0018,1060) is no delay */
	memcpy(im->orientation, a->orientation, sizeof im->orientation);
	memcpy(im->position, in->position, sizeof im->position);
	im->slope = in->slope;
	im->intercept = in->intercept;
	im->b_value = in->b_value;
	im->time_s = in->acquisition_time;
}

/* Research sequences that change the polarity of their phase encoding, and turn those images round. */
static bool is_upside_down(const struct instance *in)
{
	bool odd = in->temporal_position > 0 && in->temporal_position % 2 == 1;
	bool even = in->temporal_position > 0 && in->temporal_position % 2 == 0;

	if (!in->attr->is_pepolar)
		return false;
	return in->attr->pepolar_mode == 1 || (in->attr->pepolar_mode == 2 && odd) ||
		(in->attr->pepolar_mode == 3 && even);
}

static void fill_block(const struct instance *in, struct plan_block *b)
{
	b->spacing[0] = in->attr->pixel_spacing[0];
	b->spacing[1] = in->attr->pixel_spacing[1];
	b->thickness = in->attr->slice_thickness;
	b->gap = in->attr->spacing_between_slices;
	b->time_step_s = NAN;
	b->is_upside_down = is_upside_down(in);
	b->is_asl = in->label != IMAGE_LABEL_NONE;
}

/* --- mosaics --------------------------------------------------------------------------- */

static void fill_mosaic(const struct facts *f, struct plan_block *b)
{
	b->n_tiles = b->n_planes = f->n_tiles;
	b->tiles_across = f->tile_cols;
	b->tiles_down = f->tile_rows;
	b->has_slice_normal = f->has_slice_normal;
	memcpy(b->slice_normal, f->slice_normal, sizeof b->slice_normal);
	b->has_tile_positions = f->has_tile_positions;
	if (f->has_tile_positions) {
		memcpy(b->images[0].position, f->first_tile, sizeof f->first_tile);
		memcpy(b->last_tile, f->last_tile, sizeof f->last_tile);
	}
}

static bool tiles_fit(const struct facts *f, const struct attributes *a)
{
	return f->n_tiles > 1 && f->tile_cols && f->tile_rows && f->tile_cols <= a->pixel.cols &&
		f->tile_rows <= a->pixel.rows &&
		(uint64_t)f->tile_cols * f->tile_rows >= f->n_tiles;
}

/* The mosaics of a series have one layout: the header of the first tells it for those that share its
 * attributes, unless they say where each tile lies. */
static int collect_mosaic(struct planner *p, const struct instance *in, struct plan_block *b,
	const struct plan_block *like, struct err *err)
{
	const struct dcm_header *h;
	struct facts f;
	int rc;

	if (like && !like->has_tile_positions) {
		struct plan_image *images = b->images;

		*b = *like;
		b->images = images;
		return 0;
	}
	h = plan_header(p, in);
	if (!h)
		return 0;
	rc = vendor_facts(h, 0, &p->scratch, &f, err);
	if (rc < 0)
		return rc;
	if (tiles_fit(&f, in->attr))
		fill_mosaic(&f, b);
	else if (f.n_tiles || has_value(in->attr->image_type, "MOSAIC"))
		plan_problem(p, in, "a mosaic that does not tell its tiles: shown as one plane");
	return 0;
}

/* What makes frames of ultrasound have a size is in no record. */
static void read_calibration(struct planner *p, const struct instance *in, struct plan_block *b)
{
	const struct dcm_header *h = NULL;

	if (isnan(b->spacing[0]) && plan_is_modality(&b->images[0], "US"))
		h = plan_header(p, in);
	if (h)
		plan_read_region(h, b);
}

static int collect_single(struct planner *p, struct series *s, const struct instance *in,
	struct err *err)
{
	struct plan_block *b = plan_new_block(p, s, in, 1), *like = NULL;

	if (!b)
		return err_nomem(err);
	fill_block(in, b);
	fill_image(p, in, &b->images[0]);
	read_calibration(p, in, b);
	if (!plan_kind(p, in->attr)->may_be_mosaic)
		return 0;
	if (p->n_blocks > 1 && p->blocks[p->n_blocks - 2].n_tiles &&
		p->blocks[p->n_blocks - 2].images[0].in->attr == in->attr)
		like = &p->blocks[p->n_blocks - 2];
	return collect_mosaic(p, in, b, like, err);
}

void plan_fill_from_record(struct planner *p, const struct instance *in, struct plan_block *b,
	struct plan_image *im)
{
	fill_block(in, b);
	fill_image(p, in, im);
}

static int collect(struct planner *p, struct series *s, const struct instance *in, struct err *err)
{
	uint32_t unread = p->n_unread, first = p->n_blocks;
	int rc;

	if (in->n_frames > 1 || is_multiframe_class(in->attr->sop_class))
		rc = plan_collect_multiframe(p, s, in, err);
	else
		rc = collect_single(p, s, in, err);
	for (; first < p->n_blocks; first++)
		p->blocks[first].is_incomplete = p->n_unread != unread;
	return rc;
}

int plan_collect(struct planner *p, struct err *err)
{
	int rc = 0;

	for (uint32_t i = 0; !rc && i < p->study->n_series; i++) {
		struct series *s = p->study->series[i];

		for (uint32_t j = 0; !rc && j < s->n_instances; j++) {
			const struct instance *in = s->instances[j];

			tell_of_lost_pixels(p, in);
			if (is_image(in) && is_readable(p, in))
				rc = collect(p, s, in, err);
		}
	}
	return rc ? rc : plan_collect_concatenations(p, err);
}
