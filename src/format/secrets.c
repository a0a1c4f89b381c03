/* SPDX-License-Identifier: MIT */
/* Texts to be found nowhere: see format/secrets.h. */
#include "format/secrets.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"

#define MOST_PASSES 4u

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static void copy_lower(char *to, const char *from, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		to[i] = lower(from[i]);
}

static unsigned start_bit(const char *folded)
{
	return get_le32(folded) * 2654435761u >> 18; /* Knuth's multiplicative hash, 14 bits */
}

static bool is_blank(const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (s[i] != ' ' && s[i] != '0' && s[i] != '.')
			return false;
	return true;
}

static void note_length(struct secrets *s, size_t len)
{
	size_t i = 0;

	while (i < s->n_lengths && s->lengths[i] > len)
		i++;
	if (i < s->n_lengths && s->lengths[i] == len)
		return;
	memmove(s->lengths + i + 1, s->lengths + i, (s->n_lengths - i) * sizeof *s->lengths);
	s->lengths[i] = (uint16_t)len;
	s->n_lengths++;
}

int secrets_add(struct secrets *s, const char *text, size_t len)
{
	unsigned bit;
	char *copy;

	if (len < SECRET_LEAST || is_blank(text, len))
		return 0;
	len = min_size(len, SECRET_MOST);
	copy = arena_strndup(&s->arena, text, len);
	if (!copy)
		return -ENOMEM;
	copy_lower(copy, text, len);
	if (map_get(&s->whole, copy, len))
		return 0;
	if (map_put(&s->whole, copy, len, copy) < 0)
		return -ENOMEM;
	bit = start_bit(copy);
	s->starts[bit / 64] |= UINT64_C(1) << bit % 64;
	note_length(s, len);
	return 0;
}

/* Or a digit, which a word does not end at. All of another alphabet are. */
static bool is_of_word(char c)
{
	return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') ||
		(unsigned char)c >= 0x80;
}

int secrets_add_name(struct secrets *s, const char *text, size_t len)
{
	char *copy;
	size_t i;

	if (len >= SECRET_LEAST || len < SECRET_WORD)
		return secrets_add(s, text, len);
	for (i = 0; i < len; i++)
		if (!is_of_word(text[i]) || (text[i] >= '0' && text[i] <= '9'))
			return 0;
	copy = arena_strndup(&s->arena, text, len);
	if (!copy)
		return -ENOMEM;
	copy_lower(copy, text, len);
	return map_get(&s->words, copy, len) ? 0 : map_put(&s->words, copy, len, copy);
}

bool secrets_are_none(const struct secrets *s)
{
	return !s->n_lengths && !s->words.n_used;
}

void secrets_release(struct secrets *s)
{
	map_release(&s->whole);
	map_release(&s->words);
	arena_release(&s->arena);
	memset(s, 0, sizeof *s);
}

/* The longest secret that begins here; 0: none. */
static size_t secret_at(const struct secrets *s, const char *folded, size_t len)
{
	unsigned bit;
	size_t i;

	if (len < SECRET_LEAST)
		return 0;
	bit = start_bit(folded);
	if (!(s->starts[bit / 64] >> bit % 64 & 1))
		return 0;
	for (i = 0; i < s->n_lengths; i++)
		if (s->lengths[i] <= len && map_get(&s->whole, folded, s->lengths[i]))
			return s->lengths[i];
	return 0;
}

/* The word that begins here, if it is a short name; 0: none. */
static size_t name_at(const struct secrets *s, const char *folded, size_t len)
{
	size_t n = 0;

	while (n < len && n < SECRET_LEAST && is_of_word(folded[n]))
		n++;
	return n >= SECRET_WORD && n < SECRET_LEAST && map_get(&s->words, folded, n) ? n : 0;
}

/* One pass over text and its twin in lower case, both in place; the new length. */
static size_t remove_once(const struct secrets *s, char *text, char *folded, size_t len, bool words)
{
	size_t from = 0, to = 0, secret;

	while (from < len) {
		secret = secret_at(s, folded + from, len - from);
		if (!secret && words && (!to || !is_of_word(folded[to - 1])))
			secret = name_at(s, folded + from, len - from);
		if (secret) {
			from += secret;
			continue;
		}
		text[to] = text[from];
		folded[to++] = folded[from++];
	}
	return to;
}

int secrets_remove(const struct secrets *s, const char *text, size_t len, bool words,
	struct buf *out, bool *found)
{
	size_t left = len, before;
	char *copy, *folded;
	unsigned pass = 0;

	*found = false;
	copy = mem_alloc(2 * len + 1);
	if (!copy)
		return -ENOMEM;
	folded = copy + len;
	memcpy(copy, text, len);
	copy_lower(folded, text, len);
	do {
		before = left;
		left = remove_once(s, copy, folded, before, words);
	} while (left != before && ++pass < MOST_PASSES);
	*found = left != len;
	if (left == before)
		buf_add(out, copy, left);
	mem_free(copy);
	return buf_error(out) < 0 ? -ENOMEM : 0;
}
