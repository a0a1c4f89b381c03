/* SPDX-License-Identifier: MIT */
/* The options: see main/options.h. */
#include "main/options.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

enum option_kind {
	KIND_FLAG, /* sets a bool */
	KIND_TEXT, /* a string */
	KIND_NUMBER,
	KIND_OCTAL,
	KIND_SIZE,    /* bytes, with K, M or G behind */
	KIND_MODE,    /* sets the mode; what it is stands in `value` */
	KIND_PASSED,  /* for the kernel or libfuse */
	KIND_IGNORED, /* what mount(8) and fstab say to each other */
};

#define AT(member) offsetof(struct options, member)
#define NOWHERE SIZE_MAX

/* A name that begins with '-' is an option of its own; the others go behind -o. An argument that
 * may be left out stands in brackets. */
/* clang-format off: a table */
static const struct option_row {
	const char *name, *argument, *fallback, *help;
	enum option_kind kind;
	size_t at, has_at; /* the members of struct options */
	int value;
} rows[] = {
	{ "-h", NULL, NULL, "this help; also --help", KIND_MODE, 0, NOWHERE, OPTIONS_HELP },
	{ "--help", NULL, NULL, NULL, KIND_MODE, 0, NOWHERE, OPTIONS_HELP },
	{ "-V", NULL, NULL, "the version; also --version", KIND_MODE, 0, NOWHERE, OPTIONS_VERSION },
	{ "--version", NULL, NULL, NULL, KIND_MODE, 0, NOWHERE, OPTIONS_VERSION },
	{ "--ls", NULL, NULL, "print the tree's paths, or those below PATH, one a line; no mount",
		KIND_MODE, 0, NOWHERE, OPTIONS_LS },
	{ "-l", NULL, NULL, "with --ls: type, size and time before each path", KIND_FLAG,
		AT(long_list), NOWHERE, 0 },
	{ "--cat", NULL, NULL, "write the bytes of the file PATH; no mount", KIND_MODE, 0, NOWHERE,
		OPTIONS_CAT },
	{ "-f", NULL, NULL, "stay in the foreground", KIND_FLAG, AT(foreground), NOWHERE, 0 },
	{ "-d", NULL, NULL, "show the kernel's requests; stay in the foreground", KIND_FLAG,
		AT(debug), NOWHERE, 0 },
	{ "-s", NULL, NULL, "serve with one thread", KIND_FLAG, AT(single_thread), NOWHERE, 0 },

	{ "views", "A:B:...", "all", "show only these of the top folders", KIND_TEXT, AT(views),
		NOWHERE, 0 },
	{ "layout", "TEMPLATE", "PATIENT/STUDY/SERIES", "folders made of {Keyword} parts",
		KIND_TEXT, AT(layout), NOWHERE, 0 },
	{ "by", "A:B:...", NULL, "list these keywords too in by/", KIND_TEXT, AT(by), NOWHERE, 0 },
	{ "xattr", NULL, NULL, "extended attributes user.dicom.KEYWORD", KIND_FLAG, AT(xattr),
		NOWHERE, 0 },
	{ "edit", "FILE", NULL, "show edited/, made by the rules in FILE", KIND_TEXT, AT(edit),
		NOWHERE, 0 },
	{ "deidentify", "[A:B:...]", NULL,
		"show edited/, de-identified; only: nothing else; keep-uids, keep-dates,\n"
		"                           shift-dates, keep-device, keep-institution, "
		"keep-patient, clean-descriptors",
		KIND_TEXT, AT(deidentify), NOWHERE, 0 },
	{ "key", "FILE", NULL, "the secret that makes new UIDs (a random one)", KIND_TEXT, AT(key),
		NOWHERE, 0 },
	{ "index", "PATH|none", "~/.cache/dcmfs", "where the index is kept between mounts",
		KIND_TEXT, AT(index), NOWHERE, 0 },
	{ "refresh", "SECONDS", "0", "look for changes so often, where the kernel cannot tell",
		KIND_NUMBER, AT(refresh_seconds), NOWHERE, 0 },
	{ "delay_scan", NULL, NULL, "mount at once and scan behind; who reads waits for the scan",
		KIND_FLAG, AT(delay_scan), NOWHERE, 0 },
	{ "cache", "BYTES", "256M", "decoded frames in memory, at most", KIND_SIZE, AT(cache_bytes),
		NOWHERE, 0 },
	{ "readahead_kb", "N", "1024", "the kernel's read-ahead; root alone can set it",
		KIND_NUMBER, AT(readahead_kb), NOWHERE, 0 },
	{ "uid", "N", "the user's", "the owner of all files", KIND_NUMBER, AT(uid), AT(has_uid),
		0 },
	{ "gid", "N", "the user's", "their group", KIND_NUMBER, AT(gid), AT(has_gid), 0 },
	{ "umask", "OCTAL", "0", "permissions that 0444 and 0555 lose", KIND_OCTAL, AT(umask),
		AT(has_umask), 0 },
	{ "allow_other", NULL, NULL, "other users may read it too", KIND_FLAG, AT(allow_other),
		NOWHERE, 0 },
	{ "default_permissions", NULL, NULL, "the kernel checks permissions; always on",
		KIND_IGNORED, 0, NOWHERE, 0 },
	{ "ready_fd", "N", NULL, "write one byte there when it can be read: s; or f: failed",
		KIND_NUMBER, AT(ready_fd), AT(has_ready_fd), 0 },

	{ "fsname", "NAME", NULL, NULL, KIND_IGNORED, 0, NOWHERE, 0 },
	{ "subtype", "NAME", NULL, NULL, KIND_IGNORED, 0, NOWHERE, 0 },
	{ "user", "[NAME]", NULL, NULL, KIND_IGNORED, 0, NOWHERE, 0 },
	{ "comment", "TEXT", NULL, NULL, KIND_IGNORED, 0, NOWHERE, 0 },
	{ "noexec", NULL, NULL, NULL, KIND_PASSED, 0, NOWHERE, 0 },
	{ "noatime", NULL, NULL, NULL, KIND_PASSED, 0, NOWHERE, 0 },
	{ "auto_unmount", NULL, NULL, NULL, KIND_PASSED, 0, NOWHERE, 0 },
	{ "allow_root", NULL, NULL, NULL, KIND_PASSED, 0, NOWHERE, 0 },
	{ "blkdev", NULL, NULL, NULL, KIND_IGNORED, 0, NOWHERE, 0 },
};
/* clang-format on */

