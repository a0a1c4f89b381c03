/* SPDX-License-Identifier: MIT */
/*
 * Makes the folders that the bench reads: mkarchive KIND DIR [FILES]
 *
 *   ct       600 slices of 512x512x16, one CT series with noise (FILES: 600)
 *   fmri     36 slices x 300 times as single-slice files of 64x64 (FILES: 10800)
 *   archive  FILES small MR files (100000): 200 a series, 5 series a study, 2
 *            studies a patient; 150 elements, 3 sequences, 5 private groups, 14 KB
 *   tiny     the same headers, with pictures of 16x16: 7 KB (1000000)
 *
 * Explicit VR Little Endian. The same call makes the same bytes and times.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "dicom/tags.h"
#include "support/dcmgen.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Made-up UIDs: 2.25 and a number that tells what and which. */
enum { UID_STUDY = 1, UID_SERIES, UID_INSTANCE, UID_FRAME_OF_REFERENCE };

/* What a template's $x stands for. */
struct scene {
	long patient, study, series; /* $p $s $e, counted from 1 */
	long instance;               /* $i, counted from 1 */
	long slice, time;            /* $k $t, counted from 0 */
	unsigned rows;               /* $r, and as many columns */
	double z;                    /* $z, in mm */
	uint64_t random;             /* state; never 0 */
};

/*
 * An element as text. US and SS are decimal; OB and OW "*N" are N bytes that no two
 * files share; SQ is the one item of a code sequence, VALUE\SCHEME\MEANING, with
 * its length; SU is the same of undefined length.
 */
struct element {
	uint32_t tag;
	char vr[3];
	const char *text;
};

struct kind {
	const char *name;
	const struct element *elements;
	size_t n_elements;
	long files;
	long slices, times; /* a series has slices * times files */
	long series_per_study, studies_per_patient;
	unsigned rows;
	double first_z, step_z;
	void (*paint)(const struct kind *k, struct scene *s, uint8_t *pixels);
};

static uint64_t next_random(struct scene *s)
{
	s->random ^= s->random << 13;
	s->random ^= s->random >> 7;
	s->random ^= s->random << 17;
	return s->random;
}

/* Roughly normal, of deviation 1: twelve uniform nibbles. */
static double noise(struct scene *s)
{
	uint64_t r = next_random(s);
	int sum = 0, i;

	for (i = 0; i < 12; i++, r >>= 4)
		sum += (int)(r & 15);
	return (sum - 90) / 16.0;
}

static void add_uid(struct buf *b, int what, const struct scene *s)
{
	long number[] = { 0, s->study, s->series, s->instance, s->study };

	buf_addf(b, "2.25.%d%07ld%07ld", 10 + what, what == UID_INSTANCE ? s->series : s->study,
		number[what]);
}

static void add_variable(struct buf *b, char name, const struct scene *s)
{
	switch (name) {
	case 'p':
		buf_addf(b, "%04ld", s->patient);
		break;
	case 's':
		buf_addf(b, "%ld", s->study);
		break;
	case 'd': /* a day of the month and a month: studies are of different days */
		buf_addf(b, "%02ld%02ld", 1 + s->study / 28 % 12, 1 + s->study % 28);
		break;
	case 'e':
		buf_addf(b, "%ld", s->series);
		break;
	case 'i':
		buf_addf(b, "%ld", s->instance);
		break;
	case 'k':
		buf_addf(b, "%ld", s->slice);
		break;
	case 't':
		buf_addf(b, "%ld", s->time + 1);
		break;
	case 'r':
		buf_addf(b, "%u", s->rows);
		break;
	case 'c': /* a clock that goes on two seconds a time */
		buf_addf(b, "%02ld%02ld%02ld", 9 + s->time / 1800, s->time / 30 % 60,
			s->time % 30 * 2);
		break;
	case 'z':
		buf_addf(b, "%g", s->z);
		break;
	case 'S':
		add_uid(b, UID_STUDY, s);
		break;
	case 'E':
		add_uid(b, UID_SERIES, s);
		break;
	case 'I':
		add_uid(b, UID_INSTANCE, s);
		break;
	case 'F':
		add_uid(b, UID_FRAME_OF_REFERENCE, s);
		break;
	}
}

