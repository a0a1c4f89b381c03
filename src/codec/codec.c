/* SPDX-License-Identifier: MIT */
/* The table of codecs, by transfer syntax: see codec/codec.h. */
#include "codec/codec.h"

#include <string.h>

static const struct codec *const codecs[] = {
	&codec_raw,
	&codec_deflate,
	&codec_rle,
	&codec_jpeg,
	&codec_jpeg12,
	&codec_jpeg_lossless,
	&codec_jpegls,
	&codec_j2k,
#ifdef DCMFS_JXL
	&codec_jxl,
#endif
	&codec_pmsct_rle1,
	NULL,
};

const struct codec *const *codec_all(void)
{
	return codecs;
}

const struct codec *codec_find(const char *transfer_syntax)
{
	const char *const *uid;
	size_t i;

	for (i = 0; codecs[i]; i++)
		for (uid = codecs[i]->syntaxes; *uid; uid++)
			if (strcmp(*uid, transfer_syntax) == 0)
				return codecs[i];
	return NULL;
}
