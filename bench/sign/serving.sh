# Servers that sign a zone themselves; run.sh reads this.

# cpu and resident: seconds, and KiB that are in memory now, of a process.
cpu() { awk -v hz="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); split($0, f, " "); printf "%.2f", (f[12] + f[13]) / hz }' "/proc/$1/stat"; }
resident() { awk '/VmRSS/ { print $2 }' "/proc/$1/status"; }
ask() { dig @127.0.0.1 -p "$port" +time=2 +tries=1 "$@" 2>/dev/null; }
serial() { ask large.test soa +short | awk 'NF >= 7 { print $3 }'; }

# start_signer SERVER KIND PORT: starts a server that signs the zone, or, with the kind
# "unsigned", one that does not.
start_signer() {
	local kind=$2 port=$3 d="$dir/$1-$2" nsec3=off
	[ "$kind" != nsec3 ] || nsec3=on
	rm -rf "$d"; mkdir -p "$d/keys"; cp large.test "$d/"
	case $1 in
	names)
		cp "$kksk".* "$kzsk".* "$d/keys/"
		{
			printf '[listen]\naddress = ["127.0.0.1:%s"]\n[journal]\ndir = "%s/journal"\n[signing]\nkey-dir = "%s/keys"\n' "$port" "$d" "$d"
			printf '[policy.default]\nkeys = "two"\nnsec3 = %s\nds-check = false\n' "$([ $nsec3 = on ] && echo true || echo false)"
			printf '[[zone]]\nfile = "%s/large.test"\nupdate = [{ addresses = ["127.0.0.1"] }]\nallow-transfer = ["127.0.0.1"]\n' "$d"
			[ "$kind" = unsigned ] || echo 'sign = "default"'
		} > "$d/conf.toml"
		"$binary" serve --config "$d/conf.toml" > "$d/log" 2>&1 & ;;
	knot)
		{
			printf 'server:\n    rundir: %s\n    listen: 127.0.0.1@%s\ndatabase:\n    storage: %s\n    kasp-db: %s/keys\nlog:\n  - target: stderr\n    any: info\n' "$d" "$port" "$d" "$d"
			printf 'acl:\n  - id: all\n    address: 127.0.0.1\n    action: [transfer, update]\n'
			knot_policy $nsec3
			printf 'zone:\n  - domain: large.test\n    storage: %s\n    file: large.test\n    zonefile-sync: -1\n    zonefile-load: whole\n    journal-content: changes\n    journal-max-depth: 1000\n    acl: all\n' "$d"
			[ "$kind" = unsigned ] || printf '    dnssec-signing: on\n    dnssec-policy: two\n'
		} > "$d/conf"
		[ "$kind" = unsigned ] || knot_keys "$d/conf"
		knotd -c "$d/conf" -s "$d/sock" > "$d/log" 2>&1 & ;;
	bind)
		# BIND signs a zone that is loaded a few nodes at a time, and writes a journal of it:
		# here it gets one that dnssec-signzone has signed, and keeps it signed.
		{
			printf 'options { directory "%s"; pid-file none; lock-file none; session-keyfile none; listen-on port %s { 127.0.0.1; }; listen-on-v6 { none; }; recursion no; empty-zones-enable no; dnssec-validation no; notify no; allow-transfer { 127.0.0.1; }; max-journal-size 1g; };\ncontrols { };\n' "$d" "$port"
			printf 'zone "large.test" { type primary; file "large.test"; journal "%s/journal"; allow-update { 127.0.0.1; }; ' "$d"
			[ "$kind" = unsigned ] || printf 'key-directory "%s/keys"; auto-dnssec maintain; sig-validity-interval 14 5; ' "$d"
			echo '};'
		} > "$d/conf"
		if [ "$kind" != unsigned ]; then
			cp "$kksk".* "$kzsk".* "$d/keys/"
			cat large.test "$kksk.key" "$kzsk.key" > with-keys
			/usr/bin/time -f '%U %S' -o "$d/signing" dnssec-signzone $([ $nsec3 = off ] || echo -3 - -H 0) -P -q -o large.test. -f "$d/large.test" -k "$kksk" with-keys "$kzsk" > "$d/log" 2>&1
		fi
		named -g -c "$d/conf" > "$d/log" 2>&1 & ;;
	esac
	pids+=($!)
	for _ in $(seq 36000); do
		kill -0 "${pids[-1]}" 2>/dev/null || break
		if [ "$kind" = unsigned ]; then ask host1.large.test a +short | grep -q . && return; else ask host1.large.test a +dnssec +short | grep -q "^A 13" && return; fi
		sleep 0.2
	done
	echo "$1 $kind does not answer: $(tail -1 "$d/log")"
	return 1
}

# serving SERVER KIND: rows for a server.
serving() {
	local server=$1 kind=$2 port=$((20000 + $$ % 10000)) plain signed p first before i from
	case $server in names) : ;; knot) command -v knotd > /dev/null || { echo "serve $kind $server not installed"; return; } ;; bind) command -v named > /dev/null || { echo "serve $kind $server not installed"; return; } ;; esac
	start_signer "$server" unsigned $port || return 0
	sleep 2; plain=$(resident "${pids[-1]}"); stop
	start_signer "$server" "$kind" $port || { stop; return 0; }
	p=${pids[-1]}
	first=$(cpu "$p"); [ "$server" != bind ] || first=$(awk '{ print $1 + $2 }' "$dir/$server-$kind/signing")
	sleep 2; signed=$(resident "$p")
	from=$(serial) before=$(cpu "$p")
	{
		echo "server 127.0.0.1 $port"; echo "zone large.test"
		for i in $(seq $updates); do echo "update add new$((i * 7919)).large.test 300 A 192.0.2.9"; echo send; done
	} | nsupdate > "$dir/nsupdate" 2>&1 || { echo "serve $kind $server: updates failed: $(tail -1 "$dir/nsupdate")"; stop; return 0; }
	printf 'serve %-8s %-8s first signing %8.2f s CPU  memory %5d MiB, unsigned %5d MiB, %4d octets a name more  update %8.3f ms CPU' \
		"$kind" "$server" "$first" $((signed / 1024)) $((plain / 1024)) $(((signed - plain) * 1024 / count)) "$(awk -v a="$(cpu "$p")" -v b="$before" -v n=$updates 'BEGIN { print (a - b) * 1000 / n }')"
	ask large.test ixfr="$from" +tcp +noall +stats | awk -v n=$updates '/XFR size/ { gsub(/[^0-9 ]/, ""); printf "  %.1f records and %.0f octets of IXFR\n", ($1 - 2) / n, $3 / n; found = 1 } END { if (!found) print "  no IXFR" }'
	stop
}
