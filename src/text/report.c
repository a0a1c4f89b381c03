/* SPDX-License-Identifier: MIT */
/* The state of a mount and its tables: see text/report.h. */
#include "text/report.h"

#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/utf8.h"
#include "main/version.h"

/* One cell; tabs and line breaks would end it. Names of files may be ill-formed. */
static void add_cell(struct buf *out, const char *s)
{
	size_t len = s ? strlen(s) : 0, n;
	uint32_t cp;

	for (; len; s += n, len -= n) {
		n = utf8_decode(s, len, &cp);
		if (cp == '\t' || cp == '\n' || cp == '\r')
			buf_addc(out, ' ');
		else if (cp > 0x10FFFF)
			buf_adds(out, "\xEF\xBF\xBD");
		else
			buf_add(out, s, n);
	}
}

static void cell(struct buf *out, const char *s)
{
	add_cell(out, s);
	buf_addc(out, '\t');
}

static void cell_int(struct buf *out, int64_t v)
{
	if (v != INSTANCE_NO_INT)
		buf_add_i64(out, v);
	buf_addc(out, '\t');
}

static void cell_double(struct buf *out, double v)
{
	if (!isnan(v))
		buf_add_f64(out, v);
	buf_addc(out, '\t');
}

/* The tab behind a line's last cell becomes its end. */
static void end_line(struct buf *out)
{
	if (out->counting)
		return;
	if (out->len && out->data[out->len - 1] == '\t')
		out->data[out->len - 1] = '\n';
	else
		buf_addc(out, '\n');
}

static void cell_source(struct buf *out, const struct instance *in)
{
	if (in && in->dir && *in->dir) {
		add_cell(out, in->dir);
		buf_addc(out, '/');
	}
	cell(out, in ? in->file : NULL);
}

static void add_path(struct buf *out, const struct study *st, const char *name)
{
	add_cell(out, st->patient->name);
	buf_addc(out, '/');
	add_cell(out, st->name);
	buf_addc(out, '/');
	add_cell(out, name);
}

/* Where its instances lie in the views. */
static void add_series_path(const struct report *r, const struct study *st, const struct series *s,
	struct buf *out)
{
	if (!r->layout || !r->layout->series(r->layout->arg, s->instances[0], out))
		add_path(out, st, s->name);
}

static void add_instance_path(const struct report *r, const struct study *st,
	const struct series *s, uint32_t i, struct buf *out)
{
	if (r->layout && r->layout->instance(r->layout->arg, s->instances[i], out))
		return;
	add_path(out, st, s->name);
	buf_addc(out, '/');
	add_cell(out, s->instance_names[i]);
}

static void add_volume_path(const struct report *r, const struct study *st, const struct volume *v,
	struct buf *out)
{
	if (!r->layout || !r->layout->volume(r->layout->arg, v, out))
		add_path(out, st, v->name);
}

/* Call each() for every study of the catalog. */
static int each_study(const struct report *r, struct buf *out, struct err *err,
	int (*each)(const struct report *r, const struct study *st, struct buf *out,
		struct err *err))
{
	uint32_t i, k;
	int rc = 0;

	for (i = 0; i < r->catalog->n_patients && rc == 0; i++)
		for (k = 0; k < r->catalog->patients[i]->n_studies && rc == 0; k++)
			rc = each(r, r->catalog->patients[i]->studies[k], out, err);
	return rc == 0 && buf_error(out) < 0 ? err_nomem(err) : rc;
}

int report_status(const struct report *r, struct buf *out, struct err *err)
{
	const struct catalog *c = r->catalog;
	struct framecache_stats s;

	framecache_stats(r->cache, &s);
	buf_addf(out, "{\n\t\"version\": \"%s\",\n\t\"generation\": %llu,\n", DCMFS_VERSION,
		(unsigned long long)c->gen);
	buf_addf(out,
		"\t\"patients\": %u,\n\t\"studies\": %u,\n\t\"series\": %u,\n\t\"instances\": "
		"%u,\n",
		c->n_patients, c->n_studies, c->n_series, c->n_instances);
	buf_addf(out,
		"\t\"files\": %u,\n\t\"files_not_dicom\": %u,\n\t\"files_equal_to_another\": %u,\n",
		c->n_files, c->n_not_dicom, c->n_duplicates);
	buf_addf(out, "\t\"problems\": %u,\n", c->n_problems);
	buf_addf(out,
		"\t\"frames\": {\"decoded\": %llu, \"found_decoded\": %llu, \"failed\": %llu, "
		"\"decoded_ahead\": %llu, \"bytes_kept\": %zu}\n}\n",
		(unsigned long long)s.n_loads, (unsigned long long)s.n_hits,
		(unsigned long long)s.n_failed, (unsigned long long)s.n_ahead, s.held_bytes);
	return buf_error(out) < 0 ? err_nomem(err) : 0;
}

