/* SPDX-License-Identifier: MIT */
/* Templates of folders: what they refuse, and the trees that they make. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "index/scan.h"
#include "support/walk.h"
#include "view/layout.h"

/* Two patients; the first with two series, of two and of one instance. */
struct fixture {
	char dir[64];
	int fd;
	struct files *files;
	struct store *store;
	struct catalog *catalog;
	struct keywords *keywords;
};

static void write_instance(const struct fixture *x, const char *patient, int series, int number,
	const char *description)
{
	struct gen_instance i = { .patient = patient,
		.series = series,
		.number = number,
		.description = description,
		.position = { 0, 0, number } };
	char path[160];
	struct gen g;

	gen_instance_begin(&g, &i);
	gen_instance_end(&g, &i);
	snprintf(path, sizeof path, "%s/%s-%d-%d.dcm", x->dir, patient, series, number);
	gen_save(&g, path);
	gen_release(&g);
}

static void setup(struct fixture *x)
{
	struct scan_options o = { .n_threads = 2 };
	bool changed;

	memset(x, 0, sizeof *x);
	strcpy(x->dir, "/tmp/dcmfs-layout-XXXXXX");
	cr_assert_not_null(mkdtemp(x->dir));
	write_instance(x, "ANNA", 7, 1, "a/b");
	write_instance(x, "ANNA", 7, 2, "a/b");
	write_instance(x, "ANNA", 12, 1, "");
	write_instance(x, "BERT", 1, 1, "x");
	x->fd = open(x->dir, O_RDONLY | O_DIRECTORY);
	cr_assert_eq(files_new(x->fd, 16, NULL, NULL, &x->files, NULL), 0);
	cr_assert_eq(store_new(x->files, &o, &x->store, NULL), 0);
	cr_assert_eq(store_scan(x->store, &changed, NULL), 0);
	x->catalog = store_get(x->store);
	cr_assert_eq(keywords_new(x->files, NULL, &x->keywords, NULL), 0);
}

static void teardown(struct fixture *x)
{
	char command[128];

	keywords_free(x->keywords);
	catalog_put(x->catalog);
	store_free(x->store);
	files_free(x->files);
	close(x->fd);
	snprintf(command, sizeof command, "rm -r %s", x->dir);
	cr_assert_eq(system(command), 0);
}