static void expand(struct buf *b, const char *text, const struct scene *s)
{
	for (; *text; text++) {
		if (*text == '$' && text[1])
			add_variable(b, *++text, s);
		else
			buf_addc(b, *text);
	}
}

/* VALUE\SCHEME\MEANING as the one item of a sequence. */
static void add_code_sequence(struct gen *g, const struct element *e)
{
	static const uint32_t tags[] = { DCM_CodeValue, DCM_CodingSchemeDesignator,
		DCM_CodeMeaning };
	bool undefined = e->vr[1] == 'U';
	char part[3][64] = { "" };
	int i;

	sscanf(e->text, "%63[^\\]\\%63[^\\]\\%63[^\\]", part[0], part[1], part[2]);
	gen_sequence_vr(g, e->tag, "SQ", undefined);
	if (undefined)
		gen_item_undefined(g);
	else
		gen_item(g);
	for (i = 0; i < 3; i++)
		gen_put(g, tags[i], part[i]);
	gen_end(g);
	gen_end(g);
}

static void add_bytes(struct gen *g, const struct element *e, struct scene *s)
{
	uint64_t words[256];
	size_t i, len = min_size(strtoul(e->text + 1, NULL, 10) & ~1ul, sizeof(words));

	for (i = 0; i < COUNT(words); i++)
		words[i] = next_random(s);
	gen_bytes(g, e->tag, e->vr, words, len);
}

static void add_element(struct gen *g, const struct element *e, struct scene *s)
{
	struct buf text;

	if (!strcmp(e->vr, "SQ") || !strcmp(e->vr, "SU")) {
		add_code_sequence(g, e);
	} else if (e->text[0] == '*') {
		add_bytes(g, e, s);
	} else {
		buf_init(&text);
		expand(&text, e->text, s);
		buf_addc(&text, '\0');
		if (!buf_error(&text))
			gen_put_vr(g, e->tag, e->vr, text.data);
		buf_release(&text);
	}
}

/* PS3.10 7.1; the transfer syntax is always Explicit VR Little Endian. */
static void add_meta(struct gen *g, const char *sop_class, struct scene *s)
{
	const struct element instance = { DCM_MediaStorageSOPInstanceUID, "UI", "$I" };
	size_t body;

	gen_begin_bare(g, true, false);
	buf_fill(&g->out, 0, 128);
	gen_raw(g, "DICM", 4);
	gen_put(g, DCM_FileMetaInformationGroupLength, "0");
	body = g->out.len;
	gen_bytes(g, DCM_FileMetaInformationVersion, "OB", "\0\1", 2);
	gen_put(g, DCM_MediaStorageSOPClassUID, sop_class);
	add_element(g, &instance, s);
	gen_put(g, DCM_TransferSyntaxUID, GEN_EXPLICIT);
	gen_put(g, DCM_ImplementationClassUID, "2.25.99");
	put_le32(g->out.data + body - 4, (uint32_t)(g->out.len - body));
}

static void make_file(struct gen *g, const struct kind *k, struct scene *s, uint8_t *pixels)
{
	size_t i;

	for (i = 0; k->elements[i].tag != DCM_SOPClassUID; i++)
		;
	add_meta(g, k->elements[i].text, s);
	for (i = 0; i < k->n_elements; i++)
		add_element(g, &k->elements[i], s);
	k->paint(k, s, pixels);
	gen_bytes(g, DCM_PixelData, "OW", pixels, (size_t)k->rows * k->rows * 2);
	gen_finish(g);
}

