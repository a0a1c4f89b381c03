/* SPDX-License-Identifier: MIT */
/* Dumps: the grammar of each line, and what a series shares. */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "dicom/dataset.h"
#include "dicom/tags.h"
#include "support/dcmgen.h"
#include "text/dump.h"

/* The dump of g, without the meta information. */
static const char *dump_of(struct gen *g)
{
	struct dcm_header *h = gen_header(g);
	struct buf b, count;

	h->meta.n_nodes = 0;
	buf_init(&b);
	buf_init_counting(&count);
	cr_assert_eq(dump_render(h, &b, NULL, NULL), 0);
	cr_assert_eq(dump_render(h, &count, NULL, NULL), 0);
	cr_assert_eq(b.len, count.len);
	dcm_header_free(h);
	gen_release(g);
	return buf_steal(&b, NULL);
}

static void expect(struct gen *g, const char *want)
{
	cr_assert_str_eq(dump_of(g), want);
}

Test(text_dump, file_meta_comes_first)
{
	struct gen g;
	struct dcm_header *h;
	struct buf b;

	gen_begin(&g, GEN_IMPLICIT);
	gen_put(&g, DCM_Modality, "MR");
	h = gen_header(&g);
	buf_init(&b);
	cr_assert_eq(dump_render(h, &b, NULL, NULL), 0);
	cr_assert_str_eq(buf_steal(&b, NULL),
		"(0002,0000) UL FileMetaInformationGroupLength = 108\n"
		"(0002,0001) OB FileMetaInformationVersion = 00 01\n"
		"(0002,0002) UI MediaStorageSOPClassUID = 1.2.840.10008.5.1.4.1.1.4  # MR Image "
		"Storage\n"
		"(0002,0003) UI MediaStorageSOPInstanceUID = 1.2.3.4.5\n"
		"(0002,0010) UI TransferSyntaxUID = 1.2.840.10008.1.2  # Implicit VR Little "
		"Endian\n"
		"(0002,0012) UI ImplementationClassUID = 1.2.3.4\n"
		"(0008,0060) CS Modality = MR\n");
	dcm_header_free(h);
}

Test(text_dump, texts_numbers_and_nothing)
{
	struct gen g;

	gen_begin(&g, GEN_EXPLICIT);
	gen_put(&g, DCM_ImageType, "ORIGINAL\\PRIMARY \\ M\\SE ");
	gen_put(&g, DCM_PatientID, "");
	gen_put(&g, DCM_OtherPatientIDs, "  ");
	gen_put(&g, DCM_PatientComments, " a\\ b ");
	gen_put(&g, DCM_SliceThickness, "2.50 ");
	gen_put(&g, DCM_EchoTime, " +0.0305");
	gen_put(&g, DCM_Rows, "65535");
	gen_put(&g, DCM_FrameIncrementPointer, "00181063\\00540010");
	gen_put_vr(&g, DCM_SmallestImagePixelValue, "SS", "-5\\7");
	expect(&g,
		"(0008,0008) CS ImageType = ORIGINAL\\PRIMARY\\M\\SE\n"
		"(0010,0020) LO PatientID =\n"
		"(0010,1000) LO OtherPatientIDs =\n"
		"(0010,4000) LT PatientComments = a\\ b\n"
		"(0018,0050) DS SliceThickness = 2.50\n"
		"(0018,0081) DS EchoTime = +0.0305\n"
		"(0028,0010) US Rows = 65535\n"
		"(0028,0009) AT FrameIncrementPointer = (0018,1063)\\(0054,0010)\n"
		"(0028,0106) SS SmallestImagePixelValue = -5\\7\n");
}

Test(text_dump, floats_in_their_shortest_form)
{
	struct gen g;

	gen_begin(&g, GEN_BIG_ENDIAN);
	gen_put(&g, DCM_RecommendedDisplayFrameRateInFloat, "0.5");
	gen_put_vr(&g, 0x00091001, "FL", "0.1\\16777216\\1e-07\\3.4028235e38\\-0.009394234");
	gen_put_vr(&g, 0x00091002, "FD",
		"0.1\\1052.5\\1e22\\nan\\-inf\\0.30000000000000004\\5e-324");
	expect(&g,
		"(0008,9459) FL RecommendedDisplayFrameRateInFloat = 0.5\n"
		"(0009,1001) FL Unknown = 0.1\\16777216\\1e-07\\3.4028235e+38\\-0.009394234\n"
		"(0009,1002) FD Unknown = "
		"0.1\\1052.5\\1e+22\\nan\\-inf\\0.30000000000000004\\5e-324\n");
}

