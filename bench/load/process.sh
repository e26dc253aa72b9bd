# shellcheck shell=bash
# Processes: started, ended and measured by the session that each server has
# to itself. Sourced by run.sh.

# session_pids lists the processes of the session that $1 leads, forks and all.
session_pids() {
	local leader=$1 stat line rest
	for stat in /proc/[0-9]*/stat; do
		{ read -r line <"$stat"; } 2>/dev/null || continue
		rest=${line##*) } # the name of a program may hold spaces
		# shellcheck disable=SC2086
		set -- $rest # state ppid pgrp session ...
		[ "$4" = "$leader" ] && [ "$1" != Z ] && echo "${line%% *}"
	done
	return 0
}

# start runs the array command on core $1, prints into $2, and sets leader.
start() {
	local core=$1 log=$2
	(
		[ -z "${stack_kib:-}" ] || ulimit -S -s "$stack_kib"
		exec setsid taskset -c "$core" "${command[@]}"
	) >"$log" 2>&1 &
	leader=$!
	running+=("$leader")
}
running=()

# stop ends the session that $1 leads, and nothing else.
stop() {
	local leader=$1 pids left=()
	pids=$(session_pids "$leader")
	# shellcheck disable=SC2086
	[ -z "$pids" ] || kill $pids 2>/dev/null || true
	for _ in $(seq 100); do
		[ -n "$(session_pids "$leader")" ] || break
		sleep 0.1
	done
	pids=$(session_pids "$leader")
	# shellcheck disable=SC2086
	[ -z "$pids" ] || kill -9 $pids 2>/dev/null || true
	wait "$leader" 2>/dev/null || true
	for pid in "${running[@]}"; do [ "$pid" = "$leader" ] || left+=("$pid"); done
	running=("${left[@]}")
}

stop_all() {
	local pid
	for pid in "${running[@]}"; do stop "$pid"; done
}

# cpu_ticks is the user and system time of the session, in clock ticks.
cpu_ticks() {
	local pid line total=0
	for pid in $(session_pids "$1"); do
		{ read -r line <"/proc/$pid/stat"; } 2>/dev/null || continue
		# shellcheck disable=SC2086
		set -- ${line##*) }
		total=$((total + ${12} + ${13}))
	done
	echo "$total"
}

# strays prints how many threads of the session may run on another core than $2.
strays() {
	local pid count=0
	for pid in $(session_pids "$1"); do
		count=$((count + $(cat "/proc/$pid"/task/*/status 2>/dev/null | awk -v core="$2" '$1 == "Cpus_allowed_list:" && $2 != core' | wc -l)))
	done
	echo "$count"
}

# memory_kib is its memory: pages that processes share count once in all.
memory_kib() {
	local pid kib total=0
	for pid in $(session_pids "$1"); do
		kib=$(awk '/^Pss:/ { print $2 }' "/proc/$pid/smaps_rollup" 2>/dev/null || true)
		total=$((total + ${kib:-0}))
	done
	echo "$total"
}
