/* SPDX-License-Identifier: MIT */
/* Sidecars of small series, made and planned here. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/utf8.h"
#include "dicom/tags.h"
#include "support/archive.h"
#include "text/sidecar.h"
#include "volume/plan.h"

static struct archive a;

static void begin(void)
{
	archive_begin(&a);
}

static void end(void)
{
	archive_end(&a);
}

TestSuite(text_sidecar, .init = begin, .fini = end);

/* The sidecar of the study's one volume, NUL-terminated; the caller's to free. */
static char *render(void)
{
	struct volume_set *set;
	struct err err = { 0 };
	struct buf b;
	char *text;

	archive_scan(&a);
	cr_assert_eq(a.catalog->n_studies, 1);
	cr_assert_eq(plan_study(a.catalog, a.catalog->patients[0]->studies[0], a.files, &set, &err),
		0, "%s", err.msg);
	cr_assert_eq(set->n_volumes, 1);
	buf_init(&b);
	cr_assert_eq(sidecar_render(set->volumes[0], a.files, &b, &err), 0, "%s", err.msg);
	text = strndup(b.data, b.len);
	buf_release(&b);
	volume_set_put(set);
	return text;
}

static void has(const char *text, const char *line)
{
	cr_assert(strstr(text, line) != NULL, "no %s in\n%s", line, text);
}

static void lacks(const char *text, const char *key)
{
	cr_assert(strstr(text, key) == NULL, "%s in\n%s", key, text);
}

/* A header whose elements ascend up to the image's; more() adds what a test is about. */
static void image(int number, double z, void (*more)(struct gen *g, int number))
{
	struct gen_instance i = { .number = number, .series = 3, .position = { 0, 0, z } };
	char name[16];
	struct gen g;

	snprintf(name, sizeof name, "%d", number);
	gen_instance_begin(&g, &i);
	more(&g, number);
	gen_instance_end(&g, &i);
	gen_save(&g, archive_path(&a, name));
	gen_release(&g);
}

static void plain(struct gen *g, int number)
{
	(void)number;
	gen_put(g, DCM_SpecificCharacterSet, "ISO_IR 100");
	gen_put(g, DCM_ImageType, "ORIGINAL\\PRIMARY\\M_FFE\\ND");
	gen_put(g, DCM_InstitutionName, "Universit\xe4t \"Ost\"");
	gen_put(g, DCM_PatientAge, "033Y");
	gen_put(g, DCM_PatientBirthDate, "19800707");
	gen_put(g, DCM_EchoTime, "30");
	gen_put(g, DCM_ImagingFrequency, "123.2476512");
	gen_put(g, DCM_FlipAngle, "0");
	gen_put(g, DCM_AcquisitionDate, "20200102");
	gen_put(g, DCM_AcquisitionTime, "104807.25");
	gen_put(g, DCM_InPlanePhaseEncodingDirection, "ROW");
}

Test(text_sidecar, values_are_printed_as_their_keys_want_them_and_in_their_order)
{
	char *t;
	int i;

	for (i = 1; i <= 3; i++)
		image(i, i, plain);
	t = render();
	cr_assert_eq(strncmp(t, "{\n\t\"Modality\": \"MR\",\n", 20), 0, "%s", t);
	has(t, "\t\"InstitutionName\": \"Universit\xc3\xa4t \\\"Ost\\\"\",\n");
	has(t, "\t\"PatientAge\": 33,\n");
	has(t, "\t\"PatientBirthDate\": \"1980-07-07\",\n");
	has(t, "\t\"ImagingFrequency\": 123.2476512,\n");
	has(t, "\t\"EchoTime\": 0.03,\n");
	has(t,
		"\t\"ImageType\": [\"ORIGINAL\", \"PRIMARY\", \"M\", \"FFE\", \"ND\", "
		"\"MAGNITUDE\"],\n");
	has(t, "\t\"NonlinearGradientCorrection\": false,\n");
	has(t, "\t\"AcquisitionTime\": \"10:48:7.250000\",\n");
	has(t, "\t\"AcquisitionDateTime\": \"2020-01-02T10:48:7.250000\",\n");
	has(t, "\t\"PhaseEncodingAxis\": \"i\",\n");
	has(t,
		"\t\"ImageOrientationPatientDICOM\": "
		"[\n\t\t1,\n\t\t0,\n\t\t0,\n\t\t0,\n\t\t1,\n\t\t0\t],\n");
	lacks(t, "FlipAngle");
	cr_assert_str_eq(strstr(t, "\t\"ConversionSoftwareVersion\""), strrchr(t, '\t'),
		"it is the last");
	cr_assert(utf8_valid(t, strlen(t)) && t[strlen(t) - 2] == '}');
	free(t);
}

