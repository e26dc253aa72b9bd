#!/usr/bin/env bash
# Benchmarks the functions that every query goes through, and those that read
# zones, and compares with what was saved before.
#
#   run.sh base   save what is measured now as the base
#   run.sh        compare what is measured now with the base, if there is one
#   run.sh -a DIR compare with another checkout, DIR, that is measured alternately
#
# Rounds go through all packages, so that what else the machine does hits every
# benchmark alike. Half a minute a round.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
benchstat=golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da

# hot lists module, package and which of its benchmarks.
hot() {
	cat <<-TABLE
	bench codec              Query/wire|Read/./wire|Write/./wire
	.     wire               RdataText
	.     authority          Answer|AnswerMillion|BatchMillion|Referral|NameErrorNSEC|Edit
	.     authority/zonefile Scan|Read\$
	.     cache              Hit\$|HitLarge|Batch\$|Miss|Put|FindPart|FindDelegation
	.     listener           Edge|Worker
	.     recursor           LocalNamesPass|Scrub\$
	.     recursor/upstream  Compose|Match
	.     cmd/internal/serve Observation
	TABLE
}

usage() {
	cat <<-TEXT
	usage: run.sh [-r ROUNDS] [-t TIME] [-o DIR] [-a CHECKOUT | base]
	  -r  how many rounds (default 6: fewer tell little)
	  -t  how long each benchmark runs in each round (default 0.2s)
	  -a  a checkout of another commit: its benchmarks are the base, and run alternately
	      with those of this one, so that a machine that slows down slows both
	  -o  where base.txt and new.txt are (default: build/bench)
	TEXT
}

rounds=6 time=0.2s out=$root/build/bench another=
while getopts "r:t:o:a:h" option; do
	case $option in
	r) rounds=$OPTARG ;;
	t) time=$OPTARG ;;
	o) out=$OPTARG ;;
	a) another=$(cd "$OPTARG" && pwd) ;;
	h) usage; exit 0 ;;
	*) usage >&2; exit 2 ;;
	esac
done
shift $((OPTIND - 1))
case "$*" in
"") result=new.txt ;;
base) result=base.txt ;;
*) usage >&2; exit 2 ;;
esac
[ -z "$another" ] || [ $result = new.txt ] || { usage >&2; exit 2; }
mkdir -p "$out"
out=$(cd "$out" && pwd)

# compile CHECKOUT SUFFIX makes the test binaries of the packages that it has.
compile() {
	hot | while read -r module package _; do
		[ ! -d "$1/$module/$package" ] || (cd "$1/$module" && go test -c -o "$out/${package//\//-}.$2" "./$package")
	done
}

# measure CHECKOUT SUFFIX MODULE PACKAGE PATTERN adds a round of a package to what
# was measured of the checkout.
measure() {
	local binary=$out/${4//\//-}.$2
	[ -x "$binary" ] || return 0
	(cd "$1/$3/$4" && "$binary" -test.run '^$' -test.bench "$5" -test.benchtime "$time" -test.benchmem </dev/null >>"$out/part.$2")
}

rm -f "$out"/*.test "$out"/*.other
compile "$root" test
[ -z "$another" ] || compile "$another" other
: >"$out/part.test"
: >"$out/part.other"
for round in $(seq "$rounds"); do
	echo "round $round of $rounds" >&2
	hot | while read -r module package pattern; do
		[ -z "$another" ] || measure "$another" other "$module" "$package" "$pattern"
		measure "$root" test "$module" "$package" "$pattern"
	done
done
mv "$out/part.test" "$out/$result"
if [ -n "$another" ]; then mv "$out/part.other" "$out/base.txt"; else rm "$out/part.other"; fi

if [ $result = base.txt ]; then
	echo "saved as $out/base.txt; \"make bench\" compares with it"
elif [ -s "$out/base.txt" ]; then
	go run "$benchstat" -filter ".unit:(sec/op OR allocs/op)" "base=$out/base.txt" "new=$out/new.txt"
else
	go run "$benchstat" -filter ".unit:(sec/op OR allocs/op)" "$out/new.txt"
	echo "there is no base to compare with; \"make bench-base\" saves one"
fi
