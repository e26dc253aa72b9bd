#!/bin/bash
# Zones that move: names, NSD, Knot DNS and BIND in one run.
#
#   out      each sends a large zone (AXFR) a few times
#   in       each is a secondary of names, measured until it answers for the zone
#   ixfr     the same two ways with 10,000 changes (IXFR)
#   updates  dynamic updates a second, from one client and from 100 at once
#   many     each is a secondary of 10,000 small zones, which all change at once
#   busy     queries a second, and the 99th percentile of latency at a rate that none
#            finds hard, while transfers and updates go on, and while nothing does:
#            one after the other, in pairs, since other work on the machine comes and goes
#
# Usage: run.sh [-q] [-n RECORDS] [-r ROUNDS] [-b NAMES_BINARY] [-s "SERVERS"] [-w "MEASUREMENTS"]
# -q: a small zone, once. Costs are CPU seconds of all processes of a server, so that
# what else the machine does matters little; the lowest of all rounds counts, and the
# most of what is a rate; in "busy" it is the median. In "updates" and "busy" a server has the first core, and its
# clients have the others. NSD has no dynamic updates, and no journal to send from.
set -eu
records=2300000 rounds=3 sends=3 seconds=5 pairs=3 binary= servers="names nsd knot bind" wanted="out in ixfr updates many busy" many=10000
while getopts qn:r:b:s:w: option; do
	case $option in
	q) records=200000 rounds=1 seconds=3 many=1000 ;;
	n) records=$OPTARG ;; r) rounds=$OPTARG ;; b) binary=$(realpath "$OPTARG") ;; s) servers=$OPTARG ;; w) wanted=$OPTARG ;;
	*) exit 2 ;;
	esac
done
here=$(cd "$(dirname "$0")/../.." && pwd)
dir=$(mktemp -d) pids=()
stop() { for p in "${pids[@]}"; do kill "$p" 2>/dev/null && wait "$p" 2>/dev/null || true; done; pids=(); }
trap 'stop; rm -rf "$dir"' EXIT
PATH=$PATH:/usr/sbin
if [ "$binary" ]; then cp "$binary" "$dir/names"; else (cd "$here" && go build -o "$dir/names" ./cmd/names); fi
(cd "$here/bench" && go build -o "$dir/driver" ./transfer/driver)
driver() { local command=$1; shift; $clients "$dir/driver" "$command" "$@"; }
server_core="" clients=""
if [ "$(nproc)" -gt 1 ]; then server_core="taskset -c 0" clients="taskset -c 1-$(($(nproc) - 1))"; fi
zone=large.test
awk -v n="$records" 'BEGIN { print "$TTL 3600\n@ SOA ns admin 7 3600 600 86400 60\n@ NS ns\nns A 192.0.2.1"
	for (i = 0; i < n/2; i++) printf "host%d A 10.%d.%d.%d\nhost%d TXT \"record %d of many\"\n", i, i/65536%256, i/256%256, i%256, i, i }' > "$dir/zone"

