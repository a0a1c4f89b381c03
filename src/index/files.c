/* SPDX-License-Identifier: MIT */
/*
 * Open sources, found by instance.
 *
 * An open source is a struct open: itself a dcm_source whose close gives the
 * reference back. It is in the table of its shard until it is evicted or found
 * stale, and in the shard's list of idle ones while nobody uses it. A shard's lock is
 * held for a few pointers only: files are opened, checked and closed outside of it.
 *
 * Inflated data sets are few and large: they have a shard of their own, whose
 * idle ones are bounded by bytes.
 */
#include "index/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "dicom/source.h"

#define N_SHARDS 16u
#define INFLATED_SHARD N_SHARDS
#define INFLATED_BYTES (UINT64_C(256) << 20)
#define EDITED_BYTES (UINT64_C(256) << 20) /* by all shards */
#define PATH_CAP (2 * PATH_MAX)
#define SLOW_US 1000
#define MOST_US 8000   /* that one alone counts for */
#define OTHER_FDS 100u /* beside the idle ones: in use, and the rest of the program */

struct shard;

struct open {
	struct dcm_source base;
	struct dcm_source *inner;
	struct shard *shard;
	uint64_t key;
	uint64_t held_bytes; /* of memory: inflated and edited ones */
	_Atomic int64_t checked_ms;
	/* protected by the shard's lock: */
	unsigned refs;
	bool in_table;
	struct open *chain;
	struct open *newer, *older; /* among the idle */
};

struct shard {
	pthread_mutex_t lock; /* of all below */
	struct open **table;
	struct open *newest, *oldest; /* idle ones */
	unsigned n_open;              /* in the table */
	uint64_t held_bytes;          /* by those in the table */
	unsigned mask, most;          /* fixed */
	uint64_t most_bytes;          /* fixed */
};

struct files {
	int root_fd;
	files_filter filter;
	void *filter_arg;
	files_stale told_stale; /* NULL: nobody wants to know */
	void *stale_arg;
	_Atomic uint32_t open_us; /* how long to open one takes of late */
	struct shard shards[N_SHARDS + 1];
};

static const struct dcm_source_ops open_ops;

/* The kernel's table of descriptors grows as they are opened. Where there are threads it waits for
 * every CPU then, ten milliseconds and more in the middle of somebody's read; so the table is made
 * large enough at once. */
static void make_room_for(int fd, unsigned n)
{
	int high = fcntl(fd, F_DUPFD_CLOEXEC, (int)n);

	if (high >= 0)
		close(high);
}

int files_new(int root_fd, unsigned max_open, files_filter filter, void *filter_arg,
	struct files **out, struct err *err)
{
	struct files *f = mem_calloc(1, sizeof *f);
	unsigned most = max_open / N_SHARDS, i, n = 4;

	if (!f)
		return err_nomem(err);
	if (most < 2)
		most = 2;
	while (n < 2 * most)
		n *= 2;
	f->root_fd = root_fd;
	f->filter = filter;
	f->filter_arg = filter_arg;
	for (i = 0; i <= N_SHARDS; i++) {
		pthread_mutex_init(&f->shards[i].lock, NULL);
		f->shards[i].most = most;
		f->shards[i].most_bytes = i == INFLATED_SHARD ? INFLATED_BYTES :
								EDITED_BYTES / N_SHARDS;
		f->shards[i].mask = n - 1;
		f->shards[i].table = mem_calloc(n, sizeof *f->shards[i].table);
		if (!f->shards[i].table) {
			files_free(f);
			return err_nomem(err);
		}
	}
	make_room_for(root_fd, most * N_SHARDS + OTHER_FDS);
	*out = f;
	return 0;
}

void files_on_stale(struct files *f, files_stale told, void *arg)
{
	f->told_stale = told;
	f->stale_arg = arg;
}

int files_root_fd(const struct files *f)
{
	return f->root_fd;
}

int files_filtered(const struct files *f, struct dcm_source *in, struct dcm_source **out,
	struct err *err)
{
	if (f->filter)
		return f->filter(f->filter_arg, in, out, err);
	*out = in;
	return 0;
}

/* ---- a shard: called with its lock held ---- */

static struct open **slot_of(struct shard *s, uint64_t key)
{
	struct open **p = &s->table[(unsigned)(key / 2 / N_SHARDS) & s->mask];

	while (*p && (*p)->key != key)
		p = &(*p)->chain;
	return p;
}

static void idle_remove(struct shard *s, struct open *o)
{
	*(o->newer ? &o->newer->older : &s->newest) = o->older;
	*(o->older ? &o->older->newer : &s->oldest) = o->newer;
	o->newer = o->older = NULL;
}

static void idle_add(struct shard *s, struct open *o)
{
	o->newer = NULL;
	o->older = s->newest;
	*(s->newest ? &s->newest->newer : &s->oldest) = o;
	s->newest = o;
}

