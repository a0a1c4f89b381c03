/* SPDX-License-Identifier: MIT */
/* Open sources: shared, bounded, and never those of a file that has changed. */
#include <criterion/criterion.h>

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "dicom/dataset.h"
#include "dicom/source.h"
#include "dicom/tags.h"
#include "support/archive.h"

static struct archive a;

static void begin(void)
{
	archive_begin(&a);
}

static void end(void)
{
	archive_end(&a);
}

TestSuite(index_files, .init = begin, .fini = end);

static const struct instance *image(const char *name, const char *syntax)
{
	archive_image(&a, name, &(struct gen_instance){ .syntax = syntax, .rows = 64, .cols = 64 });
	archive_age(&a, name, 60);
	archive_scan(&a);
	return archive_find(a.catalog, name);
}

static unsigned count_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

Test(index_files, gives_the_source_that_the_record_speaks_of)
{
	static const char *const syntaxes[] = { GEN_EXPLICIT, GEN_DEFLATED };
	const struct instance *in;
	struct dcm_source *s, *again;
	uint16_t px[3];
	char name[16];
	size_t i;

	for (i = 0; i < 2; i++) {
		snprintf(name, sizeof name, "%zu", i);
		archive_image(&a, name,
			&(struct gen_instance){ .syntax = syntaxes[i],
				.rows = 64,
				.cols = 64,
				.number = (int)i });
	}
	archive_scan(&a);
	for (i = 0; i < 2; i++) {
		snprintf(name, sizeof name, "%zu", i);
		in = archive_find(a.catalog, name);
		cr_assert_eq(files_get(a.files, in, &s, NULL), 0);
		cr_assert_eq(files_get(a.files, in, &again, NULL), 0);
		cr_expect_eq(s, again, "one source for both");
		cr_assert_eq(dcm_source_pread(s, px, 6, in->pixels_off, NULL), 6);
		cr_expect(px[0] == 0 && px[1] == 1 && px[2] == 2);
		files_put(a.files, in, s);
		files_put(a.files, in, again);
	}
}

Test(index_files, raw_bytes_are_the_files_own)
{
	const struct instance *in = image("1", GEN_DEFLATED);
	char got[16384], want[16384];
	FILE *f = fopen(archive_path(&a, "1"), "rb");
	size_t n = fread(want, 1, sizeof want, f);

	fclose(f);
	cr_assert_eq(in->size, n);
	cr_expect_eq(files_pread_raw(a.files, in, got, sizeof got, 0, NULL), (int64_t)n);
	cr_expect_eq(memcmp(got, want, n), 0);
	cr_expect_eq(files_pread_raw(a.files, in, got, 5, n, NULL), 0);
}

Test(index_files, whole_headers)
{
	static const char *const syntaxes[] = { GEN_EXPLICIT, GEN_DEFLATED };
	const struct instance *in;
	struct dcm_header *h;
	size_t i;

	for (i = 0; i < 2; i++) {
		in = image(i ? "deflated" : "plain", syntaxes[i]);
		cr_assert_eq(files_header(a.files, in, DCM_LOAD_ALL, 0, &h, NULL), 0);
		cr_expect_not_null(dcm_get(&h->top, DCM_PatientID));
		dcm_header_free(h);
		unlink(archive_path(&a, i ? "deflated" : "plain"));
	}
}

Test(index_files, a_changed_file_is_stale)
{
	const struct instance *in = image("1", GEN_EXPLICIT);
	struct dcm_source *s;
	struct err err;

	archive_write(&a, "1", "something else", 14);
	cr_expect_eq(files_get(a.files, in, &s, &err), -ESTALE);
	cr_expect_eq(files_pread_raw(a.files, in, &err, 1, 0, NULL), -ESTALE);
	unlink(archive_path(&a, "1"));
	cr_expect_eq(files_get(a.files, in, &s, &err), -ESTALE);
	cr_expect_not_null(strstr(err.msg, "gone"));
}

/* An open descriptor goes on with the old file: the path is looked at once in a while. */
Test(index_files, a_file_replaced_while_it_is_open_is_found_out, .timeout = 20)
{
	const struct instance *in = image("1", GEN_EXPLICIT);
	struct dcm_source *s;
	char *old = strdup(archive_path(&a, "new"));

	cr_assert_eq(files_get(a.files, in, &s, NULL), 0);
	archive_image(&a, "new", &(struct gen_instance){ .number = 2 });
	cr_assert_eq(rename(old, archive_path(&a, "1")), 0);
	files_put(a.files, in, s);
	usleep((FILES_CHECK_MS + 100) * 1000);
	cr_expect_eq(files_get(a.files, in, &s, NULL), -ESTALE);
	free(old);
}

Test(index_files, what_has_gone_does_not_stay_open)
{
	const struct instance *in;
	struct dcm_source *s;
	unsigned before;

	archive_image(&a, "stays", &(struct gen_instance){ .number = 1 });
	archive_image(&a, "goes", &(struct gen_instance){ .number = 2 });
	archive_scan(&a);
	before = count_descriptors();
	in = archive_find(a.catalog, "stays");
	cr_assert_eq(files_get(a.files, in, &s, NULL), 0);
	files_put(a.files, in, s);
	in = archive_find(a.catalog, "goes");
	cr_assert_eq(files_get(a.files, in, &s, NULL), 0);
	files_put(a.files, in, s);
	cr_assert_eq(count_descriptors(), before + 2);
	cr_assert_eq(unlink(archive_path(&a, "goes")), 0);
	cr_assert(archive_scan(&a));
	cr_assert_eq(count_descriptors(), before);
	in = archive_find(a.catalog, "stays");
	cr_assert_eq(files_get(a.files, in, &s, NULL), 0);
	files_put(a.files, in, s);
}

