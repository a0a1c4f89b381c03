/* SPDX-License-Identifier: MIT */
/* Attributes by name. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/buf.h"
#include "dicom/attrpath.h"
#include "dicom/dataset.h"
#include "dicom/tags.h"
#include "support/dcmgen.h"

static void write_sample(struct gen *g)
{
	gen_begin(g, GEN_EXPLICIT);
	gen_put(g, DCM_SpecificCharacterSet, "ISO_IR 100");
	gen_put(g, DCM_ImageType, "ORIGINAL\\PRIMARY\\M");
	gen_sequence(g, DCM_ProcedureCodeSequence);
	gen_item(g);
	gen_put(g, DCM_CodeMeaning, "one");
	gen_end(g);
	gen_item(g);
	gen_put(g, DCM_CodeMeaning, "two ");
	gen_end(g);
	gen_end(g);
	gen_put(g, DCM_PatientName, "J\xE9r\xF4me");
	gen_put(g, DCM_FrameIncrementPointer, "00540010\\0054008a");
	gen_put(g, DCM_Rows, "64");
	gen_put(g, DCM_PixelAspectRatio, "1\\2");
	gen_finish(g);
}

static void expect(const char *path, const char *want)
{
	struct dcm_header *h;
	struct attrpath p;
	struct buf b;
	struct gen g;

	write_sample(&g);
	h = gen_header(&g);
	cr_assert(attrpath_parse(path, &p), "%s", path);
	buf_init(&b);
	attrpath_render(&p, h, &b);
	buf_addc(&b, '\0');
	cr_assert_str_eq(b.data, want, "%s", path);
	buf_release(&b);
	dcm_header_free(h);
	gen_release(&g);
}

Test(attrpath, values_as_text)
{
	expect("ImageType", "ORIGINAL\\PRIMARY\\M");
	expect("PatientName", "J\xC3\xA9r\xC3\xB4me");
	expect("FrameIncrementPointer", "(0054,0010)\\(0054,008a)");
	expect("Rows", "64");
	expect("PixelAspectRatio", "1\\2");
	expect("TransferSyntaxUID", GEN_EXPLICIT);
	expect("EchoTime", "");
}

Test(attrpath, nested_ones_by_item)
{
	expect("ProcedureCodeSequence[1].CodeMeaning", "one");
	expect("ProcedureCodeSequence[2].CodeMeaning", "two");
	expect("ProcedureCodeSequence[3].CodeMeaning", "");
	expect("ProcedureCodeSequence[*].CodeMeaning", "one");
	expect("ProcedureCodeSequence", "");
	expect("PatientName[1].CodeMeaning", "");
	expect("ProcedureCodeSequence[1].ProcedureCodeSequence[1].CodeMeaning", "");
}

Test(attrpath, matches_are_where_the_path_leads)
{
	const struct dcm_node *seq, *n;
	struct dcm_header *h;
	struct attrpath p;
	struct gen g;

	write_sample(&g);
	h = gen_header(&g);
	seq = dcm_get(&h->top, DCM_ProcedureCodeSequence);
	n = dcm_get(&seq->items[1], DCM_CodeMeaning);
	cr_assert(attrpath_parse("ProcedureCodeSequence[2].CodeMeaning", &p));
	cr_assert(attrpath_matches(&p, &seq->items[1], n));
	cr_assert(attrpath_parse("ProcedureCodeSequence[*].CodeMeaning", &p));
	cr_assert(attrpath_matches(&p, &seq->items[1], n));
	cr_assert(attrpath_parse("ProcedureCodeSequence[1].CodeMeaning", &p));
	cr_assert_not(attrpath_matches(&p, &seq->items[1], n));
	cr_assert(attrpath_parse("CodeMeaning", &p));
	cr_assert_not(attrpath_matches(&p, &seq->items[1], n));
	dcm_header_free(h);
	gen_release(&g);
}

Test(attrpath, what_is_no_path_is_refused)
{
	static const char *const no[] = {
		"",
		".",
		"NoSuchThing",
		"Rows.",
		"Rows[1]",
		"Rows[1].",
		"ProcedureCodeSequence[0].CodeMeaning",
		"ProcedureCodeSequence[01].CodeMeaning",
		"ProcedureCodeSequence[-1].CodeMeaning",
		"ProcedureCodeSequence[+1].CodeMeaning",
		"ProcedureCodeSequence[ 1].CodeMeaning",
		"ProcedureCodeSequence[4294967297].CodeMeaning",
		"ProcedureCodeSequence[1]CodeMeaning",
		"ProcedureCodeSequence[].CodeMeaning",
		"ProcedureCodeSequence[1",
		"ProcedureCodeSequence[*",
		"ProcedureCodeSequence[*]",
		"[1].CodeMeaning",
		"rows",
	};
	struct attrpath p;
	char deep[800] = "";
	size_t i;

	for (i = 0; i < sizeof no / sizeof *no; i++)
		cr_assert_not(attrpath_parse(no[i], &p), "%s", no[i]);
	for (i = 0; i < ATTRPATH_MAX_STEPS; i++)
		strcat(deep, "ProcedureCodeSequence[1].");
	strcat(deep, "CodeMeaning");
	cr_assert_not(attrpath_parse(deep, &p));
	cr_assert(attrpath_parse(deep + strlen("ProcedureCodeSequence[1]."), &p));
	cr_assert_eq(p.n_steps, ATTRPATH_MAX_STEPS);
}
