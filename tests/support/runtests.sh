#!/bin/bash
# SPDX-License-Identifier: MIT
# runtests.sh PROGRAM...: runs test programs one after the other, each with $ARGS, and ends with
# `N passed, N failed`. The counts are the program's own where it prints some (a line like the last
# one, or Criterion's synthesis), else one for its exit status. Whatever a sanitizer reports, in the
# program or in a daemon that it started, is a failure, even if the program does not notice.
set -u

reports=$(mktemp -d)
trap 'rm -rf "$reports"' EXIT
export ASAN_OPTIONS="log_path=$reports/asan:detect_stack_use_after_return=1:${ASAN_OPTIONS:-}"
export LSAN_OPTIONS="suppressions=$PWD/tests/support/lsan.supp:print_suppressions=0"
export UBSAN_OPTIONS="log_path=$reports/ubsan:print_stacktrace=1:${UBSAN_OPTIONS:-}"
export TSAN_OPTIONS="log_path=$reports/tsan:second_deadlock_stack=1:${TSAN_OPTIONS:-}"
export XDG_CACHE_HOME=$reports/cache # a saved index is of no use to the next run

passed=0 failed=0
for t; do
	log=$reports/log
	name=${t#build/}
	# shellcheck disable=SC2086 # words
	timeout -k 10 "${TEST_SECONDS:-600}" "$t" ${ARGS:-} >"$log" 2>&1 </dev/null
	rc=$?
	read -r ok bad < <(awk -f tests/support/tally.awk "$log")
	if ((ok + bad == 0)); then
		((rc == 0)) && ok=1
	fi
	((rc != 0 && bad == 0)) && bad=1
	for r in "$reports"/*san*; do
		[ -s "$r" ] || continue
		((bad += 1))
		cat "$r" >>"$log"
		rm -f "$r"
	done
	grep '^SKIP' "$log"
	((passed += ok, failed += bad))
	if ((bad)); then
		printf '  FAIL  %s (exit %d)\n' "$name" "$rc"
		grep -v '^SKIP' "$log" | tail -n "${TAIL:-60}" | sed 's/^/        /'
	else
		printf '  TEST  %s: %d\n' "$name" "$ok"
	fi
done
echo "$passed passed, $failed failed"
((failed == 0))
