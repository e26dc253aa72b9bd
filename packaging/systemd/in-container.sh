#!/bin/bash
# The part of test.sh that runs in the container, where systemd is process 1.
set -euo pipefail
cd /root
say() { printf -- '-- %s\n' "$*"; }
fail() {
	printf 'FAILED: %s\n' "$*" >&2
	systemctl --no-pager --full status names >&2 || true
	journalctl --no-pager -n 40 -u names >&2 || true
	exit 1
}
shown() { systemctl show --value -p "$1" "${2:-names}"; }
# eventually WHAT COMMAND...: what systemd does takes it a moment.
eventually() {
	local what=$1
	shift
	for _ in $(seq 600); do
		if "$@" >/dev/null 2>&1; then return; fi
		sleep 0.1
	done
	fail "$what"
}
ask() { dig +short +tries=1 +time=10 @127.0.0.1 "${1:-www.example.org}" ${2:-}; }
restarted() { [ "$(shown NRestarts)" -gt "$1" ] && [ "$(shown ActiveState)" = active ]; }
# priorities prints the priorities of what the journal has from the server.
priorities() { journalctl -u names -o json --output-fields=PRIORITY,MESSAGE _COMM=names | sed 's/.*"PRIORITY":"\([0-9]\)".*/\1/' | sort | uniq -c; }

say "the commands of first-hour.md, with those that need systemd"
sudo() { "$@"; }
make() { :; } # test.sh was given the package
awk '/^```sh$/ { code = 1; next } /^```$/ { code = 0 } code' first-hour.md > commands
[ "$(grep -c . commands)" -gt 40 ] || fail "first-hour.md has no commands"
set +e
( set -e; . ./commands ) > said 2>&1
[ $? = 0 ] || { cat said; fail "a command of first-hour.md"; }
set -e
grep -qx 192.0.2.2 said && grep -qx 192.0.2.3 said && grep -q '<title>names</title>' said && grep -q '^refused' said || { cat said; fail "they do not say what the page says"; }
say "$(grep -c . commands) lines of commands run"

say "systemd-analyze"
systemd-analyze verify --man=no names.service
systemd-analyze security --threshold=20 names.service | tail -n 1

say "the process"
[ "$(shown Type)" = notify ] && [ "$(shown ActiveState)/$(shown SubState)" = active/running ] || fail "it is not up"
say "status: $(shown StatusText)"
[ -n "$(shown StatusText)" ] || fail "it has no status"
pid=$(shown MainPID)
awk -v uid="$(id -u names)" '
	/^Uid:/ && ($2 != uid || $3 != uid || $4 != uid) { print "not the user names"; bad = 1 }
	/^CapEff:/ && $2 != "0000000000000400" { print "capabilities " $2; bad = 1 }
	/^CapBnd:/ && $2 != "0000000000000400" { print "bounding set " $2; bad = 1 }
	/^NoNewPrivs:/ && $2 != 1 { print "it may get privileges"; bad = 1 }
	/^Seccomp:/ && $2 != 2 { print "it has no system call filter"; bad = 1 }
	END { exit bad }' "/proc/$pid/status" || fail "it may do more than the unit says"
say "user names, CAP_NET_BIND_SERVICE alone, no new privileges, a system call filter, $(awk '/open files/ { print $4 }' "/proc/$pid/limits") files"
if nsenter -t "$pid" -m touch /etc/hosts.new 2>/dev/null; then fail "it could write to /etc"; fi

say "reload: systemctl waits for it, and fails with the reason"
sed -i 's/hostmaster [0-9]* /hostmaster 7 /; s/^www .*/www A 192.0.2.77/' /etc/names/example.org.zone
systemctl reload names
[ "$(ask)" = 192.0.2.77 ] || fail "the zone is the old one after the reload"
echo 'port = "53"' >> /etc/names/names.toml
if systemctl reload names 2>/dev/null; then fail "a broken configuration is reloaded"; fi
eventually "the journal has no reason" sh -c "journalctl -u names | grep -q 'names.toml:[0-9]*:[0-9]*: '"
sed -i '$d' /etc/names/names.toml
[ "$(shown ActiveState)" = active ] && [ "$(shown MainPID)" = "$pid" ] && [ "$(ask)" = 192.0.2.77 ] || fail "it does not go on after a broken configuration"
systemctl reload names
kill -HUP "$pid"
eventually "SIGHUP ends the service" test "$(shown MainPID)" = "$pid"

