#!/usr/bin/env bash
# Lets names and its peers resolve names from the root, each with nothing in its
# cache, and prints what that cost.
#
# The tree is served by three NSDs, for the root, 20 TLDs and 20,000 domains
# (treegen says how), in a network namespace of their own; a resolver and
# dnsperf are in another, so that every packet between the two is the
# resolver's. The resolvers take turns (A B C A B C), each pinned to the first
# core, all else to the second. Workloads:
#
#   cold      one question about each domain
#   signed    the same about 4,000 domains, all zones being signed, with validation
#   loss-N    one about each of -n domains, N % of the datagrams are lost, on the
#             way there and on the way back
#   slow      every server answers after 200 ms
#   dead      every zone has a name server more, which does not answer
#
# In cold there are 100 questions under way at all times, and latency is what
# that makes of the processor time. In bad weather questions come at a fixed
# rate, so that latency is what the weather makes of it.
#
# A row of results.tsv is:
#
# workload server round
# asked      questions
# answered   how many of them got an address
# failed     how many another answer: SERVFAIL
# lost       how many none in 10 seconds
# qps        answers a second
# cpu_us     microseconds of user and system time of all the server's processes, per question
# packets    packets that it sent to the servers, per question
# p50_ms p90_ms p99_ms   latency; of those that have no answer, 10 seconds and more
# rss_mib    memory afterwards
set -euo pipefail
shopt -s nullglob

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=../load/process.sh
. "$here/../load/process.sh"
# shellcheck source=servers.sh
. "$here/servers.sh"

usage() {
	cat <<-TEXT
	usage: run.sh [-q] [-6] [-r ROUNDS] [-n DOMAINS] [-Q RATE] [-w "WORKLOADS..."] [-s "SERVERS..."]
	              [-b NAMES_BINARY] [-o DIR]
	  -q  quick: one round, 500 domains in bad weather
	  -6  leave IPv6 on, as it is in all resolvers unless configured otherwise
	  -r  how many rounds through the servers (default 3)
	  -n  how many domains are asked for in bad weather (default 4000)
	  -Q  how many a second there (default 200)
	  -w  of "cold signed loss-1 loss-20 slow dead" (default: all); loss-N for every N
	  -s  which servers (default: all that are installed), of
	      $resolvers
	  -b  the binary of names (default: built from this checkout)
	  -o  where zones, logs and results.tsv go (default: a new directory in /tmp)
	It makes network namespaces, and so wants root.
	TEXT
}

rounds=3 some=4000 rate=200 workloads="cold signed loss-1 loss-20 slow dead" wanted="" binary="" out="" ipv6=""
while getopts "q6r:n:Q:w:s:b:o:h" option; do
	case $option in
	q) rounds=1 some=500 ;;
	6) ipv6=yes ;; # shellcheck disable=SC2034 # servers.sh
	r) rounds=$OPTARG ;;
	n) some=$OPTARG ;;
	Q) rate=$OPTARG ;;
	w) workloads=$OPTARG ;;
	s) wanted=$OPTARG ;;
	b) binary=$(realpath "$OPTARG") ;;
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
	[[ " $resolvers " == *" $server "* ]] || wrong "there is no server $server"
done
for workload in $workloads; do
	[[ $workload =~ ^(cold|signed|slow|dead|loss-[0-9]{1,2})$ ]] || wrong "there is no workload $workload"
done
PATH=$PATH:/usr/sbin:/sbin
for program in nsd dnsperf dig taskset ip go; do
	command -v "$program" >/dev/null || { complain "$program is not installed"; exit 1; }
done
[ "$(id -u)" -eq 0 ] || { complain "not root, and so no network namespaces"; exit 1; }

out=${out:-$(mktemp -d /tmp/names-recursion.XXXXXX)}
mkdir -p "$out"
out=$(realpath "$out")
if [ -z "$binary" ]; then
	binary=$out/names
	(cd "$here/../.." && go build -o "$binary" ./cmd/names)
fi
(cd "$here" && go build -o "$out/treegen" ./treegen && go build -o "$out/weather" ./weather)

server_core=0 other_core=1
if [ "$(nproc)" -lt 2 ]; then
	complain "one core only: resolver, servers and dnsperf share it, and the figures say little"
	other_core=0
