/* SPDX-License-Identifier: MIT */
/* Files rewritten as they are opened: see format/edit.h. */
#include "format/edit.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/map.h"
#include "base/mem.h"
#include "dicom/charset.h"
#include "dicom/dict.h"
#include "dicom/source.h"
#include "dicom/tags.h"
#include "dicom/value.h"
#include "format/deidentify.h"
#include "format/edit_comments.h"
#include "format/edit_pixels.h"
#include "format/edit_rules.h"
#include "format/part10.h"
#include "format/secrets.h"

#define OUR_CLASS "2.25.189274652033812094476103871450943213727"
#define OUR_VERSION "DCMFS"
#define MAX_ADDITIONS (EDIT_MAX_RULES + 12u)

struct editor {
	struct edit_rules rules;
	bool deidentify;
	unsigned keep;
	uint8_t key[DEID_KEY_BYTES];
	int64_t least_mtime_ns;
	pthread_mutex_t lock; /* protects flagged, seen and arena */
	struct buf flagged;
	struct map seen; /* UIDs that are in flagged */
	struct arena arena;
};

/* Where a sequence was found whose item was asked about. */
struct seen_sequence {
	const struct dcm_dataset *ds;
	uint32_t at;
};

/* One file under way. */
struct session {
	struct editor *e;
	const struct dcm_header *h;
	struct arena arena;     /* of values made anew */
	struct secrets secrets; /* values that the profile takes away */
	struct buf patient;     /* what tells this one from others */
	int shift_days;
	struct seen_sequence seen[16];
	bool failed;    /* for want of memory */
	int read_error; /* 0: none */
	struct part10_addition add[MAX_ADDITIONS];
	size_t n_add;
};

/* ---- what is taken away, so that it is found nowhere else ---- */

static void add_secret(struct session *s, const char *text, size_t len)
{
	if (secrets_add(&s->secrets, text, len) < 0)
		s->failed = true;
}

/* The parts of a name; of a patient's the short ones too, but titles and degrees, which are in the
 * fourth and fifth component (PS3.5 §6.2.1.1). Initials of those who work there may be any word. */
static void add_parts(struct session *s, const char *name, size_t len, bool of_patient)
{
	size_t from, part;
	unsigned component = 0;

	for (from = 0; from < len; from += part + 1) {
		for (part = 0; from + part < len && !strchr("^= ,", name[from + part]); part++)
			;
		if (!of_patient || component > 2)
			add_secret(s, name + from, part);
		else if (secrets_add_name(&s->secrets, name + from, part) < 0)
			s->failed = true;
		if (from + part < len && name[from + part] == '^')
			component++;
		else if (from + part < len && name[from + part] == '=')
			component = 0;
	}
}

/* The whole of each value, and of a name its parts. */
static void add_secrets_of(struct session *s, const struct dcm_node *n)
{
	size_t len, at = 0;
	const char *text;

	while (dcm_next_raw_text(n, &at, &text, &len)) {
		add_secret(s, text, len);
		if (n->el.vr == DCM_VR_PN)
			add_parts(s, text, len, DCM_TAG_GROUP(n->el.tag) == 0x0010);
	}
}

static bool takes_away(enum deid_action a)
{
	return a == DEID_REMOVE || a == DEID_EMPTY || a == DEID_DUMMY || a == DEID_SHIFT ||
		a == DEID_UID;
}

/* Walk all elements, items too, with a stack of our own. */
static void collect_secrets(struct session *s)
{
	struct {
		const struct dcm_dataset *ds;
		uint32_t next, item;
	} stack[DCM_MAX_DEPTH + 1] = { { .ds = &s->h->top } };
	int depth = 0;

	while (depth >= 0) {
		const struct dcm_node *n;

		if (stack[depth].next == stack[depth].ds->n_nodes) {
			depth--;
			continue;
		}
		n = &stack[depth].ds->nodes[stack[depth].next];
		if (depth < DCM_MAX_DEPTH && stack[depth].item < n->n_items) {
			depth++;
			stack[depth].ds = &n->items[stack[depth - 1].item++];
			stack[depth].next = stack[depth].item = 0;
			continue;
		}
		stack[depth].next++;
		stack[depth].item = 0;
		if (dcm_dict_find(n->el.tag) && DCM_TAG_GROUP(n->el.tag) % 2 == 0 &&
			dcm_vr_is_text(n->el.vr) && takes_away(deid_action_of(n, s->e->keep)))
			add_secrets_of(s, n);
	}
}

/* ---- values made anew ---- */

