/* SPDX-License-Identifier: MIT */
/*
 * The database.
 *
 *   files       a row a file below SOURCE, by folder and name: its stat, and its
 *               record where it is an instance (kind 0)
 *   attributes  what instances share, a row for each distinct block
 *   folders     paths below SOURCE
 *   problems    what was wrong with a file
 *   about       what the database is of
 *
 * and for whoever asks with `sqlite3` the views patients, studies, series and
 * instances, with DICOM's keywords as columns.
 *
 * Each row has a checksum over its record: SQLite finds broken pages, not changed
 * values. Rows of attributes and folders are never changed or dropped, so that a
 * process may remember their numbers for as long as the database is the same
 * one (`epoch`).
 *
 * Journal: write-ahead, so that readers and a writer do not wait for each other, and
 * synchronous=NORMAL: a power failure may take the last commits, which costs
 * reading some files once more; the database stays sound. Where the file system has no
 * write-ahead log (NFS), a rollback journal with synchronous=FULL.
 */
#include "persist.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "index/instance.h"
#include "index/intern.h"
#include "persist_schema.h"
#include "walk.h"

#define BUSY_MS      10000
#define COMMIT_ROWS  10000u             /* what is lost at most when the process is killed */
#define LOAD_RANGES  16u
#define KIND_INSTANCE 0                 /* others: 1 + enum other_kind */

struct persist {
	char *path, *source;
	int64_t epoch;                  /* of the database that the numbers below are of; 0: none */
	struct map attributes;          /* address -> struct numbered */
	struct arena numbers;
};

/* A row number of a block of attributes. */
struct numbered {
	const struct attributes *attr;
	int64_t id;
};

int persist_new(const char *path, const char *source, struct persist **out, struct err *err)
{
	struct persist *p = mem_calloc(1, sizeof *p);

	if (!p)
		return err_nomem(err);
	p->path = mem_strdup(path);
	p->source = mem_strdup(source);
	if (!p->path || !p->source) {
		persist_free(p);
		return err_nomem(err);
	}
	*out = p;
	return 0;
}

void persist_free(struct persist *p)
{
	if (!p)
		return;
	map_release(&p->attributes);
	arena_release(&p->numbers);
	mem_free(p->path);
	mem_free(p->source);
	mem_free(p);
}

/* --- SQLite ----------------------------------------------------------------------------------- */

/* -EBADMSG: the database is not sound, or not ours. */
static int db_error(sqlite3 *db, struct err *err)
{
	int rc = sqlite3_errcode(db) & 0xFF;

	if (rc == SQLITE_NOMEM)
		return err_nomem(err);
	if (rc == SQLITE_CORRUPT || rc == SQLITE_NOTADB || rc == SQLITE_FORMAT || rc == SQLITE_ERROR)
		return err_set(err, -EBADMSG, "%s", sqlite3_errmsg(db));
	return err_set(err, rc == SQLITE_BUSY || rc == SQLITE_LOCKED ? -EBUSY : -EIO, "%s", sqlite3_errmsg(db));
}

static int run(sqlite3 *db, const char *sql, struct err *err)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : db_error(db, err);
}

static int prepare(sqlite3 *db, const char *sql, sqlite3_stmt **out, struct err *err)
{
	int rc = sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);

	return rc == SQLITE_OK ? 0 : db_error(db, err);
}

/* 1: a row; 0: done. */
static int step(sqlite3_stmt *s, struct err *err)
{
	int rc = sqlite3_step(s);

	return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : db_error(sqlite3_db_handle(s), err);
}

/* A statement without rows, ready for the next values. */
static int execute(sqlite3_stmt *s, struct err *err)
{
	int rc = step(s, err);

	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
	return rc < 0 ? rc : 0;
}

static int query_int(sqlite3 *db, const char *sql, int64_t *out, struct err *err)
{
	sqlite3_stmt *s;
	int rc = prepare(db, sql, &s, err);

	*out = 0;
	if (rc < 0)
		return rc;
	rc = step(s, err);
	if (rc > 0)
		*out = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return rc < 0 ? rc : 0;
}

static void bind_text(sqlite3_stmt *s, int at, const char *text)
{
	if (text)
		sqlite3_bind_text(s, at, text, -1, SQLITE_STATIC);
}

static const char *text_of(sqlite3_stmt *s, int at)
{
	return (const char *)sqlite3_column_text(s, at);
}

/* --- opening ------------------------------------------------------------------------------------ */

static int create(sqlite3 *db, const char *source, struct err *err)
{
	struct timespec now;
	sqlite3_stmt *s;
	struct buf sql;
	int rc;

	buf_init(&sql);
	buf_adds(&sql, "BEGIN IMMEDIATE;");
	persist_create_sql(&sql);
	rc = buf_error(&sql) < 0 ? err_nomem(err) : run(db, sql.data, err);
	buf_release(&sql);
	if (rc == 0)
		rc = prepare(db, "INSERT INTO about VALUES ('source', ?1), ('epoch', ?2)", &s, err);
	if (rc < 0)
		return rc;
	clock_gettime(CLOCK_REALTIME, &now);
	bind_text(s, 1, source);
	sqlite3_bind_int64(s, 2, (int64_t)now.tv_sec * 1000000000 + now.tv_nsec);
	rc = execute(s, err);
	sqlite3_finalize(s);
	return rc < 0 ? rc : run(db, "COMMIT", err);
}