/* A chest: an ellipse of tissue with two lungs in it, narrower at the ends. HU + 1024. */
static void paint_ct(const struct kind *k, struct scene *s, uint8_t *pixels)
{
	double half = k->rows / 2.0, turn = 0.1 * (double)s->slice;
	double shape = sin(3.14159 * (double)(s->slice + 60) / 720.0);
	unsigned x, y;

	for (y = 0; y < k->rows; y++) {
		for (x = 0; x < k->rows; x++) {
			double u = (x - half) / half, v = (y - half) / (half * 0.7);
			double lung = fabs(fabs(u) - 0.36) / 0.26;
			double value = 24, deviation = 1.5;

			if (u * u + v * v < 0.8 * shape) {
				value = 1064;
				deviation = 6;
				if (lung * lung + v * v * 2 < shape * shape) {
					value = 174 + 60 * sin(x * 0.21) * sin(y * 0.17 + turn);
					deviation = 12;
				}
			}
			value += deviation * noise(s);
			put_le16(pixels + 2 * (y * k->rows + x), (uint16_t)(value > 0 ? value : 0));
		}
	}
}

/* A bright ball in a noisy room. */
static void paint_mr(const struct kind *k, struct scene *s, uint8_t *pixels)
{
	double half = k->rows / 2.0;
	unsigned x, y;

	for (y = 0; y < k->rows; y++) {
		for (x = 0; x < k->rows; x++) {
			double u = (x - half) / half, v = (y - half) / half;
			double value = u * u + v * v < 0.6 ? 900 + 200 * u : 30;

			value += 12 * noise(s) + (double)(s->time % 7);
			put_le16(pixels + 2 * (y * k->rows + x), (uint16_t)(value > 0 ? value : 0));
		}
	}
}

static const struct element ct_elements[] = {
	{ DCM_SpecificCharacterSet, "CS", "ISO_IR 100" },
	{ DCM_ImageType, "CS", "ORIGINAL\\PRIMARY\\AXIAL" },
	{ DCM_SOPClassUID, "UI", "1.2.840.10008.5.1.4.1.1.2" },
	{ DCM_SOPInstanceUID, "UI", "$I" },
	{ DCM_StudyDate, "DA", "2020$d" },
	{ DCM_SeriesDate, "DA", "2020$d" },
	{ DCM_AcquisitionDate, "DA", "2020$d" },
	{ DCM_ContentDate, "DA", "2020$d" },
	{ DCM_StudyTime, "TM", "090000" },
	{ DCM_SeriesTime, "TM", "090100" },
	{ DCM_AcquisitionTime, "TM", "090130" },
	{ DCM_ContentTime, "TM", "090200" },
	{ DCM_AccessionNumber, "SH", "A$s" },
	{ DCM_Modality, "CS", "CT" },
	{ DCM_Manufacturer, "LO", "GE MEDICAL SYSTEMS" },
	{ DCM_InstitutionName, "LO", "Bench Hospital" },
	{ DCM_StationName, "SH", "CT01" },
	{ DCM_StudyDescription, "LO", "CHEST" },
	{ DCM_SeriesDescription, "LO", "LUNG 1.25" },
	{ DCM_ManufacturerModelName, "LO", "LightSpeed VCT" },
	{ DCM_PatientName, "PN", "BENCH^PATIENT $p" },
	{ DCM_PatientID, "LO", "P$p" },
	{ DCM_PatientBirthDate, "DA", "19600101" },
	{ DCM_PatientSex, "CS", "O" },
	{ DCM_BodyPartExamined, "CS", "CHEST" },
	{ DCM_ScanOptions, "CS", "HELICAL MODE" },
	{ DCM_SliceThickness, "DS", "1.25" },
	{ DCM_KVP, "DS", "120" },
	{ DCM_DataCollectionDiameter, "DS", "500" },
	{ DCM_ReconstructionDiameter, "DS", "360" },
	{ DCM_GantryDetectorTilt, "DS", "0" },
	{ DCM_TableHeight, "DS", "160" },
	{ DCM_ExposureTime, "IS", "500" },
	{ DCM_XRayTubeCurrent, "IS", "300" },
	{ DCM_ConvolutionKernel, "SH", "LUNG" },
	{ DCM_PatientPosition, "CS", "FFS" },
	{ DCM_StudyInstanceUID, "UI", "$S" },
	{ DCM_SeriesInstanceUID, "UI", "$E" },
	{ DCM_StudyID, "SH", "$s" },
	{ DCM_SeriesNumber, "IS", "2" },
	{ DCM_AcquisitionNumber, "IS", "1" },
	{ DCM_InstanceNumber, "IS", "$i" },
	{ DCM_ImagePositionPatient, "DS", "-180\\-180\\$z" },
	{ DCM_ImageOrientationPatient, "DS", "1\\0\\0\\0\\1\\0" },
	{ DCM_FrameOfReferenceUID, "UI", "$F" },
	{ DCM_SliceLocation, "DS", "$z" },
	{ DCM_SamplesPerPixel, "US", "1" },
	{ DCM_PhotometricInterpretation, "CS", "MONOCHROME2" },
	{ DCM_Rows, "US", "512" },
	{ DCM_Columns, "US", "512" },
	{ DCM_PixelSpacing, "DS", "0.703125\\0.703125" },
	{ DCM_BitsAllocated, "US", "16" },
	{ DCM_BitsStored, "US", "16" },
	{ DCM_HighBit, "US", "15" },
	{ DCM_PixelRepresentation, "US", "1" },
	{ DCM_WindowCenter, "DS", "-500" },
	{ DCM_WindowWidth, "DS", "1500" },
	{ DCM_RescaleIntercept, "DS", "-1024" },
	{ DCM_RescaleSlope, "DS", "1" },
	{ DCM_RescaleType, "LO", "HU" },
};

