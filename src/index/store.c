/* SPDX-License-Identifier: MIT */
/*
 * The store: what the last pass over SOURCE found, and the catalog made of it.
 * One thread scans; any thread takes the newest catalog.
 */
#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "build.h"
#include "dicom/source.h"
#include "index/intern.h"
#include "index/scan.h"
#include "survey.h"
#include "walk.h"

#define DIGEST_THREADS 8u
#define DIGEST_CHUNK   65536u

struct store {
	struct files *files;
	struct scan_options opt;
	struct interns *interns;
	pthread_mutex_t lock;
	struct catalog *catalog;        /* protected by lock; replaced, never changed */
	/* the scanning thread's own: */
	bool scanned;
	uint32_t next_instance;
	struct instance **duplicates;   /* references: equal files that the catalog does not show */
	size_t n_duplicates;
	struct other **others;          /* references */
	size_t n_others;
	struct waiting *waiting;
	size_t n_waiting;
};

int store_new(struct files *files, const struct scan_options *opt, struct store **out, struct err *err)
{
	struct store *s = mem_calloc(1, sizeof *s);
	int rc;

	if (!s)
		return err_nomem(err);
	rc = interns_new(&s->interns, err);
	if (rc < 0) {
		mem_free(s);
		return rc;
	}
	pthread_mutex_init(&s->lock, NULL);
	s->files = files;
	s->opt = *opt;
	s->next_instance = 1;
	*out = s;
	return 0;
}

static void drop_found(struct store *s)
{
	size_t i;

	for (i = 0; i < s->n_duplicates; i++)
		instance_put(s->duplicates[i]);
	for (i = 0; i < s->n_others; i++)
		other_put(s->others[i]);
	for (i = 0; i < s->n_waiting; i++)
		mem_free(s->waiting[i].file);
	mem_free(s->duplicates);
	mem_free(s->others);
	mem_free(s->waiting);
}

void store_free(struct store *s)
{
	if (!s)
		return;
	catalog_put(s->catalog);
	drop_found(s);
	interns_free(s->interns);
	pthread_mutex_destroy(&s->lock);
	mem_free(s);
}

struct catalog *store_get(struct store *s)
{
	struct catalog *c;

	pthread_mutex_lock(&s->lock);
	c = s->catalog ? catalog_get(s->catalog) : NULL;
	pthread_mutex_unlock(&s->lock);
	return c;
}

bool store_is_settled(const struct store *s)
{
	return s->n_waiting == 0;
}

/* --- what the builder asks ------------------------------------------------------------------------- */

static uint64_t digest_of_path(const struct instance *in)
{
	uint64_t h = hash_str(in->dir);

	return hash_bytes(h, in->file, strlen(in->file));
}

/* The file's bytes as one number; of a file that cannot be read its path's: it is equal to no other. */
static uint64_t digest_of(int root_fd, const struct instance *in, uint8_t *chunk)
{
	char path[2 * PATH_MAX];
	struct dcm_source *src;
	uint64_t h = 0, off = 0;
	int64_t got = -1;

	if (dcm_source_open_at(root_fd, instance_path(in, path, sizeof path), &src, NULL) == 0) {
		while ((got = dcm_source_pread(src, chunk, DIGEST_CHUNK, off, NULL)) > 0) {
			h = hash_bytes(h, chunk, (size_t)got);
			off += (uint64_t)got;
		}
		dcm_source_close(src);
	}
	if (got < 0)
		h = digest_of_path(in);
	return h ? h : 1;
}

struct digest_job {
	int root_fd;
	struct instance **instances;
};

static int digest_one(void *arg, unsigned worker, size_t i, struct err *err)
{
	const struct digest_job *job = arg;
	uint8_t *chunk = mem_alloc(DIGEST_CHUNK);

	(void)worker;
	if (!chunk)
		return err_nomem(err);
	job->instances[i]->digest = digest_of(job->root_fd, job->instances[i], chunk);
	mem_free(chunk);
	return 0;
}

static int digest(void *arg, struct instance **instances, size_t n, struct err *err)
{
	const struct store *s = arg;
	struct digest_job job = { .root_fd = files_root_fd(s->files), .instances = instances };

	return walk_parallel(DIGEST_THREADS, n, digest_one, &job, err);
}

/* --- problems -------------------------------------------------------------------------------------- */

static const char *path_in(struct arena *a, const char *dir, const char *file)
{
	return arena_printf(a, "%s%s%s", dir, dir[0] && file[0] ? "/" : "", file);
}

static int by_path(const void *x, const void *y)
{
	const struct file_problem *a = x, *b = y;
	int r = strcmp(a->path, b->path);

	return r ? r : (a->off > b->off) - (a->off < b->off);
}

static size_t count_problems(const struct findings *f)
{
	size_t n = 0, i;

	for (i = 0; i < f->n_instances; i++)
		n += f->instances[i]->n_problems;
	for (i = 0; i < f->n_others; i++)
		n += f->others[i]->kind != OTHER_DICOMDIR;
	return n;
}

/* Texts are copied: a catalog outlives the files that it is made of. */
static int add_problem(struct catalog *c, const char *path, uint64_t off, const char *text)
{
	struct file_problem *p = &c->problems[c->n_problems++];

	*p = (struct file_problem){ .path = path, .off = off, .text = arena_strdup(&c->arena, text) };
	return p->path && p->text ? 0 : -ENOMEM;
}

