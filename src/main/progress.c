/* SPDX-License-Identifier: MIT */
/* The progress bar: files, files a second, time left. Without a terminal nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "main/app.h"

#define BAR 24

void progress_start(struct progress *p)
{
	const char *term = getenv("TERM");

	p->drawn = false;
	p->shown = isatty(STDERR_FILENO) && !(term && strcmp(term, "dumb") == 0);
	p->start_ns = clock_ns(CLOCK_MONOTONIC);
}

static void draw_bar(double part)
{
	char bar[BAR + 1];
	int n = part < 0 ? 0 : part > 1 ? BAR : (int)(part * BAR);

	memset(bar, ' ', BAR);
	memset(bar, '=', (size_t)n);
	bar[BAR] = '\0';
	fprintf(stderr, "\r[%s] ", bar);
}

void progress_draw(void *progress, const struct scan_progress *at)
{
	struct progress *p = progress;
	double seconds = (double)(clock_ns(CLOCK_MONOTONIC) - p->start_ns) / (double)NS_PER_S;
	double rate = seconds > 0 ? (double)at->n_read / seconds : 0;

	if (!p->shown || seconds < 0.3) /* what is over at once needs no bar */
		return;
	p->drawn = true;
	draw_bar(at->n_found ? (double)at->n_read / (double)at->n_found : 0);
	fprintf(stderr, "%llu of %llu%s files, %.0f files/s", (unsigned long long)at->n_read,
		(unsigned long long)at->n_found, at->walking ? "+" : "", rate);
	if (!at->walking && rate > 0)
		fprintf(stderr, ", %.0f s left", (double)(at->n_found - at->n_read) / rate);
	fputs("\033[K", stderr);
	fflush(stderr);
}

void progress_end(struct progress *p)
{
	if (p->drawn)
		fputs("\r\033[K", stderr);
	p->shown = false;
}