#define MR_HEAD                                                                                    \
	{ DCM_SpecificCharacterSet, "CS", "ISO_IR 100" },                                          \
		{ DCM_ImageType, "CS", "ORIGINAL\\PRIMARY\\M\\ND" },                               \
		{ DCM_SOPClassUID, "UI", "1.2.840.10008.5.1.4.1.1.4" },                            \
		{ DCM_SOPInstanceUID, "UI", "$I" }, { DCM_StudyDate, "DA", "2020$d" },             \
		{ DCM_SeriesDate, "DA", "2020$d" }, { DCM_AcquisitionDate, "DA", "2020$d" },       \
		{ DCM_ContentDate, "DA", "2020$d" }, { DCM_StudyTime, "TM", "090000" },            \
		{ DCM_SeriesTime, "TM", "090100" }, { DCM_AcquisitionTime, "TM", "$c" },           \
		{ DCM_ContentTime, "TM", "$c" }, { DCM_AccessionNumber, "SH", "A$s" },             \
	{                                                                                          \
		DCM_Modality, "CS", "MR"                                                           \
	}

#define MR_IMAGE                                                                                   \
	{ DCM_SamplesPerPixel, "US", "1" },                                                        \
		{ DCM_PhotometricInterpretation, "CS", "MONOCHROME2" }, { DCM_Rows, "US", "$r" },  \
		{ DCM_Columns, "US", "$r" }, { DCM_PixelSpacing, "DS", "3\\3" },                   \
		{ DCM_BitsAllocated, "US", "16" }, { DCM_BitsStored, "US", "12" },                 \
		{ DCM_HighBit, "US", "11" }, { DCM_PixelRepresentation, "US", "0" },               \
		{ DCM_SmallestImagePixelValue, "US", "0" },                                        \
		{ DCM_LargestImagePixelValue, "US", "1200" }, { DCM_WindowCenter, "DS", "600" },   \
	{                                                                                          \
		DCM_WindowWidth, "DS", "1200"                                                      \
	}

