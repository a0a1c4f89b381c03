/* SPDX-License-Identifier: MIT */
/* The rules of format/edit.h: parsed, found for an element, and their values encoded. Private to
 * format/. */
#ifndef FORMAT_EDIT_RULES_H
#define FORMAT_EDIT_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "dicom/attrpath.h"
#include "dicom/dataset.h"

struct err;

#define EDIT_MAX_RULES 256u

enum edit_verb { EDIT_SET, EDIT_DELETE, EDIT_REPLACE };
enum edit_what {
	EDIT_TAG,  /* tag & mask, at any level; EDIT_SET: at the top */
	EDIT_PATH, /* in items */
	EDIT_PRIVATE,
	EDIT_VR,
};

struct edit_rule {
	enum edit_verb verb;
	enum edit_what what;
	uint32_t tag, mask;
	uint16_t vr; /* of the tag, or EDIT_VR's */
	struct attrpath path;
	const char *value; /* text; NULL: EDIT_DELETE */
};

struct edit_rules {
	struct edit_rule rules[EDIT_MAX_RULES];
	size_t n;
	bool beyond_ascii; /* a value has characters beyond ASCII: files become UTF-8 */
	struct arena arena;
};

int edit_rules_parse(const char *text, struct edit_rules *out, struct err *err);
void edit_rules_release(struct edit_rules *r);
/* The last rule that is for this element; NULL: none. */
const struct edit_rule *edit_rules_find(const struct edit_rules *r, const struct dcm_dataset *ds,
	const struct dcm_node *n);
/* An empty element where a rule sets one in an item, and the sequences and items to it, as far
 * as they are absent: "[2]" makes two items, "[*]" none. */
int edit_rules_make_room(const struct edit_rules *r, struct dcm_header *h, struct err *err);
/* Does the rule add its element at the top level where it is absent? */
bool edit_rule_adds(const struct edit_rule *r);
/* The value as an element of this VR has it, little-endian, in the arena; NULL: it cannot have it. */
const char *edit_rule_value(const struct edit_rule *r, uint16_t vr, struct arena *a, size_t *len);

#endif
