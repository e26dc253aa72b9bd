#!/bin/bash
# What queries over TLS, HTTPS and QUIC cost a server: names, and NSD, BIND, Unbound,
# dnsdist, Knot Resolver and CoreDNS where they are installed, one after the other, with one
# answer to give; over HTTPS also a program that is only Go's net/http.
#
#   [SERVERS="names bind"] [IDLE=10000] [COREDNS=coredns] bench/encrypted/run.sh [SECONDS]
#
# For each server and transport, UDP first: queries and microseconds of the server's processor time
# for each, over connections that are kept; that as a multiple of UDP's; handshakes and the same
# for each, over new connections, and how many of these there were a second and would be on a core that
# does only that; and, over TLS, the memory of 10,000 idle connections. All on 127.0.0.1, what asks
# on another core. The figures are processor time of the server, and so bear a generator
# that is slower than the server; connections a second do not.
set -euo pipefail
here=$(realpath "$(dirname "$0")")
# shellcheck source=../load/common.sh
. "$here/../load/common.sh"
seconds=${1:-5}
idle=${IDLE:-10000}
coredns=${COREDNS:-coredns}
ulimit -n "$(ulimit -Hn)"
out=$(mktemp -d /tmp/names-encrypted.XXXXXX)
names=$out/names
(cd "$here/../.." && go build -o "$names" ./cmd/names)
(cd "$here" && go build -o "$out/idle" ./idle && go build -o "$out/nethttp" ./nethttp)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; rm -rf "$out"' EXIT
dot=$((port + 1)) https=$((port + 2)) quic=$((port + 3))

cat >"$out/zone" <<'ZONE'
$ORIGIN example.com.
$TTL 3600
@ SOA ns a 1 3600 600 86400 60
@ NS ns
ns A 192.0.2.1
www A 192.0.2.80
ZONE

# The key and the certificate are the same for all.
"$names" serve -i "127.0.0.1:$port" --tls "127.0.0.1:$dot" --tls-self-signed "$out/tls.pem" --bindzone example.com="$out/zone" >/dev/null 2>&1 &
server=$!
until [ -s "$out/tls.pem" ]; do sleep 0.05; done
kill "$server"; wait "$server" 2>/dev/null || true
server=
sed '/BEGIN CERTIFICATE/,$d' "$out/tls.pem" >"$out/key.pem"

# Idle connections are kept by all of them, as long as they can be told to.
start_names() {
	cat >"$out/names.toml" <<CONF
[listen]
address = ["127.0.0.1:$port"]
[tls]
address = ["127.0.0.1:$dot"]
certificate = ["$out/tls.pem"]
[https]
address = ["127.0.0.1:$https"]
[quic]
address = ["127.0.0.1:$quic"]
[limits]
connections = 20000
connections-per-client = 20000
idle-timeout = "10m"
[[zone]]
name = "example.com"
file = "$out/zone"
CONF
	taskset -c "$server_core" "$names" serve --config "$out/names.toml" >"$out/names.log" 2>&1 &
}

start_bind() {
	cat >"$out/named.conf" <<CONF
tls here { cert-file "$out/tls.pem"; key-file "$out/key.pem"; };
http here { endpoints { "/dns-query"; }; listener-clients 20000; streams-per-connection 1000; };
options {
	directory "$out"; pid-file none; lock-file none; session-keyfile none; recursion no; tcp-clients 20000; tcp-idle-timeout 1200;
	listen-on port $port { 127.0.0.1; }; listen-on-v6 { none; };
	listen-on port $dot tls here { 127.0.0.1; }; listen-on port $https tls here http here { 127.0.0.1; };
};
controls { };
zone "example.com" { type primary; file "$out/zone"; };
CONF
	taskset -c "$server_core" named -g -n 1 -c "$out/named.conf" >"$out/bind.log" 2>&1 &
}

start_unbound() { # it wants three times as many descriptors, one for each interface
	local most=$((($(ulimit -n) - 1000) / 3))
	cat >"$out/unbound.conf" <<CONF
server:
	interface: 127.0.0.1@$port
	interface: 127.0.0.1@$dot
	interface: 127.0.0.1@$https
	tls-port: $dot
	https-port: $https
	tls-service-key: "$out/key.pem"
	tls-service-pem: "$out/tls.pem"
	num-threads: 1
	incoming-num-tcp: $((idle + 100 < most ? idle + 100 : most))
	tcp-idle-timeout: 600000
	directory: "$out"
	pidfile: ""
	chroot: ""
	username: ""
	use-syslog: no
	do-daemonize: no
	module-config: "iterator"
remote-control:
	control-enable: no
auth-zone:
	name: "example.com"
	zonefile: "$out/zone"
CONF
	taskset -c "$server_core" unbound -d -c "$out/unbound.conf" >"$out/unbound.log" 2>&1 &
}