Test(text_dump, binary_as_hex_or_as_its_size)
{
	uint8_t bytes[65];
	struct gen g;

	memset(bytes, 0xab, sizeof bytes);
	gen_begin(&g, GEN_EXPLICIT);
	gen_bytes(&g, 0x00091001, "OB", "\0\1\xfe", 3);
	gen_bytes(&g, 0x00091002, "UN", bytes, 65);
	gen_bytes(&g, DCM_Rows, "US", "abc", 3);
	gen_bytes(&g, DCM_PixelData, "OW", bytes, 2);
	expect(&g,
		"(0009,1001) OB Unknown = 00 01 fe\n"
		"(0009,1002) UN Unknown = <65 bytes>\n"
		"(0028,0010) US Rows = 61 62 63\n"
		"(7fe0,0010) OW PixelData = ab ab\n");
}

Test(text_dump, encapsulated_pixels)
{
	struct gen g;

	gen_begin(&g, GEN_JPEG);
	gen_encapsulated(&g, DCM_PixelData);
	gen_offsets(&g, NULL, 0);
	gen_fragment(&g, "1234", 4);
	gen_fragment(&g, "12", 2);
	expect(&g, "(7fe0,0010) OB PixelData = <2 fragments, 6 bytes>\n");
}

Test(text_dump, items_have_whole_paths)
{
	struct gen g;
	int i;

	gen_begin(&g, GEN_EXPLICIT);
	gen_sequence(&g, DCM_ProcedureCodeSequence);
	for (i = 0; i < 2; i++) {
		gen_item(&g);
		gen_put(&g, DCM_CodeMeaning, i ? "CT" : "MRI Head");
		gen_end(&g);
	}
	gen_end(&g);
	gen_sequence(&g, DCM_ReferencedImageSequence);
	gen_end(&g);
	gen_put(&g, 0x20050010, "Philips MR Imaging DD 001");
	gen_sequence_vr(&g, 0x20051083, "SQ", true);
	gen_item(&g);
	gen_put_vr(&g, 0x20051084, "LO", "x");
	gen_end(&g);
	gen_end(&g);
	gen_put_vr(&g, 0x20051013, "FL", "0.5");
	expect(&g,
		"(0008,1032) SQ ProcedureCodeSequence = <2 items>\n"
		"(0008,1032)[1].(0008,0104) LO ProcedureCodeSequence[1].CodeMeaning = MRI Head\n"
		"(0008,1032)[2].(0008,0104) LO ProcedureCodeSequence[2].CodeMeaning = CT\n"
		"(0008,1140) SQ ReferencedImageSequence =\n"
		"(2005,0010) LO PrivateCreator = Philips MR Imaging DD 001\n"
		"(2005,1083) SQ [Philips MR Imaging DD 001]Unknown = <1 item>\n"
		"(2005,1083)[1].(2005,1084) LO [Philips MR Imaging DD 001]Unknown[1].Unknown = x\n"
		"(2005,1013) FL [Philips MR Imaging DD 001]MRSeriesDevelopmentMode = 0.5\n");
}

Test(text_dump, control_characters_are_pictures)
{
	struct gen g;

	gen_begin(&g, GEN_EXPLICIT);
	gen_put(&g, DCM_SpecificCharacterSet, "ISO_IR 192");
	gen_put(&g, DCM_PatientComments, "a\r\n\tb\x1b\x7f\xc2\x85\xe2\x80\xa8.");
	expect(&g,
		"(0008,0005) CS SpecificCharacterSet = ISO_IR 192\n"
		"(0010,4000) LT PatientComments = a␍␊␉b␛␡��.\n");
}

Test(text_dump, text_is_utf8_and_what_cannot_be_is_marked)
{
	struct gen g;

	gen_begin(&g, GEN_EXPLICIT);
	gen_put(&g, DCM_SpecificCharacterSet, "ISO_IR 100");
	gen_put(&g, DCM_PatientName,
		"B\xfc"
		"cher^\xc4gid");
	gen_sequence(&g, DCM_ReferencedImageSequence);
	gen_item(&g);
	gen_put(&g, DCM_SpecificCharacterSet, "ISO_IR 192");
	gen_put(&g, DCM_PatientID, "x\xff.");
	expect(&g,
		"(0008,0005) CS SpecificCharacterSet = ISO_IR 100\n"
		"(0010,0010) PN PatientName = Bücher^Ägid\n"
		"(0008,1140) SQ ReferencedImageSequence = <1 item>\n"
		"(0008,1140)[1].(0008,0005) CS ReferencedImageSequence[1].SpecificCharacterSet = "
		"ISO_IR 192\n"
		"(0008,1140)[1].(0010,0020) LO ReferencedImageSequence[1].PatientID! = x�.\n");
}

