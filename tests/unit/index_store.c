/* SPDX-License-Identifier: MIT */
/* The scan of a folder, and what later scans make of changes in it. */
#include <criterion/criterion.h>

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "dicom/tags.h"
#include "index/changes.h"
#include "index/own.h"
#include "support/archive.h"
#include "support/failsource.h"
#include "support/openat.h"

static struct archive a;

static void begin(void)
{
	archive_begin(&a);
}

static void end(void)
{
	archive_end(&a);
}

TestSuite(index_store, .init = begin, .fini = end);

static const struct file_problem *problem_of(const char *path)
{
	uint32_t i;

	for (i = 0; i < a.catalog->n_problems; i++)
		if (strcmp(a.catalog->problems[i].path, path) == 0)
			return &a.catalog->problems[i];
	return NULL;
}

static void image(const char *name, int number)
{
	archive_image(&a, name, &(struct gen_instance){ .number = number });
}

Test(index_store, finds_every_file_that_is_dicom_and_names_the_others)
{
	struct gen g;

	image("deep/er/and/deeper/1", 1);
	image(".hidden", 2);
	image("no ending", 3);
	archive_write(&a, "notes.txt", "hello, world", 12);
	archive_write(&a, "empty", "", 0);
	gen_begin(&g, GEN_EXPLICIT);
	gen_sequence(&g, DCM_DirectoryRecordSequence);
	archive_header(&a, "DICOMDIR", &g);
	archive_scan(&a);
	cr_expect_eq(a.catalog->n_instances, 3);
	cr_expect_eq(a.catalog->n_files, 6);
	cr_expect_eq(a.catalog->n_not_dicom, 2);
	cr_assert_eq(a.catalog->n_problems, 2);
	cr_expect_str_eq(problem_of("notes.txt")->text, "not DICOM");
	cr_expect_str_eq(problem_of("empty")->text, "empty");
}

Test(index_store, follows_links_to_files_and_none_to_folders)
{
	image("real/1", 1);
	cr_assert_eq(symlink("1", archive_path(&a, "real/copy")), 0);
	cr_assert_eq(symlink("..", archive_path(&a, "real/loop")), 0);
	cr_assert_eq(symlink("nowhere", archive_path(&a, "real/broken")), 0);
	archive_scan(&a);
	cr_expect_eq(a.catalog->n_instances, 1);
	cr_expect_eq(a.catalog->n_duplicates, 1);
	cr_expect_not_null(problem_of("real/loop"));
	cr_expect_not_null(problem_of("real/broken"));
}

Test(index_store, never_opens_a_pipe, .timeout = 20)
{
	image("1", 1);
	cr_assert_eq(mkfifo(archive_path(&a, "pipe"), 0644), 0);
	archive_scan(&a);
	cr_expect_eq(a.catalog->n_instances, 1);
	cr_expect_eq(a.catalog->n_problems, 0);
}

Test(index_store, damage_is_told_with_its_byte)
{
	struct gen_instance what = { .number = 1 };
	struct gen g;

	gen_instance_begin(&g, &what);
	gen_instance_end(&g, &what);
	archive_write(&a, "short", g.out.data, g.out.len - 7);
	gen_release(&g);
	archive_scan(&a);
	cr_expect_eq(a.catalog->n_instances, 1);
	cr_assert_eq(a.catalog->n_problems, 1);
	cr_expect_str_eq(a.catalog->problems[0].path, "short");
	cr_expect_gt(a.catalog->problems[0].off, 100);
}

Test(index_store, one_file_alone)
{
	struct scan_options opt = { .only_file = "2" };
	struct store *s;
	struct catalog *c;
	bool changed;

	image("1", 1);
	image("2", 2);
	cr_assert_eq(store_new(a.files, &opt, &s, NULL), 0);
	cr_assert_eq(store_scan(s, &changed, NULL), 0);
	c = store_get(s);
	cr_assert_eq(c->n_instances, 1);
	cr_expect_str_eq(c->instances_by_id[0]->file, "2");
	catalog_put(c);
	store_free(s);
}

Test(index_store, the_saved_index_is_no_file_of_the_source)
{
	static const char *const names[] = { "x.db", "x.db-wal", "x.db-shm", "x.db-journal",
		"x.db.damaged", "x.db.txt", "y.db" };
	struct scan_options opt = { 0 };
	char name[32], index[96];
	struct own own;
	struct catalog *c;
	struct store *s;
	bool changed;
	int i;

	image("a/1", 1);
	for (i = 0; i < 14; i++) {
		snprintf(name, sizeof name, "%s%s", i < 7 ? "a/" : "", names[i % 7]);
		archive_write(&a, name, "SQLite format 3", 15);
	}
	snprintf(index, sizeof index, "%s/a/../a/x.db", a.path);
	cr_assert_eq(own_init(&own, a.path, index, NULL), 0);
	opt.own = &own;
	cr_assert_eq(store_new(a.files, &opt, &s, NULL), 0);
	cr_assert_eq(store_scan(s, &changed, NULL), 0);
	c = store_get(s);
	cr_expect_eq(c->n_instances, 1);
	cr_expect_eq(c->n_files, 1 + 14 - 5);
	catalog_put(c);
	store_free(s);
	own_release(&own);
}