static void problem_line(struct buf *out, const char *source, uint64_t off, bool has_off,
	const char *text)
{
	cell(out, source);
	if (has_off)
		buf_add_u64(out, off);
	buf_addc(out, '\t');
	cell(out, text);
	end_line(out);
}

/* A thing that is not in a view, whose path there follows. */
static void begin_refusal(struct buf *text, const char *view)
{
	buf_init(text);
	buf_addf(text, "%s/", view);
}

static void end_refusal(struct buf *text, const struct instance *in, const char *why,
	struct buf *out)
{
	char path[4096];

	buf_addf(text, " is not there: %s", why);
	buf_addc(text, '\0');
	problem_line(out, in ? instance_path(in, path, sizeof path) : "", 0, false,
		buf_error(text) ? why : text->data);
	buf_release(text);
}

/* Views that an instance is not in. */
static void instance_refusals(const struct report *r, const struct study *st,
	const struct series *s, struct buf *out)
{
	const char *view, *why = "";
	struct buf text;
	uint32_t i;

	for (i = 0; i < s->n_instances; i++) {
		view = r->refused_instance ? r->refused_instance(s->instances[i], &why) : NULL;
		if (!view)
			continue;
		begin_refusal(&text, view);
		add_instance_path(r, st, s, i, &text);
		end_refusal(&text, s->instances[i], why, out);
	}
}

/* Views that a volume is not in. */
static void volume_refusals(const struct report *r, const struct study *st, const struct volume *v,
	struct buf *out)
{
	const char *view, *why = "";
	struct buf text;
	unsigned i;

	for (i = 0; r->refused && (view = r->refused(v, i, &why)); i++) {
		begin_refusal(&text, view);
		add_volume_path(r, st, v, &text);
		end_refusal(&text, v->slices ? v->slices[0].in : NULL, why, out);
	}
}

static int study_problems(const struct report *r, const struct study *st, struct buf *out,
	struct err *err)
{
	char path[4096];
	struct volume_set *set;
	uint32_t i;
	int rc = plans_get(r->plans, r->catalog, st, &set, err);

	if (rc < 0)
		return rc;
	for (i = 0; i < set->n_problems; i++) {
		const struct volume_problem *p = &set->problems[i];

		problem_line(out, p->in ? instance_path(p->in, path, sizeof path) : "", 0, false,
			p->text);
	}
	for (i = 0; i < set->n_volumes; i++)
		volume_refusals(r, st, set->volumes[i], out);
	for (i = 0; i < st->n_series; i++)
		instance_refusals(r, st, st->series[i], out);
	volume_set_put(set);
	return 0;
}

/* Frames that could not be decoded since the mount began. */
static void frame_problems(const struct report *r, struct buf *out)
{
	struct framecache_failure f[FRAMECACHE_FAILURES];
	size_t i, n = framecache_failures(r->cache, f);
	char path[4096], text[300];

	for (i = 0; i < n; i++) {
		const struct instance *in = catalog_instance(r->catalog, f[i].instance_id);

		if (!in)
			continue;
		strncpy(text, f[i].text, sizeof text - 1);
		text[sizeof text - 1] = '\0';
		problem_line(out, instance_path(in, path, sizeof path), in->pixels_off, true, text);
	}
}

int report_problems(const struct report *r, struct buf *out, struct err *err)
{
	const struct catalog *c = r->catalog;
	uint32_t i;

	buf_adds(out, "file\tbyte\tproblem\n");
	for (i = 0; i < c->n_problems; i++)
		problem_line(out, c->problems[i].path, c->problems[i].off, true,
			c->problems[i].text);
	frame_problems(r, out);
	return each_study(r, out, err, study_problems);
}