static enum part10_action replace(struct part10_value *v, const void *bytes, size_t len)
{
	v->bytes = bytes ? bytes : "";
	v->len = bytes ? len : 0;
	return PART10_REPLACE;
}

static enum part10_action replace_by_dummy(struct part10_value *v, uint16_t vr)
{
	size_t len;
	const void *bytes = deid_dummy(vr, &len);

	return replace(v, bytes, len);
}

static enum part10_action drop_all(struct session *s)
{
	s->failed = true;
	return PART10_DROP;
}

/* All values of a UI element mapped. */
static enum part10_action map_uids(struct session *s, const struct dcm_node *n,
	struct part10_value *v)
{
	const char *text, *between = "";
	char *copy = NULL, uid[65];
	size_t len, at = 0;
	struct buf b;

	buf_init(&b);
	for (; dcm_next_raw_text(n, &at, &text, &len); between = "\\") {
		buf_adds(&b, between);
		if (deid_is_of_standard(text, len)) {
			buf_add(&b, text, len);
		} else if (len) {
			deid_uid(s->e->key, text, len, uid);
			buf_adds(&b, uid);
		}
	}
	len = b.len;
	if (!buf_error(&b))
		copy = arena_memdup(&s->arena, b.data, b.len);
	buf_release(&b);
	v->vr = DCM_VR_UI;
	return copy ? replace(v, copy, len) : drop_all(s);
}

/* Each value moved; what is no date goes. */
static enum part10_action shift_dates(struct session *s, const struct dcm_node *n,
	struct part10_value *v)
{
	size_t len, from = 0, to = 0;
	const char *text;
	char *out;

	if (!n->value)
		return replace(v, NULL, 0);
	out = arena_alloc(&s->arena, (size_t)n->el.len + 2);
	if (!out)
		return drop_all(s);
	while (dcm_next_raw_text(n, &from, &text, &len)) {
		if (deid_shift_date(text, len, s->shift_days, out + to))
			to += strlen(out + to);
		out[to++] = '\\';
	}
	return replace(v, out, to ? to - 1 : 0);
}

static char *pseudonym(struct session *s, const char *text, size_t len)
{
	char *out = arena_alloc(&s->arena, DEID_PSEUDONYM_CAP);

	if (out)
		deid_pseudonym(s->e->key, text, len, out);
	return out;
}

static enum part10_action dummy(struct session *s, const struct dcm_node *n, struct part10_value *v)
{
	const char *text = "";
	size_t len = 0;
	char *out;

	if (n->items || n->el.vr == DCM_VR_SQ)
		return PART10_KEEP; /* its items are treated: see is_in_dummy() */
	if (n->el.vr == DCM_VR_UI)
		return map_uids(s, n, v);
	if (n->el.tag == DCM_PatientID) {
		dcm_raw_text(n, 0, &text, &len);
		out = n->el.depth && len ? pseudonym(s, text, len) :
					   pseudonym(s, s->patient.data, s->patient.len);
		return out ? replace(v, out, strlen(out)) : drop_all(s);
	}
	return replace_by_dummy(v, n->el.vr);
}

/* ---- items of a sequence that is to be a dummy ---- */

/* Does a rule set something below this sequence of ds? */
static bool is_set_below(const struct session *s, const struct dcm_dataset *ds,
	const struct dcm_node *n)
{
	unsigned depth = 0;
	size_t i;

	for (; ds->parent; ds = ds->parent)
		depth++;
	for (i = 0; i < s->e->rules.n; i++) {
		const struct edit_rule *r = &s->e->rules.rules[i];

		if (r->verb == EDIT_SET && r->what == EDIT_PATH && r->path.n_steps > depth + 1 &&
			r->path.steps[depth].tag == n->el.tag)
			return true;
	}
	return false;
}

/* The profile's; but a sequence that it would take away stays where a rule sets something in it, and
 * says nothing else. */
static enum deid_action action_of(const struct session *s, const struct dcm_dataset *ds,
	const struct dcm_node *n)
{
	enum deid_action a = deid_action_of(n, s->e->keep);

	if ((a == DEID_REMOVE || a == DEID_EMPTY) && n->items && is_set_below(s, ds, n))
		return DEID_DUMMY;
	return a;
}

/* The sequence that this item is in; NULL: it is no item. The walk goes forward: it is the one that it
 * was for the item before, or is behind that. */
