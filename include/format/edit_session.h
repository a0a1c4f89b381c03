/* SPDX-License-Identifier: MIT */
/*
 * One file while it is edited, and what de-identification makes of each of its elements (PS3.15 E.1): the
 * part of edit.c that is in edit_deid.c. Private to format/.
 */
#ifndef FORMAT_EDIT_SESSION_H
#define FORMAT_EDIT_SESSION_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/map.h"
#include "dicom/dataset.h"
#include "format/deidentify.h"
#include "format/edit_rules.h"
#include "format/part10.h"
#include "format/secrets.h"

#define EDIT_MAX_ADDITIONS (EDIT_MAX_RULES + 12u)

struct editor {
	struct edit_rules rules;
	bool deidentify;
	unsigned keep;
	uint8_t key[DEID_KEY_BYTES];
	int64_t least_mtime_ns;
	pthread_mutex_t lock; /* protects flagged, seen and arena */
	struct buf flagged;
	struct map seen; /* UIDs that are in flagged */
	struct arena arena;
};

/* Where a sequence was found whose item was asked about. */
struct seen_sequence {
	const struct dcm_dataset *ds;
	uint32_t at;
};

/* One file under way. */
struct session {
	struct editor *e;
	const struct dcm_header *h;
	struct arena arena;     /* of values made anew */
	struct secrets secrets; /* values that the profile takes away */
	struct buf patient;     /* what tells this one from others */
	int shift_days;
	struct seen_sequence seen[16];
	bool failed;    /* for want of memory */
	int read_error; /* 0: none */
	struct part10_addition add[EDIT_MAX_ADDITIONS];
	size_t n_add;
};

/* Both say what is to be done, of an element whose value is made anew; bytes stay the caller's, who keeps
 * them in the session's arena. */
enum part10_action edit_replace(struct part10_value *v, const void *bytes, size_t len);
/* For want of memory: the session fails. */
enum part10_action edit_drop_all(struct session *s);

/* What the profile takes away in this file, so that it is taken out of the texts that stay. Before the
 * first element. */
void edit_collect_secrets(struct session *s);
/* What the profile makes of one element. */
enum part10_action edit_deidentify(struct session *s, const struct dcm_dataset *ds,
	const struct dcm_node *n, struct part10_value *v);
/* The patient's other name, made of text under the editor's key; in the arena; NULL: no memory. */
char *edit_pseudonym(struct session *s, const char *text, size_t len);

#endif
