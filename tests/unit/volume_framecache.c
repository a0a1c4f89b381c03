/* SPDX-License-Identifier: MIT */
/* The frame cache: one maker a frame, a bound that holds, failures that are told and forgotten. */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/stop.h"
#include "volume/framecache.h"

#define LEN 1000u

struct maker {
	_Atomic unsigned n_made, n_begun;
	_Atomic bool fail;
	pthread_barrier_t *both_here; /* the maker waits here until the test lets it go on */
};

static int make(void *arg, uint8_t *out, size_t len, struct err *err)
{
	struct maker *m = arg;

	if (m->both_here)
		pthread_barrier_wait(m->both_here);
	atomic_fetch_add(&m->n_made, 1);
	if (m->fail)
		return err_set(err, -EIO, "made to fail");
	memset(out, 42, len);
	return 0;
}

static struct framecache *new_cache(size_t budget)
{
	struct framecache *c;

	cr_assert_eq(framecache_new(NULL, budget, 0, &c, NULL), 0);
	return c;
}

static int get(struct framecache *c, uint64_t which, struct maker *m, const struct frame **f,
	struct err *err)
{
	uint64_t id[2] = { 77, which };

	return framecache_get_made(c, id, LEN, make, m, NULL, f, err);
}

static void get_and_put(struct framecache *c, uint64_t which, struct maker *m)
{
	const struct frame *f;

	cr_assert_eq(get(c, which, m, &f, NULL), 0);
	cr_assert_eq(f->samples[LEN - 1], 42);
	framecache_put(c, f);
}

Test(framecache, what_is_kept_is_not_made_again)
{
	struct framecache *c = new_cache(10 * LEN);
	struct maker m = { 0 };

	get_and_put(c, 1, &m);
	get_and_put(c, 1, &m);
	cr_assert_eq(m.n_made, 1);
	framecache_free(c);
}

Test(framecache, unpinned_bytes_never_exceed_the_budget)
{
	struct framecache *c = new_cache(3 * LEN);
	struct framecache_stats s;
	struct maker m = { 0 };
	uint64_t i;

	for (i = 0; i < 50; i++) {
		get_and_put(c, i, &m);
		framecache_stats(c, &s);
		cr_assert_leq(s.held_bytes, 3 * LEN);
	}
	get_and_put(c, 49, &m);
	cr_assert_eq(m.n_made, 50, "the newest is kept");
	get_and_put(c, 0, &m);
	cr_assert_eq(m.n_made, 51, "the oldest went");
	framecache_free(c);
}

Test(framecache, the_longest_unused_goes_first)
{
	struct framecache *c = new_cache(2 * LEN);
	struct maker m = { 0 };

	get_and_put(c, 1, &m);
	get_and_put(c, 2, &m);
	get_and_put(c, 1, &m);
	get_and_put(c, 3, &m);
	cr_assert_eq(m.n_made, 3);
	get_and_put(c, 1, &m);
	cr_assert_eq(m.n_made, 3, "1 was used after 2");
	get_and_put(c, 2, &m);
	cr_assert_eq(m.n_made, 4);
	framecache_free(c);
}

Test(framecache, pinned_frames_stay_whatever_the_budget)
{
	struct framecache *c = new_cache(1);
	const struct frame *a, *b;
	struct framecache_stats s;
	struct maker m = { 0 };

	cr_assert_eq(get(c, 1, &m, &a, NULL), 0);
	cr_assert_eq(get(c, 2, &m, &b, NULL), 0);
	cr_assert_eq(a->samples[0], 42);
	framecache_put(c, a);
	framecache_put(c, b);
	framecache_stats(c, &s);
	cr_assert_eq(s.held_bytes, LEN, "the last one alone");
	framecache_free(c);
}

Test(framecache, a_frame_larger_than_all_is_made_once_for_one_reader)
{
	struct framecache *c = new_cache(LEN - 1);
	struct framecache_stats s;
	struct maker m = { 0 };

	get_and_put(c, 1, &m);
	get_and_put(c, 1, &m);
	cr_assert_eq(m.n_made, 1);
	get_and_put(c, 2, &m);
	framecache_stats(c, &s);
	cr_assert_eq(s.held_bytes, LEN);
	get_and_put(c, 1, &m);
	cr_assert_eq(m.n_made, 3, "it went when another was wanted");
	framecache_free(c);
}

