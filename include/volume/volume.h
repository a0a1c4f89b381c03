/* SPDX-License-Identifier: MIT */
/*
 * A volume: which frames make it, in which order, where it lies in the patient, and
 * its bytes. Planned once from records and headers (volume/plan.h), then immutable:
 * everything that a format's header needs is in the struct, everything that a voxel
 * needs is in the slice table. volume_pread() makes any range of the voxel bytes.
 *
 * Terms. A *plane* is one source image: a frame, or one tile of a mosaic, with
 * its own axes c (column, fastest), r (row); p counts the planes of one time point in
 * storage order. NIfTI axes i, j, k (t last) map onto them by `axis` and `flip`.
 */
#ifndef VOLUME_VOLUME_H
#define VOLUME_VOLUME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/catalog.h"
#include "index/files.h"

struct err;
struct framecache;

enum sample_type { /* with NIfTI's codes */
	SAMPLE_U8 = 2,
	SAMPLE_I16 = 4,
	SAMPLE_I32 = 8,
	SAMPLE_F32 = 16,
	SAMPLE_F64 = 64,
	SAMPLE_RGB24 = 128,
	SAMPLE_I8 = 256,
	SAMPLE_U16 = 512,
	SAMPLE_U32 = 768,
	SAMPLE_I64 = 1024,
	SAMPLE_U64 = 1280,
};
/* Bytes of one voxel. */
unsigned sample_bytes(enum sample_type t);
/* "int16", "float32", "rgb24". */
const char *sample_type_name(enum sample_type t);

enum volume_kind {
	VOLUME_PRIMARY,     /* every image frame is in exactly one of these */
	VOLUME_TILT,        /* gantry tilt undone: resampled from `base` */
	VOLUME_EQUIDISTANT, /* uneven gaps made even: resampled from `base` */
	VOLUME_OVERLAY,     /* _ROI: an overlay plane as 0 and 1 */
	VOLUME_ISOTROPIC,   /* _ADC: all volumes of a diffusion series, its trace included */
};

struct volume_slice { /* one plane */
	const struct instance *in;
	uint32_t frame;         /* from 0 */
	uint16_t x0, y0;        /* the window's corner in the frame: a mosaic's tile */
	float slope, intercept; /* of this plane; applied where the volume says `scaled` */
	double position[3];     /* LPS mm of the centre of its first pixel; NAN: unknown */
	double time_s;          /* acquisition time, seconds since midnight; NAN */
	double b_value;         /* NAN: not a diffusion image */
};

struct volume {
	const char *name;      /* SERIES plus suffix; unique in the study, the same in every view */
	struct series *series; /* the first one it is made of; borrowed from the set's catalog */
	struct volume_set *set; /* that it is in; borrowed */
	uint32_t index;         /* in its set */
	enum volume_kind kind;
	const char *why;   /* one line: why it is apart from the rest of its series; "" */
	uint64_t identity; /* a stable hash of what it is made of */
	int64_t mtime_ns;  /* the newest of its files */

	uint32_t dim[4]; /* i, j, k, t: each >= 1 */
	bool is_4d;      /* dim[0] = 4 in a header */
	enum sample_type type;
	bool scaled;                /* voxels are float(raw) * slope + intercept of their plane */
	float scl_slope, scl_inter; /* for the header, where not scaled */

	/* source planes */
	struct volume_slice *slices; /* n_planes * dim[3], plane fastest */
	uint32_t n_planes, plane_cols, plane_rows;
	uint8_t axis[3]; /* NIfTI axis i takes source axis axis[i]: 0 column, 1 row, 2 plane */
	bool flip[3];    /* ... from its end */

	/* derived kinds */
	const struct volume *base;
	double *resample;       /* VOLUME_TILT, VOLUME_EQUIDISTANT: see volume/resample.h */
	uint16_t overlay_group; /* VOLUME_OVERLAY: 0x6000 ... */

