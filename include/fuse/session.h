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

/* What is mounted may change below: who knows. Called from one thread. */
struct session_source {
	void *arg;
	int found_fd;   /* readable when a request has found that something changed: drain() */
	bool unscanned; /* there is no snapshot before the first rescan() */
	/* Look again: at everything, or at what drain() was told of. *changed: what is shown is
	 * another, also where it fails; *again: look once more at once. */
	int (*rescan)(void *arg, bool everything, bool *changed, bool *again, struct err *err);
	/* In how many milliseconds it wants another look; -1: not by itself. */
	int64_t (*waits_ms)(void *arg);
	/* From another thread: a rescan() ends soon from now on, and comes to nothing. */
	void (*stop)(void *arg);
	/* Begin to watch, once there is a snapshot: a descriptor that is readable when something
	 * has happened, or -1 where nobody tells. *changed: something has happened already. */
	int (*watch)(void *arg, bool *changed);
	/* Take what has happened; was there anything? */
	bool (*drain)(void *arg);
	/* Is there something of which nobody tells, though it should be watched? All is then looked
	 * at every so often. */
	bool (*is_blind)(void *arg);
};

struct session_options {
	struct vfs *vfs;
	struct session_source source;
	const char *fsname;        /* shown as the device in /proc/mounts */
	const char *mountpoint;    /* absolute */
	const char *mount_options; /* more of them, by commas: "allow_other,noexec"; or NULL */
	uid_t uid;
	gid_t gid;
	mode_t umask;
	bool xattr;
	bool debug;
	bool single_thread;
	unsigned readahead_kb;    /* best effort, where we are root; 0: the kernel's own */
	unsigned refresh_seconds; /* look at the source so often; 0: when told, or asked */
};

/* The version of libfuse. */
const char *session_library(void);

int session_new(const struct session_options *options, struct session **out, struct err *err);
/* From here on the kernel's requests wait for session_run(), and signals end that or ask it to
 * look. */
int session_mount(struct session *s, struct err *err);
/* Serve until it is unmounted, or SIGINT or SIGTERM comes (or has come). SIGHUP rescans. */
int session_run(struct session *s, struct err *err);
void session_free(struct session *s); /* unmounts; NULL is fine */

#endif
