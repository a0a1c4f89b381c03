/* SPDX-License-Identifier: MIT */
/*
 * What reading the headers of a folder costs at least: the walk, and of every
 * file one open, pread and close, on as many threads as asked for.
 *
 *   scanfloor [-t THREADS] [-m walk|stat|drop|BYTES] DIR
 *
 * BYTES is how much is read (16384); stat reads nothing; drop takes the files
 * out of the page cache.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum mode { MODE_WALK, MODE_STAT, MODE_DROP, MODE_READ };
enum { THREADS_MAX = 256, BATCH = 64 };

struct list {
	char **path;
	size_t n, room;
};

struct scan {
	enum mode mode;
	size_t bytes;
	struct list files;
	atomic_size_t next;
	atomic_size_t total; /* bytes that came, so that nothing is left out */
};

static void die(const char *what)
{
	fprintf(stderr, "scanfloor: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void list_add(struct list *l, const char *dir, const char *name)
{
	size_t len = strlen(dir) + strlen(name) + 2;

	if (l->n == l->room) {
		l->room = l->room ? l->room * 2 : 1024;
		l->path = realloc(l->path, l->room * sizeof(*l->path));
	}
	if (!l->path || !(l->path[l->n] = malloc(len)))
		die("memory");
	snprintf(l->path[l->n++], len, "%s/%s", dir, name);
}

static void walk(const char *top, struct list *files)
{
	struct list dirs = { 0 };
	size_t i;

	list_add(&dirs, top, ".");
	for (i = 0; i < dirs.n; i++) {
		DIR *d = opendir(dirs.path[i]);
		struct dirent *e;

		if (!d)
			die(dirs.path[i]);
		while ((e = readdir(d))) {
			if (e->d_type == DT_REG)
				list_add(files, dirs.path[i], e->d_name);
			else if (e->d_type == DT_DIR && strcmp(e->d_name, ".") &&
				strcmp(e->d_name, ".."))
				list_add(&dirs, dirs.path[i], e->d_name);
		}
		closedir(d);
	}
}

static size_t visit(const struct scan *s, const char *path, char *buf)
{
	struct stat st;
	ssize_t got = 0;
	int fd;

	if (s->mode == MODE_STAT) {
		if (stat(path, &st) < 0)
			die(path);
		return (size_t)st.st_size;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die(path);
	if (s->mode == MODE_DROP)
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	else
		got = pread(fd, buf, s->bytes, 0);
	if (got < 0)
		die(path);
	close(fd);
	return (size_t)got;
}

static void *work(void *arg)
{
	struct scan *s = arg;
	size_t i, end, total = 0;
	char *buf = malloc(s->bytes ? s->bytes : 1);

	if (!buf)
		die("memory");
	while ((i = atomic_fetch_add(&s->next, BATCH)) < s->files.n) {
		end = i + BATCH < s->files.n ? i + BATCH : s->files.n;
		for (; i < end; i++)
			total += visit(s, s->files.path[i], buf);
	}
	atomic_fetch_add(&s->total, total);
	free(buf);
	return NULL;
}

int main(int argc, char **argv)
{
	static struct scan s = { .mode = MODE_READ, .bytes = 16384 };
	pthread_t thread[THREADS_MAX];
	int c, i, n_threads = 1;

	while ((c = getopt(argc, argv, "t:m:")) != -1) {
		if (c == 't')
			n_threads = atoi(optarg);
		else if (c == 'm' && !strcmp(optarg, "walk"))
			s.mode = MODE_WALK;
		else if (c == 'm' && !strcmp(optarg, "stat"))
			s.mode = MODE_STAT;
		else if (c == 'm' && !strcmp(optarg, "drop"))
			s.mode = MODE_DROP;
		else if (c == 'm')
			s.bytes = strtoul(optarg, NULL, 10);
		else
			return 2;
	}
	if (optind + 1 != argc || n_threads < 1 || n_threads > THREADS_MAX) {
		fprintf(stderr, "usage: scanfloor [-t THREADS] [-m walk|stat|drop|BYTES] DIR\n");
		return 2;
	}
	walk(argv[optind], &s.files);
	for (i = 0; s.mode != MODE_WALK && i < n_threads; i++)
		if (pthread_create(&thread[i], NULL, work, &s))
			die("thread");
	for (i = 0; s.mode != MODE_WALK && i < n_threads; i++)
		pthread_join(thread[i], NULL);
	printf("%zu files, %zu bytes\n", s.files.n, (size_t)s.total);
	return 0;
}
