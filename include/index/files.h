/* SPDX-License-Identifier: MIT */
/*
 * The source files, opened when they are needed and kept open within a bound.
 * Every access checks that the file is still the one that was indexed: size and
 * mtime, else -ESTALE. Safe from any thread; no lock is held over I/O.
 */
#ifndef INDEX_FILES_H
#define INDEX_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dicom/dataset.h"
#include "index/instance.h"

struct err;
struct files;

/* Rewrites the bytes of a file as it is opened (the edited view); NULL: as it is. */
typedef int (*files_filter)(void *arg, struct dcm_source *in /* taken */, struct dcm_source **out,
	struct err *err);

/* Told each time that an instance's file is found to be another than it was, or gone; from any
 * thread, with no lock held. */
typedef void (*files_stale)(void *arg, const struct instance *in);

/* root_fd: SOURCE, a folder, borrowed for life. At most max_open descriptors stay open while none
 * of them is in use. */
int files_new(int root_fd, unsigned max_open, files_filter filter, void *filter_arg,
	struct files **out, struct err *err);
/* Before the first of them is read. */
void files_on_stale(struct files *f, files_stale told, void *arg);
/* Close what nobody uses: files that have gone would take room on their disk, and the disk could
 * not be unmounted. */
void files_close_idle(struct files *f);
/* None of its sources is in use any more. */
void files_free(struct files *f); /* NULL is fine */
/* Has it taken a millisecond and more of late to open one? A disk that answers over a network, or
 * has to move its head. */
bool files_are_slow(const struct files *f);
int files_root_fd(const struct files *f);
/* A source through the filter; the source itself where there is none. */
int files_filtered(const struct files *f, struct dcm_source *in /* taken */,
	struct dcm_source **out, struct err *err);

/* The instance's source (inflated where deflated), shared with others that read it now; give it
 * back with files_put(), or dcm_source_close(), which is the same. -ENOENT gone, -ESTALE changed
 * since it was indexed: found out when it is opened, and then at most FILES_CHECK_MS late. */
#define FILES_CHECK_MS 1000
int files_get(struct files *f, const struct instance *in, struct dcm_source **out, struct err *err);
void files_put(struct files *f, const struct instance *in, struct dcm_source *s);
/* Is it what the file holds that one of these calls failed at, as each time? Other errors are of
 * the file system: another time it may be had. */
bool files_fails_for_good(int rc);

/* The file's own bytes, as in SOURCE (not inflated, not filtered): for dicom/. */
int64_t files_pread_raw(struct files *f, const struct instance *in, void *buf, size_t n,
	uint64_t off, struct err *err);

/* Its whole header (dcm_header_read); the caller frees it. */
int files_header(struct files *f, const struct instance *in, enum dcm_load load, size_t max_value,
	struct dcm_header **out, struct err *err);

#endif
