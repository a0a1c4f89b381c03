/* SPDX-License-Identifier: MIT */
/* The pass over SOURCE. Each worker has a reader and lists of its own, joined at the end. */
#include "survey.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "dicom/source.h"
#include "index/changes.h"
#include "index/files.h"
#include "index/instance.h"
#include "index/intern.h"
#include "index/own.h"
#include "index/scan.h"
#include "known.h"
#include "walk.h"

#define THREADS 32u /* for latency; a warm cache does not mind them */
#define THREADS_MAX 256u
#define SETTLED_NS (1500 * NS_PER_MS) /* a file as young as this may still be written to */

/* ---- files that are no instances ---- */

int other_new(const char *dir, const char *file, enum other_kind kind, const char *text,
	struct other **out)
{
	size_t file_len = strlen(file) + 1, text_len = strlen(text) + 1;
	struct other *o = mem_calloc(1, sizeof *o + file_len + text_len);
	char *to;

	if (!o)
		return -ENOMEM;
	to = (char *)(o + 1);
	o->dir = dir;
	interned_use(dir);
	o->file = memcpy(to, file, file_len);
	o->text = memcpy(to + file_len, text, text_len);
	o->kind = kind;
	atomic_init(&o->refs, 1);
	*out = o;
	return 0;
}

struct other *other_get(struct other *o)
{
	atomic_fetch_add_explicit(&o->refs, 1, memory_order_relaxed);
	return o;
}

void other_put(struct other *o)
{
	if (!o || atomic_fetch_sub_explicit(&o->refs, 1, memory_order_acq_rel) != 1)
		return;
	interned_drop(o->dir);
	mem_free(o);
}

/* ---- lists ---- */

void findings_release(struct findings *f)
{
	size_t i;

	for (i = 0; i < f->n_instances; i++)
		instance_put(f->instances[i]);
	for (i = 0; i < f->n_others; i++)
		other_put(f->others[i]);
	for (i = 0; i < f->n_waiting; i++)
		mem_free(f->waiting[i].file);
	mem_free(f->instances);
	mem_free(f->others);
	mem_free(f->waiting);
	memset(f, 0, sizeof *f);
}

/* Room for one more behind n: capacities are powers of two. */
static int reserve(void **list, size_t n, size_t size)
{
	void *more;

	if (n & (n - 1))
		return 0;
	more = mem_resize(*list, n ? n * 2 : 1, size);
	if (!more)
		return -ENOMEM;
	*list = more;
	return 0;
}

int findings_add_instance(struct findings *f, struct instance *in)
{
	void *list = f->instances;
	int rc = reserve(&list, f->n_instances, sizeof *f->instances);

	f->instances = list;
	if (rc == 0)
		f->instances[f->n_instances++] = in;
	else
		instance_put(in);
	return rc;
}

int findings_add_other(struct findings *f, struct other *o)
{
	void *list = f->others;
	int rc = reserve(&list, f->n_others, sizeof *f->others);

	f->others = list;
	if (rc == 0)
		f->others[f->n_others++] = o;
	else
		other_put(o);
	return rc;
}

static int add_waiting(struct findings *f, const struct waiting *w)
{
	void *list = f->waiting;
	char *file = mem_strdup(w->file);
	int rc = file ? reserve(&list, f->n_waiting, sizeof *f->waiting) : -ENOMEM;

	f->waiting = list;
	if (rc < 0) {
		mem_free(file);
		return rc;
	}
	f->waiting[f->n_waiting] = *w;
	f->waiting[f->n_waiting++].file = file;
	return 0;
}

