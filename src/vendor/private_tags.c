/* SPDX-License-Identifier: MIT */
/* The private elements that the index reads: CONVERSION §3.2, §3.4, §3.8, §6.2. */
#include "vendor/private_tags.h"

static const struct private_tag tags[] = {
	/* GE */
	{ "GEMS_ACQU_01", 0x0019, 0x9C, PRIVATE_PEPOLAR },      /* name of the sequence */
	{ "GEMS_ACQU_01", 0x0019, 0x9E, PRIVATE_FIELD_MAP },    /* internal name of the sequence */
	{ "GEMS_ACQU_01", 0x0019, 0xA2, PRIVATE_VOLUME },       /* raw data run */
	{ "GEMS_ACQU_01", 0x0019, 0xB3, PRIVATE_PEPOLAR_MODE }, /* user data 12 */
	/* Siemens */
	{ "SIEMENS MR HEADER", 0x0019, 0x0A, PRIVATE_TILES },
	{ "SIEMENS MR HEADER", 0x0019, 0x0C, PRIVATE_B_VALUE },
	/* GE */
	{ "GEMS_RELA_01", 0x0021, 0x4F, PRIVATE_LOCATIONS },
	{ "GEMS_PARM_01", 0x0043, 0x2F, PRIVATE_IMAGE_PART },
	{ "GEMS_PARM_01", 0x0043, 0x39, PRIVATE_B_VALUE_MOD },
	/* UIH: its own b-value is the true one, the public one is nominal */
	{ "Image Private Header", 0x0065, 0x09, PRIVATE_B_VALUE_FIRST },
	{ "Image Private Header", 0x0065, 0x50, PRIVATE_TILES },
	/* Philips */
	{ "Philips Imaging DD 001", 0x2001, 0x03, PRIVATE_B_VALUE },
	{ "Philips Imaging DD 001", 0x2001, 0x08, PRIVATE_PHASE },
	{ "Philips Imaging DD 001", 0x2001, 0x18, PRIVATE_LOCATIONS },
	{ "Philips MR Imaging DD 001", 0x2005, 0x63, PRIVATE_VOLUME }, /* dynamic scan */
	{ "Philips MR Imaging DD 005", 0x2005, 0x12, PRIVATE_PHASE },  /* b-value index */
	{ "Philips MR Imaging DD 005", 0x2005, 0x13, PRIVATE_VOLUME }, /* gradient */
	{ "Philips MR Imaging DD 005", 0x2005, 0x29, PRIVATE_LABEL },
	{ "Philips MR Imaging DD 006", 0x2005, 0x96,
		PRIVATE_VOLUME_ALONE }, /* gradient, since R5.6 */
};

const struct private_tag *private_tags(size_t *n)
{
	*n = sizeof tags / sizeof *tags;
	return tags;
}
