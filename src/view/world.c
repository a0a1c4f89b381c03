/* SPDX-License-Identifier: MIT */
/* One SOURCE and the snapshots of it: see view/world.h. */
#include "view/world.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "format/edit.h"
#include "index/changes.h"
#include "view/keywords.h"
#include "view/layout.h"
#include "view/selection.h"
#include "view/snapshot.h"
#include "view/summaries.h"

#define CACHE_BYTES ((size_t)256 << 20)
#define MAX_OPEN_FILES 512u
#define BUSY_MS 1000 /* until the edited world is asked again what it waits for */

struct world {
	struct files *files;
	struct store *store;
	struct plans *plans;
	struct framecache *cache;
	struct keywords *keywords;
	struct selections *selections;
	struct summaries *summaries;
	struct layout *layout;
	struct editor *editor;        /* rewrites this world's files; NULL: nobody */
	struct world_options options; /* for the edited world */
	int root_fd;
	pthread_mutex_t
		edited_lock; /* one scan of the edited world at a time; protects edited, edited_gen */
	struct world *edited; /* NULL: nobody asked for it yet */
	uint64_t edited_gen;  /* of our catalog, when it was scanned */
	pthread_mutex_t lock; /* protects newest, unedited */
	struct snapshot *newest;
	struct changes unedited; /* that the edited world was not scanned for yet */
	bool unshown;            /* the store has a catalog that newest is not of; of who scans */
};

static unsigned cores(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : n > 64 ? 64 : (unsigned)n;
}

/* Without its index a mount only takes longer to come up. */
static void use_index(struct world *w, const struct world_options *o)
{
	struct err err;

	if (o->index &&
		(store_use_index(w->store, o->index, o->source, &err) < 0 ||
			store_save_behind(w->store, &err) < 0))
		log_warn("no saved index: %s", err.msg);
}

/* Of an older snapshot it may be said for as long as somebody reads that. */
static void tell_stale(void *arg, const struct instance *in)
{
	struct world *w = arg;
	struct snapshot *newest = world_snapshot(w);

	if (newest && catalog_instance(newest->catalog, in->id) == in)
		w->options.stale(w->options.stale_arg, in->dir);
	snapshot_put(newest);
}

/* A world whose files go through the editor, where there is one. */
static int make_world(int root_fd, const struct world_options *o, struct editor *editor,
	struct world **out, struct err *err)
{
	struct world *w = mem_calloc(1, sizeof *w);
	int rc;

	if (!w)
		return err_nomem(err);
	pthread_mutex_init(&w->lock, NULL);
	pthread_mutex_init(&w->edited_lock, NULL);
	w->options = *o;
	w->root_fd = root_fd;
	w->editor = editor;
	rc = files_new(root_fd, o->max_open_files ? o->max_open_files : MAX_OPEN_FILES,
		editor ? editor_filter : NULL, editor, &w->files, err);
	if (rc == 0 && o->stale)
		files_on_stale(w->files, tell_stale, w);
	if (rc == 0)
		rc = store_new(w->files, &o->scan, &w->store, err);
	if (rc == 0)
		use_index(w, o);
	if (rc == 0)
		rc = plans_new(w->files, &w->plans, err);
	if (rc == 0)
		rc = framecache_new(w->files, o->cache_bytes ? o->cache_bytes : CACHE_BYTES,
			o->n_decode_threads ? o->n_decode_threads : cores(), &w->cache, err);
	if (rc == 0)
		rc = keywords_new(w->files, o->by, &w->keywords, err);
	if (rc == 0)
		rc = selections_new(&w->selections, err);
	if (rc == 0)
		rc = summaries_new(&w->summaries, err);
	if (rc == 0 && o->layout)
		rc = layout_new(o->layout, w->keywords, o->scan.hide_files, &w->layout, err);
	if (rc < 0) {
		world_free(w);
		return rc;
	}
	*out = w;
	return 0;
}

int world_new(int root_fd, const struct world_options *o, struct world **out, struct err *err)
{
	return make_world(root_fd, o, NULL, out, err);
}

/* Before a catalog shows with them. */
static void note_changes(struct world *w, const struct changes *where)
{
	if (!w->options.editor)
		return;
	pthread_mutex_lock(&w->lock);
	changes_join(&w->unedited, where);
	pthread_mutex_unlock(&w->lock);
}

/* Scan where something has changed since the edited world was scanned last. */
static int scan_edited(struct world *w, bool *changed, struct err *err)
{
	struct changes where;
	int rc;

	pthread_mutex_lock(&w->lock);
	where = w->unedited;
	memset(&w->unedited, 0, sizeof w->unedited);
	pthread_mutex_unlock(&w->lock);
	if (where.all)
		rc = world_scan(w->edited, changed, err);
	else
		rc = world_scan_changes(w->edited, &where, changed, err);
	if (rc < 0)
		note_changes(w, &where);
	changes_release(&where);
	return rc;
}

