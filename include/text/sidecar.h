/* SPDX-License-Identifier: MIT */
/*
 * The JSON sidecar of a volume (BIDS, with dcm2niix's names where that has none). Reads the
 * headers of the first plane and of the second time point's, of PET one a time point; the rest
 * is in the plan.
 */
#ifndef TEXT_SIDECAR_H
#define TEXT_SIDECAR_H

struct buf;
struct err;
struct files;
struct volume;

/* Append the sidecar to out: always valid JSON in UTF-8. -EIO, -ESTALE ... where a header cannot be
 * read. */
int sidecar_render(const struct volume *v, struct files *files, struct buf *out, struct err *err);

#endif
