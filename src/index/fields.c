/* SPDX-License-Identifier: MIT */
/* The table of elements that the index wants, and how they become values of the record: see
 * fields.h. */
#include "fields.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/bytes.h"
#include "dicom/charset.h"
#include "dicom/dataset.h"
#include "dicom/tags.h"
#include "dicom/value.h"
#include "index/intern.h"
#include "record.h"

#define TEXT_CAP 4096u /* of one value: what is behind is cut */

/* NOTHING: to no place in the record. */
enum convert {
	NOTHING,
	TEXT,
	UID,
	INT32,
	UINT32,
	UINT16,
	FLAG,
	DOUBLE,
	TIME,
	DATETIME,
	PHOTOMETRIC
};

#define ATTR(member) offsetof(struct record, attr.member)
#define INST(member) offsetof(struct record, in.member)
#define SCRATCH(member) offsetof(struct record, member)

/* See fields.h. Ascending by tag. */
const struct field fields[] = {
	{ DCM_MediaStorageSOPClassUID, SCRATCH(meta_class), TEXT, 1, false },
	{ DCM_MediaStorageSOPInstanceUID, SCRATCH(meta_uid), UID, 1, true },
	{ DCM_SpecificCharacterSet, 0, NOTHING, 1, true }, /* the reader's own */
	{ DCM_ImageType, ATTR(image_type), TEXT, 1, false },
	{ DCM_SOPClassUID, ATTR(sop_class), TEXT, 1, false },
	{ DCM_SOPInstanceUID, SCRATCH(sop_uid), UID, 1, true },
	{ DCM_StudyDate, ATTR(study_date), TEXT, 1, false },
	{ DCM_SeriesDate, ATTR(series_date), TEXT, 1, false },
	{ DCM_AcquisitionDate, ATTR(acquisition_date), TEXT, 1, false },
	{ DCM_AcquisitionDateTime, SCRATCH(datetime), DATETIME, 1, true },
	{ DCM_StudyTime, ATTR(study_time), TEXT, 1, false },
	{ DCM_SeriesTime, ATTR(series_time), TEXT, 1, false },
	{ DCM_AcquisitionTime, INST(acquisition_time), TIME, 1, true },
	{ DCM_ContentTime, INST(content_time), TIME, 1, true },
	{ DCM_AccessionNumber, ATTR(accession_number), TEXT, 1, false },
	{ DCM_Modality, ATTR(modality), TEXT, 1, false },
	{ DCM_Manufacturer, ATTR(manufacturer), TEXT, 1, false },
	{ DCM_InstitutionName, ATTR(institution_name), TEXT, 1, false },
	{ DCM_StationName, ATTR(station_name), TEXT, 1, false },
	{ DCM_StudyDescription, ATTR(study_description), TEXT, 1, false },
	{ DCM_SeriesDescription, ATTR(series_description), TEXT, 1, false },
	{ DCM_ManufacturerModelName, ATTR(model_name), TEXT, 1, false },
	{ DCM_ComplexImageComponent, ATTR(complex_component), TEXT, 1, false },
	{ DCM_PatientName, ATTR(patient_name), TEXT, 1, false },
	{ DCM_PatientID, ATTR(patient_id), TEXT, 1, false },
	{ DCM_PatientBirthDate, ATTR(patient_birth_date), TEXT, 1, false },
	{ DCM_PatientSex, ATTR(patient_sex), TEXT, 1, false },
	{ DCM_BodyPartExamined, ATTR(body_part), TEXT, 1, false },
	{ DCM_ScanningSequence, ATTR(scanning_sequence), TEXT, 1, false },
	{ DCM_SequenceVariant, ATTR(sequence_variant), TEXT, 1, false },
	{ DCM_ScanOptions, ATTR(scan_options), TEXT, 1, false },
	{ DCM_MRAcquisitionType, ATTR(mr_acquisition_type), TEXT, 1, false },
	{ DCM_SequenceName, ATTR(sequence_name), TEXT, 1, false },
	{ DCM_SliceThickness, ATTR(slice_thickness), DOUBLE, 1, false },
	{ DCM_RepetitionTime, ATTR(repetition_time), DOUBLE, 1, false },
	{ DCM_EchoTime, ATTR(echo_time), DOUBLE, 1, false },
	{ DCM_InversionTime, ATTR(inversion_time), DOUBLE, 1, false },
	{ DCM_NumberOfAverages, ATTR(number_of_averages), DOUBLE, 1, false },
	{ DCM_ImagingFrequency, ATTR(image_frequency), DOUBLE, 1, false },
	{ DCM_EchoNumbers, ATTR(echo_number), INT32, 1, false },
	{ DCM_SpacingBetweenSlices, ATTR(spacing_between_slices), DOUBLE, 1, false },
	{ DCM_EchoTrainLength, ATTR(echo_train_length), INT32, 1, false },
	{ DCM_SoftwareVersions, ATTR(software_versions), TEXT, 1, false },
	{ DCM_ProtocolName, ATTR(protocol_name), TEXT, 1, false },
	{ DCM_TriggerTime, INST(trigger_time), DOUBLE, 1, true },
	{ DCM_ImagerPixelSpacing, SCRATCH(imager_spacing), DOUBLE, 2, false },
	{ DCM_ActualFrameDuration, INST(frame_duration), DOUBLE, 1, true },
	{ DCM_ReceiveCoilName, ATTR(coil_name), TEXT, 1, false },
	{ DCM_InPlanePhaseEncodingDirection, ATTR(pe_direction), TEXT, 1, false },
	{ DCM_FlipAngle, ATTR(flip_angle), DOUBLE, 1, false },
	{ DCM_NominalScannedPixelSpacing, SCRATCH(nominal_spacing), DOUBLE, 2, false },
	{ DCM_PatientPosition, ATTR(patient_position), TEXT, 1, false },
	{ DCM_InversionTimes, ATTR(inversion_time), DOUBLE, 1, false },
	{ DCM_EffectiveEchoTime, ATTR(echo_time), DOUBLE, 1, false },
	{ DCM_DiffusionBValue, INST(b_value), DOUBLE, 1, true },
	{ DCM_TransmitterFrequency, ATTR(image_frequency), DOUBLE, 1, false },
	{ DCM_StudyInstanceUID, ATTR(study_uid), TEXT, 1, false },
	{ DCM_SeriesInstanceUID, ATTR(series_uid), TEXT, 1, false },
	{ DCM_StudyID, ATTR(study_id), TEXT, 1, false },
	{ DCM_SeriesNumber, ATTR(series_number), INT32, 1, false },
	{ DCM_AcquisitionNumber, INST(acquisition_number), INT32, 1, true },
	{ DCM_InstanceNumber, INST(number), INT32, 1, true },
	{ DCM_ImagePositionPatient, INST(position), DOUBLE, 3, true },
	{ DCM_ImageOrientationPatient, ATTR(orientation), DOUBLE, 6, false },
	{ DCM_FrameOfReferenceUID, ATTR(frame_of_reference_uid), TEXT, 1, false },
	{ DCM_TemporalPositionIdentifier, INST(temporal_position), INT32, 1, true },
	{ DCM_ImagesInAcquisition, SCRATCH(locations_public), INT32, 1, true },
	{ DCM_SamplesPerPixel, ATTR(pixel.samples), UINT16, 1, false },
	{ DCM_PhotometricInterpretation, ATTR(pixel.photometric), PHOTOMETRIC, 1, false },
	{ DCM_PlanarConfiguration, ATTR(pixel.planar), FLAG, 1, false },
	{ DCM_NumberOfFrames, SCRATCH(n_frames), INT32, 1, true },
	{ DCM_Rows, ATTR(pixel.rows), UINT32, 1, false },
	{ DCM_Columns, ATTR(pixel.cols), UINT32, 1, false },
	{ DCM_PixelSpacing, ATTR(pixel_spacing), DOUBLE, 2, false },
	{ DCM_BitsAllocated, ATTR(pixel.bits_allocated), UINT16, 1, false },
	{ DCM_BitsStored, ATTR(pixel.bits_stored), UINT16, 1, false },
	{ DCM_HighBit, ATTR(pixel.high_bit), UINT16, 1, false },
	{ DCM_PixelRepresentation, ATTR(pixel.is_signed), FLAG, 1, false },
	{ DCM_RescaleIntercept, INST(intercept), DOUBLE, 1, true },
	{ DCM_RescaleSlope, INST(slope), DOUBLE, 1, true },
	{ DCM_NumberOfSlices, SCRATCH(locations_pet), INT32, 1, true },
	{ DCM_FrameReferenceTime, INST(frame_reference_time), DOUBLE, 1, true },
	{ UINT32_MAX, 0, NOTHING, 0, true },
};
_Static_assert(sizeof fields / sizeof *fields == N_FIELDS + 1, "as the header says");

