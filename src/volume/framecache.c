/* SPDX-License-Identifier: MIT */
/*
 * The cache of decoded frames: see volume/framecache.h.
 *
 * An entry is in one of three states. LOADING: its first asker makes it, others
 * wait on `changed`; it is in the table, so there is one maker. READY: pinned by
 * readers, or on the list, from whose old end bytes go when the budget is
 * exceeded. FAILED: out of the table at once, alive only until its last waiter
 * has taken the error.
 */
#include "volume/framecache.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/stop.h"
#include "dicom/source.h"
#include "volume/decoder.h"

#define N_BUCKETS 8192u
#define STOP_NS (100 * NS_PER_MS) /* who waits for another asks so often whether to go on */
#define OPEN_THREADS 16u          /* each waits for the disk */
#define OPEN_AHEAD 64u            /* positions: with those of a request, half of what stays open */
#define OPEN_BYTES ((size_t)1 << 20)
#define N_STREAMS 32u
#define STREAK_SEQUENTIAL 2u
/* The first half of a frame's key is its variant; made things have a hash there, which is
 * neither. */
#define KEY_FRAME ((uint64_t)FRAME_VALUES)
#define ALL_FRAMES UINT32_MAX /* of a failure: what is told of the instance */
#define KEY_LAST_FRAME ((uint64_t)FRAME_STORED)
/* Next to no position that a reader can be at. */
#define POS_NONE (UINT64_MAX / 2)

enum entry_state { ENTRY_LOADING, ENTRY_READY, ENTRY_FAILED };

struct entry {
	struct frame frame; /* first: a frame's address is its entry's */
	uint64_t key[2];
	enum entry_state state;
	unsigned pins; /* readers and waiters */
	struct err err;
	struct entry *chain;         /* of its bucket */
	struct entry *older, *newer; /* on the list: READY and not pinned */
	uint8_t *bytes;
};

/* One reader's way through one volume. */
struct stream {
	uint64_t id;
	enum framecache_work what;
	uint64_t pos, told; /* told: positions below it are asked for ahead */
	uint64_t last_use;
	unsigned streak;
};

struct framecache {
	struct files *files;
	struct decoders *decoders;
	struct workers *workers[FRAMECACHE_WORKS];
	unsigned n_decode_threads;
	size_t budget;
	pthread_mutex_t lock;   /* protects all below, and the entries but their bytes */
	pthread_cond_t changed; /* an entry left LOADING */
	struct entry *buckets[N_BUCKETS];
	struct entry *oldest, *newest;
	size_t unpinned, pinned; /* bytes of READY entries */
	struct stream streams[N_STREAMS];
	uint64_t clock;
	struct framecache_stats stats;
	struct framecache_failure failures[FRAMECACHE_FAILURES];
	size_t n_failures, next_failure;
};

static struct entry **slot(struct framecache *c, const uint64_t key[2])
{
	struct entry **e = &c->buckets[hash_bytes(0, key, 2 * sizeof key[0]) % N_BUCKETS];

	while (*e && ((*e)->key[0] != key[0] || (*e)->key[1] != key[1]))
		e = &(*e)->chain;
	return e;
}

static void list_remove(struct framecache *c, struct entry *e)
{
	*(e->older ? &e->older->newer : &c->oldest) = e->newer;
	*(e->newer ? &e->newer->older : &c->newest) = e->older;
	e->older = e->newer = NULL;
	c->unpinned -= e->frame.len;
}

static void list_add(struct framecache *c, struct entry *e)
{
	e->older = c->newest;
	e->newer = NULL;
	*(c->newest ? &c->newest->newer : &c->oldest) = e;
	c->newest = e;
	c->unpinned += e->frame.len;
}

static void entry_free(struct entry *e)
{
	mem_free(e->bytes);
	mem_free(e);
}