static const struct dcm_node *sequence_of(struct session *s, const struct dcm_dataset *item)
{
	const struct dcm_dataset *parent = item->parent;
	struct seen_sequence *seen;
	uint32_t i, k;

	if (!parent)
		return NULL;
	seen = &s->seen[((uintptr_t)parent / sizeof *parent) % (sizeof s->seen / sizeof *s->seen)];
	if (seen->ds != parent)
		*seen = (struct seen_sequence){ .ds = parent };
	for (i = 0; i < parent->n_nodes; i++) {
		const struct dcm_node *n;

		k = (seen->at + i) % parent->n_nodes;
		n = &parent->nodes[k];
		if (n->items && item >= n->items && item < n->items + n->n_items) {
			seen->at = k;
			return n;
		}
	}
	return NULL;
}

/* Names of what is told, and its units, are no one's. */
static bool is_concept(uint32_t tag)
{
	return tag == DCM_ConceptNameCodeSequence || tag == DCM_MeasurementUnitsCodeSequence;
}

/* Somewhere below a sequence whose value the profile replaces: contents of reports, persons and
 * institutions by their codes, notes on images. The profile's table has the sequence alone, since
 * what is in it, text and codes, has no row of its own. */
static bool is_in_dummy(struct session *s, const struct dcm_dataset *ds)
{
	const struct dcm_node *n;

	for (; (n = sequence_of(s, ds)) != NULL; ds = ds->parent) {
		if (is_concept(n->el.tag))
			return false;
		if (action_of(s, ds->parent, n) == DEID_DUMMY)
			return true;
	}
	return false;
}

/* Words and codes, where the profile says nothing of them. */
static bool is_telling(const struct dcm_node *n)
{
	switch (n->el.vr) {
	case DCM_VR_AE:
	case DCM_VR_LO:
	case DCM_VR_LT:
	case DCM_VR_PN:
	case DCM_VR_SH:
	case DCM_VR_ST:
	case DCM_VR_UC:
	case DCM_VR_UN:
	case DCM_VR_UR:
	case DCM_VR_UT:
		return n->el.len > 0;
	default:
		return false;
	}
}

/* Codes that say what an image is: were one of them some person's name too, it would stay. */
static bool is_needed_code(uint32_t tag)
{
	static const uint32_t tags[] = { DCM_ImageType, DCM_Modality, DCM_ComplexImageComponent,
		DCM_BodyPartExamined, DCM_MRAcquisitionType, DCM_AcquisitionContrast,
		DCM_PhotometricInterpretation, DCM_PatientPosition, DCM_SpecificCharacterSet,
		DCM_ScanningSequence, DCM_SequenceVariant, DCM_ConversionType,
		DCM_PresentationIntentType, DCM_ValueType, DCM_RelationshipType,
		DCM_ContinuityOfContent, DCM_CompletionFlag, DCM_VerificationFlag,
		DCM_SegmentationType, DCM_Laterality };
	size_t i;

	for (i = 0; i < sizeof tags / sizeof *tags; i++)
		if (tags[i] == tag)
			return true;
	return false;
}

/* Codes, dates and the like are whole or nothing. */
static bool is_free_text(uint16_t vr)
{
	switch (vr) {
	case DCM_VR_AE:
	case DCM_VR_AS:
	case DCM_VR_CS:
	case DCM_VR_DA:
	case DCM_VR_DT:
	case DCM_VR_TM:
		return false;
	default:
		return true;
	}
}

static bool is_bytes(uint16_t vr)
{
	return vr == DCM_VR_UN || vr == DCM_VR_OB || vr == DCM_VR_OW;
}

/* Three quarters of it, be it bytes or words: a palette's ramp has all letters in it, too. */
static bool is_mostly_text(const uint8_t *value, uint64_t len)
{
	uint64_t n_text = 0, i;

	for (i = 0; i < len; i++)
		n_text += value[i] >= ' ' && value[i] <= '~';
	return 4 * n_text >= 3 * len;
}

/* May a secret stand in it, where it stays? Numbers say nothing of a person, UIDs are mapped. */
static bool may_tell(const struct dcm_node *n)
{
	if (!n->value || n->items || n->el.vr == DCM_VR_UI || n->el.vr == DCM_VR_DS ||
		n->el.vr == DCM_VR_IS)
		return false;
	if (is_bytes(n->el.vr))
		return n->el.vr == DCM_VR_UN || is_mostly_text(n->value, n->el.len);
	return dcm_vr_is_text(n->el.vr) && !is_needed_code(n->el.tag);
}

static bool says_something(const struct buf *text)
{
	size_t i;

	for (i = 0; i < text->len; i++)
		if (!strchr(" ^=\\.,;:-_/", text->data[i]))
			return true;
	return false;
}

