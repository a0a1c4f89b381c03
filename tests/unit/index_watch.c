/* SPDX-License-Identifier: MIT */
/* Watching a folder: what is told, and what is not. */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "index/changes.h"
#include "index/own.h"
#include "index/watch.h"

/* ---- what the system says, as a test wants it ---- */

static int watches_left = -1; /* -1: as many as it gives */

int inotify_add_watch(int fd, const char *path, uint32_t mask)
{
	if (watches_left == 0) {
		errno = ENOSPC;
		return -1;
	}
	watches_left -= watches_left > 0;
	return (int)syscall(SYS_inotify_add_watch, fd, path, mask);
}

static ino_t mounted; /* a folder that is another file system, which counts no links */

int fstat(int fd, struct stat *st)
{
	if (fstatat(fd, "", st, AT_EMPTY_PATH) != 0)
		return -1;
	if (mounted && st->st_ino == mounted) {
		st->st_dev++;
		st->st_nlink = 2;
	}
	return 0;
}

static char top[64];

static const struct watch_scope everything;

static int open_top(void)
{
	snprintf(top, sizeof top, "/tmp/dcmfs-watch-%d-XXXXXX", (int)getpid());
	cr_assert_not_null(mkdtemp(top));
	return open(top, O_RDONLY | O_DIRECTORY);
}

static void remove_all(void)
{
	cr_expect_eq(system("rm -rf /tmp/dcmfs-watch-\"$PPID\"-*"), 0);
}

TestSuite(index_watch, .fini = remove_all);

static void put(int fd, const char *name)
{
	int file = openat(fd, name, O_CREAT | O_WRONLY, 0600);

	cr_assert_eq(write(file, "x", 1), 1);
	close(file);
}

static struct changes where;

/* Something has happened in this folder, or below it. */
static bool told(struct watch *w, const char *dir, bool below)
{
	struct pollfd p = { .fd = watch_fd(w), .events = POLLIN };
	const struct changes_folder *f;
	bool any;

	changes_release(&where);
	any = poll(&p, 1, 2000) == 1 && watch_drain(w, &where);
	f = map_get_str(&where.folders, dir);
	return any && f && f->below == below && where.folders.n_used == 1;
}

static bool is_told(struct watch *w)
{
	return watch_drain(w, &where);
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
	cr_assert_eq(watch_new(fd, &everything, now_ns() + 1000000000, &w, &changed, NULL), 0);
	cr_assert_not(changed);
	cr_assert_not(is_told(w));
	put(fd, "a/b/file");
	cr_assert(told(w, "a/b", false));
	cr_assert_not(is_told(w));
	mkdirat(fd, "a/b/c", 0700);
	cr_assert(told(w, "a/b/c", true));
	put(fd, "a/b/c/file");
	cr_assert(told(w, "a/b/c", false));
	unlinkat(fd, "a/b/c/file", 0);
	cr_assert(told(w, "a/b/c", false));
	renameat(fd, "a/b/file", fd, "a/b/other");
	cr_assert(told(w, "a/b", false));
	watch_free(w);
	changes_release(&where);
	close(fd);
}

Test(index_watch, a_folder_that_moves_is_told_of_under_its_new_name)
{
	int fd = open_top();
	struct watch *w = NULL;
	bool changed;

	mkdirat(fd, "a", 0700);
	mkdirat(fd, "a/b", 0700);
	mkdirat(fd, "a/b/c", 0700);
	cr_assert_eq(watch_new(fd, &everything, now_ns() + 1000000000, &w, &changed, NULL), 0);
	renameat(fd, "a", fd, "z");
	cr_assert(is_told(w));
	cr_expect(changes_have(&where, "a/b"));
	cr_expect(changes_have(&where, "z/b/c"));
	cr_expect(changes_have_parent(&where, "z/b"));
	cr_expect_not(changes_have(&where, ""));
	put(fd, "z/b/c/file");
	cr_expect(told(w, "z/b/c", false));
	renameat(fd, "z/b", AT_FDCWD, "/tmp/dcmfs-watch-moved-out");
	cr_expect(told(w, "z/b", true));
	put(AT_FDCWD, "/tmp/dcmfs-watch-moved-out/file");
	cr_expect_not(is_told(w));
	cr_expect_eq(system("rm -r /tmp/dcmfs-watch-moved-out"), 0);
	watch_free(w);
	changes_release(&where);
	close(fd);
}

