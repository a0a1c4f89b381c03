/* SPDX-License-Identifier: MIT */
/*
 * The first bytes of an element: tag, VR, length (PS3.5 §7.1), as they are, with no
 * judgement but what form they have. Shared by what opens files and what walks them.
 */
#ifndef DICOM_HEAD_H
#define DICOM_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "dicom/dict.h"
#include "dicom/reader.h"

#define TAG_ITEM DCM_TAG(0xFFFE, 0xE000)
#define TAG_ITEM_END DCM_TAG(0xFFFE, 0xE00D)
#define TAG_SEQ_END DCM_TAG(0xFFFE, 0xE0DD)
#define LENGTH_UNDEFINED 0xFFFFFFFFu

enum head_form { HEAD_IMPLICIT, HEAD_SHORT, HEAD_LONG };

struct head {
	uint32_t tag;
	uint16_t vr;   /* DCM_VR_NONE where implicit */
	uint16_t size; /* bytes before the value: 8 or 12 */
	uint32_t len;  /* as written */
};

static inline uint16_t head_u16(const uint8_t *p, bool big_endian)
{
	return big_endian ? get_be16(p) : get_le16(p);
}

static inline uint32_t head_u32(const uint8_t *p, bool big_endian)
{
	return big_endian ? get_be32(p) : get_le32(p);
}

static inline uint32_t head_tag(const uint8_t *p, bool big_endian)
{
	return DCM_TAG(head_u16(p, big_endian), head_u16(p + 2, big_endian));
}

/* Read a head of this form from n >= 8 bytes; a long form that is cut has length 0. */
void head_read_as(const uint8_t *p, size_t n, enum head_form form, bool big_endian, struct head *h);
/* Read an explicit head whose VR is known. False: it is not, and h is not touched. */
bool head_read_explicit(const uint8_t *p, size_t n, bool big_endian, struct head *h);

/* Does n >= 8 bytes look like an element with a known explicit VR that fits into `room`
 * bytes (an undefined length where one may be)? */
bool head_looks_explicit(const uint8_t *p, size_t n, uint64_t room, bool big_endian);
/* Could these 8 bytes be an implicit element that fits into `room` bytes? */
bool head_looks_implicit(const uint8_t *p, uint64_t room, bool big_endian);

#endif
