/* SPDX-License-Identifier: MIT */
/*
 * Siemens' part of a sidecar: the scan protocol, its labelling of spins, the CSA header's few keys,
 * and when each slice was acquired. Names of protocol entries and what their numbers mean:
 * dcm2niix, Siemens/README.md and nii_dicom_batch.cpp; BIDS for the units.
 */
#include "siemens.h"

#include <math.h>
#include <string.h>

#include "base/err.h"
#include "dicom/tags.h"
#include "dicom/value.h"
#include "vendor/keys.h"

static const struct private_place bandwidth = { "SIEMENS MR HEADER", 0x0019, 0x28 };
static const struct private_place xa_bandwidth = { "SIEMENS MR SDI 02", 0x0021, 0x53 };
static const struct private_place dwell = { "SIEMENS MR HEADER", 0x0019, 0x18 };
static const struct private_place xa_dwell = { "SIEMENS MR SDI 02", 0x0021, 0x42 };
static const struct private_place table_position = { "SIEMENS MR HEADER", 0x0019, 0x14 };
static const struct private_place xa_table_position = { "SIEMENS MR SDS 01", 0x0021, 0x05 };
static const struct private_place time_after_start = { "SIEMENS MR SDI 02", 0x0021, 0x04 };
static const struct private_place coil = { "SIEMENS MR HEADER", 0x0051, 0x0F };
static const struct private_place xa_coil = { "SIEMENS MR SDI 02", 0x0021, 0x4F };
static const struct private_place orientation_text = { "SIEMENS MR HEADER", 0x0051, 0x0E };
static const struct private_place image_type_text = { "SIEMENS MR SDI 02", 0x0021, 0x75 };
static const struct private_place deep_learning = { "SIEMENS MR SDI 02", 0x0021, 0x76 };
static const struct private_place xa_scanning_sequence = { "SIEMENS MR SDS 01", 0x0021, 0x5A };
static const struct private_place xa_variant = { "SIEMENS MR SDS 01", 0x0021, 0x5B };
static const struct private_place xa_options = { "SIEMENS MR SDS 01", 0x0021, 0x5C };
static const struct private_place baseline = { "SIEMENS MR SDS 01", 0x0021, 0x10 };

static const struct {
	enum key key;
	const char *entry;
	double scale;
} numbers[] = {
	{ KEY_BaseResolution, "sKSpace.lBaseResolution", 1 },
	{ KEY_DelayTime, "lDelayTimeInTR", SIEMENS_US },
	{ KEY_TxRefAmp, "sTXSPEC.asNucleusInfo[0].flReferenceAmplitude", 1 },
	{ KEY_PhaseResolution, "sKSpace.dPhaseResolution", 1 },
	{ KEY_PhaseOversampling, "sKSpace.dPhaseOversamplingForDialog", 1 },
	{ KEY_VendorReportedEchoSpacing, "sFastImaging.lEchoSpacing", SIEMENS_US },
};

static const struct {
	enum key key;
	const char *entry;
} texts[] = {
	{ KEY_ReceiveCoilName, "sCoilElementID.tCoilID" },
	{ KEY_ReceiveCoilActiveElements, "sCoilSelectMeas.sCoilStringForConversion" },
	{ KEY_PulseSequenceDetails, "tSequenceFileName" },
	{ KEY_FmriExternalInfo, "FmriExternalInfo" },
	{ KEY_ConsistencyInfo, "sProtConsistencyInfo.tMeasuredBaselineString" },
};

double siemens_entry(const struct siemens *w, const char *key)
{
	return protocol_number(&w->p, key, NAN);
}

double siemens_element(const struct siemens *w, const char *name, unsigned i)
{
	const char *key = arena_printf(w->in->a, "%s[%u]", name, i);

	return key ? siemens_entry(w, key) : (double)NAN;
}

