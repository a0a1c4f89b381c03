/* SPDX-License-Identifier: MIT */
/*
 * A disk that is slow to open files, or on which each open waits for another one beside it (ten
 * seconds at most). For one test program: it has a disk of its own.
 */
#ifndef SUPPORT_SLOWDISK_H
#define SUPPORT_SLOWDISK_H

#include <pthread.h>
#include <stdbool.h>
#include <time.h>
#include <unistd.h>

#define DISK_DELAY_US 9000

static struct {
	pthread_mutex_t lock;
	pthread_cond_t entered;
	bool slow;
	unsigned alone; /* the first that wait for nobody */
	unsigned
		together; /* the others wait until so many have been there at once; 0: for nobody */
	unsigned inside, most, n_opened;
} disk = { .lock = PTHREAD_MUTEX_INITIALIZER, .entered = PTHREAD_COND_INITIALIZER };

/* A file is opened. */
static inline void disk_open(void)
{
	struct timespec limit;

	if (disk.slow)
		usleep(DISK_DELAY_US);
	clock_gettime(CLOCK_REALTIME, &limit);
	limit.tv_sec += 10;
	pthread_mutex_lock(&disk.lock);
	if (++disk.inside > disk.most)
		disk.most = disk.inside;
	pthread_cond_broadcast(&disk.entered);
	while (disk.n_opened >= disk.alone && disk.most < disk.together &&
		pthread_cond_timedwait(&disk.entered, &disk.lock, &limit) == 0)
		;
	disk.inside--;
	disk.n_opened++;
	pthread_mutex_unlock(&disk.lock);
}

/* How many were opened at once. */
static inline unsigned disk_most(void)
{
	unsigned n;

	pthread_mutex_lock(&disk.lock);
	n = disk.most;
	pthread_mutex_unlock(&disk.lock);
	return n;
}

#endif
