/* SPDX-License-Identifier: MIT */
/* Samples from type to type. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/bytes.h"
#include "volume/samples.h"

Test(samples, types_of_pixels)
{
	struct pixel_desc d = { .rows = 1,
		.cols = 1,
		.samples = 1,
		.bits_allocated = 16,
		.bits_stored = 12,
		.high_bit = 11 };

	cr_assert_eq(samples_type_of(&d), SAMPLE_U16);
	d.is_signed = true;
	cr_assert_eq(samples_type_of(&d), SAMPLE_I16);
	d.bits_allocated = 8;
	cr_assert_eq(samples_type_of(&d), SAMPLE_I8);
	d.photometric = PHOTOMETRIC_PALETTE;
	cr_assert_eq(samples_type_of(&d), SAMPLE_RGB24);
	d = (struct pixel_desc){ .samples = 1, .bits_allocated = 32, .kind = PIXEL_FLOAT32 };
	cr_assert_eq(samples_type_of(&d), SAMPLE_F32);
}

Test(samples, unsigned_values_of_15_bits_are_int16_as_they_are)
{
	struct samples_map m = { .from = SAMPLE_U16, .to = SAMPLE_I16 };

	cr_assert(samples_map_is_copy(&m));
	m.to = SAMPLE_I32;
	cr_assert_not(samples_map_is_copy(&m));
	m = (struct samples_map){ .from = SAMPLE_I32, .to = SAMPLE_F32 };
	cr_assert_not(samples_map_is_copy(&m), "the same width is not the same bits");
	m = (struct samples_map){ .from = SAMPLE_I16, .to = SAMPLE_I16, .big_endian = true };
	cr_assert_not(samples_map_is_copy(&m));
}

Test(samples, scaling_is_done_in_single_precision)
{
	struct samples_map m = { .from = SAMPLE_U16,
		.to = SAMPLE_F32,
		.scale = true,
		.slope = 0.1f,
		.intercept = -3.7f };
	uint16_t in[2] = { 7, 65535 };
	volatile float product;
	float out[2];
	int i;

	samples_convert(&m, (uint8_t *)in, (uint8_t *)out, 2);
	for (i = 0; i < 2; i++) {
		product = (float)in[i] * 0.1f;
		cr_assert_eq(out[i], product + -3.7f);
	}
}

Test(samples, widening_keeps_the_sign_and_swaps_where_asked)
{
	struct samples_map m = { .from = SAMPLE_I16, .to = SAMPLE_I32, .big_endian = true };
	int16_t in[3] = { -2, 300, 0 };
	uint8_t out[12];

	samples_convert(&m, (uint8_t *)in, out, 3);
	cr_assert_eq((int32_t)get_be32(out), -2);
	cr_assert_eq((int32_t)get_be32(out + 4), 300);
}

Test(samples, gathering_takes_every_nth)
{
	struct samples_map m = { .from = SAMPLE_U8, .to = SAMPLE_U8 };
	uint8_t in[9] = { 1, 9, 9, 2, 9, 9, 3, 9, 9 }, out[3];

	samples_gather(&m, in, 3, out, 1, 3);
	cr_assert_arr_eq(out, ((uint8_t[]){ 1, 2, 3 }), 3);
}

Test(samples, reversing_keeps_each_sample_whole)
{
	uint8_t rgb[9] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };

	samples_reverse(rgb, 3, 3);
	cr_assert_arr_eq(rgb, ((uint8_t[]){ 7, 8, 9, 4, 5, 6, 1, 2, 3 }), 9);
	samples_reverse(rgb, 0, 3);
}
