/* SPDX-License-Identifier: MIT */
/*
 * Sidecars. What public attributes say is a table of rows below; what a volume's
 * shape and time points say, a function each; what makers say, vendor_sidecar(). Each sets
 * values by key; order and format are the keys' own (vendor/keys.def).
 */
#include "text/sidecar.h"

#include "sidecar_parts.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "dicom/groups.h"
#include "dicom/tags.h"
#include "dicom/value.h"
#include "main/version.h"
#include "text/json.h"

#define MOST_TYPES 32

/* In file order of the keys; of two rows for a key the first that has a value counts. */
static const struct row rows[] = {
	{ KEY_MagneticFieldStrength, DCM_MagneticFieldStrength, AS_NUMBER },
	{ KEY_ImagingFrequency, DCM_ImagingFrequency, AS_MHZ },
	{ KEY_ImagingFrequency, DCM_TransmitterFrequency, AS_MHZ },
	{ KEY_ManufacturersModelName, DCM_ManufacturerModelName, AS_TEXT },
	{ KEY_InstitutionName, DCM_InstitutionName, AS_TEXT },
	{ KEY_InstitutionalDepartmentName, DCM_InstitutionalDepartmentName, AS_TEXT },
	{ KEY_InstitutionAddress, DCM_InstitutionAddress, AS_TEXT },
	{ KEY_DeviceSerialNumber, DCM_DeviceSerialNumber, AS_TEXT },
	{ KEY_StationName, DCM_StationName, AS_TEXT },
	{ KEY_SeriesInstanceUID, DCM_SeriesInstanceUID, AS_TEXT },
	{ KEY_StudyInstanceUID, DCM_StudyInstanceUID, AS_TEXT },
	{ KEY_ReferringPhysicianName, DCM_ReferringPhysicianName, AS_TEXT },
	{ KEY_StudyID, DCM_StudyID, AS_TEXT },
	{ KEY_PatientName, DCM_PatientName, AS_TEXT },
	{ KEY_PatientID, DCM_PatientID, AS_TEXT },
	{ KEY_AccessionNumber, DCM_AccessionNumber, AS_TEXT },
	{ KEY_PatientBirthDate, DCM_PatientBirthDate, AS_DATE },
	{ KEY_PatientSex, DCM_PatientSex, AS_LETTER },
	{ KEY_PatientAge, DCM_PatientAge, AS_YEARS },
	{ KEY_PatientSize, DCM_PatientSize, AS_NUMBER },
	{ KEY_PatientWeight, DCM_PatientWeight, AS_NUMBER },
	{ KEY_BodyPart, DCM_BodyPartExamined, AS_TEXT },
	{ KEY_PatientPosition, DCM_PatientPosition, AS_TEXT },
	{ KEY_ProcedureStepDescription, DCM_PerformedProcedureStepDescription, AS_TEXT },
	{ KEY_SoftwareVersions, DCM_SoftwareVersions, AS_TEXT },
	{ KEY_MRAcquisitionType, DCM_MRAcquisitionType, AS_TEXT },
	{ KEY_StudyDescription, DCM_StudyDescription, AS_TEXT },
	{ KEY_SeriesDescription, DCM_SeriesDescription, AS_TEXT },
	{ KEY_ProtocolName, DCM_ProtocolName, AS_TEXT },
	{ KEY_ScanningSequence, DCM_ScanningSequence, AS_TEXT },
	{ KEY_SequenceVariant, DCM_SequenceVariant, AS_TEXT },
	{ KEY_ScanOptions, DCM_ScanOptions, AS_TEXT },
	{ KEY_SequenceName, DCM_SequenceName, AS_TEXT },
	{ KEY_PulseSequenceName, DCM_PulseSequenceName, AS_TEXT },
	{ KEY_SeriesNumber, DCM_SeriesNumber, AS_COUNT },
	{ KEY_AcquisitionNumber, DCM_AcquisitionNumber, AS_COUNT },
	{ KEY_ImageComments, DCM_ImageComments, AS_TEXT },
	{ KEY_TriggerDelayTime, DCM_NominalCardiacTriggerDelayTime, AS_NUMBER },
	{ KEY_SAR, DCM_SAR, AS_NUMBER },
	{ KEY_NumberOfAverages, DCM_NumberOfAverages, AS_MANY },
	{ KEY_InversionTime, DCM_InversionTime, AS_MS },
	{ KEY_InversionTime, DCM_InversionTimes, AS_MS },
	{ KEY_FlipAngle, DCM_FlipAngle, AS_NUMBER },
	{ KEY_VariableFlipAngleFlag, DCM_VariableFlipAngleFlag, AS_YES },
	{ KEY_PercentPhaseFOV, DCM_PercentPhaseFieldOfView, AS_NUMBER },
	{ KEY_PercentSampling, DCM_PercentSampling, AS_NUMBER },
	{ KEY_EchoTrainLength, DCM_EchoTrainLength, AS_MANY },
	{ KEY_PartialFourierDirection, DCM_PartialFourierDirection, AS_TEXT },
	{ KEY_PhaseEncodingSteps, DCM_NumberOfPhaseEncodingSteps, AS_COUNT },
	{ KEY_PhaseEncodingSteps, DCM_MRAcquisitionPhaseEncodingStepsInPlane, AS_COUNT },
	{ KEY_FrequencyEncodingSteps, DCM_MRAcquisitionFrequencyEncodingSteps, AS_COUNT },
	{ KEY_PhaseEncodingStepsOutOfPlane, DCM_MRAcquisitionPhaseEncodingStepsOutOfPlane,
		AS_COUNT },
	{ KEY_ParallelReductionFactorInPlane, DCM_ParallelReductionFactorInPlane, AS_MANY },
	{ KEY_ParallelReductionFactorOutOfPlane, DCM_ParallelReductionFactorOutOfPlane, AS_MANY },
	{ KEY_ParallelAcquisitionTechnique, DCM_ParallelAcquisitionTechnique, AS_TEXT },
	{ KEY_CoilString, DCM_ReceiveCoilName, AS_TEXT },
	{ KEY_AcquisitionDuration, DCM_AcquisitionDuration, AS_NUMBER },
	{ KEY_PixelBandwidth, DCM_PixelBandwidth, AS_NUMBER },
	{ KEY_InPlanePhaseEncodingDirectionDICOM, DCM_InPlanePhaseEncodingDirection, AS_ROW_COL },
};

