#!/usr/bin/env bash
# Loads names and its peers one after the other and prints what each cost.
#
# For each workload it starts the servers in turn (A B C A B C), pinned to the
# first core, asks them as fast as dnsperf on the second core can, then at half
# that speed, and reads from /proc what the server used. Workloads:
#
#   N         authority for a zone of N names (zonegen says what is in it)
#   zones     authority for 10,000 zones of 20 names
#   root      authority for the root zone, from -z: every tenth name has no TLD
#   tcp-N     as 1000, over TCP, N questions in each connection, 20 at once:
#             names accepts 100 from a client, and for a moment those that
#             dnsperf has closed count too
#   cache     resolver: 20,000 names, each question asked before, so that every
#             answer is in the cache; a server on the second core has the zone
#   mix       resolver: the same 300,000 questions for each server, about
#             1,000,000 names of which few are asked for often (Zipf, 1.1);
#             half speed is the same questions once more
#
# The floor is a program that sends the questions back and does nothing else. A
# row of results.tsv is:
#
# workload server round
# load_s        seconds from the start to the first answer
# load_cpu_s    processor time spent until then, which says more on a busy machine
# qps           answers a second at full speed
# cpu_us        microseconds of user and system time of all the server's processes, per answer
# half_cpu_us   the same at half speed
# p50_us p99_us p999_us  latency at half speed, as dnsperf measured it
# rss_mib       memory before the load: the sum of the processes' proportional shares
# grown_mib     how much it grew under load
# lost          questions without an answer at full speed; lost_at_half: at half of it
# errors        answers with another RCODE than NOERROR and NXDOMAIN
#
# The load of a resolver begins when its cache is warm.
set -euo pipefail
shopt -s nullglob

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=process.sh
. "$here/process.sh"
# shellcheck source=servers.sh
. "$here/servers.sh"

usage() {
	cat <<-TEXT
	usage: run.sh [-q] [-d SECONDS] [-r ROUNDS] [-w "WORKLOADS..."] [-s "SERVERS..."]
	              [-b NAMES_BINARY] [-c COREDNS_BINARY] [-z ROOT_ZONE] [-o DIR]
	  -q  quick: 5 seconds, one round
	  -d  how long each server is asked at each speed (default 30)
	  -r  how many rounds through the servers (default 2)
	  -w  what to load them with (default "1000 1000000"): sizes of a zone in
	      names, zones, root, tcp-1, tcp-10, tcp-100, cache, mix
	  -s  which servers (default: all that are installed), of
	      $authorities
	      and, for cache and mix, of
	      $resolvers
	  -b  the binary of names (default: built from this checkout)
	  -c  the binary of CoreDNS (default: coredns, where it is installed)
	  -z  the root zone as a master file, perhaps compressed with gzip
	  -o  where zones, logs and results.tsv go (default: a new directory in /tmp)
	TEXT
}

seconds=30 rounds=2 workloads="1000 1000000" wanted="" binary="" coredns=coredns root_zone="" out=""
while getopts "qd:r:w:s:b:c:z:o:h" option; do
	case $option in
	q) seconds=5 rounds=1 ;;
	d) seconds=$OPTARG ;;
	r) rounds=$OPTARG ;;
	w) workloads=$OPTARG ;;
	s) wanted=$OPTARG ;;
	b) binary=$(realpath "$OPTARG") ;;
	c) coredns=$(realpath "$OPTARG") ;;
	z) root_zone=$(realpath "$OPTARG") ;;
	o) out=$OPTARG ;;
	h) usage; exit 0 ;;
	*) usage >&2; exit 2 ;;
	esac
done
shift $((OPTIND - 1))

complain() { echo "run.sh: $*" >&2; }
wrong() { complain "$*"; exit 2; }

[ $# -eq 0 ] || wrong "$1: there are no arguments but options"
for server in $wanted; do
	[[ " $authorities $resolvers " == *" $server "* ]] || wrong "there is no server $server"
done
for workload in $workloads; do
	case $workload in
	zones | cache | mix | tcp-1 | tcp-10 | tcp-100) ;;
	root) [ -n "$root_zone" ] || wrong "the workload root wants -z" ;;
	*[!0-9]* | "") wrong "there is no workload $workload" ;;
	esac
done
PATH=$PATH:/usr/sbin
for program in dnsperf dig taskset go; do
	command -v "$program" >/dev/null || { complain "$program is not installed"; exit 1; }
done

out=${out:-$(mktemp -d /tmp/names-load.XXXXXX)}
mkdir -p "$out"
out=$(realpath "$out")
if [ -z "$binary" ]; then
	binary=$out/names
	(cd "$here/../.." && go build -o "$binary" ./cmd/names)