/* Is it ours, of this version and of this SOURCE? -EBADMSG: no. Nothing in it yet: it is made. */
static int verify(sqlite3 *db, const char *source, struct err *err)
{
	int64_t version, application, tables;
	sqlite3_stmt *s;
	int rc;

	if ((rc = query_int(db, "SELECT count(*) FROM sqlite_master", &tables, err)) < 0 ||
		(rc = query_int(db, "PRAGMA user_version", &version, err)) < 0 ||
		(rc = query_int(db, "PRAGMA application_id", &application, err)) < 0)
		return rc;
	if (tables == 0 && version == 0 && application == 0)
		return create(db, source, err);
	if (application != PERSIST_APPLICATION || version != PERSIST_VERSION)
		return err_set(err, -EBADMSG, "another program's, or another version's");
	rc = prepare(db, "SELECT value FROM about WHERE key = 'source'", &s, err);
	if (rc < 0)
		return rc;
	rc = step(s, err);
	if (rc == 0 || (rc > 0 && (!text_of(s, 0) || strcmp(text_of(s, 0), source) != 0)))
		rc = err_set(err, -EBADMSG, "of another folder");
	sqlite3_finalize(s);
	return rc < 0 ? rc : 0;
}

static int set_journal(sqlite3 *db, struct err *err)
{
	sqlite3_stmt *s;
	bool wal = false;
	int rc = prepare(db, "PRAGMA journal_mode = WAL", &s, err);

	if (rc < 0)
		return rc;
	rc = step(s, err);
	if (rc > 0)
		wal = text_of(s, 0) && strcmp(text_of(s, 0), "wal") == 0;
	sqlite3_finalize(s);
	if (rc < 0)
		return rc;
	return run(db, wal ? "PRAGMA synchronous = NORMAL" : "PRAGMA synchronous = FULL", err);
}

