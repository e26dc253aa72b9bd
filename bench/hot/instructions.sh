#!/usr/bin/env bash
# Counts the instructions of the benchmarks that every query goes through, in this
# checkout and in another: what else the machine does changes none of them.
#
#   instructions.sh CHECKOUT [PATTERN]   only the benchmarks whose line below matches
#
# Each benchmark runs N and 2N times under callgrind, without the collector: the
# difference is what N cost, without what comes before. Valgrind does not bear all
# that Go's runtime does with signals: they are switched off as far as that goes, and a
# run that breaks is tried again.
set -euo pipefail

here=$(cd "$(dirname "$0")/../.." && pwd)
another=$(cd "${1:?usage: instructions.sh CHECKOUT [PATTERN]}" && pwd)
pattern=${2:-.}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export GOMAXPROCS=1 GOGC=off GODEBUG=asyncpreemptoff=1

# hot lists module, package, a benchmark, N, and how many queries it answers at once.
hot() {
	cat <<-TABLE
	bench codec             Query/wire                                   50000  1
	bench codec             Read/mx/wire                                 20000  1
	bench codec             Read/referral/wire                           20000  1
	bench codec             Write/mx/wire                                20000  1
	bench codec             Write/referral/wire                          20000  1
	.     authority         Answer\$/host500.example.com._A\$            20000  1
	.     authority         Answer\$/host500.example.com._TXT            20000  1
	.     authority         Answer\$/nothing.example.com._A              20000  1
	.     authority         Answer\$/^www.example.com._A                 20000  1
	.     authority         Answer\$/^example.com._MX                    20000  1
	.     authority         Answer\$/www.sub.example.com._A              20000  1
	.     authority         NameErrorNSEC                                20000  1
	.     cache             Hit\$                                        20000  1
	.     cache             HitLarge                                     20000  1
	.     cache             Miss                                         20000  1
	.     listener          Edge/plain                                   50000  1
	.     listener          Edge/edns                                    50000  1
	.     listener          Worker                                       1000   64
	.     recursor          LocalNamesPass                               50000  1
	.     recursor/upstream Compose                                      50000  1
	.     recursor/upstream Match                                        50000  1
	TABLE
}

# total BINARY BENCHMARK N prints how many instructions a run takes.
total() {
	for _ in $(seq 20); do
		if valgrind --tool=callgrind --callgrind-out-file="$dir/out" "$1" -test.run '^$' -test.bench "$2" -test.benchtime "$3x" </dev/null >"$dir/log" 2>&1 && grep -q '^PASS' "$dir/log" && grep -q '^Benchmark' "$dir/log"; then
			awk '/^(summary|totals):/ { print $2; exit }' "$dir/out"
			return
		fi
	done
	echo "no run of $2 came to its end" >&2
	return 1
}

# each CHECKOUT MODULE PACKAGE BENCHMARK N QUERIES prints instructions a query.
each() {
	local binary=$dir/${1//\//-}-${3//\//-}.test once twice
	[ -x "$binary" ] || (cd "$1/$2" && go test -c -o "$binary" "./$3")
	cd "$1/$2/$3"
	once=$(total "$binary" "$4" "$5") || return
	twice=$(total "$binary" "$4" $((2 * $5))) || return
	awk -v a="$once" -v b="$twice" -v n="$5" -v q="$6" 'BEGIN { printf "%.0f", (b - a) / n / q }'
}

echo "| instructions a query | base | new | |"
echo "|---|---|---|---|"
hot | grep -E "$pattern" | while read -r module package benchmark n queries; do
	old=$(each "$another" "$module" "$package" "$benchmark" "$n" "$queries") || continue
	new=$(each "$here" "$module" "$package" "$benchmark" "$n" "$queries") || continue
	awk -v name="$package ${benchmark//\\$/}" -v a="$old" -v b="$new" 'BEGIN { gsub(/[$^\\]/, "", name); printf "| %s | %d | %d | %+.1f %% |\n", name, a, b, 100 * (b - a) / a }'
done
