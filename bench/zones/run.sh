#!/bin/bash
# Many zones: names next to Knot DNS and NSD in one run, each with 1,000 zones and
# with many of 20 records. Prints a table: seconds until the first and the last zone
# are answered, memory, processor time for a query, as a multiple of that with 1,000
# zones, and seconds to add, change and remove 10 zones: the server finds them when it is
# to reload everything, or is told their names; and seconds to reload all when all have
# changed.
#
# usage: run.sh [-n ZONES] [-s SERVERS] [-t SECONDS] NAMES_BINARY
#   -n  how many (100000)   -s  which ("names knot nsd")   -t  of queries (5)
# The server knotdb is Knot with its configuration in a database, without which it cannot
# be told of new zones by name; then it has no file to reload.
set -euo pipefail
many=100000 servers="names knot nsd" seconds=5
while getopts n:s:t: option; do
	case $option in
	n) many=$OPTARG ;; s) servers=$OPTARG ;; t) seconds=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
binary=$(realpath "${1:?which binary of names}")
PATH=$PATH:/usr/sbin:/sbin
port=${PORT:-10860}
dir=$(mktemp -d /tmp/names-zones.XXXXXX)
pid=
cleanup() {
	[ -z "$pid" ] || kill "$pid" 2>/dev/null || true
	rm -rf "$dir"
}
trap cleanup EXIT

# zone NUMBER SERIAL: a zone of 20 records.
awk_zones='function zone(i, serial, file,   k) {
	print "$ORIGIN z" i ".example.\n$TTL 3600\n@ SOA ns hostmaster " serial " 7200 3600 1209600 3600\n@ NS ns\n@ NS ns2\n@ MX 10 mail\nns A 192.0.2.1\nns2 A 192.0.2.2\nmail A 192.0.2.3" > file
	for (k = 0; k < 13; k++) print "h" k " A 198.51.100." k > file
	close(file)
}'
make_zones() { # FOLDER FIRST LAST SERIAL
	mkdir -p "$1"
	awk -v dir="$1" -v first="$2" -v last="$3" -v serial="$4" "$awk_zones"'BEGIN { for (i = first; i < last; i++) zone(i, serial, dir "/z" i ".example.zone") }'
}