/* Make room: what nobody reads goes, the longest unused first; all but `kept`. */
static void shrink(struct framecache *c, size_t coming, const struct entry *kept)
{
	struct entry *e;

	while (c->oldest && c->oldest != kept && c->unpinned + c->pinned + coming > c->budget) {
		e = c->oldest;
		list_remove(c, e);
		*slot(c, e->key) = e->chain;
		entry_free(e);
	}
}

static void pin(struct framecache *c, struct entry *e)
{
	if (e->pins++ == 0) {
		list_remove(c, e);
		c->pinned += e->frame.len;
	}
}

static void unpin(struct framecache *c, struct entry *e)
{
	if (--e->pins > 0)
		return;
	if (e->state == ENTRY_FAILED) {
		entry_free(e);
		return;
	}
	c->pinned -= e->frame.len;
	list_add(c, e);
	/* a frame larger than the budget stays until another is wanted: its reader comes for it
	 * again and again */
	shrink(c, 0, e->frame.len > c->budget ? e : NULL);
}

/* What is asked for, and how it is made. */
struct request {
	uint64_t key[2];
	struct frame_shape shape;
	const struct instance *in; /* a frame's; else make() */
	uint32_t frame;
	framecache_make make;
	void *arg;
	struct stop *stop;
};

/* Wait for a change, of any entry, or for a moment where there is something to ask. */
static int await_change(struct framecache *c, struct stop *stop, struct err *err)
{
	struct timespec until;
	int rc;

	if (!stop) {
		pthread_cond_wait(&c->changed, &c->lock);
		return 0;
	}
	until = ns_timespec(clock_ns(CLOCK_REALTIME) + STOP_NS);
	pthread_cond_timedwait(&c->changed, &c->lock, &until);
	pthread_mutex_unlock(&c->lock);
	rc = stop_check(stop, err);
	pthread_mutex_lock(&c->lock);
	return rc;
}

/* Wait until an entry that another makes is done; pinned by us already. *again: that other was
 * stopped. */
static int await(struct framecache *c, struct entry *e, struct stop *stop, bool *again,
	const struct frame **out, struct err *err)
{
	int rc = 0;

	while (e->state == ENTRY_LOADING && rc == 0)
		rc = await_change(c, stop, err);
	if (rc < 0) {
		unpin(c, e);
		return rc;
	}
	if (e->state == ENTRY_READY) {
		*out = &e->frame;
		return 0;
	}
	if (err)
		*err = e->err;
	rc = e->err.code;
	*again = rc == -EINTR;
	unpin(c, e);
	return rc;
}

static struct entry *entry_new(const struct request *r)
{
	struct entry *e = mem_calloc(1, sizeof *e);

	if (!e)
		return NULL;
	memcpy(e->key, r->key, sizeof e->key);
	e->state = ENTRY_LOADING;
	e->pins = 1;
	e->frame.len = r->shape.len;
	e->frame.sample_bytes = r->shape.sample_bytes;
	e->frame.n_samples = r->shape.n_samples;
	return e;
}

/* Fill the entry's bytes; holds no lock. */
static int load(struct framecache *c, struct entry *e, const struct request *r)
{
	e->bytes = mem_alloc(r->shape.len);
	e->frame.samples = e->bytes;
	if (!e->bytes)
		return err_nomem(&e->err);
	if (r->make)
		return r->make(r->arg, e->bytes, r->shape.len, &e->err);
	return decoders_read(c->decoders, r->in, r->frame, (enum frame_variant)r->key[0], e->bytes,
		r->shape.len, &e->err);
}

/* Remember why a frame could not be had; who asks again is told nothing new. */
static void remember_failure(struct framecache *c, uint32_t id, uint32_t frame, const char *text)
{
	struct framecache_failure *f;
	size_t i;

	for (i = 0; i < c->n_failures; i++)
		if (c->failures[i].instance_id == id && c->failures[i].frame == frame)
			return;
	f = &c->failures[c->next_failure++ % FRAMECACHE_FAILURES];
	if (c->n_failures < FRAMECACHE_FAILURES)
		c->n_failures++;
	f->instance_id = id;
	f->frame = frame;
	snprintf(f->text, sizeof f->text, "%s", text);
}

