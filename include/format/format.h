/* SPDX-License-Identifier: MIT */
/*
 * A volume format is data: for each of its files the function that renders the
 * bytes before the voxels, and the order in which it wants them. One line in the
 * table of format.c, one file that knows the header; reading any range, laziness
 * and exact sizes come for free (view/volumes.c).
 */
#ifndef FORMAT_FORMAT_H
#define FORMAT_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "volume/volume.h"

struct buf;
struct err;

/* One file of a volume in this format. */
struct volume_file {
	const char *ending; /* ".nii" */
	/* All bytes that come before the voxels, or the whole file; NULL: none. Works into a
	 * counting buffer. */
	int (*header)(const struct volume *v, struct buf *out, struct err *err);
	/* How the voxels lie; NULL: the file has none. */
	struct voxel_order (*order)(const struct volume *v);
	unsigned pad_to; /* zero bytes behind the voxels up to a multiple of this; 0: none */
};

#define FORMAT_MAX_FILES 2

struct volume_format {
	const char *name;                           /* of the view */
	struct volume_file files[FORMAT_MAX_FILES]; /* ending NULL: fewer */
	bool sidecars;                              /* .json, .bval, .bvec beside */
	bool gzip; /* the first file as one gzip member of stored blocks */
	/* Can the format hold this volume? false and a reason for problems.tsv otherwise; NULL:
	 * always. */
	bool (*holds)(const struct volume *v, const char **why);
};

extern const struct volume_format format_nifti, format_nifti_gz, format_analyze, format_minc,
	format_metaimage, format_nrrd;

/* What a format cannot hold of a volume: `i` counts the formats that cannot. NULL: no more of
 * them; else the view, and in *why the reason. */
const char *volume_refused(const struct volume *v, unsigned i, const char **why);

/* The file's exact size. */
int volume_file_size(const struct volume_file *f, const struct volume *v, uint64_t *size,
	struct err *err);
/* The size of file i as it is shown: of the gzip member where the format has it in one. */
int volume_format_size(const struct volume_format *f, unsigned i, const struct volume *v,
	uint64_t *size, struct err *err);

#endif
