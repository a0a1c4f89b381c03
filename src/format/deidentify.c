/* SPDX-License-Identifier: MIT */
/* The Basic Profile by attribute, and its substitutes: see format/deidentify.h. */
#include "format/deidentify.h"

#include <nettle/hmac.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "dicom/dict.h"
#include "dicom/tags.h"
#include "dicom/value.h"

/* What the profile's table has not, though it has what is like it: text of notes, which it knows by the
 * sequences that held them when it was written (that of waveforms is none of them); birth and death in
 * another calendar; comments on what was planned for a patient; where an instance is to be had, which
 * says who has it, and its UIDs. */
static const struct deid_row similar[] = {
	{ DCM_RetrieveURL, UINT32_MAX, DEID_DUMMY, 0 },
	{ DCM_PatientBirthDateInAlternativeCalendar, UINT32_MAX, DEID_REMOVE, 0 },
	{ DCM_PatientDeathDateInAlternativeCalendar, UINT32_MAX, DEID_REMOVE, 0 },
	{ DCM_PixelDataProviderURL, UINT32_MAX, DEID_DUMMY, 0 },
	{ DCM_CommentsOnTheScheduledProcedureStep, UINT32_MAX, DEID_REMOVE, DEID_DESCRIPTORS },
	{ DCM_TextValue, UINT32_MAX, DEID_DUMMY, 0 },
	{ DCM_HL7InstanceIdentifier, UINT32_MAX, DEID_DUMMY, 0 },
	{ DCM_RetrieveURI, UINT32_MAX, DEID_DUMMY, 0 },
	{ DCM_UnformattedTextValue, UINT32_MAX, DEID_DUMMY, 0 },
};

static const struct deid_row *find_similar(uint32_t tag)
{
	size_t i;

	for (i = 0; i < sizeof similar / sizeof *similar; i++)
		if (similar[i].tag == tag)
			return &similar[i];
	return NULL;
}

static const struct deid_row *find_row(uint32_t tag)
{
	unsigned low = 0, high = deid_table_rows, mid;

	while (low < high) {
		mid = (low + high) / 2;
		if (deid_table[mid].tag == tag)
			return &deid_table[mid];
		if (deid_table[mid].tag < tag)
			low = mid + 1;
		else
			high = mid;
	}
	/* The ranges are few, and near the end. */
	for (mid = deid_table_rows; mid-- > 0;)
		if (deid_table[mid].mask != UINT32_MAX &&
			(tag & deid_table[mid].mask) == deid_table[mid].tag)
			return &deid_table[mid];
	return find_similar(tag);
}

bool deid_is_of_standard(const char *uid, size_t len)
{
	char text[65];

	if (len >= sizeof text)
		return false;
	memcpy(text, uid, len);
	text[len] = '\0';
	return dcm_dict_uid_name(text) != NULL;
}

/* Is one of the UIDs not of the standard itself? */
static bool names_something(const struct dcm_node *n)
{
	const char *text;
	size_t len, at = 0;

	while (dcm_next_raw_text(n, &at, &text, &len))
		if (len && !deid_is_of_standard(text, len))
			return true;
	return false;
}

/* UIDs that are no instance's, whoever has made them: classes, syntaxes, programs, coding schemes,
 * codes and their context groups. */
static bool names_a_kind(uint32_t tag)
{
	static const uint32_t tags[] = { DCM_MediaStorageSOPClassUID, DCM_TransferSyntaxUID,
		DCM_ImplementationClassUID, DCM_SOPClassUID, DCM_RelatedGeneralSOPClassUID,
		DCM_OriginalSpecializedSOPClassUID, DCM_SOPClassesInStudy, DCM_CodingSchemeUID,
		DCM_ContextUID, DCM_MappingResourceUID, DCM_ContextGroupExtensionCreatorUID,
		DCM_ReferencedSOPClassUID, DCM_SOPClassesSupported, DCM_AvailableTransferSyntaxUID,
		DCM_MACCalculationTransferSyntaxUID, DCM_EncryptedContentTransferSyntaxUID,
		DCM_ReferencedSOPClassUIDInFile, DCM_ReferencedTransferSyntaxUIDInFile,
		DCM_ReferencedRelatedGeneralSOPClassUIDInFile, DCM_PertinentSOPClassesInStudy,
		DCM_PertinentSOPClassesInSeries, DCM_FlowTransferSyntaxUID };
	size_t i;

	for (i = 0; i < sizeof tags / sizeof *tags; i++)
		if (tags[i] == tag)
			return true;
	return false;
}

/* And not any text. */
static bool is_uid(const struct dcm_node *n)
{
	uint64_t i;

	for (i = 0; n->value && i < n->el.len; i++)
		if (n->value[i] && !strchr("0123456789.\\ ", n->value[i]))
			return false;
	return true;
}

/* What the profile does not name stays, but what no dictionary has may be anything. */
static enum deid_action without_row(const struct dcm_node *n, unsigned options)
{
	const struct dcm_dict_entry *e = dcm_dict_find(n->el.tag);