static int open_plain(const char *path, int flags, sqlite3 **out, struct err *err)
{
	int rc = 0;

	*out = NULL;
	if (sqlite3_open_v2(path, out, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		rc = *out ? db_error(*out, err) : err_nomem(err);
	if (rc < 0) {
		sqlite3_close(*out);
		*out = NULL;
		return rc;
	}
	sqlite3_busy_timeout(*out, BUSY_MS);
	return 0;
}

/* For its owner alone, from the first byte on: SQLite gives its other files the same mode. */
static int touch(const char *path, struct err *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return err_errno(err, "open");
	close(fd);
	return 0;
}

static int open_once(const struct persist *p, sqlite3 **out, struct err *err)
{
	int rc = touch(p->path, err);

	if (rc == 0)
		rc = open_plain(p->path, SQLITE_OPEN_READWRITE, out, err);
	if (rc < 0)
		return rc;
	rc = verify(*out, p->source, err);
	if (rc == 0)
		rc = set_journal(*out, err);
	if (rc < 0) {
		sqlite3_close(*out);
		*out = NULL;
	}
	return rc;
}

/* Out of the way: a new one is made in its place. */
static int set_aside(const struct persist *p, const char *why, struct err *err)
{
	static const char *const suffixes[] = { "-wal", "-shm", "-journal" };
	char *name = mem_alloc(strlen(p->path) + sizeof ".damaged");
	size_t i;
	int rc = 0;

	if (!name)
		return err_nomem(err);
	log_warn("the saved index %s is set aside: %s", p->path, why);
	sprintf(name, "%s.damaged", p->path);
	if (rename(p->path, name) != 0)
		rc = err_errno(err, "set aside");
	for (i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
		sprintf(name, "%s%s", p->path, suffixes[i]);
		unlink(name);
	}
	mem_free(name);
	return rc;
}

static int read_epoch(struct persist *p, sqlite3 *db, struct err *err)
{
	int64_t epoch;
	int rc = query_int(db, "SELECT value FROM about WHERE key = 'epoch'", &epoch, err);

	if (rc < 0)
		return rc;
	if (epoch != p->epoch) {
		map_release(&p->attributes);
		arena_release(&p->numbers);
	}
	p->epoch = epoch;
	return 0;
}

static int open_db(struct persist *p, sqlite3 **out, struct err *err)
{
	struct err why;
	int rc = open_once(p, out, &why);

	if (rc == -EBADMSG) {
		rc = set_aside(p, why.msg, &why);
		if (rc == 0)
			rc = open_once(p, out, &why);
	}
	if (rc == 0) {
		rc = read_epoch(p, *out, &why);
		if (rc < 0)
			sqlite3_close(*out);
	}
	return rc < 0 ? err_set(err, rc, "%s: %s", p->path, why.msg) : 0;
}

/* --- rows ------------------------------------------------------------------------------------------ */

static void bind_double(sqlite3_stmt *s, int at, double v, unsigned nth, int64_t *negative_zeros)
{
	if (isnan(v))
		return;
	if (v == 0 && signbit(v))
		*negative_zeros |= INT64_C(1) << nth;
	sqlite3_bind_double(s, at, v);
}

/* Bind the members of p to the places from `at` on (SQLite counts them from 1); what is absent is NULL. */
static void bind_members(sqlite3_stmt *s, int at, const struct column *c, size_t n, const void *p,
	int64_t *negative_zeros)
{
	unsigned n_doubles = 0;
	size_t i;

	*negative_zeros = 0;
	for (i = 0; i < n; i++, at++) {
		const void *m = (const char *)p + c[i].off;

		switch (c[i].type) {
		case COLUMN_TEXT:
			bind_text(s, at, *(const char *const *)m);
			break;
		case COLUMN_DOUBLE:
			bind_double(s, at, *(const double *)m, n_doubles++, negative_zeros);
			break;
		case COLUMN_INT32:
			if (*(const int32_t *)m != INSTANCE_NO_INT)
				sqlite3_bind_int(s, at, *(const int32_t *)m);
			break;
		case COLUMN_UINT32:
			sqlite3_bind_int64(s, at, *(const uint32_t *)m);
			break;
		case COLUMN_UINT16:
			sqlite3_bind_int(s, at, *(const uint16_t *)m);
			break;
		case COLUMN_UINT8:
		case COLUMN_BOOL:
			sqlite3_bind_int(s, at, *(const uint8_t *)m);
			break;
		case COLUMN_INT64:
		case COLUMN_UINT64:
			sqlite3_bind_int64(s, at, *(const int64_t *)m);
			break;
		}
	}
}

static double column_double(sqlite3_stmt *s, int at, unsigned nth, int64_t negative_zeros)
{
	if (sqlite3_column_type(s, at) == SQLITE_NULL)
		return NAN;
	if (negative_zeros >> nth & 1)
		return -0.0;
	return sqlite3_column_double(s, at);
}

static int32_t column_int32(sqlite3_stmt *s, int at)
{
	return sqlite3_column_type(s, at) == SQLITE_NULL ? INSTANCE_NO_INT : sqlite3_column_int(s, at);
}

/* The other way. Texts are interned where `interns` is not NULL, else left to the caller. */
static int read_members(sqlite3_stmt *s, int at, const struct column *c, size_t n, void *p, int64_t negative_zeros,
	struct interns *interns)
{
	unsigned n_doubles = 0;
	size_t i;

	for (i = 0; i < n; i++, at++) {
		void *m = (char *)p + c[i].off;
		const char *text;

		switch (c[i].type) {
		case COLUMN_TEXT:
			text = interns ? text_of(s, at) : NULL;
			if (text && !(text = intern_text(interns, text, strlen(text))))
				return -ENOMEM;
			*(const char **)m = text;
			break;
		case COLUMN_DOUBLE:
			*(double *)m = column_double(s, at, n_doubles++, negative_zeros);
			break;
		case COLUMN_INT32:
			*(int32_t *)m = column_int32(s, at);
			break;
		case COLUMN_UINT32:
			*(uint32_t *)m = (uint32_t)sqlite3_column_int64(s, at);
			break;
		case COLUMN_UINT16:
			*(uint16_t *)m = (uint16_t)sqlite3_column_int(s, at);
			break;
		case COLUMN_UINT8:
		case COLUMN_BOOL:
			*(uint8_t *)m = (uint8_t)sqlite3_column_int(s, at);
			break;
		case COLUMN_INT64:
		case COLUMN_UINT64:
			*(int64_t *)m = sqlite3_column_int64(s, at);
			break;
		}
	}
	return 0;
}

static uint64_t hash_text(uint64_t h, const char *text)
{
	return text ? hash_bytes(h, text, strlen(text) + 1) : hash_bytes(h, "", 0);
}

/* Of the members' bytes, texts by what they say. */
static uint64_t checksum_attributes(const struct attributes *a)
{
	struct attributes copy;
	uint64_t h = 0;
	size_t i;

	memcpy(&copy, a, sizeof copy);
	for (i = 0; i < persist_n_attributes; i++)
		if (persist_attributes[i].type == COLUMN_TEXT) {
			const char **text = (const char **)((char *)&copy + persist_attributes[i].off);

			h = hash_text(h, *text);
			*text = NULL;
		}
	return hash_bytes(h, &copy, sizeof copy);
}

static uint64_t checksum_instance(const struct instance *in, const char *file, const char *sop_uid, int64_t folder,
	int64_t attributes)
{
	uint64_t h = hash_text(hash_text((uint64_t)folder, file), sop_uid);
	size_t from = offsetof(struct instance, size), to = offsetof(struct instance, id);

	h = hash_bytes(h ^ (uint64_t)attributes, (const char *)in + from, to - from);
	return hash_bytes(h, &in->overlays, sizeof *in - offsetof(struct instance, overlays));
}

static uint64_t checksum_other(const struct other *o, int64_t folder)
{
	uint64_t h = hash_text(hash_text((uint64_t)folder, o->file), o->text);
	uint64_t v[4] = { o->size, o->ino, (uint64_t)o->mtime_ns, o->kind };

	return hash_bytes(h, v, sizeof v);
}

/* --- loading ----------------------------------------------------------------------------------------- */

struct folder {
	int64_t id;
	const char *path;
};

/* What rows of `files` refer to; both ascend by id. */
struct loader {
	struct persist *p;
	struct interns *interns;
	struct folder *folders;
	struct numbered *attributes;
	size_t n_folders, n_attributes;
	struct findings ranges[LOAD_RANGES];
};

/* Call fn for each row of a query. */
static int for_rows(sqlite3 *db, const char *sql, int (*fn)(struct loader *, sqlite3_stmt *, struct err *),
	struct loader *l, struct err *err)
{
	sqlite3_stmt *s;
	int rc = prepare(db, sql, &s, err);

	if (rc < 0)
		return rc;
	while ((rc = step(s, err)) > 0) {
		rc = fn(l, s, err);
		if (rc < 0)
			break;
	}
	sqlite3_finalize(s);
	return rc;
}

static int load_folder(struct loader *l, sqlite3_stmt *s, struct err *err)
{
	const char *path = text_of(s, 1);
	struct folder *more;

	if ((l->n_folders & (l->n_folders - 1)) == 0) {
		more = mem_resize(l->folders, l->n_folders ? l->n_folders * 2 : 1, sizeof *more);
		if (!more)
			return err_nomem(err);
		l->folders = more;
	}
	path = path ? intern_text(l->interns, path, strlen(path)) : NULL;
	if (!path)
		return err_nomem(err);
	l->folders[l->n_folders++] = (struct folder){ .id = sqlite3_column_int64(s, 0), .path = path };
	return 0;
}

/* The process knows now which row has these attributes. */
static int remember(struct persist *p, const struct attributes *attr, int64_t id)
{
	struct numbered *n = arena_alloc(&p->numbers, sizeof *n);

	if (!n)
		return -ENOMEM;
	n->attr = attr;
	n->id = id;
	return map_put(&p->attributes, &n->attr, sizeof n->attr, n);
}

static int load_attributes(struct loader *l, sqlite3_stmt *s, struct err *err)
{
	struct attributes a;
	struct numbered *more;
	const struct attributes *attr;
	int64_t id = sqlite3_column_int64(s, ATTRIBUTES_ID);

	memset(&a, 0, sizeof a);
	if (read_members(s, ATTRIBUTES_MEMBERS, persist_attributes, persist_n_attributes, &a,
			sqlite3_column_int64(s, ATTRIBUTES_NEGATIVE_ZEROS), l->interns) < 0)
		return err_nomem(err);
	if (checksum_attributes(&a) != (uint64_t)sqlite3_column_int64(s, ATTRIBUTES_CHECKSUM))
		return err_set(err, -EBADMSG, "attributes %lld are not what was written", (long long)id);
	if ((l->n_attributes & (l->n_attributes - 1)) == 0) {
		more = mem_resize(l->attributes, l->n_attributes ? l->n_attributes * 2 : 1, sizeof *more);
		if (!more)
			return err_nomem(err);
		l->attributes = more;
	}
	attr = intern_attributes(l->interns, &a);
	if (!attr || remember(l->p, attr, id) < 0)
		return err_nomem(err);
	l->attributes[l->n_attributes++] = (struct numbered){ .attr = attr, .id = id };
	return 0;
}

static int by_folder_id(const void *id, const void *folder)
{
	int64_t a = *(const int64_t *)id, b = ((const struct folder *)folder)->id;

	return (a > b) - (a < b);
}

static int by_number(const void *id, const void *numbered)
{
	int64_t a = *(const int64_t *)id, b = ((const struct numbered *)numbered)->id;

	return (a > b) - (a < b);
}

/* The rows of one range of folders, and what the last one referred to. */
struct range {
	struct loader *l;
	struct findings *found;
	sqlite3_stmt *problems;
	const struct folder *folder;
	const struct numbered *attr;
};

static int load_problems(struct range *r, int64_t folder, const char *name, struct instance_problem *out,
	uint32_t n, struct err *err)
{
	uint32_t i;
	int rc = 1;

	sqlite3_bind_int64(r->problems, 1, folder);
	bind_text(r->problems, 2, name);
	for (i = 0; i < n && (rc = step(r->problems, err)) > 0; i++) {
		out[i].off = (uint64_t)sqlite3_column_int64(r->problems, 0);
		out[i].text = mem_strdup(text_of(r->problems, 1) ? text_of(r->problems, 1) : "");
		if (!out[i].text)
			return err_nomem(err);
	}
	sqlite3_reset(r->problems);
	return rc < 0 ? rc : i == n ? 0 : err_set(err, -EBADMSG, "problems of a file are gone");
}

static int load_instance(struct range *r, sqlite3_stmt *s, const char *name, int64_t attributes, struct err *err)
{
	const char *sop_uid = text_of(s, FILES_MEMBERS + PERSIST_SOP_UID);
	struct instance_problem problems[DCM_MAX_PROBLEMS] = { { 0, NULL } };
	uint32_t n = (uint32_t)sqlite3_column_int(s, FILES_N_PROBLEMS), i;
	struct instance values, *in = NULL;
	int rc = 0;

	memset(&values, 0, sizeof values);
	read_members(s, FILES_MEMBERS, persist_instance, persist_n_instance, &values,
		sqlite3_column_int64(s, FILES_NEGATIVE_ZEROS), NULL);
	if (n > DCM_MAX_PROBLEMS || checksum_instance(&values, name, sop_uid, r->folder->id, attributes) !=
			(uint64_t)sqlite3_column_int64(s, FILES_CHECKSUM))
		return err_set(err, -EBADMSG, "the record of a file is not what was written");
	values.dir = r->folder->path;
	values.attr = r->attr->attr;
	if (n)
		rc = load_problems(r, r->folder->id, name, problems, n, err);
	if (rc == 0) {
		in = instance_make(&values, name, sop_uid, problems, n);
		rc = in && findings_add_instance(r->found, in) == 0 ? 0 : err_nomem(err);
	}
	for (i = 0; i < n; i++)
		mem_free((void *)problems[i].text);
	return rc;
}

static int load_other(struct range *r, sqlite3_stmt *s, const char *name, int kind, struct err *err)
{
	const char *text = text_of(s, FILES_TEXT);
	struct instance values;
	struct other *o;

	if (kind > 1 + OTHER_UNREADABLE)
		return err_set(err, -EBADMSG, "a file of kind %d", kind);
	if (other_new(r->folder->path, name, (enum other_kind)(kind - 1), text ? text : "", &o) < 0)
		return err_nomem(err);
	read_members(s, FILES_MEMBERS, persist_instance, persist_n_instance, &values, 0, NULL);
	o->size = values.size;
	o->ino = values.ino;
	o->mtime_ns = values.mtime_ns;
	if (checksum_other(o, r->folder->id) != (uint64_t)sqlite3_column_int64(s, FILES_CHECKSUM)) {
		other_put(o);
		return err_set(err, -EBADMSG, "the record of a file is not what was written");
	}
	return findings_add_other(r->found, o) < 0 ? err_nomem(err) : 0;
}

/* A row may refer to folders and attributes that another process wrote just now: it is passed by then. */
static int load_file(struct range *r, sqlite3_stmt *s, struct err *err)
{
	int64_t folder = sqlite3_column_int64(s, FILES_FOLDER), attr = sqlite3_column_int64(s, FILES_ATTRIBUTES);
	const char *name = text_of(s, FILES_NAME);
	int kind = sqlite3_column_int(s, FILES_KIND);

	if (!name || kind < 0)
		return err_set(err, -EBADMSG, "a file without a name");
	if (!r->folder || r->folder->id != folder)
		r->folder = bsearch(&folder, r->l->folders, r->l->n_folders, sizeof *r->folder, by_folder_id);
	if (!r->folder)
		return 0;
	if (kind != KIND_INSTANCE)
		return load_other(r, s, name, kind, err);
	if (!r->attr || r->attr->id != attr)
		r->attr = bsearch(&attr, r->l->attributes, r->l->n_attributes, sizeof *r->attr, by_number);
	return r->attr ? load_instance(r, s, name, attr, err) : 0;
}

static int load_rows(struct range *r, sqlite3 *db, int64_t first, int64_t last, struct err *err)
{
	static const char problems[] = "SELECT off, text FROM problems WHERE folder = ?1 AND name = ?2 ORDER BY n";
	sqlite3_stmt *files = NULL;
	struct buf insert, select;
	int rc;

	buf_init(&insert);
	buf_init(&select);
	persist_files_sql(&insert, &select);
	rc = buf_error(&select) < 0 ? err_nomem(err) : prepare(db, select.data, &files, err);
	if (rc == 0)
		rc = prepare(db, problems, &r->problems, err);
	if (rc == 0) {
		sqlite3_bind_int64(files, 1, first);
		sqlite3_bind_int64(files, 2, last);
		while ((rc = step(files, err)) > 0 && (rc = load_file(r, files, err)) == 0)
			;
	}
	sqlite3_finalize(files);
	sqlite3_finalize(r->problems);
	buf_release(&insert);
	buf_release(&select);
	return rc;
}

/* Each thread has a connection of its own. */
static int load_range(void *arg, unsigned worker, size_t i, struct err *err)
{
	struct loader *l = arg;
	struct range r = { .l = l, .found = &l->ranges[i] };
	int64_t least = l->folders[0].id, most = l->folders[l->n_folders - 1].id;
	int64_t step_size = (most - least) / LOAD_RANGES + 1, first = least + (int64_t)i * step_size;
	sqlite3 *db;
	int rc;

	(void)worker;
	rc = open_plain(l->p->path, SQLITE_OPEN_READWRITE, &db, err);
	if (rc < 0)
		return rc;
	rc = load_rows(&r, db, first, first + step_size - 1, err);
	sqlite3_close(db);
	return rc;
}

static int load_files(struct loader *l, struct findings *out, struct err *err)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned n_threads = cores > (long)LOAD_RANGES ? LOAD_RANGES : cores > 0 ? (unsigned)cores : 1;
	size_t i;
	int rc = 0;

	if (l->n_folders)
		rc = walk_parallel(n_threads, LOAD_RANGES, load_range, l, err);
	for (i = 0; i < LOAD_RANGES; i++) {
		if (rc == 0 && findings_join(out, &l->ranges[i]) < 0)
			rc = err_nomem(err);
		findings_release(&l->ranges[i]);
	}
	if (rc < 0)
		findings_release(out);
	return rc;
}

static int load_all(struct loader *l, sqlite3 *db, struct findings *out, struct err *err)
{
	static const char folders[] = "SELECT id, path FROM folders ORDER BY id";
	struct buf insert, select;
	int rc;

	map_release(&l->p->attributes);
	arena_release(&l->p->numbers);
	buf_init(&insert);
	buf_init(&select);
	persist_attributes_sql(&insert, &select);
	rc = for_rows(db, folders, load_folder, l, err);
	if (rc == 0 && buf_error(&select) < 0)
		rc = err_nomem(err);
	if (rc == 0)
		rc = for_rows(db, select.data, load_attributes, l, err);
	buf_release(&insert);
	buf_release(&select);
	return rc < 0 ? rc : load_files(l, out, err);
}

int persist_load(struct persist *p, struct interns *interns, struct findings *out, struct err *err)
{
	struct loader l = { .p = p, .interns = interns };
	struct err why;
	sqlite3 *db;
	int rc;

	memset(out, 0, sizeof *out);
	rc = open_db(p, &db, err);
	if (rc < 0)
		return rc;
	rc = load_all(&l, db, out, &why);
	sqlite3_close(db);
	mem_free(l.folders);
	mem_free(l.attributes);
	if (rc == -EBADMSG) {
		p->epoch = 0;
		rc = set_aside(p, why.msg, &why);
	}
	return rc < 0 ? err_set(err, rc, "%s: %s", p->path, why.msg) : 0;
}

/* --- saving -------------------------------------------------------------------------------------------- */

enum { PUT_FILE, PUT_ATTRIBUTES, PUT_FOLDER, GET_FOLDER, DROP_PROBLEMS, PUT_PROBLEM, DROP_FILE, N_STATEMENTS };

struct writer {
	struct persist *p;
	sqlite3 *db;
	sqlite3_stmt *s[N_STATEMENTS];
	const char *dir;                /* the folder that `folder` is the number of */
	int64_t folder;
	unsigned n_rows;                /* since the last commit */
};

static int prepare_all(struct writer *w, struct err *err)
{
	static const char *const sql[N_STATEMENTS] = {
		[PUT_FOLDER] = "INSERT OR IGNORE INTO folders (path) VALUES (?1)",
		[GET_FOLDER] = "SELECT id FROM folders WHERE path = ?1",
		[DROP_PROBLEMS] = "DELETE FROM problems WHERE folder = ?1 AND name = ?2",
		[PUT_PROBLEM] = "INSERT OR REPLACE INTO problems (folder, name, n, off, text) VALUES (?, ?, ?, ?, ?)",
		[DROP_FILE] = "DELETE FROM files WHERE folder = ?1 AND name = ?2",
	};
	struct buf insert[2], select;
	int rc = 0, i;

	buf_init(&insert[0]);
	buf_init(&insert[1]);
	buf_init(&select);
	persist_files_sql(&insert[PUT_FILE], &select);
	persist_attributes_sql(&insert[PUT_ATTRIBUTES], &select);
	for (i = 0; i < 2 && rc == 0; i++)
		rc = buf_error(&insert[i]) < 0 ? err_nomem(err) :
			prepare(w->db, insert[i].data, &w->s[i], err);
	for (i = 0; i < N_STATEMENTS && rc == 0; i++)
		if (sql[i])
			rc = prepare(w->db, sql[i], &w->s[i], err);
	buf_release(&insert[0]);
	buf_release(&insert[1]);
	buf_release(&select);
	return rc;
}

/* The number of a folder; files come folder by folder. */
static int find_folder(struct writer *w, const char *dir, struct err *err)
{
	int rc;

	if (w->dir == dir)
		return 0;
	bind_text(w->s[PUT_FOLDER], 1, dir);
	rc = execute(w->s[PUT_FOLDER], err);
	if (rc < 0)
		return rc;
	bind_text(w->s[GET_FOLDER], 1, dir);
	rc = step(w->s[GET_FOLDER], err);
	if (rc > 0)
		w->folder = sqlite3_column_int64(w->s[GET_FOLDER], 0);
	sqlite3_reset(w->s[GET_FOLDER]);
	w->dir = rc > 0 ? dir : NULL;
	return rc < 0 ? rc : rc > 0 ? 0 : err_set(err, -EBADMSG, "a folder was not written");
}

static int find_attributes(struct writer *w, const struct attributes *attr, int64_t *id, struct err *err)
{
	const struct numbered *known = map_get(&w->p->attributes, &attr, sizeof attr);
	sqlite3_stmt *s = w->s[PUT_ATTRIBUTES];
	int64_t negative_zeros;
	int rc;

	if (known) {
		*id = known->id;
		return 0;
	}
	bind_members(s, ATTRIBUTES_MEMBERS + 1, persist_attributes, persist_n_attributes, attr, &negative_zeros);
	sqlite3_bind_int64(s, ATTRIBUTES_CHECKSUM + 1, (int64_t)checksum_attributes(attr));
	sqlite3_bind_int64(s, ATTRIBUTES_NEGATIVE_ZEROS + 1, negative_zeros);
	rc = execute(s, err);
	if (rc < 0)
		return rc;
	*id = sqlite3_last_insert_rowid(w->db);
	return remember(w->p, attr, *id) < 0 ? err_nomem(err) : 0;
}

static int put_problems(struct writer *w, const struct instance *in, struct err *err)
{
	const struct instance_problem *p = instance_problems(in);
	sqlite3_stmt *s = w->s[PUT_PROBLEM];
	uint32_t i;
	int rc = 0;

	for (i = 0; i < in->n_problems && rc == 0; i++) {
		sqlite3_bind_int64(s, 1, w->folder);
		bind_text(s, 2, in->file);
		sqlite3_bind_int64(s, 3, i);
		sqlite3_bind_int64(s, 4, (int64_t)p[i].off);
		bind_text(s, 5, p[i].text);
		rc = execute(s, err);
	}
	return rc;
}

static int drop_problems(struct writer *w, const char *file, struct err *err)
{
	sqlite3_bind_int64(w->s[DROP_PROBLEMS], 1, w->folder);
	bind_text(w->s[DROP_PROBLEMS], 2, file);
	return execute(w->s[DROP_PROBLEMS], err);
}

/* Some thousand rows a transaction: what is lost at worst, and how long another process waits. */
static int count_row(struct writer *w, struct err *err)
{
	if (++w->n_rows < COMMIT_ROWS)
		return 0;
	w->n_rows = 0;
	return run(w->db, "COMMIT; BEGIN IMMEDIATE", err);
}

static int put_instance(struct writer *w, const struct instance *in, struct err *err)
{
	sqlite3_stmt *s = w->s[PUT_FILE];
	int64_t attributes = 0, negative_zeros;
	int rc = find_folder(w, in->dir, err);

	if (rc == 0)
		rc = find_attributes(w, in->attr, &attributes, err);
	if (rc == 0)
		rc = drop_problems(w, in->file, err);
	if (rc < 0)
		return rc;
	bind_members(s, FILES_MEMBERS + 1, persist_instance, persist_n_instance, in, &negative_zeros);
	sqlite3_bind_int64(s, FILES_FOLDER + 1, w->folder);
	bind_text(s, FILES_NAME + 1, in->file);
	sqlite3_bind_int(s, FILES_KIND + 1, KIND_INSTANCE);
	sqlite3_bind_int64(s, FILES_N_PROBLEMS + 1, in->n_problems);
	sqlite3_bind_int64(s, FILES_ATTRIBUTES + 1, attributes);
	sqlite3_bind_int64(s, FILES_CHECKSUM + 1,
		(int64_t)checksum_instance(in, in->file, in->sop_uid, w->folder, attributes));
	sqlite3_bind_int64(s, FILES_NEGATIVE_ZEROS + 1, negative_zeros);
	rc = execute(s, err);
	if (rc == 0)
		rc = put_problems(w, in, err);
	return rc < 0 ? rc : count_row(w, err);
}

static int put_other(struct writer *w, const struct other *o, struct err *err)
{
	sqlite3_stmt *s = w->s[PUT_FILE];
	int rc = find_folder(w, o->dir, err);

	if (rc == 0)
		rc = drop_problems(w, o->file, err);
	if (rc < 0)
		return rc;
	sqlite3_bind_int64(s, FILES_FOLDER + 1, w->folder);
	bind_text(s, FILES_NAME + 1, o->file);
	sqlite3_bind_int(s, FILES_KIND + 1, 1 + (int)o->kind);
	bind_text(s, FILES_TEXT + 1, o->text);
	sqlite3_bind_int64(s, FILES_CHECKSUM + 1, (int64_t)checksum_other(o, w->folder));
	sqlite3_bind_int64(s, FILES_MEMBERS + 1, (int64_t)o->size);
	sqlite3_bind_int64(s, FILES_MEMBERS + 2, (int64_t)o->ino);
	sqlite3_bind_int64(s, FILES_MEMBERS + 3, o->mtime_ns);
	rc = execute(s, err);
	return rc < 0 ? rc : count_row(w, err);
}

static int by_place(const void *x, const void *y)
{
	const struct instance *a = *(struct instance *const *)x, *b = *(struct instance *const *)y;

	if (a->dir != b->dir)
		return (uintptr_t)a->dir < (uintptr_t)b->dir ? -1 : 1;
	return strcmp(a->file, b->file);
}

/* In the order of the table, which is built from its end on then. */
static int put_instances(struct writer *w, const struct findings *f, uint32_t since, struct err *err)
{
	struct instance **list = mem_resize(NULL, f->n_instances, sizeof *list);
	size_t n = 0, i;
	int rc = 0;

	if (!list)
		return err_nomem(err);
	for (i = 0; i < f->n_instances; i++)
		if (f->instances[i]->id >= since)
			list[n++] = f->instances[i];
	qsort(list, n, sizeof *list, by_place);
	for (i = 0; i < n && rc == 0; i++)
		rc = put_instance(w, list[i], err);
	mem_free(list);
	return rc;
}

/* --- what has gone --- */

static int by_value(const void *x, const void *y)
{
	uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;

	return (a > b) - (a < b);
}

static uint64_t path_hash(const char *dir, const char *file)
{
	return hash_bytes(hash_str(dir), file, strlen(file));
}

/* Hashes of all paths that are there, in order. That two are equal costs a row that nobody asks for. */
static uint64_t *hash_paths(const struct findings *f, size_t *n)
{
	uint64_t *h = mem_resize(NULL, f->n_instances + f->n_others, sizeof *h);
	size_t i, k = 0;

	for (i = 0; h && i < f->n_instances; i++)
		h[k++] = path_hash(f->instances[i]->dir, f->instances[i]->file);
	for (i = 0; h && i < f->n_others; i++)
		h[k++] = path_hash(f->others[i]->dir, f->others[i]->file);
	if (h)
		qsort(h, k, sizeof *h, by_value);
	*n = k;
	return h;
}

/* A row that is to go. */
struct doomed {
	int64_t folder;
	char *name;
};

static int drop_rows(struct writer *w, const struct doomed *d, size_t n, struct err *err)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < n && rc == 0; i++) {
		sqlite3_bind_int64(w->s[DROP_FILE], 1, d[i].folder);
		bind_text(w->s[DROP_FILE], 2, d[i].name);
		rc = execute(w->s[DROP_FILE], err);
		w->folder = d[i].folder;
		w->dir = NULL;
		if (rc == 0)
			rc = drop_problems(w, d[i].name, err);
		if (rc == 0)
			rc = count_row(w, err);
	}
	return rc;
}

