/* SPDX-License-Identifier: MIT */
/* The tree over a fake view: against a naive walk, over refreshes, without memory, from many
 * threads. */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "support/fakeview.h"
#include "vfs/tree.h"

static struct vfs *new_tree(bool versions, const struct vfs_limits *limits)
{
	struct vfs_world w;
	struct vfs *v = NULL;

	fake_init(versions);
	w = fake_vfs_world();
	cr_assert_eq(vfs_new(&w, limits, &v, NULL), 0);
	return v;
}

static void end_tree(struct vfs *v)
{
	vfs_free(v);
	fake_release();
	cr_assert_eq(fake.n_open_now, 0, "a content was left open");
	cr_assert_eq(fake.n_alive, 0, "a snapshot was kept");
}

static uint64_t look(struct vfs *v, uint64_t dir, const char *name)
{
	struct vfs_attr a;
	struct err err;
	int r = vfs_lookup(v, dir, name, &a, &err);

	cr_assert_eq(r, 0, "%s: %s", name, err.msg);
	return a.ino;
}

static int look_fails(struct vfs *v, uint64_t dir, const char *name)
{
	struct vfs_attr a;

	return vfs_lookup(v, dir, name, &a, NULL);
}

/* Whether the inode serves these bytes, in pieces of an odd size. */
static bool serves(struct vfs *v, uint64_t ino, const struct fake_node *f)
{
	uint64_t off = 0, i;
	uint8_t got[601];

	while (off < fake_size(f)) {
		int64_t n = vfs_read(v, ino, got, sizeof got, off, NULL, NULL);

		if (n <= 0)
			return false;
		for (i = 0; i < (uint64_t)n; i++)
			if (got[i] != fake_byte(f, off + i))
				return false;
		off += (uint64_t)n;
	}
	return vfs_read(v, ino, got, sizeof got, off, NULL, NULL) == 0;
}

struct listing {
	int n;
	char names[600][64];
	uint64_t inos[600];
	int most; /* stop after so many; 0: never */
};

static bool take(void *arg, const char *name, const struct vfs_attr *attr)
{
	struct listing *l = arg;

	if (l->most && l->n == l->most)
		return true;
	strcpy(l->names[l->n], name);
	l->inos[l->n++] = attr->ino;
	return false;
}

static void check_below(struct vfs *v, const struct snapshot *s, uint64_t dir, int parent)
{
	struct listing *l = calloc(1, sizeof *l);
	int i, n = 0;

	cr_assert_eq(vfs_readdir(v, dir, 0, false, take, l, NULL), 0);
	for (i = 0; i < s->n; i++) {
		const struct fake_node *f = &s->nodes[i];
		struct vfs_attr a;

		if (f->parent != parent)
			continue;
		n++;
		cr_assert_eq(vfs_lookup(v, dir, f->name, &a, NULL), 0);
		cr_assert_eq(a.type, f->is_dir ? VIEW_DIR : VIEW_FILE);
		cr_assert_eq(vfs_parent(v, a.ino), dir);
		if (f->is_dir) {
			check_below(v, s, a.ino, i);
		} else {
			cr_assert_eq(a.size, fake_size(f));
			cr_assert(serves(v, a.ino, f));
		}
		vfs_forget(v, a.ino, 1);
	}
	cr_assert_eq(l->n, n);
	free(l);
}

/* The tree shows exactly what the snapshot has. */
static void check_all(struct vfs *v)
{
	uint64_t top = look(v, VFS_ROOT, "fake");

	check_below(v, fake.newest, top, -1);
	vfs_forget(v, top, 1);
}

static void ignore(void *arg, uint64_t dir, const char *name)
{
	(void)arg;
	(void)dir;
	(void)name;
}

Test(vfs_vfs, the_top_has_the_views_and_the_readme)
{
	struct vfs *v = new_tree(false, NULL);
	struct listing l = { 0 };
	char text[32];

	cr_assert_eq(vfs_readdir(v, VFS_ROOT, 0, false, take, &l, NULL), 0);
	cr_assert_eq(l.n, 4);
	cr_assert_str_eq(l.names[0], ".live");
	cr_assert_eq(vfs_read(v, look(v, VFS_ROOT, "README.txt"), text, 32, 0, NULL, NULL), 8);
	cr_assert_eq(memcmp(text, "read me\n", 8), 0);
	cr_assert_eq(look_fails(v, VFS_ROOT, "nii"), -ENOENT);
	cr_assert_eq(vfs_read(v, VFS_ROOT, text, 32, 0, NULL, NULL), -EISDIR);
	cr_assert_eq(vfs_readdir(v, look(v, VFS_ROOT, "README.txt"), 0, false, take, &l, NULL),
		-ENOTDIR);
	cr_assert_eq(vfs_read(v, 4711, text, 32, 0, NULL, NULL), -ESTALE);
	end_tree(v);
}

Test(vfs_vfs, shows_what_a_naive_walk_shows_over_random_changes)
{
	static const struct vfs_limits tight = { .list_bytes = 1,
		.content_bytes = 1,
		.n_contents = 1 };
	unsigned seed = 20, mode, round;

	for (mode = 0; mode < 4; mode++) {
		struct vfs *v = new_tree(mode & 1, mode & 2 ? &tight : NULL);

		for (round = 0; round < 60; round++) {
			struct snapshot *s = fake_begin();

			fake_shuffle(s, &seed, round == 0 ? 300 : 12);
			fake_publish(s);
			cr_assert_eq(vfs_refresh(v, ignore, NULL, NULL), 0);
			check_all(v);
		}
		end_tree(v);
	}
}