Test(index_store, which_saved_index_is_below_a_source)
{
	struct own own;

	cr_assert_eq(own_init(&own, "/", "/tmp/x.db", NULL), 0);
	cr_expect(own_has(&own, "tmp", "x.db-wal"));
	cr_expect_not(own_has(&own, "", "x.db-wal"));
	own_release(&own);
	cr_assert_eq(own_init(&own, "/tmp", "/tmp/x.db", NULL), 0);
	cr_expect(own_has(&own, "", "x.db"));
	own_release(&own);
	cr_assert_eq(own_init(&own, "/tm", "/tmp/x.db", NULL), 0);
	cr_expect_not(own_has(&own, "", "x.db"));
	cr_assert_eq(own_init(&own, "/tmp", "/nowhere/at/all/x.db", NULL), 0);
	cr_expect_not(own_has(&own, "", "x.db"));
	cr_expect_not(own_has(NULL, "", "x.db"));
}

Test(index_store, an_empty_folder_is_an_empty_catalog)
{
	cr_expect(archive_scan(&a));
	cr_expect_eq(a.catalog->n_patients, 0);
	cr_expect_not(archive_scan(&a));
}

Test(index_store, nothing_changed_is_no_new_catalog)
{
	const struct catalog *first;

	image("1", 1);
	archive_write(&a, "x", "not dicom", 9);
	cr_assert_eq(symlink(".", archive_path(&a, "loop")), 0);
	cr_expect(archive_scan(&a));
	first = a.catalog;
	cr_expect_not(archive_scan(&a));
	cr_expect_eq(a.catalog, first);
}

Test(index_store, what_is_new_or_changed_is_read_and_what_is_gone_dropped)
{
	uint32_t id;

	image("1", 1);
	image("2", 2);
	image("3", 3);
	archive_scan(&a);
	id = archive_find(a.catalog, "2")->id;
	unlink(archive_path(&a, "1"));
	archive_image(&a, "2", &(struct gen_instance){ .number = 22 });
	archive_age(&a, "2", 60);
	image("4", 4);
	archive_age(&a, "4", 60);
	cr_expect(archive_scan(&a));
	cr_expect_eq(a.catalog->n_instances, 3);
	cr_expect_null(archive_find(a.catalog, "1"));
	cr_expect_eq(archive_find(a.catalog, "2")->number, 22);
	cr_expect_gt(archive_find(a.catalog, "2")->id, id, "ids are not used again");
	cr_expect_eq(archive_find(a.catalog, "4")->number, 4);
}

Test(index_store, a_file_that_becomes_dicom_is_taken)
{
	archive_write(&a, "1", "not dicom", 9);
	archive_age(&a, "1", 90);
	archive_scan(&a);
	cr_expect_eq(a.catalog->n_instances, 0);
	image("1", 1);
	archive_age(&a, "1", 60);
	cr_expect(archive_scan(&a));
	cr_expect_eq(a.catalog->n_instances, 1);
	cr_expect_eq(a.catalog->n_problems, 0);
}

/* Whoever writes a file is given two seconds after the last byte. */
Test(index_store, young_files_wait_at_a_later_scan_and_not_at_the_first)
{
	image("1", 1);
	cr_expect(archive_scan(&a));
	cr_expect_eq(a.catalog->n_instances, 1);
	cr_expect_geq(store_waits_ms(a.store), 0, "it is looked at again");
	cr_expect_not(archive_scan(&a));
	cr_expect_lt(store_waits_ms(a.store), 0);
	image("2", 2);
	cr_expect_not(archive_scan(&a));
	cr_expect_geq(store_waits_ms(a.store), 0);
	cr_expect_eq(a.catalog->n_instances, 1);
	archive_age(&a, "2", 3);
	cr_expect(archive_scan(&a));
	cr_expect_lt(store_waits_ms(a.store), 0);
	cr_expect_eq(a.catalog->n_instances, 2);
}

Test(index_store, young_files_wait_in_what_was_an_empty_folder_too)
{
	archive_scan(&a);
	image("1", 1);
	cr_expect_not(archive_scan(&a));
	cr_expect_geq(store_waits_ms(a.store), 0);
	archive_age(&a, "1", 60);
	cr_expect(archive_scan(&a));
	cr_expect_eq(a.catalog->n_instances, 1);
}

Test(index_store, a_file_that_is_rewritten_keeps_its_old_record_until_it_settles)
{
	image("1", 1);
	archive_scan(&a);
	archive_image(&a, "1", &(struct gen_instance){ .number = 5 });
	cr_expect_not(archive_scan(&a));
	cr_expect_eq(archive_find(a.catalog, "1")->number, 1);
	archive_age(&a, "1", 5);
	cr_expect(archive_scan(&a));
	cr_expect_eq(archive_find(a.catalog, "1")->number, 5);
}

