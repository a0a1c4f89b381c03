/* SPDX-License-Identifier: MIT */
/* The saved index: what a second mount still opens, and databases that are damaged, foreign,
 * shared or cut off. */
#include <criterion/criterion.h>
#include <sqlite3.h>

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "dicom/source.h"
#include "dicom/tags.h"
#include "support/archive.h"

static struct archive a;
static char db[96];

static void begin(void)
{
	archive_begin(&a);
	snprintf(db, sizeof db, "%s.sqlite", a.path);
}

static void end(void)
{
	static const char *const suffixes[] = { "", "-wal", "-shm", ".damaged" };
	char name[128];
	size_t i;

	for (i = 0; i < 4; i++) {
		snprintf(name, sizeof name, "%s%s", db, suffixes[i]);
		unlink(name);
	}
	archive_end(&a);
}

TestSuite(index_persist, .init = begin, .fini = end, .timeout = 60);

/* A mount: its catalog, and how many files it opened. */
struct mount {
	struct files *files;
	struct store *store;
	struct catalog *catalog;
	_Atomic unsigned n_read;
};

static int count(void *arg, struct dcm_source *in, struct dcm_source **out, struct err *err)
{
	struct mount *m = arg;

	(void)err;
	m->n_read++;
	*out = in;
	return 0;
}

static void mount_begin(struct mount *m)
{
	struct scan_options opt = { .n_threads = 4 };
	struct err err = { 0 };
	bool changed;

	memset(m, 0, sizeof *m);
	cr_assert_eq(files_new(a.fd, 32, count, m, &m->files, &err), 0, "%s", err.msg);
	cr_assert_eq(store_new(m->files, &opt, &m->store, &err), 0, "%s", err.msg);
	cr_assert_eq(store_use_index(m->store, db, a.path, &err), 0, "%s", err.msg);
	cr_assert_eq(store_scan(m->store, &changed, &err), 0, "%s", err.msg);
	cr_assert(changed);
	m->catalog = store_get(m->store);
}

static void mount_end(struct mount *m, bool save)
{
	struct err err = { 0 };

	if (save)
		cr_assert_eq(store_save(m->store, &err), 0, "%s", err.msg);
	catalog_put(m->catalog);
	store_free(m->store);
	files_free(m->files);
}

/* How many files a mount opens, and what its names are (to be freed). */
static unsigned mount_once(char **names)
{
	struct mount m;
	unsigned n;

	mount_begin(&m);
	n = m.n_read;
	if (names)
		*names = archive_names(m.catalog);
	mount_end(&m, true);
	return n;
}

static void add_images(int first, int last)
{
	char name[32];
	int i;

	for (i = first; i < last; i++) {
		snprintf(name, sizeof name, "dir%d/%d", i % 3, i);
		archive_image(&a, name, &(struct gen_instance){ .number = i + 1, .series = i % 2 });
	}
}

Test(index_persist, a_second_mount_opens_nothing_and_shows_the_same)
{
	char *first, *second;

	add_images(0, 20);
	archive_write(&a, "notes", "no dicom", 8);
	archive_write(&a, "empty", "", 0);
	archive_image(&a, "fold\xFF er/n\xE4me' \"\n", &(struct gen_instance){ .number = 99 });
	cr_expect_eq(mount_once(&first), 22);
	cr_expect_eq(mount_once(&second), 0);
	cr_expect_str_eq(first, second);
	cr_expect_eq(strlen(second), strlen(first));
	free(first);
	free(second);
}

Test(index_persist, opens_what_is_new_or_changed_and_drops_what_has_gone)
{
	struct mount m;

	add_images(0, 9);
	mount_once(NULL);
	add_images(9, 11);
	archive_image(&a, "dir0/0", &(struct gen_instance){ .number = 77 });
	archive_age(&a, "dir0/0", 100);
	unlink(archive_path(&a, "dir1/1"));
	mount_begin(&m);
	cr_expect_eq(m.n_read, 3);
	cr_expect_eq(m.catalog->n_instances, 10);
	cr_expect_eq(archive_find(m.catalog, "dir0/0")->number, 77);
	cr_expect_null(archive_find(m.catalog, "dir1/1"));
	mount_end(&m, true);
	cr_expect_eq(mount_once(NULL), 0);
	add_images(1, 2);
	archive_age(&a, "dir1/1", 500);
	cr_expect_eq(mount_once(NULL), 1, "a row that was dropped is not believed");
}

