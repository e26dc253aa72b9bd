#!/usr/bin/env bash
# What the collector of garbage costs names with a large zone: loads a zone, asks
# as fast as names answers over UDP, over TCP, and over UDP again while the zone
# is read again with one record changed, and reads what Go's runtime says about each collection
# (GODEBUG=gctrace=1). Only TCP and reading make garbage.
#
# Columns: collections meanwhile; the longest time that all goroutines stood
# still, in ms; processor time of the collector, without what it did while the
# core was idle, as a share of all that the server used.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=common.sh
. "$here/common.sh"
# shellcheck source=process.sh
. "$here/process.sh"
# shellcheck source=workloads.sh
. "$here/workloads.sh"
# shellcheck source=asking.sh
. "$here/asking.sh"

usage() {
	cat <<-TEXT
	usage: gc.sh [-d SECONDS] [-n NAMES] [-b NAMES_BINARY] [-o DIR]
	  -d  how long is asked each time (default 30)
	  -n  how many names the zone has, of 2.3 records each (default 4350000: ten
	      million records)
	  -b  the binary of names (default: built from this checkout)
	  -o  where the zone and logs go (default: a new directory in /tmp)
	TEXT
}

seconds=30 names=4350000 binary="" out="" generator=names
while getopts "d:n:b:o:h" option; do
	case $option in
	d) seconds=$OPTARG ;;
	n) names=$OPTARG ;;
	b) binary=$(realpath "$OPTARG") ;;
	o) out=$OPTARG ;;
	h) usage; exit 0 ;;
	*) usage >&2; exit 2 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -eq 0 ] || wrong "$1: there are no arguments but options"
need dig taskset go
build_tools
trap stop_all EXIT

origins=(load.test.) queries=$out/$names.queries zone=$out/$names.zone do_bit="" per_connection=10
if [ ! -s "$queries" ]; then
	"$out/zonegen" -names "$names" -count 1000000 -zone "$zone" -queries "$queries"
fi
[ -s "$out/$names.changed" ] || change_zone "$zone" "$out/$names.changed"
ln -sfn "$zone" "$out/gc.zone"
log=$out/gc.log
command=(env GODEBUG=gctrace=1 "$binary" serve -i 127.0.0.1 -p "$port" --bindzone "${origins[0]}=$out/gc.zone")

# phase prints a row: what was done, from line $2 of the log on, with $3 ticks.
phase() {
	tail -n +"$2" "$log" | awk -v what="$1" -v ms="$(calculate %f "$3 * 1000 / $(getconf CLK_TCK)")" -v qps="$4" '
		/^gc [0-9]+ @/ {
			collections++
			split($5, clock, "+") # the world stands still at the beginning and at the end
			if (clock[1] + 0 > pause) pause = clock[1] + 0
			if (clock[3] + 0 > pause) pause = clock[3] + 0
			split($8, cpu, "+")
			split(cpu[2], marking, "/") # by goroutines that allocate, by the collector, idly
			used += cpu[1] + marking[1] + marking[2] + cpu[3]
		}
		END { printf "| %s | %s | %d | %.3f | %.2f |\n", what, qps, collections, pause, ms ? 100 * used / ms : 0 }'
}

start "$server_core" "$log"
await "$leader" "$port" || { complain "names does not answer; see $log"; exit 1; }
echo "| names of $names names | qps | collections | longest pause ms | collector % of CPU |"
echo "|---|---|---|---|---|"
phase loading 1 "$(cpu_ticks "$leader")" ""
# load asks over $2, and prints a row with the name $1.
load() {
	local line ticks
	transport=$2 clients=4 window=25
	[ "$2" = udp ] || clients=50 window=1
	line=$(($(wc -l <"$log") + 1)) ticks=$(cpu_ticks "$leader")
	ask "$out/gc-$2.log" "$seconds"
	phase "$1" "$line" $(($(cpu_ticks "$leader") - ticks)) "$qps"
	[ "$errors" = 0 ] || complain "there were errors; see $out/gc-$2.log"
}

load UDP udp
load "TCP, 10 questions a connection" tcp
ln -sfn "$out/$names.changed" "$out/gc.zone"
kill -HUP "$leader"
load "UDP, reading the zone changed" udp
echo "memory: $(($(memory_kib "$leader") / 1024)) MiB"