Test(vfs_vfs, an_inode_keeps_its_bytes_until_it_is_forgotten)
{
	struct vfs *v = new_tree(true, NULL);
	struct snapshot *s = fake_begin();
	int dir = fake_add(s, -1, true, "d"), file = fake_add(s, dir, false, "f");
	struct fake_node was = s->nodes[file];
	uint64_t top, d, f, again;

	fake_add(s, dir, false, "other");
	fake_publish(s);
	cr_assert_eq(vfs_refresh(v, NULL, NULL, NULL), 0);
	top = look(v, VFS_ROOT, "fake");
	d = look(v, top, "d");
	f = look(v, d, "f");
	again = look(v, d, "other");
	s = fake_begin();
	fake_touch(s, file);
	fake_publish(s);
	cr_assert_eq(vfs_refresh(v, NULL, NULL, NULL), 0);
	cr_assert_eq(look(v, top, "d"), d);
	cr_assert_eq(look(v, d, "other"), again);
	cr_assert_neq(look(v, d, "f"), f);
	cr_assert(serves(v, f, &was));
	cr_assert(serves(v, look(v, d, "f"), &s->nodes[file]));
	cr_assert_eq(fake.n_alive, 2, "the old snapshot serves it");
	vfs_forget(v, f, 1);
	cr_assert_eq(fake.n_alive, 1, "%d", fake.n_alive);
	cr_assert_eq(vfs_read(v, f, &again, 1, 0, NULL, NULL), -ESTALE);
	end_tree(v);
}

Test(vfs_vfs, numbers_stay_though_lists_are_given_back)
{
	static const struct vfs_limits tight = { .list_bytes = 1 };
	struct vfs *v = new_tree(true, &tight);
	struct snapshot *s = fake_begin();
	struct listing a = { 0 }, b = { 0 };
	uint64_t top, d;
	int dir, i;

	dir = fake_add(s, -1, true, "d");
	fake_add(s, -1, true, "e");
	for (i = 0; i < 200; i++) {
		char name[16];

		sprintf(name, "f%d", i);
		fake_add(s, dir, false, name);
	}
	fake_publish(s);
	cr_assert_eq(vfs_refresh(v, NULL, NULL, NULL), 0);
	top = look(v, VFS_ROOT, "fake");
	d = look(v, top, "d");
	cr_assert_eq(vfs_readdir(v, d, 0, true, take, &a, NULL), 0);
	vfs_readdir(v, look(v, top, "e"), 0, true, take, &b, NULL);
	for (i = 0; i < a.n; i++)
		cr_assert(serves(v, a.inos[i], &s->nodes[fake_find(s, dir, a.names[i])]));
	b.n = 0;
	cr_assert_eq(vfs_readdir(v, d, 0, true, take, &b, NULL), 0);
	cr_assert_eq(memcmp(&a, &b, sizeof a), 0);
	cr_assert_gt(fake.n_lists, 3);
	end_tree(v);
}

/* Folders that stay while what is in them comes and goes for weeks. */
Test(vfs_vfs, numbers_that_nobody_has_take_no_room)
{
	static const char *const dirs[] = { "d", "e" };
	struct vfs *v = new_tree(false, NULL);
	struct snapshot *s = fake_begin();
	uint64_t top, kept[2];
	char name[16];
	int i, k;

	for (k = 0; k < 2; k++)
		fake_add(s, fake_add(s, -1, true, dirs[k]), false, "kept");
	fake_publish(s);
	vfs_refresh(v, NULL, NULL, NULL);
	top = look(v, VFS_ROOT, "fake");
	for (k = 0; k < 2; k++)
		kept[k] = look(v, look(v, top, dirs[k]), "kept");
	for (i = 0; i < 1000; i++) {
		s = fake_begin();
		for (k = 0; k < 2; k++) {
			snprintf(name, sizeof name, "f%d", i);
			fake_add(s, fake_find(s, -1, dirs[k]), false, name);
			snprintf(name, sizeof name, "f%d", i - 3);
			if (i >= 3)
				fake_remove(s, fake_find(s, fake_find(s, -1, dirs[k]), name));
		}
		fake_publish(s);
		cr_assert_eq(vfs_refresh(v, ignore, NULL, NULL), 0);
	}
	cr_assert_leq(v->cap_blocks, 64, "%zu of %zu", v->n_blocks, v->cap_blocks);
	for (k = 0; k < 2; k++)
		cr_assert_eq(look(v, look(v, top, dirs[k]), "kept"), kept[k]);
	check_all(v);
	end_tree(v);
}

