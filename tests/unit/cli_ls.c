/* SPDX-License-Identifier: MIT */
/* --ls of a tree in which something cannot be had. */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
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

/* What is printed of a path; *rc: what comes back. */
static char *list(const char *path, int *rc)
{
	static char text[100000];
	struct err err = { 0 };
	FILE *out = tmpfile();
	size_t len;

	*rc = cli_ls(walk.vfs, path, true, out, &err);
	rewind(out);
	len = fread(text, 1, sizeof text - 1, out);
	text[len] = '\0';
	fclose(out);
	return text;
}

Test(cli_ls, a_size_that_cannot_be_had_is_told_and_the_rest_is_listed, .init = cr_redirect_stderr)
{
	struct gen_instance what = { .series = 1 };
	char said[2000] = "", *text;
	FILE *told;
	int rc;

	archive_begin(&archive);
	for (what.number = 1; what.number <= 3; what.number++) {
		char name[16];

		snprintf(name, sizeof name, "%d", what.number);
		archive_image(&archive, name, &what);
	}
	walk_begin(&walk, &archive, NULL);
	unlink(archive_path(&archive, "1"));
	text = list("headers", &rc);
	fflush(stderr);
	told = cr_get_redirected_stderr();
	cr_expect_gt(fread(said, 1, sizeof said - 1, told), 0);
	cr_expect_eq(rc, -EIO);
	cr_expect(strstr(text, "-            ? 20"), "%s", text);
	cr_expect(strstr(text, "/00003.txt\n"), "%s", text);
	cr_expect(strstr(said, "/00001.txt: the file has gone"), "%s", said);
	cr_expect_not(strstr(said, "/00003.txt"));
	list("dicom", &rc);
	cr_expect_eq(rc, 0);
	walk_end(&walk);
	archive_end(&archive);
}