/* Every member, by its bytes: what came from the database is what came from the file. */
static void expect_same_records(const struct catalog *got, const struct catalog *want)
{
	const struct instance *in, *as;
	char path[256];
	uint32_t i;
	size_t from = offsetof(struct instance, size), to = offsetof(struct instance, id);
	size_t numbers = offsetof(struct attributes, series_number); /* behind all texts */

	cr_assert_eq(got->n_instances, want->n_instances);
	for (i = 0; i < want->n_instances; i++) {
		as = want->instances_by_id[i];
		in = archive_find(got, instance_path(as, path, sizeof path));
		cr_assert_not_null(in);
		cr_expect_eq(memcmp((const char *)in + from, (const char *)as + from, to - from), 0,
			"%s", path);
		cr_expect_eq(in->label, as->label);
		cr_expect_eq(in->overlays, as->overlays);
		cr_expect_eq(in->deflated, as->deflated);
		cr_expect_eq(in->compressed, as->compressed);
		cr_expect_eq(in->n_problems, as->n_problems);
		cr_expect_eq(memcmp((const char *)in->attr + numbers,
				     (const char *)as->attr + numbers, sizeof *in->attr - numbers),
			0, "attributes of %s", path);
		cr_expect_str_eq(in->sop_uid, as->sop_uid);
		cr_expect_str_eq(in->attr->transfer_syntax, as->attr->transfer_syntax);
		cr_expect_eq(!in->attr->patient_id, !as->attr->patient_id, "%s", path);
		if (as->attr->patient_id)
			cr_expect_str_eq(in->attr->patient_id, as->attr->patient_id, "%s", path);
	}
}

Test(index_persist, records_are_the_same_to_the_bit)
{
	static const double orientation[6] = { 1, -0.0, 0, 0, 0.70710678118654757, -0.1 };
	struct mount first, second;
	struct gen g;

	archive_image(&a, "1",
		&(struct gen_instance){ .position = { -0.0, 0, 1e-300 },
			.orientation = orientation });
	archive_image(&a, "2",
		&(struct gen_instance){ .number = 2, .syntax = GEN_DEFLATED, .rows = 9 });
	archive_image(&a, "3", &(struct gen_instance){ .number = 3, .syntax = GEN_BIG_ENDIAN });
	gen_begin(&g, GEN_EXPLICIT);
	gen_put(&g, DCM_EchoNumbers, "2");
	gen_put(&g, 0x00190010, "GEMS_ACQU_01");
	gen_put_vr(&g, 0x0019109e, "LO", "B0map");
	gen_put_vr(&g, 0x001910a2, "SL", "7");
	gen_put_vr(&g, 0x001910b3, "DS", "3");
	gen_put(&g, DCM_InstanceNumber, "5");
	archive_header(&a, "4", &g);
	gen_instance_begin(&g, &(struct gen_instance){ .number = -4 });
	gen_instance_end(&g, &(struct gen_instance){ .number = -4 });
	archive_write(&a, "short", g.out.data, g.out.len - 5);
	gen_release(&g);
	mount_begin(&first);
	cr_assert(signbit(first.catalog->instances_by_id[0]->position[0]) ||
		signbit(archive_find(first.catalog, "1")->position[0]));
	cr_assert_eq(store_save(first.store, NULL), 0);
	mount_begin(&second);
	cr_expect_eq(second.n_read, 0);
	expect_same_records(second.catalog, first.catalog);
	cr_assert_eq(second.catalog->n_problems, first.catalog->n_problems);
	cr_expect_str_eq(second.catalog->problems[0].text, first.catalog->problems[0].text);
	cr_expect_eq(second.catalog->problems[0].off, first.catalog->problems[0].off);
	mount_end(&first, false);
	mount_end(&second, false);
}

#define PATIENTS 120

/* Of each patient one file in one folder, for another such file and folder. */
static void replace_archive(struct mount *m, int before, int round)
{
	char name[32], patient[32];
	struct err err = { 0 };
	bool changed;
	int i;

	for (i = 0; i < PATIENTS; i++) {
		snprintf(name, sizeof name, "%d.%d/%d", round, i, round);
		snprintf(patient, sizeof patient, "P%d", round * 1000 + i);
		archive_image(&a, name, &(struct gen_instance){ .patient = patient, .number = 1 });
		archive_age(&a, name, 60);
		snprintf(name, sizeof name, "%d.%d/%d", before, i, before);
		unlink(archive_path(&a, name));
	}
	cr_assert_eq(store_scan(m->store, &changed, &err), 0, "%s", err.msg);
	cr_assert_eq(store_save(m->store, &err), 0, "%s", err.msg);
	catalog_put(m->catalog);
	m->catalog = store_get(m->store);
}

/* Memory of attributes that have gone is used again for others: rows go by attributes, not by
 * addresses. */
