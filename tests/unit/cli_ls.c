/* SPDX-License-Identifier: MIT */
/* --ls of a tree in which something cannot be had. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "cli/ls.h"
#include "support/walk.h"

static struct archive archive;
static struct walk walk;

static void take(FILE *f, char *text, size_t size)
{
	rewind(f);
	text[fread(text, 1, size - 1, f)] = '\0';
	fclose(f);
}

/* What is printed of a path, and what is said beside; *rc: what comes back. */
static const char *list(const char *path, char said[2000], int *rc)
{
	static char text[100000];
	struct err err = { 0 };
	FILE *out = tmpfile(), *beside = tmpfile();
	int before = dup(STDERR_FILENO);

	fflush(stderr);
	dup2(fileno(beside), STDERR_FILENO);
	*rc = cli_ls(walk.vfs, path, true, out, &err);
	fflush(stderr);
	dup2(before, STDERR_FILENO);
	close(before);
	take(out, text, sizeof text);
	take(beside, said, 2000);
	return text;
}

Test(cli_ls, a_size_that_cannot_be_had_is_told_and_the_rest_is_listed)
{
	struct gen_instance what = { .series = 1 };
	const char *text;
	char said[2000];
	int rc;

	archive_begin(&archive);
	for (what.number = 1; what.number <= 3; what.number++) {
		char name[16];

		snprintf(name, sizeof name, "%d", what.number);
		archive_image(&archive, name, &what);
	}
	walk_begin(&walk, &archive, NULL);
	unlink(archive_path(&archive, "1"));
	text = list("headers", said, &rc);
	cr_expect_eq(rc, -EIO);
	cr_expect(strstr(text, "-            ? 20"), "%s", text);
	cr_expect(strstr(text, "/00003.txt\n"), "%s", text);
	cr_expect(strstr(said, "/00001.txt: the file has gone"), "%s", said);
	cr_expect_not(strstr(said, "/00003.txt"));
	list("dicom", said, &rc);
	cr_expect_eq(rc, 0);
	walk_end(&walk);
	archive_end(&archive);
}
