#!/bin/bash
# Boots Debian's systemd in a container of its own (systemd-nspawn, with a network that
# has loopback alone), installs build/names_*.deb there, and has systemd do with the
# server what it does with it on a machine: the commands of docs/first-hour.md, reload,
# crash, watchdog, sockets, log, purge. As root on Debian, after "make package".
#
#   test.sh [ROOT]   ROOT: a Debian root file system with systemd, dbus, dig and curl,
#                    which is copied; without it mmdebstrap makes one
#
# What the machine cannot do is left out, with the reason, and is no failure - unless
# REQUIRED=1.
set -euo pipefail
cd "$(dirname "$0")/../.."
PATH=$PATH:/usr/sbin:/sbin

leave_out() {
	printf -- '-- no systemd is booted here: %s\n' "$*"
	[ -z "${REQUIRED:-}" ] || exit 1
	exit 0
}
[ "$(id -u)" = 0 ] || leave_out "this takes root"
command -v systemd-nspawn >/dev/null || leave_out "systemd-nspawn is not installed (systemd-container)"
deb=$(ls build/names_*_"$(dpkg --print-architecture)".deb 2>/dev/null) || leave_out "no package is built (make package)"

dir=$(mktemp -d /tmp/names-systemd.XXXXXX)
container=
cleanup() {
	if [ -n "$container" ]; then
		kill "$container" 2>/dev/null || true # nspawn tells systemd to power off
		wait "$container" 2>/dev/null || true
	fi
	for tree in /sys/fs/cgroup/unified /sys/fs/cgroup/systemd /sys/fs/cgroup; do
		if [ -d "$tree/names-systemd.$$" ]; then find "$tree/names-systemd.$$" -depth -type d -exec rmdir {} + 2>/dev/null || true; fi
	done
	rm -rf "$dir"
}
trap cleanup EXIT

if [ -n "${1:-}" ]; then
	cp -a "$1" "$dir/root"
else
	command -v mmdebstrap >/dev/null || leave_out "mmdebstrap is not installed, and no root file system is given"
	echo "-- a root file system from Debian's packages"
	# shellcheck source=/dev/null
	suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
	mmdebstrap --quiet --variant=essential --include=systemd,systemd-sysv,dbus,passwd,bind9-dnsutils,curl,procps \
		"$suite" "$dir/root" >"$dir/log" 2>&1 || leave_out "mmdebstrap: $(tail -n 1 "$dir/log")"
fi
mkdir -p "$dir/root/root/build"
cp "$deb" "$dir/root/root/build/"
cp packaging/systemd/in-container.sh packaging/systemd/names.socket docs/first-hour.md "$dir/root/root/"

# A cgroup of our own, so that systemd finds no process there but its own.
(
	for tree in /sys/fs/cgroup/unified /sys/fs/cgroup/systemd /sys/fs/cgroup; do
		if [ -e $tree/cgroup.procs ] && mkdir $tree/names-systemd.$$ 2>/dev/null; then
			echo "$BASHPID" > $tree/names-systemd.$$/cgroup.procs || true
		fi
	done
	exec systemd-nspawn --quiet --register=no --keep-unit --machine="names-$$" --private-network \
		--directory="$dir/root" --console=pipe --boot systemd.unit=multi-user.target >"$dir/log" 2>&1 </dev/null
) &
container=$!
leader=
state=none
for _ in $(seq 600); do
	[ -e /proc/$container ] || break
	leader=$(pgrep -P $container || true)
	state=$(nsenter -t "${leader:-0}" -a systemctl is-system-running 2>/dev/null || true)
	case $state in running | degraded) break ;; esac
	sleep 0.2
done
case $state in
running | degraded) ;;
*) leave_out "systemd-nspawn: systemd is not up (${state:-no state}); $(tail -n 3 "$dir/log" | tr '\n' ' ')" ;;
esac
echo "-- $(nsenter -t "$leader" -a systemctl --version | head -n 1) as process 1 of a container: $state"
nsenter -t "$leader" -a env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 bash /root/in-container.sh