/* Sentences, in which a short word may be a name. Single words may be that of a kernel or a unit. */
static bool is_prose(const struct dcm_node *n)
{
	return n->el.vr == DCM_VR_LT || n->el.vr == DCM_VR_ST || n->el.vr == DCM_VR_UC ||
		n->el.vr == DCM_VR_UT;
}

/* A text that stays, without what was taken away elsewhere; a dummy where nothing is left. */
static enum part10_action scrub(struct session *s, const struct dcm_node *n, bool prose,
	struct part10_value *v)
{
	char *copy = NULL;
	struct buf left;
	bool found;
	size_t len;

	if (secrets_are_none(&s->secrets) || !may_tell(n))
		return PART10_KEEP;
	buf_init(&left);
	if (secrets_remove(&s->secrets, (const char *)n->value, (size_t)n->el.len, prose, &left,
		    &found) < 0) {
		buf_release(&left);
		return drop_all(s);
	}
	len = left.len;
	if (found && is_free_text(n->el.vr) && !is_bytes(n->el.vr) && says_something(&left)) {
		copy = arena_memdup(&s->arena, left.data, len);
		s->failed |= !copy;
	}
	buf_release(&left);
	if (!found)
		return PART10_KEEP;
	if (n->el.vr == DCM_VR_CS || is_bytes(n->el.vr))
		return replace(v, NULL, 0);
	return copy ? replace(v, copy, len) : replace_by_dummy(v, n->el.vr);
}

static bool is_number(uint16_t vr)
{
	return vr == DCM_VR_DS || vr == DCM_VR_IS;
}

/* Digits, and the letters of "nan" and "infinity" where digits are none. */
static bool looks_like_numbers(const struct dcm_node *n)
{
	size_t len, i, at = 0;
	const char *text;

	while (dcm_next_raw_text(n, &at, &text, &len)) {
		if ((len == 3 && strncasecmp(text, "nan", 3) == 0) ||
			(len >= 3 && len <= 4 && strncasecmp(text + len - 3, "inf", 3) == 0))
			continue;
		for (i = 0; i < len; i++)
			if (text[i] && !strchr("0123456789+-.,eE ", text[i]))
				return false;
	}
	return true;
}

/* A text by the dictionary that is written as anything else, a number that is none: neither is
 * looked into. Nor are items of a sequence that is not written as one. */
static bool is_disguised(const struct dcm_node *n)
{
	const struct dcm_dict_entry *e = dcm_dict_find(n->el.tag);

	if (n->items || !n->el.len || n->el.vr == DCM_VR_SQ)
		return false;
	if (e && e->vr == DCM_VR_SQ)
		return true;
	if (n->el.vr == DCM_VR_UN)
		return false;
	if (e && dcm_vr_is_text(e->vr) && !dcm_vr_is_text(n->el.vr))
		return !is_number(e->vr) || is_bytes(n->el.vr);
	if (e && !dcm_vr_is_text(e->vr) && dcm_vr_is_text(n->el.vr))
		return !looks_like_numbers(n);
	return is_number(n->el.vr) && n->value && !looks_like_numbers(n);
}

/* What was measured, of a patient as well: in a report, age and weight are numbers among others. */
static bool is_measured(uint32_t tag)
{
	return tag == DCM_MeasuredValueSequence || tag == DCM_NumericValue;
}

/* Of what the profile's table does not name. */
static enum deid_action action_within(struct session *s, const struct dcm_dataset *ds,
	const struct dcm_node *n)
{
	if ((!is_telling(n) && !is_measured(n->el.tag)) || !is_in_dummy(s, ds))
		return DEID_KEEP;
	if (is_telling(n))
		return DEID_DUMMY;
	return is_set_below(s, ds, n) ? DEID_KEEP : DEID_EMPTY;
}

static enum part10_action deidentify(struct session *s, const struct dcm_dataset *ds,
	const struct dcm_node *n, struct part10_value *v)
{
	enum deid_action action = action_of(s, ds, n);

	if (dcm_header_is_pixels(s->h, n))
		return PART10_KEEP;
	if ((action == DEID_KEEP || action == DEID_CLEAN || action == DEID_ITEMS) &&
		is_disguised(n))
		action = DEID_EMPTY;
	else if (action == DEID_KEEP)
		action = action_within(s, ds, n);
	switch (action) {
	case DEID_REMOVE:
		return PART10_DROP;
	case DEID_EMPTY:
		v->vr = n->items ? DCM_VR_SQ : n->el.vr;
		return replace(v, NULL, 0);
	case DEID_DUMMY:
		return dummy(s, n, v);
	case DEID_UID:
		return map_uids(s, n, v);
	case DEID_SHIFT:
		return shift_dates(s, n, v);
	case DEID_KEEP:
	case DEID_CLEAN:
	case DEID_ITEMS:
		return scrub(s, n, action == DEID_CLEAN || is_prose(n), v);
	}
	return PART10_DROP;
}