	/* nor has an instance anything of commands and directories (PS3.7 E.1, PS3.10 8.6) */
	if (!e || DCM_TAG_GROUP(n->el.tag) == 0x0000 || DCM_TAG_GROUP(n->el.tag) == 0x0004)
		return DEID_REMOVE;
	if (n->el.vr == DCM_VR_PN || e->vr == DCM_VR_PN) /* retired ones, and those of industry */
		return DEID_DUMMY;
	if (n->el.vr == DCM_VR_UI && !(options & DEID_UIDS) && names_something(n) &&
		!(names_a_kind(n->el.tag) && is_uid(n)))
		return DEID_UID;
	return DEID_KEEP;
}

static bool is_date(uint16_t vr)
{
	return vr == DCM_VR_DA || vr == DCM_VR_DT;
}

/* Times of day stay. What tells a date otherwise than dates do cannot be moved. */
static enum deid_action when_shifting(const struct dcm_node *n, const struct deid_row *row)
{
	const struct dcm_dict_entry *e = dcm_dict_find(n->el.tag);

	if (is_date(n->el.vr))
		return DEID_SHIFT;
	return dcm_vr_is_text(n->el.vr) && !(e && is_date(e->vr)) ? DEID_KEEP : row->action;
}

enum deid_action deid_action_of(const struct dcm_node *n, unsigned options)
{
	const struct deid_row *row;
	unsigned chosen;

	if (DCM_TAG_GROUP(n->el.tag) % 2)
		return DEID_REMOVE;
	row = find_row(n->el.tag);
	if (!row)
		return without_row(n, options);
	chosen = row->options & options;
	if (chosen & DEID_SHIFT_DATES && !(chosen & DEID_DATES))
		return when_shifting(n, row);
	if (chosen & DEID_DESCRIPTORS)
		return DEID_CLEAN;
	if (chosen)
		return DEID_KEEP;
	if (row->action == DEID_UID && !dcm_vr_is_text(n->el.vr))
		return DEID_EMPTY;
	if (row->action == DEID_UID && !names_something(n))
		return DEID_KEEP;
	return row->action;
}

bool deid_parse_options(const char *words, unsigned *options, bool *only, const char **bad)
{
	static const struct {
		const char *word;
		unsigned option;
	} known[] = {
		{ "keep-uids", DEID_UIDS },
		{ "keep-device", DEID_DEVICE },
		{ "keep-institution", DEID_INSTITUTION },
		{ "keep-patient", DEID_PATIENT },
		{ "keep-dates", DEID_DATES },
		{ "shift-dates", DEID_SHIFT_DATES },
		{ "clean-descriptors", DEID_DESCRIPTORS },
		{ "only", 0 },
	};
	size_t len, i;

	*options = 0;
	*only = false;
	for (; *words; words += len + (words[len] == ':')) {
		len = strcspn(words, ":");
		for (i = 0; i < sizeof known / sizeof *known; i++)
			if (strlen(known[i].word) == len && memcmp(known[i].word, words, len) == 0)
				break;
		if (i == sizeof known / sizeof *known) {
			*bad = words;
			return false;
		}
		*options |= known[i].option;
		*only |= known[i].option == 0;
	}
	return true;
}

void deid_key(const void *secret, size_t len, uint8_t out[DEID_KEY_BYTES])
{
	struct sha256_ctx ctx;

	sha256_init(&ctx);
	sha256_update(&ctx, len, secret);
	sha256_digest(&ctx, DEID_KEY_BYTES, out);
}

/* HMAC-SHA256 of a purpose and a text. */
static void digest(const uint8_t key[DEID_KEY_BYTES], const char *purpose, const char *text,
	size_t len, uint8_t out[SHA256_DIGEST_SIZE])
{
	struct hmac_sha256_ctx ctx;

	hmac_sha256_set_key(&ctx, DEID_KEY_BYTES, key);
	hmac_sha256_update(&ctx, strlen(purpose) + 1, (const uint8_t *)purpose);
	hmac_sha256_update(&ctx, len, (const uint8_t *)text);
	hmac_sha256_digest(&ctx, SHA256_DIGEST_SIZE, out);
}

/* PS3.5 B.2: a UUID as one decimal number. */
void deid_uid(const uint8_t key[DEID_KEY_BYTES], const char *uid, size_t len, char out[65])
{
	uint8_t sum[SHA256_DIGEST_SIZE];
	char digits[40];
	size_t n = sizeof digits;
	unsigned __int128 v;

	digest(key, "uid", uid, len, sum);
	v = (unsigned __int128)get_be64(sum) << 64 | get_be64(sum + 8);
	do {
		digits[--n] = (char)('0' + (int)(v % 10));
		v /= 10;
	} while (v && n);
	memcpy(out, "2.25.", 5);
	memcpy(out + 5, digits + n, sizeof digits - n);
	out[5 + sizeof digits - n] = '\0';
}

