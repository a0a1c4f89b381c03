/* SPDX-License-Identifier: MIT */
/*
 * The private coding of Philips (Elscint) CT, PMSCT_RLE1, in (07a1,100a) or (07a1,1011).
 *
 * Two stages, done here in one pass. Runs of bytes: a5, n, v is v n + 1 times, any other
 * byte is itself. Differences of 16-bit samples: 5a, low, high is the sample, any other byte
 * is added, signed, to the sample before.
 */
#include "codec/codec.h"

#include <errno.h>

#include "base/bytes.h"
#include "base/err.h"

enum { RUN = 0xa5, ABSOLUTE = 0x5a };

struct run_reader {
	const uint8_t *in, *end;
	unsigned left; /* of the run */
	uint8_t byte;
};

/* The next byte of the first stage, or -1. */
static int next_byte(struct run_reader *r)
{
	if (r->left > 0) {
		r->left--;
		return r->byte;
	}
	if (r->in == r->end)
		return -1;
	if (*r->in != RUN)
		return *r->in++;
	if (r->end - r->in < 3)
		return -1;
	r->left = r->in[1];
	r->byte = r->in[2];
	r->in += 3;
	return r->byte;
}

/* The sample behind `last`; false at the end. */
static bool next_sample(struct run_reader *r, uint16_t last, uint16_t *out)
{
	int c = next_byte(r), low, high;

	if (c == ABSOLUTE) {
		low = next_byte(r);
		high = next_byte(r);
		if (low < 0 || high < 0)
			return false;
		*out = (uint16_t)(low | high << 8);
		return true;
	}
	*out = (uint16_t)(last + (int8_t)c);
	return c >= 0;
}

static int decode(const struct pixel_desc *desc, const uint8_t *in, size_t in_len, uint8_t *out,
	size_t out_len, enum photometric *photometric, struct err *err)
{
	struct run_reader r = { in, in + in_len, 0, 0 };
	uint16_t sample = 0;
	size_t i;

	(void)photometric;
	if (desc->bits_allocated != 16)
		return err_set(err, -ENOTSUP, "PMSCT_RLE1 of %u bits", desc->bits_allocated);
	for (i = 0; i < out_len; i += 2) {
		if (!next_sample(&r, sample, &sample))
			return err_set(err, -EBADMSG,
				"PMSCT_RLE1 frame ends after %zu of %zu "
				"bytes",
				i, out_len);
		put_le16(out + i, sample);
	}
	return 0;
}

static const char *const syntaxes[] = { "1.3.46.670589.33.1.4.1", NULL };

const struct codec codec_pmsct_rle1 = { "PMSCT_RLE1", syntaxes, decode, .keeps_words = true };