Test(framecache, a_failure_is_told_and_not_remembered)
{
	struct framecache *c = new_cache(10 * LEN);
	struct maker m = { .fail = true };
	const struct frame *f;
	struct err err;

	cr_assert_eq(get(c, 1, &m, &f, &err), -EIO);
	cr_assert_str_eq(err.msg, "made to fail");
	m.fail = false;
	get_and_put(c, 1, &m);
	cr_assert_eq(m.n_made, 2);
	framecache_free(c);
}

struct asker {
	struct framecache *c;
	struct maker *m;
	struct stop *stop;
	int rc;
	struct err err;
};

static void *ask(void *arg)
{
	struct asker *a = arg;
	const struct frame *f;

	a->rc = get(a->c, 5, a->m, &f, &a->err);
	if (a->rc == 0)
		framecache_put(a->c, f);
	return NULL;
}

/* Two threads ask for one frame; the maker goes on only when the second has begun to wait (a hit). */
static void ask_twice(bool fail, struct asker out[2], unsigned *n_made)
{
	struct framecache *c = new_cache(10 * LEN);
	struct maker m = { .fail = fail };
	struct framecache_stats s;
	pthread_barrier_t here;
	pthread_t threads[2];
	int i;

	pthread_barrier_init(&here, NULL, 2);
	m.both_here = &here;
	for (i = 0; i < 2; i++) {
		out[i] = (struct asker){ .c = c, .m = &m };
		pthread_create(&threads[i], NULL, ask, &out[i]);
	}
	do
		framecache_stats(c, &s);
	while (s.n_hits == 0);
	pthread_barrier_wait(&here);
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	*n_made = m.n_made;
	framecache_free(c);
	pthread_barrier_destroy(&here);
}

Test(framecache, two_askers_share_one_making)
{
	struct asker a[2];
	unsigned n_made;

	ask_twice(false, a, &n_made);
	cr_assert_eq(n_made, 1);
	cr_assert(a[0].rc == 0 && a[1].rc == 0);
}

Test(framecache, a_failure_reaches_every_waiter)
{
	struct asker a[2];
	unsigned n_made;

	ask_twice(true, a, &n_made);
	cr_assert_eq(n_made, 1);
	cr_assert(a[0].rc == -EIO && a[1].rc == -EIO);
	cr_assert_str_eq(a[0].err.msg, "made to fail");
	cr_assert_str_eq(a[1].err.msg, "made to fail");
}

struct until {
	struct stop stop; /* first */
	_Atomic bool over;
};

static bool is_over(struct stop *s)
{
	return ((struct until *)s)->over;
}

/* Makes it once it is let go on, unless it is stopped by then. */
static int make_stoppable(void *arg, uint8_t *out, size_t len, struct err *err)
{
	struct asker *a = arg;

	atomic_fetch_add(&a->m->n_begun, 1);
	pthread_barrier_wait(a->m->both_here);
	if (stop_check(a->stop, err) < 0)
		return -EINTR;
	return make(&(struct maker){ 0 }, out, len, err);
}

static void *ask_stoppably(void *arg)
{
	static const uint64_t id[2] = { 77, 5 };
	struct asker *a = arg;
	const struct frame *f;

	a->rc = framecache_get_made(a->c, id, LEN, make_stoppable, a, a->stop, &f, &a->err);
	if (a->rc == 0)
		framecache_put(a->c, f);
	return NULL;
}

/* Others come and go in the cache: for so many seconds, or until it is told to end. */
struct traffic {
	struct framecache *c;
	_Atomic bool over, has_ended;
};

static void *come_and_go(void *arg)
{
	struct traffic *t = arg;
	time_t end = time(NULL) + 20;
	struct maker m = { 0 };
	uint64_t i;

	for (i = 100; !t->over && time(NULL) < end; i++)
		get_and_put(t->c, i, &m);
	t->has_ended = true;
	return NULL;
}

/* The first makes it, the second waits; `stopped` is stopped then, and the makers that are to come
 * are let go on. */
