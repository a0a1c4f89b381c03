/* SPDX-License-Identifier: MIT */
/* The headers of a JPEG 2000 codestream (ITU-T T.800 annex A): found and judged before a library
 * gets to see it. Internal to the codecs. */
#ifndef CODEC_J2K_HEADER_H
#define CODEC_J2K_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct pixel_desc;

/* Set *p and *len to the codestream in them, which may be the frame itself or be in the boxes of
 * a JP2 file. */
int j2k_find_codestream(const uint8_t **p, size_t *len, struct err *err);
struct j2k_facts {
	bool colour_transform; /* undone by the decoder: samples are RGB then */
	bool is_lossy;         /* by its wavelet, in any tile */
	unsigned most_bits;    /* of a component */
	size_t tiles_end;      /* where EOC is missing: what is there ends here; 0: EOC is there, or
				  more is missing */
};
/* Is the frame what desc promises, in size, samples and bits, and is it cut into no more tiles and
 * packets than an image of its size can have a use for? What OpenJPEG allocates goes with these. */
int j2k_check_header(const uint8_t *p, size_t len, const struct pixel_desc *desc,
	struct j2k_facts *facts, struct err *err);

#endif