static int add_instance_problems(struct catalog *c, const struct instance *in)
{
	const struct instance_problem *p = instance_problems(in);
	const char *path = in->n_problems ? path_in(&c->arena, in->dir, in->file) : NULL;
	uint32_t i;

	for (i = 0; i < in->n_problems; i++)
		if (add_problem(c, path, p[i].off, p[i].text) < 0)
			return -ENOMEM;
	return 0;
}

static int tell_problems(struct catalog *c, const struct findings *f)
{
	const struct other *o;
	size_t i;
	int rc = 0;

	c->problems = arena_zalloc(&c->arena, count_problems(f), sizeof *c->problems);
	if (!c->problems)
		return -ENOMEM;
	for (i = 0; i < f->n_instances && rc == 0; i++)
		rc = add_instance_problems(c, f->instances[i]);
	for (i = 0; i < f->n_others && rc == 0; i++) {
		o = f->others[i];
		c->n_not_dicom += o->kind == OTHER_NOT_DICOM || o->kind == OTHER_EMPTY;
		if (o->kind != OTHER_DICOMDIR)
			rc = add_problem(c, path_in(&c->arena, o->dir, o->file), 0, o->text);
	}
	if (rc == 0 && c->n_problems)
		qsort(c->problems, c->n_problems, sizeof *c->problems, by_path);
	return rc;
}

/* --- publishing ---------------------------------------------------------------------------------------- */

static void publish(struct store *s, struct catalog *c)
{
	struct catalog *old;

	pthread_mutex_lock(&s->lock);
	old = s->catalog;
	s->catalog = c;
	pthread_mutex_unlock(&s->lock);
	catalog_put(old);
}

/* Take over what was found; the catalog has the instances but for the duplicates. */
static void keep_found(struct store *s, struct findings *f, struct build *b)
{
	size_t i;

	drop_found(s);
	for (i = 0; i < b->n_duplicates; i++)
		instance_get(b->duplicates[i]);
	s->duplicates = b->duplicates;
	s->n_duplicates = b->n_duplicates;
	s->others = f->others;
	s->n_others = f->n_others;
	s->waiting = f->waiting;
	s->n_waiting = f->n_waiting;
	s->scanned = true;
	f->others = NULL;
	f->waiting = NULL;
	f->n_others = f->n_waiting = 0;
}

static int make_catalog(struct store *s, struct findings *f, struct err *err)
{
	struct build b = {
		.old = s->catalog, .instances = f->instances, .n = f->n_instances, .digest = digest, .arg = s,
	};
	struct catalog *c;
	size_t i;
	int rc;

	for (i = 0; i < f->n_instances; i++)
		if (f->instances[i]->id == 0)
			f->instances[i]->id = s->next_instance++;
	rc = build_catalog(&b, &c, err);
	if (rc < 0)
		return rc;
	if (tell_problems(c, f) < 0) {
		catalog_put(c);
		mem_free(b.duplicates);
		return err_nomem(err);
	}
	c->n_files = (uint32_t)(f->n_instances + f->n_others);
	c->n_duplicates = (uint32_t)b.n_duplicates;
	keep_found(s, f, &b);
	publish(s, c);
	return 0;
}

/* --- scanning -------------------------------------------------------------------------------------------- */

/* What the last pass found, borrowed; only the list of instances has to be made. */
static int recollect(const struct store *s, struct findings *f)
{
	const struct catalog *c = s->catalog;
	size_t n = c->n_instances;

	memset(f, 0, sizeof *f);
	f->instances = mem_resize(NULL, n + s->n_duplicates, sizeof *f->instances);
	if (!f->instances)
		return -ENOMEM;
	if (n)
		memcpy(f->instances, c->instances_by_id, n * sizeof *f->instances);
	if (s->n_duplicates)
		memcpy(f->instances + n, s->duplicates, s->n_duplicates * sizeof *f->instances);
	f->n_instances = n + s->n_duplicates;
	f->others = s->others;
	f->n_others = s->n_others;
	f->waiting = s->waiting;
	f->n_waiting = s->n_waiting;
	return 0;
}

static void keep_waiting(struct store *s, struct findings *f)
{
	size_t i;

	for (i = 0; i < s->n_waiting; i++)
		mem_free(s->waiting[i].file);
	mem_free(s->waiting);
	s->waiting = f->waiting;
	s->n_waiting = f->n_waiting;
	f->waiting = NULL;
	f->n_waiting = 0;
}

static bool is_unchanged(const struct findings *known, const struct findings *found)
{
	return found->n_fresh == 0 && found->n_instances == known->n_instances && found->n_others == known->n_others;
}

int store_scan(struct store *s, bool *changed, struct err *err)
{
	struct findings known = { 0 }, found;
	int rc;

	*changed = false;
	if (s->scanned && recollect(s, &known) < 0)
		return err_nomem(err);
	rc = survey(s->files, s->interns, &s->opt, s->scanned ? &known : NULL, &found, err);
	if (rc == 0 && s->scanned && is_unchanged(&known, &found)) {
		keep_waiting(s, &found);
	} else if (rc == 0) {
		rc = make_catalog(s, &found, err);
		*changed = rc == 0;
	}
	findings_release(&found);
	mem_free(known.instances);
	malloc_trim(0);
	return rc;
}
