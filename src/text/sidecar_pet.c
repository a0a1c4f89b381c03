/* SPDX-License-Identifier: MIT */
/*
 * What sidecars of positron emission tomography have beside: the tracer, the reconstruction,
 * and the times of each volume (BIDS, "Positron Emission Tomography").
 */
#include "sidecar_parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "dicom/groups.h"
#include "dicom/tags.h"
#include "dicom/value.h"

static const struct row rows[] = {
	{ KEY_Units, DCM_Units, AS_TEXT },
	{ KEY_DoseCalibrationFactor, DCM_DoseCalibrationFactor, AS_NUMBER },
	{ KEY_ScatterFraction, DCM_ScatterFractionFactor, AS_NUMBER },
	{ KEY_ConvolutionKernel, DCM_ConvolutionKernel, AS_TEXT },
	{ KEY_DecayCorrection, DCM_DecayCorrection, AS_TEXT },
	{ KEY_AttenuationCorrectionMethod, DCM_AttenuationCorrectionMethod, AS_TEXT },
	{ KEY_ReconstructionMethod, DCM_ReconstructionMethod, AS_TEXT },
	{ KEY_RadionuclidePositronFraction, DCM_RadionuclidePositronFraction, AS_NUMBER },
	{ KEY_RadionuclideHalfLife, DCM_RadionuclideHalfLife, AS_NUMBER },
	{ KEY_InjectedRadioactivity, DCM_RadionuclideTotalDose, AS_NUMBER },
	{ KEY_InjectedVolume, DCM_RadiopharmaceuticalVolume, AS_NUMBER },
	{ KEY_Radiopharmaceutical, DCM_Radiopharmaceutical, AS_TEXT },
};

/* A number of each time point, of its first plane for most. */
typedef double (*time_number)(const struct sidecar *s, uint32_t t);

static const struct volume_slice *first_plane(const struct sidecar *s, uint32_t t)
{
	return &s->v->slices[(uint64_t)t * s->v->n_planes];
}

/* (0018,1242), or of a frame (0018,9220). */
static double frame_duration(const struct sidecar *s, uint32_t t)
{
	const struct volume_slice *p = first_plane(s, t);
	double ms = p->in->frame_duration;

	if (isnan(ms) && p->in == first_plane(s, 0)->in)
		dcm_double(dcm_frame_get(s->header[0], p->frame, DCM_FrameAcquisitionDuration,
				   NULL),
			0, &ms);
	return ms;
}

static double reference_time(const struct sidecar *s, uint32_t t)
{
	return first_plane(s, t)->in->frame_reference_time;
}

/* Of the day on which the volume's first plane was acquired. */
static double since_midnight(const struct sidecar *s, const struct volume_slice *p)
{
	const struct instance *first = s->v->slices[0].in;

	return p->time_s +
		86400.0 *
		dcm_days_apart(first->attr->acquisition_date, p->in->attr->acquisition_date);
}

/* When the first of its planes was acquired: beds may have been taken from the head down. */
static double acquisition_seconds(const struct sidecar *s, uint32_t t)
{
	const struct volume_slice *p = first_plane(s, t);
	double least = since_midnight(s, p);
	uint32_t k;

	for (k = 1; k < s->v->n_planes; k++)
		least = fmin(least, since_midnight(s, &p[k]));
	return least;
}

/* (number - origin) * scale for each time point; NULL where one of them has none. */
static double *each_time_point(struct sidecar *s, time_number of, double origin, double scale)
{
	uint32_t t, nt = s->v->dim[3];
	double *list = arena_zalloc(&s->a, nt, sizeof *list);

	for (t = 0; list && t < nt; t++) {
		list[t] = (of(s, t) - origin) * scale;
		if (isnan(list[t]))
			return NULL;
	}
	return list;
}

static bool varies(const double *list, uint32_t n)
{
	uint32_t i;

	for (i = 1; i < n; i++)
		if (list[i] != list[0])
			return true;
	return false;
}

/* (0054,1321) of each time point: the one thing that is in no index. */
static int decay_factors(struct sidecar *s, struct err *err)
{
	uint32_t t, nt = s->v->dim[3];
	double *list = arena_zalloc(&s->a, nt, sizeof *list);
	int rc;

	if (!list)
		return err_nomem(err);
	for (t = 0; t < nt; t++) {
		const struct instance *in = s->v->slices[(uint64_t)t * s->v->n_planes].in;
		struct dcm_header *h = NULL;

		rc = t ? files_header(s->files, in, DCM_LOAD_BEFORE_PIXELS, 0, &h, err) : 0;
		if (rc)
			return rc;
		list[t] = dcm_get_double(t ? &h->top : &s->header[0]->top, DCM_DecayFactor, NAN);
		dcm_header_free(h);
		if (isnan(list[t]))
			return 0;
	}
	keys_list(&s->keys, KEY_DecayFactor, list, nt);
	return 0;
}

static void pet_times(struct sidecar *s)
{
	uint32_t nt = s->v->dim[3];
	const double *durations = each_time_point(s, frame_duration, 0, 1e-3);
	const double *references = each_time_point(s, reference_time, 0, 1e-3), *starts;
	double first = acquisition_seconds(s, 0), minutes;

	if (durations) {
		keys_list(&s->keys, KEY_FrameDuration, durations, nt);
		keys_unset(&s->keys, KEY_RepetitionTime);
	}
	if (references && varies(references, nt))
		keys_list(&s->keys, KEY_FrameReferenceTime, references, nt);
	if (isnan(first))
		return;
	starts = each_time_point(s, acquisition_seconds, first, 1);
	if (starts)
		keys_list(&s->keys, KEY_FrameTimesStart, starts, nt);
	minutes = floor(first / 60);
	keys_text(&s->keys, KEY_TimeZero,
		arena_printf(&s->a, "%02d:%02d:%02d", (int)minutes / 60, (int)minutes % 60,
			(int)(first - minutes * 60)));
}

