/* SPDX-License-Identifier: MIT */
/* The values of a sidecar's keys, by key. */
#include "vendor/keys.h"

#include <math.h>
#include <string.h>

static const struct {
	const char *name;
	enum key_format format;
} table[] = {
#define KEY(name, format) { #name, KEY_##format },
#include "vendor/keys.def"
#undef KEY
};

const char *key_name(enum key k)
{
	return table[k].name;
}

enum key_format key_format(enum key k)
{
	return table[k].format;
}

void keys_init(struct keys *keys, struct arena *a)
{
	memset(keys, 0, sizeof *keys);
	keys->a = a;
}

static bool prints(enum key k, double v)
{
	switch (table[k].format) {
	case KEY_POSITIVE:
	case KEY_DIGITS8:
	case KEY_DIGITS10:
		return isfinite(v) && v > 0;
	default:
		return isfinite(v);
	}
}

void keys_number(struct keys *keys, enum key k, double v)
{
	keys->value[k].is_set = prints(k, v);
	keys->value[k].number = v;
}

void keys_flag(struct keys *keys, enum key k, bool v)
{
	keys_number(keys, k, v);
}

void keys_text(struct keys *keys, enum key k, const char *text)
{
	keys->value[k].is_set = text && *text;
	keys->value[k].text = text;
}

void keys_list(struct keys *keys, enum key k, const double *v, uint32_t n)
{
	struct key_value *out = &keys->value[k];

	out->list = n ? arena_memdup(keys->a, v, n * sizeof *v) : NULL;
	out->n = n;
	out->is_set = out->list != NULL;
	keys->failed = keys->failed || (n && !out->list);
}

void keys_words(struct keys *keys, enum key k, const char *const *words, uint32_t n)
{
	struct key_value *out = &keys->value[k];

	out->words = n ? arena_memdup(keys->a, words, n * sizeof *words) : NULL;
	out->n = n;
	out->is_set = out->words != NULL;
	keys->failed = keys->failed || (n && !out->words);
}

void keys_unset(struct keys *keys, enum key k)
{
	keys->value[k].is_set = false;
}

double keys_get_number(const struct keys *keys, enum key k)
{
	return keys->value[k].is_set ? keys->value[k].number : (double)NAN;
}

const char *keys_get_text(const struct keys *keys, enum key k)
{
	return keys->value[k].is_set ? keys->value[k].text : NULL;
}
