/* SPDX-License-Identifier: MIT */
/*
 * One pass over SOURCE: walks it, reads what is new or changed, and lists what is
 * there. What is known already and still the same is not opened.
 */
#ifndef INDEX_SURVEY_H
#define INDEX_SURVEY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct changes;
struct err;
struct files;
struct instance;
struct interns;
struct scan_options;

enum other_kind {
	OTHER_NOT_DICOM,
	OTHER_EMPTY,
	OTHER_DICOMDIR,
	OTHER_DAMAGED,    /* says that it is DICOM, and cannot be read */
	OTHER_UNREADABLE, /* the system does not let us */
	OTHER_FAILED,     /* the system failed, and may not another time */
};

/* A file that is no instance. One block; immutable; reference counted. */
struct other {
	const char *dir, *file; /* dir interned; file "": the folder itself */
	const char *text;       /* why */
	uint64_t size, ino;
	int64_t mtime_ns;
	uint32_t id; /* of the same numbers as instances have */
	_Atomic unsigned refs;
	enum other_kind kind;
};

int other_new(const char *dir, const char *file, enum other_kind kind, const char *text,
	struct other **out);
struct other *other_get(struct other *o);
void other_put(struct other *o); /* NULL is fine */

/* A file that may still be written to: it is taken once it has been the same for a while. */
struct waiting {
	const char *dir; /* interned */
	char *file;      /* mem_alloc()ed */
	uint64_t size;
	int64_t mtime_ns, since_ns; /* since: of the monotonic clock */
};

/* Lists of references, and the files that wait. A zeroed struct is empty. */
struct findings {
	struct instance **instances;
	struct other **others;
	struct waiting *waiting;
	size_t n_instances, n_others, n_waiting;
	size_t n_fresh; /* of the first two lists: those that were not known before */
};
void findings_release(struct findings *f);
/* The reference is taken, also on error. */
int findings_add_instance(struct findings *f, struct instance *in);
int findings_add_other(struct findings *f, struct other *o);
/* Move all of `from` behind what `to` has; nothing can be added to that afterwards. */
int findings_join(struct findings *to, struct findings *from);

/* Files that may still be written to are waited for, and a folder at which the file system fails keeps
 * what is known of it, rather than be found empty; not so at the first pass of a mount. */
#define SURVEY_PATIENT 1u
/* What is known as failed is tried again. */
#define SURVEY_RETRY 2u

/* within: the folders to look at, or NULL for all; known: what is known of them from before, or
 * NULL. */
int survey(struct files *files, struct interns *interns, const struct scan_options *opt,
	const struct changes *within, const struct findings *known, unsigned how,
	struct findings *out, struct err *err);

/* Of the monotonic clock. */
int64_t survey_now_ns(void);
/* In how many milliseconds the first of those that wait may be taken, if it stays as it is. */
int64_t waiting_ms(const struct waiting *w, size_t n);

#endif
