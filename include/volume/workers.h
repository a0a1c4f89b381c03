/* SPDX-License-Identifier: MIT */
/*
 * Threads that do ahead what a reader will want next: decode frames, open files. What is asked
 * for waits in a queue of some hundred: what comes when that is full is turned away, and is done when
 * it is read.
 */
#ifndef VOLUME_WORKERS_H
#define VOLUME_WORKERS_H

#include <stdbool.h>
#include <stdint.h>

#include "index/catalog.h"

struct err;
struct workers;

struct frame_ref {
	const struct instance *in;
	uint32_t frame;
};

typedef void (*workers_do)(void *arg, const struct frame_ref *r);

/* n_threads (0: none) start with the first that is asked for: after the fork that makes a daemon.
 * Fewer are as good as there are. */
int workers_new(unsigned n_threads, workers_do fn, void *arg, struct workers **out,
	struct err *err);
/* What waits is left undone. */
void workers_free(struct workers *w); /* NULL is fine */
/* For the reader of `stream`. `keep` owns the instance: a reference is held while it waits. False:
 * turned away. */
bool workers_ask(struct workers *w, uint64_t stream, struct catalog *keep,
	const struct frame_ref *r);
/* The reader went elsewhere: what still waits for it is left undone. */
void workers_drop(struct workers *w, uint64_t stream);
/* What waits, and how many threads may each be at something. */
unsigned workers_at_once(struct workers *w);
uint64_t workers_n_done(struct workers *w);

#endif
