/* SPDX-License-Identifier: MIT */
/* The database of the saved index: SQLite in few words, opening, and the two ways of a row. */
#include "persist_db.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "index/instance.h"
#include "index/intern.h"
#include "persist.h"
#include "persist_schema.h"

#define BUSY_MS 10000
#define HEADER_BYTES 72u /* of the file format, as far as it matters here */
#define APPLICATION_AT 68u

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
	db_forget(p);
	mem_free(p->path);
	mem_free(p->source);
	mem_free(p);
}

/* What SQLite lays beside a database, under its name. */
static const char *const companions[] = { "-wal", "-shm", "-journal" };
#define N_COMPANIONS (sizeof companions / sizeof *companions)
#define DAMAGED ".damaged"

bool persist_writes(const char *ending)
{
	size_t i;

	for (i = 0; i < N_COMPANIONS; i++)
		if (strcmp(ending, companions[i]) == 0)
			return true;
	return !*ending || strcmp(ending, DAMAGED) == 0;
}

/* ---- SQLite ---- */

int db_error(sqlite3 *db, struct err *err)
{
	int rc = sqlite3_errcode(db) & 0xFF;

	if (rc == SQLITE_NOMEM)
		return err_nomem(err);
	if (rc == SQLITE_CORRUPT || rc == SQLITE_NOTADB || rc == SQLITE_FORMAT ||
		rc == SQLITE_ERROR)
		return err_set(err, -EBADMSG, "%s", sqlite3_errmsg(db));
	return err_set(err, rc == SQLITE_BUSY || rc == SQLITE_LOCKED ? -EBUSY : -EIO, "%s",
		sqlite3_errmsg(db));
}

int db_run(sqlite3 *db, const char *sql, struct err *err)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : db_error(db, err);
}

int db_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **out, struct err *err)
{
	int rc = sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);

	return rc == SQLITE_OK ? 0 : db_error(db, err);
}

int db_step(sqlite3_stmt *s, struct err *err)
{
	int rc = sqlite3_step(s);

	return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : db_error(sqlite3_db_handle(s), err);
}

int db_execute(sqlite3_stmt *s, struct err *err)
{
	int rc = db_step(s, err);

	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
	return rc < 0 ? rc : 0;
}

int db_query_int(sqlite3 *db, const char *sql, int64_t *out, struct err *err)
{
	sqlite3_stmt *s;
	int rc = db_prepare(db, sql, &s, err);

	*out = 0;
	if (rc < 0)
		return rc;
	rc = db_step(s, err);
	if (rc > 0)
		*out = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return rc < 0 ? rc : 0;
}

void db_bind_text(sqlite3_stmt *s, int at, const char *text)
{
	if (text)
		sqlite3_bind_text(s, at, text, -1, SQLITE_STATIC);
}

const char *db_text(sqlite3_stmt *s, int at)
{
	return (const char *)sqlite3_column_text(s, at);
}

/* ---- opening ---- */

/* 1: another has made it meanwhile. */
static int create(sqlite3 *db, const char *source, struct err *err)
{
	int64_t tables;
	sqlite3_stmt *s;
	struct buf sql;
	int rc = db_run(db, "BEGIN IMMEDIATE", err);

	if (rc == 0)
		rc = db_query_int(db, "SELECT count(*) FROM sqlite_master", &tables, err);
	if (rc < 0)
		return rc;
	if (tables > 0) {
		rc = db_run(db, "ROLLBACK", err);
		return rc < 0 ? rc : 1;
	}
	buf_init(&sql);
	persist_create_sql(&sql);
	rc = buf_error(&sql) < 0 ? err_nomem(err) : db_run(db, sql.data, err);
	buf_release(&sql);
	if (rc == 0)
		rc = db_prepare(db, "INSERT INTO about VALUES ('source', ?1), ('epoch', ?2)", &s,
			err);
	if (rc < 0)
		return rc;
	db_bind_text(s, 1, source);
	sqlite3_bind_int64(s, 2, clock_ns(CLOCK_REALTIME));
	rc = db_execute(s, err);
	sqlite3_finalize(s);
	return rc < 0 ? rc : db_run(db, "COMMIT", err);
}

