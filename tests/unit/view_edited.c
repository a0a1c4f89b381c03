/* SPDX-License-Identifier: MIT */
/* edited/: all views once more, of edited files, their names too. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "dicom/tags.h"
#include "format/deidentify.h"
#include "format/edit.h"
#include "index/changes.h"
#include "support/archive.h"
#include "support/walk.h"
#include "vfs/vfs.h"
#include "view/world.h"

static struct archive archive;
static struct walk walk;
static struct editor *editor;

static void begin_layout(const struct editor_options *o, const char *modality, const char *layout)
{
	struct gen_instance what = { .patient = "Doele",
		.modality = modality,
		.description = "knee",
		.study = 1,
		.series = 1,
		.number = 1 };

	archive_begin(&archive);
	archive_image(&archive, "Doele_Johnny.dcm", &what);
	cr_assert_eq(editor_new(o, &editor, NULL), 0);
	walk_begin_layout(&walk, &archive, layout, editor);
}

static void begin(const struct editor_options *o, const char *modality)
{
	begin_layout(o, modality, NULL);
}

static void end(void)
{
	walk_end(&walk);
	editor_free(editor);
	archive_end(&archive);
}

static bool lists(const char *path, const char *part)
{
	char *all = walk_list(&walk, path);
	bool has = all && strstr(all, part);

	mem_free(all);
	return has;
}

Test(edited, has_the_views_but_not_itself_nor_the_state)
{
	struct editor_options o = { .rules = "set PatientID S001" };

	begin(&o, "MR");
	cr_assert(lists("edited", "dicom|"));
	cr_assert(lists("edited", "by|"));
	cr_assert_not(lists("edited", "edited"));
	cr_assert_not(lists("edited", ".dcmfs"));
	end();
}

Test(edited, names_are_of_the_edited_files_and_the_others_stay)
{
	struct editor_options o = { .rules = "set PatientID S001" };

	begin(&o, "MR");
	cr_assert(lists("dicom", "Doele"));
	cr_assert(lists("edited/dicom", "S001"));
	cr_assert_not(lists("edited/dicom", "Doele"));
	cr_assert(lists("edited/nii/S001", ""));
	cr_assert(lists("edited/by/PatientID", "S001"));
	cr_assert_not(lists("edited/by/PatientID", "Doele"));
	cr_assert(lists("by/PatientID", "Doele"));
	end();
}

static void add_image(const char *file, const char *patient)
{
	struct gen_instance what = { .patient = patient, .series = 1, .number = 1 };

	archive_image(&archive, file, &what);
	archive_age(&archive, file, 60);
}

static void scan_all(void)
{
	bool changed;

	cr_assert_eq(world_scan(walk.world, &changed, NULL), 0);
	cr_assert_eq(vfs_refresh(walk.vfs, NULL, NULL, NULL), 0);
}

Test(edited, only_where_something_has_changed_is_looked_at_again)
{
	struct editor_options o = { .rules = "set PatientSex O" };
	struct changes where = { 0 };
	bool changed;

	begin(&o, "MR");
	add_image("here/1", "A");
	add_image("there/1", "B");
	scan_all();
	cr_assert(lists("edited/dicom", "A|B"));
	add_image("here/2", "HERE");
	add_image("there/2", "THERE");
	changes_add(&where, "here", NULL, false);
	cr_assert_eq(world_scan_changes(walk.world, &where, &changed, NULL), 0);
	cr_assert_eq(vfs_refresh(walk.vfs, NULL, NULL, NULL), 0);
	cr_expect(lists("edited/dicom", "HERE"));
	cr_expect_not(lists("edited/dicom", "THERE"), "nobody said that there is something");
	scan_all();
	cr_expect(lists("edited/dicom", "THERE"));
	changes_release(&where);
	end();
}

Test(edited, a_deidentified_archive_names_nobody)
{
	struct editor_options o = { .deidentify = true, .key = "k", .key_len = 1 };

	begin(&o, "MR");
	cr_assert(lists("edited/dicom", "ANON"));
	cr_assert_not(lists("edited/dicom", "Doele"));
	cr_assert_not(lists("edited/by/PatientID", "Doele"));
	end();
}

struct oldest {
	int64_t mtime_ns;
	uint64_t dirs[64];
	unsigned n_dirs;
};

static bool take_time(void *arg, const char *name, const struct vfs_attr *attr)
{
	struct oldest *o = arg;

	if (!attr->live && attr->mtime_ns < o->mtime_ns)
		o->mtime_ns = attr->mtime_ns;
	if (attr->type == VIEW_DIR && strcmp(name, "by") != 0 && o->n_dirs < 64)
		o->dirs[o->n_dirs++] = attr->ino;
	return false;
}

/* The oldest time of what is below a folder, but for what is made anew for each reader. */
static int64_t oldest_below(uint64_t dir, unsigned depth)
{
	struct oldest o = { .mtime_ns = INT64_MAX };
	int64_t below;

	cr_assert_eq(vfs_readdir(walk.vfs, dir, 0, true, take_time, &o, NULL), 0);
	for (unsigned i = 0; i < o.n_dirs && depth < 6; i++) {
		below = oldest_below(o.dirs[i], depth + 1);
		o.mtime_ns = below < o.mtime_ns ? below : o.mtime_ns;
	}
	return o.mtime_ns;
}

Test(edited, times_of_files_are_dates_too)
{
	struct editor_options o = { .deidentify = true };
	struct gen_instance what = { .study = 1, .series = 1, .number = 1 };
	struct vfs_attr edited;
	int64_t before;

	for (o.keep = 0; o.keep <= DEID_DATES; o.keep += DEID_DATES) {
		archive_begin(&archive);
		archive_image(&archive, "old", &what);
		archive_age(&archive, "old", 1000000);
		before = clock_ns(CLOCK_REALTIME);
		cr_assert_eq(editor_new(&o, &editor, NULL), 0);
		walk_begin(&walk, &archive, editor);
		cr_assert_eq(vfs_lookup(walk.vfs, VFS_ROOT, "edited", &edited, NULL), 0);
		cr_expect_eq(oldest_below(edited.ino, 0) < before, o.keep != 0);
		end();
	}
}

Test(edited, folders_are_not_named_after_source_files)
{
	struct editor_options o = { .deidentify = true };

	begin_layout(&o, "MR", "%b/%f");
	cr_assert(lists("dicom", "Doele_Johnny"));
	cr_assert(lists("edited/dicom", "2.25."));
	cr_assert_not(lists("edited/dicom", "Doele"));
	end();
}

Test(edited, flagged_tells_of_pixels_that_may_show_a_name)
{
	struct editor_options o = { .deidentify = true };
	char *text;

	begin(&o, "US");
	text = walk_read(&walk, "edited/flagged.tsv");
	cr_assert_not_null(text);
	cr_assert(strstr(text, "sop_instance_uid\treason\n2.25."), "%s", text);
	mem_free(text);
	end();
}