static const struct folder *child(const struct folder *f, const char *name)
{
	const struct folder *c;

	for (c = f->children; c; c = c->next)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

Test(layout, a_template_that_cannot_be_is_refused)
{
	static const char *const bad[] = { "", "/", "{NoSuchKeyword}", "{PatientID", "%", "%h",
		"{PatientID:999}", "1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17" };
	struct fixture x;
	struct layout *l;
	struct err err;
	size_t i;

	setup(&x);
	for (i = 0; i < sizeof bad / sizeof *bad; i++)
		cr_assert_eq(layout_new(bad[i], x.keywords, false, &l, &err), -EINVAL, "%s",
			bad[i]);
	teardown(&x);
}

Test(layout, values_defaults_and_widths_make_folders)
{
	const struct folder *top, *anna, *leaf;
	struct folders *tree;
	struct fixture x;
	struct layout *l;

	setup(&x);
	cr_assert_eq(layout_new("{PatientID}/{SeriesNumber:4}_{SeriesDescription|none}", x.keywords,
			     false, &l, NULL),
		0);
	cr_assert_eq(layout_folders(l, x.catalog, &tree, NULL), 0);
	cr_assert_eq(folders_levels(tree), 2);
	top = folders_find(tree, 0);
	anna = child(top, "ANNA");
	cr_assert_not_null(anna);
	cr_assert_not_null(child(child(top, "BERT"), "0001_x"));
	leaf = child(anna, "0007_a_b");
	cr_assert_not_null(leaf, "a slash in a value divides nothing");
	cr_assert_eq(leaf->n_leaves, 2);
	cr_assert_str_eq(leaf->leaves[0].name, "00001");
	cr_assert_not_null(child(anna, "0012_none"));
	cr_assert_eq(folders_find(tree, leaf->key), leaf);
	cr_assert_eq(folders_of(tree, leaf->leaves[1].in), leaf);
	folders_put(tree);
	layout_free(l);
	teardown(&x);
}

Test(layout, each_instance_lies_where_its_own_values_put_it)
{
	const struct folder *top;
	struct folders *tree;
	struct fixture x;
	struct layout *l;

	setup(&x);
	cr_assert_eq(layout_new("n{InstanceNumber}", x.keywords, false, &l, NULL), 0);
	cr_assert_eq(layout_folders(l, x.catalog, &tree, NULL), 0);
	top = folders_find(tree, 0);
	cr_assert_eq(child(top, "n1")->n_leaves, 3);
	cr_assert_eq(child(top, "n2")->n_leaves, 1);
	folders_put(tree);
	layout_free(l);
	teardown(&x);
}

Test(layout, names_that_several_series_bring_are_told_apart)
{
	const struct folder *all;
	struct folders *tree;
	struct fixture x;
	struct layout *l;
	uint32_t i, k;

	setup(&x);
	cr_assert_eq(layout_new("all", x.keywords, false, &l, NULL), 0);
	cr_assert_eq(layout_folders(l, x.catalog, &tree, NULL), 0);
	all = child(folders_find(tree, 0), "all");
	cr_assert_eq(all->n_leaves, 4);
	for (i = 0; i < 4; i++) {
		const char *name = all->leaves[i].name;

		cr_expect_eq(folders_leaf(tree, all->leaves[i].in), &all->leaves[i]);
		cr_expect_eq(strncmp(name, "00001~", 6) == 0, strcmp(name, "00002") != 0, "%s",
			name);
		for (k = 0; k < i; k++)
			cr_expect_str_neq(name, all->leaves[k].name);
	}
	folders_put(tree);
	layout_free(l);
	teardown(&x);
}

Test(layout, folders_are_in_the_order_of_their_names)
{
	const struct folder *f;
	struct folders *tree;
	struct fixture x;
	struct layout *l;

	setup(&x);
	cr_assert_eq(layout_new("{SeriesNumber}/x", x.keywords, false, &l, NULL), 0);
	cr_assert_eq(layout_folders(l, x.catalog, &tree, NULL), 0);
	f = folders_find(tree, 0)->children;
	cr_assert_str_eq(f->name, "1");
	cr_assert_str_eq(f->next->name, "12");
	cr_assert_str_eq(f->next->next->name, "7");
	cr_assert_null(f->next->next->next);
	folders_put(tree);
	layout_free(l);
	teardown(&x);
}

Test(layout, want_of_memory_is_told_at_any_point)
{
	struct folders *tree;
	struct fixture x;
	struct layout *l;
	char template[4096] = "{PatientID}"; /* long names: each may be what there is no room for */
	unsigned long n;
	int rc = -ENOMEM;

	for (n = 1; n < LAYOUT_MAX_LEVELS; n++)
		snprintf(template + strlen(template), sizeof template - strlen(template),
			"/%0200lu", n);
	setup(&x);
	cr_assert_eq(layout_new(template, x.keywords, false, &l, NULL), 0);
	for (n = 1; rc == -ENOMEM; n++) {
		mem_fail_after(n);
		rc = layout_folders(l, x.catalog, &tree, NULL);
		mem_fail_after(0);
	}
	cr_assert_eq(rc, 0);
	cr_assert_gt(n, 10);
	folders_put(tree);
	layout_free(l);
	teardown(&x);
}

/* The JSON of each instance leads to a file that is there, under dicom/. */
Test(layout, bulk_data_is_where_json_says)
{
	struct archive a;
	struct walk w;
	char *names, *name, *rest, *text, path[600], byte;
	const char *uri;
	int i, n = 0;

	archive_begin(&a);
	for (i = 1; i <= 3; i++) {
		struct gen_instance what = { .series = i, .number = 1, .rows = 64, .cols = 64 };
		char file[] = { (char)('0' + i), '\0' };

		archive_image(&a, file, &what);
	}
	walk_begin_layout(&w, &a, "{Modality}", NULL);
	names = walk_list(&w, "json/MR");
	for (name = strtok_r(names, "|", &rest); name; name = strtok_r(NULL, "|", &rest), n++) {
		snprintf(path, sizeof path, "json/MR/%s", name);
		text = walk_read(&w, path);
		uri = strstr(text, "\"BulkDataURI\":\"../../dicom/");
		cr_assert(uri, "%s", text);
		uri += strlen("\"BulkDataURI\":\"../../");
		snprintf(path, sizeof path, "%.*s", (int)strcspn(uri, "#"), uri);
		cr_expect_eq(walk_pread(&w, path, &byte, 1, 0), 1, "%s", path);
		mem_free(text);
	}
	cr_assert_eq(n, 3);
	mem_free(names);
	walk_end(&w);
	archive_end(&a);
}

Test(layout, letters_of_dcm2niix_are_understood)
{
	const struct folder *top;
	struct folders *tree;
	struct fixture x;
	struct layout *l;

	setup(&x);
	cr_assert_eq(layout_new("/%i//%3s_%b/", x.keywords, false, &l, NULL), 0);
	cr_assert_eq(layout_folders(l, x.catalog, &tree, NULL), 0);
	cr_assert_eq(folders_levels(tree), 2, "a slash more divides nothing");
	top = folders_find(tree, 0);
	cr_assert_not_null(child(child(top, "BERT"), "001_BERT-1-1.dcm"));
	folders_put(tree);
	layout_free(l);
	teardown(&x);
}
