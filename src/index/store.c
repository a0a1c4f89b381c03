/* SPDX-License-Identifier: MIT */
/*
 * The store: what the last pass over SOURCE found, and the catalog made of it.
 * One thread scans; any thread takes the newest catalog.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "build.h"
#include "dicom/source.h"
#include "index/changes.h"
#include "index/intern.h"
#include "index/retry.h"
#include "index/scan.h"
#include "persist.h"
#include "saver.h"
#include "survey.h"
#include "walk.h"

#define DIGEST_THREADS 8u
#define DIGEST_CHUNK 65536u

struct store {
	struct files *files;
	struct scan_options opt;
	struct interns *interns;
	struct persist *index; /* NULL: none */
	struct saver *saver;   /* NULL: none */
	pthread_mutex_t lock;  /* of what is published: only the scanning thread changes it */
	struct catalog *catalog;
	struct instance **duplicates; /* references: equal files that the catalog does not show */
	size_t n_duplicates;
	struct other **others; /* references */
	size_t n_others;
	uint32_t next_id; /* of instances and others that are found from now on */
	bool gone;        /* something that the index has was not found any more */
	/* the scanning thread's own: */
	bool scanned;
	bool unread;            /* the index was not read yet */
	struct findings loaded; /* from it, until the first scan */
	struct waiting *waiting;
	size_t n_waiting;
	struct retry retry;     /* of others that failed */
	pthread_mutex_t saving; /* one save at a time; of what follows */
	uint32_t saved_id;      /* the index has everything with an id below */
};

int store_new(struct files *files, const struct scan_options *opt, struct store **out,
	struct err *err)
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
	pthread_mutex_init(&s->saving, NULL);
	s->files = files;
	s->opt = *opt;
	s->next_id = s->saved_id = 1;
	*out = s;
	return 0;
}

static void free_waiting(struct waiting *w, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		mem_free(w[i].file);
	mem_free(w);
}

void store_free(struct store *s)
{
	struct findings rest = { 0 };

	if (!s)
		return;
	saver_free(s->saver);
	catalog_put(s->catalog);
	rest.instances = s->duplicates;
	rest.n_instances = s->n_duplicates;
	rest.others = s->others;
	rest.n_others = s->n_others;
	findings_release(&rest);
	findings_release(&s->loaded);
	free_waiting(s->waiting, s->n_waiting);
	persist_free(s->index);
	interns_free(s->interns);
	pthread_mutex_destroy(&s->saving);
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

int64_t store_waits_ms(const struct store *s)
{
	int64_t waits = s->n_waiting ? waiting_ms(s->waiting, s->n_waiting) : -1;
	int64_t fails = retry_ms(&s->retry, survey_now_ns());

	return waits < 0 || (fails >= 0 && fails < waits) ? fails : waits;
}

/* ---- what the builder asks ---- */

static uint64_t digest_of_path(const struct instance *in)
{
	uint64_t h = hash_str(in->dir);

	return hash_bytes(h, in->file, strlen(in->file));
}

/* The file's bytes as one number; of a file that cannot be read its path's: it is equal to no
 * other. */
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
	const _Atomic bool *stop;
	struct instance *const *instances;
	uint64_t *digests;
};

static int digest_one(void *arg, unsigned worker, size_t i, struct err *err)
{
	const struct digest_job *job = arg;
	uint8_t *chunk = mem_alloc(DIGEST_CHUNK);

	(void)worker;
	if (!chunk)
		return err_nomem(err);
	if (job->stop && atomic_load(job->stop)) {
		mem_free(chunk);
		return err_set(err, -ECANCELED, "stopped");
	}
	job->digests[i] = digest_of(job->root_fd, job->instances[i], chunk);
	mem_free(chunk);
	return 0;
}

static int digest(void *arg, struct instance *const *instances, uint64_t *digests, size_t n,
	struct err *err)
{
	const struct store *s = arg;
	struct digest_job job = {
		.root_fd = files_root_fd(s->files),
		.stop = s->opt.stop,
		.instances = instances,
		.digests = digests,
	};

	return walk_parallel(DIGEST_THREADS, n, digest_one, &job, err);
}

/* ---- problems ---- */

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

