/* SPDX-License-Identifier: MIT */
/* The logger of base/log.h. */
#include "base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "base/buf.h"

#define LOG_LINES 256
#define LOG_LINE_BYTES 400
#define LOG_SITE_LINES 20
#define LOG_SITE_SECONDS 60

static struct {
	pthread_mutex_t lock; /* protects lines and next */
	_Atomic int least;
	_Atomic bool to_syslog;
	char lines[LOG_LINES][LOG_LINE_BYTES];
	unsigned long next;
} logger = { .lock = PTHREAD_MUTEX_INITIALIZER, .least = LOG_LEVEL_WARN };

static const char *const level_names[] = { "error", "warning", "info", "debug" };
static const int syslog_levels[] = { LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

void log_init(enum log_level least, bool to_syslog)
{
	logger.least = (int)least;
	logger.to_syslog = to_syslog;
	if (to_syslog)
		openlog("dcmfs", LOG_PID, LOG_DAEMON);
}

/* May this site speak? *held is what it held back before. */
static bool allowed(struct log_site *site, unsigned *held)
{
	struct timespec now;
	int64_t window;
	unsigned n;

	*held = 0;
	clock_gettime(CLOCK_MONOTONIC, &now);
	window = atomic_load(&site->window_s);
	if (window == 0 || now.tv_sec - window >= LOG_SITE_SECONDS) {
		atomic_store(&site->window_s, now.tv_sec ? now.tv_sec : 1);
		n = atomic_exchange(&site->n_in_window, 1);
		if (n > LOG_SITE_LINES)
			*held = n - LOG_SITE_LINES;
		return true;
	}
	return atomic_fetch_add(&site->n_in_window, 1) < LOG_SITE_LINES;
}

static void keep(const char *line)
{
	char stamp[32];
	struct tm tm;
	time_t now = time(NULL);

	gmtime_r(&now, &tm);
	strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", &tm);
	pthread_mutex_lock(&logger.lock);
	snprintf(logger.lines[logger.next++ % LOG_LINES], LOG_LINE_BYTES, "%s %s", stamp, line);
	pthread_mutex_unlock(&logger.lock);
}

void log_line(struct log_site *site, enum log_level level, const char *fmt, ...)
{
	char text[LOG_LINE_BYTES - 64], line[LOG_LINE_BYTES - 32];
	unsigned held;
	va_list ap;

	if ((int)level > logger.least || !allowed(site, &held))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (held)
		snprintf(line, sizeof line, "%s: %s (%u more held back)", level_names[level], text,
			held);
	else
		snprintf(line, sizeof line, "%s: %s", level_names[level], text);
	keep(line);
	if (logger.to_syslog)
		syslog(syslog_levels[level], "%s", line);
	else
		fprintf(stderr, "dcmfs: %s\n", line);
}

void log_recent(struct buf *out)
{
	unsigned long i, first;

	pthread_mutex_lock(&logger.lock);
	first = logger.next > LOG_LINES ? logger.next - LOG_LINES : 0;
	for (i = first; i < logger.next; i++) {
		buf_adds(out, logger.lines[i % LOG_LINES]);
		buf_addc(out, '\n');
	}
	pthread_mutex_unlock(&logger.lock);
}
