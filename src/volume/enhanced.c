/* SPDX-License-Identifier: MIT */
/*
 * Enhanced multi-frame files (PS3.3 C.7.6.16): each frame tells where it lies and what it
 * shows. Frames are first parted by what can never be one volume (orientation, stack,
 * segment); positions then give the planes, the dimension indices that are no position
 * give the time points, and volumes that differ in echo, part or trigger
 * delay become blocks of their own. Indices are only compared: they need not begin at 1
 * or be contiguous. The header is read once for all of this.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "dicom/dataset.h"
#include "dicom/groups.h"
#include "dicom/tags.h"
#include "dicom/value.h"
#include "volume/geometry.h"
#include "volume/planning.h"

#define MOST_DIMENSIONS 8u
#define MOST_COMPONENTS 64u /* of DimensionIndexValues that are looked at */
#define SAME_ORIENTATION 1e-4

struct frame {
	struct plan_image im;
	double spacing[2], thickness, gap;
	uint32_t index
		[MOST_DIMENSIONS]; /* DimensionIndexValues that are no position, most significant first */
	uint64_t stack;            /* a hash of its name */
	int64_t segment;
	uint32_t order; /* in the file, or in the files of a concatenation */
	uint32_t set;   /* of frames that may share a volume: which frame is its first */
	double along;
	uint32_t plane, time;
};

struct dimensions {
	uint32_t n;                     /* kept */
	uint32_t from[MOST_DIMENSIONS]; /* which component of DimensionIndexValues */
};

/* --- dimensions -------------------------------------------------------------------------- */

static bool is_place(uint32_t pointer)
{
	return pointer == DCM_StackID || pointer == DCM_InStackPositionNumber ||
		pointer == DCM_ImagePositionPatient || pointer == DCM_ImageOrientationPatient ||
		pointer == DCM_SliceLocation || pointer == DCM_ReferencedSegmentNumber;
}

static uint32_t pointer_of(const struct dcm_dataset *item)
{
	const struct dcm_node *n = dcm_get(item, DCM_DimensionIndexPointer);

	if (!n || !n->value || n->el.len < 4)
		return 0;
	if (n->el.big_endian)
		return (uint32_t)(n->value[0] << 8 | n->value[1]) << 16 |
			(uint32_t)(n->value[2] << 8 | n->value[3]);
	return (uint32_t)(n->value[1] << 8 | n->value[0]) << 16 |
		(uint32_t)(n->value[3] << 8 | n->value[2]);
}

static int64_t index_value(const struct dcm_header *h, uint32_t frame, uint32_t component)
{
	const struct dcm_dataset *own = dcm_frame_item(h, frame);
	const struct dcm_dataset *content = own ? dcm_first_item(own, DCM_FrameContentSequence) :
						  NULL;
	int64_t v = 0;

	if (content)
		dcm_int(dcm_get(content, DCM_DimensionIndexValues), component, &v);
	return v;
}

static bool varies(const struct dcm_header *h, uint32_t n_frames, uint32_t component)
{
	int64_t first = index_value(h, 0, component);

	for (uint32_t f = 1; f < n_frames; f++)
		if (index_value(h, f, component) != first)
			return true;
	return false;
}

/* Components that vary and are no position. Where the position is declared before the last of
 * them, the last one is the most significant (planes run fastest); where it is declared behind
 * them, the first one is. */
static void learn_dimensions(const struct dcm_header *h, uint32_t n_frames, struct dimensions *d)
{
	const struct dcm_node *seq = dcm_get(&h->top, DCM_DimensionIndexSequence);
	bool in_parts = dcm_get(&h->top,
		DCM_ConcatenationUID); /* what is one value here may be another there */
	uint32_t last_place = 0, last_varying = 0;

	d->n = 0;
	for (uint32_t i = 0;
		seq && i < seq->n_items && i < MOST_COMPONENTS && d->n < MOST_DIMENSIONS; i++) {
		uint32_t pointer = pointer_of(&seq->items[i]);

		if (pointer == DCM_InStackPositionNumber || pointer == DCM_ImagePositionPatient)
			last_place = i;
		if (is_place(pointer) || (!in_parts && !varies(h, n_frames, i)))
			continue;
		last_varying = i;
		d->from[d->n++] = i;
	}
	if (last_place < last_varying)
		for (uint32_t i = 0; i < d->n / 2; i++) {
			uint32_t other = d->from[d->n - 1 - i];

			d->from[d->n - 1 - i] = d->from[i];
			d->from[i] = other;
		}
}

