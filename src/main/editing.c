/* SPDX-License-Identifier: MIT */
/* From options to an editor: see main/editing.h. */
#include "main/editing.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "format/deidentify.h"
#include "format/edit.h"

#define MOST_FILE_BYTES (1u << 20)

/* A small file whole, NUL-terminated; *text is mem_alloc()ed. */
static int read_file(const char *path, char **text, size_t *len, struct err *err)
{
	char chunk[4096];
	struct buf b;
	size_t n;
	FILE *f = fopen(path, "rbe");

	if (!f)
		return err_errno(err, "%s", path);
	buf_init(&b);
	while ((n = fread(chunk, 1, sizeof chunk, f)) > 0 && b.len < MOST_FILE_BYTES)
		buf_add(&b, chunk, n);
	n = (size_t)ferror(f);
	fclose(f);
	if (n || b.len >= MOST_FILE_BYTES) {
		buf_release(&b);
		return err_set(err, n ? -EIO : -EFBIG, "%s: %s", path,
			n ? "cannot be read" : "longer than 1 MiB");
	}
	*text = buf_steal(&b, len);
	buf_release(&b);
	return *text ? 0 : err_nomem(err);
}

static int parse_words(const struct options *o, struct editor_options *eo, bool *only,
	struct err *err)
{
	const char *bad;

	if (!o->deidentify)
		return 0;
	eo->deidentify = true;
	if (!deid_parse_options(o->deidentify, &eo->keep, only, &bad))
		return err_set(err, -EINVAL, "deidentify=: there is no '%.*s'",
			(int)strcspn(bad, ":"), bad);
	return 0;
}

int editing_check(const struct options *o, struct err *err)
{
	struct editor_options eo = { 0 };
	bool only;

	if (o->key && !o->edit && !o->deidentify)
		return err_set(err, -EINVAL, "key=: goes with edit= or deidentify");
	return parse_words(o, &eo, &only, err);
}

int editing_new(const struct options *o, struct editor **out, bool *only, struct err *err)
{
	struct editor_options eo = { 0 };
	char *rules = NULL, *key = NULL;
	size_t len;
	int rc;

	*out = NULL;
	*only = false;
	if (!o->edit && !o->deidentify)
		return 0;
	rc = parse_words(o, &eo, only, err);
	if (rc == 0 && o->edit)
		rc = read_file(o->edit, &rules, &len, err);
	if (rc == 0 && o->key)
		rc = read_file(o->key, &key, &eo.key_len, err);
	if (rc == 0 && key && !eo.key_len)
		rc = err_set(err, -EINVAL, "%s: empty", o->key);
	eo.rules = rules;
	eo.key = key;
	if (rc == 0) {
		rc = editor_new(&eo, out, err);
		if (rc < 0 && o->edit)
			err_wrap(err, "%s", o->edit);
	}
	mem_free(rules);
	mem_free(key);
	return rc;
}
