/* SPDX-License-Identifier: MIT */
/*
 * Told by the kernel that something below SOURCE has changed: inotify, one watch a folder. It tells
 * in which folders, not what: a scan of those finds out. A server's changes made by other machines
 * are not seen; those sources are polled. One thread at a time.
 */
#ifndef INDEX_WATCH_H
#define INDEX_WATCH_H

#include <stdbool.h>
#include <stdint.h>

struct changes;
struct err;
struct own;
struct watch;

/* What of root_fd is told; a zeroed struct: everything below. Borrowed for life. */
struct watch_scope {
	const char *only_file; /* SOURCE is this one file of root_fd, or NULL */
	const struct own *own; /* files that are none of SOURCE, or NULL */
};

/* Watch every folder below root_fd (borrowed for life). since_ns: wall clock, the coarse one that
 * files are stamped with; *changed: a folder has changed since then already. An error where there
 * is no inotify, or its limits do not allow so many folders. */
int watch_new(int root_fd, const struct watch_scope *scope, int64_t since_ns, struct watch **out,
	bool *changed, struct err *err);
void watch_free(struct watch *w); /* NULL is fine */
/* Readable when something has happened. */
int watch_fd(const struct watch *w);
/* Take what has happened, and watch folders that are new; where it was is added to *where. Was
 * there anything? */
bool watch_drain(struct watch *w, struct changes *where);
/* Why some folder that came later is not watched, so that changes in it are not told; NULL: all
 * are. */
const char *watch_trouble(const struct watch *w);
/* Is root_fd another folder by now? */
bool watch_is_of_another(const struct watch *w);
/* Try to watch all folders once more; what changed in them before is not told. */
void watch_again(struct watch *w);

#endif