static void nasty(struct gen *g, int number)
{
	(void)number;
	gen_put_vr(g, DCM_ImageComments, "LT", "tab\there\r\nnul\x01 back\\slash \xff");
}

Test(text_sidecar, any_text_makes_valid_json)
{
	char *t;

	image(1, 0, nasty);
	t = render();
	has(t, "\"ImageComments\": \"tab\\there\\r\\nnul\\u0001 back\\\\slash ");
	cr_assert(utf8_valid(t, strlen(t)));
	free(t);
}

static void siemens(struct gen *g, int number)
{
	gen_put(g, DCM_Manufacturer, "SIEMENS");
	gen_put(g, DCM_MRAcquisitionType, "2D");
	gen_putf(g, DCM_AcquisitionTime, "1200%02d", 2 * number % 7);
	gen_put(g, DCM_InPlanePhaseEncodingDirection, "COL");
	gen_put(g, 0x00190010, "SIEMENS MR HEADER");
	gen_put_vr(g, 0x00191028, "FD", "50");
}

Test(text_sidecar, echo_spacing_follows_from_the_bandwidth_and_times_from_the_files)
{
	char *t;
	int i;

	for (i = 1; i <= 3; i++)
		image(i, i, siemens);
	t = render();
	has(t, "\t\"Manufacturer\": \"Siemens\",\n");
	has(t, "\t\"ReconMatrixPE\": 4,\n");
	has(t, "\t\"BandwidthPerPixelPhaseEncode\": 50,\n");
	has(t, "\t\"EffectiveEchoSpacing\": 0.005,\n");
	has(t, "\t\"TotalReadoutTime\": 0.015,\n");
	has(t, "\t\"SliceTiming\": [\n\t\t0,\n\t\t2,\n\t\t4\t],\n");
	free(t);
}

static void pet(struct gen *g, int number)
{
	int t = (number - 1) / 2;

	gen_putf(g, DCM_AcquisitionTime, "12%02d00", t);
	gen_putf(g, DCM_ActualFrameDuration, "%d", t ? 120000 : 60000);
	gen_put(g, DCM_Units, "BQML");
	gen_put(g, DCM_ReconstructionMethod, "OSEM3D 4i21s");
	gen_put(g, DCM_ConvolutionKernel, "XYZ Gauss4.50");
	gen_putf(g, DCM_FrameReferenceTime, "%d", t ? 90000 : 30000);
	gen_putf(g, DCM_DecayFactor, "%g", t ? 1.25 : 1.0);
	gen_put(g, DCM_NumberOfSlices, "2");
	gen_putf(g, DCM_TemporalPositionIdentifier, "%d", t + 1);
	gen_sequence(g, DCM_RadiopharmaceuticalInformationSequence);
	gen_item(g);
	gen_put(g, DCM_RadionuclideTotalDose, "370000000");
	gen_sequence(g, DCM_RadionuclideCodeSequence);
	gen_item(g);
	gen_put(g, DCM_CodeMeaning, "^18^Fluorine");
	gen_end(g);
	gen_end(g);
	gen_end(g);
	gen_end(g);
}

static void write_pet(void (*more)(struct gen *g, int number))
{
	int i;

	for (i = 1; i <= 4; i++) {
		struct gen_instance what = { .number = i,
			.series = 3,
			.modality = "PT",
			.position = { 0, 0, i % 2 } };
		char name[16];
		struct gen g;

		snprintf(name, sizeof name, "%d", i);
		gen_instance_begin(&g, &what);
		more(&g, i);
		gen_instance_end(&g, &what);
		gen_save(&g, archive_path(&a, name));
		gen_release(&g);
	}
}

/* Half a minute before midnight, and half a minute behind it. */
static void pet_at_night(struct gen *g, int number)
{
	int t = (number - 1) / 2;

	gen_put(g, DCM_AcquisitionDate, t ? "20240302" : "20240301");
	gen_put(g, DCM_AcquisitionTime, t ? "000030" : "235930");
	gen_putf(g, DCM_TemporalPositionIdentifier, "%d", t + 1);
}

