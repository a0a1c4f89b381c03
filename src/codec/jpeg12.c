/* SPDX-License-Identifier: MIT */
#include "codec/codec.h"

#include <errno.h>

#include "base/err.h"
#include "jpeg_stream.h"

int jpeg12_decode(const struct pixel_desc *desc, struct jpeg_stream *s, uint8_t *out,
	enum photometric *photometric, struct err *err)
{
	(void)desc;
	(void)s;
	(void)out;
	(void)photometric;
	return err_set(err, -ENOTSUP, "JPEG frame of %u bits", s->frame.precision);
}

static const char *const syntaxes[] = { "1.2.840.10008.1.2.4.51", NULL };

const struct codec codec_jpeg12 = { "12-bit JPEG", syntaxes, jpeg_decode_any };
