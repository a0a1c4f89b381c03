/* SPDX-License-Identifier: MIT */
/*
 * The database of the saved index; only persist_*.c include this, and nothing else SQLite.
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
 * values. Rows of attributes and folders are never changed, and a number is never given
 * again, so that a process may remember them for as long as the database is the same one
 * (`epoch`) and none was dropped (`pruned` in `about`, which counts that).
 *
 * Journal: write-ahead, so that readers and a writer do not wait for each other, and
 * synchronous=NORMAL: a power failure may take the last commits, which costs
 * reading some files once more; the database stays sound. Where the file system has no
 * write-ahead log (NFS), a rollback journal with synchronous=FULL.
 */
#ifndef INDEX_PERSIST_DB_H
#define INDEX_PERSIST_DB_H

#include <sqlite3.h>
#include <stdint.h>

#include "base/map.h"
#include "persist_schema.h"

struct attributes;
struct err;
struct interns;

#define DB_KIND_INSTANCE 0

struct persist {
	char *path, *source;
	int64_t epoch;         /* of the database that the numbers below are of; 0: none */
	int64_t pruned;        /* how often rows had been dropped by then */
	struct map attributes; /* address -> struct numbered */
};

/* A row number of a block of attributes. */
struct numbered {
	const struct attributes *attr;
	int64_t id;
};

/* -EBADMSG: the database is not sound, or not ours. */
int db_error(sqlite3 *db, struct err *err);
int db_run(sqlite3 *db, const char *sql, struct err *err);
int db_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **out, struct err *err);
/* 1: a row; 0: done. */
int db_step(sqlite3_stmt *s, struct err *err);
/* A statement without rows, ready for the next values afterwards. */
int db_execute(sqlite3_stmt *s, struct err *err);
/* The first column of the first row, or 0. */
int db_query_int(sqlite3 *db, const char *sql, int64_t *out, struct err *err);
void db_bind_text(sqlite3_stmt *s, int at, const char *text); /* NULL is fine */
const char *db_text(sqlite3_stmt *s, int at);                 /* until the next step */

/* A connection as it is, for reading in parallel. */
int db_connect(const char *path, int flags, sqlite3 **out, struct err *err);
/* The database of p, made where there is none; what is not ours is set aside. */
int db_open(struct persist *p, sqlite3 **out, struct err *err);
/* Out of the way, under another name: a new one is made the next time. */
int db_set_aside(const struct persist *p, const char *why, struct err *err);
/* The process knows now which row has these attributes, or of none. */
int db_remember(struct persist *p, const struct attributes *attr, int64_t id);
void db_forget(struct persist *p);
/* Forget numbers that are no row's any more; what is left stays right until the transaction ends. */
int db_check_numbers(struct persist *p, sqlite3 *db, struct err *err);

/* Bind the members of p to the places from `at` on (SQLite counts them from 1); what is absent is
 * NULL. */
void db_bind_members(sqlite3_stmt *s, int at, const struct column *c, size_t n, const void *p,
	int64_t *negative_zeros);
/* The other way, from column `at` on (counted from 0), texts interned. Only memory can fail it. */
int db_read_members(sqlite3_stmt *s, int at, const struct column *c, size_t n, void *p,
	int64_t negative_zeros, struct interns *interns);

/* What a row of files says that is loaded again. */
struct db_file {
	int64_t folder, attributes;
	int kind; /* DB_KIND_INSTANCE, or 1 + enum other_kind */
	uint32_t n_problems;
	const char *name, *sop_uid, *text; /* the last two may be NULL */
	const uint8_t *record;             /* packed.h */
	size_t record_len;
};

uint64_t db_checksum_attributes(const struct attributes *a);
uint64_t db_checksum_file(const struct db_file *f);

#endif