int findings_join(struct findings *to, struct findings *from)
{
	size_t n = to->n_instances + from->n_instances, m = to->n_others + from->n_others;
	struct instance **instances = mem_resize(to->instances, n, sizeof *instances);
	struct other **others = mem_resize(to->others, m, sizeof *others);
	size_t i;
	int rc = 0;

	to->instances = instances ? instances : to->instances;
	to->others = others ? others : to->others;
	if (!instances || !others)
		return -ENOMEM;
	if (from->n_instances)
		memcpy(instances + to->n_instances, from->instances,
			from->n_instances * sizeof *instances);
	if (from->n_others)
		memcpy(others + to->n_others, from->others, from->n_others * sizeof *others);
	to->n_instances = n;
	to->n_others = m;
	to->n_fresh += from->n_fresh;
	from->n_instances = from->n_others = 0;
	for (i = 0; i < from->n_waiting && rc == 0; i++)
		rc = add_waiting(to, &from->waiting[i]);
	return rc;
}

/* ---- the pass ---- */

struct surveyor {
	struct instance_reader *reader;
	struct findings found;
	struct changes failed; /* folders at which the file system failed */
};

struct pass {
	struct files *files;
	struct interns *interns;
	const struct own *own;
	struct known_table known;
	bool compares; /* a file's stat with what is known */
	bool patient, retry;
	struct surveyor *workers;
	int64_t now_ns, monotonic_ns;
};

/* Keep what is known. */
static int keep(struct surveyor *w, const struct known *k, struct err *err)
{
	int rc = 0;

	if (k->in)
		rc = findings_add_instance(&w->found, instance_get(k->in));
	else if (k->other)
		rc = findings_add_other(&w->found, other_get(k->other));
	return rc < 0 ? err_nomem(err) : 0;
}

static bool is_same(const struct known *k, const struct stat *st)
{
	uint64_t size = k->in ? k->in->size : k->other->size,
		 ino = k->in ? k->in->ino : k->other->ino;
	int64_t mtime = k->in ? k->in->mtime_ns : k->other->mtime_ns;

	return size == (uint64_t)st->st_size && ino == st->st_ino &&
		mtime == timespec_ns(&st->st_mtim);
}

/* No instance: the one that is known for it where that says the same. */
static int note(struct surveyor *w, const struct known *k, const char *dir, const char *file,
	enum other_kind kind, const char *text, const struct stat *st, struct err *err)
{
	struct other *o;

	if (k->other && k->other->kind == kind && strcmp(k->other->text, text) == 0 &&
		(!st || is_same(k, st)))
		return keep(w, k, err);
	if (other_new(dir, file, kind, text, &o) < 0)
		return err_nomem(err);
	if (st) {
		o->size = (uint64_t)st->st_size;
		o->ino = st->st_ino;
		o->mtime_ns = timespec_ns(&st->st_mtim);
	}
	w->found.n_fresh++;
	return findings_add_other(&w->found, o) < 0 ? err_nomem(err) : 0;
}

/* Codes that speak of one file or folder. Others speak of the file system: at a later pass what is
 * known of a folder is kept then, rather than emptied. */
static bool is_local(int code)
{
	return code == -EACCES || code == -EPERM || code == -ENOTDIR || code == -ELOOP ||
		code == -ENAMETOOLONG || code == -ENOENT;
}

/* Codes that speak of this program: of any folder the system would say the same. */
static bool is_want(int code)
{
	return code == -EMFILE || code == -ENFILE || code == -ENOMEM;
}

static enum other_kind kind_of_failure(int rc)
{
	switch (rc) {
	case -EPROTO:
		return OTHER_NOT_DICOM;
	case -EISDIR:
		return OTHER_DICOMDIR;
	case -EBADMSG:
	case -ENOTSUP:
	case -EFBIG:
		return OTHER_DAMAGED;
	default:
		return is_local(rc) ? OTHER_UNREADABLE : OTHER_FAILED;
	}
}

/* It cannot be opened, or not be looked at. */
static int note_closed(struct surveyor *w, const struct known *k, int dir_fd, const char *dir,
	const char *file, int code, struct err *err)
{
	struct stat st;
	bool there = fstatat(dir_fd, file, &st, 0) == 0;

	return note(w, k, dir, file, kind_of_failure(code), strerror(-code), there ? &st : NULL,
		err);
}