say "crash: systemd starts it again"
before=$(shown NRestarts)
kill -KILL "$pid"
eventually "it is not started again" restarted "$before"
[ "$(ask)" = 192.0.2.77 ] || fail "it does not answer after a crash"

say "watchdog: a process that hangs is ended and started again"
mkdir -p /etc/systemd/system/names.service.d
printf '[Service]\nWatchdogSec=10\nTimeoutAbortSec=5\n' > /etc/systemd/system/names.service.d/test.conf
systemctl daemon-reload
systemctl restart names
before=$(shown NRestarts)
pid=$(shown MainPID)
sleep 12 # more than an interval
[ "$(shown NRestarts)" = "$before" ] && [ "$(shown MainPID)" = "$pid" ] || fail "the watchdog ends a server that is well"
kill -STOP "$pid"
eventually "the watchdog does not see that it hangs" restarted "$before"
eventually "it was not the watchdog" sh -c "journalctl -u names | grep 'Watchdog timeout'"
[ "$(ask)" = 192.0.2.77 ] || fail "it does not answer after the watchdog"
rm /etc/systemd/system/names.service.d/test.conf
systemctl daemon-reload

say "the journal: each line has its level"
names ctl log queries all
ask ns.example.org >/dev/null
names ctl log queries off
eventually "no line is a warning or error" sh -c "journalctl -u names -p warning _COMM=names | grep -q ."
[ "$(journalctl -u names -p info..info _COMM=names -o cat | wc -l)" -gt 3 ] || fail "no line is information"
priorities

say "the query log: a file that is moved away, and the journal's fields"
log=/var/log/names/queries.log
printf '[query-log]\nwhich = "all"\nto = "%s"\n' $log >> /etc/names/names.toml
systemctl reload names || fail "the query log cannot be a file"
ask ns.example.org >/dev/null
eventually "$log has no line" grep -q ns.example.org $log
mv $log $log.1
systemctl kill --signal=USR1 names
eventually "$log is not opened again" test -e $log
ask www.example.org >/dev/null
eventually "$log has no line after SIGUSR1" grep -q www.example.org $log
sed -i 's,^to = .*,to = "journald",' /etc/names/names.toml
systemctl reload names
ask ns.example.org >/dev/null
eventually "the journal has no fields of a query" sh -c "journalctl -o json NAMES_NAME=ns.example.org. NAMES_RCODE=NOERROR | grep '\"PRIORITY\":\"6\"'"
sed -i '/^\[query-log\]/,$d' /etc/names/names.toml
systemctl reload names

say "sockets: systemd has them, and queries wait in them while the server restarts"
systemctl stop names
[ "$(shown Result)" = success ] || fail "it is stopped with $(shown Result)"
[ -e /lib/systemd/system/names.socket ] || fail "names.socket is not in the package"
printf '[Unit]\nRequires=names.socket\nAfter=names.socket\n[Service]\nCapabilityBoundingSet=\nAmbientCapabilities=\n' > /etc/systemd/system/names.service.d/socket.conf
sed -i '/^address = /d' /etc/names/names.toml
systemctl daemon-reload
systemctl start names.socket
[ "$(shown ActiveState)" = inactive ] || fail "the socket starts the server before it is asked"
[ "$(ask)" = 192.0.2.77 ] || fail "a query does not start the server"
[ "$(ask www.example.org +tcp)" = 192.0.2.77 ] || fail "no answer over TCP"
[ "$(awk '/^CapEff/ { print $2 }' "/proc/$(shown MainPID)/status")" = 0000000000000000 ] || fail "it has capabilities"
names ctl status | sed -n '1,4p'
for i in $(seq 20); do
	dig +short +tries=1 +time=30 @127.0.0.1 www.example.org >> answers &
done
systemctl restart names
for i in $(seq 20); do
	dig +short +tries=1 +time=30 @127.0.0.1 www.example.org >> answers &
done
wait
[ "$(grep -cx 192.0.2.77 answers)" = 40 ] || { sort answers | uniq -c; fail "a query was lost while it restarted"; }
say "40 queries, one try each, during a restart: none lost"
systemctl stop names.socket names

say "purge, while it runs"
systemctl start names
rm -rf /etc/systemd/system/names.service.d/
dpkg --purge names
[ "$(systemctl is-active names || true)" = inactive ] || fail "it runs after the purge"
for file in /usr/bin/names /etc/names /run/names /var/lib/names /var/log/names /lib/systemd/system/names.service /etc/systemd/system/multi-user.target.wants/names.service; do
	[ ! -e $file ] || fail "$file is left"
done
say "systemd has installed, started, reloaded, restarted, watched and purged it"
