/* SPDX-License-Identifier: MIT */
/* Extended attributes user.dicom.KEYWORD of an instance: its header's values, without parsing.
 * Private to view/. */
#ifndef VIEW_XATTR_H
#define VIEW_XATTR_H

#include "view/snapshot.h"

struct buf;
struct err;

#define XATTR_PREFIX "user.dicom."

/* Each name with its NUL: the top-level attributes that have a keyword and a value. */
int xattr_list_instance(struct files *files, const struct instance *in, struct buf *names,
	struct err *err);
/* Nested paths work too: user.dicom.Seq[1].Keyword. -ENODATA: there is none. */
int xattr_get_instance(struct files *files, const struct instance *in, const char *name,
	struct buf *value, struct err *err);

#endif