fi
(cd "$here" && go build -o "$out/zonegen" ./zonegen && go build -o "$out/floor" ./floor)

server_core=0 asking_core=1
if [ "$(nproc)" -lt 2 ]; then
	complain "one core only: server and dnsperf share it, and the figures say little"
	asking_core=0
fi
port=$((20000 + RANDOM % 10000))
upstream=$((port + 1))
trap stop_all EXIT

# prepare makes what a workload needs, unless it is there from an earlier one,
# and sets kind, origins, files, queries, transport and limit.
prepare() {
	local name=$1 generate=()
	kind=authority transport=(-c 4) limit=(-l "$seconds") origins=(load.test.)
	case $1 in
	tcp-*)
		name=1000
		generate=(-names 1000)
		transport=(-m tcp -c 20 -O "num-queries-per-conn=${1#tcp-}")
		;;
	zones)
		generate=(-zones 10000 -names 20)
		;;
	root)
		origins=(.)
		;;
	cache)
		kind=resolver origins=(load.bench.)
		generate=(-names 20000 -flat -origin load.bench.)
		;;
	mix)
		kind=resolver origins=(load.bench.) limit=(-n 1 -l 600)
		generate=(-names 1000000 -flat -origin load.bench. -zipf 1.1 -count 300000)
		;;
	*)
		generate=(-names "$1")
		;;
	esac
	files=("$out/$name.zone")
	queries=$out/$name.queries
	if [ ! -s "$queries" ]; then
		if [ "$1" = root ]; then
			prepare_root
		else
			[ "$1" != zones ] || mkdir -p "${files[0]}"
			"$out/zonegen" "${generate[@]}" -zone "${files[0]}" -queries "$queries"
		fi
	fi
	if [ "$1" = zones ]; then
		files=("$out/$name.zone"/*)
		origins=("${files[@]##*/}")
		origins=("${origins[@]/%/.}")
	fi
}

# prepare_root asks for a host below each TLD in turn, and for TLDs that are
# not there. As it comes from a transfer, the file may end with the SOA record
# once more, which NSD refuses.
prepare_root() {
	gzip -cdf "$root_zone" | awk '!(toupper($4) == "SOA" && soa++)' >"${files[0]}"
	awk -v count=100000 '
		toupper($4) == "NS" && $1 != "." && !($1 in seen) { seen[$1]; tld[n++] = $1 }
		END { for (i = 0; i < count; i++) print i % 10 == 9 ? "host.no-tld-" i ". A" : "www.example." tld[i * 7919 % n] " A" }
	' "${files[0]}" >"$queries"
}

now() { date +%s.%N; }
calculate() { awk "BEGIN { printf \"$1\", $2 }"; }

# await waits for an answer from port $2; it fails when the server that $1
# leads has ended, and after three minutes.
await() {
	local begun
	begun=$(now)
	until taskset -c "$asking_core" dig -r +nocookie @127.0.0.1 -p "$2" "${origins[0]}" SOA +tries=1 +time=1 2>/dev/null | grep -q "status: NOERROR"; do
		if ! kill -0 "$1" 2>/dev/null || [ "$(calculate %d "$(now) - $begun")" -gt 180 ]; then
			return 1
		fi
		sleep 0.01
	done
}

# ask runs dnsperf and sets answered, lost, qps, errors.
ask() {
	local log=$1
	shift
	taskset -c "$asking_core" dnsperf -s 127.0.0.1 -p "$port" -d "$queries" -T 1 -t 2 "${transport[@]}" "$@" >"$log" 2>&1
	answered=$(awk '/Queries completed:/ { print $3 }' "$log")
	lost=$(awk '/Queries lost:/ { print $3 }' "$log")
	qps=$(awk '/Queries per second:/ { printf "%d", $4 }' "$log")
	errors=$(awk -F: '/Response codes:/ {
		n = split($2, code, ","); bad = 0
		for (i = 1; i <= n; i++) { split(code[i], word, " "); if (word[1] != "NOERROR" && word[1] != "NXDOMAIN") bad += word[2] }
		print bad + 0 }' "$log")
}

# latencies prints three quantiles in microseconds, of what dnsperf -v said
# about each question.
latencies() {
	awk '
		/^> / && $2 != "T" { n++; us = int($NF * 1000000); count[us]++; if (us > most) most = us }
		END {
			split("0.5 0.99 0.999", quantile, " ")
			for (us = 0; us <= most && q < 3; us++)
				for (below += count[us]; q < 3 && below >= quantile[q + 1] * n; q++) printf "%d\t", us
			for (; q < 3; q++) printf "0\t"
		}' "$1"
}

