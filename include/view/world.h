/* SPDX-License-Identifier: MIT */
/*
 * All that serves one SOURCE: its files, its index, its plans, its decoded frames;
 * and the snapshots of it that the views are given. main makes one, the front
 * ends use it through the vfs, the refresher rescans it.
 */
#ifndef VIEW_WORLD_H
#define VIEW_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/scan.h"
#include "vfs/view.h"

struct buf;
struct changes;
struct editor;
struct err;
struct world;

struct world_options {
	size_t cache_bytes;        /* of decoded frames; 0: the default */
	unsigned max_open_files;   /* 0: the default */
	unsigned n_decode_threads; /* ahead of a reader in order; 0: one a core */
	const char *layout;        /* a template; NULL: PATIENT/STUDY/SERIES */
	const char *by;            /* keywords to list in by/ beside the default ones; NULL: none */
	const char *index;         /* path of the saved index; NULL: none */
	const char *source;        /* the real path of SOURCE, which the index is of */
	/* A file in this folder is not what the newest scan says: world_scan_changes() would find
	 * out. From any thread; NULL: nobody wants to know. */
	void (*stale)(void *arg, const char *dir);
	void *stale_arg;
	struct editor
		*editor; /* what edited/ is made by; NULL: there is none. Outlives the world */
	struct scan_options scan;
};

/* root_fd: SOURCE, or the folder that the file options->scan.only_file is in; borrowed for life.
 * Nothing is read before world_scan(). */
int world_new(int root_fd, const struct world_options *options, struct world **out,
	struct err *err);
void world_free(struct world *w);
/* Scan (again) and publish what is there now. *changed: is it another catalog than before? One
 * caller at a time. */
int world_scan(struct world *w, bool *changed, struct err *err);
/* The same where only these folders may have changed since the last scan. */
int world_scan_changes(struct world *w, const struct changes *where, bool *changed,
	struct err *err);
/* In how many milliseconds to scan again though nothing changes, as store_waits_ms() and
 * plans_waits_ms() have it of all that is shown; -1: there is no need. Who uses the tree meanwhile
 * may bring it about. The thread that scans. */
int64_t world_waits_ms(struct world *w);

/* Nobody has read anything for a while: give back what is kept for who reads on. Any thread. */
void world_rest(struct world *w);

/* The same SOURCE as its editor rewrites it, scanned no earlier than the snapshot's catalog;
 * made on first use. A reference of the caller's. -ENOENT: there is no editor. */
int world_edited_snapshot(const struct snapshot *base, struct snapshot **out, struct err *err);

/* The newest snapshot, a reference of the caller's; give it back with snapshot_put(). */
struct snapshot *world_snapshot(struct world *w);
struct snapshot *snapshot_get(struct snapshot *s);
void snapshot_put(struct snapshot *s);           /* NULL is fine */
uint64_t snapshot_gen(const struct snapshot *s); /* rises with each change */
int64_t snapshot_mtime_ns(const struct snapshot *s);
uint32_t snapshot_n_instances(const struct snapshot *s);

/* The views, in the order in which they are shown; NULL at the end. */
const struct view *const *views_all(void);
/* By its folder's name; NULL: there is none. */
const struct view *view_find(const char *name);
/* What README.txt at the root of a mount says; layout: the user's template, or NULL. */
void views_readme(const struct view *const *shown, const char *layout, struct buf *out);

#endif
