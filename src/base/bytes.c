/* SPDX-License-Identifier: MIT */
/* The hashes of base/bytes.h. */
#include "base/bytes.h"

#include <string.h>
#include <sys/auxv.h>

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

/* What the system gave each process at its start, without asking for more of it each time. */
void hash_key_init(struct hash_key *k)
{
	const void *random = (const void *)(uintptr_t)getauxval(AT_RANDOM);

	*k = (struct hash_key){ UINT64_C(0x9e3779b97f4a7c15), UINT64_C(0xff51afd7ed558ccd) };
	if (random)
		memcpy(k, random, sizeof *k);
	k->factor |= 1;
}

/* Both halves of the product. */
static uint64_t fold(uint64_t a, uint64_t b)
{
#ifdef __SIZEOF_INT128__
	__extension__ unsigned __int128 p = (unsigned __int128)a * b;

	return (uint64_t)p ^ (uint64_t)(p >> 64);
#else
	uint64_t a0 = (uint32_t)a, a1 = a >> 32, b0 = (uint32_t)b, b1 = b >> 32;
	uint64_t low = a0 * b0, mid = a1 * b0 + (low >> 32), more = a0 * b1 + (uint32_t)mid;

	return (more << 32 | (uint32_t)low) ^ (a1 * b1 + (mid >> 32) + (more >> 32));
#endif
}

/* The half of a product alone would not do: the highest bit of a word changes one bit of that,
 * whatever the factor, which another word can change back. */
uint64_t hash_keyed(const struct hash_key *k, const void *p, size_t len)
{
	uint64_t h = k->seed, word;
	const uint8_t *b = p;

	for (; len >= sizeof word; len -= sizeof word, b += sizeof word) {
		memcpy(&word, b, sizeof word);
		h = fold(h ^ word, k->factor);
	}
	word = 0;
	memcpy(&word, b, len);
	return fold(h ^ word ^ (uint64_t)len << 56, k->factor);
}
