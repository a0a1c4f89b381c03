/* SPDX-License-Identifier: MIT */
/* A world that is scanned again, also without memory, or while a file is away. */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "dicom/source.h"
#include "dicom/tags.h"
#include "format/edit.h"
#include "index/changes.h"
#include "support/archive.h"
#include "support/walk.h"
#include "vfs/vfs.h"
#include "view/snapshot.h"
#include "view/world.h"

static void add_image(struct archive *a, const char *name, int number)
{
	archive_image(a, name, &(struct gen_instance){ .number = number });
	archive_age(a, name, 60);
}

static size_t count_shown(struct world *w)
{
	struct snapshot *s = world_snapshot(w);
	size_t n = snapshot_n_instances(s);

	snapshot_put(s);
	return n;
}

/* Whichever allocation fails: what a scan found and could not show is shown by the next one. */
Test(view_world, a_scan_shows_what_the_one_before_could_not, .timeout = 60)
{
	struct archive a;
	struct walk w;
	struct err err;
	bool changed;
	unsigned long n;
	int rc;

	archive_begin(&a);
	add_image(&a, "1", 1);
	walk_begin(&w, &a, NULL);
	cr_assert_eq(count_shown(w.world), 1);
	add_image(&a, "2", 2);
	for (n = 1; count_shown(w.world) == 1; n++) {
		mem_fail_after(n);
		rc = world_scan(w.world, &changed, &err);
		mem_fail_after(0);
		cr_assert(rc == 0 || rc == -ENOMEM, "%lu: %s", n, err.msg);
		if (rc == 0)
			cr_assert(changed && count_shown(w.world) == 2, "%lu", n);
	}
	cr_assert_eq(world_scan(w.world, &changed, &err), 0);
	cr_assert_not(changed);
	walk_end(&w);
	archive_end(&a);
}

/* ---- a file that is away for a moment ---- */

static struct archive archive;
static struct walk walk;
static struct editor *editor;

static void put_away(bool away)
{
	char here[128], there[160];

	snprintf(here, sizeof here, "%s", archive_path(&archive, "frames"));
	snprintf(there, sizeof there, "%s-away", archive.path);
	cr_assert_eq(rename(away ? here : there, away ? there : here), 0);
}

static void add_frames(const char *name)
{
	struct gen_instance what = { .series = 2, .number = 1 };
	struct gen g;

	gen_instance_begin(&g, &what);
	gen_put(&g, DCM_NumberOfFrames, "2");
	gen_instance_end(&g, &what);
	archive_header(&archive, name, &g);
	archive_age(&archive, name, 60);
}

/* The file, or the folder where it is NULL, of the only study below a view. */
static char *look(const char *view, const char *file)
{
	char path[256], *name;
	int i;

	snprintf(path, sizeof path, "%s", view);
	for (i = 0; i < 2; i++) {
		name = walk_list(&walk, path);
		cr_assert_not_null(name, "%s", path);
		name[strcspn(name, "|")] = '\0';
		snprintf(path + strlen(path), sizeof path - strlen(path), "/%s", name);
		mem_free(name);
	}
	if (!file)
		return walk_list(&walk, path);
	snprintf(path + strlen(path), sizeof path - strlen(path), "/%s", file);
	return walk_read(&walk, path);
}

static bool shows(const char *view, const char *file, const char *what)
{
	char *all = look(view, file);
	bool has = all && strstr(all, what);

	mem_free(all);
	return has;
}

static void expect_back_again(const char *nii, const char *png)
{
	struct err err;
	bool changed;

	archive_begin(&archive);
	add_image(&archive, "1", 1);
	add_frames("frames");
	walk_begin(&walk, &archive, editor);
	mem_free(walk_list(&walk, nii)); /* it is scanned, and nothing planned yet */
	put_away(true);
	cr_expect(shows(nii, NULL, "0_series.nii"), "the others are there");
	cr_expect_not(shows(nii, NULL, "2_series.nii"));
	cr_expect_not(shows(png, "index.html", "2_series.png"));
	cr_expect_geq(world_waits_ms(walk.world), 0, "it comes back by itself");
	put_away(false);
	cr_assert_eq(world_scan(walk.world, &changed, &err), 0);
	cr_expect(changed);
	cr_assert_eq(vfs_refresh(walk.vfs, NULL, NULL, &err), 0);
	cr_expect(shows(nii, NULL, "0_series.nii"));
	cr_expect(shows(nii, NULL, "2_series.nii"));
	cr_expect(shows(png, "index.html", "2_series.png"), "the page is another one then");
	cr_expect_eq(world_waits_ms(walk.world), -1);
	walk_end(&walk);
	archive_end(&archive);
}

Test(view_world, volumes_of_a_file_that_was_away_for_a_moment_come_back)
{
	expect_back_again("nii", "png");
}

Test(view_world, they_do_in_edited_too)
{
	struct editor_options o = { .rules = "set PatientSex O" };

	cr_assert_eq(editor_new(&o, &editor, NULL), 0);
	expect_back_again("edited/nii", "edited/png");
	editor_free(editor);
}

/* ---- a file that is found to have changed ---- */

static void note(void *changes, const char *dir)
{
	changes_add(changes, dir, NULL, false);
}

static int read_first(const struct snapshot *s)
{
	struct dcm_source *source;
	int rc = files_get(s->files, s->catalog->instances_by_id[0], &source, NULL);

	if (rc == 0)
		dcm_source_close(source);
	return rc;
}

Test(view_world, who_reads_a_changed_file_tells_until_it_was_looked_at)
{
	struct changes found = { 0 };
	struct world_options o = { .stale = note, .stale_arg = &found };
	struct editor_options rules = { .rules = "set PatientID S001" };
	struct snapshot *base, *edited;
	struct world *w;
	struct archive a;
	bool changed;

	archive_begin(&a);
	add_image(&a, "a/1", 1);
	cr_assert_eq(editor_new(&rules, &o.editor, NULL), 0);
	cr_assert_eq(world_new(a.fd, &o, &w, NULL), 0);
	cr_assert_eq(world_scan(w, &changed, NULL), 0);
	base = world_snapshot(w);
	cr_assert_eq(world_edited_snapshot(base, &edited, NULL), 0);
	cr_assert_eq(read_first(base), 0);
	cr_assert_eq(read_first(edited), 0);
	archive_image(&a, "a/1", &(struct gen_instance){ .number = 1, .rows = 9 });
	archive_age(&a, "a/1", 50);
	files_close_idle(base->files);
	files_close_idle(edited->files);
	cr_expect_not(changes_any(&found));
	cr_assert_eq(read_first(edited), -ESTALE);
	cr_expect(changes_have(&found, "a"));
	changes_release(&found);
	cr_assert_eq(read_first(base), -ESTALE);
	cr_expect(changes_have(&found, "a"));
	cr_assert_eq(world_scan_changes(w, &found, &changed, NULL), 0);
	cr_assert(changed);
	changes_release(&found);
	cr_assert_eq(read_first(base), -ESTALE);
	cr_expect_not(changes_any(&found), "there is a newer snapshot");
	snapshot_put(base);
	snapshot_put(edited);
	base = world_snapshot(w);
	cr_assert_eq(read_first(base), 0);
	snapshot_put(base);
	world_free(w);
	editor_free(o.editor);
	archive_end(&a);
}
