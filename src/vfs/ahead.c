/* SPDX-License-Identifier: MIT */
/*
 * Sizes that are told with a listing though they are dear to know.
 *
 * Names are listed without them, so that a plain ls is cheap; who wants them asks by a look-up
 * each. Who did so for most names of the folders before (grep -r, ls -lR, find -size) will do it
 * here: then the listing brings them, and what was opened for them is open for who reads it next.
 * That is a guess: it holds for one view and a second, and for no more contents than stay open
 * until they are read. Where a folder has folders in it, what lies beside them may be made of what
 * lies in them (SERIES.txt), which is cheaper later.
 */
#include "base/clock.h"
#include "vfs/tree.h"

#define TRUST_NS NS_PER_S /* nobody asked or read for so long: it is over */
#define FEW 8u            /* names that tell too little */

static struct ahead *ahead_of(struct vfs *v, const struct view *view)
{
	struct ahead *a = &v->ahead;

	if (a->view != view)
		*a = (struct ahead){ .view = view };
	return a;
}

void ahead_offered(struct vfs *v, const struct view *view)
{
	ahead_of(v, view)->n_offered++;
}

void ahead_asked(struct vfs *v, const struct view *view)
{
	struct ahead *a = ahead_of(v, view);

	a->n_asked++;
	a->used_ns = tree_now();
}

void ahead_read(struct vfs *v)
{
	if (v->ahead.on)
		v->ahead.used_ns = tree_now();
}

uint32_t ahead_room(struct vfs *v, const struct dir *d, bool first)
{
	struct ahead *a = &v->ahead;
	uint32_t most = v->limits.n_contents - v->limits.n_contents / 4;

	if (!d->view || a->view != d->view || tree_now() - a->used_ns > TRUST_NS ||
		d->list->has_folders)
		return 0;
	if (first) {
		if (a->n_offered >= FEW) {
			a->on = a->n_asked >= a->n_offered / 2;
			a->n_offered = a->n_asked = 0;
		}
		a->n_made = 0;
	}
	return a->on && a->n_made < most ? most - a->n_made : 0;
}
