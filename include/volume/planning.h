/* SPDX-License-Identifier: MIT */
/*
 * What the steps of planning hand to each other; of no use outside src/volume/.
 *
 *   collect   instances -> blocks: what one file holds that belongs together (one image; the tiles of a
 *             mosaic; the volumes of an enhanced file, its frames already in order)
 *   group     blocks -> groups that may be stacked: CONVERSION §3.2
 *   order     a group -> stacks: a full grid of planes and times each: §3.4
 *   stack     a stack -> a struct volume: §5
 *   derive    volumes made of volumes: _Tilt, _Eq, _ADC, _ROI
 *   name      suffixes and letters: §8.2
 *
 * Everything is in the scratch arena of the planner but what the volumes keep.
 */
#ifndef VOLUME_PLANNING_H
#define VOLUME_PLANNING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "vendor/vendor.h"
#include "volume/volume.h"

struct dcm_header;
struct err;

/* What a time point of a diffusion series was weighted with. */
struct plan_diffusion {
	double b_value; /* NAN: none */
	double gradient[3];
	bool has_gradient, in_image, is_trace;
};

/* One image: a frame, or a mosaic with all its tiles. Absent numbers are NAN. */
struct plan_image {
	const struct instance *in;
	struct series *series;
	uint32_t frame;
	uint8_t part; /* enum image_part */
	bool derived;
	bool acquisition_is_time; /* see struct vendor_traits */
	int32_t echo_number;      /* 0: absent */
	float echo_time, repetition_time, flip_angle, trigger_delay;
	double orientation[6], position[3];
	double slope, intercept, b_value, time_s;
	uint32_t rank; /* in its group: the order of acquisition, where nothing else is known */
};

struct plan_block {
	struct plan_image *images; /* n_planes * n_times, plane fastest; of a mosaic n_times */
	uint32_t n_planes, n_times;
	uint32_t n_tiles, tiles_across, tiles_down; /* 0, 1, 1 where it is no mosaic */
	bool is_multiframe;
	bool is_upside_down; /* rows were acquired, and lie, the other way round than told */
	bool is_left_over;   /* frames that do not fill a volume */
	bool is_incomplete;  /* made without a header that could not be read */
	bool has_slice_normal, has_tile_positions;
	double slice_normal[3], last_tile[3];
	double spacing[2], thickness, gap; /* row, column spacing; mm; NAN */
	bool plane_positions_known;        /* of the images, or by tile */
	bool is_asl;
	double time_step_s; /* from time point to time point, where that is told; NAN */
	struct vendor_traits traits;
	const struct plan_diffusion *diffusion; /* n_times; NULL: not asked yet */
	uint32_t copy; /* the how manieth of those that claim to be one volume */
};

/* Why two blocks are not of one volume. */
enum plan_reason {
	PLAN_SAME,
	PLAN_MAKER,
	PLAN_MODALITY,
	PLAN_DERIVED,
	PLAN_SERIES,
	PLAN_SIZE,
	PLAN_PLANES,
	PLAN_POLARITY,
	PLAN_PART,
	PLAN_TR,
	PLAN_FLIP_ANGLE,
	PLAN_ECHO,
	PLAN_TRIGGER,
	PLAN_PROTOCOL,
	PLAN_ORIENTATION,
	PLAN_PLACED,
	PLAN_SPACING,
	PLAN_FIELD,
	PLAN_SERIES_UID,
	PLAN_MULTIFRAME,
	PLAN_N_REASONS
};
enum plan_reason plan_compare(const struct plan_block *a, const struct plan_block *b);
const char *plan_reason_text(enum plan_reason r);

struct plan_group {
	struct plan_block **blocks;
	uint32_t n_blocks, cap;
	uint32_t echo_rank; /* from 1, among those of its series; when names are made */
	/* what varies within its series: suffixes */
	bool echo_varies, orientation_varies, tr_varies, trigger_varies, coil_varies;
	enum plan_reason
		reason; /* apart from an earlier group of the series for this; PLAN_SAME: first */
};

enum plan_rest { PLAN_WHOLE, PLAN_PARTIAL, PLAN_DUPLICATE };

/* A full grid of images: planes in the order of acquisition. */
struct plan_stack {
	const struct plan_group *group;
	const struct plan_block *block; /* the first one: what all share */
	struct plan_image **images;     /* n_planes * n_times, plane fastest; of a mosaic n_times */
	uint32_t n_planes, n_times;
	enum plan_rest rest;
	uint32_t rest_number;                   /* 2 ...: _part2, _dup2 */
	const struct plan_diffusion *diffusion; /* n_times; NULL */
};

/* What is known of the first image of a stack. */
struct plan_first {
	const struct plan_image *im;
	const struct attributes *attr;
	const struct dcm_header *header; /* NULL: unreadable */
	struct facts facts;
	struct facts
		second; /* of a mosaic's second volume, where the first one's slice times are of no use */
	bool is_mr, is_echo_planar;
};

