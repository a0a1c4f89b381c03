/* SPDX-License-Identifier: MIT */
/*
 * plan_dump SOURCE [OUT]: the volumes that a folder makes, one line each; with OUT their .nii,
 * .bval and .bvec files there. What the planner makes, without a mount: for comparing it with other converters.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "format/nifti.h"
#include "index/scan.h"
#include "volume/framecache.h"
#include "volume/plan.h"

static void die(const char *what, const struct err *err)
{
	fprintf(stderr, "%s: %s\n", what, err->msg);
	exit(1);
}

static void print(const struct volume *v)
{
	printf("%s\t%u %u %u %u\ttype %d\t%s%s\n", v->name, v->dim[0], v->dim[1], v->dim[2], v->dim[3], (int)v->type,
		v->why, v->bval ? "\tdiffusion" : "");
}

static FILE *create(const char *dir, const struct volume *v, unsigned study, const char *ending)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof path, "%s/%u", dir, study);
	mkdir(path, 0777);
	snprintf(path, sizeof path, "%s/%u/%s%s", dir, study, v->name, ending);
	f = fopen(path, "wb");
	if (!f)
		perror(path);
	return f;
}

static void write_diffusion(const char *dir, const struct volume *v, unsigned study)
{
	FILE *f = v->bval ? create(dir, v, study, ".bval") : NULL;

	for (uint32_t t = 0; f && t < v->dim[3]; t++)
		fprintf(f, "%g%c", v->bval[t], t + 1 < v->dim[3] ? ' ' : '\n');
	if (f)
		fclose(f);
	f = v->bvec ? create(dir, v, study, ".bvec") : NULL;
	for (int i = 0; f && i < 3; i++)
		for (uint32_t t = 0; t < v->dim[3]; t++)
			fprintf(f, "%g%c", v->bvec[t][i], t + 1 < v->dim[3] ? ' ' : '\n');
	if (f)
		fclose(f);
}

static void write_nifti(const char *dir, const struct volume *v, unsigned study, const struct volume_reader *r)
{
	struct voxel_order order = voxel_order_nifti(v);
	uint64_t size = volume_bytes(v, &order), off = 0;
	static uint8_t bytes[1 << 20];
	struct err err = { 0 };
	struct buf b;
	FILE *f = create(dir, v, study, ".nii");

	if (!f)
		return;
	buf_init(&b);
	if (nifti_header(v, &b, &err) < 0)
		die("header", &err);
	fwrite(b.data, 1, b.len, f);
	buf_release(&b);
	while (off < size) {
		int64_t n = volume_pread(v, r, &order, bytes, sizeof bytes, off, &err);

		if (n <= 0) {
			fprintf(stderr, "%s: %s\n", v->name, err.msg);
			break;
		}
		fwrite(bytes, 1, (size_t)n, f);
		off += (uint64_t)n;
	}
	fclose(f);
}

static void dump_study(struct catalog *c, const struct study *s, const struct volume_reader *r, const char *out)
{
	struct volume_set *set;
	struct err err = { 0 };

	if (plan_study(c, s, r->files, &set, &err) < 0)
		die(s->name, &err);
	for (uint32_t i = 0; i < set->n_volumes; i++) {
		print(set->volumes[i]);
		if (!out)
			continue;
		write_nifti(out, set->volumes[i], s->id, r);
		write_diffusion(out, set->volumes[i], s->id);
	}
	for (uint32_t i = 0; i < set->n_problems; i++)
		printf("# %s: %s\n", set->problems[i].in ? set->problems[i].in->file : "", set->problems[i].text);
	volume_set_put(set);
}

int main(int argc, char **argv)
{
	struct scan_options opt = { 0 };
	struct volume_reader r = { 0 };
	struct err err = { 0 };
	struct store *store;
	struct catalog *c;
	bool changed;
	int fd = argc > 1 ? open(argv[1], O_RDONLY | O_DIRECTORY) : -1;

	if (fd < 0) {
		fprintf(stderr, "usage: plan_dump SOURCE [OUT]\n");
		return 2;
	}
	if (files_new(fd, 64, NULL, NULL, &r.files, &err) < 0 || store_new(r.files, &opt, &store, &err) < 0 ||
	    store_scan(store, &changed, &err) < 0 || framecache_new(r.files, 256u << 20, 0, &r.cache, &err) < 0)
		die(argv[1], &err);
	c = store_get(store);
	for (uint32_t i = 0; i < c->n_patients; i++)
		for (uint32_t j = 0; j < c->patients[i]->n_studies; j++)
			dump_study(c, c->patients[i]->studies[j], &r, argc > 2 ? argv[2] : NULL);
	catalog_put(c);
	framecache_free(r.cache);
	store_free(store);
	files_free(r.files);
	close(fd);
	return 0;
}
