/* SPDX-License-Identifier: MIT */
/*
 * The allocator that everything uses, so that a test can make the N-th
 * allocation fail. Each function returns NULL for want of memory; a size whose
 * product overflows counts as that. Memory is given back with mem_free().
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

void *mem_alloc(size_t size);
void *mem_calloc(size_t n, size_t size);
void *mem_realloc(void *p, size_t size);
/* Room for n elements of `size` bytes; the old contents stay. */
void *mem_resize(void *p, size_t n, size_t size);
void *mem_dup(const void *p, size_t size);
char *mem_strdup(const char *s);
void mem_free(void *p);

/* Tests: the n-th allocation from now on (counted from 1), and every later
 * one, fails; 0 switches that off. Process-wide. */
void mem_fail_after(unsigned long n);

#endif