#define N_ROWS (sizeof rows / sizeof rows[0])

/* Words without an argument that fstab may have for any file system. */
static const char *const tolerated[] = { "ro", "rw", "auto", "noauto", "defaults", "users",
	"nouser", "nousers", "owner", "group", "_netdev", "nofail", "suid", "nosuid", "dev",
	"nodev", "exec", "atime", "relatime", "norelatime", "strictatime", "nostrictatime",
	"diratime", "nodiratime", "lazytime", "nolazytime", "async", "sync", "dirsync", "loud",
	"silent", "mand", "nomand" };

static bool is_tolerated(const char *word)
{
	size_t i;

	if (strncmp(word, "x-", 2) == 0)
		return true;
	for (i = 0; i < sizeof tolerated / sizeof tolerated[0]; i++)
		if (strcmp(word, tolerated[i]) == 0)
			return true;
	return false;
}

static const struct option_row *find_row(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < N_ROWS; i++)
		if (strlen(rows[i].name) == len && memcmp(rows[i].name, name, len) == 0)
			return &rows[i];
	return NULL;
}

/* ---- values ---- */

static int replace_text(char **at, const char *text)
{
	char *copy = mem_strdup(text);

	if (!copy)
		return -ENOMEM;
	mem_free(*at);
	*at = copy;
	return 0;
}

static int add_passed(struct options *o, const char *word)
{
	struct buf b;
	char *text;

	buf_init(&b);
	if (o->passed) {
		buf_adds(&b, o->passed);
		buf_addc(&b, ',');
	}
	buf_adds(&b, word);
	text = buf_steal(&b, NULL);
	buf_release(&b);
	if (!text)
		return -ENOMEM;
	mem_free(o->passed);
	o->passed = text;
	return 0;
}