static void stop_one(unsigned stopped, unsigned n_makers, struct asker out[2])
{
	struct until until[2] = { { .stop = { is_over } }, { .stop = { is_over } } };
	struct framecache *c = new_cache(10 * LEN);
	pthread_barrier_t here;
	struct maker m = { .both_here = &here };
	struct framecache_stats s;
	struct traffic traffic = { .c = c };
	pthread_t threads[2], others;
	unsigned i;

	pthread_barrier_init(&here, NULL, 2);
	for (i = 0; i < 2; i++) {
		out[i] = (struct asker){ .c = c, .m = &m, .stop = &until[i].stop };
		pthread_create(&threads[i], NULL, ask_stoppably, &out[i]);
		do
			framecache_stats(c, &s);
		while (i ? s.n_hits == 0 : m.n_begun == 0);
	}
	pthread_create(&others, NULL, come_and_go, &traffic);
	until[stopped].over = true;
	if (stopped == 1)
		pthread_join(threads[1], NULL);
	cr_expect(!traffic.has_ended, "they go on all the time");
	traffic.over = true;
	pthread_join(others, NULL);
	for (i = 0; i < n_makers; i++)
		pthread_barrier_wait(&here);
	pthread_join(threads[0], NULL);
	if (stopped == 0)
		pthread_join(threads[1], NULL);
	framecache_free(c);
	pthread_barrier_destroy(&here);
}

Test(framecache, who_waits_for_one_that_is_stopped_makes_it_himself)
{
	struct asker a[2];

	stop_one(0, 2, a);
	cr_expect_eq(a[0].rc, -EINTR);
	cr_expect_eq(a[1].rc, 0);
}

Test(framecache, who_waits_for_another_can_be_stopped)
{
	struct asker a[2];

	stop_one(1, 1, a);
	cr_expect_eq(a[0].rc, 0);
	cr_expect_eq(a[1].rc, -EINTR);
}

Test(framecache, without_memory_it_says_so_and_recovers)
{
	struct framecache *c = new_cache(10 * LEN);
	struct maker m = { 0 };
	const struct frame *f;
	unsigned long n;

	for (n = 1; n <= 2; n++) {
		mem_fail_after(n);
		cr_assert_eq(get(c, 1, &m, &f, NULL), -ENOMEM);
		mem_fail_after(0);
	}
	get_and_put(c, 1, &m);
	framecache_free(c);
}

Test(framecache, only_a_reader_in_order_is_read_ahead_of)
{
	struct framecache *c;
	uint64_t from = 0;
	unsigned n;

	cr_assert_eq(framecache_new(NULL, LEN, 2, &c, NULL), 0);
	cr_assert_eq(framecache_sequential(c, FRAMECACHE_DECODE, 9, 10, 10, &from), 0);
	cr_assert_eq(framecache_sequential(c, FRAMECACHE_DECODE, 9, 3, 3, &from), 0);
	cr_assert_eq(framecache_sequential(c, FRAMECACHE_DECODE, 9, 50, 50, &from), 0);
	framecache_sequential(c, FRAMECACHE_DECODE, 9, 51, 51, &from);
	n = framecache_sequential(c, FRAMECACHE_DECODE, 9, 52, 52, &from);
	cr_assert_gt(n, 0);
	cr_assert_eq(from, 53);
	cr_assert_eq(framecache_sequential(c, FRAMECACHE_DECODE, 9, 52, 52, &from), 0,
		"told already");
	cr_assert_eq(framecache_sequential(c, FRAMECACHE_DECODE, 9, 53, 53, &from), 1,
		"one further each time");
	cr_assert_eq(from, 53 + n);
	framecache_free(c);
}

Test(framecache, a_request_over_many_positions_is_one_step)
{
	struct framecache *c;
	uint64_t from = 0;

	cr_assert_eq(framecache_new(NULL, LEN, 2, &c, NULL), 0);
	cr_assert_eq(framecache_sequential(c, FRAMECACHE_DECODE, 9, 49, 51, &from), 2,
		"a look into the middle");
	cr_assert_eq(from, 50);
	cr_assert_eq(framecache_sequential(c, FRAMECACHE_DECODE, 9, 51, 53, &from), 2);
	cr_assert_eq(from, 52);
	cr_assert_gt(framecache_sequential(c, FRAMECACHE_DECODE, 9, 53, 55, &from), 2);
	cr_assert_eq(from, 54);
	cr_assert_eq(framecache_sequential(c, FRAMECACHE_DECODE, 9, 5, 7, &from), 2, "a jump");
	cr_assert_eq(from, 6);
	cr_assert_eq(framecache_sequential(c, FRAMECACHE_DECODE, 9, 7, 9, &from), 2);
	framecache_free(c);
}