Test(index_persist, an_archive_that_is_replaced_again_and_again_is_saved_as_it_is)
{
	struct mount m, again;
	int round;

	mount_begin(&m);
	for (round = 0; round < 12; round++)
		replace_archive(&m, round - 1, round);
	cr_assert_eq(m.catalog->n_instances, PATIENTS);
	mount_begin(&again);
	cr_expect_eq(again.n_read, 0);
	expect_same_records(again.catalog, m.catalog);
	mount_end(&again, true);
	mount_end(&m, true);
}

static sqlite3_int64 n_rows(const char *table)
{
	sqlite3_int64 n;
	sqlite3_stmt *s;
	sqlite3 *h;
	char sql[64];

	snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", table);
	cr_assert_eq(sqlite3_open_v2(db, &h, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	cr_assert_eq(sqlite3_prepare_v2(h, sql, -1, &s, NULL), SQLITE_OK);
	cr_assert_eq(sqlite3_step(s), SQLITE_ROW);
	n = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	sqlite3_close(h);
	return n;
}

/* The second mount has the numbers of rows that the first one drops. */
Test(index_persist, what_no_file_refers_to_is_dropped_whoever_knows_it)
{
	struct mount m, idle, again;
	int round;

	mount_begin(&m);
	replace_archive(&m, -1, 0);
	mount_begin(&idle);
	cr_assert_eq(store_save(idle.store, NULL), 0);
	for (round = 1; round < 24; round++)
		replace_archive(&m, round - 1, round);
	cr_expect_eq(n_rows("files"), PATIENTS);
	cr_expect_lt(n_rows("attributes"), 1000 + 4 * PATIENTS);
	cr_expect_lt(n_rows("folders"), 1000 + 2 * PATIENTS);

	replace_archive(&idle, round - 1, 0);
	mount_begin(&again);
	cr_expect_eq(again.n_read, 0);
	cr_expect_eq(again.catalog->n_instances, PATIENTS);
	expect_same_records(again.catalog, idle.catalog);
	mount_end(&again, true);
	mount_end(&idle, true);
	mount_end(&m, false);
}

Test(index_persist, two_files_of_one_uid_are_not_read_again)
{
	char *first, *second;
	uint16_t pixels[16] = { 7 };

	archive_image(&a, "1", &(struct gen_instance){ .number = 1 });
	archive_image(&a, "2", &(struct gen_instance){ .number = 1 });
	archive_image(&a, "3", &(struct gen_instance){ .number = 1, .pixels = pixels });
	cr_expect_eq(mount_once(&first), 3);
	cr_expect_eq(mount_once(&second), 0);
	cr_expect_str_eq(first, second);
	free(first);
	free(second);
}

Test(index_persist, is_for_its_owner_alone)
{
	struct stat st;

	add_images(0, 1);
	umask(0);
	mount_once(NULL);
	cr_assert_eq(stat(db, &st), 0);
	cr_expect_eq(st.st_mode & 0777, 0600);
}

Test(index_persist, lies_in_a_folder_of_its_own)
{
	char path[256], again[256];
	struct stat st;

	setenv("XDG_CACHE_HOME", archive_path(&a, "cache"), 1);
	cr_assert_eq(store_index_path("/data", path, sizeof path, NULL), 0);
	cr_assert_eq(store_index_path("/data2", again, sizeof again, NULL), 0);
	cr_expect_str_neq(path, again);
	cr_expect_not_null(strstr(path, "/cache/dcmfs/"));
	cr_assert_eq(stat(archive_path(&a, "cache/dcmfs"), &st), 0);
	cr_expect_eq(st.st_mode & 0777, 0700);
}

static bool was_set_aside(void)
{
	char name[128];

	snprintf(name, sizeof name, "%s.damaged", db);
	return access(name, F_OK) == 0;
}

/* A text, and a database of another program. */
Test(index_persist, what_is_anothers_is_left_alone)
{
	static const char text[] =
		"this is a text, and a long one, which is not a database at all, as anybody can "
		"see at once";
	char back[sizeof text] = "";
	sqlite3 *other;
	FILE *f = fopen(db, "wb");

	fputs(text, f);
	fclose(f);
	add_images(0, 3);
	cr_expect_eq(mount_once(NULL), 3);
	cr_expect_not(was_set_aside());
	f = fopen(db, "rb");
	cr_assert_eq(fread(back, 1, sizeof text - 1, f), sizeof text - 1);
	fclose(f);
	cr_expect_str_eq(back, text);
	unlink(db);
	cr_assert_eq(sqlite3_open(db, &other), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(other, "CREATE TABLE mine (x)", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(other);
	cr_expect_eq(mount_once(NULL), 3);
	cr_expect_not(was_set_aside());
	cr_assert_eq(sqlite3_open(db, &other), SQLITE_OK);
	cr_expect_eq(sqlite3_exec(other, "INSERT INTO mine VALUES (1)", NULL, NULL, NULL),
		SQLITE_OK);
	sqlite3_close(other);
}

Test(index_persist, many_may_make_it_at_once)
{
	pid_t pids[6];
	int status;

	add_images(0, 3);
	for (int round = 0; round < 10; round++) {
		for (size_t i = 0; i < sizeof pids / sizeof *pids; i++) {
			pids[i] = fork();
			if (pids[i] == 0) {
				mount_once(NULL);
				_exit(0);
			}
		}
		for (size_t i = 0; i < sizeof pids / sizeof *pids; i++) {
			cr_assert_eq(waitpid(pids[i], &status, 0), pids[i]);
			cr_expect_eq(status, 0);
		}
		cr_expect_not(was_set_aside());
		cr_expect_eq(mount_once(NULL), 0, "round %d", round);
		unlink(db);
	}
}

/* Values changed behind SQLite's back are found by the checksums, pages by SQLite. */
Test(index_persist, no_damaged_byte_is_believed)
{
	char *want, *got, name[128];
	struct stat st;
	unsigned n_aside = 0;
	off_t at;
	int fd;

	add_images(0, 12);
	mount_once(&want);
	stat(db, &st);
	snprintf(name, sizeof name, "%s.damaged", db);
	for (at = 10; at < st.st_size; at += st.st_size / 150) {
		mount_once(NULL);
		fd = open(db, O_RDWR);
		cr_assert_eq(pwrite(fd, "\x5a\x5a\x5a", 3, at), 3);
		close(fd);
		mount_once(&got);
		cr_expect_str_eq(got, want, "byte %ld", (long)at);
		free(got);
		if (access(name, F_OK) == 0) {
			n_aside++;
			unlink(name);
		}
	}
	cr_expect_gt(n_aside, 10);
	free(want);
}

Test(index_persist, another_folders_index_is_set_aside)
{
	struct mount m;
	struct scan_options opt = { 0 };
	bool changed;

	add_images(0, 3);
	mount_once(NULL);
	memset(&m, 0, sizeof m);
	cr_assert_eq(files_new(a.fd, 32, count, &m, &m.files, NULL), 0);
	cr_assert_eq(store_new(m.files, &opt, &m.store, NULL), 0);
	cr_assert_eq(store_use_index(m.store, db, "/somewhere/else", NULL), 0);
	cr_assert_eq(store_scan(m.store, &changed, NULL), 0);
	cr_expect_eq(m.n_read, 3);
	cr_expect(was_set_aside());
	m.catalog = store_get(m.store);
	mount_end(&m, true);
}

Test(index_persist, where_there_can_be_none_the_store_goes_on)
{
	struct scan_options opt = { 0 };
	struct store *s;
	bool changed;
	struct buf said;

	cr_assert_eq(store_new(a.files, &opt, &s, NULL), 0);
	cr_expect_eq(store_use_index(s, "/nowhere/at/all.sqlite", a.path, NULL), 0);
	cr_expect_eq(store_scan(s, &changed, NULL), 0);
	cr_expect_eq(store_save(s, NULL), 0);
	store_free(s);
	buf_init(&said);
	log_recent(&said);
	buf_addc(&said, '\0');
	cr_expect_not_null(strstr(said.data, "no saved index: /nowhere/at/all.sqlite"));
	buf_release(&said);
}

Test(index_persist, a_first_scan_that_failed_does_not_lose_what_was_saved)
{
	_Atomic bool stop = true;
	struct scan_options opt = { .n_threads = 2, .stop = &stop };
	struct mount m = { 0 };
	bool changed;

	add_images(0, 9);
	cr_expect_eq(mount_once(NULL), 9);
	cr_assert_eq(files_new(a.fd, 32, count, &m, &m.files, NULL), 0);
	cr_assert_eq(store_new(m.files, &opt, &m.store, NULL), 0);
	cr_assert_eq(store_use_index(m.store, db, a.path, NULL), 0);
	cr_expect_eq(store_scan(m.store, &changed, NULL), -ECANCELED);
	cr_expect_null(store_get(m.store));
	stop = false;
	cr_expect_eq(store_scan(m.store, &changed, NULL), 0);
	m.catalog = store_get(m.store);
	cr_expect_eq(m.catalog->n_instances, 9);
	cr_expect_eq(m.n_read, 0);
	mount_end(&m, true);
	cr_expect_eq(mount_once(NULL), 0);
}

Test(index_persist, two_mounts_share_it)
{
	struct mount m, n;

	add_images(0, 6);
	mount_begin(&m);
	mount_begin(&n);
	cr_assert_eq(store_save(m.store, NULL), 0);
	cr_assert_eq(store_save(n.store, NULL), 0);
	add_images(6, 8);
	archive_age(&a, "dir0/6", 60);
	archive_age(&a, "dir1/7", 60);
	cr_assert_eq(store_scan(m.store, &(bool){ false }, NULL), 0);
	cr_assert_eq(store_save(m.store, NULL), 0);
	cr_expect_eq(mount_once(NULL), 0);
	cr_assert_eq(store_save(n.store, NULL), 0);
	mount_end(&n, true);
	cr_expect_eq(mount_once(NULL), 0, "who knows less does not take away");
	mount_end(&m, true);
}

Test(index_persist, an_index_that_vanishes_is_written_whole_again)
{
	struct mount m;

	add_images(0, 6);
	mount_begin(&m);
	cr_assert_eq(store_save(m.store, NULL), 0);
	unlink(db);
	add_images(6, 7);
	archive_age(&a, "dir0/6", 60);
	cr_assert_eq(store_scan(m.store, &(bool){ false }, NULL), 0);
	mount_end(&m, true);
	cr_expect_eq(mount_once(NULL), 0);
}

/* Killed anywhere, it is older and never wrong: no set aside, and the names are right. */
Test(index_persist, a_killed_writer_leaves_a_sound_database)
{
	char *want, *got;
	pid_t pid;
	int i;

	add_images(0, 300);
	mount_once(&want);
	unlink(db);
	for (i = 0; i < 20; i++) {
		pid = fork();
		if (pid == 0) {
			struct mount m;

			mount_begin(&m);
			kill(getppid(), SIGCONT);
			store_save(m.store, NULL);
			_exit(0);
		}
		usleep((useconds_t)(500 * i));
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		mount_once(&got);
		cr_expect_str_eq(got, want);
		cr_expect_not(was_set_aside());
		free(got);
		if (i % 2)
			unlink(db);
	}
	free(want);
}

Test(index_persist, is_written_behind_and_at_the_end_at_the_latest)
{
	struct mount m;

	add_images(0, 5);
	mount_begin(&m);
	cr_assert_eq(store_save_behind(m.store, NULL), 0);
	add_images(5, 6);
	archive_age(&a, "dir2/5", 60);
	cr_assert_eq(store_scan(m.store, &(bool){ false }, NULL), 0);
	mount_end(&m, false);
	cr_expect_eq(mount_once(NULL), 0);
}

static void *save_often(void *store)
{
	int i;

	for (i = 0; i < 30; i++)
		if (store_save(store, NULL) < 0)
			return store;
	return NULL;
}

Test(index_persist, saves_while_it_scans)
{
	pthread_t saving;
	struct mount m;
	void *failed;
	char name[32];
	int i;

	add_images(0, 5);
	mount_begin(&m);
	cr_assert_eq(pthread_create(&saving, NULL, save_often, m.store), 0);
	for (i = 5; i < 25; i++) {
		add_images(i, i + 1);
		snprintf(name, sizeof name, "dir%d/%d", i % 3, i);
		archive_age(&a, name, 60);
		if (i % 4 == 0)
			unlink(archive_path(&a, "dir0/0"));
		cr_assert_eq(store_scan(m.store, &(bool){ false }, NULL), 0);
	}
	pthread_join(saving, &failed);
	cr_expect_null(failed);
	mount_end(&m, true);
	cr_expect_eq(mount_once(NULL), 0);
}

Test(index_persist, answers_questions_in_sql)
{
	char command[600], line[100] = "";
	FILE *f;

	if (system("command -v sqlite3 >/dev/null") != 0)
		cr_skip_test("there is no sqlite3");
	add_images(0, 7);
	mount_once(NULL);
	snprintf(command, sizeof command,
		"sqlite3 %s \"SELECT s.Modality, s.NumberOfSeriesRelatedInstances,"
		" p.PatientID, st.NumberOfStudyRelatedInstances, i.path, i.ImagePositionPatient "
		"FROM series s, patients p,"
		" studies st, instances i WHERE s.SeriesNumber = 1 AND i.InstanceNumber = 2\"",
		db);
	f = popen(command, "r");
	cr_assert_not_null(fgets(line, sizeof line, f));
	pclose(f);
	cr_expect_str_eq(line, "MR|3|PAT|7|dir1/1|0\\0\\0\n");
}
