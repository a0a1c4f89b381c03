/* SPDX-License-Identifier: MIT */
#include "fuzz/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Nothing to try where libjxl is not. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
#ifdef DCMFS_JXL
	return fuzz_codec(&codec_jxl, data, size);
#else
	(void)data;
	(void)size;
	return 0;
#endif
}
