/* SPDX-License-Identifier: MIT */
/* Native frames in all layouts, by way of the codec that has nothing else to do. */
#include "fuzz/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_codec(&codec_raw, data, size);
}