Test(index_watch, of_the_saved_index_nothing_is_told)
{
	const struct own own = { .dir = "a", .file = "x.db" };
	int fd = open_top();
	struct watch *w = NULL;
	bool changed;

	mkdirat(fd, "a", 0700);
	cr_assert_eq(watch_new(fd, &(struct watch_scope){ .own = &own }, now_ns() + 1000000000, &w,
			     &changed, NULL),
		0);
	put(fd, "a/x.db");
	put(fd, "a/x.db-wal");
	unlinkat(fd, "a/x.db-wal", 0);
	cr_expect_not(is_told(w));
	put(fd, "x.db");
	cr_expect(told(w, "", false));
	put(fd, "a/x.db2");
	cr_expect(told(w, "a", false));
	watch_free(w);
	changes_release(&where);
	close(fd);
}

Test(index_watch, of_one_file_alone_nothing_else_is_told)
{
	int fd = open_top();
	struct watch *w = NULL;
	bool changed;

	mkdirat(fd, "a", 0700);
	put(fd, "1");
	cr_assert_eq(watch_new(fd, &(struct watch_scope){ .only_file = "1" }, now_ns() + 1000000000,
			     &w, &changed, NULL),
		0);
	put(fd, "2");
	put(fd, "a/1");
	mkdirat(fd, "b", 0700);
	cr_expect_not(is_told(w));
	renameat(fd, "2", fd, "1");
	cr_expect(told(w, "", false));
	watch_free(w);
	changes_release(&where);
	close(fd);
}

static ino_t inode_of(int fd, const char *name)
{
	struct stat st;

	cr_assert_eq(fstatat(fd, name, &st, 0), 0);
	return st.st_ino;
}

Test(index_watch, the_links_of_another_file_system_tell_nothing)
{
	int fd = open_top();
	struct watch *w = NULL;
	bool changed;

	mkdirat(fd, "a", 0700);
	mkdirat(fd, "a/b", 0700);
	mounted = inode_of(fd, "a");
	cr_assert_eq(watch_new(fd, &everything, now_ns() + 1000000000, &w, &changed, NULL), 0);
	put(fd, "a/b/file");
	cr_expect(told(w, "a/b", false));
	watch_free(w);
	changes_release(&where);
	close(fd);
}

Test(index_watch, a_folder_that_cannot_be_watched_is_no_secret)
{
	int fd = open_top();
	struct watch *w = NULL;
	bool changed;

	mkdirat(fd, "a", 0700);
	watches_left = 2;
	cr_assert_eq(watch_new(fd, &everything, now_ns() + 1000000000, &w, &changed, NULL), 0);
	cr_expect_null(watch_trouble(w));
	mkdirat(fd, "a/b", 0700);
	cr_expect(told(w, "a/b", true));
	cr_assert_not_null(watch_trouble(w));
	cr_expect_not_null(strstr(watch_trouble(w), "max_user_watches"));
	put(fd, "a/b/file");
	cr_expect_not(is_told(w));
	put(fd, "a/file");
	cr_expect(told(w, "a", false), "the others are watched on");
	watch_again(w);
	cr_expect_not_null(watch_trouble(w));
	watches_left = -1;
	watch_again(w);
	cr_expect_null(watch_trouble(w));
	put(fd, "a/b/other");
	cr_expect(told(w, "a/b", false));
	watch_free(w);
	changes_release(&where);
	close(fd);
}