void deid_pseudonym(const uint8_t key[DEID_KEY_BYTES], const char *id, size_t len,
	char out[DEID_PSEUDONYM_CAP])
{
	uint8_t sum[SHA256_DIGEST_SIZE];

	digest(key, "patient", id, len, sum);
	snprintf(out, DEID_PSEUDONYM_CAP, "ANON%016llX", (unsigned long long)get_be64(sum));
}

int deid_shift_days(const uint8_t key[DEID_KEY_BYTES], const char *patient_id, size_t len)
{
	uint8_t sum[SHA256_DIGEST_SIZE];

	digest(key, "days", patient_id, len, sum);
	return -365 - (int)(get_be32(sum) % 3286);
}

/* Days since 0000-03-01 of the proleptic Gregorian calendar, and back: years begin in March, so
 * that the leap day is their last. */
static int64_t days_of(int64_t y, int64_t m, int64_t d)
{
	y -= m <= 2;
	return 365 * y + y / 4 - y / 100 + y / 400 + (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
}

static void date_of(int64_t days, int64_t *y, int64_t *m, int64_t *d)
{
	int64_t era = days / 146097, doe = days % 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;

	*d = doy - (153 * mp + 2) / 5 + 1;
	*m = mp + (mp < 10 ? 3 : -9);
	*y = yoe + era * 400 + (*m <= 2);
}

static bool is_digits(const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (s[i] < '0' || s[i] > '9')
			return false;
	return true;
}

/* The eight digits of a date, be it written with something between them; how many bytes of the value
 * they were, 0: it is no date. */
static size_t take_date(const char *value, size_t len, char digits[8])
{
	if (len >= 8 && is_digits(value, 8)) {
		memcpy(digits, value, 8);
		return 8;
	}
	if (len < 10 || !is_digits(value, 4) || !value[4] || !strchr("-./", value[4]) ||
		!is_digits(value + 5, 2) || value[7] != value[4] || !is_digits(value + 8, 2))
		return 0;
	memcpy(digits, value, 4);
	memcpy(digits + 4, value + 5, 2);
	memcpy(digits + 6, value + 8, 2);
	return 10;
}

/* Of a DT behind its date: hours to fractions of a second, and a zone, in which no other date can
 * be (PS3.5 §6.2). */
static bool is_time_of_day(const char *s, size_t len)
{
	size_t n = 0;

	while (n < len && n < 6 && is_digits(s + n, 1))
		n++;
	if (n == 6 && n < len && s[n] == '.')
		for (n++; n < len && n < 13 && is_digits(s + n, 1);)
			n++;
	return n == len ||
		(len - n == 5 && (s[n] == '+' || s[n] == '-') && is_digits(s + n + 1, 4) &&
			memcmp(s + n + 1, "14", 2) <= 0);
}

bool deid_shift_date(const char *value, size_t len, int days, char *out)
{
	char text[64], digits[8];
	size_t taken = take_date(value, len, digits);
	int64_t y, m, d;
	uint32_t date;

	if (!taken || len > 30 || !is_time_of_day(value + taken, len - taken) ||
		!dcm_parse_date(digits, 8, &date) || date < 10000101)
		return false;
	date_of(days_of(date / 10000, date / 100 % 100, date % 100) + days, &y, &m, &d);
	snprintf(text, sizeof text, "%04d%02d%02d", (int)y, (int)m, (int)d);
	memcpy(out, text, 8);
	memcpy(out + 8, value + taken, len - taken);
	out[8 + len - taken] = '\0';
	return true;
}

const void *deid_dummy(uint16_t vr, size_t *len)
{
	static const struct {
		uint16_t vr;
		const char *text;
	} texts[] = {
		{ DCM_VR_AE, "ANON" },
		{ DCM_VR_AS, "000Y" },
		{ DCM_VR_CS, "ANON" },
		{ DCM_VR_DA, "19000101" },
		{ DCM_VR_DS, "0" },
		{ DCM_VR_DT, "19000101000000" },
		{ DCM_VR_IS, "0" },
		{ DCM_VR_LO, "ANON" },
		{ DCM_VR_LT, "ANON" },
		{ DCM_VR_PN, "ANON" },
		{ DCM_VR_SH, "ANON" },
		{ DCM_VR_ST, "ANON" },
		{ DCM_VR_TM, "000000" },
		{ DCM_VR_UC, "ANON" },
		{ DCM_VR_UR, "urn:anon" },
		{ DCM_VR_UT, "ANON" },
	};
	static const uint8_t zeros[8];
	size_t i;

	for (i = 0; i < sizeof texts / sizeof *texts; i++)
		if (texts[i].vr == vr) {
			*len = strlen(texts[i].text);
			return texts[i].text;
		}
	*len = dcm_vr_unit(vr) > 1 ? dcm_vr_unit(vr) : 2;
	return vr == DCM_VR_SQ ? NULL : zeros;
}
