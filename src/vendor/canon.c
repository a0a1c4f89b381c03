/* SPDX-License-Identifier: MIT */
/*
 * Canon, and Toshiba whose scanners they were. Classic files of V6 tell b-value and direction
 * in (0020,4000) ImageComments, "b=1000(0.1,0.2,0.3)", along the scanner's axes and in an order
 * of their own; files with (0018,9089) have it in patient coordinates (dcm2niix,
 * Canon/README.md).
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "dicom/tags.h"
#include "dicom/value.h"
#include "vendor/gradient.h"
#include "vendor/maker.h"

static const char *const canon_names[] = { "CANON", NULL };
static const char *const toshiba_names[] = { "TOSHIBA", NULL };

/* One number and what ends it; NULL where there is none. */
static const char *parse_number(const char *s, char end, double *out)
{
	const char *stop = strchr(s, end);

	return stop && dcm_parse_double(s, (size_t)(stop - s), out) ? stop + 1 : NULL;
}

static bool parse_comment(const char *s, double *b, double c[3])
{
	s = s ? strstr(s, "b=") : NULL;
	s = s ? parse_number(s + 2, '(', b) : NULL;
	s = s ? parse_number(s, ',', &c[0]) : NULL;
	s = s ? parse_number(s, ',', &c[1]) : NULL;
	return s && parse_number(s, ')', &c[2]);
}

static int canon_facts(const struct view *v, struct facts *out, struct err *err)
{
	double b, c[3], g[3], orientation[6];

	(void)err;
	if (out->has_gradient || !parse_comment(view_text(v, DCM_ImageComments), &b, c))
		return 0;
	out->b_value = b;
	out->is_diffusion = true;
	if (!view_numbers(v, DCM_ImageOrientationPatient, orientation, 6))
		return 0;
	g[0] = c[1];
	g[1] = c[0];
	g[2] = c[2];
	gradient_from_scanner(g, view_has(v, DCM_InPlanePhaseEncodingDirection, "ROW"), orientation,
		out->gradient);
	out->has_gradient = out->gradient_in_image = true;
	return 0;
}

const struct maker maker_canon = { "Canon", canon_names, NULL, canon_facts, NULL };
const struct maker maker_toshiba = { "Toshiba", toshiba_names, NULL, canon_facts, NULL };
