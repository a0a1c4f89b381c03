/* SPDX-License-Identifier: MIT */
/* Windows: see format/window.h. */
#include "format/window.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "dicom/dataset.h"
#include "dicom/groups.h"
#include "dicom/tags.h"
#include "dicom/value.h"
#include "volume/framecache.h"

#define N_SAMPLED 5u        /* slices that a window is made from */
#define MOST_SAMPLES 65536u /* of each */
#define LEFT_OUT 0.005      /* of the samples, at either end */

struct voxel_order window_plane_order(const struct volume *v)
{
	const struct volume *from = v->base ? v->base : v;
	struct voxel_order o = voxel_order_nifti(v);
	uint8_t i;

	for (i = 0; i < 3; i++) {
		o.axis[from->axis[i]] = i;
		o.flip[from->axis[i]] = from->flip[i];
	}
	if (v->type != SAMPLE_RGB24)
		o.type = SAMPLE_F32;
	return o;
}

void windows_release(struct windows *w)
{
	dcm_header_free(w->header);
	w->header = NULL;
	w->of = NULL;
}

/* Planes of these are not those of a file, one by one. */
static bool is_made(const struct volume *v)
{
	return v->kind == VOLUME_TILT || v->kind == VOLUME_EQUIDISTANT;
}

static const struct volume_slice *slice_of(const struct volume *v, uint32_t plane, uint32_t t)
{
	return &v->slices[is_made(v) ? 0 : (size_t)t * v->n_planes + plane];
}

/* The header of the slice's file; NULL where it cannot be had now: what reads the pixels tells
 * why. Only memory fails it: the same file would be shown in another window. */
static int find_header(struct windows *w, const struct instance *in, const struct dcm_header **out,
	struct err *err)
{
	int rc = 0;

	if (w->of != in) {
		windows_release(w);
		rc = files_header(w->reader->files, in, DCM_LOAD_BEFORE_PIXELS, 0, &w->header,
			NULL);
		if (rc < 0)
			w->header = NULL;
		if (rc == -ENOMEM)
			return err_nomem(err);
		w->of = in;
	}
	*out = w->header;
	return 0;
}

/* Of an enhanced file in the groups of the frame; of another at its top alone, since what private
 * sequences have below is no part of how it is shown. */
static const struct dcm_node *node_of(const struct dcm_header *h, uint32_t frame, uint32_t tag)
{
	if (dcm_frame_item(h, frame) || dcm_shared_item(h))
		return dcm_frame_get(h, frame, tag, NULL);
	return dcm_get(&h->top, tag);
}

static double number_of(const struct dcm_header *h, uint32_t frame, uint32_t tag, double otherwise)
{
	double v;

	return dcm_double(node_of(h, frame, tag), 0, &v) && isfinite(v) ? v : otherwise;
}

/* Voxels are what is stored, or have been scaled by the plane's own slope, which may be another
 * than the one that windows go by. */
static void set_modality(const struct volume *v, const struct volume_slice *s, double slope,
	double intercept, struct window *out)
{
	if (slope == 0)
		slope = 1;
	out->slope = slope;
	out->intercept = intercept;
	if (v->scaled && s->slope != 0) {
		out->slope = slope / (double)s->slope;
		out->intercept = intercept - out->slope * (double)s->intercept;
	}
}

/* The first window of the file. A width below one is no window (PS3.3 C.11.2.1.2.1), but for the
 * other functions any width above zero is. 1: there is one; 0: none. */
static int window_of_file(struct windows *w, const struct volume_slice *s, struct window *out,
	struct err *err)
{
	const struct dcm_header *h = NULL;
	const struct dcm_node *function;
	int rc = find_header(w, s->in, &h, err);

	if (rc < 0 || !h)
		return rc;
	function = node_of(h, s->frame, DCM_VOILUTFunction);
	out->function = dcm_text_is(function, 0, "SIGMOID") ? WINDOW_SIGMOID :
		dcm_text_is(function, 0, "LINEAR_EXACT")    ? WINDOW_LINEAR_EXACT :
							      WINDOW_LINEAR;
	out->center = number_of(h, s->frame, DCM_WindowCenter, NAN);
	out->width = number_of(h, s->frame, DCM_WindowWidth, NAN);
	set_modality(w->v, s, number_of(h, s->frame, DCM_RescaleSlope, 1),
		number_of(h, s->frame, DCM_RescaleIntercept, 0), out);
	return !isnan(out->center) && out->width >= (out->function == WINDOW_LINEAR ? 1 : 1e-9);
}

/* ---- a window made from the voxels ---- */

struct sampling {
	const struct volume *v;
	const struct volume_reader *r;
	float *values;
	size_t n;
};

