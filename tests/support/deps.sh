#!/bin/bash
# SPDX-License-Identifier: MIT
# deps.sh NEEDED... -- WISHED...: Debian packages, installed where they are missing. Without those
# that are needed this fails; without the others it goes on, and what uses them is skipped.
set -u

missing()
{
	local p
	for p; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || echo "$p"
	done
}

# All of them, or none: apt-get installs nothing where one name is unknown.
install_debs()
{
	local sudo=()
	(($#)) || return 0
	[ "$(id -u)" = 0 ] || sudo=(sudo -n)
	"${sudo[@]}" true 2>/dev/null || return 1
	echo "  DEPS  $*"
	"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "$@"
}

refresh_lists()
{
	if [ "$(id -u)" = 0 ]; then apt-get update -q; else sudo -n apt-get update -q; fi
}

needed=() wished=() dashes=
for p; do
	if [ "$p" = -- ]; then
		dashes=1
	elif [ -z "$dashes" ]; then
		needed+=("$p")
	else
		wished+=("$p")
	fi
done
if ! command -v dpkg-query >/dev/null; then
	echo "deps: not a Debian system; its names for what is needed: ${needed[*]}" >&2
	exit 0
fi
mapfile -t lack < <(missing "${needed[@]}" "${wished[@]}")
((${#lack[@]})) || exit 0

mkdir -p build
if ! install_debs "${lack[@]}" </dev/null 2>build/deps.log >>build/deps.log; then
	refresh_lists </dev/null >>build/deps.log 2>&1
	mapfile -t lack < <(missing "${needed[@]}")
	install_debs "${lack[@]}" </dev/null >>build/deps.log 2>&1
	for p in $(missing "${wished[@]}"); do
		install_debs "$p" </dev/null >>build/deps.log 2>&1
	done
fi
mapfile -t lack < <(missing "${wished[@]}")
((${#lack[@]} == 0)) || echo "SKIP  what needs them; to have it: apt-get install ${lack[*]}" >&2
mapfile -t lack < <(missing "${needed[@]}")
((${#lack[@]} == 0)) || { echo "deps: needed: apt-get install ${lack[*]}" >&2; exit 1; }