Test(text_dump, a_backslash_that_is_half_a_character_separates_nothing)
{
	struct gen g;

	gen_begin(&g, GEN_EXPLICIT);
	gen_put(&g, DCM_SpecificCharacterSet, "GB18030");
	gen_bytes(&g, DCM_PatientID, "LO", "\x81\x5c \\ b ", 7);
	expect(&g,
		"(0008,0005) CS SpecificCharacterSet = GB18030\n"
		"(0010,0020) LO PatientID = 乗\\b\n");
}

Test(text_dump, vr_is_what_the_file_has)
{
	struct gen g;

	gen_begin(&g, GEN_EXPLICIT);
	gen_put_vr(&g, DCM_Modality, "UN", "MR");
	gen_put_vr(&g, DCM_InstanceNumber, "LO", "17");
	expect(&g, "(0008,0060) UN Modality = MR\n(0020,0013) LO InstanceNumber = 17\n");
}

Test(text_dump, repeating_groups_lengths_and_unknown_ones)
{
	struct gen g;

	gen_begin(&g, GEN_IMPLICIT);
	gen_put_vr(&g, 0x00080000, "UL", "4");
	gen_put_vr(&g, 0x00080099, "UN", "xx");
	gen_put_vr(&g, 0x60020010, "US", "3");
	gen_put_vr(&g, 0x60021234, "UN", "xx");
	expect(&g,
		"(0008,0000) UL GroupLength = 4\n"
		"(0008,0099) UN Unknown = 78 78\n"
		"(6002,0010) US OverlayRows = 3\n"
		"(6002,1234) UN Unknown = 78 78\n");
}

Test(text_dump, problems_come_last_with_their_byte)
{
	struct gen g;
	size_t at;
	char want[200];

	gen_begin(&g, GEN_EXPLICIT);
	gen_put(&g, DCM_Modality, "MR");
	at = g.out.len;
	gen_head(&g, DCM_PixelData, "OW", 100);
	gen_raw(&g, "1234", 4);
	snprintf(want, sizeof want,
		"(0008,0060) CS Modality = MR\n"
		"(7fe0,0010) OW PixelData = 31 32 33 34\n"
		"# problem: byte %zu: (7fe0,0010): 100 bytes where 4 are left\n",
		at);
	expect(&g, want);
}

/* ---- makers' structures ---- */

static void csa_field(struct buf *b, const char *name, const char *vr, unsigned vm,
	const char *const *values, unsigned n)
{
	unsigned i;

	buf_adds(b, name);
	buf_fill(b, 0, 64 - strlen(name));
	buf_add_le32(b, vm);
	buf_add(b, vr, 2);
	buf_fill(b, 0, 2);
	buf_add_le32(b, 0);
	buf_add_le32(b, n);
	buf_add_le32(b, 77);
	for (i = 0; i < n; i++) {
		size_t len = strlen(values[i]);

		buf_add_le32(b, (uint32_t)len);
		buf_add_le32(b, (uint32_t)len);
		buf_add_le32(b, 77);
		buf_add_le32(b, (uint32_t)len);
		buf_add(b, values[i], len);
		buf_fill(b, 0, (4 - len % 4) % 4);
	}
}