/* --- frames ------------------------------------------------------------------------------- */

static double number(const struct dcm_header *h, uint32_t frame, uint32_t tag, double otherwise)
{
	dcm_double(dcm_frame_get(h, frame, tag, NULL), 0, &otherwise);
	return otherwise;
}

static void numbers(const struct dcm_header *h, uint32_t frame, uint32_t tag, double *out,
	uint32_t n)
{
	const struct dcm_node *node = dcm_frame_get(h, frame, tag, NULL);

	for (uint32_t i = 0; i < n; i++)
		dcm_double(node, i, &out[i]);
}

static const char *text(const struct dcm_header *h, uint32_t frame, uint32_t tag, struct arena *a)
{
	const struct dcm_dataset *ds;
	const struct dcm_node *n = dcm_frame_get(h, frame, tag, &ds);

	return n ? dcm_text(ds, n, a) : NULL;
}

/* Of a fractional segmentation: what is stored for 1. PS3.3 C.8.20.2.3. */
static double read_fraction(const struct dcm_header *h)
{
	const struct dcm_node *type = dcm_get(&h->top, DCM_SegmentationType);
	double most = dcm_get_double(&h->top, DCM_MaximumFractionalValue, NAN);

	return dcm_text_is(type, 0, "FRACTIONAL") && most > 0.0 ? 1.0 / most : (double)NAN;
}

/* Rescale, else the real world mapping; PS3.3 C.7.6.16.2.9, C.7.6.16.2.11. */
static void read_scale(const struct dcm_header *h, uint32_t frame, struct plan_image *im)
{
	im->slope = number(h, frame, DCM_RescaleSlope, NAN);
	im->intercept = number(h, frame, DCM_RescaleIntercept, NAN);
	if (isnan(im->slope)) {
		im->slope = number(h, frame, DCM_RealWorldValueSlope, NAN);
		im->intercept = number(h, frame, DCM_RealWorldValueIntercept, NAN);
	}
	if (isnan(im->slope))
		im->slope = read_fraction(h);
}

static void read_kind(const struct dcm_header *h, uint32_t frame, struct plan_image *im,
	struct arena *a)
{
	const char *type = text(h, frame, DCM_FrameType, a),
		   *component = text(h, frame, DCM_ComplexImageComponent, a);

	im->part = (uint8_t)plan_part(type ? type : im->in->attr->image_type, component,
		INSTANCE_NO_INT);
	im->derived = plan_is_derived(type) || plan_is_derived(im->in->attr->image_type);
}

static void read_time(const struct dcm_header *h, uint32_t frame, struct plan_image *im)
{
	const char *s;
	size_t len;
	uint32_t date;

	if (dcm_raw_text(dcm_frame_get(h, frame, DCM_FrameAcquisitionDateTime, NULL), 0, &s, &len))
		dcm_parse_datetime(s, len, &date, &im->time_s);
}

/* StackID is a text: "1", or "SAG". */
static uint64_t read_stack(const struct dcm_header *h, uint32_t frame)
{
	const char *s;
	size_t len;

	return dcm_raw_text(dcm_frame_get(h, frame, DCM_StackID, NULL), 0, &s, &len) ?
		hash_bytes(0, s, len) :
		0;
}

static void read_frame(struct planner *p, const struct dcm_header *h, uint32_t frame,
	const struct dimensions *d, struct frame *f)
{
	struct plan_image *im = &f->im;

	im->frame = frame;
	numbers(h, frame, DCM_ImageOrientationPatient, im->orientation, 6);
	numbers(h, frame, DCM_ImagePositionPatient, im->position, 3);
	numbers(h, frame, DCM_PixelSpacing, f->spacing, 2);
	f->thickness = number(h, frame, DCM_SliceThickness, f->thickness);
	f->gap = number(h, frame, DCM_SpacingBetweenSlices, f->gap);
	im->echo_time = (float)number(h, frame, DCM_EffectiveEchoTime, (double)im->echo_time);
	im->repetition_time = (float)number(h, frame, DCM_RepetitionTime,
		(double)im->repetition_time);
	im->flip_angle = (float)number(h, frame, DCM_FlipAngle, (double)im->flip_angle);
	im->trigger_delay = (float)number(h, frame, DCM_NominalCardiacTriggerDelayTime,
		(double)im->trigger_delay);
	im->b_value = number(h, frame, DCM_DiffusionBValue, NAN);
	read_time(h, frame, im);
	read_scale(h, frame, im);
	read_kind(h, frame, im, &p->scratch);
	f->stack = read_stack(h, frame);
	dcm_int(dcm_frame_get(h, frame, DCM_ReferencedSegmentNumber, NULL), 0, &f->segment);
	for (uint32_t i = 0; i < d->n; i++)
		f->index[i] = (uint32_t)index_value(h, frame, d->from[i]);
}

