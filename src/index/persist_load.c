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
#include "packed.h"
#include "persist.h"
#include "persist_db.h"
#include "walk.h"

#define LOAD_RANGES 16u

struct folder {
	int64_t id;
	const char *path;
};

/* What a thread reads with. */
struct reader {
	sqlite3 *db;
	sqlite3_stmt *files, *problems;
};

/* What rows of `files` refer to; both ascend by id. */
struct loader {
	struct persist *p;
	struct interns *interns;
	struct folder *folders;
	struct numbered *attributes;
	size_t n_folders, n_attributes;
	struct instance blank;
	struct findings ranges[LOAD_RANGES];
	struct reader readers[LOAD_RANGES]; /* by thread */
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

static int load_problems(struct range *r, const struct db_file *f, struct instance_problem *out,
	struct err *err)
{
	const char *text;
	uint32_t i;
	int rc = 1;

	sqlite3_bind_int64(r->problems, 1, f->folder);
	db_bind_text(r->problems, 2, f->name);
	for (i = 0; i < f->n_problems && (rc = db_step(r->problems, err)) > 0; i++) {
		text = db_text(r->problems, 1);
		out[i].off = (uint64_t)sqlite3_column_int64(r->problems, 0);
		out[i].text = mem_strdup(text ? text : "");
		if (!out[i].text) {
			rc = err_nomem(err);
			break;
		}
	}
	sqlite3_reset(r->problems);
	if (rc < 0)
		return rc;
	return i == f->n_problems ? 0 : err_set(err, -EBADMSG, "problems of a file are gone");
}

static int load_instance(struct range *r, const struct db_file *f, struct instance *values,
	struct err *err)
{
	struct instance_problem problems[DCM_MAX_PROBLEMS] = { { 0, NULL } };
	struct instance *in;
	uint32_t i;
	int rc = 0;

	values->dir = r->folder->path;
	values->attr = r->attr->attr;
	if (f->n_problems)
		rc = load_problems(r, f, problems, err);
	if (rc == 0) {
		in = instance_make(values, f->name, f->sop_uid, problems, f->n_problems);
		rc = in && findings_add_instance(r->found, in) == 0 ? 0 : err_nomem(err);
	}
	for (i = 0; i < f->n_problems; i++)
		mem_free((void *)problems[i].text);
	return rc;
}

static int load_other(struct range *r, const struct db_file *f, const struct instance *values,
	struct err *err)
{
	enum other_kind kind = (enum other_kind)(f->kind - 1);
	struct other *o;

	if (other_new(r->folder->path, f->name, kind, f->text ? f->text : "", &o) < 0)
		return err_nomem(err);
	o->size = values->size;
	o->ino = values->ino;
	o->mtime_ns = values->mtime_ns;
	return findings_add_other(r->found, o) < 0 ? err_nomem(err) : 0;
}

static void read_row(sqlite3_stmt *s, struct db_file *f)
{
	f->folder = sqlite3_column_int64(s, FILES_FOLDER);
	f->name = db_text(s, FILES_NAME);
	f->kind = sqlite3_column_int(s, FILES_KIND);
	f->text = db_text(s, FILES_TEXT);
	f->n_problems = (uint32_t)sqlite3_column_int(s, FILES_N_PROBLEMS);
	f->attributes = sqlite3_column_int64(s, FILES_ATTRIBUTES);
	f->sop_uid = db_text(s, FILES_SOP_UID);
	f->record = sqlite3_column_blob(s, FILES_RECORD);
	f->record_len = (size_t)sqlite3_column_bytes(s, FILES_RECORD);
}

/* A row may refer to folders and attributes that another process wrote just now: it is passed by
 * then. */
static int load_file(struct range *r, sqlite3_stmt *s, struct err *err)
{
	struct instance values;
	struct db_file f;

	read_row(s, &f);
	if (!f.name || f.kind < 0 || f.kind > 1 + OTHER_UNREADABLE || !f.record ||
		f.n_problems > DCM_MAX_PROBLEMS ||
		db_checksum_file(&f) != (uint64_t)sqlite3_column_int64(s, FILES_CHECKSUM) ||
		!packed_read(&r->l->blank, f.record, f.record_len, &values))
		return err_set(err, -EBADMSG, "the record of a file is not what was written");
	if (!r->folder || r->folder->id != f.folder)
		r->folder = bsearch(&f.folder, r->l->folders, r->l->n_folders, sizeof *r->folder,
			by_folder_id);
	if (!r->folder)
		return 0;
	if (f.kind != DB_KIND_INSTANCE)
		return load_other(r, &f, &values, err);
	if (!r->attr || r->attr->id != f.attributes)
		r->attr = bsearch(&f.attributes, r->l->attributes, r->l->n_attributes,
			sizeof *r->attr, by_number);
	return r->attr ? load_instance(r, &f, &values, err) : 0;
}

/* Each thread has a connection of its own: opening one means to parse the schema. */
static int reader_open(const struct loader *l, struct reader *r, struct err *err)
{
	static const char problems[] =
		"SELECT off, text FROM problems WHERE folder = ?1 AND name = ?2 ORDER BY n";
	struct buf insert, select;
	int rc;

	buf_init(&insert);
	buf_init(&select);
	persist_files_sql(&insert, &select);
	rc = buf_error(&select) < 0 ? err_nomem(err) :
				      db_connect(l->p->path, SQLITE_OPEN_READWRITE, &r->db, err);
	if (rc == 0)
		rc = db_prepare(r->db, select.data, &r->files, err);
	if (rc == 0)
		rc = db_prepare(r->db, problems, &r->problems, err);
	buf_release(&insert);
	buf_release(&select);
	return rc;
}

static void reader_close(struct reader *r)
{
	sqlite3_finalize(r->files);
	sqlite3_finalize(r->problems);
	sqlite3_close(r->db);
}

static int load_range(void *arg, unsigned worker, size_t i, struct err *err)
{
	struct loader *l = arg;
	struct reader *from = &l->readers[worker];
	struct range r = { .l = l, .found = &l->ranges[i] };
	int64_t least = l->folders[0].id, most = l->folders[l->n_folders - 1].id;
	int64_t step_size = (most - least) / LOAD_RANGES + 1,
		first = least + (int64_t)i * step_size;
	int rc = from->problems ? 0 : reader_open(l, from, err);

	if (rc < 0)
		return rc;
	r.problems = from->problems;
	sqlite3_bind_int64(from->files, 1, first);
	sqlite3_bind_int64(from->files, 2, first + step_size - 1);
	while ((rc = db_step(from->files, err)) > 0 && (rc = load_file(&r, from->files, err)) == 0)
		;
	sqlite3_reset(from->files);
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
		reader_close(&l->readers[i]);
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

	db_forget(l->p);
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
	packed_blank(&l.blank);
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
