/* SPDX-License-Identifier: MIT */
/* Summaries in the making: see view/summaries.h. */
#include "view/summaries.h"

#include <pthread.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "text/dump.h"

#define N_KEPT 4u
#define KEPT_BYTES ((size_t)8 << 20)

struct summaries {
	pthread_mutex_t lock;        /* protects all below */
	struct summary kept[N_KEPT]; /* the newest first, the free ones last */
};

int summaries_new(struct summaries **out, struct err *err)
{
	struct summaries *s = mem_calloc(1, sizeof *s);

	if (!s)
		return err_nomem(err);
	pthread_mutex_init(&s->lock, NULL);
	*out = s;
	return 0;
}

void summaries_drop(struct summaries *s)
{
	struct summary gone[N_KEPT];
	size_t i;

	pthread_mutex_lock(&s->lock);
	memcpy(gone, s->kept, sizeof gone);
	memset(s->kept, 0, sizeof s->kept);
	pthread_mutex_unlock(&s->lock);
	for (i = 0; i < N_KEPT; i++)
		dump_series_free(gone[i].sum);
}

void summaries_free(struct summaries *s)
{
	if (!s)
		return;
	summaries_drop(s);
	pthread_mutex_destroy(&s->lock);
	mem_free(s);
}

static void remove_at(struct summaries *s, size_t i)
{
	for (; i + 1 < N_KEPT; i++)
		s->kept[i] = s->kept[i + 1];
	s->kept[i].sum = NULL;
}

static bool is_same(const struct view_key *a, const struct view_key *b)
{
	return a->kind == b->kind && a->a == b->a && a->b == b->b;
}

void summaries_take(struct summaries *s, const struct view_key *of, struct summary *out)
{
	struct dump_series *old = NULL;
	size_t i;

	*out = (struct summary){ .of = *of };
	pthread_mutex_lock(&s->lock);
	for (i = 0; i < N_KEPT && s->kept[i].sum; i++)
		if (is_same(&s->kept[i].of, of)) {
			if (s->kept[i].of.version == of->version)
				*out = s->kept[i];
			else
				old = s->kept[i].sum;
			remove_at(s, i);
			break;
		}
	pthread_mutex_unlock(&s->lock);
	dump_series_free(old);
}

/* One that is in the way: of the same folder, or the oldest where there are too many or too large
 * ones. */
static struct dump_series *evict(struct summaries *s, const struct summary *x)
{
	size_t bytes = dump_series_bytes(x->sum), i, last = N_KEPT;
	struct dump_series *out;
	bool same = false;

	for (i = 0; i < N_KEPT && s->kept[i].sum; i++) {
		bytes += dump_series_bytes(s->kept[i].sum);
		last = i;
		same = is_same(&s->kept[i].of, &x->of);
		if (same)
			break;
	}
	if (last == N_KEPT || (!same && i < N_KEPT && bytes <= KEPT_BYTES))
		return NULL;
	out = s->kept[last].sum;
	remove_at(s, last);
	return out;
}

void summaries_give(struct summaries *s, const struct summary *x)
{
	struct dump_series *out;
	size_t i;

	if (!x->sum)
		return;
	if (dump_series_bytes(x->sum) > KEPT_BYTES) {
		dump_series_free(x->sum);
		return;
	}
	do {
		pthread_mutex_lock(&s->lock);
		out = evict(s, x);
		if (!out) {
			for (i = N_KEPT - 1; i > 0; i--)
				s->kept[i] = s->kept[i - 1];
			s->kept[0] = *x;
		}
		pthread_mutex_unlock(&s->lock);
		dump_series_free(out);
	} while (out);
}
