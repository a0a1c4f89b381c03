/* SPDX-License-Identifier: MIT */
/* The command line: what it understands, and what it refuses with which words. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "main/options.h"

#define PARSE(o, err, ...) parse(o, err, (const char *[]){ "dcmfs", __VA_ARGS__, NULL })

static int parse(struct options *o, struct err *err, const char **argv)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	return options_parse(o, argc, (char *const *)argv, err);
}

Test(main_options, a_mount_as_mount_8_asks_for_it)
{
	struct options o;
	struct err err;

	cr_assert_eq(PARSE(&o, &err, "/src", "/mnt", "-o",
			     "rw,noauto,user,_netdev,nofail,x-systemd.automount,noexec,allow_other,"
			     "uid=7,delay_scan"),
		0);
	cr_assert_eq(o.mode, OPTIONS_MOUNT);
	cr_assert_str_eq(o.source, "/src");
	cr_assert_str_eq(o.place, "/mnt");
	cr_assert_str_eq(o.passed, "noexec");
	cr_assert(o.delay_scan && o.allow_other && o.has_uid && !o.has_gid && !o.foreground);
	cr_assert_eq(o.uid, 7);
	options_release(&o);
}

Test(main_options, letters_and_values_may_be_together)
{
	struct options o;
	struct err err;

	cr_assert_eq(PARSE(&o, &err, "-fs", "-oumask=027,cache=2G", "-o", "views=nii:dicom", "a",
			     "--", "-b"),
		0);
	cr_assert(o.foreground && o.single_thread && !o.debug);
	cr_assert_eq(o.umask, 027);
	cr_assert_eq(o.cache_bytes, 2ull << 30);
	cr_assert_str_eq(o.views, "nii:dicom");
	cr_assert_str_eq(o.place, "-b");
	options_release(&o);
}

Test(main_options, a_comma_can_be_escaped)
{
	struct options o;
	struct err err;

	cr_assert_eq(PARSE(&o, &err, "a", "b", "-o", "views=x\\,y,xattr"), 0);
	cr_assert_str_eq(o.views, "x,y");
	cr_assert(o.xattr);
	options_release(&o);
}

Test(main_options, ls_and_cat_want_what_they_need)
{
	struct options o;
	struct err err;

	cr_assert_eq(PARSE(&o, &err, "--ls", "-l", "src"), 0);
	cr_assert(o.mode == OPTIONS_LS && o.long_list && !o.place);
	options_release(&o);
	cr_assert_eq(PARSE(&o, &err, "--cat", "src"), -EINVAL);
	cr_assert_not_null(strstr(err.msg, "PATH: missing"));
	options_release(&o);
	cr_assert_eq(PARSE(&o, &err, "src"), -EINVAL);
	cr_assert_not_null(strstr(err.msg, "MOUNTPOINT: missing"));
	options_release(&o);
}

Test(main_options, what_is_wrong_is_named)
{
	static const struct {
		const char *words;
		const char *says;
	} cases[] = {
		{ "colour", "colour: no such option" },
		{ "-f", "-f: no such option" },
		{ "uid=x", "uid=x: not a number" },
		{ "uid=", "uid=: not a number" },
		{ "uid=-1", "uid=-1: not a number" },
		{ "uid=99999999999", "too large" },
		{ "umask=9", "umask=9: not a number" },
		{ "umask=7777", "umask=7777: not a number" },
		{ "cache=1T", "cache=1T: not a number" },
		{ "cache=99999999999G", "cache=99999999999G: not a number" },
		{ "views", "views: wants a value" },
		{ "xattr=1", "xattr: takes no value" },
		{ "delay_scan=5", "delay_scan: takes no value" },
		{ "delay_scan=", "delay_scan: takes no value" },
	};
	struct options o;
	struct err err;
	size_t i;

	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		cr_assert_eq(PARSE(&o, &err, "a", "b", "-o", cases[i].words), -EINVAL, "%s",
			cases[i].words);
		cr_assert_not_null(strstr(err.msg, cases[i].says), "%s: %s", cases[i].words,
			err.msg);
		options_release(&o);
	}
	cr_assert_eq(PARSE(&o, &err, "a", "b", "c"), -EINVAL);
	options_release(&o);
	cr_assert_eq(PARSE(&o, &err, "-x", "a", "b"), -EINVAL);
	options_release(&o);
	cr_assert_eq(PARSE(&o, &err, "a", "b", "-o"), -EINVAL);
	options_release(&o);
}

Test(main_options, help_has_a_line_for_each_option_that_is_documented)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	static const char *const some[] = { "-f ", "-d ", "-s ", "-h ", "-V ", "--ls", "--cat",
		"-o views=", "-o cache=", "-o allow_other",
		"-o uid=", "-o gid=", "-o umask=", "-o default_permissions",
		"-o layout=", "-o by=", "-o xattr", "-o edit=", "-o deidentify",
		"-o key=", "-o index=", "-o refresh=", "-o delay_scan",
		"-o readahead_kb=", "-o ready_fd=" };
	size_t i;

	options_help(f);
	fclose(f);
	for (i = 0; i < sizeof some / sizeof some[0]; i++)
		cr_assert_not_null(strstr(text, some[i]), "%s", some[i]);
	free(text);
}