size_t field_size(const struct field *f)
{
	static const uint8_t sizes[] = {
		[TEXT] = sizeof(char *),
		[UID] = RECORD_UID_CAP,
		[INT32] = 4,
		[UINT32] = 4,
		[UINT16] = 2,
		[FLAG] = sizeof(bool),
		[DOUBLE] = sizeof(double),
		[TIME] = sizeof(double),
		[DATETIME] = sizeof(double),
		[PHOTOMETRIC] = sizeof(enum photometric),
	};

	return (size_t)sizes[f->convert] * f->n;
}

bool field_is_set(const struct record *rec, const struct field *f)
{
	const void *p = (const char *)rec + f->off;

	switch ((enum convert)f->convert) {
	case NOTHING:
		return false;
	case TEXT:
		return *(const char *const *)p != NULL;
	case DOUBLE:
	case TIME:
	case DATETIME:
		return !isnan(*(const double *)p);
	case INT32:
		return *(const int32_t *)p != INSTANCE_NO_INT;
	case UINT32:
		return *(const uint32_t *)p != 0;
	case UINT16:
		return *(const uint16_t *)p != 0;
	case UID:
		return *(const char *)p != '\0';
	case FLAG:
		return *(const bool *)p;
	case PHOTOMETRIC:
		return *(const enum photometric *)p != 0;
	}
	return false;
}

