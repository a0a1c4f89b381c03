#!/bin/bash
# SPDX-License-Identifier: MIT
# check.sh: every step of `make check`, each one or more make targets, a log a step under
# build/check; the last line sums them up. All steps are run, whatever the earlier ones said.
set -u

steps='
build          all
layers         check-layers
unit           unit SAN=address,undefined
replay         replay SAN=address,undefined
mount          mount SAN=address,undefined
threads        unit mount SAN=thread
real           real
docs           docs
nofuse         all NOFUSE=1
clang          all CC=clang
tidy           tidy
'
mkdir -p build/check
passed=0 failed=0
while read -r name targets; do
	[ -n "$name" ] || continue
	log=build/check/$name.log
	start=$SECONDS
	# shellcheck disable=SC2086 # make and its words
	nice ${MAKE:-make} --no-print-directory -j"$(nproc)" $targets >"$log" 2>&1 </dev/null
	rc=$?
	read -r ok bad < <(awk -f tests/support/tally.awk "$log")
	if ((ok + bad == 0 && rc == 0)); then
		ok=1
	fi
	((rc != 0 && bad == 0)) && bad=1
	((passed += ok, failed += bad))
	grep -h '^SKIP' "$log"
	printf '%-8s %6d passed %4d failed %5d s\n' "$name" "$ok" "$bad" $((SECONDS - start))
	((bad == 0)) || { grep -v '^  \(CC\|AR\|LINK\|TEST\)' "$log" | tail -n 80; }
done <<<"$steps"
echo "$passed passed, $failed failed"
((failed == 0))
