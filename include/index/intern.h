/* SPDX-License-Identifier: MIT */
/*
 * What many instances have in common, kept once: texts, and blocks of
 * attributes. Whatever is interned stays until interns_free(), and equal things
 * have one address. Any thread may intern; who reads file after file asks
 * seldom, because it remembers what the last file had.
 */
#ifndef INDEX_INTERN_H
#define INDEX_INTERN_H

#include <stddef.h>

struct attributes;
struct err;
struct interns;

int interns_new(struct interns **out, struct err *err);
void interns_free(struct interns *in); /* NULL is fine */

/* NULL for want of memory. */
const char *intern_text(struct interns *in, const char *text, size_t len);
/* a: every byte of it set, padding included; its texts interned here. NULL for want of memory. */
const struct attributes *intern_attributes(struct interns *in, const struct attributes *a);

/* Bytes that all of it takes, for the memory figures. */
size_t interns_bytes(struct interns *in);

#endif
