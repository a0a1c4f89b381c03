/* SPDX-License-Identifier: MIT */
/* The version, in one place; the Makefile reads it from here. */
#ifndef MAIN_VERSION_H
#define MAIN_VERSION_H

#define DCMFS_VERSION "0.1.0"

#endif
