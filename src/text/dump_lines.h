/* SPDX-License-Identifier: MIT */
/* The lines of a dump, one by one: what dump.c makes and who wants them takes. */
#ifndef TEXT_DUMP_LINES_H
#define TEXT_DUMP_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "dicom/dataset.h"

/* Borrowed, until the function it is given to returns: "PATH VR NAME = VALUE  # NOTE\n". */
struct dump_line {
	const char *text;
	size_t len;
	size_t head_len;   /* PATH VR NAME */
	const char *value; /* in text; value_len 0 for an empty element */
	size_t value_len;
	uint16_t vr;
};

struct dump_sink {
	int (*line)(struct dump_sink *s, const struct dump_line *l, struct err *err);
};

/* All lines of a header in order, the problems aside: appended to out, and told to the sink. Either
 * may be NULL. */
int dump_lines(const struct dcm_header *h, struct buf *out, struct dump_sink *sink,
	struct err *err);

struct dump_series;
struct dump_sink *dump_series_begin(
	struct dump_series *s); /* the next instance: its lines go there */

/* A value as text. Points into the node or into the dumper's text. */
struct dump_value {
	const char *text;
	size_t len;
	bool damaged; /* U+FFFD stands for what could not be decoded */
};

/* A dump in progress. */
struct dumper {
	const struct dcm_header *h;
	struct dump_sink *sink; /* NULL: nobody else wants them */
	struct buf
		*out; /* where lines are made, one behind the other; NULL: in `line`, anew each */
	struct buf path, name; /* of the item that is walked: "(…)[1].", "Seq[1]." */
	struct buf line;
	struct buf raw, text; /* a value while it is made */
	struct buf note, field;
	struct arena scratch;     /* of one element's fields */
	const char *creator;      /* of the private element before: what is known of it stays */
	struct buf creator_shown; /* "[…]" */
	const struct dict_creator *creator_dict;
	size_t dict_hint; /* where the public element before was found */
};

/* What a line is made of, but for where it is: the dumper knows that. */
struct dump_parts {
	uint32_t tag;
	uint16_t vr;
	const char *creator; /* "[…]" */
	size_t creator_len;  /* 0: not private */
	const char *keyword;
	size_t keyword_len;
	const char *field; /* of a maker's structure in the element; NULL: the element itself */
	size_t field_len;
	struct dump_value value;
	const char *note; /* NULL: none */
	size_t note_len;
};

int dump_emit(struct dumper *d, const struct dump_parts *p, struct err *err);

int dump_value(struct dumper *d, const struct dcm_dataset *ds, const struct dcm_node *n,
	struct dump_value *out, struct err *err);
/* Append text that is UTF-8 already, blanks at the ends trimmed, control characters as pictures. */
void dump_add_shown(struct buf *out, const char *s, size_t len);
/* Text without a character set of its own, as a value. */
void dump_value_shown(struct dumper *d, const char *s, size_t len, struct dump_value *out);

/* The lines of what a maker packed into n, if it did; keyword is n's. */
int dump_fields(struct dumper *d, const struct dcm_node *n, const char *keyword, struct err *err);

#endif
