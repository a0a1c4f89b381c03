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
#include "base/err.h"
#include "base/mem.h"
#include "volume/decoder.h"

#define N_BUCKETS 8192u
#define N_QUEUED 64u
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

struct job {
	uint64_t stream;
	struct catalog *keep;
	const struct instance *in;
	uint32_t frame;
};

/* One reader's way through one volume. */
struct stream {
	uint64_t id, pos, told; /* told: positions below it are asked for ahead */
	uint64_t last_use;
	unsigned streak;
};

struct framecache {
	struct decoders *decoders;
	size_t budget;
	pthread_mutex_t lock;   /* protects all below, and the entries but their bytes */
	pthread_cond_t changed; /* an entry left LOADING */
	pthread_cond_t queued;  /* a job came, or the end */
	struct entry *buckets[N_BUCKETS];
	struct entry *oldest, *newest;
	size_t unpinned, pinned; /* bytes of READY entries */
	struct job jobs[N_QUEUED];
	unsigned first_job, n_jobs;
	struct stream streams[N_STREAMS];
	uint64_t clock;
	struct framecache_stats stats;
	struct framecache_failure failures[FRAMECACHE_FAILURES];
	size_t n_failures, next_failure;
	pthread_t *workers;
	unsigned n_workers, n_wanted; /* running; to run from the first hint on */
	bool ending;
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

/* Make room: what nobody reads goes, the longest unused first. */
static void shrink(struct framecache *c, size_t coming)
{
	struct entry *e;

	while (c->oldest && c->unpinned + c->pinned + coming > c->budget) {
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
	shrink(c, 0);
}

/* What is asked for, and how it is made. */
struct request {
	uint64_t key[2];
	struct frame_shape shape;
	const struct instance *in; /* a frame's; else make() */
	uint32_t frame;
	framecache_make make;
	void *arg;
};

/* Wait until an entry that another makes is done; pinned by us already. */
static int await(struct framecache *c, struct entry *e, const struct frame **out, struct err *err)
{
	int rc;

	while (e->state == ENTRY_LOADING)
		pthread_cond_wait(&c->changed, &c->lock);
	if (e->state == ENTRY_READY) {
		*out = &e->frame;
		return 0;
	}
	if (err)
		*err = e->err;
	rc = e->err.code;
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
		shrink(c, 0);
		*out = &e->frame;
		if (e->key[0] <= KEY_LAST_FRAME && !e->err.code && e->err.msg[0])
			remember_failure(c, (uint32_t)(e->key[1] >> 32), ALL_FRAMES, e->err.msg);
	} else {
		e->state = ENTRY_FAILED;
		e->err.code = rc;
		*slot(c, e->key) = e->chain;
		c->stats.n_failed++;
		if (e->key[0] <= KEY_LAST_FRAME)
			remember_failure(c, (uint32_t)(e->key[1] >> 32), (uint32_t)e->key[1],
				e->err.msg);
		if (err)
			*err = e->err;
		unpin(c, e);
	}
	pthread_cond_broadcast(&c->changed);
	return rc;
}

static int get(struct framecache *c, const struct request *r, const struct frame **out,
	struct err *err)
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
		rc = await(c, e, out, err);
		pthread_mutex_unlock(&c->lock);
		return rc;
	}
	e = entry_new(r);
	if (!e) {
		pthread_mutex_unlock(&c->lock);
		return err_nomem(err);
	}
	*at = e;
	shrink(c, r->shape.len);
	pthread_mutex_unlock(&c->lock);
	rc = load(c, e, r);
	pthread_mutex_lock(&c->lock);
	rc = finish(c, e, rc, out, err);
	pthread_mutex_unlock(&c->lock);
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
	framecache_make make, void *arg, const struct frame **out, struct err *err)
{
	struct request r = { .make = make, .arg = arg };

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

static bool next_job(struct framecache *c, struct job *j)
{
	bool going;

	pthread_mutex_lock(&c->lock);
	while (!c->n_jobs && !c->ending)
		pthread_cond_wait(&c->queued, &c->lock);
	going = !c->ending;
	if (going) {
		*j = c->jobs[c->first_job];
		c->first_job = (c->first_job + 1) % N_QUEUED;
		c->n_jobs--;
		c->stats.n_ahead++;
	}
	pthread_mutex_unlock(&c->lock);
	return going;
}

static void *work(void *arg)
{
	struct framecache *c = arg;
	const struct frame *f;
	struct job j;

	while (next_job(c, &j)) {
		if (framecache_get(c, j.in, j.frame, &f, NULL) == 0)
			framecache_put(c, f);
		catalog_put(j.keep);
	}
	return NULL;
}

/* Threads do not survive the fork that makes a daemon, so they start with the first hint. Fewer
 * than wanted are as good as there are. */
static void start_workers(struct framecache *c)
{
	if (!c->workers)
		c->workers = mem_calloc(c->n_wanted, sizeof *c->workers);
	if (!c->workers)
		return;
	while (c->n_workers < c->n_wanted) {
		if (pthread_create(&c->workers[c->n_workers], NULL, work, c) != 0)
			c->n_wanted = c->n_workers;
		else
			c->n_workers++;
	}
}

/* What is decoded ahead must not push out what waits to be read: half of the budget is enough for
 * both. */
static bool has_room(const struct framecache *c, const struct frame_ref *r)
{
	struct frame_shape shape;

	return c->n_jobs < N_QUEUED && frame_shape_of(r->in, FRAME_VALUES, &shape, NULL) == 0 &&
		shape.len <= c->budget / 2 / (c->n_jobs + c->n_workers + 1);
}

void framecache_ahead(struct framecache *c, uint64_t stream, struct catalog *keep,
	const struct frame_ref *refs, size_t n)
{
	size_t i;

	pthread_mutex_lock(&c->lock);
	if (c->n_workers < c->n_wanted)
		start_workers(c);
	for (i = 0; i < n && c->n_workers && has_room(c, &refs[i]); i++) {
		uint64_t key[2] = { KEY_FRAME, (uint64_t)refs[i].in->id << 32 | refs[i].frame };

		if (*slot(c, key))
			continue;
		c->jobs[(c->first_job + c->n_jobs++) % N_QUEUED] = (struct job){ .stream = stream,
			.keep = catalog_get(keep),
			.in = refs[i].in,
			.frame = refs[i].frame };
	}
	pthread_cond_broadcast(&c->queued);
	pthread_mutex_unlock(&c->lock);
}

/* Take the stream's jobs out of the queue; their catalogs are the caller's to put. */
static unsigned drop_jobs(struct framecache *c, uint64_t stream, struct catalog *kept[N_QUEUED])
{
	unsigned i, left = 0, dropped = 0;

	for (i = 0; i < c->n_jobs; i++) {
		struct job *j = &c->jobs[(c->first_job + i) % N_QUEUED];

		if (j->stream == stream)
			kept[dropped++] = j->keep;
		else
			c->jobs[(c->first_job + left++) % N_QUEUED] = *j;
	}
	c->n_jobs = left;
	return dropped;
}

/* The stream's own record, or that of the stream that was silent for longest. */
static struct stream *stream_of(struct framecache *c, uint64_t id)
{
	struct stream *s = &c->streams[0];
	size_t i;

	for (i = 0; i < N_STREAMS; i++) {
		if (c->streams[i].id == id)
			return &c->streams[i];
		if (c->streams[i].last_use < s->last_use)
			s = &c->streams[i];
	}
	*s = (struct stream){ .id = id, .pos = POS_NONE };
	return s;
}

/* The kernel has a few requests under way, not always in order: a small step is no jump. */
static bool is_jump(const struct stream *s, uint64_t first, uint64_t last)
{
	return first > s->pos + 2 || last + 2 < s->pos;
}

unsigned framecache_sequential(struct framecache *c, uint64_t stream, uint64_t first, uint64_t last,
	uint64_t *from)
{
	unsigned window = 2 * c->n_wanted + 2, n = 0, n_dropped = 0;
	struct catalog *dropped[N_QUEUED];
	struct stream *s;

	pthread_mutex_lock(&c->lock);
	s = stream_of(c, stream);
	s->last_use = ++c->clock;
	if (is_jump(s, first, last)) {
		*s = (struct stream){ .id = stream, .pos = last, .last_use = c->clock };
		n_dropped = drop_jobs(c, stream, dropped);
	} else if (last > s->pos) {
		s->streak++;
		s->pos = last;
	}
	if (s->streak >= STREAK_SEQUENTIAL && s->pos + 1 + window > s->told) {
		*from = s->told > s->pos ? s->told : s->pos + 1;
		n = (unsigned)(s->pos + 1 + window - *from);
		s->told = s->pos + 1 + window;
	}
	pthread_mutex_unlock(&c->lock);
	while (n_dropped)
		catalog_put(dropped[--n_dropped]);
	return n;
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
	pthread_cond_init(&c->queued, NULL);
	c->budget = budget;
	c->n_wanted = n_workers;
	rc = decoders_new(files, &c->decoders, err);
	if (rc < 0) {
		framecache_free(c);
		return rc;
	}
	*out = c;
	return 0;
}

static void stop_workers(struct framecache *c)
{
	unsigned i;

	pthread_mutex_lock(&c->lock);
	c->ending = true;
	pthread_cond_broadcast(&c->queued);
	pthread_mutex_unlock(&c->lock);
	for (i = 0; i < c->n_workers; i++)
		pthread_join(c->workers[i], NULL);
	for (; c->n_jobs; c->n_jobs--, c->first_job = (c->first_job + 1) % N_QUEUED)
		catalog_put(c->jobs[c->first_job].keep);
	mem_free(c->workers);
}

void framecache_free(struct framecache *c)
{
	struct entry *e, *next;

	if (!c)
		return;
	stop_workers(c);
	for (e = c->oldest; e; e = next) {
		next = e->newer;
		entry_free(e);
	}
	decoders_free(c->decoders);
	pthread_cond_destroy(&c->queued);
	pthread_cond_destroy(&c->changed);
	pthread_mutex_destroy(&c->lock);
	mem_free(c);
}
