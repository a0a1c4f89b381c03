/* SPDX-License-Identifier: MIT */
/*
 * GE: creators GEMS_... in groups 0019 to 0043, and a compressed protocol in (0025,101B)
 * (dcm2niix, GE/README.md).
 */
#include "ge.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/bytes.h"
#include "dicom/tags.h"
#include "vendor/gradient.h"

static const char *const names[] = { "GE", NULL };

static const struct private_place b_value = { "GEMS_PARM_01", 0x0043, 0x39 };
static const struct private_place direction[3] = {
	{ "GEMS_ACQU_01", 0x0019, 0xBB },
	{ "GEMS_ACQU_01", 0x0019, 0xBC },
	{ "GEMS_ACQU_01", 0x0019, 0xBD },
};
static const struct private_place n_directions = { "GEMS_ACQU_01", 0x0019, 0xE0 };
static const struct private_place group_delay = { "GEMS_PARM_01", 0x0043, 0x7C };
static const struct private_place multiband = { "GEMS_PARM_01", 0x0043, 0xB6 };
static const struct private_place raw_header = { "GEMS_PARM_01", 0x0043, 0x2A };
static const struct private_place protocol = { "GEMS_SERS_01", 0x0025, 0x1B };

int ge_protocol(const struct view *v, struct protocol *out, struct err *err)
{
	size_t len;
	const uint8_t *bytes = view_bytes(v, view_private(v, &protocol), &len);
	int rc = bytes ? protocol_parse_ge(bytes, len, v->a, out, err) : -ENOENT;

	if (rc)
		memset(out, 0, sizeof *out);
	return rc == -ENOMEM ? rc : 0;
}

/* The phase-encoding polarity in the copy of the raw data header that (0043,102A) is: offsets
 * of its parts in a table at its begin, which moved with version 25 (dcm2niix, nii_dicom.cpp). */
static enum polarity raw_polarity(const uint8_t *p, size_t len)
{
	size_t h, order = 0x394;
	float version;
	bool flipped;

	if (len < 916)
		return POLARITY_UNKNOWN;
	h = get_le16(p + 24);
	if (h + 4 > len)
		return POLARITY_UNKNOWN;
	version = f32_from_bits(get_le32(p + h));
	if (!(version >= 5 && version <= 40))
		return POLARITY_UNKNOWN;
	if (version >= 25.002f) {
		h += 0x4C;
		order -= 0x8C;
	}
	if (h + order + 2 > len || !(get_le16(p + h + 0x3A) & 0x800))
		return POLARITY_UNKNOWN; /* not echo planar */
	flipped = get_le16(p + h + 0x30) & 4;
	if (get_le16(p + h + order) == 2) /* bottom up */
		flipped = !flipped;
	return flipped ? POLARITY_NEGATIVE : POLARITY_POSITIVE;
}

static enum polarity polarity(const struct view *v)
{
	const char *order = view_text(v, DCM_RectilinearPhaseEncodeReordering);
	const uint8_t *bytes;
	size_t len;

	if (order && !strcmp(order, "LINEAR"))
		return POLARITY_NEGATIVE;
	if (order && !strcmp(order, "REVERSE_LINEAR"))
		return POLARITY_POSITIVE;
	bytes = view_bytes(v, view_private(v, &raw_header), &len);
	return bytes ? raw_polarity(bytes, len) : POLARITY_UNKNOWN;
}

bool ge_option(const struct protocol *p, const char *word, struct arena *a)
{
	const char *options = protocol_text(p, "IOPT", a);

	return options && strstr(options, word);
}

double ge_multiphase_delay_s(const struct protocol *p, struct arena *a)
{
	const char *kind = protocol_text(p, "DELACQ", a);

	if (!ge_option(p, "MPh", a) || ge_option(p, "MPhVar", a) ||
		(kind && !strcmp(kind, "Minimum")))
		return 0;
	return protocol_number(p, "DELACQNOAV", 0);
}

/* Several b-values in one series are one scale and vectors shorter than 1: b' is b |v|^2 in
 * steps of 5 (dcm2niix, GE/README.md "Diffusion"). */
static void unscale(struct facts *f)
{
	double *g = f->gradient, len = 0, b;
	int i;

	for (i = 0; i < 3; i++)
		len += g[i] * g[i];
	if (!(sqrt(len) > 0.03 && sqrt(len) < 0.97))
		return;
	b = 5 * floor((f->b_value * len + 2.5) / 5);
	if (b < 5 && f->b_value * len > 0)
		b = 5;
	if (!(b > 0))
		return;
	for (i = 0; i < 3; i++)
		g[i] *= sqrt(f->b_value / b);
	f->b_value = b;
}

static void diffusion(const struct view *v, struct facts *out)
{
	double b = view_private_number(v, &b_value, 0), g[3], orientation[6];
	bool any = false;
	int i;

	/* flags above 10^9; the public value is missing where b is 0, and nominal elsewhere */
	if (!isnan(b))
		out->b_value = fmod(b, 1e9);
	for (i = 0; i < 3; i++) {
		g[i] = view_private_number(v, &direction[i], 0);
		any = any || (!isnan(g[i]) && g[i] != 0);
	}
	out->is_diffusion = out->b_value > 0 || any || view_private_number(v, &n_directions, 0) > 0;
	if (isnan(g[0] + g[1] + g[2]) ||
		!view_numbers(v, DCM_ImageOrientationPatient, orientation, 6))
		return;
	out->has_gradient = out->gradient_in_image = true;
	gradient_from_scanner(g, view_has(v, DCM_InPlanePhaseEncodingDirection, "ROW"), orientation,
		out->gradient);
	if (out->b_value > 0)
		unscale(out);
	/* a weighted image without direction, in a series that has no directions, is a trace */
	out->is_trace = out->is_trace ||
		(out->b_value > 0 && !any && view_private_number(v, &n_directions, 0) == 0);
	/* and in one that has some, what has none is not weighted, whatever b-value it was given */
	if (!out->is_trace && !any)
		out->b_value = 0;
}

static int ge_facts(const struct view *v, struct facts *out, struct err *err)
{
	double mb = view_private_number(v, &multiband, 0),
	       delay = view_private_number(v, &group_delay, 0);
	struct protocol p;
	int rc = ge_protocol(v, &p, err);

	if (rc)
		return rc;
	diffusion(v, out);
	out->pe_polarity = polarity(v);
	out->multiband = mb > 1 && mb < 1000 ? (uint32_t)mb : 0;
	out->group_delay_s = delay > 0 ? delay : ge_multiphase_delay_s(&p, v->a);
	return 0;
}

static const char *const creators[] = { "GEMS_", NULL };

const struct maker maker_ge = { "GE", names, creators, ge_facts, ge_sidecar };
