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
