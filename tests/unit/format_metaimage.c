/* SPDX-License-Identifier: MIT */
/* MetaImage and NRRD: their headers are texts, so a test is what they are to say. */
#include <criterion/criterion.h>

#include <string.h>

#include "base/buf.h"
#include "format/metaimage.h"
#include "format/nrrd.h"
#include "volume/volume.h"

static struct volume some(void)
{
	struct volume v = {
		.dim = { 4, 5, 6, 1 },
		.type = SAMPLE_I16,
		.scl_slope = 1,
		.pixdim = { -1, 3, 2, 4, 0 },
		.sform_code = 1,
		.srow = { { -3, 0, 0, 90 }, { 0, 2, 0, -80.5f }, { 0, 0, 4, 70 } },
	};

	return v;
}

typedef int (*render)(const struct volume *v, struct buf *out, struct err *err);

static void expect(render make, const struct volume *v, const char *want)
{
	struct buf b;

	buf_init(&b);
	cr_assert_eq(make(v, &b, NULL), 0);
	buf_addc(&b, '\0');
	cr_expect_str_eq(b.data, want);
	buf_release(&b);
}

static void expect_line(render make, const struct volume *v, const char *want)
{
	struct buf b;

	buf_init(&b);
	cr_assert_eq(make(v, &b, NULL), 0);
	buf_addc(&b, '\0');
	cr_expect_not_null(strstr(b.data, want), "no %s in\n%s", want, b.data);
	buf_release(&b);
}

Test(format_metaimage, a_volume_lies_in_itk_s_space)
{
	struct volume v = some();

	expect(metaimage_header, &v,
		"ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\n"
		"CompressedData = False\nTransformMatrix = 1 0 0 0 -1 0 0 0 1\nOffset = -90 80.5 "
		"70\n"
		"CenterOfRotation = 0 0 0\nAnatomicalOrientation = RPI\nElementSpacing = 3 2 "
		"4\nDimSize = 4 5 6\n"
		"ElementType = MET_SHORT\nElementDataFile = LOCAL\n");
}

Test(format_metaimage, time_is_an_axis_of_its_own)
{
	struct volume v = some();

	v.is_4d = true;
	v.dim[3] = 7;
	v.pixdim[4] = 2.5f;
	expect_line(metaimage_header, &v,
		"\nTransformMatrix = 1 0 0 0 0 -1 0 0 0 0 1 0 0 0 0 1\nOffset = -90 80.5 70 0\n");
	expect_line(metaimage_header, &v, "\nElementSpacing = 3 2 4 2.5\nDimSize = 4 5 6 7\n");
}

Test(format_metaimage, colour_and_scaling_are_told_by_the_type)
{
	struct volume v = some();

	v.type = SAMPLE_RGB24;
	expect_line(metaimage_header, &v,
		"\nElementNumberOfChannels = 3\nElementType = MET_UCHAR\n");
	v.type = SAMPLE_U16;
	expect_line(metaimage_header, &v, "\nElementType = MET_USHORT\n");
	v.scl_inter = -1024;
	expect_line(metaimage_header, &v, "\nElementType = MET_FLOAT\n");
}

Test(format_nrrd, a_volume_lies_in_ras_space)
{
	struct volume v = some();

	expect(nrrd_header, &v,
		"NRRD0005\ntype: int16\ndimension: 3\nspace: right-anterior-superior\nsizes: 4 5 "
		"6\n"
		"space directions: (-3,0,0) (0,2,0) (0,0,4)\nkinds: domain domain domain\nendian: "
		"little\n"
		"encoding: raw\nspace units: \"mm\" \"mm\" \"mm\"\nspace origin: "
		"(90,-80.5,70)\n\n");
}

Test(format_nrrd, colour_is_the_fastest_axis_and_time_the_slowest)
{
	struct volume v = some();

	v.is_4d = true;
	v.dim[3] = 7;
	v.type = SAMPLE_RGB24;
	expect_line(nrrd_header, &v, "type: uint8\ndimension: 5\n");
	expect_line(nrrd_header, &v,
		"sizes: 3 4 5 6 7\nspace directions: none (-3,0,0) (0,2,0) (0,0,4) none\n");
	expect_line(nrrd_header, &v, "kinds: RGB-color domain domain domain list\nencoding");
}

/* .bvec: x as the voxel axis has it where the axes are left-handed, else from its other end. */
Test(format_nrrd, gradients_are_directions_in_space_and_weaker_ones_shorter)
{
	static const double bval[3] = { 0, 1000, 250 };
	static const double bvec[3][3] = { { 0, 0, 0 }, { 1, 0, 0 }, { 0, 0.6, 0.8 } };
	struct volume v = some();

	v.is_4d = true;
	v.dim[3] = 3;
	v.bval = bval;
	v.bvec = bvec;
	expect_line(nrrd_header, &v,
		"\nmeasurement frame: (1,0,0) (0,1,0) "
		"(0,0,1)\nmodality:=DWMRI\nDWMRI_b-value:=1000\n"
		"DWMRI_gradient_0000:=0 0 0\nDWMRI_gradient_0001:=-1 0 0\nDWMRI_gradient_0002:=0 "
		"0.3 0.4\n\n");
	v.srow[0][0] = 3;
	expect_line(nrrd_header, &v, "DWMRI_gradient_0001:=-1 0 0\n");
}
