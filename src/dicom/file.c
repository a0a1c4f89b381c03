/* SPDX-License-Identifier: MIT */
/*
 * What a source is: Part 10 or a bare data set, and how that is encoded
 * (PS3.10 §7, and what real files do instead).
 *
 *   128 bytes, "DICM", meta information   the standard's
 *   "DICM", meta information              the preamble was cut off
 *   (0002,xxxx) at once                   the magic too
 *   (0008,xxxx) at once                   a bare data set, as old archives hold
 *
 * The transfer syntax is a hint: gateways decode a data set and leave the old
 * syntax in the meta information. What the first element shows wins where it
 * shows it without doubt.
 */
#include <errno.h>
#include <stdio.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "dicom/reader.h"
#include "dicom/source.h"
#include "dicom/tags.h"
#include "head.h"

#define TS_ROOT "1.2.840.10008.1.2"
#define TS_PMSCT_RLE1 "1.3.46.670589.33.1.4.1"
#define TS_GE_BIG_PIXELS "1.2.840.113619.5.2"

/* Up to n bytes at off: in the head where that holds them, else read to tmp. */
static const uint8_t *peek(struct dcm_file *f, uint64_t off, size_t n, void *tmp, size_t *got)
{
	int64_t rc;

	if (off < f->head_off + f->head_len && off >= f->head_off &&
		n <= f->head_len - (size_t)(off - f->head_off)) {
		*got = n;
		return f->head + (off - f->head_off);
	}
	rc = dcm_source_pread(f->source, tmp, n, off, NULL);
	*got = rc < 0 ? 0 : (size_t)rc;
	return tmp;
}

static int load_head(struct dcm_file *f, uint64_t off, struct err *err)
{
	int64_t got = dcm_source_pread(f->source, f->head, DCM_WINDOW, off, err);

	if (got < 0)
		return (int)got;
	f->head_off = off;
	f->head_len = (size_t)got;
	return 0;
}

/* Three elements in a row (fewer only at the end of the file) whose tags rise and lengths fit. */
static bool is_chain(struct dcm_file *f, uint64_t off, struct dcm_encoding enc)
{
	uint8_t tmp[12];
	const uint8_t *p;
	struct head h;
	uint32_t last = 0;
	size_t n, i;

	for (i = 0; i < 3 && off < f->source->size; i++) {
		p = peek(f, off, sizeof tmp, tmp, &n);
		if (n < 8)
			return false;
		if (enc.explicit_vr ?
				!head_looks_explicit(p, n, f->source->size - off, enc.big_endian) :
				!head_looks_implicit(p, f->source->size - off, enc.big_endian))
			return false;
		if (enc.explicit_vr)
			head_read_explicit(p, n, enc.big_endian, &h);
		else
			head_read_as(p, n, HEAD_IMPLICIT, enc.big_endian, &h);
		if ((i > 0 && h.tag <= last) || DCM_TAG_GROUP(h.tag) >= 0xFFFE)
			return false;
		if (h.len == LENGTH_UNDEFINED)
			return i > 0;
		last = h.tag;
		off += h.size + (uint64_t)h.len;
	}
	return i > 0;
}

/* The encoding that the element at off shows without doubt; false: none. */
static bool sniff(struct dcm_file *f, uint64_t off, struct dcm_encoding *enc)
{
	uint8_t tmp[12];
	size_t n;
	const uint8_t *p = peek(f, off, sizeof tmp, tmp, &n);
	uint64_t room = f->source->size - off;

	if (n < 8)
		return false;
	enc->big_endian = p[0] == 0x00 && p[1] != 0x00;
	enc->explicit_vr = head_looks_explicit(p, n, room, enc->big_endian);
	if (enc->explicit_vr)
		return true;
	return !dcm_vr_known(DCM_VR(p[4], p[5])) && head_looks_implicit(p, room, enc->big_endian);
}

/* A data set without anything before it. */
static bool is_bare(struct dcm_file *f)
{
	const uint8_t *p = f->head;
	uint16_t group;

	if (f->head_len < 8 || !sniff(f, 0, &f->encoding))
		return false;
	group = head_u16(p, f->encoding.big_endian);
	if (group > 0x0010 || group == 0x0002)
		return false;
	if (group == 0x0008 && f->encoding.explicit_vr)
		return true;
	return is_chain(f, 0, f->encoding);
}

static bool is_bare_meta(const struct dcm_file *f)
{
	return f->head_len >= 8 && get_le16(f->head) == 0x0002 && f->head[4] >= 'A' &&
		f->head[4] <= 'Z' && f->head[5] >= 'A' && f->head[5] <= 'Z';
}

/* Where the meta information begins, or the data set where there is none. */
static bool find_start(struct dcm_file *f)
{
	if (f->head_len >= 132 && memcmp(f->head + 128, "DICM", 4) == 0) {
		f->meta_off = 132;
		return true;
	}
	if (f->head_len >= 8 && memcmp(f->head, "DICM", 4) == 0) {
		f->meta_off = 4;
		return true;
	}
	f->meta_off = 0;
	return is_bare_meta(f) || is_bare(f);
}

