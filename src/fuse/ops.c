/* SPDX-License-Identifier: MIT */
/* The kernel's requests: see fuse/ops.h. Each handler asks the tree and replies exactly once. */
#include "fuse/ops.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "vfs/vfs.h"

#define CACHE_SECONDS 86400.0 /* names and attributes: a refresh says what is over before */
#define SETTLE_MS 2000
#define BLOCK_BYTES 131072 /* what stdio readers ask for at once */

static struct session *session_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

/* What the kernel is told; what only this program can tell apart is an input/output error. */
static int kernel_errno(int64_t r)
{
	return r == -EBADMSG || r == -ENOTSUP || r == -EFBIG ? EIO : (int)-r;
}

static void reply_error(fuse_req_t req, const char *what, fuse_ino_t ino, int64_t r,
	const struct err *err)
{
	int code = kernel_errno(r);

	if (code == EIO || code == ENOMEM)
		log_warn("%s of inode %llu: %s", what, (unsigned long long)ino, err->msg);
	fuse_reply_err(req, code);
}

/* ---- bigger reads ---- */

/* Only root may ask for them. The mount is asked for nothing but its number, which the kernel
 * knows: a request to this very process might be one that nobody answers any more. */
static void set_readahead(const struct session *s)
{
	char path[64], text[16];
	struct statx st;
	int fd, n;

	if (s->o.readahead_kb == 0 || geteuid() != 0 ||
		statx(AT_FDCWD, s->o.mountpoint, AT_STATX_DONT_SYNC, 0, &st) < 0)
		return;
	snprintf(path, sizeof path, "/sys/class/bdi/%u:%u/read_ahead_kb", st.stx_dev_major,
		st.stx_dev_minor);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	n = snprintf(text, sizeof text, "%u\n", s->o.readahead_kb);
	if (write(fd, text, (size_t)n) != n)
		log_info("read-ahead stays as it is: %s", strerror(errno));
	close(fd);
}

/* ---- replies that bind names ---- */

/* The first is the time for read-ahead: the kernel takes its own once the connection begins, and
 * each file the one that it finds when it is opened. */
static unsigned binding_begin(struct session *s)
{
	unsigned parity = atomic_load(&s->turn) & 1;

	if (!atomic_load_explicit(&s->has_readahead, memory_order_relaxed) &&
		!atomic_exchange(&s->has_readahead, true))
		set_readahead(s);
	atomic_fetch_add(&s->n_binding[parity], 1);
	return parity;
}

static void binding_end(struct session *s, unsigned parity)
{
	atomic_fetch_sub(&s->n_binding[parity], 1);
}

/* A request that begins after the turn sees the tree as it is now. One that takes for ever is not
 * waited for: its name is found to be stale when it is used. */
void ops_settle(struct session *s)
{
	unsigned parity = atomic_fetch_add(&s->turn, 1) & 1;
	int i;

	for (i = 0; i < SETTLE_MS && atomic_load(&s->n_binding[parity]) > 0; i++)
		usleep(1000);
}

/* ---- buffers ---- */

static struct reply_buffer *buffer_get(struct session *s)
{
	struct reply_buffer *b;

	pthread_mutex_lock(&s->lock);
	b = s->free_buffers;
	if (b)
		s->free_buffers = b->next;
	pthread_mutex_unlock(&s->lock);
	return b ? b : mem_alloc(sizeof *b);
}

static void buffer_put(struct session *s, struct reply_buffer *b)
{
	refresher_stir(s);
	pthread_mutex_lock(&s->lock);
	b->next = s->free_buffers;
	s->free_buffers = b;
	pthread_mutex_unlock(&s->lock);
}

/* ---- attributes ---- */

static void fill_stat(const struct session *s, const struct vfs_attr *a, struct stat *st)
{
	mode_t mode = a->type == VIEW_DIR ? S_IFDIR | 0555 : S_IFREG | 0444;

	memset(st, 0, sizeof *st);
	st->st_ino = a->ino;
	st->st_mode = mode & ~s->o.umask;
	st->st_nlink = 1;
	st->st_uid = s->o.uid;
	st->st_gid = s->o.gid;
	st->st_size = (off_t)a->size;
	st->st_blocks = (blkcnt_t)((a->size + 511) / 512);
	st->st_blksize = BLOCK_BYTES;
	st->st_mtim = ns_timespec(a->mtime_ns);
	st->st_atim = st->st_ctim = st->st_mtim;
}

