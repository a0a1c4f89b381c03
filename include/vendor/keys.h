/* SPDX-License-Identifier: MIT */
/*
 * A sidecar before it is text: a value, or none, for each key that there is. Who knows
 * something sets it, in any order; a later value replaces an earlier one; what the
 * key's format forbids (a zero where it is POSITIVE, an empty text) unsets it.
 */
#ifndef VENDOR_KEYS_H
#define VENDOR_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

enum key {
#define KEY(name, format) KEY_##name,
#include "vendor/keys.def"
#undef KEY
	KEY_COUNT
};

enum key_format {
	KEY_POSITIVE,
	KEY_NUMBER,
	KEY_INTEGER,
	KEY_DIGITS8,
	KEY_DIGITS10,
	KEY_TEXT,
	KEY_FLAG,
	KEY_LIST,
	KEY_WORDS,
	KEY_JSON,
};

struct key_value {
	bool is_set;
	double number;            /* INTEGER and FLAG too */
	const char *text;         /* TEXT, JSON */
	const double *list;       /* LIST */
	const char *const *words; /* WORDS */
	uint32_t n;               /* of list or words */
};

/* Texts, lists and words are borrowed: the arena's, or static. */
struct keys {
	struct arena *a;
	bool failed; /* a list or words found no memory */
	struct key_value value[KEY_COUNT];
};

const char *key_name(enum key k);
enum key_format key_format(enum key k);

void keys_init(struct keys *keys, struct arena *a);
void keys_number(struct keys *keys, enum key k, double v); /* NAN unsets */
void keys_flag(struct keys *keys, enum key k, bool v);
void keys_text(struct keys *keys, enum key k, const char *text);            /* NULL unsets */
void keys_list(struct keys *keys, enum key k, const double *v, uint32_t n); /* copied; 0: unset */
void keys_words(struct keys *keys, enum key k, const char *const *words,
	uint32_t n); /* the array copied */
void keys_unset(struct keys *keys, enum key k);
/* The number that is set, else NAN; the text, else NULL. */
double keys_get_number(const struct keys *keys, enum key k);
const char *keys_get_text(const struct keys *keys, enum key k);

#endif
