/* SPDX-License-Identifier: MIT */
/* Character sets: the examples of PS3.5 annexes H to K, and what files do instead. */
#include <criterion/criterion.h>

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"
#include "dicom/charset.h"
#include "dicom/dict.h"

struct decoded {
	char *text;
	bool ok;
};

static struct decoded decode_bytes(const char *term, uint16_t vr, const char *s, size_t len)
{
	struct arena a = { 0 };
	const struct charset *cs;
	struct decoded d;
	struct buf b;

	cs = term != NULL ? charset_parse(term, strlen(term), &a) : charset_default();
	cr_assert_not_null(cs);
	buf_init(&b);
	d.ok = charset_decode(cs, vr, s, len, &b);
	d.text = buf_steal(&b, NULL);
	arena_release(&a);
	return d;
}

static void reads(const char *term, uint16_t vr, const char *s, const char *want)
{
	struct decoded d = decode_bytes(term, vr, s, strlen(s));

	cr_assert_str_eq(d.text, want, "%s: got '%s', not '%s'", term ? term : "none", d.text,
		want);
	cr_assert(d.ok, "%s: %s", term ? term : "none", want);
	mem_free(d.text);
}

static void reads_in_part(const char *term, uint16_t vr, const char *s, const char *want)
{
	struct decoded d = decode_bytes(term, vr, s, strlen(s));

	cr_assert_str_eq(d.text, want, "%s: got '%s', not '%s'", term, d.text, want);
	cr_assert_not(d.ok, "%s: %s", term, want);
	mem_free(d.text);
}

/* ------------------------------------------------------------------ the standard's examples */

Test(dicom_charset, annex_h_japanese_with_ascii)
{
	reads("\\ISO 2022 IR 87", DCM_VR_PN,
		"Yamada^Tarou=\033$B;3ED\033(B^\033$BB@O:\033(B="
		"\033$B$d$^$@\033(B^\033$B$?$m$&\033(B",
		"Yamada^Tarou=山田^太郎=やまだ^たろう");
}

Test(dicom_charset, annex_h_japanese_with_half_width_katakana)
{
	reads("ISO 2022 IR 13\\ISO 2022 IR 87", DCM_VR_PN,
		"\xD4\xCF\xC0\xDE^\xC0\xDB\xB3=\033$B;3ED\033(J^\033$BB@O:\033(J="
		"\033$B$d$^$@\033(J^\033$B$?$m$&\033(J",
		"ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう");
}

Test(dicom_charset, annex_i_korean)
{
	reads("\\ISO 2022 IR 149", DCM_VR_PN,
		"Hong^Gildong=\033$)C\xFB\xF3^\033$)C\xD1\xCE\xD4\xD7="
		"\033$)C\xC8\xAB^\033$)C\xB1\xE6\xB5\xBF",
		"Hong^Gildong=洪^吉洞=홍^길동");
	reads("\\ISO 2022 IR 149", DCM_VR_LO,
		"\033$)CThe first line includes \xB1\xE6\xB5\xBF.\r\n"
		"\033$)CThe second line includes \xB1\xE6\xB5\xBF, too.",
		"The first line includes 길동.\r\nThe second line includes 길동, too.");
}

Test(dicom_charset, annex_j_unicode_and_gb18030)
{
	reads("ISO_IR 192", DCM_VR_PN,
		"Wang^XiaoDong=\xE7\x8E\x8B^\xE5\xB0\x8F\xE6\x9D\xB1=", "Wang^XiaoDong=王^小東=");
	reads("GB18030", DCM_VR_PN,
		"Wang^XiaoDong=\xCD\xF5^\xD0\xA1\xB6\xAB=", "Wang^XiaoDong=王^小东=");
}

Test(dicom_charset, annex_k_chinese_with_escapes)
{
	reads("\\ISO 2022 IR 58", DCM_VR_PN,
		"Zhang^XiaoDong=\033$)A\xD5\xC5^\033$)A\xD0\xA1\xB6\xAB=",
		"Zhang^XiaoDong=张^小东=");
	reads("\\ISO 2022 IR 58", DCM_VR_LT,
		"1.\033$)A\xB5\xDA\xD2\xBB\xD0\xD0\xCE\xC4\xD7\xD6\xA1\xA3\r\n",
		"1.第一行文字。\r\n");
}

/* ------------------------------------------------------------------ set by set */