static void shims(const struct siemens *w)
{
	static const char *const linear[2][3] = {
		{ "sGRADSPEC.asGPAData[0].lOffsetX", "sGRADSPEC.asGPAData[0].lOffsetY",
			"sGRADSPEC.asGPAData[0].lOffsetZ" },
		{ "sGRADSPEC.lOffsetX", "sGRADSPEC.lOffsetY", "sGRADSPEC.lOffsetZ" },
	};
	double s[8];
	unsigned i;

	for (i = 0; i < 3; i++) {
		s[i] = protocol_number(&w->p, linear[0][i], 0);
		if (s[i] == 0)
			s[i] = protocol_number(&w->p, linear[1][i], 0);
	}
	for (i = 0; i < 5; i++) {
		s[3 + i] = siemens_element(w, "sGRADSPEC.alShimCurrent", i);
		if (isnan(s[3 + i]))
			s[3 + i] = 0;
	}
	if (s[0] != 0)
		keys_list(w->out, KEY_ShimSetting, s, 8);
}

static double partial_fourier(double code)
{
	if (code == 1)
		return 0.5;
	if (code == 2)
		return 0.625;
	if (code == 4)
		return 0.75;
	return code == 8 ? 0.875 : 1;
}

/* Bipolar or monopolar: dsScheme 1 and 2; the older ucReadOutMode counts the other way. */
static void diffusion_scheme(const struct siemens *w)
{
	double scheme = siemens_entry(w, "sDiffusion.dsScheme");

	if (!(scheme > 0))
		scheme = 3 - siemens_entry(w, "ucReadOutMode");
	if (scheme == 1)
		keys_text(w->out, KEY_DiffusionScheme, "Bipolar");
	else if (scheme == 2)
		keys_text(w->out, KEY_DiffusionScheme, "Monopolar");
}

/* A mode of 1 or 2 by its name. */
static void mode(const struct siemens *w, enum key key, const char *name, const char *one,
	const char *two)
{
	double m = siemens_entry(w, name);

	if (m == 1)
		keys_text(w->out, key, one);
	else if (m == 2)
		keys_text(w->out, key, two);
}

/* Echo times of the two images that a phase difference is of. */
static void difference_echoes(const struct siemens *w)
{
	double te0 = siemens_element(w, "alTE", 0) * SIEMENS_US,
	       te1 = siemens_element(w, "alTE", 1) * SIEMENS_US;

	if (!w->in->is_phase || !(te0 > 0) || !(te1 > 0))
		return;
	keys_number(w->out, KEY_EchoTime1, te0);
	keys_number(w->out, KEY_EchoTime2, te1);
}

/* Text of a file's WIP block, with what the sequence's author put there. */
static void wip_text(const struct siemens *w)
{
	const char *t = protocol_text(&w->p, "sWipMemBlock.tFree", w->in->a);

	keys_text(w->out, KEY_WipMemBlock,
		t ? t : protocol_text(&w->p, "sWiPMemBlock.tFree", w->in->a));
}

static void acceleration(const struct siemens *w)
{
	double in_plane = siemens_entry(w, "sPat.lAccelFactPE"),
	       through = siemens_entry(w, "sPat.lAccelFact3D");
	double lines = siemens_entry(w, "sPat.lRefLinesPE"),
	       told = siemens_acceleration(&w->v, 'p');
	double total = siemens_entry(w, "sPat.dTotalAccelFact");

	if (lines > 0)
		keys_number(w->out, KEY_RefLinesPE, lines);
	if (in_plane > 0)
		mode(w, KEY_MatrixCoilMode, "sPat.ucPATMode", "SENSE", "GRAPPA");
	/* (0051,1011) tells the product of both directions */
	if (told > 1 && !(through > 1))
		in_plane = told;
	keys_number(w->out, KEY_ParallelReductionFactorInPlane,
		in_plane > 1 ? in_plane : (double)NAN);
	if (through > 1)
		keys_number(w->out, KEY_ParallelReductionFactorOutOfPlane, through);
	/* more than both directions together is the compressed sensing's */
	if (total > fmax(1, in_plane) * fmax(1, through) + 0.01 && w->in->is_3d)
		keys_number(w->out, KEY_CompressedSensingFactor, total);
}

