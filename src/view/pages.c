/* SPDX-License-Identifier: MIT */
/* HTML of png/: see view/pages.h. Whatever comes from a header is escaped, as text or as a link. */
#include "view/pages.h"

#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/names.h"
#include "format/picture.h"

/* clang-format off: a line of the page is a line here */
static const char style[] =
	"<style>\n"
	":root{color-scheme:dark;--line:#2a2f36;--dim:#9aa4af;--link:#7db7ff}\n"
	"*{box-sizing:border-box}\n"
	"body{margin:0;background:#101317;color:#e4e8ec;font:15px/1.45 system-ui,sans-serif}\n"
	"header,main{max-width:1500px;margin:0 auto;padding:0 24px}\n"
	"header{padding-top:28px;padding-bottom:18px}\n"
	"h1,h2,b{font-weight:600;overflow-wrap:anywhere}\n"
	"h1{font-size:26px;margin:6px 0 2px}\n"
	"h2{font-size:17px;margin:30px 0 10px;padding-bottom:6px;border-bottom:1px solid "
	"var(--line)}\n"
	"p{margin:0;color:var(--dim)}\n"
	"a{color:var(--link);text-decoration:none}\n"
	"a:hover{text-decoration:underline}\n"
	".grid{display:grid;gap:18px;padding-bottom:40px;\n"
	"  grid-template-columns:repeat(auto-fill,minmax(330px,1fr))}\n"
	".card{display:flex;flex-direction:column;overflow:hidden;background:#171b21;\n"
	"  border:1px solid var(--line);border-radius:10px}\n"
	".card:hover{border-color:#46505c}\n"
	".sheet{display:flex;align-items:center;justify-content:center;height:270px;background:#"
	"000}\n"
	".sheet img{max-width:100%;max-height:100%;width:auto;height:auto;object-fit:contain}\n"
	".text{display:flex;flex-direction:column;gap:4px;flex:1;padding:12px 14px 14px}\n"
	".text p{font-size:13px}\n"
	".links{display:flex;flex-wrap:wrap;gap:4px "
	"12px;margin-top:auto;padding-top:8px;font-size:13px}\n"
	".tag{display:inline-block;margin-right:6px;padding:0 6px;border:1px solid var(--line);\n"
	"  border-radius:4px;font-size:12px;color:var(--dim)}\n"
	"</style>\n";
/* clang-format on */

/* ---- escaping ---- */

static void add_text(struct buf *out, const char *s)
{
	for (; s && *s; s++) {
		switch (*s) {
		case '<':
			buf_adds(out, "&lt;");
			break;
		case '>':
			buf_adds(out, "&gt;");
			break;
		case '&':
			buf_adds(out, "&amp;");
			break;
		case '"':
			buf_adds(out, "&quot;");
			break;
		default:
			buf_addc(out, *s);
		}
	}
}

/* stem + ending as the tree names it, in a link. */
static void add_component(struct buf *out, const char *stem, const char *ending)
{
	char name[NAME_MOST_BYTES + 1];

	name_join(name, stem, "", ending);
	name_add_uri(out, name);
}

static void add_count(struct buf *out, uint64_t n, const char *one, const char *many)
{
	buf_add_u64(out, n);
	buf_addc(out, ' ');
	buf_adds(out, n == 1 ? one : many);
}