static const struct element fmri_elements[] = {
	MR_HEAD,
	{ DCM_Manufacturer, "LO", "Bench" },
	{ DCM_InstitutionName, "LO", "Bench Hospital" },
	{ DCM_StudyDescription, "LO", "BRAIN" },
	{ DCM_SeriesDescription, "LO", "rest" },
	{ DCM_ManufacturerModelName, "LO", "Bench 3T" },
	{ DCM_PatientName, "PN", "BENCH^PATIENT $p" },
	{ DCM_PatientID, "LO", "P$p" },
	{ DCM_PatientSex, "CS", "O" },
	{ DCM_PatientWeight, "DS", "70" },
	{ DCM_ScanningSequence, "CS", "EP" },
	{ DCM_SequenceVariant, "CS", "SK" },
	{ DCM_MRAcquisitionType, "CS", "2D" },
	{ DCM_SliceThickness, "DS", "3" },
	{ DCM_RepetitionTime, "DS", "2000" },
	{ DCM_EchoTime, "DS", "30" },
	{ DCM_NumberOfAverages, "DS", "1" },
	{ DCM_EchoNumbers, "IS", "1" },
	{ DCM_MagneticFieldStrength, "DS", "3" },
	{ DCM_SpacingBetweenSlices, "DS", "3.5" },
	{ DCM_ProtocolName, "LO", "rest" },
	{ DCM_FlipAngle, "DS", "77" },
	{ DCM_PatientPosition, "CS", "HFS" },
	{ DCM_StudyInstanceUID, "UI", "$S" },
	{ DCM_SeriesInstanceUID, "UI", "$E" },
	{ DCM_StudyID, "SH", "$s" },
	{ DCM_SeriesNumber, "IS", "7" },
	{ DCM_AcquisitionNumber, "IS", "$t" },
	{ DCM_InstanceNumber, "IS", "$i" },
	{ DCM_ImagePositionPatient, "DS", "-96\\-96\\$z" },
	{ DCM_ImageOrientationPatient, "DS", "1\\0\\0\\0\\1\\0" },
	{ DCM_FrameOfReferenceUID, "UI", "$F" },
	{ DCM_TemporalPositionIdentifier, "IS", "$t" },
	{ DCM_NumberOfTemporalPositions, "IS", "300" },
	{ DCM_SliceLocation, "DS", "$z" },
	MR_IMAGE,
	{ 0x00990010, "LO", "BENCH PADDING" },
	{ 0x00991001, "OB", "*1300" },
};