Test(text_dump, csa_headers_a_line_a_field)
{
	static const char *const times[] = { "0.00000000", "1052.50000000" };
	static const char *const text[] = { "X_1" };
	static const char *const protocol[] = {
		"junk ### ASCCONV BEGIN object=x ###\n"
		"sSliceArray.lSize\t = \t3\ntName = \"\"a b\"\"\nflip = 0x1\n### ASCCONV END ###"
	};
	struct buf b;
	struct gen g;

	buf_init(&b);
	buf_add(&b, "SV10\4\3\2\1", 8);
	buf_add_le32(&b, 4);
	buf_add_le32(&b, 77);
	csa_field(&b, "MosaicRefAcqTimes", "FD", 2, times, 2);
	csa_field(&b, "ICE_Dims", "LO", 1, text, 1);
	csa_field(&b, "Empty", "IS", 0, NULL, 0);
	csa_field(&b, "MrPhoenixProtocol", "UN", 1, protocol, 1);
	gen_begin(&g, GEN_EXPLICIT);
	gen_put(&g, 0x00290010, "SIEMENS CSA HEADER");
	gen_bytes(&g, 0x00291010, "OB", b.data, b.len);
	expect(&g,
		"(0029,0010) LO PrivateCreator = SIEMENS CSA HEADER\n"
		"(0029,1010) OB [SIEMENS CSA HEADER]CSAImageHeaderInfo = <556 bytes>\n"
		"(0029,1010){MosaicRefAcqTimes} FD CSAImageHeaderInfo.MosaicRefAcqTimes = "
		"0\\1052.5\n"
		"(0029,1010){ICE_Dims} LO CSAImageHeaderInfo.ICE_Dims = X_1\n"
		"(0029,1010){Empty} IS CSAImageHeaderInfo.Empty =\n"
		"(0029,1010){MrPhoenixProtocol.sSliceArray.lSize} IS "
		"CSAImageHeaderInfo.MrPhoenixProtocol.sSliceArray.lSize = 3\n"
		"(0029,1010){MrPhoenixProtocol.tName} LO "
		"CSAImageHeaderInfo.MrPhoenixProtocol.tName = a b\n"
		"(0029,1010){MrPhoenixProtocol.flip} UL CSAImageHeaderInfo.MrPhoenixProtocol.flip "
		"= 0x1\n");
	buf_release(&b);
}

Test(text_dump, a_protocol_without_a_csa_header)
{
	struct gen g;

	gen_begin(&g, GEN_EXPLICIT);
	gen_put(&g, 0x00210011, "SIEMENS MR SDS 01");
	gen_put_vr(&g, 0x00211119, "OB", "<XProtocol> ### ASCCONV BEGIN ###\na.b = -1.5\n");
	expect(&g,
		"(0021,0011) LO PrivateCreator = SIEMENS MR SDS 01\n"
		"(0021,1119) OB [SIEMENS MR SDS 01]MrPhoenixProtocol = 3c 58 50 72 6f 74 6f 63 6f "
		"6c 3e 20 23 23 23 "
		"20 41 53 43 43 4f 4e 56 20 42 45 47 49 4e 20 23 23 23 0a 61 2e 62 20 3d 20 2d 31 "
		"2e 35 0a 00\n"
		"(0021,1119){a.b} DS MrPhoenixProtocol.a.b = -1.5\n");
}

Test(text_dump, ge_s_protocol_block)
{
	static const char text[] = "set SEDESC \"x\"\nPLANE \"AXIAL\"\nNUMTR 3\n";
	uint8_t packed[200];
	z_stream z = { 0 };
	const char *dump;
	struct gen g;

	deflateInit2(&z, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY);
	z.next_in = (Bytef *)text;
	z.avail_in = sizeof text - 1;
	z.next_out = packed + 4;
	z.avail_out = sizeof packed - 4;
	cr_assert_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
	put_le32(packed, (uint32_t)z.total_out);
	deflateEnd(&z);
	gen_begin(&g, GEN_EXPLICIT);
	gen_put(&g, 0x00250010, "GEMS_SERS_01");
	gen_bytes(&g, 0x0025101b, "OB", packed, z.total_out + 4 + z.total_out % 2);
	dump = dump_of(&g);
	cr_assert(strstr(dump,
		"\n(0025,101b){PLANE} LO ProtocolDataBlockCompressed.PLANE = AXIAL\n"));
	cr_assert(strstr(dump, "\n(0025,101b){NUMTR} IS ProtocolDataBlockCompressed.NUMTR = 3\n"));
}

/* ---- failure ---- */

Test(text_dump, every_allocation_may_fail)
{
	struct gen_instance in = { .patient = "J\xe4ger" };
	struct dcm_header *h;
	unsigned long k;
	struct gen g;
	struct buf b;
	int rc = -1;

	gen_instance_begin(&g, &in);
	gen_put(&g, 0x00290010, "SIEMENS CSA HEADER");
	gen_put_vr(&g, 0x00291010, "OB", "### ASCCONV BEGIN ###\na.b = -1.5\n");
	gen_instance_end(&g, &in);
	h = gen_header(&g);
	for (k = 1; k < 100 && rc < 0; k++) {
		buf_init(&b);
		mem_fail_after(k);
		rc = dump_render(h, &b, NULL, NULL);
		mem_fail_after(0);
		cr_assert(rc == 0 || rc == -ENOMEM);
		buf_release(&b);
	}
	cr_assert_eq(rc, 0);
	cr_assert_gt(k, 4);
	dcm_header_free(h);
	gen_release(&g);
}

/* ---- series ---- */

