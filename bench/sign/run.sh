#!/bin/bash
# Signing and verifying a large zone: names, ldns, BIND and, if kzonesign and kzonecheck
# are installed (knot-dnssecutils), Knot DNS, in one run, with the same two keys of ECDSAP256SHA256.
#
#   sign      first signing of the zone, with NSEC and with NSEC3
#   verify    checking what was signed, whole
#   crypto    the part of signing that is the library's: as many signatures, made and
#             verified, of as many octets, by the functions that "names sign" calls
#
# usage: run.sh [-q] [-n NAMES] NAMES_BINARY
# -q: 20,000 names instead of 1,000,000. Costs are CPU seconds of all threads; memory
# is the most that was resident. names verifies each signature before the zone has it;
# the others do not unless told to.
set -euo pipefail
count=1000000
while getopts qn: option; do
	case $option in
	q) count=20000 ;; n) count=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
binary=$(realpath "${1:?which binary of names}")
here=$(cd "$(dirname "$0")/../.." && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
PATH=$PATH:/usr/sbin
cd "$dir"

awk -v n="$count" 'BEGIN { print "$ORIGIN large.test.\n$TTL 3600\n@ SOA ns admin 7 3600 600 86400 60\n@ NS ns\nns A 192.0.2.1"
	for (i = 0; i < n; i++) if (i % 4) printf "host%d A 10.%d.%d.%d\n", i, i/65536%256, i/256%256, i%256; else printf "sub%d NS ns%d.example.net.\n", i, i%100 }' > large.test
for flags in --ksk --zsk; do key=$("$binary" keys generate $flags large.test); eval "k${flags#--}=$key"; done
{ cat large.test; cat "$kksk.key" "$kzsk.key"; } > with-keys

# Knot DNS keeps keys and zones in a folder of its own.
for kind in nsec nsec3; do
	mkdir -p "knot-$kind/keys" "knot-$kind/out"
	nsec3=off
	[ $kind = nsec3 ] && nsec3=on
	cat > "knot-$kind.conf" <<-TEXT
		database:
		    storage: $dir/knot-$kind
		    kasp-db: $dir/knot-$kind/keys
		policy:
		  - id: two
		    manual: on
		    nsec3: $nsec3
		    nsec3-iterations: 0
		    nsec3-salt-length: 0
		    signing-threads: $(nproc)
		    reproducible-signing: on
		zone:
		  - domain: large.test
		    storage: $dir
		    file: large.test
		    dnssec-signing: on
		    dnssec-policy: two
	TEXT
	if command -v keymgr > /dev/null; then
		for key in "$kksk" "$kzsk"; do keymgr -c "knot-$kind.conf" large.test import-bind "$key.key" > keymgr.out 2>&1 || cat keymgr.out; done
	fi
done

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

for kind in nsec nsec3; do
	hashed='' ldns_hashed='' bind_hashed='' knot_hashed=''
	if [ $kind = nsec3 ]; then hashed=--nsec3 ldns_hashed='-n -t 0' bind_hashed='-3 - -H 0' knot_hashed=-3; fi
	measure "sign $kind" names "$binary" sign $hashed --output names.$kind large.test
	measure "sign $kind" ldns-signzone ldns-signzone $ldns_hashed -o large.test. -f ldns.$kind large.test "$kksk" "$kzsk"
	measure "sign $kind" dnssec-signzone dnssec-signzone $bind_hashed -P -q -o large.test. -f bind.$kind -k "$kksk" with-keys "$kzsk"
	measure "sign $kind" kzonesign kzonesign -c knot-$kind.conf -o knot-$kind/out large.test
	measure "verify $kind" names "$binary" verify-zone names.$kind
	measure "verify $kind" ldns-verify-zone ldns-verify-zone -V 1 names.$kind
	measure "verify $kind" dnssec-verify dnssec-verify -q -o large.test. names.$kind
	measure "verify $kind" kzonecheck kzonecheck -d on -o large.test names.$kind
done
cd "$here" && go test -run '^$' -bench 'CryptoOfSigning|SignedUpdate' -benchtime 200x ./authority/sign | grep '^Benchmark'