Test(text_sidecar, positron_emission_over_midnight)
{
	char *t;

	write_pet(pet_at_night);
	t = render();
	has(t, "\t\"FrameTimesStart\": [\n\t\t0,\n\t\t60\t],\n");
	has(t, "\t\"TimeZero\": \"23:59:30\"");
	free(t);
}

Test(text_sidecar, positron_emission_tells_each_time_point)
{
	char *t;

	write_pet(pet);
	t = render();
	has(t, "\t\"Modality\": \"PT\",\n");
	has(t, "\t\"Units\": \"BQML\",\n");
	has(t, "\t\"TracerRadionuclide\": \"F18\",\n");
	has(t, "\t\"ReconMethodName\": \"Ordered Subset Expectation Maximization\",\n");
	has(t, "\t\"ReconFilterSize\": 4.5,\n");
	has(t, "\t\"InjectedRadioactivity\": 370,\n\t\"InjectedRadioactivityUnits\": \"MBq\",\n");
	has(t, "\t\"ReconMethodParameterValues\": [\n\t\t21,\n\t\t4\t],\n");
	has(t, "\t\"DecayFactor\": [\n\t\t1,\n\t\t1.25\t],\n");
	has(t, "\t\"FrameTimesStart\": [\n\t\t0,\n\t\t60\t],\n");
	has(t, "\t\"FrameDuration\": [\n\t\t60,\n\t\t120\t],\n");
	has(t, "\t\"FrameReferenceTime\": [\n\t\t30,\n\t\t90\t],\n");
	lacks(t, "RepetitionTime");
	free(t);
}

static void put_frames(struct gen *g)
{
	static const char *const when[2] = { "20260101120000", "20260101120130.5" };

	gen_put(g, DCM_NumberOfFrames, "4");
	gen_sequence(g, DCM_PerFrameFunctionalGroupsSequence);
	for (int i = 0; i < 4; i++) {
		gen_item(g);
		gen_sequence(g, DCM_FrameContentSequence);
		gen_item(g);
		gen_put(g, DCM_FrameAcquisitionDateTime, when[i / 2]);
		gen_put(g, DCM_FrameAcquisitionDuration, i / 2 ? "180000" : "90000");
		gen_end(g);
		gen_end(g);
		gen_sequence(g, DCM_PlanePositionSequence);
		gen_item(g);
		gen_putf(g, DCM_ImagePositionPatient, "0\\0\\%d", i % 2);
		gen_end(g);
		gen_end(g);
		gen_end(g);
	}
	gen_end(g);
}

Test(text_sidecar, enhanced_positron_emission_tells_each_time_point_too)
{
	struct gen_instance what = { .number = 1, .modality = "PT" };
	struct gen g;
	char *t;

	gen_instance_begin(&g, &what);
	put_frames(&g);
	gen_instance_end(&g, &what);
	gen_save(&g, archive_path(&a, "1"));
	gen_release(&g);
	t = render();
	has(t, "\t\"FrameTimesStart\": [\n\t\t0,\n\t\t90.5\t],\n");
	has(t, "\t\"FrameDuration\": [\n\t\t90,\n\t\t180\t],\n");
	has(t, "\t\"TimeZero\": \"12:00:00\",\n");
	free(t);
}

static void matrix(struct gen *g, int number)
{
	gen_put(g, DCM_AcquisitionMatrix,
		number == 1 ? "0\\96\\80\\0" : "12320\\12892\\13877\\12334\\12336");
}

Test(text_sidecar, a_matrix_has_four_numbers)
{
	char *t;

	image(1, 1, matrix);
	t = render();
	has(t, "\t\"AcquisitionMatrixPE\": 80,\n");
	free(t);
	archive_end(&a);
	archive_begin(&a);
	image(2, 1, matrix);
	t = render();
	lacks(t, "AcquisitionMatrixPE");
	free(t);
}

static void in_utf7(struct gen *g, int number)
{
	(void)number;
	gen_put(g, DCM_Manufacturer, "SIEMENS");
	gen_put_vr(g, 0x00210011, "LO", "SIEMENS MR SDS 01");
	gen_put_vr(g, 0x00211119, "OB",
		"### ASCCONV BEGIN ###\ntProtocolName = \"\"ax+AF8-asc\"\"\n### ASCCONV END ###");
}

Test(text_sidecar, a_plain_name_stands_for_the_protocols_before_one_in_utf7)
{
	char *t;

	image(1, 1, in_utf7);
	t = render();
	has(t, "\"ProtocolName\": \"series\"");
	free(t);
}