Test(index_files, open_descriptors_are_bounded)
{
	unsigned before, i;
	struct dcm_source *s;
	char name[16];

	for (i = 0; i < 200; i++) {
		snprintf(name, sizeof name, "%u", i);
		archive_image(&a, name, &(struct gen_instance){ .number = (int)i });
	}
	archive_scan(&a);
	before = count_descriptors();
	for (i = 0; i < 200; i++) {
		cr_assert_eq(files_get(a.files, a.catalog->instances_by_id[i], &s, NULL), 0);
		files_put(a.files, a.catalog->instances_by_id[i], s);
	}
	cr_expect_leq(count_descriptors(), before + 32);
	cr_expect_gt(count_descriptors(), before + 16, "some stay open");
}

/* As an editor of large headers does. */
static int hold_much(void *arg, struct dcm_source *in, struct dcm_source **out, struct err *err)
{
	(void)arg;
	(void)err;
	in->held_bytes = (size_t)20 << 20;
	*out = in;
	return 0;
}

Test(index_files, memory_that_sources_keep_is_bounded)
{
	struct files *f;
	struct dcm_source *s;
	unsigned before, i;
	char name[16];

	for (i = 0; i < 200; i++) {
		snprintf(name, sizeof name, "%u", i);
		archive_image(&a, name, &(struct gen_instance){ .number = (int)i });
	}
	archive_scan(&a);
	cr_assert_eq(files_new(a.fd, 1000, hold_much, NULL, &f, NULL), 0);
	before = count_descriptors();
	for (i = 0; i < 200; i++) {
		cr_assert_eq(files_get(f, a.catalog->instances_by_id[i], &s, NULL), 0);
		files_put(f, a.catalog->instances_by_id[i], s);
	}
	cr_expect_leq(count_descriptors(), before + 17);
	files_free(f);
}

/* Places in the kernel's table of our descriptors. */
static unsigned long descriptor_places(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	unsigned long n = 0;
	char line[256];

	while (f && fgets(line, sizeof line, f))
		if (strncmp(line, "FDSize:", 7) == 0)
			n = strtoul(line + 7, NULL, 10);
	if (f)
		fclose(f);
	return n;
}

Test(index_files, room_for_descriptors_is_made_before_there_are_threads)
{
	unsigned long before = descriptor_places();
	struct files *files;

	if (!before)
		cr_skip_test("the kernel does not tell FDSize");
	cr_assert_lt(before, 300, "there is room already");
	cr_assert_eq(files_new(files_root_fd(a.files), 300, NULL, NULL, &files, NULL), 0);
	cr_expect_geq(descriptor_places(), 300);
	files_free(files);
}

Test(index_files, sources_in_use_outlive_the_bound)
{
	struct dcm_source *s[100];
	uint8_t byte;
	char name[16];
	unsigned i;

	for (i = 0; i < 100; i++) {
		snprintf(name, sizeof name, "%u", i);
		archive_image(&a, name, &(struct gen_instance){ .number = (int)i });
	}
	archive_scan(&a);
	for (i = 0; i < 100; i++)
		cr_assert_eq(files_get(a.files, a.catalog->instances_by_id[i], &s[i], NULL), 0);
	for (i = 0; i < 100; i++) {
		cr_expect_eq(dcm_source_pread(s[i], &byte, 1, 128, NULL), 1);
		cr_expect_eq(byte, 'D');
		dcm_source_close(s[i]);
	}
	cr_expect_leq(count_descriptors(), 50);
}

#define N_READERS 8

static void *read_all(void *arg)
{
	struct dcm_source *s;
	uint8_t byte = 0;
	unsigned i;

	for (i = 0; i < 3000; i++) {
		const struct instance
			*in = a.catalog->instances_by_id[(i * 7 + (unsigned)(uintptr_t)arg) % 60];

		if (files_get(a.files, in, &s, NULL) < 0)
			return arg;
		if (dcm_source_pread(s, &byte, 1, 128, NULL) != 1 || byte != 'D')
			return arg;
		files_put(a.files, in, s);
	}
	return NULL;
}

Test(index_files, many_readers_at_once)
{
	pthread_t t[N_READERS];
	void *failed;
	char name[16];
	unsigned i;

	for (i = 0; i < 60; i++) {
		snprintf(name, sizeof name, "%u", i);
		archive_image(&a, name,
			&(struct gen_instance){ .number = (int)i,
				.syntax = i % 10 ? GEN_EXPLICIT : GEN_DEFLATED });
	}
	archive_scan(&a);
	for (i = 0; i < N_READERS; i++)
		cr_assert_eq(pthread_create(&t[i], NULL, read_all, (void *)(uintptr_t)(i + 1)), 0);
	for (i = 0; i < N_READERS; i++) {
		pthread_join(t[i], &failed);
		cr_expect_null(failed);
	}
}
