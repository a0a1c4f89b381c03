/* SPDX-License-Identifier: MIT */
/* The hashes of base/bytes.h. */
#include "base/bytes.h"

#include <string.h>

uint64_t hash_bytes(uint64_t seed, const void *p, size_t len)
{
	const uint8_t *b = p;
	uint64_t h = seed ^ UINT64_C(0xcbf29ce484222325);
	size_t i;

	for (i = 0; i < len; i++) {
		h ^= b[i];
		h *= UINT64_C(0x100000001b3);
	}
	/* FNV's high bits are weak for short keys: mix them. */
	h ^= h >> 33;
	h *= UINT64_C(0xff51afd7ed558ccd);
	h ^= h >> 33;
	return h;
}

uint64_t hash_str(const char *s)
{
	return hash_bytes(0, s, strlen(s));
}

/* Any bit of a word that is another makes another product, and each step is reversible: no
 * single changed word goes unseen. */
static uint64_t mix(uint64_t h, uint64_t word)
{
	h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 32;
}

uint64_t hash_quick(uint64_t seed, const void *p, size_t len)
{
	uint64_t h = mix(seed, len), word;
	const uint8_t *b = p;

	for (; len >= sizeof word; len -= sizeof word, b += sizeof word) {
		memcpy(&word, b, sizeof word);
		h = mix(h, word);
	}
	word = 0;
	memcpy(&word, b, len);
	return mix(mix(h, word), 0);
}
