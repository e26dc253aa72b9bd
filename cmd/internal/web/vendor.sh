#!/bin/bash
# Takes uPlot, which draws the charts, from npm into static/uplot: the version below, if
# it is the package of that checksum. For another version: change both lines, run this,
# and look at what changed.
set -euo pipefail
version=1.6.32
sha512=2883159c6ebccefbb95d751b0b82d010f9e1c0ec41b8bc96d401eda66e882935c89a46cb824332fa369b8cb8122cc6ac36e186cd09bf7a9ded3a4c93c6989023

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm pack --silent "uplot@$version" >/dev/null
echo "$sha512  uplot-$version.tgz" | sha512sum --check --quiet
tar xzf "uplot-$version.tgz"
mkdir -p "$here/static/uplot"
cp package/LICENSE package/dist/uPlot.iife.min.js package/dist/uPlot.min.css "$here/static/uplot/"
cd "$here/static/uplot"
sha256sum LICENSE uPlot.iife.min.js uPlot.min.css >SHA256SUMS
echo "uPlot $version is in $here/static/uplot"
