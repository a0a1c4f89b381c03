/* SPDX-License-Identifier: MIT */
/*
 * United Imaging: group 0065, creator "Image Private Header". Grids ("VFRAME") hold one volume in
 * a file; each tile has an item with its own place and time (dcm2niix, UIH/README.md).
 */
#include <math.h>
#include <stdio.h>

#include "base/err.h"
#include "dicom/tags.h"
#include "dicom/value.h"
#include "vendor/keys.h"
#include "vendor/maker.h"

#define CREATOR "Image Private Header"

static const char *const names[] = { "UIH", NULL };

static const struct private_place displayed = { CREATOR, 0x0065, 0x05 };
static const struct private_place b_value = { CREATOR, 0x0065, 0x09 };
static const struct private_place direction = { CREATOR, 0x0065, 0x37 };
static const struct private_place parallel_factor = { CREATOR, 0x0065, 0x0D }; /* "F:2S" */
static const struct private_place n_tiles = { CREATOR, 0x0065, 0x50 };
static const struct private_place tiles = { CREATOR, 0x0065, 0x51 };
static const struct private_place polarity = { CREATOR, 0x0065, 0x58 };

/* A tile's position: public, or the private one of the early versions. */
static bool tile_position(const struct dcm_dataset *item, double out[3])
{
	const struct dcm_node *n;
	uint32_t i;

	if (!item)
		return false;
	n = dcm_get(item, DCM_ImagePositionPatient);
	if (!n)
		n = dcm_get_private(item, 0x0065, CREATOR, 0x15);
	for (i = 0; i < 3; i++)
		if (!dcm_double(n, i, &out[i]))
			return false;
	return true;
}

/* When each tile was acquired, ms since midnight; NULL where one of them does not tell. */
static int tile_times(const struct view *v, const struct dcm_node *items, struct facts *out,
	struct err *err)
{
	double *t = arena_zalloc(v->a, items->n_items, sizeof *t);
	const char *text;
	size_t len;
	uint32_t i;

	if (!t)
		return err_nomem(err);
	for (i = 0; i < items->n_items; i++) {
		const struct dcm_dataset *item = dcm_item(items, i);

		if (!dcm_raw_text(dcm_get(item, DCM_AcquisitionTime), 0, &text, &len) ||
			!dcm_parse_time(text, len, &t[i]))
			return 0;
		t[i] *= 1000;
	}
	out->slice_times_ms = t;
	out->n_slice_times = items->n_items;
	return 0;
}

static int grid(const struct view *v, struct facts *out, struct err *err)
{
	const struct dcm_node *items = view_private(v, &tiles);
	double n = view_private_number(v, &n_tiles, 0);

	if (!(n > 1 && n < 65536))
		return 0;
	out->n_tiles = (uint32_t)n;
	out->tile_cols = (uint32_t)ceil(sqrt(n));
	out->tile_rows = (uint32_t)ceil(n / out->tile_cols);
	if (!items || items->n_items < out->n_tiles)
		return 0;
	out->has_tile_positions = tile_position(dcm_item(items, 0), out->first_tile) &&
		tile_position(dcm_item(items, out->n_tiles - 1), out->last_tile);
	return tile_times(v, items, out, err);
}

/* The b-value that was played out, not the nominal one of (0018,9087); components along the
 * image's axes. */
static void diffusion(const struct view *v, struct facts *out)
{
	double g[3], b = view_private_number(v, &b_value, 0);

	if (!isnan(b))
		out->b_value = b;
	out->is_diffusion = !isnan(out->b_value);
	if (!view_private_numbers(v, &direction, g, 3))
		return;
	out->has_gradient = out->gradient_in_image = true;
	out->gradient[0] = g[0];
	out->gradient[1] = -g[1];
	out->gradient[2] = g[2];
}

static int uih_facts(const struct view *v, struct facts *out, struct err *err)
{
	double p = view_private_number(v, &polarity, 0);

	diffusion(v, out);
	if (!isnan(p))
		out->pe_polarity = p > 0 ? POLARITY_POSITIVE : POLARITY_NEGATIVE;
	return grid(v, out, err);
}

/* Slices are numbered from the first tile; the grid's order is theirs, or its reverse. */
static void slice_timing(const struct sidecar_input *in, struct keys *out)
{
	const struct facts *f = in->facts;
	double *t = arena_zalloc(in->a, in->dim[2], sizeof *t), least = INFINITY;
	uint32_t i, n = in->dim[2];

	if (!t || f->n_slice_times < n || in->is_3d || n < 2)
		return;
	for (i = 0; i < n; i++) {
		t[i] = f->slice_times_ms[in->tiles_reversed ? n - 1 - i : i] / 1000;
		least = fmin(least, t[i]);
	}
	for (i = 0; i < n; i++)
		t[i] -= least;
	keys_list(out, KEY_SliceTiming, t, n);
}

/* A tile's acquisition duration is the time of its readout, ms (dcm2niix, UIH/README.md). */
static void readout(const struct view *v, struct keys *out)
{
	const struct dcm_node *items = view_private(v, &tiles);
	const struct dcm_dataset *last = items && items->n_items ?
		dcm_item(items, items->n_items - 1) :
		NULL;
	double ms = keys_get_number(out, KEY_AcquisitionDuration);

	if (last)
		ms = dcm_get_double(last, DCM_AcquisitionDuration, ms);
	keys_unset(out, KEY_AcquisitionDuration);
	keys_number(out, KEY_TotalReadoutTime, ms / 1000);
}

static int uih_sidecar(const struct sidecar_input *in, struct keys *out, struct err *err)
{
	const struct view v = { in->header[0], in->frames[0] ? in->frames[0][0] : 0, in->a };
	const char *parallel = view_private_text(&v, &parallel_factor);
	int factor;

	(void)err;
	keys_text(out, KEY_PhaseEncodingDirectionDisplayed, view_private_text(&v, &displayed));
	if (parallel && sscanf(parallel, "F:%3d", &factor) == 1 && factor > 1)
		keys_number(out, KEY_ParallelReductionFactorInPlane, factor);
	if (in->is_mr) {
		slice_timing(in, out);
		readout(&v, out);
	}
	return 0;
}

static const char *const creators[] = { "IMAGE PRIVATE HEADER", NULL };

const struct maker maker_uih = { "UIH", names, creators, uih_facts, uih_sidecar };
