/* SPDX-License-Identifier: MIT */
/*
 * Reads of a file that the bench times:
 *
 *   reads cat FILE...              all of it, a MiB at a time
 *   reads first FILE LEN           352 bytes, then LEN from the middle
 *   reads random FILE LEN COUNT    COUNT ranges of LEN, the same in every run
 *   reads map FILE COUNT           COUNT bytes through a private mapping
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 1 << 20 };

static void die(const char *what)
{
	fprintf(stderr, "reads: %s: %s\n", what, errno ? strerror(errno) : "short");
	exit(1);
}

static int open_file(const char *path, off_t *size)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0)
		die(path);
	*size = st.st_size;
	return fd;
}

static void read_range(int fd, char *buf, size_t len, off_t off)
{
	size_t done;
	ssize_t got;

	for (done = 0; done < len; done += (size_t)got) {
		got = pread(fd, buf + done, len - done, off + (off_t)done);
		if (got <= 0)
			die("pread");
	}
}

static void cat(const char *path, char *buf)
{
	off_t size, total = 0;
	int fd = open_file(path, &size);
	ssize_t got;

	while ((got = read(fd, buf, BLOCK)) > 0)
		total += got;
	if (got < 0 || total != size)
		die(path);
	close(fd);
}

static off_t next_offset(uint64_t *state, off_t below)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return below > 0 ? (off_t)((*state >> 20) % (uint64_t)below) : 0;
}

int main(int argc, char **argv)
{
	const char *mode = argc > 2 ? argv[1] : "";
	size_t len = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;
	long n = argc > 4 ? atol(argv[4]) : (long)len;
	uint64_t state = 1;
	char *buf = malloc(len > BLOCK ? len : BLOCK);
	unsigned sum = 0;
	off_t size;
	int i, fd;

	if (!buf)
		die("memory");
	if (!strcmp(mode, "cat")) {
		for (i = 2; i < argc; i++)
			cat(argv[i], buf);
	} else if (!strcmp(mode, "first") && argc == 4) {
		fd = open_file(argv[2], &size);
		read_range(fd, buf, 352, 0);
		read_range(fd, buf, len, 352 + (size - 352) / 2 / (off_t)len * (off_t)len);
	} else if (!strcmp(mode, "random") && argc == 5) {
		fd = open_file(argv[2], &size);
		while (n-- > 0)
			read_range(fd, buf, len, next_offset(&state, size - (off_t)len));
	} else if (!strcmp(mode, "map") && argc == 4) {
		fd = open_file(argv[2], &size);
		const unsigned char *p = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0);

		if (p == MAP_FAILED)
			die("mmap");
		while (n-- > 0)
			sum += p[next_offset(&state, size)];
	} else {
		fprintf(stderr, "usage: reads cat|first|random|map FILE [LEN] [COUNT]\n");
		return 2;
	}
	free(buf);
	return sum == 1; /* the sum is used, so that the reads are done */
}