/* A value that was left in the file for its length, and that would stay, for all that is known: is it
 * to be read? Numbers are not; bytes are where they begin as a text. */
static bool is_to_be_read(struct session *s, const struct dcm_dataset *ds, const struct dcm_node *n)
{
	uint8_t begin[4096];
	size_t len = (size_t)min_u64(n->el.len, sizeof begin);
	enum deid_action action;

	if (n->value || !n->el.len || n->el.len == DCM_UNDEFINED_LENGTH || n->items ||
		dcm_header_is_pixels(s->h, n))
		return false;
	action = action_of(s, ds, n);
	if (action == DEID_REMOVE || action == DEID_EMPTY || action == DEID_DUMMY)
		return false;
	if (!is_bytes(n->el.vr))
		return dcm_vr_is_text(n->el.vr);
	return dcm_source_read_full(s->h->file.source, begin, len, n->el.off, NULL) < 0 ||
		is_mostly_text(begin, len);
}

static enum part10_action deidentify_unread(struct session *s, const struct dcm_dataset *ds,
	const struct dcm_node *n, struct part10_value *v)
{
	struct dcm_node whole = *n;
	enum part10_action action;
	bool owned;
	int rc = dcm_header_load(s->h, n, &whole.value, &owned, NULL);

	if (rc < 0 && rc != -EFBIG && rc != -EBADMSG)
		s->read_error = rc;
	if (rc < 0) /* what cannot be looked into cannot stay */
		return replace(v, NULL, 0);
	/* numbers and tables are longer than texts, and have more of anything by chance */
	if (is_bytes(n->el.vr) && !is_mostly_text(whole.value, n->el.len))
		action = PART10_KEEP;
	else
		action = deidentify(s, ds, &whole, v);
	if (owned)
		mem_free((void *)(uintptr_t)whole.value);
	return action;
}

/* Text of another character set, where rules brought one that it cannot hold: n's own, or what
 * stands for it. */
static enum part10_action to_utf8(struct session *s, const struct dcm_dataset *ds,
	const struct dcm_node *n, enum part10_action action, struct part10_value *v)
{
	const char *text = action == PART10_REPLACE ? v->bytes : (const char *)n->value;
	char *copy = NULL;
	struct buf b;
	size_t len;

	if (n->el.tag == DCM_SpecificCharacterSet)
		return replace(v, "ISO_IR 192", 10);
	if (!text || n->items || !dcm_vr_has_charset(n->el.vr))
		return action;
	len = action == PART10_REPLACE ? v->len : (size_t)n->el.len;
	buf_init(&b);
	charset_decode(ds->charset, n->el.vr, text, len, &b);
	len = b.len;
	if (!buf_error(&b))
		copy = arena_memdup(&s->arena, b.data, b.len);
	buf_release(&b);
	return copy ? replace(v, copy, len) : drop_all(s);
}

static enum part10_action edit(void *arg, const struct dcm_dataset *ds, const struct dcm_node *n,
	struct part10_value *v)
{
	struct session *s = arg;
	const struct edit_rule *rule = edit_rules_find(&s->e->rules, ds, n);
	enum part10_action action = PART10_KEEP;
	const char *value;
	size_t len;

	if (rule && rule->verb == EDIT_DELETE)
		return PART10_DROP;
	/* a rule whose value the element cannot have is as if there were none */
	value = rule ? edit_rule_value(rule, n->el.vr, &s->arena, &len) : NULL;
	if (value)
		return replace(v, value, len);
	if (s->e->deidentify)
		action = is_to_be_read(s, ds, n) ? deidentify_unread(s, ds, n, v) :
						   deidentify(s, ds, n, v);
	if (action != PART10_DROP && s->e->rules.beyond_ascii)
		action = to_utf8(s, ds, n, action, v);
	return action;
}

/* ---- what every edited file has ---- */

static struct part10_addition *find_added(struct session *s, uint32_t tag)
{
	size_t i;

	for (i = 0; i < s->n_add; i++)
		if (s->add[i].tag == tag)
			return &s->add[i];
	return NULL;
}