Test(vfs_vfs, a_cookie_stays_sound_while_the_folder_changes)
{
	struct vfs *v = new_tree(false, NULL);
	struct listing l = { .most = 50 };
	struct snapshot *s = fake_begin();
	uint64_t top;
	char name[16];
	int i, k;

	for (i = 0; i < 100; i++) {
		sprintf(name, "f%02d", i);
		fake_add(s, -1, false, name);
	}
	fake_publish(s);
	vfs_refresh(v, NULL, NULL, NULL);
	top = look(v, VFS_ROOT, "fake");
	vfs_readdir(v, top, 0, false, take, &l, NULL);
	s = fake_begin();
	fake_remove(s, fake_find(s, -1, "f10"));
	fake_remove(s, fake_find(s, -1, "f70"));
	fake_add(s, -1, false, "f05b");
	fake_publish(s);
	vfs_refresh(v, NULL, NULL, NULL);
	l.most = 0;
	vfs_readdir(v, top, l.inos[l.n - 1], false, take, &l, NULL);
	for (i = 0; i < l.n; i++)
		for (k = i + 1; k < l.n; k++)
			cr_assert_str_neq(l.names[i], l.names[k]);
	cr_assert_eq(l.n, 100, "all but one of 100, and the new one: %d", l.n);
	end_tree(v);
}

Test(vfs_vfs, names_are_legal_and_unique)
{
	struct vfs *v = new_tree(false, NULL);
	struct snapshot *s = fake_begin();
	struct listing l = { 0 };
	int i, k;

	fake_add(s, -1, false, "a/b");
	fake_add(s, -1, false, "a/b");
	fake_add(s, -1, false, "a_b");
	fake_add(s, -1, true, "..");
	fake_add(s, -1, true, "");
	fake_publish(s);
	vfs_refresh(v, NULL, NULL, NULL);
	cr_assert_eq(vfs_readdir(v, look(v, VFS_ROOT, "fake"), 0, false, take, &l, NULL), 0);
	cr_assert_eq(l.n, 5);
	for (i = 0; i < l.n; i++) {
		cr_assert_null(strchr(l.names[i], '/'));
		cr_assert_neq(l.names[i][0], '.');
		cr_assert_neq(l.names[i][0], '\0');
		for (k = i + 1; k < l.n; k++)
			cr_assert_str_neq(l.names[i], l.names[k]);
	}
	end_tree(v);
}

struct told {
	int n;
	char what[64][64];
	uint64_t dir[64];
};

static void tell(void *arg, uint64_t dir, const char *name)
{
	struct told *t = arg;

	t->dir[t->n] = dir;
	strcpy(t->what[t->n++], name ? name : "*");
}

static bool was_told(const struct told *t, uint64_t dir, const char *name)
{
	int i;

	for (i = 0; i < t->n; i++)
		if (t->dir[i] == dir && strcmp(t->what[i], name) == 0)
			return true;
	return false;
}

Test(vfs_vfs, a_refresh_tells_what_changed_and_nothing_else)
{
	struct vfs *v = new_tree(true, NULL);
	struct snapshot *s = fake_begin();
	struct told t = { 0 };
	uint64_t top, d;
	int dir, n;

	dir = fake_add(s, -1, true, "d");
	fake_add(s, dir, false, "gone");
	fake_add(s, dir, false, "kept");
	fake_add(s, dir, false, "touched");
	fake_add(s, fake_add(s, -1, true, "quiet"), false, "f");
	fake_publish(s);
	vfs_refresh(v, NULL, NULL, NULL);
	top = look(v, VFS_ROOT, "fake");
	d = look(v, top, "d");
	look(v, d, "kept");
	look(v, look(v, top, "quiet"), "f");
	s = fake_begin();
	fake_touch(s, fake_find(s, dir, "touched"));
	fake_remove(s, fake_find(s, dir, "gone"));
	fake_add(s, fake_find(s, -1, "d"), false, "new");
	fake_publish(s);
	n = fake.n_lists;
	vfs_refresh(v, tell, &t, NULL);
	cr_assert_eq(fake.n_lists, n + 2, "the view's top and the folder that changed");
	cr_assert_eq(t.n, 6);
	cr_assert(was_told(&t, d, "gone") && was_told(&t, d, "touched") && was_told(&t, d, "new"));
	cr_assert(was_told(&t, d, "*"));
	cr_assert(was_told(&t, VFS_ROOT, "*") && was_told(&t, top, "*"), "their time");
	end_tree(v);
}

/* The names in it are the same: it is what lies deeper that changed. */
Test(vfs_vfs, a_refresh_tells_of_folders_whose_time_is_another)
{
	struct vfs *v = new_tree(true, NULL);
	struct snapshot *s = fake_begin();
	struct told t = { 0 };
	uint64_t top, d, e, x;
	struct vfs_attr a;
	int dir, sub;

	dir = fake_add(s, -1, true, "d");
	sub = fake_add(s, dir, true, "e");
	fake_add(s, sub, false, "f");
	fake_add(s, -1, true, "unknown");
	fake.young_id = s->nodes[sub].id;
	fake_publish(s);
	vfs_refresh(v, NULL, NULL, NULL);
	top = look(v, VFS_ROOT, "fake");
	d = look(v, top, "d");
	e = look(v, d, "e");
	x = look(v, top, "x-d");
	s = fake_begin();
	fake_touch(s, fake_find(s, sub, "f"));
	fake_publish(s);
	vfs_refresh(v, tell, &t, NULL);
	cr_expect(was_told(&t, e, "*"));
	cr_expect(was_told(&t, x, "*"), "whose time is the snapshot's");
	cr_expect_not(was_told(&t, d, "*"), "whose time is always the same");
	cr_expect_eq(t.n, 4, "and the top folder and the view's");
	cr_assert_eq(vfs_getattr(v, e, false, &a, NULL), 0);
	cr_expect_eq(a.mtime_ns, (int64_t)s->gen);
	end_tree(v);
}

