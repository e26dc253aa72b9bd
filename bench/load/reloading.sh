#!/usr/bin/env bash
# Asks 20,000 queries a second, half over UDP and half over TCP, while the configuration
# of the server changes 100 times at random among 50 that are valid and 50 that are
# broken: zones come, go and change, addresses, limits, cookie secrets. No query may be
# lost, no reply be other than NOERROR or REFUSED, every valid configuration must be taken
# and every broken one refused, and memory must stay.
#
#   reloading.sh [-r RATE] [-t SECONDS] [-n CHANGES] NAMES_BINARY
#
# What each reply may say is checked by TestReloadUnderLoad (cmd/internal/serve), which
# asks as fast as it can; here the rate is fixed, and queries are due whatever the server does.
set -euo pipefail
rate=20000 seconds=60 changes=100
while getopts r:t:n: option; do
	case $option in
	r) rate=$OPTARG ;; t) seconds=$OPTARG ;; n) changes=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
names=$(realpath "${1:?usage: reloading.sh [-r RATE] [-t SECONDS] [-n CHANGES] NAMES_BINARY}")
port=${PORT:-10870}
dir=$(mktemp -d /tmp/names-reloading.XXXXXX)
running=()
trap 'kill "${running[@]}" 2>/dev/null || true; wait; rm -rf "$dir"' EXIT
RANDOM=${SEED:-45}

for zone in {0..9}; do
	for version in 1 2 3; do
		printf '$TTL 300\n@ SOA ns a %d 3600 600 86400 60\n@ NS ns\nns A 192.0.2.%d\n' $version $version >"$dir/z$zone.v$version"
	done
	printf 'ns.z%d.example A\n' "$zone" >>"$dir/questions"
done
wrong=('[cache]\nsize = "much"' '[[zone]]\nfile = "missing"' '[nonsense]' '[recursion]\nforward = ["x"]' '[journal]\ndir = "j"')
for i in {0..49}; do
	{
		printf '[control]\nsocket = "%s/control.sock"\n[listen]\naddress = ["127.0.0.1:%d"' "$dir" "$port"
		for other in 1 2 3; do
			[ $((RANDOM % 2)) = 0 ] || printf ', "127.0.0.1:%d"' $((port + other))
		done
		printf ']\nmax-udp-size = %d\n[identity]\nnsid = "v%d"\ncookie-secret = ["%032x"]\n[limits]\nconnections = %d\nidle-timeout = "%ds"\nrate-limit = 0\nrate-limit-in-all = 0\n' \
			$((1232 + i)) "$i" $((i + 1)) $((100 + i)) $((60 + i))
		for zone in {0..9}; do
			version=$((RANDOM % 4))
			[ $version = 0 ] || printf '[[zone]]\nname = "z%d.example"\nfile = "%s/z%d.v%d"\n' "$zone" "$dir" "$zone" $version
		done
	} >"$dir/valid$i"
	{
		cat "$dir/valid$i"
		printf '%b\n' "${wrong[i % 5]}"
	} >"$dir/broken$i"
done

cp "$dir/valid0" "$dir/names.toml"
"$names" serve --config "$dir/names.toml" 2>"$dir/log" &
server=$!
running=("$server")
ctl() { "$names" ctl --socket "$dir/control.sock" "$@"; }
until ctl status >/dev/null 2>&1; do
	kill -0 "$server" 2>/dev/null || { cat "$dir/log"; exit 1; }
	sleep 0.05
done
resident() { awk '/^VmRSS/ { print int($2 / 1024) }' "/proc/$server/status"; }

for transport in udp tcp; do
	"$names" bench --port "$port" --transport $transport --queries "$dir/questions" --rate $((rate / 2)) --time "$((seconds + 2))s" --clients 4 --json @127.0.0.1 >"$dir/$transport" &
	running+=("$!")
done
sleep 1
failures=0
complain() {
	echo "FAILED: $*"
	failures=$((failures + 1))
}
early=
begun=$EPOCHREALTIME
for ((i = 0; i < changes; i++)); do
	kind=$([ $((RANDOM % 2)) = 0 ] && echo valid || echo broken)
	cp "$dir/$kind$((RANDOM % 50))" "$dir/next"
	mv "$dir/next" "$dir/names.toml"
	if ctl reload >"$dir/said" 2>&1; then
		[ "$kind" = valid ] || complain "a broken configuration is taken"
	else
		[ "$kind" = broken ] || complain "a valid configuration is refused: $(cat "$dir/said")"
	fi
	[ "$i" != $((changes / 4)) ] || early=$(resident)
	# The changes are as far apart as lets the last come before the last query.
	sleep "$(awk -v b="$begun" -v n="$EPOCHREALTIME" -v at="$(((i + 1) * (seconds - 1)))" -v c="$changes" 'BEGIN { s = b + at / c - n; print (s > 0 ? s : 0) }')"
done
late=$(resident)
took=$(awk -v b="$begun" -v n="$EPOCHREALTIME" 'BEGIN { printf "%.0f", n - b }')
wait "${running[@]:1}" || complain "names bench has failed"
number() { sed -n "s/.*\"$2\": *\([0-9.]*\).*/\1/p" "$dir/$1" | head -n 1; }
echo "| transport | sent | a second | answered | lost | p50 µs | p99 µs | p99.9 µs |"
echo "|---|---|---|---|---|---|---|---|"
for transport in udp tcp; do
	[ "$(number $transport lost)$(number $transport unfinished)$(number $transport unexpected)" = 000 ] || complain "$transport: $(cat "$dir/$transport")"
	[ "$(number $transport failures || true)" = 0 ] || [ -z "$(number $transport failures)" ] || complain "$transport: $(cat "$dir/$transport")"
	if sed -n '/"rcodes"/,/}/p' "$dir/$transport" | grep -oE '"[A-Z]+"' | grep -qvE 'NOERROR|REFUSED'; then complain "$transport: $(cat "$dir/$transport")"; fi
	sent=$(number $transport sent)
	echo "| $transport | $sent | $(awk -v s="$sent" -v t="$(number $transport seconds)" 'BEGIN { printf "%.0f", s / t }') | $(number $transport answered) | $(number $transport lost) | $(number $transport p50) | $(number $transport p99) | $(number $transport p99.9) |"
done
echo "$changes changes in $took s; $early MiB after a quarter of them, $late MiB at the end"
[ "$late" -le $((early + 16)) ] || complain "memory grows"
[ "$failures" = 0 ]
