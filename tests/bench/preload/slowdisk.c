/* SPDX-License-Identifier: MIT */
/* Preloaded, it makes a slow disk of every disk: to open a file that is not a folder takes
 * DELAY_US. */
#include <fcntl.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DELAY_US 5000

/* With 64 bits for offsets it is openat64() that is defined here. */
int openat(int dir_fd, const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	va_start(ap, flags);
	if (flags & O_CREAT)
		mode = va_arg(ap, mode_t);
	va_end(ap);
	if (!(flags & O_DIRECTORY))
		usleep(DELAY_US);
	return (int)syscall(SYS_openat, dir_fd, path, flags, mode);
}