/* As a volume that could not be planned any more when its folder was listed again. */
Test(vfs_vfs, a_folder_whose_names_are_not_known_any_more_is_told_itself)
{
	static const struct vfs_limits tight = { .list_bytes = 1 };
	struct vfs *v = new_tree(true, &tight);
	struct snapshot *s = fake_begin();
	struct told t = { 0 };
	struct listing l = { 0 };
	uint64_t top, d;
	int dir;

	dir = fake_add(s, -1, true, "d");
	fake_add(s, -1, true, "e");
	fake_add(s, dir, false, "ghost");
	fake_add(s, dir, false, "kept");
	fake_publish(s);
	vfs_refresh(v, NULL, NULL, NULL);
	top = look(v, VFS_ROOT, "fake");
	d = look(v, top, "d");
	look(v, d, "ghost");
	vfs_readdir(v, look(v, top, "e"), 0, true, take, &l, NULL);
	s = fake_begin();
	fake.lost_id = s->nodes[fake_find(s, dir, "ghost")].id;
	fake_remove(s, fake_find(s, dir, "ghost"));
	fake_publish(s);
	cr_assert_eq(vfs_refresh(v, tell, &t, NULL), 0);
	cr_expect(was_told(&t, top, "d") || was_told(&t, d, "ghost"));
	t.n = 0;
	fake_publish(fake_begin());
	cr_assert_eq(vfs_refresh(v, tell, &t, NULL), 0);
	cr_expect_not(was_told(&t, top, "d"), "once");
	end_tree(v);
}

/* Files could not be read for a while, and can be again; the folder's list was given back between. */
Test(vfs_vfs, a_refresh_tells_of_a_folder_that_came_out_otherwise_before_it)
{
	static const struct vfs_limits tight = { .list_bytes = 1 };
	struct vfs *v = new_tree(false, &tight);
	struct snapshot *s = fake_begin();
	struct listing l = { 0 };
	struct told t = { 0 };
	uint64_t top, d;
	int dir;

	dir = fake_add(s, -1, true, "d");
	fake_add(s, -1, true, "e");
	fake_add(s, dir, false, "f");
	fake_publish(s);
	vfs_refresh(v, NULL, NULL, NULL);
	top = look(v, VFS_ROOT, "fake");
	d = look(v, top, "d");
	look(v, d, "f");
	cr_assert_eq(look_fails(v, d, "late"), -ENOENT);
	vfs_readdir(v, look(v, top, "e"), 0, true, take, &l, NULL);
	fake_add(s, dir, false, "late");
	fake_publish(fake_begin());
	vfs_refresh(v, tell, &t, NULL);
	cr_expect(was_told(&t, top, "d"), "with all that was known of names in it");
	cr_expect(was_told(&t, d, "*"));
	look(v, d, "late");
	end_tree(v);
}

static struct vfs *the_tree;
static uint64_t the_folder;

static void list_the_folder(void)
{
	struct listing l = { 0 };

	vfs_readdir(the_tree, the_folder, 0, true, take, &l, NULL);
}

/* What is asked for by its number is stale then, not a name that is not there. */
Test(vfs_vfs, a_file_is_stale_whose_folder_goes_while_it_is_listed_again)
{
	static const struct vfs_limits tight = { .list_bytes = 1 };
	struct vfs *v = new_tree(false, &tight);
	struct snapshot *s = fake_begin();
	struct listing l = { 0 };
	uint64_t top, file, lost;
	int dir, sub;
	char byte;

	dir = fake_add(s, -1, true, "d");
	sub = fake_add(s, dir, true, "sub");
	fake_add(s, sub, false, "f");
	fake_add(s, -1, true, "e");
	lost = s->nodes[fake_add(s, dir, false, "lost")].id;
	fake_publish(s);
	vfs_refresh(v, NULL, NULL, NULL);
	top = look(v, VFS_ROOT, "fake");
	the_tree = v;
	the_folder = look(v, top, "d");
	file = look(v, look(v, the_folder, "sub"), "f");
	vfs_readdir(v, look(v, top, "e"), 0, true, take, &l, NULL);
	fake.lost_id = lost;
	fake.meanwhile = list_the_folder;
	cr_expect_eq(vfs_read(v, file, &byte, 1, 0, NULL, NULL), -ESTALE);
	cr_expect_null(fake.meanwhile);
	end_tree(v);
}

Test(vfs_vfs, a_folder_that_has_gone_is_empty_and_its_open_files_are_read_on)
{
	struct vfs *v = new_tree(true, NULL);
	struct snapshot *s = fake_begin();
	struct listing l = { 0 };
	struct fake_node file;
	uint64_t top, d, e, f;
	int dir, sub;

	dir = fake_add(s, -1, true, "d");
	sub = fake_add(s, dir, true, "e");
	file = s->nodes[fake_add(s, sub, false, "f")];
	fake_publish(s);
	vfs_refresh(v, NULL, NULL, NULL);
	top = look(v, VFS_ROOT, "fake");
	d = look(v, top, "d");
	e = look(v, d, "e");
	f = look(v, e, "f");
	s = fake_begin();
	fake_remove(s, dir);
	fake_publish(s);
	vfs_refresh(v, NULL, NULL, NULL);
	cr_assert_eq(look_fails(v, top, "d"), -ENOENT);
	cr_assert_eq(look_fails(v, d, "e"), -ENOENT);
	cr_assert_eq(vfs_readdir(v, d, 0, false, take, &l, NULL), 0);
	cr_assert_eq(l.n, 0);
	cr_assert(serves(v, f, &file));
	vfs_forget(v, f, 1);
	vfs_forget(v, e, 1);
	cr_assert_eq(look_fails(v, e, "f"), -ESTALE);
	vfs_forget(v, d, 1);
	cr_assert_eq(fake.n_alive, 1);
	end_tree(v);
}

