/* SPDX-License-Identifier: MIT */
/*
 * What each instance says for a keyword: the values that by/ has as folders and that
 * layouts are made of. What the index knows is taken from there; any other attribute is
 * read from the headers, all of them once, on first use, and kept. Safe from any thread.
 * Private to view/.
 */
#ifndef VIEW_KEYWORDS_H
#define VIEW_KEYWORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/catalog.h"
#include "index/files.h"

struct err;
struct keywords;

/* The values of one instance, UTF-8; n 0: none. Interned: equal lists are one. */
struct value_list {
	uint32_t n;
	const char *text[];
};

/* extra: keywords to list beside the default ones, separated by colons; NULL: none. -EINVAL and a
 * text where one is unknown. */
int keywords_new(struct files *files, const char *extra, struct keywords **out, struct err *err);
void keywords_free(struct keywords *k); /* NULL is fine */

/* The number of a keyword: "Modality", or nested "ProcedureCodeSequence[1].CodeMeaning". -ENOENT:
 * there is no such. */
int keyword_find(struct keywords *k, const char *path, uint32_t *id, struct err *err);
const char *keyword_name(struct keywords *k, uint32_t id);
/* How many are listed: the numbers below it. */
uint32_t keywords_listed(struct keywords *k);

/* Know the values of these keywords for every instance of the catalog: reads headers where the
 * index does not know. Cheap where that was done before. */
int keywords_load(struct keywords *k, const struct catalog *c, const uint32_t *ids, size_t n,
	struct err *err);
/* The values of an instance of a catalog that was loaded; never NULL. */
const struct value_list *keyword_values(struct keywords *k, uint32_t id, const struct instance *in);

#endif
