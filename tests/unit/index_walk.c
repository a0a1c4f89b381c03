/* SPDX-License-Identifier: MIT */
/* The walk: how many files it asks for at once where each takes its time. */
#include <criterion/criterion.h>

#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/archive.h"

#define DELAY_US 10000

static _Atomic int n_open, most_open;
static _Atomic bool slow;

/* In place of the library's: a disk that takes its time to open a file. */
int openat(int dir_fd, const char *path, int flags, ...)
{
	bool counts = slow && !(flags & O_DIRECTORY);
	mode_t mode = 0;
	va_list ap;
	int n, most;

	va_start(ap, flags);
	if (flags & O_CREAT)
		mode = va_arg(ap, mode_t);
	va_end(ap);
	if (counts) {
		n = atomic_fetch_add(&n_open, 1) + 1;
		for (most = most_open; n > most;)
			if (atomic_compare_exchange_weak(&most_open, &most, n))
				break;
		usleep(DELAY_US);
		atomic_fetch_sub(&n_open, 1);
	}
	return (int)syscall(SYS_openat, dir_fd, path, flags, mode);
}

/* How many opens wait at once, at most, while `n_files` of one folder are scanned. */
static int at_once(unsigned n_threads, int n_files)
{
	struct scan_options opt = { .n_threads = n_threads };
	struct archive a;
	struct store *s;
	char name[32];
	bool changed;
	int i;

	archive_begin(&a);
	for (i = 1; i <= n_files; i++) {
		snprintf(name, sizeof name, "one/%d", i);
		archive_image(&a, name, &(struct gen_instance){ .number = i });
	}
	cr_assert_eq(store_new(a.files, &opt, &s, NULL), 0);
	most_open = 0;
	slow = true;
	cr_assert_eq(store_scan(s, &changed, NULL), 0);
	slow = false;
	a.catalog = store_get(s);
	cr_expect_eq(a.catalog->n_instances, (unsigned)n_files);
	catalog_put(a.catalog);
	a.catalog = NULL;
	store_free(s);
	archive_end(&a);
	return most_open;
}

Test(index_walk, as_many_files_are_waited_for_as_there_are_threads, .timeout = 60)
{
	cr_expect_eq(at_once(1, 20), 1);
	cr_expect_eq(at_once(2, 20), 2);
	cr_expect_eq(at_once(8, 40), 8, "though a folder of 40 files is one batch");
	cr_expect_geq(at_once(32, 300), 30);
}
