/* SPDX-License-Identifier: MIT */
/*
 * What readers find out: a file is another than the scan says, and nobody told of it. A link may
 * lead out of SOURCE, a server's disk tells nothing, and a file may change before it is watched.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "main/app.h"

int stale_open(struct stale *s, struct err *err)
{
	s->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return s->fd < 0 ? err_errno(err, "eventfd") : 0;
}

void stale_close(struct stale *s)
{
	changes_release(&s->folders);
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

void stale_note(void *stale, const char *dir)
{
	struct stale *s = stale;
	uint64_t one = 1;

	if (s->fd < 0)
		return;
	pthread_mutex_lock(&s->lock);
	changes_add(&s->folders, dir, NULL, false);
	pthread_mutex_unlock(&s->lock);
	if (write(s->fd, &one, sizeof one) < 0)
		log_error("the refresher cannot be woken: %s", strerror(errno));
}

bool stale_take(struct stale *s, struct changes *where)
{
	uint64_t n;
	bool any = read(s->fd, &n, sizeof n) == sizeof n;

	pthread_mutex_lock(&s->lock);
	changes_join(where, &s->folders);
	changes_release(&s->folders);
	pthread_mutex_unlock(&s->lock);
	return any;
}