Test(index_store, a_time_stamp_of_the_future_is_believed_after_a_while, .timeout = 30)
{
	struct timespec begun, ended;

	archive_scan(&a);
	image("1", 1);
	archive_age(&a, "1", -3600);
	clock_gettime(CLOCK_MONOTONIC, &begun);
	archive_scan(&a);
	cr_expect_eq(a.catalog->n_instances, 0);
	while (a.catalog->n_instances == 0) {
		usleep(200000);
		archive_scan(&a);
	}
	clock_gettime(CLOCK_MONOTONIC, &ended);
	cr_expect_geq((ended.tv_sec - begun.tv_sec) * 1000 +
			(ended.tv_nsec - begun.tv_nsec) / 1000000,
		1500);
}

/* As a disk that is unmounted, and mounted again. */
Test(index_store, a_source_that_vanishes_is_kept_until_it_is_back)
{
	struct scan_options opt = { .root_path = a.path };
	char away[80];
	struct store *s;
	struct catalog *c;
	struct err err;
	bool changed;

	image("1", 1);
	archive_age(&a, "1", 60);
	snprintf(away, sizeof away, "%s.away", a.path);
	cr_assert_eq(store_new(a.files, &opt, &s, NULL), 0);
	cr_assert_eq(store_scan(s, &changed, NULL), 0);
	cr_assert_eq(rename(a.path, away), 0);
	cr_expect_lt(store_scan(s, &changed, &err), 0);
	cr_assert_eq(mkdir(a.path, 0755), 0);
	cr_expect_eq(store_scan(s, &changed, &err), -ESTALE);
	c = store_get(s);
	cr_expect_eq(c->n_instances, 1);
	catalog_put(c);
	image("1", 1);
	image("2", 2);
	archive_age(&a, "1", 60);
	archive_age(&a, "2", 60);
	cr_assert_eq(store_scan(s, &changed, NULL), 0);
	cr_expect(changed);
	c = store_get(s);
	cr_expect_eq(c->n_instances, 2);
	catalog_put(c);
	store_free(s);
	unlink(strcat(away, "/1"));
	away[strlen(a.path) + 5] = '\0';
	rmdir(away);
}

Test(index_store, many_folders_and_files)
{
	char name[64];
	int i;

	for (i = 0; i < 700; i++) {
		snprintf(name, sizeof name, "%d/%d/%d", i % 7, i % 70, i);
		image(name, i + 1);
	}
	for (i = 700; i < 1000; i++) {
		snprintf(name, sizeof name, "flat/%d", i);
		image(name, i + 1);
	}
	archive_scan(&a);
	cr_expect_eq(a.catalog->n_instances, 1000);
	cr_expect_eq(a.catalog->n_series, 1);
	cr_expect_not(archive_scan(&a));
}

static void count_calls(void *arg, const struct scan_progress *p)
{
	struct scan_progress *last = arg;

	cr_expect_leq(p->n_read, p->n_found);
	*last = *p;
}

Test(index_store, progress_ends_with_all_of_it)
{
	struct scan_progress last = { .walking = true };
	struct scan_options opt = { .progress = count_calls, .progress_arg = &last };
	struct store *s;
	bool changed;
	int i;
	char name[16];

	for (i = 0; i < 100; i++) {
		snprintf(name, sizeof name, "%d", i);
		image(name, i);
	}
	cr_assert_eq(store_new(a.files, &opt, &s, NULL), 0);
	cr_assert_eq(store_scan(s, &changed, NULL), 0);
	cr_expect_eq(last.n_read, 100);
	cr_expect_eq(last.n_found, 100);
	cr_expect_not(last.walking);
	store_free(s);
}

/* A folder in it, in which we are then. */
static void go_down(size_t len)
{
	char name[256] = { 0 };

	memset(name, 'd', len);
	cr_assert_eq(mkdir(name, 0755), 0);
	cr_assert_eq(chdir(name), 0);
}

Test(index_store, paths_that_nothing_can_be_opened_by_are_told)
{
	size_t len = 0;
	char *image_path, command[96];

	image("1", 1);
	image_path = strdup(archive_path(&a, "1"));
	cr_assert_eq(chdir(a.path), 0);
	for (len = 0; len < 4000; len += 201)
		go_down(200);
	go_down(4090 - len);
	cr_assert_eq(link(image_path, "1234"), 0);
	cr_assert_eq(link(image_path, "12345"), 0);
	go_down(10);
	cr_assert_eq(link(image_path, "1"), 0);
	cr_assert_eq(chdir("/"), 0);
	unlink(image_path);
	free(image_path);
	archive_scan(&a);
	cr_expect_eq(a.catalog->n_instances, 1);
	cr_expect_str_eq(a.catalog->instances_by_id[0]->file, "1234");
	cr_assert_eq(a.catalog->n_problems, 2);
	cr_expect_eq(strlen(a.catalog->problems[0].path), 4096, "the file");
	cr_expect_eq(strlen(a.catalog->problems[1].path), 4101, "the folder");
	cr_expect_str_eq(a.catalog->problems[0].text, strerror(ENAMETOOLONG));
	cr_expect_str_eq(a.catalog->problems[1].text, strerror(ENAMETOOLONG));
	cr_expect_not(archive_scan(&a));
	snprintf(command, sizeof command, "rm -r %s/*", a.path);
	cr_expect_eq(system(command), 0);
}

