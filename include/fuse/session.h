/* SPDX-License-Identifier: MIT */
/*
 * A tree of virtual files as a mount. The only user of libfuse.
 *
 * Everything hangs on inodes, nothing on open files: so the kernel is told not to
 * send open, opendir and their ends at all, and to cache names, attributes and
 * pages for long; a refresh tells it what to drop.
 */
#ifndef FUSE_SESSION_H
#define FUSE_SESSION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct err;
struct session;
struct vfs;

struct session_options {
	struct vfs *vfs;
	const char *source;             /* shown as the device in /proc/mounts */
	const char *mountpoint;         /* absolute */
	const char *mount_options;      /* more of them, by commas: "allow_other,noexec"; or NULL */
	uid_t uid;
	gid_t gid;
	mode_t umask;
	bool xattr;
	bool debug;
	bool single_thread;
	unsigned readahead_kb;          /* best effort, where we are root; 0: the kernel's own */
	unsigned refresh_seconds;       /* 0: on SIGHUP alone */
	/* Look at the source again; *changed: the tree has a newer snapshot to move to. */
	int (*rescan)(void *arg, bool *changed, struct err *err);
	void *arg;
};

int session_new(const struct session_options *options, struct session **out, struct err *err);
/* From here on the kernel's requests wait for session_run(). */
int session_mount(struct session *s, struct err *err);
/* Serve until it is unmounted, or SIGINT or SIGTERM comes. SIGHUP rescans. */
int session_run(struct session *s, struct err *err);
void session_free(struct session *s);       /* unmounts; NULL is fine */

#endif