fi

# The resolver is near, the servers are far.
near=names-near-$$ far=names-far-$$
near_address=100.64.0.1 far_address=100.64.0.2
trap 'stop_all; ip netns del $near 2>/dev/null || true; ip netns del $far 2>/dev/null || true' EXIT

make_namespaces() {
	ip netns add "$near"
	ip netns add "$far"
	ip link add near netns "$near" type veth peer name far netns "$far"
	ip -n "$near" addr add "$near_address/30" dev near
	ip -n "$far" addr add "$far_address/30" dev far
	ip -n "$near" link set lo up
	ip -n "$near" link set near up
	ip -n "$far" link set lo up
	ip -n "$far" link set far up
	ip -n "$near" route add default via "$far_address"
}

# far_side is the address of the server that packets to $1 reach in bad weather.
far_side() { echo "${1/198.18./198.19.}"; }

# serve_tier starts an NSD for a tier: arguments TREE TIER ADDRESSES...
serve_tier() {
	local tree=$1 tier=$2 dir=$out/nsd-$2 address
	shift 2
	mkdir -p "$dir"
	{
		echo "server:"
		for address in "$@"; do echo "	ip-address: $address"; done
		cat <<-CONF
			server-count: 1
			username: ""
			zonesdir: "$tree"
			database: ""
			pidfile: "$dir/nsd.pid"
			xfrdfile: "$dir/xfrd.state"
			xfrdir: "$dir"
			zonelistfile: "$dir/zone.list"
			minimal-responses: yes
			rrl-ratelimit: 0
		remote-control:
			control-enable: no
		CONF
		cat "$tree/$tier.zones"
	} >"$dir/nsd.conf"
	command=(ip netns exec "$far" nsd -d -c "$dir/nsd.conf")
	start "$other_core" "$dir/printed.log"
	servers+=("$leader")
}