/* ---- scans of some folders ---- */

static bool scan_changes(const struct changes *where)
{
	struct err err;
	bool changed;

	cr_assert_eq(store_scan_changes(a.store, where, &changed, &err), 0, "%s", err.msg);
	catalog_put(a.catalog);
	a.catalog = store_get(a.store);
	return changed;
}

static bool scan_folder(const char *dir, bool below)
{
	struct changes where = { 0 };
	bool changed;

	changes_add(&where, dir, NULL, below);
	changed = scan_changes(&where);
	changes_release(&where);
	return changed;
}

static void old_image(const char *name, const struct gen_instance *what)
{
	archive_image(&a, name, what);
	archive_age(&a, name, 60);
}

Test(index_store, what_is_said_not_to_have_changed_is_not_looked_at)
{
	const struct series *other;

	old_image("a/1", &(struct gen_instance){ .number = 1, .series = 1 });
	old_image("b/1", &(struct gen_instance){ .number = 1, .series = 2 });
	archive_scan(&a);
	other = a.catalog->patients[0]->studies[0]->series[1];
	old_image("a/2", &(struct gen_instance){ .number = 2, .series = 1 });
	old_image("b/2", &(struct gen_instance){ .number = 2, .series = 2 });
	unlink(archive_path(&a, "b/1"));
	cr_expect(scan_folder("a", false));
	cr_expect_eq(a.catalog->n_instances, 3);
	cr_expect_not_null(archive_find(a.catalog, "a/2"));
	cr_expect_eq(a.catalog->patients[0]->studies[0]->series[1], other, "it is shared");
	cr_expect_not(scan_folder("a", true));
	cr_expect(scan_folder("", true));
	cr_expect_eq(a.catalog->n_instances, 3);
	cr_expect_null(archive_find(a.catalog, "b/1"));
}

Test(index_store, a_folder_alone_is_without_those_in_it)
{
	old_image("1", &(struct gen_instance){ .number = 1 });
	old_image("a/2", &(struct gen_instance){ .number = 2 });
	archive_scan(&a);
	old_image("3", &(struct gen_instance){ .number = 3 });
	old_image("a/4", &(struct gen_instance){ .number = 4 });
	old_image("new/5", &(struct gen_instance){ .number = 5 });
	cr_expect(scan_folder("", false));
	cr_expect_eq(a.catalog->n_instances, 3);
	cr_expect(scan_folder("new", true));
	cr_expect_eq(a.catalog->n_instances, 4);
	cr_expect_not(scan_folder("nowhere", true));
	rename(archive_path(&a, "new"), "/tmp/dcmfs-test-moved-away");
	cr_expect(scan_folder("new", true));
	cr_expect_eq(a.catalog->n_instances, 3);
	cr_expect_eq(system("rm -r /tmp/dcmfs-test-moved-away"), 0);
}

/* An old folder is renamed and a link to it, or a file, takes its place. */
Test(index_store, what_took_the_place_of_a_folder_is_no_folder)
{
	struct changes where = { 0 };
	char *was;

	old_image("a/b/1", &(struct gen_instance){ .number = 1 });
	old_image("c/2", &(struct gen_instance){ .number = 2 });
	archive_scan(&a);
	was = strdup(archive_path(&a, "a"));
	cr_assert_eq(rename(was, archive_path(&a, "old")), 0);
	free(was);
	cr_assert_eq(symlink("old", archive_path(&a, "a")), 0);
	unlink(archive_path(&a, "c/2"));
	rmdir(archive_path(&a, "c"));
	old_image("c", &(struct gen_instance){ .number = 3 });
	changes_add(&where, "", NULL, false);
	changes_add(&where, "", "a", true);
	changes_add(&where, "", "old", true);
	changes_add(&where, "", "c", true);
	cr_expect(scan_changes(&where));
	changes_release(&where);
	cr_expect_eq(a.catalog->n_instances, 2);
	cr_expect_not_null(archive_find(a.catalog, "old/b/1"));
	cr_expect_not_null(archive_find(a.catalog, "c"));
	cr_expect_eq(a.catalog->n_files, 3);
	cr_assert_eq(a.catalog->n_problems, 1);
	cr_expect_str_eq(problem_of("a")->text, "a link to a folder is not followed");
	cr_expect_not(scan_folder("", true));
}

