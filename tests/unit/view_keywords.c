/* SPDX-License-Identifier: MIT */
/* Values by keyword: what is asked for is known, whatever was asked for before. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "dicom/tags.h"
#include "support/archive.h"
#include "view/keywords.h"

static struct archive archive;
static struct keywords *keywords;

static void begin(void)
{
	struct gen_instance what = { .number = 1 };
	struct gen g;

	archive_begin(&archive);
	gen_instance_begin(&g, &what);
	gen_put(&g, DCM_ImagedNucleus, "1H");
	gen_put(&g, DCM_EchoTrainLength, "7");
	gen_instance_end(&g, &what);
	archive_write(&archive, "one", g.out.data, g.out.len);
	gen_release(&g);
	archive_scan(&archive);
	cr_assert_eq(keywords_new(archive.files, NULL, &keywords, NULL), 0);
}

static void end(void)
{
	keywords_free(keywords);
	archive_end(&archive);
}

static uint32_t find(const char *keyword)
{
	uint32_t id;

	cr_assert_eq(keyword_find(keywords, keyword, &id, NULL), 0);
	return id;
}

static const char *first_value(uint32_t id)
{
	const struct value_list *list = keyword_values(keywords, id,
		archive.catalog->instances_by_id[0]);

	return list->n ? list->text[0] : "(none)";
}

Test(keywords, one_that_is_known_does_not_keep_another_from_being_read, .init = begin, .fini = end)
{
	uint32_t ids[] = { find("ImagedNucleus"), find("EchoTrainLength") };

	cr_assert_eq(keywords_load(keywords, archive.catalog, ids, 1, NULL), 0);
	cr_assert_str_eq(first_value(ids[0]), "1H");
	cr_assert_eq(keywords_load(keywords, archive.catalog, ids, 2, NULL), 0);
	cr_assert_str_eq(first_value(ids[1]), "7");
}

Test(keywords, a_file_that_cannot_be_had_now_is_asked_again, .init = begin, .fini = end)
{
	uint32_t id = find("EchoTrainLength");
	char away[128];

	strcpy(away, archive_path(&archive, "away"));
	cr_assert_eq(rename(archive_path(&archive, "one"), away), 0);
	cr_assert_eq(keywords_load(keywords, archive.catalog, &id, 1, NULL), 0);
	cr_assert_str_eq(first_value(id), "(none)");
	cr_assert_eq(rename(away, archive_path(&archive, "one")), 0);
	cr_assert_eq(keywords_load(keywords, archive.catalog, &id, 1, NULL), 0);
	cr_assert_str_eq(first_value(id), "7");
}
