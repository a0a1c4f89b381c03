/* SPDX-License-Identifier: MIT */
/* A thread that does one thing some time after it was asked for, however often: it saves the
 * index. */
#ifndef INDEX_SAVER_H
#define INDEX_SAVER_H

struct err;
struct saver;

/* save is called from the thread; it logs its own errors. */
int saver_new(void (*save)(void *arg), void *arg, struct saver **out, struct err *err);
/* Some seconds from now; what is asked for meanwhile is one with it. */
void saver_ask(struct saver *s);
/* What was asked for is done before it returns. NULL is fine. */
void saver_free(struct saver *s);

#endif
