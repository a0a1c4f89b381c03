/* SPDX-License-Identifier: MIT */
/* Sets of things by number: what is in them, whatever the order in which it came and went. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/mem.h"
#include "vfs/tree.h"

#define MOST 500u

static uint64_t things[MOST];

static void make_things(void)
{
	unsigned i;

	for (i = 0; i < MOST; i++)
		things[i] = 10 + 3 * (uint64_t)i;
}

static void check(const struct ino_set *s, const bool *has)
{
	size_t n = 0;
	unsigned i;

	for (i = 0; i < MOST; i++) {
		cr_assert_eq(ino_set_find(s, things[i]), has[i] ? &things[i] : NULL);
		if (has[i])
			cr_assert_eq(s->items[n++], &things[i]);
	}
	cr_assert_eq(s->n, n);
}

Test(ino_set, has_what_was_added_and_not_removed)
{
	struct ino_set s = { 0 };
	bool has[MOST] = { false };
	unsigned step, i, seed = 5;

	make_things();
	for (step = 0; step < 50000; step++) {
		i = (unsigned)rand_r(&seed) % MOST;
		if (has[i])
			ino_set_remove(&s, things[i]);
		else
			cr_assert_eq(ino_set_add(&s, &things[i]), 0);
		has[i] = !has[i];
		if (step % 97 == 0)
			check(&s, has);
	}
	ino_set_remove(&s, 11);
	check(&s, has);
	mem_free(s.room);
}

Test(ino_set, removing_the_first_moves_none_of_the_rest)
{
	struct ino_set s = { 0 };
	uint64_t **last;
	unsigned i;

	make_things();
	for (i = 0; i < MOST; i++)
		cr_assert_eq(ino_set_add(&s, &things[i]), 0);
	last = &s.items[MOST - 1];
	for (i = 0; i + 1 < MOST; i++) {
		ino_set_remove(&s, things[i]);
		cr_assert_eq(ino_set_find(&s, things[MOST - 1]), &things[MOST - 1]);
		if (s.n > 2)
			cr_assert_eq(&s.items[s.n - 1], last);
	}
	cr_assert_eq(s.n, 1);
	mem_free(s.room);
}

/* What is removed at one end while as much is added at the other stays as small as it is. */
Test(ino_set, a_queue_takes_the_room_of_what_is_in_it)
{
	static uint64_t many[20000];
	struct ino_set s = { 0 };
	unsigned i;

	for (i = 0; i < 20000; i++) {
		many[i] = i + 1;
		cr_assert_eq(ino_set_add(&s, &many[i]), 0);
		if (i >= 100)
			ino_set_remove(&s, many[i - 100]);
	}
	cr_assert_eq(s.n, 100);
	cr_assert_leq(s.cap, 256);
	mem_free(s.room);
}
