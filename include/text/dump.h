/* SPDX-License-Identifier: MIT */
/*
 * Headers as text, for grep: one line an element, `PATH VR NAME = VALUE`, with its whole path, file meta
 * first, makers' own structures below the element that holds them, problems last. A pure function of
 * the file's bytes.
 *
 *	(0008,0016) UI SOPClassUID = 1.2.840.10008.5.1.4.1.1.4  # MR Image Storage
 *	(0008,1032)[1].(0008,0104) LO ProcedureCodeSequence[1].CodeMeaning = MRI Head
 *	(0029,1010){MosaicRefAcqTimes} FD CSAImageHeaderInfo.MosaicRefAcqTimes = 0\1052.5
 */
#ifndef TEXT_DUMP_H
#define TEXT_DUMP_H

#include <stddef.h>

struct buf;
struct dcm_header;
struct err;

struct dump_series;

/* Append the dump of a header that was read with DCM_LOAD_ALL; values that were left in the file
 * are read where they are shown. Into a counting buffer too: then only its length is known. With a
 * series, the instance is added to that at the same time (dump_series_add()); after an error it is
 * of no more use. */
int dump_render(const struct dcm_header *h, struct buf *out,
	struct dump_series *series /* NULL: none */, struct err *err);

/*
 * A series in one text: the lines that all its instances share, and `PATH VR NAME = <K values:
 * least … greatest>` for what varies (numbers by value, else by text; an element that some
 * instances lack varies too). Instances are added one by one; what is kept is a line's first, least
 * and greatest value and a hash of each.
 */
int dump_series_new(struct dump_series **out, struct err *err);
void dump_series_free(struct dump_series *s); /* NULL is fine */
int dump_series_add(struct dump_series *s, const struct dcm_header *h, struct err *err);
size_t dump_series_bytes(const struct dump_series *s); /* of memory, about */
int dump_series_render(const struct dump_series *s, struct buf *out, struct err *err);

#endif
