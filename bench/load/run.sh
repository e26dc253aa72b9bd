#!/usr/bin/env bash
# Loads names and its peers one after the other and prints what each cost.
#
# For each workload it starts the servers in turn (A B C A B C), pinned to the
# first core, asks them from the second: as fast as they answer, then at half
# that speed, then at that speed while they reload the zone; and reads from
# /proc what they used. workloads.sh says what is asked, servers.sh how each
# server is configured.
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
# p50_us p99_us p999_us  latency at half speed
# reload_p999_us  the same while the zone is reloaded
# reload_s      seconds from the signal until the new serial is seen
# reload_peak_mib  most memory seen meanwhile
# reload_lost   questions without an answer meanwhile
# rss_mib       memory before the load: the sum of the processes' proportional shares
# grown_mib     how much it grew under load
# lost          questions without an answer at full speed; lost_at_half: at half of it
# errors        answers with another RCODE than NOERROR and NXDOMAIN, and messages that answer nothing
#
# The load of a resolver begins when its cache is warm.
set -euo pipefail
shopt -s nullglob

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=common.sh
. "$here/common.sh"
# shellcheck source=process.sh
. "$here/process.sh"
# shellcheck source=servers.sh
. "$here/servers.sh"
# shellcheck source=workloads.sh
. "$here/workloads.sh"
# shellcheck source=asking.sh
. "$here/asking.sh"
# shellcheck source=reload.sh
. "$here/reload.sh"

usage() {
	cat <<-TEXT
	usage: run.sh [-q] [-d SECONDS] [-r ROUNDS] [-w "WORKLOADS..."] [-s "SERVERS..."]
	              [-b NAMES_BINARY] [-c COREDNS_BINARY] [-g GENERATOR] [-z ROOT_ZONE] [-o DIR]
	  -q  quick: 5 seconds, one round
	  -d  how long each server is asked at each speed (default 30)
	  -r  how many rounds through the servers (default 2)
	  -w  what to load them with (default "1000 1000000"), of
	      $workload_names
	  -s  which servers (default: all that are installed), of
	      $authorities
	      and, for cache and mix, of
	      $resolvers
	  -b  the binary of names (default: built from this checkout)
	  -c  the binary of CoreDNS (default: coredns, where it is installed)
	  -g  what asks: names (names bench of this checkout), or dnsperf, which does
	      not measure reloads
	  -z  the root zone as a master file, perhaps compressed with gzip
	  -o  where zones, logs and results.tsv go (default: a new directory in /tmp)
	TEXT
}

seconds=30 rounds=2 workloads="1000 1000000" wanted="" binary="" coredns=coredns root_zone="" out="" generator=names
while getopts "qd:r:w:s:b:c:g:z:o:h" option; do
	case $option in
	q) seconds=5 rounds=1 ;;
	d) seconds=$OPTARG ;;
	r) rounds=$OPTARG ;;
	w) workloads=$OPTARG ;;
	s) wanted=$OPTARG ;;
	b) binary=$(realpath "$OPTARG") ;;
	c) coredns=$(realpath "$OPTARG") ;;
	g) generator=$OPTARG ;;
	z) root_zone=$(realpath "$OPTARG") ;;
	o) out=$OPTARG ;;
	h) usage; exit 0 ;;
	*) usage >&2; exit 2 ;;
	esac
done
shift $((OPTIND - 1))

