#!/bin/bash
# SPDX-License-Identifier: MIT
# fuzz.sh SECONDS PROGRAM...: each libFuzzer target for that long, from tests/data and from what the
# last run has found; a finding is left in build/fuzz/NAME-findings and fails the run.
set -u

seconds=$1
shift
failed=0
for t; do
	name=${t##*/}
	found=build/fuzz/$name
	mkdir -p "$found-corpus" "$found-findings"
	mapfile -t seeds < <(find tests/data -type d 2>/dev/null)
	echo "  FUZZ  $name, $seconds s"
	"$t" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=1024 -max_len=65536 -print_final_stats=1 \
		-artifact_prefix="$found-findings/" "$found-corpus" "${seeds[@]}" >"$found.log" 2>&1 ||
		{ failed=$((failed + 1)); tail -40 "$found.log"; }
	grep -E 'DONE|number_of_executed_units' "$found.log" | tail -2
done
echo "$(($# - failed)) passed, $failed failed"
((failed == 0))
