/* SPDX-License-Identifier: MIT */
/* The command line: one table of options, read by the parser and by --help. */
#ifndef MAIN_OPTIONS_H
#define MAIN_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct err;

enum options_mode { OPTIONS_MOUNT, OPTIONS_LS, OPTIONS_CAT, OPTIONS_HELP, OPTIONS_VERSION };

struct options {
	enum options_mode mode;
	char *source;
	char *place; /* the mount point; with --ls and --cat the path in the tree, may be NULL */
	bool foreground, debug, single_thread, long_list;
	bool allow_other, xattr, delay_scan;
	char *views, *layout, *by, *edit, *deidentify, *key, *index;
	char *passed; /* for the kernel and libfuse: "noexec,noatime" */
	unsigned long long cache_bytes, readahead_kb, refresh_seconds, uid, gid, umask, ready_fd;
	bool has_uid, has_gid, has_umask, has_ready_fd;
};

/* Fills o, which is to be released whatever comes back. -EINVAL: wrong usage, err says what. */
int options_parse(struct options *o, int argc, char *const *argv, struct err *err);
void options_release(struct options *o);
void options_help(FILE *out);

#endif