/* The same for what only X-rays have, and only other images: with an exposure it is an X-ray. */
static const struct row xray_rows[] = {
	{ KEY_ExposureTime, DCM_ExposureTime, AS_MS },
	{ KEY_XRayTubeCurrent, DCM_XRayTubeCurrent, AS_NUMBER },
	{ KEY_XRayExposure, DCM_Exposure, AS_NUMBER },
	{ KEY_ConvolutionKernel, DCM_ConvolutionKernel, AS_TEXT },
};

static const struct row other_rows[] = {
	{ KEY_SliceThickness, DCM_SliceThickness, AS_NUMBER },
	{ KEY_SpacingBetweenSlices, DCM_SpacingBetweenSlices, AS_NUMBER },
	{ KEY_EchoTime, DCM_EchoTime, AS_MS },
	{ KEY_EchoTime, DCM_EffectiveEchoTime, AS_MS },
};

/* The element of a row: of the frame, or of the first radiopharmaceutical. */
static const struct dcm_node *lookup(const struct view *v, uint32_t tag,
	const struct dcm_dataset **ds)
{
	const struct dcm_node *n = dcm_frame_get(v->h, v->frame, tag, ds);

	if (n)
		return n;
	*ds = dcm_first_item(&v->h->top, DCM_RadiopharmaceuticalInformationSequence);
	return *ds ? dcm_get(*ds, tag) : NULL;
}

