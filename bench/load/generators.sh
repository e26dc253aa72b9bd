#!/usr/bin/env bash
# What asking costs: dnsperf and names bench alternately, from one core, against
# names and NSD on another. Columns: answers a second; processor time of the
# generator and of the server for each, in microseconds; and in the last row of
# each server how many queries both sent, and how many it has counted.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=common.sh
. "$here/common.sh"
# shellcheck source=process.sh
. "$here/process.sh"
# shellcheck source=servers.sh
. "$here/servers.sh"
# shellcheck source=asking.sh
. "$here/asking.sh"

usage() {
	cat <<-TEXT
	usage: generators.sh [-d SECONDS] [-r ROUNDS] [-o DIR]
	  -d  how long each asks (default 10)
	  -r  how many rounds (default 3)
	  -o  where the zone and logs go (default: a new directory in /tmp)
	TEXT
}

seconds=10 rounds=3 binary="" out=""
while getopts "d:r:o:h" option; do
	case $option in
	d) seconds=$OPTARG ;;
	r) rounds=$OPTARG ;;
	o) out=$OPTARG ;;
	h) usage; exit 0 ;;
	*) usage >&2; exit 2 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -eq 0 ] || wrong "$1: there are no arguments but options"
need dig taskset go dnsperf nsd nsd-control
build_tools
trap stop_all EXIT

origins=(load.test.) files=("$out/1000.zone") queries=$out/1000.queries
transport=udp per_connection=0 clients=4 window=25 do_bit=""
[ -s "$queries" ] || "$out/zonegen" -names 1000 -zone "${files[0]}" -queries "$queries"

# sent_by prints how many queries the log $2 of generator $1 says were sent.
sent_by() {
	if [ "$1" = names ]; then field sent "$2"; else awk '/Queries sent:/ { print $3 }' "$2"; fi
}

# counted_by stops server $1, and prints how many queries over UDP it counted.
counted_by() {
	case $1 in
	names)
		stop "$leader"
		sed -n 's/.*counters.UDPQueries=\([0-9]*\).*/\1/p' "$2/printed.log"
		;;
	nsd)
		nsd-control -c "$2/nsd.conf" stats_noreset | sed -n 's/^num.queries=//p'
		stop "$leader"
		;;
	esac
}

echo "| server | generator | qps | generator µs | server µs | lost |"
echo "|---|---|---|---|---|---|"
for server in names nsd; do
	dir=$out/generators/$server
	mkdir -p "$dir"
	"authority_$server" "$dir" "$port"
	if [ "$server" = nsd ]; then
		sed -i "s|control-enable: no|control-enable: yes\n\tcontrol-interface: $dir/control|" "$dir/nsd.conf"
	fi
	start "$server_core" "$dir/printed.log"
	await "$leader" "$port" || { complain "$server does not answer; see $dir/printed.log"; exit 1; }
	generator=names
	ask "$dir/warm.log" 1
	sent=$(sent_by names "$dir/warm.log") all=$dir/cpu
	: >"$all"
	for _ in $(seq "$rounds"); do
		for generator in dnsperf names; do
			ticks=$(cpu_ticks "$leader")
			TIMEFORMAT='%3U %3S'
			{ time ask "$dir/$generator.log" "$seconds" 2>/dev/null; } 2>"$dir/time"
			cost=$(awk -v n="$answered" '{ printf "%.2f", ($1 + $2) * 1000000 / n }' "$dir/time")
			sent=$((sent + $(sent_by $generator "$dir/$generator.log")))
			echo "| $server | $generator | $qps | $cost | $(per_answer $(($(cpu_ticks "$leader") - ticks)) "$answered") | $lost |"
			echo "$generator $cost" >>"$all"
		done
	done
	awk -v server="$server" '{ sum[$1] += $2 } END { printf "names bench takes %.2f of what dnsperf takes to ask %s\n", sum["names"] / sum["dnsperf"], server }' "$all"
	# await has asked once, or a few times.
	echo "$server: $sent queries were sent, and $(counted_by "$server" "$dir") counted"
done
