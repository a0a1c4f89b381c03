/* SPDX-License-Identifier: MIT */
/* Headers of JPEG 2000 codestreams: see j2k_header.h. */
#include "j2k_header.h"

#include <errno.h>
#include <stdbool.h>

#include "base/bytes.h"
#include "base/err.h"
#include "codec/pixel.h"

enum {
	PART_2 = 0x8000, /* of Rsiz: frames may be components there */
	SIZ_BYTES = 42,  /* SOC and SIZ up to the components */
	COD = 0xff52,
	COC = 0xff53,
	SOT = 0xff90,
	SOD = 0xff93,
	BOX_JP2C = 0x6a703263,
	BOX_SIGNATURE = 0x6a502020,
	FREE_TILES = 64,
	MIN_TILE_PIXELS = 256, /* on average; OpenJPEG takes some 6 KB for each tile */
	FREE_PACKETS = 65536,
	MIN_PACKET_PIXELS = 16, /* on average; and 10 us for each packet */
};

static bool is_codestream(const uint8_t *p, size_t len)
{
	return len >= SIZ_BYTES && get_be32(p) == 0xff4fff51;
}

/* The codestream in a JP2 file: what the jp2c box holds. */
static void find_in_boxes(const uint8_t **p, size_t *len)
{
	const uint8_t *b = *p, *end = *p + *len;
	uint64_t size;
	size_t head;

	while (end - b >= 8) {
		size = get_be32(b);
		head = 8;
		if (size == 1 && end - b >= 16) {
			size = get_be64(b + 8);
			head = 16;
		}
		if (get_be32(b + 4) == BOX_JP2C) {
			*p = b + head;
			*len = (size_t)(end - b) - head;
			return;
		}
		if (size < head || size > (uint64_t)(end - b))
			return;
		b += size;
	}
}

int j2k_find_codestream(const uint8_t **p, size_t *len, struct err *err)
{
	if (*len >= 8 && get_be32(*p + 4) == BOX_SIGNATURE)
		find_in_boxes(p, len);
	if (!is_codestream(*p, *len))
		return err_set(err, -EBADMSG, "JPEG 2000 frame does not begin with a codestream");
	return 0;
}

/* ---- SIZ ---- */

static uint64_t n_steps(uint64_t first, uint64_t end, uint64_t step)
{
	return step == 0 || end < first ? UINT64_MAX : (end - first + step - 1) / step;
}

static int check_precision(const uint8_t *p, const struct pixel_desc *desc, struct j2k_facts *facts,
	struct err *err)
{
	unsigned bits, c;

	for (c = 0; c < desc->samples; c++) {
		bits = (p[SIZ_BYTES + 3 * c] & 0x7f) + 1u;
		facts->most_bits = bits > facts->most_bits ? bits : facts->most_bits;
		if (bits > 31)
			return err_set(err, -ENOTSUP, "JPEG 2000 frame of %u bits", bits);
		if (bits > 8 * pixel_sample_bytes(desc))
			return err_set(err, -EBADMSG,
				"JPEG 2000 frame of %u bits where %u are "
				"allocated",
				bits, desc->bits_allocated);
	}
	return 0;
}

static int check_siz(const uint8_t *p, size_t len, const struct pixel_desc *desc, uint64_t *n_tiles,
	struct j2k_facts *facts, struct err *err)
{
	uint64_t x1 = get_be32(p + 8), y1 = get_be32(p + 12), x0 = get_be32(p + 16);
	uint64_t y0 = get_be32(p + 20), pixels = (uint64_t)desc->rows * desc->cols, across, down;
	unsigned n_comps = get_be16(p + 40);

	if (get_be16(p + 6) & PART_2 && n_comps != desc->samples)
		return err_set(err, -ENOTSUP, "JPEG 2000 Part 2 with %u components for %u samples",
			n_comps, desc->samples);
	if (x1 != x0 + desc->cols || y1 != y0 + desc->rows || n_comps != desc->samples)
		return err_set(err, -EBADMSG,
			"JPEG 2000 frame of %lldx%lld, %u samples, where the "
			"header has %ux%u, %u",
			(long long)(x1 - x0), (long long)(y1 - y0), n_comps, desc->cols, desc->rows,
			desc->samples);
	if (len < SIZ_BYTES + 3 * (size_t)n_comps)
		return err_set(err, -EBADMSG, "JPEG 2000 frame ends in its header");
	across = n_steps(get_be32(p + 32), x1, get_be32(p + 24));
	down = n_steps(get_be32(p + 36), y1, get_be32(p + 28));
	if (!mul_u64(across, down, n_tiles) || *n_tiles > FREE_TILES + pixels / MIN_TILE_PIXELS)
		return err_set(err, -EBADMSG, "JPEG 2000 frame in too many tiles");
	return check_precision(p, desc, facts, err);
}

