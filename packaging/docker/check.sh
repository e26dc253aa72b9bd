#!/bin/bash
# Does what the image would do, without Docker: a root file system that has the
# binary and the configuration alone, read-only but for /run/names, as user 65532,
# without capabilities; then the health check. As root on Linux.
set -euo pipefail
cd "$(dirname "$0")/../.."
dockerfile=packaging/docker/Dockerfile
for line in 'FROM scratch' 'USER 65532:65532' 'HEALTHCHECK .*"/names", "ctl", "status"' 'ENTRYPOINT \["/names"\]' 'CMD \["serve", "--config", "/etc/names/names.toml"\]'; do
	grep -q "^$line" $dockerfile || { echo "FAILED: no line $line in $dockerfile"; exit 1; }
done
root=$(mktemp -d)
chmod 755 "$root" # the server is another user
trap 'rm -rf "$root"' EXIT
CGO_ENABLED=0 go build -trimpath -o "$root/names" ./cmd/names
mkdir -p "$root/etc/names" "$root/run/names" "$root/tmp"
sed 's/^\[recursion\]/[listen]\naddress = ["127.0.0.1:'"${PORT:-10754}"'"]\n[recursion]/' packaging/docker/names.toml > "$root/etc/names/names.toml"
"$root/names" check --config packaging/docker/names.toml
unshare -m bash -euc '
	root=$1
	mount --bind "$root" "$root"
	mount -t tmpfs -o uid=65532,gid=65532 tmpfs "$root/run/names"
	mount -o remount,bind,ro "$root"
	run() { chroot --userspec=65532:65532 --groups= "$root" "$@"; }
	chroot --userspec=65532:65532 --groups= "$root" /names serve --config /etc/names/names.toml 2>/tmp/names-docker-check.log >/dev/null &
	server=$!
	for _ in $(seq 100); do run /names ctl status >/dev/null 2>&1 && break; sleep 0.1; done
	run /names ctl status
	grep -q "^CapEff:.0*$" /proc/$server/status || { echo "FAILED: it has capabilities"; exit 1; }
	run /names query @127.0.0.1:'"${PORT:-10754}"' version.bind CH TXT +short
	kill $server
	wait $server
' bash "$root" || { cat /tmp/names-docker-check.log; exit 1; }
rm -f /tmp/names-docker-check.log
echo "-- the image would run; test.sh builds it, where Docker or podman is"