/* --- sets: what can be one volume at all ------------------------------------------------------ */

static bool same_orientation(const struct frame *a, const struct frame *b)
{
	for (int i = 0; i < 6; i++)
		if (fabs(a->im.orientation[i] - b->im.orientation[i]) > SAME_ORIENTATION)
			return false;
	return true;
}

static bool same_stack(const struct frame *a, const struct frame *b)
{
	return a->stack == b->stack && a->segment == b->segment;
}

/* All are of one array, in their order. */
static int compare_stacks(const void *a, const void *b)
{
	const struct frame *x = *(struct frame *const *)a, *y = *(struct frame *const *)b;

	if (x->stack != y->stack)
		return x->stack < y->stack ? -1 : 1;
	if (x->segment != y->segment)
		return x->segment < y->segment ? -1 : 1;
	return (x > y) - (x < y);
}

static int compare_sets(const void *a, const void *b)
{
	const struct frame *x = *(struct frame *const *)a, *y = *(struct frame *const *)b;

	if (x->set != y->set)
		return x->set < y->set ? -1 : 1;
	return (x > y) - (x < y);
}

/* Sorts the frames by set, sets by their first frames. firsts: scratch. */
static void number_sets(const struct frame *frames, struct frame **sorted, uint32_t n,
	struct frame **firsts)
{
	uint32_t n_sets = 0; /* of this stack */

	qsort(sorted, n, sizeof *sorted, compare_stacks);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t s = 0;

		if (i && !same_stack(sorted[i - 1], sorted[i]))
			n_sets = 0;
		while (s < n_sets && !same_orientation(firsts[s], sorted[i]))
			s++;
		if (s == n_sets)
			firsts[n_sets++] = sorted[i];
		sorted[i]->set = (uint32_t)(firsts[s] - frames);
	}
	qsort(sorted, n, sizeof *sorted, compare_sets);
}

/* --- planes and times
 * -------------------------------------------------------------------------- */

static int compare_doubles(double a, double b)
{
	return (a > b) - (a < b);
}

static int compare_frame_along(const void *a, const void *b)
{
	const struct frame *const *x = a, *const *y = b;
	int c = compare_doubles((*x)->along, (*y)->along);

	return c ? c : compare_doubles((*x)->order, (*y)->order);
}

static int compare_index(const struct frame *a, const struct frame *b)
{
	for (uint32_t i = 0; i < MOST_DIMENSIONS; i++)
		if (a->index[i] != b->index[i])
			return a->index[i] < b->index[i] ? -1 : 1;
	return 0;
}

static int compare_frame_time(const void *a, const void *b)
{
	const struct frame *const *x = a, *const *y = b;
	int c;

	if ((*x)->plane != (*y)->plane)
		return (*x)->plane < (*y)->plane ? -1 : 1;
	c = compare_index(*x, *y);
	return c ? c : compare_doubles((*x)->order, (*y)->order);
}

static uint32_t number_planes(struct frame **f, uint32_t n)
{
	double same_mm = plan_same_plane_mm(f[0]->spacing, f[0]->thickness, f[0]->gap);
	uint32_t plane = 0;

	qsort(f, n, sizeof *f, compare_frame_along);
	for (uint32_t i = 0; i < n; i++) {
		if (i && !(f[i]->along - f[i - 1]->along <= same_mm))
			plane++;
		f[i]->plane = plane;
	}
	return plane + 1;
}

static int compare_frame_index(const void *a, const void *b)
{
	const struct frame *const *x = a, *const *y = b;

	return compare_index(*x, *y);
}

/* Planes have unequal counts: something is missing. Where indices tell the frames of each plane
 * apart, they also tell what: times that have all planes are numbered first, frames of the others
 * are left over. Returns how many are whole; 0: the indices do not tell. f: sorted by plane and
 * index, as it is afterwards. */
