/* SPDX-License-Identifier: MIT */
/* The saved index read back: folders and attributes first, then the files, range by range in
 * parallel. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "index/instance.h"
#include "index/intern.h"
#include "persist.h"
#include "persist_db.h"
#include "walk.h"

#define LOAD_RANGES 16u

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
static int for_rows(sqlite3 *db, const char *sql,
	int (*fn)(struct loader *, sqlite3_stmt *, struct err *), struct loader *l, struct err *err)
{
	sqlite3_stmt *s;
	int rc = db_prepare(db, sql, &s, err);

	if (rc < 0)
		return rc;
	while ((rc = db_step(s, err)) > 0) {
		rc = fn(l, s, err);
		if (rc < 0)
			break;
	}
	sqlite3_finalize(s);
	return rc;
}

static int load_folder(struct loader *l, sqlite3_stmt *s, struct err *err)
{
	const char *path = db_text(s, 1);
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
	l->folders[l->n_folders++] = (struct folder){ .id = sqlite3_column_int64(s, 0),
		.path = path };
	return 0;
}

static int load_attributes(struct loader *l, sqlite3_stmt *s, struct err *err)
{
	struct attributes a;
	struct numbered *more;
	const struct attributes *attr;
	int64_t id = sqlite3_column_int64(s, ATTRIBUTES_ID);

	memset(&a, 0, sizeof a);
	if (db_read_members(s, ATTRIBUTES_MEMBERS, persist_attributes, persist_n_attributes, &a,
		    sqlite3_column_int64(s, ATTRIBUTES_NEGATIVE_ZEROS), l->interns) < 0)
		return err_nomem(err);
	if (db_checksum_attributes(&a) != (uint64_t)sqlite3_column_int64(s, ATTRIBUTES_CHECKSUM))
		return err_set(err, -EBADMSG, "attributes %lld are not what was written",
			(long long)id);
	if ((l->n_attributes & (l->n_attributes - 1)) == 0) {
		more = mem_resize(l->attributes, l->n_attributes ? l->n_attributes * 2 : 1,
			sizeof *more);
		if (!more)
			return err_nomem(err);
		l->attributes = more;
	}
	attr = intern_attributes(l->interns, &a);
	if (!attr || db_remember(l->p, attr, id) < 0)
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

static int load_problems(struct range *r, int64_t folder, const char *name,
	struct instance_problem *out, uint32_t n, struct err *err)
{
	uint32_t i;
	int rc = 1;

	sqlite3_bind_int64(r->problems, 1, folder);
	db_bind_text(r->problems, 2, name);
	for (i = 0; i < n && (rc = db_step(r->problems, err)) > 0; i++) {
		out[i].off = (uint64_t)sqlite3_column_int64(r->problems, 0);
		out[i].text = mem_strdup(db_text(r->problems, 1) ? db_text(r->problems, 1) : "");
		if (!out[i].text)
			return err_nomem(err);
	}
	sqlite3_reset(r->problems);
	return rc < 0 ? rc : i == n ? 0 : err_set(err, -EBADMSG, "problems of a file are gone");
}

static int load_instance(struct range *r, sqlite3_stmt *s, const char *name, int64_t attributes,
	struct err *err)
{
	const char *sop_uid = db_text(s, FILES_MEMBERS + PERSIST_SOP_UID);
	struct instance_problem problems[DCM_MAX_PROBLEMS] = { { 0, NULL } };
	uint32_t n = (uint32_t)sqlite3_column_int(s, FILES_N_PROBLEMS), i;
	struct instance values, *in = NULL;
	int rc = 0;

	memset(&values, 0, sizeof values);
	db_read_members(s, FILES_MEMBERS, persist_instance, persist_n_instance, &values,
		sqlite3_column_int64(s, FILES_NEGATIVE_ZEROS), NULL);
	if (n > DCM_MAX_PROBLEMS ||
		db_checksum_instance(&values, name, sop_uid, r->folder->id, attributes) !=
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
	const char *text = db_text(s, FILES_TEXT);
	struct instance values;
	struct other *o;

	if (kind > 1 + OTHER_UNREADABLE)
		return err_set(err, -EBADMSG, "a file of kind %d", kind);
	if (other_new(r->folder->path, name, (enum other_kind)(kind - 1), text ? text : "", &o) < 0)
		return err_nomem(err);
	db_read_members(s, FILES_MEMBERS, persist_instance, persist_n_instance, &values, 0, NULL);
	o->size = values.size;
	o->ino = values.ino;
	o->mtime_ns = values.mtime_ns;
	if (db_checksum_other(o, r->folder->id) !=
		(uint64_t)sqlite3_column_int64(s, FILES_CHECKSUM)) {
		other_put(o);
		return err_set(err, -EBADMSG, "the record of a file is not what was written");
	}
	return findings_add_other(r->found, o) < 0 ? err_nomem(err) : 0;
}

/* A row may refer to folders and attributes that another process wrote just now: it is passed by
 * then. */
