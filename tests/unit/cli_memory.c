/* SPDX-License-Identifier: MIT */
/* --ls of the whole tree, --cat of a file of each view, and the saved index, while the N-th
 * allocation and all after it fail, for N = 1, 2 …: it is told, or the answer is whole and right;
 * never something else. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/ls.h"
#include "format/edit.h"
#include "support/archive.h"
#include "vfs/vfs.h"
#include "vfs/view.h"
#include "view/world.h"

#define EACH 120 /* so many are tried one by one, then in steps */
#define CALM 4   /* successes in a row: N is beyond the last allocation */

static struct archive archive;
static struct editor *editor;

static struct snapshot *get(void *world)
{
	return world_snapshot(world);
}

static void put(void *world, struct snapshot *s)
{
	(void)world;
	snapshot_put(s);
}

static void begin(void)
{
	static const char *const names[] = { "a", "b", "sub/c", "sub/d" };
	struct gen_instance what = { .patient = "P1", .modality = "MR", .description = "head" };
	unsigned i;

	archive_begin(&archive);
	for (i = 0; i < 4; i++) {
		what.study = 1;
		what.series = 1 + (int)i / 2;
		what.number = 1 + (int)i % 2;
		what.position[2] = i % 2;
		archive_image(&archive, names[i], &what);
	}
	archive_write(&archive, "notes", "text", 4);
	cr_assert_eq(editor_new(&(struct editor_options){ .rules = "set PatientID S001" }, &editor,
			     NULL),
		0);
	log_init(LOG_LEVEL_ERROR, false); /* what it could do without is no news here */
}

static void end(void)
{
	editor_free(editor);
	archive_end(&archive);
}

/* What is live has the time of now. */
static void forget_times(char *list)
{
	char *line, *name;

	for (line = list; line && *line;
		line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		name = strstr(line, "Z .dcmfs");
		if (!name)
			name = strstr(line, "Z edited/flagged");
		if (name && name < strchr(line, '\n'))
			memset(name - 8, '0', 8);
	}
}

/* What the program does, from nothing: path NULL lists all. The text is what it wrote. */
static int use(const char *path, const char *index, unsigned long fails_at, char **text,
	size_t *len, struct err *err)
{
	struct world_options o = { .n_decode_threads = 1,
		.source = archive.path,
		.index = index,
		.editor = editor };
	struct vfs_world vw = { .views = views_all(), .get = get, .put = put, .readme = "read me" };
	struct world *world = NULL;
	struct vfs *vfs = NULL;
	FILE *out = tmpfile();
	bool changed;
	int rc;

	while (vw.views[vw.n_views])
		vw.n_views++;
	mem_fail_after(fails_at);
	rc = world_new(archive.fd, &o, &world, err);
	vw.arg = world;
	if (rc == 0)
		rc = world_scan(world, &changed, err);
	if (rc == 0)
		rc = vfs_new(&vw, NULL, &vfs, err);
	if (rc == 0)
		rc = path ? cli_cat(vfs, path, fileno(out), err) :
			    cli_ls(vfs, NULL, true, out, err);
	vfs_free(vfs);
	world_free(world);
	mem_fail_after(0);
	*len = (size_t)lseek(fileno(out), 0, SEEK_END);
	*text = calloc(1, *len + 1);
	cr_assert_eq(pread(fileno(out), *text, *len, 0), (ssize_t)*len);
	fclose(out);
	if (!path)
		forget_times(*text);
	return rc;
}

/* Every answer of the sweep is a whole one or -ENOMEM with a text, what is written before that
 * being right. */
static void sweep(const char *path, const char *index)
{
	char *whole, *text;
	size_t whole_len, len;
	unsigned calm = 0;
	unsigned long n;
	struct err err = { 0 };

	cr_assert_eq(use(path, index, 0, &whole, &whole_len, &err), 0, "%s: %s", path, err.msg);
	for (n = 1; calm < CALM && n < 1000000; n += n < EACH ? 1 : 1 + n / 16) {
		int rc;

		if (index)
			unlink(index);
		err = (struct err){ 0 };
		rc = use(path, index, n, &text, &len, &err);
		if (rc == 0)
			cr_assert(len == whole_len && memcmp(text, whole, len) == 0,
				"%s, allocation %lu: other bytes\n%.600s", path ? path : "--ls", n,
				text);
		else
			cr_assert(rc == -ENOMEM && err.msg[0], "%s, allocation %lu: %d, %s",
				path ? path : "--ls", n, rc, err.msg);
		if (rc < 0 && path)
			cr_assert(len <= whole_len && memcmp(text, whole, len) == 0,
				"%s, allocation %lu", path, n);
		calm = rc == 0 ? calm + 1 : 0;
		free(text);
	}
	free(whole);
}

Test(memory, a_listing_is_whole_or_fails, .timeout = 200)
{
	begin();
	sweep(NULL, NULL);
	end();
}

/* The first file below each folder at the top. */
Test(memory, a_file_of_each_view_is_whole_or_fails, .timeout = 200)
{
	char *list, *line, *next, last[64] = "";
	struct err err = { 0 };
	size_t len;
	unsigned n = 0;

	begin();
	cr_assert_eq(use(NULL, NULL, 0, &list, &len, &err), 0, "%s", err.msg);
	for (line = list; *line; line = next + 1) {
		char *path = strrchr(line, ' ');

		next = strchr(line, '\n');
		*next = '\0';
		path = strrchr(line, ' ') + 1;
		len = strcspn(path, "/");
		if (line[0] != '-' || len >= sizeof last || strncmp(path, last, len + 1) == 0 ||
			strstr(path, "README") || strncmp(path, ".dcmfs/log", 10) == 0)
			continue;
		snprintf(last, sizeof last, "%.*s/", (int)len, path);
		sweep(path, NULL);
		n++;
	}
	cr_assert_geq(n, 10);
	free(list);
	end();
}

/* However its making ended, the index is whole, or not there, or begun anew. */
Test(memory, an_index_is_saved_whole_or_not, .timeout = 120)
{
	static const char table[] = ".dcmfs/instances.tsv";
	char index[96], *whole, *text;
	size_t whole_len, len;
	unsigned long n;
	struct err err = { 0 };

	begin();
	snprintf(index, sizeof index, "%s.sqlite", archive.path);
	cr_assert_eq(use(table, NULL, 0, &whole, &whole_len, &err), 0);
	for (n = 1; n < 4000; n += n < 200 ? 1 : 1 + n / 16) {
		(void)use(table, index, n, &text, &len, &err); /* made */
		free(text);
		(void)use(table, index, n, &text, &len, &err); /* loaded */
		free(text);
		cr_assert_eq(use(table, index, 0, &text, &len, &err), 0, "%lu: %s", n, err.msg);
		cr_assert_str_eq(text, whole, "allocation %lu", n);
		free(text);
		unlink(index);
	}
	free(whole);
	end();
}