Test(vfs_vfs, sizes_that_come_later_are_asked_for_once)
{
	struct vfs *v = new_tree(true, NULL);
	struct snapshot *s = fake_begin();
	struct listing l = { 0 };
	struct vfs_attr a;
	uint64_t top;
	int i;

	for (i = 0; i < 9; i++)
		fake_add(s, -1, false, (char[]){ 'a', (char)('0' + i), 0 });
	fake_publish(s);
	vfs_refresh(v, NULL, NULL, NULL);
	top = look(v, VFS_ROOT, "fake");
	vfs_readdir(v, top, 0, true, take, &l, NULL);
	cr_assert_eq(fake.n_sizes, 0);
	for (i = 0; i < 27; i++) {
		cr_assert_eq(vfs_getattr(v, l.inos[i % 9], false, &a, NULL), 0);
		cr_assert(a.size_known);
		cr_assert_eq(a.size, fake_size(&s->nodes[i % 9]));
	}
	cr_assert_eq(fake.n_sizes, 3);
	end_tree(v);
}

#define N_LATER 30

/* Folders a, b, c of files whose sizes come later. */
static uint64_t folders_of_later(struct vfs *v)
{
	struct snapshot *s = fake_begin();
	char name[32];
	int d, i;

	for (d = 0; d < 3; d++) {
		int dir = fake_add(s, -1, true, (const char *[]){ "a", "b", "c" }[d]);

		for (i = 0; i < N_LATER; i++) {
			snprintf(name, sizeof name, "f%d", i);
			s->nodes[fake_add(s, dir, false, name)].later = true;
		}
	}
	fake_publish(s);
	cr_assert_eq(vfs_refresh(v, ignore, NULL, NULL), 0);
	return look(v, VFS_ROOT, "fake");
}

/* List a folder and look its first n names up; how many sizes the view was asked for by the
 * listing. */
static int list_and_look(struct vfs *v, uint64_t top, const char *name, bool plus, int n)
{
	uint64_t dir = look(v, top, name);
	struct listing *l = calloc(1, sizeof *l);
	int before = fake.n_sizes, made, i;

	cr_assert_eq(vfs_readdir(v, dir, 0, plus, take, l, NULL), 0);
	made = fake.n_sizes - before;
	for (i = 0; i < n; i++)
		look(v, dir, l->names[i]);
	free(l);
	return made;
}

Test(vfs_vfs, a_listing_brings_the_sizes_that_were_asked_for_in_the_one_before)
{
	struct vfs *v = new_tree(false, NULL);
	uint64_t top = folders_of_later(v);

	cr_assert_eq(list_and_look(v, top, "a", true, N_LATER), 0);
	cr_assert_eq(fake.n_sizes, N_LATER);
	cr_assert_eq(list_and_look(v, top, "c", false, 0), 0);
	cr_assert_gt(list_and_look(v, top, "b", true, N_LATER), 0);
	cr_assert_eq(fake.n_sizes, 2 * N_LATER);
	usleep(1100000);
	cr_assert_eq(list_and_look(v, top, "c", true, 0), 0);
	end_tree(v);
}

Test(vfs_vfs, a_listing_of_files_beside_folders_brings_no_sizes)
{
	struct vfs *v = new_tree(false, NULL);
	uint64_t top = folders_of_later(v);
	struct snapshot *s = fake_begin();

	fake_add(s, fake_find(s, -1, "b"), true, "folder");
	fake_publish(s);
	cr_assert_eq(vfs_refresh(v, ignore, NULL, NULL), 0);
	cr_assert_eq(list_and_look(v, top, "a", true, N_LATER), 0);
	cr_assert_eq(list_and_look(v, top, "b", true, 0), 0);
	end_tree(v);
}

Test(vfs_vfs, a_listing_brings_no_sizes_where_few_were_asked_for)
{
	struct vfs *v = new_tree(false, NULL);
	uint64_t top = folders_of_later(v);

	cr_assert_eq(list_and_look(v, top, "a", true, 5), 0);
	cr_assert_eq(list_and_look(v, top, "b", true, 0), 0);
	end_tree(v);
}

Test(vfs_vfs, a_listing_brings_no_more_sizes_than_contents_stay_open)
{
	struct vfs *v = new_tree(false, &(struct vfs_limits){ .n_contents = 8 });
	uint64_t top = folders_of_later(v);

	cr_assert_eq(list_and_look(v, top, "a", true, N_LATER), 0);
	cr_assert_leq(list_and_look(v, top, "b", true, 0), 6);
	end_tree(v);
}

/* ---- a folder with very many files ---- */

