/* SPDX-License-Identifier: MIT */
/* The saving thread: see saver.h. */
#include "saver.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"

#define DELAY_S 2 /* who has just mounted wants to read first */
#define NICE 10

struct saver {
	void (*save)(void *arg);
	void *arg;
	pthread_t thread;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t asked;
	bool wanted, ending;
};

/* Wait for the delay, or the end. Called and left with the lock held. */
static void delay(struct saver *s)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += DELAY_S;
	while (!s->ending && pthread_cond_timedwait(&s->asked, &s->lock, &until) == 0)
		;
}

static void *run(void *arg)
{
	struct saver *s = arg;

	/* Linux: of this thread alone. Politeness only: it may fail. */
	(void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
	pthread_mutex_lock(&s->lock);
	while (s->wanted || !s->ending) {
		if (!s->wanted) {
			pthread_cond_wait(&s->asked, &s->lock);
			continue;
		}
		delay(s);
		s->wanted = false;
		pthread_mutex_unlock(&s->lock);
		s->save(s->arg);
		pthread_mutex_lock(&s->lock);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

int saver_new(void (*save)(void *arg), void *arg, struct saver **out, struct err *err)
{
	struct saver *s = mem_calloc(1, sizeof *s);

	if (!s)
		return err_nomem(err);
	s->save = save;
	s->arg = arg;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->asked, NULL);
	if (pthread_create(&s->thread, NULL, run, s) != 0) {
		pthread_cond_destroy(&s->asked);
		pthread_mutex_destroy(&s->lock);
		mem_free(s);
		return err_set(err, -EAGAIN, "no thread could be started");
	}
	*out = s;
	return 0;
}

void saver_ask(struct saver *s)
{
	pthread_mutex_lock(&s->lock);
	s->wanted = true;
	pthread_cond_signal(&s->asked);
	pthread_mutex_unlock(&s->lock);
}

void saver_free(struct saver *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	s->ending = true;
	pthread_cond_signal(&s->asked);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	pthread_cond_destroy(&s->asked);
	pthread_mutex_destroy(&s->lock);
	mem_free(s);
}
