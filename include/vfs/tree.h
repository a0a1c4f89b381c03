/* SPDX-License-Identifier: MIT */
/*
 * The inside of the tree, shared by the files of src/vfs alone.
 *
 * A file costs nothing but a slot in its folder's list. A folder that somebody
 * has looked into is a struct dir. Its list gets a block of consecutive inode
 * numbers, so a number leads to its folder by binary search over the blocks, and
 * to its name by subtraction. The list itself can be given back and made again:
 * the same view gives the same list of the same snapshot, so the numbers stay.
 *
 * A refresh compares the old list of a folder with the new one: what is the same
 * keeps its number, the rest gets a new block, and the folder's numbers are then
 * written out (inos, by_ino). What the kernel still knows of what has gone lives on
 * as a struct old, with the snapshot that it is of.
 *
 * One lock guards all of it. It is never held while a view works: what such a call
 * needs is copied into a struct target first.
 */
#ifndef VFS_TREE_H
#define VFS_TREE_H

#include <pthread.h>

#include "vfs/content.h"
#include "vfs/list.h"
#include "vfs/vfs.h"

#define VFS_MOST_DEPTH 64u /* keys in a chain: by/ can be nested for ever */
#define VFS_FIRST_INO 8u

/* A snapshot in use. */
struct era {
	struct snapshot *snap; /* NULL: there was none yet */
	int64_t mtime_ns;      /* of what the view left at 0 */
	size_t refs;           /* protected by vfs.lock, like all below */
	struct era *next_dead;
};

/* Things with an inode number as their first member, sorted by it. Quick to add to and to remove
 * from at both ends: the kernel forgets numbers in the order in which they were given. */
struct ino_set {
	uint64_t **items; /* n of them, somewhere in room */
	uint64_t **room;  /* for cap of them; mem_free() */
	size_t n, cap;
};

/* A name that the view's lookup() gave though list() does not. */
struct extra {
	uint64_t ino;
	struct extra *next;
	struct list_entry entry;
	uint32_t n_lookups;
	const struct era *asked; /* a refresh has asked the view again: what for */
	char name[];
};

struct dir {
	uint64_t ino;
	struct dir *parent;      /* NULL: the top; pinned */
	struct dir *prev, *next; /* all folders, parents before children */
	const struct view *view; /* NULL: the top folder, which is the tree's own */
	struct view_key *chain;  /* keys from the view's top; chain[depth] is its own */
	unsigned depth;
	struct era *era;   /* that chain and list are of */
	struct list *list; /* NULL: not made yet, or given back */
	bool numbered;     /* the list has been made once: */
	uint32_t n;        /* its names */
	unsigned n_blocks; /* of numbers that lead here */
	uint64_t digest;
	uint64_t base;       /* number of the first; the others follow */
	uint64_t *inos;      /* NULL, or their numbers where they do not simply follow */
	uint32_t *by_ino;    /* with inos: their order by number */
	uint32_t *n_lookups; /* NULL, or what the kernel knows of each */
	uint64_t n_all_lookups;
	struct extra *extras;
	struct ino_set subs;       /* its struct dirs */
	struct dir *newer, *older; /* folders with a list that can be given back, by last use */
	int64_t used_ns;
	unsigned pins; /* a call is under way, or a child */
	bool strayed;  /* its names were lost: the kernel may know others, until it is told */
	bool listing;  /* somebody asks the view for the list: wait for vfs.listed */
	bool dead;     /* its name is gone or means something else */
	/* While a refresh is under way: its own key in the new snapshot, and whether that promises
	 * that nothing below has changed. */
	struct view_key next_key;
	bool same;
	bool doomed; /* ... or that its name means something else */
};

/* What was replaced or removed, while somebody still knows its number. */
struct old {
	uint64_t ino;
	const struct view *view;
	struct era *era;
	struct list_entry entry;
	uint32_t n_lookups;
	unsigned depth;
	struct view_key chain[];
};

struct block {
	uint64_t base;
	uint64_t n;
	struct dir *dir; /* NULL: a folder that has gone */
};

/* A content that is open, or was lately. */
struct opened {
	uint64_t ino;
	struct content *content; /* NULL while it is being opened */
	struct era *era;
	struct opened *newer, *older;
	int64_t used_ns;
	unsigned pins;
	bool doomed; /* out of the set: free it with the last pin */
	/* of a live file: */
	bool live;
	int64_t made_ns, mtime_ns;
	uint64_t read_end;
	int64_t read_ns;
};

/* Whether who lists the folders of a view asks for the sizes then: see ahead.c. */
struct ahead {
	const struct view *view;
	uint32_t n_offered; /* names that were listed without their size */
	uint32_t n_asked;   /* sizes that were asked for by name */
	uint32_t n_made;    /* sizes that the listing under way brought */
	int64_t used_ns;
	bool on;
};

struct vfs {
	struct vfs_world world;
	struct vfs_limits limits;
	pthread_mutex_t lock;
	/* all protected by lock: */
	pthread_cond_t listed; /* a folder has its list, or failed to get it */
	pthread_cond_t opened; /* a content is open, or failed to open */
	struct era *newest;
	struct era *dead_eras;      /* to be put by leave() */
	struct opened *dead_opened; /* to be closed by leave() */
	struct dir *root, *last_dir;
	struct block *blocks; /* ascending */
	size_t n_blocks, cap_blocks, n_dead_blocks;
	uint64_t next_ino;
	struct ino_set olds;
	struct dir *newest_list, *oldest_list;
	size_t list_bytes;
	struct ino_set contents;
	struct opened *newest_content, *oldest_content;
	size_t content_bytes;
	size_t n_dirs;
	struct ahead ahead;
};

