# shellcheck shell=bash
# How each server is configured to do the same with one worker. Sourced by run.sh.
#
# A function has the arguments DIRECTORY PORT and sets the array command; those
# of authorities read the arrays origins and files (the zones), those of
# resolvers forward everything to the port upstream and validate nothing.

authorities="floor names nsd knot named coredns"
resolvers="floor names unbound kresd named coredns"
cache_mib=64 # of every resolver that can be told

# program_of is what has to be installed for server $1.
program_of() {
	case $1 in
	floor) echo "$out/floor" ;;
	names) echo "$binary" ;;
	knot) echo knotd ;;
	coredns) echo "$coredns" ;;
	*) echo "$1" ;;
	esac
}

# each_zone prints its argument for every zone, with ORIGIN and FILE filled in.
each_zone() {
	local i line
	for i in "${!origins[@]}"; do
		line=${1//ORIGIN/${origins[i]}}
		printf '%s\n' "${line//FILE/${files[i]}}"
	done
}

authority_floor() { command=("$out/floor" "127.0.0.1:$2"); }
resolver_floor() { command=("$out/floor" "127.0.0.1:$2"); }

authority_names() {
	if [ ${#files[@]} -eq 1 ]; then
		command=("$binary" serve -i 127.0.0.1 -p "$2" --bindzone "${origins[0]}=${files[0]}")
		return
	fi
	# A command line is at most a quarter of the limit for stacks, 6 MiB; so
	# that of 100,000 zones has to be as short as it can.
	stack_kib=65536
	command=(env -C "${files[0]%/*}" "$binary" serve -i 127.0.0.1 -p "$2" "${files[@]/#*\//--bindzone=}")
}

resolver_names() {
	command=("$binary" serve -i 127.0.0.1 -p "$2" -r -c --cache-size "${cache_mib}MiB" --forward "127.0.0.1:$upstream")
}

authority_nsd() {
	{
		cat <<-CONF
		server:
			ip-address: 127.0.0.1@$2
			server-count: 1
			tcp-count: 1000
			username: ""
			zonesdir: "$1"
			database: ""
			pidfile: "$1/nsd.pid"
			xfrdfile: "$1/xfrd.state"
			xfrdir: "$1"
			zonelistfile: "$1/zone.list"
			minimal-responses: yes
			rrl-ratelimit: 0
		remote-control:
			control-enable: no
		CONF
		each_zone $'zone:\n\tname: "ORIGIN"\n\tzonefile: "FILE"'
	} >"$1/nsd.conf"
	command=(nsd -d -c "$1/nsd.conf")
}

authority_knot() {
	{
		cat <<-CONF
		server:
		    rundir: "$1"
		    listen: 127.0.0.1@$2
		    udp-workers: 1
		    tcp-workers: 1
		    background-workers: 1
		    tcp-max-clients: 1000
		database:
		    storage: "$1"
		template:
		  - id: default
		    zonefile-sync: -1
		    zonefile-load: whole
		    journal-content: none
		    semantic-checks: off
		zone:
		CONF
		each_zone $'  - domain: "ORIGIN"\n    file: "FILE"'
	} >"$1/knot.conf"
	command=(knotd -c "$1/knot.conf" -s "$1/k.sock")
}

# named_options prints what both uses of BIND have in common, and $3.
named_options() {
	cat <<-CONF
	options {
		directory "$1"; pid-file none; lock-file none; session-keyfile none;
		listen-on port $2 { 127.0.0.1; }; listen-on-v6 { none; };
		notify no; minimal-responses yes; empty-zones-enable no; tcp-clients 1000;
		dnssec-validation no; check-integrity no; check-names primary ignore;
		rrset-order { order none; };
		$3
	};
	controls { };
	CONF
}

authority_named() {
	{
		named_options "$1" "$2" "recursion no;"
		each_zone 'zone "ORIGIN" { type primary; file "FILE"; };'
	} >"$1/named.conf"
	command=(named -g -n 1 -c "$1/named.conf")
}

resolver_named() {
	named_options "$1" "$2" "recursion yes; forward only; forwarders { 127.0.0.1 port $upstream; }; max-cache-size ${cache_mib}M;" >"$1/named.conf"
	command=(named -g -n 1 -c "$1/named.conf")
}

authority_coredns() {
	each_zone "ORIGIN:$2 {"$'\n\tbind 127.0.0.1\n\tfile FILE ORIGIN {\n\t\treload 0\n\t}\n}' >"$1/Corefile"
	command=("$coredns" -conf "$1/Corefile")
}

resolver_coredns() {
	cat >"$1/Corefile" <<-CONF
	.:$2 {
		bind 127.0.0.1
		forward . 127.0.0.1:$upstream
		cache 3600 {
			success 131072
			denial 131072
		}
	}
	CONF
	command=("$coredns" -conf "$1/Corefile")
}

resolver_unbound() {
	cat >"$1/unbound.conf" <<-CONF
	server:
		interface: 127.0.0.1@$2
		num-threads: 1
		directory: "$1"
		pidfile: ""
		chroot: ""
		username: ""
		use-syslog: no
		do-ip6: no
		do-daemonize: no
		module-config: "iterator"
		do-not-query-localhost: no
		msg-cache-size: ${cache_mib}m
		rrset-cache-size: ${cache_mib}m
		incoming-num-tcp: 1000
	remote-control:
		control-enable: no
	forward-zone:
		name: "."
		forward-addr: 127.0.0.1@$upstream
	CONF
	command=(unbound -d -c "$1/unbound.conf")
}

resolver_kresd() {
	cat >"$1/kresd.conf" <<-CONF
	net.ipv6 = false
	net.listen('127.0.0.1', $2, { kind = 'dns' })
	trust_anchors.remove('.')
	modules = { 'policy' }
	modules.unload('priming')
	cache.open($cache_mib * MB, 'lmdb://$1/cache')
	policy.add(policy.all(policy.FORWARD('127.0.0.1@$upstream')))
	CONF
	mkdir -p "$1/cache"
	command=(kresd -n -c "$1/kresd.conf" "$1")
}
