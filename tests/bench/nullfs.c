/* SPDX-License-Identifier: MIT */
/*
 * A file system of names and sizes with nothing behind them: what FUSE itself
 * costs, with the daemon's own choices (no open, no opendir, readdirplus, long
 * timeouts, as many threads).
 *
 *   find DIR -printf '%y %s %P\n' | nullfs MOUNTPOINT
 *
 * A folder's line comes before its files' lines, as find has them.
 */
#define FUSE_USE_VERSION 312
#include <errno.h>
#include <fuse_lowlevel.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/map.h"

#define TIMEOUT_SECONDS 3600.0
enum { BLOCK = 1 << 20 };

struct node {
	char *path;       /* from the top, "" is the top itself */
	const char *name; /* the end of it */
	fuse_ino_t parent;
	fuse_ino_t first, last, next; /* children, and the next child of the parent */
	off_t size;
	mode_t mode;
};

struct tree {
	struct node *node; /* by inode number; 0 is unused */
	size_t n, room;
	struct map by_path;
	char *zeros; /* BLOCK of what every file is made of */
};

static void die(const char *what)
{
	fprintf(stderr, "nullfs: %s: %s\n", what, strerror(errno ? errno : EINVAL));
	exit(1);
}

static fuse_ino_t find_ino(const struct tree *t, const char *path)
{
	return (fuse_ino_t)(uintptr_t)map_get_str(&t->by_path, path);
}

static void link_to_parent(struct tree *t, fuse_ino_t ino)
{
	struct node *n = &t->node[ino];
	const char *slash = strrchr(n->path, '/');
	char *folder = strndup(n->path, slash ? (size_t)(slash - n->path) : 0);
	struct node *p;

	n->parent = find_ino(t, folder);
	n->name = slash ? slash + 1 : n->path;
	free(folder);
	if (!n->parent)
		die(n->path);
	p = &t->node[n->parent];
	if (p->last)
		t->node[p->last].next = ino;
	else
		p->first = ino;
	p->last = ino;
}

static void add_node(struct tree *t, const char *path, int is_dir, off_t size)
{
	fuse_ino_t ino = t->n ? t->n : 1;

	if (ino >= t->room) {
		t->room = t->room ? t->room * 2 : 1024;
		t->node = realloc(t->node, t->room * sizeof(*t->node));
		if (!t->node)
			die("memory");
	}
	t->node[ino] = (struct node){ .path = strdup(path),
		.size = size,
		.mode = is_dir ? S_IFDIR | 0555 : S_IFREG | 0444 };
	t->n = ino + 1;
	if (ino > 1)
		link_to_parent(t, ino);
	map_put_str(&t->by_path, t->node[ino].path, (void *)(uintptr_t)ino);
}

static void read_list(struct tree *t)
{
	char *line = NULL, *path;
	size_t room = 0;
	ssize_t len;

	while ((len = getline(&line, &room, stdin)) > 0) {
		line[len - 1] = '\0';
		path = strchr(line + 2, ' ');
		if (!path)
			die(line);
		add_node(t, path + 1, line[0] == 'd', (off_t)strtoll(line + 2, NULL, 10));
	}
	free(line);
	if (t->n < 2)
		die("no names");
}

static struct stat attributes(const struct tree *t, fuse_ino_t ino)
{
	const struct node *n = &t->node[ino];

	return (struct stat){ .st_ino = ino,
		.st_mode = n->mode,
		.st_nlink = 1,
		.st_size = S_ISDIR(n->mode) ? 0 : n->size,
		.st_uid = getuid(),
		.st_gid = getgid(),
		.st_blksize = BLOCK,
		.st_blocks = (n->size + 511) / 512,
		.st_mtim.tv_sec = 1600000000 };
}

static struct fuse_entry_param entry(const struct tree *t, fuse_ino_t ino)
{
	return (struct fuse_entry_param){ .ino = ino,
		.attr = attributes(t, ino),
		.attr_timeout = TIMEOUT_SECONDS,
		.entry_timeout = TIMEOUT_SECONDS };
}