void framecache_failed(struct framecache *c, const struct instance *in, uint32_t frame,
	const char *text)
{
	pthread_mutex_lock(&c->lock);
	remember_failure(c, in->id, frame, text);
	pthread_mutex_unlock(&c->lock);
}

static int finish(struct framecache *c, struct entry *e, int rc, const struct frame **out,
	struct err *err)
{
	c->stats.n_loads++;
	if (rc == 0) {
		e->state = ENTRY_READY;
		c->pinned += e->frame.len;
		shrink(c, 0, NULL);
		*out = &e->frame;
		if (e->key[0] <= KEY_LAST_FRAME && !e->err.code && e->err.msg[0])
			remember_failure(c, (uint32_t)(e->key[1] >> 32), ALL_FRAMES, e->err.msg);
	} else {
		e->state = ENTRY_FAILED;
		e->err.code = rc;
		*slot(c, e->key) = e->chain;
		c->stats.n_failed += rc != -EINTR;
		if (e->key[0] <= KEY_LAST_FRAME && rc != -EINTR)
			remember_failure(c, (uint32_t)(e->key[1] >> 32), (uint32_t)e->key[1],
				e->err.msg);
		if (err)
			*err = e->err;
		unpin(c, e);
	}
	pthread_cond_broadcast(&c->changed);
	return rc;
}

/* One attempt: of our own, or another's that is under way. */
static int try_get(struct framecache *c, const struct request *r, bool *again,
	const struct frame **out, struct err *err)
{
	struct entry **at, *e;
	int rc;

	pthread_mutex_lock(&c->lock);
	at = slot(c, r->key);
	e = *at;
	if (e) {
		c->stats.n_hits++;
		if (e->state == ENTRY_READY)
			pin(c, e);
		else
			e->pins++;
		rc = await(c, e, r->stop, again, out, err);
		pthread_mutex_unlock(&c->lock);
		return rc;
	}
	e = entry_new(r);
	if (!e) {
		pthread_mutex_unlock(&c->lock);
		return err_nomem(err);
	}
	*at = e;
	shrink(c, r->shape.len, NULL);
	pthread_mutex_unlock(&c->lock);
	rc = load(c, e, r);
	pthread_mutex_lock(&c->lock);
	rc = finish(c, e, rc, out, err);
	pthread_mutex_unlock(&c->lock);
	return rc;
}

static int get(struct framecache *c, const struct request *r, const struct frame **out,
	struct err *err)
{
	bool again;
	int rc;

	do {
		again = false;
		rc = try_get(c, r, &again, out, err);
	} while (again && stop_check(r->stop, err) == 0);
	return rc;
}

static int get_frame(struct framecache *c, const struct instance *in, uint32_t frame,
	enum frame_variant variant, const struct frame **out, struct err *err)
{
	struct request r = { .in = in, .frame = frame };
	int rc = frame_shape_of(in, variant, &r.shape, err);

	if (rc < 0)
		return rc;
	r.key[0] = (uint64_t)variant;
	r.key[1] = (uint64_t)in->id << 32 | frame;
	return get(c, &r, out, err);
}

int framecache_get(struct framecache *c, const struct instance *in, uint32_t frame,
	const struct frame **out, struct err *err)
{
	return get_frame(c, in, frame, FRAME_VALUES, out, err);
}

int framecache_get_stored(struct framecache *c, const struct instance *in, uint32_t frame,
	const struct frame **out, struct err *err)
{
	return get_frame(c, in, frame, FRAME_STORED, out, err);
}

int framecache_get_made(struct framecache *c, const uint64_t id[2], size_t len,
	framecache_make make, void *arg, struct stop *stop, const struct frame **out,
	struct err *err)
{
	struct request r = { .make = make, .arg = arg, .stop = stop };

