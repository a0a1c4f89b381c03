/* SPDX-License-Identifier: MIT */
/* The table of views, from views.def. */
#include <string.h>

#include "base/buf.h"
#include "view/world.h"

#define VIEW(name) extern const struct view view_##name;
#include "view/views.def"
#undef VIEW

static const struct view *const table[] = {
#define VIEW(name) &view_##name,
#include "view/views.def"
#undef VIEW
	NULL,
};

const struct view *const *views_all(void)
{
	return table;
}

const struct view *view_find(const char *name)
{
	const struct view *const *v;

	for (v = table; *v; v++)
		if (strcmp((*v)->name, name) == 0)
			return *v;
	return NULL;
}

void views_readme(const struct view *const *shown, const char *layout, struct buf *out)
{
	const char *folder = layout ? "FOLDER" : "PATIENT/STUDY";
	const struct view *const *v;

	buf_adds(out,
		"This is a folder of DICOM files, shown read-only as what they are usually "
		"converted to.\n"
		"Nothing was converted: each file is made when it is read, and takes no room on "
		"the disk.\n\n"
		"What each folder holds, ");
	if (layout)
		buf_addf(out, "laid out as %s:\n\n", layout);
	else
		buf_addf(out, "below %s:\n\n", folder);
	for (v = shown; *v; v++)
		buf_addf(out, "  %-10s %s\n", (*v)->name, (*v)->summary);
	buf_addf(out,
		"\nA name is the same in every folder: swap the first part of a path to get from "
		"an image to\n"
		"its header.\n\nExamples:\n\n"
		"  python3 -c 'import nibabel, sys; print(nibabel.load(sys.argv[1]))' "
		"nii/%s/VOLUME.nii\n"
		"  grep -rl '(0008,0060) CS Modality = CT' headers\n"
		"  cat .dcmfs/problems.tsv       what could not be read, and why\n",
		folder);
}