static uint32_t number_times_by_index(struct frame **f, uint32_t n, uint32_t n_planes)
{
	uint32_t n_whole = 0, first = 0;

	for (uint32_t i = 1; i < n; i++)
		if (f[i]->plane == f[i - 1]->plane && compare_index(f[i], f[i - 1]) == 0)
			return 0;
	qsort(f, n, sizeof *f, compare_frame_index);
	for (uint32_t i = 0; i < n; i++) {
		if (i + 1 < n && compare_index(f[i], f[i + 1]) == 0)
			continue;
		for (uint32_t k = first; k <= i; k++)
			f[k]->time = i + 1 - first == n_planes ? n_whole : UINT32_MAX;
		n_whole += i + 1 - first == n_planes;
		first = i + 1;
	}
	qsort(f, n, sizeof *f, compare_frame_time);
	return n_whole;
}

/* The k-th frame of each plane is of time k. Where planes have unequal counts, and nothing tells
 * which ones are missing, what is beyond the least count is left over. Returns how many times are
 * whole. */
static uint32_t number_times(struct frame **f, uint32_t n, uint32_t n_planes)
{
	uint32_t least = UINT32_MAX, most = 0, count = 0, n_whole = 0;

	qsort(f, n, sizeof *f, compare_frame_time);
	for (uint32_t i = 0; i < n; i++) {
		count = i && f[i]->plane == f[i - 1]->plane ? count + 1 : 1;
		if (i + 1 == n || f[i + 1]->plane != f[i]->plane) {
			least = count < least ? count : least;
			most = count > most ? count : most;
		}
	}
	if (least < most)
		n_whole = number_times_by_index(f, n, n_planes);
	for (uint32_t i = 0; i < n && !n_whole; i++)
		f[i]->time = i && f[i]->plane == f[i - 1]->plane ? f[i - 1]->time + 1 : 0;
	return n_whole ? n_whole : least;
}

/* --- blocks
 * ---------------------------------------------------------------------------------------- */

/* The grid of a set: frame of plane and time. */
struct grid {
	struct frame **at; /* n_planes * n_times, plane fastest, as acquired */
	uint32_t n_planes, n_times;
};

/* Both absent are the same. */
static bool same_ms(float a, float b)
{
	return a == b || (isnan(a) && isnan(b));
}

static bool same_volume_kind(const struct plan_block *b, const struct frame *x,
	const struct frame *y)
{
	if (x->im.part != y->im.part || x->im.derived != y->im.derived)
		return false;
	if (!same_ms(x->im.echo_time, y->im.echo_time))
		return false;
	return b->is_asl || !b->traits.splits_by_trigger_delay ||
		same_ms(x->im.trigger_delay, y->im.trigger_delay);
}

/* What the maker tells of each time point: diffusion, and when it began, which is the repetition
 * time of a 3D echo train where the header's is that of one excitation. */
static int read_facts(struct planner *p, struct plan_block *b, struct err *err)
{
	struct plan_diffusion *d = arena_zalloc(&p->scratch, b->n_times, sizeof *d);
	const char *type = b->images[0].in->attr->mr_acquisition_type;
	double first = INFINITY, last = -INFINITY, train = 0.0;

	if (!d)
		return err_nomem(err);
	for (uint32_t t = 0; t < b->n_times; t++) {
		const struct plan_image *im = &b->images[(size_t)t * b->n_planes];
		const struct dcm_header *h = plan_header(p, im->in);
		struct facts f = { .begin_s = NAN, .b_value = NAN };
		struct arena spare = { 0 };
		int rc = h ? vendor_facts(h, im->frame, &spare, &f, err) : 0;

		if (rc == 0)
			plan_diffusion_from_facts(&f, &d[t]);
		arena_release(&spare);
		if (rc < 0)
			return rc;
		first = fmin(first, f.begin_s);
		last = fmax(last, f.begin_s);
		train = h ? number(h, im->frame, DCM_EchoTrainLength, 0.0) : 0.0;
	}
	b->diffusion = d;
	if (last > first && type && strcmp(type, "3D") == 0 && train > 1.0)
		b->time_step_s = (double)((float)(1000.0f *
					 (((float)last - (float)first) /
						 (float)(b->n_times - 1)))) /
			1000.0;
	return 0;
}

/* One block of the times in which `mine` is set. */
static int add_block(struct planner *p, struct series *s, const struct instance *in,
	const struct grid *g, const bool *mine, uint32_t n_times, int32_t echo_number,
	struct err *err)
{
	struct plan_block *b = plan_new_block(p, s, in, g->n_planes * n_times);
	uint32_t n = 0;
	const struct frame *first = NULL;