[ $# -eq 0 ] || wrong "$1: there are no arguments but options"
for server in $wanted; do
	[[ " $authorities $resolvers " == *" $server "* ]] || wrong "there is no server $server"
done
for workload in $workloads; do
	known_workload "$workload" || wrong "there is no workload $workload"
	[ "$workload" != root ] || [ -n "$root_zone" ] || wrong "the workload root wants -z"
done
[[ $generator =~ ^(names|dnsperf)$ ]] || wrong "-g is names or dnsperf, not $generator"
needed=(dig taskset go)
[[ " $workloads" != *" signed-"* ]] || needed+=(dnssec-signzone dnssec-keygen)
[ "$generator" = names ] || needed+=("$generator")
need "${needed[@]}"

build_tools
upstream=$((port + 1))
trap stop_all EXIT

measure() {
	local workload=$1 server=$2 round=$3 dir=$out/$1/$2-$3
	mkdir -p "$dir"
	if [ -n "$changed" ]; then
		files=("$dir/zone")
		ln -sfn "$out/$workload.zone" "${files[0]}"
	fi
	stack_kib=""
	"${kind}_$server" "$dir" "$port"
	local begun loaded load_cpu leader
	begun=$(now)
	start "$server_core" "$dir/printed.log"
	if ! await "$leader" "$port"; then
		complain "$server does not answer; see $dir/printed.log"
		failures=$((failures + 1))
		stop "$leader"
		return
	fi
	loaded=$(calculate %.2f "$(now) - $begun")
	load_cpu=$(calculate %.2f "$(cpu_ticks "$leader") / $(getconf CLK_TCK)")
	warm "$workload" "$server" "$dir/warm.log"

	local memory ticks forwarded=0 full_used full_lost full_qps full_errors half_used half_lost half_errors grown
	local half_p50 half_p99 half_p999 reload_s reload_p999 reload_lost reload_peak
	memory=$(memory_kib "$leader")
	[ "$kind" = authority ] || forwarded=$(cpu_ticks "$upstream_leader")
	ticks=$(cpu_ticks "$leader")
	ask "$dir/full.log" "$ask_for"
	full_used=$(per_answer $(($(cpu_ticks "$leader") - ticks)) "$answered")
	full_lost=$lost full_qps=$qps full_errors=$errors
	[ "$(strays "$leader" "$server_core")" = 0 ] || complain "$server has left the core it was given"
	if [ "$workload" = cache ] && [ $((($(cpu_ticks "$upstream_leader") - forwarded) * 50)) -gt $((seconds * $(getconf CLK_TCK))) ]; then
		complain "$server forwarded questions: not every answer was in its cache"
	fi

	ticks=$(cpu_ticks "$leader")
	ask "$dir/half.log" "$ask_for" $((full_qps / 2 + 1))
	half_used=$(per_answer $(($(cpu_ticks "$leader") - ticks)) "$answered")
	half_lost=$lost half_errors=$errors half_p50=$p50 half_p99=$p99 half_p999=$p999
	grown=$(($(memory_kib "$leader") - memory))

	measure_reload "$server" "$leader" $((full_qps / 2 + 1)) "$dir"
	stop "$leader"
	{
		printf '%s\t' "$workload" "$server" "$round" "$loaded" "$load_cpu" "$full_qps" "$full_used" "$half_used"
		printf '%s\t' "$half_p50" "$half_p99" "$half_p999" "$reload_p999" "$reload_s" "$reload_peak" "$reload_lost"
		printf '%s\t%s\t%s\t%s\t%s\n' $((memory / 1024)) $((grown / 1024)) "$full_lost" "$half_lost" $((full_errors + half_errors))
	} >>"$out/results.tsv"
	tail -n 1 "$out/results.tsv"
}

# chosen lists the servers of a kind that are wanted for workload $2, and
# installed.
chosen() {
	local server of=$authorities reason
	[ "$1" = authority ] || of=$resolvers
	reason=$(without "$2")
	for server in ${wanted:-$of}; do
		[[ " $of " == *" $server "* ]] || continue
		if [ "$server" = "${reason%% *}" ]; then complain "$2: without $server, which ${reason#* }"; continue; fi
		if command -v "$(program_of "$server")" >/dev/null; then echo "$server"; else complain "without $server, not installed"; fi
	done
}

failures=0
begun_at=$SECONDS
printf '%s\t' workload server round load_s load_cpu_s qps cpu_us half_cpu_us p50_us p99_us p999_us \
	reload_p999_us reload_s reload_peak_mib reload_lost rss_mib grown_mib lost lost_at_half >"$out/results.tsv"
echo errors >>"$out/results.tsv"
cat "$out/results.tsv"
for workload in $workloads; do
	prepare "$workload"
	servers=$(chosen "$kind" "$workload")
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
[ "$late_reports" -eq 0 ] || complain "$late_reports times names bench did not get its core in time (late_us in its reports): the latencies are partly its own"
echo "it took $(((SECONDS - begun_at) / 60)) minutes; files are in $out"
[ "$failures" -eq 0 ] || { complain "$failures times a server did not answer"; exit 1; }
