/* SPDX-License-Identifier: MIT */
/* Files rewritten as they are opened: see format/edit.h. */
#include "format/edit.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
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
#include "format/edit_session.h"
#include "format/part10.h"
#include "format/secrets.h"

#define OUR_CLASS "2.25.189274652033812094476103871450943213727"
#define OUR_VERSION "DCMFS"

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
		return edit_replace(v, "ISO_IR 192", 10);
	if (!text || n->items || !dcm_vr_has_charset(n->el.vr))
		return action;
	len = action == PART10_REPLACE ? v->len : (size_t)n->el.len;
	buf_init(&b);
	charset_decode(ds->charset, n->el.vr, text, len, &b);
	len = b.len;
	if (!buf_error(&b))
		copy = arena_memdup(&s->arena, b.data, b.len);
	buf_release(&b);
	return copy ? edit_replace(v, copy, len) : edit_drop_all(s);
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
		return edit_replace(v, value, len);
	if (s->e->deidentify)
		action = edit_deidentify(s, ds, n, v);
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
	if (s->n_add == EDIT_MAX_ADDITIONS)
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
	id = edit_pseudonym(s, s->patient.data, s->patient.len);
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
		edit_collect_secrets(&s);
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
