/* SPDX-License-Identifier: MIT */
/* Packing and unpacking: see packed.h. */
#include "packed.h"

#include <string.h>

#include "base/bytes.h"
#include "record.h"

/* Another layout is another PERSIST_VERSION. */
_Static_assert(sizeof(void *) != 8 || sizeof(struct instance) == 216, "as in version 6");
_Static_assert(PACKED_WORDS <= 32 && sizeof(struct instance) % 8 == 0, "one bit a word");

/* Only the numbers are left, as words. */
static void to_words(const struct instance *in, uint64_t words[PACKED_WORDS])
{
	struct instance copy;

	memcpy(&copy, in, sizeof copy);
	copy.id = copy.n_problems = 0;
	atomic_init(&copy.refs, 0);
	memcpy(words, &copy.size, PACKED_WORDS * sizeof *words);
}

void packed_blank(struct instance *blank)
{
	struct record rec;

	record_clear(&rec);
	memcpy(blank, &rec.in, sizeof *blank);
}

size_t packed_write(const struct instance *blank, const struct instance *in,
	uint8_t out[PACKED_MOST])
{
	uint64_t words[PACKED_WORDS], nothing[PACKED_WORDS];
	uint32_t mask = 0;
	size_t len = 4, i;

	to_words(in, words);
	to_words(blank, nothing);
	for (i = 0; i < PACKED_WORDS; i++) {
		if (words[i] == nothing[i])
			continue;
		mask |= UINT32_C(1) << i;
		memcpy(out + len, &words[i], 8);
		len += 8;
	}
	put_le32(out, mask);
	return len;
}

bool packed_read(const struct instance *blank, const uint8_t *p, size_t len, struct instance *out)
{
	uint64_t words[PACKED_WORDS];
	uint32_t mask;
	size_t at = 4, i;

	if (len < 4)
		return false;
	mask = get_le32(p);
	if ((uint64_t)mask >> PACKED_WORDS || len != 4 + 8 * (size_t)__builtin_popcount(mask))
		return false;
	to_words(blank, words);
	for (i = 0; i < PACKED_WORDS; i++)
		if (mask >> i & 1) {
			memcpy(&words[i], p + at, 8);
			at += 8;
		}
	memset(out, 0, sizeof *out);
	memcpy(&out->size, words, sizeof words);
	return true;
}
