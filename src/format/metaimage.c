/* SPDX-License-Identifier: MIT */
/* MetaImage headers: lines of `Name = values`; ElementDataFile is the last one. */
#include "format/metaimage.h"

#include "base/buf.h"
#include "base/err.h"
#include "format/space.h"

static const char *type_name(enum sample_type t)
{
	switch (t) {
	case SAMPLE_U8:
	case SAMPLE_RGB24:
		return "MET_UCHAR";
	case SAMPLE_I8:
		return "MET_CHAR";
	case SAMPLE_I16:
		return "MET_SHORT";
	case SAMPLE_U16:
		return "MET_USHORT";
	case SAMPLE_I32:
		return "MET_INT";
	case SAMPLE_U32:
		return "MET_UINT";
	case SAMPLE_I64:
		return "MET_LONG_LONG";
	case SAMPLE_U64:
		return "MET_ULONG_LONG";
	case SAMPLE_F32:
		return "MET_FLOAT";
	case SAMPLE_F64:
		return "MET_DOUBLE";
	}
	return "";
}

/* RAS to LPS. */
static double lps(unsigned i, double v)
{
	return v == 0 ? 0 : i < 2 ? -v : v;
}

static void add_number(struct buf *b, double v)
{
	buf_addc(b, ' ');
	buf_add_f64(b, v);
}

/* The direction of each axis, one after the other; time is an axis of its own. */
static void add_directions(const struct space *s, unsigned n_dims, struct buf *b)
{
	unsigned a, i;

	buf_adds(b, "TransformMatrix =");
	for (a = 0; a < n_dims; a++)
		for (i = 0; i < n_dims; i++)
			add_number(b, a < 3 && i < 3 ? lps(i, s->unit[a][i]) : a == i);
	buf_adds(b, "\nOffset =");
	for (i = 0; i < n_dims; i++)
		add_number(b, i < 3 ? lps(i, s->origin[i]) : 0);
	buf_adds(b, "\nCenterOfRotation =");
	for (i = 0; i < n_dims; i++)
		add_number(b, 0);
	buf_addc(b, '\n');
}

/* Of each axis the side of the body that it comes from. */
static void add_orientation(const struct space *s, struct buf *b)
{
	unsigned a;

	buf_adds(b, "AnatomicalOrientation = ");
	for (a = 0; a < 3; a++)
		buf_addc(b, (s->unit[a][s->world[a]] > 0 ? "LPI" : "RAS")[s->world[a]]);
	buf_addc(b, '\n');
}

static void add_sizes(const struct volume *v, const struct space *s, unsigned n_dims, struct buf *b)
{
	unsigned a;

	buf_adds(b, "ElementSpacing =");
	for (a = 0; a < n_dims; a++)
		add_number(b, a < 3 ? s->step[a] : v->pixdim[4] > 0 ? (double)v->pixdim[4] : 1);
	buf_adds(b, "\nDimSize =");
	for (a = 0; a < n_dims; a++)
		buf_addf(b, " %u", v->dim[a]);
	buf_addc(b, '\n');
}

int metaimage_header(const struct volume *v, struct buf *out, struct err *err)
{
	struct voxel_order o = space_order_applied(v);
	unsigned n_dims = v->is_4d ? 4 : 3;
	struct space s;

	space_of(v, &s);
	buf_addf(out, "ObjectType = Image\nNDims = %u\n", n_dims);
	buf_adds(out,
		"BinaryData = True\nBinaryDataByteOrderMSB = False\nCompressedData = False\n");
	add_directions(&s, n_dims, out);
	add_orientation(&s, out);
	add_sizes(v, &s, n_dims, out);
	if (o.type == SAMPLE_RGB24)
		buf_adds(out, "ElementNumberOfChannels = 3\n");
	buf_addf(out, "ElementType = %s\nElementDataFile = LOCAL\n", type_name(o.type));
	return buf_error(out) ? err_nomem(err) : 0;
}
