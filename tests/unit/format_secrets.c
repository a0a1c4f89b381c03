/* SPDX-License-Identifier: MIT */
/* Texts that are to be found nowhere. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "format/secrets.h"

static void expect(const struct secrets *s, const char *text, const char *want)
{
	struct buf b;
	bool found;

	buf_init(&b);
	cr_assert_eq(secrets_remove(s, text, strlen(text), true, &b, &found), 0);
	buf_addc(&b, '\0');
	cr_assert_str_eq(b.data, want, "%s", text);
	cr_assert_eq(found, strcmp(text, want) != 0);
	buf_release(&b);
}

static void add(struct secrets *s, const char *text)
{
	cr_assert_eq(secrets_add(s, text, strlen(text)), 0);
}

Test(secrets, are_taken_out_wherever_they_stand_in_either_case)
{
	struct secrets s = { 0 };

	add(&s, "Smith");
	add(&s, "Smith^Anna");
	add(&s, "Anna");
	expect(&s, "seen by Dr SMITH today", "seen by Dr  today");
	expect(&s, "Smith^Annasmithanna", "");
	expect(&s, "Johanna", "Joh");
	expect(&s, "Smit", "Smit");
	expect(&s, "", "");
	secrets_release(&s);
}

Test(secrets, what_is_short_or_blank_is_none)
{
	struct secrets s = { 0 };

	add(&s, "abc");
	add(&s, "    ");
	add(&s, "0000.00");
	cr_assert_eq(s.n_lengths, 0);
	expect(&s, "abc 0000.00", "abc 0000.00");
	secrets_release(&s);
}

static void add_name(struct secrets *s, const char *text)
{
	cr_assert_eq(secrets_add_name(s, text, strlen(text)), 0);
}

Test(secrets, short_names_are_taken_out_as_words_of_prose)
{
	struct secrets s = { 0 };
	struct buf b;
	bool found;

	add_name(&s, "Kim");
	add_name(&s, "Li");
	add_name(&s, "\xE6\x9D\x8E");
	add_name(&s, "Smith");
	add_name(&s, "J");
	add_name(&s, "7T");
	expect(&s, "KIM, li. J Smith 7T", ", . J  7T");
	expect(&s, "Kimono Li2 Eli 3Li \xC3\xBCLi", "Kimono Li2 Eli 3Li \xC3\xBCLi");
	expect(&s, "LSmithi", "");
	expect(&s, "\xE6\x9D\x8E knee", " knee");
	buf_init(&b);
	cr_assert_eq(secrets_remove(&s, "Kim Smith", 9, false, &b, &found), 0);
	buf_addc(&b, '\0');
	cr_assert_str_eq(b.data, "Kim ");
	buf_release(&b);
	secrets_release(&s);
	cr_assert(secrets_are_none(&s));
	add_name(&s, "Kim");
	cr_assert_not(secrets_are_none(&s));
	secrets_release(&s);
}

Test(secrets, none_is_made_by_taking_out_another)
{
	struct secrets s = { 0 };

	add(&s, "Smith");
	expect(&s, "x SmSmithith y", "x  y");
	/* Too many in each other: all goes. */
	expect(&s, "x SmSmSmSmSmSmSmithithithithithithith y", "");
	secrets_release(&s);
}

Test(secrets, a_long_one_is_known_by_its_begin)
{
	struct secrets s = { 0 };
	char text[SECRET_MOST + 10];
	struct buf b;
	bool found;

	memset(text, 'q', sizeof text);
	cr_assert_eq(secrets_add(&s, text, sizeof text), 0);
	buf_init(&b);
	cr_assert_eq(secrets_remove(&s, text, sizeof text, true, &b, &found), 0);
	cr_assert(found);
	cr_assert_eq(b.len, 10);
	buf_release(&b);
	secrets_release(&s);
}

Test(secrets, ten_thousand_of_them_cost_no_more_than_one)
{
	struct secrets s = { 0 };
	char text[32];
	struct buf b, out;
	bool found;
	int i;

	buf_init(&b);
	for (i = 0; i < 10000; i++) {
		snprintf(text, sizeof text, "20200101%06d.%03d", i, i % 1000);
		add(&s, text);
		buf_adds(&b, "2020010 ");
	}
	buf_init(&out);
	for (i = 0; i < 100; i++) { /* minutes, were each looked for in turn */
		buf_reset(&out);
		cr_assert_eq(secrets_remove(&s, b.data, b.len, true, &out, &found), 0);
		cr_assert_not(found);
		cr_assert_eq(out.len, b.len);
	}
	buf_release(&b);
	buf_release(&out);
	secrets_release(&s);
}

Test(secrets, want_of_memory_is_told)
{
	struct secrets s = { 0 };
	struct buf b;
	bool found;

	buf_init(&b);
	mem_fail_after(1);
	cr_assert_lt(secrets_add(&s, "Smith", 5), 0);
	cr_assert_lt(secrets_add_name(&s, "Kim", 3), 0);
	cr_assert_lt(secrets_remove(&s, "Smith", 5, true, &b, &found), 0);
	mem_fail_after(0);
	buf_release(&b);
	secrets_release(&s);
}