static void table_remove(struct shard *s, struct open *o)
{
	*slot_of(s, o->key) = o->chain;
	o->in_table = false;
	s->n_open--;
	s->held_bytes -= o->held_bytes;
}

static void take(struct shard *s, struct open *o)
{
	if (o->refs++ == 0)
		idle_remove(s, o);
}

/* The idle one that has to go, out of the table and the list; NULL: none has to. */
static struct open *evict(struct shard *s)
{
	struct open *o = s->oldest;

	if (!o || (s->n_open <= s->most && (s->held_bytes <= s->most_bytes || o == s->newest)))
		return NULL;
	idle_remove(s, o);
	table_remove(s, o);
	return o;
}

/* ---- an open source ---- */

static void destroy(struct open *o)
{
	if (!o)
		return;
	dcm_source_close(o->inner);
	mem_free(o);
}

static int64_t open_pread(struct dcm_source *base, void *buf, size_t n, uint64_t off,
	struct err *err)
{
	struct open *o = (struct open *)base;

	return dcm_source_pread(o->inner, buf, n, off, err);
}

static void open_put(struct dcm_source *base)
{
	struct open *o = (struct open *)base, *victim = NULL, *extra = NULL;
	struct shard *s = o->shard;

	pthread_mutex_lock(&s->lock);
	if (--o->refs == 0) {
		if (o->in_table)
			idle_add(s, o);
		else
			victim = o;
	}
	extra = evict(s);
	pthread_mutex_unlock(&s->lock);
	destroy(victim);
	destroy(extra);
}

static const struct dcm_source_ops open_ops = { open_pread, open_put };

static int64_t now_ms(void)
{
	return clock_ns(CLOCK_MONOTONIC_COARSE) / NS_PER_MS;
}

static int check(const struct stat *st, const struct instance *in, struct err *err)
{
	if (!S_ISREG(st->st_mode) || (uint64_t)st->st_size != in->size ||
		timespec_ns(&st->st_mtim) != in->mtime_ns)
		return err_set(err, -ESTALE, "the file has changed since it was indexed");
	return 0;
}

/* errno tells why a file of the index cannot be had: gone is as stale as changed. */
static int missing(struct err *err, const char *what)
{
	if (errno == ENOENT || errno == ENOTDIR || errno == ESTALE)
		return err_set(err, -ESTALE, "the file has gone since it was indexed");
	return err_errno(err, "%s", what);
}

/* The file as it lies there. */
static int open_raw(const struct files *f, const struct instance *in, struct dcm_source **out,
	struct err *err)
{
	char path[PATH_CAP];
	struct stat st;
	int fd, rc;

	fd = openat(f->root_fd, instance_path(in, path, sizeof path),
		O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return missing(err, "open");
	rc = fstat(fd, &st) != 0 ? err_errno(err, "fstat") : check(&st, in, err);
	if (rc < 0) {
		close(fd);
		return rc;
	}
	return dcm_source_from_sized_fd(fd, in->size, out, err);
}

/* What the index's offsets are of: filtered and inflated. */
static int open_cooked(const struct files *f, const struct instance *in, struct dcm_source **out,
	struct err *err)
{
	struct dcm_source *s = NULL;
	struct dcm_file file;
	int rc = open_raw(f, in, &s, err);

	if (rc == 0)
		rc = files_filtered(f, s, &s, err);
	if (rc == 0 && in->deflated) {
		rc = dcm_file_open(s, &file, err);
		if (rc < 0)
			return rc;
		s = file.source;
		file.source = NULL;
		dcm_file_close(&file);
	}
	*out = s;
	return rc;
}

/* Put a new one into the table; another thread may have been first: its one then, and ours is
 * *loser. */
static struct open *publish(struct shard *s, struct open *o, struct open **loser,
	struct open **victim)
{
	struct open **slot;

