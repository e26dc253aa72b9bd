# shellcheck shell=bash
# What each workload asks, and of what. Sourced by run.sh.
#
#   N         authority for a zone of N names (zonegen says what is in it)
#   signed-N  the same zone, signed (ECDSA P-256, NSEC), and asked with DO
#   zones-N   authority for N zones of 20 names
#   root      authority for the root zone, from -z: every tenth name has no TLD
#   tcp-N     as 1000, over TCP, N questions in each connection, one at a time,
#             on 50 connections: names accepts 100 from a client, and for a moment
#             those that have just been closed count too. With several at a time
#             NSD, Knot and BIND would wait 40 ms for the acknowledgement of a
#             first reply before they send the next (Nagle), and not be busy
#   cache     resolver: 20,000 names, each question asked before, so that every
#             answer is in the cache; a server on the second core has the zone
#   mix       resolver: the same 300,000 questions for each server, about
#             1,000,000 names of which few are asked for often (Zipf, 1.1);
#             half speed is the same questions once more

workload_names="N, signed-N, zones-N, root, tcp-N, cache, mix"

# known_workload reports whether $1 is one.
known_workload() {
	case $1 in
	root | cache | mix) ;;
	*)
		local size=${1#signed-}
		size=${size#zones-}
		size=${size#tcp-}
		[[ $size =~ ^[1-9][0-9]*$ ]]
		;;
	esac
}

# without prints the servers that workload $1 leaves out, and why, if any: they
# would take most of the time of the whole table.
without() {
	if [[ $1 =~ ^(signed|zones)-[0-9]{6} ]]; then echo "coredns would take minutes to load it"; fi
}

# prepare makes what a workload needs, unless it is there from an earlier one,
# and sets
#
#   kind origins files queries   who is asked, the zones and their files, what
#   changed                      the first file once more, a record and its serial
#                                changed; empty: this workload reloads nothing
#   transport per_connection clients window do_bit ask_for
#                                how it is asked; ask_for is the seconds, or once
prepare() {
	local name=$1 generate=() signed=""
	kind=authority origins=(load.test.) changed=""
	transport=udp per_connection=0 clients=4 window=25 do_bit="" ask_for=$seconds
	case $1 in
	root) origins=(.) ;;
	cache)
		kind=resolver origins=(load.bench.)
		generate=(-names 20000 -flat -origin load.bench.)
		;;
	mix)
		kind=resolver origins=(load.bench.) ask_for=once
		generate=(-names 1000000 -flat -origin load.bench. -zipf 1.1 -count 300000)
		;;
	tcp-*)
		name=1000
		generate=(-names 1000)
		transport=tcp per_connection=${1#tcp-} clients=50 window=1
		;;
	zones-*) generate=(-zones "${1#zones-}" -names 20) ;;
	signed-*)
		name=${1#signed-} signed=yes do_bit=yes
		generate=(-names "$name")
		;;
	*)
		generate=(-names "$1")
		changed=$out/$name.changed
		;;
	esac
	files=("$out/$name.zone")
	queries=$out/$name.queries
	if [ ! -s "$queries" ]; then
		case $1 in
		root) prepare_root ;;
		zones-*) mkdir -p "${files[0]}" ;;&
		*) "$out/zonegen" "${generate[@]}" -zone "${files[0]}" -queries "$queries" ;;
		esac
	fi
	case $1 in
	zones-*)
		files=("${files[0]}"/*)
		origins=("${files[@]##*/}")
		origins=("${origins[@]/%/.}")
		;;
	esac
	if [ -n "$signed" ]; then
		sign_zone "${files[0]}"
		files=("${files[0]}.signed")
	fi
	if [ -n "$changed" ] && [ ! -s "$changed" ]; then
		change_zone "${files[0]}" "$changed"
	fi
	printf '%s\0' "${files[@]}" | xargs -0 cat >/dev/null # or the first server would read them from the disk
}

# prepare_root asks for a host below one TLD after the other, and for TLDs that are
# not there. As it comes from a transfer, the file may end with the SOA record
# once more, which NSD refuses.
prepare_root() {
	gzip -cdf "$root_zone" | awk '!(toupper($4) == "SOA" && soa++)' >"${files[0]}"
	awk -v count=100000 '
		toupper($4) == "NS" && $1 != "." && !($1 in seen) { seen[$1]; tld[n++] = $1 }
		END { for (i = 0; i < count; i++) print i % 10 == 9 ? "host.no-tld-" i ". A" : "www.example." tld[i * 7919 % n] " A" }
	' "${files[0]}" >"$queries"
}

# sign_zone signs a zone unless it is signed already: a million names take three
# minutes of processor time. Nothing here validates, so one key is enough, and
# that the signatures are good is not looked at.
sign_zone() {
	[ ! -s "$1.signed" ] || return 0
	local keys=$1.keys
	mkdir -p "$keys"
	dnssec-keygen -q -K "$keys" -a ECDSAP256SHA256 -f KSK "${origins[0]}" >"$keys/log"
	dnssec-signzone -q -S -K "$keys" -d "$keys" -z -P -n "$(nproc)" -s 20200101000000 -e 20400101000000 \
		-o "${origins[0]}" -f "$1.part" "$1" >>"$keys/log" 2>&1 || { cat "$keys/log" >&2; return 1; }
	mv "$1.part" "$1.signed"
}

# change_zone writes zone $1 with another serial, 2, and another address of one
# host into $2.
change_zone() {
	sed -e 's/^@ SOA ns1 hostmaster 1 /@ SOA ns1 hostmaster 2 /' -e '9s/ A .*/ A 192.0.2.200/' "$1" >"$2"
	grep -q '^@ SOA ns1 hostmaster 2 ' "$2"
}
