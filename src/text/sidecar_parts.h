/* SPDX-License-Identifier: MIT */
/* What the files that make a sidecar share. */
#ifndef SRC_TEXT_SIDECAR_PARTS_H
#define SRC_TEXT_SIDECAR_PARTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "dicom/dataset.h"
#include "vendor/keys.h"
#include "vendor/vendor.h"
#include "vendor/view.h"
#include "volume/volume.h"

struct buf;
struct err;

struct sidecar {
	const struct volume *v;
	struct files *files;
	struct arena a;
	struct dcm_header *header[2]; /* of the time points 0 and 1 */
	struct view view;             /* the first plane */
	struct facts facts;
	struct keys keys;
	struct sidecar_input in;
};

enum how {
	AS_TEXT,
	AS_NUMBER,
	AS_MS,  /* ms to s */
	AS_MHZ, /* one maker stores Hz: that is no frequency we print */
	AS_DATE,
	AS_LETTER,
	AS_YEARS,
	AS_COUNT,   /* a number above 0 */
	AS_MANY,    /* a number above 1 */
	AS_ROW_COL, /* "COLUMN" is "COL" in enhanced objects */
	AS_YES,     /* true where it is YES or Y */
};

/* A key that a public attribute has the value of. */
struct row {
	enum key key;
	uint32_t tag;
	enum how how;
};

/* Set the keys that are not set yet. */
void sidecar_read_rows(struct sidecar *s, const struct row *rows, size_t n);
int sidecar_positron_emission(struct sidecar *s, struct err *err);
void sidecar_add_keys(struct buf *out, const struct keys *keys);

#endif
