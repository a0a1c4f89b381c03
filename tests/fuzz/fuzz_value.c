/* SPDX-License-Identifier: MIT */
/*
 * Numbers, dates and times as text: a number that is taken is the one that strtod() reads,
 * an integer is that number without a loss, and dates and times lie in their bounds.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dicom/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
	if (!condition)
		__builtin_trap();
}

static void check_numbers(const char *s, size_t len)
{
	char copy[256];
	int64_t i;
	double v;
	size_t k;

	if (!dcm_parse_double(s, len, &v)) {
		require(!dcm_parse_int(s, len, &i) || len > 128);
		return;
	}
	if (dcm_parse_int(s, len, &i))
		require((double)i == v);
	while (len > 0 && (unsigned char)*s <= ' ') {
		s++;
		len--;
	}
	if (len >= sizeof copy)
		return;
	for (k = 0; k < len; k++)
		copy[k] = s[k] == ',' ? '.' : s[k];
	copy[len] = '\0';
	require(strtod(copy, NULL) == v);
}

static void check_times(const char *s, size_t len)
{
	uint32_t date;
	double seconds;

	if (dcm_parse_time(s, len, &seconds))
		require(seconds >= 0 && seconds < 25 * 3600);
	if (dcm_parse_date(s, len, &date))
		require(date <= 99991231);
	if (dcm_parse_datetime(s, len, &date, &seconds))
		require(date <= 99991231 && seconds >= 0 && seconds < 25 * 3600);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_numbers((const char *)data, size);
	check_times((const char *)data, size);
	return 0;
}
