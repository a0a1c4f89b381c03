/* SPDX-License-Identifier: MIT */
/* The volume formats, and the sizes of their files: see format/format.h. */
#include "format/format.h"

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"
#include "format/analyze.h"
#include "format/gzip.h"
#include "format/metaimage.h"
#include "format/minc.h"
#include "format/nifti.h"
#include "format/nrrd.h"
#include "format/space.h"

const struct volume_format format_nifti = {
	.name = "nii",
	.files = { { .ending = ".nii", .header = nifti_header, .order = voxel_order_nifti } },
	.sidecars = true,
};

const struct volume_format format_nifti_gz = {
	.name = "nii.gz",
	.files = { { .ending = ".nii.gz", .header = nifti_header, .order = voxel_order_nifti } },
	.sidecars = true,
	.gzip = true,
};

const struct volume_format format_analyze = {
	.name = "analyze",
	.files = { { .ending = ".hdr", .header = analyze_header },
		{ .ending = ".img", .order = analyze_order } },
	.holds = analyze_holds,
};

const struct volume_format format_minc = {
	.name = "minc",
	.files = { { .ending = ".mnc", .header = minc_header, .order = minc_order, .pad_to = 4 } },
	.holds = minc_holds,
};

const struct volume_format format_metaimage = {
	.name = "mha",
	.files = { { .ending = ".mha", .header = metaimage_header, .order = space_order_applied } },
};

const struct volume_format format_nrrd = {
	.name = "nrrd",
	.files = { { .ending = ".nrrd", .header = nrrd_header, .order = space_order_applied } },
};

static const struct volume_format *const formats[] = { &format_nifti, &format_nifti_gz,
	&format_analyze, &format_minc, &format_metaimage, &format_nrrd };

const char *volume_refused(const struct volume *v, unsigned i, const char **why)
{
	size_t f;

	for (f = 0; f < sizeof formats / sizeof formats[0]; f++)
		if (formats[f]->holds && !formats[f]->holds(v, why) && i-- == 0)
			return formats[f]->name;
	return NULL;
}

/* What comes before the voxels. */
static int header_bytes(const struct volume_file *f, const struct volume *v, uint64_t *bytes,
	struct err *err)
{
	struct buf b;
	int rc = 0;

	buf_init_counting(&b);
	if (f->header)
		rc = f->header(v, &b, err);
	*bytes = b.len;
	return rc;
}

int volume_file_size(const struct volume_file *f, const struct volume *v, uint64_t *size,
	struct err *err)
{
	struct voxel_order o;
	uint64_t rest;
	int rc = header_bytes(f, v, size, err);

	if (rc < 0 || !f->order)
		return rc;
	o = f->order(v);
	*size += volume_bytes(v, &o);
	rest = f->pad_to ? *size % f->pad_to : 0;
	*size += rest ? f->pad_to - rest : 0;
	return 0;
}

int volume_format_size(const struct volume_format *f, unsigned i, const struct volume *v,
	uint64_t *size, struct err *err)
{
	int rc = volume_file_size(&f->files[i], v, size, err);

	if (rc == 0 && f->gzip && i == 0)
		*size = gzip_size(*size);
	return rc;
}
