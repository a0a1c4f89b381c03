/* SPDX-License-Identifier: MIT */
/*
 * The tree of virtual files. Front ends (a mount, --ls, --cat, tests) walk and
 * read it through these calls; views fill it. It gives every name an inode
 * number, lists folders when somebody looks into them, keeps contents open while
 * they are read, and moves to a new snapshot without changing a byte under a
 * reader.
 *
 * Inode numbers: the top folder is VFS_ROOT, others are never reused. A file's
 * inode is immutable: when its bytes change, its name is bound to a new number,
 * and the old number serves the old bytes until it is forgotten. A number that
 * means nothing (any more) is -ESTALE.
 *
 * Before the world's first snapshot the top folder can be listed and all in it looked up; what lies
 * below a view's folder is -EAGAIN until vfs_refresh() has moved there.
 *
 * All calls are safe from any thread; no lock is held while a view works.
 */
#ifndef VFS_VFS_H
#define VFS_VFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vfs/view.h"

struct buf;
struct err;
struct stop;
struct vfs;

#define VFS_ROOT 1

/* What the tree shows, and where its snapshots come from. */
struct vfs_world {
	/* Shown in the top folder, in this order; they outlive the tree. */
	const struct view *const *views;
	size_t n_views;
	/* The newest snapshot, a reference of the caller's; NULL: there is none yet. */
	struct snapshot *(*get)(void *arg);
	void (*put)(void *arg, struct snapshot *snap);
	/* The time of what the view left at 0; may be NULL. */
	int64_t (*mtime_ns)(void *arg, const struct snapshot *snap);
	/* Nobody has read anything for a while: give back what was kept for who reads on; may be
	 * NULL. */
	void (*rest)(void *arg);
	void *arg;
	const char *readme; /* text of README.txt in the top folder; NULL: no such file */
};

/* What may be kept in memory though nobody needs it now. 0: the default. */
struct vfs_limits {
	size_t list_bytes;      /* folders' names, at most */
	size_t idle_list_bytes; /* ... of which after some seconds of rest */
	size_t content_bytes;   /* open contents */
	unsigned n_contents;
};

struct vfs_attr {
	uint64_t ino;
	enum view_type type;
	bool live;       /* size and time hold for this moment alone */
	bool size_known; /* always, but in vfs_readdir() */
	uint64_t size;
	int64_t mtime_ns;
};

int vfs_new(const struct vfs_world *world, const struct vfs_limits *limits, struct vfs **out,
	struct err *err);
void vfs_free(struct vfs *v); /* no call may be under way; NULL is fine */

/* The entry `name` of the folder dir; counts one lookup, to be given back with vfs_forget(). */
int vfs_lookup(struct vfs *v, uint64_t dir, const char *name, struct vfs_attr *attr,
	struct err *err);

/* Give back n lookups. What nobody knows any more is freed. */
void vfs_forget(struct vfs *v, uint64_t ino, uint64_t n);

/* The size of a live file: of what is being read where `reading`, else made anew. */
int vfs_getattr(struct vfs *v, uint64_t ino, bool reading, struct vfs_attr *attr, struct err *err);

/* The folder that a folder is in; the top's is the top. */
uint64_t vfs_parent(struct vfs *v, uint64_t ino);

/*
 * The entries whose inode number is greater than `after` (0: all), in ascending order of it; so the
 * number is a cookie that stays sound while the folder changes. Stops when take() returns true: it
 * had no room for that one. take() runs under the tree's lock: it copies what it wants and calls
 * nothing here. With `count`, each taken entry whose size is known counts one lookup.
 */
typedef bool (*vfs_take)(void *arg, const char *name, const struct vfs_attr *attr);
int vfs_readdir(struct vfs *v, uint64_t dir, uint64_t after, bool count, vfs_take take, void *arg,
	struct err *err);

/* Up to n bytes from off, short only at the end; a count or a negative errno, -EINTR where `stop`
 * (may be NULL) said so. */
int64_t vfs_read(struct vfs *v, uint64_t ino, void *buf, size_t n, uint64_t off, struct stop *stop,
	struct err *err);

/* Extended attributes: names, each with its NUL; the value of one. -ENODATA where there is none. */
int vfs_xattr_list(struct vfs *v, uint64_t ino, struct buf *names, struct err *err);
int vfs_xattr_get(struct vfs *v, uint64_t ino, const char *name, struct buf *value,
	struct err *err);

/*
 * Move to the newest snapshot: every folder that somebody looked into is listed again, unless its
 * key promises that nothing changed. changed() is told, with no lock held, each name that means
 * something else than before, and NULL for a folder whose names, or anything whose time, are others
 * than before. Where it is not known any more what a folder had, its own name is told, which stands
 * for all below. One caller at a time.
 */
typedef void (*vfs_changed)(void *arg, uint64_t dir, const char *name);
int vfs_refresh(struct vfs *v, vfs_changed changed, void *arg, struct err *err);

/* Give back memory that nobody has used for some seconds. Returns whether some will be left to give
 * back later: while it does, call it every few seconds. */
bool vfs_trim(struct vfs *v);

struct vfs_stats {
	size_t n_folders, n_contents; /* listed once; open now */
	size_t list_bytes, content_bytes;
	uint64_t n_inodes; /* numbers spent */
};
void vfs_stats(struct vfs *v, struct vfs_stats *out);

#endif