/* Under edited_lock: what the edited world needs to be as new as the catalog of generation gen. */
static int refresh_edited(struct world *w, uint64_t gen, struct err *err)
{
	static const struct changes everywhere = { .all = true };
	struct world_options o = w->options;
	bool changed;
	int rc = 0;

	o.index = NULL;
	o.editor = NULL;
	o.scan.progress = NULL;
	o.scan.hide_files = true;
	if (w->edited && w->edited_gen >= gen)
		return 0;
	if (!w->edited) {
		note_changes(w, &everywhere);
		rc = make_world(w->root_fd, &o, w->options.editor, &w->edited, err);
	}
	if (rc == 0)
		rc = scan_edited(w, &changed, err);
	if (rc == 0)
		w->edited_gen = gen;
	return rc;
}

int world_edited_snapshot(const struct snapshot *base, struct snapshot **out, struct err *err)
{
	struct world *w = base->world;
	int rc;

	if (!w->options.editor)
		return err_set(err, -ENOENT, "nothing is edited");
	pthread_mutex_lock(&w->edited_lock);
	rc = refresh_edited(w, base->catalog->gen, err);
	if (rc == 0)
		*out = world_snapshot(w->edited);
	pthread_mutex_unlock(&w->edited_lock);
	return rc;
}

struct editor *snapshot_editor(const struct snapshot *s)
{
	return s->world->options.editor;
}

void world_free(struct world *w)
{
	if (!w)
		return;
	world_free(w->edited);
	selections_free(w->selections);
	summaries_free(w->summaries);
	snapshot_put(w->newest);
	layout_free(w->layout);
	keywords_free(w->keywords);
	framecache_free(w->cache);
	plans_free(w->plans);
	store_free(w->store);
	files_free(w->files);
	changes_release(&w->unedited);
	pthread_mutex_destroy(&w->edited_lock);
	pthread_mutex_destroy(&w->lock);
	mem_free(w);
}

static void rest(struct world *w)
{
	struct snapshot *newest = world_snapshot(w);

	summaries_drop(w->summaries);
	if (newest)
		selections_drop_old(w->selections, newest->catalog->gen);
	snapshot_put(newest);
}

void world_rest(struct world *w)
{
	rest(w);
	if (pthread_mutex_trylock(&w->edited_lock) != 0)
		return; /* it is being scanned */
	if (w->edited)
		rest(w->edited);
	pthread_mutex_unlock(&w->edited_lock);
}

static struct snapshot *snapshot_new(struct world *w)
{
	struct snapshot *s = mem_calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->world = w;
	s->is_edited = w->editor != NULL;
	s->catalog = store_get(w->store);
	s->keywords = w->keywords;
	s->selections = w->selections;
	s->summaries = w->summaries;
	s->layout = w->layout;
	s->files = w->files;
	s->plans = w->plans;
	s->reader = (struct volume_reader){ .files = w->files, .cache = w->cache };
	atomic_init(&s->refs, 1);
	return s;
}

static int show_newest(struct world *w, struct err *err)
{
	struct snapshot *fresh, *old;

	fresh = snapshot_new(w);
	if (!fresh)
		return err_nomem(err);
	pthread_mutex_lock(&w->lock);
	old = w->newest;
	w->newest = fresh;
	pthread_mutex_unlock(&w->lock);
	snapshot_put(old);
	return 0;
}

/* Behind a scan. What could not be shown for want of memory is shown by the next one. */
static int show_changed(struct world *w, bool *changed, struct err *err)
{
	int rc = 0;

	w->unshown |= *changed || !w->newest;
	if (w->unshown)
		rc = show_newest(w, err);
	*changed = w->unshown && rc == 0;
	if (rc == 0)
		w->unshown = false;
	return rc;
}

/* The edited world waits for its own files, and nobody else would look at it again. Who scans it
 * now does that himself. */
static int retry_edited(struct world *w, bool everything, bool *changed, struct err *err)
{
	bool edited_changed = false;
	int64_t waits;
	int rc = 0;

	if (pthread_mutex_trylock(&w->edited_lock) != 0)
		return 0;
	waits = w->edited ? world_waits_ms(w->edited) : -1;
	if (waits == 0 || (everything && waits > 0))
		rc = scan_edited(w, &edited_changed, err);
	pthread_mutex_unlock(&w->edited_lock);
	*changed |= edited_changed;
	return rc;
}

