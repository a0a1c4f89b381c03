#!/bin/bash
# SPDX-License-Identifier: MIT
# docs.sh: what `dcmfs --help` offers is in the man page and in the README, and they offer nothing
# else; the man page is well formed.
set -u

passed=0 failed=0
verdict()
{
	if [ "$1" = 0 ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAIL  $2"
	fi
}

# Options, one a line: -x, --long, and NAME or NAME= of -o.
of_help()
{
	"$DCMFS" --help 2>/dev/null | awk '
		$1 == "-o" { sub(/[][ =,].*/, "", $2); print "-o " $2; next }
		{ for (i = 1; i <= NF && $i ~ /^-/; i++) { sub(/[,=].*/, "", $i); print $i } }' | sort -u
}

if ! [ -f man/dcmfs.1 ] || ! "$DCMFS" --help 2>/dev/null | grep -q -- --ls; then
	echo "SKIP  docs: no --help or no man page yet"
	exit 0
fi
man=$(sed 's/\\-/-/g; s/\\&//g' man/dcmfs.1)
while read -r kind name; do
	case $kind in
	-o)
		grep -qE "^\.It Fl o Cm $name\b|^\.It Cm $name\b" <<<"$man"
		verdict $? "man/dcmfs.1 does not explain -o $name"
		grep -qE "\`(-o )?${name}[=\`]" README.md
		verdict $? "README.md does not have -o $name"
		;;
	*)
		grep -qE "^\.It Fl ${kind#-}\b" <<<"$man"
		verdict $? "man/dcmfs.1 does not explain $kind"
		grep -qE -- "\`[^\`]*$kind\b" README.md
		verdict $? "README.md does not have $kind"
		;;
	esac
done < <(of_help)
while read -r name; do
	of_help | grep -qx -- "-o $name"
	verdict $? "man/dcmfs.1 explains -o $name, --help does not"
done < <(sed -nE 's/^\.It (Fl o )?Cm ([a-z_]+).*/\2/p' <<<"$man")

if command -v mandoc >/dev/null; then
	mandoc -T lint -W warning man/dcmfs.1
	verdict $? "mandoc has warnings"
else
	echo "SKIP  docs: no mandoc"
fi
echo "$passed passed, $failed failed"
[ $failed = 0 ]