start() { # SERVER FOLDER COUNT
	case $1 in
	names)
		printf '[listen]\naddress = ["127.0.0.1:%s"]\n[[zones]]\ndirectory = "%s"\nmatch = "*.zone"\n[control]\nsocket = "%s/names.sock"\n' "$port" "$2" "$dir" > "$dir/names.toml"
		setsid "$binary" serve --config "$dir/names.toml" >"$dir/log" 2>&1 </dev/null & ;;
	knot | knotdb)
		rm -rf "$dir/knot"; mkdir "$dir/knot"
		{
			printf 'server:\n    listen: 127.0.0.1@%s\n    rundir: %s/knot\n    user: root\nlog:\n  - target: stderr\n    any: error\ndatabase:\n    storage: %s/knot\ncontrol:\n    listen: %s/knot/ctl\ntemplate:\n  - id: default\n    storage: %s\n    file: "%%s.zone"\n    zonefile-sync: -1\n    journal-content: none\nzone:\n' "$port" "$dir" "$dir" "$dir" "$2"
			for f in "$2"/*.zone; do f=${f##*/}; printf '  - domain: %s\n' "${f%.zone}"; done
		} > "$dir/knot.conf"
		if [ "$1" = knot ]; then
			setsid knotd -c "$dir/knot.conf" >"$dir/log" 2>&1 </dev/null &
		else
			knotc -C "$dir/knot/db" conf-import "$dir/knot.conf" >/dev/null
			setsid knotd -C "$dir/knot/db" >"$dir/log" 2>&1 </dev/null &
		fi ;;
	nsd)
		rm -rf "$dir/nsd"; mkdir "$dir/nsd"
		{
			printf 'server:\n  ip-address: 127.0.0.1@%s\n  server-count: 2\n  username: ""\n  zonesdir: "%s"\n  pidfile: "%s/nsd/pid"\n  zonelistfile: "%s/nsd/list"\n  xfrdfile: "%s/nsd/xfrd"\n  database: ""\n  verbosity: 0\nremote-control:\n  control-enable: yes\n  control-interface: %s/nsd/ctl\npattern:\n  name: folder\n  zonefile: "%%s.zone"\n' "$port" "$2" "$dir" "$dir" "$dir" "$dir"
			for f in "$2"/*.zone; do f=${f##*/}; printf 'zone:\n  name: %s\n  zonefile: %s\n' "${f%.zone}" "$f"; done
		} > "$dir/nsd.conf"
		setsid nsd -d -c "$dir/nsd.conf" >"$dir/log" 2>&1 </dev/null & ;;
	esac
	pid=$!
}
now() { date +%s.%N; }
serial() { dig -r +short +tries=1 +timeout=1 @127.0.0.1 -p "$port" "$1" SOA 2>/dev/null | awk '{print $3}'; }
wait_serial() { # NAME SERIAL SECONDS
	local end=$(($(date +%s) + $3))
	until [ "$(serial "$1")" = "$2" ]; do
		kill -0 "$pid" 2>/dev/null || { cat "$dir/log" | tail -5 >&2; return 1; }
		[ "$(date +%s)" -lt "$end" ] || return 1
		sleep 0.02
	done
}
processes() { pgrep -s "$pid" || true; } # each server has a session of its own
ticks() { for p in $(processes); do sed 's/.*) //' "/proc/$p/stat" 2>/dev/null || true; done | awk '{n += $12 + $13} END {print n}'; }
memory() { for p in $(processes); do awk '/^Pss:/ {print $2}' "/proc/$p/smaps_rollup" 2>/dev/null || true; done | awk '{n += $1} END {printf "%d", n / 1024}'; }
stop() { kill "$pid"; wait "$pid" 2>/dev/null || true; pid=; }
tell() { # SERVER
	case $1 in
	names) "$binary" ctl --socket "$dir/names.sock" reload >/dev/null ;;
	knot) knotc -s "$dir/knot/ctl" -t 600 reload >/dev/null 2>&1 ;;
	nsd) nsd-control -c "$dir/nsd.conf" reconfig >/dev/null && nsd-control -c "$dir/nsd.conf" reload >/dev/null ;;
	esac
}
tell_names() { # SERVER CHANGE: the ten zones
	local all=() z
	for i in $(seq "$many" $((many + 9))); do all+=("z$i.example"); done
	case $1-$2 in
	names-*) "$binary" ctl --socket "$dir/names.sock" reload "${all[@]}" >/dev/null ;;
	nsd-add) for z in "${all[@]}"; do echo "$z folder"; done | nsd-control -c "$dir/nsd.conf" addzones >/dev/null ;;
	nsd-change) for z in "${all[@]}"; do nsd-control -c "$dir/nsd.conf" reload "$z" >/dev/null; done ;;
	nsd-remove) printf '%s\n' "${all[@]}" | nsd-control -c "$dir/nsd.conf" delzones >/dev/null ;;
	knot*-change) knotc -s "$dir/knot/ctl" -t 600 zone-reload "${all[@]}" >/dev/null 2>&1 ;;
	knotdb-*)
		knotc -s "$dir/knot/ctl" conf-begin >/dev/null 2>&1
		for z in "${all[@]}"; do
			[ "$2" = add ] && knotc -s "$dir/knot/ctl" conf-set "zone[$z]" >/dev/null 2>&1
			[ "$2" = remove ] && knotc -s "$dir/knot/ctl" conf-unset "zone[$z]" >/dev/null 2>&1
			true
		done
		knotc -s "$dir/knot/ctl" -t 600 conf-commit >/dev/null 2>&1 ;;
	esac
}
measure() { # SERVER CHANGE HOW: adds to times
	local began
	case $2 in
	add) make_zones "$dir/many" "$many" $((many + 10)) 1 ;;
	change) make_zones "$dir/many" "$many" $((many + 10)) 2 ;;
	remove) for i in $(seq "$many" $((many + 9))); do rm "$dir/many/z$i.example.zone"; done ;;
	esac
	if [ "$3" = tell ]; then list "$1" "$2"; fi
	began=$(now)
	"$3" "$1" "$2"
	case $2 in
	add) wait_serial "z$((many + 9)).example" 1 300 ;;
	change) wait_serial "z$((many + 9)).example" 2 300 ;;
	remove) wait_serial "z$((many + 9)).example" "" 300 ;;
	esac || true
	times+=("$(awk "BEGIN {printf \"%.2f\", $(now) - $began}")")
}
list() { # SERVER CHANGE: their configuration has a list of zones
	local i
	for i in $(seq "$many" $((many + 9))); do
		case $1-$2 in
		knot-add) printf '  - domain: z%s.example\n' "$i" >> "$dir/knot.conf" ;;
		knot-remove) sed -i "/domain: z$i.example$/d" "$dir/knot.conf" ;;
		nsd-add) printf 'zone:\n  name: z%s.example\n  zonefile: z%s.example.zone\n' "$i" "$i" >> "$dir/nsd.conf" ;;
		nsd-remove) perl -0pi -e "s/zone:\n  name: z$i.example\n  zonefile: z$i.example.zone\n//" "$dir/nsd.conf" ;;
		esac
	done
}
cost() { # COUNT: microseconds of processor time for a query
	awk -v n="$1" 'BEGIN { srand(1); for (i = 0; i < 50000; i++) print "h" int(rand() * 13) ".z" int(rand() * n) ".example A" }' > "$dir/queries"
	local before after done_
	before=$(ticks)
	done_=$(dnsperf -s 127.0.0.1 -p "$port" -d "$dir/queries" -l "$seconds" -c 8 -q 200 2>/dev/null | awk '/Queries completed:/ {print $3}')
	after=$(ticks)
	awk -v t=$((after - before)) -v q="$done_" -v hz="$(getconf CLK_TCK)" 'BEGIN { printf "%.2f", 1e6 * t / hz / q }'
}