start_kresd() {
	mkdir -p "$out/kresd/cache"
	cat >"$out/kresd.conf" <<CONF
net.listen('127.0.0.1', $port, { kind = 'dns' })
net.listen('127.0.0.1', $dot, { kind = 'tls' })
net.listen('127.0.0.1', $https, { kind = 'doh2' })
net.tls('$out/tls.pem', '$out/key.pem')
trust_anchors.remove('.')
net.tcp_in_idle(600000)
cache.open(10 * MB, 'lmdb://$out/kresd/cache')
modules.load('hints > iterate')
hints['www.example.com'] = '192.0.2.80'
CONF
	taskset -c "$server_core" kresd -n -c "$out/kresd.conf" "$out/kresd" >"$out/kresd.log" 2>&1 &
}

start_nsd() { # it has no HTTPS and no QUIC
	cat >"$out/nsd.conf" <<CONF
server:
	ip-address: 127.0.0.1@$port
	ip-address: 127.0.0.1@$dot
	tls-port: $dot
	tls-service-key: "$out/key.pem"
	tls-service-pem: "$out/tls.pem"
	server-count: 1
	tcp-count: $((idle + 100))
	tcp-timeout: 600
	username: ""
	chroot: ""
	zonesdir: "$out"
	database: ""
	pidfile: ""
	zonelistfile: "$out/nsd.list"
	xfrdfile: "$out/nsd.xfrd"
	verbosity: 0
	rrl-ratelimit: 0
remote-control:
	control-enable: no
zone:
	name: "example.com"
	zonefile: "$out/zone"
CONF
	taskset -c "$server_core" nsd -d -c "$out/nsd.conf" >"$out/nsd.log" 2>&1 &
}

start_dnsdist() { # it answers by itself
	cat >"$out/dnsdist.conf" <<CONF
setLocal('127.0.0.1:$port')
setACL({'127.0.0.0/8'})
setMaxTCPClientThreads(1)
setSecurityPollSuffix('')
setMaxTCPConnectionDuration(0)
setTCPRecvTimeout(600)
addTLSLocal('127.0.0.1:$dot', '$out/tls.pem', '$out/key.pem', {maxInFlight=1000, maxConcurrentTCPConnections=20000})
addDOHLocal('127.0.0.1:$https', '$out/tls.pem', '$out/key.pem', '/dns-query', {idleTimeout=600})
newServer({address='127.0.0.1:1', healthCheckMode='up'})
addAction('www.example.com.', SpoofAction({'192.0.2.80'}))
CONF
	taskset -c "$server_core" dnsdist --supervised --disable-syslog -C "$out/dnsdist.conf" >"$out/dnsdist.log" 2>&1 &
}

start_nethttp() { # over HTTPS alone
	GOMAXPROCS=1 taskset -c "$server_core" "$out/nethttp" "127.0.0.1:$https" "$out/tls.pem" >"$out/nethttp.log" 2>&1 &
}

start_coredns() {
	cat >"$out/Corefile" <<CONF
(zone) {
	bind 127.0.0.1
	file $out/zone example.com
}
.:$port {
	import zone
}
tls://.:$dot {
	import zone
	tls $out/tls.pem $out/key.pem
	timeouts {
		idle 10m
	}
}
https://.:$https {
	import zone
	tls $out/tls.pem $out/key.pem
}
quic://.:$quic {
	import zone
	tls $out/tls.pem $out/key.pem
}
CONF
	GOMAXPROCS=1 taskset -c "$server_core" "$coredns" -conf "$out/Corefile" >"$out/coredns.log" 2>&1 &
}

# used is the processor time of the server in microseconds, with that of the processes which
# it has started: NSD answers in one of these.
family() { echo "$server" "$(pgrep -P "$server" | tr '\n' ' ')" $(for child in $(pgrep -P "$server"); do pgrep -P "$child"; done); }
used() {
	local one
	for one in $(family); do cat "/proc/$one/stat" 2>/dev/null || true; done |
		awk -v tick="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); sum += $12 + $13 } END { print sum * 1000000 / tick }'
}
field() { awk -F'[":, ]+' -v name="$1" '$2 == name { print $3; exit }' "$2"; }

