/* SPDX-License-Identifier: MIT */
/*
 * Walks a folder with many threads and hands every file to a visitor. Threads are
 * for latency: while one waits for a disk or a server, the others ask for more.
 *
 * Folders are listed, files visited in batches. Links to files are followed, links
 * to folders are not, so that a walk ends; pipes, sockets and devices are passed by. What
 * changes while it is walked is seen or not seen, and never harms.
 */
#ifndef INDEX_WALK_H
#define INDEX_WALK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct changes;
struct err;
struct interns;
struct scan_progress;

struct walk_visitor {
	void *arg;
	/* A file that is or may be regular: name in the folder dir_fd, whose path is dir
	 * (interned). worker is 0 .. n_threads - 1, one thread at a time for each. An error ends
	 * the walk. */
	int (*file)(void *arg, unsigned worker, int dir_fd, const char *dir, const char *name,
		struct err *err);
	/* A folder or link that could not be entered. An error ends the walk. */
	int (*trouble)(void *arg, unsigned worker, const char *dir, const char *name, int code,
		struct err *err);
	/* From the calling thread, some ten times a second; may be NULL. */
	void (*progress)(void *progress_arg, const struct scan_progress *p);
	void *progress_arg;
	const _Atomic bool *stop; /* once true, the walk ends with -ECANCELED; may be NULL */
};

/* What of it is walked; a zeroed struct: everything below root_fd. */
struct walk_scope {
	const char *only;             /* one file of root_fd; NULL: all */
	const struct changes *within; /* these folders; NULL: all */
};

/* Returns when all threads have ended. */
int walk_tree(int root_fd, const struct walk_scope *scope, unsigned n_threads,
	struct interns *interns, const struct walk_visitor *visitor, struct err *err);

/* Calls fn(arg, worker, i) for i = 0 .. n - 1 from n_threads threads; the first error ends it. */
int walk_parallel(unsigned n_threads, size_t n,
	int (*fn)(void *arg, unsigned worker, size_t i, struct err *err), void *arg,
	struct err *err);

#endif