static void take_syntax(struct dcm_file *f, uint64_t off, size_t len)
{
	uint8_t tmp[sizeof f->transfer_syntax - 1];
	const uint8_t *p = peek(f, off, min_size(len, sizeof tmp), tmp, &len);

	while (len && (p[len - 1] == '\0' || p[len - 1] == ' '))
		len--;
	while (len && *p == ' ') {
		p++;
		len--;
	}
	memcpy(f->transfer_syntax, p, len);
	f->transfer_syntax[len] = '\0';
}

/* Walk group 0002, whatever its group length says; leaves dataset_off behind it. */
static void walk_meta(struct dcm_file *f)
{
	uint64_t off = f->meta_off, size = f->source->size;
	uint8_t tmp[12];
	const uint8_t *p;
	struct head h;
	size_t n;

	for (f->dataset_off = off; off < size; f->dataset_off = off) {
		p = peek(f, off, sizeof tmp, tmp, &n);
		if (n < 8 || get_le16(p) != 0x0002)
			return;
		if (!head_read_explicit(p, n, false, &h))
			head_read_as(p, n, HEAD_IMPLICIT, false, &h);
		if (h.len > size - off - h.size)
			return;
		off += h.size;
		if (h.tag == DCM_TransferSyntaxUID)
			take_syntax(f, off, h.len);
		off += h.len;
	}
}

static bool is_syntax(const struct dcm_file *f, const char *rest)
{
	size_t root = sizeof TS_ROOT - 1;

	return strncmp(f->transfer_syntax, TS_ROOT, root) == 0 &&
		strcmp(f->transfer_syntax + root, rest) == 0;
}

/* Deflated data sets: explicit, and two JPIP ones. */
static bool is_deflated_syntax(const struct dcm_file *f)
{
	return is_syntax(f, ".1.99") || is_syntax(f, ".4.95") || is_syntax(f, ".4.205");
}

static bool is_implicit_syntax(const struct dcm_file *f)
{
	return is_syntax(f, "") || strcmp(f->transfer_syntax, "1.2.840.10008.1.20") == 0 ||
		strcmp(f->transfer_syntax, TS_GE_BIG_PIXELS) == 0;
}

/* The data set is said to be deflated: replace the source, unless it plainly is not. */
static int inflate_dataset(struct dcm_file *f, struct err *err)
{
	struct dcm_encoding enc;
	struct dcm_source *inflated;
	int rc;

	if (sniff(f, f->dataset_off, &enc) && is_chain(f, f->dataset_off, enc))
		return 0;
	rc = dcm_source_inflate(f->source, f->dataset_off, &inflated, err);
	f->source = rc < 0 ? NULL : inflated;
	f->deflated = rc == 0;
	return rc < 0 ? rc : load_head(f, f->head_off, err);
}

/* The encoding: what the transfer syntax says, or what the first element shows. */
static void find_encoding(struct dcm_file *f)
{
	struct dcm_encoding seen;
	struct dcm_encoding said = { !is_implicit_syntax(f), is_syntax(f, ".2") };

	if (!f->transfer_syntax[0])
		said.explicit_vr = false;
	f->encoding = said;
	if (sniff(f, f->dataset_off, &seen) &&
		(seen.explicit_vr || is_chain(f, f->dataset_off, seen)))
		f->encoding = seen;
}

static int open_found(struct dcm_file *f, struct err *err)
{
	int rc;

	walk_meta(f);
	if (f->dataset_off >= f->source->size && f->dataset_off == f->meta_off)
		return err_set(err, -EBADMSG, "the file ends behind \"DICM\"");
	if (is_deflated_syntax(f) && f->dataset_off < f->source->size) {
		rc = inflate_dataset(f, err);
		if (rc < 0)
			return rc;
	}
	find_encoding(f);
	f->pixels_big_endian = strcmp(f->transfer_syntax, TS_GE_BIG_PIXELS) == 0;
	f->pixels_private = strcmp(f->transfer_syntax, TS_PMSCT_RLE1) == 0;
	return 0;
}

int dcm_file_open(struct dcm_source *source, struct dcm_file *out, struct err *err)
{
	int rc;

	memset(out, 0, sizeof *out);
	out->source = source;
	out->head = mem_alloc(DCM_WINDOW);
	rc = out->head ? load_head(out, 0, err) : err_nomem(err);
	if (rc == 0)
		rc = find_start(out) ? open_found(out, err) : err_set(err, -EPROTO, "not DICOM");
	if (rc < 0)
		dcm_file_close(out);
	return rc;
}

bool dcm_file_is_native(const struct dcm_file *f)
{
	return !f->transfer_syntax[0] || is_implicit_syntax(f) || is_syntax(f, ".1") ||
		is_syntax(f, ".2") || is_syntax(f, ".1.99");
}

bool dcm_file_is_pixels(const struct dcm_file *f, const struct dcm_elem *el)
{
	if (el->depth != 0)
		return false;
	if (f->pixels_private &&
		(el->tag == DCM_TAG(0x07A1, 0x100A) || el->tag == DCM_TAG(0x07A1, 0x1011)))
		return el->len > 0;
	return el->tag == DCM_PixelData || el->tag == DCM_FloatPixelData ||
		el->tag == DCM_DoubleFloatPixelData;
}

void dcm_file_close(struct dcm_file *f)
{
	dcm_source_close(f->source);
	mem_free(f->head);
	f->source = NULL;
	f->head = NULL;
	f->head_len = 0;
}
