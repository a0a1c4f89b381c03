/* SPDX-License-Identifier: MIT */
/* Values of keywords, by instance: see view/keywords.h. */
#include "view/keywords.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/map.h"
#include "base/mem.h"
#include "dicom/attrpath.h"

#define MAX_KEYWORDS 512u
#define N_READERS 8u

/* Where the index keeps it. */
enum place {
	PLACE_HEADER,
	PLACE_TEXT,
	PLACE_INT,
	PLACE_DOUBLE,
	PLACE_COUNT,
	PLACE_NUMBER,
	PLACE_U16,
	PLACE_PHOTOMETRIC
};

struct known {
	const char *keyword;
	enum place place;
	size_t offset; /* in struct attributes; PLACE_COUNT, PLACE_NUMBER: in struct instance */
};

#define TEXT(keyword, field)                                                                       \
	{                                                                                          \
		keyword, PLACE_TEXT, offsetof(struct attributes, field)                            \
	}
#define NUMBER(keyword, field)                                                                     \
	{                                                                                          \
		keyword, PLACE_DOUBLE, offsetof(struct attributes, field)                          \
	}
#define HEADER(keyword)                                                                            \
	{                                                                                          \
		keyword, PLACE_HEADER, 0                                                           \
	}

/* What people sort by, in the order of the standard's modules; the first N_LISTED are listed. */
static const struct known known[] = {
	TEXT("PatientID", patient_id),
	TEXT("PatientName", patient_name),
	TEXT("PatientBirthDate", patient_birth_date),
	TEXT("PatientSex", patient_sex),
	HEADER("PatientAge"),
	TEXT("StudyInstanceUID", study_uid),
	TEXT("StudyDate", study_date),
	TEXT("StudyDescription", study_description),
	TEXT("StudyID", study_id),
	TEXT("AccessionNumber", accession_number),
	HEADER("ReferringPhysicianName"),
	TEXT("SeriesInstanceUID", series_uid),
	{ "SeriesNumber", PLACE_INT, offsetof(struct attributes, series_number) },
	TEXT("SeriesDescription", series_description),
	TEXT("SeriesDate", series_date),
	TEXT("Modality", modality),
	TEXT("BodyPartExamined", body_part),
	TEXT("ProtocolName", protocol_name),
	TEXT("PatientPosition", patient_position),
	TEXT("FrameOfReferenceUID", frame_of_reference_uid),
	TEXT("Manufacturer", manufacturer),
	TEXT("ManufacturerModelName", model_name),
	HEADER("DeviceSerialNumber"),
	TEXT("StationName", station_name),
	TEXT("InstitutionName", institution_name),
	TEXT("SoftwareVersions", software_versions),
	HEADER("MagneticFieldStrength"),
	TEXT("SOPClassUID", sop_class),
	TEXT("TransferSyntaxUID", transfer_syntax),
	TEXT("ImageType", image_type),
	{ "Rows", PLACE_COUNT, offsetof(struct attributes, pixel.rows) },
	{ "Columns", PLACE_COUNT, offsetof(struct attributes, pixel.cols) },
	{ "BitsStored", PLACE_U16, offsetof(struct attributes, pixel.bits_stored) },
	{ "PhotometricInterpretation", PLACE_PHOTOMETRIC,
		offsetof(struct attributes, pixel.photometric) },
	NUMBER("SliceThickness", slice_thickness),
	TEXT("SequenceName", sequence_name),
	TEXT("ScanningSequence", scanning_sequence),
	TEXT("MRAcquisitionType", mr_acquisition_type),
	NUMBER("EchoTime", echo_time),
	NUMBER("RepetitionTime", repetition_time),
	NUMBER("FlipAngle", flip_angle),
	HEADER("ContrastBolusAgent"),
#define N_LISTED 42u
	TEXT("StudyTime", study_time),
	TEXT("SeriesTime", series_time),
	TEXT("SequenceVariant", sequence_variant),
	TEXT("ScanOptions", scan_options),
	NUMBER("SpacingBetweenSlices", spacing_between_slices),
	NUMBER("InversionTime", inversion_time),
	{ "InstanceNumber", PLACE_NUMBER, 0 },
};

struct keyword {
	char *name;
	struct attrpath path;
	const struct known *known;       /* NULL: the headers alone know */
	const struct value_list **by_id; /* NULL entries: not known yet; protected by lock */
	uint32_t n_ids;
};

