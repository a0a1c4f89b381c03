/* SPDX-License-Identifier: MIT */
/* Questions to one frame of a header: see view.h. */
#include "vendor/view.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "dicom/groups.h"
#include "dicom/tags.h"
#include "dicom/value.h"

static double number(const struct dcm_node *n, uint32_t i)
{
	double v;

	return dcm_double(n, i, &v) ? v : (double)NAN;
}

static bool numbers(const struct dcm_node *n, double *out, uint32_t count)
{
	double v[16];
	uint32_t i;

	if (count > 16)
		return false;
	for (i = 0; i < count; i++)
		if (!dcm_double(n, i, &v[i]))
			return false;
	memcpy(out, v, count * sizeof *v);
	return true;
}

double view_number(const struct view *v, uint32_t tag, uint32_t i)
{
	return number(dcm_frame_get(v->h, v->frame, tag, NULL), i);
}

bool view_numbers(const struct view *v, uint32_t tag, double *out, uint32_t n)
{
	return numbers(dcm_frame_get(v->h, v->frame, tag, NULL), out, n);
}

bool view_acquisition_matrix(const struct view *v, double out[4])
{
	const struct dcm_node *n = dcm_frame_get(v->h, v->frame, DCM_AcquisitionMatrix, NULL);

	return dcm_vm(n) == 4 && numbers(n, out, 4);
}

const char *view_text(const struct view *v, uint32_t tag)
{
	const struct dcm_dataset *ds;
	const struct dcm_node *n = dcm_frame_get(v->h, v->frame, tag, &ds);

	return n ? dcm_text(ds, n, v->a) : NULL;
}

bool view_has(const struct view *v, uint32_t tag, const char *part)
{
	return dcm_text_contains(dcm_frame_get(v->h, v->frame, tag, NULL), part);
}

/* The element in its usual block, where somebody overwrote the creator's text: what it says is
 * in no dictionary. */
static const struct dcm_node *overwritten(const struct view *v, const struct private_place *p)
{
	uint32_t tag = DCM_TAG(p->group, 0x1000u | p->low);
	const struct dcm_node *n = dcm_get(&v->h->top, tag);

	return n && n->creator && !dcm_dict_find_private(n->creator, tag) ? n : NULL;
}

static const struct dcm_node *find(const struct view *v, const struct private_place *p,
	const struct dcm_dataset **ds)
{
	const struct dcm_node *n = dcm_frame_get_private(v->h, v->frame, p->group, p->creator,
		p->low, ds);

	if (n)
		return n;
	*ds = &v->h->top;
	return overwritten(v, p);
}

const struct dcm_node *view_private(const struct view *v, const struct private_place *p)
{
	const struct dcm_dataset *ds;

	return find(v, p, &ds);
}

double view_private_number(const struct view *v, const struct private_place *p, uint32_t i)
{
	return number(view_private(v, p), i);
}

bool view_private_numbers(const struct view *v, const struct private_place *p, double *out,
	uint32_t n)
{
	return numbers(view_private(v, p), out, n);
}

const char *view_private_text(const struct view *v, const struct private_place *p)
{
	const struct dcm_dataset *ds;
	const struct dcm_node *n = find(v, p, &ds);

	return n ? dcm_text(ds, n, v->a) : NULL;
}

const uint8_t *view_bytes(const struct view *v, const struct dcm_node *n, size_t *len)
{
	const uint8_t *value, *kept;
	bool owned;

	if (!n || !n->el.len || n->el.len > DCM_MAX_VALUE)
		return NULL;
	if (dcm_header_load(v->h, n, &value, &owned, NULL))
		return NULL;
	*len = (size_t)n->el.len;
	if (!owned)
		return value;
	kept = arena_memdup(v->a, value, *len);
	mem_free((void *)(uintptr_t)value);
	return kept;
}
