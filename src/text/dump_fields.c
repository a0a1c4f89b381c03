/* SPDX-License-Identifier: MIT */
/*
 * What makers pack into one element, a line a field. A field's path is
 * `(gggg,eeee){Field.key}`, its name `Keyword.Field.key`.
 */
#include <string.h>

#include "base/err.h"
#include "dump_lines.h"
#include "vendor/packed.h"

/* One element's fields while they are shown. */
struct fields {
	struct dumper *d;
	uint32_t tag;
	const char *keyword; /* of the element */
};

static int show(void *arg, const struct packed_field *p, struct err *err)
{
	const struct fields *f = arg;
	struct buf *path = &f->d->field;
	struct dump_parts parts = { .tag = f->tag,
		.vr = p->vr,
		.keyword = f->keyword,
		.keyword_len = strlen(f->keyword) };

	buf_reset(path);
	buf_adds(path, p->field);
	if (*p->field && p->key_len)
		buf_addc(path, '.');
	buf_add(path, p->key, p->key_len);
	if (buf_error(path))
		return err_nomem(err);
	parts.field = path->data;
	parts.field_len = path->len;
	dump_value_shown(f->d, p->value, p->value_len, &parts.value);
	return dump_emit(f->d, &parts, err);
}

int dump_fields(struct dumper *d, const struct dcm_node *n, const char *keyword, struct err *err)
{
	struct fields f = { d, n->el.tag, keyword };
	int rc = vendor_each_packed(d->h, n, &d->scratch, show, &f, err);

	arena_release(&d->scratch);
	return rc;
}