/* A volume and what its name is made of. */
struct plan_draft {
	struct volume *v;
	const struct plan_stack *stack;
	const char *ending; /* "_Tilt_1" */
	float *distances; /* n_planes: of uneven gaps, from the first plane in acquisition; else NULL */
	float tilt_degrees;
	bool is_step; /* towards another: not shown */
};

/* What follows from attributes alone: kept for the next image, which mostly has the same ones. */
struct plan_kind {
	const struct attributes *of;
	struct vendor_traits traits;
	uint8_t part; /* enum image_part */
	bool derived, may_be_mosaic;
};

struct plan_concatenation;

struct planner {
	struct catalog *catalog;
	const struct study *study;
	struct files *files;
	struct arena *keep; /* the set's */
	struct arena scratch;
	struct plan_kind kind;
	struct plan_concatenation *concatenations;
	struct plan_block *blocks;
	uint32_t n_blocks, cap_blocks;
	struct plan_group *groups;
	uint32_t n_groups, cap_groups;
	struct plan_draft *drafts;
	uint32_t n_drafts, cap_drafts;
	struct volume_problem *problems;
	uint32_t n_problems, cap_problems;
	/* the header read last, and the facts of its frame 0: the next question is often to the
	 * same file */
	struct dcm_header *header;
	const struct instance *header_of;
	bool header_is_unread; /* it may be had another time */
	uint32_t n_unread;     /* how often one was asked for in vain that may be */
	struct err
		passing; /* why a header could not be read that will be another time; code 0: none */
};

/* Each returns 0 or -ENOMEM. */
int plan_collect(struct planner *p, struct err *err);
int plan_group_blocks(struct planner *p, struct err *err);
int plan_order_group(struct planner *p, struct plan_group *g, struct plan_stack **stacks,
	uint32_t *n, struct err *err);
int plan_make_volume(struct planner *p, struct plan_stack *s, struct err *err);
int plan_derive(struct planner *p, uint32_t draft, struct err *err);
int plan_name_volumes(struct planner *p, struct err *err);

/* Frames of a multi-frame file as blocks; of one whose header describes each of its n frames. */
int plan_collect_enhanced(struct planner *p, struct series *s, const struct instance *in,
	const struct dcm_header *h, uint32_t n, struct err *err);
int plan_collect_multiframe(struct planner *p, struct series *s, const struct instance *in,
	struct err *err);
/* The parts of plan_make_volume(): where the volume lies (also its dimensions but time, axes and
 * flips; d gets uneven distances and tilt), when it was acquired, and the texts that tell so. */
int plan_place(struct planner *p, const struct plan_stack *s, const struct plan_first *f,
	struct plan_draft *d, struct err *err);
int plan_learn_times(struct planner *p, const struct plan_stack *s, struct plan_first *f,
	struct err *err);
void plan_time(struct planner *p, const struct plan_stack *s, const struct plan_first *f,
	struct volume *v);
/* Positions that are no further apart along the normal are of one plane. */
double plan_same_plane_mm(const double spacing[2], double thickness, double gap);
/* Is the image of this modality? */
bool plan_is_modality(const struct plan_image *im, const char *modality);
/* Ultrasound is calibrated by region, in cm (PS3.3 C.8.5.5): the block's spacing, where nothing
 * else told it. */
void plan_read_region(const struct dcm_header *h, struct plan_block *b);
/* Objects that were in several files, when all files are collected. */
int plan_collect_concatenations(struct planner *p, struct err *err);
/* .bval and .bvec of a volume. */
void plan_diffusion_from_facts(const struct facts *f, struct plan_diffusion *d);
int plan_diffusion(struct planner *p, struct plan_stack *s, const struct plan_first *f,
	struct volume *v, struct err *err);

/* The header of an instance, until the next call; NULL where it cannot be read (told as a
 * problem). */
const struct dcm_header *plan_header(struct planner *p, const struct instance *in);
/* The same, beside that one, which stays; the caller frees it. */
struct dcm_header *plan_second_header(struct planner *p, const struct instance *in);
int plan_problem(struct planner *p, const struct instance *in, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Room for one more in a growing array of the scratch arena; the element is zeroed. NULL: no
 * memory. */
void *plan_grow(struct planner *p, void *array_at, uint32_t *n, uint32_t *cap, size_t size);
/* From a record: what a classic image has there, and an enhanced one where its groups are
 * silent. */
void plan_fill_from_record(struct planner *p, const struct instance *in, struct plan_block *b,
	struct plan_image *im);
const struct plan_kind *plan_kind(struct planner *p, const struct attributes *a);
/* What voxels become, where they are not scaled. */
enum sample_type plan_sample_type(const struct pixel_desc *d);
/* Can frames of both be planes of one volume? */
bool plan_same_pixels(const struct pixel_desc *a, const struct pixel_desc *b);
bool plan_is_derived(const char *image_type);
enum image_part plan_part(const char *image_type, const char *component, int32_t vendor_part);
struct plan_block *plan_new_block(struct planner *p, struct series *s, const struct instance *in,
	uint32_t n_images);

#endif
