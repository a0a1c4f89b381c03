/* SPDX-License-Identifier: MIT */
/*
 * The walk: a stack of folders to list and a stack of batches of files to visit,
 * under one lock. Batches go first, so that few folders are open at a time
 * however many there are; a folder stays open as long as batches of it wait.
 *
 * Where files take long, because a disk or a server does, a batch is halved for
 * whoever has nothing to do, so that a folder alone keeps all threads waiting at once.
 */
#include "walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "index/changes.h"
#include "index/intern.h"
#include "index/scan.h"

#define BATCH_FILES 48u
#define BATCH_BYTES 4096u
#define STACK_BYTES (256u << 10) /* of a worker's stack: nothing below recurses */
#define PROGRESS_NS (100 * NS_PER_MS)
#define SLOW_NS 200000 /* a file that takes so long was waited for */

/* An open folder, shared by the batches of its files. */
struct folder {
	const char *path; /* interned */
	int fd;
	bool alone; /* folders in it are passed by */
	_Atomic unsigned refs;
};

struct batch {
	struct batch *next;
	struct folder *folder;
	unsigned n;
	size_t len;
	char names[BATCH_BYTES]; /* n of them, each with its NUL */
};

struct pending { /* a folder to be listed */
	struct pending *next;
	const char *path;
	bool alone;
};

struct walk {
	int root_fd;
	struct interns *interns;
	const struct walk_visitor *visitor;
	_Atomic uint64_t n_found, n_read;
	_Atomic bool failed;
	_Atomic unsigned n_idle; /* workers that wait for work */
	pthread_mutex_t lock;    /* of all below */
	pthread_cond_t more, ended;
	struct batch *batches;
	struct pending *folders;
	unsigned n_busy;    /* workers at work: they may still push */
	unsigned n_listing; /* of them, in a folder */
	unsigned n_running;
	struct err err; /* the first failure */
};

struct worker {
	struct walk *walk;
	unsigned index;
	pthread_t thread;
};

static void fail(struct walk *w, const struct err *err)
{
	pthread_mutex_lock(&w->lock);
	if (!w->failed)
		w->err = *err;
	w->failed = true;
	pthread_cond_broadcast(&w->more);
	pthread_mutex_unlock(&w->lock);
}

/* Has it failed, or is it to stop? Without the lock. */
static bool is_over(struct walk *w)
{
	struct err err;

	if (!w->failed && w->visitor->stop && atomic_load(w->visitor->stop)) {
		(void)err_set(&err, -ECANCELED, "stopped");
		fail(w, &err);
	}
	return w->failed;
}

static void folder_put(struct folder *f)
{
	if (atomic_fetch_sub(&f->refs, 1) != 1)
		return;
	close(f->fd);
	mem_free(f);
}

/* ---- listing ---- */

/* What one worker has in hand while it lists a folder. */
struct listing {
	struct walk *walk;
	unsigned worker;
	struct folder *folder;
	struct batch *batch; /* being filled; NULL: none */
};

static void push_on_stack(struct walk *w, struct batch *b)
{
	pthread_mutex_lock(&w->lock);
	b->next = w->batches;
	w->batches = b;
	pthread_cond_signal(&w->more);
	pthread_mutex_unlock(&w->lock);
}

static void push_batch(struct listing *l)
{
	struct batch *b = l->batch;

	if (!b)
		return;
	l->batch = NULL;
	atomic_fetch_add(&l->walk->n_found, b->n);
	push_on_stack(l->walk, b);
}

/* An empty one. */
static struct batch *new_batch(struct folder *f)
{
	struct batch *b = mem_alloc(sizeof *b);

	if (!b)
		return NULL;
	b->n = 0;
	b->len = 0;
	b->folder = f;
	atomic_fetch_add(&f->refs, 1);
	return b;
}

static int add_file(struct listing *l, const char *name, struct err *err)
{
	size_t len = strlen(name) + 1;
	struct batch *b = l->batch;

	if (b && (b->n == BATCH_FILES || b->len + len > BATCH_BYTES)) {
		push_batch(l);
		b = NULL;
	}
	if (!b) {
		b = new_batch(l->folder);
		if (!b)
			return err_nomem(err);
		l->batch = b;
	}
	memcpy(b->names + b->len, name, len);
	b->len += len;
	b->n++;
	return 0;
}

static int push_folder(struct walk *w, const char *path, bool alone)
{
	struct pending *p = mem_alloc(sizeof *p);

	if (!p)
		return -ENOMEM;
	p->path = path;
	p->alone = alone;
	pthread_mutex_lock(&w->lock);
	p->next = w->folders;
	w->folders = p;
	pthread_cond_signal(&w->more);
	pthread_mutex_unlock(&w->lock);
	return 0;
}