/* Everything that a view call needs, copied out. */
struct target {
	const struct view *view;
	struct era *era; /* a reference */
	unsigned depth;
	uint64_t ino;
	struct list_entry entry;
	struct view_key chain[VFS_MOST_DEPTH];
};

/* Where a number leads: one of entry-in-list, extra, old. */
struct place {
	struct dir *dir;
	uint32_t i;
	struct extra *extra;
	struct old *old;
};

int64_t tree_now(void); /* coarse, monotonic */

/* The lock. leave() also closes the contents and puts the snapshots that nobody holds any more,
 * outside of it. */
void tree_enter(struct vfs *v);
void tree_leave(struct vfs *v);

/* A reference to the newest snapshot; NULL for want of memory. Without the lock. */
struct era *era_new(struct vfs *v);
struct era *era_get(struct era *e);
void era_put(struct vfs *v, struct era *e);

void *ino_set_find(const struct ino_set *s, uint64_t ino);
int ino_set_reserve(struct ino_set *s, size_t more); /* so that adding them cannot fail */
int ino_set_add(struct ino_set *s, void *item);
void ino_set_remove(struct ino_set *s, uint64_t ino);

/* n fresh numbers for dir. */
int block_add(struct vfs *v, struct dir *dir, uint64_t n, uint64_t *base);
/* The numbers of dir lead nowhere from now on. */
void block_kill(struct vfs *v, const struct dir *dir);

uint64_t dir_ino_at(const struct dir *d, uint32_t i);
bool dir_index_of(const struct dir *d, uint64_t ino, uint32_t *i);
/* The first entry, in order of number, that is greater than after; entry k in that order. */
uint32_t dir_first_after(const struct dir *d, uint64_t after);
uint32_t dir_nth(const struct dir *d, uint32_t k);
int dir_count_lookup(struct dir *d, uint32_t i);
void dir_uncount(struct dir *d, uint32_t i, uint64_t n);
void dir_touch(struct vfs *v, struct dir *d); /* its list is in use */
void dir_rest(struct vfs *v, struct dir *d);  /* ... and will hardly be any more */
struct extra *dir_extra(const struct dir *d, const char *name);

int dir_new(struct vfs *v, struct dir *parent, const struct view *view, uint64_t ino,
	const struct view_key *key, struct dir **out, struct err *err);
void dir_pin(struct dir *d);
void dir_unpin(struct vfs *v, struct dir *d);
void dir_drop_list(struct vfs *v, struct dir *d);
/* Make sure that it has its list, from the view where it must; the lock is let go meanwhile. The
 * caller pins it. */
int dir_need_list(struct vfs *v, struct dir *d, struct err *err);
void dir_set_list(struct vfs *v, struct dir *d, struct list *l);
int dir_take_list(struct vfs *v, struct dir *d, struct list *l /* taken */, struct err *err);
/* Its name is gone: nothing leads to it any more; it is freed with its last pin. */
void dir_doom(struct vfs *v, struct dir *d);
void dir_free_all(struct vfs *v);
/* The folder with that number, pinned. -ENOENT where it has gone (but is known), -ENOTDIR,
 * -ESTALE. */
int dir_at(struct vfs *v, uint64_t ino, struct dir **out, struct err *err);

/* The place of a number. */
bool tree_find(struct vfs *v, uint64_t ino, struct place *p);
/* The same; its folder has its list then. The lock may be let go before. */
int tree_locate(struct vfs *v, uint64_t ino, struct place *p, struct err *err);
void tree_forget(struct vfs *v, uint64_t ino, uint64_t n);
struct list_entry *place_entry(const struct place *p);
/* The time that an entry of a folder of this snapshot is shown with. */
int64_t entry_mtime_ns(const struct list_entry *e, const struct era *era);
uint64_t place_ino(const struct place *p);

void target_of_dir(const struct dir *d, struct target *t);
void target_of(const struct place *p, struct target *t);
void target_release(struct vfs *v, struct target *t);
struct view_node target_node(const struct target *t);
int target_list(const struct target *t, struct list **out, struct err *err);

/* Give lists back until they take at most `most` bytes, those in use since `since` excepted. */
void tree_trim_lists(struct vfs *v, size_t most, int64_t since);

/* Contents. A pinned one stays open; the lock is let go while a view opens one. */
int opened_get(struct vfs *v, uint64_t ino, struct opened **out, struct err *err);
/* A live file: what is being read, or rendered anew. */
int opened_get_live(struct vfs *v, uint64_t ino, bool reading, struct opened **out,
	struct err *err);
void opened_unpin(struct vfs *v, struct opened *o);
void opened_forget(struct vfs *v, uint64_t ino);
/* Close what is unpinned until the bounds hold, and all that was not used since `since`. */
void opened_trim(struct vfs *v, size_t most_bytes, unsigned most, int64_t since);
/* For tree_leave(): close, without the lock; then free, with it. */
void opened_close_dead(struct opened *list);
void opened_free_dead(struct vfs *v, struct opened *list);

/* A name was listed without its size; that was asked for; something was read. */
void ahead_offered(struct vfs *v, const struct view *view);
void ahead_asked(struct vfs *v, const struct view *view);
void ahead_read(struct vfs *v);
/* How many sizes a listing of d may bring that are not known; first: it begins. */
uint32_t ahead_room(struct vfs *v, const struct dir *d, bool first);

#endif