	if (!b)
		return err_nomem(err);
	plan_fill_from_record(p, in, b, &b->images[0]);
	for (uint32_t t = 0; t < g->n_times; t++)
		for (uint32_t k = 0; mine[t] && k < g->n_planes; k++) {
			const struct frame *f = g->at[(size_t)t * g->n_planes + k];

			if (!first)
				first = f;
			b->images[n] = f->im;
			b->images[n++].echo_number = echo_number;
		}
	b->is_multiframe = true;
	b->n_planes = g->n_planes;
	b->n_times = n_times;
	if (first) {
		memcpy(b->spacing, first->spacing, sizeof b->spacing);
		b->thickness = first->thickness;
		b->gap = first->gap;
	}
	return read_facts(p, b, err);
}

static float echo_of(const struct grid *g, uint32_t time)
{
	return g->at[(size_t)time * g->n_planes]->im.echo_time;
}

struct echo {
	float te;
	uint32_t time;
};

static int compare_echo_te(const void *a, const void *b)
{
	const struct echo *x = a, *y = b;

	if (isnan(x->te) != isnan(y->te))
		return isnan(x->te) ? 1 : -1;
	if (x->te != y->te && !isnan(x->te))
		return x->te < y->te ? -1 : 1;
	return (x->time > y->time) - (x->time < y->time);
}

/* The echo of each time point, numbered in the order in which they come; 0: there is one alone. */
static int32_t *number_echoes(struct planner *p, const struct grid *g)
{
	struct echo *e = arena_zalloc(&p->scratch, g->n_times, sizeof *e);
	uint32_t *first = arena_zalloc(&p->scratch, g->n_times, sizeof *first);
	int32_t *numbers = arena_zalloc(&p->scratch, g->n_times, sizeof *numbers), n = 0;

	if (!e || !first || !numbers)
		return NULL;
	for (uint32_t t = 0; t < g->n_times; t++)
		e[t] = (struct echo){ .te = echo_of(g, t), .time = t };
	qsort(e, g->n_times, sizeof *e, compare_echo_te);
	for (uint32_t i = 0; i < g->n_times; i++)
		first[e[i].time] = i && same_ms(e[i - 1].te, e[i].te) ? first[e[i - 1].time] :
									e[i].time;
	for (uint32_t t = 0; t < g->n_times; t++)
		numbers[t] = first[t] == t ? ++n : numbers[first[t]];
	if (n < 2)
		memset(numbers, 0, g->n_times * sizeof *numbers);
	return numbers;
}

static int add_blocks(struct planner *p, struct series *s, const struct instance *in,
	const struct grid *g, struct err *err)
{
	bool *done = arena_zalloc(&p->scratch, g->n_times, sizeof *done);
	bool *mine = arena_zalloc(&p->scratch, g->n_times, sizeof *mine);
	const int32_t *echoes = number_echoes(p, g);
	struct plan_block like = { .traits = plan_kind(p, in->attr)->traits };
	int rc = 0;

	if (!done || !mine || !echoes)
		return err_nomem(err);
	for (uint32_t t = 0; !rc && t < g->n_times; t++) {
		const struct frame *first = g->at[(size_t)t * g->n_planes];
		uint32_t n = 0;

		if (done[t])
			continue;
		memset(mine, 0, g->n_times * sizeof *mine);
		for (uint32_t u = t; u < g->n_times; u++) {
			mine[u] = !done[u] &&
				same_volume_kind(&like, first, g->at[(size_t)u * g->n_planes]);
			done[u] = done[u] || mine[u];
			n += mine[u];
		}
		rc = add_block(p, s, in, g, mine, n, echoes[t], err);
	}
	return rc;
}

/* Planes in the order of the first time point's frames. */
static void fill_grid(struct grid *g, struct frame *const *f, uint32_t n)
{
	uint32_t first = 0, last = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (f[i]->time == 0 && f[i]->plane == 0)
			first = f[i]->order;
		if (f[i]->time == 0 && f[i]->plane == g->n_planes - 1)
			last = f[i]->order;
	}
	for (uint32_t i = 0; i < n; i++) {
		uint32_t plane = first > last ? g->n_planes - 1 - f[i]->plane : f[i]->plane;

		if (f[i]->time < g->n_times)
			g->at[(size_t)f[i]->time * g->n_planes + plane] = f[i];
	}
}