make_zones "$dir/few" 0 1000 1
make_zones "$dir/many" 0 "$many" 1
printf '| server | zones | ready, s | memory, MiB | µs a query | multiple | 10 zones added, s | changed, s | removed, s | by name: added, s | changed, s | removed, s | all changed, s |\n|---|---|---|---|---|---|---|---|---|---|---|---|---|\n'
for server in $servers; do
	binary_of=${server%db}; command -v "${binary_of/knot/knotd}" >/dev/null || [ "$server" = names ] || continue
	start "$server" "$dir/few" 1000
	wait_serial z999.example 1 60 || { echo "$server does not start" >&2; continue; }
	few=$(cost 1000)
	stop
	began=$(now)
	start "$server" "$dir/many" "$many"
	wait_serial "z$((many - 1)).example" 1 900 || { echo "$server does not load" >&2; stop; continue; }
	wait_serial "z0.example" 1 900
	ready=$(awk "BEGIN {printf \"%.1f\", $(now) - $began}")
	mem=$(memory)
	all=$(cost "$many")
	times=()
	for how in tell tell_names; do
		for change in add change remove; do
			case $server-$how-$change in
			knotdb-tell-*) times+=(-) ;;
			knot-tell_names-change) measure knot add tell; unset 'times[-1]'; measure knot change tell_names; measure knot remove tell; unset 'times[-1]' ;;
			knot-tell_names-*) times+=(-) ;;
			*) measure "$server" "$change" "$how" ;;
			esac
		done
	done
	make_zones "$dir/many" 0 "$many" 3
	began=$(now)
	tell "${server%db}"
	for i in 0 $((many / 2)) $((many - 1)); do wait_serial "z$i.example" 3 900 || true; done
	times+=("$(awk "BEGIN {printf \"%.2f\", $(now) - $began}")")
	make_zones "$dir/many" 0 "$many" 1
	stop
	printf '| %s | %d | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n' "$server" "$many" "$ready" "$mem" "$all" "$(awk "BEGIN {printf \"%.2f\", $all / $few}")" "${times[@]}"
done