Test(dicom_charset, sets_of_one_byte)
{
	reads("ISO_IR 100", DCM_VR_PN, "Buc^J\xE9r\xF4me", "Buc^Jérôme");
	reads("ISO_IR 101", DCM_VR_LO, "\xA3\xF3\xBC", "Łóź");
	reads("ISO_IR 109", DCM_VR_LO, "\xA1\xB1", "Ħħ");
	reads("ISO_IR 110", DCM_VR_LO, "\xA1\xF1", "Ąņ");
	reads("ISO_IR 144", DCM_VR_PN, "\xBB\xEE\xDA\xE1\xD5\xDC\xD1\xE3\xE0\xD3", "Люксембург");
	reads("ISO_IR 127", DCM_VR_PN, "\xE2\xC8\xC7\xE6\xEA^\xE4\xE6\xD2\xC7\xD1", "قباني^لنزار");
	reads("ISO_IR 126", DCM_VR_PN, "\xC4\xE9\xEF\xED\xF5\xF3\xE9\xEF\xF2", "Διονυσιος");
	reads("ISO_IR 138", DCM_VR_PN, "\xF9\xF8\xE5\xEF^\xE3\xE1\xE5\xF8\xE4", "שרון^דבורה");
	reads("ISO_IR 148", DCM_VR_LO, "\xDD\xFE\xF0", "İşğ");
	reads("ISO_IR 203", DCM_VR_LO, "\xA4\xBD", "€œ");
	reads("ISO_IR 166", DCM_VR_LO, "\xA1\xD2\xC3", "การ");
	reads("ISO_IR 13", DCM_VR_LO, "\xD4\xCF\xC0\xDE\\A", "ﾔﾏﾀﾞ\\A");
}

Test(dicom_charset, escapes_between_sets_of_one_byte)
{
	reads("ISO 2022 IR 100\\ISO 2022 IR 144\\ISO 2022 IR 126", DCM_VR_PN,
		"J\xE9r\xF4me=\033-L\xBB\xEE\xDA=\033-F\xC4\xE9", "Jérôme=Люк=Δι");
	reads("\\ISO 2022 IR 203", DCM_VR_LO, "\033-b\xA4", "€");
}

Test(dicom_charset, supplementary_kanji)
{
	reads("\\ISO 2022 IR 87\\ISO 2022 IR 159", DCM_VR_PN,
		"Apple=\033$(DF)\033(B^\033$(D0!\033(B", "Apple=殣^丂");
}

Test(dicom_charset, both_halves_at_once)
{
	reads("ISO 2022 IR 13\\ISO 2022 IR 87", DCM_VR_LO,
		"\xB1\033$B;3\xB2"
		"ED\033(J\xB3.",
		"ｱ山ｲ田ｳ.");
}

/* ------------------------------------------------------------------ delimiters */

Test(dicom_charset, delimiters_bring_back_the_first_set)
{
	reads("ISO 2022 IR 100\\ISO 2022 IR 144", DCM_VR_LO, "\033-L\xBB\\\xE9", "Л\\é");
	reads("ISO 2022 IR 100\\ISO 2022 IR 144", DCM_VR_PN, "\033-L\xBB^\xE9=\xE9", "Л^é=é");
	reads("ISO 2022 IR 100\\ISO 2022 IR 144", DCM_VR_UT, "\033-L\xBB\r\n\xE9\t\xE9",
		"Л\r\né\té");
	reads("ISO 2022 IR 100\\ISO 2022 IR 144", DCM_VR_LT, "\033-L\xBB\\^\xE9=", "Л\\^щ=");
	reads("ISO 2022 IR 100\\ISO 2022 IR 144", DCM_VR_LO, "\033-L\xBB^\xE9=", "Л^щ=");
}

Test(dicom_charset, a_byte_of_a_character_is_no_delimiter)
{
	/* 5C, 5E and 3D are halves here */
	reads("\\ISO 2022 IR 87", DCM_VR_PN, "\033$B=\\$^\033(B^A", "旬ま^A");
	reads("GB18030", DCM_VR_LO, "\x81\x5C\\A", "乗\\A");
	reads("GBK", DCM_VR_LO, "\x81\x5E", "乛");
}

Test(dicom_charset, whole_encodings_know_no_escape)
{
	reads("ISO_IR 192", DCM_VR_LO, "\033$B\xC3\xA9", "\033$Bé");
	reads("GB18030", DCM_VR_LO, "\x90\x30\x81\x30", "𐀀");
}

/* ------------------------------------------------------------------ what files do */

Test(dicom_charset, without_a_set_utf8_is_kept_and_else_latin1)
{
	reads(NULL, DCM_VR_LO, "J\xC3\xA9r\xC3\xB4me", "Jérôme");
	reads(NULL, DCM_VR_LO, "J\xE9r\xF4me", "Jérôme");
	reads(NULL, DCM_VR_LO, "\xC3\xA9 \xE9", "Ã© é");
	reads("ISO_IR 6", DCM_VR_LO, "J\xE9r\xF4me", "Jérôme");
	reads("", DCM_VR_LO, "J\xE9r\xF4me", "Jérôme");
	reads("ISO_IR 999", DCM_VR_LO, "J\xE9r\xF4me", "Jérôme");
}

