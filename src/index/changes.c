/* SPDX-License-Identifier: MIT */
/* Folders in which something has changed: see index/changes.h. */
#include "index/changes.h"

#include <string.h>

#include "base/mem.h"

#define MOST 1024u /* to walk everything is not much more then */

void changes_release(struct changes *c)
{
	const struct map_slot *slot;
	size_t pos = 0;

	while ((slot = map_next(&c->folders, &pos)))
		mem_free(slot->value);
	map_release(&c->folders);
	c->all = c->any_below = false;
}

void changes_add_all(struct changes *c)
{
	changes_release(c);
	c->all = true;
}

bool changes_any(const struct changes *c)
{
	return c->all || c->folders.n_used > 0;
}

/* "dir/name", or "dir". NULL for want of memory. */
static struct changes_folder *new_folder(const char *dir, const char *name)
{
	size_t len = strlen(dir), name_len = name ? strlen(name) : 0;
	struct changes_folder *f = mem_alloc(sizeof *f + len + name_len + 2);

	if (!f)
		return NULL;
	memcpy(f->path, dir, len);
	if (len && name_len)
		f->path[len++] = '/';
	if (name_len)
		memcpy(f->path + len, name, name_len);
	f->path[len + name_len] = '\0';
	return f;
}

void changes_add(struct changes *c, const char *dir, const char *name, bool below)
{
	struct changes_folder *f, *there;

	if (c->all)
		return;
	f = new_folder(dir, name);
	there = f ? map_get_str(&c->folders, f->path) : NULL;
	if (there) {
		there->below |= below;
		mem_free(f);
	} else if (!f || c->folders.n_used >= MOST || map_put_str(&c->folders, f->path, f) < 0) {
		mem_free(f);
		changes_add_all(c);
		return;
	} else {
		f->below = below;
	}
	c->any_below |= below;
}

/* Is the folder of the first len bytes with all that is below it? */
static bool has_below(const struct changes *c, const char *dir, size_t len)
{
	const struct changes_folder *f = map_get(&c->folders, dir, len);

	return f && f->below;
}

bool changes_have_parent(const struct changes *c, const char *dir)
{
	size_t len = strlen(dir);

	if (c->all)
		return true;
	if (!c->any_below || !len)
		return false;
	while (len > 0)
		if (dir[--len] == '/' && has_below(c, dir, len))
			return true;
	return has_below(c, "", 0);
}

bool changes_have(const struct changes *c, const char *dir)
{
	return c->all || map_get_str(&c->folders, dir) || changes_have_parent(c, dir);
}

void changes_join(struct changes *c, const struct changes *from)
{
	const struct map_slot *slot;
	size_t pos = 0;

	if (from->all)
		changes_add_all(c);
	while ((slot = map_next(&from->folders, &pos))) {
		const struct changes_folder *f = slot->value;

		changes_add(c, f->path, NULL, f->below);
	}
}
