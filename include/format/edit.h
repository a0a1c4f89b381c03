/* SPDX-License-Identifier: MIT */
/*
 * DICOM files rewritten as they are opened: by rules that a user writes, and by the
 * Basic Profile of PS3.15. An editor is a filter of sources: what it gives is a valid Part 10 file
 * whose pixels are the source's own, little-endian.
 *
 * Rules, one a line; # begins a comment:
 *
 *	set PatientID S001                     at the top level, added where it is absent
 *	set Seq[1].CodeValue T-1               in an item; what is absent on the way to it is made
 *	delete InstitutionName                 wherever it is
 *	delete ReferencedStudySequence[*].ReferencedSOPInstanceUID      there alone
 *	delete (0010,21b0)   delete (60xx,3000)   delete private
 *	replace VR:PN ANON                     every value of this VR
 *	replace StudyDescription Study         where it is present, at any level
 */
#ifndef FORMAT_EDIT_H
#define FORMAT_EDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct dcm_source;
struct editor;
struct err;

struct editor_options {
	const char *rules; /* text; NULL: none */
	bool deidentify;
	unsigned keep;   /* DEID_... of format/deidentify.h */
	const void *key; /* key_len bytes, any; NULL: a random one */
	size_t key_len;
};

/* -EINVAL and "line 3: ..." where a rule cannot be understood. */
int editor_new(const struct editor_options *o, struct editor **out, struct err *err);
void editor_free(struct editor *e); /* NULL is fine */

/* A files_filter (index/files.h) whose arg is the editor. Any thread. */
int editor_filter(void *editor, struct dcm_source *in /* taken */, struct dcm_source **out,
	struct err *err);

/* Nothing that is made of edited files shall be older: where dates are taken away, those of the source's
 * files are, and this is when the editor was made. INT64_MIN: their own stay. */
int64_t editor_least_mtime_ns(const struct editor *e);

/* Files whose pixels may show what the header no longer tells (PS3.15 E.3.1): lines of new SOP
 * instance UID, tab, reason. */
void editor_flagged(struct editor *e, struct buf *out);

#endif