# warm asks each question until all have an answer in the cache.
warm() {
	local all=$queries
	sort -u "$queries" >"$queries.once"
	queries=$queries.once
	for _ in 1 2; do ask "$1" -n 1 -q 20; done
	queries=$all
	[ "$errors" = 0 ] && [ "$lost" = 0 ] || complain "the cache is not quite warm: see $1"
}

# per_answer is processor time in microseconds: ticks, answers.
per_answer() { calculate %.2f "$2 == 0 ? 0 : $1 * 1000000 / $(getconf CLK_TCK) / $2"; }

measure() {
	local workload=$1 server=$2 round=$3 dir=$out/$1/$2-$3
	mkdir -p "$dir"
	"${kind}_$server" "$dir" "$port"
	local begun loaded leader
	begun=$(now)
	start "$server_core" "$dir/printed.log"
	if ! await "$leader" "$port"; then
		complain "$server does not answer; see $dir/printed.log"
		failures=$((failures + 1))
		stop "$leader"
		return
	fi
	loaded=$(calculate %.2f "$(now) - $begun")
	local load_cpu
	load_cpu=$(calculate %.2f "$(cpu_ticks "$leader") / $(getconf CLK_TCK)")
	if [ "$workload" = cache ] && [ "$server" != floor ]; then warm "$dir/warm.log"; fi

	local memory ticks forwarded=0 full_used full_lost full_qps full_errors half_used quantiles grown
	memory=$(memory_kib "$leader")
	[ "$kind" = authority ] || forwarded=$(cpu_ticks "$upstream_leader")
	ticks=$(cpu_ticks "$leader")
	ask "$dir/full.log" "${limit[@]}"
	full_used=$(per_answer $(($(cpu_ticks "$leader") - ticks)) "$answered")
	full_lost=$lost full_qps=$qps full_errors=$errors
	if [ "$workload" = cache ] && [ $((($(cpu_ticks "$upstream_leader") - forwarded) * 50)) -gt $((seconds * $(getconf CLK_TCK))) ]; then
		complain "$server forwarded questions: not every answer was in its cache"
	fi

	ticks=$(cpu_ticks "$leader")
	ask "$dir/half.log" "${limit[@]}" -v -Q $((full_qps / 2 + 1))
	half_used=$(per_answer $(($(cpu_ticks "$leader") - ticks)) "$answered")
	grown=$(($(memory_kib "$leader") - memory))
	stop "$leader"
	quantiles=$(latencies "$dir/half.log")
	sed -i '/^> /d' "$dir/half.log" # a line for each question
	printf '%s\t' "$workload" "$server" "$round" "$loaded" "$load_cpu" "$full_qps" "$full_used" "$half_used" >>"$out/results.tsv"
	printf '%s\t%s\t%s\t%s\t%s\t%s\n' "${quantiles%$'\t'}" $((memory / 1024)) $((grown / 1024)) "$full_lost" "$lost" $((full_errors + errors)) >>"$out/results.tsv"
	tail -n 1 "$out/results.tsv"
}

# chosen lists the servers of a kind that are wanted and installed.
chosen() {
	local server of=$authorities
	[ "$1" = authority ] || of=$resolvers
	for server in ${wanted:-$of}; do
		[[ " $of " == *" $server "* ]] || continue
		if command -v "$(program_of "$server")" >/dev/null; then echo "$server"; else complain "without $server, not installed"; fi
	done
}

failures=0
printf '%s\t' workload server round load_s load_cpu_s qps cpu_us half_cpu_us p50_us p99_us p999_us rss_mib grown_mib lost lost_at_half >"$out/results.tsv"
echo errors >>"$out/results.tsv"
cat "$out/results.tsv"
for workload in $workloads; do
	prepare "$workload"
	servers=$(chosen "$kind")
	upstream_leader=""
	if [ "$kind" = resolver ]; then
		command=("$binary" serve -i 127.0.0.1 -p "$upstream" --workers 1 --bindzone "${origins[0]}=${files[0]}")
		start "$asking_core" "$out/upstream-$workload.log"
		upstream_leader=$leader
		await "$upstream_leader" "$upstream" || { complain "the server to forward to does not answer; see $out/upstream-$workload.log"; exit 1; }
	fi
	for round in $(seq "$rounds"); do
		for server in $servers; do measure "$workload" "$server" "$round"; done
	done
	[ -z "$upstream_leader" ] || stop "$upstream_leader"
done

awk -f "$here/table.awk" "$out/results.tsv"
echo "files are in $out"
[ "$failures" -eq 0 ] || { complain "$failures times a server did not answer"; exit 1; }