/* In the place of what was added with this tag before. */
static void add(struct session *s, uint32_t tag, uint16_t vr, const void *bytes, size_t len)
{
	struct part10_addition *old = find_added(s, tag);
	size_t i = s->n_add;

	if (old) {
		old->vr = vr;
		old->bytes = bytes;
		old->len = len;
		return;
	}
	if (s->n_add == MAX_ADDITIONS)
		return;
	for (; i > 0 && s->add[i - 1].tag > tag; i--)
		s->add[i] = s->add[i - 1];
	s->add[i] = (struct part10_addition){ .tag = tag, .vr = vr, .bytes = bytes, .len = len };
	s->n_add++;
}

/* A code sequence's items as bytes: PS3.15 E.1.1, PS3.16 CID 7050. */
static void add_method_codes(struct session *s)
{
	static const struct {
		unsigned option; /* 0: always */
		const char *code, *meaning;
	} codes[] = {
		{ 0, "113100", "Basic Application Confidentiality Profile" },
		{ DEID_DESCRIPTORS, "113105", "Clean Descriptors Option" },
		{ DEID_DATES, "113106",
			"Retain Longitudinal Temporal Information Full Dates Option" },
		{ DEID_SHIFT_DATES, "113107",
			"Retain Longitudinal Temporal Information Modified Dates Option" },
		{ DEID_PATIENT, "113108", "Retain Patient Characteristics Option" },
		{ DEID_DEVICE, "113109", "Retain Device Identity Option" },
		{ DEID_UIDS, "113110", "Retain UIDs Option" },
		{ DEID_INSTITUTION, "113112", "Retain Institution Identity Option" },
	};
	struct buf b;
	char *copy;
	size_t i;

	buf_init(&b);
	for (i = 0; i < sizeof codes / sizeof *codes; i++) {
		if (codes[i].option && !(s->e->keep & codes[i].option))
			continue;
		part10_put_item(&b, false);
		part10_put_text(&b, DCM_CodeValue, DCM_VR_SH, codes[i].code);
		part10_put_text(&b, DCM_CodingSchemeDesignator, DCM_VR_SH, "DCM");
		part10_put_text(&b, DCM_CodeMeaning, DCM_VR_LO, codes[i].meaning);
		part10_put_item(&b, true);
	}
	copy = buf_error(&b) ? NULL : arena_memdup(&s->arena, b.data, b.len);
	if (copy)
		add(s, DCM_DeidentificationMethodCodeSequence, DCM_VR_SQ, copy, b.len);
	s->failed |= !copy;
	buf_release(&b);
}

static void add_text(struct session *s, uint32_t tag, uint16_t vr, const char *text)
{
	add(s, tag, vr, text, strlen(text));
}

/* Of files that name no patient by number: or else all of them would be one. */
static void add_patient(struct session *s)
{
	struct dcm_node n = { .el = { .tag = DCM_PatientID, .vr = DCM_VR_LO } };
	const struct edit_rule *rule = edit_rules_find(&s->e->rules, &s->h->top, &n);
	const char *id;

	if (rule && rule->verb == EDIT_DELETE)
		return;
	id = pseudonym(s, s->patient.data, s->patient.len);
	if (id)
		add_text(s, DCM_PatientID, DCM_VR_LO, id);
	s->failed |= !id;
}

static void add_deidentification(struct session *s)
{
	unsigned keep = s->e->keep;

	add_text(s, DCM_PatientIdentityRemoved, DCM_VR_CS, "YES");
	add_text(s, DCM_DeidentificationMethod, DCM_VR_LO, "dcmfs: PS3.15 Basic Profile");
	add_method_codes(s);
	if (!dcm_get(&s->h->top, DCM_PatientID))
		add_patient(s);
	add_text(s, DCM_LongitudinalTemporalInformationModified, DCM_VR_CS,
		keep & DEID_DATES               ? "UNMODIFIED" :
			keep & DEID_SHIFT_DATES ? "MODIFIED" :
						  "REMOVED");
}

/* What becomes of a UID of the data set, its twin in the meta information has too. */
static void add_twin(struct session *s, uint32_t tag, uint32_t meta_tag)
{
	const struct dcm_node *own = dcm_get(&s->h->top, tag);
	bool from_meta = !own || !own->el.len;
	const struct dcm_dataset *ds = from_meta ? &s->h->meta : &s->h->top;
	const struct dcm_node *uid = from_meta ? dcm_get(ds, meta_tag) : own;
	const struct part10_addition *added = find_added(s, tag);
	struct part10_value v = { .vr = DCM_VR_UI };
	enum part10_action action = PART10_KEEP;

	if (!added && uid)
		action = edit(s, ds, uid, &v);
	if (added)
		add(s, meta_tag, DCM_VR_UI, added->bytes, added->len);
	else if (action == PART10_REPLACE)
		add(s, meta_tag, DCM_VR_UI, v.bytes, v.len);
	else if (action == PART10_DROP)
		add(s, meta_tag, DCM_VR_UI, "", 0);
	else if (s->e->deidentify && uid && !from_meta)
		add(s, meta_tag, DCM_VR_UI, uid->value, (size_t)uid->el.len);
}

