# SPDX-License-Identifier: MIT
# Adds up what tests print: Criterion's synthesis, or lines of `N passed, N failed`.
{ gsub(/\033\[[0-9;]*m/, "") }
/Synthesis: Tested: / {
	n = split($0, part, "|")
	for (i = 1; i <= n; i++) {
		num = part[i]
		sub(/.*: */, "", num)
		if (part[i] ~ /Passing/)
			ok += num
		else if (part[i] ~ /Failing|Crashing/)
			bad += num
	}
}
/^[0-9]+ passed, [0-9]+ failed$/ {
	ok += $1
	bad += $3
}
END { print ok + 0, bad + 0 }
