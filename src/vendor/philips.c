/* SPDX-License-Identifier: MIT */
/*
 * Philips. Private elements are at the top of classic files and, of enhanced ones, in a private
 * sequence of each frame, (2005,140F), whose copies of public attributes may disagree with the
 * frame's own (dcm2niix, Philips/README.md).
 */
#include <math.h>
#include <string.h>

#include "dicom/groups.h"
#include "dicom/tags.h"
#include "dicom/value.h"
#include "vendor/keys.h"
#include "vendor/maker.h"

static const char *const names[] = { "PHILIPS", "PMS", NULL };

static const struct private_place scale_slope = { "Philips MR Imaging DD 001", 0x2005, 0x0E };
static const struct private_place rescale_slope = { "Philips MR Imaging DD 005", 0x2005, 0x0A };
static const struct private_place rescale_intercept = { "Philips MR Imaging DD 005", 0x2005, 0x09 };
static const struct private_place b_value = { "Philips Imaging DD 001", 0x2001, 0x03 };
static const struct private_place directionality = { "Philips Imaging DD 001", 0x2001, 0x04 };
static const struct private_place direction[3] = {
	{ "Philips MR Imaging DD 001", 0x2005, 0xB0 }, /* right to left: LPS x */
	{ "Philips MR Imaging DD 001", 0x2005, 0xB1 },
	{ "Philips MR Imaging DD 001", 0x2005, 0xB2 },
};

static const struct private_place water_fat_shift = { "Philips Imaging DD 001", 0x2001, 0x22 };
static const struct private_place epi_factor = { "Philips Imaging DD 001", 0x2001, 0x13 };
/* "CS_SENSE_AI" */
static const struct private_place sense_kind = { "Philips MR Imaging DD 002", 0x2005, 0x10 };
static const struct private_place inversion_time = { "Philips Imaging DD 001", 0x2001, 0x1B };
static const struct private_place preparation = { "Philips Imaging DD 001", 0x2001, 0x1C };
static const struct private_place begin_time = { "Philips MR Imaging DD 001", 0x2005, 0xA0 };
static const struct private_place acquisition_type = { "Philips MR Imaging DD 001", 0x2005, 0x6F };
static const struct private_place table_z = { "Philips MR Imaging DD 005", 0x2005, 0x3C };

#define PPM_OF_FAT 3.4 /* between water and fat */

/* A frame's own length counts all of its echoes; the EPI factor is that of a single file. */
static double echo_train(const struct view *v)
{
	double n = view_number(v, DCM_EchoTrainLength, 0),
	       epi = view_private_number(v, &epi_factor, 0);

	return epi > 1 && !dcm_frame_item(v->h, v->frame) ? epi : n;
}

static void diffusion(const struct view *v, struct facts *out)
{
	double g[3];
	const char *kind = view_private_text(v, &directionality);
	int i;

	if (isnan(out->b_value))
		out->b_value = view_private_number(v, &b_value, 0);
	out->is_diffusion = !isnan(out->b_value);
	for (i = 0; i < 3; i++)
		g[i] = view_private_number(v, &direction[i], 0);
	if (!out->has_gradient && !isnan(g[0] + g[1] + g[2])) {
		out->has_gradient = true;
		memcpy(out->gradient, g, sizeof g);
	}
	if (!out->is_diffusion || !(out->b_value > 0))
		return;
	/* A trace is told, or it is a weighted image without a direction. */
	if (kind && *kind == 'I')
		out->is_trace = true;
	if (out->has_gradient && out->gradient[0] == 0 && out->gradient[1] == 0 &&
		out->gradient[2] == 0)
		out->is_trace = true;
}

static int philips_facts(const struct view *v, struct facts *out, struct err *err)
{
	(void)err;
	diffusion(v, out);
	out->scale_slope = view_private_number(v, &scale_slope, 0);
	out->begin_s = view_private_number(v, &begin_time, 0);
	out->is_echo_planar = view_private_number(v, &epi_factor, 0) > 1;
	return 0;
}

