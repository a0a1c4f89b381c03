/* SPDX-License-Identifier: MIT */
/*
 * Values where they are used: numbers of any VR, trimmed text as UTF-8, dates
 * and times. All take a node that may be NULL (absent) and tolerate what real
 * files hold: blanks and NULs around, decimal commas, more digits than allowed,
 * "1.0" for IS. An element that came as UN counts as what a dictionary says it is.
 * Text is cut at backslashes before it is decoded where a function gives raw
 * bytes, and after it where it gives UTF-8.
 */
#ifndef DICOM_VALUE_H
#define DICOM_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dicom/dataset.h"

struct arena;
struct buf;

/* How many values: by backslashes, or by the size of a binary one. 0: absent or empty. */
uint32_t dcm_vm(const struct dcm_node *n);
/* Value i (from 0) of a number, whatever its VR (DS, IS, text that is a number, binary). False:
 * there is none, or it is no number ("nan" and what overflows neither); *out is untouched then.
 * dcm_int() takes what is integral alone, an AT as group and element. UN that no dictionary knows
 * is not guessed. */
bool dcm_double(const struct dcm_node *n, uint32_t i, double *out);
bool dcm_int(const struct dcm_node *n, uint32_t i, int64_t *out);
/* The same from a data set, with a default. */
double dcm_get_double(const struct dcm_dataset *ds, uint32_t tag, double otherwise);
int64_t dcm_get_int(const struct dcm_dataset *ds, uint32_t tag, int64_t otherwise);
/* Up to max values; returns how many are numbers, from the first. */
uint32_t dcm_get_doubles(const struct dcm_dataset *ds, uint32_t tag, double *out, uint32_t max);

/* Raw trimmed text of value i without any character set: the bytes lie in the node. False: none. */
bool dcm_raw_text(const struct dcm_node *n, uint32_t i, const char **text, size_t *len);
/* The same of all values in one go, empty ones too: *at is 0 before the first. False: no more. */
bool dcm_next_raw_text(const struct dcm_node *n, size_t *at, const char **text, size_t *len);
/* All values, UTF-8, backslashes kept, trimmed at the ends; in the arena; NULL: absent, empty, a
 * list of binary numbers, or no memory. */
const char *dcm_text(const struct dcm_dataset *ds, const struct dcm_node *n, struct arena *a);
/* All of it, UTF-8, as it is padded, for who wants to change it; it may have NULs within. len 0: there
 * is none. -ENOMEM. */
int dcm_text_whole(const struct dcm_dataset *ds, const struct dcm_node *n, struct arena *a,
	char **text, size_t *len);
/* Value i alone. */
const char *dcm_text_value(const struct dcm_dataset *ds, const struct dcm_node *n, uint32_t i,
	struct arena *a);
const char *dcm_get_text(const struct dcm_dataset *ds, uint32_t tag, struct arena *a);
/* Is value i exactly / does any value equal / does the whole contain this text? */
bool dcm_text_is(const struct dcm_node *n, uint32_t i, const char *want);
bool dcm_text_has(const struct dcm_node *n, const char *want);
bool dcm_text_contains(const struct dcm_node *n, const char *part);

/* Parsing text alone: a locale-independent strtod / strtoll over exactly len bytes. */
bool dcm_parse_double(const char *s, size_t len, double *out);
bool dcm_parse_int(const char *s, size_t len, int64_t *out);
/* TM "HHMMSS.FFFFFF" (colons, truncation) to seconds since midnight. */
bool dcm_parse_time(const char *s, size_t len, double *seconds);
/* DA "YYYYMMDD" ("YYYY.MM.DD") to the number 20261122; 20261100 of "202611", 20260000 of "2026". */
bool dcm_parse_date(const char *s, size_t len, uint32_t *yyyymmdd);
/* Is b a later day than a: 1, or the other way: -1? 0 too where one of them is NULL or no date. */
double dcm_days_apart(const char *a, const char *b);
/* DT to date, seconds since midnight (time of the text, offset ignored). */
bool dcm_parse_datetime(const char *s, size_t len, uint32_t *yyyymmdd, double *seconds);

#endif
