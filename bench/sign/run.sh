#!/bin/bash
# Signing a large zone: names, ldns, BIND and Knot DNS (those that are installed) in one run,
# with the same two keys of ECDSAP256SHA256.
#
#   sign     first signing of a zone file: names sign, ldns-signzone, dnssec-signzone, kzonesign
#   verify   checking what was signed, whole
#   serve    servers that sign: what the first signing takes, what the zone takes of memory
#            signed and unsigned, and updates of one record, with what secondaries get (IXFR)
#   spread   how signatures that are due are made again: signatures an hour, in virtual time
#   library  the part of signing that is the library's; answers signed when they are asked for
#
# usage: run.sh [-q] [-n NAMES] [-w "MEASUREMENTS"] [-k "nsec nsec3"] NAMES_BINARY
# -q: 20,000 names instead of 1,000,000. Costs are CPU seconds of all threads; memory
# is the most that was resident. Of many signatures, names verifies one in sixteen before
# the zone has it; the others verify none unless told to.
set -euo pipefail
count=1000000 wanted="sign verify serve spread library" kinds="nsec nsec3" updates=100
while getopts qn:w:k: option; do
	case $option in
	q) count=20000 ;; n) count=$OPTARG ;; w) wanted=$OPTARG ;; k) kinds=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
binary=$(realpath "${1:?which binary of names}")
here=$(cd "$(dirname "$0")/../.." && pwd)
dir=$(mktemp -d) pids=()
stop() { for p in "${pids[@]}"; do kill "$p" 2>/dev/null && wait "$p" 2>/dev/null || true; done; pids=(); }
trap 'stop; rm -rf "$dir"' EXIT
PATH=$PATH:/usr/sbin
cd "$dir"

awk -v n="$count" 'BEGIN { print "$ORIGIN large.test.\n$TTL 3600\n@ SOA ns admin 7 3600 600 86400 60\n@ NS ns\nns A 192.0.2.1"
	for (i = 0; i < n; i++) if (i % 4) printf "host%d A 10.%d.%d.%d\n", i, i/65536%256, i/256%256, i%256; else printf "sub%d NS ns%d.example.net.\n", i, i%100 }' > large.test
for flags in --ksk --zsk; do key=$("$binary" keys generate $flags large.test); eval "k${flags#--}=$key"; done

# knot_policy NSEC3: the part of Knot's configuration that says how to sign.
knot_policy() {
	printf 'policy:\n  - id: two\n    manual: on\n    nsec3: %s\n    nsec3-iterations: 0\n    nsec3-salt-length: 0\n    signing-threads: %s\n    reproducible-signing: on\n' "$1" "$(nproc)"
}
# knot_keys CONFIGURATION: gives Knot the two keys.
knot_keys() {
	local key
	for key in "$kksk" "$kzsk"; do keymgr -c "$1" large.test import-bind "$key.key" > keymgr.out 2>&1 || cat keymgr.out; done
}

# measure WHAT PROGRAM COMMAND...: a row, or that it failed.
measure() {
	local what=$1 who=$2
	shift 2
	command -v "$1" > /dev/null || { printf '%-14s %-16s not installed\n' "$what" "$who"; return; }
	if ! /usr/bin/time -f '%U %S %e %M' -o times "$@" > out 2>&1; then
		printf '%-14s %-16s failed: %s\n' "$what" "$who" "$(tail -1 out)"
		return
	fi
	awk -v what="$what" -v who="$who" -v n="$count" '{ printf "%-14s %-16s %8.2f s CPU  %8.2f s  %6d MiB  %9.0f names/s of CPU\n", what, who, $1+$2, $3, $4/1024, n/($1+$2+0.001) }' times
}

# files KIND: the programs that sign a file.
files() {
	local hashed='' ldns_hashed='' bind_hashed='' nsec3=off
	if [ "$1" = nsec3 ]; then hashed=--nsec3 ldns_hashed='-n -t 0' bind_hashed='-3 - -H 0' nsec3=on; fi
	mkdir -p "knot-$1/keys" "knot-$1/out"
	{
		printf 'database:\n    storage: %s/knot-%s\n    kasp-db: %s/knot-%s/keys\n' "$dir" "$1" "$dir" "$1"
		knot_policy $nsec3
		printf 'zone:\n  - domain: large.test\n    storage: %s\n    file: large.test\n    dnssec-signing: on\n    dnssec-policy: two\n' "$dir"
	} > "knot-$1.conf"
	! command -v keymgr > /dev/null || knot_keys "knot-$1.conf"
	cat large.test "$kksk.key" "$kzsk.key" > with-keys
	measure "sign $1" names "$binary" sign $hashed --output "names.$1" large.test
	measure "sign $1" names-sample "$binary" sign $hashed --verify-sample --output "names-sample.$1" large.test
	if [[ $wanted == *sign* ]]; then
		measure "sign $1" ldns-signzone ldns-signzone $ldns_hashed -o large.test. -f ldns.signed large.test "$kksk" "$kzsk"
		measure "sign $1" dnssec-signzone dnssec-signzone $bind_hashed -P -q -o large.test. -f bind.signed -k "$kksk" with-keys "$kzsk"
		measure "sign $1" kzonesign kzonesign -c "knot-$1.conf" -o "knot-$1/out" large.test
		rm -rf ldns.signed bind.signed "knot-$1/out"
	fi
	[[ $wanted == *verify* ]] || return 0
	measure "verify $1" names "$binary" verify-zone "names.$1"
	measure "verify $1" ldns-verify-zone ldns-verify-zone -V 1 "names.$1"
	measure "verify $1" dnssec-verify dnssec-verify -q -o large.test. "names.$1"
	measure "verify $1" kzonecheck kzonecheck -d on -o large.test "names.$1"
}

. "$here/bench/sign/serving.sh"
if [[ $wanted == *sign* || $wanted == *verify* ]]; then
	for kind in $kinds; do files "$kind"; done
fi
if [[ $wanted == *serve* ]]; then
	for kind in $kinds; do
		for server in names knot bind; do serving $server "$kind"; done
	done
fi
if [[ $wanted == *spread* ]]; then (cd "$here/bench" && go run ./sign/spread); fi
if [[ $wanted == *library* ]]; then
	cd "$here" && go test -run '^$' -bench 'CryptoOfSigning|SignedUpdate|Online' -benchtime 2000x ./authority/sign | grep '^Benchmark'
fi