static void fill_entry(const struct session *s, const struct vfs_attr *a,
	struct fuse_entry_param *e)
{
	memset(e, 0, sizeof *e);
	e->ino = a->size_known ? a->ino : 0; /* 0: the name alone, ask again for its attributes */
	e->entry_timeout = CACHE_SECONDS;
	e->attr_timeout = a->live ? 0 : CACHE_SECONDS;
	fill_stat(s, a, &e->attr);
}

/* -EAGAIN: not replied. */
static int reply_lookup(struct session *s, fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param e = { .entry_timeout = CACHE_SECONDS };
	struct vfs_attr a;
	struct err err;
	int r = vfs_lookup(s->o.vfs, parent, name, &a, &err);

	if (r == -EAGAIN)
		return r;
	if (r < 0 && r != -ENOENT) {
		reply_error(req, "lookup", parent, r, &err);
		return r;
	}
	if (r == 0)
		fill_entry(s, &a, &e);
	if (fuse_reply_entry(req, &e) < 0 && r == 0)
		vfs_forget(s->o.vfs, a.ino, 1);
	return r;
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct session *s = session_of(req);
	unsigned parity = binding_begin(s);
	int r = reply_lookup(s, req, parent, name);

	binding_end(s, parity);
	refresher_stir(s);
	if (r == -EAGAIN)
		waiting_add(req, &(struct waiting_for){ .ino = parent, .name = name });
}

static void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t n)
{
	vfs_forget(session_of(req)->o.vfs, ino, n);
	fuse_reply_none(req);
}

static void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	size_t i;

	for (i = 0; i < count; i++)
		vfs_forget(session_of(req)->o.vfs, forgets[i].ino, forgets[i].nlookup);
	fuse_reply_none(req);
}

/* The kernel tells of an open file (fi) when a read wants to know where the end is. */
static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct session *s = session_of(req);
	struct vfs_attr a;
	struct stat st;
	struct err err;
	int r = vfs_getattr(s->o.vfs, ino, fi != NULL, &a, &err);

	if (r < 0) {
		reply_error(req, "stat", ino, r, &err);
		return;
	}
	fill_stat(s, &a, &st);
	fuse_reply_attr(req, &st, a.live ? 0 : CACHE_SECONDS);
}

static void op_access(fuse_req_t req, fuse_ino_t ino, int mask)
{
	(void)ino;
	fuse_reply_err(req, mask & W_OK ? EROFS : 0);
}

static void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct vfs_stats stats;
	struct statvfs st = { .f_bsize = BLOCK_BYTES, .f_frsize = 4096, .f_namemax = 255 };

	(void)ino;
	vfs_stats(session_of(req)->o.vfs, &stats);
	st.f_files = stats.n_inodes;
	st.f_flag = ST_RDONLY | ST_NOSUID;
	fuse_reply_statfs(req, &st);
}

/* ---- open: best not at all ---- */

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct vfs_attr a;
	struct err err;
	int r;

	if (session_of(req)->no_open) {
		fuse_reply_err(req, ENOSYS);
		return;
	}
	r = vfs_getattr(session_of(req)->o.vfs, ino, false, &a, &err);
	if (r < 0) {
		reply_error(req, "open", ino, r, &err);
		return;
	}
	fi->keep_cache = !a.live;
	fi->direct_io = a.live;
	fi->noflush = 1;
	fuse_reply_open(req, fi);
}

static void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	if (session_of(req)->no_opendir) {
		fuse_reply_err(req, ENOSYS);
		return;
	}
	fi->keep_cache = 1;
	fi->cache_readdir = 1;
	fuse_reply_open(req, fi);
}

/* Once is enough: the kernel does not ask again. */
static void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	(void)fi;
	fuse_reply_err(req, ENOSYS);
}

static void op_done(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	(void)fi;
	fuse_reply_err(req, 0);
}

/* ---- folders ---- */

struct dir_reply {
	fuse_req_t req;
	const struct session *s;
	struct reply_buffer *b;
	size_t used, size;
	size_t n_counted;
	bool plus;
};

/* Add one entry; true: no room. */
static bool add_entry(struct dir_reply *d, const char *name, const struct vfs_attr *a, off_t cookie)
{
	struct fuse_entry_param e;
	size_t room = d->size - d->used, n;

	fill_entry(d->s, a, &e);
	if (d->plus)
		n = fuse_add_direntry_plus(d->req, d->b->bytes + d->used, room, name, &e, cookie);
	else
		n = fuse_add_direntry(d->req, d->b->bytes + d->used, room, name, &e.attr, cookie);
	if (n > room)
		return true;
	d->used += n;
	return false;
}

