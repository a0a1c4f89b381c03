/* SPDX-License-Identifier: MIT */
/*
 * Requests for what only a catalog can tell, while the first one is not made yet. They
 * hold no thread: a request is set aside, and its handler asked once more when the catalog is
 * there, or it is answered with an error when there will be none, or when who waits is interrupted.
 * So the service goes on however many wait, with one thread as well.
 *
 * libfuse tells of an interruption with the request's own lock held: no call to it that takes
 * that one is made under session.lock.
 */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "fuse/ops.h"

struct waiting {
	struct waiting *next;
	fuse_req_t req;
	struct waiting_for what;  /* its name is `name` */
	bool queued, interrupted; /* protected by session.lock */
	char name[];
};

static struct session *session_of(const struct waiting *w)
{
	return fuse_req_userdata(w->req);
}

/* Under the lock. */
static void unqueue(struct session *s, struct waiting *w)
{
	struct waiting **at = &s->waiting;

	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	w->queued = false;
}

/* Who has it in the queue answers it; who has taken it out will see. */
static void interrupt(fuse_req_t req, void *waiting)
{
	struct waiting *w = waiting;
	struct session *s = session_of(w);
	bool was_queued;

	pthread_mutex_lock(&s->lock);
	was_queued = w->queued;
	w->interrupted = true;
	if (was_queued)
		unqueue(s, w);
	pthread_mutex_unlock(&s->lock);
	if (was_queued) {
		fuse_reply_err(req, EINTR);
		mem_free(w);
	}
}

/* Once it is out of the queue. After the first call an interruption finds nothing any more. */
static void answer(struct waiting *w, int error)
{
	fuse_req_interrupt_func(w->req, NULL, NULL);
	if (error < 0)
		fuse_reply_err(w->req, -error);
	else if (w->what.name)
		session_ops.lookup(w->req, w->what.ino, w->name);
	else
		w->what.list(w->req, w->what.ino, w->what.size, w->what.off, NULL);
	mem_free(w);
}

void waiting_add(fuse_req_t req, const struct waiting_for *what)
{
	size_t name_len = what->name ? strlen(what->name) + 1 : 0;
	struct waiting *w = mem_calloc(1, sizeof *w + name_len);
	struct session *s = fuse_req_userdata(req);
	int error;

	if (!w) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	w->req = req;
	w->what = *what;
	if (what->name)
		memcpy(w->name, what->name, name_len);
	fuse_req_interrupt_func(req, interrupt, w);
	pthread_mutex_lock(&s->lock);
	error = w->interrupted ? -EINTR : s->missing;
	if (error == -EAGAIN) {
		w->queued = true;
		w->next = s->waiting;
		s->waiting = w;
	}
	pthread_mutex_unlock(&s->lock);
	if (error == -EAGAIN)
		refresher_hurry(s);
	else
		answer(w, error);
}

static void *answer_all(void *session)
{
	struct session *s = session;
	struct waiting *w;
	int error;

	do {
		pthread_mutex_lock(&s->lock);
		error = s->missing;
		w = s->waiting;
		if (w)
			unqueue(s, w);
		pthread_mutex_unlock(&s->lock);
		if (w)
			answer(w, error);
	} while (w);
	return NULL;
}

static bool anyone_waits(struct session *s)
{
	bool any;

	pthread_mutex_lock(&s->lock);
	any = s->waiting != NULL;
	pthread_mutex_unlock(&s->lock);
	return any;
}

/* What was waited for may take long to make: several threads, as in the service, so that one does
 * not keep the others waiting; and none of them the refresher's. */
static void start_answering(struct session *s)
{
	unsigned most = s->o.single_thread ? 1 : WAITING_THREADS;

	while (s->n_answering < most && anyone_waits(s) &&
		pthread_create(&s->answering[s->n_answering], NULL, answer_all, s) == 0)
		s->n_answering++;
}

void waiting_expect(struct session *s)
{
	pthread_mutex_lock(&s->lock);
	if (s->missing < 0)
		s->missing = -EAGAIN;
	pthread_mutex_unlock(&s->lock);
}

void waiting_settle(struct session *s, int error)
{
	bool was_missing;

	pthread_mutex_lock(&s->lock);
	was_missing = s->missing < 0;
	if (was_missing)
		s->missing = error;
	pthread_mutex_unlock(&s->lock);
	if (!was_missing)
		return;
	if (error == 0)
		start_answering(s);
	if (error < 0 || s->n_answering == 0)
		answer_all(s);
}

void waiting_join(struct session *s)
{
	while (s->n_answering > 0)
		pthread_join(s->answering[--s->n_answering], NULL);
}