/* Frames of planes that have more than others: one volume, in the order of their places. */
static int add_left_over(struct planner *p, struct series *s, const struct instance *in,
	struct frame **f, uint32_t n, uint32_t n_times, struct err *err)
{
	struct grid g = { .n_times = 1 };
	bool mine = true;
	int rc;

	g.at = arena_zalloc(&p->scratch, n, sizeof *g.at);
	if (!g.at)
		return err_nomem(err);
	for (uint32_t i = 0; i < n; i++)
		if (f[i]->time >= n_times)
			g.at[g.n_planes++] = f[i];
	if (!g.n_planes)
		return 0;
	plan_problem(p, in, "%u frames do not fill a volume: shown as a part of their own",
		g.n_planes);
	rc = add_block(p, s, in, &g, &mine, 1, 0, err);
	if (!rc)
		p->blocks[p->n_blocks - 1].is_left_over = true;
	return rc;
}

static int collect_placed(struct planner *p, struct series *s, const struct instance *in,
	struct frame **f, uint32_t n, struct err *err)
{
	struct grid g;
	int rc;

	g.n_planes = number_planes(f, n);
	g.n_times = number_times(f, n, g.n_planes);
	g.at = arena_zalloc(&p->scratch, (size_t)g.n_planes * g.n_times, sizeof *g.at);
	if (!g.at)
		return err_nomem(err);
	fill_grid(&g, f, n);
	rc = add_blocks(p, s, in, &g, err);
	return rc ? rc : add_left_over(p, s, in, f, n, g.n_times, err);
}

/* Frames that lie nowhere are planes in their order; beside others that do they are a volume of
 * their own. */
static int collect_set(struct planner *p, struct series *s, const struct instance *in,
	struct frame **f, uint32_t n, struct err *err)
{
	struct frame **apart = arena_zalloc(&p->scratch, n, sizeof *apart);
	uint32_t n_placed = 0, n_apart = 0;
	int rc = 0;

	if (!apart)
		return err_nomem(err);
	for (uint32_t i = 0; i < n; i++) {
		f[i]->along = geom_along_normal(f[0]->im.orientation, f[i]->im.position);
		if (isnan(f[i]->along))
			apart[n_apart++] = f[i];
		else
			f[n_placed++] = f[i];
	}
	for (uint32_t i = 0; i < n_apart; i++)
		apart[i]->along = apart[i]->order;
	if (n_apart && n_placed)
		plan_problem(p, in, "%u of %u frames have no position: shown apart", n_apart, n);
	if (n_placed)
		rc = collect_placed(p, s, in, f, n_placed, err);
	return rc == 0 && n_apart ? collect_placed(p, s, in, apart, n_apart, err) : rc;
}

/* Segments that all have the same planes are time points of one volume, in their order; others
 * are volumes of their own. */
static void unite_segments(struct frame *frames, uint32_t n, struct frame **scratch)
{
	int64_t least = INT64_MAX, most = INT64_MIN;
	uint32_t n_planes;

	for (uint32_t i = 0; i < n; i++) {
		least = frames[i].segment < least ? frames[i].segment : least;
		most = frames[i].segment > most ? frames[i].segment : most;
		frames[i].along = geom_along_normal(frames[0].im.orientation,
			frames[i].im.position);
		scratch[i] = &frames[i];
	}
	if (least >= most || (uint64_t)most - (uint64_t)least >= n)
		return;
	n_planes = number_planes(scratch, n);
	if ((uint64_t)n_planes * (uint64_t)(most - least + 1) != n)
		return;
	for (uint32_t i = 0; i < n; i++) {
		memmove(frames[i].index + 1, frames[i].index,
			(MOST_DIMENSIONS - 1) * sizeof frames[i].index[0]);
		frames[i].index[0] = (uint32_t)(frames[i].segment - least);
		frames[i].segment = 0;
	}
}

static int collect_frames(struct planner *p, struct series *s, const struct instance *in,
	struct frame *frames, uint32_t n, struct err *err)
{
	struct frame **sorted = arena_zalloc(&p->scratch, n, sizeof *sorted);
	struct frame **firsts = arena_zalloc(&p->scratch, n, sizeof *firsts);
	uint32_t n_in;
	int rc = 0;

