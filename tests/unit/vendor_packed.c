/* SPDX-License-Identifier: MIT */
/* What is packed into single elements, field by field. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"
#include "dicom/dataset.h"
#include "support/dcmgen.h"
#include "vendor/packed.h"

#define PROTOCOL "### ASCCONV BEGIN ###\na.b = -1.5\nc d = 1\ntName = \"\"x\"\"\nlarge = 0x10\n"

static int add(void *arg, const struct packed_field *f, struct err *err)
{
	struct buf *b = arg;

	(void)err;
	buf_addf(b, "%s/%.*s %c%c=%.*s|", f->field, (int)f->key_len, f->key, f->vr >> 8,
		f->vr & 0xFF, (int)f->value_len, f->value);
	return buf_error(b);
}

static int stop(void *arg, const struct packed_field *f, struct err *err)
{
	(void)f;
	(void)err;
	++*(int *)arg;
	return -EINTR;
}

static struct dcm_header *header_with(struct gen *g, const char *creator, uint32_t tag,
	const char *vr, const char *text)
{
	gen_begin(g, GEN_EXPLICIT);
	gen_put(g, 0x00290010, creator);
	gen_put_vr(g, tag, vr, text);
	return gen_header(g);
}

/* The fields of the one element of a creator. */
static void expect(const char *creator, uint32_t tag, const char *vr, const char *text,
	const char *want)
{
	struct arena a = { 0 };
	struct dcm_header *h;
	struct gen g;
	struct buf b;

	h = header_with(&g, creator, tag, vr, text);
	buf_init(&b);
	cr_assert_eq(vendor_each_packed(h, dcm_get(&h->top, tag), &a, add, &b, NULL), 0);
	buf_addc(&b, '\0');
	cr_assert_str_eq(b.data, want);
	buf_release(&b);
	arena_release(&a);
	dcm_header_free(h);
	gen_release(&g);
}

Test(vendor_packed, a_protocol_is_found_by_creator_and_bytes_in_any_block)
{
	static const char fields[] = "/a.b DS=-1.5|/tName LO=x|/large UL=0x10|";

	expect("SIEMENS CSA HEADER", 0x00291010, "OB", PROTOCOL, fields);
	expect("SIEMENS MR SDS 01", 0x002910F7, "UN", PROTOCOL, fields);
}

Test(vendor_packed, what_is_another_s_or_too_short_or_a_text_has_none)
{
	expect("ACME", 0x00291010, "OB", PROTOCOL, "");
	expect("SIEMENS CSA HEADER", 0x00291010, "LT", PROTOCOL, "");
	expect("SIEMENS CSA HEADER", 0x00291010, "OB", "### ASCCONV", "");
	expect("SIEMENS CSA HEADER", 0x00291010, "OB", "nothing of the kind is here", "");
	expect("GEMS_SERS_01", 0x0029101B, "OB", "this is no compressed text", "");
	expect("GEMS_SERS_01", 0x0029101C, "OB", PROTOCOL, "");
}

Test(vendor_packed, who_takes_them_may_stop)
{
	struct arena a = { 0 };
	struct dcm_header *h;
	struct gen g;
	int n = 0;

	h = header_with(&g, "SIEMENS CSA HEADER", 0x00291010, "OB", PROTOCOL);
	cr_assert_eq(vendor_each_packed(h, dcm_get(&h->top, 0x00291010), &a, stop, &n, NULL),
		-EINTR);
	cr_assert_eq(n, 1);
	arena_release(&a);
	dcm_header_free(h);
	gen_release(&g);
}

Test(vendor_packed, every_allocation_may_fail)
{
	struct dcm_header *h;
	unsigned long k;
	struct gen g;
	int rc = -1;

	h = header_with(&g, "SIEMENS CSA HEADER", 0x00291010, "OB", PROTOCOL);
	for (k = 1; k < 50 && rc < 0; k++) {
		struct arena a = { 0 };
		struct buf b;

		buf_init(&b);
		mem_fail_after(k);
		rc = vendor_each_packed(h, dcm_get(&h->top, 0x00291010), &a, add, &b, NULL);
		mem_fail_after(0);
		cr_assert(rc == 0 || rc == -ENOMEM);
		buf_release(&b);
		arena_release(&a);
	}
	cr_assert_eq(rc, 0);
	cr_assert_gt(k, 2);
	dcm_header_free(h);
	gen_release(&g);
}