/* An open, regular, not empty file; fd is taken. */
static int read_instance(struct pass *p, struct surveyor *w, const struct known *k, int fd,
	const char *dir, const char *file, const struct stat *st, struct err *err)
{
	const struct instance_file which = {
		.dir = dir,
		.file = file,
		.size = (uint64_t)st->st_size,
		.ino = st->st_ino,
		.mtime_ns = timespec_ns(&st->st_mtim),
	};
	struct instance *in = NULL;
	struct dcm_source *s;
	struct err why;
	int rc;

	rc = dcm_source_from_sized_fd(fd, which.size, &s, &why);
	if (rc == 0)
		rc = files_filtered(p->files, s, &s, &why);
	if (rc == 0)
		rc = instance_read(w->reader, s, &which, &in, &why);
	if (rc == -ENOMEM)
		return err_nomem(err);
	if (rc < 0)
		return note(w, k, dir, file, kind_of_failure(rc), why.msg, st, err);
	w->found.n_fresh++;
	return findings_add_instance(&w->found, in) < 0 ? err_nomem(err) : 0;
}

/* Has this new or changed file been as it is for long enough? Whose time stamp is of the future
 * is watched. */
static bool is_settled(const struct pass *p, const struct known *k, const struct stat *st)
{
	int64_t mtime = timespec_ns(&st->st_mtim);

	if (mtime <= p->now_ns - SETTLED_NS)
		return true;
	return k->waiting && k->waiting->size == (uint64_t)st->st_size &&
		k->waiting->mtime_ns == mtime &&
		p->monotonic_ns - k->waiting->since_ns >= SETTLED_NS;
}

/* Look at it again at the next pass. */
static int look_again(const struct pass *p, struct surveyor *w, const struct known *k,
	const char *dir, const char *file, const struct stat *st, struct err *err)
{
	struct waiting now = {
		.dir = dir,
		.file = (char *)file,
		.size = (uint64_t)st->st_size,
		.mtime_ns = timespec_ns(&st->st_mtim),
		.since_ns = p->monotonic_ns,
	};

	if (k->waiting && k->waiting->size == now.size && k->waiting->mtime_ns == now.mtime_ns)
		now.since_ns = k->waiting->since_ns;
	return add_waiting(&w->found, &now) < 0 ? err_nomem(err) : 0;
}

/* The first scan takes a young file as it is, and leaves it to the next one too. fd is taken. */
static int read_regular(struct pass *p, struct surveyor *w, const struct known *k, int fd,
	const char *dir, const char *file, const struct stat *st, struct err *err)
{
	int rc = p->patient || is_settled(p, k, st) ? 0 : look_again(p, w, k, dir, file, st, err);

	if (rc == 0 && st->st_size > 0)
		return read_instance(p, w, k, fd, dir, file, st, err);
	close(fd);
	return rc < 0 ? rc : note(w, k, dir, file, OTHER_EMPTY, "empty", st, err);
}

static int read_file(struct pass *p, struct surveyor *w, const struct known *k, int dir_fd,
	const char *dir, const char *file, struct err *err)
{
	int fd = openat(dir_fd, file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), rc;
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return note_closed(w, k, dir_fd, dir, file, -errno, err);
	rc = fstat(fd, &st) != 0 ? -errno : 0;
	if (rc == 0 && S_ISREG(st.st_mode))
		return read_regular(p, w, k, fd, dir, file, &st, err);
	close(fd);
	return rc < 0 ? note_closed(w, k, dir_fd, dir, file, rc, err) : 0;
}

/* Go on with what is known of it for now. */
static int wait_for(const struct pass *p, struct surveyor *w, const struct known *k,
	const char *dir, const char *file, const struct stat *st, struct err *err)
{
	int rc = look_again(p, w, k, dir, file, st, err);

	return rc < 0 ? rc : keep(w, k, err);
}

