/* SPDX-License-Identifier: MIT */
/* Byte sources over files and memory: see dicom/source.h. */
#include "dicom/source.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"

struct file_source {
	struct dcm_source base;
	int fd;
};

struct memory_source {
	struct dcm_source base;
	const uint8_t *bytes;
};

static int64_t file_pread(struct dcm_source *s, void *buf, size_t n, uint64_t off, struct err *err)
{
	const struct file_source *f = (const struct file_source *)s;
	size_t done = 0;
	ssize_t got;

	while (done < n) {
		got = pread(f->fd, (uint8_t *)buf + done, n - done, (off_t)(off + done));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_errno(err, "read at %llu", (unsigned long long)(off + done));
		if (got == 0)
			break;
		done += (size_t)got;
	}
	return (int64_t)done;
}

static void file_close(struct dcm_source *s)
{
	struct file_source *f = (struct file_source *)s;

	close(f->fd);
	mem_free(f);
}

static const struct dcm_source_ops file_ops = { file_pread, file_close };

int dcm_source_from_sized_fd(int fd, uint64_t size, struct dcm_source **out, struct err *err)
{
	struct file_source *f = mem_alloc(sizeof *f);

	if (!f) {
		close(fd);
		return err_nomem(err);
	}
	*f = (struct file_source){ .base = { .ops = &file_ops, .size = size }, .fd = fd };
	*out = &f->base;
	return 0;
}

int dcm_source_from_fd(int fd, struct dcm_source **out, struct err *err)
{
	struct stat st;
	int rc = 0;

	if (fstat(fd, &st) != 0)
		rc = err_errno(err, "fstat");
	else if (!S_ISREG(st.st_mode))
		rc = err_set(err, -EINVAL, "not a regular file");
	if (rc < 0) {
		close(fd);
		return rc;
	}
	return dcm_source_from_sized_fd(fd, (uint64_t)st.st_size, out, err);
}

/* O_NONBLOCK: a pipe or a device that lies among the files must not hold the scan up. */
int dcm_source_open_at(int dir_fd, const char *path, struct dcm_source **out, struct err *err)
{
	int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		return err_errno(err, "open");
	return dcm_source_from_fd(fd, out, err);
}

static int64_t memory_pread(struct dcm_source *s, void *buf, size_t n, uint64_t off,
	struct err *err)
{
	const struct memory_source *m = (const struct memory_source *)s;

	(void)err;
	memcpy(buf, m->bytes + off, n);
	return (int64_t)n;
}

static void memory_close(struct dcm_source *s)
{
	mem_free(s);
}

static const struct dcm_source_ops memory_ops = { memory_pread, memory_close };

int dcm_source_from_memory(const void *p, size_t len, struct dcm_source **out, struct err *err)
{
	struct memory_source *m = mem_alloc(sizeof *m);

	if (!m)
		return err_nomem(err);
	*m = (struct memory_source){ .base = { .ops = &memory_ops, .size = len }, .bytes = p };
	*out = &m->base;
	return 0;
}

int64_t dcm_source_pread(struct dcm_source *s, void *buf, size_t n, uint64_t off, struct err *err)
{
	if (off >= s->size || n == 0)
		return 0;
	return s->ops->pread(s, buf, (size_t)min_u64(n, s->size - off), off, err);
}

int dcm_source_read_full(struct dcm_source *s, void *buf, size_t n, uint64_t off, struct err *err)
{
	int64_t got = dcm_source_pread(s, buf, n, off, err);

	if (got < 0)
		return (int)got;
	if ((uint64_t)got < n)
		return err_set(err, -EBADMSG, "the file ends at byte %llu, %llu more were expected",
			(unsigned long long)(off + (uint64_t)got),
			(unsigned long long)(n - (uint64_t)got));
	return 0;
}

void dcm_source_close(struct dcm_source *s)
{
	if (s)
		s->ops->close(s);
}
