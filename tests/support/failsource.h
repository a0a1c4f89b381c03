/* SPDX-License-Identifier: MIT */
/* A byte source over memory that fails where a test wants it to, and counts how often it is asked. */
#ifndef TESTS_SUPPORT_FAILSOURCE_H
#define TESTS_SUPPORT_FAILSOURCE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "dicom/source.h"

struct failsource {
	struct dcm_source base;
	const void *bytes;
	uint64_t fails_at;   /* reads that reach beyond this byte are -EIO; UINT64_MAX: none */
	unsigned fails_read; /* the read of this number, from 1, is -EIO; 0: none */
	unsigned n_reads;
	unsigned n_closed;
};

/* The struct is the caller's, and stays his when the source is closed. */
struct dcm_source *failsource_init(struct failsource *f, const void *bytes, size_t len,
	uint64_t fails_at);

/* A files_filter(), whose arg is a struct failing: reads of files fail while it is on. */
struct failing {
	_Atomic bool on;
	uint64_t size; /* of files of so many bytes; 0: of all */
	_Atomic unsigned n_reads, n_failed;
};
int failing_filter(void *arg, struct dcm_source *in, struct dcm_source **out, struct err *err);

#endif