int report_log(const struct report *r, struct buf *out, struct err *err)
{
	(void)r;
	log_recent(out);
	return buf_error(out) < 0 ? err_nomem(err) : 0;
}

static int instance_lines(const struct report *r, const struct study *st, struct buf *out,
	struct err *err)
{
	uint32_t i, k;

	(void)err;
	for (i = 0; i < st->n_series; i++) {
		const struct series *s = st->series[i];

		for (k = 0; k < s->n_instances; k++) {
			const struct instance *in = s->instances[k];

			add_instance_path(r, st, s, k, out);
			buf_addc(out, '\t');
			cell_source(out, in);
			cell_int(out, (int64_t)in->size);
			cell(out, in->sop_uid);
			cell(out, in->attr->sop_class);
			cell(out, in->attr->transfer_syntax);
			cell(out, in->attr->modality);
			cell_int(out, in->number);
			cell_int(out, in->n_frames);
			cell_int(out, in->attr->pixel.rows);
			cell_int(out, in->attr->pixel.cols);
			cell_double(out, in->position[0]);
			cell_double(out, in->position[1]);
			cell_double(out, in->position[2]);
			cell_double(out, in->acquisition_time);
			end_line(out);
		}
	}
	return 0;
}

int report_instances(const struct report *r, struct buf *out, struct err *err)
{
	buf_adds(out,
		"path\tsource\tbytes\tsop_instance_uid\tsop_class_uid\ttransfer_syntax_"
		"uid\tmodality\t"
		"instance_number\tframes\trows\tcolumns\tposition_x\tposition_y\tposition_z\t"
		"acquisition_time_s\n");
	return each_study(r, out, err, instance_lines);
}

static void series_line(const struct report *r, const struct study *st, const struct series *s,
	struct buf *out)
{
	const struct instance *in = s->instances[0];
	const struct attributes *a = in->attr;
	uint64_t bytes = 0, frames = 0;
	uint32_t k;

	for (k = 0; k < s->n_instances; k++) {
		bytes += s->instances[k]->size;
		frames += s->instances[k]->n_frames;
	}
	add_series_path(r, st, s, out);
	buf_addc(out, '\t');
	cell(out, a->patient_id);
	cell(out, a->patient_sex);
	cell(out, a->accession_number);
	cell(out, a->study_date);
	cell(out, a->study_description);
	cell(out, st->uid);
	cell(out, s->uid);
	cell_int(out, s->number);
	cell(out, a->series_date);
	cell(out, a->series_time);
	cell(out, a->modality);
	cell(out, a->series_description);
	cell(out, a->protocol_name);
	cell(out, a->sequence_name);
	cell(out, a->image_type);
	cell(out, a->manufacturer);
	cell(out, a->model_name);
	cell_int(out, s->n_instances);
	cell_int(out, (int64_t)frames);
	cell_int(out, a->pixel.rows);
	cell_int(out, a->pixel.cols);
	cell_double(out, a->repetition_time);
	cell_double(out, a->echo_time);
	cell_double(out, a->flip_angle);
	cell(out, a->transfer_syntax);
	cell(out, a->sop_class);
	cell_int(out, (int64_t)bytes);
	cell_source(out, in);
	end_line(out);
}

static int series_lines(const struct report *r, const struct study *st, struct buf *out,
	struct err *err)
{
	uint32_t i;

	(void)err;
	for (i = 0; i < st->n_series; i++)
		series_line(r, st, st->series[i], out);
	return 0;
}

int report_series(const struct report *r, struct buf *out, struct err *err)
{
	buf_adds(out,
		"path\tpatient_id\tpatient_sex\taccession_number\tstudy_date\tstudy_description\t"
		"study_instance_uid\tseries_instance_uid\tseries_number\tseries_date\tseries_"
		"time\tmodality\t"
		"series_description\tprotocol_name\tsequence_name\timage_type\tmanufacturer\tmodel_"
		"name\t"
		"instances\tframes\trows\tcolumns\trepetition_time_ms\techo_time_ms\tflip_angle\t"
		"transfer_syntax_uid\tsop_class_uid\tbytes\texample_source\n");
	return each_study(r, out, err, series_lines);
}