struct keywords {
	struct files *files;
	pthread_mutex_t load_lock; /* one load at a time */
	pthread_rwlock_t lock;     /* protects keywords, n, lists and arena */
	struct keyword *all[MAX_KEYWORDS];
	uint32_t n, n_listed;
	struct map lists; /* joined text -> struct value_list */
	struct arena arena;
	const struct value_list *none;
};

static const struct known *find_known(const char *path)
{
	size_t i;

	for (i = 0; i < sizeof known / sizeof *known; i++)
		if (strcmp(known[i].keyword, path) == 0)
			return &known[i];
	return NULL;
}

/* Under the write lock. */
static int add_keyword(struct keywords *k, const char *path, uint32_t *id, struct err *err)
{
	struct keyword *w;

	for (*id = 0; *id < k->n; (*id)++)
		if (strcmp(k->all[*id]->name, path) == 0)
			return 0;
	w = mem_calloc(1, sizeof *w);
	if (!w)
		return err_nomem(err);
	w->name = mem_strdup(path);
	w->known = find_known(path);
	if (!w->name || !attrpath_parse(path, &w->path) || k->n == MAX_KEYWORDS) {
		bool no_memory = !w->name;

		mem_free(w->name);
		mem_free(w);
		return no_memory ? err_nomem(err) :
				   err_set(err, -ENOENT, "%s: no such keyword", path);
	}
	k->all[k->n++] = w;
	return 0;
}

static int add_extra(struct keywords *k, const char *extra, struct err *err)
{
	char word[256];
	uint32_t id;
	size_t len;
	int rc;

	for (; extra && *extra; extra += len + (extra[len] == ':')) {
		len = strcspn(extra, ":");
		if (len >= sizeof word)
			return err_set(err, -EINVAL, "by=: %s: too long", extra);
		memcpy(word, extra, len);
		word[len] = '\0';
		rc = len ? add_keyword(k, word, &id, err) : 0;
		if (rc == -ENOMEM)
			return rc;
		if (rc < 0)
			return err_set(err, -EINVAL, "by=: %s: no such keyword", word);
	}
	return 0;
}

int keywords_new(struct files *files, const char *extra, struct keywords **out, struct err *err)
{
	struct keywords *k = mem_calloc(1, sizeof *k);
	struct value_list *none;
	uint32_t id;
	size_t i;
	int rc = 0;

	if (!k)
		return err_nomem(err);
	k->files = files;
	pthread_mutex_init(&k->load_lock, NULL);
	pthread_rwlock_init(&k->lock, NULL);
	none = arena_zalloc(&k->arena, 1, sizeof *none);
	k->none = none;
	for (i = 0; i < N_LISTED && rc == 0; i++)
		rc = add_keyword(k, known[i].keyword, &id, err);
	if (rc == 0)
		rc = none ? add_extra(k, extra, err) : err_nomem(err);
	k->n_listed = k->n;
	if (rc < 0) {
		keywords_free(k);
		return rc;
	}
	*out = k;
	return 0;
}

void keywords_free(struct keywords *k)
{
	uint32_t i;

	if (!k)
		return;
	for (i = 0; i < k->n; i++) {
		mem_free(k->all[i]->name);
		mem_free(k->all[i]->by_id);
		mem_free(k->all[i]);
	}
	map_release(&k->lists);
	arena_release(&k->arena);
	pthread_rwlock_destroy(&k->lock);
	pthread_mutex_destroy(&k->load_lock);
	mem_free(k);
}

int keyword_find(struct keywords *k, const char *path, uint32_t *id, struct err *err)
{
	int rc;

	pthread_rwlock_wrlock(&k->lock);
	rc = add_keyword(k, path, id, err);
	pthread_rwlock_unlock(&k->lock);
	return rc;
}

const char *keyword_name(struct keywords *k, uint32_t id)
{
	const char *name;

	pthread_rwlock_rdlock(&k->lock);
	name = id < k->n ? k->all[id]->name : NULL;
	pthread_rwlock_unlock(&k->lock);
	return name;
}

uint32_t keywords_listed(struct keywords *k)
{
	return k->n_listed;
}

/* The list that the text, values joined by backslashes, is; under the write lock. NULL for want
 * of memory. */
