/* SPDX-License-Identifier: MIT */
/* openat() in place of the library's, for one test program, which says what comes of each. */
#ifndef SUPPORT_OPENAT_H
#define SUPPORT_OPENAT_H

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The program's: 0, or the errno that this one fails with. */
static int before_openat(const char *path, int flags);

int openat(int dir_fd, const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	va_start(ap, flags);
	if (flags & O_CREAT)
		mode = va_arg(ap, mode_t);
	va_end(ap);
	errno = before_openat(path, flags);
	return errno ? -1 : (int)syscall(SYS_openat, dir_fd, path, flags, mode);
}

#endif