Test(dicom_charset, an_escape_needs_no_announcement)
{
	reads(NULL, DCM_VR_LO, "\033$B;3ED\033(B.", "山田.");
}

Test(dicom_charset, an_announced_set_may_lack_its_escape)
{
	reads("\\ISO 2022 IR 149", DCM_VR_PN, "\xC8\xAB^\xB1\xE6\xB5\xBF", "홍^길동");
}

Test(dicom_charset, an_unknown_escape_stays)
{
	reads("\\ISO 2022 IR 87", DCM_VR_LO, "a\033[1mb\033", "a\033[1mb\033");
}

Test(dicom_charset, terms_are_misspelt)
{
	static const char *const latin2[] = { "ISO_IR 101", "ISO-IR 101", "ISO IR 101",
		"ISO_IR_101", "ISO 2022 IR 101", "ISO 2022-IR 101", "ISO_8859-2", "iso_ir 101",
		" ISO_IR 101 ", "IR 101" };
	static const char *const utf8[] = { "ISO_IR 192", "UTF8", "utf-8", "ISO 2022 IR 192" };
	size_t i;

	for (i = 0; i < sizeof latin2 / sizeof latin2[0]; i++)
		reads(latin2[i], DCM_VR_LO, "\xA3", "Ł");
	for (i = 0; i < sizeof utf8 / sizeof utf8[0]; i++)
		reads(utf8[i], DCM_VR_LO, "\xC5\x81", "Ł");
	reads("ISO 2022 GBK", DCM_VR_LO, "\xB6\xAB", "东");
	reads("ISO 2022 GB18030", DCM_VR_LO, "\xB6\xAB", "东");
	reads("\\ISO 2022 58", DCM_VR_LO, "\033$)A\xB6\xAB", "东");
}

Test(dicom_charset, shift_jis_goes_by_the_name_of_ir_13)
{
	reads("ISO_IR 13", DCM_VR_LO, "\x8E\x52\x93\x63\\\x83\x5C", "山田\\ソ");
	reads("ISO 2022 IR 13\\ISO 2022 IR 87", DCM_VR_PN, "\x8E\x52\x93\x63^~", "山田^~");
}

Test(dicom_charset, vendors_rows_of_multi_byte_sets)
{
	reads("\\ISO 2022 IR 87", DCM_VR_LO, "\033$B-!;3-\"\033(B", "①山②");
	reads("\\ISO 2022 IR 58", DCM_VR_LO, "\033$)A\xA2\xA1\xB6\xAB", "ⅰ东");
}

Test(dicom_charset, what_cannot_be_decoded_is_marked)
{
	reads_in_part("ISO_IR 192", DCM_VR_LO, "a\xE9z", "a\uFFFDz");
	reads_in_part("ISO_IR 126", DCM_VR_LO, "\xC4\xFFz", "Δ\uFFFDz");
	reads_in_part("\\ISO 2022 IR 149", DCM_VR_LO, "\033$)C\xB1\xE6\xB5", "길\uFFFD");
	reads_in_part("\\ISO 2022 IR 87", DCM_VR_LO, "\033$B;3E\033(Bz", "山\uFFFDz");
	reads_in_part("ISO 2022 IR 13", DCM_VR_LO, "\033)I\xB1\xF0", "ｱ\uFFFD");
	reads_in_part("GBK", DCM_VR_LO, "\xFFz\xB6\xAB", "\uFFFDz东");
}

Test(dicom_charset, long_runs_cross_every_buffer)
{
	enum { CHARS = 3000 };
	static char in[3 + 2 * CHARS], want[3 * CHARS + 1];
	struct decoded d;
	size_t i;

	memcpy(in, "\033$B", 3);
	for (i = 0; i < CHARS; i++) {
		memcpy(in + 3 + 2 * i, ";3", 2);
		memcpy(want + 3 * i, "山", 3);
	}
	d = decode_bytes("\\ISO 2022 IR 87", DCM_VR_UT, in, sizeof in);
	cr_assert(d.ok);
	cr_assert_str_eq(d.text, want);
	mem_free(d.text);
}

Test(dicom_charset, zeros_and_blanks_are_left_alone)
{
	struct decoded d = decode_bytes("ISO_IR 100", DCM_VR_LO, " a\0\xE9 ", 5);

	cr_assert(d.ok);
	cr_assert_arr_eq(d.text, " a\0\xC3\xA9 ", 7);
	mem_free(d.text);
}

Test(dicom_charset, want_of_memory_is_told)
{
	struct arena a = { 0 };

	mem_fail_after(1);
	cr_assert_null(charset_parse("ISO_IR 100", 10, &a));
	mem_fail_after(0);
	arena_release(&a);
}