/* Rows of paths that are not among the hashes; *d is mem_alloc()ed with its names. */
static int find_doomed(struct writer *w, const uint64_t *there, size_t n_there, struct doomed **d, size_t *n,
	struct err *err)
{
	static const char sql[] = "SELECT f.folder, f.name, d.path FROM files f JOIN folders d ON d.id = f.folder";
	struct doomed *more;
	sqlite3_stmt *s;
	uint64_t h;
	int rc = prepare(w->db, sql, &s, err);

	if (rc < 0)
		return rc;
	while ((rc = step(s, err)) > 0) {
		h = path_hash(text_of(s, 2), text_of(s, 1));
		if (bsearch(&h, there, n_there, sizeof h, by_value))
			continue;
		more = *n & (*n - 1) ? *d : mem_resize(*d, *n ? *n * 2 : 1, sizeof *more);
		if (more)
			*d = more;
		if (!more || !(more[*n].name = mem_strdup(text_of(s, 1)))) {
			rc = err_nomem(err);
			break;
		}
		more[(*n)++].folder = sqlite3_column_int64(s, 0);
	}
	sqlite3_finalize(s);
	return rc;
}

static int sweep_rows(struct writer *w, const struct findings *f, struct err *err)
{
	struct doomed *d = NULL;
	size_t n_there, n = 0, i;
	uint64_t *there = hash_paths(f, &n_there);
	int rc;

	rc = there ? find_doomed(w, there, n_there, &d, &n, err) : err_nomem(err);
	if (rc == 0)
		rc = drop_rows(w, d, n, err);
	for (i = 0; i < n; i++)
		mem_free(d[i].name);
	mem_free(d);
	mem_free(there);
	return rc;
}