/* Behind a scan: what is made of the files may have waited for them too. */
static int finish_scan(struct world *w, bool everything, bool *changed, struct err *err)
{
	int rc = show_changed(w, changed, err);

	if (rc < 0)
		return rc;
	plans_retry(w->plans, w->newest->catalog, everything, w->options.scan.stop, changed);
	return retry_edited(w, everything, changed, err);
}

int world_scan(struct world *w, bool *changed, struct err *err)
{
	static const struct changes everywhere = { .all = true };
	int rc = store_scan(w->store, changed, err);

	note_changes(w, &everywhere);
	return rc < 0 ? rc : finish_scan(w, true, changed, err);
}

int world_scan_changes(struct world *w, const struct changes *where, bool *changed, struct err *err)
{
	int rc = store_scan_changes(w->store, where, changed, err);

	note_changes(w, where);
	return rc < 0 ? rc : finish_scan(w, false, changed, err);
}

/* Of two times to wait, the shorter one; -1: for ever. */
static int64_t sooner(int64_t a, int64_t b)
{
	return a < 0 || (b >= 0 && b < a) ? b : a;
}

static int64_t edited_waits_ms(struct world *w)
{
	int64_t waits = -1;

	if (pthread_mutex_trylock(&w->edited_lock) != 0)
		return BUSY_MS;
	if (w->edited)
		waits = world_waits_ms(w->edited);
	pthread_mutex_unlock(&w->edited_lock);
	return waits;
}

int64_t world_waits_ms(struct world *w)
{
	return sooner(edited_waits_ms(w),
		sooner(store_waits_ms(w->store), plans_waits_ms(w->plans)));
}

struct snapshot *world_snapshot(struct world *w)
{
	struct snapshot *s;

	pthread_mutex_lock(&w->lock);
	s = snapshot_get(w->newest);
	pthread_mutex_unlock(&w->lock);
	return s;
}

struct snapshot *snapshot_get(struct snapshot *s)
{
	if (s)
		atomic_fetch_add(&s->refs, 1);
	return s;
}

void snapshot_put(struct snapshot *s)
{
	if (!s || atomic_fetch_sub(&s->refs, 1) != 1)
		return;
	catalog_put(s->catalog);
	mem_free(s->own.bits);
	mem_free(s);
}

int snapshot_filtered(const struct snapshot *base, const struct filter *filter,
	struct snapshot **out, struct err *err)
{
	struct snapshot *s = mem_alloc(sizeof *s);

	if (!s) {
		mem_free(filter->bits);
		return err_nomem(err);
	}
	*s = (struct snapshot){ .world = base->world,
		.keywords = base->keywords,
		.selections = base->selections,
		.summaries = base->summaries,
		.layout = base->layout,
		.catalog = catalog_get(base->catalog),
		.files = base->files,
		.plans = base->plans,
		.reader = base->reader,
		.is_edited = base->is_edited,
		.own = *filter };
	s->filter = &s->own;
	atomic_init(&s->refs, 1);
	*out = s;
	return 0;
}

uint64_t snapshot_gen(const struct snapshot *s)
{
	return s->catalog->gen;
}

int64_t snapshot_mtime_ns(const struct snapshot *s)
{
	return s->catalog->mtime_ns;
}

uint32_t snapshot_n_instances(const struct snapshot *s)
{
	return s->catalog->n_instances;
}

bool filter_has(const struct filter *f, const struct instance *in)
{
	return !f || (in->id < f->n_ids && (f->bits[in->id / 64] >> in->id % 64 & 1));
}

bool filter_has_series(const struct filter *f, const struct series *s)
{
	uint32_t i;

	for (i = 0; i < s->n_instances; i++)
		if (filter_has(f, s->instances[i]))
			return true;
	return false;
}

bool filter_has_study(const struct filter *f, const struct study *s)
{
	uint32_t i;

	for (i = 0; i < s->n_series; i++)
		if (filter_has_series(f, s->series[i]))
			return true;
	return false;
}

bool filter_has_patient(const struct filter *f, const struct patient *p)
{
	uint32_t i;

	for (i = 0; i < p->n_studies; i++)
		if (filter_has_study(f, p->studies[i]))
			return true;
	return false;
}

bool filter_has_volume(const struct filter *f, const struct volume *v)
{
	uint64_t i, n = (uint64_t)v->n_planes * v->dim[3];

	if (!f)
		return true;
	if (v->base)
		return filter_has_volume(f, v->base);
	for (i = 0; i < n; i++)
		if (v->slices[i].in && filter_has(f, v->slices[i].in))
			return true;
	return false;
}