static size_t sum_problems(struct instance *const *list, size_t n)
{
	size_t sum = 0, i;

	for (i = 0; i < n; i++)
		sum += list[i]->n_problems;
	return sum;
}

/* Texts are copied: a catalog outlives the files that it is made of. */
static int add_problem(struct catalog *c, const char *path, uint64_t off, const char *text)
{
	struct file_problem *p = &c->problems[c->n_problems++];

	*p = (struct file_problem){ .path = path,
		.off = off,
		.text = arena_strdup(&c->arena, text) };
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

static int add_instances_problems(struct catalog *c, struct instance *const *list, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (list[i]->n_problems && add_instance_problems(c, list[i]) < 0)
			return -ENOMEM;
	return 0;
}

/* What is wrong with the files of a catalog that is built, with those of `b` that it does not
 * show, and with the others. */
static int tell_problems(struct catalog *c, const struct build *b, struct other *const *others,
	size_t n_others)
{
	size_t n = sum_problems(c->instances_by_id, c->n_instances) +
		sum_problems(b->duplicates, b->n_duplicates) + n_others,
	       i;
	int rc;

	c->problems = arena_zalloc(&c->arena, n, sizeof *c->problems);
	if (!c->problems)
		return -ENOMEM;
	rc = add_instances_problems(c, c->instances_by_id, c->n_instances);
	if (rc == 0)
		rc = add_instances_problems(c, b->duplicates, b->n_duplicates);
	for (i = 0; i < n_others && rc == 0; i++) {
		const struct other *o = others[i];

		c->n_not_dicom += o->kind == OTHER_NOT_DICOM || o->kind == OTHER_EMPTY;
		if (o->kind != OTHER_DICOMDIR)
			rc = add_problem(c, path_in(&c->arena, o->dir, o->file), 0, o->text);
	}
	if (rc == 0 && c->n_problems)
		qsort(c->problems, c->n_problems, sizeof *c->problems, by_path);
	return rc;
}

/* ---- publishing ---- */

/* The new catalog, and the files that it does not show; others: taken, and the old ones put in
 * their place. */
static void publish(struct store *s, struct catalog *c, const struct build *b,
	struct findings *others, uint32_t next_id, bool gone)
{
	struct findings was = { 0 };
	struct catalog *old;

	pthread_mutex_lock(&s->lock);
	old = s->catalog;
	s->catalog = c;
	was.others = s->others;
	was.n_others = s->n_others;
	s->others = others->others;
	s->n_others = others->n_others;
	was.instances = s->duplicates;
	was.n_instances = s->n_duplicates;
	s->duplicates = b->duplicates;
	s->n_duplicates = b->n_duplicates;
	s->next_id = next_id;
	s->gone = s->gone || gone;
	pthread_mutex_unlock(&s->lock);
	others->others = NULL;
	others->n_others = 0;
	findings_release(&was);
	catalog_put(old);
	s->scanned = true;
	if (s->saver)
		saver_ask(s->saver);
}

/* Number what has none yet; returns the next free number. */
static uint32_t number(struct findings *f, uint32_t next)
{
	size_t i;

	for (i = 0; i < f->n_instances; i++)
		if (f->instances[i]->id == 0)
			f->instances[i]->id = next++;
	for (i = 0; i < f->n_others; i++)
		if (f->others[i]->id == 0)
			f->others[i]->id = next++;
	return next;
}

/* Make a catalog by `b`, with these others, which are taken, and publish it. */
static int make_catalog(struct store *s, struct build *b, struct findings *others, uint32_t next_id,
	bool gone, struct err *err)
{
	struct catalog *c;
	int rc;

	b->old = s->catalog;
	b->digest = digest;
	b->arg = s;
	b->hide_files = s->opt.hide_files;
	rc = build_catalog(b, &c, err);
	if (rc < 0)
		return rc;
	c->n_files = c->n_instances + (uint32_t)(b->n_duplicates + others->n_others);
	c->n_duplicates = (uint32_t)b->n_duplicates;
	if (tell_problems(c, b, others->others, others->n_others) < 0) {
		catalog_put(c);
		findings_release(&(struct findings){ .instances = b->duplicates,
			.n_instances = b->n_duplicates });
		return err_nomem(err);
	}
	publish(s, c, b, others, next_id, gone);
	if (gone)
		files_close_idle(s->files);
	return 0;
}

/* ---- what nobody has any more ---- */

/* Behind a scan: give back what only files had that are no more. A save that goes on knows blocks
 * by their addresses: the next scan does it then. */
static void sweep_interns(struct store *s)
{
	size_t i;

	if (!interns_may_sweep(s->interns) || pthread_mutex_trylock(&s->saving) != 0)
		return;
	for (i = 0; i < s->n_waiting; i++)
		interned_use(s->waiting[i].dir);
	interns_sweep(s->interns, s->index ? persist_forget : NULL, s->index);
	for (i = 0; i < s->n_waiting; i++)
		interned_drop(s->waiting[i].dir);
	pthread_mutex_unlock(&s->saving);
}

size_t store_interned_bytes(const struct store *s)
{
	return interns_bytes(s->interns);
}

/* ---- scanning ---- */

/* What the last pass found: references to instances and others; what waits is borrowed. */
static int recollect(struct store *s, struct findings *f)
{
	const struct catalog *c;
	size_t n, i;

	memset(f, 0, sizeof *f);
	pthread_mutex_lock(&s->lock);
	c = s->catalog;
	n = c ? c->n_instances : 0;
	f->instances = mem_resize(NULL, n + s->n_duplicates, sizeof *f->instances);
	f->others = mem_resize(NULL, s->n_others, sizeof *f->others);
	for (i = 0; f->instances && f->others && i < n; i++)
		f->instances[f->n_instances++] = instance_get(c->instances_by_id[i]);
	for (i = 0; f->instances && f->others && i < s->n_duplicates; i++)
		f->instances[f->n_instances++] = instance_get(s->duplicates[i]);
	for (i = 0; f->instances && f->others && i < s->n_others; i++)
		f->others[f->n_others++] = other_get(s->others[i]);
	pthread_mutex_unlock(&s->lock);
	if (f->instances && f->others)
		return 0;
	findings_release(f);
	return -ENOMEM;
}

/* Without its index a scan only takes longer. */
static void load_index(struct store *s)
{
	struct err err;

	if (!s->unread)
		return;
	s->unread = false;
	pthread_mutex_lock(&s->saving);
	if (persist_load(s->index, s->interns, &s->loaded, &err) == 0) {
		s->next_id = s->saved_id = number(&s->loaded, s->next_id);
	} else {
		log_warn("no saved index: %s", err.msg);
		persist_free(s->index);
		s->index = NULL;
	}
	pthread_mutex_unlock(&s->saving);
}

/* What is known before a pass: by the last one, or by the index. */
static int take_known(struct store *s, struct findings *known, struct err *err)
{
	if (!s->scanned) {
		load_index(s);
		*known = s->loaded;
		memset(&s->loaded, 0, sizeof s->loaded);
		return 0;
	}
	if (recollect(s, known) < 0)
		return err_nomem(err);
	known->waiting = s->waiting;
	known->n_waiting = s->n_waiting;
	s->waiting = NULL;
	s->n_waiting = 0;
	return 0;
}

static bool is_unchanged(const struct findings *known, const struct findings *found)
{
	return found->n_fresh == 0 && found->n_instances == known->n_instances &&
		found->n_others == known->n_others;
}

static bool is_empty(int fd)
{
	DIR *d = fdopendir(fcntl(fd, F_DUPFD_CLOEXEC, 0));
	const struct dirent *e;
	bool empty = true;

	while (d && empty && (e = readdir(d)))
		empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
	if (d)
		closedir(d);
	return empty;
}

/* The descriptor of SOURCE is made to follow its path: a disk may have been mounted again, and then
 * everything is another. */
static int follow_root(const struct store *s, bool *moved, struct err *err)
{
	int root_fd = files_root_fd(s->files), fd, rc = 0;
	struct stat then, now;
	struct statvfs alive;

	*moved = false;
	if (!s->opt.root_path || s->opt.only_file)
		return 0;
	fd = open(s->opt.root_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &now) != 0)
		rc = err_errno(err, "the source is gone");
	else if (fstatvfs(fd, &alive) != 0) /* a server's names may outlive it */
		rc = err_errno(err, "cannot read the source");
	else if (fstat(root_fd, &then) == 0 && then.st_dev == now.st_dev &&
		then.st_ino == now.st_ino)
		rc = 0;
	else if (is_empty(fd))
		rc = err_set(err, -ESTALE, "the source is gone: its folder is another, and empty");
	else if (dup3(fd, root_fd, O_CLOEXEC) < 0)
		rc = err_errno(err, "follow the source");
	else
		*moved = true;
	if (fd >= 0)
		close(fd);
	return rc;
}