static const char *as_date(struct arena *a, const char *s)
{
	uint32_t date;

	if (!s || !dcm_parse_date(s, strlen(s), &date) || date < 10000)
		return NULL;
	return arena_printf(a, "%04u-%02u-%02u", date / 10000, date / 100 % 100, date % 100);
}

/* "033Y"; other units are for infants, and no number of years. */
static double as_years(const char *s)
{
	size_t len = s ? strlen(s) : 0;
	int64_t years;

	if (len < 2 || s[len - 1] != 'Y' || !dcm_parse_int(s, len - 1, &years))
		return NAN;
	return (double)years;
}

static void set_text(struct sidecar *s, const struct row *r, const char *text)
{
	struct keys *k = &s->keys;

	switch (r->how) {
	case AS_DATE:
		keys_text(k, r->key, as_date(&s->a, text));
		break;
	case AS_LETTER:
		keys_text(k, r->key, text ? arena_strndup(&s->a, text, 1) : NULL);
		break;
	case AS_YEARS:
		keys_number(k, r->key, as_years(text));
		break;
	case AS_ROW_COL:
		keys_text(k, r->key, text && !strcmp(text, "COLUMN") ? "COL" : text);
		break;
	case AS_YES:
		if (text && *text == 'Y')
			keys_flag(k, r->key, true);
		break;
	default:
		keys_text(k, r->key, text);
	}
}

static double scaled(enum how how, double v)
{
	switch (how) {
	case AS_MS:
		return v / 1000;
	case AS_MHZ:
		return v < 9e6 ? v : (double)NAN;
	case AS_COUNT:
		return v > 0 ? v : (double)NAN;
	case AS_MANY:
		return v > 1 ? v : (double)NAN;
	default:
		return v;
	}
}

void sidecar_read_rows(struct sidecar *s, const struct row *r, size_t n)
{
	const struct dcm_dataset *ds;
	const struct dcm_node *node;
	double v;

	for (; n; n--, r++) {
		node = s->keys.value[r->key].is_set ? NULL : lookup(&s->view, r->tag, &ds);
		if (!node)
			continue;
		switch (r->how) {
		case AS_NUMBER:
		case AS_MS:
		case AS_MHZ:
		case AS_COUNT:
		case AS_MANY:
			if (dcm_double(node, 0, &v))
				keys_number(&s->keys, r->key, scaled(r->how, v));
			break;
		default:
			set_text(s, r, dcm_text(ds, node, &s->a));
		}
	}
}
#define READ_ROWS(s, table) sidecar_read_rows((s), (table), sizeof(table) / sizeof *(table))

static bool has_word(const struct sidecar *s, enum key k, const char *word)
{
	const struct key_value *v = &s->keys.value[k];
	uint32_t i;

	for (i = 0; v->is_set && i < v->n; i++)
		if (!strcmp(v->words[i], word))
			return true;
	return false;
}

/* Is the volume this part of complex images: "_ph", "_real" ...? */
static bool has_suffix(const struct sidecar *s, const char *suffix)
{
	const char *p = s->v->suffix ? strstr(s->v->suffix, suffix) : NULL;

	p = p ? p + strlen(suffix) : NULL;
	return p && (!*p || *p == '_' || !p[1]); /* one letter more tells two apart */
}

static const char *part_word(const struct sidecar *s)
{
	static const struct {
		const char *suffix, *word;
	} parts[] = {
		{ "_fieldmaphz", "FIELDMAPHZ" },
		{ "_ph", "PHASE" },
		{ "_real", "REAL" },
		{ "_imaginary", "IMAGINARY" },
	};
	const struct attributes *attr = s->v->slices[0].in->attr;
	const struct dcm_node *all = dcm_get(&s->view.h->top, DCM_ComplexImageComponent);
	size_t i;

	for (i = 0; i < sizeof parts / sizeof *parts; i++)
		if (has_suffix(s, parts[i].suffix))
			return parts[i].word;
	if (attr->ge_image_part == 0 || has_word(s, KEY_ImageType, "M") ||
		(all ? dcm_text_is(all, 0, "MAGNITUDE") :
		       view_has(&s->view, DCM_ComplexImageComponent, "MAGNITUDE")))
		return "MAGNITUDE";
	return NULL;
}

