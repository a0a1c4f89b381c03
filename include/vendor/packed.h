/* SPDX-License-Identifier: MIT */
/*
 * What makers pack into one private element: Siemens' CSA headers and the protocols in
 * them or beside them (XA), GE's protocol block. Found by the creator and by what the
 * bytes are, not by tag, since blocks move.
 */
#ifndef VENDOR_PACKED_H
#define VENDOR_PACKED_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "dicom/dataset.h"

struct err;

/* One field, borrowed until the function it is given to returns: of a table of fields, of a
 * protocol, or of a protocol that is a field. */
struct packed_field {
	const char *field; /* printable; "" outside a table */
	const char *key;   /* printable, no NUL behind; key_len 0: none */
	size_t key_len;
	uint16_t vr;       /* as told, or what the value looks like */
	const char *value; /* as it stands, values with backslashes between; no NUL behind */
	size_t value_len;
};

typedef int (*packed_each)(void *arg, const struct packed_field *f, struct err *err);

/* Give each field of a private element in order; none where its maker packed nothing into it. What
 * is read meanwhile lies in the arena. Fails for want of memory, where the file cannot be read, or
 * with `each`. */
int vendor_each_packed(const struct dcm_header *h, const struct dcm_node *n, struct arena *a,
	packed_each each, void *arg, struct err *err);

#endif
