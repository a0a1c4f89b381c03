/* SPDX-License-Identifier: MIT */
/* The hash map against an array that says what must be in it. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/map.h"

#define N 500

static char keys[N][16];
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

static size_t steps(const struct map *m)
{
	size_t sum = 0, i;

	for (i = 0; i < m->n_slots; i++)
		if (m->slots[i].value)
			sum += (i - (size_t)m->slots[i].hash) & (m->n_slots - 1);
	return sum;
}

/* As file names that somebody made so that one hash is that of all of them. */
Test(base_map, names_that_were_chosen_to_collide_do_not)
{
	enum { MANY = 20000 };
	uint64_t(*names)[2] = calloc(MANY, sizeof *names), word, mixed;
	struct map m = { 0 };
	size_t i;

	for (i = 0; i < MANY; i++) {
		word = 0x6161616161616161 + i * 0x0101;
		memcpy(&names[i][0], &word, sizeof word);
		mixed = 16 * UINT64_C(0x9e3779b97f4a7c15);
		mixed = ((mixed ^ mixed >> 32) ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		names[i][1] = mixed ^ mixed >> 32;
		cr_assert_eq(hash_quick(0, names[i], 16), hash_quick(0, names[0], 16));
		cr_assert_eq(map_put(&m, names[i], 16, names[i]), 0);
	}
	cr_expect_lt(steps(&m), 4 * MANY, "%zu", steps(&m));
	for (i = 0; i < MANY; i++)
		cr_assert_eq(map_get(&m, names[i], 16), names[i]);
	map_release(&m);
	free(names);
}

/* Numbers, as most names are; addresses are not, but lie as near to each other. */
Test(base_map, names_that_are_alike_are_spread)
{
	enum { MANY = 20000 };
	char(*names)[32] = calloc(MANY, sizeof *names);
	struct map m = { 0 };
	size_t i;

	for (i = 0; i < MANY; i++) {
		snprintf(names[i], sizeof names[i], "1.2.840.113619.2.%zu.dcm", i);
		cr_assert_eq(map_put_str(&m, names[i], names[i]), 0);
	}
	cr_expect_lt(steps(&m), 4 * MANY, "%zu", steps(&m));
	map_release(&m);
	for (i = 0; i < MANY; i++) {
		*(uintptr_t *)(void *)names[i] = (uintptr_t)names[i];
		cr_assert_eq(map_put(&m, names[i], sizeof(uintptr_t), names[i]), 0);
	}
	cr_expect_lt(steps(&m), 4 * MANY, "%zu", steps(&m));
	map_release(&m);
	free(names);
}