static bool take_entry(void *arg, const char *name, const struct vfs_attr *a)
{
	struct dir_reply *d = arg;

	if (d->n_counted == OPS_MOST_ENTRIES || add_entry(d, name, a, (off_t)a->ino))
		return true;
	if (d->plus && a->size_known)
		d->b->inos[d->n_counted++] = a->ino;
	return false;
}

/* "." and ".." have the cookies 1 and 2, others their inode number, which is greater. */
static void add_dots(struct dir_reply *d, fuse_ino_t dir, off_t after)
{
	struct vfs_attr a = { .ino = dir, .type = VIEW_DIR };

	if (after < 1)
		add_entry(d, ".", &a, 1);
	a.ino = vfs_parent(d->s->o.vfs, dir);
	if (after < 2)
		add_entry(d, "..", &a, 2);
}

/* -EAGAIN: not replied. */
static int reply_dir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, bool plus)
{
	struct session *s = session_of(req);
	struct dir_reply d = { .req = req, .s = s, .plus = plus };
	unsigned parity;
	struct err err;
	int r;

	d.size = min_size(size, OPS_REPLY_BYTES);
	d.b = buffer_get(s);
	if (!d.b) {
		fuse_reply_err(req, ENOMEM);
		return -ENOMEM;
	}
	parity = binding_begin(s);
	add_dots(&d, ino, off);
	r = vfs_readdir(s->o.vfs, ino, off < 3 ? 0 : (uint64_t)off, plus, take_entry, &d, &err);
	if (r < 0 && r != -EAGAIN)
		reply_error(req, "listing", ino, r, &err);
	if (r < 0 || fuse_reply_buf(req, d.b->bytes, d.used) < 0)
		while (d.n_counted > 0)
			vfs_forget(s->o.vfs, d.b->inos[--d.n_counted], 1);
	binding_end(s, parity);
	buffer_put(s, d.b);
	return r;
}

static void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
	struct fuse_file_info *fi)
{
	const struct waiting_for what = { ino, NULL, op_readdir, size, off };

	(void)fi;
	if (reply_dir(req, ino, size, off, false) == -EAGAIN)
		waiting_add(req, &what);
}

static void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
	struct fuse_file_info *fi)
{
	const struct waiting_for what = { ino, NULL, op_readdirplus, size, off };

	(void)fi;
	if (reply_dir(req, ino, size, off, true) == -EAGAIN)
		waiting_add(req, &what);
}

/* ---- bytes ---- */

static void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
	struct fuse_file_info *fi)
{
	struct session *s = session_of(req);
	struct reply_buffer *b;
	struct asker a;
	struct err err;
	int64_t n;

	(void)fi;
	b = buffer_get(s);
	if (!b) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	asker_init(&a, req);
	n = vfs_read(s->o.vfs, ino, b->bytes, min_size(size, OPS_REPLY_BYTES), (uint64_t)off,
		&a.stop, &err);
	if (n < 0)
		/* of its sources: the file itself is there */
		reply_error(req, "read", ino, n == -ENOENT ? -EIO : n, &err);
	else
		fuse_reply_buf(req, b->bytes, (size_t)n);
	buffer_put(s, b);
}

/* ---- extended attributes ---- */

/* Reply with b, or its size where the caller asked for that. */
static void reply_xattr(fuse_req_t req, fuse_ino_t ino, int r, struct buf *b, size_t size,
	const struct err *err)
{
	if (r == 0)
		r = buf_error(b);
	if (r < 0)
		reply_error(req, "attributes", ino, r, err);
	else if (size == 0)
		fuse_reply_xattr(req, b->len);
	else if (b->len > size)
		fuse_reply_err(req, ERANGE);
	else
		fuse_reply_buf(req, b->data, b->len);
	buf_release(b);
}

static void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	struct session *s = session_of(req);
	struct err err = { 0 };
	struct buf b;
	int r = -ENODATA;

	if (!s->o.xattr) {
		fuse_reply_err(req, ENOSYS);
		return;
	}
	buf_init(&b);
	if (strncmp(name, "user.", 5) == 0)
		r = vfs_xattr_get(s->o.vfs, ino, name, &b, &err);
	reply_xattr(req, ino, r, &b, size, &err);
}