static const struct element archive_elements[] = {
	MR_HEAD,
	{ DCM_Manufacturer, "LO", "Bench" },
	{ DCM_InstitutionName, "LO", "Bench Hospital" },
	{ DCM_InstitutionAddress, "ST", "1 Long Street, 12345 Somewhere, Elsewhere" },
	{ DCM_ReferringPhysicianName, "PN", "DOE^JOHN" },
	{ DCM_StationName, "SH", "MR0$s" },
	{ DCM_StudyDescription, "LO", "BRAIN STUDY $s" },
	{ DCM_ProcedureCodeSequence, "SQ", "P5-09000\\SRT\\Magnetic resonance imaging" },
	{ DCM_SeriesDescription, "LO", "t1 series $e" },
	{ DCM_InstitutionalDepartmentName, "LO", "Radiology" },
	{ DCM_PhysiciansOfRecord, "PN", "ROE^JANE" },
	{ DCM_PerformingPhysicianName, "PN", "POE^EDGAR" },
	{ DCM_OperatorsName, "PN", "OPERATOR^ONE" },
	{ DCM_AdmittingDiagnosesDescription, "LO", "Headache" },
	{ DCM_ManufacturerModelName, "LO", "Bench 3T" },
	{ DCM_PatientName, "PN", "BENCH^PATIENT $p" },
	{ DCM_PatientID, "LO", "P$p" },
	{ DCM_PatientBirthDate, "DA", "19600101" },
	{ DCM_PatientSex, "CS", "O" },
	{ DCM_OtherPatientIDs, "LO", "X$p" },
	{ DCM_PatientAge, "AS", "060Y" },
	{ DCM_PatientSize, "DS", "1.75" },
	{ DCM_PatientWeight, "DS", "70" },
	{ DCM_MedicalAlerts, "LO", "none" },
	{ DCM_EthnicGroup, "SH", "none" },
	{ DCM_Occupation, "SH", "none" },
	{ DCM_AdditionalPatientHistory, "LT", "A text that says nothing much, at some length." },
	{ DCM_PatientComments, "LT", "Another text that says nothing much, at some more length." },
	{ DCM_BodyPartExamined, "CS", "BRAIN" },
	{ DCM_ScanningSequence, "CS", "GR\\IR" },
	{ DCM_SequenceVariant, "CS", "SK\\SP\\MP" },
	{ DCM_ScanOptions, "CS", "IR\\PFP" },
	{ DCM_MRAcquisitionType, "CS", "3D" },
	{ DCM_SequenceName, "SH", "tfl3d1_16" },
	{ DCM_AngioFlag, "CS", "N" },
	{ DCM_SliceThickness, "DS", "1" },
	{ DCM_RepetitionTime, "DS", "2300" },
	{ DCM_EchoTime, "DS", "2.98" },
	{ DCM_InversionTime, "DS", "900" },
	{ DCM_NumberOfAverages, "DS", "1" },
	{ DCM_ImagingFrequency, "DS", "123.25" },
	{ DCM_ImagedNucleus, "SH", "1H" },
	{ DCM_EchoNumbers, "IS", "1" },
	{ DCM_MagneticFieldStrength, "DS", "3" },
	{ DCM_NumberOfPhaseEncodingSteps, "IS", "64" },
	{ DCM_EchoTrainLength, "IS", "1" },
	{ DCM_PercentSampling, "DS", "100" },
	{ DCM_PercentPhaseFieldOfView, "DS", "100" },
	{ DCM_PixelBandwidth, "DS", "240" },
	{ DCM_DeviceSerialNumber, "LO", "12345" },
	{ DCM_SoftwareVersions, "LO", "bench 1.0" },
	{ DCM_ProtocolName, "LO", "t1 protocol $e" },
	{ DCM_TransmitCoilName, "SH", "Body" },
	{ DCM_AcquisitionMatrix, "US", "64" },
	{ DCM_InPlanePhaseEncodingDirection, "CS", "ROW" },
	{ DCM_FlipAngle, "DS", "9" },
	{ DCM_VariableFlipAngleFlag, "CS", "N" },
	{ DCM_SAR, "DS", "0.05" },
	{ DCM_dBdt, "DS", "0" },
	{ DCM_PatientPosition, "CS", "HFS" },
	{ 0x00190010, "LO", "BENCH MR HEADER" },
	{ 0x00191008, "CS", "IMAGE NUM 4" },
	{ 0x00191009, "LO", "1.0" },
	{ 0x0019100b, "DS", "$k" },
	{ 0x0019100f, "SH", "Normal" },
	{ 0x00191011, "SH", "No" },
	{ 0x00191015, "DS", "-96\\-96\\$z" },
	{ 0x00191017, "DS", "1" },
	{ DCM_StudyInstanceUID, "UI", "$S" },
	{ DCM_SeriesInstanceUID, "UI", "$E" },
	{ DCM_StudyID, "SH", "$s" },
	{ DCM_SeriesNumber, "IS", "$e" },
	{ DCM_AcquisitionNumber, "IS", "1" },
	{ DCM_InstanceNumber, "IS", "$i" },
	{ DCM_ImagePositionPatient, "DS", "-96\\-96\\$z" },
	{ DCM_ImageOrientationPatient, "DS", "1\\0\\0\\0\\1\\0" },
	{ DCM_FrameOfReferenceUID, "UI", "$F" },
	{ DCM_PositionReferenceIndicator, "LO", "" },
	{ DCM_SliceLocation, "DS", "$z" },
	{ DCM_ImageComments, "LT", "no comment" },
	MR_IMAGE,
	{ DCM_WindowCenterWidthExplanation, "LO", "Algo1" },
	{ DCM_LossyImageCompression, "CS", "00" },
	{ 0x00290010, "LO", "BENCH CSA HEADER" },
	{ 0x00290011, "LO", "BENCH MEDCOM HEADER" },
	{ 0x00291008, "CS", "IMAGE NUM 4" },
	{ 0x00291009, "LO", "20200101" },
	{ 0x00291010, "OB", "*1500" },
	{ 0x00291018, "CS", "MR" },
	{ 0x00291019, "LO", "20200101" },
	{ 0x00291020, "OB", "*900" },
	{ 0x00291131, "LO", "4.0.1" },
	{ 0x00291132, "LO", "BENCH" },
	{ DCM_RequestingPhysician, "PN", "WHO^ELSE" },
	{ DCM_RequestingService, "LO", "Neurology" },
	{ DCM_RequestedProcedureDescription, "LO", "Brain with contrast" },
	{ DCM_RequestedProcedureCodeSequence, "SU", "RPC1\\99BENCH\\Brain with contrast" },
	{ DCM_RequestedContrastAgent, "LO", "none" },
	{ DCM_CurrentPatientLocation, "LO", "Ward 1" },
	{ DCM_PerformedStationAETitle, "AE", "MR1" },
	{ DCM_PerformedStationName, "SH", "MR1" },
	{ DCM_PerformedLocation, "SH", "Room 1" },
	{ DCM_PerformedProcedureStepStartDate, "DA", "2020$d" },
	{ DCM_PerformedProcedureStepStartTime, "TM", "090000" },
	{ DCM_PerformedProcedureStepEndDate, "DA", "2020$d" },
	{ DCM_PerformedProcedureStepEndTime, "TM", "093000" },
	{ DCM_PerformedProcedureStepStatus, "CS", "COMPLETED" },
	{ DCM_PerformedProcedureStepID, "SH", "PPS$s" },
	{ DCM_PerformedProcedureStepDescription, "LO", "Brain" },
	{ DCM_PerformedProtocolCodeSequence, "SQ", "PPC1\\99BENCH\\Brain" },
	{ DCM_CommentsOnThePerformedProcedureStep, "ST", "nothing" },
	{ DCM_RequestedProcedureID, "SH", "RP$s" },
	{ 0x00510010, "LO", "BENCH MR TEXT" },
	{ 0x00511008, "CS", "IMAGE NUM 4" },
	{ 0x00511009, "LO", "1.0" },
	{ 0x0051100a, "LO", "TA 05:21" },
	{ 0x0051100b, "LO", "64*64" },
	{ 0x0051100c, "LO", "FoV 192*192" },
	{ 0x0051100e, "LO", "Tra" },
	{ 0x0051100f, "LO", "C:HEA;HEP" },
	{ 0x00990010, "LO", "BENCH PADDING" },
	{ 0x00991001, "OB", "*600" },
	{ 0x00e10010, "LO", "BENCH OTHER" },
	{ 0x00e11001, "UT", "another text of another maker, at another length" },
};