static void scaling(const struct view *v, struct keys *out)
{
	const struct dcm_dataset *map = dcm_first_item(&v->h->top,
		DCM_RealWorldValueMappingSequence);
	double rwv = view_number(v, DCM_RealWorldValueSlope, 0),
	       zero = view_number(v, DCM_RealWorldValueIntercept, 0);
	double slope = view_private_number(v, &scale_slope, 0);
	double rescale = view_number(v, DCM_RescaleSlope, 0),
	       intercept = view_number(v, DCM_RescaleIntercept, 0);

	if (isnan(rwv) && map) {
		rwv = dcm_get_double(map, DCM_RealWorldValueSlope, NAN);
		zero = dcm_get_double(map, DCM_RealWorldValueIntercept, NAN);
	}
	if (rwv != 0 && !isnan(rwv)) {
		keys_number(out, KEY_PhilipsRWVSlope, rwv);
		keys_number(out, KEY_PhilipsRWVIntercept, zero);
	}
	if (isnan(slope) || slope == 0)
		return;
	if (isnan(rescale)) {
		rescale = view_private_number(v, &rescale_slope, 0);
		intercept = view_private_number(v, &rescale_intercept, 0);
	}
	keys_number(out, KEY_PhilipsRescaleSlope, rescale);
	keys_number(out, KEY_PhilipsRescaleIntercept, intercept);
	keys_number(out, KEY_PhilipsScaleSlope, slope);
	keys_number(out, KEY_UsePhilipsFloatNotDisplayScaling, 1);
}

/* What the echo train's length and the shift between water and fat say about the readout (BIDS
 * does not take it for the true one): §7.3. */
static void readout(const struct view *v, struct keys *out)
{
	double shift = view_private_number(v, &water_fat_shift, 0),
	       f = keys_get_number(out, KEY_ImagingFrequency);
	double n = echo_train(v), r = keys_get_number(out, KEY_ReconMatrixPE), total;

	keys_number(out, KEY_WaterFatShift, shift);
	keys_number(out, KEY_EchoTrainLength, n > 1 ? n : (double)NAN);
	if (!(shift > 0) || !(f > 0) || !(n > 0) || !(r > 1))
		return;
	total = shift / (f * PPM_OF_FAT * (n + 1)) * n;
	keys_number(out, KEY_EstimatedTotalReadoutTime, total);
	keys_number(out, KEY_EstimatedEffectiveEchoSpacing, total / (r - 1));
}

static void where_the_table_is(const struct view *v, struct keys *out)
{
	double p[3] = { 0, 0, view_private_number(v, &table_z, 0) };

	if (isnan(p[2]))
		return;
	p[2] = p[2] == 0 ? 0 : -p[2];
	keys_list(out, KEY_TablePosition, p, 3);
}

/* One factor for both kinds of undersampling: it is the compressed one's where that was used. */
static void compressed_sensing(const struct view *v, struct keys *out)
{
	double factor = view_number(v, DCM_ParallelReductionFactorInPlane, 0);

	const char *kind = view_private_text(v, &sense_kind);

	if (kind && strstr(kind, "_AI")) {
		keys_flag(out, KEY_DeepLearning, true);
		keys_text(out, KEY_DeepLearningDetails, kind);
	}
	if (!view_has(v, DCM_ParallelAcquisitionTechnique, "CSENSE"))
		return;
	keys_unset(out, KEY_ParallelReductionFactorInPlane);
	if (factor > 1)
		keys_number(out, KEY_CompressedSensingFactor, factor);
}

/* Lines in place of steps where some were left out. */
static void partial_fourier(const struct view *v, struct keys *out)
{
	double steps = keys_get_number(out, KEY_PhaseEncodingSteps);

	if (!view_has(v, DCM_PartialFourier, "YES") || isnan(steps))
		return;
	keys_text(out, KEY_PartialFourierEnabled, "YES");
	keys_number(out, KEY_PhaseEncodingStepsNoPartialFourier, steps);
	keys_unset(out, KEY_PhaseEncodingSteps);
}

static int philips_sidecar(const struct sidecar_input *in, struct keys *out, struct err *err)
{
	const struct view v = { in->header[0], in->frames[0] ? in->frames[0][0] : 0, in->a };
	double ti = view_private_number(&v, &inversion_time, 0);
	const char *kind = view_private_text(&v, &acquisition_type),
		   *prepared = view_private_text(&v, &preparation);

	(void)err;
	if (!in->is_mr)
		return 0;
	scaling(&v, out);
	readout(&v, out);
	where_the_table_is(&v, out);
	partial_fourier(&v, out);
	compressed_sensing(&v, out);
	if (prepared && strstr(prepared, "INV") && ti > 0)
		keys_number(out, KEY_InversionTime, ti / 1000);
	if (kind && !keys_get_text(out, KEY_MRAcquisitionType) &&
		(!strcmp(kind, "3D") || !strcmp(kind, "2D")))
		keys_text(out, KEY_MRAcquisitionType, kind);
	return 0;
}

static const char *const creators[] = { "PHILIPS IMAGING DD", "PHILIPS MR IMAGING DD", NULL };

const struct maker maker_philips = { "Philips", names, creators, philips_facts, philips_sidecar };
