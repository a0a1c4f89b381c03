/* SPDX-License-Identifier: MIT */
/*
 * The daemon's log: lines with a level, to standard error or syslog, and the
 * newest of them in memory for .dcmfs/log. Only who decides to swallow an error
 * logs it. Each call site prints at most 20 lines a minute; what it held back is
 * counted in its next line. Nothing above LOG_DEBUG shows a patient's values.
 * Safe from any thread. The logger is the one global below main.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct buf;

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* State of one call site; zero at first. */
struct log_site {
	_Atomic int64_t window_s;
	_Atomic unsigned n_in_window;
};

void log_init(enum log_level least, bool to_syslog);
void log_line(struct log_site *site, enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Append the lines that are in memory, oldest first. */
void log_recent(struct buf *out);

#define log_at(level, ...)                                                                         \
	do {                                                                                       \
		static struct log_site log_site_;                                                  \
		log_line(&log_site_, (level), __VA_ARGS__);                                        \
	} while (0)
#define log_error(...) log_at(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...) log_at(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...) log_at(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