/* Of a source that went meanwhile it finds half, which is not what there is. */
static int survey_all(struct store *s, const struct findings *known, struct findings *found,
	struct err *err)
{
	unsigned how = SURVEY_RETRY | (s->scanned ? SURVEY_PATIENT : 0);
	int rc = survey(s->files, s->interns, &s->opt, NULL, known, how, found, err);
	bool moved = false;

	if (rc == 0)
		rc = follow_root(s, &moved, err);
	return moved ? err_set(err, -ESTALE, "the source is another by now") : rc;
}

/* What waits from now on. */
static void take_waiting(struct store *s, struct findings *found)
{
	free_waiting(s->waiting, s->n_waiting);
	s->waiting = found->waiting;
	s->n_waiting = found->n_waiting;
	found->waiting = NULL;
	found->n_waiting = 0;
}

static int publish_all(struct store *s, const struct findings *known, struct findings *f,
	struct err *err)
{
	uint32_t next_id = number(f, s->next_id);
	struct build b = { .instances = f->instances, .n = f->n_instances };
	bool gone = f->n_instances + f->n_others - f->n_fresh <
		known->n_instances + known->n_others;

	return make_catalog(s, &b, f, next_id, gone, err);
}

/* The same in the order of the index, which is sorted, rather than of the walk. */
static void take_order(struct findings *known, struct findings *found)
{
	struct instance **list = known->instances;

	known->instances = found->instances;
	found->instances = list;
}