static int save_all(struct writer *w, const struct findings *f, uint32_t since, bool sweep, struct err *err)
{
	size_t i;
	int rc = prepare_all(w, err);

	if (rc == 0)
		rc = run(w->db, "BEGIN IMMEDIATE", err);
	if (rc == 0)
		rc = put_instances(w, f, since, err);
	for (i = 0; i < f->n_others && rc == 0; i++)
		if (f->others[i]->id >= since)
			rc = put_other(w, f->others[i], err);
	if (rc == 0 && sweep)
		rc = sweep_rows(w, f, err);
	if (rc == 0)
		rc = run(w->db, "COMMIT", err);
	for (i = 0; i < N_STATEMENTS; i++)
		sqlite3_finalize(w->s[i]);
	return rc;
}

int persist_save(struct persist *p, const struct findings *f, uint32_t since, bool sweep, struct err *err)
{
	struct writer w = { .p = p };
	int64_t epoch = p->epoch;
	struct err why;
	int rc = open_db(p, &w.db, err);

	if (rc < 0)
		return rc;
	/* Another database than the last time: it has nothing of what was written then. */
	if (p->epoch != epoch)
		since = 0;
	rc = save_all(&w, f, since, sweep, &why);
	sqlite3_close(w.db);
	if (rc < 0)
		p->epoch = 0;
	if (rc == -EBADMSG)
		set_aside(p, why.msg, NULL);
	return rc < 0 ? err_set(err, rc, "%s: %s", p->path, why.msg) : 0;
}
