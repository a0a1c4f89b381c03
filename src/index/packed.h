/* SPDX-License-Identifier: MIT */
/*
 * The numbers of an instance in few bytes, for the saved index: a mask of the
 * words that are not as in a record of nothing, and those words. Its texts,
 * attributes, id and problems are not among them. For the machine that wrote it alone.
 */
#ifndef INDEX_PACKED_H
#define INDEX_PACKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/instance.h"

#define PACKED_WORDS ((sizeof(struct instance) - offsetof(struct instance, size)) / 8)
#define PACKED_MOST (4 + 8 * PACKED_WORDS)

/* A record of nothing. */
void packed_blank(struct instance *blank);
/* Returns how many bytes of out are used. */
size_t packed_write(const struct instance *blank, const struct instance *in,
	uint8_t out[PACKED_MOST]);
/* False: these bytes are no packed instance. */
bool packed_read(const struct instance *blank, const uint8_t *p, size_t len, struct instance *out);

#endif
