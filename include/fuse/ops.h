/* SPDX-License-Identifier: MIT */
/* The kernel's requests, answered from the tree. Private to fuse/. */
#ifndef FUSE_OPS_H
#define FUSE_OPS_H

#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/stop.h"
#include "fuse/session.h"

#define OPS_REPLY_BYTES ((size_t)1 << 20)
#define OPS_MOST_ENTRIES ((size_t)8192) /* of one readdirplus reply */

/* Room for a reply; as many as there are requests at once. */
struct reply_buffer {
	struct reply_buffer *next;
	uint64_t inos[OPS_MOST_ENTRIES];
	char bytes[OPS_REPLY_BYTES];
};

#define WAITING_THREADS 4

struct waiting;

struct session {
	struct session_options o;
	struct fuse_session *fuse;
	bool mounted;
	bool no_open, no_opendir; /* the kernel can do without; set by init, before all others */
	pthread_mutex_t lock;
	struct reply_buffer *free_buffers; /* protected by lock, like the next two */
	int missing; /* 0: there is a catalog; -EAGAIN: wait for it; else why there is none */
	struct waiting *waiting;
	pthread_t answering[WAITING_THREADS]; /* the refresher's, until it has ended */
	unsigned n_answering;
	_Atomic bool has_readahead; /* it was asked for */
	struct refresher *refresher;
	_Atomic bool resting; /* the refresher sleeps until something happens */
	/* Requests whose reply binds names, by the parity of the turn that they began in. */
	_Atomic unsigned turn;
	_Atomic unsigned n_binding[2];
};

extern const struct fuse_lowlevel_ops session_ops;

/* Wait until every reply that may bind a name as it was before this call is with the kernel:
 * what is said to be over after that, is. */
void ops_settle(struct session *s);

/* serve.c: SIGTERM and SIGINT end the service from here on. */
int serve_take_signals(struct err *err);
/* Requests are answered by n_threads, at most SERVE_MOST_THREADS, until the service is ended. 0, or
 * an error of the connection; -EMFILE: there is not one thread. */
#define SERVE_MOST_THREADS 64u
int serve_all(struct session *s, unsigned n_threads);
/* Has a signal come that ends the service? */
bool serve_has_ended(void);

/* asker.c: work for a request, which stops when who sent it is being killed, or has gone. */
struct asker {
	struct stop stop; /* first */
	int tid;          /* 0: it is not one of ours to see: taken to wait for ever */
	int process;      /* that it is of; 0: not known yet */
	int64_t next_ns;  /* when to look again */
	bool gone;
};
void asker_init(struct asker *a, fuse_req_t req);

/* waiting.c: requests that wait for the first catalog. */
struct waiting_for {
	fuse_ino_t ino;
	const char *name; /* a lookup; NULL: a listing, by this handler */
	void (*list)(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		struct fuse_file_info *fi);
	size_t size;
	off_t off;
};
/* In the place of a reply that the tree could not give (-EAGAIN). */
void waiting_add(fuse_req_t req, const struct waiting_for *what);
/* The first catalog is being made: who comes waits. */
void waiting_expect(struct session *s);
/* It is in the tree (0), or not, which who waits and who comes is told. Nothing once it has been
 * there. */
void waiting_settle(struct session *s, int error);
/* Every request that waited is answered after that. */
void waiting_join(struct session *s);

/* refresher.c: the thread that keeps the mount fresh. */
int refresher_start(struct session *s, struct err *err);
/* Its end, in three steps: requests are to be answered until it has ended. */
void refresher_ask_to_stop(struct session *s);
bool refresher_has_ended(const struct session *s);
void refresher_join(struct session *s);
/* A request waits for the first look at the source. */
void refresher_hurry(struct session *s);
/* A request has used the tree: there may be something to give back, or to look at again. */
void refresher_stir(struct session *s);

#endif