/* As a disk that was mounted again. */
Test(index_watch, another_folder_in_the_place_of_the_first_is_watched_instead)
{
	int fd = open_top(), old, other;
	struct watch *w = NULL;
	bool changed;

	mkdirat(fd, "a", 0700);
	cr_assert_eq(watch_new(fd, &everything, now_ns() + 1000000000, &w, &changed, NULL), 0);
	cr_expect_not(watch_is_of_another(w));
	old = dup(fd);
	other = open_top();
	mkdirat(other, "b", 0700);
	cr_assert_eq(dup2(other, fd), fd);
	cr_assert(watch_is_of_another(w));
	watch_again(w);
	cr_expect_not(watch_is_of_another(w));
	is_told(w);
	put(old, "a/file");
	cr_expect_not(is_told(w));
	put(other, "b/file");
	cr_expect(told(w, "b", false));
	watch_free(w);
	changes_release(&where);
	close(fd);
	close(old);
	close(other);
}

/* Out of SOURCE, within it, there and back, and others to where they were: all before anyone looks. */
Test(index_watch, many_folders_that_move_are_sorted_out_together)
{
	int fd = open_top(), i;
	char from[32], to[96];
	struct watch *w = NULL;
	bool changed;

	mkdirat(fd, "in", 0700);
	for (i = 0; i < 400; i++) {
		snprintf(from, sizeof from, "in/%d", i);
		mkdirat(fd, from, 0700);
		snprintf(from, sizeof from, "in/%d/x", i);
		mkdirat(fd, from, 0700);
	}
	mkdirat(fd, "to", 0700);
	cr_assert_eq(watch_new(fd, &everything, now_ns() + 1000000000, &w, &changed, NULL), 0);
	snprintf(to, sizeof to, "%s-out", top);
	cr_assert_eq(mkdir(to, 0700), 0);
	for (i = 0; i < 400; i++) {
		snprintf(from, sizeof from, "in/%d", i);
		snprintf(to, sizeof to, i % 4 == 1 ? "to/%d" : "%2$s-out/%1$d", i, top);
		cr_assert_eq(renameat(fd, from, i % 4 == 1 ? fd : AT_FDCWD, to), 0);
		if (i % 4 == 2)
			cr_assert_eq(renameat(AT_FDCWD, to, fd, from), 0);
		if (i % 4 == 3) {
			mkdirat(fd, from, 0700);
			snprintf(from, sizeof from, "in/%d/x", i);
			mkdirat(fd, from, 0700);
		}
	}
	cr_assert(is_told(w));
	for (i = 0; i < 400; i++) {
		snprintf(from, sizeof from, i % 4 == 1 ? "to/%d/x" : "in/%d/x", i);
		snprintf(to, sizeof to, "%s/f", from);
		if (i % 4 != 0) {
			put(fd, to);
			cr_assert(told(w, from, false), "%s", from);
		}
		if (i % 4 == 0 || i % 4 == 3) {
			snprintf(to, sizeof to, "%s-out/%d/x/f", top, i);
			put(AT_FDCWD, to);
			cr_assert_not(is_told(w), "%s", to);
		}
	}
	watch_free(w);
	changes_release(&where);
	close(fd);
}

Test(index_watch, more_folders_than_are_worth_it_are_all_of_them)
{
	struct changes c = { 0 };
	char name[16];
	int i;

	for (i = 0; i < 5000 && !c.all; i++) {
		snprintf(name, sizeof name, "%d", i);
		changes_add(&c, "in", name, false);
	}
	cr_expect(c.all);
	cr_expect_lt(i, 5000);
	cr_expect(changes_have(&c, "any/where"));
	changes_release(&c);
	cr_expect_not(changes_any(&c));
}

Test(index_watch, says_what_changed_before_it_began)
{
	int64_t before = now_ns() - 1000000000;
	int fd = open_top();
	struct watch *w = NULL;
	bool changed;

	mkdirat(fd, "a", 0700);
	put(fd, "a/file");
	cr_assert_eq(watch_new(fd, &everything, before, &w, &changed, NULL), 0);
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
		cr_assert_lt(watch_new(fd, &everything, 0, &w, &changed, NULL), 0, "%u", n);
		mem_fail_after(0);
	}
	close(fd);
}