static void begin_page(struct buf *out, const char *title)
{
	buf_adds(out,
		"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		"<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>");
	add_text(out, title);
	buf_adds(out, "</title>\n");
	buf_adds(out, style);
	buf_adds(out, "</head>\n<body>\n");
}

static int end_page(struct buf *out, struct err *err)
{
	buf_adds(out, "</main>\n</body>\n</html>\n");
	return buf_error(out) < 0 ? err_nomem(err) : 0;
}

/* ---- the top page ---- */

static uint32_t shown_instances(const struct view_node *n, const struct series *s)
{
	uint32_t i, count = 0;

	for (i = 0; i < s->n_instances; i++)
		count += filter_has(n->snap->filter, s->instances[i]);
	return count;
}

static bool is_shown_series(const struct view_node *n, const struct series *s)
{
	return filter_has_series(n->snap->filter, s);
}

/* Each modality of the study once. */
static void add_modalities(const struct view_node *n, const struct study *st, struct buf *out)
{
	const char *seen[8];
	unsigned n_seen = 0, k;
	uint32_t i;

	for (i = 0; i < st->n_series && n_seen < 8; i++) {
		const char *m = is_shown_series(n, st->series[i]) ?
			st->series[i]->instances[0]->attr->modality :
			NULL;

		for (k = 0; m && k < n_seen && strcmp(seen[k], m) != 0; k++)
			;
		if (!m || k < n_seen)
			continue;
		seen[n_seen++] = m;
		buf_adds(out, "<span class=\"tag\">");
		add_text(out, m);
		buf_adds(out, "</span>");
	}
}

static void add_study(const struct view_node *n, const struct study *st, struct buf *out)
{
	uint64_t images = 0, series = 0;
	uint32_t i;

	for (i = 0; i < st->n_series; i++)
		if (is_shown_series(n, st->series[i])) {
			series++;
			images += shown_instances(n, st->series[i]);
		}
	buf_adds(out, "<div class=\"card\"><div class=\"text\"><p>");
	add_text(out, st->patient->name);
	buf_adds(out, "</p><b><a href=\"");
	add_component(out, st->patient->name, "");
	buf_addc(out, '/');
	add_component(out, st->name, "");
	buf_adds(out, "/index.html\">");
	add_text(out, st->name);
	buf_adds(out, "</a></b><p>");
	add_count(out, series, "series", "series");
	buf_adds(out, ", ");
	add_count(out, images, "instance", "instances");
	buf_adds(out, "</p><p>");
	add_modalities(n, st, out);
	buf_adds(out, "</p></div></div>\n");
}

int pages_index(const struct view_node *n, struct buf *out, struct err *err)
{
	const struct catalog *c = n->snap->catalog;
	const struct filter *f = n->snap->filter;
	uint32_t i, k;

	begin_page(out, "Images");
	buf_adds(out, "<header><h1>Images</h1><p>");
	if (!f) {
		add_count(out, c->n_patients, "patient", "patients");
		buf_adds(out, ", ");
		add_count(out, c->n_studies, "study", "studies");
		buf_adds(out, ", ");
		add_count(out, c->n_instances, "instance", "instances");
	}
	buf_adds(out, "</p></header>\n<main>\n<div class=\"grid\">\n");
	for (i = 0; i < c->n_patients; i++) {
		const struct patient *p = c->patients[i];

		for (k = 0; k < p->n_studies; k++)
			if (filter_has_study(f, p->studies[k]))
				add_study(n, p->studies[k], out);
	}
	buf_adds(out, "</div>\n");
	return end_page(out, err);
}

/* ---- the page of a study ---- */

/* Where a page is: its folders below the view, from the top. */
struct page {
	const char *folder[TREE_MAX_PATH];
	unsigned n;
};

static struct page page_of_study(const struct study *st)
{
	return (struct page){ .folder = { st->patient->name, st->name }, .n = 2 };
}

static struct page page_of_folder(const struct folder *f)
{
	struct page p = { .n = f->level };

	for (; f->level > 0; f = f->parent)
		p.folder[f->level - 1] = f->name;
	return p;
}

/* A link to the same place in another view. */
static void add_link(const struct page *p, const char *view, const char *stem, const char *ending,
	const char *text, struct buf *out)
{
	unsigned i;

	buf_adds(out, "<a href=\"");
	for (i = 0; i <= p->n; i++)
		buf_adds(out, "../");
	buf_addf(out, "%s/", view);
	for (i = 0; i < p->n; i++) {
		add_component(out, p->folder[i], "");
		buf_addc(out, '/');
	}
	add_component(out, stem, ending);
	buf_addf(out, "\">%s</a>", text);
}

/* `stem` is the volume's name there, `series` its series': the folder of its instances. */
static void add_links(const struct page *p, const char *stem, const char *series, struct buf *out)
{
	buf_adds(out, "<div class=\"links\"><a href=\"");
	add_component(out, stem, "");
	buf_adds(out, "/\">slices</a>");
	add_link(p, "nii", stem, ".nii", "nii", out);
	add_link(p, "nii.gz", stem, ".nii.gz", "nii.gz", out);
	add_link(p, "nii", stem, ".json", "sidecar", out);
	if (series) {
		add_link(p, "headers", series, ".txt", "header", out);
		add_link(p, "headers", series, "", "headers", out);
		add_link(p, "dicom", series, "", "dicom", out);
	}
	buf_adds(out, "</div>");
}

static void add_size(const struct volume *v, struct buf *out)
{
	unsigned i;

	for (i = 0; i < (v->is_4d ? 4u : 3u); i++)
		buf_addf(out, i ? " × %u" : "%u", v->dim[i]);
	buf_adds(out, ", ");
	for (i = 1; i <= 3; i++)
		buf_addf(out, i > 1 ? " × %.3g" : "%.3g", fabs((double)v->pixdim[i]));
	buf_adds(out, " mm");
	if (v->is_4d && v->pixdim[4] > 0)
		buf_addf(out, ", %.3g s", (double)v->pixdim[4]);
}

static void add_card(const struct page *p, const struct volume *v, const char *stem,
	const char *series, struct buf *out)
{
	struct png_shape sheet = picture_sheet_shape(v);
	const char *modality = v->series && v->series->n_instances ?
		v->series->instances[0]->attr->modality :
		NULL;

	buf_adds(out, "<div class=\"card\"><a class=\"sheet\" href=\"");
	add_component(out, stem, ".png");
	buf_adds(out, "\"><img loading=\"lazy\" src=\"");
	add_component(out, stem, ".png");
	buf_addf(out, "\" width=\"%u\" height=\"%u\" alt=\"", sheet.width, sheet.height);
	add_text(out, stem);
	buf_adds(out, "\"></a><div class=\"text\"><b>");
	add_text(out, stem);
	buf_adds(out, "</b><p>");
	if (modality) {
		buf_adds(out, "<span class=\"tag\">");
		add_text(out, modality);
		buf_adds(out, "</span>");
	}
	add_size(v, out);
	buf_adds(out, "</p>");
	if (v->why && *v->why) {
		buf_adds(out, "<p>");
		add_text(out, v->why);
		buf_adds(out, "</p>");
	}
	add_links(p, stem, series, out);
	buf_adds(out, "</div></div>\n");
}

/* Series of which no volume is: reports, annotations, plans. */
static void add_rest(const struct view_node *n, const struct study *st,
	const struct volume_set *set, struct buf *out)
{
	const struct page p = page_of_study(st);
	bool begun = false;
	uint32_t i, k;

	for (i = 0; i < st->n_series; i++) {
		const struct series *s = st->series[i];

		for (k = 0; k < set->n_volumes && set->volumes[k]->series != s; k++)
			;
		if (k < set->n_volumes || !is_shown_series(n, s))
			continue;
		buf_adds(out, begun ? "<p>" : "<h2>Without a volume of their own</h2>\n<p>");
		begun = true;
		add_text(out, s->name);
		buf_adds(out, " &nbsp; ");
		add_link(&p, "headers", s->name, ".txt", "header", out);
		buf_adds(out, " &nbsp; ");
		add_link(&p, "dicom", s->name, "", "dicom", out);
		buf_adds(out, "</p>\n");
	}
}

static void begin_study(const struct view_node *n, const struct study *st,
	const struct volume_set *set, struct buf *out)
{
	uint32_t i, series = 0, volumes = 0;

	for (i = 0; i < st->n_series; i++)
		series += is_shown_series(n, st->series[i]);
	for (i = 0; i < set->n_volumes; i++)
		volumes += filter_has_volume(n->snap->filter, set->volumes[i]);
	begin_page(out, st->name);
	buf_adds(out, "<header><p><a href=\"../../index.html\">Images</a> / ");
	add_text(out, st->patient->name);
	buf_adds(out, "</p><h1>");
	add_text(out, st->name);
	buf_adds(out, "</h1><p>");
	add_count(out, series, "series", "series");
	buf_adds(out, ", ");
	add_count(out, volumes, "volume", "volumes");
	buf_adds(out, "</p></header>\n<main>\n<div class=\"grid\">\n");
}

int pages_study(const struct view_node *n, struct buf *out, struct err *err)
{
	const struct study *st = tree_study(n);
	struct volume_set *set;
	struct page p;
	uint32_t i;
	int rc;

	if (!st || node_key(n)->version != st->version)
		return tree_gone(err);
	rc = plans_get(n->snap->plans, n->snap->catalog, st, &set, err);
	if (rc < 0)
		return rc;
	begin_study(n, st, set, out);
	p = page_of_study(st);
	for (i = 0; i < set->n_volumes; i++) {
		const struct volume *v = set->volumes[i];

		if (filter_has_volume(n->snap->filter, v))
			add_card(&p, v, v->name, v->series ? v->series->name : NULL, out);
	}
	buf_adds(out, "</div>\n");
	add_rest(n, st, set, out);
	volume_set_put(set);
	return end_page(out, err);
}

/* ---- the page of a layout's folder ---- */

/* Folders in which volumes may be: those above the instances' own. */
static void add_folders(const struct view_node *n, const struct folder *f, unsigned deepest,
	struct buf *out)
{
	const struct folder *c;
	bool begun = false;

	for (c = f->children; c && c->level <= deepest; c = c->next) {
		if (!folder_is_shown(n->snap->filter, c))
			continue;
		buf_adds(out, begun ? "" : "<div class=\"grid\">\n");
		begun = true;
		buf_adds(out, "<div class=\"card\"><div class=\"text\"><b><a href=\"");
		add_component(out, c->name, "");
		buf_adds(out, "/index.html\">");
		add_text(out, c->name);
		buf_adds(out, "</a></b></div></div>\n");
	}
	buf_adds(out, begun ? "</div>\n" : "");
}

struct cards {
	const struct folders *tree;
	struct page page;
	struct buf *out;
};

static int add_folder_card(void *arg, const struct study *st, const struct volume *v,
	const char *stem, struct err *err)
{
	const struct cards *c = arg;
	const struct instance *in = volume_first_instance(v);
	const struct folder *leaf = in ? folders_of(c->tree, in) : NULL;

	(void)st;
	(void)err;
	add_card(&c->page, v, stem, leaf ? leaf->name : NULL, c->out);
	return 0;
}

static void begin_folder(const struct folder *f, struct buf *out)
{
	const char *title = f->level ? f->name : "Images";

	begin_page(out, title);
	buf_adds(out, "<header>");
	if (f->level) {
		buf_adds(out, "<p><a href=\"../index.html\">");
		add_text(out, f->parent->level ? f->parent->name : "Images");
		buf_adds(out, "</a></p>");
	}
	buf_adds(out, "<h1>");
	add_text(out, title);
	buf_adds(out, "</h1></header>\n<main>\n");
}

int pages_folder(const struct view_node *n, struct buf *out, struct err *err)
{
	const struct folder *f;
	struct folders *tree;
	struct cards cards = { .out = out };
	int rc = tree_folder(n, &tree, &f, err);

	if (rc < 0 || !f)
		return rc < 0 ? rc : tree_gone(err);
	cards.tree = tree;
	cards.page = page_of_folder(f);
	begin_folder(f, out);
	add_folders(n, f, folders_levels(tree) - 1, out);
	buf_adds(out, "<div class=\"grid\">\n");
	rc = tree_each_volume(n, add_folder_card, &cards, err);
	buf_adds(out, "</div>\n");
	folders_put(tree);
	return rc < 0 ? rc : end_page(out, err);
}
