/* SPDX-License-Identifier: MIT */
/*
 * What the Basic Application Level Confidentiality Profile (PS3.15 Annex E) does to an
 * attribute, and the values that stand for what it takes away. Pure but for the key:
 * the same key makes the same substitutes, so that series and patients stay together.
 */
#ifndef FORMAT_DEIDENTIFY_H
#define FORMAT_DEIDENTIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dicom/dataset.h"

enum deid_action {
	DEID_KEEP,
	DEID_REMOVE,
	DEID_EMPTY, /* zero length; a sequence without items */
	DEID_DUMMY, /* a value that is valid and says nothing */
	DEID_UID,   /* another UID, always the same for the same one */
	DEID_ITEMS, /* the sequence stays, its items are treated */
	DEID_SHIFT, /* the date moved by the patient's own number of days */
	DEID_CLEAN, /* the text stays but for what was removed elsewhere */
};

/* The profile's options (PS3.15 E.3): what is kept, or treated otherwise. */
#define DEID_UIDS 0x01u        /* UIDs kept */
#define DEID_DEVICE 0x02u      /* device identity kept */
#define DEID_INSTITUTION 0x04u /* institution identity kept */
#define DEID_PATIENT 0x08u     /* patient characteristics kept */
#define DEID_DATES 0x10u       /* full dates kept */
#define DEID_SHIFT_DATES 0x20u /* dates shifted */
#define DEID_DESCRIPTORS 0x40u /* descriptions kept, cleaned */

struct deid_row {
	uint32_t tag, mask; /* tag & mask of an attribute's tag */
	enum deid_action
		action; /* where the profile leaves a choice: what is valid for any type of attribute */
	unsigned options; /* that keep or clean it */
};

extern const struct deid_row deid_table[]; /* ascending tags; generated */
extern const unsigned deid_table_rows;

/* What becomes of an element under these options. Private ones are removed, and those that no
 * dictionary has. */
enum deid_action deid_action_of(const struct dcm_node *n, unsigned options);

/* One that the standard has registered (PS3.6 annex A): its root alone says nothing, since some writers
 * make the UIDs of their instances of that of the class. */
bool deid_is_of_standard(const char *uid, size_t len);

/* Words separated by colons: "keep-uids:shift-dates"; "only" is left to the caller. False: a
 * word is unknown, and *bad is where it begins. */
bool deid_parse_options(const char *words, unsigned *options, bool *only, const char **bad);

#define DEID_KEY_BYTES 32u
/* The key that any secret of len bytes makes. */
void deid_key(const void *secret, size_t len, uint8_t out[DEID_KEY_BYTES]);
/* "2.25." and a 128-bit number made of key and UID: at most 44 characters and a NUL. */
void deid_uid(const uint8_t key[DEID_KEY_BYTES], const char *uid, size_t len, char out[65]);
/* A pseudonym of 20 characters, 64 bits of which tell patients apart. */
#define DEID_PSEUDONYM_CAP 24u
void deid_pseudonym(const uint8_t key[DEID_KEY_BYTES], const char *id, size_t len,
	char out[DEID_PSEUDONYM_CAP]);
/* By how many days the dates of this patient move: -3650 .. -365. */
int deid_shift_days(const uint8_t key[DEID_KEY_BYTES], const char *patient_id, size_t len);
/* A DA or DT value moved, in digits alone; what is no date, or has more in it than one and a time of
 * day, stays out: false. out has at least len + 1 bytes. */
bool deid_shift_date(const char *value, size_t len, int days, char *out);

/* A dummy of this VR, little-endian. NULL: it has none (SQ). */
const void *deid_dummy(uint16_t vr, size_t *len);

#endif
