/* SPDX-License-Identifier: MIT */
/*
 * Where something may have changed below SOURCE: folders, alone or with all that is
 * below them. Beyond some number of them it is all of SOURCE, which is also what a
 * lack of memory makes of it: nothing that changed is ever left out. One thread at a time.
 */
#ifndef INDEX_CHANGES_H
#define INDEX_CHANGES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/map.h"

struct changes {
	struct map folders; /* path -> struct changes_folder */
	bool all, any_below;
};

struct changes_folder {
	bool below; /* with all folders in it */
	char path[];
};

void changes_release(struct changes *c); /* a zeroed struct is no change */
/* dir: "" is SOURCE itself. name: of a folder in it, or NULL for dir itself. */
void changes_add(struct changes *c, const char *dir, const char *name, bool below);
void changes_add_all(struct changes *c);
bool changes_any(const struct changes *c);
/* Is this folder one of them, or below one that is with all in it? */
bool changes_have(const struct changes *c, const char *dir);
/* The same of the folder that it is in: it comes with that one. */
bool changes_have_parent(const struct changes *c, const char *dir);
/* Whatever is in `from` too. */
void changes_join(struct changes *c, const struct changes *from);

#endif