	r.key[0] = id[0] <= KEY_LAST_FRAME ? KEY_LAST_FRAME + 1 : id[0];
	r.key[1] = id[1];
	r.shape = (struct frame_shape){ .len = len, .sample_bytes = 1, .n_samples = 1 };
	return get(c, &r, out, err);
}

void framecache_put(struct framecache *c, const struct frame *f)
{
	struct entry *e = (struct entry *)(uintptr_t)f;

	pthread_mutex_lock(&c->lock);
	unpin(c, e);
	pthread_mutex_unlock(&c->lock);
}

/* ---- ahead of a reader ---- */

static void decode_one(void *arg, const struct frame_ref *r)
{
	struct framecache *c = arg;
	const struct frame *f;

	if (framecache_get(c, r->in, r->frame, &f, NULL) == 0)
		framecache_put(c, f);
}

/* What will be read: about where the frame lies, or what is before the pixels. */
static uint64_t part_to_read(const struct frame_ref *r, size_t *n)
{
	uint64_t part = r->in->pixels_len / (r->in->n_frames ? r->in->n_frames : 1);

	if (r->frame == FRAMECACHE_HEADER)
		part = min_u64(r->in->pixels_off ? r->in->pixels_off : UINT64_MAX, r->in->size);
	*n = (size_t)min_u64(part, OPEN_BYTES);
	return r->frame == FRAMECACHE_HEADER ? 0 : r->in->pixels_off + r->frame * part;
}

/* Open its file, which stays open for a while, and have the kernel read some of it. */
static void open_one(void *arg, const struct frame_ref *r)
{
	struct framecache *c = arg;
	size_t n;
	uint64_t off = part_to_read(r, &n);
	void *bytes = mem_alloc(n ? n : 1);
	struct dcm_source *s;

	/* as who reads it will have it: see files_header() */
	if (bytes && r->frame == FRAMECACHE_HEADER) {
		(void)files_pread_raw(c->files, r->in, bytes, n, off, NULL);
	} else if (bytes && files_get(c->files, r->in, &s, NULL) == 0) {
		(void)dcm_source_pread(s, bytes, n, off, NULL);
		files_put(c->files, r->in, s);
	}
	mem_free(bytes);
}

bool framecache_does(const struct framecache *c, enum framecache_work what,
	const struct instance *in)
{
	return what == FRAMECACHE_OPEN ? c->files && files_are_slow(c->files) :
					 in->compressed || in->deflated;
}

/* What is decoded ahead must not push out what waits to be read: half of the budget is enough for
 * both. */
static bool has_room(const struct framecache *c, const struct frame_ref *r)
{
	struct frame_shape shape;

	return frame_shape_of(r->in, FRAME_VALUES, &shape, NULL) == 0 &&
		shape.len <= c->budget / 2 / (workers_at_once(c->workers[FRAMECACHE_DECODE]) + 1);
}

static bool is_there(struct framecache *c, const struct frame_ref *r)
{
	const uint64_t key[2] = { KEY_FRAME, (uint64_t)r->in->id << 32 | r->frame };
	bool is;

	pthread_mutex_lock(&c->lock);
	is = *slot(c, key) != NULL;
	pthread_mutex_unlock(&c->lock);
	return is;
}

void framecache_ahead(struct framecache *c, enum framecache_work what, uint64_t stream,
	struct catalog *keep, const struct frame_ref *refs, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (what == FRAMECACHE_DECODE && is_there(c, &refs[i]))
			continue;
		if ((what == FRAMECACHE_DECODE && !has_room(c, &refs[i])) ||
			!workers_ask(c->workers[what], stream, keep, &refs[i]))
			break;
	}
}

/* The stream's own record, or that of the stream that was silent for longest. */
static struct stream *stream_of(struct framecache *c, enum framecache_work what, uint64_t id)
{
	struct stream *s = &c->streams[0];
	size_t i;

