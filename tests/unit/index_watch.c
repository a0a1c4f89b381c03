/* SPDX-License-Identifier: MIT */
/* Watching a folder: what is told, and what is not. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "index/watch.h"

static char top[64];

static int open_top(void)
{
	snprintf(top, sizeof top, "/tmp/dcmfs-watch-XXXXXX");
	cr_assert_not_null(mkdtemp(top));
	return open(top, O_RDONLY | O_DIRECTORY);
}

static void put(int fd, const char *name)
{
	int file = openat(fd, name, O_CREAT | O_WRONLY, 0600);

	cr_assert_eq(write(file, "x", 1), 1);
	close(file);
}

static bool told(struct watch *w)
{
	struct pollfd p = { .fd = watch_fd(w), .events = POLLIN };

	return poll(&p, 1, 2000) == 1 && watch_drain(w);
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

Test(index_watch, tells_of_files_at_any_depth_and_in_new_folders)
{
	int fd = open_top();
	struct watch *w = NULL;
	bool changed;

	mkdirat(fd, "a", 0700);
	mkdirat(fd, "a/b", 0700);
	cr_assert_eq(watch_new(fd, now_ns() + 1000000000, &w, &changed, NULL), 0);
	cr_assert_not(changed);
	cr_assert_not(watch_drain(w));
	put(fd, "a/b/file");
	cr_assert(told(w));
	cr_assert_not(watch_drain(w));
	mkdirat(fd, "a/b/c", 0700);
	cr_assert(told(w));
	put(fd, "a/b/c/file");
	cr_assert(told(w));
	unlinkat(fd, "a/b/c/file", 0);
	cr_assert(told(w));
	renameat(fd, "a/b/file", fd, "a/b/other");
	cr_assert(told(w));
	watch_free(w);
	close(fd);
}

Test(index_watch, says_what_changed_before_it_began)
{
	int64_t before = now_ns() - 1000000000;
	int fd = open_top();
	struct watch *w = NULL;
	bool changed;

	mkdirat(fd, "a", 0700);
	put(fd, "a/file");
	cr_assert_eq(watch_new(fd, before, &w, &changed, NULL), 0);
	cr_assert(changed);
	watch_free(w);
	close(fd);
}

Test(index_watch, fails_cleanly_without_memory)
{
	int fd = open_top();
	struct watch *w;
	bool changed;
	unsigned n;

	mkdirat(fd, "a", 0700);
	mkdirat(fd, "a/b", 0700);
	for (n = 1; n < 5; n++) {
		mem_fail_after(n);
		cr_assert_lt(watch_new(fd, 0, &w, &changed, NULL), 0, "%u", n);
		mem_fail_after(0);
	}
	close(fd);
}
