/* SPDX-License-Identifier: MIT */
/* The hash map against an array that says what must be in it. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "base/map.h"

#define N 500

static char keys[N][8];
static bool in[N];

static void expect_all(const struct map *m)
{
	size_t n = 0, i;

	for (i = 0; i < N; i++) {
		cr_assert_eq(map_get_str(m, keys[i]), in[i] ? keys[i] : NULL, "%s", keys[i]);
		n += in[i];
	}
	cr_assert_eq(m->n_used, n);
}

Test(base_map, what_is_put_is_there_until_it_is_removed)
{
	struct map m = { 0 };
	unsigned long random = 1;
	int step;

	for (step = 0; step < N; step++)
		snprintf(keys[step], sizeof keys[step], "%d", step);
	map_remove(&m, "1", 1);
	for (step = 0; step < 20000; step++) {
		size_t i;

		random = random * 6364136223846793005u + 1442695040888963407u;
		i = random >> 33 & (step / 1000 % 2 ? 511 : 31);
		if (i >= N)
			continue;
		if (random >> 62 & 1) {
			cr_assert_eq(map_put_str(&m, keys[i], keys[i]), 0);
			in[i] = true;
		} else {
			map_remove(&m, keys[i], strlen(keys[i]));
			in[i] = false;
		}
		if (step % 16 == 0)
			expect_all(&m);
	}
	map_release(&m);
}

Test(base_map, a_walk_may_remove_what_it_is_given)
{
	struct map m = { 0 };
	const struct map_slot *slot;
	size_t pos = 0;
	int i, n_left = 0;

	for (i = 0; i < N; i++) {
		snprintf(keys[i], sizeof keys[i], "%d", i);
		cr_assert_eq(map_put_str(&m, keys[i], keys[i]), 0);
	}
	while ((slot = map_next(&m, &pos))) {
		const char *key = slot->value;

		if (key[0] == '7')
			continue;
		map_remove(&m, key, strlen(key));
		pos--;
	}
	for (pos = 0; (slot = map_next(&m, &pos)); n_left++)
		cr_expect_eq(((const char *)slot->value)[0], '7');
	cr_expect_eq(n_left, 11);
	map_release(&m);
}