	pthread_mutex_lock(&s->lock);
	slot = slot_of(s, o->key);
	if (*slot) {
		*loser = o;
		o = *slot;
		take(s, o);
	} else {
		*slot = o;
		o->in_table = true;
		s->n_open++;
		s->held_bytes += o->held_bytes;
		*victim = evict(s);
	}
	pthread_mutex_unlock(&s->lock);
	return o;
}

/* Close something idle of the first n shards, whichever; false: there is nothing. */
static bool close_one(struct files *f, unsigned n)
{
	struct open *o = NULL;
	unsigned i;

	for (i = 0; i < n && !o; i++) {
		pthread_mutex_lock(&f->shards[i].lock);
		o = f->shards[i].oldest;
		if (o) {
			idle_remove(&f->shards[i], o);
			table_remove(&f->shards[i], o);
		}
		pthread_mutex_unlock(&f->shards[i].lock);
	}
	destroy(o);
	return o != NULL;
}

/* A mean of some: one that was long alone tells of nothing. */
static void note_time(struct files *f, int64_t us)
{
	uint32_t mean = atomic_load_explicit(&f->open_us, memory_order_relaxed),
		 one = us < MOST_US ? (uint32_t)us : MOST_US;

	atomic_store_explicit(&f->open_us, mean - mean / 16 + one / 16, memory_order_relaxed);
}

bool files_are_slow(const struct files *f)
{
	return atomic_load_explicit(&f->open_us, memory_order_relaxed) >= SLOW_US;
}

static int open_new(struct files *f, struct shard *s, uint64_t key, const struct instance *in,
	bool raw, struct open **out, struct err *err)
{
	struct open *o = mem_calloc(1, sizeof *o), *loser = NULL, *victim = NULL;
	int64_t began;
	int rc;

	if (!o)
		return err_nomem(err);
	o->checked_ms = now_ms();
	began = clock_ns(CLOCK_MONOTONIC);
	do
		rc = raw ? open_raw(f, in, &o->inner, err) : open_cooked(f, in, &o->inner, err);
	while ((rc == -EMFILE || rc == -ENFILE) && close_one(f, N_SHARDS));
	if (rc < 0) {
		mem_free(o);
		return rc;
	}
	note_time(f, (clock_ns(CLOCK_MONOTONIC) - began) / 1000);
	o->base = (struct dcm_source){ .ops = &open_ops, .size = o->inner->size };
	o->shard = s;
	o->key = key;
	o->held_bytes = !raw && in->deflated ? o->inner->size : o->inner->held_bytes;
	o->refs = 1;
	*out = publish(s, o, &loser, &victim);
	destroy(loser);
	destroy(victim);
	return 0;
}

/* Is the file of that name still the one? Once in a while. */
static int recheck(const struct files *f, struct open *o, const struct instance *in,
	struct err *err)
{
	int64_t now = now_ms();
	char path[PATH_CAP];
	struct stat st;
	int rc;

	if (now - o->checked_ms < FILES_CHECK_MS)
		return 0;
	if (fstatat(f->root_fd, instance_path(in, path, sizeof path), &st, 0) != 0)
		rc = missing(err, "stat");
	else
		rc = check(&st, in, err);
	if (rc == 0) {
		o->checked_ms = now;
		return 0;
	}
	pthread_mutex_lock(&o->shard->lock);
	if (o->in_table)
		table_remove(o->shard, o);
	pthread_mutex_unlock(&o->shard->lock);
	return rc;
}

static int get(struct files *f, const struct instance *in, bool raw, struct dcm_source **out,
	struct err *err)
{
	uint64_t key = (uint64_t)in->id << 1;
	struct shard *s = &f->shards[in->id % N_SHARDS];
	struct open *o;
	int rc;

	if (raw && (f->filter || in->deflated))
		key |= 1;
	else if (in->deflated)
		s = &f->shards[INFLATED_SHARD];
	pthread_mutex_lock(&s->lock);
	o = *slot_of(s, key);
	if (o)
		take(s, o);
	pthread_mutex_unlock(&s->lock);
	rc = o ? recheck(f, o, in, err) : open_new(f, s, key, in, raw, &o, err);
	if (rc < 0) {
		dcm_source_close(o ? &o->base : NULL);
		if (rc == -ESTALE && f->told_stale)
			f->told_stale(f->stale_arg, in);
		return rc;
	}
	*out = &o->base;
	return 0;
}

int files_get(struct files *f, const struct instance *in, struct dcm_source **out, struct err *err)
{
	return get(f, in, false, out, err);
}

void files_put(struct files *f, const struct instance *in, struct dcm_source *s)
{
	(void)f;
	(void)in;
	dcm_source_close(s);
}

bool files_fails_for_good(int rc)
{
	return rc == -EBADMSG || rc == -ENOTSUP || rc == -EFBIG || rc == -EPROTO;
}

int64_t files_pread_raw(struct files *f, const struct instance *in, void *buf, size_t n,
	uint64_t off, struct err *err)
{
	struct dcm_source *s;
	int64_t got = get(f, in, true, &s, err);

	if (got < 0)
		return got;
	got = dcm_source_pread(s, buf, n, off, err);
	dcm_source_close(s);
	return got;
}

int files_header(struct files *f, const struct instance *in, enum dcm_load load, size_t max_value,
	struct dcm_header **out, struct err *err)
{
	struct dcm_source *s;
	int rc = get(f, in, true, &s, err);

	if (rc == 0)
		rc = files_filtered(f, s, &s, err);
	return rc < 0 ? rc : dcm_header_read(s, load, max_value, out, err);
}

void files_close_idle(struct files *f)
{
	while (close_one(f, N_SHARDS + 1))
		continue;
}

void files_free(struct files *f)
{
	struct open *o;
	unsigned i;

	if (!f)
		return;
	for (i = 0; i <= N_SHARDS; i++) {
		while ((o = f->shards[i].oldest)) {
			idle_remove(&f->shards[i], o);
			table_remove(&f->shards[i], o);
			destroy(o);
		}
		mem_free(f->shards[i].table);
		pthread_mutex_destroy(&f->shards[i].lock);
	}
	mem_free(f);
}
