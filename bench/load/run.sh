#!/usr/bin/env bash
# Loads names and its peers one after the other and prints what each cost.
#
# For each size of zone it starts the servers in turn (A B C A B C), pinned to
# the first core, asks them as fast as dnsperf on the second core can, then at
# half that speed, and reads from /proc what the server used. A row is:
#
#   size server round load_s load_cpu_s qps cpu_us rss_mib grown_mib lost lost_at_half errors
#
# load_s     seconds from the start to the first answer
# load_cpu_s processor time spent until then, which says more on a busy machine
# qps        answers a second at full speed
# cpu_us     microseconds of user and system time of all the server's processes, per answer
# rss_mib    memory after loading: the sum of the processes' proportional shares
# grown_mib  how much it grew under load
# lost       questions without an answer at full speed; lost_at_half: at half of it
# errors     answers with another RCODE than NOERROR and NXDOMAIN
set -euo pipefail
shopt -s nullglob

usage() {
	cat <<-TEXT
	usage: run.sh [-q] [-d SECONDS] [-r ROUNDS] [-n "NAMES..."] [-s "SERVERS..."] [-b NAMES_BINARY] [-o DIR]
	  -q  quick: 5 seconds, one round
	  -d  how long each server is asked at each speed (default 30)
	  -r  how many rounds through the servers (default 2)
	  -n  sizes of the zone in names (default "1000 1000000")
	  -s  which servers: names nsd knot named (default: all that are installed)
	  -b  the binary of names (default: built from this checkout)
	  -o  where zones, logs and results.tsv go (default: a new directory in /tmp)
	TEXT
}

here=$(cd "$(dirname "$0")" && pwd)
seconds=30 rounds=2 sizes="1000 1000000" servers="" binary="" out=""
while getopts "qd:r:n:s:b:o:h" option; do
	case $option in
	q) seconds=5 rounds=1 ;;
	d) seconds=$OPTARG ;;
	r) rounds=$OPTARG ;;
	n) sizes=$OPTARG ;;
	s) servers=$OPTARG ;;
	b) binary=$(realpath "$OPTARG") ;;
	o) out=$OPTARG ;;
	h) usage; exit 0 ;;
	*) usage >&2; exit 2 ;;
	esac
done
PATH=$PATH:/usr/sbin
for program in dnsperf dig taskset go; do
	command -v "$program" >/dev/null || { echo "run.sh: $program is not installed" >&2; exit 1; }
done
if [ -z "$servers" ]; then
	servers=names
	for pair in nsd:nsd knot:knotd named:named; do
		if command -v "${pair#*:}" >/dev/null; then servers+=" ${pair%:*}"; else echo "run.sh: without ${pair%:*}, not installed" >&2; fi
	done
fi
out=${out:-$(mktemp -d /tmp/names-load.XXXXXX)}
mkdir -p "$out"
out=$(realpath "$out")
if [ -z "$binary" ]; then
	binary=$out/names
	(cd "$here/../.." && go build -o "$binary" ./cmd/names)
fi
port=$((20000 + RANDOM % 10000))
server_core=0 asking_core=1
if [ "$(nproc)" -lt 2 ]; then
	echo "run.sh: one core only: server and dnsperf share it, and the figures say little" >&2
	asking_core=0
fi

leader=""
# stop_server ends the session that start_server began, and nothing else.
stop_server() {
	[ -n "$leader" ] || return 0
	local pids
	pids=$(session_pids)
	# shellcheck disable=SC2086
	[ -z "$pids" ] || kill $pids 2>/dev/null || true
	for _ in $(seq 100); do
		[ -n "$(session_pids)" ] || break
		sleep 0.1
	done
	pids=$(session_pids)
	# shellcheck disable=SC2086
	[ -z "$pids" ] || kill -9 $pids 2>/dev/null || true
	wait "$leader" 2>/dev/null || true
	leader=""
}
trap stop_server EXIT

