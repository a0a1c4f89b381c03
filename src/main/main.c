/* SPDX-License-Identifier: MIT */
/* The program: options, scan, mount. */
#include <stdio.h>

#include "main/version.h"

int main(void)
{
	puts("dcmfs " DCMFS_VERSION);
	return 0;
}