/* What failed is tried again by itself. */
static void plan_retry(struct store *s, bool tried)
{
	size_t n = 0, i;

	for (i = 0; i < s->n_others; i++)
		n += s->others[i]->kind == OTHER_FAILED;
	retry_plan(&s->retry, n, tried, survey_now_ns());
}

static int scan_all(struct store *s, bool *changed, struct err *err)
{
	struct findings known, found;
	int rc;

	rc = take_known(s, &known, err);
	if (rc < 0)
		return rc;
	rc = survey_all(s, &known, &found, err);
	if (rc == 0) {
		take_waiting(s, &found);
		if (is_unchanged(&known, &found))
			take_order(&known, &found);
		if (!s->scanned || !is_unchanged(&known, &found)) {
			rc = publish_all(s, &known, &found, err);
			*changed = rc == 0;
		}
		plan_retry(s, true);
	}
	findings_release(&found);
	if (rc < 0 && !s->scanned)
		s->loaded = known; /* the index is read once */
	else
		findings_release(&known);
	return rc;
}

int store_scan(struct store *s, bool *changed, struct err *err)
{
	bool moved;
	int rc;

	*changed = false;
	rc = follow_root(s, &moved, err);
	if (rc == 0)
		rc = scan_all(s, changed, err);
	sweep_interns(s);
	malloc_trim(0);
	return rc;
}

/* ---- scanning some folders ---- */

/* What is known of the folders: references; and all others that are not in them. */
static int recollect_within(struct store *s, const struct changes *where, struct findings *known,
	struct findings *rest, struct err *err)
{
	const struct catalog *c = s->catalog;
	const char *dir = NULL;
	bool within = false;
	size_t n = c->n_instances + s->n_duplicates, i;
	int rc = 0;

	for (i = 0; i < n && rc == 0; i++) {
		struct instance *in = i < c->n_instances ? c->instances_by_id[i] :
							   s->duplicates[i - c->n_instances];

		if (in->dir != dir)
			within = changes_have(where, in->dir);
		dir = in->dir;
		if (within)
			rc = findings_add_instance(known, instance_get(in));
		else if (i >= c->n_instances)
			rc = findings_add_instance(rest, instance_get(in));
	}
	for (i = 0; i < s->n_others && rc == 0; i++)
		rc = findings_add_other(changes_have(where, s->others[i]->dir) ? known : rest,
			other_get(s->others[i]));
	if (rc == 0)
		return 0;
	return err_nomem(err);
}

