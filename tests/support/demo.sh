#!/bin/bash
# SPDX-License-Identifier: MIT
# demo.sh DCMFS MOUNTPOINT [SOURCE]: mounts SOURCE, or the DICOM files that python3-pydicom brings,
# shows what is there, and leaves it mounted.
set -u

dcmfs=$1 mnt=$2 src=${3:-}
if [ -z "$src" ]; then
	src=$(dpkg -L python3-pydicom 2>/dev/null | grep '/data/test_files$')
	[ -n "$src" ] || { echo "run: name a folder of DICOM files: make run SRC=DIR" >&2; exit 1; }
fi
if mountpoint -q "$mnt"; then
	fusermount3 -u "$mnt" || exit 1
fi
mkdir -p "$mnt" || exit 1
"$dcmfs" "$src" "$mnt" || exit 1
mountpoint -q "$mnt" || { echo "run: $mnt is not mounted" >&2; exit 1; }

title()
{
	printf '\n$ %s\n' "$*"
}

# The first file of a kind that is not tiny: those are the pathological ones of a test suite.
first()
{
	find "$mnt/$1" -type f -name "$2" -size "${3:-+0}" 2>/dev/null | sort | head -n 1
}

title "ls $mnt"
ls "$mnt"
title "find $mnt/nii | head -n 20"
find "$mnt/nii" 2>/dev/null | sort | head -n 20
printf '… %d files in all views\n' "$(find "$mnt" -path "$mnt/by" -prune -o -type f -print | wc -l)"

txt=$(first headers '[0-9]*.txt' +2k)
if [ -n "$txt" ]; then
	title "grep -v UI '$txt' | head -n 12"
	grep -v ' UI ' "$txt" | cut -c -110 | head -n 12
fi
nii=$(first nii '*.nii' +16k)
if [ -n "$nii" ]; then
	title "head -c 348 '$nii'   # size, dim[8], datatype, bitpix, pixdim[8]"
	od -A d -t d4 -j 0 -N 4 "$nii"
	od -A d -t d2 -j 40 -N 16 "$nii"
	od -A d -t d2 -j 70 -N 4 "$nii"
	od -A d -w32 -t f4 -j 76 -N 32 "$nii"
fi
cat <<END

$src is mounted at $mnt. To unmount it:  fusermount3 -u $mnt
END