/* Is it what it was, so that there is no need to read it? */
static bool is_known(const struct pass *p, const struct known *k, const struct stat *st)
{
	if (k->other && k->other->kind == OTHER_FAILED && p->retry)
		return false;
	return (k->in || (k->other && k->other->kind != OTHER_UNREADABLE)) && is_same(k, st);
}

/* Its folder is open here; whoever reads it later has but its path. */
static bool is_out_of_reach(const char *dir, const char *file)
{
	return strlen(dir) + sizeof "/" + strlen(file) > PATH_MAX;
}

static int visit_file(void *arg, unsigned worker, int dir_fd, const char *dir, const char *file,
	struct err *err)
{
	struct pass *p = arg;
	struct surveyor *w = &p->workers[worker];
	struct known k = { 0 };
	struct stat st;

	if (own_has(p->own, dir, file))
		return 0;
	if (is_out_of_reach(dir, file)) {
		k = known_find(&p->known, dir, file);
		return note_closed(w, &k, dir_fd, dir, file, -ENAMETOOLONG, err);
	}
	if (p->compares) {
		k = known_find(&p->known, dir, file);
		if (fstatat(dir_fd, file, &st, 0) == 0) {
			if (!S_ISREG(st.st_mode))
				return 0;
			if (is_known(p, &k, &st))
				return keep(w, &k, err);
			if (p->patient && !is_settled(p, &k, &st))
				return wait_for(p, w, &k, dir, file, &st, err);
		}
	}
	return read_file(p, w, &k, dir_fd, dir, file, err);
}

static int visit_trouble(void *arg, unsigned worker, const char *dir, const char *name, int code,
	struct err *err)
{
	struct pass *p = arg;
	struct surveyor *w = &p->workers[worker];
	struct known k;
	const char *text = strerror(-code);

	if (!name[0] && (code == -ENOENT || code == -ENOTDIR || code == -ELOOP))
		return 0; /* gone; what took its place is a name in the folder above */
	if (p->patient && is_want(code))
		return err_set(err, code, "list \"%s\": %s", dir, text);
	if (p->patient && !name[0] && !is_local(code))
		changes_add(&w->failed, dir, NULL, true);
	k = known_find(&p->known, dir, name);
	if (name[0] && code == -ELOOP)
		text = "a link to a folder is not followed";
	else if (name[0] && code == -ENOENT)
		text = "a link to nothing";
	return note(w, &k, dir, name, kind_of_failure(code), text, NULL, err);
}

static unsigned thread_count(const struct scan_options *opt)
{
	unsigned n = opt->n_threads ? opt->n_threads : THREADS;

	return n < THREADS_MAX ? n : THREADS_MAX;
}

static int make_workers(struct pass *p, unsigned n, struct err *err)
{
	unsigned i;
	int rc = 0;

	p->workers = mem_calloc(n, sizeof *p->workers);
	if (!p->workers)
		return err_nomem(err);
	for (i = 0; i < n && rc == 0; i++)
		rc = instance_reader_new(p->interns, &p->workers[i].reader, err);
	return rc;
}

static void free_workers(struct pass *p, unsigned n)
{
	unsigned i;

	for (i = 0; p->workers && i < n; i++) {
		instance_reader_free(p->workers[i].reader);
		findings_release(&p->workers[i].found);
		changes_release(&p->workers[i].failed);
	}
	mem_free(p->workers);
}

/* Is this a file of a failed folder, or below one, that was not come to? */
static bool is_unseen(const struct changes *failed, const struct known_table *seen, const char *dir,
	const char *file)
{
	struct known k;

	if (!changes_have(failed, dir))
		return false;
	k = known_find(seen, dir, file);
	return !k.in && !k.other;
}

