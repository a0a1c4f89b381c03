/* SPDX-License-Identifier: MIT */
/*
 * What many instances have in common, kept once: texts, and blocks of
 * attributes. Equal things have one address. Any thread may intern; who reads
 * file after file asks seldom, because it remembers what the last file had.
 *
 * Each counts its users: instances and others are users of their folder, instances of their
 * attributes, and those of their texts. What has no user stays until
 * interns_sweep(), so that whoever reads need not count what it has in hand.
 */
#ifndef INDEX_INTERN_H
#define INDEX_INTERN_H

#include <stdbool.h>
#include <stddef.h>

struct attributes;
struct err;
struct interns;

int interns_new(struct interns **out, struct err *err);
void interns_free(struct interns *in); /* NULL is fine; users have gone */

/* NULL for want of memory. */
const char *intern_text(struct interns *in, const char *text, size_t len);
/* a: every byte of it set, padding included; its texts interned here. NULL for want of memory. */
const struct attributes *intern_attributes(struct interns *in, const struct attributes *a);

/* One user more, or less, of a text or a block. From any thread. */
void interned_use(const void *interned);
void interned_drop(const void *interned);

/* Bytes that all of it takes. */
size_t interns_bytes(struct interns *in);
/* Are they so many more than after the last sweep that the next one may be worth it? */
bool interns_may_sweep(struct interns *in);
/* Free what has no user; not while anybody interns, or has in hand what it interned. gone, which
 * may be NULL, is told of each block just before. */
void interns_sweep(struct interns *in, void (*gone)(void *arg, const struct attributes *a),
	void *arg);

#endif