# session_pids lists the processes of the server: its session, forks and all.
session_pids() {
	local stat line rest
	for stat in /proc/[0-9]*/stat; do
		{ read -r line <"$stat"; } 2>/dev/null || continue
		rest=${line##*) } # the name of a program may hold spaces
		# shellcheck disable=SC2086
		set -- $rest # state ppid pgrp session ...
		[ "$4" = "$leader" ] && [ "$1" != Z ] && echo "${line%% *}"
	done
	return 0
}

# cpu_ticks is the user and system time of the server, in clock ticks.
cpu_ticks() {
	local pid line total=0
	for pid in $(session_pids); do
		{ read -r line <"/proc/$pid/stat"; } 2>/dev/null || continue
		# shellcheck disable=SC2086
		set -- ${line##*) }
		total=$((total + ${12} + ${13}))
	done
	echo "$total"
}

# memory_kib is its memory: pages that processes share count once in all.
memory_kib() {
	local pid kib total=0
	for pid in $(session_pids); do
		kib=$(awk '/^Pss:/ { print $2 }' "/proc/$pid/smaps_rollup" 2>/dev/null || true)
		total=$((total + ${kib:-0}))
	done
	echo "$total"
}

# configure writes the configuration of a peer and sets the array command.
configure() {
	local server=$1 zone=$2 dir=$3
	case $server in
	names)
		command=("$binary" serve -i 127.0.0.1 -p "$port" --bindzone "load.test.=$zone")
		;;
	nsd)
		cat >"$dir/nsd.conf" <<-CONF
		server:
			ip-address: 127.0.0.1@$port
			server-count: 1
			username: ""
			zonesdir: "$dir"
			database: ""
			pidfile: "$dir/nsd.pid"
			xfrdfile: "$dir/xfrd.state"
			xfrdir: "$dir"
			zonelistfile: "$dir/zone.list"
			minimal-responses: yes
			rrl-ratelimit: 0
		remote-control:
			control-enable: no
		zone:
			name: "load.test."
			zonefile: "$zone"
		CONF
		command=(nsd -d -c "$dir/nsd.conf")
		;;
	knot)
		cat >"$dir/knot.conf" <<-CONF
		server:
		    rundir: "$dir"
		    listen: 127.0.0.1@$port
		    udp-workers: 1
		    tcp-workers: 1
		    background-workers: 1
		database:
		    storage: "$dir"
		template:
		  - id: default
		    zonefile-sync: -1
		    zonefile-load: whole
		    journal-content: none
		    semantic-checks: off
		zone:
		  - domain: load.test.
		    file: "$zone"
		CONF
		command=(knotd -c "$dir/knot.conf" -s "$dir/k.sock")
		;;
	named)
		cat >"$dir/named.conf" <<-CONF
		options {
			directory "$dir"; pid-file none; lock-file none; session-keyfile none;
			listen-on port $port { 127.0.0.1; }; listen-on-v6 { none; };
			recursion no; notify no; minimal-responses yes; empty-zones-enable no;
			dnssec-validation no; check-integrity no; check-names primary ignore;
			rrset-order { order none; };
		};
		controls { };
		zone "load.test." { type primary; file "$zone"; };
		CONF
		command=(named -g -n 1 -c "$dir/named.conf")
		;;
	*)
		echo "run.sh: there is no server $server" >&2
		exit 2
		;;
	esac
}

now() { date +%s.%N; }
calculate() { awk "BEGIN { printf \"$1\", $2 }"; }

