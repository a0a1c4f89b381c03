/* SPDX-License-Identifier: MIT */
/*
 * A main for fuzz targets without libFuzzer: it gives them each file of the
 * folders named, the empty input, and with -m N also N damaged copies a file.
 * The damage depends on nothing but the file, so a crash comes again.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { INPUT_MAX = 4 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct run {
	long mutations; /* damaged copies a file */
	long files;
	long inputs;
};

/* Each input lies in memory of its very size, so that a sanitizer sees one byte too many. */
static void try_input(struct run *run, const uint8_t *data, size_t size)
{
	uint8_t *exact = malloc(size ? size : 1);

	if (!exact) {
		perror("fuzz: input");
		exit(1);
	}
	memcpy(exact, data, size);
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
	run->inputs++;
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Some bytes changed, mostly near the start, where lengths are; now and then cut off. */
static void try_damaged(struct run *run, const uint8_t *data, size_t size, uint64_t *state)
{
	static const uint8_t telling[] = { 0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff };
	uint8_t *copy = malloc(size);
	size_t reach = next_random(state) % 2 ? size : size < 1024 ? size : 1024;
	unsigned i, n = 1 + (unsigned)(next_random(state) % 4);

	if (!copy)
		return;
	memcpy(copy, data, size);
	for (i = 0; i < n; i++) {
		uint64_t r = next_random(state);

		copy[(r >> 16) % reach] = r & 1 ? telling[(r >> 1) % sizeof(telling)] :
						  (uint8_t)(r >> 8);
	}
	try_input(run, copy, next_random(state) % 4 ? size : (size_t)(next_random(state) % size));
	free(copy);
}

static void try_file(struct run *run, const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = malloc(INPUT_MAX);
	uint64_t state = 0x9e3779b97f4a7c15u;
	size_t size = 0;
	long i;

	if (f && data)
		size = fread(data, 1, INPUT_MAX, f);
	if (!f || !data || ferror(f)) {
		fprintf(stderr, "fuzz: %s: %s\n", path, strerror(errno));
		exit(1);
	}
	fclose(f);
	try_input(run, data, size);
	state ^= size;
	for (i = 0; size && i < run->mutations; i++)
		try_damaged(run, data, size, &state);
	free(data);
	run->files++;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* The folder's files in the order of their names; the depth is ours, not an input's. */
static void try_path(struct run *run, const char *path)
{
	struct dirent **entries;
	struct stat st;
	int i, n;

	if (stat(path, &st) < 0) {
		printf("SKIP  %s: %s\n", path, strerror(errno));
		return;
	}
	if (!S_ISDIR(st.st_mode)) {
		try_file(run, path);
		return;
	}
	n = scandir(path, &entries, NULL, by_name);
	for (i = 0; i < n; i++) {
		char child[4096];

		snprintf(child, sizeof(child), "%s/%s", path, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.')
			try_path(run, child);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}

int main(int argc, char **argv)
{
	struct run run = { 0 };
	int i = 1;

	if (argc > 2 && !strcmp(argv[1], "-m")) {
		run.mutations = atol(argv[2]);
		i = 3;
	}
	try_input(&run, (const uint8_t *)"", 0);
	for (; i < argc; i++)
		try_path(&run, argv[i]);
	printf("%ld inputs from %ld files\n", run.inputs, run.files);
	printf("%ld passed, 0 failed\n", run.files + 1);
	return 0;
}