	if (!sorted || !firsts)
		return err_nomem(err);
	unite_segments(frames, n, sorted);
	number_sets(frames, sorted, n, firsts);
	for (uint32_t i = 0; !rc && i < n; i += n_in) {
		for (n_in = 1; i + n_in < n && sorted[i + n_in]->set == sorted[i]->set;)
			n_in++;
		rc = collect_set(p, s, in, sorted + i, n_in, err);
	}
	return rc;
}

/* --- concatenations
 * ------------------------------------------------------------------------------- */

/* One object in several files (PS3.3 C.7.6.16.2.2.4): its frames so far, until all files of the
 * study are seen. */
struct plan_concatenation {
	const char *uid;
	struct series *series;
	struct frame *frames;
	uint32_t n, cap;
	struct plan_concatenation *next;
};

/* A part whose frames are of another size is no part of it, whatever its UID. */
static bool is_of_concatenation(const struct plan_concatenation *c, const struct series *s,
	const char *uid, const struct instance *in)
{
	return c->series == s && strcmp(c->uid, uid) == 0 &&
		plan_same_pixels(&c->frames[0].im.in->attr->pixel, &in->attr->pixel);
}

static struct plan_concatenation *find_concatenation(struct planner *p, struct series *s,
	const char *uid, const struct instance *in)
{
	struct plan_concatenation *c;

	for (c = p->concatenations; c; c = c->next)
		if (is_of_concatenation(c, s, uid, in))
			return c;
	c = arena_zalloc(&p->scratch, 1, sizeof *c);
	if (!c)
		return NULL;
	c->uid = uid;
	c->series = s;
	c->next = p->concatenations;
	p->concatenations = c;
	return c;
}

static int keep_for_later(struct planner *p, struct series *s, const char *uid,
	const struct frame *frames, uint32_t n, struct err *err)
{
	struct plan_concatenation *c = find_concatenation(p, s, uid, frames[0].im.in);

	for (uint32_t i = 0; c && i < n; i++) {
		struct frame *f = plan_grow(p, &c->frames, &c->n, &c->cap, sizeof *f);

		if (!f)
			return err_nomem(err);
		*f = frames[i];
	}
	return c ? 0 : err_nomem(err);
}

static int compare_order(const void *a, const void *b)
{
	const struct frame *x = a, *y = b;

	return (x->order > y->order) - (x->order < y->order);
}

/* Parts that are not there. */
static void tell_of_holes(struct planner *p, const struct plan_concatenation *c)
{
	uint64_t next = 0;

	for (uint32_t i = 0; i < c->n; next = (uint64_t)c->frames[i++].order + 1)
		if (c->frames[i].order > next)
			plan_problem(p, c->frames[i].im.in,
				"frames %llu to %u of its concatenation are not there",
				(unsigned long long)next + 1, c->frames[i].order);
}

int plan_collect_concatenations(struct planner *p, struct err *err)
{
	int rc = 0;

	for (struct plan_concatenation *c = p->concatenations; c && !rc; c = c->next) {
		qsort(c->frames, c->n, sizeof *c->frames, compare_order);
		tell_of_holes(p, c);
		rc = collect_frames(p, c->series, c->frames[0].im.in, c->frames, c->n, err);
	}
	return rc;
}

int plan_collect_enhanced(struct planner *p, struct series *s, const struct instance *in,
	const struct dcm_header *h, uint32_t n, struct err *err)
{
	struct frame *frames = arena_zalloc(&p->scratch, n, sizeof *frames);
	struct plan_block record = { 0 };
	struct plan_image image = { .in = in, .series = s };
	struct dimensions d;
	const char *uid;
	uint32_t offset;

	if (!frames)
		return err_nomem(err);
	plan_fill_from_record(p, in, &record, &image);
	learn_dimensions(h, n, &d);
	uid = dcm_get_text(&h->top, DCM_ConcatenationUID, &p->scratch);
	offset = uid ? (uint32_t)dcm_get_int(&h->top, DCM_ConcatenationFrameOffsetNumber, 0) : 0;
	for (uint32_t i = 0; i < n; i++) {
		frames[i].im = image;
		memcpy(frames[i].spacing, record.spacing, sizeof record.spacing);
		frames[i].thickness = record.thickness;
		frames[i].gap = record.gap;
		frames[i].order = offset + i;
		read_frame(p, h, i, &d, &frames[i]);
	}
	return uid ? keep_for_later(p, s, uid, frames, n, err) :
		     collect_frames(p, s, in, frames, n, err);
}
