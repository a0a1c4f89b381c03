/* SPDX-License-Identifier: MIT */
/*
 * Going into the background. The fork comes first of all, since threads and data bases
 * do not survive one; the child keeps the terminal for its progress and errors until
 * the mount can be read, and the parent returns then, with the child's status.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "main/app.h"

/* The child's word; where it dies without one, how it died. */
static int wait_for(pid_t child, int fd)
{
	unsigned char status;
	ssize_t n;
	int how;

	do
		n = read(fd, &status, 1);
	while (n < 0 && errno == EINTR);
	if (n == 1)
		return status;
	while (waitpid(child, &how, 0) < 0 && errno == EINTR)
		continue;
	return WIFEXITED(how) ? WEXITSTATUS(how) : 128 + (WIFSIGNALED(how) ? WTERMSIG(how) : 0);
}

int background_enter(struct background *b, struct err *err)
{
	int fds[2];
	pid_t child;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_errno(err, "pipe");
	child = fork();
	if (child < 0)
		return err_errno(err, "fork");
	if (child > 0) {
		close(fds[1]);
		_exit(wait_for(child, fds[0]));
	}
	close(fds[0]);
	b->pipe_fd = fds[1];
	return 0;
}

static void leave_terminal(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	setsid();
	if (chdir("/") < 0 || fd < 0)
		return;
	dup2(fd, STDIN_FILENO);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	close(fd);
}

void background_ready(struct background *b, int status)
{
	unsigned char byte = (unsigned char)status;
	char word = status == 0 ? 's' : 'f';

	if (b->ready_fd >= 0) {
		while (write(b->ready_fd, &word, 1) < 0 && errno == EINTR)
			continue;
		close(b->ready_fd);
	}
	b->ready_fd = -1;
	if (b->pipe_fd < 0)
		return;
	if (status == 0)
		leave_terminal();
	while (write(b->pipe_fd, &byte, 1) < 0 && errno == EINTR)
		continue;
	close(b->pipe_fd);
	b->pipe_fd = -1;
}
