/* SPDX-License-Identifier: MIT */
/*
 * The DICOM JSON model of a data set (PS3.18 Annex F): valid for strict parsers,
 * UTF-8, one element a line. File meta information and group lengths are no part of it.
 */
#ifndef TEXT_JSON_H
#define TEXT_JSON_H

#include <stddef.h>

struct buf;
struct dcm_header;
struct err;

/* Binary values of up to JSON_INLINE_BYTES are InlineBinary; longer ones, and fragments, are
 * `"BulkDataURI": "<bulk_uri>#OFFSET,LENGTH"`, bytes of the file that bulk_uri (percent-encoded)
 * leads to. */
#define JSON_INLINE_BYTES 4096u
int json_render(const struct dcm_header *h, const char *bulk_uri, struct buf *out, struct err *err);

/* A JSON string with its quotes: len bytes of UTF-8, ill-formed ones U+FFFD. The only one of the
 * tree. */
void json_add_string(struct buf *out, const char *s, size_t len);

#endif
