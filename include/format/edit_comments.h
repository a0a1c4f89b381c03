/* SPDX-License-Identifier: MIT */
/*
 * What compressed frames say beside their pixels, in which some writers put a patient's name:
 * comments, Exif, XMP and the like, in the segments of JPEG and JPEG-LS before the first scan, in the
 * main header of JPEG 2000, in the boxes around JPEG 2000 and JPEG XL. It is made blank where it lies, so
 * that no byte moves; what decoders need (JFIF, Adobe's and Hewlett-Packard's colours, ICC profiles)
 * stays. Private to format/.
 */
#ifndef FORMAT_EDIT_COMMENTS_H
#define FORMAT_EDIT_COMMENTS_H

#include <stddef.h>
#include <stdint.h>

struct dcm_header;
struct err;

struct edit_comments {
	struct edit_comment {
		uint64_t off, len; /* in the header's source */
	} * all;                   /* ascending, apart */
	size_t n, cap;
};

/* Those in the top-level pixel element of h, of each frame's beginning; all zero where there are none.
 * Headers of frames that cannot be understood have none from there on. -EFBIG: more than any file
 * has. */
int edit_comments_find(const struct dcm_header *h, struct edit_comments *out, struct err *err);
void edit_comments_release(struct edit_comments *c);

/* Make blank what of n bytes from off in the source is of a comment. */
void edit_comments_blank(const struct edit_comments *c, void *bytes, size_t n, uint64_t off);

#endif
