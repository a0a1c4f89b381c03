/* SPDX-License-Identifier: MIT */
/* The program: options, then the tree, then a front end for it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "cli/ls.h"
#include "main/app.h"
#include "main/version.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* Descriptors 0 to 2 exist, so that no file of ours becomes one of them. */
static void fill_standard_fds(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

static int complain(const struct err *err, int status)
{
	fprintf(stderr, "dcmfs: %s\n", err->msg);
	return status;
}

static int use(struct app *a, struct err *err)
{
	if (a->o.mode == OPTIONS_LS)
		return cli_ls(a->vfs, a->o.place, a->o.long_list, stdout, err);
	if (a->o.mode == OPTIONS_CAT)
		return cli_cat(a->vfs, a->o.place, STDOUT_FILENO, err);
	return app_mount(a, err);
}

static int run(struct app *a)
{
	bool stays = a->o.foreground || a->o.debug || a->o.mode != OPTIONS_MOUNT;
	struct err err = { 0 };
	int r = 0;

	log_init(a->o.debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN, false);
	if (!stays)
		r = background_enter(&a->background, &err);
	if (r == 0)
		r = app_open(a, &err);
	if (r == 0)
		r = use(a, &err);
	if (r < 0)
		complain(&err, r);
	background_ready(&a->background, r < 0 ? EXIT_FAILED : EXIT_OK);
	app_close(a);
	return r < 0 ? EXIT_FAILED : EXIT_OK;
}

int main(int argc, char **argv)
{
	struct app a = { .source.fd = -1,
		.background = { -1, -1 },
		.stale = { .lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1 } };
	struct err err;
	int status = EXIT_OK, r;

	fill_standard_fds();
	if (options_parse(&a.o, argc, argv, &err) < 0) {
		status = complain(&err, EXIT_USAGE);
	} else if (a.o.mode == OPTIONS_HELP) {
		options_help(stdout);
	} else if (a.o.mode == OPTIONS_VERSION) {
		puts("dcmfs " DCMFS_VERSION);
		app_print_library(stdout);
	} else if ((r = app_check(&a.o, &err)) < 0) {
		status = complain(&err, r == -EINVAL ? EXIT_USAGE : EXIT_FAILED);
	} else {
		if (a.o.has_ready_fd)
			a.background.ready_fd = (int)a.o.ready_fd;
		status = run(&a);
	}
	options_release(&a.o);
	if (status == EXIT_OK && fflush(stdout) != 0) {
		(void)err_errno(&err, "write");
		status = complain(&err, EXIT_FAILED);
	}
	return status;
}
