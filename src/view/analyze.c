/* SPDX-License-Identifier: MIT */
/* analyze/: each volume as an Analyze 7.5 pair, and a README.txt that tells what such a pair has
 * lost. */
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "format/analyze.h"
#include "view/volumes.h"

static int list(const struct view_node *n, struct view_out *out, struct err *err)
{
	struct view_key readme = { .kind = TREE_ROOT_FILE };
	int rc = volumes_list(n, &format_analyze, out, err);

	if (rc == 0 && node_key(n)->kind == TREE_ROOT)
		rc = tree_emit(out, VIEW_FILE, "README", ".txt", &readme,
			(int64_t)strlen(analyze_readme), 0, 0, err);
	return rc;
}

static int render_readme(const struct view_node *n, struct buf *out, struct err *err)
{
	(void)n;
	buf_adds(out, analyze_readme);
	return buf_error(out) < 0 ? err_nomem(err) : 0;
}

static int open_file(const struct view_node *n, struct content **out, struct err *err)
{
	if (node_key(n)->kind == TREE_ROOT_FILE)
		return tree_open_text(n, render_readme, out, err);
	return volumes_open(n, &format_analyze, out, err);
}

const struct view view_analyze = {
	.name = "analyze",
	.summary = "VOLUME.hdr, VOLUME.img: each volume as Analyze 7.5; README.txt says what that "
		   "loses",
	.list = list,
	.open = open_file,
};