static int add_unseen(const struct changes *failed, const struct known_table *seen,
	const struct findings *known, struct findings *out)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < known->n_instances && rc == 0; i++) {
		struct instance *in = known->instances[i];

		if (is_unseen(failed, seen, in->dir, in->file))
			rc = findings_add_instance(out, instance_get(in));
	}
	for (i = 0; i < known->n_others && rc == 0; i++) {
		struct other *o = known->others[i];

		if (is_unseen(failed, seen, o->dir, o->file))
			rc = findings_add_other(out, other_get(o));
	}
	return rc;
}

/* A folder at which the file system failed keeps what is known of it: a server may be back. */
static int keep_unseen(struct pass *p, unsigned n, const struct findings *known, struct err *err)
{
	struct changes failed = { 0 };
	struct known_table seen = { 0 };
	unsigned i;
	int rc = 0;

	for (i = 0; i < n; i++)
		changes_join(&failed, &p->workers[i].failed);
	for (i = 0; i < n && rc == 0 && changes_any(&failed); i++)
		rc = known_add(&seen, &p->workers[i].found);
	if (rc == 0 && changes_any(&failed))
		rc = add_unseen(&failed, &seen, known, &p->workers[0].found);
	known_release(&seen);
	changes_release(&failed);
	return rc < 0 ? err_nomem(err) : 0;
}

static int join_found(struct pass *p, unsigned n, struct findings *out, struct err *err)
{
	unsigned i;

	for (i = 0; i < n; i++)
		if (findings_join(out, &p->workers[i].found) < 0) {
			findings_release(out);
			return err_nomem(err);
		}
	return 0;
}

int64_t survey_now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

int64_t waiting_ms(const struct waiting *w, size_t n)
{
	int64_t now = clock_ns(CLOCK_REALTIME), monotonic = clock_ns(CLOCK_MONOTONIC);
	int64_t first = SETTLED_NS, by_mtime, by_watching, left;
	size_t i;

	for (i = 0; i < n; i++) {
		by_mtime = w[i].mtime_ns + SETTLED_NS - now;
		by_watching = w[i].since_ns + SETTLED_NS - monotonic;
		left = by_mtime < by_watching ? by_mtime : by_watching;
		if (left < first)
			first = left;
	}
	return first > 0 ? first / NS_PER_MS + 1 : 0;
}

/* Is there anything that a file's stat could be compared with, or that it could wait for? A first
 * pass without an index has nothing of the kind, and needs no stat beside that of the open file. */
static bool is_compared(const struct findings *known, bool patient)
{
	return known && (patient || known->n_instances + known->n_others + known->n_waiting > 0);
}

int survey(struct files *files, struct interns *interns, const struct scan_options *opt,
	const struct changes *within, const struct findings *known, unsigned how,
	struct findings *out, struct err *err)
{
	struct pass p = { .files = files,
		.interns = interns,
		.own = opt->own,
		.patient = how & SURVEY_PATIENT,
		.retry = how & SURVEY_RETRY };
	struct walk_visitor visitor = {
		.arg = &p,
		.file = visit_file,
		.trouble = visit_trouble,
		.progress = opt->progress,
		.progress_arg = opt->progress_arg,
		.stop = opt->stop,
	};
	struct walk_scope scope = { .only = opt->only_file, .within = within };
	unsigned n = thread_count(opt);
	int rc;

	memset(out, 0, sizeof *out);
	p.now_ns = clock_ns(CLOCK_REALTIME);
	p.monotonic_ns = clock_ns(CLOCK_MONOTONIC);
	p.compares = is_compared(known, p.patient);
	rc = known && known_add(&p.known, known) < 0 ? err_nomem(err) : make_workers(&p, n, err);
	if (rc == 0)
		rc = walk_tree(files_root_fd(files), &scope, n, interns, &visitor, err);
	if (rc == 0 && known)
		rc = keep_unseen(&p, n, known, err);
	if (rc == 0)
		rc = join_found(&p, n, out, err);
	free_workers(&p, n);
	known_release(&p.known);
	return rc;
}
