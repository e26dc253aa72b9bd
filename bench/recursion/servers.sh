# shellcheck shell=bash
# How each resolver is configured to do the same: resolve from the root with these
# hints, validate with the DS record in the file anchor, or not if it is empty,
# minimise names, with one worker, and over IPv4 unless ipv6 is set. names is not told: it sees what there is. Sourced by run.sh.
#
# A function has the arguments DIRECTORY HINTS PORT and sets the array command.

resolvers="names unbound kresd named"
cache_mib=64 # of every resolver

# program_of is what has to be installed for server $1.
program_of() {
	case $1 in
	names) echo "$binary" ;;
	*) echo "$1" ;;
	esac
}

resolver_names() {
	command=("$binary" serve -i "127.0.0.1:$3" --workers 1 --from-root --root-hints "$2" -c --cache-size "${cache_mib}MiB")
	[ -z "${anchor:-}" ] || command+=(--trust-anchor "$anchor")
}

resolver_unbound() {
	cat >"$1/unbound.conf" <<-CONF
	server:
		interface: 127.0.0.1@$3
		num-threads: 1
		directory: "$1"
		pidfile: ""
		chroot: ""
		username: ""
		use-syslog: no
		do-ip6: ${ipv6:-no}
		do-daemonize: no
		$(if [ -n "${anchor:-}" ]; then printf 'module-config: "validator iterator"\n\ttrust-anchor-file: "%s"' "$anchor"; else echo 'module-config: "iterator"'; fi)
		root-hints: "$2"
		qname-minimisation: yes
		msg-cache-size: $((cache_mib / 2))m
		rrset-cache-size: ${cache_mib}m
	remote-control:
		control-enable: no
	CONF
	command=(unbound -d -c "$1/unbound.conf")
}

resolver_kresd() {
	cat >"$1/kresd.conf" <<-CONF
	net.ipv6 = $([ -n "$ipv6" ] && echo true || echo false)
	net.listen('127.0.0.1', $3, { kind = 'dns' })
	trust_anchors.remove('.')
	$([ -z "${anchor:-}" ] || echo "trust_anchors.add_file('$anchor', true)")
	modules = { 'hints' }
	hints.root_file('$2')
	cache.open($cache_mib * MB, 'lmdb://$1/cache')
	CONF
	rm -rf "$1/cache" # it outlives the server
	mkdir "$1/cache"
	command=(kresd -n -c "$1/kresd.conf" "$1")
}

resolver_named() {
	cat >"$1/named.conf" <<-CONF
	options {
		directory "$1"; pid-file none; lock-file none; session-keyfile none;
		listen-on port $3 { 127.0.0.1; }; listen-on-v6 { none; };
		recursion yes; qname-minimization relaxed; minimal-responses yes;
		dnssec-validation $([ -n "${anchor:-}" ] && echo yes || echo no); empty-zones-enable no; max-cache-size ${cache_mib}M;
	};
	controls { };
	$([ -z "${anchor:-}" ] || awk '{ printf "trust-anchors { . static-ds %s %s %s \"%s\"; };", $3, $4, $5, $6 }' "$anchor")
	zone "." { type hint; file "$2"; };
	CONF
	command=(named -g -n 1 -c "$1/named.conf")
	[ -n "$ipv6" ] || command+=(-4)
}
