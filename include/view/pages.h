/* SPDX-License-Identifier: MIT */
/* The pages of png/: HTML that a browser shows from the mount as it is (file://), without
 * scripts and without anything from elsewhere. Private to view/. */
#ifndef VIEW_PAGES_H
#define VIEW_PAGES_H

#include "view/tree.h"

struct buf;

/* png/index.html: patients and their studies. */
int pages_index(const struct view_node *n, struct buf *out, struct err *err);
/* png/PATIENT/STUDY/index.html: a card for each volume, its sheet and where else it is. The
 * node's key has the study. */
int pages_study(const struct view_node *n, struct buf *out, struct err *err);
/* The same of a folder of a layout, and links to the folders in it. */
int pages_folder(const struct view_node *n, struct buf *out, struct err *err);

#endif
