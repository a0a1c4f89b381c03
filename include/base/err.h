/* SPDX-License-Identifier: MIT */
/*
 * Errors as values: a negative errno and one line of text.
 *
 * A function that can fail returns 0 (or a count) on success and a negative
 * errno on failure; its last parameter is a struct err that the caller owns,
 * usually on the stack, and that may be NULL. The first error wins, because
 * every level returns at once; callers add what they know with err_wrap().
 *
 * Codes: -ENOENT no such name; -EBADMSG malformed DICOM; -ENOTSUP well-formed
 * but not implemented; -ENOMEM; -EIO the system failed, or a frame could not be
 * decoded; -ESTALE the source changed since it was indexed; -EFBIG over a limit;
 * -EINTR nobody waits for it any more (base/stop.h).
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

struct err {
	int code;
	char msg[240];
};

/* Fill err (where it is not NULL) with code and text; returns code, so that
 * `return err_set(err, -EBADMSG, ...)` is the whole error path. */
int err_set(struct err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* err_set() for want of memory. */
int err_nomem(struct err *err);

/* err_set() with the text of errno behind the message: "open x: No such file";
 * returns -errno. */
int err_errno(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Put "context: " before the text that is there; the code stays. */
void err_wrap(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