static const struct kind kinds[] = {
	{ .name = "ct",
		.elements = ct_elements,
		.n_elements = COUNT(ct_elements),
		.files = 600,
		.slices = 600,
		.times = 1,
		.series_per_study = 1,
		.studies_per_patient = 1,
		.rows = 512,
		.first_z = -400,
		.step_z = 1.25,
		.paint = paint_ct },
	{ .name = "fmri",
		.elements = fmri_elements,
		.n_elements = COUNT(fmri_elements),
		.files = 10800,
		.slices = 36,
		.times = 300,
		.series_per_study = 1,
		.studies_per_patient = 1,
		.rows = 64,
		.first_z = -63,
		.step_z = 3.5,
		.paint = paint_mr },
	{ .name = "archive",
		.elements = archive_elements,
		.n_elements = COUNT(archive_elements),
		.files = 100000,
		.slices = 200,
		.times = 1,
		.series_per_study = 5,
		.studies_per_patient = 2,
		.rows = 64,
		.first_z = -100,
		.step_z = 1,
		.paint = paint_mr },
	{ .name = "tiny",
		.elements = archive_elements,
		.n_elements = COUNT(archive_elements),
		.files = 1000000,
		.slices = 200,
		.times = 1,
		.series_per_study = 5,
		.studies_per_patient = 2,
		.rows = 16,
		.first_z = -100,
		.step_z = 1,
		.paint = paint_mr },
};