#define CROWD 25000

static int list_crowd(const struct view_node *n, struct view_out *out, struct err *err)
{
	char name[16];
	int i, r = 0;

	(void)n;
	for (i = 0; i < CROWD && r >= 0; i++) {
		struct view_entry e = { .name = name,
			.type = VIEW_FILE,
			.key = { .a = 1 + (uint64_t)i },
			.size = VIEW_SIZE_LATER };

		snprintf(name, sizeof name, "%06d", i);
		r = out->emit(out, &e, err);
	}
	return r;
}

static int size_in_crowd(const struct view_node *n, int64_t *size, struct err *err)
{
	(void)n;
	(void)err;
	*size = 1;
	return 0;
}

/* List a folder as the kernel does, some names at a time, and look those up: how many. */
static int list_and_look_by_portions(struct vfs *v, uint64_t dir)
{
	struct listing *l = calloc(1, sizeof *l);
	uint64_t after = 0;
	int i, n = 0;

	l->most = 30;
	do {
		l->n = 0;
		cr_assert_eq(vfs_readdir(v, dir, after, true, take, l, NULL), 0);
		for (i = 0; i < l->n; i++)
			after = look(v, dir, l->names[i]);
		n += l->n;
	} while (l->n);
	free(l);
	return n;
}

Test(vfs_vfs, a_folder_with_very_many_files_is_listed_whole_while_sizes_are_looked_up)
{
	static const struct view crowd = { .name = "crowd",
		.list = list_crowd,
		.size = size_in_crowd };
	static const struct view *const views[] = { &crowd };
	struct vfs_world w;
	struct vfs *v;
	uint64_t dir;

	fake_init(true);
	w = fake_vfs_world();
	w.views = views;
	w.n_views = 1;
	cr_assert_eq(vfs_new(&w, NULL, &v, NULL), 0);
	dir = look(v, VFS_ROOT, "crowd");
	cr_expect_eq(list_and_look_by_portions(v, dir), CROWD); /* sizes come later */
	cr_expect_eq(list_and_look_by_portions(v, dir), CROWD); /* and are known */
	end_tree(v);
}

Test(vfs_vfs, a_size_that_is_known_by_opening_leaves_it_open_for_the_reader)
{
	struct vfs *v = new_tree(true, NULL);
	struct snapshot *s = fake_begin();
	struct vfs_attr a;
	uint64_t ino;
	int i;

	for (i = 0; i < 3; i++)
		fake_add(s, -1, false, (char[]){ 'a', (char)('0' + i), 0 });
	fake_publish(s);
	vfs_refresh(v, NULL, NULL, NULL);
	for (i = 0; i < 3; i++) {
		ino = look(v, look(v, VFS_ROOT, "opened"), s->nodes[i].name);
		cr_assert_eq(vfs_getattr(v, ino, false, &a, NULL), 0);
		cr_assert(a.size_known && a.size == fake_size(&s->nodes[i]));
		cr_assert(serves(v, ino, &s->nodes[i]));
	}
	cr_assert_eq(fake.n_opens, 3);
	cr_assert_eq(fake.n_sizes, 0);
	end_tree(v);
}

Test(vfs_vfs, a_name_that_is_not_listed_can_be_found_and_follows_refreshes)
{
	struct vfs *v = new_tree(true, NULL);
	struct snapshot *s = fake_begin();
	int dir = fake_add(s, -1, true, "d");
	uint64_t top, x, f;

	fake_add(s, dir, false, "f");
	fake_publish(s);
	vfs_refresh(v, NULL, NULL, NULL);
	top = look(v, VFS_ROOT, "fake");
	x = look(v, top, "x-d");
	cr_assert_eq(look(v, top, "x-d"), x);
	f = look(v, x, "f");
	cr_assert_eq(look_fails(v, top, "x-e"), -ENOENT);
	s = fake_begin();
	fake_add(s, dir, false, "g");
	fake_publish(s);
	vfs_refresh(v, NULL, NULL, NULL);
	cr_assert_eq(look(v, top, "x-d"), x);
	cr_assert_eq(look(v, x, "f"), f);
	look(v, x, "g");
	s = fake_begin();
	fake_remove(s, dir);
	fake_publish(s);
	vfs_refresh(v, NULL, NULL, NULL);
	cr_assert_eq(look_fails(v, top, "x-d"), -ENOENT);
	end_tree(v);
}

Test(vfs_vfs, a_live_file_is_new_for_each_reader_and_whole_for_one)
{
	struct vfs *v = new_tree(false, NULL);
	uint64_t ino = look(v, look(v, VFS_ROOT, ".live"), "value");
	struct vfs_attr a, b;
	char text[512];

	fake.live_value = 1;
	cr_assert_eq(vfs_getattr(v, ino, false, &a, NULL), 0);
	cr_assert(a.live);
	cr_assert_eq(a.size, 101 * 2);
	fake.live_value = 2;
	cr_assert_eq(vfs_getattr(v, ino, true, &b, NULL), 0);
	cr_assert_eq(b.size, a.size, "who reads has the size that was told");
	cr_assert_eq(vfs_read(v, ino, text, 100, 0, NULL, NULL), 100);
	cr_assert_eq(vfs_getattr(v, ino, false, &b, NULL), 0);
	cr_assert_eq(b.size, a.size, "somebody is in the middle");
	cr_assert_eq(vfs_read(v, ino, text + 100, 400, 100, NULL, NULL), 102);
	cr_assert_eq(text[201], '\n');
	cr_assert_eq(text[200], '1');
	cr_assert_eq(vfs_getattr(v, ino, false, &b, NULL), 0);
	cr_assert_eq(b.size, 102 * 2);
	cr_assert_gt(b.mtime_ns, a.mtime_ns);
	cr_assert_eq(vfs_getattr(v, ino, false, &a, NULL), 0);
	cr_assert_eq(b.mtime_ns, a.mtime_ns, "the same text keeps its time");
	end_tree(v);
}