static const char *kind_name(enum volume_kind k)
{
	static const char *const names[] = { [VOLUME_PRIMARY] = "primary",
		[VOLUME_TILT] = "tilt undone",
		[VOLUME_EQUIDISTANT] = "gaps made even",
		[VOLUME_OVERLAY] = "overlay",
		[VOLUME_ISOTROPIC] = "isotropic" };

	return names[k];
}

static void volume_line(const struct report *r, const struct study *st, const struct volume *v,
	struct buf *out)
{
	unsigned i;

	add_volume_path(r, st, v, out);
	buf_addc(out, '\t');
	for (i = 0; i < 4; i++)
		cell_int(out, v->dim[i]);
	cell(out, sample_type_name(v->type));
	for (i = 1; i <= 4; i++)
		cell_double(out, (double)v->pixdim[i]);
	cell(out, kind_name(v->kind));
	cell(out, v->series ? v->series->name : NULL);
	cell_int(out, v->slices ? (int64_t)v->n_planes * v->dim[3] : 0);
	cell_source(out, v->slices ? v->slices[0].in : NULL);
	cell(out, v->why);
	end_line(out);
}

static int volume_lines(const struct report *r, const struct study *st, struct buf *out,
	struct err *err)
{
	struct volume_set *set;
	uint32_t i;
	int rc = plans_get(r->plans, r->catalog, st, &set, err);

	if (rc < 0)
		return rc;
	for (i = 0; i < set->n_volumes; i++)
		volume_line(r, st, set->volumes[i], out);
	volume_set_put(set);
	return 0;
}

int report_volumes(const struct report *r, struct buf *out, struct err *err)
{
	buf_adds(out,
		"path\tni\tnj\tnk\tnt\ttype\tdi_mm\tdj_mm\tdk_mm\tdt_"
		"s\tkind\tseries\tplanes\tfirst_source\twhy\n");
	return each_study(r, out, err, volume_lines);
}

/* The NIfTI axis that runs over the planes. */
static unsigned plane_axis(const struct volume *v)
{
	unsigned a = 0;

	while (a < 2 && v->axis[a] != 2)
		a++;
	return a;
}

static void slice_line(const struct report *r, const struct study *st, const struct volume *v,
	uint32_t plane, uint32_t t, struct buf *out)
{
	const struct volume_slice *s = &v->slices[(size_t)t * v->n_planes + plane];
	unsigned a = plane_axis(v), i;

	add_volume_path(r, st, v, out);
	buf_addc(out, '\t');
	buf_addc(out, "ijk"[a]);
	buf_addc(out, '\t');
	cell_int(out, v->flip[a] ? (int64_t)v->n_planes - 1 - plane : plane);
	cell_int(out, t);
	cell_source(out, s->in);
	cell_int(out, (int64_t)s->frame + 1);
	cell_int(out, s->x0);
	cell_int(out, s->y0);
	for (i = 0; i < 3; i++)
		cell_double(out, s->position[i]);
	cell_double(out, s->time_s);
	cell_double(out, s->b_value);
	end_line(out);
}

static int slice_lines(const struct report *r, const struct study *st, struct buf *out,
	struct err *err)
{
	struct volume_set *set;
	uint32_t i, t, p;
	int rc = plans_get(r->plans, r->catalog, st, &set, err);

	if (rc < 0)
		return rc;
	for (i = 0; i < set->n_volumes; i++) {
		const struct volume *v = set->volumes[i];

		for (t = 0; v->slices && t < v->dim[3]; t++)
			for (p = 0; p < v->n_planes; p++)
				slice_line(r, st, v, p, t, out);
	}
	volume_set_put(set);
	return 0;
}

int report_slices(const struct report *r, struct buf *out, struct err *err)
{
	buf_adds(out,
		"volume\taxis\tindex\ttime_index\tsource\tframe\tcolumn0\trow0\tposition_"
		"x\tposition_y\t"
		"position_z\tacquisition_time_s\tb_value\n");
	return each_study(r, out, err, slice_lines);
}