/* (0008,0008) taken apart at backslashes and underscores, and what part of the complex image it
 * is. */
static void image_type(struct sidecar *s)
{
	const char *text = dcm_get_text(&s->view.h->top, DCM_ImageType, &s->a),
		   *words[MOST_TYPES + 1], *part;
	char *copy = text ? arena_strdup(&s->a, text) : NULL, *save = NULL, *t;
	uint32_t n = 0;

	if (!copy)
		return;
	for (t = strtok_r(copy, "\\_", &save); t && n < MOST_TYPES;
		t = strtok_r(NULL, "\\_", &save))
		words[n++] = t;
	keys_words(&s->keys, KEY_ImageType, words, n);
	part = part_word(s);
	if (part && !has_word(s, KEY_ImageType, part))
		words[n++] = part;
	keys_words(&s->keys, KEY_ImageType, words, n);
	if (s->v->is_derived || has_word(s, KEY_ImageType, "DERIVED"))
		keys_flag(&s->keys, KEY_RawImage, false);
}

static void distortion(struct sidecar *s)
{
	static const enum key types[2] = { KEY_ImageType, KEY_ImageTypeText };
	int i;

	for (i = 0; i < 2; i++)
		if (has_word(s, types[i], "ND") &&
			!s->keys.value[KEY_NonlinearGradientCorrection].is_set)
			keys_flag(&s->keys, KEY_NonlinearGradientCorrection, false);
	for (i = 0; i < 2; i++)
		if (has_word(s, types[i], "DIS2D") || has_word(s, types[i], "DIS3D"))
			keys_flag(&s->keys, KEY_NonlinearGradientCorrection, true);
}

/* The earliest of the tiles of a grid whose file has no time of its own. */
static bool tile_time(const struct sidecar *s, double *time_s)
{
	uint32_t i;

	*time_s = INFINITY;
	for (i = 0; s->facts.has_tile_positions && i < s->facts.n_slice_times; i++)
		*time_s = fmin(*time_s, s->facts.slice_times_ms[i] / 1000);
	return isfinite(*time_s);
}

/* Which date and time of day: of the acquisition, or of its one stamp. */
static bool acquired(struct sidecar *s, uint32_t *date, double *time_s)
{
	const struct dcm_dataset *top = &s->view.h->top;
	const char *d = dcm_get_text(top, DCM_AcquisitionDate, &s->a);
	const char *t = dcm_get_text(top, DCM_AcquisitionTime, &s->a);
	const char *both = dcm_get_text(top, DCM_AcquisitionDateTime, &s->a);

	*date = 0;
	if (t && dcm_parse_time(t, strlen(t), time_s)) {
		if (d)
			dcm_parse_date(d, strlen(d), date);
		if (*date || !both)
			return *time_s > 0;
	}
	if (both && dcm_parse_datetime(both, strlen(both), date, time_s))
		return *time_s > 0;
	if (!d)
		d = view_text(&s->view, DCM_AcquisitionDate); /* of the first tile */
	if (d)
		dcm_parse_date(d, strlen(d), date);
	return tile_time(s, time_s);
}

static void acquisition_time(struct sidecar *s)
{
	uint32_t date;
	double t, minutes;
	const char *text;

	if (!acquired(s, &date, &t))
		return;
	t = round(t * 1e5) / 1e5; /* the last digit is an artefact of binary fractions */
	minutes = floor(t / 60 + 1e-9);
	text = arena_printf(&s->a, "%02d:%02d:%.6f", (int)minutes / 60, (int)minutes % 60,
		fmax(0, t - minutes * 60));
	keys_text(&s->keys, KEY_AcquisitionTime, text);
	if (date && text)
		keys_text(&s->keys, KEY_AcquisitionDateTime,
			arena_printf(&s->a, "%04u-%02u-%02uT%s", date / 10000, date / 100 % 100,
				date % 100, text));
}

