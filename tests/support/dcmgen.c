/* SPDX-License-Identifier: MIT */
/* The writer of synthetic DICOM: see dcmgen.h. */
#include "support/dcmgen.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/bytes.h"
#include "base/err.h"
#include "dicom/dataset.h"
#include "dicom/dict.h"
#include "dicom/source.h"
#include "dicom/tags.h"

static void need(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "dcmgen: %s\n", what);
	abort();
}

static void add16(struct gen *g, uint16_t v)
{
	if (g->big_endian)
		buf_add_be16(&g->out, v);
	else
		buf_add_le16(&g->out, v);
}

static void add32(struct gen *g, uint32_t v)
{
	if (g->big_endian)
		buf_add_be32(&g->out, v);
	else
		buf_add_le32(&g->out, v);
}

static void add64(struct gen *g, uint64_t v)
{
	if (g->big_endian)
		buf_add_be64(&g->out, v);
	else
		buf_add_le64(&g->out, v);
}

static void add_tag(struct gen *g, uint32_t tag)
{
	add16(g, (uint16_t)(tag >> 16));
	add16(g, (uint16_t)tag);
}

static void set32(struct gen *g, size_t at, uint32_t v)
{
	if (g->big_endian)
		put_be32(g->out.data + at, v);
	else
		put_le32(g->out.data + at, v);
}

static uint16_t vr_code(const char *vr)
{
	return DCM_VR(vr[0], vr[1]);
}

/* ---- elements ---- */

void gen_raw(struct gen *g, const void *p, size_t len)
{
	buf_add(&g->out, p, len);
	need(!buf_error(&g->out), "out of memory");
}

void gen_head(struct gen *g, uint32_t tag, const char *vr, uint32_t len)
{
	add_tag(g, tag);
	if (!g->explicit_vr) {
		add32(g, len);
		return;
	}
	gen_raw(g, vr, 2);
	if (dcm_vr_long_form(vr_code(vr))) {
		add16(g, 0);
		add32(g, len);
	} else {
		add16(g, (uint16_t)len);
	}
}

void gen_bytes(struct gen *g, uint32_t tag, const char *vr, const void *p, size_t len)
{
	gen_head(g, tag, vr, (uint32_t)len);
	gen_raw(g, p, len);
}

void gen_words(struct gen *g, uint32_t tag, const char *vr, const uint16_t *words, size_t n)
{
	size_t i;

	gen_head(g, tag, vr, (uint32_t)(2 * n));
	for (i = 0; i < n; i++)
		add16(g, words[i]);
}

/* One number of a binary VR. */
static void add_number(struct gen *g, uint16_t vr, const char *text)
{
	switch (vr) {
	case DCM_VR_FD:
		add64(g, f64_to_bits(strtod(text, NULL)));
		break;
	case DCM_VR_FL:
		add32(g, f32_to_bits(strtof(text, NULL)));
		break;
	case DCM_VR_US:
	case DCM_VR_SS:
		add16(g, (uint16_t)strtoll(text, NULL, 0));
		break;
	case DCM_VR_AT:
		add_tag(g, (uint32_t)strtoul(text, NULL, 16));
		break;
	case DCM_VR_UV:
		add64(g, strtoull(text, NULL, 0));
		break;
	case DCM_VR_SV:
		add64(g, (uint64_t)strtoll(text, NULL, 0));
		break;
	default:
		add32(g, (uint32_t)strtoll(text, NULL, 0));
	}
}

static size_t number_size(uint16_t vr)
{
	switch (vr) {
	case DCM_VR_US:
	case DCM_VR_SS:
		return 2;
	case DCM_VR_FD:
	case DCM_VR_UV:
	case DCM_VR_SV:
		return 8;
	case DCM_VR_AT:
	case DCM_VR_FL:
	case DCM_VR_UL:
	case DCM_VR_SL:
		return 4;
	default:
		return 0;
	}
}

static void put_numbers(struct gen *g, uint32_t tag, const char *vr, const char *value)
{
	size_t n = *value ? 1 : 0;
	const char *p;

	for (p = value; *p; p++)
		n += *p == '\\';
	gen_head(g, tag, vr, (uint32_t)(n * number_size(vr_code(vr))));
	for (p = value; n--; p = strchr(p, '\\') + 1) {
		add_number(g, vr_code(vr), p);
		if (n == 0)
			break;
	}
}

void gen_put_vr(struct gen *g, uint32_t tag, const char *vr, const char *value)
{
	size_t len = strlen(value);

	if (number_size(vr_code(vr))) {
		put_numbers(g, tag, vr, value);
		return;
	}
	gen_head(g, tag, vr, (uint32_t)(len + len % 2));
	gen_raw(g, value, len);
	if (len % 2)
		gen_raw(g, dcm_vr_is_text(vr_code(vr)) && vr_code(vr) != DCM_VR_UI ? " " : "", 1);
}