static int load_file(struct range *r, sqlite3_stmt *s, struct err *err)
{
	int64_t folder = sqlite3_column_int64(s, FILES_FOLDER),
		attr = sqlite3_column_int64(s, FILES_ATTRIBUTES);
	const char *name = db_text(s, FILES_NAME);
	int kind = sqlite3_column_int(s, FILES_KIND);

	if (!name || kind < 0)
		return err_set(err, -EBADMSG, "a file without a name");
	if (!r->folder || r->folder->id != folder)
		r->folder = bsearch(&folder, r->l->folders, r->l->n_folders, sizeof *r->folder,
			by_folder_id);
	if (!r->folder)
		return 0;
	if (kind != DB_KIND_INSTANCE)
		return load_other(r, s, name, kind, err);
	if (!r->attr || r->attr->id != attr)
		r->attr = bsearch(&attr, r->l->attributes, r->l->n_attributes, sizeof *r->attr,
			by_number);
	return r->attr ? load_instance(r, s, name, attr, err) : 0;
}

static int load_rows(struct range *r, sqlite3 *db, int64_t first, int64_t last, struct err *err)
{
	static const char problems[] =
		"SELECT off, text FROM problems WHERE folder = ?1 AND name = ?2 ORDER BY n";
	sqlite3_stmt *files = NULL;
	struct buf insert, select;
	int rc;

	buf_init(&insert);
	buf_init(&select);
	persist_files_sql(&insert, &select);
	rc = buf_error(&select) < 0 ? err_nomem(err) : db_prepare(db, select.data, &files, err);
	if (rc == 0)
		rc = db_prepare(db, problems, &r->problems, err);
	if (rc == 0) {
		sqlite3_bind_int64(files, 1, first);
		sqlite3_bind_int64(files, 2, last);
		while ((rc = db_step(files, err)) > 0 && (rc = load_file(r, files, err)) == 0)
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
	int64_t step_size = (most - least) / LOAD_RANGES + 1,
		first = least + (int64_t)i * step_size;
	sqlite3 *db;
	int rc;

	(void)worker;
	rc = db_connect(l->p->path, SQLITE_OPEN_READWRITE, &db, err);
	if (rc < 0)
		return rc;
	rc = load_rows(&r, db, first, first + step_size - 1, err);
	sqlite3_close(db);
	return rc;
}

static int load_files(struct loader *l, struct findings *out, struct err *err)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned n_threads = cores > (long)LOAD_RANGES ? LOAD_RANGES :
		cores > 0                              ? (unsigned)cores :
							 1;
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
	rc = db_open(p, &db, err);
	if (rc < 0)
		return rc;
	rc = load_all(&l, db, out, &why);
	sqlite3_close(db);
	mem_free(l.folders);
	mem_free(l.attributes);
	if (rc == -EBADMSG) {
		p->epoch = 0;
		rc = db_set_aside(p, why.msg, &why);
	}
	return rc < 0 ? err_set(err, rc, "%s: %s", p->path, why.msg) : 0;
}
