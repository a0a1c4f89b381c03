/* SPDX-License-Identifier: MIT */
/*
 * What the makers say in tags of their own, as plain facts: one file a maker,
 * one table; no maker's name is known outside this layer. Each fact carries its
 * source. Facts are of one header (and, for enhanced multi-frame objects, of one
 * frame); whoever plans or describes a series compares those of several.
 */
#ifndef VENDOR_VENDOR_H
#define VENDOR_VENDOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "dicom/dataset.h"

struct err;

enum polarity { POLARITY_UNKNOWN, POLARITY_NEGATIVE, POLARITY_POSITIVE };

/* Absent numbers are NAN (doubles) or 0 where that is said; absent texts NULL. Texts and arrays
 * are in the arena. */
struct facts {
	const char *
		manufacturer; /* as sidecars have it: "Siemens", "GE", "Philips"; NULL: unknown maker */

	/* planning: CONVERSION §3.4, §3.8, §5 */
	uint32_t n_tiles;              /* images in a mosaic or grid; 0: not one */
	uint32_t tile_cols, tile_rows; /* tiles in a row, in a column */
	bool has_slice_normal;
	double slice_normal[3];  /* LPS, of a mosaic */
	bool has_tile_positions; /* a grid that says where each tile lies */
	double first_tile[3], last_tile[3];
	const double *slice_times_ms; /* n_slice_times, by tile; NULL: not told */
	uint32_t n_slice_times;
	double protocol_slice_number; /* > 1: numbered from the other end */
	enum polarity pe_polarity;    /* §7.4: as "positive" there; descrip's ;phase= */
	uint32_t multiband;           /* 0: not told */
	double scale_slope;   /* private precise scaling: FP = DV / (rescale slope * this); NAN */
	double group_delay_s; /* added to TR */
	double begin_s;       /* when the frame's dynamic scan began, since the first; NAN */
	bool is_echo_planar;  /* told privately; (0018,0020) and (0018,9018) are public */

	/* diffusion: §6 */
	bool is_diffusion;
	double b_value; /* NAN: none */
	bool has_gradient;
	double gradient[3];
	bool gradient_in_image; /* of the image's axes rather than LPS: already as .bvec wants it but for
	                                  * normalisation */
	bool is_trace;          /* isotropic: no direction */
	/* The rest (sidecar keys) is found by vendor_sidecar() and needs no names here. */
};

/* Read the facts of a header; frame counts from 0. Never fails but for memory: what cannot be
 * read is absent. */
int vendor_facts(const struct dcm_header *h, uint32_t frame, struct arena *a, struct facts *out,
	struct err *err);

/* How a maker's series are to be planned: what the index record alone tells. */
struct vendor_traits {
	bool splits_by_trigger_delay; /* another (0018,1060) is another volume, unless it labels spins */
	bool scan_spans_series; /* classic files of one scan are series 9001, 9002 ...: one SeriesTime */
	bool diffusion_spans_series; /* each b-value got a series number of its own */
	bool dynamic_spans_series;   /* each time point did */
	bool acquisition_is_time; /* AcquisitionNumber counts time points, before InstanceNumber */
	bool times_unreliable;    /* AcquisitionTime must not correct the repetition time */
	bool inversion_is_repetition; /* TR of an inversion recovery is of the inversion (§5.7) */
	bool trace_apart;             /* isotropic volumes are kept from the directional ones */
};
struct vendor_traits vendor_traits(const char *manufacturer, const char *software_versions,
	const char *sequence_name);

/* How many slices are excited at once, by the times (any unit) at which those of one volume were
 * acquired: as many as share the first one's. 1 where nothing tells. */
uint32_t vendor_multiband(const double *times, uint32_t n);

/* What a sidecar's vendor keys depend on beside the header. A time point is a volume of a 4D
 * series; planes are in the order of the stored slices. */
struct sidecar_input {
	const struct dcm_header
		*header[2]; /* of the first plane of the time points 0 and 1; [1] may be NULL */
	const uint32_t
		*frames[2]; /* frame of each plane there; NULL: planes are files of their own */
	const double
		*times_s[2]; /* acquisition time of each plane, from the index; NAN; may be NULL */
	uint32_t n_planes;
	const struct facts *facts; /* of header[0], frames[0][0] */
	struct arena *a;
	uint32_t dim[4]; /* i, j, k, t of the volume */
	double voxel_mm[3];
	bool tiles_reversed;  /* the first tile of a mosaic is the last slice */
	bool slices_reversed; /* slices run against the order of acquisition (§5.3) */
	bool is_mr, is_3d;
	bool is_phase;     /* a phase image, or difference of two */
	bool is_field_map; /* in Hz */
};

struct keys;
/* Add and correct what the maker's own elements say. Never fails but for memory. */
int vendor_sidecar(const struct sidecar_input *in, struct keys *out, struct err *err);

#endif
