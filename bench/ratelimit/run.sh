#!/usr/bin/env bash
# Response rate limiting of names, NSD and Knot DNS, next to each other: the same floods in
# the name of a victim, two honest clients meanwhile. Run as root: it makes a network
# namespace of its own, and nothing leaves it.
#
#   bench/ratelimit/run.sh [SECONDS]
set -euo pipefail
cd "$(dirname "$0")/../.."
if [ "${1:-}" != --inside ]; then
	dir=$(mktemp -d)
	trap 'rm -rf "$dir"' EXIT
	go build -o "$dir/names" ./cmd/names
	(cd bench && go build -o "$dir/flood" ./ratelimit)
	unshare --net "$0" --inside "$dir" "${1:-8}"
	exit
fi
dir=$2 seconds=$3
ip link set lo up
for a in 198.51.100.53 192.0.2.1 192.0.2.7 203.0.113.7; do ip addr add "$a/32" dev lo; done
cat >"$dir/example" <<-ZONE
	\$ORIGIN example.
	\$TTL 300
	@ SOA ns hostmaster 1 3600 600 86400 300
	@ NS ns
	ns A 198.51.100.53
	www A 192.0.2.80
	*.wild A 192.0.2.81
	*.wild A 192.0.2.82
	*.wild A 192.0.2.83
ZONE
cat >"$dir/nsd.conf" <<-CONF
	server:
		ip-address: 198.51.100.53
		server-count: 1
		username: ""
		zonesdir: "$dir"
		database: ""
		pidfile: "$dir/nsd.pid"
		xfrdfile: "$dir/xfrd"
		zonelistfile: "$dir/zone.list"
		rrl-ratelimit: 200
		rrl-slip: 2
		rrl-ipv4-prefix-length: 24
	remote-control:
		control-enable: no
	zone:
		name: example
		zonefile: "$dir/example"
CONF
mkdir -p "$dir/knot"
cat >"$dir/knot.conf" <<-CONF
	server:
	    listen: 198.51.100.53@53
	    rundir: "$dir/knot"
	    udp-workers: 1
	database:
	    storage: "$dir/knot"
	mod-rrl:
	  - id: default
	    rate-limit: 200
	    slip: 2
	template:
	  - id: default
	    storage: "$dir"
	    global-module: mod-rrl/default
	    zonefile-sync: -1
	zone:
	  - domain: example
	    file: "$dir/example"
CONF
names=("$dir/names" serve -i 198.51.100.53 --bindzone "example=$dir/example")
unlimited=("${names[@]}" --rate-limit 0 --rate-limit-in-all 0)
nsd=(nsd -d -c "$dir/nsd.conf")
knot=(knotd -c "$dir/knot.conf")
echo "| server | flood | queries/s | octets reflected for each sent | octets reflected/s | honest, elsewhere | honest, same network |"
echo "|---|---|---|---|---|---|---|"
for server in names nsd knot unlimited; do
	for kind in one missing wildcard; do
		declare -n command=$server
		if ! command -v "${command[0]}" >/dev/null; then
			echo "skipped: ${command[0]} is not installed" >&2
			continue
		fi
		"${command[@]}" >"$dir/$server.log" 2>&1 &
		pid=$!
		for _ in $(seq 100); do
			dig +short +tries=1 +time=1 @198.51.100.53 -b 203.0.113.7 www.example. A >/dev/null 2>&1 && break
			sleep 0.1
		done
		printf '| %s ' "$server"
		"$dir/flood" -kind "$kind" -time "${seconds}s" || cat "$dir/$server.log" >&2
		kill "$pid"
		wait "$pid" 2>/dev/null || true
	done
done
