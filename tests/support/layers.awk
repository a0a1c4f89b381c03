# SPDX-License-Identifier: MIT
# Who may include whom: the first file is src/LAYERS, the others are sources and
# headers. Prints each include that the table does not allow, and exits 1.
FNR == 1 { n = split(FILENAME, part, "/"); layer = part[2] }
FILENAME ~ /LAYERS$/ {
	if ($0 !~ /^#/ && NF >= 2)
		for (i = 3; i <= NF; i++)
			may[$1, $i] = 1
	next
}
/^#[ \t]*include[ \t]*"/ {
	split($2, inc, "\"")
	split(inc[2], dir, "/")
	if (inc[2] ~ /\// && dir[1] != layer && !((layer, dir[1]) in may) && inc[2] != "main/version.h") {
		printf "%s:%d: %s/ may not include %s/\n", FILENAME, FNR, layer, dir[1]
		bad = 1
	}
}
END { exit bad }
