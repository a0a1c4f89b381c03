/* SPDX-License-Identifier: MIT */
/* A sidecar's values by key. */
#include <criterion/criterion.h>

#include <math.h>

#include "vendor/keys.h"

static struct arena arena;
static struct keys keys;

static void begin(void)
{
	keys_init(&keys, &arena);
}

static void end(void)
{
	arena_release(&arena);
}

TestSuite(vendor_keys, .init = begin, .fini = end);

Test(vendor_keys, a_later_value_replaces_an_earlier_one_and_what_is_none_unsets)
{
	keys_text(&keys, KEY_Modality, "MR");
	keys_text(&keys, KEY_Modality, "CT");
	cr_assert_str_eq(keys_get_text(&keys, KEY_Modality), "CT");
	keys_text(&keys, KEY_Modality, "");
	cr_assert_null(keys_get_text(&keys, KEY_Modality));
	keys_number(&keys, KEY_FlipAngle, 90);
	keys_number(&keys, KEY_FlipAngle, NAN);
	cr_assert(isnan(keys_get_number(&keys, KEY_FlipAngle)));
}

Test(vendor_keys, formats_say_which_numbers_are_none)
{
	keys_number(&keys, KEY_FlipAngle, 0);
	cr_assert_not(keys.value[KEY_FlipAngle].is_set, "a positive one");
	keys_number(&keys, KEY_PhilipsRescaleIntercept, 0);
	cr_assert(keys.value[KEY_PhilipsRescaleIntercept].is_set, "any number");
	keys_number(&keys, KEY_PhilipsRescaleIntercept, INFINITY);
	cr_assert_not(keys.value[KEY_PhilipsRescaleIntercept].is_set);
}

Test(vendor_keys, lists_are_copied)
{
	double v[2] = { 1, 2 };

	keys_list(&keys, KEY_SliceTiming, v, 2);
	v[0] = 9;
	cr_assert_eq(keys.value[KEY_SliceTiming].list[0], 1);
	keys_list(&keys, KEY_SliceTiming, v, 0);
	cr_assert_not(keys.value[KEY_SliceTiming].is_set);
}

Test(vendor_keys, names_are_those_of_the_table)
{
	cr_assert_str_eq(key_name(KEY_Modality), "Modality");
	cr_assert_str_eq(key_name(KEY_ConversionSoftwareVersion), "ConversionSoftwareVersion");
	cr_assert_eq(key_format(KEY_ImagingFrequency), KEY_DIGITS10);
}