static void protocol_keys(const struct siemens *w)
{
	struct arena *a = w->in->a;
	double v;
	size_t i;

	for (i = 0; i < sizeof numbers / sizeof *numbers; i++)
		keys_number(w->out, numbers[i].key,
			siemens_entry(w, numbers[i].entry) * numbers[i].scale);
	for (i = 0; i < sizeof texts / sizeof *texts; i++)
		keys_text(w->out, texts[i].key, protocol_text(&w->p, texts[i].entry, a));
	/* the protocol writes "_" as "+AF8-" (UTF-7): what is plain comes first */
	if (!keys_get_text(w->out, KEY_ProtocolName) &&
		!keys_get_text(w->out, KEY_SeriesDescription))
		keys_text(w->out, KEY_ProtocolName, protocol_text(&w->p, "tProtocolName", a));
	if (!keys_get_text(w->out, KEY_ConsistencyInfo))
		keys_text(w->out, KEY_ConsistencyInfo,
			protocol_text(&w->p, "sProtConsistencyInfo.tBaselineString", a));
	v = siemens_entry(w, "sKSpace.ucPhasePartialFourier");
	keys_number(w->out, KEY_PartialFourier, v > 0 ? partial_fourier(v) : (double)NAN);
	if (siemens_entry(w, "sKSpace.uc2DInterpolation") > 0)
		keys_number(w->out, KEY_Interpolation2D, 1);
	v = siemens_entry(w, "dAveragesDouble");
	keys_number(w->out, KEY_AveragesDouble, v > 1 ? v : (double)NAN);
	if (siemens_entry(w, "sPrepPulses.ucMTC") == 1 && !w->out->value[KEY_MTState].is_set)
		keys_flag(w->out, KEY_MTState, true);
	if (isnan(keys_get_number(w->out, KEY_AcquisitionMatrixPE)))
		keys_number(w->out, KEY_AcquisitionMatrixPE,
			siemens_entry(w, "sKSpace.lPhaseEncodingLines"));
	mode(w, KEY_CoilCombinationMethod, "ucCoilCombineMode", "Sum of Squares",
		"Adaptive Combine");
	if (w->in->facts->is_diffusion)
		diffusion_scheme(w);
	shims(w);
	wip_text(w);
	difference_echoes(w);
	acceleration(w);
}

static double first_of(double a, double b, double c)
{
	if (!isnan(a))
		return a;
	return isnan(b) ? c : b;
}

static void where_the_table_is(const struct siemens *w)
{
	double p[3];
	uint32_t i;

	for (i = 0; i < 3; i++)
		p[i] = first_of(csa_number(&w->csa, "ImaRelTablePosition", i),
			view_private_number(&w->v, &table_position, i),
			view_private_number(&w->v, &xa_table_position, i));
	if (isnan(p[0] + p[1] + p[2]))
		return;
	p[2] = p[2] == 0 ? 0 : -p[2];
	keys_list(w->out, KEY_TablePosition, p, 3);
}

/* "A\B_C" to words. */
static void split_words(struct keys *out, enum key key, char *text)
{
	const char *words[32];
	uint32_t n = 0;
	char *save = NULL, *t;

	for (t = strtok_r(text, "\\_", &save); t && n < 32; t = strtok_r(NULL, "\\_", &save))
		words[n++] = t;
	keys_words(out, key, words, n);
}

static void image_type(const struct siemens *w)
{
	const char *text = view_private_text(&w->v, &image_type_text);
	char *copy = text ? arena_strdup(w->in->a, text) : NULL;

	if (copy)
		split_words(w->out, KEY_ImageTypeText, copy);
}