static int by_value(const void *a, const void *b)
{
	const float *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Add some of a plane's voxels; a plane that cannot be read adds nothing, unless memory is short or
 * nobody waits any more: that says nothing of the file. */
static int sample_plane(struct sampling *s, uint64_t plane, float *scratch, struct err *err)
{
	struct voxel_order o = window_plane_order(s->v);
	size_t n = (size_t)s->v->dim[o.axis[0]] * s->v->dim[o.axis[1]], step = n / MOST_SAMPLES + 1,
	       i;
	size_t bytes = n * sizeof *scratch, done;
	int64_t got;

	for (done = 0; done < bytes; done += (size_t)got) {
		got = volume_pread(s->v, s->r, &o, (char *)scratch + done, bytes - done,
			plane * bytes + done, err);
		if (got == -ENOMEM || got == -EINTR)
			return (int)got;
		if (got <= 0)
			return 0;
	}
	for (i = 0; i < n; i += step)
		if (isfinite(scratch[i]))
			s->values[s->n++] = scratch[i];
	return 0;
}

static void find_range(const struct sampling *s, float range[2])
{
	size_t cut = (size_t)((double)s->n * LEFT_OUT);

	range[0] = 0;
	range[1] = 1;
	if (!s->n)
		return;
	qsort(s->values, s->n, sizeof *s->values, by_value);
	range[0] = s->values[cut];
	range[1] = s->values[s->n - 1 - cut];
	if (range[0] < range[1])
		return;
	range[0] = s->values[0];
	range[1] = s->values[s->n - 1];
}

static int make_range(void *arg, uint8_t *out, size_t len, struct err *err)
{
	struct sampling *s = arg;
	struct voxel_order o = window_plane_order(s->v);
	uint64_t planes = (uint64_t)s->v->dim[o.axis[2]] * s->v->dim[3], i,
		 n = min_u64(planes, N_SAMPLED);
	size_t plane = (size_t)s->v->dim[o.axis[0]] * s->v->dim[o.axis[1]];
	float *scratch = mem_resize(NULL, plane, sizeof *scratch), range[2];
	int rc = 0;

	s->values = mem_resize(NULL, (size_t)N_SAMPLED * (MOST_SAMPLES + 1), sizeof *s->values);
	if (!scratch || !s->values)
		rc = err_nomem(err);
	for (i = 0; i < n && rc == 0; i++)
		rc = sample_plane(s, (2 * i + 1) * planes / (2 * n), scratch, err);
	if (rc == 0) {
		find_range(s, range);
		memcpy(out, range, len);
	}
	mem_free(scratch);
	mem_free(s->values);
	return rc;
}

static int window_of_volume(struct windows *w, struct window *out, struct err *err)
{
	struct sampling s = { .v = w->v, .r = w->reader };
	const struct frame *f;
	uint64_t id[2];
	float range[2];
	int rc;

	volume_made_id(w->v, VOLUME_MADE_RANGE, id);
	rc = framecache_get_made(w->reader->cache, id, sizeof range, make_range, &s,
		w->reader->stop, &f, err);
	if (rc < 0)
		return rc;
	memcpy(range, f->samples, sizeof range);
	framecache_put(w->reader->cache, f);
	out->function = WINDOW_LINEAR_EXACT;
	out->width = (double)range[1] - (double)range[0];
	out->center = ((double)range[1] + (double)range[0]) / 2;
	if (out->width <= 0) { /* one value all over: black where it is 0 */
		out->width = 1;
		out->center = range[0] > 0 ? (double)range[0] - 0.5 : (double)range[0] + 0.5;
	}
	out->slope = 1;
	out->intercept = 0;
	return 0;
}

int windows_get(struct windows *w, uint32_t plane, uint32_t t, struct window *out, struct err *err)
{
	const struct volume_slice *s = slice_of(w->v, plane, t);
	int rc;

	memset(out, 0, sizeof *out);
	out->inverted = w->v->kind != VOLUME_OVERLAY &&
		s->in->attr->pixel.photometric == PHOTOMETRIC_MONOCHROME1;
	rc = w->v->kind == VOLUME_OVERLAY ? 0 : window_of_file(w, s, out, err);
	return rc < 0 ? rc : rc > 0 ? 0 : window_of_volume(w, out, err);
}

/* 0 .. 1 and beyond; PS3.3 C.11.2.1.2 and C.11.2.1.3. */
static double level(const struct window *w, double v)
{
	switch (w->function) {
	case WINDOW_SIGMOID:
		return 1 / (1 + exp(-4 * (v - w->center) / w->width));
	case WINDOW_LINEAR_EXACT:
		return (v - w->center) / w->width + 0.5;
	case WINDOW_LINEAR:
		if (w->width <= 1)
			return v > w->center - 0.5;
		return (v - (w->center - 0.5)) / (w->width - 1) + 0.5;
	}
	return 0;
}

void window_apply(const struct window *w, const float *in, uint8_t *out, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		double v = 255 * level(w, (double)in[i] * w->slope + w->intercept);
		uint8_t grey = v >= 255 ? 255 :
			v > 0           ? (uint8_t)floor(v + 0.5) :
					  0; /* a NAN is black */

		out[i] = w->inverted ? (uint8_t)(255 - grey) : grey;
	}
}