# serve starts what workload $1 needs and sets tree, count and pace.
serve() {
	local tier address kind=$1 loss=0 delay=0 routes=() addresses
	tree=$out/tree count=$some pace=(-q 2000 -Q "$rate") anchor=
	case $1 in
	cold) count=20000 pace=(-q 100) ;;
	signed) tree=$out/tree-signed count=4000 pace=(-q 100) anchor=$tree/anchor ;;
	slow) delay=200ms ;;
	dead) tree=$out/tree-dead ;;
	loss-*) loss=$(calculate %.2f "${1#loss-} / 100") ;;
	esac
	if [ ! -s "$tree/queries" ]; then
		mkdir -p "$tree"
		case $kind in
		dead) "$out/treegen" -o "$tree" -dead ;;
		signed) "$out/treegen" -o "$tree" -signed -domains 4000 ;;
		*) "$out/treegen" -o "$tree" ;;
		esac
	fi
	head -n "$count" "$tree/queries" >"$out/queries"
	servers=()
	{
		while read -r tier address; do
			echo "addr replace $address/32 dev lo"
			echo "addr replace $(far_side "$address")/32 dev lo"
		done <"$tree/addresses"
	} | ip -n "$far" -batch -
	for tier in root tld domain; do
		mapfile -t addresses < <(awk -v tier=$tier '$1 == tier { print $2 }' "$tree/addresses")
		if [ "$loss$delay" != 00 ]; then
			for address in "${addresses[@]}"; do routes+=("$address=$(far_side "$address")"); done
			addresses=("${addresses[@]/#198.18./198.19.}")
		fi
		serve_tier "$tree" "$tier" "${addresses[@]}"
	done
	if [ ${#routes[@]} -gt 0 ]; then
		command=(ip netns exec "$far" "$out/weather" -loss "$loss" -delay "$delay" "${routes[@]}")
		start "$other_core" "$out/weather.log"
		servers+=("$leader")
	fi
	await "${servers[0]}" . 198.18.0.1 53 && await "${servers[1]}" tld0. 198.18.1.1 53 && await "${servers[2]}" domain0.tld0. 198.18.2.1 53 ||
		{ complain "a name server does not answer; see $out/nsd-*/printed.log"; exit 1; }
}

calculate() { awk "BEGIN { printf \"$1\", $2 }"; }

# await waits until zone $2 is answered for at address $3, port $4; it fails
# when the server that $1 leads has ended, and after a minute or two.
await() {
	for _ in $(seq 600); do
		ip netns exec "$near" dig -r +nocookie "@$3" -p "$4" "$2" SOA +tries=1 +time=1 2>/dev/null | grep -q "status: NOERROR" && return
		kill -0 "$1" 2>/dev/null || return 1
		sleep 0.05
	done
	return 1
}

# packets is how many have come to the servers.
packets() { ip netns exec "$far" awk '/far:/ { sub(/.*:/, ""); print $2 }' /proc/net/dev; }

# latencies prints three quantiles in milliseconds of $2 questions, from what
# dnsperf -v said about those that have an answer.
latencies() {
	awk -v asked="$2" '
		/^> / && $2 != "T" { ms = int($NF * 10000); count[ms]++; if (ms > most) most = ms }
		END {
			split("0.5 0.9 0.99", quantile, " ")
			for (ms = 0; ms <= most && q < 3; ms++)
				for (below += count[ms]; q < 3 && below >= quantile[q + 1] * asked; q++) printf "%.1f\t", ms / 10
			for (; q < 3; q++) printf "10000\t"
		}' "$1"
}

measure() {
	local workload=$1 server=$2 round=$3 port=5300 dir=$out/$1/$2-$3
	mkdir -p "$dir"
	"resolver_$server" "$dir" "$tree/hints" $port
	command=(ip netns exec "$near" "${command[@]}")
	local leader
	start "$server_core" "$dir/printed.log"
	if ! await "$leader" . 127.0.0.1 $port; then
		complain "$server does not answer; see $dir/printed.log"
		failures=$((failures + 1))
		stop "$leader"
		return
	fi
	local ticks sent memory asked answered failed lost qps
	ticks=$(cpu_ticks "$leader")
	sent=$(packets)
	ip netns exec "$near" taskset -c "$other_core" dnsperf -s 127.0.0.1 -p $port -d "$out/queries" -T 1 -c 8 "${pace[@]}" -t 10 -n 1 -l 900 -v >"$dir/asked.log" 2>&1
	ticks=$(($(cpu_ticks "$leader") - ticks))
	sent=$(($(packets) - sent))
	memory=$(memory_kib "$leader")
	stop "$leader"
	asked=$(awk '/Queries sent:/ { print $3 }' "$dir/asked.log")
	lost=$(awk '/Queries lost:/ { print $3 }' "$dir/asked.log")
	qps=$(awk '/Queries per second:/ { printf "%d", $4 }' "$dir/asked.log")
	answered=$(awk '/Response codes:/ { for (i = 3; i < NF; i++) if ($i == "NOERROR") print $(i + 1) }' "$dir/asked.log")
	answered=${answered:-0}
	failed=$((asked - lost - answered))
	printf '%s\t' "$workload" "$server" "$round" "$asked" "$answered" "$failed" "$lost" "$qps" \
		"$(calculate %.1f "$ticks * 1000000 / $(getconf CLK_TCK) / $asked")" "$(calculate %.2f "$sent / $asked")" >>"$out/results.tsv"
	printf '%s%s\n' "$(latencies "$dir/asked.log" "$asked")" $((memory / 1024)) >>"$out/results.tsv"
	sed -i '/^> /d' "$dir/asked.log" # a line for each question
	tail -n 1 "$out/results.tsv"
}

failures=0
make_namespaces
printf '%s\t' workload server round asked answered failed lost qps cpu_us packets p50_ms p90_ms p99_ms >"$out/results.tsv"
echo rss_mib >>"$out/results.tsv"
cat "$out/results.tsv"
chosen=()
for server in ${wanted:-$resolvers}; do
	if command -v "$(program_of "$server")" >/dev/null; then chosen+=("$server"); else complain "without $server, not installed"; fi
done
for workload in $workloads; do
	serve "$workload"
	for round in $(seq "$rounds"); do
		for server in "${chosen[@]}"; do measure "$workload" "$server" "$round"; done
	done
	for leader in "${servers[@]}"; do stop "$leader"; done
done

awk -f "$here/table.awk" "$out/results.tsv"
echo "files are in $out"
[ "$failures" -eq 0 ] || { complain "$failures times a server did not answer"; exit 1; }
