# shellcheck shell=bash
# What a reload costs clients that ask meanwhile. Sourced by run.sh.

# measure_reload puts the changed zone in the place of that which the server
# that $2 leads has loaded, tells it to reload, and asks $3 questions a second
# until the new serial is seen. It sets reload_s, reload_p999, reload_lost and
# reload_peak (MiB); latency and losses are those between the signal and the new
# serial. Servers that cannot reload, or do not within two minutes, leave "-".
measure_reload() {
	local server=$1 leader=$2 rate=$3 dir=$4 command asking
	[ -n "$changed" ] && [ "$generator" = names ] && [[ " names nsd knot named " == *" $server "* ]] || return 0
	bench_command 300 "$rate"
	"${command[@]}" --warm-up 1s >"$dir/reload.log" 2>&1 &
	asking=$!
	sleep 1
	touch "$changed" # BIND looks at nothing that is older than what it has
	ln -sfn "$changed" "$dir/zone"
	kill -HUP "$leader"
	# Politely: it shares the core with the generator, and takes longer than the
	# latencies that are measured.
	(
		renice -n 19 -p "$BASHPID" >/dev/null
		watch_reload "$leader"
	) >"$dir/reload.seen"
	kill -TERM "$asking" 2>/dev/null || true
	wait "$asking" || true
	read -r reload_s reload_peak <"$dir/reload.seen"
	if [ "$reload_s" = - ]; then
		complain "$server has not reloaded within two minutes; see $dir"
		failures=$((failures + 1))
		return 0
	fi
	read_report "$dir/reload.log"
	reload_p999=$p999 reload_lost=$lost
}

# watch_reload prints after how many seconds serial 2 is served, and how many
# MiB the server has had at most.
watch_reload() {
	local begun peak=0 kib
	begun=$(now)
	while [ "$(calculate %d "$(now) - $begun")" -lt 120 ]; do
		kib=$(memory_kib "$1")
		[ "$kib" -le "$peak" ] || peak=$kib
		if taskset -c "$asking_core" dig -r +nocookie +short @127.0.0.1 -p "$port" "${origins[0]}" SOA +tries=1 +time=2 2>/dev/null | grep -q ' 2 3600 '; then
			echo "$(calculate %.2f "$(now) - $begun") $((peak / 1024))"
			return
		fi
		sleep 0.05
	done
	echo "- -"
}