static const struct value_list *intern_list(struct keywords *k, const char *joined)
{
	struct value_list *list = map_get_str(&k->lists, joined);
	size_t n = 1, i;
	const char *s;
	char *copy;

	if (list)
		return list;
	for (s = joined; *s; s++)
		n += *s == '\\';
	copy = arena_strdup(&k->arena, joined);
	list = arena_zalloc(&k->arena, 1, sizeof *list + n * sizeof list->text[0]);
	if (!copy || !list || map_put_str(&k->lists, copy, list) < 0)
		return NULL;
	copy = arena_strdup(&k->arena, joined);
	for (i = 0; copy && i < n; i++) {
		char *end = copy + strcspn(copy, "\\"), *next = *end ? end + 1 : NULL;

		while (end > copy && end[-1] == ' ')
			end--;
		*end = '\0';
		copy += strspn(copy, " ");
		if (*copy)
			list->text[list->n++] = copy;
		copy = next;
	}
	return list;
}

/* What the index knows, as text; empty: nothing. */
static void known_text(const struct known *w, const struct instance *in, struct buf *out)
{
	const char *at = (const char *)in->attr + w->offset;
	const char *text;
	double v;

	switch (w->place) {
	case PLACE_TEXT:
		memcpy(&text, at, sizeof text);
		buf_adds(out, text ? text : "");
		return;
	case PLACE_INT:
		if (*(const int32_t *)(const void *)at != INSTANCE_NO_INT)
			buf_add_i64(out, *(const int32_t *)(const void *)at);
		return;
	case PLACE_NUMBER:
		if (in->number != INSTANCE_NO_INT)
			buf_add_i64(out, in->number);
		return;
	case PLACE_DOUBLE:
		memcpy(&v, at, sizeof v);
		if (!isnan(v))
			buf_add_f64(out, v);
		return;
	case PLACE_COUNT:
		if (in->attr->pixel.rows)
			buf_add_u64(out, *(const uint32_t *)(const void *)at);
		return;
	case PLACE_U16:
		if (in->attr->pixel.rows)
			buf_add_u64(out, *(const uint16_t *)(const void *)at);
		return;
	case PLACE_PHOTOMETRIC:
		if (in->attr->pixel.rows)
			buf_adds(out, photometric_name(in->attr->pixel.photometric));
		return;
	case PLACE_HEADER:
		return;
	}
}

static int set_values(struct keywords *k, struct keyword *w, const struct instance *in,
	struct buf *text)
{
	const struct value_list *list = k->none;

	buf_addc(text, '\0');
	if (buf_error(text) < 0)
		return -ENOMEM;
	pthread_rwlock_wrlock(&k->lock);
	if (text->data[0])
		list = intern_list(k, text->data);
	w->by_id[in->id] = list;
	pthread_rwlock_unlock(&k->lock);
	buf_reset(text);
	return list ? 0 : -ENOMEM;
}

/* One load under way. */
struct load {
	struct keywords *k;
	struct instance **todo; /* whose headers are to be read */
	size_t n_todo;
	_Atomic size_t next;
	struct keyword *from_header[MAX_KEYWORDS];
	uint32_t n_from_header;
	_Atomic int rc;
};

/* A header that is broken stays so; one that cannot be had now is asked for by the next load again. */
static void *read_headers(void *arg)
{
	struct load *l = arg;
	struct dcm_header *h;
	struct buf text;
	uint32_t i;
	size_t at;
	int rc;

	buf_init(&text);
	while ((at = atomic_fetch_add(&l->next, 1)) < l->n_todo) {
		const struct instance *in = l->todo[at];

		rc = files_header(l->k->files, in, DCM_LOAD_BEFORE_PIXELS, 0, &h, NULL);
		if (rc < 0)
			h = NULL;
		for (i = 0; i < l->n_from_header && (h || files_fails_for_good(rc)); i++) {
			if (l->from_header[i]->by_id[in->id])
				continue;
			if (h)
				attrpath_render(&l->from_header[i]->path, h, &text);
			if (set_values(l->k, l->from_header[i], in, &text) < 0)
				l->rc = -ENOMEM;
		}
		dcm_header_free(h);
	}
	buf_release(&text);
	return NULL;
}

