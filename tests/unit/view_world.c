/* SPDX-License-Identifier: MIT */
/* A world that is scanned again, also without memory. */
#include <criterion/criterion.h>

#include <errno.h>

#include "base/err.h"
#include "base/mem.h"
#include "support/archive.h"
#include "support/walk.h"
#include "view/world.h"

static void add_image(struct archive *a, const char *name, int number)
{
	archive_image(a, name, &(struct gen_instance){ .number = number });
	archive_age(a, name, 60);
}

static size_t count_shown(struct world *w)
{
	struct snapshot *s = world_snapshot(w);
	size_t n = snapshot_n_instances(s);

	snapshot_put(s);
	return n;
}

/* Whichever allocation fails: what a scan found and could not show is shown by the next one. */
Test(view_world, a_scan_shows_what_the_one_before_could_not, .timeout = 60)
{
	struct archive a;
	struct walk w;
	struct err err;
	bool changed;
	unsigned long n;
	int rc;

	archive_begin(&a);
	add_image(&a, "1", 1);
	walk_begin(&w, &a, NULL);
	cr_assert_eq(count_shown(w.world), 1);
	add_image(&a, "2", 2);
	for (n = 1; count_shown(w.world) == 1; n++) {
		mem_fail_after(n);
		rc = world_scan(w.world, &changed, &err);
		mem_fail_after(0);
		cr_assert(rc == 0 || rc == -ENOMEM, "%lu: %s", n, err.msg);
		if (rc == 0)
			cr_assert(changed && count_shown(w.world) == 2, "%lu", n);
	}
	cr_assert_eq(world_scan(w.world, &changed, &err), 0);
	cr_assert_not(changed);
	walk_end(&w);
	archive_end(&a);
}
