/* SPDX-License-Identifier: MIT */
/* The hashes: one that names carry, one that is quick. */
#include <criterion/criterion.h>

#include <string.h>

#include "base/bytes.h"

Test(base_bytes, the_hash_that_names_carry_is_the_same_for_ever)
{
	cr_expect_eq(hash_str(""), UINT64_C(0xecba3df2c3383c52));
	cr_expect_eq(hash_str("1.2.840.10008"), hash_bytes(0, "1.2.840.10008", 13));
}

/* Words that undo each other, whatever the seed: half a product keeps its highest bit to itself. */
static void make_twins(uint64_t a[2], uint64_t b[2])
{
	b[0] = a[0] ^ UINT64_C(1) << 63;
	b[1] = a[1] ^ (UINT64_C(1) << 63 | UINT64_C(1) << 31);
}

Test(base_bytes, what_collides_without_a_key_does_not_with_one)
{
	uint64_t a[2], b[2], i;
	struct hash_key k;

	hash_key_init(&k);
	for (i = 0; i < 1000; i++) {
		a[0] = i * UINT64_C(0x123456789abcdef);
		a[1] = ~i;
		make_twins(a, b);
		cr_assert_eq(hash_quick(i, a, sizeof a), hash_quick(i, b, sizeof b));
		cr_assert_neq(hash_keyed(&k, a, sizeof a), hash_keyed(&k, b, sizeof b));
	}
}

Test(base_bytes, the_keyed_hash_sees_every_bit_the_length_and_the_key)
{
	struct hash_key k, other;
	uint8_t bytes[40] = { 1, 2, 3 };
	size_t len, bit;
	uint64_t h;

	hash_key_init(&k);
	hash_key_init(&other);
	cr_expect_eq(k.seed, other.seed, "one key a process");
	other.seed++;
	for (len = 0; len <= sizeof bytes; len++) {
		h = hash_keyed(&k, bytes, len);
		cr_expect_eq(h, hash_keyed(&k, bytes, len));
		cr_expect_neq(h, hash_keyed(&other, bytes, len));
		if (len)
			cr_expect_neq(h, hash_keyed(&k, bytes, len - 1));
		for (bit = 0; bit < 8 * len; bit++) {
			bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
			cr_expect_neq(h, hash_keyed(&k, bytes, len), "%zu of %zu", bit, len);
			bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
	}
}

Test(base_bytes, the_quick_hash_sees_every_bit_and_the_length)
{
	uint8_t bytes[40] = { 1, 2, 3 };
	size_t len, bit;
	uint64_t h;

	for (len = 0; len <= sizeof bytes; len++) {
		h = hash_quick(7, bytes, len);
		cr_expect_neq(h, hash_quick(8, bytes, len));
		if (len)
			cr_expect_neq(h, hash_quick(7, bytes, len - 1));
		for (bit = 0; bit < 8 * len; bit++) {
			bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
			cr_expect_neq(h, hash_quick(7, bytes, len), "%zu of %zu", bit, len);
			bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
	}
}