static bool parse_number(const char *text, enum option_kind kind, unsigned long long *out)
{
	static const char units[] = "KMG";
	const char *unit;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*out = strtoull(text, &end, kind == KIND_OCTAL ? 8 : 10);
	if (errno)
		return false;
	unit = kind == KIND_SIZE && *end ? strchr(units, *end) : NULL;
	if (unit) {
		unsigned shift = 10 * ((unsigned)(unit - units) + 1);

		if (*out > UINT64_MAX >> shift)
			return false;
		*out <<= shift;
		end++;
	}
	return *end == '\0' && (kind != KIND_OCTAL || *out <= 0777);
}

static int set_number(struct options *o, const struct option_row *row, const char *text,
	struct err *err)
{
	unsigned long long *at = (void *)((char *)o + row->at);

	if (!parse_number(text, row->kind, at))
		return err_set(err, -EINVAL, "%s=%s: not a number that it takes", row->name, text);
	if (row->kind == KIND_NUMBER && *at > UINT32_MAX)
		return err_set(err, -EINVAL, "%s=%s: too large", row->name, text);
	if (row->has_at != NOWHERE)
		*(bool *)((char *)o + row->has_at) = true;
	return 0;
}

static int set_option(struct options *o, const struct option_row *row, const char *word,
	const char *value, struct err *err)
{
	void *at = (char *)o + row->at;
	int r = 0;

	if (!value && row->argument && row->argument[0] != '[')
		return err_set(err, -EINVAL, "%s: wants a value: %s=%s", row->name, row->name,
			row->argument);
	if (value && !row->argument)
		return err_set(err, -EINVAL, "%s: takes no value", row->name);
	if (row->kind == KIND_FLAG)
		*(bool *)at = true;
	else if (row->kind == KIND_MODE)
		o->mode = (enum options_mode)row->value;
	else if (row->kind == KIND_TEXT)
		r = replace_text(at, value ? value : "");
	else if (row->kind == KIND_PASSED)
		r = add_passed(o, word);
	else if (row->kind != KIND_IGNORED)
		return set_number(o, row, value, err);
	return r < 0 ? err_nomem(err) : 0;
}

/* ---- words ---- */

/* One word behind -o: NAME or NAME=VALUE. */
static int parse_word(struct options *o, const char *word, struct err *err)
{
	const char *equals = strchr(word, '=');
	const struct option_row *row = find_row(word,
		equals ? (size_t)(equals - word) : strlen(word));

	if (*word == '\0' || is_tolerated(word))
		return 0;
	if (!row || *word == '-')
		return err_set(err, -EINVAL, "%s: no such option; try --help", word);
	return set_option(o, row, word, equals ? equals + 1 : NULL, err);
}

/* Words between commas; a backslash takes the next character as it is. */
static int parse_words(struct options *o, const char *text, struct err *err)
{
	char *word = mem_alloc(strlen(text) + 1);
	size_t n = 0;
	int r = 0;

	if (!word)
		return err_nomem(err);
	for (; r == 0; text++) {
		if (*text == '\\' && text[1]) {
			word[n++] = *++text;
		} else if (*text == ',' || *text == '\0') {
			word[n] = '\0';
			n = 0;
			r = parse_word(o, word, err);
			if (*text == '\0')
				break;
		} else {
			word[n++] = *text;
		}
	}
	mem_free(word);
	return r;
}

/* "-o" and what follows it, in one argument or two. */
static int parse_o(struct options *o, const char *arg, char *const **next, struct err *err)
{
	if (arg[2])
		return parse_words(o, arg + 2, err);
	if (!**next)
		return err_set(err, -EINVAL, "-o: wants options behind it");
	return parse_words(o, *(*next)++, err);
}