static int add_folder(struct listing *l, const char *name, struct err *err)
{
	const char *parent = l->folder->path, *path;
	struct buf b;
	int rc;

	buf_init(&b);
	buf_adds(&b, parent);
	if (parent[0])
		buf_addc(&b, '/');
	buf_adds(&b, name);
	path = buf_error(&b) < 0 ? NULL : intern_text(l->walk->interns, b.data, b.len);
	rc = path ? push_folder(l->walk, path, false) : -ENOMEM;
	buf_release(&b);
	return rc < 0 ? err_nomem(err) : 0;
}

static int add_link(struct listing *l, const char *name, struct err *err)
{
	const struct walk_visitor *v = l->walk->visitor;
	struct stat st;
	int code = 0;

	if (fstatat(l->folder->fd, name, &st, 0) != 0)
		code = -errno;
	else if (S_ISDIR(st.st_mode))
		code = -ELOOP;
	else if (S_ISREG(st.st_mode))
		return add_file(l, name, err);
	return code ? v->trouble(v->arg, l->worker, l->folder->path, name, code, err) : 0;
}

/* For the file systems whose folders do not tell. */
static unsigned char type_of(const struct folder *f, const char *name)
{
	struct stat st;

	if (fstatat(f->fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return DT_UNKNOWN;
	return (unsigned char)IFTODT(st.st_mode);
}

static int add_entry(struct listing *l, const struct dirent *d, struct err *err)
{
	unsigned char type = d->d_type;

	if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
		return 0;
	if (type == DT_UNKNOWN)
		type = type_of(l->folder, d->d_name);
	switch (type) {
	case DT_REG:
		return add_file(l, d->d_name, err);
	case DT_DIR:
		return l->folder->alone ? 0 : add_folder(l, d->d_name, err);
	case DT_LNK:
		return add_link(l, d->d_name, err);
	default:
		return 0;
	}
}

static int list_entries(struct listing *l, DIR *d, struct err *err)
{
	const struct walk_visitor *v = l->walk->visitor;
	const struct dirent *e;
	int rc = 0;

	while (rc == 0 && !is_over(l->walk)) {
		errno = 0;
		e = readdir(d);
		if (!e && errno && !l->folder->path[0])
			return err_errno(err, "cannot read the source");
		if (!e && errno)
			return v->trouble(v->arg, l->worker, l->folder->path, "", -errno, err);
		if (!e)
			break;
		rc = add_entry(l, e, err);
	}
	return rc;
}

/* fd is the folder's; the stream has one of its own. */
static int list_open(struct walk *w, unsigned worker, struct folder *f, struct err *err)
{
	struct listing l = { .walk = w, .worker = worker, .folder = f };
	int fd = fcntl(f->fd, F_DUPFD_CLOEXEC, 0), rc;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d) {
		rc = f->path[0] ? err_errno(err, "list \"%s\"", f->path) :
				  err_errno(err, "cannot read the source");
		if (fd >= 0)
			close(fd);
		return rc;
	}
	rc = list_entries(&l, d, err);
	push_batch(&l);
	closedir(d);
	return rc;
}

static int list_folder(struct walk *w, unsigned worker, const struct pending *p, struct err *err)
{
	const char *path = p->path;
	int fd = openat(w->root_fd, path[0] ? path : ".",
		O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct folder *f;
	int rc;

	if (fd < 0 && !path[0])
		return err_errno(err, "cannot read the source");
	if (fd < 0)
		return w->visitor->trouble(w->visitor->arg, worker, path, "", -errno, err);
	f = mem_alloc(sizeof *f);
	if (!f) {
		close(fd);
		return err_nomem(err);
	}
	f->path = path;
	f->fd = fd;
	f->alone = p->alone;
	atomic_init(&f->refs, 1);
	rc = list_open(w, worker, f, err);
	folder_put(f);
	return rc;
}

/* ---- workers ---- */

/* The second half of what is left of a batch, from the i-th name on, is for others. Without
 * memory it stays. */
static void share_batch(struct walk *w, struct batch *b, unsigned i, const char *name)
{
	unsigned left = b->n - i, keep = left - left / 2, k;
	struct batch *half = left < 2 ? NULL : new_batch(b->folder);

	if (!half)
		return;
	for (k = 0; k < keep; k++)
		name += strlen(name) + 1;
	half->n = left - keep;
	half->len = (size_t)(b->names + b->len - name);
	memcpy(half->names, name, half->len);
	b->n = i + keep;
	b->len -= half->len;
	push_on_stack(w, half);
}

static int visit_batch(struct walk *w, unsigned worker, struct batch *b, struct err *err)
{
	const struct walk_visitor *v = w->visitor;
	const char *name = b->names;
	int64_t start = clock_ns(CLOCK_MONOTONIC), end;
	unsigned i;
	int rc = 0;

	for (i = 0; i < b->n && rc == 0 && !is_over(w); start = end) {
		rc = v->file(v->arg, worker, b->folder->fd, b->folder->path, name, err);
		atomic_fetch_add_explicit(&w->n_read, 1, memory_order_relaxed);
		name += strlen(name) + 1;
		i++;
		end = clock_ns(CLOCK_MONOTONIC);
		if (end - start > SLOW_NS && w->n_idle)
			share_batch(w, b, i, name);
	}
	return rc;
}

static void batch_free(struct batch *b)
{
	folder_put(b->folder);
	mem_free(b);
}

/* Wait for something to do; false: there is nothing more. Called and left with the lock held. */
static bool await_work(struct walk *w)
{
	w->n_idle++;
	while (!w->batches && !w->folders && w->n_busy && !w->failed)
		pthread_cond_wait(&w->more, &w->lock);
	w->n_idle--;
	return (w->batches || w->folders) && !w->failed;
}

/* Take one thing off the stacks and do it. Called and left with the lock held. */
static void work_once(struct walk *w, unsigned worker)
{
	struct batch *b = w->batches;
	struct pending *p = b ? NULL : w->folders;
	struct err err;
	int rc;

	if (b)
		w->batches = b->next;
	else
		w->folders = p->next;
	w->n_busy++;
	w->n_listing += p != NULL;
	pthread_mutex_unlock(&w->lock);
	if (b) {
		rc = visit_batch(w, worker, b, &err);
		batch_free(b);
	} else {
		rc = list_folder(w, worker, p, &err);
	}
	if (rc < 0)
		fail(w, &err);
	pthread_mutex_lock(&w->lock);
	w->n_listing -= p != NULL;
	w->n_busy--;
	mem_free(p);
}

static void *run_worker(void *arg)
{
	struct worker *self = arg;
	struct walk *w = self->walk;

	pthread_mutex_lock(&w->lock);
	while (await_work(w))
		work_once(w, self->index);
	w->n_running--;
	pthread_cond_broadcast(&w->more);
	pthread_cond_signal(&w->ended);
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* Start up to n threads; returns how many there are. */
static unsigned start_workers(struct worker *workers, unsigned n, void *(*run)(void *))
{
	pthread_attr_t attr;
	unsigned i;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	for (i = 0; i < n; i++)
		if (pthread_create(&workers[i].thread, &attr, run, &workers[i]) != 0)
			break;
	pthread_attr_destroy(&attr);
	return i;
}

static void join_workers(struct worker *workers, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++)
		pthread_join(workers[i].thread, NULL);
}

static void tell_progress(struct walk *w, bool walking)
{
	struct scan_progress p = { .n_found = w->n_found, .n_read = w->n_read, .walking = walking };

	if (w->visitor->progress)
		w->visitor->progress(w->visitor->progress_arg, &p);
}

/* Until the last worker has ended. */
static void await_workers(struct walk *w)
{
	struct timespec until;
	bool walking;

	pthread_mutex_lock(&w->lock);
	while (w->n_running) {
		until = ns_timespec(clock_ns(CLOCK_REALTIME) + PROGRESS_NS);
		if (pthread_cond_timedwait(&w->ended, &w->lock, &until) != ETIMEDOUT)
			continue;
		walking = w->folders || w->n_listing;
		pthread_mutex_unlock(&w->lock);
		tell_progress(w, walking);
		pthread_mutex_lock(&w->lock);
	}
	pthread_mutex_unlock(&w->lock);
}

static void drop_rest(struct walk *w)
{
	struct batch *b;
	struct pending *p;

	while ((b = w->batches)) {
		w->batches = b->next;
		batch_free(b);
	}
	while ((p = w->folders)) {
		w->folders = p->next;
		mem_free(p);
	}
}

static int run_walk(struct walk *w, unsigned n_threads)
{
	struct worker *workers = mem_calloc(n_threads, sizeof *workers);
	unsigned i, n;

	if (!workers)
		return err_nomem(&w->err);
	for (i = 0; i < n_threads; i++)
		workers[i] = (struct worker){ .walk = w, .index = i };
	pthread_mutex_lock(&w->lock);
	n = start_workers(workers, n_threads, run_worker);
	w->n_running = n;
	pthread_mutex_unlock(&w->lock);
	await_workers(w);
	join_workers(workers, n);
	mem_free(workers);
	if (!n)
		return err_set(&w->err, -EAGAIN, "no thread could be started");
	return w->failed ? w->err.code : 0;
}

static int visit_only(struct walk *w, const char *only, struct err *err)
{
	const struct walk_visitor *v = w->visitor;
	const char *dir = intern_text(w->interns, "", 0);
	int rc;

	if (!dir)
		return err_nomem(err);
	rc = v->file(v->arg, 0, w->root_fd, dir, only, err);
	w->n_found = w->n_read = 1;
	return rc;
}

/* The folders to begin with: all of them once, whichever of them are in others. */
static int push_first(struct walk *w, const struct changes *within)
{
	const struct map_slot *slot;
	const char *path;
	size_t pos = 0;
	int rc = 0;

	if (!within || within->all) {
		path = intern_text(w->interns, "", 0);
		return path ? push_folder(w, path, false) : -ENOMEM;
	}
	while (rc == 0 && (slot = map_next(&within->folders, &pos))) {
		const struct changes_folder *f = slot->value;

		if (changes_have_parent(within, f->path))
			continue;
		path = intern_text(w->interns, f->path, strlen(f->path));
		rc = path ? push_folder(w, path, !f->below) : -ENOMEM;
	}
	return rc;
}

int walk_tree(int root_fd, const struct walk_scope *scope, unsigned n_threads,
	struct interns *interns, const struct walk_visitor *visitor, struct err *err)
{
	struct walk w = { .root_fd = root_fd, .interns = interns, .visitor = visitor };
	int rc;

	if (scope->only) {
		rc = visit_only(&w, scope->only, err);
		tell_progress(&w, false);
		return rc;
	}
	pthread_mutex_init(&w.lock, NULL);
	pthread_cond_init(&w.more, NULL);
	pthread_cond_init(&w.ended, NULL);
	rc = push_first(&w, scope->within) == 0 ? run_walk(&w, n_threads) : err_nomem(&w.err);
	drop_rest(&w);
	pthread_cond_destroy(&w.ended);
	pthread_cond_destroy(&w.more);
	pthread_mutex_destroy(&w.lock);
	tell_progress(&w, false);
	return rc < 0 ? err_set(err, rc, "%s", w.err.msg) : 0;
}

/* ---- a parallel loop ---- */

struct loop {
	size_t n;
	int (*fn)(void *arg, unsigned worker, size_t i, struct err *err);
	void *arg;
	_Atomic size_t next;
	_Atomic bool failed;
	pthread_mutex_t lock;
	struct err err; /* protected by lock */
};

struct loop_worker {
	struct loop *loop;
	unsigned index;
	pthread_t thread;
};

static void *run_loop(void *arg)
{
	struct loop_worker *self = arg;
	struct loop *l = self->loop;
	struct err err;
	size_t i;

	while (!l->failed && (i = atomic_fetch_add(&l->next, 1)) < l->n) {
		if (l->fn(l->arg, self->index, i, &err) == 0)
			continue;
		pthread_mutex_lock(&l->lock);
		if (!l->failed)
			l->err = err;
		l->failed = true;
		pthread_mutex_unlock(&l->lock);
	}
	return NULL;
}

int walk_parallel(unsigned n_threads, size_t n,
	int (*fn)(void *arg, unsigned worker, size_t i, struct err *err), void *arg,
	struct err *err)
{
	struct loop l = { .n = n, .fn = fn, .arg = arg };
	struct loop_worker *workers;
	unsigned i, started = 0;

	if (n < n_threads)
		n_threads = (unsigned)n;
	workers = mem_calloc(n_threads, sizeof *workers);
	if (!workers)
		return err_nomem(err);
	pthread_mutex_init(&l.lock, NULL);
	for (i = 0; i < n_threads; i++)
		workers[i] = (struct loop_worker){ .loop = &l, .index = i };
	while (started + 1 < n_threads &&
		pthread_create(&workers[started + 1].thread, NULL, run_loop,
			&workers[started + 1]) == 0)
		started++;
	if (n_threads)
		run_loop(&workers[0]);
	for (i = 1; i <= started; i++)
		pthread_join(workers[i].thread, NULL);
	pthread_mutex_destroy(&l.lock);
	mem_free(workers);
	return l.failed ? err_set(err, l.err.code, "%s", l.err.msg) : 0;
}
