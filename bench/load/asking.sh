# shellcheck shell=bash
# How questions are asked: by names bench, or by dnsperf. Sourced by run.sh.

# ask asks until $2 seconds are over, or each question once if that is "once",
# as fast as it goes, or $3 questions a second. It leaves what the generator
# says in $1 and sets answered, lost, qps, errors and, at a rate, p50, p99 and
# p999.
ask() { "ask_with_$generator" "$@"; }

# bench_command sets the array command to names bench, with the arguments of ask.
bench_command() {
	command=(taskset -c "$asking_core" "$out/generator" bench @127.0.0.1 -p "$port" -d "$queries" --json --timeout 2s --clients "$clients")
	if [ "$1" = once ]; then command+=(--runs 1 --time 600s); else command+=(--time "$1s"); fi
	if [ -n "${2:-}" ]; then command+=(--rate "$2"); else command+=(--window "$window"); fi
	[ "$transport" = udp ] || command+=(--tcp --per-connection "$per_connection")
	[ -z "$do_bit" ] || command+=(--do)
}

ask_with_names() {
	local command
	bench_command "$2" "${3:-}"
	"${command[@]}" >"$1" 2>"$1.errors" || true # that nothing was answered shows below
	read_report "$1"
}

# read_report sets what ask sets from the report in $1, and counts those where
# one query in a hundred was sent more than 5 ms late.
late_reports=0
read_report() {
	answered=$(field answered "$1") lost=$(field lost "$1") qps=$(field qps "$1")
	p50=$(field p50 "$1") p99=$(field p99 "$1") p999=$(field p99.9 "$1")
	errors=$(awk -F'[":, ]+' '
		/"rcodes"/ { inside = 1; next }
		inside && /}/ { inside = 0 }
		inside && $2 != "NOERROR" && $2 != "NXDOMAIN" { bad += $3 }
		$2 == "unexpected" { bad += $3 }
		END { print bad + 0 }' "$1")
	if awk -F'[":, ]+' '/"late_us"/ { inside = 1 } inside && $2 == "p99" { late = $3 } END { exit !(late > 5000) }' "$1"; then
		late_reports=$((late_reports + 1))
	fi
}

# field prints a number of the report $2, cut to a whole one.
field() {
	awk -F'[":, ]+' -v name="$1" '$2 == name { printf "%d", $3; found = 1; exit } END { if (!found) print 0 }' "$2"
}

ask_with_dnsperf() {
	local log=$1 command=(taskset -c "$asking_core" dnsperf -s 127.0.0.1 -p "$port" -d "$queries" -T 1 -t 2 -q $((clients * window)) -c "$clients")
	if [ "$2" = once ]; then command+=(-n 1 -l 600); else command+=(-l "$2"); fi
	[ -z "${3:-}" ] || command+=(-v -Q "$3")
	[ "$transport" = udp ] || command+=(-m tcp -O "num-queries-per-conn=$per_connection")
	[ -z "$do_bit" ] || command+=(-D)
	"${command[@]}" >"$log" 2>&1
	answered=$(awk '/Queries completed:/ { print $3 }' "$log")
	lost=$(awk '/Queries lost:/ { print $3 }' "$log")
	qps=$(awk '/Queries per second:/ { printf "%d", $4 }' "$log")
	errors=$(awk -F: '/Response codes:/ {
		n = split($2, code, ","); bad = 0
		for (i = 1; i <= n; i++) { split(code[i], word, " "); if (word[1] != "NOERROR" && word[1] != "NXDOMAIN") bad += word[2] }
		print bad + 0 }' "$log")
	if [ -n "${3:-}" ]; then
		read -r p50 p99 p999 <<<"$(latencies "$log")"
		sed -i '/^> /d' "$log" # a line for each question
	fi
}

# latencies prints three quantiles in microseconds, of what dnsperf -v said
# about each question.
latencies() {
	awk '
		/^> / && $2 != "T" { n++; us = int($NF * 1000000); count[us]++; if (us > most) most = us }
		END {
			split("0.5 0.99 0.999", quantile, " ")
			for (us = 0; us <= most && q < 3; us++)
				for (below += count[us]; q < 3 && below >= quantile[q + 1] * n; q++) printf "%d ", us
			for (; q < 3; q++) printf "0 "
		}' "$1"
}

# warm makes it the same for the first server as for the last: the questions are
# in the file cache, the server's memory has been touched, and a cache has the
# answer to each.
warm() {
	if [ "$1" = cache ] && [ "$2" != floor ]; then
		local all=$queries many=$window
		[ -s "$queries.once" ] || sort -u "$queries" >"$queries.once"
		queries=$queries.once window=5
		for _ in 1 2; do ask "$3" once; done
		queries=$all window=$many
		[ "$errors" = 0 ] && [ "$lost" = 0 ] || complain "the cache is not quite warm: see $3"
	elif [ "$1" != mix ]; then
		ask "$3" 1
	fi
}