static void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	struct session *s = session_of(req);
	struct err err = { 0 };
	struct buf b;

	if (!s->o.xattr) {
		fuse_reply_err(req, ENOSYS);
		return;
	}
	buf_init(&b);
	reply_xattr(req, ino, vfs_xattr_list(s->o.vfs, ino, &b, &err), &b, size, &err);
}

/* ---- nothing is ever written ---- */

static void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *st, int what,
	struct fuse_file_info *fi)
{
	(void)ino, (void)st, (void)what, (void)fi;
	fuse_reply_err(req, EROFS);
}

static void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t dev)
{
	(void)parent, (void)name, (void)mode, (void)dev;
	fuse_reply_err(req, EROFS);
}

static void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	(void)parent, (void)name, (void)mode;
	fuse_reply_err(req, EROFS);
}

static void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	(void)parent, (void)name;
	fuse_reply_err(req, EROFS);
}

static void op_symlink(fuse_req_t req, const char *to, fuse_ino_t parent, const char *name)
{
	(void)to, (void)parent, (void)name;
	fuse_reply_err(req, EROFS);
}

static void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t to,
	const char *to_name, unsigned flags)
{
	(void)parent, (void)name, (void)to, (void)to_name, (void)flags;
	fuse_reply_err(req, EROFS);
}

static void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t to, const char *to_name)
{
	(void)ino, (void)to, (void)to_name;
	fuse_reply_err(req, EROFS);
}

static void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
	struct fuse_file_info *fi)
{
	(void)parent, (void)name, (void)mode, (void)fi;
	fuse_reply_err(req, EROFS);
}

static void op_write(fuse_req_t req, fuse_ino_t ino, const char *bytes, size_t n, off_t off,
	struct fuse_file_info *fi)
{
	(void)ino, (void)bytes, (void)n, (void)off, (void)fi;
	fuse_reply_err(req, EROFS);
}

static void op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t off, off_t n,
	struct fuse_file_info *fi)
{
	(void)ino, (void)mode, (void)off, (void)n, (void)fi;
	fuse_reply_err(req, EROFS);
}

static void op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value,
	size_t n, int flags)
{
	(void)ino, (void)name, (void)value, (void)n, (void)flags;
	fuse_reply_err(req, EROFS);
}

static void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	(void)ino, (void)name;
	fuse_reply_err(req, EROFS);
}

/* ---- the start ---- */

/* READDIRPLUS for every listing (the kernel's guess is wrong for find), no splice (it is slower
 * from memory), several requests for one folder at once (else who waits behind one cannot be
 * interrupted; libfuse passes that on from 3.17), and whether open may be left out. */
static void op_init(void *userdata, struct fuse_conn_info *conn)
{
	struct session *s = userdata;

	conn->want |= conn->capable & FUSE_CAP_READDIRPLUS;
	conn->want &= ~(unsigned)(FUSE_CAP_READDIRPLUS_AUTO | FUSE_CAP_SPLICE_READ |
		FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE);
	conn->want |= conn->capable &
		(FUSE_CAP_AUTO_INVAL_DATA | FUSE_CAP_ASYNC_READ | FUSE_CAP_PARALLEL_DIROPS);
	conn->time_gran = 1;
	s->no_open = conn->capable & FUSE_CAP_NO_OPEN_SUPPORT;
	s->no_opendir = conn->capable & FUSE_CAP_NO_OPENDIR_SUPPORT;
}

const struct fuse_lowlevel_ops session_ops = {
	.init = op_init,
	.lookup = op_lookup,
	.forget = op_forget,
	.forget_multi = op_forget_multi,
	.getattr = op_getattr,
	.access = op_access,
	.statfs = op_statfs,
	.open = op_open,
	.release = op_done,
	.flush = op_flush,
	.opendir = op_opendir,
	.releasedir = op_done,
	.readdir = op_readdir,
	.readdirplus = op_readdirplus,
	.read = op_read,
	.getxattr = op_getxattr,
	.listxattr = op_listxattr,
	.setattr = op_setattr,
	.mknod = op_mknod,
	.mkdir = op_mkdir,
	.unlink = op_unlink,
	.rmdir = op_unlink,
	.symlink = op_symlink,
	.rename = op_rename,
	.link = op_link,
	.create = op_create,
	.write = op_write,
	.fallocate = op_fallocate,
	.setxattr = op_setxattr,
	.removexattr = op_removexattr,
};
