/* SPDX-License-Identifier: MIT */
/*
 * GE's part of a sidecar. Where numbers are kept and what they mean: dcm2niix, GE/README.md and
 * nii_dicom.cpp; slice timing as that describes and its validation sets (dcm_qa_stc, dcm_qa_ge)
 * show it.
 */
#include "ge.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "dicom/tags.h"
#include "dicom/value.h"
#include "vendor/keys.h"

#define ACQU "GEMS_ACQU_01"
#define PARM "GEMS_PARM_01"

static const struct private_place sequence_file = { ACQU, 0x0019, 0x9C };
static const struct private_place internal_name = { ACQU, 0x0019, 0x9E };
static const struct private_place duration = { ACQU, 0x0019, 0x5A };
static const struct private_place table_delta = { ACQU, 0x0019, 0x7F };
static const struct private_place velocity_scale = { ACQU, 0x0019, 0xE2 };
static const struct private_place n_directions = { ACQU, 0x0019, 0xE0 };
static const struct private_place n_t2 = { ACQU, 0x0019, 0xDF };
static const struct private_place user11 = { ACQU, 0x0019, 0xB2 };
static const struct private_place user12 = { ACQU, 0x0019, 0xB3 };
static const struct private_place user15 = { ACQU, 0x0019, 0xB6 };
static const struct private_place echo_spacing = { PARM, 0x0043, 0x2C };
static const struct private_place pet_volume = { "GEMS_PETD_01", 0x0009, 0x3A };
static const struct private_place asset = { PARM, 0x0043, 0x83 };
static const struct private_place prescan = { PARM, 0x0043, 0x95 };
static const struct private_place table = { PARM, 0x0043, 0xB2 };
static const struct private_place compressed_sensing = { PARM, 0x0043, 0xB7 };
static const struct private_place deep_learning = { PARM, 0x0043, 0xCA };
static const struct private_place asl_contrast = { PARM, 0x0043, 0xA3 };
static const struct private_place asl_technique = { PARM, 0x0043, 0xA4 };
static const struct private_place label_duration = { PARM, 0x0043, 0xA5 };
static const struct private_place points_per_arm = { "GEMS_IMAG_01", 0x0027, 0x60 };
static const struct private_place arms = { "GEMS_IMAG_01", 0x0027, 0x61 };
static const struct private_place excitations = { "GEMS_IMAG_01", 0x0027, 0x62 };
static const struct private_place shim[3] = { { PARM, 0x0043, 0x02 }, { PARM, 0x0043, 0x03 },
	{ PARM, 0x0043, 0x04 } };

struct work {
	const struct sidecar_input *in;
	struct view v;
	struct protocol p;
	struct keys *out;
	bool is_epi2;
};

static double number(const struct work *w, const struct private_place *p)
{
	return view_private_number(&w->v, p, 0);
}

static void sequence(struct work *w)
{
	const char *internal = view_private_text(&w->v, &internal_name);

	keys_text(w->out, KEY_PulseSequenceName, view_private_text(&w->v, &sequence_file));
	if (!keys_get_text(w->out, KEY_ProcedureStepDescription))
		keys_text(w->out, KEY_ProcedureStepDescription,
			protocol_text(&w->p, "PSEQ", w->in->a));
	if (internal && (!strcmp(internal, "EPI") || !strcmp(internal, "EPI2")))
		keys_text(w->out, KEY_InternalPulseSequenceName, internal);
	w->is_epi2 = internal && !strcmp(internal, "EPI2");
}

static void hardware(const struct work *w)
{
	double v[3], z = view_private_number(&w->v, &table, 2), delta = number(w, &table_delta);
	int i;

	for (i = 0; i < 3; i++)
		v[i] = number(w, &shim[i]);
	if (!isnan(v[0] + v[1] + v[2]))
		keys_list(w->out, KEY_ShimSetting, v, 3);
	if (isnan(z))
		return;
	v[0] = v[1] = 0;
	v[2] = z - (isnan(delta) ? 0 : delta);
	keys_list(w->out, KEY_TablePosition, v, 3);
}

static bool model_has(const struct work *w, const char *name)
{
	return view_has(&w->v, DCM_ManufacturerModelName, name);
}

/* Some models spread the directions' heat over several TR, as user variables say: the 12th how
 * many, the 15th that a study's own order replaces it. *tensor is the number of the file of
 * directions, which one mode implies. */
