#!/usr/bin/env bash
# Loads names and its peers alternately and prints what each cost.
#
# For each workload it starts all servers, pinned to the first core, and asks
# them from the second, one at a time and round by round (A B C A B C): as fast as
# they answer, then at half that speed. After the rounds each reloads the zone
# while it is asked at that speed. What they used is read from /proc. Those that
# are not asked wait for the network and use nothing; only for mix, which begins
# with an empty cache, they are started anew in each round, and alone.
# workloads.sh says what is asked, servers.sh how each server is configured.
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
# grown_mib     how much it has grown since, under load
# lost          questions without an answer at full speed; lost_at_half: at half of it
# errors        answers with another RCODE than NOERROR and NXDOMAIN, and messages that answer nothing
#
# What is not measured in each round is in the row of one of them; the others
# have "-" there. The load of a resolver begins when its cache is warm.
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
	  -q  quick: 2 seconds, two rounds
	  -d  how long each server is asked at each speed (default 5)
	  -r  how many rounds through the servers (default 6)
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

seconds=5 rounds=6 workloads="1000 1000000" wanted="" binary="" coredns=coredns root_zone="" out="" generator=names
while getopts "qd:r:w:s:b:c:g:z:o:h" option; do
	case $option in
	q) seconds=2 rounds=2 ;;
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
upstream=$port # and the servers on those above
trap stop_all EXIT

# What is known of each server that is running.
declare -A leaders ports dirs loads memories

# launch starts server $2 for workload $1, or says why it does not answer. $3
# names the directory for what it writes.
launch() {
	local workload=$1 server=$2 dir=$out/$1/$3 begun leader
	mkdir -p "$dir"
	if [ -n "$changed" ]; then
		files=("$dir/zone")
		ln -sfn "$out/$workload.zone" "${files[0]}"
	fi
	port=$((port + 1))
	stack_kib=""
	"${kind}_$server" "$dir" "$port"
	begun=$(now)
	start "$server_core" "$dir/printed.log"
	if ! await "$leader" "$port"; then
		complain "$server does not answer; see $dir/printed.log"
		failures=$((failures + 1))
		stop "$leader"
		return 1
	fi
	loads[$server]=$(calculate '%.2f\t%.2f' "$(now) - $begun, $(cpu_ticks "$leader") / $(getconf CLK_TCK)")
	leaders[$server]=$leader ports[$server]=$port dirs[$server]=$dir
	warm "$workload" "$server" "$dir/warm.log"
	memories[$server]=$(memory_kib "$leader")
}

# measure asks server $2 in round $3 of workload $1. With $4 it is its last.
measure() {
	local workload=$1 server=$2 round=$3 is_last=$4 leader=${leaders[$2]} dir=${dirs[$2]}
	local ticks forwarded=0 full_used full_lost full_qps full_errors half_rate half_used
	local reload_s=- reload_p999=- reload_lost=- reload_peak=- load=$'-\t-' rss=- grown=-
	port=${ports[$server]}
	[ "$kind" = authority ] || forwarded=$(cpu_ticks "$upstream_leader")
	ticks=$(cpu_ticks "$leader")
	ask "$dir/full-$round.log" "$ask_for"
	full_used=$(per_answer $(($(cpu_ticks "$leader") - ticks)) "$answered")
	full_lost=$lost full_qps=$qps full_errors=$errors
	[ "$(strays "$leader" "$server_core")" = 0 ] || complain "$server has left the core it was given"
	if [ "$workload" = cache ] && [ $((($(cpu_ticks "$upstream_leader") - forwarded) * 50)) -gt $((seconds * $(getconf CLK_TCK))) ]; then
		complain "$server forwarded questions: not every answer was in its cache"
	fi

	ticks=$(cpu_ticks "$leader")
	half_rate=$((full_qps / 2 + 1))
	ask "$dir/half-$round.log" "$ask_for" "$half_rate"
	half_used=$(per_answer $(($(cpu_ticks "$leader") - ticks)) "$answered")
	local half_lost=$lost half_errors=$errors half_p50=$p50 half_p99=$p99 half_p999=$p999

	if [ -n "$is_last" ]; then
		load=${loads[$server]} rss=$((memories[$server] / 1024))
		grown=$((($(memory_kib "$leader") - memories[$server]) / 1024))
		measure_reload "$server" "$leader" "$half_rate" "$dir"
	fi
	{
		printf '%s\t' "$workload" "$server" "$round" "$load" "$full_qps" "$full_used" "$half_used"
		printf '%s\t' "$half_p50" "$half_p99" "$half_p999" "$reload_p999" "$reload_s" "$reload_peak" "$reload_lost"
		printf '%s\t%s\t%s\t%s\t%s\n' "$rss" "$grown" "$full_lost" "$half_lost" $((full_errors + half_errors))
	} >>"$out/results.tsv"
	tail -n 1 "$out/results.tsv"
}

# measure_together is a workload that finds the servers as they are after the
# round before.
measure_together() {
	local workload=$1 server round is_last="" ready=""
	for server in $2; do
		if launch "$workload" "$server" "$server"; then ready+=" $server"; fi
	done
	for round in $(seq "$rounds"); do
		[ "$round" -ne "$rounds" ] || is_last=yes
		for server in $ready; do
			port=${ports[$server]}
			ask "${dirs[$server]}/warm.log" 1 # its memory has rested while the others had theirs read
			measure "$workload" "$server" "$round" "$is_last"
		done
	done
	for server in $ready; do stop "${leaders[$server]}"; done
}

# measure_anew is a workload that finds them as they are after their start.
measure_anew() {
	local workload=$1 server round
	for round in $(seq "$rounds"); do
		for server in $2; do
			launch "$workload" "$server" "$server-$round" || continue
			measure "$workload" "$server" "$round" yes
			stop "${leaders[$server]}"
		done
	done
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
	if [ "$workload" = mix ]; then measure_anew mix "$servers"; else measure_together "$workload" "$servers"; fi
	[ -z "$upstream_leader" ] || stop "$upstream_leader"
done

awk -f "$here/table.awk" "$out/results.tsv"
[ "$late_reports" -eq 0 ] || complain "$late_reports times names bench did not get its core in time (late_us in its reports): the latencies are partly its own"
echo "it took $(((SECONDS - begun_at) / 60)) minutes; files are in $out"
[ "$failures" -eq 0 ] || { complain "$failures times a server did not answer"; exit 1; }