Test(index_store, a_young_file_comes_with_the_folders_that_are_looked_at_next, .timeout = 20)
{
	struct changes nothing = { 0 };
	int64_t ms;

	old_image("a/1", &(struct gen_instance){ .number = 1 });
	archive_scan(&a);
	cr_expect_eq(store_waits_ms(a.store), -1);
	image("a/2", 2);
	cr_expect_not(scan_folder("a", false));
	ms = store_waits_ms(a.store);
	cr_assert(ms > 0 && ms < 1600, "%d", (int)ms);
	usleep((useconds_t)ms * 1000);
	cr_expect(scan_changes(&nothing));
	cr_expect_eq(a.catalog->n_instances, 2);
	cr_expect_eq(store_waits_ms(a.store), -1);
}

/* ---- what the file system failed at ---- */

static struct failing failing;

/* The store of the archive once more: its files fail where the test wants. */
static void fail_files(void)
{
	struct scan_options opt = { .n_threads = 2 };

	store_free(a.store);
	files_free(a.files);
	cr_assert_eq(files_new(a.fd, 32, failing_filter, &failing, &a.files, NULL), 0);
	cr_assert_eq(store_new(a.files, &opt, &a.store, NULL), 0);
}

static uint64_t size_of(const char *name)
{
	struct stat st;

	cr_assert_eq(stat(archive_path(&a, name), &st), 0);
	return (uint64_t)st.st_size;
}

/* Scan when something is due again. */
static bool scan_due(int64_t least_ms, int64_t most_ms)
{
	struct changes nothing = { 0 };
	int64_t ms = store_waits_ms(a.store);

	cr_assert(ms >= least_ms && ms <= most_ms, "%d", (int)ms);
	usleep((useconds_t)ms * 1000);
	return scan_changes(&nothing);
}

Test(index_store, a_file_that_could_not_be_read_is_tried_again_and_ever_more_rarely, .timeout = 60)
{
	struct changes nothing = { 0 };
	unsigned n;

	old_image("a/1", &(struct gen_instance){ .number = 1 });
	old_image("a/2", &(struct gen_instance){ .number = 2, .rows = 9 });
	fail_files();
	failing.size = size_of("a/2");
	failing.on = true;
	archive_scan(&a);
	cr_expect_eq(a.catalog->n_instances, 1);
	cr_expect_not_null(problem_of("a/2"));
	n = failing.n_failed;
	cr_expect_not(scan_changes(&nothing), "not yet");
	cr_expect_not(scan_folder("a", true), "whatever else is looked at");
	cr_expect_eq(failing.n_failed, n);
	cr_expect_not(scan_due(1, 1001));
	cr_expect_gt(failing.n_failed, n);
	n = failing.n_failed;
	failing.on = false;
	cr_expect(scan_due(1100, 2001));
	cr_expect_eq(a.catalog->n_instances, 2);
	cr_expect_eq(a.catalog->n_problems, 0);
	cr_expect_eq(store_waits_ms(a.store), -1);
	cr_expect_eq(failing.n_failed, n);
}

Test(index_store, one_that_fails_and_becomes_another_is_read_at_once, .timeout = 60)
{
	old_image("1", &(struct gen_instance){ .number = 1, .rows = 9 });
	fail_files();
	failing.size = size_of("1");
	failing.on = true;
	archive_scan(&a);
	cr_expect_eq(a.catalog->n_instances, 0);
	old_image("1", &(struct gen_instance){ .number = 1, .rows = 10 });
	cr_expect(scan_folder("", false));
	cr_expect_eq(a.catalog->n_instances, 1);
	cr_expect_eq(store_waits_ms(a.store), -1);
}

static const char *failing_folder; /* which has this file */

struct dirent *readdir(DIR *d)
{
	static _Atomic(void *) next;
	struct dirent *e;

	if (!next)
		next = dlsym(RTLD_NEXT, sizeof(off_t) == 8 ? "readdir64" : "readdir");
	e = ((struct dirent * (*)(DIR *)) next)(d);
	if (!e || !failing_folder || strcmp(e->d_name, failing_folder) != 0)
		return e;
	errno = EIO;
	return NULL;
}

Test(index_store, a_folder_that_could_not_be_listed_is_tried_again, .timeout = 60)
{
	old_image("a/1", &(struct gen_instance){ .number = 1 });
	old_image("b/c/2", &(struct gen_instance){ .number = 2 });
	failing_folder = "c";
	archive_scan(&a);
	cr_expect_eq(a.catalog->n_instances, 1);
	cr_expect_not_null(problem_of("b"));
	old_image("a/3", &(struct gen_instance){ .number = 3 });
	cr_expect(archive_scan(&a), "it holds up no other");
	cr_expect_eq(a.catalog->n_instances, 2);
	failing_folder = NULL;
	cr_expect(scan_due(1, 2001));
	cr_expect_eq(a.catalog->n_instances, 3);
	cr_expect_eq(a.catalog->n_problems, 0);
	cr_expect_eq(store_waits_ms(a.store), -1);
}

static const char *closed_folder; /* which cannot be opened */
static int closed_code;

