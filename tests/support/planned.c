/* SPDX-License-Identifier: MIT */
#include "support/planned.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "dicom/tags.h"

void planned_begin(struct planned *p)
{
	memset(p, 0, sizeof *p);
	archive_begin(&p->archive);
}

void planned_end(struct planned *p)
{
	volume_set_put(p->set);
	archive_end(&p->archive);
}

static void put_text(struct gen *g, uint32_t tag, const char *value)
{
	if (value)
		gen_put(g, tag, value);
}

static void put_number(struct gen *g, uint32_t tag, double value)
{
	if (value != 0)
		gen_putf(g, tag, "%.10g", value);
}

static void put_times(struct gen *g, const struct planned_image *i)
{
	put_text(g, DCM_AcquisitionTime, i->time);
	put_text(g, DCM_MRAcquisitionType, i->acquisition_type);
	put_number(g, DCM_RepetitionTime, i->tr);
	put_number(g, DCM_EchoTime, i->te);
	put_number(g, DCM_EchoNumbers, i->echo);
	put_text(g, DCM_ReceiveCoilName, i->coil);
}

static void put_place(struct gen *g, const struct planned_image *i)
{
	static const double identity[6] = { 1, 0, 0, 0, 1, 0 };
	const double *o = i->orientation ? i->orientation : identity;

	if (i->nowhere)
		return;
	gen_putf(g, DCM_ImagePositionPatient, "%.9g\\%.9g\\%.9g", i->at[0], i->at[1], i->at[2]);
	gen_putf(g, DCM_ImageOrientationPatient, "%.9g\\%.9g\\%.9g\\%.9g\\%.9g\\%.9g", o[0], o[1],
		o[2], o[3], o[4], o[5]);
}

static void put_pixels(struct gen *g, const struct planned_image *i)
{
	unsigned rows = i->rows ? (unsigned)i->rows : 3, cols = i->cols ? (unsigned)i->cols : 2;
	uint16_t words[64 * 64];

	for (unsigned k = 0; k < rows * cols && k < 64 * 64; k++)
		words[k] = (uint16_t)(i->number * 100 + (int)k);
	gen_put(g, DCM_SamplesPerPixel, "1");
	gen_put(g, DCM_PhotometricInterpretation, "MONOCHROME2");
	gen_putf(g, DCM_Rows, "%u", rows);
	gen_putf(g, DCM_Columns, "%u", cols);
	if (!i->no_spacing)
		gen_put(g, DCM_PixelSpacing, i->spacing ? i->spacing : "2\\2");
	gen_put(g, DCM_BitsAllocated, "16");
	gen_put(g, DCM_BitsStored, "16");
	gen_put(g, DCM_HighBit, "15");
	gen_put(g, DCM_PixelRepresentation, i->is_signed ? "1" : "0");
	put_number(g, DCM_RescaleSlope, i->slope);
	if (i->more)
		i->more(g, i->arg);
	gen_words(g, DCM_PixelData, "OW", words, (size_t)rows * cols);
}

void planned_image(struct planned *p, const struct planned_image *i)
{
	char name[32];
	int series = i->series ? i->series : 1;
	struct gen g;

	snprintf(name, sizeof name, "f%u", p->n_files++);
	gen_begin(&g, i->syntax ? i->syntax : GEN_EXPLICIT);
	gen_put(&g, DCM_SOPClassUID, i->sop_class ? i->sop_class : "1.2.840.10008.5.1.4.1.1.4");
	gen_putf(&g, DCM_SOPInstanceUID, "1.2.3.%d.%d.%d", series, i->number, i->uid);
	put_text(&g, DCM_ImageType, i->image_type);
	gen_put(&g, DCM_StudyDate, "20260101");
	gen_put(&g, DCM_Modality, i->modality ? i->modality : "MR");
	put_text(&g, DCM_Manufacturer, i->maker);
	gen_put(&g, DCM_PatientID, "P");
	put_times(&g, i);
	gen_put(&g, DCM_StudyInstanceUID, "1.2.3");
	gen_putf(&g, DCM_SeriesInstanceUID, "1.2.3.%d", series);
	gen_putf(&g, DCM_SeriesNumber, "%d", series);
	if (i->number >= 0)
		gen_putf(&g, DCM_InstanceNumber, "%d", i->number);
	put_place(&g, i);
	put_pixels(&g, i);
	gen_finish(&g);
	archive_write(&p->archive, i->file ? i->file : name, g.out.data, g.out.len);
	gen_release(&g);
}

void planned_plan(struct planned *p)
{
	struct err err = { 0 };

	archive_scan(&p->archive);
	volume_set_put(p->set);
	p->set = NULL;
	if (plan_study(p->archive.catalog, p->archive.catalog->patients[0]->studies[0],
		    p->archive.files, &p->set, &err) < 0) {
		fprintf(stderr, "plan: %s\n", err.msg);
		abort();
	}
}

const struct volume *planned_volume(const struct planned *p, const char *suffix)
{
	for (uint32_t i = 0; i < p->set->n_volumes; i++)
		if (strcmp(p->set->volumes[i]->suffix, suffix) == 0)
			return p->set->volumes[i];
	return NULL;
}

const char *planned_names(const struct planned *p)
{
	static char names[4096];
	size_t len = 0;

	names[0] = '\0';
	for (uint32_t i = 0; i < p->set->n_volumes && len < sizeof names; i++)
		len += (size_t)snprintf(names + len, sizeof names - len, "%s%s", i ? " " : "",
			p->set->volumes[i]->name);
	return names;
}
