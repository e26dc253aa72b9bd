#!/bin/sh
# Builds build/names_VERSION_ARCH.deb and .rpm for this architecture, or for GOARCH.
# nfpm is a tool that Go fetches and builds; nothing of it is in the packages.
set -eu
cd "$(dirname "$0")/.."
nfpm=github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.43.0

ARCH=${GOARCH:-$(go env GOARCH)}
out=build/package
rm -rf $out
mkdir -p $out
CGO_ENABLED=0 GOARCH=$ARCH go build -trimpath -ldflags '-s -w' -o $out/names ./cmd/names
native=$out/native
CGO_ENABLED=0 GOARCH= go build -trimpath -o $native ./cmd/names
VERSION=${VERSION:-$($native version | awk '{print $2}')}
export ARCH VERSION
sed 's,/usr/local/bin/,/usr/bin/,' packaging/systemd/names.service > $out/names.service
cp packaging/names.toml $out/names.toml
$native manual --into $out/man
gzip -9n $out/man/*/*
$native completion bash > $out/names.bash
$native completion zsh > $out/_names
$native completion fish > $out/names.fish
rm $native
for kind in deb rpm; do
	GOARCH= go run $nfpm package --config packaging/nfpm/nfpm.yaml --packager $kind --target build/
done
ls -l build/*.deb build/*.rpm