static int before_openat(const char *path, int flags)
{
	(void)flags;
	return closed_folder && strcmp(path, closed_folder) == 0 ? closed_code : 0;
}

/* As a server's that has died; it is a disk on its own below SOURCE. */
Test(index_store, a_folder_that_fails_later_keeps_its_files_and_holds_up_no_other, .timeout = 60)
{
	uint32_t id;

	old_image("a/1", &(struct gen_instance){ .number = 1 });
	old_image("b/2", &(struct gen_instance){ .number = 2 });
	old_image("b/c/3", &(struct gen_instance){ .number = 3 });
	archive_write(&a, "b/c/notes.txt", "hello", 5);
	archive_age(&a, "b/c/notes.txt", 60);
	archive_scan(&a);
	id = archive_find(a.catalog, "b/c/3")->id;
	closed_folder = "b";
	closed_code = ENOTCONN;
	old_image("a/4", &(struct gen_instance){ .number = 4 });
	cr_expect(archive_scan(&a));
	cr_expect_eq(a.catalog->n_instances, 4);
	cr_expect_eq(archive_find(a.catalog, "b/c/3")->id, id, "nothing was read again");
	cr_expect_not_null(problem_of("b/c/notes.txt"));
	cr_assert_not_null(problem_of("b"));
	cr_expect_str_eq(problem_of("b")->text, strerror(ENOTCONN));
	cr_expect_not(archive_scan(&a));
	unlink(archive_path(&a, "b/2"));
	closed_folder = NULL;
	cr_expect(scan_due(1, 2001));
	cr_expect_eq(a.catalog->n_instances, 3);
	cr_expect_null(problem_of("b"));
	cr_expect_eq(store_waits_ms(a.store), -1);
}

Test(index_store, what_was_seen_of_a_folder_before_it_failed_is_there_once, .timeout = 60)
{
	old_image("a/1", &(struct gen_instance){ .number = 1 });
	old_image("b/2", &(struct gen_instance){ .number = 2 });
	old_image("b/3", &(struct gen_instance){ .number = 3 });
	archive_scan(&a);
	old_image("b/2", &(struct gen_instance){ .number = 4 });
	archive_age(&a, "b/2", 50);
	failing_folder = "3";
	cr_expect(scan_folder("b", false));
	cr_expect_eq(a.catalog->n_instances, 3);
	cr_expect_eq(a.catalog->n_files, 4);
	cr_expect_not_null(archive_find(a.catalog, "b/2"));
	cr_expect_not_null(archive_find(a.catalog, "b/3"));
	failing_folder = NULL;
	cr_expect(scan_due(1, 2001));
	cr_expect_eq(archive_find(a.catalog, "b/2")->number, 4);
	cr_expect_eq(a.catalog->n_files, 3);
}

Test(index_store, a_folder_that_is_closed_to_us_is_told_whenever_that_is)
{
	old_image("a/1", &(struct gen_instance){ .number = 1 });
	old_image("b/2", &(struct gen_instance){ .number = 2 });
	archive_scan(&a);
	closed_folder = "b";
	closed_code = EACCES;
	cr_expect(archive_scan(&a));
	cr_expect_eq(a.catalog->n_instances, 1);
	cr_expect_str_eq(problem_of("b")->text, strerror(EACCES));
	closed_folder = NULL;
	cr_expect(archive_scan(&a));
	cr_expect_eq(a.catalog->n_instances, 2);
}

Test(index_store, for_want_of_descriptors_nothing_is_found_empty)
{
	struct err err;
	bool changed;

	old_image("a/1", &(struct gen_instance){ .number = 1 });
	archive_scan(&a);
	closed_folder = "a";
	closed_code = EMFILE;
	cr_expect_eq(store_scan(a.store, &changed, &err), -EMFILE);
	closed_folder = NULL;
	cr_expect_not(archive_scan(&a));
}

/* ---- an archive in which everything is replaced again and again ---- */

#define ROUND 100

static void put_round(int round)
{
	char name[64], patient[32];
	int i;

	for (i = 0; i < ROUND; i++) {
		snprintf(name, sizeof name, "round %d/%d/1", round, i);
		snprintf(patient, sizeof patient, "P%d", round * ROUND + i);
		old_image(name,
			&(struct gen_instance){ .number = 1,
				.patient = patient,
				.study = round * ROUND + i + 1,
				.series = round * ROUND + i + 1 });
	}
}

static void remove_round(int round)
{
	char name[64], command[160];

	snprintf(name, sizeof name, "round %d", round);
	snprintf(command, sizeof command, "rm -r '%s'", archive_path(&a, name));
	cr_assert_eq(system(command), 0);
}