# cpu and memory: seconds and MiB of a process and those it has started, which are a
# process group of their own.
set -m
cpu() { cat /proc/[0-9]*/stat 2>/dev/null | awk -v g="$1" -v hz="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); split($0, f, " "); if (f[3] == g) t += f[12] + f[13] + f[14] + f[15] } END { printf "%.2f", t/hz }'; }
memory() { local sum=0 p; for p in $(ps -eo pid=,pgid= | awk -v g="$1" '$2 == g { print $1 }'); do sum=$((sum + $(awk '/VmHWM/ { n = $2 } END { print n+0 }' "/proc/$p/status" 2>/dev/null || echo 0))); done; echo $((sum / 1024)); }

# start NAME PORT [PRIMARY]: starts a server with the zone from its file, or from a
# primary, pinned as $pin says.
pin=
start() {
	local name=$1 port=$2 primary=${3:-} d="$dir/$1-$2"
	rm -rf "$d"; mkdir -p "$d"
	case $name in
	names)
		if [ "$primary" ]; then set -- --secondary "127.0.0.1:$primary/$zone" --journal "$d/journal"; else set -- --bindzone "$zone=$dir/zone" --journal "$d/journal" --allow-update 127.0.0.1; fi
		$pin "$dir/names" serve -i 127.0.0.1 -p "$port" --allow-transfer 127.0.0.1 "$@" > "$d/log" 2>&1 & ;;
	nsd)
		printf 'server:\n\tip-address: 127.0.0.1@%s\n\tport: %s\n\tserver-count: 1\n\tusername: ""\n\tzonesdir: "%s"\n\tpidfile: "%s/pid"\n\txfrdfile: "%s/xfrd"\n\txfrdir: "%s"\n\tzonelistfile: "%s/list"\n\tdatabase: ""\nremote-control:\n\tcontrol-enable: no\nzone:\n\tname: %s\n' "$port" "$port" "$d" "$d" "$d" "$d" "$d" "$zone" > "$d/conf"
		if [ "$primary" ]; then printf '\tzonefile: "%s/zone"\n\trequest-xfr: 127.0.0.1@%s NOKEY\n\tallow-notify: 127.0.0.1 NOKEY\n' "$d" "$primary" >> "$d/conf"; else printf '\tzonefile: "%s"\n\tprovide-xfr: 127.0.0.1 NOKEY\n' "$dir/zone" >> "$d/conf"; fi
		$pin nsd -d -c "$d/conf" > "$d/log" 2>&1 & ;;
	knot)
		printf 'server:\n    rundir: %s\n    listen: 127.0.0.1@%s\n    udp-workers: 1\n    tcp-workers: 1\n    background-workers: 1\ndatabase:\n    storage: %s\nlog:\n  - target: stderr\n    any: info\nremote:\n  - id: primary\n    address: 127.0.0.1@%s\nacl:\n  - id: all\n    address: 127.0.0.1\n    action: [transfer, update, notify]\ntemplate:\n  - id: default\n    storage: %s\n    semantic-checks: off\n    zonefile-load: whole\nzone:\n  - domain: %s\n    acl: all\n' "$d" "$port" "$d" "${primary:-1}" "$d" "$zone" > "$d/conf"
		if [ "$primary" ]; then printf '    master: primary\n' >> "$d/conf"; else printf '    file: %s\n    zonefile-sync: -1\n' "$dir/zone" >> "$d/conf"; fi
		$pin knotd -c "$d/conf" -s "$d/sock" > "$d/log" 2>&1 & ;;
	bind)
		printf 'options { directory "%s"; pid-file none; lock-file none; session-keyfile none; listen-on port %s { 127.0.0.1; }; listen-on-v6 { none; }; recursion no; empty-zones-enable no; dnssec-validation no; notify no; allow-transfer { 127.0.0.1; }; max-journal-size 1g; };\ncontrols { };\nzone "%s" { ' "$d" "$port" "$zone" > "$d/conf"
		if [ "$primary" ]; then printf 'type secondary; file "zone"; primaries { 127.0.0.1 port %s; }; };\n' "$primary" >> "$d/conf"; else printf 'type primary; file "%s"; journal "%s/journal"; allow-update { 127.0.0.1; }; };\n' "$dir/zone" "$d" >> "$d/conf"; fi
		$pin named -g -n 1 -c "$d/conf" > "$d/log" 2>&1 & ;;
	esac
	pids+=($!)
	for _ in $(seq 3000); do
		"$dir/names" query @127.0.0.1 -p "$port" "$zone" soa +short +time=1 +tries=1 2>/dev/null | grep -q . && return
		sleep 0.1
	done
	echo "$name does not answer:" >&2; tail "$d/log" >&2; exit 1
}