# measure asks over a transport, with more options, and prints how many and what each cost.
measure() {
	local transport=$1 at=$2 before after
	shift 2
	each= count=
	before=$(used)
	taskset -c "$asking_core" "$names" bench @127.0.0.1 -p "$at" --transport "$transport" --time "${seconds}s" --json "$@" www.example.com >"$out/report" 2>/dev/null || true
	after=$(used)
	count=$(field answered "$out/report")
	[ "${count:-0}" -gt 0 ] || { printf ' %9s %9s' - -; return; }
	each=$(awk -v n="$count" -v cpu="$(awk -v a="$after" -v b="$before" 'BEGIN { print a - b }')" 'BEGIN { printf "%.2f", cpu / n }')
	printf ' %9d %9.1f' "$count" "$each"
}

# multiple prints what a query cost in the last measurement, as a multiple of one over UDP.
multiple() { awk -v each="${each:-0}" -v udp="${udp:-0}" 'BEGIN { if (each > 0 && udp > 0) printf " %6.1f", each / udp; else printf " %6s", "-" }'; }

# rates prints how many of the last measurement there were a second, and in a second of the
# server's processor time.
rates() { awk -v count="${count:-0}" -v seconds="$seconds" -v each="${each:-0}" 'BEGIN { if (each > 0) printf " %7.0f %7.0f", count / seconds, 1000000 / each; else printf " %7s %7s", "-", "-" }'; }

row() {
	local name=$1 transport=$2 at=$3
	printf '%-8s %-6s' "$name" "$transport"
	measure "$transport" "$at" --clients 4 --window 25
	if [ "$transport" = udp ]; then
		udp=$each
		printf '\n'
		return
	fi
	multiple
	measure "$transport" "$at" --clients 4 --window 1 --per-connection 1
	rates
	measure "$transport" "$at" --clients 4 --window 1 --per-connection 1 --resume
	if [ "$transport" = tls ]; then
		# What is resident is that of the process which answers.
		local before opened holder=$server
		[ "$name" != nsd ] || holder=$(for one in $(family); do echo "$(awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$one/stat") $one"; done | sort -n | tail -1 | cut -d' ' -f2)
		before=$(awk '$1 == "VmRSS:" { print $2 }' "/proc/$holder/status")
		opened=$("$out/idle" "127.0.0.1:$at" "$idle" "/proc/$holder/status")
		printf ' %s' "$opened" | awk -v before="$before" '{ printf " %6d %8.1f", $1, $1 ? ($2 - before) / $1 : 0 }'
	fi
	printf '\n'
}

printf '%-8s %-6s %9s %9s %6s %9s %9s %7s %7s %9s %9s %6s %8s\n' server over queries us/each by-udp handshake us/each /s /core-s resumed us/each idle KiB/each
for name in ${SERVERS:-names nethttp nsd bind unbound dnsdist kresd coredns}; do
	case $name in
	names) program=$names ;;
	coredns) program=$coredns ;;
	bind) program=named ;;
	nethttp) program=$out/nethttp ;;
	*) program=$name ;;
	esac
	command -v "$program" >/dev/null || { complain "$program is not installed"; continue; }
	"start_$name"
	server=$!
	ready=(-p "$dot" +tls)
	[ "$name" != nethttp ] || ready=(-p "$https" +https)
	for _ in $(seq 300); do
		"$names" query @127.0.0.1 "${ready[@]}" +tries=1 +short www.example.com >/dev/null 2>&1 && break
		sleep 0.1
	done
	kill -0 "$server" 2>/dev/null || { complain "$name does not run"; cat "$out/$name.log" >&2; server=; continue; }
	udp=0
	[ "$name" = nethttp ] || row "$name" udp "$port"
	[ "$name" = nethttp ] || row "$name" tls "$dot"
	[ "$name" = nsd ] || row "$name" https "$https"
	[ "$name" != names ] || row "$name" h3 "$https"
	case $name in
	names | coredns) row "$name" quic "$quic" ;;
	esac
	kill "$server"
	wait "$server" 2>/dev/null || true
	server=
done
