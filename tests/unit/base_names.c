/* SPDX-License-Identifier: MIT */
/* Names: what is legal, what is cut, and that marks depend on the set alone. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/names.h"
#include "base/utf8.h"

static void expect_legal(const char *text, size_t len, const char *want)
{
	struct buf b;

	buf_init(&b);
	name_add_legal(&b, text, len);
	buf_addc(&b, '\0');
	cr_expect_str_eq(b.data, want);
	buf_release(&b);
}

Test(base_names, replaces_what_no_name_may_have)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "t1 mprage", "t1_mprage" },
		{ "a  \t b", "a_b" },
		{ "AC/DC", "AC_DC" },
		{ "..hidden.txt", "__hidden.txt" },
		{ ".", "_" },
		{ "a.b", "a.b" },
		{ "x\n\ny\x7f", "x__y_" },
		{ "Doe^John^^Dr", "Doe^John^^Dr" },
		{ "a\xC2\x85"
		  "b",
			"a_b" },
		{ "", "" },
	};
	size_t i;

	for (i = 0; i < sizeof cases / sizeof *cases; i++)
		expect_legal(cases[i].text, strlen(cases[i].text), cases[i].want);
	expect_legal("a\0b", 3, "a_b");
}

Test(base_names, composes_and_repairs_utf8)
{
	expect_legal("Mu\xCC\x88ller", 8, "M\xC3\xBCller");
	expect_legal("a\xFF"
		     "b",
		3,
		"a\xEF\xBF\xBD"
		"b");
	expect_legal("\xE5\xB1\xB1\xE3\x80\x80\xE5\xA4\xAA", 9, "\xE5\xB1\xB1_\xE5\xA4\xAA");
}

Test(base_names, what_is_plain_stays_as_it_is)
{
	char text[3] = "xy";
	unsigned n_plain = 0;
	int first, second;

	for (first = 1; first < 256; first++)
		for (second = 1; second < 256; second++) {
			text[0] = (char)first;
			text[1] = (char)second;
			if (!name_is_plain(text, 2))
				continue;
			expect_legal(text, 2, text);
			n_plain++;
		}
	cr_expect_eq(n_plain, 92 * 93, "all of ASCII that can be seen, but / and a leading dot");
	cr_expect_not(name_is_plain("", 0));
}

Test(base_names, dots_lead_only_where_the_component_begins)
{
	struct buf b;

	buf_init(&b);
	buf_adds(&b, "5_");
	name_add_legal(&b, "..x", 3);
	buf_addc(&b, '\0');
	cr_assert_str_eq(b.data, "5_..x");
	buf_release(&b);
}

Test(base_names, cuts_the_stem_at_a_character)
{
	char stem[400] = "", out[NAME_MOST_BYTES + 1];
	size_t i;

	for (i = 0; i < 130; i++)
		strcat(stem, "\xC3\xBC");
	name_join(out, stem, "_e2", ".nii");
	cr_assert_leq(strlen(out), NAME_MOST_BYTES);
	cr_assert_geq(strlen(out), NAME_MOST_BYTES - 1);
	cr_assert(utf8_valid(out, strlen(out)));
	cr_assert_str_eq(out + strlen(out) - 7, "_e2.nii");
	name_join(out, "short", "", "");
	cr_assert_str_eq(out, "short");
}

#define N 6

static const struct {
	const char *name;
	uint64_t identity;
} set[N] = {
	{ "a.nii", UINT64_C(0x1111110000000000) },
	{ "a.nii", UINT64_C(0x2222220000000000) },
	{ "b.nii", UINT64_C(0x3333333300000000) },
	{ "b.nii", UINT64_C(0x3333334400000000) },
	{ "a~111111.nii", UINT64_C(0x5555550000000000) }, /* what the mark of the first would be */
	{ "c.nii", UINT64_C(0x6666660000000000) },
};

static void make(const int *order, char *names[N])
{
	struct name_entry e[N];
	int i;

	for (i = 0; i < N; i++) {
		e[i].name = mem_strdup(set[order[i]].name);
		e[i].ending = ".nii";
		e[i].identity = set[order[i]].identity;
	}
	cr_assert_eq(name_make_unique(e, N), 0);
	for (i = 0; i < N; i++)
		names[order[i]] = e[i].name;
}

Test(base_names, marks_depend_on_the_set_and_not_on_its_order)
{
	static const int there[N] = { 0, 1, 2, 3, 4, 5 }, back[N] = { 4, 3, 5, 1, 2, 0 };
	char *a[N], *b[N];
	int i, k;

	make(there, a);
	make(back, b);
	for (i = 0; i < N; i++) {
		cr_expect_str_eq(a[i], b[i]);
		for (k = 0; k < i; k++)
			cr_expect_str_neq(a[i], a[k]);
	}
	cr_expect_str_eq(a[1], "a~222222.nii");
	cr_expect_str_eq(a[2], "b~33333333.nii");
	cr_expect_str_eq(a[5], "c.nii");
	for (i = 0; i < N; i++) {
		mem_free(a[i]);
		mem_free(b[i]);
	}
}

Test(base_names, one_thing_twice_keeps_its_name)
{
	struct name_entry e[2];
	int i;

	for (i = 0; i < 2; i++)
		e[i] = (struct name_entry){ .name = mem_strdup("x"), .ending = "", .identity = 7 };
	cr_assert_eq(name_make_unique(e, 2), 0);
	cr_expect_str_eq(e[0].name, "x");
	cr_expect_str_eq(e[1].name, "x");
	mem_free(e[0].name);
	mem_free(e[1].name);
}

Test(base_names, long_names_stay_within_the_limit_with_their_mark)
{
	char name[NAME_MOST_BYTES + 1];
	struct name_entry e[2];
	uint64_t i;

	memset(name, 'x', NAME_MOST_BYTES - 4);
	strcpy(name + NAME_MOST_BYTES - 4, ".nii");
	for (i = 0; i < 2; i++)
		e[i] = (struct name_entry){ .name = mem_strdup(name),
			.ending = ".nii",
			.identity = (i + 1) << 40 };
	cr_assert_eq(name_make_unique(e, 2), 0);
	for (i = 0; i < 2; i++) {
		cr_expect_eq(strlen(e[i].name), NAME_MOST_BYTES);
		cr_expect_str_eq(e[i].name + NAME_MOST_BYTES - 4, ".nii");
		cr_expect_eq(e[i].name[NAME_MOST_BYTES - 11], '~');
	}
	mem_free(e[0].name);
	mem_free(e[1].name);
}

Test(base_names, want_of_memory_changes_nothing)
{
	struct name_entry e[2];
	unsigned long n;
	int r = -ENOMEM, i;

	for (n = 1; r; n++) {
		for (i = 0; i < 2; i++)
			e[i] = (struct name_entry){ .name = mem_strdup("x"),
				.ending = "",
				.identity = (uint64_t)i };
		mem_fail_after(n);
		r = name_make_unique(e, 2);
		mem_fail_after(0);
		cr_expect(r == 0 || strcmp(e[0].name, "x") == 0);
		cr_assert_lt(n, 100);
		for (i = 0; i < 2; i++)
			mem_free(e[i].name);
	}
	cr_assert_gt(n, 2);
}

Test(base_names, a_uri_escapes_all_but_the_unreserved)
{
	struct buf b;

	buf_init(&b);
	name_add_uri(&b, "aZ09-._~ /?#%&\"<>\xC3\xA9");
	buf_addc(&b, '\0');
	cr_expect_str_eq(b.data, "aZ09-._~%20%2F%3F%23%25%26%22%3C%3E%C3%A9");
	buf_release(&b);
}
