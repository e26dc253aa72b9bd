# shellcheck shell=bash
# What the scripts here have in common. Sourced by them; here is set.

complain() { echo "${0##*/}: $*" >&2; }
wrong() { complain "$*"; exit 2; }

PATH=$PATH:/usr/sbin # of Debian's servers

# need ends the script if a program is not installed.
need() {
	local program
	for program in "$@"; do
		command -v "$program" >/dev/null || { complain "$program is not installed"; exit 1; }
	done
}

# build_tools sets out to the directory for all that is written, and builds
# there what asks, what makes the zones, and the floor. binary is what is
# measured, where the command line names no other.
build_tools() {
	out=${out:-$(mktemp -d /tmp/names-load.XXXXXX)}
	mkdir -p "$out"
	out=$(realpath "$out")
	(cd "$here/../.." && go build -o "$out/generator" ./cmd/names)
	(cd "$here" && go build -o "$out/zonegen" ./zonegen && go build -o "$out/floor" ./floor)
	binary=${binary:-$out/generator}
}

# The servers are on one core, what asks and what a resolver asks on
# another.
server_core=0 asking_core=1
if [ "$(nproc)" -lt 2 ]; then
	complain "one core only: server and generator share it, and the figures say little"
	asking_core=0
fi
port=$((20000 + RANDOM % 10000))

now() { date +%s.%N; }
calculate() { awk "BEGIN { printf \"$1\", $2 }"; }

# await waits for an answer from port $2; it fails when the server that $1
# leads has ended, and after five minutes.
await() {
	local begun
	begun=$(now)
	until taskset -c "$asking_core" dig -r +nocookie @127.0.0.1 -p "$2" "${origins[0]}" SOA +tries=1 +time=1 2>/dev/null | grep -q "status: NOERROR"; do
		if ! kill -0 "$1" 2>/dev/null || [ "$(calculate %d "$(now) - $begun")" -gt 300 ]; then
			return 1
		fi
		sleep 0.01
	done
}

# per_answer is processor time in microseconds: ticks, answers.
per_answer() { calculate %.2f "$2 == 0 ? 0 : $1 * 1000000 / $(getconf CLK_TCK) / $2"; }
