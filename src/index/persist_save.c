/* SPDX-License-Identifier: MIT */
/* The saved index written: what is new, folder by folder, and rows of what has gone taken out. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "index/instance.h"
#include "packed.h"
#include "persist.h"
#include "persist_db.h"

#define COMMIT_ROWS 10000u /* what is lost at most when the process is killed */
#define PRUNE_ROWS 1000u   /* so many that nobody needs are no harm */

enum {
	PUT_FILE,
	PUT_ATTRIBUTES,
	PUT_FOLDER,
	GET_FOLDER,
	DROP_PROBLEMS,
	PUT_PROBLEM,
	DROP_FILE,
	N_STATEMENTS
};

struct writer {
	struct persist *p;
	sqlite3 *db;
	sqlite3_stmt *s[N_STATEMENTS];
	const char *dir; /* the folder that `folder` is the number of */
	int64_t folder;
	struct instance blank;
	unsigned n_rows; /* since the last commit */
};

static int prepare_all(struct writer *w, struct err *err)
{
	static const char *const sql[N_STATEMENTS] = {
		[PUT_FOLDER] = "INSERT OR IGNORE INTO folders (path) VALUES (?1)",
		[GET_FOLDER] = "SELECT id FROM folders WHERE path = ?1",
		[DROP_PROBLEMS] = "DELETE FROM problems WHERE folder = ?1 AND name = ?2",
		[PUT_PROBLEM] = "INSERT OR REPLACE INTO problems VALUES (?, ?, ?, ?, ?)",
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
						 db_prepare(w->db, insert[i].data, &w->s[i], err);
	for (i = 0; i < N_STATEMENTS && rc == 0; i++)
		if (sql[i])
			rc = db_prepare(w->db, sql[i], &w->s[i], err);
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
	db_bind_text(w->s[PUT_FOLDER], 1, dir);
	rc = db_execute(w->s[PUT_FOLDER], err);
	if (rc < 0)
		return rc;
	db_bind_text(w->s[GET_FOLDER], 1, dir);
	rc = db_step(w->s[GET_FOLDER], err);
	if (rc > 0)
		w->folder = sqlite3_column_int64(w->s[GET_FOLDER], 0);
	sqlite3_reset(w->s[GET_FOLDER]);
	w->dir = rc > 0 ? dir : NULL;
	return rc < 0 ? rc : rc > 0 ? 0 : err_set(err, -EBADMSG, "a folder was not written");
}

static int find_attributes(struct writer *w, const struct attributes *attr, int64_t *id,
	struct err *err)
{
	const struct numbered *known = map_get(&w->p->attributes, &attr, sizeof attr);
	sqlite3_stmt *s = w->s[PUT_ATTRIBUTES];
	int64_t negative_zeros;
	int rc;

	if (known) {
		*id = known->id;
		return 0;
	}
	db_bind_members(s, ATTRIBUTES_MEMBERS + 1, persist_attributes, persist_n_attributes, attr,
		&negative_zeros);
	sqlite3_bind_int64(s, ATTRIBUTES_CHECKSUM + 1, (int64_t)db_checksum_attributes(attr));
	sqlite3_bind_int64(s, ATTRIBUTES_NEGATIVE_ZEROS + 1, negative_zeros);
	rc = db_execute(s, err);
	if (rc < 0)
		return rc;
	*id = sqlite3_last_insert_rowid(w->db);
	return db_remember(w->p, attr, *id) < 0 ? err_nomem(err) : 0;
}

static int put_problems(struct writer *w, const struct instance *in, struct err *err)
{
	const struct instance_problem *p = instance_problems(in);
	sqlite3_stmt *s = w->s[PUT_PROBLEM];
	uint32_t i;
	int rc = 0;

	for (i = 0; i < in->n_problems && rc == 0; i++) {
		sqlite3_bind_int64(s, 1, w->folder);
		db_bind_text(s, 2, in->file);
		sqlite3_bind_int64(s, 3, i);
		sqlite3_bind_int64(s, 4, (int64_t)p[i].off);
		db_bind_text(s, 5, p[i].text);
		rc = db_execute(s, err);
	}
	return rc;
}

static int drop_problems(struct writer *w, const char *file, struct err *err)
{
	sqlite3_bind_int64(w->s[DROP_PROBLEMS], 1, w->folder);
	db_bind_text(w->s[DROP_PROBLEMS], 2, file);
	return db_execute(w->s[DROP_PROBLEMS], err);
}

/* What was known of rows may have been dropped by another process since. */
static int begin(struct writer *w, struct err *err)
{
	int rc = db_run(w->db, "BEGIN IMMEDIATE", err);

	w->dir = NULL;
	return rc < 0 ? rc : db_check_numbers(w->p, w->db, err);
}

/* Some thousand rows a transaction: what is lost at worst, and how long another process waits. */
static int count_row(struct writer *w, struct err *err)
{
	int rc;

	if (++w->n_rows < COMMIT_ROWS)
		return 0;
	w->n_rows = 0;
	rc = db_run(w->db, "COMMIT", err);
	return rc < 0 ? rc : begin(w, err);
}

/* Bind what is loaded again; the record is packed into `packed`. */
static void bind_file(struct writer *w, struct db_file *f, const struct instance *values,
	uint8_t packed[PACKED_MOST])
{
	sqlite3_stmt *s = w->s[PUT_FILE];

	f->folder = w->folder;
	f->record = packed;
	f->record_len = packed_write(&w->blank, values, packed);
	sqlite3_bind_int64(s, FILES_FOLDER + 1, f->folder);
	db_bind_text(s, FILES_NAME + 1, f->name);
	sqlite3_bind_int(s, FILES_KIND + 1, f->kind);
	db_bind_text(s, FILES_TEXT + 1, f->text);
	sqlite3_bind_int64(s, FILES_N_PROBLEMS + 1, f->n_problems);
	sqlite3_bind_int64(s, FILES_ATTRIBUTES + 1, f->attributes);
	sqlite3_bind_int64(s, FILES_CHECKSUM + 1, (int64_t)db_checksum_file(f));
	db_bind_text(s, FILES_SOP_UID + 1, f->sop_uid);
	sqlite3_bind_blob(s, FILES_RECORD + 1, packed, (int)f->record_len, SQLITE_STATIC);
}

static int put_instance(struct writer *w, const struct instance *in, struct err *err)
{
	struct db_file f = { .kind = DB_KIND_INSTANCE, .n_problems = in->n_problems };
	uint8_t packed[PACKED_MOST];
	int64_t negative_zeros;
	int rc = find_folder(w, in->dir, err);

	if (rc == 0)
		rc = find_attributes(w, in->attr, &f.attributes, err);
	if (rc == 0)
		rc = drop_problems(w, in->file, err);
	if (rc < 0)
		return rc;
	f.name = in->file;
	f.sop_uid = in->sop_uid;
	bind_file(w, &f, in, packed);
	db_bind_members(w->s[PUT_FILE], FILES_MEMBERS + 1, persist_instance, persist_n_instance, in,
		&negative_zeros);
	rc = db_execute(w->s[PUT_FILE], err);
	if (rc == 0)
		rc = put_problems(w, in, err);
	return rc < 0 ? rc : count_row(w, err);
}

static int put_other(struct writer *w, const struct other *o, struct err *err)
{
	/* Whoever loads it tries both again. */
	enum other_kind kind = o->kind == OTHER_FAILED ? OTHER_UNREADABLE : o->kind;
	struct db_file f = { .kind = 1 + (int)kind, .name = o->file, .text = o->text };
	struct instance values;
	uint8_t packed[PACKED_MOST];
	int rc = find_folder(w, o->dir, err);

	if (rc == 0)
		rc = drop_problems(w, o->file, err);
	if (rc < 0)
		return rc;
	memcpy(&values, &w->blank, sizeof values);
	values.size = o->size;
	values.ino = o->ino;
	values.mtime_ns = o->mtime_ns;
	bind_file(w, &f, &values, packed);
	rc = db_execute(w->s[PUT_FILE], err);
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
static int put_instances(struct writer *w, const struct findings *f, uint32_t since,
	struct err *err)
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

/* ---- what has gone ---- */

static int by_value(const void *x, const void *y)
{
	uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;

	return (a > b) - (a < b);
}

static uint64_t path_hash(const char *dir, const char *file)
{
	return hash_quick(hash_quick(0, dir, strlen(dir)), file, strlen(file));
}

/* Hashes of all paths that are there, in order. That two are equal costs a row that nobody asks
 * for. */
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
		db_bind_text(w->s[DROP_FILE], 2, d[i].name);
		rc = db_execute(w->s[DROP_FILE], err);
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
static int find_doomed(struct writer *w, const uint64_t *there, size_t n_there, struct doomed **d,
	size_t *n, struct err *err)
{
	static const char sql[] =
		"SELECT f.folder, f.name, d.path FROM files f JOIN folders d ON d.id = f.folder";
	struct doomed *more;
	sqlite3_stmt *s;
	uint64_t h;
	int rc = db_prepare(w->db, sql, &s, err);

	if (rc < 0)
		return rc;
	while ((rc = db_step(s, err)) > 0) {
		h = path_hash(db_text(s, 2), db_text(s, 1));
		if (bsearch(&h, there, n_there, sizeof h, by_value))
			continue;
		more = *n & (*n - 1) ? *d : mem_resize(*d, *n ? *n * 2 : 1, sizeof *more);
		if (more)
			*d = more;
		if (!more || !(more[*n].name = mem_strdup(db_text(s, 1)))) {
			rc = err_nomem(err);
			break;
		}
		more[(*n)++].folder = sqlite3_column_int64(s, 0);
	}
	sqlite3_finalize(s);
	return rc;
}

/* Folders and attributes that no file refers to, once they are most of all. The last row stays: so
 * no number comes twice. */
static int prune(struct writer *w, size_t n_files, struct err *err)
{
	static const char sql[] =
		"DELETE FROM attributes WHERE id < (SELECT max(id) FROM attributes)"
		" AND id NOT IN (SELECT attributes FROM files);"
		"DELETE FROM folders WHERE id < (SELECT max(id) FROM folders)"
		" AND id NOT IN (SELECT folder FROM files);"
		"INSERT OR REPLACE INTO about SELECT 'pruned',"
		" 1 + ifnull((SELECT value FROM about WHERE key = 'pruned'), 0)";
	int64_t n_folders, n_attributes;
	int rc = db_query_int(w->db, "SELECT count(*) FROM folders", &n_folders, err);

	if (rc == 0)
		rc = db_query_int(w->db, "SELECT count(*) FROM attributes", &n_attributes, err);
	if (rc < 0 ||
		((uint64_t)n_folders <= n_files + PRUNE_ROWS &&
			(uint64_t)n_attributes <= 2 * w->p->attributes.n_used + PRUNE_ROWS))
		return rc;
	rc = db_run(w->db, sql, err);
	return rc < 0 ? rc : db_check_numbers(w->p, w->db, err);
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
	if (rc == 0)
		rc = prune(w, n_there, err);
	for (i = 0; i < n; i++)
		mem_free(d[i].name);
	mem_free(d);
	mem_free(there);
	return rc;
}

static int save_all(struct writer *w, const struct findings *f, uint32_t since, bool sweep,
	struct err *err)
{
	size_t i;
	int rc = prepare_all(w, err);

	if (rc == 0)
		rc = begin(w, err);
	if (rc == 0)
		rc = put_instances(w, f, since, err);
	for (i = 0; i < f->n_others && rc == 0; i++)
		if (f->others[i]->id >= since)
			rc = put_other(w, f->others[i], err);
	if (rc == 0 && sweep)
		rc = sweep_rows(w, f, err);
	if (rc == 0)
		rc = db_run(w->db, "COMMIT", err);
	for (i = 0; i < N_STATEMENTS; i++)
		sqlite3_finalize(w->s[i]);
	return rc;
}

int persist_save(struct persist *p, const struct findings *f, uint32_t since, bool sweep,
	struct err *err)
{
	struct writer w = { .p = p };
	int64_t epoch = p->epoch;
	struct err why;
	int rc = db_open(p, &w.db, err);

	if (rc < 0)
		return rc;
	packed_blank(&w.blank);
	/* Another database than the last time: it has nothing of what was written then. */
	if (p->epoch != epoch)
		since = 0;
	rc = save_all(&w, f, since, sweep, &why);
	sqlite3_close(w.db);
	if (rc < 0)
		p->epoch = 0;
	if (rc == -EBADMSG)
		db_set_aside(p, why.msg, NULL);
	return rc < 0 ? err_set(err, rc, "%s: %s", p->path, why.msg) : 0;
}