# ask runs dnsperf and sets sent, answered, lost, qps, errors.
ask() {
	local queries=$1 log=$2
	shift 2
	taskset -c "$asking_core" dnsperf -s 127.0.0.1 -p "$port" -d "$queries" -c 4 -T 1 -l "$seconds" -t 2 "$@" >"$log" 2>&1
	answered=$(awk '/Queries completed:/ { print $3 }' "$log")
	lost=$(awk '/Queries lost:/ { print $3 }' "$log")
	qps=$(awk '/Queries per second:/ { printf "%d", $4 }' "$log")
	errors=$(awk -F: '/Response codes:/ {
		n = split($2, code, ","); bad = 0
		for (i = 1; i <= n; i++) { split(code[i], word, " "); if (word[1] != "NOERROR" && word[1] != "NXDOMAIN") bad += word[2] }
		print bad + 0 }' "$log")
}

measure() {
	local size=$1 server=$2 round=$3
	local dir=$out/$server-$size-$round
	mkdir -p "$dir"
	configure "$server" "$out/$size.zone" "$dir"
	local begun loaded
	begun=$(now)
	setsid taskset -c "$server_core" "${command[@]}" >"$dir/printed.log" 2>&1 &
	leader=$!
	until dig -r @127.0.0.1 -p "$port" load.test. SOA +tries=1 +time=1 2>/dev/null | grep -q "status: NOERROR"; do
		if ! kill -0 "$leader" 2>/dev/null || [ "$(calculate %d "$(now) - $begun")" -gt 300 ]; then
			echo "run.sh: $server does not answer; see $dir/printed.log" >&2
			exit 1
		fi
		sleep 0.01
	done
	loaded=$(calculate %.2f "$(now) - $begun")

	local memory ticks load_cpu used grown full_lost full_qps full_errors
	memory=$(memory_kib)
	ticks=$(cpu_ticks)
	load_cpu=$(calculate %.2f "$ticks / $(getconf CLK_TCK)")
	ask "$out/$size.queries" "$dir/full.log"
	ticks=$(($(cpu_ticks) - ticks))
	used=$(calculate %.2f "$ticks * 1000000 / $(getconf CLK_TCK) / $answered")
	grown=$(($(memory_kib) - memory))
	full_lost=$lost full_qps=$qps full_errors=$errors
	ask "$out/$size.queries" "$dir/half.log" -Q $((full_qps / 2))
	stop_server
	printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$size" "$server" "$round" "$loaded" "$load_cpu" "$full_qps" "$used" \
		$((memory / 1024)) $((grown / 1024)) "$full_lost" "$lost" $((full_errors + errors)) | tee -a "$out/results.tsv"
}

printf 'size\tserver\tround\tload_s\tload_cpu_s\tqps\tcpu_us\trss_mib\tgrown_mib\tlost\tlost_at_half\terrors\n' | tee "$out/results.tsv"
for size in $sizes; do
	[ -s "$out/$size.queries" ] || (cd "$here" && go run zonegen/main.go -names "$size" -zone "$out/$size.zone" -queries "$out/$size.queries")
	for round in $(seq "$rounds"); do
		for server in $servers; do
			measure "$size" "$server" "$round"
		done
	done
done

# The rounds in the mean, as a table for README.md.
awk -F'\t' '
	NR == 1 { print "\n| zone | server | load s | load CPU s | qps | CPU µs/answer | memory MiB | grown MiB | lost | lost at half speed | errors |"; print "|---|---|---|---|---|---|---|---|---|---|---|"; next }
	{ key = $1 FS $2; if (!(key in n)) order[++keys] = key; n[key]++; for (i = 4; i <= 12; i++) sum[key, i] += $i }
	END { for (k = 1; k <= keys; k++) { key = order[k]; split(key, part, FS); c = n[key]
		printf "| %d names | %s | %.2f | %.2f | %d | %.2f | %d | %d | %d | %d | %d |\n", part[1], part[2], sum[key, 4] / c, sum[key, 5] / c, sum[key, 6] / c, sum[key, 7] / c, sum[key, 8] / c, sum[key, 9] / c, sum[key, 10], sum[key, 11], sum[key, 12] } }
' "$out/results.tsv"
echo "files are in $out"
