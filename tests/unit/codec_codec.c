/* SPDX-License-Identifier: MIT */
/* The table of codecs. */
#include <criterion/criterion.h>

#include <string.h>

#include "codec/codec.h"

Test(codec_codec, each_syntax_has_its_decoder)
{
	cr_assert_eq(codec_find("1.2.840.10008.1.2.1.98"), &codec_raw);
	cr_assert_eq(codec_find("1.2.840.10008.1.2.5"), &codec_rle);
	cr_assert_eq(codec_find("1.2.840.10008.1.2.4.50"), &codec_jpeg);
	cr_assert_eq(codec_find("1.2.840.10008.1.2.4.51"), &codec_jpeg12);
	cr_assert_eq(codec_find("1.2.840.10008.1.2.4.66"), &codec_jpeg);
	cr_assert_eq(codec_find("1.2.840.10008.1.2.4.70"), &codec_jpeg_lossless);
	cr_assert_eq(codec_find("1.2.840.10008.1.2.4.81"), &codec_jpegls);
	cr_assert_eq(codec_find("1.2.840.10008.1.2.4.203"), &codec_j2k);
	cr_assert_eq(codec_find("1.2.840.10008.1.2.8.1"), &codec_deflate);
	cr_assert_eq(codec_find("1.3.46.670589.33.1.4.1"), &codec_pmsct_rle1);
}

Test(codec_codec, native_and_video_syntaxes_have_none)
{
	cr_assert_null(codec_find("1.2.840.10008.1.2"));
	cr_assert_null(codec_find("1.2.840.10008.1.2.1"));
	cr_assert_null(codec_find("1.2.840.10008.1.2.4.102"));
	cr_assert_null(codec_find("1.2.840.10008.1.2.4.5"));
	cr_assert_null(codec_find(""));
}

Test(codec_codec, no_syntax_is_in_the_table_twice)
{
	const struct codec *const *c;
	const char *const *uid;

	for (c = codec_all(); *c; c++)
		for (uid = (*c)->syntaxes; *uid; uid++)
			cr_assert_eq(codec_find(*uid), *c, "%s", *uid);
}
