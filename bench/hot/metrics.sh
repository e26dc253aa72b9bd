#!/usr/bin/env bash
# What counting costs a query over UDP: this checkout next to a copy of it whose
# listener counts nothing that has a label and does not look at the clock.
#
#   metrics.sh [-c] [-r ROUNDS] [-t SECONDS]    (12 rounds of 3 seconds for each, in both orders)
#     -c: processor time only
#
# First instructions (instructions.sh, if valgrind is installed), which nothing else on
# the machine changes. Then processor time: both serve a zone of 1,000 names on the first
# core, and are asked in turn from the second, as fast as they answer. Of the rounds the
# median and the least are printed: what else the machine does only adds.
set -euo pipefail
rounds=12 seconds=3
cpu_only=
while getopts cr:t: option; do
	case $option in
	c) cpu_only=1 ;; r) rounds=$OPTARG ;; t) seconds=$OPTARG ;;
	*) exit 2 ;;
	esac
done
here=$(cd "$(dirname "$0")/../.." && pwd)
port=${PORT:-10880}
dir=$(mktemp -d /tmp/names-metrics.XXXXXX)
running=()
trap '[ ${#running[@]} = 0 ] || kill "${running[@]}" 2>/dev/null || true; wait; rm -rf "$dir"' EXIT

mkdir "$dir/without"
(cd "$here" && git ls-files -z | tar --null -T - -c) | tar -x -C "$dir/without"
sed -i -E '/^func \(t \*counts\) (received|replied|timed)\(.*\{$/s/$/ return/; s/ return$/\n\treturn/' "$dir/without/listener/breakdown.go"
sed -i 's/began := monotonic()/began := int64(0)/; s/timed(time.Duration(monotonic() - began))/timed(time.Duration(began))/' "$dir/without/listener/worker.go" "$dir/without/listener/edge.go"
[ "$(grep -c '^	return$' "$dir/without/listener/breakdown.go")" -ge 3 ] && ! grep -q monotonic "$dir/without/listener/worker.go" ||
	{ echo "metrics.sh: the listener has changed: nothing is taken out" >&2; exit 1; }

if [ -z "$cpu_only" ] && command -v valgrind >/dev/null; then
	"$here/bench/hot/instructions.sh" "$dir/without" 'listener +(Edge|Worker)' | sed 's/| base | new |/| without | with |/'
fi

for which in with without; do
	source=$here
	[ $which = with ] || source=$dir/without
	(cd "$source" && go build -trimpath -o "$dir/names-$which" ./cmd/names)
done
(cd "$here/bench" && go run ./load/zonegen -zone "$dir/zone" -queries "$dir/questions")
declare -A server at
for which in with without; do
	at[$which]=$port
	taskset -c 0 "$dir/names-$which" serve -i 127.0.0.1 -p "$port" --workers 1 --rate-limit 0 --rate-limit-in-all 0 --bindzone "load.test=$dir/zone" 2>"$dir/log-$which" &
	server[$which]=$!
	running+=("$!")
	port=$((port + 1))
	until dig +short +tries=1 +time=1 @127.0.0.1 -p "${at[$which]}" load.test SOA | grep -q .; do
		kill -0 "${server[$which]}" || { cat "$dir/log-$which"; exit 1; }
	done
done
# used prints how many nanoseconds of processor time a process has used in all.
used() { cat "/proc/$1"/task/*/schedstat | awk '{ sum += $1 } END { printf "%.0f", sum }'; }
ask() { # WHICH: microseconds an answer
	local before after answered
	before=$(used "${server[$1]}")
	answered=$(taskset -c 1 "$dir/names-with" bench --port "${at[$1]}" --queries "$dir/questions" --time "${seconds}s" --json @127.0.0.1 | sed -n 's/.*"answered": *\([0-9]*\).*/\1/p')
	after=$(used "${server[$1]}")
	awk -v ns=$((after - before)) -v n="$answered" 'BEGIN { printf "%.4f\n", ns / n / 1000 }'
}
for _ in $(seq "$rounds"); do
	for which in with without; do ask $which >>"$dir/us-$which"; done
	for which in without with; do ask $which >>"$dir/us-$which"; done
done
echo
echo "| CPU µs an answer, $((2 * rounds)) rounds each | without | with | |"
echo "|---|---|---|---|"
row() {
	local with without
	with=$(sort -n "$dir/us-with" | sed -n "$2p") without=$(sort -n "$dir/us-without" | sed -n "$2p")
	awk -v name="$1" -v a="$without" -v b="$with" 'BEGIN { printf "| %s | %.3f | %.3f | %+.1f %% |\n", name, a, b, 100 * (b - a) / a }'
}
row least 1
row "lower quartile" $((rounds / 2 + 1))
row median "$rounds"
