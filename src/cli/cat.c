/* SPDX-License-Identifier: MIT */
/* --cat: the bytes of one file. */
#include <errno.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "cli/ls.h"
#include "cli/path.h"
#include "vfs/vfs.h"

#define CHUNK_BYTES ((size_t)1 << 20)

static int write_all(int fd, const char *bytes, size_t n, struct err *err)
{
	while (n > 0) {
		ssize_t done = write(fd, bytes, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return err_errno(err, "write");
		bytes += done;
		n -= (size_t)done;
	}
	return 0;
}

int cli_cat(struct vfs *v, const char *path, int out_fd, struct err *err)
{
	struct vfs_attr a;
	uint64_t off = 0;
	int64_t n = 1;
	char *chunk;
	int r = path_find(v, path, &a, err);

	if (r < 0)
		return r;
	if (a.type == VIEW_DIR)
		return err_set(err, -EISDIR, "%s: a folder", path);
	chunk = mem_alloc(CHUNK_BYTES);
	if (!chunk)
		return err_nomem(err);
	while (r == 0 && n > 0) {
		n = vfs_read(v, a.ino, chunk, CHUNK_BYTES, off, NULL, err);
		if (n < 0) {
			err_wrap(err, "%s", path);
			r = (int)n;
		} else {
			r = write_all(out_fd, chunk, (size_t)n, err);
			off += (uint64_t)n;
		}
	}
	mem_free(chunk);
	return r;
}