/* What the rules make of the element that r sets: the last one that is for it counts. */
static void add_set(struct session *s, const struct edit_rule *r)
{
	struct dcm_node n = { .el = { .tag = r->tag, .vr = r->vr } };
	const struct edit_rule *last = edit_rules_find(&s->e->rules, &s->h->top, &n);
	const char *value = NULL;
	size_t len;

	if (last && last->verb == EDIT_DELETE)
		return;
	if (last)
		value = edit_rule_value(last, r->vr, &s->arena, &len);
	if (!value)
		value = edit_rule_value(r, r->vr, &s->arena, &len);
	if (value)
		add(s, r->tag, r->vr, value, len);
}

/* `set` rules of the top level stand for what was there. */
static void add_everything(struct session *s)
{
	size_t i;

	if (s->e->deidentify)
		add_deidentification(s);
	for (i = 0; i < s->e->rules.n; i++)
		if (edit_rule_adds(&s->e->rules.rules[i]))
			add_set(s, &s->e->rules.rules[i]);
	if (s->e->rules.beyond_ascii)
		add_text(s, DCM_SpecificCharacterSet, DCM_VR_CS, "ISO_IR 192");
	add_text(s, DCM_ImplementationClassUID, DCM_VR_UI, OUR_CLASS);
	add_text(s, DCM_ImplementationVersionName, DCM_VR_SH, OUR_VERSION);
	add_twin(s, DCM_SOPClassUID, DCM_MediaStorageSOPClassUID);
	add_twin(s, DCM_SOPInstanceUID, DCM_MediaStorageSOPInstanceUID);
}

/* ---- pixels that may show a name ---- */

static void flag(struct session *s)
{
	const char *reason = edit_pixels_suspicion(s->h), *text;
	char uid[65], *copy;
	size_t len;

	if (!reason ||
		(!dcm_raw_text(dcm_get(&s->h->top, DCM_SOPInstanceUID), 0, &text, &len) &&
			!dcm_raw_text(dcm_get(&s->h->meta, DCM_MediaStorageSOPInstanceUID), 0,
				&text, &len)))
		return;
	if (s->e->keep & DEID_UIDS)
		snprintf(uid, sizeof uid, "%.*s", (int)min_size(len, 64), text);
	else
		deid_uid(s->e->key, text, len, uid);
	pthread_mutex_lock(&s->e->lock);
	if (!map_get_str(&s->e->seen, uid)) {
		copy = arena_strdup(&s->e->arena, uid);
		if (copy && map_put_str(&s->e->seen, copy, copy) == 0)
			buf_addf(&s->e->flagged, "%s\t%s\n", uid, reason);
	}
	pthread_mutex_unlock(&s->e->lock);
}

void editor_flagged(struct editor *e, struct buf *out)
{
	pthread_mutex_lock(&e->lock);
	buf_add(out, e->flagged.data, e->flagged.len);
	pthread_mutex_unlock(&e->lock);
}

/* ---- the source that the edited file is ---- */

struct edited {
	struct dcm_source source;
	struct dcm_source *base;
	struct part10 file;
	struct edit_comments comments;
};

static int64_t fetch(void *arg, const struct part10_part *p, void *buf, size_t n, uint64_t off,
	struct err *err)
{
	struct edited *x = arg;
	int rc = dcm_source_read_full(x->base, buf, n, p->off + off, err);

	if (rc < 0)
		return rc;
	edit_comments_blank(&x->comments, buf, n, p->off + off);
	return (int64_t)n;
}

/* Nothing beside an error: who reads a source takes fewer bytes for its end. */
static int64_t read_edited(struct dcm_source *s, void *buf, size_t n, uint64_t off, struct err *err)
{
	struct edited *x = (struct edited *)s;
	size_t done;
	int rc = part10_read(&x->file, buf, n, off, fetch, x, &done, err);

	return rc < 0 ? rc : (int64_t)done;
}

static void close_edited(struct dcm_source *s)
{
	struct edited *x = (struct edited *)s;

	part10_release(&x->file);
	edit_comments_release(&x->comments);
	dcm_source_close(x->base);
	mem_free(x);
}

static const struct dcm_source_ops edited_ops = { .pread = read_edited, .close = close_edited };

