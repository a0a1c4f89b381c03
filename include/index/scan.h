/* SPDX-License-Identifier: MIT */
/*
 * From a folder to a catalog: walk, read each file's head once, in parallel, and
 * group. Threads are for latency: a cold disk wants many whatever the cores.
 */
#ifndef INDEX_SCAN_H
#define INDEX_SCAN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "index/catalog.h"
#include "index/files.h"

struct changes;
struct err;
struct own;
struct store;

struct scan_progress {
	uint64_t n_found, n_read; /* files found so far, files read so far */
	bool walking;             /* n_found still grows */
};

struct scan_options {
	unsigned n_threads; /* 0: the default, for latency */
	/* Called from one thread, some ten times a second; may be NULL. */
	void (*progress)(void *arg, const struct scan_progress *p);
	void *progress_arg;
	const _Atomic bool *stop; /* once true, a scan ends, with -ECANCELED; NULL: never */
	bool hide_files;          /* no instance is named after its file */
	/* The path of SOURCE, or NULL: a scan looks whether it leads to another folder by now. A
	 * disk that is not mounted, or whose mount point is empty, is gone for a while: what is
	 * known stays. */
	const char *root_path;
	const char *only_file; /* SOURCE is this one file of root_fd, or NULL */
	const struct own *own; /* files that are none of SOURCE, or NULL */
};

/* The store holds the newest catalog and what a rescan needs. It scans through `files` (its root,
 * its filter). */
int store_new(struct files *files, const struct scan_options *opt, struct store **out,
	struct err *err);
void store_free(struct store *s); /* every catalog of it has been put back */

/* The saved index, before the first scan: that one reads what the SQLite database at `path` has
 * of SOURCE, whose real path is `source`, and opens only files that this does not know as they
 * are. Where it cannot be read the scan does without, and nothing is saved. */
int store_use_index(struct store *s, const char *path, const char *source, struct err *err);
/* From now on what a scan finds is written to the index some seconds later, by a thread of the
 * store's, and the rest when the store is freed. */
int store_save_behind(struct store *s, struct err *err);
/* Write to it what it does not have yet. From any thread, also during a scan; a store without
 * index does nothing. */
int store_save(struct store *s, struct err *err);
/* Where the index of a SOURCE is kept: $XDG_CACHE_HOME/dcmfs (made here where it is not there),
 * by a hash of its real path. */
int store_index_path(const char *source, char *buf, size_t cap, struct err *err);

/* Walk SOURCE, read what is new or changed, drop what has gone, publish. *changed tells whether the
 * catalog is another than before. One caller at a time. */
int store_scan(struct store *s, bool *changed, struct err *err);
/* The same of some folders, where something may have changed since the last scan; the rest is
 * taken to be as it was. What it costs is what is in those, not in SOURCE. */
int store_scan_changes(struct store *s, const struct changes *where, bool *changed,
	struct err *err);
/* Did the last scan leave something for the next: files so young that they may still be written to,
 * or at which the file system failed? The former are taken a second and a half after their last
 * change (by the first scan as they are as well); the latter are tried again, ever more rarely. In
 * how many milliseconds the next of them is due; -1: there is none. */
int64_t store_waits_ms(const struct store *s);
/* The bytes of texts and attributes that instances share; what nobody has any more among them. */
size_t store_interned_bytes(const struct store *s);
/* The newest catalog, a reference of the caller's; NULL before the first scan. */
struct catalog *store_get(struct store *s);

#endif