static int by_address(const void *x, const void *y)
{
	uintptr_t a = (uintptr_t) * (void *const *)x, b = (uintptr_t) * (void *const *)y;

	return (a > b) - (a < b);
}

static void sort_by_address(struct findings *f)
{
	if (f->n_instances)
		qsort(f->instances, f->n_instances, sizeof *f->instances, by_address);
}

/* Take out of both lists, which are in order, what they have in common. */
static void take_out_common(struct instance **a, size_t *n_a, struct instance **b, size_t *n_b)
{
	size_t i = 0, j = 0, na = 0, nb = 0;

	while (i < *n_a || j < *n_b) {
		if (j == *n_b || (i < *n_a && (uintptr_t)a[i] < (uintptr_t)b[j])) {
			a[na++] = a[i++];
		} else if (i == *n_a || (uintptr_t)b[j] < (uintptr_t)a[i]) {
			b[nb++] = b[j++];
		} else {
			instance_put(a[i++]);
			instance_put(b[j++]);
		}
	}
	*n_a = na;
	*n_b = nb;
}

/* Equal files within the folders that are still there are neither shown nor new: they go to the
 * rest. */
static int keep_duplicates(const struct store *s, const struct findings *found,
	struct findings *rest)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < s->n_duplicates && rc == 0; i++) {
		struct instance *in = s->duplicates[i];

		if (found->n_instances &&
			bsearch(&in, found->instances, found->n_instances, sizeof in, by_address))
			rc = findings_add_instance(rest, instance_get(in));
	}
	return rc;
}

/* known, found: of the folders; rest: what the catalog does not show of the others. */
static int publish_within(struct store *s, struct findings *known, struct findings *found,
	struct findings *rest, struct err *err)
{
	size_t n_gone = known->n_instances + known->n_others -
		(found->n_instances + found->n_others - found->n_fresh);
	uint32_t next_id = number(found, s->next_id);
	struct build_rest kept = { 0 };
	struct build b = { .rest = &kept };
	size_t i;

	sort_by_address(known);
	sort_by_address(found);
	if (keep_duplicates(s, found, rest) < 0)
		return err_nomem(err);
	take_out_common(known->instances, &known->n_instances, found->instances,
		&found->n_instances);
	for (i = 0; i < found->n_others; i++)
		if (findings_add_other(rest, other_get(found->others[i])) < 0)
			return err_nomem(err);
	b.instances = found->instances;
	b.n = found->n_instances;
	kept.gone = known->instances;
	kept.n_gone = known->n_instances;
	kept.duplicates = rest->instances;
	kept.n_duplicates = rest->n_instances;
	return make_catalog(s, &b, rest, next_id, n_gone > 0, err);
}

/* With the folders of files that wait, and of what is to be tried again. */
static void add_due(const struct store *s, struct changes *where, bool retry)
{
	size_t i;

	for (i = 0; i < s->n_waiting; i++)
		changes_add(where, s->waiting[i].dir, NULL, false);
	for (i = 0; retry && i < s->n_others; i++)
		if (s->others[i]->kind == OTHER_FAILED)
			changes_add(where, s->others[i]->dir, NULL, !s->others[i]->file[0]);
}

static int scan_within(struct store *s, struct changes *where, bool *changed, struct err *err)
{
	struct findings known = { 0 }, rest = { 0 }, found = { 0 };
	bool retry = retry_is_due(&s->retry, survey_now_ns());
	int rc;

	add_due(s, where, retry);
	if (where->all)
		return scan_all(s, changed, err);
	rc = recollect_within(s, where, &known, &rest, err);
	known.waiting = s->waiting;
	known.n_waiting = s->n_waiting;
	if (rc == 0)
		rc = survey(s->files, s->interns, &s->opt, where, &known,
			SURVEY_PATIENT | (retry ? SURVEY_RETRY : 0), &found, err);
	known.waiting = NULL;
	known.n_waiting = 0;
	if (rc == 0)
		take_waiting(s, &found);
	if (rc == 0 && !is_unchanged(&known, &found)) {
		rc = publish_within(s, &known, &found, &rest, err);
		*changed = rc == 0;
	}
	if (rc == 0)
		plan_retry(s, retry);
	findings_release(&found);
	findings_release(&known);
	findings_release(&rest);
	return rc;
}