/* Is it of this version and of this SOURCE? -EBADMSG: no. */
static int verify_made(sqlite3 *db, const char *source, struct err *err)
{
	int64_t version, application;
	sqlite3_stmt *s;
	int rc;

	if ((rc = db_query_int(db, "PRAGMA user_version", &version, err)) < 0 ||
		(rc = db_query_int(db, "PRAGMA application_id", &application, err)) < 0)
		return rc;
	if (application != PERSIST_APPLICATION || version != PERSIST_VERSION)
		return err_set(err, -EBADMSG, "another version's");
	rc = db_prepare(db, "SELECT value FROM about WHERE key = 'source'", &s, err);
	if (rc < 0)
		return rc;
	rc = db_step(s, err);
	if (rc == 0 || (rc > 0 && (!db_text(s, 0) || strcmp(db_text(s, 0), source) != 0)))
		rc = err_set(err, -EBADMSG, "of another folder");
	sqlite3_finalize(s);
	return rc < 0 ? rc : 0;
}

/* Is it ours? Nothing in it yet: it is made. */
static int verify(sqlite3 *db, const char *source, struct err *err)
{
	int64_t tables;
	int rc = db_query_int(db, "SELECT count(*) FROM sqlite_master", &tables, err);

	if (rc == 0 && tables == 0)
		rc = create(db, source, err);
	else if (rc == 0)
		rc = 1;
	return rc > 0 ? verify_made(db, source, err) : rc;
}

static int set_journal(sqlite3 *db, struct err *err)
{
	sqlite3_stmt *s;
	bool wal = false;
	int rc = db_prepare(db, "PRAGMA journal_mode = WAL", &s, err);

	if (rc < 0)
		return rc;
	rc = db_step(s, err);
	if (rc > 0)
		wal = db_text(s, 0) && strcmp(db_text(s, 0), "wal") == 0;
	sqlite3_finalize(s);
	if (rc < 0)
		return rc;
	return db_run(db, wal ? "PRAGMA synchronous = NORMAL" : "PRAGMA synchronous = FULL", err);
}

int db_connect(const char *path, int flags, sqlite3 **out, struct err *err)
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

/* A file that another has put there is not touched: SQLite's header has our number at its end. Empty
 * ones are taken for ours. */
static int check_is_ours(const char *path, struct err *err)
{
	uint8_t head[HEADER_BYTES];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT ? 0 : err_errno(err, "open");
	n = pread(fd, head, sizeof head, 0);
	close(fd);
	if (n < 0)
		return err_errno(err, "read");
	if (n == 0 || (n == sizeof head && get_be32(head + APPLICATION_AT) == PERSIST_APPLICATION))
		return 0;
	return err_set(err, -EEXIST, "it is no index of this program's, and is left alone");
}