static void op_init(void *userdata, struct fuse_conn_info *conn)
{
	(void)userdata;
	conn->want &= ~(unsigned)FUSE_CAP_READDIRPLUS_AUTO;
	conn->want |= conn->capable & FUSE_CAP_READDIRPLUS;
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	const struct tree *t = fuse_req_userdata(req);
	struct fuse_entry_param e = { .entry_timeout = TIMEOUT_SECONDS };
	char path[8192];
	fuse_ino_t ino;

	snprintf(path, sizeof(path), "%s%s%s", t->node[parent].path, parent > 1 ? "/" : "", name);
	ino = find_ino(t, path);
	if (ino)
		e = entry(t, ino);
	fuse_reply_entry(req, &e);
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat st = attributes(fuse_req_userdata(req), ino);

	(void)fi;
	fuse_reply_attr(req, &st, TIMEOUT_SECONDS);
}

/* The offset of an entry is the inode number of the next one, or the end. */
static void op_readdirplus(fuse_req_t req, fuse_ino_t dir, size_t size, off_t off,
	struct fuse_file_info *fi)
{
	const struct tree *t = fuse_req_userdata(req);
	fuse_ino_t ino = off ? (fuse_ino_t)off : t->node[dir].first;
	char *buf = malloc(size);
	size_t used = 0, len;

	(void)fi;
	for (; buf && ino && ino < t->n; ino = t->node[ino].next) {
		struct fuse_entry_param e = entry(t, ino);
		fuse_ino_t next = t->node[ino].next;

		len = fuse_add_direntry_plus(req, buf + used, size - used, t->node[ino].name, &e,
			next ? (off_t)next : (off_t)t->n);
		if (len > size - used)
			break;
		used += len;
	}
	fuse_reply_buf(req, buf, used);
	free(buf);
}

static void op_readdir(fuse_req_t req, fuse_ino_t dir, size_t size, off_t off,
	struct fuse_file_info *fi)
{
	(void)dir;
	(void)size;
	(void)off;
	(void)fi;
	fuse_reply_err(req, ENOSYS);
}

static void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
	struct fuse_file_info *fi)
{
	const struct tree *t = fuse_req_userdata(req);
	off_t left = t->node[ino].size - off;

	(void)fi;
	if (left < 0)
		left = 0;
	if ((off_t)size > left)
		size = (size_t)left;
	fuse_reply_buf(req, t->zeros, size < BLOCK ? size : BLOCK);
}

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	(void)fi;
	fuse_reply_err(req, ENOSYS);
}

static void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	(void)ino;
	(void)name;
	(void)size;
	fuse_reply_err(req, ENOSYS);
}

static const struct fuse_lowlevel_ops ops = {
	.init = op_init,
	.lookup = op_lookup,
	.getattr = op_getattr,
	.open = op_open,
	.opendir = op_open,
	.readdir = op_readdir,
	.readdirplus = op_readdirplus,
	.read = op_read,
	.getxattr = op_getxattr,
};

int main(int argc, char **argv)
{
	char options[] = "-oro,fsname=nullfs,subtype=nullfs";
	char *mount_argv[] = { argv[0], options, NULL };
	struct fuse_args args = FUSE_ARGS_INIT(2, mount_argv);
	struct fuse_loop_config *config = fuse_loop_cfg_create();
	static struct tree tree;
	struct fuse_session *se;

	if (argc != 2) {
		fprintf(stderr, "usage: find DIR -printf '%%y %%s %%P\\n' | nullfs MOUNTPOINT\n");
		return 2;
	}
	read_list(&tree);
	tree.zeros = calloc(1, BLOCK);
	se = fuse_session_new(&args, &ops, sizeof(ops), &tree);
	if (!tree.zeros || !se || fuse_set_signal_handlers(se) || fuse_session_mount(se, argv[1]) ||
		fuse_daemonize(0))
		die(argv[1]);
	fuse_loop_cfg_set_max_threads(config, (unsigned)sysconf(_SC_NPROCESSORS_ONLN) + 4);
	fuse_session_loop_mt(se, config);
	fuse_session_unmount(se);
	fuse_session_destroy(se);
	return 0;
}
