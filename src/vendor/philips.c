/* SPDX-License-Identifier: MIT */
/*
 * Philips. Private elements are at the top of classic files and, of enhanced ones, in a private sequence of each frame,
 * (2005,140F), whose copies of public attributes may disagree with the frame's own (dcm2niix,
 * Philips/README.md).
 */
#include <math.h>
#include <string.h>

#include "dicom/tags.h"
#include "vendor/maker.h"

static const char *const names[] = { "PHILIPS", "PMS", NULL };

static const struct private_place scale_slope = { "Philips MR Imaging DD 001", 0x2005, 0x0E };
static const struct private_place b_value = { "Philips Imaging DD 001", 0x2001, 0x03 };
static const struct private_place directionality = { "Philips Imaging DD 001", 0x2001, 0x04 };
static const struct private_place direction[3] = {
	{ "Philips MR Imaging DD 001", 0x2005, 0xB0 },   /* right to left: LPS x */
	{ "Philips MR Imaging DD 001", 0x2005, 0xB1 },
	{ "Philips MR Imaging DD 001", 0x2005, 0xB2 },
};

static void diffusion(const struct view *v, struct facts *out)
{
	double g[3];
	const char *kind = view_private_text(v, &directionality);
	int i;

	if (isnan(out->b_value))
		out->b_value = view_private_number(v, &b_value, 0);
	out->is_diffusion = !isnan(out->b_value);
	for (i = 0; i < 3; i++)
		g[i] = view_private_number(v, &direction[i], 0);
	if (!out->has_gradient && !isnan(g[0] + g[1] + g[2])) {
		out->has_gradient = true;
		memcpy(out->gradient, g, sizeof g);
	}
	if (!out->is_diffusion || !(out->b_value > 0))
		return;
	/* A trace is told, or it is a weighted image without a direction. */
	if (kind && *kind == 'I')
		out->is_trace = true;
	if (out->has_gradient && !out->gradient[0] && !out->gradient[1] && !out->gradient[2])
		out->is_trace = true;
}

static int philips_facts(const struct view *v, struct facts *out, struct err *err)
{
	(void)err;
	diffusion(v, out);
	out->scale_slope = view_private_number(v, &scale_slope, 0);
	return 0;
}

const struct maker maker_philips = { "Philips", names, philips_facts, NULL };
