/* SPDX-License-Identifier: MIT */
/*
 * Siemens. Syngo VA to VE: CSA headers and groups 0019 and 0051; since XA the same in functional
 * groups of their own, (0021,10FE) for the series and (0021,11FE) for the image, which
 * classic "interoperability" files have at the top (dcm2niix, Siemens/README.md).
 */
#include "siemens.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/err.h"
#include "dicom/tags.h"
#include "dicom/value.h"
#include "vendor/gradient.h"

static const char *const names[] = { "SIEMENS", "CPS", NULL }; /* CPS: its PET venture */

static const struct private_place image_csa = { "SIEMENS CSA HEADER", 0x0029, 0x10 };
static const struct private_place series_csa = { "SIEMENS CSA HEADER", 0x0029, 0x20 };
static const struct private_place xa_protocol = { "SIEMENS MR SDS 01", 0x0021, 0x19 };
static const struct private_place n_images = { "SIEMENS MR HEADER", 0x0019, 0x0A };
static const struct private_place b_value = { "SIEMENS MR HEADER", 0x0019, 0x0C };
static const struct private_place direction = { "SIEMENS MR HEADER", 0x0019, 0x0E };
static const struct private_place b_matrix = { "SIEMENS MR HEADER", 0x0019, 0x27 };
static const struct private_place mosaic_times = { "SIEMENS MR HEADER", 0x0019, 0x29 };
static const struct private_place pat_text = { "SIEMENS MR HEADER", 0x0051, 0x11 };
static const struct private_place xa_pat_text = { "SIEMENS MR SDS 01", 0x0021, 0x09 };
static const struct private_place xa_polarity = { "SIEMENS MR SDI 02", 0x0021, 0x1C };

int siemens_image_csa(const struct view *v, struct csa *out, struct err *err)
{
	size_t len;
	const uint8_t *bytes = view_bytes(v, view_private(v, &image_csa), &len);
	int rc = bytes ? csa_parse(bytes, len, v->a, out, err) : -EBADMSG;

	if (rc == -EBADMSG)
		memset(out, 0, sizeof *out);
	return rc == -ENOMEM ? rc : 0;
}

int siemens_protocol(const struct view *v, struct protocol *out, struct err *err)
{
	size_t len;
	const uint8_t *bytes = view_bytes(v, view_private(v, &series_csa), &len);
	int rc;

	if (!bytes)
		bytes = view_bytes(v, view_private(v, &xa_protocol), &len);
	rc = bytes ? protocol_parse_ascconv((const char *)bytes, len, v->a, out, err) : -ENOENT;
	if (rc)
		memset(out, 0, sizeof *out);
	return rc == -ENOMEM ? rc : 0;
}

uint32_t siemens_acceleration(const struct view *v, char letter)
{
	const char *s = view_private_text(v, &pat_text);
	uint32_t n = 0;

	if (!s)
		s = view_private_text(v, &xa_pat_text);
	while (s && *s && !(*s == letter && s[1] >= '0' && s[1] <= '9'))
		s++;
	while (s && *s && *++s >= '0' && *s <= '9' && n < 1000)
		n = n * 10 + (uint32_t)(*s - '0');
	return n;
}

const double *siemens_mosaic_times(const struct view *v, const struct csa *csa, uint32_t *n)
{
	const struct csa_field *f = csa_find(csa, "MosaicRefAcqTimes");
	const struct dcm_node *plain = view_private(v, &mosaic_times);
	double *t;
	uint32_t i;

	*n = f && f->n_values ? f->n_values : dcm_vm(plain);
	t = *n ? arena_zalloc(v->a, *n, sizeof *t) : NULL;
	for (i = 0; t && i < *n; i++)
		if (f && f->n_values)
			t[i] = csa_number(csa, "MosaicRefAcqTimes", i);
		else if (!dcm_double(plain, i, &t[i]))
			t[i] = NAN;
	if (!t)
		*n = 0;
	return t;
}

/* How many tiles fit, where nobody counted them: the big image over the matrix that was
 * acquired. */
static uint32_t guess_tiles(const struct view *v)
{
	double rows = view_number(v, DCM_Rows, 0), cols = view_number(v, DCM_Columns, 0), m[4],
	       freq, phase;

	if (!view_acquisition_matrix(v, m))
		return 0;
	freq = m[0] > 0 ? m[0] : m[1];
	phase = m[2] > 0 ? m[2] : m[3];
	if (!(freq > 0 && phase > 0 && rows >= phase && cols >= freq))
		return 0;
	return (uint32_t)(rows / phase) * (uint32_t)(cols / freq);
}

