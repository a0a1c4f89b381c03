/* SPDX-License-Identifier: MIT */
/* What is known of files: by folder and name, whatever else there is. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "../src/index/known.h"
#include "../src/index/survey.h"
#include "base/mem.h"
#include "index/intern.h"

enum { N_FOLDERS = 3, N_FILES = 200 };
static const char *folders[N_FOLDERS] = { "a", "b", "" };
static struct interns *interns;

/* The folders are interned; interns_free() is the caller's, after the findings have gone. */
static struct findings some_of_each(void)
{
	struct findings f = { 0 };
	struct other *o;
	char name[16];
	int i, k;

	cr_assert_eq(interns_new(&interns, NULL), 0);
	for (k = 0; k < N_FOLDERS; k++)
		folders[k] = intern_text(interns, folders[k], strlen(folders[k]));
	for (i = 0; i < N_FILES; i++)
		for (k = 0; k < N_FOLDERS; k++) {
			snprintf(name, sizeof name, "IM%d", i);
			cr_assert_eq(other_new(folders[k], name, OTHER_EMPTY, "", &o), 0);
			o->id = (uint32_t)(i * N_FOLDERS + k);
			cr_assert_eq(findings_add_other(&f, o), 0);
		}
	return f;
}

Test(index_known, a_file_is_found_by_its_folder_and_name)
{
	struct findings f = some_of_each();
	struct known_table t = { 0 };
	char name[16];
	int i, k;

	cr_assert_eq(known_add(&t, &f), 0);
	for (i = 0; i < N_FILES; i++)
		for (k = 0; k < N_FOLDERS; k++) {
			snprintf(name, sizeof name, "IM%d", i);
			cr_assert_not_null(known_find(&t, folders[k], name).other);
			cr_expect_eq(known_find(&t, folders[k], name).other->id,
				(uint32_t)(i * N_FOLDERS + k));
		}
	cr_expect_null(known_find(&t, "a", "IM200").other);
	cr_expect_null(known_find(&t, "elsewhere", "IM1").other);
	known_release(&t);
	findings_release(&f);
	interns_free(interns);
}

Test(index_known, what_a_file_was_and_that_it_waits_are_both_known)
{
	struct findings f = some_of_each();
	struct waiting w = { .dir = folders[0], .file = mem_strdup("IM7"), .size = 3 };
	struct known_table t = { 0 };
	struct known k;

	f.waiting = &w;
	f.n_waiting = 1;
	cr_assert_eq(known_add(&t, &f), 0);
	k = known_find(&t, folders[0], "IM7");
	cr_expect_not_null(k.other);
	cr_expect_eq(k.waiting, &w);
	cr_expect_null(known_find(&t, folders[1], "IM7").waiting);
	known_release(&t);
	f.waiting = NULL;
	f.n_waiting = 0;
	mem_free(w.file);
	findings_release(&f);
	interns_free(interns);
}

Test(index_known, nothing_is_known_of_nothing)
{
	struct known_table t = { 0 };

	cr_expect_null(known_find(&t, "a", "b").in);
	known_release(&t);
}
