/* SPDX-License-Identifier: MIT */
/*
 * One SOP instance as the index keeps it: where its file is, and the some eighty
 * attributes that names, grouping, order and sizes need, so that neither listing
 * nor planning reads a classic file again. What the instances of a series share
 * is kept once, in an interned struct attributes; what varies is in the struct
 * instance. Immutable once published. Strings are UTF-8, trimmed, interned; NULL
 * where the attribute is absent or empty. Numbers that are absent are NAN or the
 * INSTANCE_NO_INT below.
 */
#ifndef INDEX_INSTANCE_H
#define INDEX_INSTANCE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "codec/pixel.h"
#include "dicom/reader.h"

struct err;
struct interns;

#define INSTANCE_NO_INT INT32_MIN

/* What distinguishes images beside their place and time. PS3.3 C.7.6.1.1.2 value 3, (0008,9208),
 * vendors. */
enum image_part {
	IMAGE_PART_UNKNOWN,
	IMAGE_PART_MAGNITUDE,
	IMAGE_PART_PHASE,
	IMAGE_PART_REAL,
	IMAGE_PART_IMAGINARY,
	IMAGE_PART_FIELD_MAP,
};

/* Of a pair of images of arterial spin labelling. */
enum image_label { IMAGE_LABEL_NONE, IMAGE_LABEL_LABEL, IMAGE_LABEL_CONTROL };

/* Shared by most instances of a series: one copy for each distinct set of values. All texts come
 * first. */
struct attributes {
	const char *patient_id, *patient_name, *patient_birth_date, *patient_sex;
	const char *study_uid, *study_date, *study_time, *study_description;
	const char *study_id, *accession_number;
	const char *series_uid, *series_description, *series_date, *series_time;
	const char *protocol_name, *modality;
	const char *sop_class, *transfer_syntax, *image_type;
	const char *manufacturer, *model_name, *software_versions;
	const char *station_name, *institution_name;
	const char *body_part, *patient_position, *frame_of_reference_uid;
	const char *sequence_name, *scanning_sequence, *sequence_variant, *scan_options, *coil_name;
	const char *acquisition_date;
	const char *mr_acquisition_type; /* (0018,0023) */
	const char *pe_direction;        /* (0018,1312) */
	const char *complex_component;   /* (0008,9208) */
	int32_t series_number, echo_number, echo_train_length;
	struct pixel_desc pixel; /* rows 0: no image */
	double orientation[6];   /* (0020,0037); NAN: absent */
	/* Row, column spacing; (0028,0030), else (0018,1164), (0018,2010). */
	double pixel_spacing[2];
	double slice_thickness, spacing_between_slices;
	double echo_time, repetition_time, inversion_time, flip_angle; /* ms, ms, ms, degrees */
	double image_frequency;
	double number_of_averages; /* (0018,0083) */
	/* Vendors' own, filled through the table of vendor/: see vendor.h. */
	int32_t n_tiles;       /* mosaic or grid tiles; INSTANCE_NO_INT: not one */
	int32_t ge_image_part; /* (0043,102f) */
	bool field_map_first;  /* the first volume is a field map: PRIVATE_FIELD_MAP */
	bool is_pepolar;       /* PRIVATE_PEPOLAR */
	int32_t pepolar_mode;  /* PRIVATE_PEPOLAR_MODE */
	/* GE (0021,104f), (0020,1002), Philips (2001,1018), PET (0054,0081). */
	int32_t locations_in_acquisition;
};

struct instance {
	const struct attributes *attr;
	const char *dir, *file; /* dir/file below SOURCE; dir "" at its top; dir is interned */
	const char *sop_uid;    /* may be NULL */
	uint64_t size, ino;     /* of the file, when it was read */
	int64_t mtime_ns;
	/* Top-level pixel data in the file's source; off 0: none. */
	uint64_t pixels_off, pixels_len;
	uint64_t digest;    /* tells two files with one SOP instance UID apart; 0 until asked */
	double position[3]; /* (0020,0032); NAN: absent */
	double acquisition_time, content_time;                     /* seconds since midnight; NAN */
	double trigger_time, frame_reference_time, frame_duration; /* ms */
	double slope, intercept; /* (0028,1053), (0028,1052); NAN: absent */
	double b_value;          /* (0018,9087) or the vendor's plain element; NAN */
	int32_t number;          /* (0020,0013) InstanceNumber */
	int32_t acquisition_number;
	int32_t temporal_position; /* (0020,0100) */
	int32_t vendor_volume;     /* PRIVATE_VOLUME of vendor/private_tags.h */
	int32_t vendor_phase;      /* PRIVATE_PHASE; 0: vendor_volume alone tells */
	uint32_t n_frames;
	uint32_t id; /* never reused while the program runs */
	uint32_t n_problems;
	_Atomic uint32_t refs;
	uint16_t overlays; /* bit i: overlay data in group 6000 + 2 i */
	bool deflated;
	bool lost_pixels; /* rows and columns, and no pixel data */
	bool compressed;  /* its pixels are for a codec, in items (pixels_len undefined) or bare */
	uint8_t label;    /* enum image_label */
};

/* What was wrong with its file: n_problems of them, in the instance's own memory. */
struct instance_problem {
	uint64_t off;
	const char *text;
};
const struct instance_problem *instance_problems(const struct instance *in);

/* "dir/file" into buf; returns buf. */
const char *instance_path(const struct instance *in, char *buf, size_t cap);

/* A stable hash of which one it is: of its UID, or of where it is. */
uint64_t instance_identity(const struct instance *in);

/* One instance more: `values` with texts and problems of its own, copied; dir and attr are
 * interned, and it is their user. One reference, the caller's. NULL for want of memory. */
struct instance *instance_make(const struct instance *values, const char *file, const char *sop_uid,
	const struct instance_problem *problems, uint32_t n_problems);
struct instance *instance_get(struct instance *in); /* one reference more */
void instance_put(struct instance *in);             /* NULL is fine */

/* Reads instances one after another; a thread has its own, since it remembers the values of the
 * last file: most of the next one's are the same. Texts and attributes go to `interns`, which
 * outlive the instances. */
struct instance_reader;
int instance_reader_new(struct interns *interns, struct instance_reader **out, struct err *err);
void instance_reader_free(struct instance_reader *r); /* NULL is fine */

/* Which file it is: as the system told when it was opened. */
struct instance_file {
	const char *dir; /* interned */
	const char *file;
	uint64_t size, ino;
	int64_t mtime_ns;
};

/* One pass over a file, to its top-level pixel data and no further. `id` and `digest` are left 0.
 * Damage is no error where anything could be read: it is told in the instance's problems.
 * -EPROTO: not DICOM; -EISDIR: a DICOMDIR; -EBADMSG: DICOM of which nothing can be read. */
int instance_read(struct instance_reader *r, struct dcm_source *source /* taken */,
	const struct instance_file *file, struct instance **out, struct err *err);

#endif
