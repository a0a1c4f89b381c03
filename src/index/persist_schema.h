/* SPDX-License-Identifier: MIT */
/* The tables of the saved index: which column holds which member, and the SQL that follows from
 * it. */
#ifndef INDEX_PERSIST_SCHEMA_H
#define INDEX_PERSIST_SCHEMA_H

#include <stddef.h>
#include <stdint.h>

struct buf;

/* Another layout of tables, of struct instance or of struct attributes is another version; so is
 * another value that the same file has in them: what is saved is believed as long as its file is
 * as it was. */
#define PERSIST_VERSION 7
#define PERSIST_APPLICATION 0x64636d66 /* "dcmf" */

enum column_type {
	COLUMN_TEXT,
	COLUMN_INT32,
	COLUMN_UINT32,
	COLUMN_UINT16,
	COLUMN_UINT8,
	COLUMN_BOOL,
	COLUMN_INT64,
	COLUMN_UINT64,
	COLUMN_DOUBLE,
};

struct column {
	const char *name;
	enum column_type type;
	size_t off; /* of the member */
};

/* All members of struct attributes: what is loaded is what was saved. */
extern const struct column persist_attributes[];
extern const size_t persist_n_attributes;
/* Members of struct instance that are columns for whoever asks in SQL; loaded is `record`, the
 * packed instance, which has all of them in one value. */
extern const struct column persist_instance[];
extern const size_t persist_n_instance;

/* The texts below end with a NUL, which is counted. Everything that a new database needs, views
 * included. */
void persist_create_sql(struct buf *out);
/* INSERT of whole rows, and SELECT of what is loaded, in the order of the numbers below: all
 * attributes by id, and of the files in the folders ?1 to ?2 the columns before the members'. */
void persist_attributes_sql(struct buf *insert, struct buf *select);
void persist_files_sql(struct buf *insert, struct buf *select);

/* Columns before the members'. negative_zeros: bit i for the i-th number that is -0, which SQLite
 * stores as 0. */
enum { ATTRIBUTES_ID, ATTRIBUTES_CHECKSUM, ATTRIBUTES_NEGATIVE_ZEROS, ATTRIBUTES_MEMBERS };
enum {
	FILES_FOLDER,
	FILES_NAME,
	FILES_KIND,
	FILES_TEXT,
	FILES_N_PROBLEMS,
	FILES_ATTRIBUTES,
	FILES_CHECKSUM,
	FILES_SOP_UID,
	FILES_RECORD,
	FILES_MEMBERS
};

#endif
