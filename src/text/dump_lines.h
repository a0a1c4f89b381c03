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

/* Borrowed, until the function it is given to returns. */
struct dump_line {
	const char *head;            /* "PATH VR NAME" */
	size_t head_len;
	const char *value;           /* "" for an empty element */
	size_t value_len;
	const char *note;            /* NULL: none */
	size_t note_len;
	uint16_t vr;
};

struct dump_sink {
	int (*line)(struct dump_sink *s, const struct dump_line *l, struct err *err);
};

/* All lines of a header in order, the problems aside. */
int dump_lines(const struct dcm_header *h, struct dump_sink *sink, struct err *err);

/* A dump in progress: one an element's value, its place and buffers. */
struct dumper {
	const struct dcm_header *h;
	struct dump_sink *sink;
	struct buf path, name;       /* of the item that is walked: "(…)[1].", "Seq[1]." */
	struct buf head;             /* of the line */
	struct buf raw, text;        /* a value while it is made */
	struct buf note;
	struct arena scratch;        /* of one element's fields */
};

/* A value as text. Points into the node or into d->text. */
struct dump_value {
	const char *text;
	size_t len;
	bool damaged;                /* U+FFFD stands for what could not be decoded */
};

int dump_value(struct dumper *d, const struct dcm_dataset *ds, const struct dcm_node *n,
	struct dump_value *out, struct err *err);
/* Append text that is UTF-8 already, blanks at the ends trimmed, control characters as pictures. */
void dump_add_shown(struct buf *out, const char *s, size_t len);
/* Text without a character set of its own, as a value. */
void dump_value_shown(struct dumper *d, const char *s, size_t len, struct dump_value *out);

/* The lines of what a maker packed into n, if it did; d->path and d->name are those of n's data set. */
int dump_fields(struct dumper *d, const struct dcm_node *n, struct err *err);

/* One line; head is complete but for VR and NAME: path is "(0029,1010){x}", name "A.x". */
int dump_line_of(struct dumper *d, const char *note, size_t note_len, uint16_t vr,
	const struct dump_value *v, struct err *err);

#endif
