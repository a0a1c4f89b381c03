/* SPDX-License-Identifier: MIT */
#include "support/archive.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"

static void need(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "archive: %s\n", what);
	abort();
}

void archive_begin(struct archive *a)
{
	struct scan_options opt = { .n_threads = 4 };
	struct err err = { 0 };

	memset(a, 0, sizeof *a);
	snprintf(a->path, sizeof a->path, "/tmp/dcmfs-test-XXXXXX");
	need(mkdtemp(a->path) != NULL, "mkdtemp");
	a->fd = open(a->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	need(a->fd >= 0, "open");
	need(files_new(a->fd, 32, NULL, NULL, &a->files, &err) == 0, err.msg);
	need(store_new(a->files, &opt, &a->store, &err) == 0, err.msg);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void archive_end(struct archive *a)
{
	catalog_put(a->catalog);
	store_free(a->store);
	files_free(a->files);
	close(a->fd);
	nftw(a->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *archive_path(struct archive *a, const char *name)
{
	static char path[4096];
	char *slash;

	snprintf(path, sizeof path, "%s/%s", a->path, name);
	for (slash = strchr(path + strlen(a->path) + 1, '/'); slash;
		slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(path, 0755);
		*slash = '/';
	}
	return path;
}

void archive_write(struct archive *a, const char *name, const void *bytes, size_t len)
{
	FILE *f = fopen(archive_path(a, name), "wb");

	need(f && fwrite(bytes, 1, len, f) == len && fclose(f) == 0, "write");
}

void archive_header(struct archive *a, const char *name, struct gen *g)
{
	gen_finish(g);
	archive_write(a, name, g->out.data, g->out.len);
	gen_release(g);
}

void archive_image(struct archive *a, const char *name, const struct gen_instance *what)
{
	struct gen g;

	gen_instance_begin(&g, what);
	gen_instance_end(&g, what);
	archive_header(a, name, &g);
}

void archive_age(struct archive *a, const char *name, int seconds)
{
	struct timespec t[2];

	clock_gettime(CLOCK_REALTIME, &t[0]);
	t[0].tv_sec -= seconds;
	t[1] = t[0];
	need(utimensat(AT_FDCWD, archive_path(a, name), t, 0) == 0, "utimensat");
}

bool archive_scan(struct archive *a)
{
	struct err err = { 0 };
	bool changed;

	need(store_scan(a->store, &changed, &err) == 0, err.msg);
	catalog_put(a->catalog);
	a->catalog = store_get(a->store);
	return changed;
}

static int by_text(const void *x, const void *y)
{
	return strcmp(*(char *const *)x, *(char *const *)y);
}

static size_t list_study(const struct study *st, char **lines)
{
	const struct series *s;
	uint32_t i, k;
	size_t n = 0;

	for (i = 0; i < st->n_series; i++) {
		s = st->series[i];
		for (k = 0; k < s->n_instances; k++)
			need(asprintf(&lines[n++], "%s/%s/%s/%s\n", st->patient->name, st->name,
				     s->name, s->instance_names[k]) > 0,
				"asprintf");
	}
	return n;
}

char *archive_names(const struct catalog *c)
{
	char **lines = calloc(c->n_instances + 1, sizeof *lines), *text;
	size_t n = 0, i;
	uint32_t p, s;
	struct buf b;

	need(lines != NULL, "calloc");
	for (p = 0; p < c->n_patients; p++)
		for (s = 0; s < c->patients[p]->n_studies; s++)
			n += list_study(c->patients[p]->studies[s], lines + n);
	qsort(lines, n, sizeof *lines, by_text);
	buf_init(&b);
	for (i = 0; i < n; i++) {
		buf_adds(&b, lines[i]);
		free(lines[i]);
	}
	free(lines);
	text = b.len ? buf_steal(&b, NULL) : strdup("");
	need(text != NULL, "out of memory");
	return text;
}

const struct instance *archive_find(const struct catalog *c, const char *name)
{
	char path[4096];
	uint32_t i;

	for (i = 0; i < c->n_instances; i++)
		if (strcmp(instance_path(c->instances_by_id[i], path, sizeof path), name) == 0)
			return c->instances_by_id[i];
	return NULL;
}