Test(vfs_vfs, extended_attributes_come_from_the_view)
{
	struct vfs *v = new_tree(false, NULL);
	struct snapshot *s = fake_begin();
	struct buf b;
	uint64_t f;

	fake_add(s, -1, false, "f");
	fake_publish(s);
	vfs_refresh(v, NULL, NULL, NULL);
	f = look(v, look(v, VFS_ROOT, "fake"), "f");
	buf_init(&b);
	cr_assert_eq(vfs_xattr_list(v, f, &b, NULL), 0);
	cr_assert_eq(b.len, 8);
	buf_reset(&b);
	cr_assert_eq(vfs_xattr_get(v, f, "user.id", &b, NULL), 0);
	cr_assert_eq(b.data[0], '1');
	cr_assert_eq(vfs_xattr_get(v, f, "user.none", &b, NULL), -ENODATA);
	cr_assert_eq(vfs_xattr_get(v, VFS_ROOT, "user.id", &b, NULL), -ENODATA);
	buf_release(&b);
	end_tree(v);
}

/* ---- without memory ---- */

/* Some of everything; whatever fails must leave the tree whole. */
static void exercise(struct vfs *v, unsigned *seed)
{
	struct listing *l = calloc(1, sizeof *l);
	struct snapshot *s = fake_begin();
	struct vfs_attr a, b;
	char text[64];
	int i;

	fake_shuffle(s, seed, 10);
	fake_publish(s);
	vfs_refresh(v, ignore, NULL, NULL);
	if (vfs_lookup(v, VFS_ROOT, "fake", &a, NULL) == 0) {
		vfs_readdir(v, a.ino, 0, true, take, l, NULL);
		for (i = 0; i < l->n; i++) {
			vfs_read(v, l->inos[i], text, sizeof text, 0, NULL, NULL);
			if (vfs_lookup(v, l->inos[i], "n1", &b, NULL) == 0)
				vfs_forget(v, b.ino, 1);
			vfs_lookup(v, a.ino, "x-n1", &b, NULL);
		}
	}
	if (vfs_lookup(v, VFS_ROOT, ".live", &a, NULL) == 0 &&
		vfs_lookup(v, a.ino, "value", &b, NULL) == 0)
		vfs_read(v, b.ino, text, sizeof text, 0, NULL, NULL);
	free(l);
}

Test(vfs_vfs, survives_the_want_of_memory_at_any_call)
{
	struct vfs *v = new_tree(true, NULL);
	struct snapshot *s = fake_begin();
	unsigned seed = 3, n;

	fake_shuffle(s, &seed, 100);
	fake_publish(s);
	for (n = 1; n < 400; n++) {
		mem_fail_after(n);
		exercise(v, &seed);
		mem_fail_after(0);
		if (n % 40 == 0) {
			cr_assert_eq(vfs_refresh(v, ignore, NULL, NULL), 0);
			check_all(v);
		}
	}
	end_tree(v);
	for (n = 1; n < 40; n++) {
		struct vfs_world w;

		fake_init(false);
		w = fake_vfs_world();
		v = NULL;
		mem_fail_after(n);
		if (vfs_new(&w, NULL, &v, NULL) != 0)
			v = NULL;
		mem_fail_after(0);
		end_tree(v);
	}
}

/* ---- many threads ---- */

struct walker {
	struct vfs *v;
	uint64_t top;
	unsigned seed;
	_Atomic bool *stop;
	long n_read, n_wrong;
};

/* Each byte of a file follows from the first ones of its content: mixed bytes show. */
static void read_random(struct walker *w, uint64_t ino, uint64_t size)
{
	uint8_t got[128];
	uint64_t off = size > 1 ? (uint64_t)rand_r(&w->seed) % size : 0;
	int64_t n = vfs_read(w->v, ino, got, sizeof got, off, NULL, NULL);
	int64_t i;

	w->n_wrong += n <= 0 && n != -ESTALE;
	for (i = 1; i < n; i++)
		w->n_wrong += (uint8_t)(got[i] - got[i - 1]) != 13;
	w->n_read += n > 0;
}

static void walk(struct walker *w, uint64_t dir, int depth)
{
	struct listing *l = calloc(1, sizeof *l);
	int i;

	vfs_readdir(w->v, dir, 0, rand_r(&w->seed) % 2, take, l, NULL);
	for (i = 0; i < l->n && depth < 6; i++) {
		struct vfs_attr a;

		if (vfs_lookup(w->v, dir, l->names[i], &a, NULL) < 0)
			continue;
		if (a.type == VIEW_DIR)
			walk(w, a.ino, depth + 1);
		else
			read_random(w, a.ino, a.size);
		vfs_forget(w->v, a.ino, rand_r(&w->seed) % 4 != 0);
	}
	free(l);
}