	/* place: CONVERSION §5. RAS, mm, of voxel (0,0,0)'s centre */
	float srow[3][4];   /* as the sform has it */
	float matrix[3][4]; /* as the quaternion is made from: srow but for tilted stacks */
	float quatern[3], qoffset[3];
	float pixdim[8]; /* [0] qfac, [1..3] mm, [4] TR s */
	int qform_code, sform_code;
	uint8_t dim_info, slice_code;
	char descrip[80], aux_file[24];

	/* what the sidecar and .dcmfs/ tell */
	bool slices_reversed; /* planes run against the order of acquisition (§5.3) */
	bool negative_mosaic; /* §5.2: bvec's y is negated once more */
	bool rotated;         /* §5.4: rotated rather than rows flipped */
	bool is_derived;
	const char *suffix;              /* "_e2_ph": what name has behind SERIES */
	double repetition_time_s;        /* as in pixdim[4] */
	double header_repetition_time_s; /* as in (0018,0080), where it disagrees; NAN */
	/* diffusion: n = dim[3]; NULL: not a diffusion series. Vectors are in the frame of the
	 * .bvec file. */
	const double *bval;
	const double (*bvec)[3]; /* NULL: b-values alone */
};

/* The volumes of one study: planned together, since a volume may span series. Reference counted. */
struct volume_set {
	struct volume **volumes; /* sorted by name */
	uint32_t n_volumes;
	struct volume_problem {            /* what was lost, refused or guessed: for problems.tsv */
		const struct instance *in; /* may be NULL */
		const char *text;
	} * problems;
	uint32_t n_problems;
	/* Times that a header could not be read which may be another time: planned then, the study
	 * may have more volumes, and others (whose identity tells so). */
	uint32_t n_unread;
	uint32_t study_id, study_version;
	struct catalog *catalog; /* a reference: what the slices point into */
	struct arena arena;
	unsigned refs;
};
struct volume_set *volume_set_get(struct volume_set *s);
void volume_set_put(struct volume_set *s); /* NULL is fine */

/* A name, for the framecache, of something that is made of the volume: of this plan of its study
 * alone, since another may have other files by the same UIDs. Planes are named by their numbers. */
enum volume_made { VOLUME_MADE_LEAST = 1, VOLUME_MADE_RANGE };
void volume_made_id(const struct volume *v, enum volume_made what, uint64_t id[2]);

/* The instance of the first plane; NULL: it has none. */
const struct instance *volume_first_instance(const struct volume *v);

/* How a format wants its voxels, relative to the NIfTI order above. Identity: { {0,1,2}, {0},
 * false, v->type, false }. */
struct voxel_order {
	uint8_t axis[3]; /* output axis a takes NIfTI axis axis[a] */
	bool flip[3];    /* ... from its end */
	bool big_endian;
	enum sample_type
		type; /* converted where it is not the volume's (integers to wider ones, to float) */
	bool apply_scale; /* voxel * scl_slope + scl_inter: type is a float type then */
};
struct voxel_order voxel_order_nifti(const struct volume *v);

/* What reading needs: files and cache live as long as the mount. A copy with `stop` is of one
 * request; NULL: it is read to the end. */
struct volume_reader {
	struct files *files;
	struct framecache *cache;
	struct stop *stop;
};

/* Bytes of all voxels: product of dim * sample_bytes. */
uint64_t volume_bytes(const struct volume *v, const struct voxel_order *o);

/* n bytes of the voxels from off; returns how many (short at the end) or a negative errno: -EIO
 * where a frame cannot be decoded, -ESTALE where a file changed, -EINTR where r->stop said so. A
 * partial count before a bad frame is returned as such, so that the good slices stay readable. Any
 * thread. */
int64_t volume_pread(const struct volume *v, const struct volume_reader *r,
	const struct voxel_order *o, void *buf, size_t n, uint64_t off, struct err *err);

#endif