static int32_t to_int32(int64_t v)
{
	return v > INT32_MIN && v <= INT32_MAX ? (int32_t)v : INSTANCE_NO_INT;
}

/* (0008,0005) is of some texts alone, of which one that came as UN is taken to be. */
static const struct charset *charset_of(const struct field_texts *t, uint16_t vr)
{
	return vr == DCM_VR_UN || dcm_vr_has_charset(vr) ? t->charset : charset_default();
}

/* The whole value, UTF-8, trimmed; interned. */
static int take_text(struct field_texts *t, const struct dcm_node *n, const char **out)
{
	const char *s = (const char *)n->value;
	size_t len = min_size((size_t)n->el.len, TEXT_CAP);

	while (len && (s[len - 1] == ' ' || s[len - 1] == '\0'))
		len--;
	for (; len && *s == ' '; len--)
		s++;
	if (!len)
		return 0;
	buf_reset(&t->buf);
	charset_decode(charset_of(t, n->el.vr), n->el.vr, s, len, &t->buf);
	*out = buf_error(&t->buf) < 0 ? NULL : intern_text(t->interns, t->buf.data, t->buf.len);
	return *out ? 0 : -ENOMEM;
}

static void take_uid(const struct dcm_node *n, char *out)
{
	const char *s;
	size_t len;

	if (!dcm_raw_text(n, 0, &s, &len))
		return;
	len = min_size(len, RECORD_UID_CAP - 1);
	memcpy(out, s, len);
	out[len] = '\0';
}

static void take_time(const struct dcm_node *n, bool with_date, double *out)
{
	uint32_t date;
	const char *s;
	size_t len;

	if (!dcm_raw_text(n, 0, &s, &len))
		return;
	if (with_date)
		dcm_parse_datetime(s, len, &date, out);
	else
		dcm_parse_time(s, len, out);
}

/* All n or none. */
static void take_doubles(const struct dcm_node *n, double *out, uint32_t count)
{
	double v[6];
	uint32_t i;

	for (i = 0; i < count; i++)
		if (!dcm_double(n, i, &v[i]) || !isfinite(v[i]))
			return;
	memcpy(out, v, count * sizeof *v);
}

static void take_photometric(const struct dcm_node *n, enum photometric *out)
{
	char term[32];
	const char *s;
	size_t len;

	if (!dcm_raw_text(n, 0, &s, &len) || len >= sizeof term)
		return;
	memcpy(term, s, len);
	term[len] = '\0';
	*out = photometric_parse(term);
}

int field_convert(const struct field *f, const struct dcm_node *n, struct field_texts *t,
	struct record *rec)
{
	void *out = (char *)rec + f->off;
	int64_t v = 0;

	switch ((enum convert)f->convert) {
	case NOTHING:
		break;
	case TEXT:
		return take_text(t, n, out);
	case UID:
		take_uid(n, out);
		break;
	case INT32:
		if (dcm_int(n, 0, &v))
			*(int32_t *)out = to_int32(v);
		break;
	case UINT32:
		if (dcm_int(n, 0, &v) && v > 0 && v <= UINT32_MAX)
			*(uint32_t *)out = (uint32_t)v;
		break;
	case UINT16:
		if (dcm_int(n, 0, &v) && v > 0 && v <= UINT16_MAX)
			*(uint16_t *)out = (uint16_t)v;
		break;
	case FLAG:
		*(bool *)out = dcm_int(n, 0, &v) && v == 1;
		break;
	case DOUBLE:
		take_doubles(n, out, f->n);
		break;
	case TIME:
	case DATETIME:
		take_time(n, f->convert == DATETIME, out);
		break;
	case PHOTOMETRIC:
		take_photometric(n, out);
		break;
	}
	return 0;
}