static int open_once(const struct persist *p, sqlite3 **out, struct err *err)
{
	int rc = touch(p->path, err);

	if (rc == 0)
		rc = check_is_ours(p->path, err);
	if (rc == 0)
		rc = db_connect(p->path, SQLITE_OPEN_READWRITE, out, err);
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

int db_set_aside(const struct persist *p, const char *why, struct err *err)
{
	char *name = mem_alloc(strlen(p->path) + sizeof DAMAGED);
	size_t i;
	int rc = 0;

	if (!name)
		return err_nomem(err);
	log_warn("the saved index %s is set aside: %s", p->path, why);
	sprintf(name, "%s" DAMAGED, p->path);
	if (rename(p->path, name) != 0)
		rc = err_errno(err, "set aside");
	for (i = 0; i < N_COMPANIONS; i++) {
		sprintf(name, "%s%s", p->path, companions[i]);
		unlink(name);
	}
	mem_free(name);
	return rc;
}

/* The numbers of rows that somebody has dropped. */
static int forget_pruned(struct persist *p, sqlite3 *db, struct err *err)
{
	const struct map_slot *slot;
	sqlite3_stmt *s;
	size_t pos = 0;
	int rc = db_prepare(db, "SELECT 1 FROM attributes WHERE id = ?1", &s, err);

	while (rc >= 0 && (slot = map_next(&p->attributes, &pos))) {
		const struct numbered *n = slot->value;

		sqlite3_bind_int64(s, 1, n->id);
		rc = db_step(s, err);
		sqlite3_reset(s);
		if (rc == 0) {
			persist_forget(p, n->attr);
			pos--;
		}
	}
	sqlite3_finalize(s);
	return rc < 0 ? rc : 0;
}

int db_check_numbers(struct persist *p, sqlite3 *db, struct err *err)
{
	int64_t epoch, pruned;
	int rc = db_query_int(db, "SELECT value FROM about WHERE key = 'epoch'", &epoch, err);

	if (rc == 0)
		rc = db_query_int(db, "SELECT value FROM about WHERE key = 'pruned'", &pruned, err);
	if (rc < 0)
		return rc;
	if (epoch != p->epoch)
		db_forget(p);
	else if (pruned != p->pruned)
		rc = forget_pruned(p, db, err);
	if (rc < 0)
		return rc;
	p->epoch = epoch;
	p->pruned = pruned;
	return 0;
}

int db_open(struct persist *p, sqlite3 **out, struct err *err)
{
	struct err why;
	int rc = open_once(p, out, &why);

	if (rc == -EBADMSG) {
		rc = db_set_aside(p, why.msg, &why);
		if (rc == 0)
			rc = open_once(p, out, &why);
	}
	if (rc == 0) {
		rc = db_check_numbers(p, *out, &why);
		if (rc < 0)
			sqlite3_close(*out);
	}
	return rc < 0 ? err_set(err, rc, "%s: %s", p->path, why.msg) : 0;
}

int db_remember(struct persist *p, const struct attributes *attr, int64_t id)
{
	struct numbered *n = mem_alloc(sizeof *n);
	int rc;

	if (!n)
		return -ENOMEM;
	persist_forget(p, attr);
	n->attr = attr;
	n->id = id;
	rc = map_put(&p->attributes, &n->attr, sizeof n->attr, n);
	if (rc < 0)
		mem_free(n);
	return rc;
}

void db_forget(struct persist *p)
{
	const struct map_slot *slot;
	size_t pos = 0;

	while ((slot = map_next(&p->attributes, &pos)))
		mem_free(slot->value);
	map_release(&p->attributes);
}

void persist_forget(void *persist, const struct attributes *a)
{
	struct persist *p = persist;
	struct numbered *n = map_get(&p->attributes, &a, sizeof a);

	map_remove(&p->attributes, &a, sizeof a);
	mem_free(n);
}

/* ---- rows ---- */

static void bind_double(sqlite3_stmt *s, int at, double v, unsigned nth, int64_t *negative_zeros)
{
	if (isnan(v))
		return;
	if (v == 0 && signbit(v))
		*negative_zeros |= INT64_C(1) << nth;
	sqlite3_bind_double(s, at, v);
}

void db_bind_members(sqlite3_stmt *s, int at, const struct column *c, size_t n, const void *p,
	int64_t *negative_zeros)
{
	unsigned n_doubles = 0;
	size_t i;

	*negative_zeros = 0;
	for (i = 0; i < n; i++, at++) {
		const void *m = (const char *)p + c[i].off;

		switch (c[i].type) {
		case COLUMN_TEXT:
			db_bind_text(s, at, *(const char *const *)m);
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
	return sqlite3_column_type(s, at) == SQLITE_NULL ? INSTANCE_NO_INT :
							   sqlite3_column_int(s, at);
}

int db_read_members(sqlite3_stmt *s, int at, const struct column *c, size_t n, void *p,
	int64_t negative_zeros, struct interns *interns)
{
	unsigned n_doubles = 0;
	size_t i;

	for (i = 0; i < n; i++, at++) {
		void *m = (char *)p + c[i].off;
		const char *text;

		switch (c[i].type) {
		case COLUMN_TEXT:
			text = db_text(s, at);
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
	return text ? hash_quick(h, text, strlen(text) + 1) : hash_quick(h, "", 0);
}

/* Of the members' bytes, texts by what they say. */
uint64_t db_checksum_attributes(const struct attributes *a)
{
	struct attributes copy;
	uint64_t h = 0;
	size_t i;

	memcpy(&copy, a, sizeof copy);
	for (i = 0; i < persist_n_attributes; i++)
		if (persist_attributes[i].type == COLUMN_TEXT) {
			const char **text = (const char **)((char *)&copy +
				persist_attributes[i].off);

			h = hash_text(h, *text);
			*text = NULL;
		}
	return hash_quick(h, &copy, sizeof copy);
}

uint64_t db_checksum_file(const struct db_file *f)
{
	uint64_t h = hash_text(hash_text(hash_text(0, f->name), f->sop_uid), f->text);
	int64_t v[4] = { f->folder, f->attributes, f->kind, f->n_problems };

	return hash_quick(hash_quick(h, v, sizeof v), f->record, f->record_len);
}