static int run_readers(struct load *l, struct err *err)
{
	pthread_t threads[N_READERS];
	unsigned n = 0, i;

	while (n < N_READERS && (size_t)n * 16 < l->n_todo &&
		pthread_create(&threads[n], NULL, read_headers, l) == 0)
		n++;
	if (!n)
		read_headers(l);
	for (i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	return l->rc < 0 ? err_nomem(err) : 0;
}

/* Room for every id of the catalog. */
static int make_room(struct keywords *k, struct keyword *w, uint32_t n_ids)
{
	const struct value_list **grown;

	if (n_ids <= w->n_ids)
		return 0;
	pthread_rwlock_wrlock(&k->lock);
	grown = mem_resize((void *)w->by_id, n_ids, sizeof *grown);
	if (grown) {
		memset(grown + w->n_ids, 0, (n_ids - w->n_ids) * sizeof *grown);
		w->by_id = grown;
		w->n_ids = n_ids;
	}
	pthread_rwlock_unlock(&k->lock);
	return grown ? 0 : -ENOMEM;
}

/* Each instance that the keyword has no values of yet. */
static int take_known(struct keywords *k, const struct catalog *c, struct keyword *w)
{
	struct buf text;
	uint32_t i;
	int rc = 0;

	buf_init(&text);
	for (i = 0; i < c->n_instances && rc == 0; i++) {
		const struct instance *in = c->instances_by_id[i];

		if (w->by_id[in->id])
			continue;
		known_text(w->known, in, &text);
		rc = set_values(k, w, in, &text);
	}
	buf_release(&text);
	return rc;
}

static bool is_missing(const struct load *l, const struct instance *in)
{
	uint32_t i;

	for (i = 0; i < l->n_from_header; i++)
		if (!l->from_header[i]->by_id[in->id])
			return true;
	return false;
}

/* Each instance that one of the keywords has no values of yet. */
static int find_todo(struct load *l, const struct catalog *c)
{
	uint32_t i;

	l->todo = mem_calloc(c->n_instances, sizeof *l->todo);
	if (!l->todo)
		return -ENOMEM;
	for (i = 0; i < c->n_instances; i++)
		if (is_missing(l, c->instances_by_id[i]))
			l->todo[l->n_todo++] = c->instances_by_id[i];
	return 0;
}

/* Headers are dear: who reads them for one keyword reads them for all that are listed. */
static void want_from_header(struct load *l, struct keyword *w)
{
	uint32_t i;

	for (i = 0; i < l->n_from_header; i++)
		if (l->from_header[i] == w)
			return;
	l->from_header[l->n_from_header++] = w;
}

static bool from_index(const struct keyword *w)
{
	return w->known && w->known->place != PLACE_HEADER;
}

static int load(struct keywords *k, const struct catalog *c, const uint32_t *ids, size_t n,
	struct err *err)
{
	uint32_t n_ids = c->n_ids, i;
	struct load l = { .k = k };
	size_t j;
	int rc = 0;

	for (j = 0; j < n && rc == 0; j++) {
		struct keyword *w = k->all[ids[j]];

		rc = make_room(k, w, n_ids);
		if (rc == 0 && from_index(w))
			rc = take_known(k, c, w);
		else if (rc == 0)
			want_from_header(&l, w);
	}
	for (i = 0; i < k->n_listed && l.n_from_header && rc == 0; i++)
		if (!from_index(k->all[i])) {
			rc = make_room(k, k->all[i], n_ids);
			want_from_header(&l, k->all[i]);
		}
	if (rc == 0 && l.n_from_header)
		rc = find_todo(&l, c);
	if (rc < 0)
		rc = err_nomem(err);
	else if (l.n_todo)
		rc = run_readers(&l, err);
	mem_free(l.todo);
	return rc;
}

int keywords_load(struct keywords *k, const struct catalog *c, const uint32_t *ids, size_t n,
	struct err *err)
{
	int rc;

	pthread_mutex_lock(&k->load_lock);
	rc = load(k, c, ids, n, err);
	pthread_mutex_unlock(&k->load_lock);
	return rc;
}

const struct value_list *keyword_values(struct keywords *k, uint32_t id, const struct instance *in)
{
	const struct value_list *list = NULL;

	pthread_rwlock_rdlock(&k->lock);
	if (id < k->n && in->id < k->all[id]->n_ids)
		list = k->all[id]->by_id[in->id];
	pthread_rwlock_unlock(&k->lock);
	return list ? list : k->none;
}
