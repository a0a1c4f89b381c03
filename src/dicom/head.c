/* SPDX-License-Identifier: MIT */
/* The first bytes of an element: see head.h. */
#include "head.h"

void head_read_as(const uint8_t *p, size_t n, enum head_form form, bool big_endian, struct head *h)
{
	h->tag = head_tag(p, big_endian);
	h->vr = DCM_VR_NONE;
	if (form != HEAD_IMPLICIT)
		h->vr = DCM_VR(p[4], p[5]);
	h->size = 8;
	if (form == HEAD_IMPLICIT) {
		h->len = head_u32(p + 4, big_endian);
	} else if (form == HEAD_SHORT) {
		h->len = head_u16(p + 6, big_endian);
	} else {
		h->len = n < 12 ? 0 : head_u32(p + 8, big_endian);
		h->size = (uint16_t)(n < 12 ? n : 12);
	}
}

bool head_read_explicit(const uint8_t *p, size_t n, bool big_endian, struct head *h)
{
	uint16_t vr = DCM_VR(p[4], p[5]);

	if (!dcm_vr_known(vr))
		return false;
	head_read_as(p, n, dcm_vr_long_form(vr) ? HEAD_LONG : HEAD_SHORT, big_endian, h);
	return true;
}

bool head_looks_explicit(const uint8_t *p, size_t n, uint64_t room, bool big_endian)
{
	struct head h;

	if (!head_read_explicit(p, n, big_endian, &h))
		return false;
	if (h.len == LENGTH_UNDEFINED && h.size == 12)
		return h.vr == DCM_VR_SQ || h.vr == DCM_VR_UN || h.vr == DCM_VR_OB ||
			h.vr == DCM_VR_OW;
	return h.size <= room && h.len <= room - h.size;
}

bool head_looks_implicit(const uint8_t *p, uint64_t room, bool big_endian)
{
	uint32_t len = head_u32(p + 4, big_endian);

	return room >= 8 && (len <= room - 8 || len == LENGTH_UNDEFINED);
}