static void *run_walker(void *arg)
{
	struct walker *w = arg;

	while (!*w->stop)
		walk(w, w->top, 0);
	return NULL;
}

static void count_rest(void *arg)
{
	++*(int *)arg;
}

Test(vfs_vfs, the_world_is_told_when_nothing_is_open)
{
	struct snapshot *s;
	struct vfs_world w;
	struct vfs *v;
	int n_rests = 0;
	char byte;

	fake_init(false);
	s = fake_begin();
	fake_add(s, -1, false, "a");
	fake_publish(s);
	w = fake_vfs_world();
	w.rest = count_rest;
	w.arg = &n_rests;
	cr_assert_eq(vfs_new(&w, NULL, &v, NULL), 0);
	cr_assert_not(vfs_trim(v));
	cr_assert_eq(n_rests, 1);
	vfs_read(v, look(v, look(v, VFS_ROOT, "fake"), "a"), &byte, 1, 0, NULL, NULL);
	cr_assert(vfs_trim(v));
	cr_assert_eq(n_rests, 1, "a file was read just now");
	end_tree(v);
}

Test(vfs_vfs, six_threads_walk_and_read_during_refreshes)
{
	static const struct vfs_limits tight = { .list_bytes = 4096,
		.content_bytes = 1000,
		.n_contents = 8 };
	struct vfs *v = new_tree(true, &tight);
	_Atomic bool stop = false;
	struct walker w[6];
	pthread_t t[6];
	unsigned seed = 9;
	int i;

	for (i = 0; i < 6; i++) {
		w[i] = (struct walker){ v, look(v, VFS_ROOT, "fake"), (unsigned)i, &stop, 0, 0 };
		pthread_create(&t[i], NULL, run_walker, &w[i]);
	}
	for (i = 0; i < 100; i++) {
		struct snapshot *s = fake_begin();

		fake_shuffle(s, &seed, i == 0 ? 150 : 10);
		fake_publish(s);
		cr_assert_eq(vfs_refresh(v, ignore, NULL, NULL), 0);
		vfs_trim(v);
		usleep(2000);
	}
	stop = true;
	for (i = 0; i < 6; i++) {
		pthread_join(t[i], NULL);
		cr_assert_gt(w[i].n_read, 0);
		cr_assert_eq(w[i].n_wrong, 0);
	}
	check_all(v);
	end_tree(v);
}

/* ---- before there is anything ---- */

static int list_fails(struct vfs *v, uint64_t dir)
{
	struct listing l = { 0 };

	return vfs_readdir(v, dir, 0, true, take, &l, NULL);
}

Test(vfs_vfs, before_the_first_snapshot_there_is_the_top_alone)
{
	struct vfs *v;
	struct vfs_world w;
	struct vfs_attr top, fake_top, later;
	struct listing *l = calloc(1, sizeof *l);
	struct snapshot *s;
	char text[32];
	uint64_t readme;

	fake_init(true);
	fake_publish(NULL);
	w = fake_vfs_world();
	cr_assert_eq(vfs_new(&w, NULL, &v, NULL), 0);
	cr_assert_eq(vfs_readdir(v, VFS_ROOT, 0, true, take, l, NULL), 0);
	cr_expect_eq(l->n, 4);
	cr_expect_eq(vfs_getattr(v, VFS_ROOT, false, &top, NULL), 0);
	cr_expect(top.live && top.mtime_ns > 0, "its time is another once there is a snapshot");
	readme = look(v, VFS_ROOT, "README.txt");
	cr_expect_eq(vfs_read(v, readme, text, sizeof text, 0, NULL, NULL), 8);
	cr_expect_eq(vfs_lookup(v, VFS_ROOT, "fake", &fake_top, NULL), 0);
	cr_expect(fake_top.live);
	cr_expect_eq(look_fails(v, VFS_ROOT, "nobody"), -ENOENT);
	cr_expect_eq(list_fails(v, fake_top.ino), -EAGAIN);
	cr_expect_eq(look_fails(v, fake_top.ino, "a"), -EAGAIN);
	cr_expect_eq(look_fails(v, look(v, VFS_ROOT, ".live"), "value"), -EAGAIN);
	cr_expect_eq(fake.n_lists, 0, "no view is asked");

	s = fake_begin();
	fake_add(s, -1, false, "a");
	fake_publish(s);
	cr_expect_eq(look_fails(v, fake_top.ino, "a"), -EAGAIN, "that is not told yet");
	cr_assert_eq(vfs_refresh(v, NULL, NULL, NULL), 0);
	cr_expect_eq(look(v, VFS_ROOT, "fake"), fake_top.ino);
	cr_expect_eq(vfs_getattr(v, fake_top.ino, false, &later, NULL), 0);
	cr_expect(!later.live && later.mtime_ns == 1000000000);
	cr_expect_eq(vfs_getattr(v, VFS_ROOT, false, &later, NULL), 0);
	cr_expect(!later.live && later.mtime_ns == 1000000000);
	check_below(v, atomic_load(&fake.newest), fake_top.ino, -1);
	cr_expect_gt(look(v, look(v, VFS_ROOT, ".live"), "value"), 0);
	free(l);
	end_tree(v);
}