static void die(const char *what)
{
	fprintf(stderr, "mkarchive: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void write_file(const char *path, const struct buf *b)
{
	/* Long ago: nothing that watches for files still being written waits for these. */
	const struct timespec then[2] = { { .tv_sec = 1600000000 }, { .tv_sec = 1600000000 } };
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, b->data, b->len) != (ssize_t)b->len || futimens(fd, then) < 0 ||
		close(fd) < 0)
		die(path);
}

static void make_folder(const char *path)
{
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		die(path);
}

/* DIR/P0001/S0001/E00001/: the folder of the n-th file's series. */
static void make_series_folder(char *path, size_t size, const char *dir, const struct scene *s)
{
	make_folder(dir);
	snprintf(path, size, "%s/P%04ld", dir, s->patient);
	make_folder(path);
	snprintf(path, size, "%s/P%04ld/S%04ld", dir, s->patient, s->study);
	make_folder(path);
	snprintf(path, size, "%s/P%04ld/S%04ld/E%05ld", dir, s->patient, s->study, s->series);
	make_folder(path);
}

static void place(const struct kind *k, long n, struct scene *s)
{
	long per_series = k->slices * k->times;

	s->rows = k->rows;
	s->series = n / per_series + 1;
	s->study = (s->series - 1) / k->series_per_study + 1;
	s->patient = (s->study - 1) / k->studies_per_patient + 1;
	s->instance = n % per_series + 1;
	s->slice = n % k->slices;
	s->time = n % per_series / k->slices;
	s->z = k->first_z + k->step_z * (double)s->slice;
	s->random = 0x9e3779b97f4a7c15u * (uint64_t)(n + 1);
}

int main(int argc, char **argv)
{
	const struct kind *k = kinds, *end = kinds + COUNT(kinds);
	struct scene scene = { 0 };
	char folder[3000], path[4096];
	uint8_t *pixels;
	long n, files;
	struct gen g;

	while (argc > 2 && k < end && strcmp(k->name, argv[1]))
		k++;
	if (argc < 3 || argc > 4 || k == end) {
		fprintf(stderr, "usage: mkarchive ct|fmri|archive|tiny DIR [FILES]\n");
		return 2;
	}
	files = argc > 3 ? atol(argv[3]) : k->files;
	pixels = malloc((size_t)k->rows * k->rows * 2);
	if (!pixels)
		die(argv[2]);
	for (n = 0; n < files; n++) {
		place(k, n, &scene);
		if (scene.instance == 1)
			make_series_folder(folder, sizeof(folder), argv[2], &scene);
		make_file(&g, k, &scene, pixels);
		snprintf(path, sizeof(path), "%s/%05ld.dcm", folder, scene.instance);
		write_file(path, &g.out);
		gen_release(&g);
	}
	free(pixels);
	return 0;
}