# start_many NAME PORT [PRIMARY]: starts a server with many zones below many.test from one
# file, or from a primary.
start_many() {
	local name=$1 port=$2 primary=${3:-} d="$dir/many-$1-$2"
	rm -rf "$d"; mkdir -p "$d"
	zones() { awk -v n=$many -v f="$1" 'BEGIN { for (i = 0; i < n; i++) printf f, "z" i ".many.test", "z" i ".many.test" }'; }
	case $name in
	names)
		{
			printf '[listen]\naddress = ["127.0.0.1:%s"]\n[transfers]\nallow-transfer = ["127.0.0.1"]\n' "$port"
			if [ "$primary" ]; then printf '[journal]\ndir = "%s/journal"\n[template.default]\nprimaries = ["127.0.0.1:%s"]\n' "$d" "$primary"; else printf '[template.default]\nfile = "%s/many"\n' "$dir"; fi
			zones '[[zone]]\nname = "%s"\n'
		} > "$d/names.toml"
		"$dir/names" serve --config "$d/names.toml" > "$d/log" 2>&1 & ;;
	nsd)
		{
			printf 'server:\n\tip-address: 127.0.0.1@%s\n\tport: %s\n\tserver-count: 1\n\tusername: ""\n\tzonesdir: "%s"\n\tpidfile: "%s/pid"\n\txfrdfile: "%s/xfrd"\n\txfrdir: "%s"\n\tzonelistfile: "%s/list"\n\tdatabase: ""\nremote-control:\n\tcontrol-enable: no\n' "$port" "$port" "$d" "$d" "$d" "$d" "$d"
			zones "zone:\n\tname: %s\n\tzonefile: \"\"\n\trequest-xfr: 127.0.0.1@$primary NOKEY\n\tallow-notify: 127.0.0.1 NOKEY\n"
		} > "$d/conf"
		nsd -d -c "$d/conf" > "$d/log" 2>&1 & ;;
	knot)
		{
			printf 'server:\n    rundir: %s\n    listen: 127.0.0.1@%s\n    udp-workers: 1\n    tcp-workers: 1\n    background-workers: 1\ndatabase:\n    storage: %s\nlog:\n  - target: stderr\n    any: error\nremote:\n  - id: primary\n    address: 127.0.0.1@%s\nacl:\n  - id: all\n    address: 127.0.0.1\n    action: [transfer, notify]\ntemplate:\n  - id: default\n    storage: %s\n    semantic-checks: off\n    master: primary\n    acl: all\nzone:\n' "$d" "$port" "$d" "$primary" "$d"
			zones '  - domain: %s\n'
		} > "$d/conf"
		knotd -c "$d/conf" -s "$d/sock" > "$d/log" 2>&1 & ;;
	bind)
		{
			printf 'options { directory "%s"; pid-file none; lock-file none; session-keyfile none; listen-on port %s { 127.0.0.1; }; listen-on-v6 { none; }; recursion no; empty-zones-enable no; dnssec-validation no; notify no; serial-query-rate 100000; transfers-in 1000; transfers-per-ns 1000; };\ncontrols { };\n' "$d" "$port"
			zones "zone \"%s\" { type secondary; file \"%s\"; primaries { 127.0.0.1 port $primary; }; };\n"
		} > "$d/conf"
		named -g -n 1 -c "$d/conf" > "$d/log" 2>&1 & ;;
	esac
	pids+=($!)
}

# wait_for SERIAL PORT: until a server has that version.
wait_for() { for _ in $(seq 3000); do [ "$(driver serial $zone 127.0.0.1:$2)" != "$1" ] || return 0; sleep 0.1; done; echo "no version $1" >&2; exit 1; }

# note MEASUREMENT SERVER VALUE: adds a value to the results.
note() { echo "$*" >> "$dir/results"; }
less() { awk -v a="$1" -v b="$2" -v n="${3:-1}" 'BEGIN { printf "%.4f", (a - b) / n }'; }

measure_out() {
	start $1 $port; local p=${pids[-1]} before; before=$(cpu "$p")
	for _ in $(seq $sends); do "$dir/names" transfer "$zone" @127.0.0.1 -p $port "$dir/got" > /dev/null 2>&1; done
	note out_cpu $1 "$(less "$(cpu "$p")" "$before" $sends)"; note out_memory $1 "$(memory "$p")"
}

