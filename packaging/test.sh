#!/bin/bash
# Installs build/names_*.deb on this machine, starts the server as the unit would
# have it started - by hand, since no systemd runs in CI - asks it, reloads it, and
# purges the package. As root on Debian. PORT is a free port.
set -euo pipefail
cd "$(dirname "$0")/.."
deb=$(ls build/names_*_"$(dpkg --print-architecture)".deb)
port=${PORT:-10753}
say() { printf -- '-- %s\n' "$*"; }
fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }
server=
cleanup() {
	[ -z "$server" ] || kill "$server" 2>/dev/null || true
	dpkg --purge names >/dev/null 2>&1 || true
}
trap cleanup EXIT

say "install $deb"
dpkg -i "$deb"
id names >/dev/null || fail "there is no user names"
for file in /usr/bin/names /lib/systemd/system/names.service /etc/names/names.toml /usr/share/bash-completion/completions/names; do
	[ -s $file ] || fail "$file is missing"
done
contents=$(dpkg-deb -c "$deb") # containers leave manual pages out when they install
for file in /usr/share/man/man1/names-serve.1.gz /usr/share/man/man5/names.toml.5.gz /usr/share/zsh/vendor-completions/_names \
	/usr/share/fish/vendor_completions.d/names.fish /usr/share/doc/names/copyright /usr/share/doc/names/grafana/alerts.yml; do
	grep -q "\.$file\$" <<<"$contents" || fail "$file is not in the package"
done
[ "$(dpkg-query -W -f '${Conffiles}' names | awk '{print $1}')" = /etc/names/names.toml ] || fail "names.toml is not a configuration file of the package"
names check --config /etc/names/names.toml
if command -v systemd-analyze >/dev/null; then
	say "systemd-analyze"
	systemd-analyze verify --man=no /lib/systemd/system/names.service
	systemd-analyze security --offline=yes --threshold=30 /lib/systemd/system/names.service | tail -1
fi

say "configure"
mkdir -p /etc/names/conf.d
cat > /etc/names/example.test.zone <<'ZONE'
$ORIGIN example.test.
@   3600 SOA ns hostmaster 1 7200 3600 1209600 3600
@   3600 NS  ns
ns  3600 A   192.0.2.1
ZONE
cat > /etc/names/names.toml <<TOML
[listen]
address = ["127.0.0.1:$port"]
[[zone]]
name = "example.test"
file = "/etc/names/example.test.zone"
[control]
socket = "/run/names/control.sock"
[process]
user = "names"
landlock = true
TOML
names check --config /etc/names/names.toml

say "start, as root, which it does not stay"
install -d -o names -g names /run/names
names serve --config /etc/names/names.toml 2>/tmp/names-package-test.log &
server=$!
for _ in $(seq 100); do names ctl status >/dev/null 2>&1 && break; sleep 0.1; done
names ctl status || { cat /tmp/names-package-test.log; fail "it does not answer"; }
[ "$(awk '/^Uid:/ {print $2 $3 $4 $5}' /proc/$server/status)" = "$(printf '%s' "$(id -u names)"{,,,} | tr -d ' ')" ] || fail "it is not the user names"
[ "$(dig +short @127.0.0.1 -p "$port" ns.example.test)" = 192.0.2.1 ] || fail "dig"

say "reload"
sed -i 's/192.0.2.1/192.0.2.2/; s/hostmaster 1/hostmaster 2/' /etc/names/example.test.zone
names ctl reload
[ "$(dig +short @127.0.0.1 -p "$port" ns.example.test)" = 192.0.2.2 ] || fail "the zone is not reloaded"
kill "$server"; wait "$server" || fail "it does not stop with code 0"
server=

say "purge"
rm -rf /etc/names/conf.d
dpkg --purge names
for file in /usr/bin/names /etc/names /run/names /var/lib/names /lib/systemd/system/names.service; do
	[ ! -e $file ] || fail "$file is left"
done
trap - EXIT
rm -f /tmp/names-package-test.log
say "installed, started, reloaded and purged; no systemd was asked to do it"
