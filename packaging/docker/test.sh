#!/bin/bash
# Builds the image of packaging/docker/Dockerfile and runs it as its comment says: not
# root, without capabilities, the root file system read-only; asks it; has its health
# check run; reloads and stops it. With Docker if a daemon answers, otherwise with podman
# (as root, storage and network as simple as they come, so that it also works in a
# container or a small virtual machine).
#
# If the image with Go cannot be pulled, one of that name is made of the Go that is
# installed here and busybox, so that the lines of the Dockerfile are still those that run.
#
# What the machine cannot do is left out, with the reason, and is no failure - unless
# REQUIRED=1.
set -euo pipefail
cd "$(dirname "$0")/../.."
PATH=$PATH:/usr/sbin:/sbin
port=${PORT:-10755}

leave_out() {
	printf -- '-- the image is not tried here: %s\n' "$*"
	[ -z "${REQUIRED:-}" ] || exit 1
	exit 0
}
say() { printf -- '-- %s\n' "$*"; }
dir=$(mktemp -d /tmp/names-image.XXXXXX)
container=names-test-$$
engine=()
cleanup() {
	if [ ${#engine[@]} -gt 0 ]; then "${engine[@]}" rm --force "$container" >/dev/null 2>&1 || true; fi
	if [ "${engine[0]:-}" = podman ]; then "${engine[@]}" rmi --all --force >/dev/null 2>&1 || true; fi
	rm -rf "$dir"
}
trap cleanup EXIT
fail() {
	printf 'FAILED: %s\n' "$*" >&2
	"${engine[@]}" logs "$container" >&2 || true
	exit 1
}

build=()
run=(--tmpfs /run/names:uid=65532,gid=65532,mode=0755)
if docker info >/dev/null 2>&1; then
	engine=(docker)
elif command -v podman >/dev/null; then
	[ "$(id -u)" = 0 ] || leave_out "podman takes root here"
	# A store of its own: no image of this machine is touched, and nothing is left.
	storage=vfs
	if grep -q overlay /proc/filesystems; then storage=overlay; fi
	engine=(podman --root "$dir/store" --runroot "$dir/run" --storage-driver $storage --cgroup-manager cgroupfs --events-backend file)
	# crun does not run where cgroups of versions 1 and 2 are mounted at once.
	if command -v runc >/dev/null; then engine+=(--runtime runc); fi
	build=(--format docker --network host) # OCI images have no health check
	# By default podman asks for more than a process without CAP_SYS_RESOURCE may have.
	owner=mode=1777 # podman knows no owner of a tmpfs
	run=(--ulimit "nofile=$(ulimit -Hn):$(ulimit -Hn)" --ulimit nproc=4000:4000)
else
	leave_out "neither a Docker daemon nor podman answers"
fi
go_image=$(sed -n 's/^FROM \(golang:[^ ]*\) AS .*/\1/p' packaging/docker/Dockerfile)
if ! timeout 60 "${engine[@]}" pull "docker.io/library/$go_image" >"$dir/log" 2>&1; then
	say "$go_image cannot be pulled ($(tail -n 1 "$dir/log")): made of this machine's Go"
	[ -x /bin/busybox ] && ! ldd /bin/busybox >/dev/null 2>&1 || leave_out "there is no busybox (busybox-static) to make $go_image of"
	mkdir -p "$dir/go"/{bin,tmp,etc/ssl/certs,root,usr/local}
	cp /bin/busybox "$dir/go/bin/"
	for tool in sh cp mkdir rm ls; do ln -s busybox "$dir/go/bin/$tool"; done
	# Debian's busybox has no install.
	printf '#!/bin/sh\n[ "$1 $2 $3" = "-d -m 755" ] && shift 3 && mkdir -p -m 755 "$@"\n' >"$dir/go/bin/install"
	chmod 755 "$dir/go/bin/install"
	cp -a "$(go env GOROOT)" "$dir/go/usr/local/go"
	cp /etc/ssl/certs/ca-certificates.crt "$dir/go/etc/ssl/certs/" 2>/dev/null || true
	tar -C "$dir/go" -c . | "${engine[@]}" import --change 'ENV PATH=/usr/local/go/bin:/bin' --change 'ENV GOTOOLCHAIN=local' \
		--change 'ENV GOMODCACHE=/cache/modules' --change 'ENV GOCACHE=/cache/builds' --change "ENV GOPROXY=$(go env GOPROXY)" - "docker.io/library/$go_image" >"$dir/log" 2>&1 ||
		leave_out "import: $(tail -n 1 "$dir/log")"
	rm -rf "$dir/go"
	if [ "${engine[0]}" = podman ]; then
		# What there is of modules and builds need not be fetched or built again.
		build+=(--volume "$(go env GOMODCACHE):/cache/modules" --volume "$(go env GOCACHE):/cache/builds")
	fi
fi

say "${engine[0]} build"
git ls-files -z | tar --null -T - -c | (mkdir "$dir/source" && tar -x -C "$dir/source")
if ! "${engine[@]}" build "${build[@]}" -f packaging/docker/Dockerfile -t names-test "$dir/source" >"$dir/log" 2>&1; then
	tail -n 5 "$dir/log" >&2
	fail "the image is not built"
fi
"${engine[@]}" image inspect --format 'user {{.Config.User}}, entry {{.Config.Entrypoint}}, command {{.Config.Cmd}}' names-test
[ "$("${engine[@]}" image inspect --format '{{.Config.User}}' names-test)" = 65532:65532 ] || fail "it is not the user 65532"

say "${engine[0]} run"
mkdir "$dir/etc"
printf '$TTL 300\n@ SOA ns hostmaster 1 7200 3600 1209600 3600\n@ NS ns\nns A 192.0.2.1\n' > "$dir/etc/example.test.zone"
cat > "$dir/etc/names.toml" <<TOML
[listen]
address = ["127.0.0.1:$port"]
[[zone]]
name = "example.test"
file = "/etc/names/example.test.zone"
[control]
socket = "/run/names/control.sock"
TOML
chmod -R a+rX "$dir/etc"
chmod 755 "$dir"
if ! "${engine[@]}" run "${run[@]}" --detach --name "$container" --network host --read-only --cap-drop ALL --security-opt no-new-privileges \
	-v "$dir/etc:/etc/names:ro" names-test >"$dir/log" 2>&1; then
	leave_out "it is built, but ${engine[0]} does not run it: $(tail -n 1 "$dir/log")"
fi
inside() { "${engine[@]}" exec "$container" "$@"; }
for _ in $(seq 300); do
	if inside /names ctl status >/dev/null 2>&1; then break; fi
	[ "$("${engine[@]}" inspect --format '{{.State.Status}}' "$container")" = running ] || fail "it has ended"
	sleep 0.2
done
inside /names ctl status || fail "it does not answer"
[ "$(dig +short @127.0.0.1 -p "$port" ns.example.test)" = 192.0.2.1 ] || fail "dig"
pid=$("${engine[@]}" inspect --format '{{.State.Pid}}' "$container")
awk '/^Uid:/ && $2 != 65532 { print "user " $2; bad = 1 }
	/^Cap(Eff|Bnd|Prm):/ && $2 != "0000000000000000" { print $1 " " $2; bad = 1 }
	/^NoNewPrivs:/ && $2 != 1 { print "it may get privileges"; bad = 1 }
	END { exit bad }' "/proc/$pid/status" || fail "it may do more than it needs"
say "user 65532, no capability, no new privileges, the root file system $(awk '$2 == "/" { print substr($4, 1, 2) }' "/proc/$pid/mounts")"
awk '$2 == "/" && $4 !~ /^ro/ { exit 1 }' "/proc/$pid/mounts" || fail "its root file system can be written to"

say "health check"
if [ "${engine[0]}" = podman ]; then
	"${engine[@]}" healthcheck run "$container" || fail "it is not healthy"
else
	for _ in $(seq 60); do
		if [ "$(docker inspect --format '{{.State.Health.Status}}' "$container")" = healthy ]; then break; fi
		sleep 1
	done
	[ "$(docker inspect --format '{{.State.Health.Status}}' "$container")" = healthy ] || fail "it is not healthy"
fi

say "reload and stop"
sed -i 's/192.0.2.1$/192.0.2.2/; s/hostmaster 1 /hostmaster 2 /' "$dir/etc/example.test.zone"
inside /names ctl reload || fail "reload"
[ "$(dig +short @127.0.0.1 -p "$port" ns.example.test)" = 192.0.2.2 ] || fail "the zone is not reloaded"
"${engine[@]}" stop --time 20 "$container" >/dev/null 2>"$dir/log" || fail "stop: $(tail -n 1 "$dir/log")"
[ "$("${engine[@]}" inspect --format '{{.State.ExitCode}}' "$container")" = 0 ] || fail "it does not stop with code 0"
say "built, run, asked, reloaded and stopped with ${engine[0]}"
