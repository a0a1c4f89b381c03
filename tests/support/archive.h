/* SPDX-License-Identifier: MIT */
/*
 * A temporary SOURCE for tests, scanned: a folder, its open files and its store.
 * Nothing here can fail: what goes wrong aborts the test program with a message.
 */
#ifndef TESTS_SUPPORT_ARCHIVE_H
#define TESTS_SUPPORT_ARCHIVE_H

#include <stddef.h>

#include "index/scan.h"
#include "support/dcmgen.h"

struct archive {
	char path[64]; /* of the folder */
	int fd;
	struct files *files;
	struct store *store;
	struct catalog *catalog; /* of the last archive_scan() */
};

void archive_begin(struct archive *a);
void archive_end(struct archive *a); /* removes the folder */

/* "PATH/name", valid until the next call; folders before the name are made. */
const char *archive_path(struct archive *a, const char *name);
void archive_write(struct archive *a, const char *name, const void *bytes, size_t len);
/* An image instance; a header without pixels from what `g` has. */
void archive_image(struct archive *a, const char *name, const struct gen_instance *what);
void archive_header(struct archive *a, const char *name, struct gen *g /* released */);
/* Set a file's times back, so that a later scan takes it at once. */
void archive_age(struct archive *a, const char *name, int seconds);

/* Scan, and take the newest catalog; true: it is a new one. */
bool archive_scan(struct archive *a);
/* "PATIENT/STUDY/SERIES/INSTANCE" of every instance, a line each, sorted; the caller's to free. */
char *archive_names(const struct catalog *c);
const struct instance *archive_find(const struct catalog *c,
	const char *name); /* by file path; NULL */

#endif