	for (i = 0; i < N_STREAMS; i++) {
		if (c->streams[i].id == id && c->streams[i].what == what)
			return &c->streams[i];
		if (c->streams[i].last_use < s->last_use)
			s = &c->streams[i];
	}
	*s = (struct stream){ .id = id, .what = what, .pos = POS_NONE };
	return s;
}

/* The kernel has a few requests under way, not always in order: a step of a few is no jump. */
static bool is_jump(const struct stream *s, uint64_t first, uint64_t last)
{
	uint64_t few = 2 + 2 * (last - first);

	return first > s->pos + few || last + few < s->pos;
}

unsigned framecache_sequential(struct framecache *c, enum framecache_work what, uint64_t stream,
	uint64_t first, uint64_t last, uint64_t *from)
{
	unsigned window = what == FRAMECACHE_OPEN ? OPEN_AHEAD : 2 * c->n_decode_threads + 2;
	uint64_t until = last + 1;
	struct stream *s;
	bool jump;

	pthread_mutex_lock(&c->lock);
	s = stream_of(c, what, stream);
	s->last_use = ++c->clock;
	jump = is_jump(s, first, last);
	if (jump) {
		s->streak = 0;
		s->told = 0;
		s->pos = last;
	} else if (last > s->pos) {
		s->streak++;
		s->pos = last;
	}
	if (s->streak >= STREAK_SEQUENTIAL)
		until = s->pos + 1 + window;
	*from = s->told > first + 1 ? s->told : first + 1;
	until = min_u64(until, *from + FRAMECACHE_AHEAD);
	if (until > s->told)
		s->told = until;
	pthread_mutex_unlock(&c->lock);
	if (jump)
		workers_drop(c->workers[what], stream);
	return until > *from ? (unsigned)(until - *from) : 0;
}

size_t framecache_failures(struct framecache *c, struct framecache_failure out[FRAMECACHE_FAILURES])
{
	size_t n;

	pthread_mutex_lock(&c->lock);
	n = c->n_failures;
	memcpy(out, c->failures, n * sizeof *out);
	pthread_mutex_unlock(&c->lock);
	return n;
}

void framecache_stats(struct framecache *c, struct framecache_stats *out)
{
	pthread_mutex_lock(&c->lock);
	*out = c->stats;
	out->held_bytes = c->unpinned + c->pinned;
	out->pinned_bytes = c->pinned;
	out->n_ahead = workers_n_done(c->workers[FRAMECACHE_DECODE]);
	pthread_mutex_unlock(&c->lock);
}

int framecache_new(struct files *files, size_t budget, unsigned n_workers, struct framecache **out,
	struct err *err)
{
	struct framecache *c = mem_calloc(1, sizeof *c);
	int rc;

	if (!c)
		return err_nomem(err);
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->changed, NULL);
	c->budget = budget;
	c->files = files;
	c->n_decode_threads = n_workers;
	rc = decoders_new(files, &c->decoders, err);
	if (rc == 0)
		rc = workers_new(n_workers, decode_one, c, &c->workers[FRAMECACHE_DECODE], err);
	if (rc == 0)
		rc = workers_new(OPEN_THREADS, open_one, c, &c->workers[FRAMECACHE_OPEN], err);
	if (rc < 0) {
		framecache_free(c);
		return rc;
	}
	*out = c;
	return 0;
}

void framecache_free(struct framecache *c)
{
	struct entry *e, *next;
	size_t i;

	if (!c)
		return;
	for (i = 0; i < FRAMECACHE_WORKS; i++)
		workers_free(c->workers[i]);
	for (e = c->oldest; e; e = next) {
		next = e->newer;
		entry_free(e);
	}
	decoders_free(c->decoders);
	pthread_cond_destroy(&c->changed);
	pthread_mutex_destroy(&c->lock);
	mem_free(c);
}
