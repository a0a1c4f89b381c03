/* SPDX-License-Identifier: MIT */
/*
 * A view for tests of the tree: its snapshots are random trees that change from one
 * to the next, and a plain walk over them tells what the tree must show.
 */
#ifndef SUPPORT_FAKEVIEW_H
#define SUPPORT_FAKEVIEW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "vfs/vfs.h"

struct fake_node {
	uint64_t id;      /* what it is; its key.a */
	uint32_t version; /* of a file's bytes; of a folder: rises with anything below */
	bool is_dir;
	bool later; /* its size is told later */
	int parent; /* index in nodes; -1: the top */
	char name[32];
};

struct snapshot {
	_Atomic unsigned refs;
	uint64_t gen;
	int n;
	struct fake_node nodes[512];
};

/* The world of the tests: the newest snapshot, and counts of what was asked. */
struct fake_world {
	struct snapshot *_Atomic newest; /* NULL: there is none yet */
	_Atomic int n_alive;             /* snapshots that are not put yet */
	_Atomic int n_lists, n_sizes, n_opens, n_open_now;
	_Atomic int live_value;
	uint64_t lost_id; /* a node that is not listed any more, whatever the snapshot; 0: none */
	uint64_t
		young_id; /* a folder whose time is the snapshot's, and not the one of all; 0: none */
	bool versions;    /* folders promise: see struct view_key */
	void (*meanwhile)(void); /* called once, while a folder is listed */
};

extern struct fake_world fake;
extern const struct view fake_view, fake_live_view, fake_opened_view;

/* Start anew with an empty tree. The world shows "fake", ".live" and "opened". */
void fake_init(bool versions);
struct vfs_world fake_vfs_world(void);
void fake_release(void);
/* A copy of the newest snapshot to change; fake_publish() makes it the newest. */
struct snapshot *fake_begin(void);
void fake_publish(struct snapshot *s);
int fake_add(struct snapshot *s, int parent, bool is_dir, const char *name); /* returns its index */
void fake_touch(struct snapshot *s, int i);                                  /* new bytes */
void fake_remove(struct snapshot *s, int i); /* with all below; indices move */
int fake_find(const struct snapshot *s, int parent, const char *name); /* -1: none */
/* n random changes. */
void fake_shuffle(struct snapshot *s, unsigned *seed, int n);

/* The bytes of a file: any of them follows from its id and version. */
uint64_t fake_size(const struct fake_node *f);
uint8_t fake_byte(const struct fake_node *f, uint64_t off);

#endif
