/* SPDX-License-Identifier: MIT */
/* Threads that do ahead what a reader will want next: see volume/workers.h. */
#include "volume/workers.h"

#include <pthread.h>

#include "base/err.h"
#include "base/mem.h"

#define N_QUEUED 512u

struct job {
	uint64_t stream;
	struct catalog *keep;
	struct frame_ref ref;
};

struct workers {
	workers_do fn;
	void *arg;
	pthread_mutex_t lock;  /* protects all below */
	pthread_cond_t queued; /* a job came, or the end */
	struct job jobs[N_QUEUED];
	unsigned first_job, n_jobs;
	uint64_t n_done;
	pthread_t *threads;
	unsigned n_threads, n_wanted; /* running; to run from the first job on */
	bool ending;
};

int workers_new(unsigned n_threads, workers_do fn, void *arg, struct workers **out, struct err *err)
{
	struct workers *w = mem_calloc(1, sizeof *w);

	if (!w)
		return err_nomem(err);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->queued, NULL);
	w->fn = fn;
	w->arg = arg;
	w->n_wanted = n_threads;
	*out = w;
	return 0;
}

static bool next_job(struct workers *w, struct job *j)
{
	bool going;

	pthread_mutex_lock(&w->lock);
	while (!w->n_jobs && !w->ending)
		pthread_cond_wait(&w->queued, &w->lock);
	going = !w->ending;
	if (going) {
		*j = w->jobs[w->first_job];
		w->first_job = (w->first_job + 1) % N_QUEUED;
		w->n_jobs--;
		w->n_done++;
	}
	pthread_mutex_unlock(&w->lock);
	return going;
}

static void *work(void *arg)
{
	struct workers *w = arg;
	struct job j;

	while (next_job(w, &j)) {
		w->fn(w->arg, &j.ref);
		catalog_put(j.keep);
	}
	return NULL;
}

static void start(struct workers *w)
{
	if (!w->threads)
		w->threads = mem_calloc(w->n_wanted, sizeof *w->threads);
	if (!w->threads)
		return;
	while (w->n_threads < w->n_wanted) {
		if (pthread_create(&w->threads[w->n_threads], NULL, work, w) != 0)
			w->n_wanted = w->n_threads;
		else
			w->n_threads++;
	}
}

bool workers_ask(struct workers *w, uint64_t stream, struct catalog *keep,
	const struct frame_ref *r)
{
	bool taken;

	pthread_mutex_lock(&w->lock);
	if (w->n_threads < w->n_wanted)
		start(w);
	taken = w->n_threads && w->n_jobs < N_QUEUED;
	if (taken) {
		w->jobs[(w->first_job + w->n_jobs++) % N_QUEUED] = (struct job){ .stream = stream,
			.keep = catalog_get(keep),
			.ref = *r };
		pthread_cond_signal(&w->queued);
	}
	pthread_mutex_unlock(&w->lock);
	return taken;
}

/* A catalog that nobody else has is freed with its last reference: not under the lock. */
void workers_drop(struct workers *w, uint64_t stream)
{
	struct catalog *dropped[N_QUEUED];
	unsigned i, left = 0, n = 0;

	pthread_mutex_lock(&w->lock);
	for (i = 0; i < w->n_jobs; i++) {
		struct job *j = &w->jobs[(w->first_job + i) % N_QUEUED];

		if (j->stream == stream)
			dropped[n++] = j->keep;
		else
			w->jobs[(w->first_job + left++) % N_QUEUED] = *j;
	}
	w->n_jobs = left;
	pthread_mutex_unlock(&w->lock);
	while (n)
		catalog_put(dropped[--n]);
}

unsigned workers_at_once(struct workers *w)
{
	unsigned n;

	pthread_mutex_lock(&w->lock);
	n = w->n_jobs + w->n_threads;
	pthread_mutex_unlock(&w->lock);
	return n;
}

uint64_t workers_n_done(struct workers *w)
{
	uint64_t n;

	pthread_mutex_lock(&w->lock);
	n = w->n_done;
	pthread_mutex_unlock(&w->lock);
	return n;
}

void workers_free(struct workers *w)
{
	unsigned i;

	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->ending = true;
	pthread_cond_broadcast(&w->queued);
	pthread_mutex_unlock(&w->lock);
	for (i = 0; i < w->n_threads; i++)
		pthread_join(w->threads[i], NULL);
	for (; w->n_jobs; w->n_jobs--, w->first_job = (w->first_job + 1) % N_QUEUED)
		catalog_put(w->jobs[w->first_job].keep);
	pthread_cond_destroy(&w->queued);
	pthread_mutex_destroy(&w->lock);
	mem_free(w->threads);
	mem_free(w);
}