/* 0: not told. */
static uint32_t tiles_told(const struct view *v, const struct csa *csa)
{
	double n = csa_number(csa, "NumberOfImagesInMosaic", 0);

	if (!(n > 0))
		n = view_private_number(v, &n_images, 0);
	return n > 0 && n < 65536 ? (uint32_t)n : 0;
}

static uint32_t tiles_across(uint32_t n_tiles)
{
	return (uint32_t)ceil(sqrt(n_tiles));
}

/* De-identifiers and archives rewrite ImageType: then the count tells, where it divides the image. */
static bool is_mosaic(const struct view *v, const struct csa *csa)
{
	uint32_t n = tiles_told(v, csa);

	return view_has(v, DCM_ImageType, "MOSAIC") ||
		(n > 1 && fmod(view_number(v, DCM_Rows, 0), tiles_across(n)) == 0.0 &&
			fmod(view_number(v, DCM_Columns, 0), tiles_across(n)) == 0.0);
}

static uint32_t count_tiles(const struct view *v, const struct csa *csa, uint32_t n_times)
{
	uint32_t n = tiles_told(v, csa);

	if (!n)
		n = n_times ? n_times : guess_tiles(v);
	return n;
}

static int mosaic(const struct view *v, const struct csa *csa, struct facts *out, struct err *err)
{
	struct protocol p;
	int i, rc;

	out->slice_times_ms = siemens_mosaic_times(v, csa, &out->n_slice_times);
	out->n_tiles = count_tiles(v, csa, out->n_slice_times);
	out->tile_cols = out->tile_rows = tiles_across(out->n_tiles);
	out->has_slice_normal = true;
	for (i = 0; i < 3; i++) {
		out->slice_normal[i] = csa_number(csa, "SliceNormalVector", (uint32_t)i);
		out->has_slice_normal = out->has_slice_normal && !isnan(out->slice_normal[i]);
	}
	rc = siemens_protocol(v, &p, err);
	if (!rc && protocol_number(&p, "sSliceArray.ucImageNumb", 0) > 0 &&
		!(out->protocol_slice_number > 1))
		out->protocol_slice_number = 2;
	return rc;
}

static void diffusion(const struct view *v, const struct csa *csa, struct facts *out)
{
	double m[6];
	uint32_t i;

	if (isnan(out->b_value))
		out->b_value = csa_number(csa, "B_value", 0);
	if (isnan(out->b_value))
		out->b_value = view_private_number(v, &b_value, 0);
	out->is_diffusion = !isnan(out->b_value);
	if (out->has_gradient || !out->is_diffusion)
		return;
	out->has_gradient = true;
	for (i = 0; i < 3; i++) {
		out->gradient[i] = csa_number(csa, "DiffusionGradientDirection", i);
		out->has_gradient = out->has_gradient && !isnan(out->gradient[i]);
	}
	if (!out->has_gradient)
		out->has_gradient = view_private_numbers(v, &direction, out->gradient, 3);
	if (out->has_gradient)
		return;
	for (i = 0; i < 6; i++)
		m[i] = csa_number(csa, "B_matrix", i);
	if (!isnan(m[5]) || view_private_numbers(v, &b_matrix, m, 6))
		out->has_gradient = gradient_from_matrix(m, out->gradient);
}

static enum polarity polarity(const struct view *v, const struct csa *csa)
{
	double p = csa_number(csa, "PhaseEncodingDirectionPositive", 0);

	if (isnan(p))
		p = view_private_number(v, &xa_polarity, 0);
	if (isnan(p))
		return POLARITY_UNKNOWN;
	return p > 0 ? POLARITY_POSITIVE : POLARITY_NEGATIVE;
}

static int siemens_facts(const struct view *v, struct facts *out, struct err *err)
{
	struct csa csa;
	int rc = siemens_image_csa(v, &csa, err);

	if (!rc)
		out->protocol_slice_number = csa_number(&csa, "ProtocolSliceNumber", 0);
	if (!rc && is_mosaic(v, &csa))
		rc = mosaic(v, &csa, out, err);
	if (rc)
		return rc;
	diffusion(v, &csa, out);
	out->is_trace = false; /* traces are series of their own: nothing is to be told apart */
	out->pe_polarity = polarity(v, &csa);
	out->multiband = out->n_slice_times ?
		vendor_multiband(out->slice_times_ms, out->n_slice_times) :
		siemens_acceleration(v, 's');
	return 0;
}

static const char *const creators[] = { "SIEMENS CSA HEADER", "SIEMENS MR ",
	"SIEMENS MEDCOM HEADER", NULL };

const struct maker maker_siemens = { "Siemens", names, creators, siemens_facts, siemens_sidecar };
