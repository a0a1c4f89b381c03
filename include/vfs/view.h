/* SPDX-License-Identifier: MIT */
/*
 * What a view must provide: a folder at the root of the mount is three functions
 * and a line in view/views.def. Views know names, sizes and contents; inode
 * numbers, paths, caching, uniqueness and FUSE are the vfs's.
 *
 * A view has no state and no locks: what it knows comes from the snapshot (an
 * immutable picture of the archive, opaque to the vfs) and from the chain of keys
 * that leads from its root to the node.
 */
#ifndef VFS_VIEW_H
#define VFS_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct content;
struct err;
struct snapshot; /* defined by the views (view/snapshot.h) */

/* What a node is, in the view's own terms; compared with memcmp, so no padding. A thing whose bytes
 * change gets another version: its name is bound to a new inode then. A folder keeps its inode
 * whatever its version; one whose version is not 0 promises: while its key is the same, so is
 * everything below it, and a refresh need not list it again. */
struct view_key {
	uint32_t kind;
	uint32_t version;
	uint64_t a, b;
};

struct view_node {
	const struct snapshot *snap;
	const struct view_key
		*chain; /* [0] is the view's root, all zero; [depth] the node itself */
	unsigned depth;
};

enum view_type { VIEW_DIR, VIEW_FILE };

#define VIEW_SIZE_LATER (-1) /* dear to know: ask size() when somebody wants it */
#define VIEW_SIZE_LIVE (-2)  /* made anew for each reader; never cached (.dcmfs) */

struct view_entry {
	const char *name; /* any bytes; copied. The vfs makes it legal and unique */
	enum view_type type;
	struct view_key key;
	int64_t size;      /* of a file, or VIEW_SIZE_LATER or VIEW_SIZE_LIVE */
	int64_t mtime_ns;  /* 0: the newest of the whole snapshot */
	uint64_t identity; /* a stable hash of what it is: tells apart what would share a name */
	const char
		*ending; /* ".nii": a mark that makes it unique goes before it; NULL: at the end */
};

/* Where list() puts its entries; the vfs's, or a test's. */
struct view_out {
	int (*emit)(struct view_out *out, const struct view_entry *e, struct err *err);
};

struct view {
	const char *name;    /* the folder; the word in -o views= */
	const char *summary; /* one line: --help and the mount's README.txt */
	/* The entries of a folder, in any order, the same ones each time. Costs headers at most,
	 * never pixels. */
	int (*list)(const struct view_node *n, struct view_out *out, struct err *err);
	/* The exact size of a file that was listed with VIEW_SIZE_LATER. NULL: to know it is as
	 * dear as to open it; then it is opened, and who reads it next finds it open. */
	int (*size)(const struct view_node *n, int64_t *size, struct err *err);
	/* The snapshot outlives the content; the chain does not. */
	int (*open)(const struct view_node *n, struct content **out, struct err *err);
	/* A name that list() did not give and that is there all the same (by/AnyKeyword): fill *e
	 * or -ENOENT. NULL: there are none. */
	int (*lookup)(const struct view_node *n, const char *name, struct view_entry *e,
		struct err *err);
	/* Extended attributes, where the mount has them on (-o xattr). list: names, each with its
	 * NUL. get: -ENODATA where there is none. NULL: none. */
	int (*xattr_list)(const struct view_node *n, struct buf *names, struct err *err);
	int (*xattr_get)(const struct view_node *n, const char *name, struct buf *value,
		struct err *err);
	bool hidden;   /* not listed in by/ and edited/: .dcmfs, by and edited themselves */
	bool optional; /* in the top folder only where an option asks for it */
};

#endif