int store_scan_changes(struct store *s, const struct changes *where, bool *changed, struct err *err)
{
	struct changes all_of_them = { 0 };
	bool moved;
	int rc;

	*changed = false;
	rc = follow_root(s, &moved, err);
	if (rc == 0 && (moved || !s->scanned || where->all || s->opt.only_file)) {
		rc = scan_all(s, changed, err);
	} else if (rc == 0) {
		changes_join(&all_of_them, where);
		rc = scan_within(s, &all_of_them, changed, err);
		changes_release(&all_of_them);
	}
	sweep_interns(s);
	malloc_trim(0);
	return rc;
}

/* ---- the saved index ---- */

int store_use_index(struct store *s, const char *path, const char *source, struct err *err)
{
	int rc = persist_new(path, source, &s->index, err);

	s->unread = rc == 0;
	return rc;
}

static int save_locked(struct store *s, struct err *err)
{
	struct findings f;
	uint32_t next_id;
	bool gone;
	int rc;

	pthread_mutex_lock(&s->lock);
	next_id = s->next_id;
	gone = s->gone;
	s->gone = false;
	pthread_mutex_unlock(&s->lock);
	if (next_id == s->saved_id && !gone)
		return 0;
	rc = recollect(s, &f) < 0 ? err_nomem(err) :
				    persist_save(s->index, &f, s->saved_id, gone, err);
	if (rc == 0) {
		s->saved_id = next_id;
		findings_release(&f);
		return 0;
	}
	findings_release(&f);
	pthread_mutex_lock(&s->lock);
	s->gone = s->gone || gone;
	pthread_mutex_unlock(&s->lock);
	return rc;
}

int store_save(struct store *s, struct err *err)
{
	int rc;

	pthread_mutex_lock(&s->saving);
	rc = s->index ? save_locked(s, err) : 0;
	pthread_mutex_unlock(&s->saving);
	return rc;
}

static void save_logged(void *store)
{
	struct err err;

	if (store_save(store, &err) < 0)
		log_warn("the index was not saved: %s", err.msg);
}

int store_save_behind(struct store *s, struct err *err)
{
	return s->index ? saver_new(save_logged, s, &s->saver, err) : 0;
}

/* A folder for us alone; its parent is there, or made likewise. */
static int make_folder(const char *path, struct err *err)
{
	return mkdir(path, 0700) == 0 || errno == EEXIST ? 0 : err_errno(err, "make \"%s\"", path);
}

int store_index_path(const char *source, char *buf, size_t cap, struct err *err)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	const struct passwd *user;
	char folder[PATH_MAX];
	int n, rc;

	if (!home && (user = getpwuid(geteuid()))) /* services of the system have no HOME */
		home = user->pw_dir;
	if (cache && cache[0] == '/')
		n = snprintf(folder, sizeof folder, "%s", cache);
	else if (home && home[0] == '/')
		n = snprintf(folder, sizeof folder, "%s/.cache", home);
	else
		return err_set(err, -ENOENT,
			"neither XDG_CACHE_HOME nor HOME says where the index is kept");
	if (n < 0 || (size_t)n >= sizeof folder - sizeof "/dcmfs")
		return err_set(err, -ENAMETOOLONG, "the path of the cache is too long");
	rc = make_folder(folder, err);
	memcpy(folder + n, "/dcmfs", sizeof "/dcmfs");
	if (rc == 0)
		rc = make_folder(folder, err);
	if (rc < 0)
		return rc;
	n = snprintf(buf, cap, "%s/%016llx.sqlite", folder, (unsigned long long)hash_str(source));
	return n > 0 && (size_t)n < cap ?
		0 :
		err_set(err, -ENAMETOOLONG, "the path of the cache is too long");
}