void gen_put(struct gen *g, uint32_t tag, const char *value)
{
	const struct dcm_dict_entry *d = dcm_dict_find(tag);
	char vr[2];

	need(d && d->vr, "gen_put: no dictionary knows this tag");
	vr[0] = (char)(d->vr >> 8);
	vr[1] = (char)d->vr;
	gen_put_vr(g, tag, vr, value);
}

void gen_putf(struct gen *g, uint32_t tag, const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	need(n >= 0 && (size_t)n < sizeof text, "gen_putf: too long");
	gen_put(g, tag, text);
}

/* ---- sequences ---- */

static void open_level(struct gen *g, bool undefined, bool is_item)
{
	need(g->depth < sizeof g->open / sizeof g->open[0], "too deep");
	g->open[g->depth++] = (struct gen_open){
		.head = undefined ? 0 : g->out.len - 4,
		.body = g->out.len,
		.is_item = is_item,
	};
}

void gen_sequence_vr(struct gen *g, uint32_t tag, const char *vr, bool undefined)
{
	gen_head(g, tag, vr, undefined ? UINT32_MAX : 0);
	open_level(g, undefined, false);
}

void gen_sequence(struct gen *g, uint32_t tag)
{
	gen_sequence_vr(g, tag, "SQ", false);
}

void gen_sequence_undefined(struct gen *g, uint32_t tag)
{
	gen_sequence_vr(g, tag, "SQ", true);
}

void gen_item(struct gen *g)
{
	add_tag(g, DCM_TAG(0xFFFE, 0xE000));
	add32(g, 0);
	open_level(g, false, true);
}

void gen_item_undefined(struct gen *g)
{
	add_tag(g, DCM_TAG(0xFFFE, 0xE000));
	add32(g, UINT32_MAX);
	open_level(g, true, true);
}

void gen_end(struct gen *g)
{
	struct gen_open *o;

	need(g->depth > 0, "gen_end: nothing is open");
	o = &g->open[--g->depth];
	if (o->head) {
		set32(g, o->head, (uint32_t)(g->out.len - o->body));
		return;
	}
	add_tag(g, o->is_item ? DCM_TAG(0xFFFE, 0xE00D) : DCM_TAG(0xFFFE, 0xE0DD));
	add32(g, 0);
}

void gen_encapsulated(struct gen *g, uint32_t tag)
{
	gen_sequence_vr(g, tag, "OB", true);
}

void gen_offsets(struct gen *g, const uint32_t *offsets, size_t n)
{
	size_t i;

	gen_item(g);
	for (i = 0; i < n; i++)
		add32(g, offsets[i]);
	gen_end(g);
}

void gen_fragment(struct gen *g, const void *p, size_t len)
{
	gen_item(g);
	gen_raw(g, p, len);
	gen_end(g);
}

/* ---- files ---- */

void gen_begin_bare(struct gen *g, bool explicit_vr, bool big_endian)
{
	memset(g, 0, sizeof *g);
	buf_init(&g->out);
	g->explicit_vr = explicit_vr;
	g->big_endian = big_endian;
}

void gen_begin(struct gen *g, const char *transfer_syntax)
{
	size_t length_at;

	gen_begin_bare(g, true, false);
	buf_fill(&g->out, 0, 128);
	gen_raw(g, "DICM", 4);
	gen_put(g, DCM_FileMetaInformationGroupLength, "0");
	length_at = g->out.len;
	gen_bytes(g, DCM_FileMetaInformationVersion, "OB", "\0\1", 2);
	gen_put(g, DCM_MediaStorageSOPClassUID, "1.2.840.10008.5.1.4.1.1.4");
	gen_put(g, DCM_MediaStorageSOPInstanceUID, "1.2.3.4.5");
	gen_put(g, DCM_TransferSyntaxUID, transfer_syntax);
	gen_put(g, DCM_ImplementationClassUID, "1.2.3.4");
	set32(g, length_at - 4, (uint32_t)(g->out.len - length_at));
	g->explicit_vr = strcmp(transfer_syntax, GEN_IMPLICIT) != 0;
	g->big_endian = strcmp(transfer_syntax, GEN_BIG_ENDIAN) == 0;
	if (strcmp(transfer_syntax, GEN_DEFLATED) == 0)
		g->deflate_from = g->out.len;
}

void gen_release(struct gen *g)
{
	buf_release(&g->out);
}