/* ---- COD and COC ---- */

/* Precincts of one component, near enough: p is at the number of decompositions, where COD and COC
 * are alike; `sized`: their precincts have sizes, not all of them 2^15. */
static uint64_t n_precincts(const uint8_t *p, const uint8_t *end, bool sized,
	const struct pixel_desc *desc, uint64_t n_tiles)
{
	unsigned levels = p[0], r, pp;
	uint64_t n = 0, w, h;

	if (levels > 32)
		return 0; /* nobody decodes that */
	for (r = 0; r <= levels; r++) {
		w = n_steps(0, desc->cols, 1ull << (levels - r));
		h = n_steps(0, desc->rows, 1ull << (levels - r));
		pp = sized && p + 5 + r < end ? p[5 + r] : 0xff;
		n += n_steps(0, w, 1ull << (pp & 15)) * n_steps(0, h, 1ull << (pp >> 4)) + n_tiles;
	}
	return n;
}

/* The layers that a COD promises, times the precincts of its sizes or those of the last COC. */
struct packet_count {
	uint64_t layers, precincts;
	bool colour_transform; /* of any COD */
	bool is_lossy;
};

static void count_packets(struct packet_count *count, unsigned marker, const uint8_t *p,
	const uint8_t *end, const struct pixel_desc *desc, uint64_t n_tiles)
{
	uint64_t n;

	if ((marker == COD && end - p < 6) || (marker == COC && end - p < 3))
		return;
	n = n_precincts(marker == COD ? p + 5 : p + 2, end, p[marker == COD ? 0 : 1] & 1, desc,
		n_tiles);
	count->precincts = n > count->precincts ? n : count->precincts;
	if (marker == COD && get_be16(p + 2) > count->layers)
		count->layers = get_be16(p + 2);
	if (marker == COD && p[4] == 1)
		count->colour_transform = true;
	if (marker == COD && end - p >= 10 && p[9] == 0)
		count->is_lossy = true;
}

/* Marker segments from p on until SOT (of the main header) or SOD (of a tile-part's): where that
 * marker is, or NULL. */
static const uint8_t *walk_segments(struct packet_count *count, const uint8_t *p,
	const uint8_t *end, const struct pixel_desc *desc, uint64_t n_tiles)
{
	unsigned marker, len;

	while (end - p >= 4) {
		marker = get_be16(p);
		len = get_be16(p + 2);
		if (marker == SOT || marker == SOD)
			return p;
		if (len < 2 || len > end - p - 2)
			return NULL;
		if (marker == COD || marker == COC)
			count_packets(count, marker, p + 4, p + 2 + len, desc, n_tiles);
		p += 2 + len;
	}
	return NULL;
}

/* All headers, the main one and those of the tile-parts. */
static int check_packets(const uint8_t *p, size_t len, const struct pixel_desc *desc,
	uint64_t n_tiles, struct j2k_facts *facts, struct err *err)
{
	uint64_t most = FREE_PACKETS + (uint64_t)desc->rows * desc->cols / MIN_PACKET_PIXELS;
	const uint8_t *end = p + len, *sot;
	struct packet_count count = { 0, 0, false, false };
	uint32_t part;

	for (sot = walk_segments(&count, p + 2, end, desc, n_tiles); sot; sot += part) {
		if (end - sot < 12 || get_be16(sot) != SOT)
			break;
		walk_segments(&count, sot + 12, end, desc, n_tiles);
		part = get_be32(sot + 6);
		if (part < 12 || part > end - sot)
			break;
		/* one byte more: half of EOC, or padding */
		facts->tiles_end = end - sot - part < 2 ? (size_t)(sot - p) + part : 0;
	}
	facts->colour_transform = count.colour_transform;
	facts->is_lossy = count.is_lossy;
	if (count.precincts > most || count.layers * count.precincts * desc->samples > most)
		return err_set(err, -EBADMSG, "JPEG 2000 frame in too many packets");
	return 0;
}

int j2k_check_header(const uint8_t *p, size_t len, const struct pixel_desc *desc,
	struct j2k_facts *facts, struct err *err)
{
	uint64_t n_tiles = 0;
	int rc;

	*facts = (struct j2k_facts){ 0 };
	rc = check_siz(p, len, desc, &n_tiles, facts, err);
	return rc ? rc : check_packets(p, len, desc, n_tiles, facts, err);
}