/* -f, -d …, also several in one: -fs. */
static int parse_letters(struct options *o, const char *arg, struct err *err)
{
	int r = 0;

	for (arg++; *arg && r == 0; arg++) {
		const char name[] = { '-', *arg, '\0' };
		const struct option_row *row = find_row(name, 2);

		if (!row)
			return err_set(err, -EINVAL, "%s: no such option; try --help", name);
		r = set_option(o, row, name, NULL, err);
	}
	return r;
}

static int parse_dashed(struct options *o, const char *arg, char *const **next, struct err *err)
{
	const struct option_row *row = find_row(arg, strlen(arg));

	if (strncmp(arg, "-o", 2) == 0)
		return parse_o(o, arg, next, err);
	if (row)
		return set_option(o, row, arg, NULL, err);
	if (arg[1] == '-')
		return err_set(err, -EINVAL, "%s: no such option; try --help", arg);
	return parse_letters(o, arg, err);
}

static int parse_plain(struct options *o, const char *arg, struct err *err)
{
	if (o->place)
		return err_set(err, -EINVAL, "%s: one argument too many; try --help", arg);
	return replace_text(o->source ? &o->place : &o->source, arg) < 0 ? err_nomem(err) : 0;
}

/* Is everything there that the mode needs? */
static int check(const struct options *o, struct err *err)
{
	if (o->mode == OPTIONS_HELP || o->mode == OPTIONS_VERSION)
		return 0;
	if (!o->source)
		return err_set(err, -EINVAL, "SOURCE: missing; try --help");
	if (!o->place && o->mode != OPTIONS_LS)
		return err_set(err, -EINVAL, "%s: missing; try --help",
			o->mode == OPTIONS_CAT ? "PATH" : "MOUNTPOINT");
	return 0;
}

int options_parse(struct options *o, int argc, char *const *argv, struct err *err)
{
	char *const *next = argv + 1;
	bool plain = false;
	int r = 0;

	memset(o, 0, sizeof *o);
	o->readahead_kb = 1024;
	while (r == 0 && next < argv + argc) {
		const char *arg = *next++;

		if (!plain && strcmp(arg, "--") == 0)
			plain = true;
		else if (!plain && arg[0] == '-' && arg[1])
			r = parse_dashed(o, arg, &next, err);
		else
			r = parse_plain(o, arg, err);
	}
	return r < 0 ? r : check(o, err);
}

void options_release(struct options *o)
{
	size_t i;

	for (i = 0; i < N_ROWS; i++) {
		char **at = (void *)((char *)o + rows[i].at);

		if (rows[i].kind != KIND_TEXT)
			continue;
		mem_free(*at);
		*at = NULL;
	}
	mem_free(o->source);
	mem_free(o->place);
	mem_free(o->passed);
	o->source = o->place = o->passed = NULL;
}

/* ---- help ---- */

/* "-o name", with "=ARGUMENT", or "[=ARGUMENT]" for one that may be left away. */
static void print_name(const struct option_row *row, char *out, size_t cap)
{
	const char *a = row->argument;

	if (row->name[0] == '-')
		snprintf(out, cap, "%s", row->name);
	else if (!a)
		snprintf(out, cap, "-o %s", row->name);
	else if (a[0] == '[')
		snprintf(out, cap, "-o %s[=%s", row->name, a + 1);
	else
		snprintf(out, cap, "-o %s=%s", row->name, a);
}

static void print_row(FILE *out, const struct option_row *row)
{
	char left[40];

	if (!row->help)
		return;
	print_name(row, left, sizeof left);
	fprintf(out, "  %-24s %s", left, row->help);
	if (row->fallback)
		fprintf(out, " (%s)", row->fallback);
	fputc('\n', out);
}

void options_help(FILE *out)
{
	size_t i;

	fputs("usage: dcmfs [options] SOURCE MOUNTPOINT\n"
	      "       dcmfs --ls SOURCE [PATH]\n"
	      "       dcmfs --cat SOURCE PATH\n"
	      "\n"
	      "Shows a folder of DICOM files, or one file, as what people convert it to.\n"
	      "Unmount with: fusermount3 -u MOUNTPOINT\n\n",
		out);
	for (i = 0; i < N_ROWS; i++)
		print_row(out, &rows[i]);
}