static bool add_value(struct buf *out, const struct dcm_header *h, uint32_t tag)
{
	const char *text;
	size_t len;

	if (!dcm_raw_text(dcm_get(&h->top, tag), 0, &text, &len) || !len)
		return false;
	buf_add(out, text, len);
	return true;
}

/* PatientID; where there is none name and birth date, or else the study. */
static void tell_patient(const struct dcm_header *h, struct buf *out)
{
	if (add_value(out, h, DCM_PatientID))
		return;
	if (add_value(out, h, DCM_PatientName)) {
		buf_addc(out, '\0');
		add_value(out, h, DCM_PatientBirthDate);
		return;
	}
	buf_addc(out, '\0');
	add_value(out, h, DCM_StudyInstanceUID);
}

static int write_edited(struct editor *e, struct dcm_header *h, struct part10 *out, struct err *err)
{
	struct session s = { .e = e, .h = h };
	struct part10_plan plan = { .edit = edit,
		.edit_arg = &s,
		.drop_source_title = true,
		.add = s.add };
	int rc = edit_rules_make_room(&e->rules, h, err);

	if (rc < 0)
		return rc;
	edit_pixels_plan(h, e->deidentify, &plan);
	buf_init(&s.patient);
	tell_patient(h, &s.patient);
	s.failed = buf_error(&s.patient) < 0;
	s.shift_days = deid_shift_days(e->key, s.patient.data, s.patient.len);
	if (e->deidentify) {
		collect_secrets(&s);
		flag(&s);
	}
	add_everything(&s);
	plan.n_add = s.n_add;
	rc = part10_write(h, &plan, out, err);
	if (rc == 0 && (s.failed || s.read_error)) {
		part10_release(out);
		rc = s.failed ? err_nomem(err) : err_set(err, s.read_error, "read a value");
	}
	secrets_release(&s.secrets);
	buf_release(&s.patient);
	arena_release(&s.arena);
	return rc;
}

int editor_filter(void *editor, struct dcm_source *in, struct dcm_source **out, struct err *err)
{
	struct editor *e = editor;
	struct dcm_header *h;
	struct edited *x;
	int rc = dcm_header_read(in, DCM_LOAD_ALL, 0, &h, err);

	if (rc < 0)
		return rc;
	x = mem_calloc(1, sizeof *x);
	if (!x) {
		dcm_header_free(h);
		return err_nomem(err);
	}
	rc = e->deidentify ? edit_comments_find(h, &x->comments, err) : 0;
	if (rc == 0)
		rc = write_edited(e, h, &x->file, err);
	if (rc == 0) {
		x->base = h->file.source;
		x->source = (struct dcm_source){ .ops = &edited_ops,
			.size = x->file.size,
			.held_bytes = part10_held_bytes(&x->file) + x->base->held_bytes +
				x->comments.cap * sizeof *x->comments.all };
		h->file.source = NULL;
		*out = &x->source;
	} else {
		edit_comments_release(&x->comments);
		mem_free(x);
	}
	dcm_header_free(h);
	return rc;
}

/* ---- the editor ---- */

static int set_key(struct editor *e, const struct editor_options *o, struct err *err)
{
	if (o->key)
		deid_key(o->key, o->key_len, e->key);
	else if (getrandom(e->key, sizeof e->key, 0) != (ssize_t)sizeof e->key)
		return err_errno(err, "make a random key");
	return 0;
}

int editor_new(const struct editor_options *o, struct editor **out, struct err *err)
{
	struct editor *e = mem_calloc(1, sizeof *e);
	int rc;

	if (!e)
		return err_nomem(err);
	pthread_mutex_init(&e->lock, NULL);
	e->deidentify = o->deidentify;
	e->keep = o->keep;
	e->least_mtime_ns = o->deidentify && !(o->keep & DEID_DATES) ? clock_ns(CLOCK_REALTIME) :
								       INT64_MIN;
	rc = set_key(e, o, err);
	if (rc == 0 && o->rules)
		rc = edit_rules_parse(o->rules, &e->rules, err);
	if (rc < 0) {
		editor_free(e);
		return rc;
	}
	*out = e;
	return 0;
}

int64_t editor_least_mtime_ns(const struct editor *e)
{
	return e->least_mtime_ns;
}

void editor_free(struct editor *e)
{
	if (!e)
		return;
	edit_rules_release(&e->rules);
	buf_release(&e->flagged);
	map_release(&e->seen);
	arena_release(&e->arena);
	pthread_mutex_destroy(&e->lock);
	mem_free(e);
}