static void modality(struct sidecar *s, const char *m)
{
	static const char *const known[] = { "CR", "CT", "MR", "PT", "US" };
	size_t i;

	for (i = 0; m && i < sizeof known / sizeof *known; i++)
		if (!strcmp(m, known[i]))
			keys_text(&s->keys, KEY_Modality, known[i]);
}

/* The codes of (0012,0064), an object each, with what each has. */
static void deidentification_codes(struct sidecar *s)
{
	static const struct {
		uint32_t tag;
		const char *name;
	} parts[] = {
		{ DCM_CodeValue, "CodeValue" },
		{ DCM_CodingSchemeDesignator, "CodingSchemeDesignator" },
		{ DCM_CodingSchemeVersion, "CodingSchemeVersion" },
		{ DCM_CodeMeaning, "CodeMeaning" },
	};
	const struct dcm_node *codes = dcm_get(&s->view.h->top,
		DCM_DeidentificationMethodCodeSequence);
	struct buf b;
	uint32_t i;
	size_t k;

	if (!codes || !codes->n_items)
		return;
	buf_init(&b);
	for (i = 0; i < codes->n_items; i++) {
		const char *between = "";

		buf_adds(&b, i ? ",\n\t  {\n" : "[\n\t  {\n");
		for (k = 0; k < sizeof parts / sizeof *parts; k++) {
			const char *text = dcm_get_text(&codes->items[i], parts[k].tag, &s->a);

			if (!text)
				continue;
			buf_addf(&b, "%s\t\t\"%s\": ", between, parts[k].name);
			json_add_string(&b, text, strlen(text));
			between = ",\n";
		}
		buf_adds(&b, "\n\t  }");
	}
	buf_adds(&b, "\n\t]");
	if (!buf_error(&b))
		keys_text(&s->keys, KEY_DeidentificationMethodCodeSequence,
			arena_strndup(&s->a, b.data, b.len));
	buf_release(&b);
}

static void deidentification(struct sidecar *s)
{
	const char *text = view_text(&s->view, DCM_DeidentificationMethod), *words[MOST_TYPES];
	char *copy = text ? arena_strdup(&s->a, text) : NULL, *save = NULL, *t;
	uint32_t n = 0;

	for (t = copy ? strtok_r(copy, "\\", &save) : NULL; t && n < MOST_TYPES;
		t = strtok_r(NULL, "\\", &save))
		words[n++] = t;
	keys_words(&s->keys, KEY_DeidentificationMethod, words, n);
	deidentification_codes(s);
}

/* What the magnetization was prepared with: PS3.3 C.8.13.5.4 and C.8.13.5.5, else (0018,0021). */
static void preparation(struct sidecar *s)
{
	const char *mt = view_text(&s->view, DCM_MagnetizationTransfer);
	const char *spoiling = view_text(&s->view, DCM_Spoiling);
	const struct dcm_node *variant = dcm_frame_get(s->view.h, s->view.frame,
		DCM_SequenceVariant, NULL);

	if (mt)
		keys_flag(&s->keys, KEY_MTState, !strcmp(mt, "OFF_RESONANCE"));
	if (spoiling ? strcmp(spoiling, "NONE") != 0 : dcm_text_has(variant, "SP"))
		keys_flag(&s->keys, KEY_SpoilingState, true);
	if (!spoiling)
		return;
	if (!strcmp(spoiling, "RF_AND_GRADIENT"))
		keys_text(&s->keys, KEY_SpoilingType, "COMBINED");
	else if (!strcmp(spoiling, "RF") || !strcmp(spoiling, "GRADIENT"))
		keys_text(&s->keys, KEY_SpoilingType, spoiling);
}