/* "^18^Fluorine" or "Fluorine^18^" (PS3.16 CID 4020) as BIDS has it: "F18". */
static const char *nuclide(struct sidecar *s, const char *meaning)
{
	static const char *const elements[][2] = {
		{ "Carbon", "C" },
		{ "Nitrogen", "N" },
		{ "Oxygen", "O" },
		{ "Fluorine", "F" },
		{ "Copper", "Cu" },
		{ "Gallium", "Ga" },
		{ "Germanium", "Ge" },
		{ "Bromine", "Br" },
		{ "Rubidium", "Rb" },
		{ "Yttrium", "Y" },
		{ "Zirconium", "Zr" },
		{ "Iodine", "I" },
	};
	size_t i, digits = meaning ? strcspn(meaning, "0123456789") : 0;

	for (i = 0; meaning && meaning[digits] && i < sizeof elements / sizeof *elements; i++)
		if (strcasestr(meaning, elements[i][0]))
			return arena_printf(&s->a, "%s%.*s", elements[i][1],
				(int)strspn(meaning + digits, "0123456789"), meaning + digits);
	return meaning;
}

/* The words that the letters in a reconstruction's name stand for; where one is part of
 * another, the longer goes before. */
static void name_reconstruction(struct sidecar *s, const char *method)
{
	static const struct {
		const char *letters, *words, *unless;
	} table[] = {
		{ "OSEM", "Ordered Subset Expectation Maximization", NULL },
		{ "OS", "Ordered Subset", "OSEM" },
		{ "LOR", "Line Of Response", NULL },
		{ "RAMLA", "Row Action Maximum Likelihood", NULL },
		{ "OP", "Ordinary Poisson", NULL },
		{ "PSF", "Point-Spread Function modelling", NULL },
		{ "TOF", "Time Of Flight", NULL },
		{ "VPHD-S",
			"3D Ordered Subset Expectation Maximization with Point-Spread Function "
			"modelling",
			NULL },
		{ "VPHD", "VUE Point HD", "VPHD-S" },
		{ "VPFXS", "VUE Point HD using Time Of Flight with Point-Spread Function modelling",
			NULL },
		{ "VPFX", "VUE Point HD using Time Of Flight", "VPFXS" },
		{ "Q.Clear", "VUE Point HD with regularization (smoothing)", NULL },
		{ "BLOB", "3D spherically symmetric basis function", NULL },
		{ "Filtered", "Filtered Back Projection", NULL },
		{ "3DRP", "3D Kinahan-Rogers", NULL },
	};
	const char *name = NULL;
	size_t i;

	for (i = 0; i < sizeof table / sizeof *table; i++)
		if (strstr(method, table[i].letters) &&
			!(table[i].unless && strstr(method, table[i].unless)))
			name = name ? arena_printf(&s->a, "%s %s", name, table[i].words) :
				      table[i].words;
	keys_text(&s->keys, KEY_ReconMethodName, name);
}

/* "XYZ Gauss4.00": the filter's width stands at the end of the kernel's name. */
static void filter_size(struct sidecar *s)
{
	const char *kernel = keys_get_text(&s->keys, KEY_ConvolutionKernel), *p;
	double mm;

	if (!kernel)
		return;
	p = kernel + strlen(kernel);
	while (p > kernel && strchr("0123456789.", p[-1]))
		p--;
	if (p > kernel && dcm_parse_double(p, strlen(p), &mm))
		keys_number(&s->keys, KEY_ReconFilterSize, mm);
}

/* "4i21s" or "i4s21" in the name of a reconstruction: iterations and subsets. */
static void reconstruction(struct sidecar *s)
{
	static const char *const labels[2] = { "subsets", "iterations" };
	const char *p = keys_get_text(&s->keys, KEY_ReconstructionMethod);
	unsigned iterations, subsets;
	double values[2];

	if (p)
		name_reconstruction(s, p);
	for (; p && *p; p++) {
		int end = 0;

		if (sscanf(p, "i%3us%3u%n", &iterations, &subsets, &end) < 2 &&
			(sscanf(p, "%3ui%3us%n", &iterations, &subsets, &end) < 2 || !end))
			continue;
		values[0] = subsets;
		values[1] = iterations;
		keys_words(&s->keys, KEY_ReconMethodParameterLabels, labels, 2);
		keys_list(&s->keys, KEY_ReconMethodParameterValues, values, 2);
		return;
	}
}

int sidecar_positron_emission(struct sidecar *s, struct err *err)
{
	const struct dcm_dataset *drug = dcm_first_item(&s->view.h->top,
		DCM_RadiopharmaceuticalInformationSequence);
	const struct dcm_dataset *code = drug ? dcm_first_item(drug, DCM_RadionuclideCodeSequence) :
						NULL;

	double dose;

	sidecar_read_rows(s, rows, sizeof rows / sizeof *rows);
	dose = keys_get_number(&s->keys, KEY_InjectedRadioactivity);
	if (dose > 0) {
		/* the standard's unit is Bq; who writes MBq all the same is found by the size
		 * of it */
		keys_number(&s->keys, KEY_InjectedRadioactivity, dose > 1e4 ? dose / 1e6 : dose);
		keys_text(&s->keys, KEY_InjectedRadioactivityUnits, "MBq");
	}
	if (code)
		keys_text(&s->keys, KEY_TracerRadionuclide,
			nuclide(s, dcm_get_text(code, DCM_CodeMeaning, &s->a)));
	reconstruction(s);
	filter_size(s);
	pet_times(s);
	return decay_factors(s, err);
}