measure_in() {
	start names $((port + 10000)); start $1 $port $((port + 10000)); local p=${pids[-1]} before serial
	note in_cpu $1 "$(cpu "$p")"; note in_memory $1 "$(memory "$p")"
	[[ $wanted == *ixfr* ]] || return 0
	before=$(cpu "$p")
	driver change -count 10000 $zone 127.0.0.1:$((port + 10000))
	serial=$(driver serial $zone 127.0.0.1:$((port + 10000)))
	driver notify $zone 127.0.0.1:$port; wait_for "$serial" $port
	note ixfr_in $1 "$(less "$(cpu "$p")" "$before")"
}

measure_ixfr() { # measure_in has the other way
	[ $1 != nsd ] || return 0
	start $1 $port; local p=${pids[-1]} before serial
	serial=$(driver serial $zone 127.0.0.1:$port)
	driver change -count 10000 $zone 127.0.0.1:$port
	before=$(cpu "$p")
	for _ in $(seq 100); do driver ixfr -serial "$serial" $zone 127.0.0.1:$port > "$dir/got"; done
	note ixfr_out $1 "$(less "$(cpu "$p")" "$before" 100)"
	[ "$(cat "$dir/got")" -ge 10000 ] || note ixfr_short $1 "$(cat "$dir/got")"
}

many_zone() { printf '$TTL 60\n@ SOA ns admin %s 86400 3600 864000 60\n@ NS ns\nns A 192.0.2.1\nwww A 192.0.2.2\n' "$1" > "$dir/many"; }

measure_many() {
	local primary=$((port + 10000)) p before
	many_zone 1; start_many names $primary; local from=${pids[-1]}; driver all -count $many -serial 1 -time 10m many.test 127.0.0.1:$primary > /dev/null
	start_many $1 $port $primary; p=${pids[-1]}
	driver all -count $many -serial 1 -time 10m many.test 127.0.0.1:$port > /dev/null
	note many_cpu $1 "$(cpu "$p")"
	many_zone 2; kill -HUP "$from"; driver all -count $many -serial 2 -time 10m many.test 127.0.0.1:$primary > /dev/null
	before=$(cpu "$p")
	note many_took $1 "$(driver all -notify -count $many -serial 2 -time 10m many.test 127.0.0.1:$port || echo -)"
	note many_again $1 "$(less "$(cpu "$p")" "$before")"; note many_memory $1 "$(memory "$p")"
}

measure_updates() {
	[ $1 != nsd ] || return 0
	pin=$server_core; start $1 $port; local p=${pids[-1]} n before rate failed late
	sleep 5 # names makes the digest that the first change needs in the background
	read -r _ _ late <<< "$(driver updates -most 1 $zone 127.0.0.1:$port)"; note first $1 "$late"
	for n in 1 100; do
		before=$(cpu "$p")
		read -r rate failed late <<< "$(driver updates -clients $n -time ${seconds}s $zone 127.0.0.1:$port)"
		note updates_$n $1 "$rate"; note failed_$n $1 "$failed"; note late_$n $1 "$late"
		note cpu_$n $1 "$(less "$(cpu "$p")" "$before" "$(awk -v r="$rate" -v s=$seconds 'BEGIN { print r * s / 1000 }')")"
	done
}

ask() { # PORT OPTIONS...: prints queries a second and the 99th percentile in ms
	local port=$1; shift
	$clients "$dir/names" bench @127.0.0.1 -p $port -d "$dir/questions" --time ${seconds}s --json "$@" | tr ',{}' '\n\n\n' | awk -F: '/"qps"/ { q = $2 } /"p99"/ { p = $2 } END { printf "%.0f %.1f\n", q, p / 1000 }'
}