/* What stands behind "_e" in a volume's suffix; NAN. */
static double echo_suffix(const struct volume *v)
{
	const char *p = v->suffix ? strstr(v->suffix, "_e") : NULL;
	double e;

	return p && sscanf(p, "_e%lf", &e) == 1 ? e : (double)NAN;
}

static void echo(struct sidecar *s)
{
	double n = view_number(&s->view, DCM_EchoNumbers, 0);

	if (isnan(n)) /* objects that do not number them: as their volumes are */
		n = echo_suffix(s->v);
	else if (!(n > 1) && isnan(echo_suffix(s->v)))
		return;
	keys_number(&s->keys, KEY_EchoNumber, n);
}

/* The repetition time that the volumes show, and where it disagrees the header's, by what that
 * is then. */
static void repetition(struct sidecar *s)
{
	const struct attributes *attr = s->v->slices[0].in->attr;
	struct vendor_traits traits = vendor_traits(attr->manufacturer, attr->software_versions,
		attr->sequence_name);
	bool inversion = traits.inversion_is_repetition &&
		view_has(&s->view, DCM_ScanningSequence, "IR");

	keys_number(&s->keys, KEY_RepetitionTime, s->v->repetition_time_s);
	keys_number(&s->keys,
		inversion ? KEY_RepetitionTimeInversion : KEY_RepetitionTimeExcitation,
		s->v->header_repetition_time_s);
}

/* Lines in the direction of phase encoding, as acquired and as reconstructed. */
static void matrix(struct sidecar *s)
{
	const char *axis = keys_get_text(&s->keys, KEY_InPlanePhaseEncodingDirectionDICOM);
	uint32_t nx = s->v->plane_cols, ny = s->v->plane_rows;
	double m[4], lines = 0;

	if (view_acquisition_matrix(&s->view, m))
		lines = m[3] > 0 ? m[3] : m[2];
	keys_number(&s->keys, KEY_AcquisitionMatrixPE, lines > 0 ? lines : (double)NAN);
	if (nx == ny || (axis && !strcmp(axis, "COL")))
		lines = ny;
	else if (axis && !strcmp(axis, "ROW"))
		lines = nx;
	keys_number(&s->keys, KEY_ReconMatrixPE, lines > 0 ? lines : (double)NAN);
}

/* Files of cine and multi-phase scans tell each slice's delay: the volume's is from the first
 * to the last. */
static void trigger(struct sidecar *s)
{
	uint64_t i, n = (uint64_t)s->v->n_planes * s->v->dim[3];
	const struct instance *first = s->v->slices[0].in, *last = first;

	for (i = 1; i < n; i++) {
		const struct instance *in = s->v->slices[i].in;

		first = in->number < first->number ? in : first;
		last = in->number > last->number ? in : last;
	}
	if (!s->keys.value[KEY_TriggerDelayTime].is_set)
		keys_number(&s->keys, KEY_TriggerDelayTime,
			last->trigger_time == first->trigger_time ?
				first->trigger_time :
				last->trigger_time - first->trigger_time);
}

static void orientation(struct sidecar *s)
{
	double o[6];

	if (view_numbers(&s->view, DCM_ImageOrientationPatient, o, 6))
		keys_list(&s->keys, KEY_ImageOrientationPatientDICOM, o, 6);
}

static void magnetic_resonance(struct sidecar *s)
{
	preparation(s);
	echo(s);
	matrix(s);
	trigger(s);
	if (s->in.is_field_map)
		keys_text(&s->keys, KEY_Units, "Hz");
}

/* §7.4: rows are flipped, so that j runs against the columns' index. */
static void phase_encoding(struct sidecar *s)
{
	const char *axis = keys_get_text(&s->keys, KEY_InPlanePhaseEncodingDirectionDICOM);
	bool is_col = axis && !strcmp(axis, "COL"),
	     positive = s->facts.pe_polarity == POLARITY_POSITIVE;

	if (!axis || s->in.is_3d || (!is_col && strcmp(axis, "ROW")))
		return;
	if (s->facts.pe_polarity == POLARITY_UNKNOWN)
		keys_text(&s->keys, KEY_PhaseEncodingAxis, is_col ? "j" : "i");
	else if (is_col)
		keys_text(&s->keys, KEY_PhaseEncodingDirection, positive ? "j-" : "j");
	else
		keys_text(&s->keys, KEY_PhaseEncodingDirection, positive ? "i" : "i-");
}