static void deflate_rest(struct gen *g)
{
	size_t n = g->out.len - g->deflate_from;
	z_stream z = { 0 };
	uint8_t *packed;
	uLong most;

	need(deflateInit2(&z, 6, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK, "zlib");
	most = deflateBound(&z, (uLong)n);
	packed = malloc(most);
	need(packed != NULL, "out of memory");
	z.next_in = (Bytef *)g->out.data + g->deflate_from;
	z.avail_in = (uInt)n;
	z.next_out = packed;
	z.avail_out = (uInt)most;
	need(deflate(&z, Z_FINISH) == Z_STREAM_END, "zlib");
	g->out.len = g->deflate_from;
	gen_raw(g, packed, z.total_out);
	deflateEnd(&z);
	free(packed);
	g->deflate_from = 0;
}

void gen_finish(struct gen *g)
{
	while (g->depth)
		gen_end(g);
	if (g->deflate_from)
		deflate_rest(g);
}

struct dcm_source *gen_source(struct gen *g)
{
	struct dcm_source *s;

	gen_finish(g);
	need(dcm_source_from_memory(g->out.data, g->out.len, &s, NULL) == 0, "out of memory");
	return s;
}

struct dcm_header *gen_header(struct gen *g)
{
	struct dcm_header *h;
	struct err err;

	if (dcm_header_read(gen_source(g), DCM_LOAD_ALL, 0, &h, &err) < 0)
		need(false, err.msg);
	return h;
}

void gen_save(struct gen *g, const char *path)
{
	FILE *f = fopen(path, "wb");

	gen_finish(g);
	need(f && fwrite(g->out.data, 1, g->out.len, f) == g->out.len && fclose(f) == 0, path);
}

/* ---- an instance ---- */

static int either(int value, int otherwise)
{
	return value ? value : otherwise;
}

static const char *or_text(const char *value, const char *otherwise)
{
	return value ? value : otherwise;
}

static void put_identity(struct gen *g, const struct gen_instance *i)
{
	gen_put(g, DCM_SOPClassUID, "1.2.840.10008.5.1.4.1.1.4");
	gen_putf(g, DCM_SOPInstanceUID, "1.2.3.%d.%d.%d", i->study, i->series, i->number);
	gen_put(g, DCM_StudyDate, "20240102");
	gen_put(g, DCM_Modality, or_text(i->modality, "MR"));
	gen_put(g, DCM_StudyDescription, "study");
	gen_put(g, DCM_SeriesDescription, or_text(i->description, "series"));
	gen_put(g, DCM_PatientName, "Doe^Jane");
	gen_put(g, DCM_PatientID, or_text(i->patient, "PAT"));
	gen_putf(g, DCM_SliceThickness, "%.10g", i->spacing > 0 ? i->spacing : 1);
	gen_putf(g, DCM_StudyInstanceUID, "1.2.3.%d", i->study);
	gen_putf(g, DCM_SeriesInstanceUID, "1.2.3.%d.%d", i->study, i->series);
	gen_putf(g, DCM_SeriesNumber, "%d", i->series);
	gen_putf(g, DCM_InstanceNumber, "%d", i->number);
}

static void put_plane(struct gen *g, const struct gen_instance *i)
{
	static const double identity[6] = { 1, 0, 0, 0, 1, 0 };
	const double *o = i->orientation ? i->orientation : identity;

	gen_putf(g, DCM_ImagePositionPatient, "%.10g\\%.10g\\%.10g", i->position[0], i->position[1],
		i->position[2]);
	gen_putf(g, DCM_ImageOrientationPatient, "%.10g\\%.10g\\%.10g\\%.10g\\%.10g\\%.10g", o[0],
		o[1], o[2], o[3], o[4], o[5]);
}

static void put_pixel_module(struct gen *g, const struct gen_instance *i)
{
	double spacing = i->spacing > 0 ? i->spacing : 1;
	int bits = either(i->bits, 16);

	gen_put(g, DCM_SamplesPerPixel, "1");
	gen_put(g, DCM_PhotometricInterpretation, "MONOCHROME2");
	gen_putf(g, DCM_Rows, "%d", either(i->rows, 4));
	gen_putf(g, DCM_Columns, "%d", either(i->cols, 4));
	gen_putf(g, DCM_PixelSpacing, "%.10g\\%.10g", spacing, spacing);
	gen_putf(g, DCM_BitsAllocated, "%d", bits);
	gen_putf(g, DCM_BitsStored, "%d", bits);
	gen_putf(g, DCM_HighBit, "%d", bits - 1);
	gen_putf(g, DCM_PixelRepresentation, "%d", i->is_signed);
}

void gen_instance_begin(struct gen *g, const struct gen_instance *i)
{
	gen_begin(g, or_text(i->syntax, GEN_EXPLICIT));
	put_identity(g, i);
	put_plane(g, i);
	put_pixel_module(g, i);
}

void gen_instance_end(struct gen *g, const struct gen_instance *i)
{
	size_t k, unit = (size_t)either(i->bits, 16) / 8;
	size_t n = (size_t)either(i->rows, 4) * (size_t)either(i->cols, 4);

	gen_head(g, DCM_PixelData, "OW", (uint32_t)(n * unit));
	if (i->pixels) {
		gen_raw(g, i->pixels, n * unit);
		return;
	}
	for (k = 0; k < n; k++) {
		if (unit == 1)
			buf_addc(&g->out, (char)k);
		else if (unit == 2)
			add16(g, (uint16_t)k);
		else
			add32(g, (uint32_t)k);
	}
	need(!buf_error(&g->out), "out of memory");
}