/* What a reader holds stays as it was, whatever is given back. */
static void expect_round(const struct catalog *c, int round)
{
	char path[64], text[64];
	uint32_t i;

	cr_assert_eq(c->n_instances, ROUND);
	for (i = 0; i < ROUND; i++) {
		const struct instance *in;

		snprintf(path, sizeof path, "round %d/%d/1", round, (int)i);
		in = archive_find(c, path);
		cr_assert_not_null(in, "%s", path);
		snprintf(text, sizeof text, "P%d", round * ROUND + (int)i);
		cr_assert_str_eq(in->attr->patient_id, text);
		cr_assert_str_eq(c->patients[0]->studies[0]->uid,
			c->patients[0]->studies[0]->series[0]->instances[0]->attr->study_uid);
	}
}

Test(index_store, what_has_gone_is_given_back, .timeout = 60)
{
	struct catalog *first, *middle = NULL;
	size_t one, most = 0;
	char folder[32];
	int round;

	put_round(0);
	archive_scan(&a);
	first = store_get(a.store);
	one = store_interned_bytes(a.store);
	for (round = 1; round < 24; round++) {
		remove_round(round - 1);
		put_round(round);
		if (round % 2) {
			cr_assert(archive_scan(&a));
		} else {
			struct changes where = { 0 };

			snprintf(folder, sizeof folder, "round %d", round - 1);
			changes_add(&where, "", folder, true);
			snprintf(folder, sizeof folder, "round %d", round);
			changes_add(&where, "", folder, true);
			cr_assert(scan_changes(&where));
			changes_release(&where);
		}
		expect_round(a.catalog, round);
		if (round == 12)
			middle = store_get(a.store);
		if (store_interned_bytes(a.store) > most)
			most = store_interned_bytes(a.store);
	}
	cr_expect_lt(most, 12 * one, "%zu of %zu", most, one);
	expect_round(first, 0);
	expect_round(middle, 12);
	catalog_put(first);
	catalog_put(middle);
}

/* Nobody may have watched while its bytes came. */
Test(index_store, what_the_first_scan_saw_being_written_is_looked_at_again)
{
	struct changes nothing = { 0 };

	old_image("a/1", &(struct gen_instance){ .number = 1 });
	archive_write(&a, "a/2", "", 0);
	archive_scan(&a);
	cr_expect_eq(a.catalog->n_instances, 1);
	old_image("a/2", &(struct gen_instance){ .number = 2 });
	cr_expect(scan_changes(&nothing));
	cr_expect_eq(a.catalog->n_instances, 2);
}

/* What a scan of all of it in another store has must be what ours came to step by step. */
static void expect_like_new(int step)
{
	char *names = archive_names(a.catalog), *new_names, path[256];
	struct scan_options opt = { 0 };
	struct catalog *c;
	struct store *s;
	bool changed;
	uint32_t i;

	cr_assert_eq(store_new(a.files, &opt, &s, NULL), 0);
	cr_assert_eq(store_scan(s, &changed, NULL), 0);
	c = store_get(s);
	new_names = archive_names(c);
	cr_assert_str_eq(names, new_names, "step %d", step);
	cr_assert_eq(c->n_files, a.catalog->n_files, "step %d", step);
	cr_assert_eq(c->n_duplicates, a.catalog->n_duplicates, "step %d", step);
	cr_assert_eq(c->n_not_dicom, a.catalog->n_not_dicom, "step %d", step);
	cr_assert_eq(c->n_problems, a.catalog->n_problems, "step %d", step);
	for (i = 0; i < c->n_instances; i++)
		cr_assert_not_null(archive_find(a.catalog,
					   instance_path(c->instances_by_id[i], path, sizeof path)),
			"step %d", step);
	for (i = 0; i < a.catalog->n_instances; i++)
		cr_assert_eq(catalog_instance(a.catalog, a.catalog->instances_by_id[i]->id),
			a.catalog->instances_by_id[i]);
	catalog_put(c);
	store_free(s);
	free(names);
	free(new_names);
}

/* One of: a file comes or changes, one that is no DICOM, one goes, a folder goes. */
static void do_something(unsigned dice, struct changes *where)
{
	static const char *const dirs[] = { "", "a", "a/b", "c", "c/d/e", "f" };
	static const char *const patients[] = { "P1", "P2" };
	const char *dir = dirs[dice / 7 % 6];
	char name[64];

	snprintf(name, sizeof name, "%s%s%u", dir, *dir ? "/" : "", dice / 42 % 5);
	changes_add(where, dir, NULL, strcmp(dir, "c/d/e") == 0);
	if (dice % 7 == 0 && *dir) {
		char command[128];

		snprintf(command, sizeof command, "rm -rf '%s'", archive_path(&a, dir));
		cr_assert_eq(system(command), 0);
		changes_add(where, dir, NULL, true);
	} else if (dice % 7 == 1) {
		unlink(archive_path(&a, name));
	} else if (dice % 7 == 2) {
		archive_write(&a, name, "no", 2);
		archive_age(&a, name, (int)(dice % 1000) + 10);
	} else {
		archive_image(&a, name,
			&(struct gen_instance){ .patient = patients[dice % 2],
				.number = (int)(dice / 210 % 4),
				.series = (int)(dice / 840 % 3),
				.position = { dice / 2520 % 2, 0, 0 } });
		archive_age(&a, name, (int)(dice % 1000) + 10);
	}
}