/* §7.3, from what makers told: bandwidth, or the spacing itself. */
static void readout(struct sidecar *s)
{
	struct keys *k = &s->keys;
	double r = keys_get_number(k, KEY_ReconMatrixPE),
	       bw = keys_get_number(k, KEY_BandwidthPerPixelPhaseEncode);
	double accel = keys_get_number(k, KEY_ParallelReductionFactorInPlane);
	double over = keys_get_number(k, KEY_PhaseOversampling), spacing;

	if (bw > 0 && r > 0) {
		spacing = 1 / (bw * r);
		keys_number(k, KEY_EffectiveEchoSpacing, spacing);
		keys_number(k, KEY_DerivedVendorReportedEchoSpacing,
			spacing * (accel > 1 ? accel : 1) / (over > 0 ? 1 + over : 1));
	}
	spacing = keys_get_number(k, KEY_EffectiveEchoSpacing);
	if (spacing > 0 && r > 1)
		keys_number(k, KEY_TotalReadoutTime, spacing * (r - 1));
}

/* Plane k of time point t in the order of the stored slices. */
static const struct volume_slice *stored_slice(const struct volume *v, uint32_t t, uint32_t k)
{
	bool flipped = v->axis[2] == 2 && v->flip[2];

	return &v->slices[(uint64_t)t * v->n_planes + (flipped ? v->n_planes - 1 - k : k)];
}

/* Frames and times of a time point's planes; no frames where the planes lie in files of their
 * own. */
static int time_point(struct sidecar *s, unsigned t, struct err *err)
{
	uint32_t n = s->v->n_planes, k;
	uint32_t *frames = arena_zalloc(&s->a, n, sizeof *frames);
	double *times = arena_zalloc(&s->a, n, sizeof *times);
	bool one_file = true;

	if (!frames || !times)
		return err_nomem(err);
	for (k = 0; k < n; k++) {
		const struct volume_slice *p = stored_slice(s->v, t, k);

		frames[k] = p->frame;
		times[k] = p->time_s;
		one_file = one_file && p->in == s->v->slices[(uint64_t)t * n].in;
	}
	s->in.frames[t] = one_file && n ? frames : NULL;
	s->in.times_s[t] = times;
	return 0;
}

static int describe_shape(struct sidecar *s, struct err *err)
{
	const struct volume *v = s->v;
	struct sidecar_input *in = &s->in;
	int i, rc = time_point(s, 0, err);

	if (!rc && v->dim[3] > 1)
		rc = time_point(s, 1, err);
	in->header[0] = s->header[0];
	in->header[1] = s->header[1];
	in->n_planes = v->n_planes;
	in->facts = &s->facts;
	in->a = &s->a;
	memcpy(in->dim, v->dim, sizeof in->dim);
	for (i = 0; i < 3; i++)
		in->voxel_mm[i] = fabs((double)v->pixdim[1 + i]);
	in->tiles_reversed = v->axis[2] == 2 && v->flip[2];
	in->slices_reversed = v->slices_reversed;
	in->is_phase = has_suffix(s, "_ph");
	in->is_field_map = has_suffix(s, "_fieldmaphz");
	in->is_mr = v->slices[0].in->attr->modality &&
		!strcmp(v->slices[0].in->attr->modality, "MR");
	in->is_3d = view_has(&s->view, DCM_MRAcquisitionType, "3D");
	return rc;
}