/* Deep Resolve Boost, Gain or Sharp is a word of the image type (dcm_qa_cs_dl). */
static void reconstruction(const struct siemens *w)
{
	static const enum key types[2] = { KEY_ImageType, KEY_ImageTypeText };
	const struct key_value *v;
	uint32_t i, k;

	for (i = 0; i < 2; i++) {
		v = &w->out->value[types[i]];
		for (k = 0; v->is_set && k < v->n; k++)
			if (!strcmp(v->words[k], "DRB") || !strcmp(v->words[k], "DRG") ||
				!strcmp(v->words[k], "DRS"))
				break;
		if (!v->is_set || k == v->n)
			continue;
		keys_flag(w->out, KEY_DeepLearning, true);
		keys_text(w->out, KEY_DeepLearningDetails,
			view_private_text(&w->v, &deep_learning));
	}
}

static void fill(const struct siemens *w, enum key key, const struct private_place *p)
{
	if (!w->out->value[key].is_set)
		keys_text(w->out, key, view_private_text(&w->v, p));
}

/* The coil as the image names it, where that is not what the protocol said. */
static void receive_coil(const struct siemens *w)
{
	const char *name = view_private_text(&w->v, &coil), *active;

	if (name)
		keys_text(w->out, KEY_CoilString, name);
	name = keys_get_text(w->out, KEY_CoilString);
	active = keys_get_text(w->out, KEY_ReceiveCoilActiveElements);
	if (name && active && !strcmp(name, active))
		keys_unset(w->out, KEY_CoilString);
}

static void header_keys(const struct siemens *w)
{
	const struct view *v = &w->v;

	keys_number(w->out, KEY_BandwidthPerPixelPhaseEncode,
		first_of(view_private_number(v, &bandwidth, 0),
			view_private_number(v, &xa_bandwidth, 0),
			csa_number(&w->csa, "BandwidthPerPixelPhaseEncode", 0)));
	keys_number(w->out, KEY_DwellTime,
		1e-9 *
			first_of(csa_number(&w->csa, "RealDwellTime", 0),
				view_private_number(v, &dwell, 0),
				view_private_number(v, &xa_dwell, 0)));
	keys_text(w->out, KEY_ImageOrientationText, view_private_text(v, &orientation_text));
	fill(w, KEY_ScanningSequence, &xa_scanning_sequence);
	fill(w, KEY_SequenceVariant, &xa_variant);
	fill(w, KEY_ScanOptions, &xa_options);
	fill(w, KEY_ConsistencyInfo, &baseline);
	fill(w, KEY_ReceiveCoilActiveElements, &xa_coil);
	receive_coil(w);
	where_the_table_is(w);
	image_type(w);
	reconstruction(w);
}

/* Seconds, in the order of the stored slices, from the tiles of a mosaic. */
static uint32_t mosaic_timing(const struct siemens *w, unsigned t, double *out)
{
	const struct view v = { w->in->header[t], 0, w->in->a };
	struct csa csa;
	const double *ms;
	uint32_t n, i, nz = w->in->dim[2];
	/* slices that are numbered from the other end are timed in that order */
	bool reversed = w->in->tiles_reversed != (w->in->facts->protocol_slice_number > 1);

	if (!v.h || siemens_image_csa(&v, &csa, NULL))
		return 0;
	ms = siemens_mosaic_times(&v, &csa, &n);
	if (n < nz)
		return 0;
	for (i = 0; i < nz; i++)
		out[i] = ms[reversed ? nz - 1 - i : i] / 1000;
	return nz;
}

/* From each frame's time after the start of the series (since XA). */
static uint32_t frame_timing(const struct siemens *w, unsigned t, double *out)
{
	struct view v = { w->in->header[t], 0, w->in->a };
	uint32_t i;

	if (!v.h || !w->in->frames[t] || w->in->n_planes != w->in->dim[2])
		return 0;
	for (i = 0; i < w->in->n_planes; i++) {
		v.frame = w->in->frames[t][i];
		out[i] = view_private_number(&v, &time_after_start, 0);
		if (isnan(out[i]))
			return 0;
	}
	return w->in->n_planes;
}

