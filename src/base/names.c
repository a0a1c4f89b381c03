/* SPDX-License-Identifier: MIT */
/*
 * Names that a file system can show: see base/names.h. Text is made well-formed,
 * composed (NFC, through libunistring) and then replaced character by character;
 * plain ASCII, which nearly all names are, goes straight to the replacing.
 */
#include "base/names.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uninorm.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "base/utf8.h"

#define REPLACEMENT 0xFFFDu

static bool is_blank(uint32_t cp)
{
	return cp == ' ' || cp == '\t' || cp == 0xA0 || cp == 0x1680 ||
		(cp >= 0x2000 && cp <= 0x200A) || cp == 0x202F || cp == 0x205F || cp == 0x3000;
}

static bool is_illegal(uint32_t cp)
{
	return cp < 0x20 || cp == '/' || (cp >= 0x7F && cp < 0xA0) || cp == 0x2028 || cp == 0x2029;
}

/* Well-formed text without what no name may have. */
static void add_replaced(struct buf *out, const char *s, size_t len)
{
	bool leading = out->len == 0, after_blank = false;
	uint32_t cp;
	size_t n;

	for (; len; s += n, len -= n) {
		n = utf8_decode(s, len, &cp);
		if (is_blank(cp)) {
			if (!after_blank)
				buf_addc(out, '_');
		} else if (is_illegal(cp) || (leading && cp == '.')) {
			buf_addc(out, '_');
		} else {
			buf_add(out, s, n);
		}
		after_blank = is_blank(cp);
		leading = leading && cp == '.';
	}
}

bool name_is_plain(const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] > '~' || text[i] == '/')
			return false;
	return len > 0 && text[0] != '.';
}

static bool is_ascii(const char *s, size_t len)
{
	unsigned char seen = 0;
	size_t i;

	for (i = 0; i < len; i++)
		seen |= (unsigned char)s[i];
	return seen < 0x80;
}

/* Append text with U+FFFD for each ill-formed byte. */
static void add_well_formed(struct buf *out, const char *s, size_t len)
{
	uint32_t cp;
	size_t n;

	for (; len; s += n, len -= n) {
		n = utf8_decode(s, len, &cp);
		utf8_encode(out, cp == 0xFFFFFFFFu ? REPLACEMENT : cp);
	}
}

void name_add_legal(struct buf *out, const char *text, size_t len)
{
	struct buf well;
	uint8_t *nfc;
	size_t nfc_len = 0;

	if (is_ascii(text, len)) {
		add_replaced(out, text, len);
		return;
	}
	buf_init(&well);
	add_well_formed(&well, text, len);
	nfc = buf_error(&well) < 0 ?
		NULL :
		u8_normalize(UNINORM_NFC, (const uint8_t *)well.data, well.len, NULL, &nfc_len);
	if (nfc)
		add_replaced(out, (const char *)nfc, nfc_len);
	else
		out->failed = -ENOMEM;
	free(nfc);
	buf_release(&well);
}

void name_join(char *out, const char *stem, const char *suffix, const char *ending)
{
	size_t ending_len = min_size(strlen(ending), NAME_MOST_BYTES);
	size_t suffix_len = min_size(strlen(suffix), NAME_MOST_BYTES - ending_len);
	size_t stem_len = utf8_cut(stem, strlen(stem), NAME_MOST_BYTES - ending_len - suffix_len);

	memcpy(out, stem, stem_len);
	memcpy(out + stem_len, suffix, suffix_len);
	memcpy(out + stem_len + suffix_len, ending, ending_len);
	out[stem_len + suffix_len + ending_len] = '\0';
}

/* ---- unique names ---- */

#define FIRST_DIGITS 6u
#define MOST_DIGITS 16u

struct marked {
	struct name_entry *entry;
	char *name;        /* as it stands: the entry's own, or with its mark */
	unsigned n_digits; /* of the mark; 0: none */
};

static int by_name(const void *a, const void *b)
{
	const struct marked *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* Give m a mark, or a longer one. 1: its name is another now; 0: it has all digits already. */
static int mark_more(struct marked *m)
{
	char suffix[MOST_DIGITS + 2], hex[MOST_DIGITS + 1], stem[NAME_MOST_BYTES + 1];
	const char *name = m->entry->name, *ending = m->entry->ending;
	size_t len = strlen(name), ending_len = strlen(ending);
	char *marked;

	if (m->n_digits == MOST_DIGITS)
		return 0;
	if (len < ending_len || strcmp(name + len - ending_len, ending) != 0)
		ending_len = 0;
	name_join(stem, name, "", "");
	stem[min_size(len - ending_len, NAME_MOST_BYTES)] = '\0';
	snprintf(hex, sizeof hex, "%016llx", (unsigned long long)m->entry->identity);
	m->n_digits = m->n_digits ? m->n_digits + 2 : FIRST_DIGITS;
	snprintf(suffix, sizeof suffix, "~%.*s", (int)m->n_digits, hex);
	marked = mem_alloc(NAME_MOST_BYTES + 1);
	if (!marked)
		return -ENOMEM;
	name_join(marked, stem, suffix, name + len - ending_len);
	if (m->name != name)
		mem_free(m->name);
	m->name = marked;
	return 1;
}

/* Mark those of m[0..n), all of one name, where they are not all one thing. */
static int mark_group(struct marked *m, size_t n)
{
	bool differ = false;
	int any = 0, r;
	size_t i;

	for (i = 1; i < n; i++)
		differ = differ || m[i].entry->identity != m[0].entry->identity;
	for (i = 0; differ && i < n; i++) {
		r = mark_more(&m[i]);
		if (r < 0)
			return r;
		any |= r;
	}
	return any;
}

/* One round: > 0 while a mark was made, which may clash in its turn. */
static int mark_round(struct marked *m, size_t n)
{
	size_t i, end;
	int any = 0, r;

	qsort(m, n, sizeof *m, by_name);
	for (i = 0; i < n; i = end) {
		for (end = i + 1; end < n && strcmp(m[end].name, m[i].name) == 0;)
			end++;
		r = end - i > 1 ? mark_group(m + i, end - i) : 0;
		if (r < 0)
			return r;
		any |= r;
	}
	return any;
}

int name_make_unique(struct name_entry *e, size_t n)
{
	struct marked *m = mem_calloc(n, sizeof *m);
	size_t i;
	int r;

	if (!m)
		return -ENOMEM;
	for (i = 0; i < n; i++)
		m[i] = (struct marked){ .entry = &e[i], .name = e[i].name };
	while ((r = mark_round(m, n)) > 0)
		;
	for (i = 0; i < n; i++) {
		if (m[i].name == m[i].entry->name)
			continue;
		if (r < 0) {
			mem_free(m[i].name);
			continue;
		}
		mem_free(m[i].entry->name);
		m[i].entry->name = m[i].name;
	}
	mem_free(m);
	return r;
}

void name_add_uri(struct buf *out, const char *name)
{
	static const char plain[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

	for (; *name; name++) {
		if (strchr(plain, *name))
			buf_addc(out, *name);
		else
			buf_addf(out, "%%%02X", (unsigned)(unsigned char)*name);
	}
}