/* The plane of time point t that was numbered first: its header speaks for all. */
static const struct volume_slice *first_acquired(const struct volume *v, uint32_t t)
{
	const struct volume_slice *p = &v->slices[(uint64_t)t * v->n_planes], *first = p,
				  *end = p + v->n_planes;

	for (; p < end; p++)
		if (p->in->number < first->in->number ||
			(p->in == first->in && p->frame < first->frame))
			first = p;
	return first;
}

static int read_headers(struct sidecar *s, struct err *err)
{
	const struct volume *v = s->v;
	const struct volume_slice *plane = first_acquired(v, 0);
	const struct instance *first = plane->in,
			      *second = v->dim[3] > 1 ? first_acquired(v, 1)->in : first;
	int rc = files_header(s->files, first, DCM_LOAD_BEFORE_PIXELS, 0, &s->header[0], err);

	if (!rc && second != first)
		rc = files_header(s->files, second, DCM_LOAD_BEFORE_PIXELS, 0, &s->header[1], err);
	else if (!rc && v->dim[3] > 1)
		s->header[1] = s->header[0];
	s->view = (struct view){ s->header[0], plane->frame, &s->a };
	return rc ? rc : vendor_facts(s->header[0], plane->frame, &s->a, &s->facts, err);
}

/* Something stands for a protocol's name that is missing. */
static void name_protocol(struct sidecar *s)
{
	static const enum key others[2] = { KEY_SeriesDescription, KEY_SequenceName };
	int i;

	for (i = 0; i < 2; i++)
		if (!s->keys.value[KEY_ProtocolName].is_set)
			keys_text(&s->keys, KEY_ProtocolName, keys_get_text(&s->keys, others[i]));
}

static int collect(struct sidecar *s, struct err *err)
{
	const char *m = s->v->slices[0].in->attr->modality;
	int rc;

	modality(s, m);
	keys_text(&s->keys, KEY_Manufacturer, s->facts.manufacturer);
	READ_ROWS(s, rows);
	READ_ROWS(s, xray_rows);
	if (!s->keys.value[KEY_XRayExposure].is_set)
		READ_ROWS(s, other_rows);
	if (view_has(&s->view, DCM_AnatomicalOrientationType, "QUADRUPED"))
		keys_flag(&s->keys, KEY_Quadruped, true);
	image_type(s);
	deidentification(s);
	acquisition_time(s);
	repetition(s);
	orientation(s);
	if (s->in.is_mr)
		magnetic_resonance(s);
	rc = m && !strcmp(m, "PT") ? sidecar_positron_emission(s, err) : 0;
	if (!rc)
		rc = vendor_sidecar(&s->in, &s->keys, err);
	distortion(s);
	name_protocol(s);
	if (s->in.is_mr) {
		phase_encoding(s);
		readout(s);
	}
	keys_text(&s->keys, KEY_ConversionSoftware, "dcmfs");
	keys_text(&s->keys, KEY_ConversionSoftwareVersion, DCMFS_VERSION);
	return rc;
}

static void release(struct sidecar *s)
{
	if (s->header[1] != s->header[0])
		dcm_header_free(s->header[1]);
	dcm_header_free(s->header[0]);
	arena_release(&s->a);
	mem_free(s);
}

int sidecar_render(const struct volume *v, struct files *files, struct buf *out, struct err *err)
{
	struct sidecar *s = mem_calloc(1, sizeof *s);
	int rc;

	if (!s)
		return err_nomem(err);
	/* what was resampled or drawn into it is described by what it was made from */
	s->v = v->base && v->kind != VOLUME_ISOTROPIC ? v->base : v;
	s->files = files;
	arena_init(&s->a);
	keys_init(&s->keys, &s->a);
	rc = read_headers(s, err);
	if (!rc)
		rc = describe_shape(s, err);
	if (!rc)
		rc = collect(s, err);
	if (!rc && s->keys.failed)
		rc = err_nomem(err);
	if (!rc)
		sidecar_add_keys(out, &s->keys);
	release(s);
	return rc ? rc : buf_error(out) < 0 ? err_nomem(err) : 0;
}