static const char *gradient_cycling(const struct work *w, double *tensor)
{
	bool premier = model_has(w, "Premier"), other = model_has(w, "UHP") || model_has(w, "7.0T");
	double mode = number(w, &user12), special = number(w, &user15);

	if (!premier && !other)
		return NULL;
	if ((premier && fabs(special - 0.72) < 1e-4) || (other && special >= 0.5 && special <= 1))
		return "SPOFF";
	if (mode != 2 && mode != 3)
		return "ALLTR";
	if (!(*tensor > 0))
		*tensor = mode;
	return mode == 2 ? "2TR" : "3TR";
}

static void diffusion(const struct work *w)
{
	double tensor = number(w, &user11);

	if (!w->is_epi2 || !(number(w, &n_directions) > 0))
		return;
	keys_number(w->out, KEY_NumberOfDiffusionDirectionGE, number(w, &n_directions));
	keys_number(w->out, KEY_NumberOfDiffusionT2GE, number(w, &n_t2));
	keys_text(w->out, KEY_DiffGradientCyclingGE, gradient_cycling(w, &tensor));
	if (tensor > 0)
		keys_number(w->out, KEY_TensorFileNumberGE, tensor);
}

/* Spin labelling: its technique, and the durations in ms (dcm2niix, GE/README.md "ASL"). */
static void spin_labelling(const struct work *w)
{
	const char *contrast = view_private_text(&w->v, &asl_contrast);
	const char *technique = view_private_text(&w->v, &asl_technique);
	double label = number(w, &label_duration);

	if (contrast && strstr(contrast, "PSEUDOCONTINUOUS"))
		keys_text(w->out, KEY_ArterialSpinLabelingType, "PCASL");
	else if (contrast && strstr(contrast, "CONTINUOUS"))
		keys_text(w->out, KEY_ArterialSpinLabelingType, "CASL");
	else if (technique && strstr(technique, "3D pulsed continuous"))
		keys_text(w->out, KEY_ArterialSpinLabelingType, "PCASL");
	else if (technique && strstr(technique, "3D continuous"))
		keys_text(w->out, KEY_ArterialSpinLabelingType, "CASL");
	if (label > 0) {
		/* the delay is where others have the inversion time */
		keys_number(w->out, KEY_LabelingDuration, label / 1000);
		keys_number(w->out, KEY_PostLabelingDelay,
			keys_get_number(w->out, KEY_InversionTime));
		keys_number(w->out, KEY_NumberOfPointsPerArm, number(w, &points_per_arm));
		keys_number(w->out, KEY_NumberOfArms, number(w, &arms));
	}
	if (number(w, &excitations) > 1)
		keys_number(w->out, KEY_NumberOfExcitations, number(w, &excitations));
}

static void acceleration(const struct work *w)
{
	double r = view_private_number(&w->v, &asset, 0),
	       r2 = view_private_number(&w->v, &asset, 1);
	double cs = number(w, &compressed_sensing);
	const char *dl = view_private_text(&w->v, &deep_learning);

	if (r > 0 && r < 1)
		keys_number(w->out, KEY_ParallelReductionFactorInPlane, 1 / r);
	if (r2 > 0 && r2 < 1)
		keys_number(w->out, KEY_ParallelReductionFactorOutOfPlane, 1 / r2);
	if (cs > 1)
		keys_number(w->out, KEY_CompressedSensingFactor, cs);
	if (number(w, &deep_learning) > 0) { /* "0.75\\High" */
		keys_flag(w->out, KEY_DeepLearning, true);
		keys_text(w->out, KEY_DeepLearningDetails, dl);
	}
	if (w->in->facts->multiband > 1)
		keys_number(w->out, KEY_MultibandAccelerationFactor, w->in->facts->multiband);
}

/* The lines that are acquired come in pairs, in fours with partial Fourier (§7.3). */
static void readout(const struct work *w)
{
	double esp = number(w, &echo_spacing),
	       pe = keys_get_number(w->out, KEY_AcquisitionMatrixPE);
	double r = keys_get_number(w->out, KEY_ParallelReductionFactorInPlane), lines;
	double group = view_has(&w->v, DCM_ScanOptions, "PFF") ||
			view_has(&w->v, DCM_PartialFourier, "YES") ?
		4 :
		2;

	if (!(esp > 0) || !(pe > 1))
		return;
	lines = ceil(pe / (group * (r > 1 ? r : 1))) * group;
	keys_number(w->out, KEY_EffectiveEchoSpacing, (lines - 1) * esp * 1e-6 / (pe - 1));
}

