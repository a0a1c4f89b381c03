/* SPDX-License-Identifier: MIT */
/*
 * What the Basic Profile makes of each element of a file (PS3.15 E.1): see format/edit_session.h.
 *
 * What it takes away is looked for in what stays: names and numbers of a patient are in texts as well.
 */
#include "format/edit_session.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "dicom/dict.h"
#include "dicom/source.h"
#include "dicom/tags.h"
#include "dicom/value.h"

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
void edit_collect_secrets(struct session *s)
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

enum part10_action edit_replace(struct part10_value *v, const void *bytes, size_t len)
{
	v->bytes = bytes ? bytes : "";
	v->len = bytes ? len : 0;
	return PART10_REPLACE;
}

static enum part10_action replace_by_dummy(struct part10_value *v, uint16_t vr)
{
	size_t len;
	const void *bytes = deid_dummy(vr, &len);

	return edit_replace(v, bytes, len);
}

enum part10_action edit_drop_all(struct session *s)
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
	return copy ? edit_replace(v, copy, len) : edit_drop_all(s);
}

/* Each value moved; what is no date goes. */
static enum part10_action shift_dates(struct session *s, const struct dcm_node *n,
	struct part10_value *v)
{
	size_t len, from = 0, to = 0;
	const char *text;
	char *out;

	if (!n->value)
		return edit_replace(v, NULL, 0);
	out = arena_alloc(&s->arena, (size_t)n->el.len + 2);
	if (!out)
		return edit_drop_all(s);
	while (dcm_next_raw_text(n, &from, &text, &len)) {
		if (deid_shift_date(text, len, s->shift_days, out + to))
			to += strlen(out + to);
		out[to++] = '\\';
	}
	return edit_replace(v, out, to ? to - 1 : 0);
}

char *edit_pseudonym(struct session *s, const char *text, size_t len)
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
		out = n->el.depth && len ? edit_pseudonym(s, text, len) :
					   edit_pseudonym(s, s->patient.data, s->patient.len);
		return out ? edit_replace(v, out, strlen(out)) : edit_drop_all(s);
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
		return edit_drop_all(s);
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
		return edit_replace(v, NULL, 0);
	return copy ? edit_replace(v, copy, len) : replace_by_dummy(v, n->el.vr);
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
		return edit_replace(v, NULL, 0);
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
		return edit_replace(v, NULL, 0);
	/* numbers and tables are longer than texts, and have more of anything by chance */
	if (is_bytes(n->el.vr) && !is_mostly_text(whole.value, n->el.len))
		action = PART10_KEEP;
	else
		action = deidentify(s, ds, &whole, v);
	if (owned)
		mem_free((void *)(uintptr_t)whole.value);
	return action;
}

enum part10_action edit_deidentify(struct session *s, const struct dcm_dataset *ds,
	const struct dcm_node *n, struct part10_value *v)
{
	return is_to_be_read(s, ds, n) ? deidentify_unread(s, ds, n, v) : deidentify(s, ds, n, v);
}
