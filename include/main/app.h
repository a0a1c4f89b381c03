/* SPDX-License-Identifier: MIT */
/* The parts of the program, in the order in which main() puts them together. Private to main/. */
#ifndef MAIN_APP_H
#define MAIN_APP_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "index/changes.h"
#include "index/own.h"
#include "main/options.h"
#include "vfs/vfs.h"
#include "view/world.h"

struct err;

/* SOURCE, open: a folder, or the folder that the one file is in. */
struct source {
	int fd;
	char *path;      /* absolute */
	char *only_file; /* NULL: the whole folder */
};

int source_open(const char *path, struct source *s, struct err *err);
void source_close(struct source *s);

/* The absolute path of the mount point, which must be an empty folder outside of the source. */
int mountpoint_check(const char *path, const struct source *s, char **absolute, struct err *err);

/* The progress bar of the first scan, where standard error is a terminal. */
struct progress {
	bool shown, drawn;
	int64_t start_ns; /* of the monotonic clock */
};
void progress_start(struct progress *p);
void progress_draw(void *progress, const struct scan_progress *at);
void progress_end(struct progress *p);

/* Going into the background: the parent waits until the mount can be read and tells the status. */
struct background {
	int pipe_fd;  /* -1: in the foreground */
	int ready_fd; /* -o ready_fd, or -1 */
};
int background_enter(struct background *b, struct err *err);
/* It can be read (or not): tell the parent and the script, and let go of the terminal. */
void background_ready(struct background *b, int status);

/* Folders of files that were found to be others than the scan says, by whoever read them. */
struct stale {
	pthread_mutex_t lock; /* of folders */
	struct changes folders;
	int fd; /* readable when there are any; -1: nobody looks */
};
int stale_open(struct stale *s, struct err *err);
void stale_close(struct stale *s);
void stale_note(void *stale, const char *dir); /* from any thread */
/* Move them to *where; were there any? */
bool stale_take(struct stale *s, struct changes *where);

/* Everything below a front end. */
struct editor;

struct app {
	struct options o;
	struct source source;
	struct background background;
	char *mountpoint;
	struct progress progress;
	struct editor *editor; /* NULL: nothing is edited */
	bool only_edited;      /* no other view is shown */
	struct own own;        /* files of SOURCE that are none of it */
	struct world *world;
	bool scanned;           /* with success */
	int64_t scanned_ns;     /* wall clock: when the first scan began */
	_Atomic bool stop;      /* a scan shall end */
	struct watch *watch;    /* or NULL */
	bool blind_told;        /* that not all can be watched */
	struct changes changes; /* what it told of that was not looked at yet */
	struct stale stale;
	const struct view **views;
	struct buf readme;
	struct vfs *vfs;
};

/* Can the options' values be what they say? -EINVAL where not: wrong usage, whatever the source
 * is. */
int app_check(const struct options *o, struct err *err);
/* Open, scan (with delay_scan that is left to the mount), and make the tree; the options have been
 * checked. */
int app_open(struct app *a, struct err *err);
/* The first scan. */
int app_scan(struct app *a, bool *changed, struct err *err);
/* Was there not one DICOM file? */
bool app_is_empty(struct app *a);
#define APP_EMPTY "%s: not one DICOM file in the source"
void app_close(struct app *a);
/* Mount it, and serve until the end. */
int app_mount(struct app *a, struct err *err);
/* A line that tells which libfuse is in use. */
void app_print_library(FILE *out);

#endif
