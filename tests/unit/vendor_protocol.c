/* SPDX-License-Identifier: MIT */
/* Protocol texts of both makers. */
#include <criterion/criterion.h>

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "vendor/protocol.h"

static const char ascconv[] =
	"junk = 1\n### ASCCONV BEGIN object=MrProtDataImpl ###\n"
	"tSequenceFileName                        = \t\"\"%SiemensSeq%\\ep2d_bold\"\"\n"
	"sKSpace.ucPhasePartialFourier = 0x10\n"
	"asCoilSelectMeas[0].asList[0].sCoilElementID.tCoilID = \"Head_32\"\r\n"
	"lDelayTimeInTR = 500000 # us\n"
	"sKSpace.lBaseResolution\t=\t64\n"
	"### ASCCONV END ###\nafter = 2\n";

Test(vendor_protocol, lines_between_the_marks_are_found_by_the_end_of_their_key)
{
	struct arena a = { 0 };
	struct protocol p;

	cr_assert_eq(protocol_parse_ascconv(ascconv, sizeof ascconv - 1, &a, &p, NULL), 0);
	cr_assert_eq(p.n_lines, 5);
	cr_assert_str_eq(protocol_text(&p, "tSequenceFileName", &a), "%SiemensSeq%\\ep2d_bold");
	cr_assert_str_eq(protocol_text(&p, "sCoilElementID.tCoilID", &a), "Head_32");
	cr_assert_null(protocol_find(&p, "ElementID.tCoilID"), "a key begins behind a dot");
	cr_assert_eq(protocol_number(&p, "sKSpace.ucPhasePartialFourier", NAN), 16);
	cr_assert_eq(protocol_number(&p, "lDelayTimeInTR", NAN), 500000);
	cr_assert_eq(protocol_number(&p, "lBaseResolution", NAN), 64);
	cr_assert_eq(protocol_number(&p, "after", -1), -1);
	cr_assert_eq(protocol_number(&p, "tSequenceFileName", -1), -1);
	arena_release(&a);
}

Test(vendor_protocol, a_text_may_break_off_or_have_no_marks)
{
	struct arena a = { 0 };
	struct protocol p;
	size_t len, begin = (size_t)(strstr(ascconv, "###\n") - ascconv) + 4;

	for (len = 0; len < sizeof ascconv; len++)
		cr_assert_eq(protocol_parse_ascconv(ascconv, len, &a, &p, NULL),
			len < begin ? -ENOENT : 0);
	arena_release(&a);
}

/* Length, gzip header with a name, one stored block (RFC 1951 §3.2.4), and the trailer's eight
 * bytes. */
static void pack(struct buf *b, const char *text)
{
	uint16_t len = (uint16_t)strlen(text);

	buf_init(b);
	buf_add_le32(b, 42);
	buf_add(b, "\x1f\x8b\x08\x08\0\0\0\0\0\3protocol\0", 19);
	buf_addc(b, 1);
	buf_add_le16(b, len);
	buf_add_le16(b, (uint16_t)~len);
	buf_adds(b, text);
	buf_fill(b, 0, 8);
}

Test(vendor_protocol, the_compressed_block_is_inflated)
{
	struct arena a = { 0 };
	struct protocol p;
	struct buf b;

	pack(&b, "set IOPT \"x\"\nIOPT \"EDR, MPh, EPI\"\nNOSLC \"36\"\n");
	cr_assert_eq(protocol_parse_ge((const uint8_t *)b.data, b.len, &a, &p, NULL), 0);
	cr_assert_str_eq(protocol_text(&p, "IOPT", &a), "EDR, MPh, EPI");
	cr_assert_eq(protocol_number(&p, "NOSLC", 0), 36);
	arena_release(&a);
	buf_release(&b);
}

Test(vendor_protocol, a_block_that_breaks_off_is_no_block_or_a_shorter_one)
{
	struct arena a = { 0 };
	struct protocol p;
	struct buf b;
	size_t len;

	pack(&b, "NOSLC \"36\"\nIOPT \"EPI\"\n");
	for (len = 0; len < b.len - 8; len++) {
		/* an exact copy, so that a read past its end is found */
		uint8_t *copy = arena_memdup(&a, b.data, len ? len : 1);
		int rc = protocol_parse_ge(copy, len, &a, &p, NULL);

		cr_assert(rc < 0 || p.n_lines < 2, "%zu bytes", len);
	}
	cr_assert_eq(protocol_parse_ge((const uint8_t *)"no gzip at all, not here", 24, &a, &p,
			     NULL),
		-EBADMSG);
	arena_release(&a);
	buf_release(&b);
}