/* "27\LX\MR Software release:RX27.0_R03_...": is it that release, or a later one? */
static bool software_since(const struct work *w, double version, int release)
{
	const char *s = view_text(&w->v, DCM_SoftwareVersions);
	int major, minor, r;

	for (; s && *s; s++) {
		if (*s < '0' || *s > '9')
			continue;
		if (sscanf(s, "%3d.%3d_R%3d", &major, &minor, &r) == 3)
			return major + minor / 10.0 > version ||
				(major + minor / 10.0 == version && r >= release);
		if (sscanf(s, "%3d.%3d_", &major, &minor) == 2)
			return major + minor / 10.0 > version;
		while (s[1] >= '0' && s[1] <= '9')
			s++;
	}
	return false;
}

/* Excitations of a volume, and whether they follow the rule of RX27.0 R03 (§7.5). */
static uint32_t count_excitations(const struct work *w, uint32_t nz, uint32_t mb, bool *is_new)
{
	uint32_t n = (nz + mb - 1) / mb;

	*is_new = mb > 1 && !ge_option(&w->p, "DIFF", w->in->a) && software_since(w, 27.0, 3);
	return mb > 1 && !*is_new && n % 2 == 0 ? n + 1 : n;
}

static double excitation_time(uint32_t i, uint32_t n, bool interleaved)
{
	if (!interleaved)
		return i;
	return i % 2 == 0 ? i / 2 : (n - 1) / 2 + (i + 1) / 2;
}

static int slice_timing(const struct work *w, struct err *err)
{
	uint32_t nz = w->in->dim[2], mb = w->in->facts->multiband > 1 ? w->in->facts->multiband : 1,
		 n, i;
	double tr = view_number(&w->v, DCM_RepetitionTime, 0) / 1000, *t, *out;
	bool multiphase = ge_option(&w->p, "MPh", w->in->a), is_new, interleaved;

	if (!w->p.n_lines || !(tr > 0) || !ge_option(&w->p, "EPI", w->in->a))
		return 0;
	if (ge_option(&w->p, "MPhVar", w->in->a)) /* each phase has a delay of its own */
		return 0;
	interleaved = multiphase || protocol_number(&w->p, "SLICEORDER", 1) != 0;
	n = count_excitations(w, nz, mb, &is_new);
	t = arena_zalloc(w->in->a, n, sizeof *t);
	out = arena_zalloc(w->in->a, nz, sizeof *out);
	if (!t || !out)
		return err_nomem(err);
	for (i = 0; i < n; i++)
		t[i] = excitation_time(i, n, interleaved) * tr / n;
	if (is_new && interleaved && n % 2 == 0 && n > 2) {
		double last = t[n - 1];

		t[n - 1] = t[n - 3];
		t[n - 3] = last;
	}
	for (i = 0; i < nz; i++)
		out[w->in->slices_reversed ? nz - 1 - i : i] = t[i % n];
	keys_list(w->out, KEY_SliceTiming, out, nz);
	return 0;
}

static void field_map(const struct work *w)
{
	double te = keys_get_number(w->out, KEY_EchoTime), scale = number(w, &velocity_scale);

	if (!w->in->is_field_map || !(scale < 0) || isnan(te))
		return;
	keys_unset(w->out, KEY_EchoTime);
	keys_number(w->out, KEY_EchoTime1, te);
	keys_number(w->out, KEY_EchoTime2, te - 1 / (2 * acos(-1) * scale));
}

static void polarity(const struct work *w)
{
	if (w->in->facts->pe_polarity == POLARITY_POSITIVE)
		keys_text(w->out, KEY_PhaseEncodingPolarityGE, "Unflipped");
	else if (w->in->facts->pe_polarity == POLARITY_NEGATIVE)
		keys_text(w->out, KEY_PhaseEncodingPolarityGE, "Flipped");
}

int ge_sidecar(const struct sidecar_input *in, struct keys *out, struct err *err)
{
	struct work w = { .in = in, .out = out };
	int rc;

	w.v = (struct view){ in->header[0], in->frames[0] ? in->frames[0][0] : 0, in->a };
	if (!in->is_mr) {
		if (isnan(keys_get_number(out, KEY_InjectedVolume)))
			keys_number(out, KEY_InjectedVolume, number(&w, &pet_volume));
		return 0;
	}
	rc = ge_protocol(&w.v, &w.p, err);
	if (rc)
		return rc;
	sequence(&w);
	hardware(&w);
	diffusion(&w);
	polarity(&w);
	field_map(&w);
	spin_labelling(&w);
	acceleration(&w);
	readout(&w);
	keys_text(out, KEY_PrescanReuseString, view_private_text(&w.v, &prescan));
	if (number(&w, &duration) > 0)
		keys_number(out, KEY_AcquisitionDuration, number(&w, &duration) * 1e-6);
	return in->dim[2] > 1 && !in->is_3d ? slice_timing(&w, err) : 0;
}
