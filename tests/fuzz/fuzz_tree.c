/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as the archive, of that file and of one that is like it: everything that a mount shows
 * of them is listed and read, each file at its begin, in its middle and at its end. What the other
 * targets try by parts is tried here in the way that a mount goes.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "codec/pixel.h"
#include "dicom/source.h"
#include "index/instance.h"
#include "index/intern.h"
#include "support/archive.h"
#include "support/walk.h"
#include "vfs/vfs.h"

enum {
	MOST_PIXEL_BYTES = 1 << 20, /* of a frame: what is larger is no other way */
	MOST_FRAMES = 64,
	MOST_ENTRIES = 200,
	MOST_DEPTH = 8,
	PIECE = 4096,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An instance that can be shown soon? */
static bool is_small_instance(const uint8_t *data, size_t size)
{
	struct instance_file file = { .file = "file", .size = size };
	struct instance_reader *reader;
	struct interns *interns;
	struct dcm_source *s;
	struct instance *in;
	bool small = false;

	if (interns_new(&interns, NULL) < 0 || instance_reader_new(interns, &reader, NULL) < 0 ||
		dcm_source_from_memory(data, size, &s, NULL) < 0)
		abort();
	file.dir = intern_text(interns, "", 0);
	if (instance_read(reader, s, &file, &in, NULL) == 0) {
		small = in->n_frames <= MOST_FRAMES &&
			pixel_decoded_bytes(&in->attr->pixel) <= MOST_PIXEL_BYTES;
		instance_put(in);
	}
	instance_reader_free(reader);
	interns_free(interns);
	return small;
}

struct entries {
	struct vfs_attr attr[MOST_ENTRIES];
	char name[MOST_ENTRIES][64];
	unsigned n;
};

static bool take(void *arg, const char *name, const struct vfs_attr *attr)
{
	struct entries *e = arg;

	if (e->n == MOST_ENTRIES)
		return true;
	snprintf(e->name[e->n], sizeof e->name[0], "%s", name);
	e->attr[e->n++] = *attr;
	return false;
}

static void read_piece(struct vfs *v, const struct vfs_attr *attr, uint64_t off)
{
	char *piece = malloc(PIECE);

	if (!piece)
		abort();
	if (vfs_read(v, attr->ino, piece, PIECE, off, NULL, NULL) > PIECE)
		abort();
	free(piece);
}

static void read_file(struct vfs *v, uint64_t dir, const char *name)
{
	struct vfs_attr attr;

	if (vfs_lookup(v, dir, name, &attr, NULL) < 0)
		return;
	read_piece(v, &attr, 0);
	if (attr.size > PIECE)
		read_piece(v, &attr, attr.size - PIECE / 2);
	if (attr.size > (uint64_t)4 * PIECE)
		read_piece(v, &attr, attr.size / 2);
	vfs_forget(v, attr.ino, 1);
}

/* Depth is ours, not an input's. */
static void read_folder(struct vfs *v, uint64_t dir, unsigned depth)
{
	struct entries *e = calloc(1, sizeof *e);
	struct vfs_attr attr;
	unsigned i;

	if (!e)
		abort();
	if (depth <= MOST_DEPTH)
		(void)vfs_readdir(v, dir, 0, false, take, e, NULL);
	for (i = 0; i < e->n; i++) {
		if (e->attr[i].type == VIEW_FILE) {
			read_file(v, dir, e->name[i]);
		} else if (e->attr[i].type == VIEW_DIR && strcmp(e->name[i], "by") != 0 &&
			vfs_lookup(v, dir, e->name[i], &attr, NULL) == 0) {
			read_folder(v, attr.ino, depth + 1);
			vfs_forget(v, attr.ino, 1);
		}
	}
	free(e);
}

/* One archive for all inputs. */
static struct archive archive;

static void finish(void)
{
	archive_end(&archive);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct walk walk;
	uint8_t *other;

	if (!is_small_instance(data, size))
		return 0;
	if (!archive.path[0]) {
		archive_begin(&archive);
		atexit(finish);
	}
	other = malloc(size);
	if (!other)
		abort();
	memcpy(other, data, size);
	other[(data[size - 1] * 256u + data[size - 2]) % size] ^= data[size / 2];
	archive_write(&archive, "one", data, size);
	archive_write(&archive, "two", other, size);
	free(other);
	walk_begin(&walk, &archive, NULL);
	read_folder(walk.vfs, VFS_ROOT, 0);
	walk_end(&walk);
	return 0;
}