/* From the files' acquisition times. */
static uint32_t file_timing(const struct siemens *w, double *out)
{
	uint32_t i;

	if (!w->in->times_s[0] || w->in->frames[0] || w->in->n_planes != w->in->dim[2])
		return 0;
	for (i = 0; i < w->in->n_planes; i++) {
		out[i] = w->in->times_s[0][i];
		if (isnan(out[i]))
			return 0;
	}
	return w->in->n_planes;
}

/* Before VB13 nothing but the order was kept: ascending, descending, or interleaved beginning
 * with the second slice where their number is even. */
static uint32_t order_timing(const struct siemens *w, double *out)
{
	double order = siemens_entry(w, "sSliceArray.ucMode"),
	       delay = keys_get_number(w->out, KEY_DelayTime);
	uint32_t i, n = w->in->dim[2], first = n % 2 == 0;
	double step = (keys_get_number(w->out, KEY_RepetitionTime) - (isnan(delay) ? 0 : delay)) /
		n;

	if (!w->in->facts->n_tiles || isnan(step) || (order != 1 && order != 2 && order != 4))
		return 0;
	for (i = 0; i < n; i++) {
		uint32_t place = order == 2 ? n - 1 - i : i;

		if (order == 4)
			place = i % 2 == first ? i / 2 : (n + 1 - first) / 2 + (i - !first) / 2;
		out[i] = step * place;
	}
	return n;
}

/* Times from their least; false where they tell nothing. */
static bool from_zero(double *t, uint32_t n)
{
	double least = n ? t[0] : 0, most = least;
	uint32_t i;

	for (i = 1; i < n; i++) {
		least = fmin(least, t[i]);
		most = fmax(most, t[i]);
	}
	for (i = 0; i < n; i++)
		t[i] -= least;
	return n > 1 && most > least;
}

/* The times of one time point from whatever has them; n, or 0. */
static uint32_t timing_of(const struct siemens *w, unsigned t, double *out)
{
	uint32_t n = w->in->facts->n_tiles ? mosaic_timing(w, t, out) : frame_timing(w, t, out);

	return from_zero(out, n) ? n : 0;
}

static double range(const double *t, uint32_t n)
{
	double most = 0;

	while (n--)
		most = fmax(most, t[n]);
	return most;
}

/* A series' first volume may have been timed in another way: the second goes before it where
 * its range is another (§7.5). */
static int slice_timing(const struct siemens *w, struct err *err)
{
	uint32_t nz = w->in->dim[2], n, m;
	double *first = arena_zalloc(w->in->a, nz, sizeof *first);
	double *second = arena_zalloc(w->in->a, nz, sizeof *second);

	if (!first || !second)
		return err_nomem(err);
	n = timing_of(w, 0, first);
	m = timing_of(w, 1, second);
	if (m &&
		(!n || fabs(range(first, n) - range(second, m)) > 1e-4 || !w->in->facts->n_tiles)) {
		first = second;
		n = m;
	}
	if (!n && from_zero(first, file_timing(w, first)))
		n = nz;
	if (!n && from_zero(first, order_timing(w, first)))
		n = nz;
	keys_list(w->out, KEY_SliceTiming, first, n);
	m = n ? vendor_multiband(first, n) : siemens_acceleration(&w->v, 's');
	if (m > 1)
		keys_number(w->out, KEY_MultibandAccelerationFactor, m);
	return 0;
}

int siemens_sidecar(const struct sidecar_input *in, struct keys *out, struct err *err)
{
	struct siemens w = { .in = in, .out = out };
	int rc;

	w.v = (struct view){ in->header[0], in->frames[0] ? in->frames[0][0] : 0, in->a };
	rc = siemens_image_csa(&w.v, &w.csa, err);
	if (!rc)
		rc = siemens_protocol(&w.v, &w.p, err);
	if (rc)
		return rc;
	if (w.p.n_lines && in->is_mr)
		protocol_keys(&w);
	header_keys(&w);
	if (in->is_mr)
		siemens_spin_labelling(&w);
	return in->is_mr && in->dim[2] > 1 && !in->is_3d ? slice_timing(&w, err) : 0;
}