Test(index_store, step_by_step_it_comes_to_the_same, .timeout = 120)
{
	unsigned long random = 12345;
	struct changes where = { 0 };
	int step;
	unsigned i;

	archive_scan(&a);
	for (step = 0; step < 300; step++) {
		for (i = 0; i < 1 + random % 3; i++) {
			random = random * 6364136223846793005u + 1442695040888963407u;
			do_something((unsigned)(random >> 33), &where);
		}
		scan_changes(&where);
		changes_release(&where);
		if (step % 3 == 0)
			expect_like_new(step);
	}
}

/* ---- a scan that is stopped ---- */

struct stopping {
	_Atomic bool stop;
	_Atomic unsigned n_read, after; /* files; stop at this one */
};

static int stop_at(void *arg, struct dcm_source *in, struct dcm_source **out, struct err *err)
{
	struct stopping *s = arg;

	(void)err;
	if (++s->n_read == s->after)
		s->stop = true;
	*out = in;
	return 0;
}

Test(index_store, a_scan_that_is_stopped_reads_no_more_and_the_next_one_all, .timeout = 60)
{
	struct stopping stopping = { .after = 20 };
	struct scan_options opt = { .n_threads = 3, .stop = &stopping.stop };
	struct files *files;
	struct store *s;
	struct catalog *c;
	struct err err;
	char name[32];
	bool changed;
	int i;

	for (i = 0; i < 300; i++) {
		snprintf(name, sizeof name, "d%d/%d", i % 7, i);
		image(name, i + 1);
	}
	cr_assert_eq(files_new(a.fd, 32, stop_at, &stopping, &files, NULL), 0);
	cr_assert_eq(store_new(files, &opt, &s, NULL), 0);
	cr_expect_eq(store_scan(s, &changed, &err), -ECANCELED);
	cr_expect_leq(stopping.n_read, 20 + 2, "each other thread ends the file that it has");
	cr_expect_not(changed);
	cr_expect_null(store_get(s), "half a source is none");
	stopping.after = 0;
	stopping.stop = false;
	cr_expect_eq(store_scan(s, &changed, &err), 0, "%s", err.msg);
	c = store_get(s);
	cr_expect_eq(c->n_instances, 300);
	catalog_put(c);
	store_free(s);
	files_free(files);
}

/* The folder leaves its place while it is read. */
static int move_away(void *arg, struct dcm_source *in, struct dcm_source **out, struct err *err)
{
	(void)err;
	(void)rename(a.path, arg);
	*out = in;
	return 0;
}

Test(index_store, a_source_that_goes_while_it_is_read_is_no_catalog)
{
	struct scan_options opt = { .root_path = a.path };
	char away[128];
	struct files *files;
	struct store *s;
	struct err err;
	bool changed;

	snprintf(away, sizeof away, "%s.away", a.path);
	image("1", 1);
	image("2", 2);
	cr_assert_eq(files_new(a.fd, 32, move_away, away, &files, NULL), 0);
	cr_assert_eq(store_new(files, &opt, &s, NULL), 0);
	cr_expect_eq(store_scan(s, &changed, &err), -ENOENT);
	cr_expect_not_null(strstr(err.msg, "the source is gone"));
	cr_expect_null(store_get(s));
	cr_assert_eq(rename(away, a.path), 0);
	store_free(s);
	files_free(files);
}

static void stop_behind_the_walk(void *stop, const struct scan_progress *p)
{
	if (!p->walking && p->n_read == p->n_found && p->n_read > 0)
		*(_Atomic bool *)stop = true;
}

Test(index_store, nor_are_files_compared_once_it_is_stopped, .timeout = 60)
{
	_Atomic bool stop = false;
	struct scan_options opt = { .stop = &stop,
		.progress = stop_behind_the_walk,
		.progress_arg = &stop };
	struct store *s;
	bool changed;

	image("1", 1);
	image("2", 1);
	cr_assert_eq(store_new(a.files, &opt, &s, NULL), 0);
	cr_expect_eq(store_scan(s, &changed, NULL), -ECANCELED);
	store_free(s);
}

Test(index_store, a_source_that_has_gone_before_the_first_scan_is_an_error)
{
	char path[128];
	struct scan_options opt = { .root_path = path };
	struct store *s;
	struct err err;
	bool changed;

	snprintf(path, sizeof path, "%s.gone", a.path);
	image("1", 1);
	cr_assert_eq(store_new(a.files, &opt, &s, NULL), 0);
	cr_expect_eq(store_scan(s, &changed, &err), -ENOENT);
	cr_expect_not_null(strstr(err.msg, "the source is gone"));
	cr_expect_null(store_get(s));
	snprintf(path, sizeof path, "%s", a.path);
	cr_expect_eq(store_scan(s, &changed, &err), 0);
	cr_expect(changed);
	store_free(s);
}