measure_busy() {
	pin=$server_core; start $1 $port; local state qps p99 idle full
	ask $port > /dev/null # the zone is read, and what is made on demand is there
	for turn in full half slow; do
		for _ in $(seq $pairs); do
			for state in idle busy; do
				if [ $state = busy ]; then
					driver axfr -time $((seconds + 1))s $zone 127.0.0.1:$port > "$dir/axfr" &
					local axfr=$! updating=
					if [ $1 != nsd ]; then driver updates -time $((seconds + 1))s $zone 127.0.0.1:$port > "$dir/updates" & updating=$!; fi
					sleep 0.5
				fi
				if [ $turn = full ]; then
					read -r qps p99 <<< "$(ask $port)"; note qps_$state $1 "$qps"
				elif [ $turn = half ]; then
					read -r qps p99 <<< "$(ask $port --rate $((full / 2)))"; note half_$state $1 "$qps"; note half_p99_$state $1 "$p99"
				else read -r qps p99 <<< "$(ask $port --rate 2000)"; note p99_$state $1 "$p99"; fi
				if [ $state = idle ]; then
					idle=$qps
					[ $turn != full ] || full=$qps
					continue
				fi
				wait $axfr $updating
				[ $turn != half ] || note share_half $1 "$(awk -v a="$qps" -v b="$idle" 'BEGIN { printf "%.1f", 100 * a / b }')"
				[ $turn = full ] || continue
				note share_busy $1 "$(awk -v a="$qps" -v b="$idle" 'BEGIN { printf "%.1f", 100 * a / b }')"
				note axfr_busy $1 "$(sed 's/.*, //; s/ .*//' "$dir/axfr")"
				[ $1 = nsd ] || note updates_busy $1 "$(cut -d' ' -f1 "$dir/updates")"
			done
		done
	done
}

awk -v n="$records" 'BEGIN { srand(1); for (i = 0; i < 100000; i++) printf "host%d.large.test A\n", int(rand() * n / 2) }' > "$dir/questions"
port=$((10000 + $$ % 8000)) # below those that the system gives to clients
: > "$dir/results"
for _ in $(seq "$rounds"); do
	for measurement in $wanted; do
		for name in $servers; do
			command -v "$(case $name in knot) echo knotd ;; bind) echo named ;; names) echo true ;; *) echo $name ;; esac)" > /dev/null || continue
			port=$((port + 1)); pin=
			measure_$measurement $name
			stop
		done
	done
done

# row TITLE MEASUREMENT BEST: a row of the table, if there is something for it; BEST is
# min, max or median.
row() {
	grep -q "^$2 " "$dir/results" || return 0
	printf '| %s ' "$1"
	for name in names nsd knot bind; do
		awk -v d="$2" -v n=$name '$1 == d && $2 == n { print $3 }' "$dir/results" | sort -n |
			awk -v best="$3" '{ v[NR] = $1 } END { printf "| %s ", !NR ? "-" : best == "min" ? v[1] : best == "max" ? v[NR] : v[int((NR + 1) / 2)] }'
	done
	echo "|"
}
echo "| $records records | names | NSD | Knot DNS | BIND |"
echo "|---|---|---|---|---|"
row "AXFR out: CPU seconds" out_cpu min
row "AXFR out: most memory, MiB" out_memory min
row "AXFR in: CPU seconds until it is served" in_cpu min
row "AXFR in: most memory, MiB" in_memory min
row "IXFR of 10,000 changes, out: CPU seconds" ixfr_out min
row "IXFR of 10,000 changes, in: CPU seconds" ixfr_in min
row "the first update, 5 s after a start, ms" first min
for n in 1 100; do
	row "updates a second, $n at once" updates_$n max
	row "- failed" failed_$n min
	row "- 99th percentile, ms" late_$n min
	row "- CPU seconds for a thousand" cpu_$n min
done
row "$many secondary zones, their first transfer: CPU seconds" many_cpu min
row "- all changed, with NOTIFY: CPU seconds" many_again min
row "- seconds until all are served" many_took min
row "- most memory, MiB" many_memory min
row "queries a second, idle" qps_idle median
row "- with a transfer and updates" qps_busy median
row "- of idle, per cent, median of pairs" share_busy median
row "- MiB of zone sent a second meanwhile" axfr_busy median
row "- updates a second meanwhile" updates_busy median
row "asked at half of that, idle: answers a second" half_idle median
row "- with a transfer and updates, of idle, per cent, median of pairs" share_half median
row "- 99th percentile, ms, idle" half_p99_idle median
row "- with a transfer and updates" half_p99_busy median
row "99th percentile at 2,000 a second, idle" p99_idle median
row "- with a transfer and updates" p99_busy median
