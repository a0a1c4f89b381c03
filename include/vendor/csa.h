/* SPDX-License-Identifier: MIT */
/*
 * Siemens' CSA headers, (0029,1010) of the image and (0029,1020) of the series: a table
 * of named fields, each with some texts. Two layouts are known, with and without the
 * mark "SV10"; both are little-endian (nibabel's nicom documentation).
 */
#ifndef VENDOR_CSA_H
#define VENDOR_CSA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

struct err;

struct csa_field {
	const char *name;
	char vr[5];
	uint32_t vm;         /* as told; 0: as many as there are */
	const char **values; /* blanks and NULs trimmed; none is empty */
	uint32_t n_values;
};

struct csa {
	struct csa_field *fields; /* in file order */
	uint32_t n_fields;
	bool damaged; /* the rest could not be read */
};

/* Read a header; the result is in the arena and does not point into bytes. -EBADMSG: no CSA header
 * at all; where it breaks off, what came before is there and `damaged` is set. */
int csa_parse(const uint8_t *bytes, size_t len, struct arena *a, struct csa *out, struct err *err);
/* The field of that name, or NULL. */
const struct csa_field *csa_find(const struct csa *c, const char *name);
/* Value i of it as text (NULL) and as a number (NAN). */
const char *csa_text(const struct csa *c, const char *name, uint32_t i);
double csa_number(const struct csa *c, const char *name, uint32_t i);

#endif
