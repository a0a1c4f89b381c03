/* SPDX-License-Identifier: MIT */
/*
 * Texts that are to be found nowhere: gathered first, then taken out of other texts. ASCII letters
 * match in either case. The time to look through a text does not grow with the number of secrets.
 * Private to format/.
 */
#ifndef FORMAT_SECRETS_H
#define FORMAT_SECRETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/map.h"

struct buf;

#define SECRET_LEAST 4u   /* bytes: what is shorter is everywhere anyway */
#define SECRET_MOST 1024u /* what is longer is known by its first bytes */
#define SECRET_WORD 2u    /* bytes of the shortest one that is looked for as a word */

struct secrets {
	struct map whole; /* in lower case */
	struct map words; /* those of fewer than SECRET_LEAST bytes */
	struct arena arena;
	uint64_t starts[256]; /* a bit for each hash of the first SECRET_LEAST bytes that occurs */
	uint16_t lengths[SECRET_MOST]; /* that occur, the longest first */
	size_t n_lengths;
};

/* All zero is empty. Short texts, and those of blanks, zeros and dots alone, are no secrets: 0.
 * -ENOMEM. */
int secrets_add(struct secrets *s, const char *text, size_t len);
/* A name, be it too short for a secret: it is looked for where words are alone. One with anything but
 * letters in it is none. -ENOMEM. */
int secrets_add_name(struct secrets *s, const char *text, size_t len);
bool secrets_are_none(const struct secrets *s);
void secrets_release(struct secrets *s);

/* Append the text without what is secret in it; *found: was there any? `words`: it is prose, in which
 * short names are secret where they stand between what are no letters. A text that makes new
 * secrets again and again when others are taken out of it loses all. -ENOMEM. */
int secrets_remove(const struct secrets *s, const char *text, size_t len, bool words,
	struct buf *out, bool *found);

#endif
