#!/usr/bin/env bash
# Installs the servers that names is compared with and prints all the tables: on
# a machine with Debian, as root, once. Nothing that it installs is started.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
coredns_version=v1.15.0
packages=(nsd knot bind9 bind9-utils unbound knot-resolver dnsperf bind9-dnsutils)

usage() {
	cat <<-TEXT
	usage: peers.sh [-q] [-d SECONDS] [-r ROUNDS] [-z ROOT_ZONE] [-o DIR]
	  -q  quick: 2 seconds and two rounds, without the large zones
	  -d  how long each server is asked at each speed (default 4)
	  -r  how many rounds of each workload (default 6)
	  -z  the root zone as a master file, perhaps compressed with gzip
	  -o  where CoreDNS, zones, logs and results.tsv go (default: build/peers).
	      Zones that are there are not made again: signing takes minutes
	TEXT
}

seconds=4 rounds=6 quick="" root_zone="" out=$here/../../build/peers
while getopts "qd:r:z:o:h" option; do
	case $option in
	q) quick=yes seconds=2 rounds=2 ;;
	d) seconds=$OPTARG ;;
	r) rounds=$OPTARG ;;
	z) root_zone=$(realpath "$OPTARG") ;;
	o) out=$OPTARG ;;
	h) usage; exit 0 ;;
	*) usage >&2; exit 2 ;;
	esac
done
mkdir -p "$out"
out=$(realpath "$out")

# install gets the packages that are missing. Debian starts a server that it
# installs unless policy-rc.d says no, which it does here for as long as that
# takes.
install() {
	local package missing=()
	for package in "${packages[@]}"; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	if [ "$(id -u)" -ne 0 ]; then
		echo "peers.sh: not root, so these are not installed: ${missing[*]}" >&2
		exit 1
	fi
	local policy=/usr/sbin/policy-rc.d ours=""
	if [ ! -e "$policy" ]; then
		ours=yes
		trap 'rm -f /usr/sbin/policy-rc.d' EXIT # should apt-get fail
		printf '#!/bin/sh\nexit 101\n' >"$policy"
		chmod 755 "$policy"
	elif "$policy" nsd start >/dev/null 2>&1; then
		echo "peers.sh: $policy lets servers start that are installed; install these first: ${missing[*]}" >&2
		exit 1
	fi
	apt-get update -q
	DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
	[ -z "$ours" ] || rm -f "$policy"
}

install
# A cross-compiling environment would put the binary elsewhere.
[ -x "$out/coredns" ] || env -u GOOS -u GOARCH GOBIN="$out" go install "github.com/coredns/coredns@$coredns_version"

options=(-c "$out/coredns" -o "$out" -d "$seconds" -r "$rounds")
workloads="1000 zones-10000 tcp-1 tcp-10 tcp-100 cache mix"
if [ -n "$root_zone" ]; then
	options+=(-z "$root_zone")
	workloads+=" root"
fi
names=100000
if [ -z "$quick" ]; then
	workloads+=" 1000000 signed-1000000 zones-100000"
	names=4350000
fi
failed=0
echo "what asking costs:"
"$here/generators.sh" -d "$seconds" -r "$rounds" -o "$out" || failed=1
echo "the collector of garbage:"
"$here/gc.sh" -d "$seconds" -n "$names" -o "$out" || failed=1
"$here/run.sh" "${options[@]}" -w "$workloads" || failed=1
exit $failed
