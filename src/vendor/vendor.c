/* SPDX-License-Identifier: MIT */
/* The table of makers, and the facts that public attributes give for all of them. */
#include "vendor/vendor.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#include "dicom/tags.h"
#include "dicom/value.h"
#include "vendor/gradient.h"
#include "vendor/maker.h"

static const struct maker *const makers[] = {
	&maker_siemens,
	&maker_ge,
	&maker_philips,
	&maker_uih,
	&maker_canon,
	&maker_toshiba,
	&maker_bruker,
	&maker_hitachi,
	&maker_mediso,
	&maker_mrsolutions,
	&maker_hyperfine,
};

static bool begins(const char *s, size_t len, const char *prefix)
{
	size_t i;

	for (i = 0; prefix[i]; i++)
		if (i >= len || toupper((unsigned char)s[i]) != prefix[i])
			return false;
	return true;
}

static bool begins_any(const char *s, size_t len, const char *const *prefixes)
{
	for (; prefixes && *prefixes; prefixes++)
		if (begins(s, len, *prefixes))
			return true;
	return false;
}

const struct maker *maker_named(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < sizeof makers / sizeof *makers; i++)
		if (begins_any(name, len, makers[i]->begins))
			return makers[i];
	return NULL;
}

static const struct maker *named(const struct dcm_header *h)
{
	const char *name;
	size_t len;

	if (!dcm_raw_text(dcm_get(&h->top, DCM_Manufacturer), 0, &name, &len))
		return NULL;
	return maker_named(name, len);
}

/* De-identified files lose the name and keep what only one maker writes. */
static const struct maker *by_creators(const struct dcm_dataset *ds)
{
	const char *creator;
	uint32_t i;
	size_t k;

	for (i = 0; i < ds->n_nodes; i++) {
		creator = ds->nodes[i].creator;
		for (k = 0; creator && k < sizeof makers / sizeof *makers; k++)
			if (begins_any(creator, strlen(creator), makers[k]->creators))
				return makers[k];
	}
	return NULL;
}

const struct maker *maker_of(const struct dcm_header *h)
{
	const struct maker *m = named(h);

	return m ? m : by_creators(&h->top);
}

/* PS3.3 C.8.13.5.9: b-value, direction or b-matrix, and whether there is a direction at all. */
static void public_diffusion(const struct view *v, struct facts *out)
{
	double m[6];
	const uint32_t cells[6] = {
		DCM_DiffusionBValueXX,
		DCM_DiffusionBValueXY,
		DCM_DiffusionBValueXZ,
		DCM_DiffusionBValueYY,
		DCM_DiffusionBValueYZ,
		DCM_DiffusionBValueZZ,
	};
	int i;

	out->b_value = view_number(v, DCM_DiffusionBValue, 0);
	out->is_diffusion = !isnan(out->b_value);
	out->is_trace = view_has(v, DCM_DiffusionDirectionality, "ISOTROPIC");
	out->has_gradient = view_numbers(v, DCM_DiffusionGradientOrientation, out->gradient, 3);
	if (out->has_gradient || !out->is_diffusion)
		return;
	for (i = 0; i < 6; i++)
		m[i] = view_number(v, cells[i], 0);
	for (i = 0; i < 6; i++)
		if (isnan(m[i]))
			return;
	out->has_gradient = gradient_from_matrix(m, out->gradient);
}

int vendor_facts(const struct dcm_header *h, uint32_t frame, struct arena *a, struct facts *out,
	struct err *err)
{
	const struct view v = { h, frame, a };
	const struct maker *m = maker_of(h);

	memset(out, 0, sizeof *out);
	out->protocol_slice_number = out->scale_slope = out->group_delay_s = out->begin_s = NAN;
	public_diffusion(&v, out);
	if (!m)
		return 0;
	out->manufacturer = m == named(h) ? m->name : NULL;
	return m->facts ? m->facts(&v, out, err) : 0;
}

uint32_t vendor_multiband(const double *times, uint32_t n)
{
	uint32_t i, same = 1;

	for (i = 1; i < n; i++)
		if (fabs(times[i] - times[0]) < 1e-9)
			same++;
	return same < n ? same : 1; /* of a 3D acquisition all have one time */
}

int vendor_sidecar(const struct sidecar_input *in, struct keys *out, struct err *err)
{
	const struct maker *m = maker_of(in->header[0]);

	return m && m->sidecar ? m->sidecar(in, out, err) : 0;
}
