/* SPDX-License-Identifier: MIT */
/* What the planner must know of a maker before any header is read: CONVERSION §3.2, §5.7. */
#include <string.h>
#include <strings.h>

#include "vendor/maker.h"

static bool contains(const char *text, const char *part)
{
	return text && strcasestr(text, part);
}

/* Siemens' XA line exports one scan as series 9001, 9002 ...; syngo VB12 and VB13 without the
 * tensor licence gave each diffusion weighting its own series, and dynamic contrast studies have
 * one a time point. */
static void siemens(const char *software, const char *sequence, struct vendor_traits *t)
{
	const char *xa = software ? strstr(software, "XA") : NULL;
	bool dynamic = contains(sequence, "fldyn3d1");

	t->scan_spans_series = xa && xa[2] >= '0' && xa[2] <= '9';
	t->dynamic_spans_series = dynamic && !t->scan_spans_series;
	t->acquisition_is_time = dynamic && t->scan_spans_series;
	t->diffusion_spans_series = contains(sequence, "_ep_b") &&
		(contains(software, "VB12") || contains(software, "VB13"));
	t->inversion_is_repetition = true;
}

struct vendor_traits vendor_traits(const char *manufacturer, const char *software_versions,
	const char *sequence_name)
{
	const struct maker *m = manufacturer ? maker_named(manufacturer, strlen(manufacturer)) :
					       NULL;
	struct vendor_traits t = { .inversion_is_repetition = true };

	if (m == &maker_siemens) {
		siemens(software_versions, sequence_name, &t);
	} else if (m == &maker_philips) {
		t.splits_by_trigger_delay = true;
		t.trace_apart = true;
		t.inversion_is_repetition = false;
	} else if (m == &maker_ge) {
		t.times_unreliable = true;
	}
	return t;
}