static void add_instance(struct dump_series *s, int number, const char *echo, const char *extra)
{
	struct dcm_header *h;
	struct gen g;

	gen_begin(&g, GEN_EXPLICIT);
	gen_put(&g, DCM_SOPClassUID, "1.2.840.10008.5.1.4.1.1.4");
	gen_put(&g, DCM_Modality, "MR");
	if (extra)
		gen_put(&g, DCM_ProtocolName, extra);
	gen_put(&g, DCM_EchoTime, echo);
	gen_putf(&g, DCM_InstanceNumber, "%d", number);
	h = gen_header(&g);
	h->meta.n_nodes = 0;
	cr_assert_eq(dump_series_add(s, h, NULL), 0);
	dcm_header_free(h);
	gen_release(&g);
}

Test(text_dump, a_series_shares_lines_and_counts_what_varies)
{
	struct dump_series *s;
	struct buf b;
	int i;

	cr_assert_eq(dump_series_new(&s, NULL), 0);
	for (i = 1; i <= 1000; i++)
		add_instance(s, i * 7 % 1009,
			i % 3         ? "30" :
				i % 2 ? "5" :
					"100",
			i == 500 ? "once" : NULL);
	buf_init(&b);
	cr_assert_eq(dump_series_render(s, &b, NULL), 0);
	cr_assert_str_eq(buf_steal(&b, NULL),
		"(0008,0016) UI SOPClassUID = 1.2.840.10008.5.1.4.1.1.4  # MR Image Storage\n"
		"(0008,0060) CS Modality = MR\n"
		"(0018,1030) LO ProtocolName = <1 value: once>\n"
		"(0018,0081) DS EchoTime = <3 values: 5 … 100>\n"
		"(0020,0013) IS InstanceNumber = <1000 values: 1 … 1008>\n");
	dump_series_free(s);
}

Test(text_dump, a_series_of_one_is_that_one)
{
	struct dump_series *s;
	struct buf b;

	cr_assert_eq(dump_series_new(&s, NULL), 0);
	add_instance(s, 1, "", NULL);
	buf_init(&b);
	cr_assert_eq(dump_series_render(s, &b, NULL), 0);
	cr_assert_str_eq(buf_steal(&b, NULL),
		"(0008,0016) UI SOPClassUID = 1.2.840.10008.5.1.4.1.1.4  # MR Image Storage\n"
		"(0008,0060) CS Modality = MR\n"
		"(0018,0081) DS EchoTime =\n"
		"(0020,0013) IS InstanceNumber = 1\n");
	dump_series_free(s);
}

/* They are kept beside the lines: what bounds the kept series must know of them. */
Test(text_dump, the_bytes_of_a_series_count_its_least_and_greatest_values)
{
	struct dump_series *s;
	char text[60001];

	cr_assert_eq(dump_series_new(&s, NULL), 0);
	add_instance(s, 1, "30", "b");
	memset(text, 'a', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	add_instance(s, 2, "30", text);
	memset(text, 'c', sizeof text - 1);
	add_instance(s, 3, "30", text);
	cr_assert_gt(dump_series_bytes(s), 2 * (sizeof text - 1));
	dump_series_free(s);
}

Test(text_dump, a_dump_adds_to_a_series_what_it_renders)
{
	struct dump_series *s, *t;
	struct dcm_header *h;
	struct buf b, x, y;
	struct gen g;
	int i;

	cr_assert_eq(dump_series_new(&s, NULL), 0);
	cr_assert_eq(dump_series_new(&t, NULL), 0);
	for (i = 0; i < 20; i++) {
		gen_begin(&g, GEN_EXPLICIT);
		gen_put(&g, DCM_Modality, "MR");
		if (i % 3)
			gen_putf(&g, DCM_EchoTime, "%d", i % 7);
		gen_putf(&g, DCM_InstanceNumber, "%d", i);
		h = gen_header(&g);
		buf_init(&b);
		cr_assert_eq(dump_render(h, &b, s, NULL), 0);
		cr_assert_eq(dump_series_add(t, h, NULL), 0);
		buf_release(&b);
		dcm_header_free(h);
		gen_release(&g);
	}
	buf_init(&x);
	buf_init(&y);
	cr_assert_eq(dump_series_render(s, &x, NULL), 0);
	cr_assert_eq(dump_series_render(t, &y, NULL), 0);
	cr_assert_gt(x.len, 0);
	cr_assert_eq(x.len, y.len);
	cr_assert_eq(memcmp(x.data, y.data, x.len), 0);
	cr_assert_gt(dump_series_bytes(s), x.len);
	buf_release(&x);
	buf_release(&y);
	dump_series_free(s);
	dump_series_free(t);
}
